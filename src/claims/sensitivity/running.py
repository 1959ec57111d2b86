"""Try planted errors, several at a time: audits first, then tests, each up to the first that notices."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from claims.errors import InvalidDeclaration
from claims.sensitivity import zygote
from claims.sensitivity.ledger import Found, Ledger
from claims.sensitivity.plants import Plant
from claims.sensitivity.touching import Touching
from claims.verdict import Tier

#: What many experiments import and takes a while. Not what has a plugin of pytest, which wants to import it first.
LIBRARIES = ("pytest", "numpy", "scipy.stats", "statsmodels.api", "torch", "mpmath", "rich.table", "jinja2")
#: Seconds after which a process is ended that says nothing. What hangs is noticed: a gate has a limit, too.
_AUDIT_PATIENCE, _TEST_PATIENCE = 120.0, 600.0


class Forking:
    """A zygote, and what it answers; used by one thread."""

    def __init__(self, libraries: Iterable[str] = ()) -> None:
        command = [sys.executable, "-P", str(Path(zygote.__file__)), *libraries]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}
        pipe = subprocess.PIPE
        # Ctrl-C is for whoever sends jobs: when that has gone, standard input ends.
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, text=True, env=os.environ | threads, start_new_session=True
        )

    def do(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Have a child do a job."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print(json.dumps(job), file=self._process.stdin, flush=True)
            found: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            return {"ended": "crash", "output": f"the process that forks children is gone ({error})"}
        return found

    def close(self) -> None:
        """End it, and the child that may be running."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


@dataclass(frozen=True, slots=True)
class _Step:
    """Something to ask about an error: under which key the answer is kept, who understands it, and what is asked."""

    key: str
    ask: Callable[[Found, Mapping[str, Any]], Found]
    what: Mapping[str, Any]


