"""What a kind is: values of seeds -> interval -> verdict. A pack can bring its own; there is no base class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, TypeVar, runtime_checkable

from claims.bands import Limits
from claims.errors import MeasurementError
from claims.experiment import Linear, Point, Quantity, Scalar, linear
from claims.verdict import HOLDS, REFUTED, UNDECIDED, Verdict

if TYPE_CHECKING:
    import numpy as np

_Protocol = TypeVar("_Protocol")
#: Looks of a group-sequential test, in seeds.
LOOKS = (8, 16, 32, 64, 128, 256)
#: Those of Student's t, whose joint law is known: close ones cost little, and save what is drawn while waiting for the
#: next. Even numbers, so that two workers share what is drawn between them.
CLOSE_LOOKS = (*range(8, 24, 2), *range(24, 64, 4), *range(64, 128, 8), *range(128, 257, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one look says at one alpha. ``interval`` bounds may be infinite; ``detail`` is plain JSON data.

    ``misses`` says of a refutation which ways the band is missed, in words, where band and interval do not say it all.
    """

    verdict: Verdict
    estimate: float | None = None
    interval: tuple[float, float] | None = None
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    misses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Values:
    """Values of the first n seeds at one judged point.

    ``values[quantity]`` has the seeds along its first axis; for a test that runs over an axis of the grid the levels
    follow along the second, in the order of ``levels``. ``first`` is the index of the first seed, for messages.
    """

    values: Mapping[Quantity, np.ndarray]
    levels: tuple[Point, ...]
    first: int = 0
    _made: dict[int, tuple[Linear | Quantity, np.ndarray]] = field(default_factory=dict, compare=False, repr=False)

    def of(self, expression: Linear | Quantity) -> np.ndarray:
        """A combination of quantities, seed by seed; nobody may write to it.

        Raises:
            MeasurementError: a quantity is not made of numbers, or the result is not finite.
        """
        if id(expression) not in self._made:  # a look asks several times: the interval, the shape, what is drawn
            made = self._combined(linear(expression))
            if made.ndim:
                made.flags.writeable = False
            self._made[id(expression)] = expression, made
        return self._made[id(expression)][1]

    def _combined(self, combination: Linear) -> np.ndarray:
        import numpy as np

        for _, quantity in combination.terms:
            if self.values[quantity].dtype.kind not in "fiu":
                raise MeasurementError(f"{quantity.name}: allowed: numbers; got {self.values[quantity].flat[0]!r}")
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is not finite, and that is an error
            parts = [weight * self.values[quantity] for weight, quantity in combination.terms]
            whole = parts[0] if len(parts) == 1 else np.sum(parts, axis=0)
            return finite(whole + combination.constant)

    def axis(self, name: str) -> np.ndarray:
        """The levels of one coordinate along the test's axis."""
        import numpy as np

        return np.array([dict(level)[name] for level in self.levels])


def finite(values: np.ndarray) -> np.ndarray:
    """The values, all of which have to be finite: what is not is an error, and never dropped."""
    import numpy as np

    if not np.isfinite(values).all():
        raise MeasurementError(f"{int((~np.isfinite(values)).sum())} of {np.size(values)} values are not finite")
    return values


@runtime_checkable
class Kind(Protocol):
    """How values become a verdict.

    ``looks`` are the numbers of seeds after which it may decide; one look means a fixed sample. ``sequential`` tests
    spend alpha at each look, confirm a refutation on a disjoint block of seeds and may be cut short at a low tier;
    the others are measured whole or not at all. ``over`` names the axes of the grid that it consumes.
    """

    @property
    def kind(self) -> str:
        """Its name."""
        ...

    @property
    def over(self) -> tuple[str, ...]:
        """Axes of the grid that it consumes."""
        ...

    @property
    def needs_band(self) -> bool:
        """Whether the claim has to bring a band."""
        ...

    @property
    def looks(self) -> tuple[int, ...]:
        """Numbers of seeds at which it may decide."""
        ...

    @property
    def sequential(self) -> bool:
        """Whether it spends alpha at each look."""
        ...

    def quantities(self) -> Sequence[Quantity]:
        """What has to be measured."""
        ...

    def judge(self, sample: Values, band: Limits | None, alpha: float) -> Judgement:
        """Interval and verdict of the seeds so far at one alpha."""
        ...


