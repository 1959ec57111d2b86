"""The harness runs without torch and the other extras; what needs one says so, with the command that installs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from claims.errors import Unavailable
from claims.extras import EXTRAS, missing

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = next(block for block in re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S) if "import Claim" in block)

#: Imported by every interpreter that starts, workers included: the extras are not to be found.
FORBID = f"""
from importlib.machinery import PathFinder

found = PathFinder.find_spec
ABSENT = {sorted(EXTRAS)!r}

def find_spec(fullname, path=None, target=None):
    return None if fullname.partition(".")[0] in ABSENT else found(fullname, path, target)

PathFinder.find_spec = find_spec
"""

#: Claims that need torch in every way in which one can.
NEEDY = """
from claims import Claim, at_least, experiment, value

def plain(point, streams):
    return {"x": 1.0}

def inside(point, streams):
    import torch
    return {"x": torch.ones(1).item()}

def stream(point, streams):
    return {"x": streams.torch("x").initial_seed() * 0 + 1.0}

def kernels(point, streams):
    from claims.kernels import rms_norm
    return {"x": 1.0}

def formula():
    import torch
    return float(torch.ones(1))

def elsewhere():
    import no_such_module_of_anybody

def claim(name, function, target=0.5, rival=-1.0):
    band = at_least(target, provenance="author", because="a toy")
    test = value(experiment(function)["x"])
    return Claim(id=f"needy.{name}", locus="-", statement="It is one.", test=test, band=band, rival=rival)

CLAIMS = (
    claim("plain", plain), claim("inside", inside), claim("stream", stream), claim("kernels", kernels),
    claim("module", "needy_module:measured"), claim("target", plain, target=formula),
    claim("rival", plain, rival="needy_module:measured"),
)
"""


@pytest.fixture
def without(tmp_path: Path):
    """Run a command where no extra is installed."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(FORBID)
    (tmp_path / "claims_readme.py").write_text(EXAMPLE)
    (tmp_path / "claims_needy.py").write_text(NEEDY)
    (tmp_path / "needy_module.py").write_text("import torch\n\ndef measured(*_):\n    return 1.0\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
        return subprocess.run(
            [sys.executable, "-c", "from claims.cli import main; main()", *words],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("executor", ["serial", "process:2"])
def test_the_example_of_the_readme_needs_no_extra(without, executor: str) -> None:
    ran = without("audit", "claims_readme.py", "--executor", executor, "--json", "-", "--store", f"{executor}.sqlite")
    assert ran.returncode == 0, ran.stderr
    document = json.loads(ran.stdout)
    assert {claim["id"]: claim["verdict"] for claim in document["claims"]} == {"mine.rounding.uniform-noise": "HOLDS"}


def test_what_needs_an_extra_is_unavailable_with_the_command_that_installs_it(without) -> None:
    ran = without("audit", "claims_needy.py", "--executor", "serial", "--json", "-")
    assert ran.returncode == 0, ran.stderr
    rows = {row["id"].removeprefix("needy."): row for row in json.loads(ran.stdout)["claims"]}
    assert rows.pop("plain")["verdict"] == "HOLDS"
    assert {name: row["reason"] for name, row in rows.items()} == dict.fromkeys(
        ("inside", "stream", "kernels", "module", "target", "rival"), "needs torch: pip install 'claimbench[kernels]'"
    )
    assert {row["verdict"] for row in rows.values()} == {"UNAVAILABLE"}


def test_doctor_names_the_extras(without) -> None:
    ran = without("doctor", "--json")
    findings = {row["name"]: row for row in json.loads(ran.stdout)}
    assert findings["gpu"]["value"].endswith("torch is missing")
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_every_claim_of_the_papers_is_decided_or_names_an_extra(without) -> None:
    ran = without("audit", "paper:*", "--json", "-")
    assert ran.returncode == 0, ran.stderr
    rows = json.loads(ran.stdout)["claims"]
    reasons = {row["reason"] for row in rows if row["verdict"] == "UNAVAILABLE"}
    assert "needs torch: pip install 'claimbench[kernels]'" in reasons
    assert {row["verdict"] for row in rows} <= {"HOLDS", "REFUTED", "DEPENDS", "UNDECIDED", "UNAVAILABLE"}


def test_only_what_an_extra_brings_is_an_extra_that_is_missing() -> None:
    assert missing(ModuleNotFoundError("x", name="no_such_module")) == ""
    assert missing(ModuleNotFoundError("x", name="torch")) == ""  # it is there: the mistake is another
    assert missing(ImportError("cannot import name")) == ""
    assert missing(Unavailable("needs a GPU")) == "needs a GPU"
    assert missing(None) == ""


def test_extras_are_those_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for module, extra in EXTRAS.items():
        names = [re.match(r"[\w-]+", line)[0] for line in project["optional-dependencies"][extra]]
        assert module in [name.replace("-", "_") for name in names]
        assert not any(re.match(rf"{module}\b", line) for line in project["dependencies"])
