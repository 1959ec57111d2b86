"""Which architecture ``config.json`` describes, in every spelling that transformers has had and gives these families.

A key that changes the forward pass is used or refused; keys that are not known here are not known to transformers'
models of these families either, which leave them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claims.models import rope
from claims.models.architecture import FAMILIES, Architecture, largest_dimension
from claims.models.fields import Fields, shown

#: Keys of these families, and of their kin, that change the forward pass, with the values at which they do not.
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    **dict.fromkeys(("attention_bias", "mlp_bias", "qkv_bias", "use_bias", "use_cross_attention"), (False, None)),
    **dict.fromkeys(("use_sliding_window", "use_parallel_residual", "parallel_attn", "alibi"), (False, None)),
    **dict.fromkeys(("use_qk_norm", "qk_layernorm", "rope_interleave", "rope_interleaved"), (False, None)),
    **dict.fromkeys(("is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"), (False, None)),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size"), (0, None)),
    **dict.fromkeys(("embedding_multiplier", "residual_multiplier", "logits_scaling", "lm_head_multiplier"), (1, None)),
    **dict.fromkeys(("logit_scale", "scale_emb", "key_multiplier", "partial_rotary_factor", "rotary_pct"), (1, None)),
    **dict.fromkeys(("attention_multiplier", "query_pre_attn_scalar", "scale_depth", "dim_model_base"), (None,)),
    **dict.fromkeys(("attn_logit_softcapping", "final_logit_softcapping", "clip_qkv", "attn_scale"), (None,)),
    **dict.fromkeys(("no_rope_layers", "attention_chunk_size", "attn_temperature_tuning", "floor_scale"), (None,)),
    **dict.fromkeys(("original_max_position_embeddings", "quantization_config", "compression_config"), (None,)),
    "auto_map": ({}, None),  # code of the model's own, which is never run
    "hidden_act": ("silu", "swish"),
    "is_causal": (True, None),
    "pruned_heads": ({}, None),
}
#: Keys of rotary positions, by the way in which they are scaled.
_ROPE = {
    "default": (),
    "linear": ("factor",),
    "llama3": ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"),
}


def architecture_of(
    path: Path, config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], *, tied: bool | None = None
) -> Architecture:
    """The architecture that a configuration describes.

    Args:
        path: of config.json.
        config: what is in it.
        shapes: of the tensors, by name in the files.
        tied: whether the head is the embedding, where the weights say so; else ``tie_word_embeddings`` does.

    Raises:
        ModelError: a key is missing, has a value that the format rules out, or says what is not run here.
    """
    family = Fields(path, config).choice("model_type", FAMILIES)
    # Keys for which null is the default, as in transformers.
    optional = ("num_key_value_heads", "architectures", "layer_types", "sliding_window") + (
        () if family == "qwen3" else ("head_dim",)
    )
    fields = Fields(path, {key: v for key, v in config.items() if v is not None or key not in optional})
    fields.neutral(_NEUTRAL)
    _check_causal(fields, family)
    most = largest_dimension(shapes)
    heads, width = fields.whole("num_attention_heads"), fields.whole("hidden_size", most=most)
    layers, context = fields.whole("num_hidden_layers"), fields.whole("max_position_embeddings")
    _check_windows(fields, family, layers)
    head_size = fields.whole("head_dim", 128 if family == "qwen3" else max(1, width // heads), most=most)
    base, divisors = _rotations(fields, head_size, context)
    tie = fields.flag("tie_word_embeddings", False)
    return Architecture(
        family=family,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", heads),
        head_size=head_size,
        hidden=fields.whole("intermediate_size"),
        vocabulary=fields.whole("vocab_size"),
        context=context,
        epsilon=fields.number("rms_norm_eps"),
        rope_base=base,
        tied=tie if tied is None else tied,
        rope_divisors=divisors,
    )


def _check_causal(fields: Fields, family: str) -> None:
    """A model that predicts the next token, not one that was made of it for something else."""
    wanted = f"{family}forcausallm"
    named = fields.values.get("architectures", [wanted])
    if not isinstance(named, list) or any(not isinstance(name, str) or name.lower() != wanted for name in named):
        raise fields.wrong("architectures", f"the {family} family's ...ForCausalLM")


def _check_windows(fields: Fields, family: str, layers: int) -> None:
    """Every layer sees all that came before. Qwen's files name a window and say elsewhere whether it is used."""
    if family == "llama" and "sliding_window" in fields:
        raise fields.wrong("sliding_window", "null, or no such key")
    kinds = fields.values.get("layer_types", [])
    if not isinstance(kinds, list) or any(kind != "full_attention" for kind in kinds) or len(kinds) not in (0, layers):
        raise fields.wrong("layer_types", "full_attention for each layer")


def _rotations(fields: Fields, head_size: int, context: int) -> tuple[float, tuple[float, ...]]:
    """Base and divisors of the rotary frequencies.

    They are in ``rope_scaling``, with the base beside it, or since transformers 5 in ``rope_parameters`` with the base
    inside; the former counts where both are. Inside, ``rope_type`` was called ``type`` once.
    """
    key = "rope_scaling" if fields.values.get("rope_scaling") else "rope_parameters"
    found = fields.values.get(key)
    if found is not None and not isinstance(found, dict):
        raise fields.wrong(key, "an object or null")
    other = fields.values.get("rope_scaling")
    if other is not None and not isinstance(other, dict):
        raise fields.wrong("rope_scaling", "an object or null")
    inside = Fields(fields.path, found or {}, f"{key}.")
    outside = fields.number("rope_theta", 10_000.0)
    base = inside.number("rope_theta", outside)
    kind = inside.choice("rope_type" if "rope_type" in inside else "type", _ROPE, "default")
    inside.neutral({"type": (kind,), "partial_rotary_factor": (1,)})
    for name in inside.values:
        if name not in ("rope_type", "type", "rope_theta", "partial_rotary_factor", *_ROPE[kind]):
            raise inside.wrong(name, f"no such key for rotary positions of type {shown(kind)}")
    if kind == "linear":
        return base, rope.linear(inside.number("factor"), head_size)
    if kind == "llama3":
        low, high = inside.number("low_freq_factor"), inside.number("high_freq_factor")
        if low >= high:
            raise inside.wrong("high_freq_factor", f"more than low_freq_factor, {low}")
        original, factor = inside.whole("original_max_position_embeddings", context), inside.number("factor")
        return base, rope.llama3(base, head_size, factor=factor, low=low, high=high, original=original)
    return base, ()
