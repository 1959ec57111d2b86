"""The machine's limits, measured where the kernels are: memory, products, random words, steps of vector arithmetic.

All but products of matrices are loops in C++ (``limits.cpp``), compiled for this machine with the compiler that builds
the kernels. Without one, torch's own operations stand in, and the table says so: they are below the limits.

A row has a limit of memory (or the fastest product of matrices installed) and may have one of arithmetic. What takes
longer binds: a kernel can do both at once, but no less of either.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.rows import Row
from benchmarks.timing import Times

Thunk = Callable[[], object]
_LOOPS = {"int8 products": "multiply_bytes", "float32 products": "multiply_floats", "steps": "take_steps"}


@cache
def _library() -> ctypes.CDLL | None:
    compiler = (
        shlex.split(os.environ.get("CXX", ""))
        or [path for path in map(shutil.which, ("g++", "clang++", "c++")) if path][:1]
    )
    if not compiler:
        return None
    target = Path(tempfile.mkdtemp(prefix="claimbench-limits-")) / "limits.so"
    source = Path(__file__).with_name("limits.cpp")
    flags = ["-std=c++17", "-O3", "-march=native", "-fPIC", "-shared", "-fno-math-errno", "-ffinite-math-only"]
    flags += ["-ffp-contract=fast", "-Wno-psabi"]
    subprocess.run([*compiler, *flags, str(source), "-o", str(target)], check=True)
    library = ctypes.CDLL(str(target))
    library.read_all.restype = library.multiply_floats.restype = ctypes.c_float
    for name in (*_LOOPS.values(), "draw_words"):
        getattr(library, name).argtypes = [ctypes.c_int64]
    library.draw_words.argtypes = [ctypes.c_int64, ctypes.c_uint64]
    return library


def machine() -> str:
    """The CPU, as far as the system tells: maker's name, family and model."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    name = told.get("model name", platform.machine())
    return f"{name} (family {told['cpu family']}, model {told['model']})" if "cpu family" in told else name


def native() -> bool:
    """Whether the memory limits are measured by compiled loops."""
    return _library() is not None


def _floats(size: int) -> Tensor:
    """Float32 memory of ``size`` bytes, at an address that 64 divides, with numbers in it.

    Zeros are no measure: where they fit into its caches, an AMD EPYC of family 25 copies them in .6 of the time that it
    takes for any others.
    """
    memory = torch.randn(size // 4 + 16)
    offset = -(memory.data_ptr() // 4) % 16
    return memory[offset : offset + size // 4]


def reading(size: int) -> Thunk:
    """A function that reads ``size`` bytes once."""
    x, library = _floats(size), _library()
    if library is None:
        return x.max
    pointer, count = ctypes.c_void_p(x.data_ptr()), ctypes.c_int64(x.numel())
    keep = x  # the pointer does not keep the memory alive
    return lambda: (keep, library.read_all(pointer, count))[1]


def writing(size: int) -> Thunk:
    """A function that writes ``size`` bytes past the caches."""
    y, library = _floats(size), _library()
    if library is None:
        return lambda: y.fill_(1.0)
    pointer, count = ctypes.c_void_p(y.data_ptr()), ctypes.c_int64(y.numel())
    keep = y
    return lambda: (keep, library.write_past_caches(pointer, count))[1]


def copying(size: int) -> Thunk:
    """A function that reads ``size / 2`` bytes and writes them elsewhere, past the caches."""
    x, y, library = _floats(size // 2), _floats(size // 2), _library()
    if library is None:
        return lambda: y.copy_(x)
    pointers = ctypes.c_void_p(x.data_ptr()), ctypes.c_void_p(y.data_ptr())
    keep = x, y
    return lambda: (keep, library.copy_past_caches(*pointers, ctypes.c_int64(x.numel())))[1]


def multiplying(m: int, n: int, k: int) -> dict[str, Thunk]:
    """The float32 products that are installed, of (m, k) by (k, n): the fastest is the limit."""
    a, b = torch.randn(m, k), torch.randn(k, n)
    a_array, b_array = a.numpy(), b.numpy()
    products: dict[str, Thunk] = {"torch.mm": lambda: torch.mm(a, b), "numpy": lambda: a_array @ b_array}
    if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        turned = b.T
        products["oneDNN"] = lambda: torch.ops.mkldnn._linear_pointwise(a, turned, None, "none", [], "")
    return products


def arithmetic(*, words: int = 0, bytes_products: int = 0, float_products: int = 0, steps: int = 0) -> dict[str, Thunk]:
    """One function that does this much arithmetic and nothing else, by its name; none without a compiler.

    Words and steps wait for the same units of the CPU, so that their times add up.
    """
    amounts = {"words": words, "int8 products": bytes_products, "float32 products": float_products, "steps": steps}
    parts = {name: amount for name, amount in amounts.items() if amount}
    library = _library()
    if library is None or not parts:
        return {}
    calls = [
        partial(library.draw_words, amount, 7) if name == "words" else partial(getattr(library, _LOOPS[name]), amount)
        for name, amount in parts.items()
    ]

    def all_of_them() -> None:
        for call in calls:
            call()

    return {" and ".join(parts): all_of_them}


def of(row: Row) -> dict[str, Thunk]:
    """The functions that limit a row, by what they do: of memory or products of matrices, and of arithmetic."""
    if row.limit == "gemm":
        found = {f"gemm {name}": call for name, call in multiplying(*row.product).items()}
    else:
        found = {row.limit: {"read": reading, "write": writing, "copy": copying}[row.limit](row.bytes)}
    return found | arithmetic(**row.arithmetic)


def binding(bounds: Iterable[str], times: Mapping[str, Times]) -> str:
    """The limit that takes longest, where of several products of matrices the fastest counts."""
    names = list(bounds)
    products = [name for name in names if name.startswith("gemm")]
    others = [name for name in names if not name.startswith("gemm")]
    candidates = [min(products, key=lambda name: times[name].median)] if products else []
    return max([*candidates, *others], key=lambda name: times[name].median)
