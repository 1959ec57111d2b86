"""Means over seeds whose values lie in a declared range: decided whatever seeds are like there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits
from claims.errors import OutsideRange
from claims.experiment import Quantity, Scalar
from claims.fields import check_range
from claims.kinds.base import CLOSE_LOOKS, Judgement, Values, decide
from claims.kinds.per_seed import PerSeed
from claims.verdict import UNDECIDED

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Ranged:
    """A test of one value a seed that lies in a range: its mean has to lie in the band.

    Its intervals (:mod:`claims.kinds.betting`) ask for no shape of seeds and hold at every number of them at once, so
    each look has all of alpha. What too few seeds could miss within the range, they have room for.
    """

    test: PerSeed
    seed_range: tuple[float, float]

    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = CLOSE_LOOKS
    sequential: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """Its name, the same as without a range."""
        return self.test.kind

    @property
    def over(self) -> tuple[str, ...]:
        """Axes of the grid that it consumes."""
        return self.test.over

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return self.test.quantities()

    def check_levels(self, levels: Sequence[Scalar]) -> None:
        """Refuse levels that the test cannot use."""
        self.test.check_levels(levels)

    def compared(self, levels: Sequence[Scalar]) -> str:
        """Which level is the first and which the last."""
        return self.test.compared(levels)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The interval of the mean against the band.

        ``detail["needed"]`` has the seeds after which what is undecided would be decided, were more seeds like these.

        Raises:
            OutsideRange: a seed's value lies outside the range.
            MeasurementError: a seed gave a list, or its value is not finite.
        """
        from claims.kinds.betting import range_interval, seeds_needed
        from claims.kinds.intervals import mean_of, spread_of

        assert band is not None
        x = self.per_seed(sample)
        estimate, interval = mean_of(x), range_interval(x, self.seed_range, alpha)
        verdict = decide(interval, band)
        detail = {"sd": spread_of(x) if len(x) > 1 else None}
        if verdict is UNDECIDED:
            detail["needed"] = seeds_needed(x, self.seed_range, (band.lo, band.hi), alpha)
        return Judgement(verdict=verdict, estimate=estimate, interval=interval, detail=detail)

    def p_value(self, sample: Values, band: Limits) -> float:
        """Of the bet against the edge of the band that decides."""
        from claims.kinds.betting import range_tails
        from claims.kinds.p_values import smallest_alpha

        return smallest_alpha(band, range_tails(self.per_seed(sample), self.seed_range))

    def means(self, sample: Values, band: Limits) -> Sequence[np.ndarray]:
        """The one value of each seed."""
        return (self.per_seed(sample),)

    def per_seed(self, sample: Values) -> np.ndarray:
        """The one value of each seed, shape (seeds,).

        Raises:
            OutsideRange: one lies outside the range; names it.
            MeasurementError: a seed gave a list, or its value is not finite.
        """
        x = self.test.per_seed(sample)
        lo, hi = self.seed_range
        outside = ((x < lo) | (x > hi)).nonzero()[0]
        if len(outside):
            raise OutsideRange(self.kind, float(x[outside[0]]), sample.first + int(outside[0]), self.seed_range)
        return x


def ranged(test: PerSeed, bounds: tuple[float, float] | None) -> PerSeed | Ranged:
    """A test with the range that its author declares, if there is one.

    Raises:
        InvalidDeclaration: the range is none.
    """
    return test if bounds is None else Ranged(test, check_range(bounds, f"{test.kind}.range"))
