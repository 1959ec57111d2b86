"""Work beside: by a copy, or here, once either way; what it keeps and what it raises is as if it were done here."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

START = """
import json, os, sys, threading, time
from pathlib import Path
from claims.cli.aside import aside
from claims.evidence import kept
from claims.evidence.kept import current, keeping

kept._SETTLED = -1e6
here = os.getpid()

def work():
    with open("done", "a") as file:
        print("here" if os.getpid() == here else "copy", file=file)
"""

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="no copy is made here"
)


def ran(folder: Path, program: str) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    """Who did the work, and how the program ended."""
    text = START + textwrap.dedent(program)
    found = subprocess.run(
        [sys.executable, "-c", text], cwd=folder, check=False, capture_output=True, text=True, timeout=60
    )
    done = folder / "done"
    return done.read_text().split() if done.exists() else [], found


def test_a_copy_does_it_while_this_goes_on(tmp_path):
    done, found = ran(
        tmp_path,
        """
        def waiting():
            while not Path("inside").exists():
                time.sleep(0.01)
            work()

        with aside(waiting):
            Path("inside").touch()
        print(Path("done").read_text())
        """,
    )
    assert done == ["copy"]
    assert found.stdout.split() == ["copy"]


def test_what_it_works_out_is_kept(tmp_path):
    done, found = ran(
        tmp_path,
        """
        def asking():
            work()
            current().recall("new", lambda: 7)
            current().recall("old", lambda: 0)

        with keeping(Path(".")):
            current().recall("old", lambda: 5)
        before = Path("kept.json").read_bytes()
        for _ in range(2):
            with keeping(Path(".")), aside(asking):
                pass
            print(Path("kept.json").read_bytes() == before)
            before = Path("kept.json").read_bytes()
        with keeping(Path(".")):
            print(current().get("new"), current().get("old"))
        """,
    )
    assert found.stderr == ""
    assert done == ["copy", "copy"]
    assert found.stdout.split() == ["False", "True", "7", "5"]  # nothing is written where nothing is new


@pytest.mark.parametrize("end", ["raise ValueError('no')", "os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
def test_what_a_copy_does_not_end_is_done_here(tmp_path, end):
    done, found = ran(
        tmp_path,
        f"""
        def ending():
            work()
            if os.getpid() != here:
                print("aloud", flush=True)
                {end}

        with keeping(Path(".")), aside(ending):
            pass
        """,
    )
    assert found.returncode == 0, found.stderr
    assert done == ["copy", "here"]
    assert found.stdout == ""


def test_what_fails_twice_is_raised_once_and_here(tmp_path):
    done, found = ran(
        tmp_path,
        """
        def failing():
            work()
            raise ValueError("no such folder")

        try:
            with aside(failing):
                print("shown")
        except ValueError as error:
            print("raised", error)
        """,
    )
    assert done == ["copy", "here"]
    assert found.stdout.splitlines() == ["shown", "raised no such folder"]
    assert found.stderr == ""


def test_what_fails_inside_waits_for_the_work(tmp_path):
    done, found = ran(
        tmp_path,
        """
        def slowly():
            time.sleep(0.3)
            work()

        try:
            with aside(slowly):
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            print(Path("done").read_text())
        """,
    )
    assert done == ["copy"]
    assert found.stdout.split() == ["copy"]


@pytest.mark.parametrize(
    "without",
    [
        "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()",
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])",
        "os.fork = lambda: (_ for _ in ()).throw(BlockingIOError(11, 'no room'))",
    ],
)
def test_where_no_copy_can_be_made_it_is_done_here(tmp_path, without):
    done, found = ran(
        tmp_path,
        f"""
        {without}
        with aside(work):
            print(Path("done").exists())
        """,
    )
    assert done == ["here"]
    assert found.stdout.split() == ["False"]
