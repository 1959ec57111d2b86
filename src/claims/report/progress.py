"""Progress of an audit: a live line on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType
from typing import TYPE_CHECKING

from claims.report.numbers import counted, duration
from claims.report.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import Task

    from claims.auditing.loop import Observer
    from claims.auditing.planning import Plan
    from claims.auditing.results import ClaimResult
    from claims.auditing.trial import Measurement

#: Plain lines come at most this often, a live one is drawn again at this rate.
_PLAIN_SECONDS, _LIVE_RATE = 5.0, 4.0


class Progress:
    """Claims decided, seeds spent, time left. Use as a context manager around the run that its observer watches."""

    def __init__(self, plan: Plan, console: Console, *, workers: int, quiet: bool = False) -> None:
        """``quiet`` leaves out the first and the last plain line: nothing is said of what takes no time."""
        self._plan, self._console, self._workers, self._quiet = plan, console, max(1, workers), quiet
        self._needs = [(trial, trial.measurements()) for trial in plan.trials]
        self._decided = self._total = 0
        self._seeds: Counter[Measurement] = Counter()
        self._seconds: Counter[Measurement] = Counter()
        self._started = self._shown = time.monotonic()
        self._bar: Bar | None = self._live_bar() if console.is_terminal and not console.is_dumb_terminal else None

    def __enter__(self) -> Progress:
        self._started = self._shown = time.monotonic()
        if self._bar is not None:
            self._bar.start()
            self._bar.add_task("", total=len(self._plan.claims))
        elif not self._quiet:
            self._line(f"{counted(len(self._plan.claims), 'claim')} to decide")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif not self._quiet:
            self._line(self._status())

    def observer(self) -> Observer:
        """What the run has to be given."""
        from claims.auditing.loop import Observer

        return Observer(
            measured=self._measured,
            decided=self._note,
            replaced=self._replaced,
            waiting=self._show,
            finishing=self._finishing,
        )

    def _measured(self, measurement: Measurement, seeds: int, seconds: float) -> None:
        self._total += seeds
        self._seeds[measurement] += seeds
        self._seconds[measurement] += seconds  # type: ignore[assignment]  # counters count fractions as well
        self._show()

    def _note(self, result: ClaimResult) -> None:
        self._decided += 1
        if result.as_expected is False:
            self._line(f"{result.claim.id}: {result.verdict}, expected {result.claim.expected}")
        self._show()

    def _replaced(self, tasks: int) -> None:
        self._line(f"a worker died: new workers, {counted(tasks, 'task')} run again")

    def _finishing(self, tasks: int) -> None:
        self._line(
            f"interrupted: finishing {counted(tasks, 'task')}; Ctrl-C again drops {'it' if tasks == 1 else 'them'}"
        )

    def _line(self, text: str) -> None:
        self._console.print(visible(text), highlight=False, markup=False)

    def _show(self) -> None:
        now = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._decided)
        elif now - self._shown >= _PLAIN_SECONDS:
            self._shown = now
            self._line(self._status())

    def _status(self) -> str:
        parts = [
            f"{self._decided}/{len(self._plan.claims)} claims decided",
            f"{counted(self._total, 'seed')} measured",
            duration(time.monotonic() - self._started),
        ]
        left = self._left()
        if left >= 1:
            parts.append(f"about {duration(left)} left")
        return " · ".join(parts)

    def _left(self) -> float:
        """Seconds until every open trial has had its present look; a look that does not decide asks for another."""
        wanted: dict[Measurement, int] = {}
        for trial, measurements in self._needs:
            if trial.final is None:
                seeds = len(trial.seeds()) + (trial.main_seeds if trial.confirming else 0)
                for measurement in measurements:
                    wanted[measurement] = max(wanted.get(measurement, 0), seeds)
        missing = (
            max(0, seeds - self._seeds[measurement]) * self._cost(measurement) for measurement, seeds in wanted.items()
        )
        return sum(missing) / self._workers

    def _cost(self, measurement: Measurement) -> float:
        """Seconds a seed: as measured in this run, else as the experiment's author expects."""
        seeds = self._seeds[measurement]
        return self._seconds[measurement] / seeds if seeds else measurement.seconds

    def _live_bar(self) -> Bar:
        """A bar whose words are made anew each time it is drawn, so that the clock goes on during a slow seed."""
        from rich.progress import BarColumn, ProgressColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        class Status(ProgressColumn):
            def render(_, task: Task) -> Text:
                return Text(self._status())

        columns = (BarColumn(bar_width=20), Status())
        return Bar(*columns, console=self._console, transient=True, refresh_per_second=_LIVE_RATE)
