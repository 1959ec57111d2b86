"""4-bit errors of what a trained model multiplies: weights, and activations over one window of text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claims.kernels import dequantize, mxfp4_quantize, nvfp4_quantize
from claims.models.decoder import product
from claims.models.prepared import decoder, window
from nvfp4_recipes.numerics.blocks import rotated
from nvfp4_recipes.numerics.drawn import Record, relative_error

if TYPE_CHECKING:
    from claims.streams import Streams

_LENGTHS = {"nvfp4": 16, "mxfp4": 32}


def values(x: Tensor, arm: str, key: int = 0) -> Tensor:
    """Values of a matrix with blocks along its rows, float64.

    Arms: a format, "nvfp4" or "mxfp4"; "nvfp4 chosen", with a choice of two scales; "<format> rotated", behind a random
    Hadamard transform of the format's blocks and turned back.
    """
    name, _, option = arm.partition(" ")
    block = _LENGTHS[name]
    padded = torch.nn.functional.pad(x, (0, -x.shape[-1] % block))
    seen = rotated(padded, block, key).float() if option == "rotated" else padded
    if option == "chosen":
        q = nvfp4_quantize(seen, four_over_six="squared", largest_scale=256)
    else:
        q = nvfp4_quantize(seen) if name == "nvfp4" else mxfp4_quantize(seen)
    found: Tensor = dequantize(q, dtype=torch.float64)
    if option == "rotated":
        found = rotated(found, block, key, inverse=True)
    return found[..., : x.shape[-1]]


def errors(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Logarithms of squared errors relative to the energy, averaged over a model's linear maps.

    Base point: subject; tokens. Sweep: operand, "weight" (the same for every seed) or "activation", the input of each
    map over the seed's own window; arm, of ``values``. Quantity: ``log_error``.
    """
    subject = point["subject"]
    model, tokens, key = decoder(subject), window(subject, streams, length=point["tokens"]), streams.key("signs")
    sums: dict[tuple[str, str], list[float]] = {}

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if name.rpartition(".")[2] in ("q", "o", "gate", "down"):  # k and v read what q reads, up what gate reads
            for operand, matrix in (("activation", x[0]), ("weight", weight)):
                for arm in point["arm"] if operand in point["operand"] else ():
                    error = relative_error(values(matrix, arm, key), matrix)
                    sums.setdefault((operand, arm), []).append(math.log(error))
        return product(x, weight, bias)

    with torch.no_grad():
        model.run(model.embed(tokens), linear=watched)
    return [
        {"operand": operand, "arm": arm, "log_error": sum(found) / len(found)}
        for operand in point["operand"]
        for arm in point["arm"]
        for found in [sums[operand, arm]]
    ]
