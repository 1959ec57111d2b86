"""What a measurement depends on besides its point: the code that makes it and the arithmetic of the machine.

Of the author's own code what runs counts, of libraries the version, of the harness what computes. Declared data are
in ``claims.evidence.data``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from claims.errors import InvalidDeclaration
from claims.evidence.canonical import digest
from claims.evidence.devices import CPU, DEVICES
from claims.evidence.kept import recalled
from claims.evidence.releases import installed_files, release_of, versions
from claims.evidence.syntax import ASKED, EVERY, PASSED, Parsed, asked_names, parse
from claims.kernels import product_choice
from claims.names import address_of, spec_of

#: The parts of the harness on which a measured value depends.
_MEASURING = tuple(
    f"claims.{name}" for name in ("streams", "evidence.canonical", "evidence.searching", "kernels", "models", "papers")
)
_SUFFIXES = (".toml", ".json", ".csv", ".txt", ".npy", ".npz")
#: Libraries whose versions are part of the numerics class, whoever imports them.
_NUMERICS = ("torch", "numpy", "scipy", "hypothesis")
_STANDARD = frozenset(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


def code_named(address: str, base: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Addresses of what a measurement runs: its experiment, and whatever code its base point names."""
    return (address, *(address_of(value) for _, value in base if isinstance(value, str) and ":" in value))


def code_fingerprint(*targets: str) -> str:
    """SHA-256 over everything that the targets run, as :func:`code_of` finds it in the files now.

    Raises:
        InvalidDeclaration: a target is a function of ``__main__``.
    """
    return digest(sorted(code_of(*targets).parts.items())).hex()


@dataclass(frozen=True, slots=True)
class Code:
    """What some targets run: digest or version of each part, and which modules and files that is."""

    parts: dict[str, str] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)


def code_of(*targets: str) -> Code:
    """What the targets run.

    Of a target's own module what the target reaches; every module that is imported there, and the packages around
    them, by their syntax trees: comments, docstrings, layout and type-checking imports do not count. Modules of
    installed releases by their distribution's version and those of what it requires; of the harness only the parts
    that compute. Extension modules, C++ sources, the libraries built from them, and data files that the code names by
    a literal count by their bytes. Of a package that loads its names lazily, the modules of those that are imported or
    reached as its attributes; all of them where it is handed on whole.
    Each version of a file is read once.

    Raises:
        InvalidDeclaration: a target is a function of ``__main__``.
    """
    code = Code()
    for target in ("claims.streams", *targets):
        module, _, name = target.partition(":")
        if module == "__main__":
            allowed = "a function of a module or claim file: no file says what a notebook or a script has run"
            raise InvalidDeclaration("experiment", target, allowed)
        _collect(module, code, name)
    return code


def _collect(module: str, code: Code, name: str = "") -> None:
    """Add a module, as far as ``name`` reaches in it, and whatever it imports."""
    waiting, seen = [(module, name)], set()
    while waiting:
        step = waiting.pop()
        if step in seen:
            continue
        seen.add(step)
        looked = _look(*step)
        code.parts.update(looked.parts)
        if looked.files:
            code.modules.add(step[0])
            code.files.update(looked.files)
        waiting += looked.following


@dataclass(frozen=True, slots=True)
class _Looked:
    """What one module adds: parts with their digests, its files, and the modules that follow, as far as names reach."""

    parts: tuple[tuple[str, str], ...]
    files: tuple[Path, ...] = ()
    following: tuple[tuple[str, str], ...] = ()


_at_once: ContextVar[dict[tuple[str, str], _Looked] | None] = ContextVar("at_once", default=None)


@contextmanager
def at_once() -> Iterator[None]:
    """Look at each file once for all fingerprints that are taken inside."""
    token = _at_once.set({})
    try:
        yield
    finally:
        _at_once.reset(token)


def _look(module: str, name: str) -> _Looked:
    before = _at_once.get()
    if before is None:
        return _looked(module, name)
    if (module, name) not in before:
        before[module, name] = _looked(module, name)
    return before[module, name]


