"""Text to run a model on: a user's file, prose from a Debian package, or what comes with Python itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from claims.errors import TextError
from claims.models import handbook
from claims.models.tokenizer import token_ids
from claims.subject import TOPICS

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

#: Texts that have a name.
NAMED = (TOPICS, handbook.NAME)


def read_text(source: str) -> str:
    """The text of a file, or one by name.

    ``python-topics``: 39,000 words on Python, the same for one version of Python. ``debian-handbook``: 151,000 words,
    the same everywhere, once `claimbench models get debian-handbook` has fetched them.

    Raises:
        TextError: no such file, or it is empty, binary, or not UTF-8; the handbook is not here.
    """
    if source == TOPICS:
        from pydoc_data.topics import topics

        return "\n\n".join(topics[name].strip() for name in sorted(topics))
    path = Path(source)
    if source == handbook.NAME:
        path = handbook.handbook_path()
        if not path.is_file():
            raise TextError(f"{source} is not here; get it with: claimbench models get {source}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TextError(f"{path}: cannot be read ({error.strerror or error})") from None
    if b"\0" in data:
        raise TextError(f"{path}: binary, not text (it contains a zero byte)")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(f"{path}: not UTF-8 (byte {error.start})") from None
    if not text.strip():
        raise TextError(f"{path}: empty")
    return text


def windows(text: str, tokenizer: Tokenizer, *, count: int, length: int, source: str) -> Tensor:
    """The first ``count`` windows of ``length`` tokens: consecutive, without overlap or added tokens, int64.

    Raises:
        TextError: the text has fewer tokens; says how many windows it has.
        ModelError: the tokenizer gives up on it.
    """
    import torch

    ids = token_ids(tokenizer, text, source=source)
    if len(ids) < count * length:
        got = f"{len(ids):,} tokens, which is {len(ids) // length} windows of {length}"
        raise TextError(f"{source}: {got}; {count} are asked for")
    return torch.tensor(ids[: count * length], dtype=torch.int64).view(count, length)
