"""What a tokenizer makes of a text; with a stranger's regular expressions in a process that cannot take for ever.

The library that matches them stops a single match that tries too much, but not a thousand matches that each try nearly
as much, and while it works it hears no signal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Processor seconds that a tokenizer may take: to be made, and for a million characters of tokenizer and text.
_SECONDS, _EACH_MILLION = 3, 10
#: How much longer that may last by the clock, on a machine with much else to do.
_CROWDED = 20


class Stopped(Exception):
    """A tokenizer has failed, or was ended."""


def tokenized(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[str]]:
    """The tokens of a text, and its characters that are left out."""
    return tokenizer.encode(text, add_special_tokens=False).ids, _left_out(tokenizer, text)


def _left_out(tokenizer: Tokenizer, text: str) -> list[str]:
    """Characters that a byte-level tokenizer drops without a word, since its vocabulary lacks one of their bytes."""
    from tokenizers import decoders, models, pre_tokenizers

    model = tokenizer.model
    if not isinstance(tokenizer.decoder, decoders.ByteLevel) or not isinstance(model, models.BPE):
        return []
    if model.unk_token is not None or model.byte_fallback:
        return []
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    known = tokenizer.get_vocab(with_added_tokens=True).keys()

    def missing(character: str) -> bool:
        return any(letter not in known for piece, _ in letters.pre_tokenize_str(character) for letter in piece)

    characters = text if tokenizer.normalizer is None else tokenizer.normalizer.normalize_str(text)
    return sorted(filter(missing, set(characters)))


def within_limits(description: str, text: str) -> tuple[list[int], list[str]]:
    """What :func:`tokenized` gives, from another process.

    Args:
        description: of the tokenizer, as JSON.
        text: what becomes tokens.

    Raises:
        Stopped: it takes more than a few seconds, and ten times what published ones take; or fails, with its words.
    """
    limit = _SECONDS + _EACH_MILLION * (len(description) + len(text)) // 1_000_000
    command = [sys.executable, "-P", "-c", f"from {__name__} import _answer; _answer({limit})"]
    try:
        ran = subprocess.run(
            command, input=json.dumps([description, text]), timeout=_CROWDED * limit,
            capture_output=True, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Stopped(f"stopped after {_CROWDED * limit} s") from None
    if ran.returncode < 0:
        raise Stopped(f"stopped after {limit} s of processor time")
    ids, left_out, error = json.loads(ran.stdout) if ran.returncode == 0 else ([], [], ran.stderr)
    if error is not None:
        raise Stopped(error)
    return ids, left_out


def _answer(limit: int) -> None:
    """Of the process: read a tokenizer and a text, print tokens and what was left out, or what went wrong."""
    with suppress(ImportError):  # elsewhere than on POSIX the clock alone sets a limit
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    from tokenizers import Tokenizer

    description, text = json.load(sys.stdin)
    answer: tuple[list[int], list[str], str | None]
    try:
        answer = (*tokenized(Tokenizer.from_str(description), text), None)
    except BaseException as error:  # noqa: BLE001  panics of the package are none but that
        answer = ([], [], str(error))
    print(json.dumps(answer))
