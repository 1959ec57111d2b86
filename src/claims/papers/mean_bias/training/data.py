"""Text to train on: tokens by a small byte-level BPE made from the text itself, and two parts that share no token."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claims.errors import TextError
from claims.models.checkpoint import readers_missing
from claims.models.text import read_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from claims.subject import Subject

#: Share of the text, its end, that is kept for validation.
_VALIDATION = 0.1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Corpus:
    """Token ids, int64: of the part that is trained on, and of the part that follows it."""

    training: Tensor
    validation: Tensor


@functools.lru_cache(maxsize=2)
def corpus(subject: Subject, vocabulary: int) -> Corpus:
    """The subject's text in two parts, as tokens of a BPE made of the first; kept for the runs that follow.

    Raises:
        TextError: the text is none, or too short for this vocabulary.
    """
    text = read_text(subject.text)
    cut = round(len(text) * (1 - _VALIDATION))
    tokenizer = trained_tokenizer(text[:cut], vocabulary)
    if tokenizer.get_vocab_size() < vocabulary:
        got = f"gives {tokenizer.get_vocab_size()} tokens of byte pairs"
        raise TextError(f"{subject.text}: too short to train on, it {got}; {vocabulary} are asked for")
    parts = [torch.tensor(tokenizer.encode(part).ids, dtype=torch.int64) for part in (text[:cut], text[cut:])]
    return Corpus(training=parts[0], validation=parts[1])


def trained_tokenizer(text: str, vocabulary: int) -> Tokenizer:
    """A byte-level BPE of at most ``vocabulary`` tokens, 256 of them bytes; the same for the same text."""
    try:
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(text.splitlines(keepends=True), trainer=trainer)
    return tokenizer


def draws(tokens: Tensor, shape: tuple[int, int], length: int, generator: torch.Generator, *, source: str) -> Tensor:
    """First tokens of random windows of ``length``, int64 of the shape (steps, windows).

    Raises:
        TextError: there is no such window.
    """
    if len(tokens) < length:
        raise TextError(f"{source}: {len(tokens):,} tokens to train on; a window has {length}")
    return torch.randint(len(tokens) - length + 1, shape, generator=generator)


def windows_at(tokens: Tensor, starts: Tensor, length: int) -> Tensor:
    """The windows (windows, length) that begin at these tokens."""
    return tokens[starts[:, None] + torch.arange(length)]


def consecutive(tokens: Tensor, count: int, length: int, *, source: str) -> Tensor:
    """The first ``count`` windows of ``length`` tokens without overlap, (count, length).

    Raises:
        TextError: there are fewer.
    """
    if len(tokens) < count * length:
        got = f"{len(tokens):,} tokens to validate on, which is {len(tokens) // length} windows of {length}"
        raise TextError(f"{source}: {got}; {count} are asked for")
    return tokens[: count * length].view(count, length)
