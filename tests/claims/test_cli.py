"""The command line: what it prints, what it exits with, and what it says of bad input. Cheap claims, no workers."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from importlib import resources
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from claims.auditing.planning import PINNED_EPOCH
from claims.catalogue import load_catalogue
from claims.cli import main
from claims.evidence.store import Identity, Store
from claims.kinds.base import CLOSE_LOOKS

CLAIMS = """
from claims.bands import at_least, printed, within
from claims.claim import Claim, Paper
from claims.errors import Unavailable
from claims.experiment import experiment, grid
from claims.kinds import bound, mean, ratio, value
from claims.verdict import REFUTED

PAPER = Paper(key="demo", title="A demonstration", authors="Nobody", identifier="doi:10.1/demo", version=3)

def draw(point, streams):
    x = streams.numpy("x").normal(point["mu"], 1.0, size=900)
    plain = streams.numpy("plain").normal(point["mu"], 1.0, size=9)
    return {"mean": float(x.mean()), "one": 1.0 + 1e-3 * float(x[0]), "rough": float(plain.mean())}

def constant(point, streams):
    return {"two": 2.0}

def sometimes_nan(point, streams):
    return {"x": float("nan") if streams.seed_index == 5 else 1.0}

def raising(point, streams):
    raise RuntimeError("no such thing")

def unavailable(point, streams):
    raise Unavailable("needs a GPU; rent one")

DRAW = experiment(draw)
AUTHOR = {"provenance": "author", "because": "as it pleases"}
HOLDS = Claim(id="demo.mean.holds", locus="Section 1", statement="The mean is mu.", at=grid(mu=[1.0, 1.001]),
    test=mean(DRAW["mean"]), band=within(1.0, abs=.2, provenance="theory", because="drawn so"), rival=2.0)
RATIO = Claim(id="demo.ratio", locus="Section 2", statement="The ratio is one.", at=grid(mu=1.0),
    test=ratio(DRAW["mean"], DRAW["one"], plain=(DRAW["rough"], DRAW["one"])),
    band=within(1.0, abs=.15, **AUTHOR), rival=1.5, role="ours")
FALSE = Claim(id="demo.mean.false", locus="Section 3, eq. 4", statement="The mean is 3.", at=grid(mu=1.0),
    test=mean(DRAW["mean"]), band=printed("3.0"), rival=2.0, expected=REFUTED, finding="It is 1: <mu>.",
    corrected_by="demo.mean.holds")
EDGE = Claim(id="demo.mean.edge", locus="Section 4", statement="The mean is at least 1.", at=grid(mu=1.0),
    test=bound(DRAW["mean"]), band=at_least(1.0, **AUTHOR), rival=.5)
SURPRISE = Claim(id="demo.mean.surprise", locus="Section 5", statement="The mean is 5.", at=grid(mu=1.0),
    test=mean(DRAW["mean"]), band=within(5.0, abs=.2, **AUTHOR))
LATE = Claim(id="demo.late", locus="Section 6", statement="The mean is mu, later.", at=grid(mu=1.0),
    test=mean(DRAW["mean"]), band=within(1.0, abs=.2, **AUTHOR), rival=2.0, decides="full")
VALUE = Claim(id="demo.value", locus="Section 7", statement="Two is two.",
    test=value(experiment(constant)["two"]), band=within(2.0, abs=.1, **AUTHOR), rival=3.0)
BROKEN = tuple(Claim(id=f"broken.{name}", locus="Appendix", statement="It cannot be measured.",
    test=mean(experiment(function)["x"]), band=within(1.0, abs=.2, **AUTHOR), rival=2.0)
    for name, function in (("nan", sometimes_nan), ("raises", raising), ("gpu", unavailable)))
NOT_CLAIMS = {"Section 8": "an opinion"}
"""
GREEN = ("demo.mean.holds", "demo.mean.false", "demo.ratio", "demo.value")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("cli")
    (made / "claims_cli_demo.py").write_text(CLAIMS)
    return made


@pytest.fixture
def cli(folder, monkeypatch):
    """Run the command line in the module's folder, so that its evidence is shared."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "140")

    def invoke(*args: str, code: int | None = 0):
        result = CliRunner().invoke(main, list(args))
        if code is not None:
            assert result.exit_code == code, f"{result.output}\n{result.exception!r}"
        assert "Traceback" not in result.output
        return result

    return invoke


@pytest.fixture
def audit(cli):
    def audited(*args: str, code: int | None = 0):
        return cli("audit", "claims_cli_demo.py", "--executor", "serial", *args, code=code)

    return audited


def one_line(result, *words: str) -> str:
    """The single line on stderr that a failure leaves, which names these words."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("claimbench: ")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]
    return lines[0]


# list


def child(code: str, *args: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


LIST = """
import sys
from claims.cli import main
try:
    main(args=sys.argv[1:], prog_name="claimbench")
except SystemExit as end:
    assert not end.code, end.code
