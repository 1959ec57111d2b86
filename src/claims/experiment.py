"""Experiments, their points and the quantities that claims are about: descriptors only, nothing is imported or run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from claims.errors import InvalidDeclaration
from claims.names import address_of, name_of
from claims.subject import NEEDS

#: A coordinate of a point: it has to survive JSON unchanged.
Scalar = bool | int | float | str
Point = tuple[tuple[str, Scalar], ...]
_SCALARS = (bool, int, float, str)


def _check_scalar(name: str, value: object, *, where: str) -> Scalar:
    if not isinstance(value, _SCALARS) or (isinstance(value, float) and not math.isfinite(value)):
        raise InvalidDeclaration(f"{where}.{name}", value, "a bool, int, finite float or string")
    return value


def check_most_seeds(most_seeds: object, *, where: str = "") -> None:
    """Refuse a number of seeds that is none."""
    if most_seeds is not None and (not isinstance(most_seeds, int) or isinstance(most_seeds, bool) or most_seeds < 1):
        raise InvalidDeclaration("most_seeds", most_seeds, "a whole number >= 1, or None", where=where)


def point_of(coordinates: Mapping[str, Scalar]) -> Point:
    """Coordinates as a hashable point, sorted by name."""
    return tuple(sorted(coordinates.items()))


def grid(**axes: Scalar | Sequence[Scalar]) -> tuple[Point, ...]:
    """Every combination of the coordinates given; a scalar is an axis of one value.

    >>> grid(n=[512, 1024], metric="pre")
    ((('metric', 'pre'), ('n', 512)), (('metric', 'pre'), ('n', 1024)))
    """
    levels: dict[str, tuple[Scalar, ...]] = {}
    for name, axis in axes.items():
        values = (axis,) if isinstance(axis, _SCALARS) else tuple(axis)
        if not values:
            raise InvalidDeclaration(f"grid.{name}", axis, "at least one value")
        checked = tuple(_check_scalar(name, value, where="grid") for value in values)
        if len(set(checked)) < len(checked):
            raise InvalidDeclaration(f"grid.{name}", axis, "distinct values")
        levels[name] = checked
    return tuple(
        point_of(dict(zip(levels, combination, strict=True))) for combination in itertools.product(*levels.values())
    )


@dataclass(frozen=True, slots=True)
class Experiment:
    """A pure function ``(point, streams) -> values``, and which cells one call of it fills.

    Its ``name`` enters its random streams and its evidence and never changes; its ``address`` is where the code lives
    today, and may. The levels of the sweep belong to the experiment, not to the claim: whatever is selected, a seed's
    evidence is the same set of cells, and all arms share its draws.
    """

    name: str
    address: str
    sweep: tuple[tuple[str, tuple[Scalar, ...]], ...] = ()
    fixed: Point = ()
    pinned: Point = ()
    published: bool = False
    seconds: float = 0.01
    megabytes: float = 50.0
    needs: str = ""
    of: str = ""
    most_seeds: int | None = None

    def __getitem__(self, name: str) -> Quantity:
        if not isinstance(name, str):  # else `for x in experiment` would go on for ever
            raise InvalidDeclaration("quantity", name, "the name of a value that the experiment returns")
        return Quantity(self, name)

    def at(self, **coordinates: Scalar) -> Experiment:
        """The same experiment with coordinates pinned: they override the claim's, so that two cells can be compared."""
        for name, value in coordinates.items():
            _check_scalar(name, value, where="at")
        return replace(self, pinned=point_of(dict(self.pinned) | coordinates))

    def base(self, point: Mapping[str, Scalar]) -> Point:
        """The base point: all coordinates but those of the sweep."""
        swept = {name for name, _ in self.sweep}
        coordinates = dict(self.fixed) | dict(point) | dict(self.pinned)
        return point_of({name: value for name, value in coordinates.items() if name not in swept})

    def cell(self, point: Mapping[str, Scalar]) -> Point:
        """The cell of the sweep at which the point lies.

        Raises:
            InvalidDeclaration: a swept coordinate is missing, or none of the experiment's levels.
        """
        coordinates = dict(point) | dict(self.pinned)
        cell = {}
        for name, levels in self.sweep:
            if name not in coordinates:
                raise InvalidDeclaration(f"at.{name}", "nothing", f"one of {levels}, swept by {self.name}")
            if coordinates[name] not in levels:
                raise InvalidDeclaration(f"at.{name}", coordinates[name], f"one of {levels}, swept by {self.name}")
            cell[name] = coordinates[name]
        return point_of(cell)


