"""Kinds that turn each seed into one number and judge the mean of those by Student's t."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits
from claims.experiment import Linear, Quantity, quantities_of
from claims.kinds.base import LOOKS, Judgement, Sample, decide

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class PerSeed:
    """``reduce(sample)`` gives one value a seed, shape (seeds,); their mean has to lie in the band."""

    kind: str
    expressions: tuple[Linear, ...]
    reduce: Callable[[Sample], np.ndarray]
    over: tuple[str, ...] = ()

    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = LOOKS
    sequential: ClassVar[bool] = True

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        return quantities_of(*self.expressions)

    def judge(self, sample: Sample, band: Limits | None, alpha: float) -> Judgement:
        """The t interval of the mean against the band."""
        from claims.kinds.intervals import t_interval

        assert band is not None
        x = self.reduce(sample)
        interval = t_interval(x, alpha)
        reason = "all seeds gave the same value" if len(x) > 1 and x.min() == x.max() else ""
        spread = float(x.std(ddof=1)) if len(x) > 1 else None
        return Judgement(
            verdict=decide(interval, band),
            estimate=float(x.mean()),
            interval=interval,
            reason=reason,
            detail={"sd": spread},
        )
