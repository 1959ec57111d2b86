"""Output files: whole or not at all, through links, into devices and pipes, and never in their place."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from claims.cli.common import check_output, write_text
from claims.errors import BadOption, ModelError
from claims.models.fetch import alone

TEXT = "several\nlines, of which one has an ü\n"


def test_a_file_is_made_and_replaced(tmp_path):
    path = tmp_path / "deep" / "folder" / "out.json"
    for text in ("before", TEXT):
        write_text(path, text)
        assert path.read_text("utf-8") == text
    assert [each.name for each in path.parent.iterdir()] == ["out.json"]


def test_permissions_of_what_is_replaced_stay(tmp_path):
    path = tmp_path / "out.json"
    path.write_text("before")
    path.chmod(0o640)
    write_text(path, TEXT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_one(tmp_path, exists):
    target, middle, link = tmp_path / "there" / "target", tmp_path / "middle", tmp_path / "link"
    target.parent.mkdir()
    if exists:
        target.write_text("before")
    middle.symlink_to(Path("there/target"))
    link.symlink_to(middle)
    check_output("--json", link)
    write_text(link, TEXT)
    assert link.is_symlink()
    assert middle.is_symlink()
    assert target.read_text("utf-8") == TEXT


def test_a_link_in_a_circle_is_said(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    for attempt in (lambda: write_text(link, TEXT), lambda: check_output("--json", link)):
        with pytest.raises(BadOption, match="can be written"):
            attempt()


@pytest.mark.parametrize("name", ["/dev/null", "link"])
def test_a_device_stays_one(tmp_path, name):
    path = tmp_path / "link" if name == "link" else Path(name)
    if name == "link":
        path.symlink_to("/dev/null")
    before = os.stat("/dev/null")
    check_output("--json", path)
    write_text(path, TEXT)
    after = os.stat("/dev/null")
    assert stat.S_ISCHR(after.st_mode)
    assert (after.st_ino, after.st_rdev, after.st_mode) == (before.st_ino, before.st_rdev, before.st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_device_that_is_full_is_said():
    with pytest.raises(BadOption, match="No space"):
        write_text(Path("/dev/full"), TEXT)


def test_a_pipe_is_written_to(tmp_path):
    path, read = tmp_path / "fifo", []
    os.mkfifo(path)
    thread = threading.Thread(target=lambda: read.append(path.read_text("utf-8")))
    thread.start()
    write_text(path, TEXT)
    thread.join()
    assert read == [TEXT]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_folder_is_no_file(tmp_path):
    for attempt in (lambda: write_text(tmp_path, TEXT), lambda: check_output("--json", tmp_path)):
        with pytest.raises(BadOption, match="directory"):
            attempt()


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
@pytest.mark.parametrize("target", ["file", "pipe"])
def test_standard_output_by_its_name(tmp_path, name, target):
    """What was printed before stays in front, and what comes after stays behind."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom claims.cli.common import write_text\n"
        f"print('first')\nwrite_text(Path({name!r}), 'second\\n')\nprint('third')\n"
    )
    if target == "pipe":
        text = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True, text=True).stdout
    else:
        with (tmp_path / "out").open("w") as out:
            subprocess.run([sys.executable, "-c", script], stdout=out, check=True)
        text = (tmp_path / "out").read_text()
    assert text == "first\nsecond\nthird\n"


def test_commands_write_through(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from claims.cli import main

    monkeypatch.chdir(tmp_path)
    (tmp_path / "claims_out.py").write_text(CLAIM)
    (tmp_path / "result.json").symlink_to("kept.json")
    (tmp_path / "sheet.csv").symlink_to("/dev/null")
    pages = tmp_path / ".claimbench" / "report"
    pages.mkdir(parents=True)
    (pages / "index.html").symlink_to("../../page.html")
    for args in (
        ["audit", "claims_out.py", "--executor", "serial", "--json", "result.json"],
        ["audit", "claims_out.py", "--executor", "serial", "--json", "/dev/null"],
        ["audit", "claims_out.py", "--dry-run", "--json", "/dev/null"],
        ["evidence", "export", "--csv", "sheet.csv"],
    ):
        result = CliRunner().invoke(main, args)
        assert result.exit_code == 0, result.output + result.stderr
    assert json.loads((tmp_path / "kept.json").read_text())["counts"]["HOLDS"] == 1
    assert (tmp_path / "page.html").stat().st_size > 1000
    assert all((tmp_path / name).is_symlink() for name in ("result.json", "sheet.csv"))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


CLAIM = """
from claims.bands import within
from claims.claim import Claim, Paper
from claims.experiment import experiment
from claims.kinds import value

PAPER = Paper(key="out", title="Out", authors="Nobody", identifier="doi:10.1/out")

def constant(point, streams):
    return {"two": 2.0}

TWO = Claim(id="out.two", locus="Section 1", statement="Two is two.", test=value(experiment(constant)["two"]),
    band=within(2.0, abs=.1, provenance="author", because="so"), rival=3.0)
"""


def test_the_lock_of_the_model_cache_follows_no_link_and_empties_nothing(tmp_path):
    target, lock = tmp_path / "important", tmp_path / ".model.lock"
    target.write_text("text")
    lock.symlink_to(target)
    with pytest.raises(ModelError, match=r"\.model\.lock: cannot be locked"), alone(lock, print):
        pass
    lock.unlink()
    os.link(target, lock)
    with alone(lock, print):
        pass
    assert target.read_text() == "text"
