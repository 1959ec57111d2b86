"""What a step of Averis costs, counted by a tracer of torch's dispatcher: operations, arithmetic, memory and passes.

Counts depend on shapes and recipes alone. What the kernels of this project do is counted from their run; where a cost
is that of an algorithm, a few lines of plain torch stand for it.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from claims.errors import Unavailable
from claims.kernels import (
    RHT_SIGNS,
    averis_forward,
    averis_input_gradient,
    averis_weight_gradient,
    hadamard_transform,
    native,
)
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, Record
from claims.papers.mean_bias.experiments.tracer import Trace, counted
from claims.streams import Streams


def _operands(point: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """x, weight and gradient of the point's shape; no two rows alike, so that no two operations look the same."""
    generator = torch.Generator().manual_seed(0)
    shapes = ("tokens", "channels"), ("outputs", "channels"), ("tokens", "outputs")
    x, weight, gradient = (torch.randn([point[name] for name in shape], generator=generator) for shape in shapes)
    return x, weight, gradient


def _needs_library() -> None:
    if (why := native.obstacle()) is not None:
        raise Unavailable(f"needs the compiled CPU kernels, whose operations are counted: {why}")


def _kind(name: str, args: tuple[Any, ...]) -> str | None:
    """What an operation of a training step is, or None for bookkeeping."""
    if name == "claims.column_statistics.default":
        return "means"
    if name in ("claims.nvfp4_quantize.default", "claims.mxfp4_quantize.default"):
        if args[0].shape[0] == 1:
            return "vector_quantizations"
        return "quantizations" if args[1] is None else "centred_quantizations"
    if name == "claims.gemm.default":
        return "products"
    if name == "claims.block_scaled_matmul.default":  # the mean's codes, one row, times the weight's
        return "vector_products"
    if name == "aten.mv.default":
        return "column_sums" if bool((args[1] == 1).all()) else "vector_products"
    if name == "aten.add_.Tensor" and args[0].dim() == 2 and args[1].dim() == 1:
        return "broadcast_additions"
    return "outer_products" if name == "aten.addr_.default" else None


KINDS = (
    "means",
    "centred_quantizations",
    "quantizations",
    "products",
    "vector_quantizations",
    "vector_products",
    "broadcast_additions",
    "column_sums",
    "outer_products",
)


