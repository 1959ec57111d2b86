"""Matrices of tokens (rows) and channels (columns) inside a trained model, over one window of text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from claims.models.decoder import Decoder, product


@dataclass(frozen=True, slots=True)
class Step:
    """One layer of a model over a window of l tokens; every matrix is (l, channels).

    Attributes:
        index: of the layer.
        before: the residual stream that it reads.
        after: the residual stream behind it.
        inputs: of its linear maps, by "q", "k", "v", "o", "gate", "up" and "down".
        outputs: of its linear maps.
    """

    index: int
    before: Tensor
    after: Tensor
    inputs: dict[str, Tensor] = field(repr=False)
    outputs: dict[str, Tensor] = field(repr=False)


def layer_at(model: Decoder, depth: float) -> int:
    """The layer at a relative depth: 0 is the first one, 1 the last one."""
    return round(depth * (model.architecture.layers - 1))


def steps(model: Decoder, tokens: Tensor) -> Iterator[Step]:
    """Run a window (1, l) through the model, a layer at a time, so that one layer's matrices are in memory."""
    with torch.no_grad():
        stream = model.embed(tokens)
    for index in range(model.architecture.layers):
        inputs: dict[str, Tensor] = {}
        outputs: dict[str, Tensor] = {}

        def watch(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            part = name.rpartition(".")[2]
            y = product(x, weight, bias)
            inputs[part], outputs[part] = x[0], y[0]  # noqa: B023 - called within this turn only
            return y

        with torch.no_grad():
            following = model.run(stream, start=index, stop=index + 1, linear=watch)
        yield Step(index, stream[0], following[0], inputs, outputs)
        stream = following
