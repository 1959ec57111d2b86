"""The evaluation text of the paper's experiments D to G as the authors' scripts prepare it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claims.errors import TextError
from claims.models.prepared import decoder
from claims.models.text import read_text

if TYPE_CHECKING:
    from claims.subject import Subject


def author_windows(subject: Subject, *, count: int = 10, length: int = 2048) -> Tensor:
    """The first ``count`` windows of the text: int64 (count, length), consecutive.

    The scripts join the text's lines that are not blank, each with its line break, by two line breaks, and tokenize
    the whole once, with whatever the tokenizer puts at its start (TinyLlama: the token that begins a sequence).

    Raises:
        TextError: the text is shorter.
    """
    lines = [line for line in read_text(subject.text).splitlines(keepends=True) if line.strip()]
    ids = decoder(subject).checkpoint.tokenizer().encode("\n\n".join(lines)).ids
    if len(ids) < count * length:
        raise TextError(f"{subject.text}: {len(ids):,} tokens; {count} windows of {length} are asked for")
    return torch.tensor(ids[: count * length], dtype=torch.int64).view(count, length)
