"""A pack that is a distribution of its own: found by its entry points alone, and audited like any other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from claims.catalogue import load_catalogue
from claims.discovery import GROUP, examine
from claims.outline.coverage import coverage_of

ROOT = Path(__file__).parents[2] / "packs" / "nvfp4-recipes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAPERS = PROJECT["entry-points"][GROUP]


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """The distribution as an installer would leave it, its code where it lies."""
    folder = tmp_path / f"nvfp4_recipes-{PROJECT['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {PROJECT['name']}\nVersion: {PROJECT['version']}\n", encoding="utf-8"
    )
    points = "".join(f"{name} = {value}\n" for name, value in PAPERS.items())
    (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{points}", encoding="utf-8")
    monkeypatch.syspath_prepend(str(ROOT / "src"))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "nvfp4_recipes"]:
        del sys.modules[name]


@pytest.mark.usefixtures("beside")
def test_its_packs_are_found_by_their_entry_points():
    found = {each.name: each for each in examine() if each.name in PAPERS}
    assert {name: each.problem for name, each in found.items()} == dict.fromkeys(PAPERS, "")
    assert {name: each.distribution for name, each in found.items()} == dict.fromkeys(PAPERS, "nvfp4-recipes 0.1.0")
    catalogue = load_catalogue()
    assert {paper: coverage_of(catalogue, paper).missing for paper in PAPERS} == dict.fromkeys(PAPERS, ())
    assert {"mean-bias", "sign-magnitude"} < set(catalogue.papers)


@pytest.mark.usefixtures("beside")
def test_some_of_its_claims_are_audited(audit):
    claims = load_catalogue().select(["four-over-six.block.*", "bitnet-cpp.i2s.ones", "bitnet-cpp.i2s.shifted"])
    verdicts = {claim.claim.id: claim.verdict for claim in audit(claims, tier="smoke").claims}
    assert len(verdicts) == 5
    assert verdicts == {claim.id: claim.expected for claim in claims}


@pytest.mark.slow
def test_its_wheel_is_found_beside_the_harness(tmp_path):
    """Built from a copy, so that the tree stays as it is, and unpacked: an installer does no more."""
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__", ".*"))
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), "."]
    environment = os.environ | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run(pip, cwd=source, check=True, env=environment)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    assert {path.name.partition("-")[0] for path in unpacked.iterdir()} == {"nvfp4_recipes"}
    script = (
        f"import sys; sys.path.insert(0, {str(unpacked)!r})\n"
        "from claims.discovery import examine\n"
        "import nvfp4_recipes\n"
        f"found = [each for each in examine() if each.name in {sorted(PAPERS)!r}]\n"
        "print(len(found), nvfp4_recipes.__file__, [each.problem for each in found if each.problem])"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True)
    count, where, problems = ran.stdout.strip().split(" ", 2)
    assert (count, problems) == (str(len(PAPERS)), "[]")
    assert Path(where).is_relative_to(unpacked)