@runtime_checkable
class ChecksLevels(Protocol):
    """A kind that needs particular levels of the axis it runs over; asked when the claim is made."""

    def check_levels(self, levels: Sequence[Scalar]) -> None:
        """Refuse levels that it cannot use."""
        ...


@runtime_checkable
class StudentsT(Protocol):
    """A kind that decides by whether Student's t interval of one value a seed clears an edge, or by several such.

    The levels of its looks then add up to more than alpha, and still to no more than alpha together; to twice alpha at
    most. What it splits over several intervals it therefore splits by :func:`split`.
    """

    @property
    def student(self) -> bool:
        """True."""
        ...


@runtime_checkable
class GivesPValue(Protocol):
    """A kind that knows at which alpha it begins to decide; of others that is searched for."""

    def p_value(self, sample: Values, band: Limits) -> float:
        """The smallest alpha at which :meth:`Kind.judge` does not say UNDECIDED; 1 if it always does."""
        ...


@runtime_checkable
class GivesSeeds(Protocol):
    """A kind that makes one number a seed, which reports then show one by one."""

    def per_seed(self, sample: Values) -> np.ndarray:
        """The value of each seed, shape (seeds,)."""
        ...


@runtime_checkable
class JudgesMeans(Protocol):
    """A kind that judges means over seeds: by Student's t, and so leans on seeds that are nearly normal, unless it
    :class:`KnowsRange`.
    """

    def means(self, sample: Values, band: Limits) -> Sequence[np.ndarray]:
        """What it takes the means of, one number a seed each, shape (seeds,)."""
        ...


@runtime_checkable
class KnowsRange(Protocol):
    """A kind that is told in which range a seed's value lies, and judges its mean whatever seeds are like there.

    Its intervals hold at every number of seeds at once: each look has all of the claim's alpha.
    """

    @property
    def seed_range(self) -> tuple[float, float]:
        """The range, both ends finite."""
        ...


@runtime_checkable
class JudgedTogether(Protocol):
    """A kind with an error rate of its own, which claims keep together."""

    @property
    def level(self) -> float:
        """Probability of any false verdict among them, at most."""
        ...

    @property
    def together(self) -> Hashable:
        """The same for all of them, and for no other claim."""
        ...


@runtime_checkable
class ComparesLevels(Protocol):
    """A kind that takes the levels of its axis in the order of their declaration; what is shown of it says which."""

    def compared(self, levels: Sequence[Scalar]) -> str:
        """Which level is first and which are after it, in words; empty if that makes no difference."""
        ...


@runtime_checkable
class ReadsFiles(Protocol):
    """A kind whose judgement follows from what is in files as well, so that it is asked in every audit."""

    @property
    def reads_files(self) -> bool:
        """True."""
        ...


#: Which protocols each type of test has: to look through one of many members is slow, and claims are many.
_OFFERED: dict[tuple[type, type], bool] = {}


def offers(test: object, protocol: type[_Protocol]) -> TypeGuard[_Protocol]:
    """``isinstance(test, protocol)``, which is asked once for each type of test."""
    key = type(test), protocol
    if key not in _OFFERED:
        _OFFERED[key] = isinstance(test, protocol)
    return _OFFERED[key]


def split(level: float, parts: int) -> float:
    """The level of each of so many of Student's t intervals that are wrong together no more often than one would be.

    How often the looks of one are wrong together is known at the alpha of a claim, not at a part of it. So parts have
    half the level at each look, which adds up to no more than their share of alpha, whatever the looks' joint law.
    """
    return level if parts == 1 else level / (2 * parts)


def decide(interval: tuple[float, float], band: Limits) -> Verdict:
    """HOLDS if the interval lies in the band, REFUTED if it misses it, else UNDECIDED."""
    lo, hi = interval
    if band.lo <= lo and hi <= band.hi:
        return HOLDS
    return REFUTED if side(interval, band) else UNDECIDED


def side(interval: tuple[float, float], band: Limits) -> str:
    """Where an interval misses the band: "below", "above", or empty if it does not."""
    lo, hi = interval
    if hi < band.lo:
        return "below"
    return "above" if lo > band.hi else ""
