"""Collectors and items of the pytest plugin; imported once there is a claim to collect."""

from __future__ import annotations

import os
import shlex
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, NoReturn

import pytest

from claims.auditing.decision import looks_at
from claims.auditing.loop import run
from claims.auditing.planning import PINNED_EPOCH, plan
from claims.auditing.results import ClaimResult
from claims.catalogue import Catalogue, load_catalogue
from claims.claim import Claim
from claims.errors import ClaimsError
from claims.evidence.devices import CPU
from claims.evidence.store import Store
from claims.plugin.report import facts, story
from claims.plugin.session import SELECTED, LeftOutPack, UndecidedClaim, shared
from claims.report.visible import visible
from claims.subject import NOBODY, Subject
from claims.verdict import ERROR, UNAVAILABLE, Tier

_SUBJECT = pytest.StashKey[Subject]()


class ClaimFile(pytest.File):
    """The claims of one file."""

    def collect(self) -> Iterator[ClaimItem]:
        """One item a claim, in the order of the file."""
        return _items(self, [self.path], [])


class PackClaims(pytest.Collector):
    """The selected claims of the installed packs."""

    def collect(self) -> Iterator[ClaimItem]:
        """One item a claim, in the order of the catalogue."""
        return _items(self, [], self.config.stash[SELECTED])


def _items(parent: pytest.Collector, files: list[Path], selections: list[str]) -> Iterator[ClaimItem]:
    try:
        catalogue = load_catalogue(files)
        claims = catalogue.select(selections)
    except ClaimsError as error:
        raise parent.CollectError(visible(error, lines=True)) from None
    for pack in catalogue.left_out:
        parent.warn(LeftOutPack(visible(f"{pack} is left out: {pack.problem}")))
    for claim in claims:
        yield ClaimItem.from_parent(parent, name=claim.id, claim=claim, catalogue=catalogue)


class ClaimItem(pytest.Item):
    """One claim: its setup measures and decides, its test compares the verdict with the one on record."""

    def __init__(self, *, claim: Claim, catalogue: Catalogue, **node: Any) -> None:
        super().__init__(**node)
        self.claim, self.catalogue = claim, catalogue
        fields = {name: str(getattr(claim, name)) for name in ("paper", "role", "kind", "decides", "expected")}
        self.add_marker(pytest.mark.claim(**fields))

    def reportinfo(self) -> tuple[Path, int, str]:
        """The line of the file that spells the claim's id, else its first."""
        lines = self.path.read_text("utf-8", "replace").splitlines() if self.path.is_file() else []
        quoted = (f'"{self.claim.id}"', f"'{self.claim.id}'")
        found = (number for number, line in enumerate(lines) if any(text in line for text in quoted))
        # A bare id would have its dots shown as "::", and then could not be pasted back.
        return self.path, next(found, 0), f"claim {self.claim.id}"

    def setup(self) -> None:
        """Measure and decide; what keeps a claim from being decided is an error or a skip."""
        if self.config.getoption("setuponly", False):  # as --setup-plan has it too: there are no fixtures to set up
            return
        problem = ""
        try:
            self.result = self._audit()
        except ClaimsError as error:
            problem = f"{self.claim.id}: {error}"
        if problem:
            _fail(problem)
        self.user_properties[:] = facts(self.result).items()
        if self.result.verdict is ERROR:
            _fail(self._story())
        reason = self.result.reason
        if self.result.verdict is UNAVAILABLE:
            _skip(f"unavailable: {reason}")
        if not looks_at(self.claim, self.result.tier):
            _skip(reason)

    def _audit(self) -> ClaimResult:
        chosen, store = shared(self.config)
        epoch = PINNED_EPOCH if chosen is None else chosen
        tier = Tier(self.config.getoption("claims_tier"))
        planned = plan(
            [self.claim],
            tier=tier,
            epoch=epoch,
            paths=self.catalogue.paths,
            subject=_subject(self.config),
            place=self.catalogue.place,
            device=self.config.getoption("claims_device"),
        )
        conditions = _as_in_an_audit() if planned.measurements() else nullcontext()
        with conditions, Store(store) as evidence:
            return run(planned, evidence).claims[0]

    def _initrequest(self) -> None:
        """Forget fixtures before a second run, of which there are none: pytest-retry asks every item for this."""

    def runtest(self) -> None:
        """Fail if the verdict contradicts the one on record; warn if there is none where there has to be."""
        undecided = self.result.undecided_warning
        failed = self.result.as_expected is False or (undecided and self.config.getoption("claims_strict"))
        if undecided and not failed:
            try:
                self.warn(UndecidedClaim(self._story()))
            except UndecidedClaim:  # the project turns warnings into errors
                failed = True
        if failed:
            _fail(self._story())

    def _story(self) -> str:
        """The story of the claim, with the command that tells it in full under the options of this session."""
        words = ["claimbench", "why"]
        if isinstance(self.parent, ClaimFile):
            words.append(os.path.relpath(self.path, self.config.invocation_params.dir))
        words += [self.claim.id, "--tier", self.result.tier.value]
        (epoch, store), kept = shared(self.config), self.config.getoption("claims_store")
        words += [] if epoch is None else ["--epoch", str(epoch)]
        words += [] if kept is None else ["--store", str(store)]
        device = self.config.getoption("claims_device")
        words += [] if device == CPU else ["--device", device]
        for option in ("model", "text"):
            named = self.config.getoption(f"claims_{option}")
            words += [] if named is None else [f"--{option}", named]
        return story(self.result, shlex.join(words))


def _subject(config: pytest.Config) -> Subject:
    """The trained model of ``--claims-model``, looked at once a process; without the option none."""
    if _SUBJECT not in config.stash:
        model, text = config.getoption("claims_model"), config.getoption("claims_text")
        if model is None and text is None:
            return NOBODY
        from claims.models.subjects import subject_of

        config.stash[_SUBJECT] = subject_of(model, text)
    return config.stash[_SUBJECT]


def _fail(text: str) -> NoReturn:
    pytest.fail(visible(text, lines=True), pytrace=False)


def _skip(reason: str) -> NoReturn:
    # With the item's location -rs names the claim's line, not this one.
    raise pytest.skip.Exception(visible(reason), _use_item_location=True)


@contextmanager
def _as_in_an_audit() -> Iterator[None]:
    """Warnings of an experiment stay warnings, whatever the project's filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield
