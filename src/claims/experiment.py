"""Experiments, their points and the quantities that claims are about: descriptors only, nothing is imported or run."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from claims.errors import InvalidDeclaration
from claims.evidence.devices import CPU, check_devices
from claims.fields import check_finite, check_names, check_text, check_truth, check_whole, is_address, is_finite
from claims.names import address_of, name_of
from claims.subject import NEEDS

#: A coordinate of a point: it has to survive JSON unchanged.
Scalar = bool | int | float | str
Point = tuple[tuple[str, Scalar], ...]
_SCALARS = bool | int | float | str


def _check_scalar(name: str, value: object, *, where: str) -> Scalar:
    if isinstance(value, str):
        return check_text(value, f"{where}.{name}")
    if isinstance(value, bool) or is_finite(value):
        return value
    raise InvalidDeclaration(f"{where}.{name}", value, "a bool, int, finite float or string")


def check_point(point: object, field: str, *, where: str = "") -> None:
    """Refuse what is no point: pairs of name and scalar, sorted by name, each name once.

    Raises:
        InvalidDeclaration: names the field.
    """
    if not isinstance(point, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in point):
        raise InvalidDeclaration(field, point, "points as claims.experiment.grid makes them", where=where)
    names = [check_text(name, field, allowed="names of coordinates that are strings", where=where) for name, _ in point]
    if names != sorted(set(names)):
        raise InvalidDeclaration(field, names, "names of coordinates in order, each once", where=where)
    for name, value in point:
        _check_scalar(name, value, where=f"{where}: {field}" if where else field)


def check_most_seeds(most_seeds: object, *, where: str = "") -> None:
    """Refuse a number of seeds that is none."""
    if most_seeds is not None:
        check_whole(most_seeds, "most_seeds", least=1, where=where)


def point_of(coordinates: Mapping[str, Scalar]) -> Point:
    """Coordinates as a hashable point, sorted by name."""
    return tuple(sorted(coordinates.items()))


def _levels(name: str, levels: object, *, where: str) -> tuple[Scalar, ...]:
    """The distinct levels of an axis, in the order given."""
    if isinstance(levels, _SCALARS | Mapping | Set) or not isinstance(levels, Iterable):
        raise InvalidDeclaration(f"{where}.{name}", levels, "a list of levels, in their order")
    checked = tuple(_check_scalar(name, level, where=where) for level in levels)
    if not checked or len(set(checked)) < len(checked):
        raise InvalidDeclaration(f"{where}.{name}", levels, "one or more distinct values")
    return checked


def grid(**axes: Scalar | Sequence[Scalar]) -> tuple[Point, ...]:
    """Every combination of the coordinates given; a scalar is an axis of one value.

    >>> grid(n=[512, 1024], metric="pre")
    ((('metric', 'pre'), ('n', 512)), (('metric', 'pre'), ('n', 1024)))
    """
    levels: dict[str, tuple[Scalar, ...]] = {}
    for name, axis in axes.items():
        levels[name] = _levels(name, (axis,) if isinstance(axis, _SCALARS) else axis, where="grid")
    return tuple(
        point_of(dict(zip(levels, combination, strict=True))) for combination in itertools.product(*levels.values())
    )


def _not_negative(x: float) -> bool:
    return x >= 0


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
    seconds: float | None = None
    megabytes: float | None = None
    needs: str = ""
    of: str = ""
    most_seeds: int | None = None
    data: tuple[str, ...] = ()
    devices: tuple[str, ...] = (CPU,)

    def __post_init__(self) -> None:
        for field in ("fixed", "pinned"):
            check_point(getattr(self, field), field)
        check_truth(self.published, "published")
        for field in ("seconds", "megabytes"):
            if getattr(self, field) is not None:
                check_finite(getattr(self, field), field, allowed="a finite number >= 0, or None", such=_not_negative)
        if self.needs not in NEEDS:
            raise InvalidDeclaration("needs", self.needs, ", ".join(repr(need) for need in NEEDS))
        if check_text(self.of, "of") and self.needs != "model":
            raise InvalidDeclaration("of", self.of, 'nothing, unless needs="model"')
        check_most_seeds(self.most_seeds)
        check_devices(self.devices, "devices")
        for name in check_names(self.data, "data"):
            if not name.strip("$") or name.endswith(":"):
                raise InvalidDeclaration("data", name, '"package:path", a path, or "$VARIABLE"')

    def __hash__(self) -> int:  # of what tells experiments apart: claims look quantities up all the time
        return hash((self.name, self.fixed, self.pinned))

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
    seconds: float | None = None,
    megabytes: float | None = None,
    needs: str = "",
    of: str = "",
    most_seeds: int | None = None,
    data: Sequence[str] = (),
    devices: Sequence[str] = (CPU,),
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
        seconds: cost of one seed, for ``--dry-run`` until the store knows better; a guess where nothing is said.
        megabytes: memory of one seed, for ``--dry-run``; a guess where nothing is said.
        needs: "model" if it is about a trained model, "text" if it trains one on a text; the function then finds a
            ``claims.subject.Subject`` under ``point["subject"]``, and is measured only where its claims are decided.
        of: the one model that it can be run on, by its name in ``claims.models.known``; empty if any will do.
        most_seeds: what a claim about it that says nothing else has as its own.
        data: files and folders that the function reads, ``"package:path"`` or a path from its module's folder, and
            variables of the environment, ``"$NAME"``. What is in them is part of the evidence's key; what is read
            without being declared is an error.
        devices: where it may be measured, "cpu", "cuda" or "triton-interpreter"; the function finds where its tensors
            go as ``streams.device``. An audit on a device that it does not name measures it on the CPU.
    """
    said = _address(target)
    if not is_address(name or said):
        raise InvalidDeclaration("name", name, '"module:function"')
    for field, given in (("sweep", sweep), ("fixed", fixed)):
        if given is not None and not isinstance(given, Mapping):
            raise InvalidDeclaration(field, given, "a mapping from names of coordinates, or None")
        for key in given or {}:
            check_text(key, field, allowed="names of coordinates that are strings")
    axes = tuple((axis, _levels(axis, levels, where="sweep")) for axis, levels in sorted((sweep or {}).items()))
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
        data=tuple(sorted(set(check_names(data, "data")))),
        devices=check_devices(devices, "devices"),
    )


