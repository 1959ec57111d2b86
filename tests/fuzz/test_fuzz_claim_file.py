"""Claim files of others: refused with file and line, or listed, planned and audited without a traceback.

The files are Python and are run: what is tried are slips, wrong types and broken text, not malice.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from claims.auditing.loop import run
from claims.auditing.planning import plan
from claims.catalogue import load_catalogue
from claims.catalogue import to_plain as declaration
from claims.cli.common import json_text
from claims.errors import ClaimsError
from claims.evidence.store import Store
from claims.outline.coverage import coverage_of, to_plain
from claims.report.coverage import render_coverage
from claims.report.document import check
from claims.report.page import render
from claims.report.page_data import Known
from claims.report.visible import visible
from claims.verdict import Tier
from tests.fuzz import mutations
from tests.fuzz.mutations import FEW, MANY, bytes_changed

#: A claim file in which every value stands in marks: «…».
TEXT = """
from claims import *
PAPER = Paper(key=«"toy"», title=«"Toys"», authors=«"Nobody"», version=«1»)
def draw(point, streams):
    return {«"x"»: «0.5 + 1e-3 * float(streams.numpy("x").normal())», "n": «10», "k": «5», "one": «1.0»}
DRAW = experiment(«draw», fixed=«{"size": 3}», seconds=«0.1», megabytes=«1.0»)
WHY = {"provenance": «"author"», "because": «"so"»}
ONE = Claim(id=«"toy.one"», locus=«"Section 1"», statement=«"Half."», test=«mean(DRAW["x"])»,
    at=«grid(n=[1, 2])», band=«within(0.5, abs=0.1, **WHY)», rival=«2.0», role=«"paper"», decides=«"smoke"»)
TWO = Claim(id=«"toy.two"», locus=«"Table 1"», statement=«"A third."», test=«value(DRAW["one"])»,
    band=«printed("0.33", ulps=1)», rival=«1.5», expected=«REFUTED», finding=«"It is one."»,
    corrected_by=«"toy.one"»)
THREE = Claim(id=«"toy.three"», locus=«"eq. 2"», statement=«"At most."», test=«proportion(DRAW["k"], DRAW["n"])»,
    band=«between(0.2, 0.8, **WHY)», rival=«lambda: 0.9», most_seeds=«8»)
FOUR = (Claim(id=«"toy.four"», locus=«"x"», statement=«"A slope."», test=«slope(DRAW["x"], over="n", log=False)»,
    at=«grid(n=[1, 2])», band=«at_most(0.5, slack=0.1, **WHY)»),)
"""
PARTS = TEXT.replace("«", "\0«").replace("»", "\0").split("\0")
VALUES = [i for i, part in enumerate(PARTS) if part.startswith("«")]
JUNK = [
    "None", "True", "0", "-1", "2.5", "10**400", "10**5000", "float('nan')", "float('inf')", "1j", "''", "' '", "'x'",
    "'a:b'",
    "'\\ud800'", "'\\x1b]8;;http://x\\x07y'", "'\\u202eabc'", "'a\\nb'", "'toy.one'", "b'x'", "()", "[]", "{}", "set()",
    "[1]", "(1, 2)", "{'x': 1}", "{1: 2}", "object()", "object", "print", "DRAW", "DRAW['x']", "mean", "PAPER", "Claim",
    "lambda: 1", "lambda n: n", "lambda: 1/0", "'0.3'", "'REFUTED'", "'full'", "'ours'", "REFUTED", "grid(n=1)",
    "mean(column('x'))", "undefined", "raise_", "exit()", "1/0", "[0.5, 0.6]", "'1e400'", "streams", "float('-inf')",
]  # fmt: skip
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of its own on the path; what it leaves in the interpreter is removed."""
    path = list(sys.path)
    made = tmp_path_factory.mktemp("claim_files")
    (made / "claims_first.py").write_bytes(plain(PARTS))
    _audit(made / "claims_first.py")  # imports torch and statsmodels, which is slow and none of an input's doing
    yield made
    sys.path[:] = path


def use(data: bytes, folder: Path) -> str:
    """Load a file, list and plan its claims, audit them and make the pages."""
    path = folder / f"claims_fuzzed_{next(_NUMBERS)}.py"
    path.write_bytes(data)
    refused = ""
    try:
        with mutations.no_hang():
            _audit(path)
    except ClaimsError as error:
        refused = str(error)
    finally:
        path.unlink()
        sys.modules.pop(path.stem, None)
    assert mutations.is_clear(visible(refused, lines=True))
    return "refused" if refused else "read"


