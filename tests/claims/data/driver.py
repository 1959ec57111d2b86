"""Audits in processes of their own, some of them killed. Imported, and run as ``driver.py MODE STORE ...``."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent
if str(DATA) not in sys.path:
    sys.path.append(str(DATA))

from claims_resume import CLAIMS  # noqa: E402

from claims.auditing.loop import run  # noqa: E402
from claims.auditing.planning import plan  # noqa: E402
from claims.evidence.store import Store  # noqa: E402
from claims.verdict import Tier  # noqa: E402


def audit(store: Path, executor: str) -> dict[str, Any]:
    """Audit the catalogue of ``claims_resume``; its result without times."""
    with Store(store) as opened:
        result = run(plan(CLAIMS, tier=Tier.FULL, epoch=7, paths=(str(DATA),)), opened, executor=executor)
    return without_times(result.to_json())


def without_times(document: Any) -> Any:
    """A result document, or part of one, without what a clock says."""
    if isinstance(document, dict):
        return {key: without_times(value) for key, value in document.items() if key != "seconds"}
    return [without_times(value) for value in document] if isinstance(document, list) else document


def stored(store: Path) -> set[tuple[int, int]]:
    """(k, seed) of every row."""
    with Store(store) as opened:
        return {(json.loads(row.base)["k"], row.seed) for row in opened.rows()}


def forked(work: Callable[[], object]) -> int:
    """Do some work in a child process; its id. Cheap: everything is imported already."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:  # noqa: BLE001  whatever it was, this process ends here
        traceback.print_exc()
        os._exit(1)


def write(store: Path, out: Path) -> None:
    out.write_text(json.dumps(audit(store, "serial")))


def kill_often(store: Path, out: Path, log: Path, kills: int) -> None:
    """Kill an audit at random moments, resume it each time, and look for seeds measured although stored."""
    rng, done, repeated, progress = random.Random(1), 0, [], []
    while done < kills:
        before, lines = (stored(store) if store.exists() else set()), _lines(log)
        child = forked(lambda: audit(store, "serial"))
        enough = len(lines) + rng.randrange(0, 50)  # seeds, not seconds: the same on a busy machine
        while len(_lines(log)) < enough:
            if os.waitpid(child, os.WNOHANG)[0]:
                raise SystemExit(f"the audit ended before it could be killed {kills} times")
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 0.01))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), status
        done += 1
        measured = {tuple(map(int, line.split()[1:])) for line in _lines(log)[len(lines) :]}
        repeated += sorted(measured & before)
        lost = before - stored(store)
        progress.append([len(before), len(measured), len(lost)])
    os.environ["TOY_SECONDS"] = "0"
    os.waitpid(forked(lambda: write(store, out)), 0)
    report = {"kills": done, "repeated": repeated, "progress": progress}
    (out.parent / "report.json").write_text(json.dumps(report))


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def together(store: Path, out: Path, audits: int) -> None:
    """Several audits of one store at once."""
    outs = [out.with_suffix(f".{i}.json") for i in range(audits)]
    children = [forked(lambda out=out: write(store, out)) for out in outs]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    out.write_text(json.dumps({"statuses": statuses, "results": [json.loads(file.read_text()) for file in outs]}))


def main(mode: str, store: str, *rest: str) -> None:
    if mode == "audit":
        audit(Path(store), rest[0])
    elif mode == "kill-and-race":
        folder = Path(rest[0])
        audit(folder / "warm.sqlite", "serial")  # imports all that the children need
        os.environ |= {"TOY_LOG": str(folder / "log"), "TOY_SECONDS": "0.001"}
        kill_often(Path(store), folder / "killed.json", folder / "log", int(rest[1]))
        together(folder / "race.sqlite", folder / "race.json", 2)


if __name__ == "__main__":
    main(*sys.argv[1:])
