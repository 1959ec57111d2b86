"""The tables of a calibration: how much each tier tries, and what has to be true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from claims.auditing.schedule import schedule_of
from claims.calibration.audits import Audited, audited, audited_exactly
from claims.calibration.costs import Cost, costs
from claims.calibration.ranks import Ranks, ranks
from claims.calibration.ranks import rows as ranked
from claims.calibration.rates import ALARM, ALPHA, Design, Row, counted
from claims.calibration.synthetic import FORMS, HOPELESS, every_row, made
from claims.kinds.intervals import count_interval
from claims.verdict import Tier

#: Claims of a row whose truth lies on an edge, of one where it lies elsewhere, and of one that must fail.
_CLAIMS = {Tier.SMOKE: (20, 4, 100), Tier.STANDARD: (160, 16, 300), Tier.FULL: (2400, 240, 2400)}
#: Claims of which it is counted how often intervals miss the truth, of each kind and law.
_RANKED = {Tier.SMOKE: 20, Tier.STANDARD: 200, Tier.FULL: 2000}
#: Audits of a pack of claims, and how many it has.
_PACKS = {Tier.SMOKE: (1, 20), Tier.STANDARD: (1, 200), Tier.FULL: (5, 300)}
#: Limits of a drawing are at 95 %, each for itself.
_DRAWN = 0.05
#: Sequences of seeds of which it is counted how many decide.
_PATHS = {Tier.SMOKE: 2000, Tier.STANDARD: 20_000, Tier.FULL: 100_000}


#: The first law of each kind.
_FIRST_LAWS = frozenset(form.laws[0] for form in FORMS.values())


@dataclass(frozen=True, slots=True)
class OnEdge:
    """Claims with the truth on an edge of their band, of all laws of seeds: how many were decided, which is false.

    Attributes:
        limits: exact limits of the rate, 95 %.
    """

    kind: str
    must_fail: bool
    claims: int
    false: int
    limits: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What was counted. ``passed`` if every row keeps its promise, and those that must fail are seen to."""

    tier: Tier
    epoch: int
    rows: tuple[Row, ...]
    ranks: tuple[Ranks, ...]
    packs: tuple[Audited, ...]
    costs: tuple[Cost, ...] = ()

    @property
    def kept(self) -> list[Row]:
        """The rows that have to keep their promise."""
        return [row for row in self.rows if not row.must_fail]

    @property
    def together(self) -> tuple[int, int, tuple[float, float]]:
        """Wrong verdicts of those with the truth on an edge, of how many claims, and exact limits of their rate."""
        edges = [row for row in self.kept if row.margins == 1]
        wrong, claims = sum(row.false_holds + row.false_refuted for row in edges), sum(row.claims for row in edges)
        return wrong, claims, count_interval(wrong, claims, ALARM)

    @property
    def on_edge(self) -> list[OnEdge]:
        """One for each kind, and one for each row that must fail."""
        found = []
        for kind in dict.fromkeys(row.kind for row in self.kept):
            found.append(_on_edge(kind, [row for row in self.kept if row.kind == kind and row.margins == 1]))
        return found + [_on_edge(f"{row.kind}, {row.law}", [row]) for row in self.rows if row.must_fail]

    @property
    def wrong(self) -> list[str]:
        """What is not as it must be, in words."""
        rows = [
            f"{row.kind}, {row.law} seeds, truth at {row.margins:g} margins: "
            + ("too few errors to notice that it must fail" if row.must_fail else "more false verdicts than promised")
            for row in self.rows
            if not row.as_it_must_be
        ]
        rows += [
            f"{each.kind}, {each.law} seeds: intervals miss the truth more or less often than they say"
            for each in self.ranks
            if not each.as_it_must_be
        ]
        if self.together[2][0] > ALPHA:
            rows.append("all claims on an edge together: more false verdicts than promised")
        return rows + [f"a pack of {pack.claims} claims: {', '.join(pack.false)}" for pack in self.packs if pack.false]

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "tier": self.tier.value,
            "epoch": self.epoch,
            "alpha": ALPHA,
            "on_edge": [asdict(each) for each in self.on_edge],
            "rows": [asdict(row) | {"as_it_must_be": row.as_it_must_be} for row in self.rows],
            "ranks": [asdict(each) | {"as_it_must_be": each.as_it_must_be} for each in self.ranks],
            "packs": [asdict(pack) for pack in self.packs],
            "costs": [asdict(cost) for cost in self.costs],
            "wrong": self.wrong,
        }


