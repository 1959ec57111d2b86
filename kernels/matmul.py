"""Matrix products: the fastest float32 one that torch offers on this CPU, and the product with flipped weights.

Where ``torch.mm`` is MKL (x86 builds of torch), oneDNN is often faster in float32: MKL does not use the whole of
other vendors' CPUs. Where ``product_choice`` says so, oneDNN's own entry point (``torch.ops.mkldnn._linear_pointwise``)
is called for products that are large enough to pay for its setup; it is private to torch, so where it is missing, or
the product is small, ``torch.mm`` is taken. The choice depends on machine, build and shapes, and is fixed while a
process runs: results are reproducible, and evidence of unlike choices is of unlike numerics classes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from claims.kernels import perturb
from claims.kernels.dispatch import FLOATS, Operation, check_floating, register
from claims.kernels.errors import KernelError
from claims.kernels.philox import check_key, flip_threshold
from claims.kernels.product_choice import chosen

LARGE = 1 << 22
"""Multiply-adds from which oneDNN's setup (about 25 microseconds) is paid for."""


@cache
def has_onednn() -> bool:
    """Whether ``torch.mm`` is MKL's and oneDNN's product can be called beside it."""
    offered = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    return bool(offered and torch.backends.mkl.is_available())


def _multiply(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """torch.mm, with half precision through float32: its own path is a hundred times slower on CPUs."""
    if a.dtype == torch.float16 and a.device.type == "cpu":
        return torch.mm(a.float(), b.float()).half()
    return torch.mm(a, b, out=out)


def by_onednn(a: Tensor, b: Tensor) -> Tensor:
    """a (n, k) times b (k, m), both float32 on the CPU."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b.T.resolve_neg(), None, "none", [], "")
    return product


def _takes_onednn(a: Tensor, b: Tensor) -> bool:
    return a.dtype == torch.float32 and _is_large(a, b) and has_onednn() and chosen() == "onednn"


def _rows(a: Tensor) -> int:
    return a.shape[:-1].numel()


def _flat(a: Tensor) -> Tensor:
    """(..., k) as a matrix, also where a dimension is 0."""
    return a if a.dim() == 2 else a.reshape(_rows(a), a.shape[-1])


def _reference(a: Tensor, b: Tensor) -> Tensor:
    return _multiply(_flat(a), b).reshape(*a.shape[:-1], b.shape[1])


def _is_large(a: Tensor, b: Tensor) -> bool:
    """Matrix-vector and thin products are bound by memory, where both are alike."""
    rows, inner, columns = _rows(a), a.shape[-1], b.shape[1]
    return min(rows, inner, columns) >= 16 and rows * inner * columns >= LARGE


def _cpu(a: Tensor, b: Tensor, out: Tensor | None) -> Tensor:
    rows = _flat(a).resolve_neg()
    if _takes_onednn(a, b):
        product = by_onednn(rows, b)
    else:
        product = _multiply(rows, b, None if out is None else out.view(rows.shape[0], b.shape[1]))
        if out is not None and a.dtype != torch.float16:
            return out
    return product if a.dim() == 2 else product.reshape(*a.shape[:-1], b.shape[1])


def _save(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    context.save_for_backward(*arguments)


def _backward(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
    a, b = context.saved_tensors
    by_b = gemm(_flat(a).T, _flat(gradient))
    return gemm(gradient, b.T), by_b


def _tangent(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    (a, b), (da, db) = arguments, tangents
    return gemm(da, b) + gemm(a, db)


def _reference_flipped(x: Tensor, w: Tensor, flip_rate: float, key: int) -> Tensor:
    return _reference(x, perturb.SIGN_FLIP.reference(w, flip_rate, key).T)


def _cpu_flipped(x: Tensor, w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    """One buffer for the flipped weights: the flips cost a few percent of the product, the mask nothing."""
    flip = perturb.SIGN_FLIP.cpu
    assert flip is not None
    return _cpu(x, flip(w, flip_rate, key, None).T, out)


def _save_flipped(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    x, w, context.flip_rate, key = arguments
    context.key = key & ((1 << 64) - 1)
    context.save_for_backward(x, w)


def _backward_flipped(context: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
    x, w = context.saved_tensors
    flips = {"flip_rate": context.flip_rate, "key": context.key}
    by_flipped = gemm(_flat(gradient).T, _flat(x))
    return gemm(gradient, perturb.sign_flip(w, **flips)), perturb.sign_flip(by_flipped, **flips), None, None


def _tangent_flipped(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    x, w, flip_rate, key = arguments
    flips = {"flip_rate": flip_rate, "key": key & ((1 << 64) - 1)}
    return sign_flip_linear(tangents[0], w, **flips) + sign_flip_linear(x, tangents[1], **flips)


GEMM = register(
    Operation(
        name="gemm",
        schema="(Tensor a, Tensor b) -> Tensor",
        reference=_reference,
        cpu=_cpu,
        cpu_dtypes=(torch.float32,),
        needs_library=False,
        fake=lambda a, b: a.new_empty((*a.shape[:-1], b.shape[1])),
        backward=_backward,
        save=_save,
        tangent=_tangent,
    )
)
SIGN_FLIP_LINEAR = register(
    Operation(
        name="sign_flip_linear",
        schema="(Tensor x, Tensor w, float flip_rate, int key) -> Tensor",
        reference=_reference_flipped,
        cpu=_cpu_flipped,
        cpu_dtypes=FLOATS,
        triton="triton.matmul:sign_flip_linear",
        fake=lambda x, w, flip_rate, key: x.new_empty((*x.shape[:-1], w.shape[0])),
        backward=_backward_flipped,
        save=_save_flipped,
        tangent=_tangent_flipped,
    )
)


def _check_shapes(operation: str, first: str, a: Tensor, second: str, inner: int, b: Tensor) -> None:
    if a.dim() == 0:
        raise KernelError(operation, first, got="a 0-dimensional tensor", allowed="of shape (..., k)")
    if b.dim() != 2 or b.shape[inner] != a.shape[-1]:
        wanted = f"({a.shape[-1]}, m)" if inner == 0 else f"(m, {a.shape[-1]})"
        raise KernelError(operation, second, got=f"shape {tuple(b.shape)}", allowed=f"a matrix {wanted}")


def gemm(a: Tensor, b: Tensor, *, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """``a @ b`` for a (..., k) and b (k, m); pass ``w.T`` for weights w (m, k).

    In float32 and float64 the error is at most ``k u / (1 - k u) (|a| @ |b|)`` elementwise, u = 2**-24 or 2**-53: the
    bound of any order of summation, as long as ``torch.get_float32_matmul_precision()`` is "highest", its default.
    bfloat16 and float16 are summed in float32 and rounded once. Differentiable to any order.

    NaN and infinities act as in IEEE sums of products.
    Raises KernelError for other dtypes, or shapes that do not fit.
    """
    check_floating("gemm", a=a, b=b)
    _check_shapes("gemm", "a", a, "b", 0, b)
    result: Tensor = GEMM(a, b, out=out, route=route)
    return result


def sign_flip_linear(
    x: Tensor, w: Tensor, *, flip_rate: float, key: int, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """``x @ sign_flip(w).T`` for samples x (..., k) and weights w (m, k); the flips are those of ``sign_flip``.

    Error as for ``gemm``. Differentiable in x and w, to any order.

    NaN and infinities act as in IEEE sums of products.
    Raises KernelError as ``gemm`` and ``sign_flip`` do.
    """
    check_floating("sign_flip_linear", x=x, w=w)
    _check_shapes("sign_flip_linear", "x", x, "w", 1, w)
    flip_threshold(flip_rate, operation="sign_flip_linear")
    key = check_key(key, operation="sign_flip_linear")
    result: Tensor = SIGN_FLIP_LINEAR(x, w, float(flip_rate), key, out=out, route=route)
    return result