def step_operations(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Operations of one training step of a linear layer: Y, dX and dW by the kernels.

    What is done twice to the same operands counts once: a step would keep it. Weights count as operands of Y and dX.

    Base point: tokens, channels, outputs. Sweep: arm, of ``planted_mean.RECIPES``. Quantities, numbers of: ``means``
    (each one pass over a matrix), ``centred_quantizations`` (the mean is subtracted on the way) and ``quantizations``
    of matrices, ``products`` of two matrices, ``vector_quantizations``, ``vector_products`` (matrix times mean),
    ``broadcast_additions``, ``column_sums`` and ``outer_products``; ``beside``, all but the first four.
    """
    _needs_library()
    x, weight, gradient = _operands(point)
    records = []
    for arm in point["arm"]:
        recipe = RECIPES[arm]
        done: set[tuple[str, str]] = set()

        def seen(name: str, args: tuple[Any, ...], result: Any, done: set[tuple[str, str]] = done) -> None:
            kind = _kind(name, args)
            if kind is not None:
                sources = args[1:] if name.endswith("_.Tensor") or "addr_" in name else args
                done.add((kind, _digest(sources)))

        with Trace(seen):
            averis_forward(x, weight, recipe=recipe)
            averis_input_gradient(gradient, weight, recipe=recipe)
            averis_weight_gradient(gradient, x, recipe=recipe)
        counts = Counter(kind for kind, _ in done)
        beside = sum(counts[kind] for kind in KINDS[4:])
        records.append({"arm": arm, "beside": float(beside)} | {kind: float(counts[kind]) for kind in KINDS})
    return records


def _digest(values: tuple[Any, ...]) -> str:
    """A name for what tensors hold; numbers and options are left out."""
    content = hashlib.sha256()
    for value in values:
        if isinstance(value, Tensor):
            content.update(repr(tuple(value.shape)).encode())
            content.update(value.detach().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return content.hexdigest()


def allocations(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The largest piece of memory that a step by the kernels asks for, beside its results.

    Base point: tokens, channels, outputs. Sweep: arm. Quantities: ``largest``, in units of the mean matrix 1 mu_X in
    float32; ``written_out``, the same for a step that makes that matrix, to see that the tracer would notice.
    """
    _needs_library()
    x, weight, gradient = _operands(point)
    matrix = x.numel() * x.element_size()
    results = [torch.empty(len(x), len(weight)), torch.empty_like(x), torch.empty_like(weight)]
    known = {t.untyped_storage().data_ptr() for t in (x, weight, gradient, *results)}

    def largest(step: Callable[[], object]) -> float:
        sizes = [0]

        def seen(name: str, args: tuple[Any, ...], result: Any) -> None:
            for made in result if isinstance(result, tuple | list) else (result,):
                if not isinstance(made, Tensor) or made.device.type == "meta":  # shapes only, no memory
                    continue
                if made.untyped_storage().data_ptr() not in known:
                    sizes.append(made.untyped_storage().nbytes())

        with Trace(seen, inside=True):
            step()
        return max(sizes) / matrix

    def averis(arm: str) -> None:
        recipe = RECIPES[arm]
        averis_forward(x, weight, recipe=recipe, out=results[0])
        averis_input_gradient(gradient, weight, recipe=recipe, out=results[1])
        averis_weight_gradient(gradient, x, recipe=recipe, out=results[2])

    written_out = largest(lambda: torch.ones(len(x), 1) * x.mean(0))
    return [
        {"arm": arm, "largest": largest(lambda arm=arm: averis(arm)), "written_out": written_out}  # type: ignore[misc]
        for arm in point["arm"]
    ]


def operand_passes(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """How often X is read from memory until it is quantized for Y.

    A quantizer reads it once, and once more before if it has to find the tensor's largest magnitude (NVFP4 that is not
    given it); the column statistics read it once and give that magnitude.

    Base point: tokens, channels, outputs. Sweep: arm, format. Quantity: ``passes``.
    """
    _needs_library()
    x, weight, _ = _operands(point)
    records = []
    for arm in point["arm"]:
        for name in point["format"]:
            reads = [0]

            def seen(operation: str, args: tuple[Any, ...], result: Any, reads: list[int] = reads) -> None:
                if args and isinstance(args[0], Tensor) and args[0].data_ptr() == x.data_ptr():
                    searches = operation == "claims.nvfp4_quantize.default" and args[2] is None
                    reads[0] += (2 if searches else 1) if operation.startswith("claims.") else 0

            with Trace(seen):
                averis_forward(x, weight, recipe=replace(RECIPES[arm], format=name))
            records.append({"arm": arm, "format": name, "passes": float(reads[0])})
    return records


def arithmetic(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Arithmetic beside the product of matrices, relative to that product's 2 l m n (l tokens, m channels, n outputs).

    Base point: tokens, channels, outputs. Quantities: ``forward``, equation 11 (mean, subtraction, mu W, addition);
    ``input_gradient``, the same of equation 12's dX; ``cross_terms`` and ``mean_term`` of equation 12's dW;
    ``hadamard``, the transform of X in blocks of 16 with signs; ``power_iteration``, one step of one towards the first
    singular vector of X; ``gram``, X^T X, the first step of an exact decomposition.
    """
    x, weight, gradient = _operands(point)
    vector, zeros = torch.ones(point["channels"]), torch.zeros_like(weight)
    over_outputs = torch.ones(point["outputs"])

    def forward() -> None:
        mean = x.mean(0)
        (x - mean) @ weight.T + torch.mv(weight, mean)

    def input_gradient() -> None:
        mean = gradient.mean(0)
        (gradient - mean) @ weight + torch.mv(weight.T, mean)

    def cross_terms() -> None:
        torch.addr(torch.addr(zeros, gradient.sum(0), vector), over_outputs, x.sum(0))

    algorithms: dict[str, Callable[[], object]] = {
        "forward": forward,
        "input_gradient": input_gradient,
        "cross_terms": cross_terms,
        "mean_term": lambda: torch.addr(zeros, over_outputs, vector),
        "hadamard": lambda: hadamard_transform(x, signs=RHT_SIGNS, route="reference"),
        "power_iteration": lambda: torch.mv(x.T, torch.mv(x, vector)),
        "gram": lambda: x.T @ x,
    }
    product = 2 * math.prod(point[name] for name in ("tokens", "channels", "outputs"))
    costs = {}
    for name, algorithm in algorithms.items():
        flops = counted(algorithm)
        costs[name] = (sum(flops.values()) - (flops["mm"] if name in ("forward", "input_gradient") else 0)) / product
    return costs
