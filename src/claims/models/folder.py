"""Folders with ``config.json`` and safetensors, as Hugging Face's libraries write them. Pickled weights stay closed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.architecture import FAMILIES, Architecture, check_architecture, check_tensors
from claims.models.checkpoint import Checkpoint, readers_missing
from claims.models.tokenizer import tokenizer_of_folder

if TYPE_CHECKING:
    from torch import Tensor

_PARTS = {
    "attention_norm": "input_layernorm.weight",
    "q": "self_attn.q_proj.weight",
    "k": "self_attn.k_proj.weight",
    "v": "self_attn.v_proj.weight",
    "o": "self_attn.o_proj.weight",
    "q.bias": "self_attn.q_proj.bias",
    "k.bias": "self_attn.k_proj.bias",
    "v.bias": "self_attn.v_proj.bias",
    "q_norm": "self_attn.q_norm.weight",
    "k_norm": "self_attn.k_norm.weight",
    "mlp_norm": "post_attention_layernorm.weight",
    "gate": "mlp.gate_proj.weight",
    "up": "mlp.up_proj.weight",
    "down": "mlp.down_proj.weight",
}
_OUTER = {"embedding": "model.embed_tokens.weight", "norm": "model.norm.weight", "head": "lm_head.weight"}
_DTYPES = ("F32", "F16", "BF16", "F64")
#: Stored by old versions, and computed from the configuration by all.
_COMPUTED = "rotary_emb.inv_freq"


def name_in_folder(name: str) -> str:
    """The safetensors name of a tensor: "layers.3.q" is model.layers.3.self_attn.q_proj.weight."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part = name.split(".", 2)
    return f"model.layers.{layer}.{_PARTS[part]}"


def open_folder(folder: Path) -> Checkpoint:
    """Open a folder of the Llama, Qwen2 or Qwen3 family.

    Raises:
        ModelError: a file is missing or damaged, the architecture is another one, or a tensor is not as it has to be.
    """
    config = _json(folder / "config.json")
    architecture = _architecture(folder, config)
    check_architecture(architecture, folder)
    files = _weight_files(folder)
    shapes = _shapes(folder, files)
    if architecture.tied:
        shapes.pop(_OUTER["head"], None)  # some writers store the embedding twice
    names = {name: name_in_folder(name) for name in architecture.shapes()}
    check_tensors(architecture, folder, names, shapes)
    return Checkpoint(
        path=folder,
        architecture=architecture,
        tensor=lambda name: _tensor(files[names[name]], names[name]),
        tokenizer=lambda: tokenizer_of_folder(folder),
    )


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path.parent}: no {path.name}; allowed: a folder with config.json and safetensors")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: no JSON ({error})") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path}: got a {type(found).__name__}; allowed: a JSON object")
    return found


def _architecture(folder: Path, config: Mapping[str, Any]) -> Architecture:
    path = folder / "config.json"
    family = config.get("model_type")
    if family not in FAMILIES:
        raise ModelError(f"{path}: model_type is {family!r}; allowed: {', '.join(FAMILIES)}")

    def need(key: str) -> Any:
        if key not in config:
            raise ModelError(f"{path}: no {key}")
        return config[key]

    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    refused = {
        "rope_scaling": rope.get("rope_type", rope.get("type", "default")) != "default",
        "use_sliding_window": config.get("use_sliding_window"),
        "quantization_config": config.get("quantization_config"),
        "attention_bias": config.get("attention_bias"),
        "mlp_bias": config.get("mlp_bias"),
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "partial_rotary_factor": config.get("partial_rotary_factor", 1.0) != 1.0,
    }
    for key, wrong in refused.items():
        if wrong:
            raise ModelError(f"{path}: {key} is {config.get(key, rope)!r}, which is not run here")
    heads, width = need("num_attention_heads"), need("hidden_size")
    return Architecture(
        family=str(family),
        layers=need("num_hidden_layers"),
        width=width,
        heads=heads,
        kv_heads=config.get("num_key_value_heads") or heads,
        head_size=config.get("head_dim") or width // heads,
        hidden=need("intermediate_size"),
        vocabulary=need("vocab_size"),
        context=need("max_position_embeddings"),
        epsilon=float(need("rms_norm_eps")),
        rope_base=float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0),
        tied=bool(config.get("tie_word_embeddings", False)),
    )


def _weight_files(folder: Path) -> dict[str, Path]:
    """Which file has each tensor."""
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        where = _json(index).get("weight_map")
        if not isinstance(where, dict) or any(Path(str(file)).name != file for file in where.values()):
            raise ModelError(f"{index}: weight_map has to give a file of this folder for each tensor")
        missing = sorted({file for file in where.values() if not (folder / file).is_file()})
        if missing:
            raise ModelError(f"{folder}: {missing[0]} is missing, which {index.name} names")
        return {name: folder / file for name, file in where.items()}
    single = folder / "model.safetensors"
    if not single.is_file():
        pickled = sorted(path.name for path in folder.glob("pytorch_model*.bin"))
        hint = f"; {pickled[0]} is a pickle, which is never opened: convert it to safetensors" if pickled else ""
        raise ModelError(f"{folder}: no model.safetensors{hint}")
    with _opened(single) as file:
        return dict.fromkeys(file.keys(), single)


def _opened(path: Path) -> Any:
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    try:
        return safe_open(str(path), framework="pt")
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: truncated or damaged ({error})") from None


def _shapes(folder: Path, files: dict[str, Path]) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors, their dtypes checked; what is computed from the configuration is left out."""
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(set(files.values())):
        with _opened(path) as file:
            there = set(file.keys())
            for name in (name for name, where in files.items() if where == path):
                if name not in there:
                    raise ModelError(f"{path}: tensor {name} is missing, which the index says is there")
                if name.endswith(_COMPUTED):
                    continue
                stored = file.get_slice(name)
                if stored.get_dtype() not in _DTYPES:
                    allowed = ", ".join(_DTYPES)
                    raise ModelError(f"{path}: tensor {name} is {stored.get_dtype()}; allowed: {allowed}")
                shapes[name] = tuple(stored.get_shape())
    return shapes


def _tensor(path: Path, name: str) -> Tensor:
    with _opened(path) as file:
        values: Tensor = file.get_tensor(name)
    return values.float()
