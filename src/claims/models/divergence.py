"""How far a perturbed model is from the model: change of the loss, and KL divergence, over the tokens of a window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from claims.models.decoder import Decoder

#: Positions whose logits exist at a time, and of these how many in float64: 16 x 49,152 are 6 MB, which caches hold.
_POSITIONS, _ROWS = 128, 16


@dataclass(frozen=True, slots=True)
class Divergence:
    """Means over predictions, in nats.

    Attributes:
        loss: negative log-probability of the next token under the model.
        change: how much larger it is under the perturbed model.
        kl: KL(model || perturbed), never negative.
    """

    loss: float
    change: float
    kl: float


def divergence(model: Decoder, clean: Tensor, perturbed: Tensor, tokens: Tensor) -> Divergence:
    """Compare two residual streams after the last layer, (windows, tokens, width), on the tokens that follow.

    Logits are in the model's dtype, log-probabilities and sums in float64: a float32 mean over 511 tokens was measured
    to be 9e-6 nats off, more than many a perturbation.
    """
    return divergences(model, clean, [perturbed], tokens)[0]


def divergences(model: Decoder, clean: Tensor, perturbed: Sequence[Tensor], tokens: Tensor) -> list[Divergence]:
    """``divergence`` of each of several perturbed streams, to the bit, with the clean logits made once for all."""
    sums = torch.zeros(len(perturbed), 3, dtype=torch.float64)
    streams = [torch.split(stream[:, :-1].flatten(0, 1), _POSITIONS) for stream in (clean, *perturbed)]
    following = torch.split(tokens[:, 1:].flatten(), _POSITIONS)
    with torch.no_grad():
        for chosen, before, *after in zip(following, *streams, strict=True):
            parts = list(map(_Predicted.of, torch.split(model.logits(before), _ROWS), torch.split(chosen, _ROWS)))
            for i, part in enumerate(after):
                for one, logits in zip(parts, torch.split(model.logits(part), _ROWS), strict=True):
                    sums[i] += one.against(logits)
    return [Divergence(*(row / tokens[:, 1:].numel()).tolist()) for row in sums]


@dataclass(frozen=True, slots=True)
class _Predicted:
    """What the model predicts at some positions, float64.

    Attributes:
        logits: (positions, vocabulary).
        normaliser: logarithm of the sum of their exponentials, (positions,).
        weights: probabilities, (positions, vocabulary).
        token: the token that does follow, (positions, 1).
    """

    logits: Tensor
    normaliser: Tensor
    weights: Tensor
    token: Tensor

    @staticmethod
    def of(logits: Tensor, following: Tensor) -> _Predicted:
        wide = logits.double()
        normaliser = wide.logsumexp(-1)
        return _Predicted(wide, normaliser, (wide - normaliser[:, None]).exp_(), following[:, None])

    def against(self, logits: Tensor) -> Tensor:
        """Sums over the positions of what ``Divergence`` has: float64 (3,)."""
        wide = logits.double()
        shift, gap = wide.logsumexp(-1) - self.normaliser, self.logits - wide
        loss = (self.normaliser - self.logits.gather(1, self.token)[:, 0]).sum()
        change = (gap.gather(1, self.token)[:, 0] + shift).sum()
        return torch.stack([loss, change, (torch.linalg.vecdot(self.weights, gap) + shift).sum()])
