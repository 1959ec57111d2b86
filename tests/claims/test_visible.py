"""Text from elsewhere acts on no terminal: not in any command, not in pytest, not on a page, not in JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from claims.cli import main
from claims.evidence.store import Identity, Store
from claims.report.visible import json_text, shown_json, visible

LINK, CLEAR, OVERRIDE = "\x1b]8;;http://example.org\x07here\x1b]8;;\x07", "\x1b[2J\x9b31m", "\u202egnp\u2066"
HOSTILE = f"{LINK}{CLEAR}{OVERRIDE}\u200b\u2028\r\b\x7f\nfake: 7 claims HOLD"
CLAIMS = f"""
from claims import Claim, Paper, at_least, bound, experiment, grid, mean, value, within
H = {HOSTILE!r}
PAPER = Paper(key="bad", title=H, authors=H, identifier=H, number=H)

def numbers(point, streams):
    return {{"x": float(streams.numpy("x").normal()), "y": 1.0}}

def raising(point, streams):
    raise RuntimeError(H)

MADE = experiment(numbers, fixed={{"name" + H: H}})
WHY = {{"provenance": "author", "because": H}}
CLAIMS = [
    Claim(id="bad.holds", locus=H, statement=H, test=mean(MADE["x"]), at=grid(**{{"n" + H: [H, "b"]}}), rival=9.0,
        band=within(0.0, abs=5.0, **WHY)),
    Claim(id="bad.refuted", locus=H, statement=H, test=value(MADE["y"]), band=within(3.0, abs=.1, **WHY), rival=1.0,
        expected="REFUTED", finding=H, corrected_by="bad.holds"),
    Claim(id="bad.differs", locus=H, statement=H, test=value(MADE["y"]), band=within(3.0, abs=.1, **WHY), rival=1.0),
    Claim(id="bad.open", locus=H, statement=H, test=bound(MADE["x"]), band=at_least(0.0, **WHY), rival=-9.0),
    Claim(id="bad.broken", locus=H, statement=H, test=mean(experiment(raising)["x"]), band=within(0.0, abs=5.0, **WHY),
        rival=9.0),
]
"""


def unseen(text: str) -> set[str]:
    """What a text has that a terminal would obey, or not show."""
    return {
        mark for mark in text if unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and mark not in "\n\t"
    }


@given(st.text().filter(lambda text: "\\" not in text))  # a backslash stays one
def test_nothing_unseen_is_left_and_the_rest_is_as_it_was(text):
    shown = visible(text)
    assert not unseen(shown)
    assert "\n" not in shown
    assert shown == text or unseen(text) or set("\n\t") & set(text)
    assert visible(shown) == shown
    assert visible(text, lines=True).split("\n") == [visible(line).replace("\\t", "\t") for line in text.split("\n")]


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_that_is_shown_is_the_same_data(document):
    text = json_text(document)
    assert not unseen(text)
    assert text.encode()
    assert json.loads(text) == document


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    ),
    st.integers(0, 3),
)
def test_json_is_laid_out_as_the_standard_library_does(document, indent):
    theirs = json.dumps(document, indent=indent, ensure_ascii=False)
    assert json_text(document, indent=indent) == shown_json(theirs)


@pytest.mark.parametrize("value", [math.nan, math.inf, {"a": [-math.inf]}])
def test_json_has_no_number_that_is_none(value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text(value)


def test_lone_surrogates_are_shown_and_written():
    assert visible("a\ud800b") == "a\\ud800b"
    assert json.loads(json_text({"\ud800": "\udfff"})) == {"\ud800": "\udfff"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A claim file and its audit, in words and as a result."""
    made = tmp_path_factory.mktemp("hostile")
    (made / "claims_hostile.py").write_text(CLAIMS, encoding="utf-8")
    return made


