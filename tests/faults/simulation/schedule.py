"""A schedule: audits of one store, disturbed, killed and begun again, from one integer; and what must be true of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from claims.auditing.loop import Interrupted, run
from claims.auditing.planning import Plan
from claims.auditing.results import AuditResult
from claims.errors import NoWorkers, StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.sqlite import writing
from claims.evidence.store import Store

from .connections import connect
from .disk import Disk
from .executors import Pool
from .faults import THEMES, drawn
from .machine import Machine, Process, Stuck
from .world import World, verdicts

#: Times that all audits of a schedule are begun before one is left to itself.
_GENERATIONS = 4
#: What may end an audit, of which it is known that this was done to it.
_EXPECTED = {"disk": StoreError, "refused": NoWorkers, "interrupted": KeyboardInterrupt}


class Wrong(Exception):
    """Something that must be true is not: an outcome of the table of faults, and words."""


@dataclass(frozen=True)
class Report:
    """What became of a schedule: ``outcome`` is one of the table of faults."""

    seed: int
    theme: str
    outcome: str
    words: str
    trace: list[str] = field(repr=False, default_factory=list)


def simulate(world: World, folder: Path, seed: int) -> Report:
    """Run the schedule of a seed in a folder that is emptied before."""
    schedule = Schedule(world, folder, seed)
    try:
        outcome, words = schedule.judged()
    except Wrong as wrong:
        outcome, words = wrong.args
    return Report(seed, schedule.theme, outcome, words.replace(str(folder), ""), schedule.machine.trace)


class Watched(Store):
    """A store of which it is known what it has promised to keep."""

    promised: dict[str, str]

    def put(self, identity: Any, experiment: str, base: Any, measured: Iterable[Any]) -> None:
        measured = list(measured)
        super().put(identity, experiment, base, measured)
        self.promised |= {identity.key(base, seed): canonical_json(records) for seed, records, _ in measured}


class Schedule:
    """One schedule, and what it was seen to do."""

    def __init__(self, world: World, folder: Path, seed: int) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.world, self.path = world, folder / "evidence.sqlite"
        self.draw = Random(seed)
        self.theme = self.draw.choice(list(THEMES))
        self.machine = Machine(self.draw, Disk(self.path), drawn(self.draw, self.theme))
        self.said: list[str] = []
        self.failed: list[str] = []
        self.promised: dict[str, str] = {}

    def judged(self) -> tuple[str, str]:
        """Run it and see that everything is as if nothing had happened.

        Raises:
            Wrong: something is not.
        """
        for generation in range(_GENERATIONS):
            processes = self._generation(generation)
            self._kept()
            if all(process.result is not None for process in processes):
                break
        self._last()
        words = [*self.failed, *self.said]
        return ("found" if words else "harmless"), " | ".join(words)

    def _generation(self, number: int) -> list[Process]:
        """Audits at once, until each has ended somehow."""
        writing._IN_ORDER.clear()  # a process that begins has closed nothing
        losses, most = self.machine.losses, THEMES[self.theme][0]
        processes = [self._process(f"{number}.{index}", whole=not index) for index in range(self.draw.randint(1, most))]
        self.machine.run()
        if self.machine.losses > losses:
            self.promised.clear()
        for process in processes:
            self._ended(process)
        return processes

    def _process(self, name: str, *, whole: bool) -> Process:
        """An audit of all claims, or of some."""
        planned = self.world.plan(None if whole else self.draw)
        pool = Pool(self.machine, self.draw.choice((0, 1, 2, 4)), self.world.answer)
        process = self.machine.start(name, partial(self._audit, planned, pool))
        process.pool = pool
        return process

    def _audit(self, planned: Plan, pool: Pool) -> AuditResult:
        clock, connection = self.machine.clock, partial(connect, self.machine)
        with Watched(self.path, speak=self.said.append, clock=clock, connect=connection) as store:
            store.promised = self.promised
            return run(planned, store, executor=pool.executors())

    def _ended(self, process: Process) -> None:
        """A process that was not killed has found the truth, or ended by what was done to it."""
        error, hurt = process.error, process.hurt
        if "killed" in hurt:
            return
        if error is None:
            self._true(process.result, process.name)
            return
        if isinstance(error, KeyboardInterrupt) and "interrupted" not in hurt:
            raise error  # somebody has really pressed it
        if isinstance(error, Interrupted):
            self._true(error.result, f"{process.name}, interrupted")
        if not any(isinstance(error, _EXPECTED[each]) for each in hurt):
            outcome = "lost" if isinstance(error, Stuck) else "traceback"
            raise Wrong(outcome, f"{process.name}: {type(error).__name__}: {error}")
        self.failed.append(f"{process.name}: {type(error).__name__}")

    def _true(self, result: AuditResult, who: str) -> None:
        """What is decided is decided as it was undisturbed."""
        for claim, verdict in verdicts(result).items():
            if verdict != self.world.verdicts[claim]:
                raise Wrong("wrong", f"{who}: {claim}: {verdict}, undisturbed {self.world.verdicts[claim]}")

    def _kept(self, *, strictly: bool = False) -> None:
        """What was promised is there, and nothing but the truth; only after a power cut may rows be missing."""
        try:
            with Store.reading(self.path, speak=self.said.append) as store:
                found = store.survey(strictly=strictly)
        except StoreError as error:
            if self.promised:
                raise Wrong("lost", f"{len(self.promised)} rows were promised: {error}") from error
            return
        rows = {row.key: row.records for row in found.rows}
        if any(self.world.rows.get(key) != records for key, records in rows.items()):
            raise Wrong("wrong", "a row is not what was measured")
        if missing := self.promised.keys() - rows.keys():
            raise Wrong("lost", f"{len(missing)} of {len(self.promised)} rows that were promised are not there")
        if faults := [fault for fault in found.faults if not (self.machine.losses and "missing" in fault)]:
            raise Wrong("wrong", f"the store says of itself: {faults}")

    def _last(self) -> None:
        """An audit that nobody disturbs finds the truth, and leaves all of it in the store."""
        writing._IN_ORDER.clear()
        try:
            with Store(self.path, speak=self.said.append) as store:
                result, damage = self.world.undisturbed(store), store.damage()
        except Exception as error:
            raise Wrong("traceback", f"the last audit: {type(error).__name__}: {error}") from error
        self._true(result, "the last audit")
        if damage or len(verdicts(result)) != len(self.world.claims):
            raise Wrong("wrong", f"the last audit leaves something undecided, or the file damaged: {damage}")
        self.promised = self.world.rows
        self._kept(strictly=True)
        if not self.machine.losses and any("missing" in words for words in self.said):
            raise Wrong("wrong", f"nothing was lost, and yet it was said: {self.said}")
