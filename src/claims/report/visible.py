"""Text from elsewhere on a terminal, on a page, in JSON: what would act there instead of being seen is shown escaped.

Claims, stores, results and models come from others. A control character can move the cursor, an escape sequence make a
link (OSC 8) or colour a verdict, a bidirectional override turn a line round, a line break make up a line of our own.
Everything that is printed goes through ``visible``, everything written as JSON through ``json_text``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

#: Categories of characters that have no picture of their own: controls, format characters (bidirectional ones among
#: them), lone surrogates, separators of lines and paragraphs.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_CANDIDATE, _CANDIDATE_IN_LINE = re.compile(r"[^ -~]"), re.compile(r"[^ -~\n]")


def visible(text: object, *, lines: bool = False) -> str:
    r"""The text as a single line, with ``\x1b`` or ``\u202e`` for what would not be seen.

    Args:
        text: anything that has words.
        lines: keep line breaks and tabs: for what is meant to have several lines.

    >>> visible("ok\x1b[2J\u202e")
    'ok\\x1b[2J\\u202e'
    """
    words = str(text)
    if words.isascii() and words.isprintable():
        return words
    kept = "\n\t" if lines else ""
    return _CANDIDATE.sub(lambda match: match[0] if match[0] in kept else _escaped(match[0]), words)


def json_text(document: Any, *, indent: int | None = 1) -> str:
    """A document as JSON that can be shown as it is; never NaN or Infinity, the same data when read back."""
    return shown_json(json.dumps(document, indent=indent, allow_nan=False, ensure_ascii=False))


def shown_json(text: str) -> str:
    """JSON text with escapes for what would not be seen; the same data."""
    if text.isascii() and "\x7f" not in text:
        return text  # controls below a blank are escaped in every JSON text
    return _CANDIDATE_IN_LINE.sub(lambda match: _escaped_json(match[0]), text)


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode()


def _escaped_json(character: str) -> str:
    return json.dumps(character)[1:-1] if unicodedata.category(character) in _UNSEEN else character