heavy = {"torch", "scipy", "statsmodels", "numpy", "mpmath", "hypothesis", "rich", "jinja2"} & set(sys.modules)
print("heavy:", sorted(heavy), file=sys.stderr)
"""


@pytest.mark.parametrize("view", ["", "--papers", "--coverage", "--json"])
def test_list_imports_nothing_heavy(view):
    ran = child(LIST, "list", *view.split())
    assert ran.returncode == 0, ran.stderr
    assert "heavy: []" in ran.stderr
    assert "sign-magnitude" in ran.stdout


def test_list_shows_claims_and_selects(cli):
    everything = cli("list", "claims_cli_demo.py").stdout
    assert "demo.mean.false" in everything
    assert "10 claims, 1 of them descriptive" in everything
    some = cli("list", "claims_cli_demo.py", "kind:ratio", "role:ours").stdout
    assert "demo.ratio" in some
    assert "1 claims" in some
    assert "REFUTED" in cli("list", "claims_cli_demo.py", "demo.mean.f*").stdout
    assert "full" in cli("list", "claims_cli_demo.py", "tier:full").stdout
    rows = json.loads(cli("list", "claims_cli_demo.py", "paper:broken", "--json").stdout)
    assert [row["id"] for row in rows] == ["broken.nan", "broken.raises", "broken.gpu"]


def test_list_shows_papers_and_coverage(cli):
    papers = cli("list", "claims_cli_demo.py", "--papers").stdout
    assert "demo: A demonstration" in papers
    assert "doi:10.1/demo version 3" in papers
    coverage = json.loads(cli("list", "--coverage", "--json").stdout)
    loci = coverage["sign-magnitude"]["claims"]
    known = set(load_catalogue().claims)
    assert set().union(*loci.values()) <= known
    text = cli("list", "claims_cli_demo.py", "--coverage").stdout
    assert re.search(r"Section 3\n  Equation 4\n +REFUTED +demo.mean.false", text)


def test_coverage_gives_the_reason_for_what_is_no_claim(cli):
    coverage = json.loads(cli("list", "--coverage", "--json").stdout)
    for paper, reasons in load_catalogue().not_claims.items():
        assert coverage[paper]["not_claims"] == dict(reasons)
        assert not set(reasons) & set(coverage[paper]["claims"])


def test_coverage_shows_the_verdicts_of_a_result(cli, tmp_path):
    result = tmp_path / "result.json"
    cli("audit", "claims_cli_demo.py", "demo.ratio", "--executor", "serial", "--json", str(result))
    shown = cli("list", "claims_cli_demo.py", "--coverage", "--results", str(result)).stdout
    assert f"verdicts: {result}, tier smoke, epoch {PINNED_EPOCH}" in shown
    assert re.search(r"Section 2\n +HOLDS +demo.ratio  \(ours\)", shown)
    assert re.search(r"- +broken.nan", shown)  # not in that audit
    last = cli("list", "claims_cli_demo.py", "demo.ratio", "--coverage").stdout  # the last audit, of one claim
    assert re.search(r"Section 2\n +HOLDS +demo.ratio", last)
    assert "demo.mean" not in last
    assert "on record" not in last
    rows = json.loads(cli("list", "claims_cli_demo.py", "--coverage", "--json").stdout)["demo"]
    counted = {section["number"]: section["counts"] for section in rows["sections"]}
    assert counted["2"] == {"HOLDS": 1}


def test_an_audit_of_two_papers_counts_each(cli):
    told = cli("audit", "claims_cli_demo.py", "demo.ratio", "broken.gpu", "--executor", "serial").stdout
    assert re.search(r"2 claims: 1 HOLDS, 1 UNAVAILABLE\n  demo: 1 HOLDS\n  broken: 1 UNAVAILABLE\n", told)
    assert "demo: 1" not in cli("audit", "claims_cli_demo.py", "demo.ratio", "--executor", "serial").stdout


def test_what_an_audit_found_is_shown_again(cli, audit, tmp_path):
    audit(*GREEN, "demo.late", "--json", str(tmp_path / "result.json"), "--no-table")
    for results in (("--results",), ("--results", str(tmp_path / "result.json"))):
        shown = cli("list", "claims_cli_demo.py", *results).stdout
        assert re.search(r"HOLDS +REFUTED +not measured\ndemo +3 +1 +1\n", shown)
        assert "demo.mean.false  Section" in shown
    rows = cli("list", "claims_cli_demo.py", "demo.mean.*", "--results", "--table").stdout
    assert re.search(r"demo\.mean\.false +3\.0 +(?:1\.0|0\.99)\d* +\d+ \+ \d+  REFUTED as expected", rows)
    assert re.search(r"Section 1 · 2 points, shown: mu=1\S* +\[0\.8, 1\.2\]", rows)
    assert "demo.ratio" not in rows
    summary = json.loads(cli("list", "claims_cli_demo.py", "--results", "--json").stdout)
    assert summary["findings"] == ["demo.mean.false"]
    assert summary["counts"] == {"HOLDS": 3, "REFUTED": 1, "not measured": 1}
    claims = json.loads(cli("list", "claims_cli_demo.py", "--results", "--table", "--json").stdout)
    assert claims == json.loads((tmp_path / "result.json").read_text())["claims"]


def test_results_that_are_not_there_are_refused(cli, tmp_path):
    one_line(cli("list", "claims_cli_demo.py", "--results", str(tmp_path / "none.json"), code=2), "none.json")
    one_line(cli("list", "claims_cli_demo.py", "--papers", "--results", code=2), "--results")
    one_line(cli("list", "claims_cli_demo.py", "--table", code=2), "--table", "--results")
    cli("audit", "claims_cli_demo.py", "demo.ratio", "--executor", "serial")
    one_line(cli("list", "claims_cli_demo.py", "demo.value", "--results", code=4), "none of the selected")


def test_an_audit_ends_with_a_screen_where_it_is_asked_for(audit):
    text = audit(*GREEN, "demo.late", "--no-table").stdout
    assert "5 claims of 1 paper, tier smoke, epoch 20260518" in text
    assert "every verdict that was reached is the one on record" in text
    assert "decides 1 claim more" in text
    assert re.search(r"claimbench why claims_cli_demo.py demo.mean.false +tells", text)
    assert "claimbench audit claims_cli_demo.py demo.mean.holds" in text
    assert "--tier full" in text
    assert "demo.ratio" not in text.partition("\nnext")[0].partition("Thinnest")[0]
    assert "\nRefuted\n" in audit(*GREEN).stdout  # nothing is cut where no terminal reads


def test_list_verifies_a_record(cli, tmp_path):
    text = resources.files("claims.papers.sign_magnitude").joinpath("record.json").read_text(encoding="utf-8")
    path = tmp_path / "record.json"
    path.write_text(text)
    shown = cli("list", "--record", str(path)).stdout
    record = json.loads(text)
    assert "intact" in shown
    assert record["canonical_sha256"] in shown
    assert json.loads(cli("list", "--record", str(path), "--json").stdout) == record
    record["canonical_record"]["source"]["version"] = 7
    path.write_text(json.dumps(record))
    one_line(cli("list", "--record", str(path), code=2), "canonical_sha256", "pith_number", "source")
    one_line(cli("list", "--record", str(tmp_path / "none.json"), code=2), "none.json")
    one_line(cli("list", "--record", str(path), "--papers", code=2), "--record")


# audit: results


def test_audit_says_what_holds_and_what_is_true_instead(audit, folder):
    result = audit(*GREEN, "--json", "out/result.json", "--report", "out/page")
    text = result.stdout
    assert re.search(r"demo\.mean\.holds +1 +(?:1\.0|0\.99)\d* +\d+  HOLDS", text)
    assert re.search(r"Section 1 · 2 points, shown: mu=1\S* +\[0\.8, 1\.2\] +\[0\.\d+, 1\.\d+\]", text)
    assert re.search(r"demo\.mean\.false +3\.0 +1\.0\d* +8 \+ 8  REFUTED as expected", text)
    told = text[text.index("\nRefuted\n") :]
    for words in ("the paper says: The mean is 3.", "against [2.95, 3.05]", "true instead: It is 1: <mu>."):
        assert words in told
    assert "corrected by: demo.mean.holds, which says HOLDS" in told
    assert "4 claims: 3 HOLDS, 1 REFUTED" in told
    assert re.search(r"tolerances: printed ▪+ 1  theory ▪+ 1  author ▪+ 2", told)
    assert re.search(r"\d+ seeds? measured, \d+ from the store, .* s; epoch 20260518, tier smoke", told)
    assert "report: out/page/index.html" in told
    assert "Warning" not in told
    assert "demo.mean.false" in (folder / "out/page/index.html").read_text()
    document = json.loads((folder / "out/result.json").read_text())
    assert document == json.loads((folder / ".claimbench/latest.json").read_text())
    assert document["counts"]["REFUTED"] == 1
    assert [claim["id"] for claim in document["claims"]] == [
        "demo.mean.holds",
        "demo.ratio",
        "demo.mean.false",
        "demo.value",
    ]


def test_audit_again_measures_nothing_and_says_the_same(audit):
    first = json.loads(audit(*GREEN, "--json", "-").stdout)
    result = audit(*GREEN, "--json", "-")
    assert json.loads(result.stdout) == first
    assert "0 seeds measured" in result.stderr


def test_json_on_standard_output_is_pure(audit):
    result = audit("demo.value", "--json", "-")
    assert json.loads(result.stdout)["claims"][0]["verdict"] == "HOLDS"
    assert "1 claim: 1 HOLDS" in result.stderr
    plan = json.loads(audit("demo.value", "--json", "-", "--dry-run").stdout)
    assert plan["claims"] == 1


@pytest.mark.parametrize(
    ("select", "options", "code"),
    [
        ("demo.value", [], 0),
        ("demo.mean.false", [], 0),
        ("demo.mean.surprise", [], 1),
        ("demo.mean.edge", [], 0),
        ("demo.mean.edge", ["--strict"], 3),
        ("demo.late demo.value", ["--strict"], 0),
        ("demo.late", [], 4),
        ("demo.*.false demo.mean.surprise", ["--strict"], 1),
        ("demo.nothing*", [], 4),
        ("broken.gpu", [], 4),
        ("broken.gpu demo.value", [], 0),
        ("broken.gpu demo.value", ["--require-available"], 1),
        ("broken.nan", [], 5),
        ("broken.raises demo.mean.surprise", [], 5),
    ],
)
def test_exit_codes(audit, select, options, code):
    audit(*select.split(), *options, code=code)


def test_undecided_is_a_warning_that_says_what_is_missing(audit):
    text = audit("demo.mean.edge").stdout
    told = " ".join(text[text.index("Warning: undecided") :].split())
    assert "demo.mean.edge (Section 4)" in told
    assert re.search(r"about [\d,]+ seeds would decide it", told)
    assert "larger sample inside each" in told
    assert "UNDECIDED, expected HOLDS" in text


def test_a_claim_of_a_higher_tier_is_no_warning(audit):
    text = audit("demo.late", code=4).stdout
    assert "Warning" not in text
    assert "UNDECIDED, decides at full" in text
    assert "not measured at smoke, they decide at a higher tier: 1 at full" in text
    assert "1 claim: 1 HOLDS" in audit("demo.late", "--tier", "full").stdout


def test_an_error_names_point_and_seed(audit):
    text = audit("broken.*", code=5).stdout
    told = text[text.index("Errors while measuring") :]
    assert "claims_cli_demo:sometimes_nan at {}, seed 5: x = nan: not finite" in told
    assert re.search(
        r"claims_cli_demo:raising at \{\}, seed 0: RuntimeError: no such thing \(claims_cli_demo.py:\d+\)", told
    )
    assert "needs a GPU; rent one" in text[text.index("Not available here") :]


def test_a_surprise_is_told_while_it_runs_and_at_the_end(audit):
    result = audit("demo.mean.surprise", code=1)
    assert "demo.mean.surprise: REFUTED, expected HOLDS" in result.stderr
    assert "1 verdict not as expected" in result.stdout
    assert "1 descriptive" in result.stdout


def test_fail_fast_stops_and_says_so(audit):
    text = audit("demo.mean.surprise", "demo.mean.edge", "--fail-fast", "--epoch", "99", code=1).stdout
    assert "1 verdict not as expected" in text
    assert "stopped before 1 claim could be decided" in text
    assert "Warning" not in text


def test_dry_run_shows_cost_and_measures_nothing(cli, tmp_path):
    store = tmp_path / "none" / "evidence.sqlite"
    text = cli("audit", "claims_cli_demo.py", "demo.*", "--dry-run", "--jobs", "1", "--store", str(store)).stdout
    assert "claims_cli_demo:draw" in text
    assert "16 to 512 seeds; 0.01 s each (guessed), 50 MB (guessed)" in text
    assert "7 claims, 7 points to decide at tier smoke" in text
    assert "on 1 worker" in text
    assert "memory: about 50 MB" in text
    assert re.search(r"a witness measures seeds a second time: \d+ of them, 0\.\d s", text)
    assert not store.parent.exists()


def test_dry_run_knows_the_seconds_in_the_store(audit):
    audit(*GREEN)
    plan = json.loads(audit("demo.ratio", "--dry-run", "--json", "-").stdout)
    (row,) = plan["experiments"]
    assert (row["seconds_are"], row["megabytes_are"]) == ("measured", "guessed")
    assert 0 < row["seconds_a_seed"] < 0.1


def test_dry_run_subtracts_what_the_store_holds(audit):
    own = ["--epoch", "71"]  # other tests have filled the store

    def row():
        plan = json.loads(audit("demo.ratio", *own, "--dry-run", "--json", "-").stdout)
        (experiment,) = plan["experiments"]
        assert experiment["stored"] == plan["stored"]
        assert plan["witness"]["seeds"] == (0 if experiment["stored"] else 2)
        return experiment["seeds"], experiment["stored"], plan["seconds"]

    seeds, stored, seconds = row()
    assert (seeds, stored) == ([8, 256], 0)
    assert 0 < seconds[0] < seconds[1]
    document = json.loads(audit("demo.ratio", *own, "--json", "-").stdout)
    used = document["claims"][0]["seeds"]
    seeds, stored, seconds = row()
    assert (seeds, stored) == ([0, 256 - used], used)
    assert seconds[0] == 0
    assert f"{256 - used} seeds, {used} are in the store" in audit("demo.ratio", *own, "--dry-run").stdout
    assert "(measured)" in audit("demo.ratio", *own, "--dry-run").stdout


def test_a_fresh_epoch_is_another_one_and_is_named(audit):
    document = json.loads(audit("demo.value", "--epoch", "fresh", "--json", "-").stdout)
    assert document["epoch"] not in (PINNED_EPOCH, 0)
    assert json.loads(audit("demo.value", "--epoch", "17", "--json", "-").stdout)["epoch"] == 17


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_a_narrow_terminal_stays_readable(audit, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = audit(*GREEN, "demo.mean.edge").stdout
    lines = [line for line in text.splitlines() if not line.startswith("report:")]
    assert max(map(len, lines)) <= columns
    assert "[2.95, 3.05]" in text
    assert "REFUTED as expected" in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


# audit: bad input


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["demo.mean.hold"], 2, ["demo.mean.hold", "Nearest: demo.mean.holds"]),
        (["nothing.like.it"], 2, ["claimbench list"]),
        (["colour:red"], 2, ["colour:red", "paper:"]),
        (["tier:huge"], 2, ["tier:smoke"]),
        (["demo.value", "--epoch", "-3"], 2, ["--epoch", "fresh"]),
        (["demo.value", "--epoch", "soon"], 2, ["--epoch", "soon"]),
        (["demo.value", "--jobs", "2"], 2, ["--jobs", "--executor"]),
        (["demo.value", "--report", "claims_cli_demo.py/page"], 2, ["--report", "claims_cli_demo.py/page"]),
        (["demo.value", "--json", "claims_cli_demo.py/x.json"], 2, ["--json", "claims_cli_demo.py"]),
        (["demo.value", "--store", "claims_cli_demo.py/x.sqlite"], 2, ["claims_cli_demo.py"]),
        (["demo.value", "--store", "claims_cli_demo.py"], 2, ["claims_cli_demo.py", "Nothing was deleted"]),
        (["demo.zzz*"], 4, ["nothing is selected"]),
    ],
)
def test_bad_input_is_one_line(audit, args, code, words):
    one_line(audit(*args, code=code), *words)


@pytest.mark.parametrize("spec", ["threads:2", "process:0", "process:x", "process"])
def test_an_executor_that_there_is_not(cli, spec):
    one_line(cli("audit", "claims_cli_demo.py", "--executor", spec, code=2), spec, "process:N")


def test_jobs_zero_and_other_options_out_of_range(cli):
    for args in (["--jobs", "0"], ["--jobs", "two"], ["--tier", "huge"], ["--colour"]):
        result = cli("audit", "claims_cli_demo.py", *args, code=2)
        assert args[0] in result.stderr
    assert "No such command" in cli("audits", code=2).stderr


def test_an_unwritable_folder_is_said_before_anything_is_measured(audit, folder):
    asked = audit("demo.mean.holds", "--epoch", "123", "--report", "claims_cli_demo.py/page", code=2)
    assert "to decide" not in asked.stderr
    with Store(folder / ".claimbench/evidence.sqlite") as store:
        assert not any(content["epoch"] == 123 for content in store.identities().values())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def f(:\n", [":1: "]),
        ("\n\nimport no_such_module_here\n", [":3: ", "no_such_module_here"]),
        ("x = 1\n", ["declares no Claim"]),
        (
            "from claims.claim import Claim\nfrom claims.kinds import mean\nfrom claims.experiment import experiment\n"
            "Claim(id='Bad Id', locus='x', statement='y', test=mean(experiment('a:b')['c']))\n",
            [":4: ", "id: got 'Bad Id'"],
        ),
        (
            "from claims.claim import Claim\nfrom claims.bands import within\nfrom claims.kinds import mean\n"
            "from claims.experiment import experiment\nC = Claim(id='a.b', locus='x', statement='y',\n"
            "    test=mean(experiment('a:b')['c']), rival=1.1,\n"
            "    band=within(1.0, abs=.2, provenance='author', because='z'))\n",
            ["rival: got 1.1", "[0.8, 1.2]"],
        ),
    ],
)
def test_a_malformed_claim_file_is_named_with_line_and_field(cli, tmp_path, text, words):
    path = tmp_path / f"claims_bad_{abs(hash(text))}.py"
    path.write_text(text)
    for command in ("list", "audit", "why"):
        one_line(cli(command, str(path), code=2), path.name, *words)
    one_line(cli("audit", str(tmp_path / "claims_missing.py"), code=2), "no such file")


def test_a_store_of_another_schema_is_said_and_kept(audit, tmp_path):
    path = tmp_path / "old.sqlite"
    Store(path).__exit__()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    before = path.read_bytes()
    one_line(audit("demo.value", "--store", str(path), code=2), "schema 99", "left as it is")
    assert path.read_bytes() == before


# audit: terminals and signals


def terminal(*args: str, cwd: Path, **environment: str) -> tuple[str, int]:
    """What a child on a terminal of its own writes, and its exit code."""
    pid, descriptor = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        for name in ("NO_COLOR", "FORCE_COLOR", "CI", "TTY_COMPATIBLE"):  # of this run, not of the test
            os.environ.pop(name, None)
        os.environ.update({"TERM": "xterm-256color", "COLUMNS": "120"} | environment)
        os.execv(sys.executable, [sys.executable, "-c", "from claims.cli import main; main()", *args])
    written = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.2)[0]:
            try:
                chunk = os.read(descriptor, 65536)
            except OSError:  # the other end is closed: the child has gone
                break
            if not chunk:
                break
            written += chunk
    os.close(descriptor)
    return written.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


STYLE = re.compile(r"\x1b\[[0-9;]*m")


def test_colour_on_a_terminal_unless_no_color_is_set(cli, audit, folder):
    audit("demo.value")  # into the store: the children need nothing heavy
    args = ("audit", "claims_cli_demo.py", "demo.value", "--executor", "serial")
    coloured, code = terminal(*args, cwd=folder)
    assert code == 0
    assert STYLE.search(coloured)
    plain, code = terminal(*args, cwd=folder, NO_COLOR="1")
    assert code == 0
    assert "1 claim of 1 paper" in plain
    assert not STYLE.search(plain)


def test_plain_lines_where_there_is_no_terminal(audit):
    result = audit("demo.value", "demo.mean.surprise", code=1)
    assert "\x1b" not in result.output
    assert "\r" not in result.output
    assert result.stderr.splitlines()[0] == "2 claims to decide"
    assert re.fullmatch(r"2/2 claims decided · [\d,]+ seeds? measured · .* s", result.stderr.splitlines()[-1])


SLOW = """
import pathlib, time
from claims.bands import within
from claims.claim import Claim
from claims.experiment import experiment
from claims.kinds import mean

