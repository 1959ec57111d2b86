"""Results for other programs: JUnit, a step's summary, SARIF, Parquet. Text of claims is text in each of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from claims.auditing.decision import not_measured
from claims.cli import main
from claims.report.junit import junit
from claims.report.sarif import sarif
from claims.report.step_summary import markdown, step_summary
from claims.verdict import Tier
from tests.claims.test_report import EVERY, EVERY_REFUTED, HOSTILE, claim, result

LATE = {
    "verdict": "UNDECIDED", "decides": "full", "estimate": None, "interval": None, "seeds": 0, "margin": None,
    "reason": not_measured(Tier.FULL, Tier.SMOKE),
}  # fmt: skip
CLAIMS = [*EVERY, claim(id="demo.late", **LATE), claim(id="other.one", paper="other", seconds=1.25)]
UNSEEN = f"{HOSTILE}\x00\x1b[2J\ufffe\u202e]]>"


def refuted(**changes):
    return claim(**EVERY_REFUTED | changes)


# JUnit


def test_junit_has_a_suite_for_each_paper_and_a_case_for_each_claim():
    root = ElementTree.fromstring(junit(result(*CLAIMS)).partition("\n")[2])
    assert [(suite.get("name"), suite.get("tests")) for suite in root] == [("demo", "8"), ("other", "1")]
    assert [case.get("name") for case in root.iter("testcase")] == [each["id"] for each in CLAIMS]
    counts = {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "9", "failures": "1", "errors": "1", "skipped": "3"}
    assert root[1].get("time") == root[1][0].get("time") == "1.250"


def test_junit_fails_for_what_contradicts_the_record_alone():
    root = ElementTree.fromstring(junit(result(*CLAIMS)).partition("\n")[2])
    found = {case.get("name"): (child.tag, child.get("message")) for case in root.iter("testcase") for child in case}
    assert found["demo.surprise"] == ("failure", "REFUTED, expected HOLDS")
    assert found["demo.broken"] == ("error", "m = nan: not finite")
    assert found["demo.gpu"] == ("skipped", "a GPU")
    assert found["demo.late"] == ("skipped", "decides at the full tier; not measured at smoke")
    assert found["demo.edge"][0] == "skipped"
    assert found["demo.false"][0] == "system-out"  # refuted as expected


@pytest.mark.parametrize("field", ["statement", "locus", "reason"])
def test_junit_is_xml_whatever_claims_say(field):
    text = junit(result(claim(verdict="REFUTED", as_expected=False, **{field: UNSEEN})))
    root = ElementTree.fromstring(text.partition("\n")[2])
    said = "".join(f"{node.get('message')}{node.text}" for node in root.iter("failure"))
    assert "<script>alert(1)</script>" in said
    assert "\x1b" not in text
    assert "\\x00" in said
    assert {node.tag for node in root.iter()} == {"testsuites", "testsuite", "testcase", "failure"}


# The summary of a step


def test_the_summary_has_counts_differences_findings_and_margins():
    text = step_summary(result(*CLAIMS))
    assert text.startswith("## 9 claims, tier smoke, epoch 7\n")
    assert "| paper | HOLDS | REFUTED | UNDECIDED | UNAVAILABLE | ERROR | not measured |" in text
    assert "| demo | 2 | 2 | 1 | 1 | 1 | 1 |" in text
    assert "### 2 verdicts not as expected" in text
    assert "| demo.surprise | REFUTED, expected HOLDS | 3.00 &#91;2.90, 3.10&#93; against &#91;0.9, 1.1&#93; |" in text
    assert "| demo.false | Section 1 | It is 3. |" in text
    assert "### Thinnest margins" in text


@pytest.mark.parametrize(
    "text",
    [HOSTILE, "a|b", "[x](http://e.org)", "`code`", "**b** _i_ ~s~", "www.e.org", "@someone #12", "$x$", "\\", "a\nb"],
)
def test_text_has_no_meaning_in_a_summary(text):
    safe = markdown(text)
    assert not re.search(r"[|<>`*_~\[\]@$:\\\n]", safe.replace("\\n", ""))
    assert not re.search(r"#(?!\d+;)", safe)
    assert "www." not in safe
    plain = re.sub(r"&#(\d+);", lambda match: chr(int(match[1])), safe)
    assert plain == text.replace("\n", "\\n")


def test_a_summary_of_very_many_claims_stays_far_below_what_github_takes():
    long = "&" * 5000
    rows = [refuted(id=f"demo.c{i}", statement=long, finding=long, locus=long) for i in range(300)]
    rows += [claim(id=f"demo.d{i}", as_expected=False, reason=long, margin=1.0) for i in range(300)]
    text = step_summary(result(*rows))
    assert len(text.encode()) < 250_000
    assert "… and 240 more" in text
    assert "… and 280 more" in text


# SARIF


def test_sarif_points_at_the_lines_that_declare_claims():
    places = {"demo.false": "src/a b.py:12", "demo.surprise": "src/c.py"}
    log = sarif(result(*CLAIMS), places)
    (run,) = log["runs"]
    found = {each["properties"]["claim"]: each for each in run["results"]}
    assert {name: (each["ruleId"], each["level"]) for name, each in found.items()} == {
        "demo.surprise": ("differs", "error"), "demo.broken": ("error", "error"), "demo.false": ("refuted", "note"),
    }  # fmt: skip
    (place,) = found["demo.false"]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "src/a%20b.py", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 12},
    }  # fmt: skip
    assert found["demo.surprise"]["locations"][0]["physicalLocation"]["region"]["startLine"] == 1
    assert found["demo.broken"]["locations"] == []
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    assert found["demo.false"]["message"]["text"].endswith("True instead: It is 3.")
    assert "\x1b" not in sarif(result(refuted(finding=UNSEEN)), {})["runs"][0]["results"][0]["message"]["text"]


# The command


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result(*CLAIMS)))
    return path


def run(*args: str, code: int = 0, **environment: str):
    ran = CliRunner().invoke(main, ["report", *args], env=environment)
    assert ran.exit_code == code, ran.output
    return ran


def test_formats_go_to_files_or_to_standard_output(written, tmp_path):
    files = {name: tmp_path / f"result.{name}" for name in ("junit", "sarif", "parquet", "record", "summary")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    run("--json", str(written), *options)
    assert all(path.stat().st_size for path in files.values())
    assert not (tmp_path / "index.html").exists()
    only = run("--json", str(written), "--junit", "-").stdout
    assert only == files["junit"].read_text() == junit(result(*CLAIMS))
    run("--json", str(written), "--junit", str(files["junit"]), "--report", str(tmp_path / "pages"))
    assert (tmp_path / "pages" / "index.html").exists()


def test_a_parquet_file_has_a_row_for_each_claim(written, tmp_path):
    from pyarrow import parquet

    run("--json", str(written), "--parquet", str(tmp_path / "p"))
    table = parquet.read_table(tmp_path / "p")
    assert Counter(table["verdict"].to_pylist()) == Counter(each["verdict"] for each in CLAIMS)
    assert table["band_lo"].to_pylist()[0] == 0.9
    assert table.schema.metadata[b"tier"] == b"smoke"


def test_the_summary_of_a_running_step_is_appended_to(written, tmp_path):
    step = tmp_path / "step.md"
    step.write_text("before\n")
    run("--json", str(written), "--summary", GITHUB_STEP_SUMMARY=str(step))
    assert step.read_text() == "before\n" + step_summary(result(*CLAIMS))
    refused = run("--json", str(written), "--summary", code=2, GITHUB_STEP_SUMMARY="")
    assert "GITHUB_STEP_SUMMARY" in refused.output
    assert "--summary" in run("--json", str(written), "--summary", code=2, GITHUB_STEP_SUMMARY=str(tmp_path)).output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--junit", "-", "--sarif", "-"], "several formats"),
        (["--parquet", "-"], "--parquet"),
        (["--sarif", "/proc/none/x.sarif"], "--sarif"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(written, tmp_path, options, words):
    refused = run("--json", str(written), "--record", str(tmp_path / "r.json"), *options, code=2)
    assert words in refused.output
    if "--parquet" not in options:
        assert not (tmp_path / "r.json").exists()
