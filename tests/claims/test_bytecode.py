"""What is measured is what the source says, although Python would run what it has compiled before."""

from __future__ import annotations

import importlib
import json
import os
import py_compile
import subprocess
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from claims.evidence.bytecode import none_older

CLAIMS = """
from claims import Claim, between, experiment, value


def measured(point, streams):
    return {"x": 1.0}


CLAIMS = (
    Claim(
        id="mine.one",
        locus="section 1",
        statement="One is one.",
        role="ours",
        test=value(experiment(measured)["x"]),
        band=between(0.5, 1.5, provenance="theory", because="it is"),
        rival=2.0,
    ),
)
"""


def compiled_then_changed(source: Path, before: str, after: str) -> Path:
    """A source that was compiled and then written again, at the same length in the same second of the clock."""
    assert len(before) == len(after)
    source.write_text(before)
    compiled = Path(py_compile.compile(str(source), doraise=True))
    second = int(source.stat().st_mtime)
    source.write_text(after)
    os.utime(compiled, ns=(second * 10**9 + 1000, second * 10**9 + 1000))
    os.utime(source, ns=(second * 10**9 + 5_000_000, second * 10**9 + 5_000_000))
    return compiled


def imported(name: str):
    importlib.invalidate_caches()
    sys.modules.pop(name, None)
    return importlib.import_module(name)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("older_one", "older_two"):
        sys.modules.pop(name, None)


def test_python_alone_runs_what_it_compiled_before(folder):
    """Otherwise nothing here would be needed."""
    compiled_then_changed(folder / "older_one.py", "X = 1\n", "X = 2\n")
    assert imported("older_one").X == 1
    with none_older():
        assert imported("older_one").X == 2


def test_what_is_imported_along_is_looked_at_as_well(folder):
    compiled_then_changed(folder / "older_one.py", "X = 1\n", "X = 2\n")
    (folder / "older_two.py").write_text("from older_one import X\n")
    with none_older():
        assert imported("older_two").X == 2


def test_nothing_is_removed_where_nothing_is_older(folder):
    source = folder / "older_one.py"
    source.write_text("X = 1\n")
    compiled = Path(py_compile.compile(str(source), doraise=True))
    for same_date in (False, True):
        if same_date:  # as in a package whose files all have one date
            os.utime(compiled, ns=(source.stat().st_mtime_ns,) * 2)
        before = compiled.stat().st_ino
        with none_older():
            assert imported("older_one").X == 1
        assert compiled.stat().st_ino == before


def test_what_cannot_be_removed_is_named(folder, monkeypatch):
    compiled = compiled_then_changed(folder / "older_one.py", "X = 1\n", "X = 2\n")

    def refused(self, missing_ok=False):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refused)
    with none_older(), pytest.raises(ImportError, match=r"older_one.*remove it"):
        imported("older_one")
    assert compiled.exists()


def test_the_finder_is_gone_afterwards():
    before = list(sys.meta_path)
    with none_older(), none_older():
        assert len(sys.meta_path) == len(before) + 2
    assert sys.meta_path == before


def test_an_audit_measures_what_the_file_says(tmp_path):
    """A first audit keeps compiled code; the file is then changed to the same length in the same second."""
    source = tmp_path / "mine.py"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found = []
    for text in (CLAIMS, CLAIMS.replace('"x": 1.0', '"x": 9.0')):
        source.write_text(text)
        os.utime(source, ns=(2 * 10**18 + len(found) * 1000,) * 2)
        audit = [sys.executable, "-c", "from claims.cli import main; main()", "audit", str(source), "--json", "-"]
        done = subprocess.run(audit, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        compiled = Path(cache_from_source(str(source)))
        assert compiled.exists(), done.stderr
        os.utime(compiled, ns=(2 * 10**18 + 500,) * 2)
        assert done.stdout, done.stderr
        found.append(json.loads(done.stdout)["claims"][0]["estimate"])
    assert found == [1.0, 9.0]
