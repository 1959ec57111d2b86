"""Tokenizers by the ``tokenizers`` package, from what a model's own file says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.checkpoint import readers_missing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

#: Token types of GGUF that stand for themselves in a text: control and user-defined ones.
_CONTROL, _USER_DEFINED = 3, 4
_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: How text is split before pairs are merged, by GGUF's name for it.
SPLITS = ("smollm", "gpt-2", "qwen2")


def byte_level_tokenizer(
    path: Path, *, kind: str, split: str, tokens: Sequence[str], merges: Sequence[str], types: Sequence[int]
) -> Tokenizer:
    """A byte-level BPE tokenizer from the vocabulary and merges of a GGUF file.

    Raises:
        ModelError: it is of another kind, or splits text in a way that is not known here.
    """
    try:
        from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    if kind != "gpt2" or split not in SPLITS:
        allowed = f"'gpt2' (byte-level BPE) with splits {', '.join(SPLITS)}"
        raise ModelError(f"{path}: tokenizer {kind!r} with splits {split!r}; allowed: {allowed}")
    if not merges:
        raise ModelError(f"{path}: the tokenizer has no merges (tokenizer.ggml.merges)")
    vocabulary = {token: i for i, token in enumerate(tokens)}
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    steps: dict[str, list[Any]] = {
        "gpt-2": [pre_tokenizers.ByteLevel(add_prefix_space=False)],
        "smollm": [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)],
        "qwen2": [pre_tokenizers.Split(Regex(_QWEN), behavior="isolated"), bytes_only],
    }
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps[split])
    tokenizer.decoder = decoders.ByteLevel()
    marked = zip(tokens, types, strict=False)
    special = [token for token, type_ in marked if type_ in (_CONTROL, _USER_DEFINED)]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    return tokenizer


def tokenizer_of_folder(folder: Path) -> Tokenizer:
    """The tokenizer in ``tokenizer.json`` of a folder.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise readers_missing(error) from None
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder}: no tokenizer.json; allowed: the fast tokenizer beside the weights")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001  the package raises plain Exception for everything
        raise ModelError(f"{path}: no tokenizer can be made of it ({error})") from None
