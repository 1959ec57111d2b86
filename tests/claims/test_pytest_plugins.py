"""Our plugin beside others: each of the most used ones changes neither a verdict nor the summary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from outcomes import CLAIMS

REQUIREMENTS = Path(__file__).parent / "data/pytest_plugins.txt"
PINNED = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
#: Options under which a plugin does what it is for; the others act by being there.
OPTIONS = {
    "allure-pytest": ["--alluredir=allure"],
    "flaky": ["--force-flaky"],
    "pytest-cov": ["--cov=claims_toy"],
    "pytest-html": ["--html=report.html"],
    "pytest-instafail": ["--instafail"],
    "pytest-json-report": ["--json-report"],
    "pytest-random-order": ["--random-order"],
    "pytest-repeat": ["--count=2"],
    "pytest-rerunfailures": ["--reruns=2"],
    "pytest-retry": ["--retries=2"],
    "pytest-socket": ["--disable-socket"],
    "pytest-split": ["--splits=1", "--group=1"],
    "pytest-testmon": ["--testmon"],
    "pytest-timeout": ["--timeout=600"],
    "pytest-xdist": ["-n2"],
}
#: Those that need another one, and those that run tests again or in another order, of which a session has one.
NEEDS = {"pytest-html": ["pytest-metadata"], "pytest-json-report": ["pytest-metadata"]}
RIVALS = {"flaky", "pytest-retry", "pytest-random-order", "pytest-testmon", "pytest-xdist", "pytest-instafail"}
VERDICTS = "1 ERROR, 1 HOLDS, 2 REFUTED, 1 UNAVAILABLE, 3 UNDECIDED"
NAMES = """
import importlib.metadata, sys
for entry in importlib.metadata.entry_points(group="pytest11"):
    if entry.dist.name.lower().replace("_", "-") in sys.argv:
        print(entry.name)
"""


def install(python: Path, *requirements: str) -> str:
    """Install into another environment; the end of what pip said if it could not."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", *requirements]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if ran.returncode == 0 else "\n".join(ran.stderr.splitlines()[-3:])


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """An environment of its own, so that none of them acts on our tests; it sees all that is installed here."""
    folder = tmp_path_factory.mktemp("plugins")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    seen = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "seen.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in seen))
    return folder / "bin/python"


@pytest.fixture(scope="module")
def missing(python) -> dict[str, str]:
    """What of the list cannot be installed, and why."""
    if not install(python, *PINNED):
        return {}
    return {pinned.partition("==")[0]: why for pinned in PINNED if (why := install(python, pinned))}


def session(python: Path, folder: Path, names: list[str]) -> str:
    """The output of a session with these plugins and ours, and no others."""
    (folder / "claims_toy.py").write_text(CLAIMS)
    (folder / "test_own.py").write_text("def test_own():\n    pass\n")
    found = subprocess.run([str(python), "-c", NAMES, *names], capture_output=True, text=True, check=True).stdout
    plugins = [word for name in ("claims", *dict.fromkeys(found.split())) for word in ("-p", name)]
    options = [word for name in names for word in OPTIONS.get(name, [])]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [str(python), "-m", "pytest", *plugins, *options]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600
    ).stdout


def check(output: str) -> None:
    assert "INTERNALERROR" not in output, output
    assert VERDICTS in output, output
    assert "refuted as expected (1):" in output
    (last,) = re.findall(r"^.*1 failed.*$", output.replace("\n       - ", "\n"), re.MULTILINE)[-1:]
    assert "1 error" in last
    assert "2 skipped" in last


@pytest.mark.slow
@pytest.mark.parametrize("pinned", PINNED, ids=lambda pinned: pinned.partition("==")[0])
def test_a_plugin_beside_ours(python, missing, tmp_path, pinned):
    name = pinned.partition("==")[0]
    if name in missing:
        pytest.fail(f"{pinned} cannot be installed, so nothing is known of it: {missing[name]}")
    check(session(python, tmp_path, [name, *NEEDS.get(name, [])]))


@pytest.mark.slow
def test_all_of_them_at_once(python, missing, tmp_path):
    names = [pinned.partition("==")[0] for pinned in PINNED]
    check(session(python, tmp_path, [name for name in names if name not in RIVALS | missing.keys()]))
