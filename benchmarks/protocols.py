"""Every stochastic experiment beside the straightforward protocol: how much sooner an interval is as narrow.

    python benchmarks/protocols.py [NAME...] [--seconds 4] [--quick] [--json FILE]

Both estimators are measured in turns in this process, on one thread, seed by seed, in seconds of the processor. A seed
of the audit gives all cells of a sweep; the straightforward protocol (``benchmarks/plain``) takes one run a cell. An
interval narrows with the root of the number of seeds, so that for equal width each side needs seconds in proportion to

    (seconds a seed) x (variance between seeds of what the claim judges),

and the gain is the quotient of the two, averaged over cells on the scale of logarithms. Its interval (95 %) holds the
variances by chi-squared and the quotient of times by Student's t. A line whose two estimators do not agree in the mean
(Welch's test, ALPHA for the whole table) is marked and the command ends with status 1: how fast a wrong number comes
is nothing to know. Lines below GAIN have their reason beside the protocol.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
import torch
from scipy import stats
from scipy.special import digamma

from benchmarks.comparison import Measurement, Row, Run, Trial, ours, plainly, rows, statistic
from benchmarks.limits import machine
from claims.kernels import native

#: What an experiment gains at least over the straightforward protocol, or says why not; and each width of Table 2.
GAIN, GAIN_TABLE_2 = 5.0, 200.0
#: Probability that any line of the table is marked although both estimators have the same mean.
ALPHA = 1e-3
#: Rounds of a line: at least, at most; seeds of ours in a round at most.
LEAST, MOST, SEEDS = 5, 24, 12
#: Seconds for each line, and for each width of Table 2, a seed of which takes the authors up to half a minute.
SECONDS, SECONDS_TABLE_2 = 4.0, 90.0
DRAWS = 20_000
#: Of what is only timed.
UNUSED_SEED = 10**6
Found = dict[tuple[Measurement, int], list[dict[str, Any]]]


@dataclass(frozen=True)
class Line:
    """A line of the table. ``seconds`` are those of one seed for all cells, ``spread`` is plain over ours (variances),
    ``gain`` their product with ``interval``; ``cells`` that were looked at, of ``runs`` that a plain seed takes;
    ``p`` of the test that both have one mean, times the cells; ``why`` the gain is no larger."""

    name: str
    plain_seconds: float
    our_seconds: float
    spread: float
    gain: float
    interval: tuple[float, float]
    least: float
    cells: int
    runs: int
    rounds: int
    seeds: int
    p: float
    why: str = ""


def measure(row: Row, *, seconds: float, least: int = LEAST) -> Line | str:
    """Measure a row in turns; the reason where nothing can be compared."""
    plain: Found = {}
    found: Found = {}
    # Once for what is loaded or compiled on the way, and once for how long it takes.
    each = min(_timed(_our_seeds, {}, row, range(1)) for _ in range(2))
    apart, others = _affordable(row, seconds / least)
    runs = row.runs(apart)
    times: list[tuple[float, float]] = []
    begin = time.perf_counter()
    while len(times) < least or (time.perf_counter() - begin < seconds and len(times) < MOST):
        spent = _timed(_plain_seed, plain, runs, row, len(times))
        count = max(2, min(SEEDS, round(spent / each)))
        at = len(found) // len(row.measurements)
        own = _timed(_our_seeds, found, row, range(at, at + count)) / count
        times.append((spent * len(row.runs(row.trials)) / len(runs), own))
    cells = [statistic(trial, found, plain) for trial in (*apart, *others)]
    cells = [(a, b) for a, b in cells if a.var() > 0 and b.var() > 0]
    if not cells:
        return "every seed gives the same value"
    return _line(row, cells, len(apart), np.array(times), row.protocol.why)


def _affordable(row: Row, seconds: float) -> tuple[tuple[Trial, ...], tuple[Trial, ...]]:
    """The cells to look at, fewer where a seed of all of them takes the plain protocol longer."""
    apart, others = row.chosen()
    one = _timed(_plain_seed, {}, row.runs(apart[:1]), row, UNUSED_SEED)
    return (apart, others) if one * len(apart) <= seconds else row.chosen(max(1, int(seconds / one)))


def _timed(function: Callable[..., None], *arguments: Any) -> float:
    """Seconds of the processor: on one thread those of a quiet machine's clock, on a busy one too."""
    begin = time.process_time()
    function(*arguments)
    return time.process_time() - begin


def _our_seeds(found: Found, row: Row, seeds: range) -> None:
    for seed in seeds:
        for measurement in row.measurements:
            found[measurement, seed] = ours(measurement, seed)


