"""How commands end: whatever fails, in one line and with a status that is 1 only where a verdict differs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from processes import alive, children

from claims.cli import main
from claims.cli.endings import INTERRUPTED, READER_GONE, TRACEBACK_VARIABLE
from claims.evidence.store import Store

# A shell that starts the tests in the background has SIGINT ignored, and children inherit that.
HEED = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
HEAD = """
import atexit, ctypes, os, pathlib, subprocess, sys
from claims.bands import within
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import mean, value

def claim(name, test, **more):
    return Claim(id=f"ends.{name}", locus="section 1", statement="One.", test=test, rival=9.0,
                 band=within(1.0, abs=.1, provenance="author", because="a toy"), **more)
"""


def program(*args: str) -> list[str]:
    """The command line as a program; -P, as an installed command does not look into the working folder either."""
    return [sys.executable, "-P", "-c", f"{HEED}; from claims.cli import main; main()", *args]


@pytest.fixture
def clean() -> dict[str, str]:
    """The environment of a user, who has not heard of safe paths."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}


@pytest.fixture
def unread() -> int:
    """The writing end of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


READ_BY_NOBODY = [["list"], ["list", "--json"], ["--help"], ["audit", "--help"], ["list", "--papers"]]


@pytest.mark.parametrize("args", READ_BY_NOBODY, ids=" ".join)
def test_a_reader_that_has_gone_ends_a_command_quietly(unread, args):
    ran = subprocess.run(program(*args), stdout=unread, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (READER_GONE, "")


@pytest.mark.parametrize("args", [["lst"], ["list", "claims_missing.py"], ["list", "--colour"]], ids=" ".join)
def test_what_is_refused_keeps_its_status_though_nobody_reads_why(unread, args):
    ran = subprocess.run(program(*args), stdout=unread, stderr=unread, check=False)
    assert ran.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
@pytest.mark.parametrize("args", [["list"], ["--help"]], ids=" ".join)
def test_a_full_disk_is_said_in_one_line(args):
    with open("/dev/full", "w") as full:
        ran = subprocess.run(program(*args), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == "claimbench: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(("args", "code"), [("list", 0), ("list claims_missing.py", 2)])
def test_streams_that_the_shell_has_closed_are_no_error(args, code):
    words = " ".join(f'"{word}"' for word in program())
    ran = subprocess.run(["sh", "-c", f"{words} {args} <&- >&- 2>&-"], check=False)
    assert ran.returncode == code


@pytest.fixture(scope="module")
def planless(tmp_path_factory):
    path = tmp_path_factory.mktemp("endings") / "claims_planless.py"
    path.write_text(HEAD + "C = claim('one', value(experiment('toys:gaussian')['x']))\n")
    return path


@pytest.fixture
def failing(planless, tmp_path, monkeypatch):
    """An audit in whose planning something is raised that nobody foresaw."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def audit(error: BaseException):
        def fail(*args, **options):
            raise error

        monkeypatch.setattr("claims.cli.audit_command.plan", fail)
        return CliRunner().invoke(main, ["audit", str(planless)])

    return audit


UNFORESEEN = [
    EOFError("the other end hung up"),
    ValueError("two\nlines"),
    RecursionError(),
    MemoryError(),
    BrokenPipeError(32, "Broken pipe"),
    SystemExit(1),
    SystemExit(0),
    GeneratorExit(),
]


@pytest.mark.parametrize("error", UNFORESEEN, ids=lambda error: type(error).__name__)
def test_an_error_that_nobody_foresaw_is_one_line_and_a_traceback_in_a_file(failing, tmp_path, error):
    result = failing(error)
    assert result.exit_code == 5
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"claimbench: unexpected {type(error).__name__}")
    assert " (test_endings.py:" in line
    (kept,) = tmp_path.glob("claimbench-*.txt")
    assert line.endswith(f"its traceback is in {kept}")
    assert "Traceback (most recent call last)" in kept.read_text()
    assert "in fail" in kept.read_text()


def test_a_variable_has_the_traceback_on_standard_error(failing, tmp_path, monkeypatch):
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    result = failing(KeyError("gone"))
    assert result.exit_code == 5
    assert result.stderr.startswith("Traceback (most recent call last)")
    assert result.stderr.splitlines()[-1].endswith("its traceback is above")
    assert list(tmp_path.glob("claimbench-*")) == []