def slow(point, streams):
    pathlib.Path(__file__).with_name("started").touch()
    time.sleep(0.05 if streams.seed_index < 8 else 4)
    return {"x": float(streams.numpy("x").normal())}

C = Claim(id="slow.one", locus="Section 1", statement="It takes its time.", test=mean(experiment(slow, seconds=1)["x"]),
    band=within(0.0, abs=1e-3, provenance="author", because="too narrow for eight seeds"), rival=9.0)
"""


def test_ctrl_c_leaves_a_partial_report_and_the_line_that_resumes(tmp_path):
    (tmp_path / "claims_slow_one.py").write_text(SLOW)
    # a shell that starts the tests in the background has SIGINT ignored, and children inherit that
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    command = [sys.executable, "-c", f"{heed}; from claims.cli import main; main()", "audit", "claims_slow_one.py"]
    command += ["--executor", "serial", "--epoch", "42", "--store", "kept/e.sqlite", "--json", "partial.json"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    stored = 0
    while stored < 8 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
        if (tmp_path / "started").exists():
            with Store(tmp_path / "kept/e.sqlite") as store:
                stored = sum(group.seeds for group in store.groups())
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in out + err
    line = "claimbench audit claims_slow_one.py --tier smoke --epoch 42 --store kept/e.sqlite"
    assert out.splitlines()[-1] == f"resume with: {line}"
    assert "stopped before 1 claim could be decided" in out
    document = json.loads((tmp_path / "partial.json").read_text())
    assert document["claims"][0]["verdict"] == "UNDECIDED"
    assert "stopped" in document["claims"][0]["reason"]
    assert "The audit was stopped" in (tmp_path / "kept/report/index.html").read_text()


# why


def test_why_tells_the_whole_story_of_a_refutation(cli):
    text = cli("why", "claims_cli_demo.py", "demo.mean.false", "--jobs", "1").stdout
    for words in (
        'The paper says: "The mean is 3."',
        "A demonstration, version 3, Section 3, eq. 4",
        "REFUTED as expected: 1.0",
        "in [2.95, 3.05]",
        "tolerance from printed: printed as 3.0",
        "it has to reject the rival 2, 20 tolerances from the target",
        "the disjoint block of seeds",
        "at most 2e-05 together",
        "at most 4e-10",
        "It is 1: <mu>.",
        "demo.mean.holds: HOLDS (",
        "claimbench audit claims_cli_demo.py demo.mean.false --tier smoke --epoch 20260518",
    ):
        assert words in text, words
    assert len(re.findall(r"8 seeds +1\.0\d* +\[.*\] +REFUTED", text)) == 2


def test_why_counts_the_seeds_that_an_undecided_claim_needs(cli):
    text = cli("why", "claims_cli_demo.py", "demo.mean.edge", "--jobs", "1").stdout
    assert [int(n) for n in re.findall(r"^  (\d+) seeds +[\d.]+ +\[", text, re.MULTILINE)] == [*CLOSE_LOOKS]
    assert text.count("not yet decided") == len(CLOSE_LOOKS)
    assert re.search(r"about [\d,]+ seeds would decide it", text)


def test_why_as_json_and_the_plain_estimate(cli):
    document = json.loads(cli("why", "claims_cli_demo.py", "demo.ratio", "--jobs", "1", "--json").stdout)
    (point,) = document["points"]
    assert document["verdict"] == "HOLDS"
    assert point["plain_estimate"] != point["estimate"]
    assert point["looks"][-1]["verdict"] == "HOLDS"
    assert point["looks"][-1]["seeds"] == document["seeds"]
    assert document["experiments"] == ["claims_cli_demo:draw"]
    assert "without control variates" in cli("why", "claims_cli_demo.py", "demo.ratio", "--jobs", "1").stdout


def test_why_measures_at_the_tier_that_decides_and_fails_on_an_error(cli):
    assert "tier full" in cli("why", "claims_cli_demo.py", "demo.late", "--jobs", "1").stdout
    assert "seed 5" in cli("why", "claims_cli_demo.py", "broken.nan", "--jobs", "1", code=5).stdout
    one_line(cli("why", "claims_cli_demo.py", "demo.rati", code=2), "demo.ratio")


ARMS = """
from claims.bands import at_least
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import order, trend

