"""A revision of a git repository: its tree in a temporary folder, what its claims declare, and its results.

Code of the revision runs in a child process alone; what comes back is data, and is checked like a file from elsewhere.
The repository is only read: ``git archive`` writes the tree.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.comparing import declarations
from claims.errors import BadOption, InvalidResult, RevisionError
from claims.report.document import load_result
from claims.toml import parse

#: Where the results of a revision are kept, beside a ``pyproject.toml``.
RESULTS = "results"
#: Seconds for declaring all claims of a revision.
_PATIENCE = 300
#: Folders below which no pack is looked for: what they hold is not installed.
_ASIDE = frozenset({"tests", "test", "node_modules", "build", "dist", ".git"})


@dataclass(frozen=True, slots=True)
class Revision:
    """What a revision says.

    Attributes:
        commit: its full name.
        claims: rows of declarations, as :mod:`claims.comparing.declarations` writes them.
        codes: fingerprint of what each experiment runs.
        results: result documents that the revision keeps, by their file.
        notes: in words, what could not be read.
    """

    commit: str
    claims: tuple[dict[str, Any], ...]
    codes: Mapping[str, str]
    results: Mapping[str, dict[str, Any]]
    notes: tuple[str, ...]


def commit_of(name: str) -> str | None:
    """The commit that a name stands for in the repository around the working folder; None if there is none."""
    found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return None if found is None else found.decode().strip() or None


def read_revision(commit: str, files: Sequence[Path] = ()) -> Revision:
    """Check a commit out into a temporary folder and read it.

    Args:
        commit: its full name.
        files: claim files of the working folder, read as they were then; none stands for the tree's packs and, where it
            has none, for its ``claims_*.py``.

    Raises:
        RevisionError: git gives no tree, or the child process ends without an answer.
    """
    top = _git("rev-parse", "--show-toplevel")
    root = Path(top.decode().rstrip("\n")) if top is not None else Path()
    with tempfile.TemporaryDirectory(prefix="claimbench-") as folder:
        tree = Path(folder) / "tree"
        _unpack(commit, root, tree)
        projects = list(_projects(tree))
        wanted = [_inside(file, root) for file in files]
        absent = [file for file in wanted if not (tree / file).is_file()]
        there = [file for file in wanted if file not in absent]
        try:
            answer = _declared(tree, projects, there, Path(folder), wanted == [])
        except RevisionError as error:
            raise RevisionError(f"{commit[:12]}: {error}") from None
        results, notes = _results(tree, [tree, *projects])
    lacking = [f"{file} is not in it" for file in absent]
    return Revision(commit, tuple(answer["claims"]), answer["codes"], results, (*lacking, *answer["notes"], *notes))


def _git(*words: str, cwd: Path | None = None) -> bytes | None:
    """What git prints; None if it fails, or is not there."""
    try:
        done = subprocess.run(["git", *words], cwd=cwd, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def _unpack(commit: str, root: Path, tree: Path) -> None:
    archive = _git("archive", "--format=tar", f"{commit}^{{tree}}", cwd=root)
    if archive is None:
        raise RevisionError(f"{commit[:12]}: git archive gives no tree")
    tree.mkdir()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as opened:
        opened.extraction_filter = _inside_alone
        opened.extractall(tree)


def _inside_alone(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    """A member that stays inside the folder; links out of it are left out, nothing of a claim is behind them."""
    data_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4
    if data_filter is None:
        return None if member.issym() and ".." in Path(member.linkname).parts else member
    try:
        kept: tarfile.TarInfo | None = data_filter(member, path)
    except tarfile.FilterError:
        return None
    return kept


def _inside(file: Path, root: Path) -> Path:
    """A file of the working folder by its place in the repository."""
    try:
        return file.resolve().relative_to(root.resolve())
    except ValueError:
        raise BadOption("FILE.py", str(file), f"a claim file of the repository {root}") from None


def _projects(tree: Path) -> Iterable[Path]:
    """Folders with a ``pyproject.toml``, the outermost first."""
    found = (path.relative_to(tree) for path in tree.rglob("pyproject.toml") if path.is_file())
    wanted = sorted((path for path in found if not _ASIDE & set(path.parts)), key=lambda path: (len(path.parts), path))
    return (tree / path.parent for path in wanted)


def _packs(project: Path) -> list[str]:
    """The packs that a project installs."""
    try:
        table = parse((project / "pyproject.toml").read_text(encoding="utf-8"))
        points = table.get("project", {}).get("entry-points", {}).get("claims.packs", {})
        return [value for value in points.values() if isinstance(value, str)]
    except (OSError, ValueError, AttributeError):  # not this project's business: it declares no pack that can be read
        return []


def _declared(tree: Path, projects: Sequence[Path], files: list[Path], folder: Path, whole: bool) -> dict[str, Any]:
    """What the child process answers."""
    packs = [pack for project in projects for pack in _packs(project)] if whole else []
    if whole and not packs:
        files = sorted(path.relative_to(tree) for path in tree.rglob("claims_*.py") if path.is_file())
    sources = (project / "src" for project in projects or [tree])
    paths = [str(path if path.is_dir() else path.parent) for path in sources]
    request, answer = folder / "request.json", folder / "answer.json"
    asked = {"tree": str(tree), "paths": paths, "packs": packs, "files": list(map(str, files)), "answer": str(answer)}
    request.write_text(json.dumps(asked), encoding="utf-8")
    program = folder / "declarations.py"
    program.write_bytes(Path(declarations.__file__).read_bytes())  # alone: nothing beside it can be imported by it
    said = _run(program, request, paths, tree)
    try:
        return _checked(json.loads(answer.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RevisionError(f"its claims cannot be read: {said or error}") from None


def _run(program: Path, request: Path, paths: Sequence[str], tree: Path) -> str:
    """Run the program in a process of its own; the last line that it said, if it failed."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [sys.executable, str(program), str(request)],
            cwd=tree,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"declaring them takes more than {_PATIENCE} s"
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return f"status {done.returncode}: {lines[-1] if lines else 'nothing said'}"[:500] if done.returncode else ""


def _checked(answer: Any) -> dict[str, Any]:
    """The answer, whose parts are of the types that they should be: code of the revision has written it."""
    claims, codes, notes = answer["claims"], answer["codes"], answer["notes"]
    texts = (*codes, *codes.values(), *notes, *(claim["id"] for claim in claims))
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("an answer of other types")
    return {"claims": claims, "codes": codes, "notes": notes}


def _results(tree: Path, folders: Iterable[Path]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """The results that the revision keeps, by their place in it, and what of them is none."""
    found: dict[str, dict[str, Any]] = {}
    notes = []
    for path in (file for folder in dict.fromkeys(folders) for file in sorted((folder / RESULTS).glob("*.json"))):
        name = path.relative_to(tree).as_posix()
        try:
            found[name] = load_result(path)
        except InvalidResult as error:
            notes.append(str(error).replace(str(path), name))
    return found, notes
