"""``ratio``: a ratio of means in a band, by Fieller's edge tests."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits
from claims.errors import InvalidDeclaration
from claims.experiment import Linear, Quantity, linear, quantities_of
from claims.kinds.base import CLOSE_LOOKS, Judgement, Values
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Verdict

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Ratio:
    """E[numerator] / E[denominator], the denominator's mean being surely positive.

    The mean of per-seed ratios would be biased by about CV^2 of the denominator. At an edge a of the band, the ratio
    exceeds a iff E[numerator - a denominator] > 0: a plain t interval decides that.
    """

    numerator: Linear
    denominator: Linear
    plain: tuple[Linear, Linear] | None

    kind: ClassVar[str] = "ratio"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = CLOSE_LOOKS
    sequential: ClassVar[bool] = True
    student: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(self.numerator, self.denominator, *(self.plain or ()))

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Edge tests against the band, with Fieller's interval."""
        from claims.kinds.intervals import EVERYTHING, beyond, fieller_interval, t_interval

        assert band is not None
        u, v = sample.of(self.numerator), sample.of(self.denominator)
        estimate = _of_means(u, v)
        interval = fieller_interval(u, v, alpha)
        detail = {}
        if self.plain is not None:
            plain = _of_means(*(sample.of(expression) for expression in self.plain))
            if plain is not None:
                detail["plain_estimate"] = plain
        if interval == EVERYTHING:
            constant = u.min() == u.max() and v.min() == v.max()
            reason = "all seeds gave the same value" if constant else "the denominator's mean is not surely positive"
            return Judgement(verdict=UNDECIDED, estimate=estimate, interval=interval, reason=reason, detail=detail)
        edges = [t_interval(beyond(u, v, edge), alpha) if math.isfinite(edge) else None for edge in (band.lo, band.hi)]
        verdict, misses = _from_edges(*edges)
        return Judgement(verdict=verdict, estimate=estimate, interval=interval, detail=detail, misses=misses)

    def p_value(self, sample: Values, band: Limits) -> float:
        """Of the edge test that decides, and no smaller than that of the denominator being positive."""
        from claims.kinds.intervals import beyond
        from claims.kinds.p_values import smallest_alpha, t_tails

        u, v = sample.of(self.numerator), sample.of(self.denominator)
        constant = v.min() == v.max()
        if constant and (v[0] <= 0 or u.min() == u.max()):
            return 1.0
        positive = 0.0 if constant else 2 * t_tails(v)(0.0)[0]
        return min(max(smallest_alpha(band, lambda edge: t_tails(beyond(u, v, edge))(0.0)), positive), 1.0)

    def means(self, sample: Values, band: Limits) -> Sequence[np.ndarray]:
        """What the edge tests are about: the numerator beyond so many denominators, at each finite edge."""
        from claims.kinds.intervals import beyond

        u, v = sample.of(self.numerator), sample.of(self.denominator)
        return tuple(beyond(u, v, edge) for edge in (band.lo, band.hi) if math.isfinite(edge))


def _of_means(u: np.ndarray, v: np.ndarray) -> float | None:
    """mean(u) / mean(v), shape (seeds,) each; None if the latter is zero."""
    from claims.kinds.intervals import scaled, unscaled

    (u, u_exponent), (v, v_exponent) = scaled(u), scaled(v)
    below = v.mean()
    return unscaled(u.mean() / below, u_exponent - v_exponent) if below else None


def _from_edges(low: tuple[float, float] | None, high: tuple[float, float] | None) -> tuple[Verdict, tuple[str, ...]]:
    """Verdict, and side of a refutation, by the intervals of u - lo v and u - hi v; None for an edge at infinity."""
    if (low is None or low[0] >= 0) and (high is None or high[1] <= 0):
        return HOLDS, ()
    if low is not None and low[1] < 0:
        return REFUTED, ("below",)
    if high is not None and high[0] > 0:
        return REFUTED, ("above",)
    return UNDECIDED, ()


def ratio(
    numerator: Quantity | Linear,
    denominator: Quantity | Linear,
    *,
    plain: tuple[Quantity | Linear, Quantity | Linear] | None = None,
) -> Ratio:
    """The ratio of two means over seeds.

    Args:
        numerator: one value a seed.
        denominator: one value a seed, paired with the numerator.
        plain: the same two without control variates; their ratio is shown beside the estimate.
    """
    if plain is not None and not (isinstance(plain, tuple) and len(plain) == 2):
        raise InvalidDeclaration("ratio.plain", plain, "two quantities, numerator and denominator, or None")
    beside = None if plain is None else (linear(plain[0]), linear(plain[1]))
    return Ratio(linear(numerator), linear(denominator), beside)
