"""A model on disk, whatever its format: architecture, tensors by our names, tokenizer. Weights stay mapped files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from claims.errors import ModelError
from claims.models.architecture import Architecture

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """An opened model; names, shapes and dtypes of its tensors have been checked.

    Attributes:
        path: the GGUF file, or the folder.
        architecture: the sizes.
        tensor: our name of a tensor -> float32 values, read (and dequantized) anew at each call.
        tokenizer: makes the tokenizer from the file itself; raises ModelError if there is none.
    """

    path: Path
    architecture: Architecture
    tensor: Callable[[str], Tensor]
    tokenizer: Callable[[], Tokenizer]


def as_float32(path: Path, name: str, values: Tensor) -> Tensor:
    """A tensor of a file in float32, all of it finite.

    Raises:
        ModelError: names the file, the tensor, and the first value in it that is not finite or too large for float32.
    """
    found = values.float()
    if found.numel() and not all(extreme.isfinite() for extreme in found.aminmax()):
        where = tuple(int(i) for i in (~found.isfinite()).nonzero()[0])
        got = f"tensor {name} has {float(values[where])} at {list(where)}"
        raise ModelError(f"{path}: {got}; allowed: finite numbers of float32")
    return found


def readers_missing(error: ModuleNotFoundError) -> ModelError:
    """What to say when a reader is not installed."""
    return ModelError(f"{error.name} is not installed, which reads models: pip install 'claimbench[models]'")
