"""Tiny random models of each family: their tensors, files of them, and a forward pass in numpy that shares no code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from claims.models.architecture import Architecture
from claims.models.folder import name_in_folder
from claims.models.gguf_file import name_in_gguf

FAMILIES = ("llama", "qwen2", "qwen3")
MERGES = [("h", "e"), ("l", "l"), ("he", "ll"), ("hell", "o"), ("Ġ", "w"), ("1", "2"), ("Ġ", "Ġ")]
SPECIAL = "<|end|>"


def vocabulary() -> list[str]:
    """All bytes, the merged tokens and a special one."""
    return [*sorted(pre_tokenizers.ByteLevel.alphabet()), *("".join(pair) for pair in MERGES), SPECIAL]


def architecture(family: str, **changes: Any) -> Architecture:
    """Two layers, with as many different sizes as there are."""
    sizes: dict[str, Any] = {
        "family": family,
        "layers": 2,
        "width": 32,
        "heads": 4,
        "kv_heads": 2,
        "head_size": 16 if family == "qwen3" else 8,
        "hidden": 96,
        "vocabulary": len(vocabulary()),
        "context": 64,
        "epsilon": 1e-5,
        "rope_base": 500.0,
        "tied": family != "qwen2",
    }
    return Architecture(**(sizes | changes))


def tensors(model: Architecture, seed: int = 0) -> dict[str, np.ndarray]:
    """Random float32 tensors by our names: norms near one, matrices that keep the scale, biases that matter."""
    rng = np.random.default_rng(seed)
    found = {}
    for name, shape in model.shapes().items():
        drawn = rng.standard_normal(shape)
        if name.endswith("norm"):
            drawn = 1 + 0.3 * drawn
        elif len(shape) == 2 and name != "embedding":
            drawn = 2 * drawn / np.sqrt(shape[1])
        found[name] = drawn.astype(np.float32)
    return found


def config(model: Architecture) -> dict[str, Any]:
    """As Hugging Face's libraries write it."""
    return {
        "model_type": model.family,
        "num_hidden_layers": model.layers,
        "hidden_size": model.width,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_size,
        "intermediate_size": model.hidden,
        "vocab_size": model.vocabulary,
        "max_position_embeddings": model.context,
        "rms_norm_eps": model.epsilon,
        "rope_theta": model.rope_base,
        "tie_word_embeddings": model.tied,
        "hidden_act": "silu",
    }


def tokenizer() -> Tokenizer:
    """Byte-level BPE that splits off single digits."""
    made = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(vocabulary())}, merges=MERGES))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([SPECIAL])
    return made


def write_folder(folder: Path, model: Architecture, values: dict[str, np.ndarray], *, shards: int = 1) -> Path:
    """config.json, safetensors (with an index if there are several) and tokenizer.json."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(model)), encoding="utf-8")
    named = {name_in_folder(name): value for name, value in values.items()}
    if shards == 1:
        save_file(named, folder / "model.safetensors")
    else:
        where = {name: f"model-{i % shards}.safetensors" for i, name in enumerate(named)}
        for file in set(where.values()):
            save_file({name: named[name] for name in named if where[name] == file}, folder / file)
        index = {"weight_map": where}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def write_gguf(
    path: Path,
    model: Architecture,
    values: dict[str, np.ndarray],
    *,
    kind: gguf.GGMLQuantizationType = gguf.GGMLQuantizationType.F32,
    keys: dict[str, Any] | None = None,
    split: str | None = "smollm",
    extra: dict[str, np.ndarray] | None = None,
) -> Path:
    """As llama.cpp writes it: matrices of the given type; q and k of the Llama family with rows interleaved.

    ``keys`` are put in place of what would be written, or left out where None; ``extra`` tensors go before the others.
    """
    writer = gguf.GGUFWriter(path, model.family)
    writer.add_block_count(model.layers)
    writer.add_context_length(model.context)
    writer.add_embedding_length(model.width)
    writer.add_feed_forward_length(model.hidden)
    writer.add_head_count(model.heads)
    writer.add_head_count_kv(model.kv_heads)
    writer.add_key_length(model.head_size)
    writer.add_layer_norm_rms_eps(model.epsilon)
    writer.add_rope_freq_base(model.rope_base)
    if split is not None:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(split)
        writer.add_token_list(vocabulary())
        writer.add_token_merges([" ".join(pair) for pair in MERGES])
        writer.add_token_types([1] * (len(vocabulary()) - 1) + [3])
    for key, value in (keys or {}).items():
        writer.kv_data[0].pop(key, None)
        if value is not None:
            kind_of = gguf.GGUFValueType.get_type(value)
            writer.add_key_value(key, value, kind_of, sub_type=None)
    for name, value in (extra or {}).items():
        writer.add_tensor(name, value)
    for name, value in values.items():
        part, stored = name.rpartition(".")[2], value
        if model.family == "llama" and part in ("q", "k"):
            heads = model.heads if part == "q" else model.kv_heads
            stored = stored.reshape(heads, 2, model.head_size // 2, -1).swapaxes(1, 2).reshape(value.shape)
        matrix = stored.ndim == 2
        data = gguf.quants.quantize(stored, kind) if matrix else stored
        writer.add_tensor(name_in_gguf(name), data, raw_dtype=kind if matrix else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def reference_logits(model: Architecture, values: dict[str, np.ndarray], tokens: np.ndarray) -> np.ndarray:
    """Logits (tokens, vocabulary) in float64: one head and one token at a time, rotations by complex numbers."""
    w = {name: value.astype(np.float64) for name, value in values.items()}
    size, half = model.head_size, model.head_size // 2
    frequency = np.float32(1) / np.float32(model.rope_base) ** (
        np.arange(0, size, 2, dtype=np.float32) / np.float32(size)
    )
    frequency = frequency / np.array(model.rope_divisors or 1, np.float32)
    x = w["embedding"][tokens]

    def norm(v: np.ndarray, gain: np.ndarray) -> np.ndarray:
        return v / np.sqrt((v * v).mean(-1, keepdims=True) + model.epsilon) * gain

    def rotated(v: np.ndarray) -> np.ndarray:
        angle = (np.arange(len(v), dtype=np.float32)[:, None] * frequency).astype(np.float64)
        turned = (v[:, :half] + 1j * v[:, half:]) * np.exp(1j * angle)
        return np.concatenate([turned.real, turned.imag], axis=1)

    for i in range(model.layers):
        layer = {name.split(".", 2)[2]: value for name, value in w.items() if name.startswith(f"layers.{i}.")}
        h = norm(x, layer["attention_norm"])
        q, k, v = (h @ layer[part].T + layer.get(f"{part}.bias", 0.0) for part in "qkv")
        mixed = np.zeros((len(tokens), model.heads * size))
        for head in range(model.heads):
            group = head // (model.heads // model.kv_heads)
            mine, theirs = q[:, head * size : (head + 1) * size], slice(group * size, (group + 1) * size)
            keys = k[:, theirs]
            if model.family == "qwen3":
                mine, keys = norm(mine, layer["q_norm"]), norm(keys, layer["k_norm"])
            mine, keys = rotated(mine), rotated(keys)
            for t in range(len(tokens)):
                score = keys[: t + 1] @ mine[t] / np.sqrt(size)
                weight = np.exp(score - score.max())
                mixed[t, head * size : (head + 1) * size] = weight @ v[: t + 1, theirs] / weight.sum()
        x = x + mixed @ layer["o"].T
        h = norm(x, layer["mlp_norm"])
        gate = h @ layer["gate"].T
        x = x + (gate / (1 + np.exp(-gate)) * (h @ layer["up"].T)) @ layer["down"].T
    return norm(x, w["norm"]) @ w.get("head", w["embedding"]).T
