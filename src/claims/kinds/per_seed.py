"""Kinds that turn each seed into one number and judge the mean of those by Student's t."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits
from claims.errors import InvalidDeclaration, MeasurementError
from claims.experiment import Linear, Quantity, Scalar, quantities_of
from claims.kinds.base import CLOSE_LOOKS, Judgement, Values, decide, finite

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class PerSeed:
    """``reduce(sample)`` gives one value a seed, shape (seeds,); their mean has to lie in the band."""

    kind: str
    expressions: tuple[Linear, ...]
    reduce: Callable[[Values], np.ndarray]
    over: tuple[str, ...] = ()
    #: How many levels of the axis it needs, each twice the one before; None if any will do.
    doubling: int | None = None
    #: Whether it takes the last level of the axis, as declared, against the first.
    ends: bool = False

    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = CLOSE_LOOKS
    sequential: ClassVar[bool] = True
    student: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(*self.expressions)

    def check_levels(self, levels: Sequence[Scalar]) -> None:
        """Refuse levels that do not double.

        Raises:
            InvalidDeclaration: their number differs from what the test needs, or one is not twice the one before.
        """
        if self.doubling is None:
            return
        sizes = sorted(levels)
        if len(sizes) != self.doubling or any(2 * a != b for a, b in pairwise(sizes)):
            raise InvalidDeclaration(f"at.{self.over[0]}", sizes, f"{self.doubling} levels, each twice the one before")

    def compared(self, levels: Sequence[Scalar]) -> str:
        """Which level is the first and which the last."""
        return f"{self.over[0]}: first {levels[0]}, last {levels[-1]}" if self.ends else ""

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The t interval of the mean against the band.

        Raises:
            MeasurementError: a seed gave a list, or its value is not finite.
        """
        from claims.kinds.intervals import EVERYTHING, mean_of, spread_of, t_interval

        assert band is not None
        x = self.per_seed(sample)
        interval = t_interval(x, alpha)
        same = interval == EVERYTHING and len(x) > 1 and x.min() == x.max()
        spread = spread_of(x) if len(x) > 1 else None
        return Judgement(
            verdict=decide(interval, band),
            estimate=mean_of(x),
            interval=interval,
            reason="all seeds gave the same value" if same else "",
            detail={"sd": spread},
        )

    def p_value(self, sample: Values, band: Limits) -> float:
        """Of Student's t test against the edge of the band that decides."""
        from claims.kinds.p_values import smallest_alpha, t_tails

        return smallest_alpha(band, t_tails(self.per_seed(sample)))

    def means(self, sample: Values, band: Limits) -> Sequence[np.ndarray]:
        """The one value of each seed."""
        return (self.per_seed(sample),)

    def per_seed(self, sample: Values) -> np.ndarray:
        """The one value of each seed, shape (seeds,).

        Raises:
            MeasurementError: a seed gave a list, or its value is not finite.
        """
        import numpy as np

        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not finite, and that is an error
            x = finite(self.reduce(sample))
        if x.ndim != 1:
            raise MeasurementError(f"{self.kind}: got values of shape {x.shape[1:]} a seed; allowed: one number a seed")
        return x
