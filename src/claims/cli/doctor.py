"""What a machine can run: versions, processor, kernel routes, packs, store; for what is missing, how to get it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from claims.extras import EXTRAS, command, is_there

#: States of a finding: there; not there, but not needed; needed and not there.
PRESENT, OPTIONAL, MISSING = "present", "optional", "missing"

_NEEDED = (
    "numpy", "scipy", "statsmodels", "hypothesis", "mpmath", "rich", "jinja2", "click", "fastjsonschema",
    "latex2mathml",
)  # fmt: skip
_OPTIONAL = {module: command(extra) for module, extra in EXTRAS.items()} | {"pytest": command("test")}
#: What the compiled kernels have a build of their own for, as Linux and macOS name it.
_CPU_FEATURES = ("avx2", "avx512f", "avx512_vnni")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and the command that gets it where it is missing."""

    name: str
    state: str
    value: str
    remedy: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def examine(store: Path) -> list[Finding]:
    """Look at everything; nothing found raises."""
    return [
        *_machine(), *_packages(), *_kernels(), *_devices(), *_packs(), *_models(), _sqlite(), _store(store)
    ]  # fmt: skip


def _machine() -> Iterator[Finding]:
    system = f"{platform.system()} {platform.machine()}"
    yield Finding("python", PRESENT, f"{platform.python_version()} on {system}")
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", PRESENT, f"{available} of {os.cpu_count()} may be used")
    memory = memory_bytes()
    yield Finding("memory", PRESENT, "unknown" if memory is None else f"{memory / 2**30:.1f} GiB")
    found = cpu_features()
    yield Finding("cpu features", PRESENT if found else OPTIONAL, ", ".join(found) or "avx2, avx512")
    compiler = next((name for name in ("g++", "clang++", "c++") if shutil.which(name)), None)
    if compiler is None:
        yield Finding("compiler", OPTIONAL, "a C++ compiler: kernels run as plain torch", "apt-get install g++")
    else:
        yield Finding("compiler", PRESENT, compiler)


def memory_bytes() -> int | None:
    """Physical memory, or the limit of the control group if that is less; None where the system does not tell."""
    try:
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdecimal():
        return min(found, int(text))
    return found


def cpu_features(info: Path = Path("/proc/cpuinfo")) -> list[str]:
    """Which of the instruction sets that kernels use this processor has; empty where the system does not tell."""
    if not info.is_file():
        return []
    flags = re.search(r"^flags\s*:(.*)$", info.read_text(), re.MULTILINE)
    return [name for name in _CPU_FEATURES if flags and name in flags.group(1).split()]


def _packages() -> Iterator[Finding]:
    for name in _NEEDED:
        version = _version(name)
        if version is None:
            yield Finding(name, MISSING, "", f"pip install {name}")
        else:
            yield Finding(name, PRESENT, version)
    for name, remedy in _OPTIONAL.items():
        version = _version(name)
        yield Finding(name, OPTIONAL, name, remedy) if version is None else Finding(name, PRESENT, version)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _kernels() -> Iterator[Finding]:
    """The device, the compiled library and the route that each operation takes on it."""
    if not is_there("torch"):
        yield Finding("gpu", OPTIONAL, "a GPU, as far as can be told: torch is missing")
        return
    import torch

    if torch.cuda.is_available():
        yield Finding("gpu", PRESENT, torch.cuda.get_device_name())
    else:
        yield Finding("gpu", OPTIONAL, "a GPU that torch can use: Triton kernels are interpreted on the CPU")
    try:
        from claims import kernels
        from claims.kernels import native
        from claims.kernels.dispatch import OPERATIONS, route_of

        for name in kernels.__all__:
            getattr(kernels, name)
    except (ImportError, OSError) as error:
        yield Finding("kernels", MISSING, f"claims.kernels cannot be imported: {error}", "install claimbench again")
        return
    yield _product()
    obstacle = native.obstacle()
    yield Finding("compiled kernels", OPTIONAL if obstacle else PRESENT, obstacle or native.description())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    routes: dict[str, list[str]] = {}
    for name in sorted(OPERATIONS):
        routes.setdefault(route_of(name, torch.zeros(2, 4, device=device)), []).append(name)
    for route, names in sorted(routes.items()):
        yield Finding(f"route {route}", PRESENT, ", ".join(names))


def _devices() -> Iterator[Finding]:
    """Where ``claimbench audit --device`` can measure, each with what its evidence is kept apart by."""
    from claims.evidence.devices import DEVICES, described

    for name, device in DEVICES.items():
        why = device.obstacle()
        words = f"--device {name}: {why}" if why else described(name)
        yield Finding(f"device {name}", OPTIONAL if why else PRESENT, words)


