"""What a model's file says of itself, key by key: each value of the type and range that its format has, or refused."""

from __future__ import annotations

import json
import reprlib
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claims.errors import ModelError

#: No size in a model is larger: every library that writes these files keeps them in 32 bits.
LARGEST = 2**31 - 1
#: Positive numbers that float32, in which models run, has with all its digits.
_SMALLEST_NUMBER, _LARGEST_NUMBER = 2.0**-126, (2 - 2.0**-23) * 2.0**127

_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = 80


def shown(value: object) -> str:
    """A value out of a file as it appears in a message: short, control characters and lone surrogates escaped."""
    return _shown.repr(value)


def named(name: str) -> str:
    """A name out of a file as it appears in a message: itself, unless it is long or has what a terminal obeys."""
    return name if name.isprintable() and name.strip() and len(name) <= _shown.maxstring else shown(name)


def same(value: object, allowed: object) -> bool:
    """Equality of values in JSON and GGUF, where true is not 1 although 1.0 is."""
    return isinstance(value, bool) == isinstance(allowed, bool) and value == allowed


@dataclass(frozen=True, slots=True)
class Fields:
    """The keys of a file. Every reader below refuses with a ModelError that names file, key, value and what is allowed.

    Attributes:
        path: of the file.
        values: by key.
        prefix: what messages put before a key.
    """

    path: Path
    values: Mapping[str, Any]
    prefix: str = ""

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def wrong(self, key: str, allowed: str) -> ModelError:
        """The error for a key's value, or for its absence."""
        if key not in self.values:
            return ModelError(f"{self.path}: no {self.prefix}{key}; allowed: {allowed}")
        return ModelError(f"{self.path}: {named(self.prefix + key)} is {shown(self.values[key])}; allowed: {allowed}")

    def whole(self, key: str, default: int | None = None, *, most: int = LARGEST) -> int:
        """A size: a whole number from 1 to ``most``. Without a default the key has to be there."""
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.wrong(key, f"a whole number from 1 to {most}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A positive number that float32 can hold. Without a default the key has to be there."""
        value = self.values.get(key, default)
        real = isinstance(value, int | float) and not isinstance(value, bool)
        if not real or not _SMALLEST_NUMBER <= value <= _LARGEST_NUMBER:
            raise self.wrong(key, f"a positive number from {_SMALLEST_NUMBER:.2g} to {_LARGEST_NUMBER:.2g}")
        return float(value)

    def choice(self, key: str, allowed: Collection[str], default: str | None = None) -> str:
        """One of several words. Without a default the key has to be there."""
        value = self.values.get(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, ", ".join(allowed))
        return value

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def neutral(self, allowed: Mapping[str, tuple[object, ...]]) -> None:
        """Of the keys of ``allowed`` each is left out or has one of the values given for it."""
        for key, values in allowed.items():
            if key in self.values and not any(same(self.values[key], value) for value in values):
                words = ", ".join(json.dumps(value) for value in values)
                raise self.wrong(key, f"{words}, or no such key")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        ModelError: the file cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as UTF-8 ({error})") from None
    try:
        found = json.loads(text, parse_constant=_no_constant)
    except ValueError as error:  # digits by the thousand too, which Python declines to convert
        raise ModelError(f"{path}: no JSON ({error})") from None
    except RecursionError:
        raise ModelError(f"{path}: values inside values by the {sys.getrecursionlimit():,}; allowed: fewer") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path}: got a {type(found).__name__}; allowed: a JSON object")
    return found


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no JSON number")
