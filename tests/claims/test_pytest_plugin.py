"""The pytest plugin, run by pytest on small projects. In-process where that is enough: a child has to import torch."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import statsmodels.stats.proportion
import statsmodels.stats.weightstats  # noqa: F401  pytester unloads what a session was the first to import
import torch
from outcomes import CLAIMS, OUTCOMES

import claims.discovery
import claims.plugin.items
import claims.report.words
from claims.evidence.store import Store
from claims.plugin.report import summary

pytest_plugins = ["pytester"]


@pytest.fixture
def project(pytester):
    """A folder with those claims in claims_toy.py."""
    pytester.makepyfile(claims_toy=CLAIMS)
    return pytester


def run(pytester, *options):
    """A session of pytest in this process, with its own filters instead of ours.

    Its search for unraisable exceptions walks all objects of this process, which takes a second.
    """
    return pytester.runpytest_inprocess("-p", "no:unraisableexception", "-W", "default", *options)


def properties(path):
    """Properties of each item of a junit file."""
    cases = ElementTree.parse(path).iter("testcase")
    return {case.get("name"): {p.get("name"): p.get("value") for p in case.iter("property")} for case in cases}


def test_each_verdict_has_its_outcome_and_says_so(project):
    result = run(project, "-v", "-rs")
    result.assert_outcomes(**OUTCOMES)
    result.stdout.fnmatch_lines(
        [
            "claims_toy.py::toy.holds HOLDS *",
            "claims_toy.py::toy.refuted REFUTED as expected *",
            "claims_toy.py::toy.wrong FAILED *",
            "claims_toy.py::toy.edge UNDECIDED *",
            "claims_toy.py::toy.edge-later UNDECIDED as expected *",
            "claims_toy.py::toy.full SKIPPED (decides at the full tier*",
            "claims_toy.py::toy.error ERROR *",
            "claims_toy.py::toy.gpu SKIPPED (unavailable: no GPU*",
        ]
    )
    result.stdout.fnmatch_lines(["SKIPPED * claims_toy.py:1: unavailable: no GPU of compute capability 10"])


def test_a_verdict_that_is_not_the_expected_one_fails_whichever_it_is(pytester):
    """REFUTED was expected and it HOLDS; UNDECIDED was expected and it is decided."""
    surprises = """
