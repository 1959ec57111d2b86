"""Averis as an algorithm: its identities, what its cross terms are made of, and how a token depends on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from claims.kernels import (
    AverisRecipe,
    averis_forward,
    averis_input_gradient,
    averis_linear,
    averis_split,
    averis_weight_gradient,
    dequantize,
    nvfp4_quantize,
)
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record, direction, energy, split_error
from claims.streams import Streams

#: Relative error that the identities may have: 1e-12 of the sum of all terms' magnitudes, 4500 float64 roundings.
_TOLERANCE = 1e-12


def operands(streams: Streams, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    """x (l, m), weight (n, m) and gradient (l, n) of sizes drawn up to 400, 48 and 48, with planted means."""
    sizes = streams.numpy("sizes")
    tokens, channels, outputs = (int(sizes.integers(1, most + 1)) for most in (400, 48, 48))
    generator = streams.torch("operands")

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    x = 2 * drawn(channels) + drawn(tokens, channels)
    gradient = drawn(outputs) + drawn(tokens, outputs)
    return x, drawn(outputs, channels), gradient


def _compared(got: Tensor, a: Tensor, b: Tensor, wrong: Tensor, probe: Tensor) -> dict[str, float]:
    """``got`` and ``a @ b`` seen by a random matrix, with the bound and a version with a mistake."""
    exact = a @ b
    bound = _TOLERANCE * float((probe.abs() * (a.abs() @ b.abs() + 1)).sum())
    values = {"lhs": got, "rhs": exact, "planted": wrong}
    return {name: float((probe * value).sum()) for name, value in values.items()} | {"bound": bound}


def identities(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Equations 11 and 12 without quantization against the plain products, in float64 through autograd.

    Sweep: product, "Y", "dX", "dW/4" (four terms) or "dW/2". Quantities: ``lhs``, the split product, and ``rhs``, the
    plain one, each contracted with a random matrix; ``bound`` on their difference; ``planted``, the product with a
    mistake: Y with the mean of one token too few in the divisor; dX with the mean of D left out; dW with a cross term
    made from X in place of its residual; dW of two terms without the factor l.
    """
    x, weight, gradient = operands(streams)
    mean_x, mean_d, tokens = x.mean(0), gradient.mean(0), len(x)
    plain = {"Y": (x, weight.T), "dX": (gradient, weight), "dW/4": (gradient.T, x), "dW/2": (gradient.T, x)}
    mistakes = {
        "Y": (x - mean_x) @ weight.T + tokens / (tokens + 1) * (mean_x @ weight.T),
        "dX": (gradient - mean_d) @ weight,
        "dW/4": gradient.T @ x + tokens * torch.outer(mean_d, mean_x),
        "dW/2": (gradient - mean_d).T @ (x - mean_x) + torch.outer(mean_d, mean_x),
    }
    records = []
    for product in point["product"]:
        got = _through_autograd(x, weight, gradient, product)
        probe = torch.randn(got.shape, generator=streams.torch(f"probe of {product}"), dtype=torch.float64)
        records.append({"product": product} | _compared(got, *plain[product], mistakes[product], probe))
    return records


def _through_autograd(x: Tensor, weight: Tensor, gradient: Tensor, product: str) -> Tensor:
    recipe = AverisRecipe(format=None, weight_gradient_terms=2 if product == "dW/2" else 4)
    leaves = x.clone().requires_grad_(), weight.clone().requires_grad_()
    y = averis_linear(*leaves, recipe=recipe)
    if product == "Y":
        found: Tensor = y.detach()
    else:
        found = torch.autograd.grad(y, leaves, gradient)[0 if product == "dX" else 1]
    return found