@pytest.fixture
def cli(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(folder)

    def run(*words: str) -> str:
        ran = CliRunner().invoke(main, words)
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        assert not unseen(ran.output)
        lines = ran.output.splitlines()
        assert not [line for line in lines if line.strip().startswith("fake")], ran.output
        return ran.output

    return run


AUDIT = ("audit", "claims_hostile.py", "--executor", "serial", "--json", "r.json")


@pytest.mark.parametrize("columns", ["60", "140"])
def test_no_command_obeys_a_claim(cli, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert "\\x1b]8;;http://example.org\\x07here" in cli(*AUDIT).replace("\n", "").replace(" ", "")
    shown = [cli("list", "claims_hostile.py", *view) for view in ([], ["--papers"], ["--coverage"], ["--json"])]
    assert all("u202e" in text for text in shown)
    cli("list", "claims_hostile.py", "--papers", "--json")
    cli("list", "claims_hostile.py", "--coverage", "--json")
    cli("audit", "claims_hostile.py", "--dry-run")
    cli("report", "claims_hostile.py", "--json", "r.json", "--report", "pages")
    for name in ("bad.holds", "bad.refuted", "bad.open", "bad.broken"):
        told = cli("why", "claims_hostile.py", name, "--jobs", "1")
        assert "\\u202egnp" in told.replace("\n", "").replace(" ", "")
        cli("why", "claims_hostile.py", name, "--jobs", "1", "--json")


def test_neither_pages_nor_result_obey_it(cli, folder):
    cli(*AUDIT)
    cli("report", "claims_hostile.py", "--json", "r.json", "--report", "pages")
    texts = [path.read_text(encoding="utf-8") for path in [folder / "r.json", *(folder / "pages").glob("*.html")]]
    assert len(texts) == 3
    assert not set().union(*map(unseen, texts))


def test_diff_obeys_no_result(cli, folder):
    cli(*AUDIT)
    document = json.loads((folder / "r.json").read_text())
    document["environment"] = {HOSTILE: HOSTILE}
    document["claims"][0] |= {"statement": HOSTILE + "2", "locus": HOSTILE + "2", "kind": HOSTILE, "verdict": "REFUTED"}
    for point in document["claims"][0]["points"]:
        point |= {"estimate": 77.0, "interval": [76.0, 78.0], "band": [-9.0, 9.0]}
    del document["claims"][0]["points"][0]
    (folder / "s.json").write_text(json.dumps(document))
    for words in ((), ("--strict",), ("--json",)):
        assert "u202e" in cli("diff", "r.json", "s.json", *words)


def test_evidence_obeys_no_store(cli, folder):
    content = {
        "experiment": HOSTILE,
        "sweep": {},
        "epoch": 7,
        "code": "c" * 64,
        "environment": {HOSTILE: HOSTILE},
    }
    with Store(folder / "theirs.sqlite") as store:
        store.put(Identity.of(content), HOSTILE, {HOSTILE: HOSTILE}, [(0, [{HOSTILE: 1.0, "s": HOSTILE}], 0.1)])
    store_words = ("--store", "theirs.sqlite")
    assert "\\u202egnp" in cli("evidence", "list", *store_words)
    cli("evidence", "list", "--json", *store_words)
    cli("evidence", "export", "--csv", "-", *store_words)
    cli("evidence", "export", "--json", "-", *store_words)
    cli("audit", "claims_hostile.py", "bad.refuted", "--dry-run", *store_words)


@pytest.mark.landing
def test_pytest_obeys_no_claim(folder):
    words = [sys.executable, "-m", "pytest", "claims_hostile.py", "-v", "-rA", "-p", "no:cacheprovider", "--color=no"]
    ran = subprocess.run(words, cwd=folder, capture_output=True, timeout=120, check=False)
    text = ran.stdout.decode() + ran.stderr.decode()
    assert "2 passed" in text or "3 passed" in text, text
    assert not unseen(text)
    assert "\\x1b]8;;http://example.org" in text
    assert not [line for line in text.splitlines() if line.strip().startswith("fake")]


def test_styles_are_ours_alone(folder, monkeypatch):
    """On a terminal with colours there are escape sequences, and only those that set a style."""
    from io import StringIO

    from rich.console import Console
    from rich.text import Text

    from claims.report.consoles import emit

    stream = StringIO()
    emit(Console(file=stream, force_terminal=True, color_system="standard", width=80), Text(HOSTILE, style="bold red"))
    left = stream.getvalue().replace("\x1b[1;31m", "").replace("\x1b[0m", "")
    assert not unseen(left)
    assert "\\x1b]8;;" in left