def draw(point, streams):
    return {"score": len(point["arm"]) + streams.numpy("x").normal(0.0, 0.01)}

AUTHOR = {"provenance": "author", "because": "as it pleases"}
ENDS = Claim(id="arms.ends", locus="Section 1", statement="More than before.", at=grid(arm=["zero", "ours, &c"]),
    test=order(experiment(draw)["score"], over="arm"), band=at_least(1.0, **AUTHOR), rival=0.0)
STEPS = Claim(id="arms.steps", locus="Section 2", statement="More each time.",
    at=grid(arm=["zo", "one", "next", "all 4"]),
    test=trend(experiment(draw)["score"], over="arm", direction="increasing"), band=at_least(.5, **AUTHOR), rival=0.0)
"""


def test_table_report_and_why_say_which_level_is_first(cli, tmp_path, monkeypatch):
    """Words are not sorted by the alphabet, in which "ours" would come before "zero"."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims_arms.py").write_text(ARMS)
    table = cli("audit", "claims_arms.py", "--executor", "serial", "--report", "page").stdout
    assert "2 claims: 2 HOLDS" in table
    assert "arm: first zero, last ours, &c" in " ".join(table.split())
    assert "arm: first zo, then one, next, all 4" in " ".join(table.split())
    page = (tmp_path / "page" / "index.html").read_text()
    assert r'"compared":"arm: first zero, last ours, \u0026c"' in page
    assert '"compared":"arm: first zo, then one, next, all 4"' in page
    assert (
        "declaration, arm: first zero, last ours, &c" in cli("why", "claims_arms.py", "arms.ends", "--jobs", "1").stdout
    )


