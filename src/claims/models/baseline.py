"""The unperturbed model on its text: what every claim about a perturbed one is measured against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from claims.models.prepared import decoder, window
from claims.streams import Streams


def baseline(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Loss of a window of the evaluation part.

    Base point: length (tokens). Quantities, in nats: ``loss``, mean negative log-probability of the next token; and
    ``below_uniform``, how far it lies below the uniform guess ln(vocabulary).
    """
    subject = point["subject"]
    model, tokens = decoder(subject), window(subject, streams, length=point["length"])
    with torch.no_grad():
        loss = float(model.token_losses(model.run(model.embed(tokens)), tokens).mean())
    return {"loss": loss, "below_uniform": math.log(model.architecture.vocabulary) - loss}
