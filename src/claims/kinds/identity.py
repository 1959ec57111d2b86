"""``identity``: two expressions agree within a derived rounding bound, and a planted wrong one does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims.bands import Limits
from claims.experiment import Linear, Quantity, linear, quantities_of
from claims.fields import check_whole
from claims.kinds.base import Judgement, Values
from claims.verdict import HOLDS, REFUTED, UNDECIDED


@dataclass(frozen=True, slots=True)
class Agreement:
    """|lhs - rhs| <= bound at every drawn input, while |planted - rhs| > bound at one of them at least."""

    lhs: Linear
    rhs: Linear
    bound: Linear
    planted: Linear
    looks: tuple[int, ...]

    kind: ClassVar[str] = "identity"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = False
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """What has to be evaluated."""
        return quantities_of(self.lhs, self.rhs, self.bound, self.planted)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The largest error in units of its bound; alpha plays no part."""
        import numpy as np

        sides = (self.lhs, self.rhs, self.planted, self.bound)
        lhs, rhs, wrong, bound = np.broadcast_arrays(
            *(sample.of(side) for side in sides)
        )  # one of them may be a number
        error, planted = np.abs(lhs - rhs), np.abs(wrong - rhs)
        worst = int(np.argmax(error - bound))
        detail = {
            "draws": len(error),
            "largest_error": float(error.max()),
            "bound_there": float(bound[worst]),
            "planted_error": float(planted.max()),
        }
        if (error > bound).any():
            draws = f"{int((error > bound).sum())} of {len(error)} draws"
            reason = f"the two sides differ by {error[worst]:.3g} where rounding allows {bound[worst]:.3g} ({draws})"
            return Judgement(verdict=REFUTED, estimate=float(error[worst]), reason=reason, detail=detail)
        if not (planted > bound).any():
            reason = "the planted wrong expression passed as well: the draws cannot tell them apart"
            return Judgement(verdict=UNDECIDED, estimate=float(error.max()), reason=reason, detail=detail)
        agree = f"agree within {error.max():.2g} at {len(error)} draws"
        reason = f"{agree}; the planted wrong expression is off by {planted.max():.2g}"
        return Judgement(verdict=HOLDS, estimate=float(error.max()), reason=reason, detail=detail)


def identity(
    lhs: Quantity | Linear,
    rhs: Quantity | Linear,
    *,
    bound: Quantity | Linear | float,
    planted: Quantity | Linear,
    draws: int = 8,
) -> Agreement:
    """Two expressions that have to be the same number.

    Args:
        lhs: one side, one value a draw.
        rhs: the other side.
        bound: what rounding may make of their difference, derived by the experiment for each draw.
        planted: ``lhs`` with a mistake that the test has to notice.
        draws: how many inputs are drawn.
    """
    check_whole(draws, "identity.draws", least=1)
    return Agreement(linear(lhs), linear(rhs), linear(bound), linear(planted), (draws,))