CLAIMS = (
    claim("found", expected="REFUTED", finding="It is said to be another.", corrected_by="toy.holds"),
    claim("holds"),
    claim("decided", expected="UNDECIDED", finding="More seeds would decide it."),
    claim("undone", band=printed("2.0"), expected="UNDECIDED", finding="More seeds would decide it."),
)
"""
    pytester.makepyfile(claims_surprises=CLAIMS.partition("CLAIMS = (")[0] + surprises)
    result = run(pytester, "-v")
    result.assert_outcomes(passed=1, failed=3)
    result.stdout.fnmatch_lines(
        ["claims_surprises.py::toy.found FAILED *", "claims_surprises.py::toy.decided FAILED *"]
    )


def test_failures_tell_the_story_without_a_traceback(project):
    result = run(project, "-k", "wrong or error")
    result.stdout.fnmatch_lines(
        [
            "ERROR at the smoke tier, expected HOLDS: Words of error.",
            "  reason    claims_toy:fragile at {'mu': 1.0}, seed 3: ValueError: no root (claims_toy.py:15)",
            "REFUTED at the smoke tier, expected HOLDS: Words of wrong.",
            "  claim     toy.wrong (section 1), kind mean",
            "  at        mu=2.0 (1 of 2 points are REFUTED)",
            "  band      1 in [[]0.75, 1.25], author: small",
            "  estimate  ?.?? [[]1.??, 2.??]",
            "  rival     9",
            "  seeds     * + *",
            "  story     claimbench why claims_toy.py toy.wrong --tier smoke",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_items.py*")


def test_command_of_the_story_repeats_the_options(project):
    result = run(project, "-k", "wrong", "--claims-epoch=7", "--claims-store=my store.sqlite")
    store = project.path / "my store.sqlite"
    expected = f"*claimbench why claims_toy.py toy.wrong --tier smoke --epoch 7 --store '{store}'"
    result.stdout.fnmatch_lines([expected])


def test_summary_says_what_was_not_run_and_what_is_true_instead(project):
    result = run(project)
    result.stdout.fnmatch_lines(
        [
            "*= claims: smoke tier, epoch 20260518 (pinned) =*",
            "1 ERROR, 1 HOLDS, 2 REFUTED, 1 UNAVAILABLE, 3 UNDECIDED",
            "refuted as expected (1):",
            "  toy.refuted: It is 1. [[]instead: toy.holds]",
            "not run (2):",
            "  toy.full: decides at the full tier; not measured at smoke",
            "  toy.gpu: no GPU of compute capability 10",
            "undecided, as expected (1):",
            "  toy.edge-later: decides at the standard tier; 8 seeds, estimate *",
            "undecided where it had to be decided (1):",
            "  toy.edge: decides at the smoke tier; 256 seeds, estimate *",
        ],
        consecutive=True,
    )


def test_summary_never_takes_a_search_for_a_proof():
    common = {"decides": "smoke", "as_expected": "true", "seeds": "2", "expected": "HOLDS"}
    found = {"claim": "toy.for-all", "verdict": "HOLDS", "kind": "search", "reason": "none in 400 tries"} | common
    lost = {"claim": "toy.absent", "verdict": "UNAVAILABLE", "kind": "mean"} | common
    other = SimpleNamespace(user_properties=[("claim", "a property of somebody else's test")])
    reports = [SimpleNamespace(user_properties=list(facts.items())) for facts in (found, lost)]
    assert list(summary([*reports, other, object()])) == [
        "1 HOLDS, 1 UNAVAILABLE",
        "no counterexample, which is no proof (1):",
        "  toy.for-all: none in 400 tries",
        "not run (1):",
        "  toy.absent: no reason given",
    ]
    assert list(summary([other])) == []
    again = [SimpleNamespace(nodeid=f"claims::{i // 3}", user_properties=list(found.items())) for i in range(6)]
    assert next(summary(again)) == "2 HOLDS"  # each of two items was run three times


@pytest.mark.parametrize("options", [("--claims-strict",), ("-W", "error::claims.plugin.session.UndecidedClaim")])
def test_undecided_fails_if_asked_to(project, options):
    result = run(project, "-k", "edge", *options)
    result.assert_outcomes(failed=1, passed=1, deselected=6)
    result.stdout.fnmatch_lines(
        ["UNDECIDED at the smoke tier, expected HOLDS: Words of edge.", "  more * would decide *"]
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["-k", "refuted"], ["toy.refuted"]),
        (["-m", "claim(expected='REFUTED')"], ["toy.refuted"]),
        (["-m", "claim(role='ours', kind='mean', paper='toy')"], ["toy.wrong"]),
        (["-m", "claim(decides='smoke') and not claim(role='ours')", "-k", "e"], ["refuted", "edge", "error"]),
        (["claims_toy.py::toy.edge-later"], ["toy.edge-later"]),
    ],
)
def test_selection(project, options, names):
    result = run(project, "--collect-only", "-q", "--strict-markers", *options)
    found = [line.partition("::")[2] for line in result.outlines if line.startswith("claims_toy.py::")]
    assert found == [f"toy.{name.removeprefix('toy.')}" for name in names]


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only", "--collect-only"])
def test_what_only_shows_a_plan_measures_nothing(project, option):
    result = run(project, option, "--claims-store=kept.sqlite")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*toy.holds*"])
    result.stdout.no_fnmatch_line("*claims: smoke tier*")
    assert not (project.path / "kept.sqlite").exists()


def test_a_byte_order_mark_hides_no_claims(project):
    path = project.path / "claims_toy.py"
    path.write_bytes(b"\xef\xbb\xbf" + CLAIMS.strip().partition("\n")[2].encode())
    result = run(project, "--collect-only", "-q")
    assert len([line for line in result.outlines if line.startswith("claims_toy.py::")]) == 8


def test_a_glob_that_matches_nothing_stops_the_session(pack):
    result = run(pack, "--claims=toy.h*", "--claims=toy.gone*")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["no claim matches 'toy.gone*'. Nearest: *"])


def test_last_failed_runs_what_failed_and_what_could_not_be_measured(project):
    run(project, "-k", "holds or wrong or error").assert_outcomes(passed=1, failed=1, errors=1, deselected=5)
    run(project, "--lf").assert_outcomes(failed=1, errors=1)


@pytest.mark.landing
def test_xdist_gives_the_same_bits(project):
    """Two workers share an epoch drawn by their parent; one process that is told that epoch agrees in every digit."""
    there, here = project.path / "there.xml", project.path / "here.xml"
    result = project.runpytest_subprocess("-n2", "-v", "--claims-epoch=fresh", f"--junitxml={there}")
    result.assert_outcomes(**OUTCOMES)
    result.stdout.fnmatch_lines(["*REFUTED as expected*claims_toy.py::toy.refuted*"])
    result.stdout.fnmatch_lines(["refuted as expected (1):", "not run (2):"])
    epoch = re.search(r"= claims: smoke tier, epoch (\d+) =", result.stdout.str())[1]
    run(project, f"--claims-epoch={epoch}", f"--junitxml={here}")
    assert properties(there) == properties(here)


def test_junit_properties(project):
    path = project.path / "junit.xml"
    run(project, "-k", "refuted or gpu", f"--junitxml={path}")
    found = properties(path)
    refuted = found["toy.refuted"]
    lo, hi = (float(edge) for edge in refuted["interval"].strip("[]").split(", "))
    assert lo < float(refuted["estimate"]) < hi < 1.95
    assert {name: refuted[name] for name in ("verdict", "expected", "as_expected", "band", "rival", "seeds")} == {
        "verdict": "REFUTED",
        "expected": "REFUTED",
        "as_expected": "true",
        "band": "[1.95, 2.05]",
        "rival": "9.0",
        "seeds": "8",
    }
    assert refuted["finding"] == "It is 1."
    assert found["toy.gpu"]["reason"] == "no GPU of compute capability 10"
    assert "estimate" not in found["toy.gpu"]


def test_tier_and_epoch_reach_the_audit(project):
    def holds(*options):
        path = project.path / "junit.xml"
        run(project, "-k", "holds or full", f"--junitxml={path}", *options)
        return properties(path)

    pinned, other, fresh = holds(), holds("--claims-epoch=7"), holds("--claims-epoch=fresh")
    estimates = {found["toy.holds"]["estimate"] for found in (pinned, other, fresh)}
    assert len(estimates) == 3
    assert holds("--claims-epoch=7") == other
    full = holds("--claims-tier=full")
    assert full["toy.full"]["verdict"] == full["toy.full"]["expected"] == "HOLDS"
    assert full["toy.holds"]["estimate"] == pinned["toy.holds"]["estimate"]


@pytest.mark.parametrize("option", ["--claims-epoch=-1", "--claims-epoch=soon", "--claims-tier=big"])
def test_bad_option_is_a_usage_error(project, option):
    result = run(project, option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--claims-*"])


def test_store_is_kept_where_it_is_named_and_measured_once(project):
    path = project.path / "kept" / "evidence.sqlite"
    for _ in range(2):
        run(project, "-k", "holds", "--claims-store=kept/evidence.sqlite").assert_outcomes(passed=1, deselected=7)
    with Store(path) as store:
        rows = list(store.rows())
    assert len({row.measured_at for row in rows}) == 1
    assert [row.seed for row in rows] == list(range(len(rows)))


def test_unusable_store_is_an_error_in_one_line(project):
    path = project.path / "claims_toy.py"
    result = run(project, "-k", "holds", f"--claims-store={path}")
    result.assert_outcomes(errors=1, deselected=7)
    result.stdout.fnmatch_lines([f"toy.holds: {path}: file is not a database*"])
    assert path.read_text().startswith('"""A claim for every outcome.')