def _plain_seed(plain: Found, runs: Sequence[Run], row: Row, seed: int) -> None:
    for run in runs:
        plain.setdefault((run[0], seed), []).extend(plainly(run, row.protocol, seed))


def _line(row: Row, cells: Sequence[tuple[np.ndarray, np.ndarray]], apart: int, times: np.ndarray, why: str) -> Line:
    """Gain and interval from the statistics (ours, plain) of each cell and the seconds (plain, ours) of each round."""
    own, plain = (len(values) - 1 for values in cells[0])  # degrees of freedom
    logs = np.array([_log_variance(b) - _log_variance(a) for a, b in cells])
    log_times = np.log(times[:, 0] / times[:, 1])
    middle = logs.mean() + log_times.mean()
    generator = np.random.default_rng(0)
    # The cells of ours share their draws and may all err together; those of different plain runs are independent.
    independent = min(apart, len(cells))
    error = -_log_chi2(generator, own)
    error += sum(_log_chi2(generator, plain) for _ in range(independent)) / independent
    slack = log_times.std(ddof=1) / math.sqrt(len(times))
    error += slack * generator.standard_t(len(times) - 1, DRAWS)
    low, high = np.exp(middle - np.quantile(error, (0.975, 0.025)))
    p = min(float(stats.ttest_ind(a, b, equal_var=False).pvalue) for a, b in cells) * len(cells)
    return Line(
        name=row.name,
        plain_seconds=float(np.median(times[:, 0])),
        our_seconds=float(np.median(times[:, 1])),
        spread=float(np.exp(logs.mean())),
        gain=float(np.exp(middle)),
        interval=(float(low), float(high)),
        least=float(np.exp(logs.min() + log_times.mean())),
        cells=len(cells),
        runs=len(row.runs(row.trials)),
        rounds=len(times),
        seeds=own + 1,
        p=min(1.0, p),
        why=why if np.exp(middle) < bar(row.name) else "",
    )


def _log_variance(x: np.ndarray) -> float:
    """The log of the variance of normal values, without bias."""
    half = (len(x) - 1) / 2
    return float(np.log(x.var(ddof=1)) - digamma(half) + math.log(half))


def _log_chi2(generator: np.random.Generator, degrees: int) -> np.ndarray:
    """The error of ``_log_variance``, DRAWS times."""
    return np.log(generator.chisquare(degrees, DRAWS) / degrees) - digamma(degrees / 2) + math.log(degrees / 2)


def bar(name: str) -> float:
    """What the line has to gain."""
    return GAIN_TABLE_2 if name.startswith("Table 2") else GAIN


def heading() -> str:
    """Machine and versions."""
    threads = torch.get_num_threads()
    return f"{machine()}, threads: {threads}, torch {torch.__version__}; kernels: {native.description()}"


def text(line: Line, lines: int) -> str:
    """A line for people."""
    marks = ["does not agree"] if line.p < ALPHA / lines else []
    marks += [line.why or "no reason is given"] if line.gain < bar(line.name) else []
    low, high = line.interval
    return (
        f"{line.name:44}{1e3 * line.plain_seconds:11.1f}{1e3 * line.our_seconds:10.2f}{line.spread:9.2f}"
        f"{line.gain:9.1f} [{low:.3g}, {high:.3g}]  {'; '.join(marks)}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Experiments beside the straightforward protocol of their paper.")
    parser.add_argument("only", nargs="*", help="rows whose name contains one of these; all if none is given")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each row (default {SECONDS:g})")
    parser.add_argument("--quick", action="store_true", help="three rounds of each row, for a look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    if options.json and not options.json.absolute().parent.is_dir():  # told now, and not in ten minutes
        parser.error(f"--json: {options.json.parent} is no folder")
    chosen = [row for row in rows() if not options.only or any(part in row.name for part in options.only)]
    if not chosen:
        parser.error(f"no row's name contains {' or '.join(options.only)}")
    print(heading())
    print(f"{'':44}{'plain ms':>11}{'ours ms':>10}{'spread':>9}{'gain':>9}", flush=True)
    lines: list[Line] = []
    for row in chosen:
        long = SECONDS_TABLE_2 / SECONDS if row.name.startswith("Table 2") else 1.0
        seconds, least = (0.0, 3) if options.quick else (long * options.seconds, LEAST)
        line = measure(row, seconds=seconds, least=least)
        if isinstance(line, str):
            print(f"{row.name:44} {line}", flush=True)
            continue
        lines.append(line)
        print(text(line, len(chosen)), flush=True)
    if options.json:
        loads = os.getloadavg() if hasattr(os, "getloadavg") else ()
        content = {"heading": heading(), "load": loads, "rows": [asdict(line) for line in lines]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return 0 if lines and all(line.p >= ALPHA / len(chosen) for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
