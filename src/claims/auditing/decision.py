"""The decision procedure: error rates fixed in advance, group-sequential looks, replication of every refutation.

A claim may err in one direction only: if it is true, by REFUTED; if it is false, by HOLDS. It errs with probability at
most ALPHA_CLAIM over all its looks (:mod:`claims.auditing.schedule` says how they share it), so all claims of a paper
together with at most ALPHA_AUDIT, however they depend on each other. A refutation has to be repeated on a disjoint
block of seeds, on the same side of the band, so a false one has probability at most ALPHA_CLAIM squared. A subset of
claims never changes a verdict.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import replace

from claims.auditing.schedule import DEEPER
from claims.bands import Limits
from claims.claim import Claim
from claims.kinds.base import Judgement, Kind, StudentsT, Values, offers, side, split
from claims.verdict import DEPENDS, ERROR, HOLDS, PRECEDENCE, REFUTED, UNAVAILABLE, UNDECIDED, Role, Tier, Verdict

#: Probability of any false verdict in the audit of one paper.
ALPHA_AUDIT = 0.01
#: Claims a paper may have; fixed, so that adding one moves no other's threshold.
BUDGET = 500
ALPHA_CLAIM = ALPHA_AUDIT / BUDGET
#: Seeds of a claim one tier below the one that decides it.
REDUCED_CAP = 8
#: How many times the distance to the edge a half-width may be for seeds to be named that would bring it down to that.
_MOST_HALF_WIDTHS = 1e8


def looks_at(claim: Claim, tier: Tier) -> tuple[int, ...]:
    """The looks that a claim gets at a tier; none if it is not measured there.

    Below its own tier a sequential claim is measured at the same points and streams with fewer seeds, two tiers below
    not at all; a fixed number of seeds (replay, identity, value, search) cannot be shortened, and what needs a trained
    model or a training run is too dear to be looked at before it can be decided.
    """
    below = claim.decides.level - tier.level
    if below <= 0:
        return _deciding(claim.test.looks, claim.test.sequential, claim.seed_cap, -below)
    if below > 1 or not claim.test.sequential or claim.needs:
        return ()
    return tuple(look for look in claim.test.looks if look <= REDUCED_CAP)


def last_looks(claim: Claim) -> frozenset[int]:
    """Seeds of a block after which a claim gets no more, at the tier that decides it or at one above."""
    return _last_looks(
        tuple(claim.test.looks), claim.test.sequential, claim.seed_cap, Tier.FULL.level - claim.decides.level
    )


@functools.cache
def _last_looks(looks: tuple[int, ...], sequential: bool, cap: int | None, above: int) -> frozenset[int]:
    found = (_deciding(looks, sequential, cap, tiers) for tiers in range(above + 1))
    return frozenset(each[-1] for each in found if each)


def _deciding(looks: tuple[int, ...], sequential: bool, cap: int | None, above: int) -> tuple[int, ...]:
    """The looks of a claim so many tiers above the one that decides it."""
    if cap is None or not sequential:
        return looks
    return tuple(look for look in looks if look <= cap * DEEPER**above)


def not_measured(decides: Tier, tier: Tier) -> str:
    """What is said of a claim that gets no look at a tier."""
    return f"decides at the {decides} tier; not measured at {tier}"


def judge(test: Kind, sample: Values, band: Limits | None, *, points: int, alpha: float) -> Judgement:
    """One look, at its level ``alpha``, at one of a claim's points: HOLDS at that, REFUTED at what each point gets.

    Where that is another alpha than the look's, ``detail["granted"]`` says so.
    """
    judgement = test.judge(sample, band, alpha)
    if points == 1 or judgement.verdict is not REFUTED or not test.sequential:
        return judgement
    granted = split(alpha, points) if offers(test, StudentsT) else alpha / points
    strict = test.judge(sample, band, granted)
    verdict = REFUTED if strict.verdict is REFUTED else UNDECIDED
    return replace(strict, verdict=verdict, detail={"granted": granted} | dict(strict.detail))


def misses(judgement: Judgement, band: Limits | None) -> frozenset[str]:
    """Which ways a refutation misses the band; empty where that has no meaning."""
    if judgement.misses or band is None or judgement.interval is None:
        return frozenset(judgement.misses)
    return frozenset(filter(None, [side(judgement.interval, band)]))


def replicated(first: Judgement, second: Judgement, band: Limits | None) -> bool:
    """Whether a refutation repeats itself: also refuted, and not on another side of the band (at another step).

    A kind of which neither interval nor ``misses`` say where it misses has no sides to compare.
    """
    one, other = misses(first, band), misses(second, band)
    return second.verdict is REFUTED and (not one or not other or bool(one & other))


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a claim from those of its points."""
    found = set(verdicts)
    return next(verdict for verdict in PRECEDENCE if verdict in found)


def combine_readings(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a claim from those of its readings, each decided at its own full alpha.

    HOLDS and REFUTED need every reading to say so. They are intersection-union tests (Berger 1982), whose error needs
    no split of alpha: if some reading is false, the claim can HOLD only if that one is wrongly said to, which has
    probability ALPHA_CLAIM at most; if some reading is true, it can be REFUTED only if that one wrongly is,
    ALPHA_CLAIM squared at most, however the readings depend on each other. DEPENDS, one that holds and one that is
    refuted, is wrong if all m readings are true, where one of them has to be wrongly REFUTED, or if all are false,
    where one wrongly HOLDS: m ALPHA_CLAIM at most. Readings count in BUDGET as claims do.

    Where readings disagree, no further seed will reconcile them, so one that is open or cannot be measured does not
    matter any more.
    """
    found = set(verdicts)
    if ERROR not in found and {HOLDS, REFUTED} <= found:
        return DEPENDS
    return next(verdict for verdict in (ERROR, UNAVAILABLE, UNDECIDED, REFUTED, HOLDS) if verdict in found)


def as_expected(claim: Claim, verdict: Verdict, tier: Tier, *, on_record: bool = True) -> bool | None:
    """True if the verdict is the one on record, False if it contradicts it, None if it says neither.

    UNDECIDED below the deciding tier is as expected; at or above it, where something else is expected, it is neither,
    and a warning. What another trained model than the one ``on_record`` does contradicts nothing, unless the claim is
    about that model.
    """
    if verdict is claim.expected or (verdict is UNDECIDED and tier.level < claim.decides.level):
        return True
    if verdict is UNAVAILABLE or not (on_record or not claim.needs or claim.role is Role.REPLICATION):
        return None
    return None if verdict is UNDECIDED else False


def more_seeds(judgement: Judgement, band: Limits, seeds: int) -> int | None:
    """Seeds after which an undecided t interval should clear the nearest edge, if its estimate stays where it is.

    None where no number would do: the estimate lies on the edge, but for rounding, or the interval is unbounded.
    A kind whose interval does not shrink like the root of the seeds says it itself, ``detail["needed"]``.
    """
    if "needed" in judgement.detail:
        needed: int | None = judgement.detail["needed"]
        return None if needed is None else max(seeds + 1, needed)
    if judgement.interval is None or judgement.estimate is None:
        return None
    half = (judgement.interval[1] - judgement.interval[0]) / 2
    edges = [edge for edge in (band.lo, band.hi) if abs(edge) != float("inf")]
    distance = min((abs(judgement.estimate - edge) for edge in edges), default=0.0)
    if not half < distance * _MOST_HALF_WIDTHS or half == float("inf") or judgement.verdict in (HOLDS, REFUTED):
        return None
    return max(seeds + 1, int(seeds * (half / distance) ** 2) + 1)
