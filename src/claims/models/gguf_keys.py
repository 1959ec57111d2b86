"""Which architecture the metadata of a GGUF file describes.

Every key of the architecture's name space is used, or known to change nothing, or refused. The meanings are those of
llama.cpp, which the specification leaves most of them to. Other name spaces are anybody's, and nothing is read there.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claims.errors import ModelError
from claims.models import rope
from claims.models.architecture import FAMILIES, Architecture, largest_dimension
from claims.models.fields import Fields, same

#: Keys of the architecture's name space that the reader uses.
_USED = (
    *("block_count", "context_length", "embedding_length", "feed_forward_length", "vocab_size"),
    *("attention.head_count", "attention.head_count_kv", "attention.key_length", "attention.value_length"),
    *("attention.layer_norm_rms_epsilon", "rope.freq_base", "rope.dimension_count"),
    *("rope.scaling.type", "rope.scaling.factor", "rope.scale_linear"),
)
#: Keys that change nothing at some values: what else they might say is not run here.
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "attention.causal": (True,),
    "attention.clamp_kqv": (0.0,),
    "attention.max_alibi_bias": (0.0,),
    "attention.scale": (0.0,),
    "attention.sliding_window": (0,),
    "attn_logit_softcapping": (0.0,),
    "embedding_scale": (0.0, 1.0),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "final_logit_softcapping": (0.0,),
    "leading_dense_block_count": (0,),
    "logit_scale": (0.0, 1.0),
    "nextn_predict_layers": (0,),
    "pooling_type": (0,),
    "residual_scale": (0.0, 1.0),
    "rope.scaling.attn_factor": (1.0,),
    "rope.scaling.yarn_attn_factor": (1.0,),
    "rope.scaling.yarn_ext_factor": (0.0,),
    "tensor_data_layout": ("reference", "Meta AI original pth"),
    "use_parallel_residual": (False,),
}
#: Keys that are about something else than the forward pass within the context.
_HARMLESS = ("rope.scaling.original_context_length", "rope.scaling.finetuned")
#: Of the general keys, those that tell another kind of file.
_GENERAL: Mapping[str, tuple[object, ...]] = {
    "general.type": ("model",),
    "general.quantization_version": (2,),
    "split.count": (0, 1),
    "split.no": (0,),
}


def architecture_of(
    path: Path, values: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], factors: tuple[float, ...]
) -> Architecture:
    """The architecture that the metadata and the tensors' shapes describe.

    Args:
        path: of the file.
        values: of the metadata, by key.
        shapes: of the tensors, by name in the file.
        factors: of rope_freqs.weight, which divide the rotary frequencies; empty if there are none.

    Raises:
        ModelError: a key is missing, has a value that its type or the others rule out, or says what is not run here.
    """
    everything = Fields(path, values)
    family = everything.choice("general.architecture", FAMILIES)
    everything.neutral(_GENERAL)
    own = f"{family}."
    fields = Fields(path, {key.removeprefix(own): v for key, v in values.items() if key.startswith(own)}, own)
    for key in fields.values:
        if key not in _USED and key not in _NEUTRAL and key not in _HARMLESS:
            raise fields.wrong(key, "no such key, which no model that is run here has")
    fields.neutral(_NEUTRAL)
    most = largest_dimension(shapes)
    heads, width = fields.whole("attention.head_count"), fields.whole("embedding_length", most=most)
    head_size = fields.whole("attention.key_length", max(1, width // heads), most=most)
    for key in ("attention.value_length", "rope.dimension_count"):
        if fields.whole(key, head_size) != head_size:
            raise fields.wrong(key, f"{head_size}, the channels of a head")
    embedding = shapes.get("token_embd.weight")
    if embedding is None:
        raise ModelError(f"{path}: tensor token_embd.weight is missing")
    if fields.whole("vocab_size", embedding[0]) != embedding[0]:
        raise fields.wrong("vocab_size", f"{embedding[0]}, the rows of token_embd.weight")
    return Architecture(
        family=family,
        layers=fields.whole("block_count"),
        width=width,
        heads=heads,
        kv_heads=fields.whole("attention.head_count_kv", heads),
        head_size=head_size,
        hidden=fields.whole("feed_forward_length"),
        vocabulary=embedding[0],
        context=fields.whole("context_length"),
        epsilon=fields.number("attention.layer_norm_rms_epsilon"),
        rope_base=fields.number("rope.freq_base", 10_000.0),
        tied="output.weight" not in shapes,
        rope_divisors=_divisors(fields, head_size, factors),
    )


def _divisors(fields: Fields, head_size: int, factors: tuple[float, ...]) -> tuple[float, ...]:
    """Divisors of the rotary frequencies: those of the tensor, times the factor of linear scaling.

    A factor without a type is linear, zero is no factor, and ``rope.scale_linear`` is the factor's older name.
    """
    kind = fields.choice("rope.scaling.type", ("none", "linear"), "linear")
    factor = 1.0
    for key in ("rope.scale_linear", "rope.scaling.factor"):
        if not same(fields.values.get(key, 0.0), 0.0):
            factor = fields.number(key)
            if kind == "none" and factor != 1.0:
                raise fields.wrong(key, f"1, since {fields.prefix}rope.scaling.type is 'none'")
    if factor == 1.0:
        return factors
    scaled = rope.linear(factor, head_size)
    return tuple(a * b for a, b in zip(scaled, factors, strict=True)) if factors else scaled
