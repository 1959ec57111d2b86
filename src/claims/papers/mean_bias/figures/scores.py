"""Table 1 as counts of right answers, and how two runs that answered the same items are compared.

A comparison is a test for ``claims.kinds.sample``: it has the same few columns whatever the number of items.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from claims import Quantity, column
from claims.bands import Limits
from claims.experiment import quantities_of
from claims.kinds.base import Judgement, Values, decide
from claims.kinds.table import read_rows
from claims.papers.mean_bias.theory.discordance import difference_variance

TABLE_1 = "claims.papers.mean_bias:figures/table1.toml"
TASKS = "claims.papers.mean_bias:figures/table1_tasks.toml"

Condition = Callable[[Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Score:
    """Right answers of both runs on one task's items."""

    task: str
    items: int
    bf16: int
    averis: int

    @property
    def difference(self) -> float:
        """Averis's share of right answers less BF16's."""
        return (self.averis - self.bf16) / self.items


def having(name: str, *values: str) -> Condition:
    """The rows with a column of that name, holding one of the values if any are given."""
    return lambda row: name in row and (not values or row[name] in values)


SCORES = tuple(
    Score(row["task"], int(row["items"]), int(row["bf16_right"]), int(row["averis_right"]))
    for row in filter(having("task"), read_rows(TASKS))
)


_RIGHT, _ITEMS, _DIFFERENCE, _VARIANCE, _WEIGHT = map(column, ("right", "items", "difference", "variance", "weight"))


@dataclass(frozen=True, slots=True)
class TwoProportions:
    """The second less the first of two proportions of independent answers, by Newcombe's hybrid score interval."""

    right: Quantity = _RIGHT
    items: Quantity = _ITEMS

    kind: ClassVar[str] = "two-proportions"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = (0,)
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """Counts of right answers and of items, of the first and the second run."""
        return quantities_of(self.right, self.items)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The interval at two-sided ``alpha`` against the band."""
        assert band is not None
        (first, second), (few, many) = sample.of(self.right), sample.of(self.items)
        interval = newcombe_interval(second, many, first, few, alpha)
        return Judgement(verdict=decide(interval, band), estimate=float(second / many - first / few), interval=interval)


def newcombe_interval(count: float, items: float, other: float, others: float, alpha: float) -> tuple[float, float]:
    """Of ``count / items - other / others`` at two-sided ``alpha``: each proportion's distance from its Wilson limits.

    The one of statsmodels, ``confint_proportions_2indep(method="newcomb")``, which a test holds it to.
    """
    first, second = count / items, other / others
    (low, high), (below, above) = _wilson_interval(first, items, alpha), _wilson_interval(second, others, alpha)
    down = math.sqrt((first - low) ** 2 + (above - second) ** 2)
    up = math.sqrt((second - below) ** 2 + (high - first) ** 2)
    return float(first - second - down), float(first - second + up)


def _wilson_interval(share: float, items: float, alpha: float) -> tuple[float, float]:
    from claims.kinds.distributions import normal_ppf

    normal = -normal_ppf(alpha / 2)
    scale = 1 + normal**2 / items
    centre = (share + normal**2 / (2 * items)) / scale
    half = normal * math.sqrt(share * (1 - share) / items + normal**2 / (4 * items**2)) / scale
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class MeanDifference:
    """The weighted mean of tasks' differences, whose variances are known, by the normal interval."""

    difference: Quantity = _DIFFERENCE
    variance: Quantity = _VARIANCE
    weight: Quantity = _WEIGHT

    kind: ClassVar[str] = "mean-difference"
    over: ClassVar[tuple[str, ...]] = ()
    needs_band: ClassVar[bool] = True
    looks: ClassVar[tuple[int, ...]] = (0,)
    sequential: ClassVar[bool] = False

    def quantities(self) -> Sequence[Quantity]:
        """Difference, variance and weight of each task."""
        return quantities_of(self.difference, self.variance, self.weight)

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """The interval at two-sided ``alpha`` against the band."""
        from claims.kinds.distributions import normal_ppf

        assert band is not None
        weights = sample.of(self.weight)
        weights = weights / weights.sum()
        estimate = float(weights @ sample.of(self.difference))
        error = math.sqrt(float(weights**2 @ sample.of(self.variance)))
        half = -normal_ppf(alpha / 2) * error
        interval = (estimate - half, estimate + half)
        return Judgement(
            verdict=decide(interval, band),
            estimate=estimate,
            interval=interval,
            detail={"standard_error": error, "z": estimate / error},
        )


#: How many of a task's items the two runs are taken to answer differently.
Discordance = Callable[[int, int, int], float]


def differences(
    scores: Sequence[Score], discordance: Discordance, *, pooled: bool = False
) -> dict[str, tuple[float, ...]]:
    """Columns for :class:`MeanDifference`; tasks weigh the same, or, pooled, as much as they have items."""
    counts = [(score.items, score.bf16, score.averis) for score in scores]
    return {
        "difference": tuple(score.difference for score in scores),
        "variance": tuple(difference_variance(*count, discordance(*count)) for count in counts),
        "weight": tuple(float(score.items) if pooled else 1.0 for score in scores),
    }
