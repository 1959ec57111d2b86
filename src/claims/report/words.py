"""Verdicts, targets and seeds in words. A *row* is one claim, or one of its points, of a result document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from claims.auditing.budget import ErrorRates
from claims.claim import Claim
from claims.kinds.base import LOOKS, ComparesLevels
from claims.report.numbers import band_text, counted, estimate_text, interval_text, number
from claims.verdict import HOLDS, UNDECIDED

Row = Mapping[str, Any]
#: What the estimate of a kind without a band is; elsewhere it is the figure that the band is about.
_MEANING = {"identity": "largest error", "search": "smallest margin"}


def verdict_words(row: Row) -> str:
    """A verdict against the one on record."""
    words = expectation_words(row)
    if words == "as expected":
        return str(row["verdict"]) if row["verdict"] == HOLDS else f"{row['verdict']} as expected"
    return f"{row['verdict']}, {words}"


def expectation_words(row: Row) -> str:
    """The same without the verdict: for where that stands already."""
    if row["verdict"] == row["expected"]:
        return "as expected"
    if row["verdict"] == UNDECIDED and row["as_expected"]:
        return f"decides at {row['decides']}"
    return f"expected {row['expected']}"


def target_words(row: Row, claim: Claim | None) -> str:
    """The figure as printed, else the target as computed; empty for one-sided bands, which say it themselves."""
    if claim is not None and claim.band is not None and claim.band.text is not None:
        return claim.band.text
    band = row["band"]
    one_sided = band is not None and None in band
    return "" if row["target"] is None or one_sided else number(row["target"])


def band_words(row: Row, claim: Claim | None) -> str:
    """Target and band: ``2.639 in [2.626, 2.652]``."""
    parts = [part for part in (target_words(row, claim), band_text(row["band"])) if part]
    return " in ".join(parts)


def estimate_words(row: Row) -> str:
    """Estimate and interval: ``2.6391 [2.6378, 2.6404]``; for kinds without a band, what the figure is."""
    return f"{figure_words(row)} {interval_text(row['interval'])}".strip()


def figure_words(row: Row) -> str:
    """The estimate alone."""
    meaning = _MEANING.get(row.get("kind", ""))
    if meaning is None or row["estimate"] is None:
        return estimate_text(row["estimate"], row["interval"])
    return f"{meaning} {row['estimate']:.2g}"


def seeds_words(row: Row) -> str:
    """Seeds of the main block, and of the block that had to confirm."""
    if not row["seeds"]:
        return ""
    return f"{row['seeds']} + {row['confirmation']['seeds']}" if row["confirmation"] else str(row["seeds"])


def more_words(more: int | None, *, ranged: bool = False) -> str:
    """How many seeds an undecided point still needs, and what to do if that is more than any claim gets.

    Args:
        more: the seeds; None where no number is known.
        ranged: whether it declares the range of a seed, of which averaging inside it changes nothing.
    """
    if more is None:
        return "no number of seeds can be named: the estimate lies on an edge of the band, or its interval is unbounded"
    rounded = math.ceil(float(f"{more:.1e}")) if more >= 1000 else more  # an estimate of an estimate: two digits
    words = f"about {counted(rounded, 'seed')} would decide it, if the estimate stays where it is"
    if more <= LOOKS[-1]:
        return words
    remedy = "a narrower range of its seeds" if ranged else "a larger sample inside each seed"
    return f"{words}; no claim gets more than {LOOKS[-1]}, so it needs {remedy}"


def compared_words(claim: Claim | None) -> str:
    """Which level of its axis a claim takes first: ``arm: first plain, last ours``; empty where it takes no order."""
    if claim is None or not claim.test.over or not isinstance(claim.test, ComparesLevels):
        return ""
    axis, test = claim.test.over[0], claim.test
    found = (test.compared([dict(member)[axis] for member in members]) for _, members in claim.judged_points())
    return "; ".join(dict.fromkeys(filter(None, found)))


def speaker(row: Row) -> Row:
    """Of a claim's points the one whose figures the claim shows: the first that has them all."""
    figures = ("verdict", "estimate", "interval", "margin", "target", "band", "reason")
    same = (point for point in row["points"] if all(point[name] == row[name] for name in figures))
    found: Row = next(same, row["points"][0])
    return found


def error_words(rates: ErrorRates) -> str:
    """How sure all verdicts of an audit are together."""
    if not rates.claims and not rates.apart:
        return "no verdict rests on seeds"
    judged = (
        f"any false verdict among {counted(rates.claims, 'claim')} judged on seeds: {at_most_words(rates.any_false)}"
    )
    if not rates.apart:
        return judged
    families = "1 family" if rates.apart_families == 1 else f"{rates.apart_families} families"
    own = f"{counted(rates.apart, 'fixed sample')} in {families}, {rates.apart_decided} decided"
    return f"{judged}; apart from these, among {own}, at levels of their own: {at_most_words(rates.apart_any_false)}"


def at_most_words(bound: float) -> str:
    """A bound of a probability, rounded up to two digits: ``at most 1.2 %``."""
    if not bound:
        return "none can be false by chance"
    places = 1 - math.floor(math.log10(bound * 100))
    return f"at most {math.ceil(round(bound * 100 * 10**places, 6)) / 10**places:g} %"


def at_words(point: Mapping[str, Any]) -> str:
    """A point's coordinates: ``metric=pre, n=512``."""
    return ", ".join(f"{name}={value}" for name, value in point.items())
