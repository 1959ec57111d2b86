"""``search``: a for-all statement against hypothesis and a local optimiser.

HOLDS never means proven: it means that so many tries found no counterexample, that the smallest margin met was so much,
and that a planted violation was found with the same effort.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims.bands import Limits
from claims.errors import InvalidDeclaration
from claims.evidence.searching import Statement
from claims.experiment import Experiment, Quantity, experiment
from claims.fields import check_whole, is_address
from claims.kinds.base import Judgement, Values
from claims.names import name_of
from claims.verdict import HOLDS, REFUTED, UNDECIDED

__all__ = ["Search", "Statement", "search"]

_QUANTITIES = ("tries", "smallest_margin", "planted_margin", "precise_margin", "rounding", "counterexample", "closest")


@dataclass(frozen=True, slots=True)
class Search:
    """A statement that has to survive the search in every one of a few independent rounds."""

    experiment: Experiment
    looks: tuple[int, ...]

    kind: ClassVar[str] = "search"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = False
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """What each round of the search returns."""
        return tuple(self.experiment[name] for name in _QUANTITIES)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """REFUTED by a counterexample that higher precision confirms; alpha plays no part."""
        values = {name: sample.values[self.experiment[name]] for name in _QUANTITIES}
        tries = int(values["tries"].sum())
        worst = int(values["smallest_margin"].argmin())
        margin = float(values["smallest_margin"][worst])
        detail = {"tries": tries, "smallest_margin": margin, "closest": str(values["closest"][worst])}
        if margin < 0:
            violating = values["smallest_margin"] < 0
            worst = int(min(violating.nonzero()[0], key=lambda i: values["precise_margin"][i]))
            precise, rounding = float(values["precise_margin"][worst]), float(values["rounding"][worst])
            found = str(values["counterexample"][worst])
            detail |= {"counterexample": found, "precise_margin": precise}
            if precise < -100 * rounding:
                reason = f"counterexample {found}: margin {precise:.6g} in higher precision"
                return Judgement(verdict=REFUTED, estimate=precise, reason=reason, detail=detail)
            reason = (
                f"margin {margin:.3g} at {found} is within rounding ({rounding:.2g}): neither a counterexample nor none"
            )
            return Judgement(verdict=UNDECIDED, estimate=margin, reason=reason, detail=detail)
        if not (values["planted_margin"] < 0).all():
            reason = f"{tries} tries also missed the planted violation: their silence says nothing"
            return Judgement(verdict=UNDECIDED, estimate=margin, reason=reason, detail=detail)
        none = f"no counterexample in {tries} tries, smallest margin {margin:.3g}"
        reason = f"{none}; the planted violation was found with the same effort"
        return Judgement(verdict=HOLDS, estimate=margin, reason=reason, detail=detail)


def search(statement: str, *, examples: int = 200, restarts: int = 4, rounds: int = 2, seconds: float = 1.0) -> Search:
    """Search a for-all statement for counterexamples.

    Args:
        statement: ``"module:NAME"`` of a :class:`Statement`.
        examples: inputs that hypothesis draws in a round.
        restarts: local optimisations in a round, from the smallest margins met.
        rounds: independent rounds, one a seed.
        seconds: cost of a round, for ``--dry-run``.
    """
    if not is_address(statement):
        raise InvalidDeclaration("search.statement", statement, '"module:NAME" of a Statement')
    for name, number in (("examples", examples), ("restarts", restarts), ("rounds", rounds)):
        check_whole(number, f"search.{name}", least=1)
    fixed: dict[str, int | str] = {
        "statement": name_of(statement),
        "examples": examples,
        "restarts": restarts,
    }
    drive = experiment("claims.evidence.searching:drive", fixed=fixed, seconds=seconds)
    return Search(drive, (rounds,))
