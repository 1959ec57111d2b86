"""A commit's files in a folder of their own, with its compiled kernels, to be measured beside the working tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "build" / "bench-gate"
_NATIVE = "kernels/native"


class NoTree(Exception):
    """Why a commit cannot be measured."""

    status = 2


def tree_of(revision: str) -> Path:
    """The folder of a revision, made once for each commit.

    Raises:
        NoTree: it is no commit of this repository, or one without what a measurement needs.
    """
    commit = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
    target = FOLDER / commit
    if target.is_dir():
        return target
    if not _git("ls-tree", commit, "--", "src/claims/kernels"):
        raise NoTree(f"{revision} ({commit[:12]}) has no src/claims/kernels to be measured")
    FOLDER.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f"{commit[:12]}-", dir=FOLDER))
    try:
        with tarfile.open(fileobj=BytesIO(_git("archive", commit))) as files:
            files.extractall(making, filter="data")
        _build(making, commit)
        making.replace(target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return target


def _build(tree: Path, commit: str) -> None:
    """Compile its kernels; where the sources are those of the working tree, its libraries are taken."""
    changed = subprocess.run(["git", "-C", ROOT, "diff", "--quiet", commit, "--", _NATIVE, "setup.py"], check=False)
    libraries = sorted((ROOT / "kernels").glob("_native_*.so"))
    if changed.returncode == 0 and libraries:
        for library in libraries:
            shutil.copy2(library, tree / "kernels")
        return
    command = [sys.executable, "setup.py", "build_ext", "--inplace"]
    built = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True, env=dict(os.environ))
    if built.returncode:
        raise NoTree(f"the kernels of {commit[:12]} do not build:\n{built.stderr[-2000:]}")


def _git(*arguments: str) -> bytes:
    finished = subprocess.run(["git", "-C", str(ROOT), *arguments], check=False, capture_output=True)
    if finished.returncode:
        words = (
            finished.stderr.decode(errors="replace").strip() or "no commit of this repository (a shallow clone has few)"
        )
        raise NoTree(f"git {arguments[0]} of {arguments[-1]}: {words}")
    return finished.stdout
