"""``replay``: a published figure, recomputed from the published streams, rounds to what was printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from claims.bands import Limits, printed_value
from claims.errors import InvalidDeclaration
from claims.experiment import Linear, Quantity, linear, quantities_of
from claims.fields import check_finite, check_text, check_whole
from claims.kinds.base import Judgement, Values
from claims.verdict import HOLDS, REFUTED, UNDECIDED

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Replay:
    """Mean and sd over the published seeds against the printed figures; neighbouring configurations must miss them."""

    x: Linear
    neighbours: tuple[Linear, ...]
    printed: tuple[tuple[str, str], ...]
    ddof: int
    slack: float
    configuration: str
    looks: tuple[int, ...]

    kind: ClassVar[str] = "replay"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = False
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """What has to be replayed."""
        return quantities_of(self.x, *self.neighbours)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Rounds to the printed figures or not; alpha plays no part."""
        figures = self._figures(sample.of(self.x))
        replayed = ", ".join(f"{name} {figures[name]:.8g} (printed {text})" for name, text in self.printed)
        detail = {"configuration": self.configuration, **figures}
        estimate = figures["mean"]
        misses = [name for name, text in self.printed if not self._rounds(figures[name], text)]
        if misses:
            reason = (
                f"{self.configuration} replays to {replayed}: {' and '.join(misses)} not rounding to the printed figure"
            )
            return Judgement(
                verdict=REFUTED, estimate=estimate, interval=(estimate, estimate), reason=reason, detail=detail
            )
        for neighbour in self.neighbours:
            others = self._figures(sample.of(neighbour))
            if all(self._rounds(others[name], text) for name, text in self.printed):
                same = f"a neighbouring configuration rounds to the same figures ({others['mean']:.8g})"
                reason = f"{same}: the digits do not tell"
                return Judgement(
                    verdict=UNDECIDED, estimate=estimate, interval=(estimate, estimate), reason=reason, detail=detail
                )
        reason = (
            f"{self.configuration} replays to {replayed}; the {len(self.neighbours)} neighbouring configurations do not"
        )
        return Judgement(verdict=HOLDS, estimate=estimate, interval=(estimate, estimate), reason=reason, detail=detail)

    def _figures(self, x: np.ndarray) -> dict[str, float]:
        from claims.kinds.intervals import mean_of, spread_of

        return {"mean": mean_of(x), "sd": spread_of(x, ddof=self.ddof) if len(x) > self.ddof else float("nan")}

    def _rounds(self, figure: float, text: str) -> bool:
        value, unit = printed_value(text)
        return abs(figure - float(value)) <= float(unit) / 2 + self.slack


def replay(
    x: Quantity | Linear,
    *,
    seeds: int,
    printed_mean: str | None = None,
    printed_sd: str | None = None,
    neighbours: Sequence[Quantity | Linear],
    configuration: str,
    ddof: int = 1,
    slack: float = 0.0,
) -> Replay:
    """Recompute a published figure from the published streams (an experiment with ``published=True``).

    Args:
        x: one value a published seed.
        seeds: how many seeds the publication used.
        printed_mean: the printed mean, digits as printed.
        printed_sd: the printed standard deviation.
        neighbours: the same quantity in configurations that must not round to the figures.
        configuration: the configuration replayed, in words.
        ddof: of the printed standard deviation.
        slack: what another order of float32 sums may add, far below the last printed place.
    """
    figures = tuple((name, text) for name, text in (("mean", printed_mean), ("sd", printed_sd)) if text is not None)
    if not figures:
        raise InvalidDeclaration("replay", None, "printed_mean= or printed_sd=")
    check_finite(slack, "replay.slack", allowed="a finite number >= 0", such=lambda x: x >= 0)
    check_whole(ddof, "replay.ddof", least=0)
    for _, text in figures:
        if slack * 10 > float(printed_value(text)[1]):
            raise InvalidDeclaration("replay.slack", slack, f"at most a tenth of the last place of {text}")
    check_whole(seeds, "replay.seeds", least=1)
    check_text(configuration, "replay.configuration")
    if not isinstance(neighbours, Sequence) or not neighbours:
        raise InvalidDeclaration(
            "replay.neighbours", neighbours, "at least one configuration that must not round to the figure"
        )
    others = tuple(linear(neighbour) for neighbour in neighbours)
    return Replay(linear(x), others, figures, ddof, slack, configuration, (seeds,))