def _address(target: str | Callable[..., Any]) -> str:
    """Where workers find a function: its module and its name there."""
    allowed = '"module:function", or a function at the top level of a module'
    if isinstance(target, str):
        if not is_address(target):
            raise InvalidDeclaration("experiment", target, allowed)
        return target
    if isinstance(target, functools.partial):
        hint = "a partial has no name there, what it fixes belongs into fixed={...}"
    elif inspect.ismethod(target) and not isinstance(target.__self__, type):
        hint = "a method needs its object, which workers do not have"
    elif not callable(target) or isinstance(target, type) or not isinstance(getattr(target, "__qualname__", None), str):
        hint = ""
    elif target.__name__ == "<lambda>":
        hint = "a lambda has no name there, write def"
    elif "<locals>" in target.__qualname__:
        hint = "this one is made inside another, where workers do not find it"
    else:
        return f"{target.__module__}:{target.__qualname__}"
    raise InvalidDeclaration("experiment", target, f"{allowed}{f' ({hint})' if hint else ''}")


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


def check_quantity(value: object, field: str) -> Quantity:
    """A quantity by itself, no combination."""
    if not isinstance(value, Quantity):
        raise InvalidDeclaration(field, value, 'experiment["name"]')
    return value


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
        if not is_finite(factor):
            raise InvalidDeclaration(
                "quantity * factor", factor, "a finite number; products of quantities belong in the experiment"
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
    if is_finite(value):
        return Linear((), float(value))
    raise InvalidDeclaration("quantity", value, 'experiment["name"], a combination of such, or a finite number')


def quantities_of(*values: Linear | Quantity | None) -> tuple[Quantity, ...]:
    """The distinct quantities that the values are made of, in order of appearance."""
    found = (quantity for value in values if value is not None for _, quantity in linear(value).terms)
    return tuple(dict.fromkeys(found))
