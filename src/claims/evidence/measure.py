"""Measuring: one task is one experiment at one base point for a few seeds. Plain data in, plain data out."""

from __future__ import annotations

import functools
import hashlib
import importlib
import itertools
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from claims.errors import MeasurementError, raised
from claims.evidence.canonical import canonical_json
from claims.evidence.data import data_digests
from claims.evidence.devices import CPU, DEVICES
from claims.evidence.fingerprint import code_fingerprint, code_named, forget_files
from claims.evidence.inputs import Inputs, inputs_of
from claims.evidence.purity import generators_elsewhere, repeated
from claims.evidence.watching import read_at_import, running
from claims.experiment import Point, Scalar
from claims.extras import is_there, missing
from claims.fields import is_text
from claims.lazy import load
from claims.streams import Streams
from claims.subject import Subject

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

#: The records of one seed: for each cell of the sweep its coordinates and quantities.
Records = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Task:
    """Seeds of one experiment at one base point, to be measured together.

    ``code`` is the fingerprint under which they will be stored; empty, it is not looked at. ``data`` are the declared
    data that it reads, with their digests. ``subject`` is the trained
    model and the text that the experiment asks for, if it does; its streams do not depend on it. ``again`` says that
    the seeds are compared with what they gave before: the global generators are put elsewhere. ``device`` is where it
    is measured, ``audited`` where the audit measures what may run there: a process makes itself ready for that first.
    """

    name: str
    address: str
    base: Point
    sweep: tuple[tuple[str, tuple[Scalar, ...]], ...]
    epoch: int
    seeds: tuple[int, ...]
    paths: tuple[str, ...] = ()
    code: str = ""
    data: tuple[tuple[str, str], ...] = ()
    subject: Subject | None = None
    again: bool = False
    device: str = CPU
    audited: str = CPU


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed gave: records and the device that they were measured on, or why there are none.

    ``seal`` is a digest of the records as they are stored; empty until they are.
    """

    seed: int
    records: Records | None
    seconds: float
    error: str = ""
    unavailable: str = ""
    device: str = CPU
    seal: bytes = b""

    @staticmethod
    def stored(seed: int, records: str, seconds: float, device: str) -> Outcome:
        """Of a seed whose records are stored as that text."""
        return Outcome(seed, json.loads(records), seconds, device=device, seal=_seal(records))

    def sealed(self) -> Outcome:
        """The same with a seal, if there are records."""
        return self if self.records is None else replace(self, seal=_seal(canonical_json(self.records)))


def _seal(records: str) -> bytes:
    return hashlib.sha256(records.encode()).digest()


def measure(task: Task) -> list[Outcome]:
    """Run a task. Nothing that an experiment raises escapes, ``SystemExit`` included: it is in the outcome of its seed.

    A KeyboardInterrupt passes: it is the user's.
    """
    for path in task.paths:
        if path not in sys.path:
            sys.path.append(path)
            forget_files()
    spoilt = DEVICES[task.audited].ready()  # before an experiment imports what it is about
    if spoilt and task.device == task.audited:
        return [Outcome(seed, None, 0.0, unavailable=spoilt) for seed in task.seeds]
    try:
        function = load(task.address)  # first: only libraries that are loaded can be limited to one thread
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  importing an experiment may raise anything
        if lacks := missing(error):
            return [Outcome(seed, None, 0.0, unavailable=lacks) for seed in task.seeds]
        message = f"{task.name} cannot be loaded: {raised(error)}"
        return [Outcome(seed, None, 0.0, error=message) for seed in task.seeds]
    inputs = inputs_of(task.address, task.base, task.data, task.subject, task.code)
    if words := read_at_import(inputs):
        return [Outcome(seed, None, 0.0, error=f"{task.name}: {words}") for seed in task.seeds]
    with one_thread(), generators_elsewhere() if task.again else nullcontext(), DEVICES[task.device].measuring():
        outcomes = [_measure_seed(task, function, inputs, seed) for seed in task.seeds]
    if dict(task.data) != data_digests(dict(task.data), task.address):
        message = f"{task.name}: its data were changed after the audit had begun; run it again"
        return [Outcome(seed, None, 0.0, error=message) for seed in task.seeds]
    if task.code and not _runs(task.code, code_named(task.address, task.base)):
        message = f"{task.name}: its code was changed after the audit had begun; run it again"
        return [Outcome(seed, None, 0.0, error=message) for seed in task.seeds]
    return outcomes


@functools.cache
def _runs(code: str, named: tuple[str, ...]) -> bool:
    """Whether what this process has imported is the code of that fingerprint: looked at once, after the first task.

    The files are what they were when the fingerprint was taken, so they were that in between, when they were imported.
    Later edits change nothing here: what was imported goes on running.
    """
    return code_fingerprint(*named) == code


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread in torch, BLAS and OpenMP, as they were afterwards: sums over threads are not the same to the bit."""
    torch = torch_if_there()
    threads = torch.get_num_threads() if torch is not None else 0
    if torch is not None:
        torch.set_num_threads(1)
    try:
        with _libraries(len(sys.modules)).limit(limits=1):
            yield
    finally:
        if torch is not None:
            torch.set_num_threads(threads)