def test_default_store_goes_with_the_session(project, monkeypatch, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    run(project, "-k", "holds").assert_outcomes(passed=1, deselected=7)
    assert list(folder.iterdir()) == []
    assert not (project.path / ".claimbench").exists()


def test_process_is_left_as_it_was(pytester, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    pytester.makepyfile(
        claims_threads="""
        from claims.bands import within
        from claims.claim import Claim
        from claims.experiment import experiment
        from claims.kinds import value

        def threads(point, streams):
            import torch, warnings
            warnings.warn("loud", RuntimeWarning)
            return {"count": torch.get_num_threads()}

        ONE = within(1, abs=0.5, provenance="author", because="whole numbers")
        CLAIMS = [Claim(id=f"threads.{name}", locus="-", statement="One thread.",
                        test=value(experiment(threads, fixed={"name": name})["count"]), band=ONE, rival=2)
                  for name in ("first", "second")]
        """
    )
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        result = run(pytester, "-W", "error")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    result.assert_outcomes(passed=2, warnings=2)  # a warning of an experiment never becomes its verdict
    assert "OMP_NUM_THREADS" not in os.environ


def test_files_of_others_are_left_alone(pytester):
    pytester.makepyfile(claims_handling="raise RuntimeError('an insurer imports this, and pytest must not')")
    pytester.makepyfile(test_theirs="def test_theirs(): pass")
    result = run(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*claims*tier*")
    named = run(pytester, "claims_handling.py")
    named.assert_outcomes(errors=1)
    named.stdout.fnmatch_lines(["*claims_handling.py:1: RuntimeError: an insurer imports this, and pytest must not"])


def test_malformed_file_names_file_line_and_field(pytester):
    pytester.makepyfile(
        claims_bad="""
        from claims.claim import Claim
        from claims.kinds import mean
        A = Claim(id="Bad Id", locus="x", statement="x", test=None)
        """
    )
    result = run(pytester)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"{pytester.path}/claims_bad.py:3: id: got 'Bad Id'; allowed: *"])
    result.stdout.no_fnmatch_line("*pytest_items.py*")


def test_importlib_mode_with_conftest_and_a_helper_beside_the_file(pytester):
    """Two folders of a project, pytest's files in both, and rootdir above the working directory."""
    one = pytester.mkdir("one")
    pytester.makeini("[pytest]\naddopts = --import-mode=importlib --strict-markers --strict-config\n")
    Path("one/helper_of_one.py").write_text("def number(point, streams):\n    return {'x': 1.0}\n")
    Path("one/conftest.py").write_text("import pytest\n\n@pytest.fixture\ndef one():\n    return 1\n")
    Path("one/test_same.py").write_text("def test_one(one):\n    assert one == 1\n")
    pytester.mkdir("two")
    Path("two/test_same.py").write_text("def test_two():\n    pass\n")
    Path("one/claims_beside.py").write_text(
        textwrap.dedent(
            """
            from claims.bands import printed
            from claims.claim import Claim
            from claims.experiment import experiment
            from claims.kinds import value
            A = Claim(id="beside.one", locus="-", statement="It is one.", rival=2,
                      test=value(experiment("helper_of_one:number")["x"]), band=printed("1.0"))
            """
        )
    )
    result = run(pytester, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["one/claims_beside.py::beside.one HOLDS*"])
    os.chdir(one)
    result = run(pytester, "-v", "-k", "beside")
    result.stdout.fnmatch_lines(["claims_beside.py::beside.one HOLDS*"])


@pytest.fixture
def pack(pytester, monkeypatch):
    """A pack of the claims above, installed as far as importlib.metadata can tell, in a group without others."""
    monkeypatch.setattr(claims.discovery, "GROUP", "toy.packs")
    pytester.syspathinsert()
    pytester.makepyfile(
        toypack="""
        from claims.packs import Pack
        from claims.paper import Paper
        PACK = Pack(paper=Paper(key="toy", title="A toy"), modules=("toypack_claims",), api="1")
        """,
        toypack_claims=CLAIMS,
    )
    metadata = pytester.mkdir("toypack-1.0.dist-info")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: toypack\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[toy.packs]\ntoy = toypack:PACK\n")
    (pytester.mkdir("work") / "test_own.py").write_text("def test_own(): pass\n")
    os.chdir("work")
    return pytester


def test_packs_are_collected_if_selected(pack):
    run(pack).assert_outcomes(passed=1)
    result = run(pack, "-v", "--claims=toy.h*", "--claims=toy.refuted")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["claims::toy.holds HOLDS*", "claims::toy.refuted REFUTED as expected*"])


