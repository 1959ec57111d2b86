"""The forward pass of Llama, Qwen2 and Qwen3: a hook at each linear map, restart at any layer, losses in float64.

Positions are rotated by angles in float32, as these models were trained. Everything else is computed in one dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from claims.errors import ModelError
from claims.kernels import gemm
from claims.models.checkpoint import Checkpoint

#: ``linear(name, x, weight, bias)`` in place of ``x @ weight.T + bias``; name is "layers.3.q", x (windows, tokens, m).
Linear = Callable[[str, Tensor, Tensor, Tensor | None], Tensor]

#: Positions whose logits exist at a time: 128 x 150,000 tokens are 150 MB in float64.
_POSITIONS = 128


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias``, by the library that is fastest on this CPU."""
    out: Tensor = gemm(x, weight.T)
    return out if bias is None else out + bias


def plain_linear(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """The linear map itself."""
    return product(x, weight, bias)


class Decoder:
    """A model that runs. Residual streams are (windows, tokens, width), token ids (windows, tokens) of int64.

    ``keep`` holds dequantized layers in memory; without it each layer is read anew whenever it is run, and memory is
    that of one layer, the embedding and the head.
    """

    def __init__(self, checkpoint: Checkpoint, *, dtype: torch.dtype = torch.float32, keep: bool = True) -> None:
        self.checkpoint, self.dtype, self.keep = checkpoint, dtype, keep
        self.architecture = checkpoint.architecture
        self._layers: dict[int, dict[str, Tensor]] = {}
        self._outer: dict[str, Tensor] = {}

    def layer(self, index: int) -> dict[str, Tensor]:
        """The tensors of a layer by part: "q", "q.bias", "attention_norm" ..."""
        if index in self._layers:
            return self._layers[index]
        prefix = f"layers.{index}."
        names = [name for name in self.architecture.shapes() if name.startswith(prefix)]
        parts = {name.removeprefix(prefix): self._read(name) for name in names}
        if self.keep:
            self._layers[index] = parts
        return parts

    def outer(self, name: str) -> Tensor:
        """The embedding, the last norm or the head."""
        if name == "head" and self.architecture.tied:
            name = "embedding"
        if name not in self._outer:
            self._outer[name] = self._read(name)
        return self._outer[name]

    def _read(self, name: str) -> Tensor:
        """A tensor that later runs may take gradients through, even if this one is in inference mode."""
        with torch.inference_mode(False):
            return self.checkpoint.tensor(name).to(self.dtype)

    def embed(self, tokens: Tensor) -> Tensor:
        """The residual stream before layer 0.

        Raises:
            ModelError: the windows are longer than the model's context, or a token is none of its vocabulary.
        """
        if tokens.shape[-1] > self.architecture.context:
            got = f"windows of {tokens.shape[-1]} tokens"
            raise ModelError(f"{self.checkpoint.path}: {got}; allowed: up to {self.architecture.context}")
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.architecture.vocabulary:
            got = f"tokens from {int(tokens.min())} to {int(tokens.max())}"
            raise ModelError(f"{self.checkpoint.path}: {got}; allowed: 0 to {self.architecture.vocabulary - 1}")
        return self.outer("embedding")[tokens]

    def run(self, stream: Tensor, *, start: int = 0, stop: int | None = None, linear: Linear = plain_linear) -> Tensor:
        """Layers ``start`` to ``stop`` (exclusive; None is all) on a residual stream.

        A stream kept from ``stop=L`` and run again from ``start=L`` gives the bits of running through.
        """
        rotation = self._rotation(stream.shape[-2])
        for index in range(start, self.architecture.layers if stop is None else stop):
            stream = self._block(index, stream, rotation, linear)
        return stream

    def logits(self, stream: Tensor) -> Tensor:
        """Logits (windows, tokens, vocabulary) from the residual stream after the last layer."""
        return product(self._norm(stream, self.outer("norm")), self.outer("head"))

    def token_losses(self, stream: Tensor, tokens: Tensor) -> Tensor:
        """Negative log-probability of each next token: float64 (windows, tokens - 1), in nats."""
        losses = [
            functional.cross_entropy(
                self.logits(part).double().flatten(0, 1), following.flatten(), reduction="none"
            ).view(following.shape)
            for part, following in self._positions(stream[:, :-1], tokens[:, 1:])
        ]
        return torch.cat(losses, dim=1)

    @staticmethod
    def _positions(stream: Tensor, following: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        size = max(1, _POSITIONS // max(1, stream.shape[0]))
        yield from zip(torch.split(stream, size, dim=1), torch.split(following, size, dim=1), strict=True)

    def _norm(self, x: Tensor, gain: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.architecture.epsilon) * gain

    def _rotation(self, length: int) -> tuple[Tensor, Tensor]:
        """Cosines and sines, (tokens, head size): both halves of a head are rotated by the same angles."""
        size = self.architecture.head_size
        frequency = 1.0 / self.architecture.rope_base ** (torch.arange(0, size, 2, dtype=torch.float32) / size)
        if self.architecture.rope_divisors:
            frequency = frequency / torch.tensor(self.architecture.rope_divisors, dtype=torch.float32)
        angle = torch.outer(torch.arange(length, dtype=torch.float32), frequency).repeat(1, 2)
        return angle.cos().to(self.dtype), angle.sin().to(self.dtype)

    def _block(self, index: int, stream: Tensor, rotation: tuple[Tensor, Tensor], linear: Linear) -> Tensor:
        parts = self.layer(index)

        def apply(part: str, x: Tensor) -> Tensor:
            return linear(f"layers.{index}.{part}", x, parts[part], parts.get(f"{part}.bias"))

        x = self._norm(stream, parts["attention_norm"])
        queries, keys, values = (self._heads(apply(part, x)) for part in ("q", "k", "v"))
        if self.architecture.family == "qwen3":
            queries, keys = self._norm(queries, parts["q_norm"]), self._norm(keys, parts["k_norm"])
        queries, keys = _rotated(queries, *rotation), _rotated(keys, *rotation)
        shared = self.architecture.heads // self.architecture.kv_heads
        keys, values = keys.repeat_interleave(shared, dim=1), values.repeat_interleave(shared, dim=1)
        mixed = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        stream = stream + apply("o", mixed.transpose(1, 2).flatten(2))
        x = self._norm(stream, parts["mlp_norm"])
        return stream + apply("down", functional.silu(apply("gate", x)) * apply("up", x))

    def _heads(self, x: Tensor) -> Tensor:
        """(windows, tokens, heads * size) as (windows, heads, tokens, size)."""
        return x.view(*x.shape[:2], -1, self.architecture.head_size).transpose(1, 2)


def _rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Channel i and i + size / 2 of each head rotated as the two coordinates of a plane."""
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine
