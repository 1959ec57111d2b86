"""What the page on clusters gives to users of SLURM, run with stand-ins for ``sbatch`` and ``scancel`` as real jobs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import alive

from claims.comparing.digests import digest_of
from tests.pages import ROOT, blocks

PAGE = ROOT / "docs" / "howto" / "cluster.md"
FILES = {block.value: block.text for block in blocks(PAGE) if block.word == "file"}
DATA = Path(__file__).parent / "data"
CLAIMS = DATA / "claims_resume.py"
#: Starts each task of the array that the script, or the command line, asks for, and says a number as SLURM does.
SBATCH = """#!{python}
import os, re, subprocess, sys
words = sys.argv[1:]
array = [words.pop(0).partition("=")[2]] if words[0].startswith("--array=") else []
array += re.findall(r"^#SBATCH --array=(.*)$", open(words[0]).read(), re.M) + [""]
numbers = []
for part in filter(None, array[0].split(",")):
    first, _, last = part.partition("-")
    numbers += range(int(first), int(last or first) + 1)
ids = []
with open("sbatch.log", "ab") as log:
    for number in numbers or [None]:
        task = {{}} if number is None else {{"SLURM_ARRAY_TASK_ID": str(number), "SLURM_CPUS_PER_TASK": "1"}}
        job = subprocess.Popen(["bash", *words], env=os.environ | task, stdout=log, stderr=log, start_new_session=True)
        ids.append(job.pid)
open("jobs", "a").write("".join(f"{{each}}\\n" for each in ids))
print(f"Submitted batch job {{ids[0]}}")
"""
SCANCEL = """#!{python}
import os, signal, sys
os.killpg(int(sys.argv[1]), signal.SIGTERM)
"""
COMMAND = "#!{python}\nimport sys\nfrom claims.cli import main\nsys.exit(main())\n"


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A folder with the files of the page, and the commands of a queue on the path."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, text in {"sbatch": SBATCH, "scancel": SCANCEL, "claimbench": COMMAND}.items():
        (commands / name).write_text(text.format(python=sys.executable))
        (commands / name).chmod(0o755)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for pid in jobs(tmp_path):
        kill(pid)


def jobs(folder: Path) -> list[int]:
    return list(map(int, (folder / "jobs").read_text().split())) if (folder / "jobs").exists() else []


def kill(pid: int) -> None:
    """Kill a job with all that it has started, if it is still there."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def running(pid: int) -> bool:
    return bool(alive({pid}))


def ran(*words: object, status: int = 0) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def serial(folder: Path) -> list[str]:
    ran("claimbench", "audit", CLAIMS, "--executor", "serial", "--store", folder / "serial" / "e.sqlite", status=1)
    return digests(folder / "serial" / "e.sqlite")


def digests(store: Path) -> list[str]:
    return [digest_of(store).sha256, digest_of(store.with_name("latest.json")).sha256]


def test_the_script_keeps_its_number_of_parts_whatever_is_submitted_again():
    """SLURM's count and last number are those of what was submitted, not of the array that the parts are of."""
    text = FILES["audit.sbatch"]
    (last,) = re.findall(r"^#SBATCH --array=1-(\d+)$", text, re.M)
    assert f'"$SLURM_ARRAY_TASK_ID/${{PARTS:-{last}}}"' in text
    assert not re.search("SLURM_ARRAY_TASK_(COUNT|MAX|MIN)", text)
    ran("bash", "-n", "-c", text)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_an_array_whose_jobs_are_killed_and_submitted_again(queue, monkeypatch):
    """Claims that differ from the record, so that parts end with a status that is no failure of the job."""
    monkeypatch.setenv("PARTS", "3")
    monkeypatch.setenv("TOY_LOG", str(queue / "log"))
    monkeypatch.setenv("TOY_SECONDS", "0.01")
    ran("sbatch", "--array=1-3", "audit.sbatch", CLAIMS)
    while not (queue / "log").exists() or (queue / "log").read_text().count("\n") < 40:
        time.sleep(0.05)
    for pid in jobs(queue):
        kill(pid)
    monkeypatch.setenv("TOY_SECONDS", "0")
    for part in (1, 2, 3):
        ran("sbatch", f"--array={part}", "audit.sbatch", CLAIMS)
        while running(jobs(queue)[-1]):
            time.sleep(0.05)
    stores = [queue / "parts" / str(part) / "evidence.sqlite" for part in (1, 2, 3)]
    whole = queue / "whole" / "e.sqlite"
    told = ran("claimbench", "evidence", "merge", *stores, "--store", whole)
    assert "from 3 stores" in told, (queue / "sbatch.log").read_text()
    assert "0 seeds measured" in ran("claimbench", "audit", CLAIMS, "--store", whole, status=1)
    assert digests(whole) == serial(queue)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_workers_that_dask_jobqueue_submits(queue):
    pytest.importorskip("dask_jobqueue")
    ran(sys.executable, "on_slurm.py", CLAIMS, "--store", queue / "cluster" / "e.sqlite", status=1)
    assert len(jobs(queue)) == 2
    assert digests(queue / "cluster" / "e.sqlite") == serial(queue)
    assert not any(running(pid) for pid in jobs(queue)), "jobs are cancelled with the cluster"
