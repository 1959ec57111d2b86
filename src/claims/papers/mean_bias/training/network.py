"""A small decoder that is trained here: RMSNorm, rotary positions, causal attention, SwiGLU, as in Llama and Qwen.

Every linear map of a layer goes through a product that the caller gives; embedding, attention, norms and head are in
the dtype of the weights. All weights lie in one flat vector, so that optimizer and checkpoint are about three vectors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

#: ``product(name, x, weight)`` in place of ``x @ weight.T``; name is "0.qkv", x (tokens, m), weight (n, m).
Product = Callable[[str, Tensor, Tensor], Tensor]

_EPSILON = 1e-6
_ROPE_BASE = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Sizes of the decoder; ``width / heads`` is even."""

    vocabulary: int
    width: int
    layers: int
    heads: int
    hidden: int

    def products(self) -> dict[str, tuple[int, int]]:
        """The linear maps of all layers in the order of their use: name -> shape (n, m) of the weight.

        Maps of the same input (queries, keys, values; gate, up) are one product, as in training libraries.
        """
        layer = {
            "qkv": (3 * self.width, self.width),
            "o": (self.width, self.width),
            "gate_up": (2 * self.hidden, self.width),
            "down": (self.width, self.hidden),
        }
        return {f"{i}.{part}": shape for i in range(self.layers) for part, shape in layer.items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """All weights, in the order in which they lie in the flat vector."""
        ends = (self.vocabulary, self.width)
        gains = [f"{i}.{norm}" for i in range(self.layers) for norm in ("attention_norm", "mlp_norm")]
        return {"embedding": ends, **self.products(), "head": ends, **dict.fromkeys((*gains, "norm"), (self.width,))}

    def weights(self) -> int:
        """How many weights there are."""
        return sum(math.prod(shape) for shape in self.shapes().values())


def initial(sizes: Sizes, generator: torch.Generator, *, embedding: float = 1.0) -> Tensor:
    """Weights to begin with, float32 (weights,): normal matrices of variance 1 / fan-in, gains 1.

    What is added to the residual stream (o, down) is smaller by the square root of twice the number of layers.
    ``embedding`` is the standard deviation of the embedding: torch's is 1, that of Llama and Qwen .02.
    """
    parts = []
    for name, shape in sizes.shapes().items():
        if len(shape) == 1:
            parts.append(torch.ones(shape))
            continue
        deviation = embedding if name == "embedding" else shape[1] ** -0.5
        if name.endswith((".o", ".down")):
            deviation /= math.sqrt(2 * sizes.layers)
        parts.append(torch.randn(shape, generator=generator).mul_(deviation).flatten())
    return torch.cat(parts)


def named(flat: Tensor, sizes: Sizes) -> dict[str, Tensor]:
    """The weights by name, as views of the flat vector."""
    shapes = sizes.shapes()
    parts = torch.split(flat, [math.prod(shape) for shape in shapes.values()])
    return {name: part.view(shape) for part, (name, shape) in zip(parts, shapes.items(), strict=True)}


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + _EPSILON) * gain


def _rotation(length: int, size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines (length, size) of the rotary angles, in the dtype of ``like``."""
    frequency = _ROPE_BASE ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    angle = torch.outer(torch.arange(length, dtype=torch.float64), frequency).repeat(1, 2)
    return angle.cos().to(like.dtype), angle.sin().to(like.dtype)


def _rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine


def residual_stream(
    weights: dict[str, Tensor], tokens: Tensor, sizes: Sizes, product: Product, *, centred: bool = False
) -> Tensor:
    """The stream before the last norm, (windows, length, width), of token ids (windows, length).

    ``centred`` subtracts from the embedded tokens their mean over all of them.
    """
    windows, length = tokens.shape
    stream = weights["embedding"][tokens.flatten()]
    if centred:
        stream = stream - stream.mean(0)
    rotation = _rotation(length, sizes.width // sizes.heads, stream)

    def heads(x: Tensor) -> Tensor:
        return x.reshape(windows, length, sizes.heads, -1).transpose(1, 2)

    def apply(name: str, x: Tensor) -> Tensor:
        return product(name, x, weights[name])

    for i in range(sizes.layers):
        x = _norm(stream, weights[f"{i}.attention_norm"])
        queries, keys, values = (heads(part) for part in apply(f"{i}.qkv", x).chunk(3, dim=-1))
        queries, keys = _rotated(queries, rotation), _rotated(keys, rotation)
        mixed = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        stream = stream + apply(f"{i}.o", mixed.transpose(1, 2).reshape(stream.shape))
        x = _norm(stream, weights[f"{i}.mlp_norm"])
        gate, up = apply(f"{i}.gate_up", x).chunk(2, dim=-1)
        stream = stream + apply(f"{i}.down", functional.silu(gate) * up)
    return stream.view(windows, length, sizes.width)


def token_losses(
    weights: dict[str, Tensor], tokens: Tensor, sizes: Sizes, product: Product, *, centred: bool = False
) -> Tensor:
    """Negative log-probability of each next token in nats, (windows * (length - 1),), in the dtype of the weights.

    ``tokens`` are (windows, length); the last of each window is only predicted.
    """
    stream = residual_stream(weights, tokens[:, :-1], sizes, product, centred=centred)
    logits = functional.linear(_norm(stream, weights["norm"]), weights["head"])
    return functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
