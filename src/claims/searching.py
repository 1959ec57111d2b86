"""The search itself: hypothesis guided towards small margins, then Nelder-Mead from the smallest ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from claims.errors import InvalidDeclaration, MeasurementError
from claims.lazy import load

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from claims.experiment import Scalar
    from claims.streams import Streams

Inputs = Mapping[str, Any]


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

    Base point: ``statement`` ("module:NAME"), ``examples``, ``restarts``.
    """
    statement = load(str(point["statement"]))
    if not isinstance(statement, Statement):
        raise InvalidDeclaration("search.statement", point["statement"], "the name of a claims.kinds.search.Statement")
    effort = (int(point["examples"]), int(point["restarts"]))
    trace = _search(statement, statement.margin, *effort, seed=streams.key("search"))
    planted = _search(statement, statement.planted, *effort, seed=streams.key("search"))
    margin, closest = trace.smallest[0]
    violated = margin < 0
    return {
        "tries": float(trace.tries),
        "smallest_margin": margin,
        "planted_margin": planted.smallest[0][0],
        "precise_margin": float(statement.precise(**closest)) if violated else margin,
        "rounding": statement.rounding,
        "counterexample": _show(closest) if violated else "",
        "closest": _show(closest),
    }


def _search(statement: Statement, margin: Callable[..., float], examples: int, restarts: int, *, seed: int) -> _Trace:
    trace = _Trace()

    def tried(**inputs: Any) -> float:
        value = float(margin(**inputs))
        if math.isnan(value):
            raise MeasurementError(f"the margin is NaN at {_show(inputs)}")
        trace.note(value, inputs)
        return value

    _draw(statement, tried, examples, seed)
    for _, start in list(trace.smallest[:restarts]):
        _descend(statement, tried, start)
    return trace


def _draw(statement: Statement, tried: Callable[..., float], examples: int, seed: int) -> None:
    """Let hypothesis draw inputs, telling it each margin so that it looks near the smallest."""
    import hypothesis
    from hypothesis import strategies as st

    drawn = {
        name: st.floats(*source, allow_nan=False) if isinstance(source, tuple) else source
        for name, source in statement.inputs.items()
    }

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        phases=(hypothesis.Phase.generate, hypothesis.Phase.target),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(**drawn)
    def explore(**inputs: Any) -> None:
        value = tried(**inputs)
        if math.isfinite(value):
            hypothesis.target(-value)

    explore()


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

    origin = [start[name] for name in ranges]
    minimize(objective, origin, method="Nelder-Mead", bounds=list(ranges.values()), options={"maxfev": 200})


def _show(inputs: Inputs) -> str:
    """Inputs as JSON where they have that form, else as Python shows them."""
    try:
        return json.dumps(dict(inputs), sort_keys=True)
    except TypeError:
        return repr(dict(inputs))
