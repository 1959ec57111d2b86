"""The paper's figures measured on a model of Qwen3-0.6B's sizes, at the layers that it names.

The paper's own checkpoints are not published.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from claims.models.known import QWEN3_06B
from claims.models.prepared import decoder, window
from claims.papers.mean_bias.trained.activations import Record, measures
from claims.papers.mean_bias.trained.matrices import steps

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject


def figures(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """``activations.measures`` of the modules that Figure 4 names, over one random window.

    Base point: ``tokens``, ``largest`` (share of the entries that counts as extreme). Sweep: ``module``: "embedding",
    the residual stream before the first layer, or "layer 3", the input of that layer's MLP (counted from 0).

    Raises:
        Unavailable: the subject is not of Qwen3-0.6B's sizes.
    """
    QWEN3_06B.require(point["subject"], "Figures 1 and 4")
    return measured(point, streams)


def measured(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """``figures`` on whatever model has the layers."""
    subject: Subject = point["subject"]
    found = {}
    for step in steps(decoder(subject), window(subject, streams, length=point["tokens"])):
        found[f"layer {step.index}"] = step.inputs["gate"]
        if step.index == 0:
            found["embedding"] = step.before
        found = {name: x for name, x in found.items() if name in point["module"]}
    return [{"module": name} | measures(found[name], largest=point["largest"]) for name in point["module"]]
