"""``from claims import …``: one line for an author, nothing heavy behind it, and types that a checker sees."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import claims

HEAVY = {"torch", "numpy", "scipy", "statsmodels", "hypothesis", "pandas", "click"}
README = """
from claims import REFUTED, Claim, Pack, Paper, experiment, grid, mean, ratio, within

block = experiment("toys:gaussian", sweep={"flip_rate": (0.1, 0.2)})
made = Claim(
    id="toys.door", locus="section 1", statement="A toy.", at=grid(flip_rate=0.1), test=mean(block["x"]),
    band=within(1.0, rel=0.1, provenance="theory", because="a toy"), rival=9.0,
)
"""


@pytest.mark.parametrize("name", claims.__all__)
def test_every_name_of_the_door_is_what_its_module_has(name):
    module = "claims.experiment" if name == "experiment" else f"claims.{claims._HOME[name]}"
    assert getattr(claims, name) is getattr(importlib.import_module(module), name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match=r"claims.*nothing"):
        _ = claims.nothing


def loaded(script: str) -> set[str]:
    """Which heavy libraries a fresh interpreter has loaded after a script."""
    ask = f"{script}\nimport sys; print(*sorted({HEAVY!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return set(ran.stdout.split())


def test_the_door_loads_nothing_heavy():
    assert loaded("import claims\nfrom claims import *" + README) == set()


def test_what_measures_is_heavy():
    assert "torch" in loaded("from claims.evidence.measure import one_thread\nwith one_thread(): pass")


def test_the_function_keeps_its_name_beside_the_module():
    script = "import claims.experiment, claims\nfrom claims import experiment\nprint(experiment('a:b').name)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "a:b\n"


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """``mypy --strict`` of a text against the tree as it is installed: what it says, empty if nothing."""
    folder = tmp_path_factory.mktemp("types")
    root = Path(__file__).parents[2]

    def check(text: str) -> str:
        script = folder / "script.py"
        script.write_text(text, encoding="utf-8")
        options = ["--strict", "--config-file", str(root / "pyproject.toml"), "--follow-imports", "silent"]
        ran = subprocess.run(
            [sys.executable, "-m", "mypy", *options, "--cache-dir", str(folder / "cache"), str(script)],
            capture_output=True, text=True, check=False, env={"MYPYPATH": str(root / "src"), "PATH": ""},
        )  # fmt: skip
        assert ran.returncode in (0, 1), ran.stderr
        return ran.stdout if ran.returncode else ""

    return check


@pytest.mark.slow
def test_a_type_checker_knows_the_door(mypy):
    assert mypy(README) == ""
    wrong = {
        "Claim(id=3": 'Claim(id=3, locus="a", statement="b", test=mean(block["x"]))\n',
        "within": 'within(1.0, relative=0.1, provenance="theory")\n',
        "grid": "grid(flip_rate=object())\n",
        "mean": 'mean("x")\n',
        "experiment": 'experiment("a:b", sweeps={})\n',
    }
    said = mypy(README + "".join(wrong.values()))
    first = len(README.splitlines()) + 1
    assert [f":{line}: error" in said for line in range(first, first + len(wrong))] == [True] * len(wrong), said
