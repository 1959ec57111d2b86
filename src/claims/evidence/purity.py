"""Whether an experiment is a pure function: the same values again, with the generators that all share elsewhere."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from claims.errors import MeasurementError
from claims.evidence.canonical import canonical_json

#: Where the global generators are put before something is measured again.
_ELSEWHERE = 0x5EED


def shared_generators() -> dict[str, Any]:
    """The states of the global generators of those libraries that are loaded, by name, comparable by ``==``."""
    found: dict[str, Any] = {"random": random.getstate()}
    if "numpy" in sys.modules:  # which loads its generators when they are asked for
        import numpy.random

        found["numpy.random"] = [
            each.tobytes() if isinstance(each, numpy.ndarray) else each for each in numpy.random.get_state(legacy=True)
        ]
    if "torch" in sys.modules:
        torch = sys.modules["torch"]
        found["torch"] = torch.get_rng_state().numpy().tobytes()
        if torch.cuda.is_initialized():
            found["torch.cuda"] = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    return found


@contextmanager
def generators_elsewhere() -> Iterator[None]:
    """The global generators in states that no process begins with; afterwards as they were."""
    numpy, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    states = random.getstate(), numpy and numpy.get_state(), torch and torch.get_rng_state()
    gpus: Any = torch.cuda.get_rng_state_all() if torch is not None and torch.cuda.is_initialized() else []
    random.seed(_ELSEWHERE)
    if numpy is not None:
        numpy.seed(_ELSEWHERE)
    if torch is not None:
        torch.manual_seed(_ELSEWHERE)  # the generators of GPUs as well
    try:
        yield
    finally:
        random.setstate(states[0])
        if numpy is not None:
            numpy.set_state(states[1])
        if torch is not None:
            torch.set_rng_state(states[2])
        if torch is not None and gpus:
            torch.cuda.set_rng_state_all(gpus)


def repeated(run: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What ``run`` gives. If it moved a global generator, it is run again from elsewhere.

    Raises:
        MeasurementError: that gives something else; names the generator and the value.
    """
    before = shared_generators()
    records = run()
    after = shared_generators()
    moved = [name for name, state in before.items() if after[name] != state]
    if moved:
        with generators_elsewhere():
            again = run()
        if words := difference(records, again):
            which = " and ".join(moved)
            raise MeasurementError(
                f"{words} when measured again: it draws from the global generator of {which}; draw from streams"
            )
    return records


def difference(records: Sequence[dict[str, Any]], again: Sequence[dict[str, Any]]) -> str:
    """Which value of a seed is not the same to the bit, in words; empty if all are."""
    if canonical_json(list(records)) == canonical_json(list(again)):
        return ""
    for one, other in zip(records, again, strict=False):
        for name in dict.fromkeys([*one, *other]):
            before, after = one.get(name, "missing"), other.get(name, "missing")
            if canonical_json(before) != canonical_json(after):
                cells = {axis: level for axis, level in one.items() if isinstance(level, str | bool | int)}
                where = f" at {cells}" if len(records) > 1 and cells else ""
                return f"{name}{where} was {_short(before)}, and {_short(after)}"
    return f"it gave {len(records)} records, and {len(again)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
