"""The search itself: inputs drawn by hypothesis, ends of their ranges, then Nelder-Mead from the smallest margins."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claims.errors import InvalidDeclaration, MeasurementError
from claims.lazy import load
from claims.names import address_of

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from claims.experiment import Scalar
    from claims.streams import Streams

Inputs = Mapping[str, Any]

#: Random bytes for one drawn input; hypothesis skips an input that would need more.
_BYTES = 16_384
#: Share of its range below which a coordinate is as good as zero.
_NEAR_ZERO = 1e-6


@dataclass(frozen=True, kw_only=True)
class Statement:
    """For all inputs, ``margin(**inputs) >= 0``.

    Attributes:
        inputs: for each argument a range ``(lo, hi)`` of floats, which the local optimiser may move in, or a
            hypothesis strategy.
        margin: how far the statement is from failing; negative where it fails.
        planted: the margin of a version that is false by the smallest amount the search has to notice.
        precise: the margin in at least twice the precision, to confirm a counterexample.
        rounding: what rounding may make of a margin.
    """

    inputs: Mapping[str, tuple[float, float] | SearchStrategy[Any]]
    margin: Callable[..., float]
    planted: Callable[..., float]
    precise: Callable[..., Any]
    rounding: float = 1e-15

    def ranges(self) -> dict[str, tuple[float, float]]:
        """The inputs that are float ranges."""
        return {name: bounds for name, bounds in self.inputs.items() if isinstance(bounds, tuple)}


@dataclass
class _Trace:
    """What a search has seen: tries so far, and the inputs of the smallest margins."""

    tries: int = 0
    smallest: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def note(self, margin: float, inputs: dict[str, Any]) -> None:
        self.tries += 1
        self.smallest.append((margin, inputs))
        self.smallest.sort(key=lambda pair: pair[0])
        del self.smallest[16:]


def drive(point: Mapping[str, Scalar], streams: Streams) -> dict[str, Any]:
    """One round: search the statement, and its planted version with the same effort.

    Base point: ``statement`` (the name "module:NAME"), ``examples``, ``restarts``.
    """
    statement = load(address_of(str(point["statement"])))
    if not isinstance(statement, Statement):
        raise InvalidDeclaration("search.statement", point["statement"], "the name of a claims.kinds.search.Statement")
    effort = (int(point["examples"]), int(point["restarts"]))
    trace = _search(statement, statement.margin, *effort, seed=streams.key("search"))
    planted = _search(statement, statement.planted, *effort, seed=streams.key("search"))
    for function, found in ((statement.margin, trace), (statement.planted, planted)):
        _check_repeated(function, found)
    margin, closest = trace.smallest[0]
    precise, worst = _confirm(statement, trace)
    return {
        "tries": float(trace.tries),
        "smallest_margin": margin,
        "planted_margin": planted.smallest[0][0],
        "precise_margin": precise,
        "rounding": statement.rounding,
        "counterexample": _show(worst) if margin < 0 else "",
        "closest": _show(closest),
    }


def _check_repeated(margin: Callable[..., float], trace: _Trace) -> None:
    """Refuse a margin that is not the same number again, after all the others."""
    for before, inputs in trace.smallest:
        again = float(margin(**inputs))
        if again != before:
            raise MeasurementError(f"the margin at {_show(inputs)} is {before!r}, and {again!r} when taken again")


def _confirm(statement: Statement, trace: _Trace) -> tuple[float, dict[str, Any]]:
    """Of the smallest margins that are negative, the smallest in higher precision: the others may be rounding."""
    violating = [inputs for margin, inputs in trace.smallest if margin < 0]
    if not violating:
        return trace.smallest[0]
    return min(((float(statement.precise(**inputs)), inputs) for inputs in violating), key=lambda pair: pair[0])


def _search(statement: Statement, margin: Callable[..., float], examples: int, restarts: int, *, seed: int) -> _Trace:
    trace = _Trace()

    def tried(**inputs: Any) -> float:
        value = float(margin(**inputs))
        if math.isnan(value):
            raise MeasurementError(f"the margin is NaN at {_show(inputs)}")
        trace.note(value, inputs)
        return value

    _draw(statement, tried, examples, seed)
    _edges(statement, tried, trace)
    for _, start in list(trace.smallest[:restarts]):
        _descend(statement, tried, start)
    return trace


def _draw(statement: Statement, tried: Callable[..., float], examples: int, seed: int) -> None:
    """Let hypothesis turn random bytes into inputs.

    Its own generator also tries constants from whatever modules happen to be loaded, so the same seed would give other
    inputs in another process; from bytes the inputs depend on the seed alone.
    """
    import hypothesis
    import numpy as np
    from hypothesis import strategies as st

    drawn = {
        name: st.floats(*source, allow_nan=False) if isinstance(source, tuple) else source
        for name, source in statement.inputs.items()
    }

    @hypothesis.settings(database=None, deadline=None)
    @hypothesis.given(**drawn)
    def explore(**inputs: Any) -> None:
        tried(**inputs)

    random = np.random.default_rng(seed)
    for _ in range(examples):
        explore.hypothesis.fuzz_one_input(random.bytes(_BYTES))  # type: ignore[attr-defined]


def _edges(statement: Statement, tried: Callable[..., float], trace: _Trace) -> None:
    """Move the inputs of the smallest margin to each end of each range."""
    ranges = statement.ranges()
    if not trace.smallest:
        raise MeasurementError("no input could be drawn: the strategies reject all of them")
    start = trace.smallest[0][1]
    for name, bounds in ranges.items():
        for edge in bounds:
            tried(**(start | {name: edge}))
    for side in (0, 1):
        tried(**(start | {name: bounds[side] for name, bounds in ranges.items()}))


def _descend(statement: Statement, tried: Callable[..., float], start: dict[str, Any]) -> None:
    """Minimise the margin over the float ranges, the other inputs staying as they are."""
    from scipy.optimize import minimize

    ranges = statement.ranges()
    if not ranges:
        return

    def objective(x: Any) -> float:
        moved = {
            name: float(min(max(value, lo), hi)) for (name, (lo, hi)), value in zip(ranges.items(), x, strict=True)
        }
        return tried(**(start | moved))

    origin, bounds = [start[name] for name in ranges], list(ranges.values())
    first = _simplex(origin, bounds)
    minimize(
        objective,
        origin,
        method="Nelder-Mead",
        bounds=bounds,
        options={"maxfev": 200, "initial_simplex": first},
    )


def _simplex(origin: Sequence[float], bounds: Sequence[tuple[float, float]]) -> list[list[float]]:
    """The start, and from there a step along each axis, within its bounds.

    A step is a twentieth of the coordinate: of one near zero (hypothesis draws 1e-38) a twentieth of the range, since
    the simplex is flat otherwise, and would never leave that plane.
    """
    vertices = [list(origin)]
    for axis, (value, (lo, hi)) in enumerate(zip(origin, bounds, strict=True)):
        width = hi - lo if math.isfinite(hi - lo) else 1.0
        step = value / 20 if abs(value) > _NEAR_ZERO * width else width / 20
        moved = [value + step, value - step]
        vertex = list(origin)
        vertex[axis] = next((each for each in moved if lo <= each <= hi), (lo + hi) / 2)
        vertices.append(vertex)
    return vertices


def _show(inputs: Inputs) -> str:
    """Inputs as JSON where they have that form, else as Python shows them."""
    try:
        return json.dumps(dict(inputs), sort_keys=True)
    except TypeError:
        return repr(dict(inputs))
