"""What is compared: every experiment of the papers that draws, with the claims about it at one base point.

An experiment's *statistic* is what its claims judge, one number a seed. The audit's estimator gives all cells of the
sweep from one seed; the straightforward protocol (``benchmarks/plain``) gives one cell a run.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.plain import Protocol, protocol_of
from claims import Claim, grid, within
from claims.auditing.planning import plan
from claims.auditing.trial import Measurement, Trial, sample_of
from claims.catalogue import load_catalogue
from claims.evidence.measure import Outcome
from claims.kinds.base import Values
from claims.lazy import load
from claims.papers.sign_magnitude.shared.block import BLOCK_2048, RATES, transverse_ratio
from claims.streams import Streams
from claims.verdict import Tier

#: Kinds whose values are averages over seeds.
STOCHASTIC = frozenset({"bound", "convergence", "limit", "mean", "order", "proportion", "ratio", "slope", "trend"})
PAPERS = ("sign-magnitude", "mean-bias")
#: Cells that are looked at; the others cost as much.
MOST_TRIALS = 4
TABLE_2_WIDTHS = (512, 1024, 2048)
EPOCH = 20260518

Run = tuple[Measurement, tuple[tuple[str, Any], ...]]


@dataclass(frozen=True)
class Row:
    """A line of the table: an experiment, or one width of Table 2."""

    name: str
    trials: tuple[Trial, ...]

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What a seed of the audit measures for these claims."""
        return tuple(dict.fromkeys(m for trial in self.trials for m in trial.measurements()))

    @property
    def protocol(self) -> Protocol:
        """The straightforward one."""
        return protocol_of(self.measurements[0].name)

    def runs(self, trials: Sequence[Trial]) -> tuple[Run, ...]:
        """The runs of the straightforward protocol that give what these claims need of one seed."""
        found: dict[Run, None] = {}
        for trial in trials:
            found |= dict.fromkeys(_runs_of(trial, self.protocol))
        return tuple(found)

    def chosen(self, most: int = MOST_TRIALS) -> tuple[tuple[Trial, ...], tuple[Trial, ...]]:
        """A few of the claims: evenly over the list some of which no two need the same run, and others that need no
        more runs than these."""
        apart: list[Trial] = []
        taken: set[Run] = set()
        for trial in self.trials:
            needed = set(_runs_of(trial, self.protocol))
            if not needed & taken:
                apart.append(trial)
                taken |= needed
        first = _evenly(apart, most)
        there = set(self.runs(first))
        more = [t for t in self.trials if t not in first and set(_runs_of(t, self.protocol)) <= there]
        return first, _evenly(more, most - len(first))


