"""Perplexity: exp of the mean negative log-probability of the next token, one number for a model and a text."""

from __future__ import annotations

import math
import sys
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

    Raises:
        ModelError: it is no finite number, since something in the model overflows.
    """
    import torch

    from claims.errors import ModelError

    total = 0.0
    with torch.inference_mode():
        for i, window in enumerate(tokens):
            stream = decoder.run(decoder.embed(window[None]))
            total += float(decoder.token_losses(stream, window[None]).sum())
            done(i + 1)
    predictions = tokens.shape[0] * (tokens.shape[1] - 1)
    found = Perplexity(total / predictions, predictions)
    if not found.loss < math.log(sys.float_info.max):  # nan is not smaller either
        got = f"a loss of {found.loss} nats a token"
        raise ModelError(f"{decoder.checkpoint.path}: {got}; allowed: one whose exponential is a finite number")
    return found
