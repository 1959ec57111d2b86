"""A process that has imported the large libraries and nothing of the harness, and forks a child for each job.

Run by its path, with the names of the libraries. A line of JSON comes in for each job, a line goes out: what
``inside.main`` returned, or how the child ended. When nobody is there any more to send jobs, the running child is ended
with it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.05


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a child prints is no answer
    for name in sys.argv[1:]:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            continue  # whoever needs it will say so
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(_forked(json.loads(line))), file=answers, flush=True)


def _forked(job: Mapping[str, Any]) -> dict[str, Any]:
    """What a child of its own makes of a job; its own processes end with it."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        result, output = Path(folder, "result.json"), Path(folder, "output.txt")
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setsid()
                descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                os.dup2(descriptor, 1)
                os.dup2(descriptor, 2)
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                result.write_text(json.dumps(_inside(job, Path(folder))), encoding="utf-8")
                status = 0
            except BaseException:  # noqa: BLE001  whatever it is, the parent is told
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        late = not _ended(child, job["seconds"])
        if result.is_file() and not late:
            found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
            return found
        tail = output.read_text(encoding="utf-8", errors="replace")[-2000:] if output.is_file() else ""
        return {"ended": "timeout" if late else "crash", "output": tail}


def _inside(job: Mapping[str, Any], folder: Path) -> Any:
    """In the child: the changes first, then everything else."""
    os.chdir(job["root"])
    os.environ.update(job["environment"])
    if job["changed"]:
        planting = _loaded("planting")
        os.environ.update(planting.environment(job["changed"], folder))
        planting.plant(job["changed"])
    return _loaded("inside").main(job)  # by its path: pytest wants to be the first that imports the package


def _loaded(name: str) -> Any:
    """A module beside this one, without the packages around it."""
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"_claims_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _ended(child: int, seconds: float) -> bool:
    """Wait for a child; False if it had to be ended, since time is up. With whoever sent the job both end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            _end(child)
            return True
        if select.select([0], [], [], _POLL_SECONDS)[0]:  # nobody sends a job before this one is answered: hung up
            _end(child)
            sys.exit(0)
    _end(child)
    os.waitpid(child, 0)
    return False


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