def test_a_traceback_that_cannot_be_kept_is_no_second_failure(failing, monkeypatch):
    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    result = failing(KeyError("gone"))
    assert result.exit_code == 5
    assert f"set {TRACEBACK_VARIABLE}=1" in result.stderr


def test_an_interrupt_outside_a_run_is_one_line(failing):
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (INTERRUPTED, "claimbench: interrupted\n")


NOISY = (
    HEAD
    + """
print("while it is imported")
atexit.register(print, "at exit")
libc = ctypes.CDLL(None)

def noisy(point, streams):
    print("a line of Python")
    print("a line past sys.stdout", file=sys.__stdout__)
    os.write(1, b"a line to the descriptor\\n")
    libc.printf(b"a line of C\\n")
    subprocess.run(["echo", "a line of a child"], check=True)
    return {"x": 1.0, "path": os.environ.get("PYTHONSAFEPATH", "as the user has it")}

def target(k):
    print("while it is planned")
    return 1.0

BAND = within(target, abs=.1, provenance="author", because="a toy")
C = Claim(id="ends.noisy", locus="section 1", statement="One.", at=grid(k=[1]), rival=9.0, band=BAND,
          test=value(experiment(noisy)["x"]))
"""
)
NOISES = ["while it is imported", "while it is planned", "a line of Python", "a line past sys.stdout"]
NOISES += ["a line to the descriptor", "a line of C", "a line of a child", "at exit"]


@pytest.mark.landing
@pytest.mark.parametrize("where", [["--executor", "serial"], ["--jobs", "1"]], ids=" ".join)
def test_json_is_alone_on_standard_output_and_files_of_the_folder_shadow_nothing(tmp_path, clean, where):
    (tmp_path / "claims_noisy.py").write_text(NOISY)
    for name in ("numpy", "claims", "torch", "signal", "multiprocessing", "concurrent"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the working folder')\n")
    args = ["audit", "claims_noisy.py", "--json", "-", *where]
    ran = subprocess.run(program(*args), cwd=tmp_path, env=clean, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["counts"]["HOLDS"] == 1
    assert [noise for noise in NOISES if noise not in ran.stderr] == []
    assert "of the working folder" not in ran.stderr
    assert (tmp_path / ".claimbench/evidence.sqlite").exists()
    seen = subprocess.run(program("list", "claims_noisy.py", "--json"), cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(seen.stdout)[0]["id"] == "ends.noisy"


SLOW = (
    HEAD
    + """
def slow(point, streams):
    if streams.seed_index >= 8:
        pathlib.Path(__file__).with_name("started").touch()
        ctypes.PyDLL(None).sleep(point["seconds"])  # in C, with the interpreter's lock
    return {"x": float(streams.numpy("x").normal(1, 1))}

C = tuple(claim(f"slow-{k}", mean(experiment(slow, seconds=1)["x"]), at=grid(k=k, seconds=SECONDS)) for k in range(2))
"""
)


@pytest.mark.landing
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize(("seconds", "presses"), [(2, 1), (600, 3)], ids=["finished", "dropped"])
def test_ctrl_c_finishes_what_runs_and_again_drops_it(tmp_path, seconds, presses):
    """Pressed a third time, it takes nothing from the partial result either."""
    (tmp_path / "claims_slow.py").write_text(SLOW.replace("SECONDS", str(seconds)))
    command = program("audit", "claims_slow.py", "--jobs", "2", "--json", "partial.json")
    with open(tmp_path / "said", "w+") as said:
        process = subprocess.Popen(command, cwd=tmp_path, stdout=said, stderr=said, start_new_session=True)
        while not (tmp_path / "started").exists():
            assert process.poll() is None
            time.sleep(0.01)
        inside = children(process.pid)
        for press in range(presses):
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
            while not press and "interrupted: finishing" not in (tmp_path / "said").read_text():
                assert process.poll() is None
                time.sleep(0.01)
        status, text = process.wait(timeout=120), (tmp_path / "said").read_text()
    assert status == INTERRUPTED, text
    assert "Ctrl-C again drops" in text
    assert "Traceback" not in text
    assert "resume with: claimbench audit claims_slow.py" in text
    document = json.loads((tmp_path / "partial.json").read_text())
    assert document["counts"]["UNDECIDED"] == 2
    with Store(tmp_path / ".claimbench/evidence.sqlite") as store:
        seeds = [row.seed for row in store.rows()]
    assert len(seeds) >= 8
    assert (max(seeds) >= 8) is (presses == 1)
    while alive(inside):
        time.sleep(0.01)
