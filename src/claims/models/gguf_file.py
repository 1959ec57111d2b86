"""GGUF files: metadata, mapped tensors dequantized one at a time by the ``gguf`` package, vocabulary."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.architecture import Architecture, check_architecture, check_tensors
from claims.models.checkpoint import Checkpoint, as_float32, readers_missing
from claims.models.fields import named
from claims.models.gguf_header import Header, StoredTensor, check_places, read_header
from claims.models.gguf_keys import architecture_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
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
#: Llama's tensor of divisors of the rotary frequencies, (head size / 2), which is no weight.
_FACTORS = "rope_freqs.weight"


def name_in_gguf(name: str) -> str:
    """The file's name of a tensor: "layers.3.q" is blk.3.attn_q.weight."""
    if name in _OUTER:
        return _OUTER[name]
    _, layer, part = name.split(".", 2)
    return f"blk.{layer}.{_PARTS[part]}"


def open_gguf(path: Path) -> Checkpoint:
    """Open a GGUF file of the Llama, Qwen2 or Qwen3 family.

    Raises:
        ModelError: the file is no GGUF or truncated, of another architecture, or a tensor is not as it has to be.
    """
    content = _mapped(path)
    header = read_header(path, content)
    kinds = _kinds(path, header)
    check_places(path, header, {name: _bytes(path, t, kinds[name]) for name, t in header.tensors.items()}, len(content))
    shapes = {name: tensor.shape for name, tensor in header.tensors.items()}

    def values(stored: str) -> Tensor:
        return _values(path, content[header.data :], header.tensors[stored], kinds[stored])

    factors: tuple[float, ...] = ()
    if header.values.get("general.architecture") == "llama" and _FACTORS in shapes:
        factors = tuple(values(_FACTORS).flatten().tolist())
        shapes.pop(_FACTORS)
    architecture = architecture_of(path, header.values, shapes, factors)
    check_architecture(architecture, path, tensors=len(shapes))
    _check_factors(path, architecture, factors)
    names = {name: name_in_gguf(name) for name in architecture.shapes()}
    check_tensors(architecture, path, names, shapes)
    return Checkpoint(
        path=path,
        architecture=architecture,
        tensor=lambda name: _in_our_order(values(names[name]), name, architecture),
        tokenizer=lambda: _tokenizer(path, header.values, architecture.vocabulary),
    )


def _mapped(path: Path) -> npt.NDArray[np.uint8]:
    """The bytes of the file, mapped."""
    import numpy as np

    try:
        if not path.is_file() or not path.stat().st_size:
            raise ModelError(f"{path}: no GGUF file (it is empty, or no regular file)")
        return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror or error})") from None


def _kinds(path: Path, header: Header) -> dict[str, Any]:
    """The type of each tensor, as the gguf package knows it."""
    try:
        from gguf import GGMLQuantizationType
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    known = {int(kind): kind for kind in GGMLQuantizationType}
    kinds = {}
    for name, tensor in header.tensors.items():
        kind = known.get(tensor.kind)
        if kind is None or kind.name not in _TYPES:
            got = f"number {tensor.kind}" if kind is None else kind.name
            raise ModelError(f"{path}: tensor {named(name)} is {got}; allowed: {', '.join(_TYPES)}")
        kinds[name] = kind
    return kinds


def _bytes(path: Path, tensor: StoredTensor, kind: Any) -> int:
    """How many bytes the tensor has."""
    from gguf import GGML_QUANT_SIZES

    values, size = GGML_QUANT_SIZES[kind]
    if tensor.shape[-1] % values:
        got = f"tensor {named(tensor.name)} has rows of {tensor.shape[-1]} values"
        raise ModelError(f"{path}: {got}; allowed: multiples of {values}, the block of {kind.name}")
    return int(math.prod(tensor.shape) // values * size)


def _values(path: Path, data: npt.NDArray[np.uint8], tensor: StoredTensor, kind: Any) -> Tensor:
    """One tensor as float32, dequantized."""
    import numpy as np
    import torch
    from gguf.quants import dequantize

    stored = data[tensor.offset :][: _bytes(path, tensor, kind)].reshape(*tensor.shape[:-1], -1)
    with np.errstate(all="ignore"):  # of numbers that are none, which are told from the result
        values = np.array(dequantize(stored, kind), dtype=np.float32)
    return as_float32(path, tensor.name, torch.from_numpy(values))


def _in_our_order(values: Tensor, name: str, architecture: Architecture) -> Tensor:
    """The rows of q and k in the order of the rotary halves.

    llama.cpp rotates neighbouring rows in the Llama family, so its files hold the two halves of a head interleaved.
    """
    if architecture.family != "llama" or name.rpartition(".")[2] not in ("q", "k"):
        return values
    size = architecture.head_size
    return values.view(-1, size // 2, 2, values.shape[1]).transpose(1, 2).reshape(values.shape)


def _check_factors(path: Path, architecture: Architecture, factors: tuple[float, ...]) -> None:
    if factors and len(factors) != architecture.head_size // 2:
        got = f"tensor {_FACTORS} has {len(factors)} values"
        raise ModelError(f"{path}: {got}; allowed: {architecture.head_size // 2}, half the channels of a head")
    if any(factor <= 0 for factor in factors):
        raise ModelError(f"{path}: tensor {_FACTORS} has the value {min(factors)}; allowed: positive numbers")


def _tokenizer(path: Path, values: Mapping[str, Any], vocabulary: int) -> Tokenizer:
    from claims.models.gguf_tokenizer import tokenizer_of_gguf

    return tokenizer_of_gguf(path, values, vocabulary)
