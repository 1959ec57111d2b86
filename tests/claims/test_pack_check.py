"""``claimbench pack check``: a new pack passes; each thing that is spoilt in it is named with file, line and claim."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from claims.cli import main

_NUMBER = itertools.count()


def cli(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a new pack under a name of its own, from which nothing was imported yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"checked-{next(_NUMBER)}"
    cli("new", "--pack", name)
    yield Path(name)
    for module, loaded in tuple(sys.modules.items()):
        if Path(getattr(loaded, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[module]


def spoil(pack: Path, file: str, old: str, new: str) -> int:
    """Change a file of the pack's package; the line on which the change begins."""
    path = pack / "src" / pack.name.replace("-", "_") / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def remarks(pack: Path, *, code: int) -> list[dict[str, Any]]:
    (found,) = json.loads(cli("pack", "check", str(pack), "--json", code=code).stdout)
    return found["remarks"]


def test_a_new_pack_has_nothing_to_mend(pack: Path) -> None:
    said = cli("pack", "check", str(pack)).output
    assert f"{pack.name}: 6 claims (4 paper, 2 control)" in said
    assert "nothing to mend" in said
    assert {remark["weight"] for remark in remarks(pack, code=0)} == {"consider"}
    (plain,) = json.loads(cli("pack", "check", str(pack), "--json").stdout)
    assert list(plain["seconds"]) == ["smoke", "standard", "full"]
    assert 0 < plain["seconds"]["smoke"][0] <= plain["seconds"]["smoke"][1] < 60


SECTION, CONTROLS = "sections/section2.py", "sections/controls.py"


@pytest.mark.parametrize(
    ("file", "old", "new", "check", "claim", "words"),
    [
        (SECTION, 'locus="Section 2, eq. 2"', 'locus="Section 2, eq. 9"', "locus", "eq2.squared-error", "equation 9"),
        (SECTION, 'locus="Section 2, Theorem 1"', 'locus="somewhere"', "locus", "theorem1.half-a-step", "no place"),
        (SECTION, "step^2 / 12.", "step^2 / 12", "statement", "eq2.squared-error", "no sentence"),
        (SECTION, ".eq2.squared-error", ".2.12", "id", "2.12", "says nothing"),
        (SECTION, ".eq2.squared-error", ".eq2" + ".squared" * 9, "id", "eq2" + ".squared" * 9, "characters"),
        (SECTION, 'rival="checked', '# rival="checked', "rival", "eq2.squared-error", "refute it"),
        (SECTION, "_of_truncation", "", "rival", "eq2.squared-error", "outside the band"),
        (SECTION, "rel=0.02", "rel=2.5", "sharpness", "eq2.squared-error", "1.20 half-widths"),
        (SECTION, 'because="2 % would change no design"', 'because="so"', "provenance", "eq2.squared-error", "hardly"),
        (SECTION, "seconds=0.003", "seconds=9.0", "run time", "", "the smoke tier takes"),
        (SECTION, "    seconds=0.003,\n", "", "run time", "", "declares no seconds="),
        (SECTION, "MSE.", "MSE.\\ntwice", "statement", "table1.roots", "no sentence"),
        (
            CONTROLS,
            "Nearly everything rounds to zero at such a step: the error is .86, not 1.33.",
            "No.",
            "finding",
            "control.coarse-grid",
            "true",
        ),
        (CONTROLS, "no number of seeds decides it", "that is all", "finding", "control.on-the-edge", "would decide"),
        (CONTROLS, 'expected="UNDECIDED"', 'expected="HOLDS"', "controls", "", "expected UNDECIDED"),
        (
            CONTROLS,
            'role="control"',
            'role="ours", corrected_by="{key}.eq1.expansion"',
            "controls",
            "",
            "expected REFUTED",
        ),
        (
            CONTROLS,
            'role="control"',
            'role="paper", corrected_by="{key}.eq1.expansion"',
            "reading",
            "control.coarse-grid",
            "read_as",
        ),
        ("outline.toml", '"Table 1"', '"Table 1", "Table 7"', "coverage", "", "Table 7 has neither"),
        ("__init__.py", "outline=", "# outline=", "coverage", "", "no outline.toml"),
        ("__init__.py", "version=1", "version=None", "paper", "", "no identifier"),
        (
            "experiments.py",
            "import numpy as np",
            "import numpy as np\nimport {package}.theory",
            "independence",
            "",
            "rounding knows",
        ),
    ],
)
def test_what_is_spoilt_is_named(pack: Path, file: str, old: str, new: str, check: str, claim: str, words: str) -> None:
    line = spoil(pack, file, old, new.format(package=pack.name.replace("-", "_"), key=pack.name))
    light = check in ("sharpness", "provenance", "paper") or "declares" in words
    found = [remark for remark in remarks(pack, code=0 if light else 1) if remark["check"] == check]
    (told,) = [remark for remark in found if words in remark["words"]]
    assert told["weight"] == ("consider" if light or words == "no place" else "mend")
    if claim:
        assert told["claim"] == f"{pack.name}.{claim}"
    if told["claim"]:
        where, _, number = told["place"].rpartition(":")
        assert Path(where).name == Path(file if check != "independence" else SECTION).name
        assert abs(int(number) - line) < 40 or check == "independence"
        assert f'id="{told["claim"]}"' in Path(where).read_text().splitlines()[int(number) - 1]
    elif check == "coverage" and "outline.toml" not in words:
        assert told["place"].endswith(f"outline.toml:{line}")


