"""Synthetic claims: what is claimed of drawn values, one of each kind that judges seeds, with the truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from claims.bands import Band, at_least, at_most, between
from claims.calibration.drawing import LEVELS, RANGE
from claims.claim import Claim
from claims.experiment import Experiment, experiment, grid
from claims.kinds import (
    bound,
    column,
    convergence,
    limit,
    mean,
    order,
    proportion,
    quantile,
    rank_correlation,
    ratio,
    regression,
    sample,
    slope,
    trend,
)
from claims.kinds.base import Kind
from claims.verdict import HOLDS, REFUTED, Verdict

_WHY = "a synthetic claim"

#: Laws of which a seed of a kind may be, and those that no t interval is for: what is qualified copes with them.
#: ``RARE`` are as hopeless, but for kinds that know the range of a seed.
LAWS, HOPELESS = ("normal", "skewed", "heavy", "discrete"), ("exponential", "outliers", "very skewed")
RARE = ("5 % at 10", "1 % at 10", "1 % at 1,000")
#: Where the truth is, in margins from the target: there, on an edge, and one, two and five margins beyond it.
PLACES = (0.0, 1.0, 2.0, 3.0, 6.0)


@dataclass(frozen=True, slots=True)
class Form:
    """How a kind is claimed: its test of quantities of an experiment, its band, and a rival that this refuses.

    ``truth`` is what the claim is about where the truth is at its target.
    """

    test: Callable[[Experiment], Kind]
    band: Band
    rival: float
    truth: float
    laws: tuple[str, ...] = LAWS

    @property
    def drawn(self) -> tuple[str, ...]:
        """Laws of which a stranger's seeds may be: hopeless ones too, of kinds that judge means of seeds."""
        return (*self.laws, *HOPELESS) if self.laws == LAWS else self.laws


def _within(truth: float, half: float) -> Band:
    return between(truth - half, truth + half, provenance="author", because=_WHY)


_POSITIVE = at_least(0.0, provenance="author", because=_WHY)
_NO_LAW = ("normal",)
#: By kind, of which one may be claimed in two ways. Those with laws of their own are counts, draws that are pooled, and
#: seeds within a range.
FORMS: dict[str, Form] = {
    "mean": Form(lambda made: mean(made["x"]), _within(0.0, 1.0), 9.0, 0.0),
    "bound": Form(lambda made: bound(made["x"]), at_most(1.0, provenance="author", because=_WHY), 9.0, 0.0),
    "bound-in-range": Form(
        lambda made: bound(made["x"], range=RANGE), at_most(1.0, provenance="author", because=_WHY), 9.0, 0.0, RARE
    ),
    "order": Form(lambda made: order(made["a"], made["b"]), _POSITIVE, -9.0, 1.0),
    "ratio": Form(lambda made: ratio(made["u"], made["v"]), _within(2.5, 0.5), 9.0, 2.5),
    "proportion": Form(lambda made: proportion(made["k"], made["n"]), _within(0.04, 0.02), 0.5, 0.04, _NO_LAW),
    "quantile": Form(lambda made: quantile(made["x"], q=0.5), _within(1.0, 0.3), 9.0, 1.0, _NO_LAW),
    "regression": Form(lambda made: regression(made["y"], made["x"], log=False), _within(0.0, 1.0), 9.0, 0.0),
    "rank-correlation": Form(
        lambda made: rank_correlation(made["x"], made["y"]), _within(-0.9, 0.3), 0.5, -0.9, _NO_LAW
    ),
    "slope": Form(lambda made: slope(made["y"], over="level"), _within(-0.5, 0.3), 9.0, -0.5),
    "trend": Form(lambda made: trend(made["y"], over="level", direction="increasing"), _POSITIVE, -9.0, 1.0),
    "limit": Form(lambda made: limit(made["y"], over="level", rate=1.0), _within(0.0, 1.0), 9.0, 0.0),
    "convergence": Form(lambda made: convergence(made["y"], over="level", rate=1.0), _within(0.0, 1.0), 9.0, 0.0),
}


def made(kind: str, law: str, margins: float, name: str = "claim") -> Claim:
    """A claim of a kind about seeds of a law, whose truth lies that many margins from its target."""
    form = FORMS[kind]
    axes = {"level": list(LEVELS[kind])} if kind in LEVELS else {}
    drawn = experiment("claims.calibration.drawing:drawn", sweep=axes, seconds=0.0005)
    return Claim(
        id=f"synthetic.{kind}.{name}",
        locus=f"{law} seeds, truth at {margins:g} margins",
        statement="A synthetic claim.",
        at=grid(kind=kind, law=law, margins=margins, name=name, **axes),
        test=form.test(drawn),
        band=form.band,
        rival=form.rival,
        role="control",
        expected=true_verdict(margins) or HOLDS,
        finding="It is synthetic, and false on purpose.",
    )


def fixed(law: str, margins: float, values: Sequence[float], *, level: float) -> Claim:
    """A claim about a sample that cannot grow, one of a family of two; the other has what can be decided at once."""
    family: dict[str, dict[str, Sequence[float]]] = {"drawn": {"x": values}, "other": {"x": [5.0, 5.1, 4.9]}}
    return Claim(
        id="synthetic.sample",
        locus=f"{law} observations, truth at {margins:g} margins",
        statement="A synthetic claim.",
        test=sample(mean(column("x")), family=family, member="drawn", bands={"other": (-1.0, 1.0)}, level=level),
        band=FORMS["mean"].band,
        rival=9.0,
        role="control",
    )


def true_verdict(margins: float) -> Verdict | None:
    """The verdict that is right; on an edge none is, since both sides of it are as near."""
    return None if margins == 1 else HOLDS if margins < 1 else REFUTED


def every_row() -> Iterator[tuple[str, str, float]]:
    """Kind, law and place of every claim that has to keep its error rates."""
    for kind in (*FORMS, "sample"):
        for law in FORMS[kind].laws if kind in FORMS else LAWS:
            for margins in PLACES:
                yield kind, law, margins
