"""Experiments and statements that are right, or wrong by a known amount."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from claims.evidence.searching import Statement

if TYPE_CHECKING:
    from claims.streams import Streams

#: What rounding may make of two sides that are equal, and what a wrong statement is false by.
BOUND, WRONG_BY = 1e-9, 1e-2
#: Values of a published seed each, of which the mean is 2.639, and what those of a neighbouring configuration are more.
_PUBLISHED, _MORE = (2.61, 2.65, 2.63, 2.66, 2.645), 0.01
#: Where the minimum of a searched function is.
_AT = (0.3, -0.2)


def evaluated(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Two sides that are apart by ``off`` times what is allowed, and a number that is ``off``."""
    left = float(streams.numpy("left").normal())
    return {"number": point["off"], "left": left, "right": left + point["off"] * BOUND, "planted": left + 1.0}


def replayed(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """A published seed."""
    x = _PUBLISHED[streams.seed_index]
    return {"x": x, "neighbour": x + _MORE}


def _bowl(least: float) -> Callable[..., float]:
    """A function of two numbers whose minimum is ``least``."""
    return lambda x, y: (x - _AT[0]) ** 2 + (y - _AT[1]) ** 2 + least


def _precise(least: float) -> Callable[..., Any]:
    def margin(x: float, y: float) -> Any:
        from mpmath import mp, mpf

        with mp.workdps(40):
            return (mpf(x) - mpf(_AT[0])) ** 2 + (mpf(y) - mpf(_AT[1])) ** 2 + mpf(least)

    return margin


def _statement(least: float) -> Statement:
    ranges = {"x": (-1.0, 1.0), "y": (-1.0, 1.0)}
    return Statement(inputs=ranges, margin=_bowl(least), planted=_bowl(-WRONG_BY), precise=_precise(least))


RIGHT, WRONG = _statement(WRONG_BY), _statement(-WRONG_BY)
