"""Triton kernels that the ahead-of-time gate must refuse, one for each reason, and one that it must let pass."""

import triton
import triton.language as tl

from claims.kernels.triton.launch import Build, Choice, Kernel


@triton.jit
def _divide(x_ptr, out_ptr, EXACT: tl.constexpr):
    place = tl.arange(0, 256)
    x = tl.load(x_ptr + place)
    y = tl.load(x_ptr + 256 + place)
    tl.store(out_ptr + place, tl.div_rn(x, y) if EXACT else x / y)


@triton.jit
def _fuse(x_ptr, out_ptr):
    place = tl.arange(0, 256)
    x = tl.load(x_ptr + place)
    tl.store(out_ptr + place, tl.fma(x, x, x))


@triton.jit
def _root(x_ptr, out_ptr, EXACT: tl.constexpr):
    place = tl.arange(0, 256)
    x = tl.load(x_ptr + place)
    tl.store(out_ptr + place, tl.sqrt_rn(x) if EXACT else tl.sqrt(x))


@triton.jit
def _hoard(x_ptr, out_ptr):
    """More values than a thread has registers: all are read before any is used."""
    row = tl.arange(0, 256)
    x = tl.load(x_ptr + row[:, None] * 128 + tl.arange(0, 128)[None, :])
    y = tl.load(x_ptr + 65536 + row[:, None] * 128 + tl.arange(0, 128)[None, :])
    total = tl.sum(x, 1)
    tl.store(out_ptr + row[:, None] * 128 + tl.arange(0, 128)[None, :], x * tl.sum(y * total[:, None], 0)[None, :] + y)


@triton.jit
def _reduced_precision(x_ptr, out_ptr):
    place = tl.arange(0, 64)[:, None] * 64 + tl.arange(0, 64)[None, :]
    x = tl.load(x_ptr + place)
    tl.store(out_ptr + place, tl.dot(x, x, input_precision="tf32"))


@triton.jit
def _nonsense(x_ptr, out_ptr):
    tl.static_assert(1 > 2, "planted")


@triton.jit
def _abort(x_ptr, out_ptr):
    """Assembly of NVIDIA's: the compiler for AMD ends its process on it."""
    place = tl.arange(0, 256)
    x = tl.load(x_ptr + place)
    y = tl.inline_asm_elementwise("add.f32 $0, $1, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)
    tl.store(out_ptr + place, y)


def _kernel(name, function, *, exact=True, **constants):
    types = {"x_ptr": "*fp32", "out_ptr": "*fp32"}
    build = Build(name=name, types=types, constants=constants)
    return Kernel(function=function, space=(Choice(),), exact=exact, builds=(build,))


KERNELS = (
    _kernel("abort", _abort),
    _kernel("divide_approximately", _divide, EXACT=False),
    _kernel("divide_exactly", _divide, EXACT=True),
    _kernel("divide_where_nothing_is_promised", _divide, exact=False, EXACT=False),
    _kernel("fuse", _fuse),
    _kernel("hoard", _hoard, exact=False),
    _kernel("nonsense", _nonsense),
    _kernel("reduced_precision", _reduced_precision, exact=False),
    _kernel("root_approximately", _root, EXACT=False),
)
