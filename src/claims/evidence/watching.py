"""Watching what an experiment reads while it runs: files, folders and variables that its key does not know are errors.

Python says what it opens (an audit hook), in the thread that measures and while it measures. What passes: the standard
library, installed packages and the caches that they keep under their own names, what the system tells (``/proc``,
``/sys``, ``/dev``), what the experiment itself made, the harness's own files, modules that the key knows, and variables
that say where things are rather than what they are. What native code opens by itself, Python does not hear of.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

from claims.errors import MeasurementError
from claims.evidence.bytecode import none_older
from claims.evidence.inputs import CODE, Inputs, inside
from claims.evidence.releases import installed_files

_SYSTEM = ("/proc", "/sys", "/dev", "/usr/share/zoneinfo")
_STANDARD = tuple(sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}))
#: Modules of the standard library that look at source text for people or tools to read, and Python's import.
_READS_SOURCE = ("linecache.py", "inspect.py", "tokenize.py", "traceback.py")
_IMPORT = "<frozen importlib"
#: What asks for versions of what is installed, which looks everywhere on the path.
_METADATA = os.path.join("importlib", "metadata", "")
#: Parts of the project that read what an experiment gives them; the rest of it opens files for itself.
_GIVEN = ("claims.papers.", "claims.models.")
#: Variables that say where things are, ours among them, and those of languages and of Python.
VARIABLES = frozenset({"CLAIMBENCH_CACHE"}) | frozenset(
    {"HOME", "USER", "LOGNAME", "PATH", "TMPDIR", "TEMP", "TMP", "TZ", "LANG", "LANGUAGE", "TERM", "COLUMNS", "LINES"}
)
_FAMILIES = ("LC_", "XDG_", "PYTHON")
_OPENED = frozenset({"open", "os.listdir", "os.scandir", "sqlite3.connect"})
#: What makes a file or folder, and which of its arguments names that.
_MADE = {"tempfile.mkdtemp": 0, "tempfile.mkstemp": 0, "os.mkdir": 0, "os.rename": 1, "shutil.copyfile": 1}


@dataclass(slots=True)
class _Watch:
    """One call of an experiment; with no inputs, an import, whose reading is noted for the module that does it."""

    inputs: Inputs | None
    made: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)
    raises: bool = True

    def passes(self, path: str) -> bool:
        """Whether reading a path says nothing about the experiment: the system's, the libraries', its own."""
        if any(inside(path, place) for place in (*_SYSTEM, *_STANDARD, *self.made)):
            return True
        own = self.inputs.installed if self.inputs is not None else ()
        return installed_files(Path(path)) and not any(inside(path, folder) for folder in own)

    def found(self, name: str, frame: FrameType | None) -> None:
        if self.inputs is None:
            _at_import.setdefault(_running_module(frame), set()).add(name)
        elif not self.inputs.knows(name):
            self.refused.append(self.inputs.refusal(name))
            if self.raises:
                raise MeasurementError(self.refused[-1])


_here = threading.local()
#: What modules read while they were imported: module -> paths and variables.
_at_import: dict[str, set[str]] = {}
_installed: list[bool] = []


@contextmanager
def running(inputs: Inputs) -> Iterator[None]:
    """Watch what an experiment reads.

    Raises:
        MeasurementError: at the first thing that it may not read, or at the end if the experiment went on all the same.
    """
    watch = _Watch(inputs)
    with _watched(watch):
        yield
    if watch.refused:
        raise MeasurementError(watch.refused[0])


@contextmanager
def noting(inputs: Inputs) -> Iterator[list[str]]:
    """Note what is read that the inputs do not know, in words, and let it be read."""
    watch = _Watch(inputs, raises=False)
    with _watched(watch):
        yield watch.refused


@contextmanager
def importing() -> Iterator[None]:
    """Note what modules read while they are imported; within an experiment it is the experiment that reads."""
    with nullcontext() if getattr(_here, "watch", None) is not None else _watched(_Watch(None)):
        yield


def read_at_import(inputs: Inputs) -> str:
    """What the first of their modules read when it was imported and the inputs do not know, in words; or nothing."""
    for module in sorted(inputs.modules):
        for found in sorted(_at_import.get(module, ())):
            if not inputs.knows(found):
                return f"its module {module} {inputs.refusal(found)}"
    return ""


@contextmanager
def _watched(watch: _Watch) -> Iterator[None]:
    if not _installed:
        _installed.append(True)
        sys.addaudithook(_heard)
        _watch_variables()
    before = getattr(_here, "watch", None)
    _here.watch = watch
    try:
        with none_older():
            yield
    finally:
        _here.watch = before


def _heard(event: str, args: tuple[Any, ...]) -> None:
    """The audit hook: it is called for everything that Python reports, in every thread, until the process ends."""
    if event not in _OPENED and event not in _MADE:
        return
    watch: _Watch | None = getattr(_here, "watch", None)
    given = args[_MADE.get(event, 0)]
    if watch is None or isinstance(given, int):  # a file that is open already
        return
    _here.watch = None  # what is looked at here is nobody's
    try:
        path = os.path.abspath(os.fsdecode(given or "."))
        if event in _MADE or (event == "open" and _writes(args)):
            watch.made.add(path)
        elif not (watch.passes(path) or _within_folder(event, args, path)):
            _opened(watch, path, listed=event in ("os.listdir", "os.scandir"))
    finally:
        _here.watch = watch


def _opened(watch: _Watch, path: str, *, listed: bool) -> None:
    code = path.endswith(CODE)
    frame, reader = _reader(sys._getframe(2), imports=code or listed or path in sys.path)
    if reader == _IMPORT:
        if code and watch.inputs is not None:
            source = _source(path)
            if not inside(source, _OWN):
                watch.found(source, frame)
        return
    name = frame.f_globals.get("__name__", "") if frame is not None else ""
    absent = not os.path.lexists(path) and frame is not None and _trusted(frame)
    if absent or _is_placeholder(path) or reader == _METADATA:
        return  # where a compiler or a library looks for what may not be there
    if _is_harness(name) or (reader in _READS_SOURCE and path.endswith(".py")) or _own_cache(path, frame):
        return
    watch.found(path, frame)


def _source(path: str) -> str:
    """The file of which code that is kept compiled was made; pytest, which rewrites it, has names of its own for it."""
    folder, name = os.path.split(path)
    if os.path.basename(folder) != "__pycache__":
        return path
    return os.path.join(os.path.dirname(folder), name.partition(".")[0] + ".py")


def _within_folder(event: str, args: tuple[Any, ...], path: str) -> bool:
    """Whether ``os.open`` was given a name within a folder that is open already, which was judged by itself."""
    return event == "open" and args[1] is None and not os.path.isabs(args[0]) and not os.path.lexists(path)


def _is_placeholder(path: str) -> bool:
    """Whether this stands for code that has no file, such as ``<string>``: Python looks for its lines."""
    name = os.path.basename(path)
    return name.startswith("<") and name.endswith(">")


def _writes(args: tuple[Any, ...]) -> bool:
    """Whether a file is opened only to be written, or emptied first."""
    flags = args[2] if len(args) > 2 and isinstance(args[2], int) else 0
    return flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR) == os.O_WRONLY or bool(flags & (os.O_TRUNC | os.O_EXCL))


def _reader(frame: FrameType | None, *, imports: bool = False) -> tuple[FrameType | None, str]:
    """The code on whose behalf something is read, the standard library aside, and what of that it went through.

    ``imports``: whether it may be Python's import that reads it, rather than whoever asks a loader for data.
    """
    through = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if imports and file.startswith(_IMPORT):
            return frame, _IMPORT
        if not file.startswith("<frozen") and not _is_standard(file):
            hook = _import_through(frame) if imports else None
            return (frame, through) if hook is None else (hook, _IMPORT)
        if _METADATA in file:
            return frame, _METADATA
        if os.path.basename(file) in _READS_SOURCE:
            through = os.path.basename(file)
        frame = frame.f_back
    return None, through


def _import_through(frame: FrameType | None) -> FrameType | None:
    """Python's import, if it has asked a library's finder to do this: pytest has one, which reads what it rewrites."""
    while frame is not None and not frame.f_code.co_filename.startswith(_IMPORT):
        if not installed_files(Path(frame.f_code.co_filename)):
            return None
        frame = frame.f_back
    return frame


def _is_standard(file: str) -> bool:
    return any(inside(file, place) for place in _STANDARD) and not installed_files(Path(file))


def _own_cache(path: str, frame: FrameType | None) -> bool:
    """Whether an installed library reads what it keeps under its own name: ``.triton``, ``.cache/torch``."""
    if frame is None or not installed_files(Path(frame.f_code.co_filename)):
        return False
    root = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    parts = Path(path).parts
    return f".{root}" in parts or (".cache", root) in pairwise(parts)


def _running_module(frame: FrameType | None) -> str:
    """The module whose import runs this code."""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""


#: The harness with its papers, whose modules the key follows by rules of their own.
_OWN = str(Path(__file__).parents[1])


def _watch_variables() -> None:
    """Have reading the environment reported as well, which Python itself does not do."""
    environment: Any = type(os.environ)
    plain = environment.__getitem__

    def watched(self: Any, name: Any) -> Any:
        watch: _Watch | None = getattr(_here, "watch", None)
        if watch is not None and isinstance(name, str | bytes) and not _says_where(os.fsdecode(name)):
            frame, _ = _reader(sys._getframe(1), imports=True)
            if frame is not None and not _trusted(frame):
                watch.found(f"${os.fsdecode(name)}", frame)
        return plain(self, name)

    environment.__getitem__ = watched


def _says_where(name: str) -> bool:
    return name in VARIABLES or name.startswith(_FAMILIES)


def _trusted(frame: FrameType) -> bool:
    """Whether code is an installed library's or the harness's."""
    ours = _is_harness(str(frame.f_globals.get("__name__", "")))
    return ours or frame.f_code.co_filename.startswith(_IMPORT) or installed_files(Path(frame.f_code.co_filename))


def _is_harness(module: str) -> bool:
    return module.startswith("claims.") and not module.startswith(_GIVEN)
