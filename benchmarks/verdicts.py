"""What asv tracks of whole verdicts: seeds and seconds until one is reached, audits again, starting, memory.

All of it is asked of the command line, whose words and JSON any commit has; a claim that a commit does not have is NaN
there, a gap in the page. Seeds and half-widths are the same at every measurement of a commit, seconds are not.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.harness import command, python

#: Claims that stand for the others, and the half-width of an interval to which the seconds are told: near that of the
#: claim's own verdict, and never changed with it.
HALF_WIDTHS = {
    "sign-magnitude.fact1.exact": 0.001,
    "sign-magnitude.prop2.rademacher": 0.02,
    "sign-magnitude.cor1.rate": 0.04,
    "sign-magnitude.sec43.magnitude-kept": 0.008,
    "sign-magnitude.thm4.finite-size": 0.003,
    "sign-magnitude.sec84.ratio-pre-measured": 0.01,
    "sign-magnitude.v3.radial-share": 0.01,
    "sign-magnitude.silu.toy-is-linear": 0.1,
    "sign-magnitude.beyond.weight-laws": 0.02,
    "mean-bias.eq1.planted": 0.0005,
    "mean-bias.sec2.others-cancel": 0.07,
    "mean-bias.eq4.share-with-depth": 0.01,
    "mean-bias.nvfp4.error": 0.00005,
    "mean-bias.alternatives.mode-share": 0.01,
}
CLAIMS = tuple(HALF_WIDTHS)
#: What is audited again; all claims at the smoke tier.
SELECT: tuple[str, ...] = ()
#: Seeds in the store that is exported.
STORED = 100_000
STORE, LARGE = "store.sqlite", "large.sqlite"
OPTIONS = ("--model", "none", "--no-table", "--executor")
Decided = dict[str, dict[str, float]]


def audited(*arguments: str) -> int:
    """The status of an audit; 0, 1 and 3 have a result.

    Raises ``RuntimeError`` with what it said for any other.
    """
    call = "import sys; from claims.cli import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", call, "audit", *arguments], check=False, capture_output=True, text=True
    )
    if ended.returncode not in {0, 1, 3}:
        raise RuntimeError(f"claimbench audit ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return ended.returncode


def decided(claim: dict[str, Any], half_width: float) -> dict[str, float]:
    """Seeds of a claim's verdict, and seconds until its interval would have a half-width: they fall with its square."""
    if claim["interval"] is None or None in claim["interval"]:
        return {"seeds": float(claim["seeds"]), "seconds": math.nan}
    half = (claim["interval"][1] - claim["interval"][0]) / 2
    return {"seeds": float(claim["seeds"]), "seconds": claim["seconds"] * (half / half_width) ** 2}


class Deciding:
    """One claim at the tier that decides it, measured in one process."""

    params = (CLAIMS,)
    param_names = ("claim",)
    timeout = 60.0

    def setup_cache(self) -> Decided:
        """Audit all of them once; the tracked numbers are taken from this."""
        catalogue = {claim["id"] for claim in json.loads(command("list", "--json"))}
        there = [name for name in CLAIMS if name in catalogue]
        found = {name: {"seeds": math.nan, "seconds": math.nan} for name in CLAIMS}
        if there:
            audited(*there, "--tier", "standard", "--store", STORE, *OPTIONS, "serial", "--json", "result.json")
            result = json.loads(Path("result.json").read_text(encoding="utf-8"))
            found |= {claim["id"]: decided(claim, HALF_WIDTHS[claim["id"]]) for claim in result["claims"]}
        return found

    setup_cache.timeout = 600.0  # type: ignore[attr-defined]

    def track_seeds_to_verdict(self, found: Decided, name: str) -> float:
        """Seeds after which the claim was decided."""
        return found[name]["seeds"]

    def track_seconds_to_half_width(self, found: Decided, name: str) -> float:
        """Seconds of measuring until the interval has its half-width in HALF_WIDTHS."""
        return found[name]["seconds"]

    track_seeds_to_verdict.unit = "seeds"  # type: ignore[attr-defined]
    track_seconds_to_half_width.unit = "seconds"  # type: ignore[attr-defined]


class Unchanged:
    """Everything audited again, with nothing to measure; and what is in store, exported."""

    timeout = 300.0
    number, repeat, warmup_time = 1, (3, 5, 60.0), 0.0

    def setup_cache(self) -> None:
        """A store with all that an audit needs, and one with STORED seeds, in the folder of these benchmarks."""
        audited(*SELECT, "--tier", "smoke", "--store", STORE, *OPTIONS, "process:2")
        fill(STORED)

    setup_cache.timeout = 1200.0  # type: ignore[attr-defined]

    def time_audit(self) -> None:
        """A fresh interpreter that audits again."""
        audited(*SELECT, "--tier", "smoke", "--store", STORE, *OPTIONS, "serial")

    def peakmem_audit(self) -> None:
        """The process that audits again."""
        inside("audit", *SELECT, "--tier", "smoke", "--store", STORE, *OPTIONS, "serial")

    def peakmem_export(self) -> None:
        """The process that exports the large store."""
        inside("evidence", "export", "--store", LARGE, "--csv", "large.csv")


class Fresh:
    """A fresh interpreter that measures nothing."""

    timeout = 120.0
    number, repeat, warmup_time = 1, (5, 10, 20.0), 0.0

    def time_import(self) -> None:
        """``import claims``."""
        python("-c", "import claims")

    def time_help(self) -> None:
        """``claimbench --help``."""
        command("--help")

    def time_list(self) -> None:
        """``claimbench list``."""
        command("list")

    def peakmem_list(self) -> None:
        """The process that lists."""
        inside("list")


def inside(*arguments: str) -> None:
    """A command in this very process, whose memory is looked at; what it prints goes nowhere.

    Raises ``RuntimeError`` where it has no result.
    """
    from claims.cli import main

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
        status = main(arguments, standalone_mode=False)
    if status not in {None, 0, 1, 3}:
        raise RuntimeError(f"claimbench {arguments[0]} ended with {status}: {said.getvalue()[-2000:]}")


def fill(seeds: int) -> None:
    """Make the large store: so many seeds of what the other store says that it has measured, 250 a point."""
    from claims.evidence.store import Identity, Store

    with Store.reading(Path(STORE)) as opened:
        row, contents = next(opened.rows()), opened.identities()
    identity, records = Identity.of(contents[row.identity]), json.loads(row.records)
    with Store(Path(LARGE)) as opened:
        for begin in range(0, seeds, 250):
            measured = ((seed, records, row.seconds) for seed in range(min(250, seeds - begin)))
            opened.put(identity, row.experiment, json.loads(row.base) | {"copy": begin}, measured)
