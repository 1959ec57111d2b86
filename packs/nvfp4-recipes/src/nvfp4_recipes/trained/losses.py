"""The loss of a trained model whose linear maps are computed from 4-bit weights and 4-bit activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from claims.models.decoder import product
from claims.models.divergence import divergences
from claims.models.prepared import decoder, window
from nvfp4_recipes.numerics.drawn import Record
from nvfp4_recipes.trained.operands import values

if TYPE_CHECKING:
    from claims.streams import Streams


def losses(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What quantizing both operands of every linear map does to predictions, over the seed's own window.

    Base point: subject; tokens. Sweep: arm, of ``operands.values``. Quantities, averaged over predictions, in nats:
    ``change`` of the loss and ``kl``, KL(model || arm).
    """
    model, tokens = decoder(point["subject"]), window(point["subject"], streams, length=point["tokens"])

    def arm_of(arm: str) -> Tensor:
        def linear(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return product(values(x[0], arm).float()[None], values(weight, arm).float(), bias)

        return model.run(model.embed(tokens), linear=linear)

    with torch.no_grad():
        clean = model.run(model.embed(tokens))
        found = divergences(model, clean, [arm_of(arm) for arm in point["arm"]], tokens)
    return [{"arm": arm, "change": one.change, "kl": one.kl} for arm, one in zip(point["arm"], found, strict=True)]
