"""The machine's limits, measured where the kernels are: reading, copying past the caches, multiplying matrices.

The two memory loops are C++ (``limits.cpp``), compiled for this machine with the compiler that builds the kernels.
Without one, torch's own reduction and copy stand in, and the table says so: they are below the limits.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

Thunk = Callable[[], object]


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
    flags = ["-O3", "-march=native", "-fPIC", "-shared", "-fno-math-errno", "-ffinite-math-only"]
    subprocess.run([*compiler, *flags, str(source), "-o", str(target)], check=True)
    library = ctypes.CDLL(str(target))
    library.read_all.restype = ctypes.c_float
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
    """Fresh float32 memory of ``size`` bytes, touched, at an address that 64 divides."""
    memory = torch.zeros(size // 4 + 16)
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


def of(limit: str, size: int, product: tuple[int, int, int]) -> dict[str, Thunk]:
    """The functions of which the fastest is the limit of a row: ``size`` in bytes, or the product's m, n, k."""
    if limit == "gemm":
        return {f"limit {name}": call for name, call in multiplying(*product).items()}
    return {"limit": (reading if limit == "read" else copying)(size)}
