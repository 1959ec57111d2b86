"""What does not hold, in order of importance: where it stands, then how far off it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from claims.report.standing import Standing, standing

Row = Mapping[str, Any]


def findings(rows: Iterable[Row]) -> list[Row]:
    """What is refuted, or depends on the reading, as the record says, in order of importance.

    Controls are findings about nobody.
    """
    found = [row for row in rows if row["as_expected"] is not False and finding(row)]
    return sorted(found, key=importance)


def finding(row: Row) -> bool:
    """Whether a claim is a finding about somebody."""
    return standing(row) not in (None, Standing.CONTROL)


def by_importance(rows: Iterable[Row]) -> list[Row]:
    """Every claim: what contradicts the record, what does not hold, then the rest as it came."""
    every = list(rows)
    first = [row for row in every if row["as_expected"] is False]
    first += findings(every)
    known = {row["id"] for row in first}
    return first + [row for row in every if row["id"] not in known]


def importance(row: Row) -> tuple[int, float]:
    """A key to sort by: where it stands, then how many tolerances the figure lies outside its band, farthest first.

    What has no band (arithmetic on printed figures, a counterexample) comes behind what has one.
    """
    where = standing(row)
    return (len(Standing) if where is None else list(Standing).index(where), -distance(row))


def distance(row: Row) -> float:
    """From a claim's estimate to the nearer edge of its band, in half-widths of the band; 0 inside or without a band.

    The tolerance of a one-sided band is its edge, or 1 where that is 0.
    """
    band, estimate = row["band"], row["estimate"]
    if band is None or estimate is None:
        return 0.0
    lo, hi = (-math.inf if band[0] is None else band[0]), (math.inf if band[1] is None else band[1])
    outside = max(lo - estimate, estimate - hi, 0.0)
    half = (hi - lo) / 2
    if not 0 < half < math.inf:
        half = abs(hi if lo == -math.inf else lo) or 1.0
    return float(outside / half) if math.isfinite(outside / half) else 0.0
