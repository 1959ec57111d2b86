"""``value``: one deterministic number against a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims.bands import Limits
from claims.experiment import Linear, Quantity, linear, quantities_of
from claims.kinds.base import Judgement, Values
from claims.verdict import HOLDS, REFUTED


@dataclass(frozen=True, slots=True)
class Value:
    """A number without randomness, evaluated once; the band has to allow for its rounding."""

    x: Linear

    kind: ClassVar[str] = "value"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = (1,)
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """What has to be evaluated."""
        return quantities_of(self.x)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """In the band or not; alpha plays no part."""
        assert band is not None
        x = float(sample.of(self.x)[0])
        return Judgement(verdict=HOLDS if band.contains(x) else REFUTED, estimate=x, interval=(x, x))


def value(x: Quantity | Linear) -> Value:
    """One deterministic number: a closed form, a quadrature, a root.

    Args:
        x: the number, evaluated once; the band has to allow for its rounding.
    """
    return Value(linear(x))