def _looked(module: str, name: str) -> _Looked:
    part = f"{module}:{name}" if name else module
    root = module.partition(".")[0]
    path = file_of(module)
    if path is None or not path.is_file():
        # an import that fails may be caught, and something else be done
        return _Looked(() if _is_there(root) else ((root, "not installed"),))
    release = None if root == "claims" else release_of(root, path)
    if release is not None:
        return _Looked(tuple((f"{each} (release)", version) for each, version in versions(release).items()))
    around = [] if root in ("claims", module) else [(module.rpartition(".")[0], PASSED)]
    if path.suffix != ".py":
        return _Looked(((part, bytes_of(path)),), (path,), tuple(around))
    parsed = _parsed(path, module, name)
    beside = [(f"{module}/{file}", at) for file, at in (*_data_files(parsed.named, path), *_native_code(path))]
    named = [each for found in parsed.imports for each in _every(found)]
    named += [each for found in parsed.through for each in _loaded(found)]
    imported = dict.fromkeys(filter(_counts, named))
    return _Looked(
        parts=((part, parsed.code), *((key, bytes_of(file)) for key, file in beside)),
        files=(path, *(file for _, file in beside)),
        following=(*around, *((home, "") for each in imported for home in _homes(each))),
    )


def _parsed(path: Path, module: str, name: str) -> Parsed:
    """What matters of a file, as it is kept if it was read before."""

    def made() -> list[Any]:
        parsed = parse(path, _version_of(path), module, name)
        return [parsed.code, parsed.imports, parsed.named, parsed.through]

    code, imports, named, through = recalled(path, "read", module, name, make=made)
    return Parsed(code, tuple(imports), tuple((package, inside) for package, inside in named), tuple(through))


def _every(imported: str) -> list[str]:
    """A module; or, of a package from which the code chooses, it and all modules in it, the harness's aside."""
    package = imported.removesuffix(EVERY)
    path = file_of(package)
    root = package.partition(".")[0]
    if package == imported or root == "claims" or path is None or release_of(root, path) is not None:
        return [package]
    return [package, *(f"{package}.{each.name}" for each in iter_modules([str(path.parent)]))]


def _loaded(dotted: str) -> list[str]:
    """The modules that an attribute of something imported may be, or load."""
    package = dotted.removesuffix(ASKED)
    if not _counts(package):
        return []
    if package == dotted:
        return [each for each in _homes(dotted) if file_of(each) is not None]
    return [f"{package}.{name}" for name, home in (_asked_names(package) or {}).items() if home]


def _counts(imported: str) -> bool:
    """Whether an imported module may count. Of the harness only what computes: declaring and deciding do not."""
    root = imported.partition(".")[0]
    if root == "claims":
        return imported.startswith(_MEASURING)
    return root not in _NUMERICS or not installed_files(file_of(root) or Path())


def forget_files() -> None:
    """Look for every module anew: the import path has changed."""
    file_of.cache_clear()
    _is_there.cache_clear()


@functools.cache
def _is_there(root: str) -> bool:
    return spec_of(root) is not None


@functools.cache
def file_of(module: str) -> Path | None:
    """The file that a module is loaded from, found without importing anything; None of the standard library's."""
    spec = spec_of(module)
    if spec is None or spec.origin is None or not spec.origin.endswith((".py", ".pyc", *EXTENSION_SUFFIXES)):
        return None
    path = Path(spec.origin)
    standard = any(path.is_relative_to(folder) for folder in _STANDARD) and not installed_files(path)
    return None if standard else path


def _version_of(path: Path) -> tuple[int, int]:
    """What changes when a file is written."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def bytes_of(path: Path) -> str:
    """SHA-256 of a file's content, read once as long as nobody writes it."""
    return str(recalled(path, "bytes", make=lambda: _digest_of(path, _version_of(path))))