# diff


def test_diff_of_equal_results(cli, audit):
    audit(*GREEN, "--json", "a.json")
    assert "no verdict changed" in cli("diff", "a.json", ".claimbench").stdout
    assert "no verdict changed" in cli("diff", "a.json", ".claimbench/evidence.sqlite", "claims_cli_demo.py").stdout
    one_line(cli("diff", "a.json", ".claimbench/evidence.sqlite", code=2), "name their files")


def test_diff_shows_verdicts_first_then_estimates(cli, audit, folder):
    audit(*GREEN, "--json", "a.json")
    changed = json.loads((folder / "a.json").read_text())
    by_id = {claim["id"]: claim for claim in changed["claims"]}
    by_id["demo.mean.holds"] |= {"verdict": "REFUTED", "as_expected": False}
    point = by_id["demo.ratio"]["points"][0]
    point |= {"estimate": 9.0, "interval": [8.9, 9.1]}
    changed["claims"] = [claim for claim in changed["claims"] if claim["id"] != "demo.value"]
    changed["tier"] = "full"
    (folder / "b.json").write_text(json.dumps(changed))
    text = cli("diff", "a.json", "b.json", code=1).stdout
    assert text.index("verdicts changed: 1") < text.index("HOLDS -> REFUTED (expected HOLDS)")
    assert text.index("HOLDS -> REFUTED") < text.index("estimates moved by more than their intervals: 1")
    assert re.search(r"demo.ratio at mu=1.0 \(Section 2\)\n +[01]\.\d+ \[.*\] -> 9\.00 \[8\.90, 9\.10\]", text)
    assert "1 claim removed\n  demo.value" in text
    assert "smoke -> full" in text
    document = json.loads(cli("diff", "b.json", "a.json", "--json", code=1).stdout)
    assert document["added"] == ["demo.value"]
    assert [change["id"] for change in document["verdicts"]] == ["demo.mean.holds"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d | {"schema": 3}, "schema: got 3"),
        (lambda d: d | {"claims": None}, "claims"),
        (lambda d: d | {"tier": "tiny"}, "tier"),
        (lambda d: d | {"claims": [d["claims"][0] | {"verdict": "MAYBE"}]}, "claims[0].verdict"),
        (lambda d: d | {"claims": [d["claims"][0] | {"interval": [1]}]}, "claims[0].interval"),
        (lambda d: d | {"claims": [d["claims"][0] | {"estimate": "1"}]}, "claims[0].estimate"),
        (lambda d: d | {"claims": [d["claims"][0] | {"points": [{}]}]}, "claims[0].points[0]"),
        (lambda d: [], "object"),
    ],
)
def test_what_is_no_result_is_refused_with_its_field(cli, audit, folder, change, words):
    document = json.loads(audit("demo.value", "--json", "-").stdout)
    (folder / "c.json").write_text(json.dumps(change(document)))
    for args in (["diff", "c.json", "c.json"], ["report", "--json", "c.json"]):
        one_line(cli(*args, code=2), "c.json", words)


