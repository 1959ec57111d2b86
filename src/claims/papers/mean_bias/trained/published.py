"""The paper's figures measured on a model of Qwen3-0.6B's sizes, at the layers that it names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from claims.models.prepared import decoder, window
from claims.papers.mean_bias.trained.activations import Record, measures
from claims.papers.mean_bias.trained.matrices import steps

if TYPE_CHECKING:
    from claims.models.architecture import Architecture
    from claims.streams import Streams
    from claims.subject import Subject

#: Layers, width, heads, heads of keys and values, channels of a head, width inside the MLP.
QWEN3_SMALLEST = (28, 1024, 16, 8, 128, 3072)
WANTED = (
    "measures Figures 1 and 4 on Qwen3-0.6B (28 layers, width 1024; the paper's own checkpoints are not published): "
    "claimbench audit 'mean-bias.replication.*' --model FOLDER"
)


def is_qwen3_smallest(model: Architecture) -> bool:
    """Whether a model has the family and the sizes of Qwen3-0.6B."""
    sizes = (model.layers, model.width, model.heads, model.kv_heads, model.head_size, model.hidden)
    return model.family == "qwen3" and sizes == QWEN3_SMALLEST


def figures(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """``activations.measures`` of the modules that Figure 4 names, over one random window.

    Base point: ``tokens``, ``largest`` (share of the entries that counts as extreme). Sweep: ``module``: "embedding",
    the residual stream before the first layer, or "layer 3", the input of that layer's MLP (counted from 0).

    Raises:
        Unavailable: the subject is not of Qwen3-0.6B's sizes.
    """
    subject: Subject = point["subject"]
    model = decoder(subject)
    subject.require(is_qwen3_smallest(model.architecture), WANTED)
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
