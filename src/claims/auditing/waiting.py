"""Who waits for which seed: which trials may be judged, as outcomes arrive in whatever order. No workers, no store."""

from __future__ import annotations

from dataclasses import dataclass, field

from claims.auditing.trial import Measurement, Trial
from claims.evidence.measure import Outcome

#: One seed of one measurement.
Seed = tuple[Measurement, int]


@dataclass
class Waiting:
    """Outcomes that are there, and the trials that wait for others."""

    outcomes: dict[Seed, Outcome] = field(default_factory=dict)
    ready: list[Trial] = field(default_factory=list)
    _asked: set[Seed] = field(default_factory=set)
    _waiters: dict[Seed, list[Trial]] = field(default_factory=dict)
    _missing: dict[int, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any trial waits for a seed."""
        return bool(self._waiters)

    def lookup(self, measurement: Measurement, seed: int) -> Outcome | None:
        """The outcome of a seed, if it is there."""
        return self.outcomes.get((measurement, seed))

    def begin(self, trial: Trial) -> dict[Measurement, list[int]]:
        """Have a trial wait for the new seeds of its present look; those that nobody has asked for before."""
        needed = [(measurement, seed) for measurement in trial.measurements() for seed in trial.new_seeds()]
        missing = [key for key in needed if key not in self.outcomes]
        for key in missing:
            self._waiters.setdefault(key, []).append(trial)
        self._missing[id(trial)] = len(missing)
        if not missing:
            self.ready.append(trial)
        new: dict[Measurement, list[int]] = {}
        for measurement, seed in missing:
            if (measurement, seed) not in self._asked:
                self._asked.add((measurement, seed))
                new.setdefault(measurement, []).append(seed)
        return new

    def taken(self) -> list[Trial]:
        """The trials that are ready, in the order in which they became so; none of them is any more."""
        found = [*self.ready]
        self.ready.clear()
        return found

    def arrive(self, measurement: Measurement, outcome: Outcome) -> None:
        """Take in the outcome of a seed, and wake whoever waited for it last."""
        self.outcomes[measurement, outcome.seed] = outcome
        for trial in self._waiters.pop((measurement, outcome.seed), ()):
            self._missing[id(trial)] -= 1
            if not self._missing[id(trial)]:
                self.ready.append(trial)