def _on_edge(kind: str, rows: Sequence[Row]) -> OnEdge:
    claims, false = sum(row.claims for row in rows), sum(row.false_holds + row.false_refuted for row in rows)
    return OnEdge(kind, any(row.must_fail for row in rows), claims, false, count_interval(false, claims, _DRAWN))


def from_json(document: Mapping[str, Any]) -> Calibration:
    """What :meth:`Calibration.to_json` made.

    Raises:
        KeyError, TypeError, ValueError: it is something else.
    """
    return Calibration(
        Tier(document["tier"]),
        document["epoch"],
        tuple(Row(**_of(Row, row, limits=tuple(row["limits"]))) for row in document["rows"]),
        tuple(
            Ranks(**_of(Ranks, row, missed=tuple(row["missed"]), limits=tuple(map(tuple, row["limits"]))))
            for row in document["ranks"]
        ),
        tuple(Audited(**_of(Audited, row, false=tuple(row["false"]))) for row in document["packs"]),
        tuple(Cost(**row) for row in document["costs"]),
    )


def _of(made: type[Row] | type[Ranks] | type[Audited], row: Mapping[str, Any], **instead: Any) -> dict[str, Any]:
    """The fields of a row as plain data, some of them as they have to be."""
    return {field.name: row[field.name] for field in fields(made)} | instead


def designs(tier: Tier) -> Iterator[Design]:
    """The rows of a tier: smoke has one law of each kind, normal seeds where it may."""
    edge, elsewhere, failing = _CLAIMS[tier]
    for kind, law, margins in every_row():
        if law in _FIRST_LAWS or tier is not Tier.SMOKE:
            yield Design(kind, law, margins, edge if margins == 1 else elsewhere)
    for law in HOPELESS if tier is not Tier.SMOKE else ("exponential",):
        yield Design("bound", law, 1.0, failing)
    yield Design("bound", "very skewed", 1.0, failing, must_fail=True, trusting=True)
    yield Design("bound", "1 % at 1,000", 1.0, failing, must_fail=True)  # no range, and eight seeds show nothing
    yield Design("mean", "normal", 1.0, failing, alpha=30 * ALPHA, must_fail=True, trusting=True)
    if tier is Tier.FULL:  # no look at less than full alpha
        (stage,) = schedule_of(made("mean", "normal", 1.0).test).stages
        least = min(share for _, share in stage.shares)
        yield Design("mean", "normal", 1.0, failing, alpha=ALPHA / least, must_fail=True)


def calibrate(tier: Tier, epoch: int, *, done: Callable[[int, int], None] = lambda done, all: None) -> Calibration:
    """Count everything that a tier tries; ``done`` is told how many rows and packs are, of how many."""
    table, (packs, size) = list(designs(tier)), _PACKS[tier]
    rows, found = [], [audited_exactly(epoch=epoch)]
    for number, design in enumerate(table):
        rows.append(counted(design, epoch=epoch, rows=len(table)))
        done(number + 1, len(table) + packs)
    chosen = [each for each in ranked() if each[1] in _FIRST_LAWS or tier is not Tier.SMOKE]
    truths = tuple(ranks(*each, _RANKED[tier], epoch=epoch, of=len(chosen)) for each in chosen)
    for number in range(packs):
        found.append(audited(size, epoch=epoch + number))
        done(len(table) + number + 1, len(table) + packs)
    return Calibration(tier, epoch, tuple(rows), truths, tuple(found), tuple(costs(_PATHS[tier], epoch=epoch)))
