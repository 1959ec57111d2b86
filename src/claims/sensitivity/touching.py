"""Which claims measure by a module, and which tests import it: who could notice an error in it, cheapest first."""

from __future__ import annotations

import fnmatch
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from claims.auditing.planning import lacking
from claims.auditing.trial import Measurement
from claims.claim import Claim
from claims.evidence.fingerprint import code_named, code_of, file_of
from claims.evidence.releases import installed_files
from claims.evidence.syntax import parse
from claims.lazy import is_deferred
from claims.sensitivity.inside import limits_of
from claims.sensitivity.plants import Plant
from claims.subject import NOBODY

#: Seconds of a seed of which nobody says how long it takes.
_GUESS = 0.1


def module_of(file: Path) -> str:
    """The name under which a Python file is imported: from the topmost folder that is a package, links followed."""
    parts, folder = [] if file.stem == "__init__" else [file.stem], file.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


class Touching:
    """Finds claims and tests by module, of some claims and of the tests of a repository."""

    def __init__(self, claims: Iterable[Claim], root: Path) -> None:
        self.root, self._claims = root, {claim.id: claim for claim in claims if not lacking(claim, NOBODY)}

    def claims(self, plant: Plant) -> list[str]:
        """Ids of the claims to audit: of each experiment the cheapest first, then the second of each, and so on.

        Those that need a trained model are not among them: they say UNAVAILABLE without one.
        """
        wanted = set(plant.modules or [self.module(plant)])
        if plant.claims:
            named = [name for name in self._claims if any(fnmatch.fnmatchcase(name, glob) for glob in plant.claims)]
        else:
            named = [name for name, runs in self._runs.items() if wanted & runs]
        groups: dict[str, list[str]] = {}
        for name in sorted(named, key=lambda name: self._costs[name]):
            groups.setdefault(self._experiments[name], []).append(name)
        turns = itertools.zip_longest(*groups.values())
        return [name for turn in turns for name in turn if name is not None]

    @functools.cached_property
    def limits(self) -> Mapping[str, str]:
        """What each claim is judged by where nothing is changed."""
        return {name: limits_of(claim) for name, claim in self._claims.items()}

    def tests(self, plant: Plant) -> tuple[str, ...]:
        """The tests that an entry names, or every file of tests that imports the module, the nearest first."""
        if plant.tests:
            return plant.tests
        wanted = set(plant.modules or [self.module(plant)])
        found = {path: self._distance(path, wanted) for path in sorted((self.root / "tests").rglob("test_*.py"))}
        near = sorted((steps, str(path.relative_to(self.root))) for path, steps in found.items() if steps is not None)
        return tuple(path for _, path in near)

    def module(self, plant: Plant) -> str:
        """The module of an entry's file."""
        file = (self.root / plant.file).resolve()
        return next((name for name, path in self._linked.items() if path == file), "") or module_of(
            self.root / plant.file
        )

    @functools.cached_property
    def _linked(self) -> Mapping[str, Path]:
        """Modules by way of packages that are links into the repository: one folder may have two names."""
        links = [path for path in (self.root / "src").glob("*/*") if path.is_symlink() and path.is_dir()]
        return {module_of(file): file.resolve() for link in links for file in sorted(link.rglob("*.py"))}

    @functools.cached_property
    def _runs(self) -> Mapping[str, frozenset[str]]:
        """The modules that each claim's verdict is computed by: of its experiments, closed forms and kind."""
        return {name: frozenset(self._modules_of(claim)) for name, claim in self._claims.items()}

    def _modules_of(self, claim: Claim) -> Iterator[str]:
        yield type(claim.test).__module__
        for value in (claim.rival, claim.band and claim.band.target):
            if is_deferred(value):
                yield from _modules((value if isinstance(value, str) else value.__module__,))
        for quantity in claim.test.quantities():
            for point in claim.at[:1]:
                measurement = Measurement.of(quantity, point)
                yield from _modules(code_named(measurement.address, measurement.base))

    @functools.cached_property
    def _experiments(self) -> Mapping[str, str]:
        return {
            name: " ".join(sorted({quantity.experiment.name for quantity in claim.test.quantities()})) or name
            for name, claim in self._claims.items()
        }

    @functools.cached_property
    def _costs(self) -> Mapping[str, float]:
        """Seconds that a claim declares: a seed of each experiment, at each point."""
        return {
            name: len(claim.at) * sum({q.experiment.name: q.experiment.seconds or _GUESS for q in quantities}.values())
            for name, claim in self._claims.items()
            if (quantities := claim.test.quantities()) is not None
        }

    def _distance(self, path: Path, wanted: set[str]) -> int | None:
        """How many imports lie between a file of tests and one of the modules; None if it imports none of them."""
        known, layer = {str(path)}, set(_imports(path, module_of(path)))
        for steps in range(1, 30):
            if layer & wanted:
                return steps
            known |= layer
            layer = {each for name in layer for each in _imported_by(name)} - known
            if not layer:
                return None
        return None


@functools.cache
def _modules(targets: Sequence[str]) -> frozenset[str]:
    return frozenset(code_of(*targets).modules)


@functools.cache
def _imports(path: Path, module: str) -> frozenset[str]:
    status = path.stat()
    return frozenset(parse(path, (status.st_mtime_ns, status.st_size), module).imports)


@functools.cache
def _imported_by(module: str) -> frozenset[str]:
    """What a module of the author's imports; nothing of a release that is installed."""
    path = file_of(module)
    if path is None or path.suffix != ".py" or installed_files(path):
        return frozenset()
    return _imports(path, module)
