"""The pytest plugin: claims as test items, with the verdicts of ``claimbench audit``.

Collected are the claims of every ``claims_*.py`` that imports ``claims``, as ``path/claims_mine.py::ID``, and those of
installed packs that ``--claims SELECT`` or an argument ``claims::ID`` names. A claim passes if its verdict is the one
on record, REFUTED included; UNAVAILABLE and "not measured at this tier" are skips; UNDECIDED is a warning.

An item is measured in pytest's own process with one torch thread, as in every executor, so that its bits are those of
an audit, with xdist or without; thread count and warning filters are put back after each item. An experiment that
crashes takes that process with it: ``claimbench audit`` survives it, and so does xdist. This module imports next to
nothing but pytest: what measures and decides waits until there is a claim to collect.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, Literal

import pytest

from claims.plugin.report import facts_of, status, summary
from claims.plugin.session import SELECTED, end, shared

#: First part of the node ids of packs' claims; ``pytest claims::ID`` runs one again.
PACKS = "claims"
_IMPORTS_US = re.compile(r"^\s*(?:from|import)\s+claims\b", re.MULTILINE)
_MARKER = "claim(paper, role, kind, decides, expected): a claim; for instance -m \"claim(expected='REFUTED')\""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, all called ``--claims…``."""
    add = parser.getgroup("claims", "quantitative claims (claimbench)").addoption
    select = "collect claims of installed packs: an id, a glob, or paper:, needs:, … and a glob (repeatable)"
    add("--claims", action="append", default=[], metavar="SELECT", dest="claims_select", help=select)
    add("--claims-tier", choices=("smoke", "standard", "full"), default="smoke", help="what to spend (default: smoke)")
    add("--claims-epoch", type=_epoch, metavar="N|fresh", help="root of all random streams (default: the pinned one)")
    add("--claims-device", metavar="NAME", default="cpu", help="cpu, cuda or triton-interpreter (see claimbench audit)")
    add("--claims-store", type=Path, metavar="PATH", help="where evidence is kept (default: for this session only)")
    add(
        "--claims-model",
        metavar="SPEC",
        help="trained model for claims about one (default: none; see claimbench audit)",
    )
    add("--claims-text", metavar="TEXT", help="its text (default: python-topics)")
    add("--claims-strict", action="store_true", help="UNDECIDED at a tier that has to decide is a failure")


def _epoch(text: str) -> int | Literal["fresh"]:
    if text == "fresh":
        return "fresh"
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"got {text!r}; allowed: a whole number >= 0, or fresh")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and take note of which packs' claims are asked for."""
    config.addinivalue_line("markers", _MARKER)
    named = [arg.removeprefix(f"{PACKS}::") for arg in config.args if arg.startswith(f"{PACKS}::")]
    config.stash[SELECTED] = [*config.getoption("claims_select"), *named]
    if config.getoption("claims_device") != "cpu":
        _check_device(config.getoption("claims_device"))


def _check_device(name: str) -> None:
    from claims.errors import BadOption
    from claims.evidence.devices import usable

    try:
        usable(name, "--claims-device")
    except BadOption as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's own store."""
    end(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker which epoch and store all of them share."""
    epoch, store = shared(node.config)
    node.workerinput["claims"] = (epoch, str(store))


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Claim files; named as an argument, one would be collected as a file of tests as well."""
    collectors = yield
    if not _holds_claims(file_path, parent.session):
        return collectors
    from claims.plugin.items import ClaimFile

    tests = any(file_path.match(pattern) for pattern in parent.config.getini("python_files"))
    kept = [collector for collector in collectors if tests or type(collector) is not pytest.Module]
    return [*kept, ClaimFile.from_parent(parent, path=file_path)]


def _holds_claims(path: Path, session: pytest.Session) -> bool:
    """Whether a file is ours; one that does not import ``claims`` is somebody else's, unless named as an argument."""
    if not (path.name.startswith("claims_") and path.suffix == ".py"):
        return False
    return session.isinitpath(path) or _IMPORTS_US.search(path.read_text("utf-8-sig", "replace")) is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Keep ``claims::ID`` from pytest, which would look for a file of that name."""
    args = session.config.args
    session.config.args = [arg for arg in args if not arg.startswith(f"{PACKS}::")]
    try:
        return (yield)
    finally:
        session.config.args = args


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Append the packs' claims, before -k, -m and --lf select."""
    if config.stash[SELECTED]:
        from claims.plugin.items import PackClaims

        items.extend(session.genitems(PackClaims.from_parent(session, name=PACKS, nodeid=PACKS)))


def pytest_report_teststatus(report: Any) -> tuple[str, str, str] | None:
    """Letter and word of a claim that passed: a refutation that was expected says so."""
    if not (report.passed and getattr(report, "when", None) == "call"):
        return None
    found = facts_of(report)
    return None if found is None else status(found)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What was refuted, what was not run and why, what stayed undecided."""
    stats = terminalreporter.stats
    lines = list(summary(report for category, reports in stats.items() if category for report in reports))
    if lines:
        from claims.auditing.planning import PINNED_EPOCH

        epoch, _ = shared(config)
        root = f"{PINNED_EPOCH} (pinned)" if epoch is None else str(epoch)
        terminalreporter.write_sep("=", f"claims: {config.getoption('claims_tier')} tier, epoch {root}")
        for line in lines:
            terminalreporter.write_line(line)
