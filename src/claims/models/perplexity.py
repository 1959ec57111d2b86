"""Perplexity: exp of the mean negative log-probability of the next token, one number for a model and a text."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from claims.models.decoder import Decoder


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Mean loss in nats over so many predictions."""

    loss: float
    predictions: int

    @property
    def value(self) -> float:
        """exp(loss)."""
        return math.exp(self.loss)


def perplexity(decoder: Decoder, tokens: Tensor, *, done: Callable[[int], None] = lambda windows: None) -> Perplexity:
    """Over all but the first token of each window (windows, tokens), summed in float64; one window at a time.

    ``done`` is told after each window how many are.
    """
    import torch

    total = 0.0
    with torch.inference_mode():
        for i, window in enumerate(tokens):
            stream = decoder.run(decoder.embed(window[None]))
            total += float(decoder.token_losses(stream, window[None]).sum())
            done(i + 1)
    predictions = tokens.shape[0] * (tokens.shape[1] - 1)
    return Perplexity(total / predictions, predictions)