def _product() -> Finding:
    """Which float32 product ``gemm`` takes, and who says so."""
    from claims.kernels import matmul, product_choice

    if not matmul.has_onednn():
        return Finding("float32 product", PRESENT, "torch.mm, the only one here")
    name = {"onednn": "oneDNN", "mm": "torch.mm"}[product_choice.chosen()]
    if product_choice.measured() == product_choice.chosen():
        return Finding("float32 product", PRESENT, f"{name}, as measured ({product_choice.kept_at()})")
    return Finding("float32 product", PRESENT, f"{name}; claimbench doctor --measure tells whether it is the faster")


def measure_product() -> None:
    """Keep which float32 product is the faster on this machine.

    Raises click's UsageError where torch is missing or the answer cannot be kept.
    """
    if not is_there("torch"):
        raise click.UsageError(f"--measure times products of torch, which is missing: {command('kernels')}")
    from claims.kernels import product_choice
    from claims.kernels.product_measured import compare

    try:
        product_choice.keep(compare().product)
    except OSError as error:
        raise click.UsageError(f"--measure cannot keep its answer: {error}") from None


def _packs() -> Iterator[Finding]:
    from claims.auditing.controls import uncontrolled
    from claims.discovery import examine as packs

    found = packs()
    if not found:
        yield Finding("packs", OPTIONAL, "any installed claims: name a claim file, or write one", "claimbench new")
    for each in found:
        name = f"pack {each.name}"
        if each.pack is None:
            remedy = "install another release of it, or uninstall it"
            yield Finding(name, MISSING, f"left out ({each.distribution}): {each.problem}", remedy)
        else:
            title = each.pack.paper.title
            lacks = " or ".join(uncontrolled(each.claims))
            controls = f"; no control that every audit measures has to be {lacks}" if lacks else ""
            yield Finding(name, PRESENT, f"{len(each.claims)} claims of {title!r} ({each.distribution}){controls}")


def _models() -> Iterator[Finding]:
    """The trained models and the text that claims about models can be measured on."""
    from claims.models import handbook
    from claims.models.fetch import CACHE_VARIABLE, find
    from claims.models.published import PUBLISHED

    book = handbook.handbook_path()
    try:
        places = {f"model {name}": find(model) for name, model in PUBLISHED.items()}
        places[f"text {handbook.NAME}"] = book if book.is_file() else None
    except PermissionError as error:
        yield Finding("models", OPTIONAL, f"the cache folder, which cannot be read: {error}", f"set {CACHE_VARIABLE}")
        return
    for name, path in places.items():
        if path is None:
            use = "claims about a trained model" if name.startswith("model") else "that text; python-topics is there"
            yield Finding(name, OPTIONAL, use, f"claimbench models get {name.partition(' ')[2]}")
        else:
            yield Finding(name, PRESENT, str(path))


def _sqlite() -> Finding:
    """The library under the store, and whether it can damage one that several processes write."""
    version = sqlite3.sqlite_version
    if has_wal_reset_bug(sqlite3.sqlite_version_info):
        words = "its WAL-reset bug can damage a store that other programs write meanwhile; audits take turns by a lock"
        return Finding("sqlite", PRESENT, f"{version}: {words}")
    return Finding("sqlite", PRESENT, version)


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether an SQLite has the race of a checkpoint with a commit that starts the log anew (sqlite.org/wal.html)."""
    mended = {(3, 44): (3, 44, 6), (3, 50): (3, 50, 7)}.get(version[:2], (3, 51, 3))
    return (3, 7, 0) <= version < mended


def _store(path: Path) -> Finding:
    """Whether evidence can be stored; nothing is written to find out."""
    from claims.errors import StoreError
    from claims.evidence.store import MEMORY, Store

    if path == MEMORY:
        return Finding("store", PRESENT, f"{path}: in memory, keeps nothing")
    notes: list[str] = []
    try:
        if path.is_file():
            with Store.reading(path, speak=notes.append) as store:
                found = store.survey()
            if found.faults:
                words = f"{path}: {found.faults[0]}, {len(found.faults):,} faults in all"
                return Finding("store", MISSING, words, f"claimbench evidence check --store {path}")
            notes += [] if _writable(path) and _writable(path.parent) else ["can only be read: audits cannot add to it"]
            return Finding("store", PRESENT, "; ".join([f"{path}, {len(found.rows):,} seeds", *notes]))
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if path.exists() or not folder.is_dir() or not _writable(folder):
            return Finding("store", MISSING, f"{path}: cannot be made in {folder}", "name another with --store")
        return Finding("store", PRESENT, f"{path}: not there yet, can be made")
    except (StoreError, OSError) as error:
        return Finding("store", MISSING, f"{error}", "name another with --store")


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)