@dataclass
class Trials:
    """Planted errors of a repository and how they are tried.

    Attributes:
        root: of the repository.
        tiers: of the audits; none leaves audits out.
        budget: seconds of a processor for an audit of a tier, after which no further claim is asked.
        with_tests: whether tests are asked.
        libraries: what is imported once and for all.
    """

    root: Path
    touching: Touching
    ledger: Ledger
    tiers: tuple[Tier, ...]
    budget: float = 20.0
    with_tests: bool = True
    libraries: Sequence[str] = ()
    local: threading.local = field(default_factory=threading.local)
    open: list[Forking] = field(default_factory=list)
    clean: dict[str, bool] = field(default_factory=dict)

    def run(self, plants: Sequence[Plant], workers: int, done: Callable[[Plant, Found, bool], None]) -> list[Found]:
        """What became of each; ``done`` is told as they come, and whether the ledger had it."""
        steps = {plant.name: list(self._steps(plant)) for plant in plants}
        pool = ThreadPoolExecutor(workers)
        try:
            return list(pool.map(lambda plant: self._one(plant, steps[plant.name], done), plants))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for each in self.open:
                each.close()
            pool.shutdown()

    def _one(self, plant: Plant, steps: Sequence[_Step], done: Callable[[Plant, Found, bool], None]) -> Found:
        found, kept = Found(name=plant.name), True
        changed: Mapping[str, str] | None = None
        for step in steps:
            part = self.ledger.get(step.key)
            if part is None:
                begun, kept = time.monotonic(), False
                part = Found(name=plant.name)
                try:
                    changed = self._changed(plant) if changed is None else changed
                except (OSError, subprocess.SubprocessError, InvalidDeclaration) as error:
                    part = replace(part, broken=str(error))
                else:
                    part = step.ask(part, self._job(plant, changed, **step.what))
                    part = replace(part, seconds=time.monotonic() - begun)
                if not part.broken:  # else it is tried again
                    self.ledger.put(step.key, part)
            found = found.joined(part)
        done(plant, found, kept)
        return found

    def _steps(self, plant: Plant) -> Iterator[_Step]:
        """Audits and tests of an error, as far as there are any to ask."""
        claims = self.touching.claims(plant) if self.tiers else []
        if claims:
            key = self.ledger.key(plant, ["audit", self.tiers, self.budget])
            yield _Step(key, self._audited, {"do": "audit", "claims": claims, "limits": self.touching.limits})
        if self.with_tests and (tests := self.touching.tests(plant)):
            key = self.ledger.key(plant, ["test"], tests=tests)
            yield _Step(key, self._tested, {"do": "test", "tests": tests})

    def _job(self, plant: Plant, changed: Mapping[str, str], **what: Any) -> dict[str, Any]:
        """What a child is asked; tests run in the environment of tests."""
        audits = what["do"] == "audit"
        limit = self.budget * len(self.tiers) + _AUDIT_PATIENCE if audits else _TEST_PATIENCE
        return {
            "root": str(self.root),
            "changed": changed,
            "environment": dict(plant.environment) if audits else {},
            "tiers": [str(tier) for tier in self.tiers],
            "budget": self.budget,
            "seconds": limit,
            **what,
        }

    def _audited(self, found: Found, job: Mapping[str, Any]) -> Found:
        """With what the audits noticed. What a lower tier is asked, a higher one is asked as well."""
        said = self._forking().do(job)
        first, asked = job["tiers"][0], said.get("asked", {})
        found = replace(found, smoke="", standard="" if Tier.STANDARD in job["tiers"] else None, asked=dict(asked))
        if said.get("ended") == "timeout":  # it may only be slow
            return replace(found, why="the audit did not end")
        if "ended" in said:
            said = {
                "caught": first,
                "by": f"the audit ({said['ended']})",
                "why": said["output"].strip().rpartition("\n")[2],
            }
        if not said["caught"]:
            return found
        alone = [said["by"]] if said["by"] in job["limits"] else job["claims"][:1]
        if not self._passes({**job, "changed": {}, "claims": alone}, " ".join(alone)):
            return replace(found, broken=f"{alone[0]} is not as expected without the error, too")
        noticed = replace(found, seeds=said.get("seeds", 0), why=said["why"])
        if said["caught"] == Tier.STANDARD:
            return replace(noticed, standard=said["by"])
        return replace(noticed, smoke=said["by"], standard=None if found.standard is None else said["by"])

    def _tested(self, found: Found, job: Mapping[str, Any]) -> Found:
        """With what the tests noticed."""
        said = self._forking().do(job)
        found = replace(found, tests="", asked={**found.asked, "tests": said.get("asked", 0)})
        if said.get("ended") == "no tests":
            return replace(found, broken=said["output"])
        if "ended" in said:
            said = {"caught": "tests", "by": f"the tests ({said['ended']})"}
        if not said["caught"]:
            return found
        alone = [said["by"]] if "::" in said["by"] else job["tests"]
        if not self._passes({**job, "changed": {}, "tests": alone}, " ".join(alone)):
            return replace(found, broken=f"{said['by']} fails without the error, too")
        return replace(found, tests=said["by"])

    def _passes(self, job: Mapping[str, Any], name: str) -> bool:
        """Whether a claim or a test is as it has to be without any error planted; asked once of each."""
        if name not in self.clean:
            said = self._forking().do(job)
            self.clean[name] = "ended" not in said and not said["caught"]
        return self.clean[name]

    def _changed(self, plant: Plant) -> dict[str, str]:
        """Python files by their paths, and the texts that they are read as."""
        text = plant.planted(self.root)
        if not plant.build:
            return {os.path.realpath(self.root / plant.file): text}
        path, _, function = plant.build.partition(":")
        spec = importlib.util.spec_from_file_location("_claims_planted_build", self.root / path)
        if spec is None or spec.loader is None or not (self.root / path).is_file():
            raise InvalidDeclaration("build", plant.build, "path.py:function, from the root", where=plant.name)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        built: Mapping[str, str] = getattr(module, function)(self.root, plant.file, text)
        return {os.path.realpath(self.root / name): changed for name, changed in built.items()}

    def _forking(self) -> Forking:
        """This thread's zygote."""
        if not hasattr(self.local, "forking"):
            self.local.forking = Forking(self.libraries)
            self.open.append(self.local.forking)
        found: Forking = self.local.forking
        return found