@functools.lru_cache(maxsize=4096)
def _digest_of(path: Path, version: tuple[int, int]) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _native_code(path: Path) -> list[tuple[str, Path]]:
    """The C++ sources of a package, by the path of its ``__init__``, and the libraries built from them.

    Without a library, or with one of other sources, the same experiment takes another route and gives other last bits.
    """
    if path.name != "__init__.py":
        return []
    sources = [file for file in sorted(path.parent.glob("native/*")) if file.suffix in (".cpp", ".h")]
    return [(file.name, file) for file in (*sources, *sorted(path.parent.glob("_native_*.so")))]


def _data_files(named: Iterable[tuple[str, str]], path: Path) -> list[tuple[str, Path]]:
    """The data files among what the strings of a module name, with the names that they have there."""
    found = []
    for package, inside in named:
        home = file_of(package) if package else path
        file = (home or path).parent / inside
        files = [file] if file.is_file() else sorted(file.glob("*")) if file.is_dir() else []
        found += [(f"{package}:{inside}:{each.name}", each) for each in files if each.suffix in _SUFFIXES]
    return found


def _homes(dotted: str) -> list[str]:
    """The modules that a dotted name loads: itself, or where its package's ``__getattr__`` finds it.

    Of a package that does not say so by a literal, any module in it.
    """
    package, _, name = dotted.rpartition(".")
    if not package or file_of(dotted) is not None:
        return [dotted]
    asked = _asked_names(package)
    if asked is None or asked.get(name) == "" or (name.startswith("__") and name not in asked):
        return [dotted]
    told = asked.get(name, "").lstrip(".").partition(":")[0]
    places = (f"{package}.{told}", f"{package}.{told}".rpartition(".")[0], told, told.rpartition(".")[0])
    home = next((each for each in places if each != package and file_of(each) is not None), "") if told else ""
    return [home] if home else _every(f"{package}{EVERY}")


def _asked_names(package: str) -> dict[str, str] | None:
    """Of a package that loads its names when they are asked for, which module each is in; None of any other."""
    path = file_of(package)
    if path is None or path.name != "__init__.py":
        return None
    found = recalled(path, "asked", make=lambda: asked_names(path, _version_of(path)))
    return None if found is None else dict(found)


@functools.cache
def environment(device: str = CPU) -> dict[str, str]:
    """The numerics class: what may change the last bits of a result that is measured on a device.

    Versions are read without importing anything, of the CPU; a GPU is asked through torch what it is.
    """
    triton = {"triton kernels": _triton_kernels()} if DEVICES[device].triton else {}
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": device,
        "cpu": _cpu_model(),
        "kernels": os.environ.get("CLAIMS_KERNELS_NATIVE", "best") + product_choice.in_class(),
        **{name: _version(name) for name in _NUMERICS},
        **DEVICES[device].traits(),
        **triton,
    }


@functools.cache
def arithmetic() -> str:
    """Digest of the numerics class of this process on the CPU: what the last bits of what it computes depend on."""
    return digest(environment()).hex()


def environment_like(other: Mapping[str, object] | None) -> dict[str, str]:
    """The numerics class of this machine on the device of another class; of its CPU where that names none."""
    device = (other or {}).get("device")
    return environment(device if isinstance(device, str) and device in DEVICES else CPU)


#: Characters of a digest that tell two versions of our own code apart.
_SHORT = 16


def _triton_kernels() -> str:
    """Digest of the code of all Triton kernels: which of them an operation takes is settled when it runs."""
    package = "claims.kernels.triton"
    home = file_of(package)
    found = sorted(home.parent.glob("*.py")) if home is not None else []
    return code_fingerprint(*(f"{package}.{path.stem}" for path in found if path.stem != "__init__"))[:_SHORT]


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    """Model name of the processor, with its family and stepping where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields = dict(line.split(":", 1) for line in info.read_text().split("\n\n")[0].splitlines() if ":" in line)
        named = {key.strip(): value.strip() for key, value in fields.items()}
        return " ".join(named.get(key, "?") for key in ("model name", "cpu family", "model", "stepping"))
    return platform.processor() or "unknown"