def test_results_that_cannot_be_read(cli, folder):
    (folder / "nan.json").write_text('{"schema": NaN}')
    (folder / "empty.json").write_text("")
    for name in ("nan.json", "empty.json", "none.json"):
        one_line(cli("diff", name, name, code=2), name)


# evidence


def test_evidence_is_listed(cli, audit):
    audit(*GREEN)
    text = cli("evidence", "list").stdout
    assert re.search(r"claims_cli_demo:draw\n +mu=1\S*: \d+ seeds, epoch 20260518", text)
    rows = json.loads(cli("evidence", "list", "--json", "--experiment", "*:constant").stdout)
    assert {row["experiment"] for row in rows} == {"claims_cli_demo:constant"}


def test_evidence_is_exported(cli, audit, folder):
    audit(*GREEN)
    cli("evidence", "export", "--csv", "out/e.csv", "--experiment", "claims_cli_demo:draw")
    table = list(csv.DictReader(io.StringIO((folder / "out/e.csv").read_text())))
    document = json.loads(cli("evidence", "export", "--json", "-", "--experiment", "claims_cli_demo:draw").stdout)
    assert len(table) == 3 * len(document["evidence"])  # quantities
    row, line = document["evidence"][0], table[0]
    assert (line["key"], json.loads(line["base"]), int(line["seed"])) == (row["key"], row["base"], row["seed"])
    assert float(line["value"]) == row["records"][0][line["quantity"]]
    assert {row["identity"] for row in document["evidence"]} == set(document["identities"])
    one_line(cli("evidence", "export", code=2), "--csv")
    one_line(cli("evidence", "export", "--csv", "-", "--parquet", "e.parquet", code=2), "exactly one of")
    one_line(cli("evidence", "export", "--parquet", "-", code=2), "Parquet is no text")


