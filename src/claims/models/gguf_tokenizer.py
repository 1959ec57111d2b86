"""The tokenizer of a GGUF file: byte-level BPE, made by the ``tokenizers`` package from vocabulary and merges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.checkpoint import readers_missing
from claims.models.fields import Fields, shown
from claims.models.patterns import PATTERNS

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Types of tokens that stand for themselves in a text: control and user-defined ones; and all types there are.
_CONTROL, _USER_DEFINED, _TYPES = 3, 4, range(7)
SPLITS = ("gpt-2", "smollm", *PATTERNS)
#: Where a piece that is a token is taken whole, whatever the merges would make of it.
_WHOLE = ("llama-bpe", "llama3", "llama-v3", "tekken")
#: Keys that the reader uses, and those that change nothing at some values; nothing is ever added to a text here.
_USED = ("model", "pre", "tokens", "merges", "token_type")
_NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "add_space_prefix": (False,),
    "remove_extra_whitespaces": (False,),
    "normalizer.lowercase": (False,),
    "normalizer.strip_accents": (False,),
}
_HARMLESS = ("scores", "add_bos_token", "add_eos_token", "add_sep_token", "token_type_count")


def tokenizer_of_gguf(path: Path, values: Mapping[str, Any], vocabulary: int) -> Tokenizer:
    """The tokenizer that the metadata describes.

    Args:
        path: of the file.
        values: of the metadata, by key.
        vocabulary: number of tokens of the model.

    Raises:
        ModelError: there is none, or it is of another kind, cuts text in a way not known here, or contradicts itself.
    """
    own = "tokenizer.ggml."
    fields = Fields(path, {key.removeprefix(own): v for key, v in values.items() if key.startswith(own)}, own)
    if "tokens" not in fields:
        raise ModelError(f"{path}: the file has no tokenizer (tokenizer.ggml.tokens)")
    for key in fields.values:
        if key not in _USED and key not in _NEUTRAL and key not in _HARMLESS and not key.endswith("_token_id"):
            raise fields.wrong(key, "no such key, which no tokenizer that is made here has")
    fields.neutral(_NEUTRAL)
    fields.choice("model", ("gpt2",))
    split = fields.choice("pre", SPLITS)
    tokens, merges = _texts(fields, "tokens"), _texts(fields, "merges")
    types = fields.values.get("token_type", [1] * len(tokens))
    if not isinstance(types, list) or len(types) != len(tokens) or any(kind not in _TYPES for kind in types):
        raise fields.wrong("token_type", f"{len(tokens)} numbers from 0 to {_TYPES[-1]}, one for each token")
    if len(tokens) != vocabulary:
        raise ModelError(f"{path}: {own}tokens has {len(tokens)} tokens; allowed: {vocabulary}, as the model has")
    marked = zip(tokens, types, strict=True)
    special = [token for token, kind in marked if kind in (_CONTROL, _USER_DEFINED)]
    return _byte_level(path, split, _ids(path, tokens), [_pair(path, merge) for merge in merges], special)


def _texts(fields: Fields, key: str) -> list[str]:
    found = fields.values.get(key)
    if not isinstance(found, list) or not found or any(not isinstance(item, str) for item in found):
        raise fields.wrong(key, "an array of strings, not empty")
    return found


def _ids(path: Path, tokens: Sequence[str]) -> dict[str, int]:
    """Token -> id; each token there once."""
    ids: dict[str, int] = {}
    for i, token in enumerate(tokens):
        if not token or token in ids:
            got = "empty" if not token else f"{shown(token)}, which token {ids[token]} is"
            raise ModelError(f"{path}: token {i} is {got}; allowed: different tokens")
        ids[token] = i
    return ids


def _pair(path: Path, merge: str) -> tuple[str, str]:
    left, space, right = merge.partition(" ")
    if not (left and space and right) or " " in right:
        raise ModelError(f"{path}: {shown(merge)} among the merges; allowed: two tokens with a space between them")
    return left, right


def _byte_level(
    path: Path, split: str, ids: dict[str, int], pairs: list[tuple[str, str]], special: Sequence[str]
) -> Tokenizer:
    try:
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    for left, right in pairs:
        unknown = [token for token in (left, right, left + right) if token not in ids]
        if unknown:
            got = f"the merge of {shown(left)} and {shown(right)} needs {shown(unknown[0])}"
            raise ModelError(f"{path}: {got}, which is no token; allowed: merges of tokens into tokens")
    tokenizer = Tokenizer(models.BPE(vocab=ids, merges=pairs, ignore_merges=split in _WHOLE))
    if split in PATTERNS:
        pieces: Any = pre_tokenizers.Split(Regex(PATTERNS[split]), behavior="isolated")
        steps = [pieces, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    else:
        digits: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if split == "smollm" else []
        steps = [*digits, pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return tokenizer