def _evenly(trials: Sequence[Trial], most: int) -> tuple[Trial, ...]:
    """At most so many of them, evenly over the list."""
    return (
        tuple(trials[len(trials) * i // most] for i in range(most))
        if len(trials) > most > 0
        else (tuple(trials[: max(0, most)]))
    )


def rows() -> tuple[Row, ...]:
    """Table 2 at three widths, then every other experiment, at the base point that most claims are about."""
    claims = [claim for claim in load_catalogue().claims.values() if claim.id.startswith(PAPERS)]
    groups: dict[str, dict[frozenset[Measurement], list[Trial]]] = defaultdict(lambda: defaultdict(list))
    for trial in plan(claims, tier=Tier.FULL).trials:
        measurements = trial.measurements()
        drawn = trial.claim.test.kind in STOCHASTIC and not any(m.needs or m.published for m in measurements)
        if drawn and trial.final is None and len({m.name for m in measurements}) == 1:
            groups[measurements[0].name][frozenset(measurements)].append(trial)
    largest = {name: max(found.values(), key=len) for name, found in sorted(groups.items())}
    others = tuple(Row(_short(name), tuple(trials)) for name, trials in largest.items())
    return tuple(_table_2(width) for width in TABLE_2_WIDTHS) + others


def _short(name: str) -> str:
    """``sign-magnitude two_layer`` of a name with its module."""
    paper = "mean-bias" if ".mean_bias." in name else "sign-magnitude"
    module, _, function = name.rpartition(":")
    return f"{paper} {module.rpartition('.')[2]}:{function}"


def _table_2(width: int) -> Row:
    """The ratios of Table 2 at a width: its four flip rates in one seed, and nothing else."""
    claim = Claim(
        id=f"table2.{width}",
        locus="Table 2",
        statement="The ratio of transverse energies.",
        at=grid(n=width, flip_rate=list(RATES)),
        test=transverse_ratio(BLOCK_2048),
        band=within(2.5, abs=1.0, provenance="author", because="an edge for the ratio; nothing is decided"),
        rival=1.0,
    )
    return Row(f"Table 2, n = {width}", tuple(plan([claim], tier=Tier.FULL).trials))


def _runs_of(trial: Trial, protocol: Protocol) -> tuple[Run, ...]:
    """Each needed cell without the axes that come free, with its measurement."""
    found = []
    for quantity in trial.claim.test.quantities():
        for member in trial.members:
            cell = quantity.experiment.cell(dict(member))
            run = tuple((name, level) for name, level in cell if name not in protocol.free)
            found.append((Measurement.of(quantity, member), run))
    return tuple(dict.fromkeys(found))


def ours(measurement: Measurement, seed: int) -> list[dict[str, Any]]:
    """The records of a seed as the audit measures them."""
    return _called(load(measurement.address), measurement, dict(measurement.sweep), "", seed)


def plainly(run: Run, protocol: Protocol, seed: int) -> list[dict[str, Any]]:
    """The records of one run of the straightforward protocol."""
    measurement, cell = run
    levels = {name: dict.get(dict(cell), name) for name, _ in measurement.sweep}
    sweep = {name: every if levels[name] is None else (levels[name],) for name, every in measurement.sweep}
    changed = replace(measurement, base=tuple(sorted((dict(measurement.base) | dict(protocol.instead)).items())))
    return _called(protocol.run or load(measurement.address), changed, sweep, f"plain {cell}", seed)


def _called(function: Any, measurement: Measurement, sweep: Mapping[str, Any], word: str, seed: int) -> Any:
    base = dict(measurement.base)
    streams = Streams(EPOCH, f"{measurement.name} {word}".strip(), base, seed)
    records = function(base | dict(sweep), streams)
    return [records] if isinstance(records, dict) else records


Records = Mapping[tuple[Measurement, int], list[dict[str, Any]]]


def statistic(trial: Trial, ours: Records, plain: Records) -> tuple[np.ndarray, np.ndarray]:
    """What the claim judges, one number a seed, by both estimators from the records of each measurement and seed.

    Of a ratio it is the numerator less so many denominators that the mean vanishes: an interval's width is that of this
    mean, and by the same count it vanishes for the other estimator too.
    """
    test, samples = trial.claim.test, [_sample(trial, records) for records in (ours, plain)]
    if test.kind == "proportion":
        first, second = (sample.of(test.successes) / sample.of(test.trials) for sample in samples)
    elif test.kind == "ratio":
        edge = samples[0].of(test.numerator).mean() / samples[0].of(test.denominator).mean()
        pairs = ((sample.of(test.numerator), sample.of(test.denominator)) for sample in samples)
        first, second = ((u - edge * v) / v.mean() for u, v in pairs)  # sums over inputs differ in their number
    else:
        first, second = (np.asarray(test.means(sample, trial.band)[0]) for sample in samples)
    return first, second


def _sample(trial: Trial, records: Records) -> Values:
    seeds = sorted({seed for _, seed in records})

    def outcome(measurement: Measurement, seed: int) -> Outcome:
        return Outcome(seed=seed, records=records[measurement, seed], seconds=0.0)

    return sample_of(trial, seeds, outcome)