def test_evidence_as_parquet_is_the_csv_file(cli, audit, folder):
    audit(*GREEN)
    cli("evidence", "export", "--csv", "e.csv")
    cli("evidence", "export", "--parquet", "e.parquet")
    rows = parquet.read_table(folder / "e.parquet").to_pylist()
    lines = list(csv.DictReader(io.StringIO((folder / "e.csv").read_text())))
    assert len(rows) == len(lines) > 10
    for row, line in zip(rows, lines, strict=True):
        value = row.pop("text") if row["value"] is None else repr(row["value"])
        assert [line.pop("value"), line.pop("seconds")] == [value, repr(row.pop("seconds"))]
        row.pop("value"), row.pop("text", None)
        assert {name: str(found) for name, found in row.items()} == line
    one_line(cli("evidence", "export", "--csv", "claims_cli_demo.py/e.csv", code=2), "claims_cli_demo.py")


def test_evidence_is_merged_all_or_none(cli, audit, tmp_path):
    mine, other = tmp_path / "mine.sqlite", tmp_path / "other.sqlite"
    audit("demo.value", "--store", str(mine))
    audit("demo.ratio", "--store", str(other))
    total = json.loads(cli("evidence", "list", "--store", str(other), "--json").stdout)[0]["seeds"]
    assert f"{total} seeds added" in cli("evidence", "import", str(other), "--store", str(mine)).stdout
    assert (
        f"0 seeds added from {other}, {total} were there"
        in cli("evidence", "import", str(other), "--store", str(mine)).stdout
    )
    contradicting = tmp_path / "contradicting.sqlite"
    with Store(mine) as store:
        rows, contents = list(store.rows()), store.identities()
    row, content = rows[-1], contents[rows[-1].identity]
    wrong = [dict.fromkeys(json.loads(row.records)[0], 1000000000.0)]
    with Store(contradicting) as store:  # one seed that is new, and one that the other store has with another value
        seeds = [(10**6, wrong, 0.0), (row.seed, wrong, 0.0)]
        store.put(Identity.of(content), row.experiment, json.loads(row.base), seeds)
    result = cli("evidence", "import", str(contradicting), "--store", str(mine), code=2)
    assert "measured twice with different results" in result.stderr
    with Store(mine) as store:
        assert list(store.rows()) == rows


def test_evidence_of_no_store(cli, tmp_path):
    missing = str(tmp_path / "no.sqlite")
    for args in (["list", "--store", missing], ["export", "--csv", "-", "--store", missing], ["import", missing]):
        one_line(cli("evidence", *args, code=2), "no.sqlite", "no evidence store")
    assert not Path(missing).exists()


# report, new, doctor


