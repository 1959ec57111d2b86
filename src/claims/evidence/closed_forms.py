"""Closed forms are functions of the point, so that what one gave before is kept by its code, the machine and the point.

What is kept is what an experiment's evidence would be: the key has the code that the function reaches, the versions of
libraries and the arithmetic of the machine. A function that reads what its code does not name, draws from a generator
that all share, or gives another number the second time is computed whenever it is asked for, as are functions that no
module has under their own name.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from claims.errors import ClaimsError
from claims.evidence.canonical import canonical_json, digest
from claims.evidence.fingerprint import arithmetic, code_of, file_of
from claims.evidence.inputs import inputs_of
from claims.evidence.kept import BEGAN, Kept, settled, signature_of
from claims.evidence.purity import shared_generators
from claims.evidence.watching import noting, read_at_import

#: Seconds up to which a function is called a second time before what it gave is kept.
_CHEAP = 0.1


def worked_out(kept: Kept, function: Callable[..., float], arguments: Mapping[str, Any]) -> float:
    """What a function gives, from what is kept if it is there."""
    place = _place(function)
    code = kept.once(place, lambda: _code_of(place))
    if not code:
        return float(function(**arguments))
    pure = True

    def made() -> float:
        nonlocal pure
        inputs, before, began = inputs_of(place, (), (), None, code), shared_generators(), time.perf_counter()
        with noting(inputs) as found:
            value = float(function(**arguments))
            cheap = time.perf_counter() - began < _CHEAP
            again = float(function(**arguments)) if cheap else value
        pure = math.isfinite(value) and again == value and not found and not read_at_import(inputs)
        pure = pure and all(shared_generators()[name] == state for name, state in before.items())
        return value

    key = canonical_json(["closed form", place, code, arithmetic(), dict(arguments)])
    return float(kept.recall(key, made, keep=lambda: pure))


def _place(function: Callable[..., float]) -> str:
    """``"module:function"`` if that is where the function is, and the module is a file; else nothing."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    loaded = sys.modules.get(module or "")
    found: Any = loaded
    for part in name.split("."):
        found = getattr(found, part, None)
    home = getattr(loaded, "__file__", None)
    return f"{module}:{name}" if found is function and home and file_of(str(module)) == Path(home) else ""


def _code_of(place: str) -> str:
    """Fingerprint of what a function runs, if that is what was imported; empty if that cannot be told."""
    if not place:
        return ""
    try:
        code = code_of(place)
    except ClaimsError:
        return ""
    if not all(settled(signature_of(file), BEGAN) for file in code.files):
        return ""
    return digest(sorted(code.parts.items())).hex()