def _audit(path: Path) -> None:
    catalogue = load_catalogue([path])
    claims = catalogue.select([])
    planned = plan(claims, tier=Tier.SMOKE, paths=catalogue.paths)
    json_text([declaration(claim) for claim in claims])
    for paper in catalogue.papers:
        json_text(to_plain(coverage_of(catalogue, paper), {}))
    store = path.with_suffix(".sqlite")
    with Store(store) as opened:
        document = run(planned, opened).to_json()
    for file in store.parent.glob(f"{store.name}*"):
        file.unlink()
    check(document)
    json_text(document)
    render(document, known=Known(papers=catalogue.papers, claims=catalogue.claims))
    render_coverage(document, catalogue=catalogue)


@st.composite
def slips(draw: st.DrawFn) -> bytes:
    """The file with one to three values replaced."""
    parts = list(PARTS)
    for i in draw(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3, unique=True)):
        parts[i] = draw(st.sampled_from(JUNK) | st.integers().map(repr) | st.text(max_size=8).map(ascii))
    return plain(parts)


def plain(parts: list[str]) -> bytes:
    return "".join(part.lstrip("«") for part in parts).encode()


def with_value(old: str, new: str) -> bytes:
    assert f"«{old}" in PARTS
    return plain([new if part == f"«{old}" else part for part in PARTS])


def test_the_base_is_read(folder: Path) -> None:
    assert use(plain(PARTS), folder) == "read"


@mutations.settings(FEW)
@given(data=slips())
@example(data=with_value('"It is one."', "3"))
@example(data=with_value('"It is one."', "'\\ud800'"))
@example(data=with_value("lambda: 0.9", "lambda: 1/0"))
@example(data=with_value("draw", "lambda point, streams: {}"))
@example(data=with_value('"Toys"', "exit()"))
@example(data=with_value('"Toys"', "['Toys']"))
@example(data=with_value("2.0", "10**5000"))
@example(data=with_value("5", "10**400"))
@example(data=with_value("10", "'ten'"))
@example(data=with_value("1.0", "float('nan')"))
@example(data=with_value("1.0", "exit()"))
@example(data=with_value('mean(DRAW["x"])', "mean(column('x'))"))
@example(data=with_value("1.0", "'\\ud800'"))
@example(data=with_value('"x"', "'\\ud800'"))
def test_changed_values(data: bytes, folder: Path) -> None:
    event(use(data, folder))


@mutations.settings(FEW)
@given(data=bytes_changed(plain(PARTS)))
@example(data=b"\0")
@example(data=b"\xff")
@example(data=b"(" * 100_000)
@example(data=b"x = " + b"-" * 100_000 + b"1")
@example(data=b"raise SystemExit(0)")
@example(data=b"x" * 10_000)
@example(data=b"raise Exception('\\ud800\\x1b[2J')")
def test_changed_bytes(data: bytes, folder: Path) -> None:
    event(use(data, folder))


@mutations.settings(FEW // 3)
@given(data=slips())
@example(data=with_value('"Half."', "'\\x1b]8;;http://x\\x07Half\\x1b[2J\\u202e\\nfake'"))
@example(data=with_value('"Section 1"', "'\\x1b[31m1\\u202e\\nfake'"))
def test_every_command_that_reads_claims(data: bytes, folder: Path) -> None:
    path = folder / f"claims_command_{next(_NUMBERS)}.py"
    path.write_bytes(data)
    store = ["--store", str(path.with_suffix(".sqlite"))]
    audit = ["audit", str(path), "--executor", "serial", *store, "--report", str(folder / "pages")]
    commands: list[list[str]] = [
        ["list", str(path)],
        ["list", str(path), "--papers"],
        ["list", str(path), "--coverage"],
    ]
    commands += [audit, [*audit, "--dry-run"], ["why", str(path), "toy.one", "--jobs", "1", *store]]
    try:
        for words in commands:
            mutations.command(*words, codes=(0, 1, 2, 4, 5))
    finally:
        sys.modules.pop(path.stem, None)


@pytest.mark.slow
@mutations.settings(MANY)
@given(data=slips())
def test_changed_values_at_length(data: bytes, folder: Path) -> None:
    event(use(data, folder))


@pytest.mark.slow
@mutations.settings(MANY)
@given(data=bytes_changed(plain(PARTS)))
def test_changed_bytes_at_length(data: bytes, folder: Path) -> None:
    event(use(data, folder))