def test_report_is_built_from_a_result(cli, audit, folder):
    audit(*GREEN, "--json", "a.json")
    assert "4 claims" in cli("report", "claims_cli_demo.py", "--json", "a.json", "--report", "again").stdout
    page = (folder / "again/index.html").read_text()
    assert "A demonstration" in page
    assert page == (folder / ".claimbench/report/index.html").read_text()
    assert "index.html" in cli("report", "--report", "latest").stdout
    one_line(cli("report", "--report", "claims_cli_demo.py/page", code=2), "--report")


def test_new_writes_a_file_that_audits_green_and_is_never_overwritten(cli, folder):
    assert "claimbench audit claims_fresh_start.py" in cli("new", "claims_fresh_start.py", "--paper", "my-paper").stdout
    text = (folder / "claims_fresh_start.py").read_text()
    result = cli("audit", "claims_fresh_start.py", "--executor", "serial", "--strict")
    assert "3 claims: 2 HOLDS, 1 REFUTED" in result.stdout
    assert "true instead: It is 35/12" in result.stdout
    one_line(cli("new", "claims_fresh_start.py", code=2), "claims_fresh_start.py", "does not exist yet")
    assert (folder / "claims_fresh_start.py").read_text() == text


@pytest.mark.parametrize("title", ['A "quoted" $title', 'Ends in """', "back\\slash", "line\nbreak", "Ünïcode “π”"])
def test_new_takes_any_title(cli, tmp_path, title):
    path = tmp_path / f"claims_title_{abs(hash(title))}.py"
    cli("new", str(path), "--title", title)
    rows = json.loads(cli("list", str(path), "--papers", "--json").stdout)
    assert rows[0]["title"] == title


def test_new_refuses_names_that_python_cannot_import(cli, tmp_path):
    one_line(cli("new", "my-claims.py", code=2), "my-claims.py")
    one_line(cli("new", "claims.txt", code=2), "claims.txt")
    one_line(cli("new", str(tmp_path / "claims_x.py"), "--paper", "Bad Key", code=2), "--paper")
    one_line(cli("new", "claims_cli_demo.py/claims_x.py", code=2), "FILE")


def test_doctor_says_what_this_machine_can_run(cli):
    findings = {row["name"]: row for row in json.loads(cli("doctor", "--json").stdout)}
    for name in ("python", "cores", "memory", "cpu features", "compiler", "torch", "statsmodels", "gpu", "store"):
        assert findings[name]["value"], name
    assert any(name.startswith("route ") for name in findings)
    assert "claims of" in findings["pack sign-magnitude"]["value"]
    assert "seeds" in findings["store"]["value"] or "can be made" in findings["store"]["value"]
    assert "python" in cli("doctor").stdout


def test_doctor_names_what_is_missing_and_the_command_that_gets_it(cli, monkeypatch):
    from claims.cli import doctor

    version = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("statsmodels", "triton") else version(name))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    result = cli("doctor", "--store", "claims_cli_demo.py/e.sqlite", code=1)
    assert re.search(r"statsmodels +MISSING *\n +get it: pip install statsmodels", result.stdout)
    assert re.search(r"triton +without triton\n +get it: pip install 'claimbench\[triton\]'", result.stdout)
    assert re.search(r"compiler +without .*\n +get it: apt-get install", result.stdout)
    assert "needed and missing: statsmodels, store" in result.stderr


@pytest.mark.parametrize(
    ("version", "found"),
    [((3, 6, 23), False), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False), ((3, 45, 0), True),
     ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((4, 0, 0), False)],
)  # fmt: skip
def test_doctor_knows_which_sqlite_can_damage_a_store(cli, monkeypatch, version, found):
    from claims.cli import doctor

    assert doctor.has_wal_reset_bug(version) == found
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(doctor.sqlite3, "sqlite_version", ".".join(map(str, version)))
    finding = doctor._sqlite()
    assert finding.value.startswith(".".join(map(str, version)))
    assert ("WAL-reset bug" in finding.value) == found


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        ran = subprocess.run(
            [sys.executable, "-c", "from claims.cli import main; main()", "doctor", "--help"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert ran.returncode == 2
    assert ran.stderr.startswith("claimbench: [Errno 28]")
    assert "Traceback" not in ran.stderr


def test_help_of_every_command(cli):
    text = cli("--help").stdout
    for name in ("list", "audit", "why", "diff", "calibrate", "report", "evidence", "doctor", "new"):
        assert f"  {name} " in text
        assert cli(name, "--help").stdout.startswith("Usage: ")
    assert re.search(r"claimbench, version \d", cli("--version").stdout)


def test_a_broken_pack_is_one_line_and_does_not_stop_claim_files(cli, monkeypatch):
    import claims.discovery as packs

    entry = packs.metadata.EntryPoint(name="bad", value="no_such_pack_module:PACK", group=packs.GROUP)
    monkeypatch.setattr(packs.metadata, "entry_points", lambda **_: [entry])
    told = cli("list", code=4).stderr.splitlines()
    assert told[0].startswith("claimbench: pack bad (of no distribution) is left out: ModuleNotFoundError: ")
    assert "no_such_pack_module" in told[0]
    assert told[1:] == ["claimbench: no installed pack can be loaded; name a claim file"]
    assert "demo.value" in cli("list", "claims_cli_demo.py").stdout
    findings = {row["name"]: row for row in json.loads(cli("doctor", "--json", code=1).stdout)}
    assert "no_such_pack_module" in findings["pack bad"]["value"]


def test_nothing_installed_exits_with_4(cli, monkeypatch):
    import claims.discovery as packs

    monkeypatch.setattr(packs.metadata, "entry_points", lambda **_: [])
    one_line(cli("audit", code=4), "claimbench new")
