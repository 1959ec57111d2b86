"""Whole audits of synthetic claims, through store and all, at the error rates that every result states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.auditing.results import AuditResult
from claims.calibration import exact
from claims.calibration.synthetic import FORMS, made, true_verdict
from claims.evidence.store import MEMORY, Store
from claims.streams import Streams
from claims.verdict import HOLDS, REFUTED, Tier, Verdict

if TYPE_CHECKING:
    import numpy as np

    from claims.claim import Claim


@dataclass(frozen=True, slots=True)
class Audited:
    """What became of a pack of claims.

    Attributes:
        decided: how many came out as HOLDS or REFUTED.
        any_false: probability of any false verdict, at most, as the result states it.
        false: the verdicts that were false, in words.
    """

    claims: int
    decided: int
    seeds: int
    any_false: float
    false: tuple[str, ...]


def audited(size: int, *, epoch: int) -> Audited:
    """Draw a pack of claims, of any kind, law and place, audit it as a stranger's, and compare with the truth."""
    rng = Streams(epoch, "claims.calibration.audits", {"claims": size}, 0).numpy("pack")
    return _compared(dict(_drawn(rng, number) for number in range(size)), epoch)


def audited_exactly(*, epoch: int) -> Audited:
    """Audit the claims of which every verdict is certain; one that is none is false as well."""
    return _compared(exact.claims(), epoch, certain=True)


def _compared(truth: Mapping[Claim, Verdict | None], epoch: int, *, certain: bool = False) -> Audited:
    with Store(MEMORY, speak=lambda words: None) as store:
        result: AuditResult = run(plan(truth, tier=Tier.FULL, epoch=epoch), store)
    decided = [each for each in result.claims if each.verdict in (HOLDS, REFUTED)]
    wrong = [each for each in (result.claims if certain else decided) if each.verdict is not truth[each.claim]]
    return Audited(
        claims=len(truth),
        decided=len(decided),
        seeds=result.measured,
        any_false=result.error_rates().any_false,
        false=tuple(f"{each.claim.id} {each.verdict}" for each in wrong),
    )


def _drawn(rng: np.random.Generator, number: int) -> tuple[Claim, Verdict | None]:
    """A claim and its truth: a tenth on an edge, as many just beyond one, the others anywhere."""
    kind = str(rng.choice(list(FORMS)))
    law = str(rng.choice(FORMS[kind].drawn))
    sort = rng.uniform()
    margins = 1.0 if sort < 0.1 else 1.1 if sort < 0.2 else round(float(rng.uniform(0.0, 3.0)), 3)
    return made(kind, law, margins, f"c{number}"), true_verdict(margins)
