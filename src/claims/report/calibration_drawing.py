"""A calibration as reports draw it: how often claims of each kind are decided falsely, beside what is promised."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Rates are drawn on a logarithmic axis, from one in two thousand to all, 0 to 100.
_LEAST = 1 / 2000


@dataclass(frozen=True, slots=True)
class Strip:
    """One kind.

    Attributes:
        kind: its name, and of a row that must fail which seeds.
        words: the count.
        rate, low: of false verdicts and its lower limit, on the axis.
        width: from the lower limit to the upper one.
        must_fail: whether more errors than promised have to be found.
    """

    kind: str
    words: str
    rate: float
    low: float
    width: float
    must_fail: bool


def strips(record: Mapping[str, Any]) -> Sequence[Strip]:
    """One for each kind, in order."""
    return [
        Strip(
            kind=row["kind"],
            words=f"{row['false']:,} of {row['claims']:,}",
            rate=place(row["false"] / row["claims"]),
            low=place(row["limits"][0]),
            width=round(place(row["limits"][1]) - place(row["limits"][0]), 2),
            must_fail=row["must_fail"],
        )
        for row in record["on_edge"]
    ]


def place(rate: float) -> float:
    """Where a rate is on the axis."""
    return round(100 * max(0.0, 1 - math.log(max(rate, _LEAST)) / math.log(_LEAST)), 2)