def test_a_reading_that_only_the_finding_names_is_to_be_measured(pack: Path) -> None:
    spoil(
        pack, CONTROLS, 'role="control"', f'role="paper", read_as="of draws", corrected_by="{pack.name}.eq1.expansion"'
    )
    spoil(pack, CONTROLS, "Nearly everything rounds", "Read of few draws, it holds. Nearly everything rounds")
    (told,) = [remark for remark in remarks(pack, code=1) if remark["check"] == "reading"]
    assert (told["claim"], told["weight"]) == (f"{pack.name}.control.coarse-grid", "mend")
    assert "Read of" in told["words"]


def test_two_claims_that_say_the_same_are_noticed(pack: Path) -> None:
    body = "\n\nAGAIN = replace(ROOTS, id=ROOTS.id + '-again')\n"
    spoil(pack, SECTION, "import math\n", "import math\nfrom dataclasses import replace\n")
    spoil(pack, SECTION, "\n# What the paper says", f"{body}\n# What the paper says")
    assert any("says the same" in remark["words"] for remark in remarks(pack, code=1))


def test_a_claim_file_is_judged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli("new", "claims_checked_alone.py")
    said = cli("pack", "check", "claims_checked_alone.py", code=1).output
    assert "no outline.toml" in said
    assert "claims_checked_alone.py: controls" in said


def test_what_cannot_be_judged_is_refused(pack: Path) -> None:
    assert "sign-magnitude" in cli("pack", "check", "no-such-paper", code=2).output
    Path("empty").mkdir()
    assert "pyproject.toml" in cli("pack", "check", "empty", code=2).output
    Path("empty/pyproject.toml").write_text('[project]\nname = "x"\n')
    assert "claims.packs" in cli("pack", "check", "empty", code=2).output
    Path("empty/pyproject.toml").write_text("project = 3\n")
    assert "claims.packs" in cli("pack", "check", "empty", code=2).output
    Path("empty/pyproject.toml").write_text('[project.entry-points."claims.packs"]\nx = "no_such_package_of_mine"\n')
    assert "no_such_package_of_mine" in cli("pack", "check", "empty", code=2).output
    Path("empty/pyproject.toml").write_text("[project\n")
    assert "readable" in cli("pack", "check", "empty", code=2).output
    spoil(pack, SECTION, "import math", "import no_such_module_of_anybody")
    assert "no_such_module_of_anybody" in cli("pack", "check", str(pack), code=2).output


@pytest.mark.slow
@pytest.mark.parametrize("paper", ["sign-magnitude", "mean-bias"])
def test_the_papers_that_come_with_it_have_nothing_to_mend(paper: str) -> None:
    (found,) = json.loads(cli("pack", "check", paper, "--json").stdout)
    assert found["claims"] > 400
    assert {remark["weight"] for remark in found["remarks"]} <= {"consider"}