def experiment(
    target: str | Callable[..., Any],
    *,
    name: str = "",
    sweep: Mapping[str, Iterable[Scalar]] | None = None,
    fixed: Mapping[str, Scalar] | None = None,
    published: bool = False,
    seconds: float = 0.01,
    megabytes: float = 50.0,
    needs: str = "",
    of: str = "",
    most_seeds: int | None = None,
) -> Experiment:
    """Describe an experiment.

    Args:
        target: ``"module:function"``, or a function at the top level of an importable module or claim file.
        name: under which it draws its random numbers and is stored, of the form ``"module:function"``; where nothing
            is said, the one that ``names.toml`` has for the address (see ``claims.names``), else the address.
        sweep: coordinates whose levels one call computes together; the function gets the tuple of levels under each
            name and returns one record a cell.
        fixed: coordinates that every claim shares (sizes, sample counts); a claim's own coordinate of that name wins.
        published: the function replays published streams, chosen by the seed index, so its values do not depend on
            the epoch.
        seconds: cost of one seed, for ``--dry-run`` until the store knows better.
        megabytes: memory of one seed, for ``--dry-run``.
        needs: "model" if it is about a trained model, "text" if it trains one on a text; the function then finds a
            ``claims.subject.Subject`` under ``point["subject"]``, and is measured only where its claims are decided.
        of: the one model that it can be run on, by its name in ``claims.models.known``; empty if any will do.
        most_seeds: what a claim about it that says nothing else has as its own.
    """
    if needs not in NEEDS:
        raise InvalidDeclaration("needs", needs, ", ".join(repr(need) for need in NEEDS))
    if of and needs != "model":
        raise InvalidDeclaration("of", of, 'nothing, unless needs="model"')
    check_most_seeds(most_seeds)
    said = target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"
    for field, text in (("experiment", said), ("name", name or said)):
        if not isinstance(text, str) or text.count(":") != 1 or "<" in text:
            raise InvalidDeclaration(field, text, '"module:function", or a function at the top level of a module')
    axes = tuple(
        (axis, tuple(_check_scalar(axis, level, where="sweep") for level in levels))
        for axis, levels in sorted((sweep or {}).items())
    )
    for axis, levels in axes:
        if not levels or len(set(levels)) < len(levels):
            raise InvalidDeclaration(f"sweep.{axis}", levels, "one or more distinct levels")
    shared = {key: _check_scalar(key, value, where="fixed") for key, value in (fixed or {}).items()}
    return Experiment(
        name=name or name_of(said),
        address=address_of(said),
        sweep=axes,
        fixed=point_of(shared),
        published=published,
        seconds=seconds,
        megabytes=megabytes,
        needs=needs,
        of=of,
        most_seeds=most_seeds,
    )


@dataclass(frozen=True, slots=True)
class Quantity:
    """One named value of an experiment's records. ``+``, ``-`` and scalar ``*`` build per-seed combinations."""

    experiment: Experiment
    name: str

    def __add__(self, other: Linear | Quantity | float) -> Linear:
        return linear(self) + other

    def __sub__(self, other: Linear | Quantity | float) -> Linear:
        return linear(self) - other

    def __mul__(self, factor: float) -> Linear:
        return linear(self) * factor

    __rmul__ = __mul__
    __radd__ = __add__

    def __rsub__(self, other: Linear | Quantity | float) -> Linear:
        return linear(self) * -1.0 + other


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear combination of quantities, evaluated seed by seed."""

    terms: tuple[tuple[float, Quantity], ...]
    constant: float = 0.0

    def __add__(self, other: Linear | Quantity | float) -> Linear:
        right = linear(other)
        return Linear(self.terms + right.terms, self.constant + right.constant)

    def __sub__(self, other: Linear | Quantity | float) -> Linear:
        return self + linear(other) * -1.0

    def __mul__(self, factor: float) -> Linear:
        if not isinstance(factor, int | float):
            raise InvalidDeclaration(
                "quantity * factor", factor, "a number; products of quantities belong in the experiment"
            )
        return Linear(tuple((weight * factor, quantity) for weight, quantity in self.terms), self.constant * factor)

    __rmul__ = __mul__
    __radd__ = __add__

    def __rsub__(self, other: Linear | Quantity | float) -> Linear:
        return self * -1.0 + other


def linear(value: Linear | Quantity | float) -> Linear:
    """Anything that can stand in a combination, as a combination."""
    if isinstance(value, Linear):
        return value
    if isinstance(value, Quantity):
        return Linear(((1.0, value),))
    if isinstance(value, int | float) and math.isfinite(value):
        return Linear((), float(value))
    raise InvalidDeclaration("quantity", value, 'experiment["name"], a combination of such, or a finite number')


def quantities_of(*values: Linear | Quantity | None) -> tuple[Quantity, ...]:
    """The distinct quantities that the values are made of, in order of appearance."""
    found = (quantity for value in values if value is not None for _, quantity in linear(value).terms)
    return tuple(dict.fromkeys(found))
