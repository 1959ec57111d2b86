"""``proportion``: counts over trials, by Clopper-Pearson."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims.bands import Limits
from claims.errors import MeasurementError
from claims.experiment import Quantity, check_quantity, quantities_of
from claims.kinds.base import LOOKS, Judgement, Values, decide


@dataclass(frozen=True, slots=True)
class Proportion:
    """Successes over independent trials, summed over seeds.

    Only Clopper-Pearson keeps its level far in the tail, where these decisions are made (Wilson misses it 400-fold).
    Trials that depend on each other inside a seed belong in ``mean``.
    """

    successes: Quantity
    trials: Quantity

    kind: ClassVar[str] = "proportion"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = LOOKS
    sequential: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(self.successes, self.trials)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Clopper-Pearson interval against the band."""
        from claims.kinds.intervals import count_interval

        assert band is not None
        counts, totals = sample.of(self.successes), sample.of(self.trials)
        wrong = (counts < 0) | (counts > totals) | (counts % 1 != 0) | (totals % 1 != 0)
        if wrong.any():
            got = f"{counts[wrong][0]:g} of {totals[wrong][0]:g}"
            raise MeasurementError(f"proportion: got {got}; allowed: whole counts, 0 <= count <= trials")
        count, trials = counts.sum(), totals.sum()
        if trials == 0:
            raise MeasurementError("proportion: no seed had a trial; allowed: one trial or more in all")
        interval = count_interval(int(count), int(trials), alpha)
        detail = {"successes": int(count), "trials": int(trials)}
        return Judgement(
            verdict=decide(interval, band), estimate=float(count / trials), interval=interval, detail=detail
        )


def proportion(successes: Quantity, trials: Quantity) -> Proportion:
    """The proportion of successes among independent trials, summed over seeds.

    Args:
        successes: how many of a seed's trials succeeded, a whole number.
        trials: how many there were.
    """
    return Proportion(check_quantity(successes, "proportion.successes"), check_quantity(trials, "proportion.trials"))