def torch_if_there() -> Any:
    """The module torch, None where it is not installed or cannot be loaded.

    It is imported for experiments that do so only when they are called: what is loaded later has all its threads.
    """
    if "torch" not in sys.modules and not is_there("torch"):
        return None
    try:
        return importlib.import_module("torch")
    except (ImportError, OSError):  # whoever needs it gets the error
        return None


@functools.lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """The loaded native libraries; looked for again after an import, since that takes longer than a small task."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _measure_seed(task: Task, function: Callable[..., Any], inputs: Inputs, seed: int) -> Outcome:
    started = time.perf_counter()
    base = dict(task.base)
    where = f"{task.name} at {base}, seed {seed}"
    try:
        point = base | dict(task.sweep) | ({"subject": task.subject} if task.subject is not None else {})

        def run() -> Records:
            streams = Streams(task.epoch, task.name, base, seed, DEVICES[task.device].tensors)
            with running(inputs):
                returned = function(dict(point), streams)
            return checked(returned, task.sweep)

        records = repeated(run)
    except MeasurementError as error:
        return Outcome(seed, None, time.perf_counter() - started, error=f"{where}: {error}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  an experiment may raise anything; it becomes the verdict ERROR
        if lacks := missing(error):
            return Outcome(seed, None, time.perf_counter() - started, unavailable=lacks)
        return Outcome(seed, None, time.perf_counter() - started, error=f"{where}: {raised(error)}")
    return Outcome(seed, records, time.perf_counter() - started, device=task.device)


def checked(returned: Any, sweep: Sequence[tuple[str, tuple[Scalar, ...]]]) -> Records:
    """The records of a call, as plain data.

    Raises:
        MeasurementError: a cell is missing or doubled, or a value is not a finite number, a list of such, or a note.
    """
    rows = [returned] if isinstance(returned, Mapping) else returned
    if not isinstance(rows, list | tuple) or not all(isinstance(row, Mapping) for row in rows):
        raise MeasurementError(f"returned {type(returned).__name__}; allowed: a dict, or a list of dicts, one a cell")
    for name in (name for row in rows for name in row):
        if not isinstance(name, str) or not is_text(name):
            raise MeasurementError(f"returned a value named {name!r}; allowed: names that are strings UTF-8 can write")
    axes = dict(sweep)
    records = [
        {name: _level(row[name], axes[name]) if name in axes else _plain(name, row[name]) for name in row}
        for row in rows
    ]
    cells = [tuple(record.get(name) for name in axes) for record in records]
    expected = set(itertools.product(*axes.values()))
    if len(cells) != len(expected) or set(cells) != expected:
        allowed = f"each of the {len(expected)} cells once"
        raise MeasurementError(f"returned {len(cells)} cells over {list(axes)}; allowed: {allowed}")
    return records


def _level(value: Any, levels: tuple[Scalar, ...]) -> Scalar | None:
    """The level that a coordinate equals, as declared: an experiment may give it back as a tensor or a numpy number."""
    try:
        return levels[levels.index(value)]
    except (ValueError, TypeError, RuntimeError):  # none, or something that cannot be compared
        return None


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, str):
        if not is_text(value):
            raise MeasurementError(f"{name} = {value!r}; allowed: text that UTF-8 can write")
        return value
    if isinstance(value, list | tuple):
        return [_number(name, item) for item in value]
    if getattr(value, "ndim", 0):
        return [_number(name, item) for item in value.tolist()]
    return _number(name, value)


def _number(name: str, value: Any) -> float:
    allowed = "allowed: a number, a list of numbers, or a string"
    if isinstance(value, str | bytes):  # which float() would parse
        raise MeasurementError(f"{name} = {value!r}; {allowed}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise MeasurementError(f"{name} = {value!r}; {allowed}") from None
    if not math.isfinite(number):
        raise MeasurementError(f"{name} = {number}: not finite")
    return number
