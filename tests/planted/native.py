"""Build the compiled kernels with one C++ file changed, into a folder of their own, each file once.

Called for entries that say ``build = "tests/planted/native.py:build"``. Objects are kept by the digest of what they are
made of, so that a change of one file compiles that file alone, for each instruction set.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shlex
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KEPT = Path(".claimbench/planted")
NATIVE = Path("kernels/native")
_INCLUDED = re.compile(r'^#include "(.+)"', re.MULTILINE)
#: Where the loader looks; a folder without sources is one of which the library need not be the latest build.
_LOADER, _FOLDER = Path("kernels/native.py"), "_FOLDER = Path(__file__).parent\n"
_LOCK = threading.Lock()


def build(root: Path, file: str, text: str) -> dict[str, str]:
    """What to read ``kernels/native.py`` as, so that the libraries of the changed sources are loaded.

    Args:
        root: of the repository.
        file: the C++ file that is changed, from there.
        text: what it says.

    Raises:
        subprocess.CalledProcessError: the compiler refuses it.
    """
    every, machines = _recipe(root)
    compiler = shlex.split(os.environ.get("CXX", "g++"))
    sources = {path.name: path.read_text(encoding="utf-8") for path in (root / NATIVE).glob("*.*")}
    sources[Path(file).name] = text
    content = hashlib.sha256(repr(sorted(sources.items())).encode()).hexdigest()[:24]
    folder = (root / KEPT / content).resolve()
    with _LOCK:  # who compiles uses a core, and two that want one object would both make it
        for name, machine in machines.items():
            library = folder / f"_native_{name}.so"
            if not library.is_file():
                folder.mkdir(parents=True, exist_ok=True)
                _link(root, sources, compiler, [*every.split(), *machine.split()], library)
    loader = (root / _LOADER).read_text(encoding="utf-8")
    assert loader.count(_FOLDER) == 1
    return {str(_LOADER): loader.replace(_FOLDER, f"_FOLDER = Path({str(folder)!r})\n")}


def _recipe(root: Path) -> tuple[str, dict[str, str]]:
    """Flags, and those of each instruction set, as setup.py has them; running it would build."""
    tree = ast.parse((root / "setup.py").read_text(encoding="utf-8"))
    wanted = ("WARNINGS", "FLAGS", "MACHINE")
    kept = [node for node in tree.body if isinstance(node, ast.Assign) and _name(node) in wanted]
    found: dict[str, Any] = {}
    exec(compile(ast.Module(kept, []), "setup.py", "exec"), found)
    return found["FLAGS"], found["MACHINE"]


def _name(node: ast.Assign) -> str:
    target = node.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _link(root: Path, sources: Mapping[str, str], compiler: list[str], flags: list[str], library: Path) -> None:
    objects = [_object(root, name, sources, compiler, flags) for name in sorted(sources) if name.endswith(".cpp")]
    part = library.with_suffix(".part")
    subprocess.run([*compiler, *flags, *map(str, objects), "-o", str(part)], check=True, capture_output=True)
    part.replace(library)


def _object(root: Path, name: str, sources: Mapping[str, str], compiler: list[str], flags: list[str]) -> Path:
    """The object of one file, compiled if nobody has."""
    used = sorted(_used(name, sources))
    content = repr(([(each, sources[each]) for each in used], compiler, flags))
    made = (root / KEPT / "objects" / f"{hashlib.sha256(content.encode()).hexdigest()[:24]}.o").resolve()
    if not made.is_file():
        folder = made.with_suffix("")
        folder.mkdir(parents=True, exist_ok=True)
        for each in used:
            (folder / each).write_text(sources[each], encoding="utf-8")
        part = folder / "part.o"
        compiling = [flag for flag in flags if flag != "-shared"]
        command = [*compiler, *compiling, '-DSOURCE_DIGEST="planted"', "-c", str(folder / name), "-o", str(part)]
        subprocess.run(command, check=True, capture_output=True)
        part.replace(made)
    return made


def _used(name: str, sources: Mapping[str, str]) -> set[str]:
    """A file and what it includes of ours."""
    found, new = set(), {name}
    while new:
        found |= new
        new = {each for used in new for each in _INCLUDED.findall(sources[used]) if each in sources} - found
    return found
