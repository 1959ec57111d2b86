"""``trend``: every step from one level of an axis to the next, as declared, goes the claimed way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from claims.bands import Limits
from claims.errors import InvalidDeclaration
from claims.experiment import Linear, Quantity, Scalar, linear, quantities_of
from claims.kinds.base import CLOSE_LOOKS, Judgement, Values, finite, side, split
from claims.verdict import HOLDS, REFUTED, UNDECIDED

if TYPE_CHECKING:
    import numpy as np

#: Levels that are named after the first one.
_NAMED = 8


@dataclass(frozen=True, slots=True)
class Trend:
    """Steps between adjacent levels, counted positive in the claimed direction, against the band."""

    y: Linear
    over: tuple[str, ...]
    sign: int

    kind: ClassVar[str] = "trend"
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = CLOSE_LOOKS
    sequential: ClassVar[bool] = True
    student: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(self.y)

    def compared(self, levels: Sequence[Scalar]) -> str:
        """The levels in the order in which each has to lie beyond the one before."""
        first, *rest = levels
        if len(rest) > _NAMED:
            rest = [*rest[: _NAMED - 1], "…", rest[-1]]
        return f"{self.over[0]}: first {first}, then {', '.join(map(str, rest))}"

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """HOLDS if every step does at full alpha (intersection-union); REFUTED if one fails at its split."""
        from claims.kinds.intervals import mean_of, t_interval

        assert band is not None
        levels, steps = sample.axis(self.over[0]), self.means(sample, band)
        count = len(steps)
        full = [t_interval(step, alpha) for step in steps]
        granted = split(alpha, count)
        strict = [t_interval(step, granted) for step in steps]
        refuted = {i: side(interval, band) for i, interval in enumerate(strict) if side(interval, band)}
        detail: dict[str, Any] = {"steps": [mean_of(step) for step in steps]}
        verdict, intervals = UNDECIDED, full
        if refuted:
            verdict, intervals, detail["granted"] = REFUTED, strict, granted
        elif all(band.lo <= lo and hi <= band.hi for lo, hi in full):
            verdict = HOLDS
        shown = min(refuted or range(count), key=lambda i: intervals[i][0])  # the step that decides, or is in the way
        misses = tuple(f"from {levels[i]} to {levels[i + 1]}, {where}" for i, where in refuted.items())
        return Judgement(
            verdict=verdict,
            estimate=detail["steps"][shown],
            interval=intervals[shown],
            detail=detail | {"shown_step": shown},
            misses=misses,
        )

    def means(self, sample: Values, band: Limits) -> Sequence[np.ndarray]:
        """The steps between adjacent levels, in the claimed direction.

        Raises:
            MeasurementError: one is not finite.
        """
        import numpy as np

        with np.errstate(over="ignore"):  # what overflows is not finite, and that is an error
            return tuple(finite(self.sign * np.diff(sample.of(self.y), axis=1)).T)


def trend(y: Quantity | Linear, *, over: str, direction: Literal["increasing", "decreasing"]) -> Trend:
    """Every step from one level of the axis to the next in one direction, by at least the band's lower edge.

    Levels keep the order in which the grid names them, numbers too.

    Args:
        y: one number a seed and level.
        over: name of the axis in the claim's grid.
        direction: "increasing" or "decreasing".
    """
    if direction not in ("increasing", "decreasing"):
        raise InvalidDeclaration("trend.direction", direction, "increasing, decreasing")
    return Trend(linear(y), (over,), 1 if direction == "increasing" else -1)
