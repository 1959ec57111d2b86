"""Rows of the table in full precision: normalisation, perturbations, energies, products."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.rows import KEY, RATE, Row, compiled, excess, normal, product_bound, row, unequal
from claims import kernels

# Steps an element of float32 whose sums are float64, twice as wide: to float64 (for the square and for the quotient),
# square, add, quotient, back; the derivative has two tensors, two sums, and subtracts what lies along the row.
NORM_STEPS, JVP_STEPS = 2 * 6 + 2, 2 * 12 + 3


def rms(x: Tensor) -> Tensor:
    """RMSNorm as one writes it."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True))


@row("rms_norm")
def _rms_norm() -> Row:
    x = normal(8192, 4096)
    out, by_compile = torch.empty_like(x), compiled(rms)
    expected = kernels.rms_norm(x[:64], route="reference")
    return Row(
        shape="8192x4096",
        limit="copy",
        bytes=2 * x.nbytes,
        arithmetic={"steps": NORM_STEPS * x.numel()},
        ours=lambda: kernels.rms_norm(x, out=out),
        check=lambda: excess(kernels.rms_norm(x)[:64], expected, 2.0**-23 * expected.double().abs()),
        peers=lambda: {
            "F.rms_norm": lambda: torch.nn.functional.rms_norm(x, (4096,)),
            "compile": lambda: by_compile(x),
        },
        default_pages="F.rms_norm",
        aims={"copy": 0.65, "F.rms_norm (4 KiB pages)": 15},
    )


@row("rms_norm_jvp")
def _rms_norm_jvp() -> Row:
    x, h = normal(4096, 4096), normal(4096, 4096, seed=1)
    out = torch.empty_like(x)

    def eager(x: Tensor, h: Tensor) -> Tensor:
        r = torch.rsqrt(x.square().mean(-1, keepdim=True))
        u = x * r
        return (h - u * (u * h).mean(-1, keepdim=True)) * r

    by_compile, expected = compiled(eager), kernels.rms_norm_jvp(x[:64], h[:64], route="reference")
    return Row(
        shape="4096x4096",
        limit="copy",
        bytes=3 * x.nbytes,
        arithmetic={"steps": JVP_STEPS * x.numel()},
        ours=lambda: kernels.rms_norm_jvp(x, h, out=out),
        check=lambda: excess(kernels.rms_norm_jvp(x, h)[:64], expected, 2.0**-23 * expected.double().abs() + 1e-12),
        peers=lambda: {"eager": lambda: eager(x, h), "compile": lambda: by_compile(x, h)},
    )


@row("transverse_energy")
def _transverse_energy() -> Row:
    y, dy = normal(8000, 2048), normal(8000, 2048, seed=1)

    def eager(y: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
        total, along = dy.square().sum(-1), (y * dy).sum(-1)
        radial = along.square() / y.square().sum(-1)
        return total, total - radial

    by_compile, expected = compiled(eager), kernels.transverse_energy(y[:64], dy[:64], route="reference")
    return Row(
        shape="8000x2048",
        limit="read",
        bytes=2 * y.nbytes,
        ours=lambda: kernels.transverse_energy(y, dy),
        check=lambda: excess(kernels.transverse_energy(y, dy)[2][:64], expected[2], 5000 * 2.0**-53 * expected[0]),
        peers=lambda: {"eager": lambda: eager(y, dy), "compile": lambda: by_compile(y, dy)},
        aims={"read": 0.85},
    )


@row("sign_flip")
def _sign_flip() -> Row:
    w = normal(2048, 2048)
    out = torch.empty_like(w)

    def eager(w: Tensor) -> Tensor:
        return torch.where(torch.rand_like(w) < RATE, -w, w)

    by_compile, expected = compiled(eager), kernels.sign_flip(w, flip_rate=RATE, key=KEY, route="reference")
    return Row(
        shape="2048x2048",
        limit="copy",
        bytes=2 * w.nbytes,
        arithmetic={"words": w.numel(), "steps": 2 * w.numel()},
        ours=lambda: kernels.sign_flip(w, flip_rate=RATE, key=KEY, out=out),
        check=lambda: unequal(kernels.sign_flip(w, flip_rate=RATE, key=KEY), expected),
        peers=lambda: {"eager": lambda: eager(w), "compile": lambda: by_compile(w)},
    )


@row("magnitude_step")
def _magnitude_step() -> Row:
    w = normal(2048, 2048)
    out = torch.empty_like(w)

    def eager(w: Tensor) -> Tensor:
        return w + 0.1 * torch.sign(w)

    by_compile, expected = compiled(eager), kernels.magnitude_step(w, size=0.1, route="reference")
    return Row(
        shape="2048x2048",
        limit="copy",
        bytes=2 * w.nbytes,
        ours=lambda: kernels.magnitude_step(w, size=0.1, out=out),
        check=lambda: unequal(kernels.magnitude_step(w, size=0.1), expected),
        peers=lambda: {"eager": lambda: eager(w), "compile": lambda: by_compile(w)},
    )


@row("gemm")
def _gemm() -> Row:
    a, b = normal(2048, 2048), normal(2048, 2048, seed=1)
    some = a[:64].double() @ b.double()
    return Row(
        shape="2048^3",
        limit="gemm",
        operations=2 * 2048**3,
        product=(2048, 2048, 2048),
        ours=lambda: kernels.gemm(a, b),
        check=lambda: excess(kernels.gemm(a, b)[:64], some, product_bound(a[:64], b)),
        peers=lambda: {"torch.mm": lambda: torch.mm(a, b)},
        aims={"torch.mm": 2},
    )


@row("sign_flip_linear", "sign_flip_linear", "sign_flip", "gemm")
def _sign_flip_linear() -> Row:
    x, w = normal(2048, 2048), normal(2048, 2048, seed=1)
    flipped = kernels.sign_flip(w, flip_rate=RATE, key=KEY, route="reference")
    some = x[:64].double() @ flipped.double().T

    def eager() -> Tensor:
        return x @ torch.where(torch.rand_like(w) < RATE, -w, w).T

    return Row(
        shape="2048^3",
        limit="gemm",
        operations=2 * 2048**3,
        product=(2048, 2048, 2048),
        ours=lambda: kernels.sign_flip_linear(x, w, flip_rate=RATE, key=KEY),
        check=lambda: excess(
            kernels.sign_flip_linear(x, w, flip_rate=RATE, key=KEY)[:64], some, product_bound(x[:64], flipped.T)
        ),
        peers=lambda: {"eager": eager, "its gemm": lambda: kernels.gemm(x, w.T)},
        aims={"its gemm": 1 / 1.05},
    )
