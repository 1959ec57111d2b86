"""What a decoder of the Llama, Qwen2 or Qwen3 family is made of: its numbers, and the tensors that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from claims.errors import ModelError
from claims.models.fields import named

FAMILIES = ("llama", "qwen2", "qwen3")
#: The seven linear maps of a layer, in the order in which they are applied.
LINEARS = ("q", "k", "v", "o", "gate", "up", "down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes of a decoder: RMSNorm, rotary positions, grouped queries, SwiGLU.

    Attributes:
        family: "llama"; "qwen2", which adds biases to q, k and v; or "qwen3", which normalises each head's q and k.
        layers: number of layers.
        width: of the residual stream.
        heads: of the queries.
        kv_heads: of keys and values, a divisor of ``heads``.
        head_size: channels of a head.
        hidden: width inside the MLP.
        vocabulary: number of tokens.
        context: the longest window the model was made for.
        epsilon: what RMSNorm adds to the mean square.
        rope_base: of the rotary frequencies.
        tied: whether the head is the embedding.
        rope_divisors: what divides the rotary frequency of each channel pair, (head size / 2); empty is all ones.
    """

    family: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_size: int
    hidden: int
    vocabulary: int
    context: int
    epsilon: float
    rope_base: float
    tied: bool
    rope_divisors: tuple[float, ...] = ()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor by our name for it: "embedding", "layers.3.q", "layers.3.q.bias", "norm", "head" ..."""
        queries, keys = self.heads * self.head_size, self.kv_heads * self.head_size
        layer: dict[str, tuple[int, ...]] = {
            "attention_norm": (self.width,),
            "q": (queries, self.width),
            "k": (keys, self.width),
            "v": (keys, self.width),
            "o": (self.width, queries),
            "mlp_norm": (self.width,),
            "gate": (self.hidden, self.width),
            "up": (self.hidden, self.width),
            "down": (self.width, self.hidden),
        }
        if self.family == "qwen2":
            layer |= {"q.bias": (queries,), "k.bias": (keys,), "v.bias": (keys,)}
        if self.family == "qwen3":
            layer |= {"q_norm": (self.head_size,), "k_norm": (self.head_size,)}
        shapes: dict[str, tuple[int, ...]] = {"embedding": (self.vocabulary, self.width), "norm": (self.width,)}
        if not self.tied:
            shapes["head"] = (self.vocabulary, self.width)
        for i in range(self.layers):
            shapes |= {f"layers.{i}.{part}": shape for part, shape in layer.items()}
        return shapes

    def parameters(self) -> int:
        """Number of weights, a tied head counted once."""
        total = 0
        for shape in self.shapes().values():
            total += shape[0] * (shape[1] if len(shape) > 1 else 1)
        return total


def largest_dimension(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """The longest side of any tensor, which no width of the model exceeds; 0 without tensors."""
    return max((max(shape, default=0) for shape in shapes.values()), default=0)


def check_architecture(architecture: Architecture, path: Path, *, tensors: int) -> None:
    """Refuse sizes that contradict each other, or the number of tensors in the file, before anything is built of them.

    Raises:
        ModelError: names the file and the sizes.
    """
    if architecture.layers > tensors:
        raise ModelError(f"{path}: {architecture.layers} layers; allowed: no more than its {tensors} tensors")
    if architecture.heads % architecture.kv_heads:
        got = f"{architecture.heads} heads over {architecture.kv_heads} heads of keys"
        raise ModelError(f"{path}: {got}; allowed: a multiple")
    if architecture.head_size % 2:
        raise ModelError(f"{path}: heads of {architecture.head_size} channels; allowed: an even number, for rotations")


def check_tensors(
    architecture: Architecture, path: Path, names: Mapping[str, str], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Hold the tensors of a file against those that the architecture has.

    Args:
        architecture: the model.
        path: of the file, for messages.
        names: the file's name of each tensor by ours.
        found: shape of every tensor in the file by the file's name.

    Raises:
        ModelError: a tensor is missing, of another shape, or none of this architecture's.
    """
    for name, shape in architecture.shapes().items():
        if names[name] not in found:
            kind = f"a {architecture.family} model of {architecture.layers} layers"
            raise ModelError(f"{path}: tensor {names[name]} is missing, which {kind} has")
        if found[names[name]] != shape:
            raise ModelError(f"{path}: tensor {names[name]} has shape {found[names[name]]}; allowed: {shape}")
    unknown = sorted(set(found) - set(names.values()))
    if unknown:
        some = ", ".join(map(named, unknown[:3]))
        some += " ..." if len(unknown) > 3 else ""
        raise ModelError(f"{path}: no {architecture.family} model that is run here has the tensors {some}")
