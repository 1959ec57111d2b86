"""GGUF files, read by the ``gguf`` package: metadata, mapped tensors dequantized one at a time, vocabulary."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.architecture import FAMILIES, Architecture, check_architecture, check_tensors
from claims.models.checkpoint import Checkpoint, readers_missing

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

_PARTS = {
    "attention_norm": "attn_norm.weight",
    "q": "attn_q.weight",
    "k": "attn_k.weight",
    "v": "attn_v.weight",
    "o": "attn_output.weight",
    "q.bias": "attn_q.bias",
    "k.bias": "attn_k.bias",
    "v.bias": "attn_v.bias",
    "q_norm": "attn_q_norm.weight",
    "k_norm": "attn_k_norm.weight",
    "mlp_norm": "ffn_norm.weight",
    "gate": "ffn_gate.weight",
    "up": "ffn_up.weight",
    "down": "ffn_down.weight",
}
_OUTER = {"embedding": "token_embd.weight", "norm": "output_norm.weight", "head": "output.weight"}
#: Types of tensors that the gguf package dequantizes; the newer, smaller ones (IQ, TQ, FP4) are left out.
_TYPES = (
    *("F32", "F16", "BF16"),
    *("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"),
    *("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"),
)
#: What a file may say of rotary positions beyond their base; models that stretch them are not run here.
_SCALING = ("rope.scaling.type", "rope.scaling.factor")


def name_in_gguf(name: str) -> str:
    """The file's name of a tensor: "layers.3.q" is blk.3.attn_q.weight."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part = name.split(".", 2)
    return f"blk.{layer}.{_PARTS[part]}"


class _Fields:
    """The metadata of a file, by key."""

    def __init__(self, path: Path, reader: Any) -> None:
        self._path, self._fields = path, reader.fields

    def get(self, key: str, default: Any = None) -> Any:
        field = self._fields.get(key)
        return default if field is None else field.contents()

    def need(self, key: str) -> Any:
        if key not in self._fields:
            raise ModelError(f"{self._path}: the metadata has no {key}")
        return self.get(key)


def open_gguf(path: Path) -> Checkpoint:
    """Open a GGUF file of the Llama, Qwen2 or Qwen3 family.

    Raises:
        ModelError: the file is no GGUF or truncated, of another architecture, or a tensor is not as it has to be.
    """
    try:
        import gguf
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    with path.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(f"{path}: no GGUF file (it does not begin with GGUF)")
    try:
        reader = gguf.GGUFReader(path)
    except Exception as error:  # noqa: BLE001  the reader walks over whatever bytes there are
        words = f"{type(error).__name__}: {error}"
        raise ModelError(f"{path}: truncated or damaged, the GGUF reader gave up ({words})") from None
    fields = _Fields(path, reader)
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    architecture = _architecture(path, fields, tensors)
    check_architecture(architecture, path)
    names = {name: name_in_gguf(name) for name in architecture.shapes()}
    check_tensors(
        architecture, path, names, {name: tuple(int(n) for n in reversed(t.shape)) for name, t in tensors.items()}
    )
    for tensor in tensors.values():
        if tensor.tensor_type.name not in _TYPES:
            raise ModelError(f"{path}: tensor {tensor.name} is {tensor.tensor_type.name}; allowed: {', '.join(_TYPES)}")
    return Checkpoint(
        path=path,
        architecture=architecture,
        tensor=lambda name: _tensor(tensors[names[name]], name, architecture),
        tokenizer=lambda: _tokenizer(path, fields),
    )


def _architecture(path: Path, fields: _Fields, tensors: dict[str, Any]) -> Architecture:
    family = fields.need("general.architecture")
    if family not in FAMILIES:
        raise ModelError(f"{path}: architecture {family!r}; allowed: {', '.join(FAMILIES)}")
    need = functools.partial(_need, fields, family)
    for key in _SCALING:
        value = fields.get(f"{family}.{key}")
        if value not in (None, "none", 0.0, 1.0):
            raise ModelError(f"{path}: {family}.{key} is {value!r}; allowed: unscaled rotary positions")
    heads, width = need("attention.head_count"), need("embedding_length")
    embedding = tensors.get("token_embd.weight")
    if embedding is None:
        raise ModelError(f"{path}: tensor token_embd.weight is missing")
    return Architecture(
        family=family,
        layers=need("block_count"),
        width=width,
        heads=heads,
        kv_heads=fields.get(f"{family}.attention.head_count_kv", heads),
        head_size=fields.get(f"{family}.attention.key_length", width // max(heads, 1)),
        hidden=need("feed_forward_length"),
        vocabulary=int(embedding.shape[1]),
        context=need("context_length"),
        epsilon=float(need("attention.layer_norm_rms_epsilon")),
        rope_base=float(fields.get(f"{family}.rope.freq_base", 10_000.0)),
        tied="output.weight" not in tensors,
    )


def _need(fields: _Fields, family: str, key: str) -> Any:
    return fields.need(f"{family}.{key}")


def _tensor(stored: Any, name: str, architecture: Architecture) -> Tensor:
    """One tensor as float32, with the rows of q and k in the order of the rotary halves."""
    import numpy as np
    import torch
    from gguf.quants import dequantize

    values = torch.from_numpy(np.array(dequantize(stored.data, stored.tensor_type), dtype=np.float32))
    part = name.rpartition(".")[2]
    if architecture.family == "llama" and part in ("q", "k"):
        # llama.cpp rotates neighbouring rows, so its files hold the two halves of a head interleaved.
        size = architecture.head_size
        values = values.view(-1, size // 2, 2, values.shape[1]).transpose(1, 2).reshape(values.shape)
    return values


def _tokenizer(path: Path, fields: _Fields) -> Tokenizer:
    from claims.models.tokenizer import byte_level_tokenizer

    if fields.get("tokenizer.ggml.tokens") is None:
        raise ModelError(f"{path}: the file has no tokenizer (tokenizer.ggml.tokens)")
    return byte_level_tokenizer(
        path,
        kind=str(fields.get("tokenizer.ggml.model")),
        split=str(fields.get("tokenizer.ggml.pre", "")),
        tokens=list(fields.need("tokenizer.ggml.tokens")),
        merges=list(fields.get("tokenizer.ggml.merges", [])),
        types=list(fields.get("tokenizer.ggml.token_type", [])),
    )
