"""The compiled CPU library: found, checked and loaded once, called through ctypes.

The package's build (``setup.py``) makes one shared library an instruction set from ``native/*.cpp``, with a plain C
interface: nothing in it depends on the version of Python or torch. The best set that this CPU has is loaded when the
first compiled kernel is looked for. ``CLAIMS_KERNELS_NATIVE`` in the environment of the process, as it was when this
module was loaded, names another one, or ``off``.

Every exported function returns nothing and takes pointers (``void*``), integers (``int64_t``) and reals (``double``),
and as last argument ``int64_t threads``, the number of threads it may start for this one call. No thread outlives a
call and nothing global is changed, so threads, processes and fork need no care.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

INSTRUCTION_SETS = ("portable", "avx2", "avx512")
"""From the one that every machine has to the fastest; the library reports how far this CPU goes."""

DTYPES = (torch.float32, torch.float64, torch.bfloat16)
"""Position = the code of a dtype in the C interface (``native/simd.h``)."""

_CPU = torch.device("cpu")
_FOLDER = Path(__file__).parent
_CHOICE = "CLAIMS_KERNELS_NATIVE"
_NAMED = os.environ.get(_CHOICE, "")  # once: to ask the environment costs as much as to call a kernel
_forced: list[str] = []
with torch.inference_mode(False):
    _NOTHING = {
        dtype: torch.empty(0, dtype=dtype, device=_CPU)
        for dtype in (*DTYPES, torch.float16, torch.uint8, torch.int8, torch.int32)
    }
"""Of each dtype a tensor that others are made from: to name dtype and device takes half as long again."""


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A usable library, or the reason why there is none."""

    library: ctypes.CDLL | None
    instruction_set: str
    reason: str = ""
    entries: dict[str, tuple[Callable[..., None], tuple[int, ...]]] = field(default_factory=dict)
    """C functions that have been called, with the types of their arguments, and which of these are tensors."""


def source_digest(folder: Path = _FOLDER / "native") -> str:
    """sha256 over names and contents of the C++ files, sorted by name; "" without any."""
    files = sorted([*folder.glob("*.cpp"), *folder.glob("*.h")])
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest() if files else ""


@cache
def _load(instruction_set: str) -> Loaded:
    path = _FOLDER / f"_native_{instruction_set}.so"
    if not path.exists():
        hint = "install the package where g++ or clang++ is found to build it"
        return Loaded(library=None, instruction_set=instruction_set, reason=f"{path.name} was not built: {hint}")
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        return Loaded(library=None, instruction_set=instruction_set, reason=f"{path.name} does not load: {error}")
    library.claims_source_digest.restype = ctypes.c_char_p
    built, present = library.claims_source_digest().decode(), source_digest()
    if present not in ("", built):
        hint = "run `python setup.py build_ext --inplace`"
        return Loaded(
            library=None, instruction_set=instruction_set, reason=f"{path.name} is not of these sources: {hint}"
        )
    return Loaded(library=library, instruction_set=instruction_set)


@cache
def cpu_level() -> int:
    """Index in ``INSTRUCTION_SETS`` of the best set that this CPU executes; -1 without a library to ask."""
    portable = _load("portable").library
    return -1 if portable is None else int(portable.claims_cpu_level())


@cache
def available_sets() -> tuple[str, ...]:
    """The instruction sets that were built and that this CPU executes."""
    return tuple(name for name in INSTRUCTION_SETS[: cpu_level() + 1] if _load(name).library is not None)


@cache
def _selected(choice: str) -> Loaded:
    if choice == "off":
        return Loaded(library=None, instruction_set="off", reason=f"{_CHOICE}=off")
    if choice and choice not in available_sets():
        known = ", ".join((*available_sets(), "off"))
        return Loaded(library=None, instruction_set=choice, reason=f"{_CHOICE}={choice}; here: {known}")
    return _load(choice or (available_sets() or ("portable",))[-1])


def _current() -> Loaded:
    return _selected(_forced[-1] if _forced else _NAMED)


@contextmanager
def forced(choice: str) -> Iterator[None]:
    """Within the block, use this instruction set (or ``off``), in the whole process: for tests and benchmarks."""
    _forced.append(choice)
    try:
        yield
    finally:
        _forced.remove(choice)


def obstacle() -> str | None:
    """Why compiled kernels cannot be used, or None."""
    loaded = _current()
    return None if loaded.library is not None else f"no compiled library: {loaded.reason}"


def description() -> str:
    """One line for people: which library is used, or why none."""
    loaded = _current()
    if loaded.library is None:
        return f"reference route only; {loaded.reason}"
    return f"{loaded.instruction_set}, sources {loaded.library.claims_source_digest().decode()[:12]}"


def _entry(
    loaded: Loaded, function: str, arguments: tuple[Tensor | float | int | None, ...]
) -> tuple[Callable[..., None], tuple[int, ...]]:
    """The C function with its types, which are those of its first arguments, and where those are tensors; kept."""
    if loaded.library is None:
        raise RuntimeError(obstacle())
    entry = getattr(loaded.library, function)
    entry.restype = None
    entry.argtypes = [*map(_ctype, arguments), ctypes.c_void_p]
    tensors = tuple(i for i, value in enumerate(arguments) if value is None or isinstance(value, Tensor))
    loaded.entries[function] = cast("Callable[..., None]", entry), tensors
    return loaded.entries[function]


def _ctype(value: Tensor | float | int | None) -> type[ctypes._SimpleCData[Any]]:
    # Where pointers have 64 bits an int64_t is passed as they are, and ctypes turns an int into one in half the time.
    return ctypes.c_double if isinstance(value, float) else ctypes.c_void_p


def call(function: str, *arguments: Tensor | float | int | None) -> None:
    """Call a C function; tensors are passed as pointers and must be contiguous on the CPU; ``threads`` is appended.

    Whatever is passed for one parameter is of one kind in all calls: a tensor (or None, the null pointer), an integer
    (which may be an address) or a float. Raises RuntimeError where no library can be used (``obstacle`` says so
    beforehand).
    """
    loaded = _current()
    entry, tensors = loaded.entries.get(function) or _entry(loaded, function, arguments)
    values: list[Any] = [*arguments, torch.get_num_threads()]
    for place in tensors:
        tensor = values[place]
        if tensor is not None:
            assert tensor.is_contiguous()
            assert tensor.is_cpu
            values[place] = tensor.data_ptr()
    entry(*values)


def plain(tensor: Tensor) -> Tensor:
    """Contiguous, without a lazy negation, so that its memory is its value."""
    if tensor.is_contiguous() and not tensor.is_neg():
        return tensor
    return tensor.resolve_neg().contiguous()


def empty(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Fresh memory on the CPU. Sizes are passed one by one: torch takes microseconds to look at a sequence of them."""
    return _NOTHING[dtype].new_empty(*shape) if shape else _NOTHING[dtype].new_empty(())


def result(like: Tensor, out: Tensor | None, *, dtype: torch.dtype | None = None) -> Tensor:
    """``out``, or fresh contiguous memory of the shape of ``like``."""
    if out is not None:
        return out
    if dtype is None and like.is_contiguous():
        return torch.empty_like(like)
    return empty(like.shape, dtype or like.dtype)


def code(dtype: torch.dtype) -> int:
    """The dtype as the C interface counts it."""
    return DTYPES.index(dtype)