def cross_terms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The two middle terms of equation 12's dW, (D_R^T 1) mu_X + mu_D^T (1^T X_R), and what quantization makes of them.

    Quantities: ``exact``, their sum without quantization, contracted with a random matrix; ``bound`` on it;
    ``quantized``, the same from residuals in NVFP4.
    """
    x, _, gradient = operands(streams)
    mean_x, mean_d = x.mean(0), gradient.mean(0)
    residuals = gradient - mean_d, x - mean_x
    rounded = [dequantize(nvfp4_quantize(r, axis=-2), dtype=torch.float64).T for r in residuals]
    probe = torch.randn(len(mean_d), len(mean_x), generator=streams.torch("probe"), dtype=torch.float64)

    def terms(d: Tensor, a: Tensor) -> Tensor:
        return torch.outer(d.sum(0), mean_x) + torch.outer(mean_d, a.sum(0))

    size = torch.outer(gradient.abs().sum(0), mean_x.abs()) + torch.outer(mean_d.abs(), x.abs().sum(0))
    return {
        "exact": float((probe * terms(*residuals)).sum()),
        "bound": _TOLERANCE * float((probe.abs() * size).sum()),
        "quantized": float((probe * terms(*rounded)).sum()),
    }


def quantized_products(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Equations 11 and 12 as printed, quantized, against the same with the mean matrix written out, in float64.

    Sweep: product, "Y", "dX" or "dW": with bars for what is quantized, (1 mu_X + X_R) W^T, (1 mu_D + D_R) W and
    (1 mu_D + D_R)^T (1 mu_X + X_R). Quantities as in ``identities``, for float32 sums; ``planted`` is the product of
    operands quantized without a split.
    """
    x, weight, gradient = operands(streams, dtype=torch.float32)
    calls = {
        "Y": lambda recipe: averis_forward(x, weight, recipe=recipe),
        "dX": lambda recipe: averis_input_gradient(gradient, weight, recipe=recipe),
        "dW": lambda recipe: averis_weight_gradient(gradient, x, recipe=recipe),
    }
    along, across = _values(nvfp4_quantize(weight)), _values(nvfp4_quantize(weight, axis=-2)).T
    operand = {
        "Y": (_assembled(x, -1, "activation"), along.T),
        "dX": (_assembled(gradient, -1, "gradient"), across),
        "dW": (_assembled(gradient, -2, "gradient"), _assembled(x, -2, "activation").T),
    }
    records = []
    for product in point["product"]:
        a, b = operand[product]
        probe = torch.randn(a.shape[0], b.shape[1], generator=streams.torch(f"probe of {product}"), dtype=torch.float64)
        got, wrong = (calls[product](recipe).double() for recipe in (RECIPES["printed"], RECIPES["plain"]))
        cell = _compared(got, a, b, wrong, probe)
        # Sums of a.shape[1] terms, mean and residual apart: twice the magnitudes, each rounded to float32.
        size = float((probe.abs() * (a.abs() @ b.abs() + 1)).sum())
        records.append({"product": product} | cell | {"bound": 4 * (a.shape[1] + 8) * 2.0**-24 * size})
    return records


def _values(q: Any) -> Tensor:
    values: Tensor = dequantize(q, dtype=torch.float64)
    return values


def _assembled(t: Tensor, axis: int, operand: Any) -> Tensor:
    """1 mu + T_R as quantized, (l, m), or for axis -2 its transpose."""
    part = averis_split(t, axis=axis, operand=operand)
    assert part.mean is not None
    mean = part.mean.double()
    whole: Tensor = _values(part.residual) + (mean if axis == -1 else mean[:, None])
    return whole


def single_token(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """A batch of one token, as in decoding: its mean is the token itself.

    Base point: channels, outputs. Quantities, for a random input: ``printed`` and ``plain``, the output by equation 11
    and by plain quantization, contracted with a random vector; ``bound`` on their difference by float32 sums;
    ``bfloat16``, the output with a BF16 mean, whose error is that of the weight alone.
    """
    generator = streams.torch("token")
    x = torch.randn(1, point["channels"], generator=generator)
    weight = torch.randn(point["outputs"], point["channels"], generator=generator)
    probe = torch.randn(point["outputs"], generator=generator, dtype=torch.float64)
    y = {arm: averis_forward(x, weight, recipe=RECIPES[arm])[0].double() for arm in ("printed", "plain", "bfloat16")}
    size = float((probe.abs() * (weight.abs() @ x[0].abs()).double()).sum())
    bound = 4 * (point["channels"] + 8) * 2.0**-24 * size
    return {arm: float((probe * value).sum()) for arm, value in y.items()} | {"bound": bound}


def later_token(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What the first token's output does when only the last token of the batch is drawn anew.

    In MXFP4, whose scales depend on one token's block alone: in NVFP4 the scale of the tensor couples all tokens too.

    Base point: tokens, channels, outputs, strength. Sweep: arm. Quantities, relative to the energy of the output's
    quantization error (arm "plain"): ``moved``, the energy by which the first output moves.
    """
    tokens, channels = point["tokens"], point["channels"]
    generator = streams.torch("activations")
    x = point["strength"] * torch.randn(channels, generator=generator)
    x = x + torch.randn(tokens, channels, generator=generator)
    weight = torch.randn(point["outputs"], channels, generator=generator)
    other = x.clone()
    other[-1] += 2 * torch.randn(channels, generator=generator)
    first = {}
    for arm in point["arm"]:
        recipe = replace(RECIPES[arm], format="mxfp4")
        first[arm] = [averis_forward(t, weight, recipe=recipe)[0].double() for t in (x, other)]
    error = energy(first["plain"][0] - x[0].double() @ weight.double().T)
    return [{"arm": arm, "moved": energy(after - before) / error} for arm, (before, after) in first.items()]


def batch_of_one(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Error of one token's quantized activation, in a batch and alone.

    Base point: tokens, channels, strength. Sweep: arm, batch ("whole" or "alone"). Quantity: ``error``, mean squared
    error of an element of the first 16 tokens, each in its batch or a batch of its own.
    """
    x = torch.randn(point["tokens"], point["channels"], generator=streams.torch("noise"))
    x += point["strength"] * direction(streams.torch("mean"), point["channels"])
    records = []
    for arm in point["arm"]:
        recipe = RECIPES[arm]
        whole = split_error(x, recipe)[:16]
        alone = torch.cat([split_error(x[i : i + 1], recipe) for i in range(16)])
        for batch, error in (("whole", whole), ("alone", alone)):
            records.append({"arm": arm, "batch": batch, "error": energy(error) / error.numel()})
    return records
