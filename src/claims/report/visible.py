"""Text from elsewhere on a terminal, on a page, in JSON: what would act there instead of being seen is shown escaped.

Claims, stores, results and models come from others. A control character can move the cursor, an escape sequence make a
link (OSC 8) or colour a verdict, a bidirectional override turn a line round, a line break make up a line of our own.
Everything that is printed goes through ``visible``, everything written as JSON through ``json_text``.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from json.encoder import encode_basestring
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
    if indent is None:
        return shown_json(_plain(document))
    return shown_json(_indented(document, "\n", " " * indent))


def shown_json(text: str) -> str:
    """JSON text with escapes for what would not be seen; the same data."""
    if text.isascii() and "\x7f" not in text:
        return text  # controls below a blank are escaped in every JSON text
    return _CANDIDATE_IN_LINE.sub(lambda match: _escaped_json(match[0]), text)


def _plain(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def _indented(value: Any, line: str, step: str) -> str:
    """What ``json.dumps`` with an indent gives, in half of its time: that hands each piece up through all levels."""
    kind = type(value)
    if kind is str:
        return encode_basestring(value)
    if kind is int or (kind is float and math.isfinite(value)):
        return repr(value)
    if value is None:
        return "null"
    if kind is dict and value:
        inner = line + step
        parts = [f"{_name(name)}: {_indented(each, inner, step)}" for name, each in value.items()]
        return f"{{{inner}{f',{inner}'.join(parts)}{line}}}"
    if kind in (list, tuple) and value:
        inner = line + step
        return f"[{inner}{f',{inner}'.join([_indented(each, inner, step) for each in value])}{line}]"
    return _plain(value)


def _name(name: Any) -> str:
    return encode_basestring(name) if type(name) is str else _plain({name: 0})[1:-4]


def _escaped(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN:
        return character
    return character.encode("unicode_escape").decode()


def _escaped_json(character: str) -> str:
    return json.dumps(character)[1:-1] if unicodedata.category(character) in _UNSEEN else character
