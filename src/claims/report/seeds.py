"""What seeds are like of which a mean is judged, what they can tell, and what so few of them cannot show: in words.

A *row* is one claim, or one of its points, of a result document; of kinds that judge no means everything is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from claims.auditing.power import unseen
from claims.report.numbers import counted, number
from claims.verdict import HOLDS, REFUTED

Row = Mapping[str, Any]


def unseen_words(row: Row) -> str:
    """What a verdict by seeds is blind to, or the range by which it is not, short enough for its line."""
    found = row.get("qualification")
    if not found or row["verdict"] not in (HOLDS, REFUTED):
        return ""
    if row.get("range"):
        return f"whatever the distribution of seeds is from {_ends(row)}"
    return f"what comes in fewer than {_percent(found['unseen'])} of seeds may be unseen"


def reach_words(row: Row) -> str:
    """How large unseen values would have to be to turn the verdict; empty where that is not known.

    Of seeds within a declared range, by how much such values could move the mean at most.
    """
    found = row.get("qualification")
    if row.get("range"):
        return _moves_words(row)
    if not unseen_words(row) or found is None:
        return ""
    lo, hi = found["reach"]
    parts = [f"below {number(lo)}"] if lo is not None else []
    parts += [f"above {number(hi)}"] if hi is not None else []
    if not parts:
        return ""
    missed = (
        f"{counted(row['seeds'], 'seed')} miss one time in twenty what comes in {_percent(found['unseen'])} of seeds"
    )
    return f"{missed}: values {' or '.join(parts)}, so rare, would turn the verdict"


def _moves_words(row: Row) -> str:
    if not row["seeds"] or row["estimate"] is None or not row["alpha"]:
        return ""
    (lo, hi), estimate = row["range"], row["estimate"]
    share = unseen(row["seeds"], missed=row["alpha"] / 2)
    down, up = (f"{share * abs(end - estimate):.2g}" for end in (lo, hi))
    missed = f"{counted(row['seeds'], 'seed')} miss with probability {row['alpha'] / 2:.1e} what comes in"
    moves = f"from {_ends(row)} it moves the mean by at most {down} down or {up} up"
    return f"{missed} {_percent(share)} of seeds: {moves}, for which the interval has room"


def _ends(row: Row) -> str:
    lo, hi = row["range"]
    return f"{number(lo)} to {number(hi)}"


def shape_words(row: Row) -> str:
    """Spread, skewness, kurtosis, outliers and correlation of the seeds."""
    found = row.get("qualification")
    if not found or found["skewness"] is None:
        return ""
    spread = "" if found["spread"] is None else f"spread {found['spread']:.3g}, "
    sure = f" ({found['sure_skewness']:.2g} beyond doubt)" if found["sure_skewness"] else ""
    outliers = f", {counted(found['outliers'], 'outlier')}" if found["outliers"] else ""
    shape = f"skewness {found['skewness']:.2g}{sure}, excess kurtosis {found['kurtosis']:.2g}{outliers}"
    return f"{spread}{shape}, correlation of one and the next {found['correlation']:.2g}"


def power_words(row: Row) -> str:
    """What the claim can tell with all its seeds."""
    found = row.get("qualification")
    if not found or found["tells"] is None:
        return ""
    chances = [f"holds at the target with probability {_chance(found['holds'])}"] if found["holds"] is not None else []
    if found["rejects"] is not None:
        chances.append(f"rejects the rival with {_chance(found['rejects'])}")
    tells = f"tells what lies {found['tells']:.2g} beyond an edge of the band"
    return f"with {counted(found['cap'], 'seed')} it {', '.join([*chances, tells])}"


def seeds_lines(row: Row) -> Iterator[str]:
    """All that is not empty, a line each."""
    if words := shape_words(row):
        yield f"seeds: {words}"
    yield from filter(None, (power_words(row), reach_words(row)))


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


def _chance(probability: float) -> str:
    return (
        "over .999"
        if probability > 0.999
        else "under .001"
        if probability < 0.001
        else f"{probability:.3f}".lstrip("0")
    )