def test_node_id_of_a_pack_selects_it_alone(pack):
    result = run(pack, "-v", "claims::toy.wrong")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["  story *claimbench why toy.wrong --tier smoke", "FAILED claims::toy.wrong*"])
    run(pack, "--lf", "--claims=toy.holds", "--claims=toy.wrong").assert_outcomes(failed=1, deselected=2)


def test_a_pack_that_does_not_load_is_a_warning_and_the_others_go_on(pack):
    metadata = Path("..") / "badpack-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: badpack\nVersion: 2.0\n")
    (metadata / "entry_points.txt").write_text("[toy.packs]\nbad = no_such_pack:PACK\n")
    result = run(pack, "claims::toy.holds")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*LeftOutPack: pack bad (badpack 2.0) is left out: *no_such_pack*"])


def test_unknown_id_of_a_pack_offers_the_nearest(pack):
    result = run(pack, "--claims=toy.hold")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["no claim matches 'toy.hold'. Nearest: *toy.holds*"])


def test_start_of_a_foreign_session_imports_nothing_heavy(tmp_path):
    """A child runs somebody else's test that looks at what has been imported."""
    (tmp_path / "test_theirs.py").write_text(
        "import sys\n\ndef test_modules(capsys):\n    with capsys.disabled():\n        print('MODULES', *sys.modules)\n"
    )
    child = [sys.executable, "-m", "pytest", "-q", str(tmp_path), "-p", "no:cacheprovider"]
    finished = subprocess.run(child, check=True, capture_output=True, text=True, cwd=tmp_path)
    modules = set(re.search("MODULES (.*)", finished.stdout)[1].split())
    assert "claims.plugin.hooks" in modules
    assert not modules & {"torch", "numpy", "scipy", "statsmodels", "click", "rich", "jinja2"}
    ours = {name for name in modules if name.partition(".")[0] == "claims"}
    door = {"claims", "claims.errors", "claims.experiment", "claims.fields", "claims.names", "claims.subject"}
    door |= {"claims.evidence", "claims.evidence.devices", "claims.extras"}  # what an experiment may run on
    assert ours == door | {f"claims.plugin{module}" for module in ("", ".hooks", ".report", ".session")}
    assert "1 passed" in finished.stdout
    assert claims.plugin.items.__file__.endswith("plugin/items.py")
