"""``claimbench evidence pool``: fresh epochs of a store together, until a claim is decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from claims.auditing.decision import ALPHA_CLAIM
from claims.cli.common import chosen, json_flag, print_json, say, select_argument, store_option
from claims.errors import NothingSelected
from claims.report.numbers import band_text, counted, estimate_text, interval_text
from claims.report.words import at_words
from claims.verdict import Verdict

if TYPE_CHECKING:
    from claims.comparing.pooling import PooledClaim, PooledPoint

#: The version of what ``--json`` prints; another one when a field goes or means something else.
SCHEMA = 1


@click.command("pool")
@select_argument
@store_option
@json_flag
def command(*, select: tuple[str, ...], store: Path, as_json: bool) -> None:
    """Judge claims by all fresh epochs of the store together, at an error rate over all nights; measures nothing.

    `claimbench audit --epoch fresh` adds an epoch. Seeds of the pinned epoch and of other code, data or numerics class
    are left out, and an epoch with a part missing is refused, each by name. Exits with 1 if a verdict differs, and with
    4 if nothing could be pooled.
    """
    from claims.comparing.holding import read_holding
    from claims.comparing.pooling import looks_of, pool
    from claims.comparing.stored import plan_of

    catalogue, claims = chosen(select)
    found = pool(read_holding(store), plan_of(claims, catalogue), looks_of(catalogue.claims.values()))
    if as_json:
        print_json({"schema": SCHEMA, "alpha": ALPHA_CLAIM, "claims": [_plain(claim) for claim in found]})
    else:
        for line in _lines(found):
            say(line)
    pooled = [claim for claim in found if not claim.empty]
    if not pooled:
        raise NothingSelected(f"{store}: nothing to pool; {found[0].claim.id}: {found[0].points[0].judgement.reason}")
    raise click.exceptions.Exit(1 if any(claim.as_expected is False for claim in pooled) else 0)


def _lines(found: tuple[PooledClaim, ...]) -> Iterator[str]:
    pooled = [claim for claim in found if not claim.empty]
    for claim in pooled:
        differs = f", expected {claim.claim.expected}" if claim.as_expected is False else ""
        yield f"{claim.claim.id}: {claim.verdict}{differs} ({claim.claim.locus})"
        for point in claim.points:
            yield from _of_point(point)
    counts = Counter(claim.verdict for claim in pooled)
    words = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    yield f"{counted(len(pooled), 'claim')}: {words}" if pooled else "no claim was pooled"
    yield f"over all nights, a claim is decided wrongly with probability {ALPHA_CLAIM:.0e} at most"
    if len(found) > len(pooled):
        yield f"{counted(len(found) - len(pooled), 'claim')} not pooled:"
        for claim in found:
            if claim.empty:
                yield f"  {claim.claim.id}: {claim.points[0].judgement.reason}"


def _of_point(point: PooledPoint) -> Iterator[str]:
    judged, band = point.judgement, _band(point)
    reading = f"read as {point.trial.reading}" if point.trial.reading is not None else ""
    at = ", ".join(filter(None, (reading, at_words(dict(point.trial.point)))))
    where = f"  at {at}: " if at else "  "
    pair = _pair(judged.interval)
    figures = f"{estimate_text(judged.estimate, pair)} {interval_text(pair)}".strip()
    facts = [f"{judged.verdict}", f"{figures} against {band_text(band)}" if point.seeds else ""]
    facts += [f"{counted(point.seeds, 'seed')} of {counted(len(point.epochs), 'epoch')}" if point.seeds else ""]
    more = f"about {counted(point.more, 'seed')} would decide it" if point.more is not None else ""
    yield where + "; ".join(filter(None, (*facts, judged.reason, more)))
    for words in point.left_out:
        yield f"      left out: {words}"


def _band(point: PooledPoint) -> list[float | None] | None:
    limits = point.trial.band
    return None if limits is None else _pair((limits.lo, limits.hi))


def _pair(pair: tuple[float, float] | None) -> list[float | None] | None:
    return None if pair is None else [edge if abs(edge) < float("inf") else None for edge in pair]


def _plain(claim: PooledClaim) -> dict[str, Any]:
    points = [
        {
            "at": dict(point.trial.point),
            "reading": None if point.trial.reading is None else str(point.trial.reading),
            "verdict": point.judgement.verdict.value,
            "band": _band(point),
            "estimate": point.judgement.estimate,
            "interval": _pair(point.judgement.interval),
            "epochs": list(point.epochs),
            "seeds": point.seeds,
            "more_seeds": point.more,
            "left_out": list(point.left_out),
            "reason": point.judgement.reason or None,
        }
        for point in claim.points
    ]
    return {
        "id": claim.claim.id,
        "verdict": claim.verdict.value,
        "expected": claim.claim.expected.value,
        "as_expected": claim.as_expected,
        "points": points,
    }
