"""The tokenizer of a folder, from its ``tokenizer.json``; and what a tokenizer, whatever its file, makes of a text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.checkpoint import readers_missing
from claims.models.fields import read_json, shown
from claims.models.patterns import KNOWN_PATTERNS
from claims.models.tokenizing import tokenized, within_limits

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: How much longer a text may become on its way to the tokens; published tokenizers have one step that lengthens it.
_GROWTH = 64


def token_ids(tokenizer: Tokenizer, text: str, *, source: object) -> list[int]:
    """All of a text as tokens, nothing added; ``source`` names the text in messages.

    Raises:
        ModelError: the tokenizer gives up on it, takes out of all proportion to its length, or would leave out
            characters that it has no tokens for.
    """
    with _given_up(f"{source}: the model's tokenizer makes no tokens of it"):
        description = tokenizer.to_str()
        strange = [pattern for pattern in _patterns(json.loads(description)) if pattern not in KNOWN_PATTERNS]
        ids, left_out = within_limits(description, text) if strange else tokenized(tokenizer, text)
    if left_out:
        some = f"{len(left_out)} of its characters, among them {shown(left_out[0])}"
        got = f"the model's tokenizer has no tokens for {some}"
        raise ModelError(f"{source}: {got}; allowed: a text of characters that it has")
    return ids


def _patterns(part: object) -> Iterator[str]:
    """The regular expressions that a part of a description cuts or replaces by."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from (str(value),) if key == "Regex" else _patterns(value)
    if isinstance(part, list):
        for item in part:
            yield from _patterns(item)


def tokenizer_of_folder(folder: Path) -> Tokenizer:
    """The tokenizer in ``tokenizer.json`` of a folder. Truncation and padding, which are about batches, are left out.

    Raises:
        ModelError: there is none, or it is damaged, or draws at random.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder}: no tokenizer.json; allowed: the fast tokenizer beside the weights")
    _check(path, read_json(path))
    with _given_up(f"{path}: no tokenizer can be made of it"):
        tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _check(path: Path, description: dict[str, Any]) -> None:
    """Refuse what would make a text's tokens another every time, or out of all proportion to the text."""
    model = description.get("model")
    dropout = model.get("dropout") if isinstance(model, dict) else None
    if dropout not in (None, 0):
        raise ModelError(f"{path}: model.dropout is {shown(dropout)}; allowed: null, or merges are left out at random")
    for key in ("normalizer", "pre_tokenizer"):
        if _growth(description.get(key)) > _GROWTH:
            got = f"the steps of its {key} make a text more than {_GROWTH} times as long"
            raise ModelError(f"{path}: {got}; allowed: up to that")


def _growth(part: object) -> int:
    """By how much the steps of a part may lengthen a text: bytes of a character, and what is put in."""
    growth, left = 1, [part]
    while left and growth <= _GROWTH:
        step = left.pop()
        if isinstance(step, list):
            left += step
        if isinstance(step, dict):
            put_in = [step[key] for key in ("content", "prepend") if isinstance(step.get(key), str)]
            growth *= math.prod(max(1, len(text)) for text in put_in)
            growth *= 4 if step.get("type") in ("ByteLevel", "Prepend") else 1
            left += step.values()
    return growth


@contextmanager
def _given_up(what: str) -> Iterator[None]:
    """Tell as a ModelError whatever the package raises: plain Exceptions, and panics, which are none."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise ModelError(f"{what} ({shown(str(error))})") from None
