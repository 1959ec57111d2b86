"""How far apart two figures or two bands are: by more than intervals, or by more than rounding, allow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from claims.auditing.decision import ALPHA_CLAIM

Row = Mapping[str, Any]

#: By how much of a band's width a computed edge may differ from one machine to another.
_ROUNDING = 1e-9
#: What other libraries and machines may make of an edge that is computed, in shares of it.
_LAST_BITS = 64 * 2.0**-52


def moved(a: Row, b: Row) -> bool:
    """Whether two estimates differ by more than their intervals: the intervals have no point in common.

    Exact values may differ by rounding in the ninth digit.
    """
    if a["estimate"] is None or b["estimate"] is None:
        return False
    lo, hi = (edges(row["interval"] or (row["estimate"], row["estimate"])) for row in (a, b))
    apart = lo[1] < hi[0] or hi[1] < lo[0]
    return apart and not math.isclose(a["estimate"], b["estimate"], rel_tol=1e-9, abs_tol=1e-15)


def grown(before: Sequence[float | None] | None, after: Sequence[float | None] | None) -> bool:
    """Whether a band admits values that it refused before, by more than rounding.

    A band that moves does so on one side, whatever its width; one that was given up admits everything.
    """
    if before is None or after is None:
        return before is not None
    (old_lo, old_hi), (lo, hi) = edges(before), edges(after)
    scale = next((x for x in (old_hi - old_lo, abs(old_lo), abs(old_hi)) if math.isfinite(x)), 0.0)
    largest = max((abs(x) for x in (old_lo, old_hi, lo, hi) if math.isfinite(x)), default=0.0)
    # Edges of a narrow band are rounded as all numbers are; but what a thousandth of it is, is no rounding.
    slack = max(_ROUNDING * scale, min(_LAST_BITS * largest, scale / 1000))
    return lo < old_lo - slack or hi > old_hi + slack


def edges(pair: Sequence[float | None]) -> tuple[float, float]:
    """Both edges, infinite where null."""
    lo, hi = pair
    return -math.inf if lo is None else lo, math.inf if hi is None else hi


def chance_of(pairs: Iterable[tuple[Row, Row]]) -> float:
    """Bound of the probability that any of these pairs of estimates, each of one and the same truth, has moved.

    Two intervals that both cover the truth meet. One that was taken at whichever look a claim ended at fails to with
    probability ALPHA_CLAIM at most, or at the level that its author states; failures add up over both intervals and
    over all pairs, however they depend on each other.
    What is evaluated rather than sampled has no alpha, and does not move by chance.
    """
    levels: list[float] = [row["alpha"] for pair in pairs for row in pair if row["alpha"] is not None]
    return min(sum(max(level, ALPHA_CLAIM) for level in levels), 1.0)


def same(a: Any, b: Any) -> bool:
    """Whether a declaration is what it was; numbers may differ by rounding, as closed forms do between machines."""
    if isinstance(a, list) and isinstance(b, list):
        return not grown(a, b) and not grown(b, a)
    if isinstance(a, int | float) and isinstance(b, int | float):
        return math.isclose(a, b, rel_tol=_ROUNDING, abs_tol=1e-15)
    return bool(a == b)
