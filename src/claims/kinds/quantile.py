"""``quantile``: a quantile of pooled draws, by exact order statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims.bands import Limits
from claims.experiment import Quantity, check_quantity, quantities_of
from claims.fields import check_finite
from claims.kinds.base import LOOKS, Judgement, Values, decide


@dataclass(frozen=True, slots=True)
class Quantile:
    """The q-quantile of independent draws, pooled over seeds and, where a seed gives a list, within it."""

    x: Quantity
    q: float

    kind: ClassVar[str] = "quantile"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = LOOKS
    sequential: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(self.x)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Order-statistic interval against the band."""
        import numpy as np

        from claims.kinds.intervals import quantile_interval

        assert band is not None
        draws = sample.of(self.x).ravel()
        interval = quantile_interval(draws, self.q, alpha)
        room = 0.25 if np.abs(draws).max() > 1e307 else 1.0  # for the difference of two draws, between which it lies
        estimate = float(np.quantile(room * draws, self.q) / room)
        return Judgement(
            verdict=decide(interval, band), estimate=estimate, interval=interval, detail={"draws": draws.size}
        )

    def p_value(self, sample: Values, band: Limits) -> float:
        """By the binomial distribution of the number of draws below an edge."""
        from claims.kinds.p_values import quantile_tails, smallest_alpha

        draws = sample.of(self.x).ravel()
        outside, inside = (quantile_tails(draws, self.q, closed=closed) for closed in (False, True))
        return smallest_alpha(band, outside, tails_above=inside)


def quantile(x: Quantity, *, q: float) -> Quantile:
    """The q-quantile of the distribution that independent draws come from.

    Args:
        x: the draws: one number a seed, or a list of them (an array of one axis), which are pooled over seeds. All of
            them have to be independent; what is correlated inside a seed belongs in ``mean``.
        q: which quantile, 0 < q < 1. Far in a tail it takes many draws: the interval ends at order statistics.
    """
    level = check_finite(q, "quantile.q", allowed="a number between 0 and 1", such=lambda q: 0 < q < 1)
    return Quantile(check_quantity(x, "quantile.x"), level)
