"""What experiments on a trained model share: the running model, windows of its text, moments of its activations.

The model is kept by each worker, the moments in a file of the cache folder, so that each is made once.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from claims.errors import ModelError, TextError
from claims.evidence.canonical import digest
from claims.evidence.fingerprint import code_fingerprint
from claims.models.decoder import Decoder, product
from claims.models.digests import tensors_digest
from claims.models.fetch import CACHE_VARIABLE, alone, cache_folder
from claims.models.opening import open_checkpoint
from claims.models.text import read_text
from claims.models.tokenizer import token_ids

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

#: Models up to this size are kept in memory in float32; of larger ones each layer is read when it is run.
_KEPT_BYTES = 3 * 2**30
#: Rows of the moments of a linear map's input: E x_j, E |x_j|, E x_j^2, E x_j^2 / |x|^2, E |x_j| / |x| over tokens.
MEAN, ABSOLUTE, SQUARE, SHARE, AMPLITUDE = range(5)


@functools.lru_cache(maxsize=1)
def decoder(subject: Subject) -> Decoder:
    """The subject's model, running in float32; the last one asked for is kept."""
    checkpoint = open_checkpoint(Path(subject.path))
    return Decoder(checkpoint, keep=4 * checkpoint.architecture.parameters() <= _KEPT_BYTES)


@functools.lru_cache(maxsize=1)
def text_tokens(subject: Subject) -> Tensor:
    """The whole text as the model's tokens, int64 (tokens,), nothing added."""
    tokenizer = decoder(subject).checkpoint.tokenizer()
    return torch.tensor(token_ids(tokenizer, read_text(subject.text), source=subject.text), dtype=torch.int64)


def windows(subject: Subject, part: str, *, length: int) -> Tensor:
    """All windows of a part of the text: int64 (windows, length), consecutive, without overlap.

    ``part`` is "evaluation", the first half of the text, or "calibration", the second half, so that what is chosen on
    one is never judged on it; or "whole".

    Raises:
        TextError: the part is shorter than a window.
    """
    tokens = text_tokens(subject)
    half = len(tokens) // 2
    chosen = {"evaluation": tokens[:half], "calibration": tokens[half:], "whole": tokens}[part]
    count = len(chosen) // length
    if not count:
        raise TextError(f"{subject.text}: its {part} part has {len(chosen):,} tokens; a window has {length}")
    return chosen[: count * length].view(count, length)


def window(subject: Subject, streams: Streams, *, length: int) -> Tensor:
    """The seed's own window of the evaluation part, drawn at random: int64 (1, length)."""
    found = windows(subject, "evaluation", length=length)
    return found[int(streams.numpy("window").integers(len(found)))][None]


def moments(subject: Subject, *, part: str = "calibration", count: int = 4, length: int = 512) -> dict[str, Tensor]:
    """Moments of each linear map's input over the first ``count`` windows of a part of the text.

    Name ("layers.3.q") -> float64 (5, fan_in), rows MEAN, ABSOLUTE, SQUARE, SHARE and AMPLITUDE. Measured once for
    model, text and code, kept in the cache folder, and read from there by every worker since; a file that does not
    match its own digest is measured anew.
    """
    content = [subject.model_digest, subject.text_digest, part, count, length, code_fingerprint(__name__)]
    path = cache_folder() / "moments" / f"{digest(content).hex()[:32]}.safetensors"
    return dict(_moments(subject, part, count, length, path))


@functools.lru_cache(maxsize=4)
def _moments(subject: Subject, part: str, count: int, length: int, path: Path) -> dict[str, Tensor]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone(path.with_suffix(".lock"), _say):
        found = _kept(path)
        if found is None:
            _keep(moments_over(decoder(subject), windows(subject, part, length=length)[:count]), path)
            found = _kept(path)  # in the order of the file, as whoever reads it later has them
    if found is None:
        raise ModelError(f"{path}: what was just written cannot be read back")
    return found


def _kept(path: Path) -> dict[str, Tensor] | None:
    """What was kept in the file; None if nothing was, or if it is damaged or another file's content, which is said."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            labels = file.metadata() or {}
        # Copies: where in the file a tensor lies must not decide how its sums are vectorised, nor their last bits.
        found = {name: tensor.clone() for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        _say(f"{path}: damaged ({error}); measured anew")
        return None
    if labels == _labels(found, path):
        return found
    _say(f"{path}: damaged (its digest differs); measured anew")
    return None


def _keep(found: dict[str, Tensor], path: Path) -> None:
    """Write the file whole or not at all."""
    partial = path.with_suffix(".partial")
    try:
        save_file(found, partial, metadata=_labels(found, path))
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        partial.unlink(missing_ok=True)
        raise ModelError(f"{path}: cannot be written ({error}); choose another folder by {CACHE_VARIABLE}") from None


def _labels(found: dict[str, Tensor], path: Path) -> dict[str, str]:
    """What proves a file: what it is about, which its name says, and the digest of what is in it."""
    return {"about": path.stem, "sha256": tensors_digest(found)}


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def moments_over(model: Decoder, chosen: Tensor) -> dict[str, Tensor]:
    """The moments that ``moments`` is about, measured over windows (windows, tokens), one at a time."""
    sums: dict[str, Tensor] = {}

    def watched(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        rows = x.flatten(0, -2).double()
        unit = rows / rows.norm(dim=1, keepdim=True)
        found = torch.stack([row.sum(0) for row in (rows, rows.abs(), rows.square(), unit.square(), unit.abs())])
        sums[name] = sums[name] + found if name in sums else found
        return product(x, weight, bias)

    with torch.no_grad():
        for tokens in chosen:
            model.run(model.embed(tokens[None]), linear=watched)
    return {name: total / chosen.numel() for name, total in sums.items()}
