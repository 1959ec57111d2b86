"""How skewed seeds mislead Student's t: simulated factors of its interval, and what verdicts err with them and without.

``python tools/skewness.py`` takes a quarter of an hour. It writes the factors to
``src/claims/auditing/skewness.toml``, what it counted to ``skewness.json`` beside this file, and the table of that to
``docs/trust.md``; ``--rates`` counts alone. Tests hold the vectorised rule below to the verdicts of an audit, the table
to the record, and the record to the factors and looks of today.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy import optimize, stats

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.qualification import MOST_SKEWNESS
from claims.auditing.schedule import schedule_of
from claims.auditing.shape import factor, standardised, surely
from claims.experiment import Experiment
from claims.kinds import bound
from claims.kinds.base import CLOSE_LOOKS, LOOKS
from claims.kinds.intervals import count_interval

ROOT = Path(__file__).parents[1]
DATA, PAGE = ROOT / "src" / "claims" / "auditing" / "skewness.toml", ROOT / "docs" / "trust.md"
RECORD = Path(__file__).with_suffix(".json")
Law = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

#: Skewnesses of the table, and samples of each number of seeds and law.
SKEWNESSES, SAMPLES = (0.5, 1.0, 2.0), 2_000_000
#: When a claim about a mean is looked at, and how it shares its alpha.
SCHEDULE, LOOKED = schedule_of(bound(Experiment("data", "")["x"])), CLOSE_LOOKS
#: About what a look may err in one tail: a half of it.
_LEVEL = ALPHA_CLAIM / 20 / 2
#: Tail probabilities at which quantiles are counted, from which that of a look is extrapolated.
_TAILS = np.logspace(-3, -5, 9)
#: Claims of each law of the page's table, and how many are drawn at once.
CLAIMS, BATCH = 400_000, 5000


def gamma(skewness: float) -> Law:
    """Gamma distributed seeds of mean 0 and variance 1; exponential ones at skewness 2."""
    k = 4 / skewness**2
    return lambda rng, shape: (rng.standard_gamma(k, size=shape) - k) / math.sqrt(k)


def lognormal(skewness: float) -> Law:
    """Log-normal seeds of mean 0 and variance 1."""

    def excess(s: float) -> float:
        return (math.exp(s * s) + 2) * math.sqrt(math.expm1(s * s)) - skewness

    s = float(optimize.brentq(excess, 1e-3, 3.0))
    mean = math.exp(s * s / 2)
    sd = mean * math.sqrt(math.expm1(s * s))
    return lambda rng, shape: (np.exp(s * rng.standard_normal(shape)) - mean) / sd


def _outliers(share: float, size: float) -> Law:
    return lambda rng, shape: rng.standard_normal(shape) + size * ((rng.random(shape) < share) - share)


#: Seeds of the page's table, of mean 0.
LAWS: dict[str, Law] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "uniform": lambda rng, shape: rng.random(shape) - 0.5,
    "a count of 20 coins": lambda rng, shape: rng.binomial(20, 0.5, shape) - 10.0,
    "Student's t, 5 degrees": lambda rng, shape: rng.standard_t(5, shape),
    "gamma, skewness 0.5": gamma(0.5),
    "gamma, skewness 1": gamma(1.0),
    "exponential, skewness 2": gamma(2.0),
    "log-normal, skewness 1.75": lognormal(1.75),
    "log-normal, skewness 6.2": lognormal(6.18),
    "normal, 5 % outliers 10 sd away": _outliers(0.05, 10.0),
    "normal, 1 % outliers 10 sd away": _outliers(0.01, 10.0),
}


def factors(skewness: float, rng: np.random.Generator) -> Iterator[float]:
    """For each look how many times as wide the interval has to be, for the worse of the two laws of that skewness."""
    for seeds in LOOKS:
        yield max(_factor(law(skewness), seeds, rng) for law in (gamma, lognormal))


def _factor(law: Law, seeds: int, rng: np.random.Generator, samples: int = SAMPLES) -> float:
    """Of the tail of t in which the long tail of the seeds is missed, extrapolated to where a look errs so seldom.

    The other tail is thin, and would leave its half of the level to this one: that is kept in reserve, since a
    claim that is wrong at one look may be so at others.
    """
    size = max(1, 2_000_000 // seeds)
    kept = []
    for _ in range(-(-samples // size)):
        x = law(rng, (size, seeds))
        t = -math.sqrt(seeds) * x.mean(axis=1) / x.std(axis=1, ddof=1)
        kept.append(np.partition(t, -max(1, size // 200))[-max(1, size // 200) :])
    found = np.sort(np.concatenate(kept))[::-1]
    places = (_TAILS * size * -(-samples // size)).astype(int)
    ratios = np.log(found[places] / stats.t.isf(_TAILS, seeds - 1))
    slope, at_one = np.polyfit(np.log(_TAILS), ratios, 1)
    return max(1.0, math.exp(at_one + slope * math.log(_LEVEL)))


def first_decisions(x: np.ndarray, *, trusting: bool) -> np.ndarray:
    """Of claims that a mean is at most 0, a row of seeds each: 1 HOLDS, -1 REFUTED on a first block, 0 UNDECIDED."""
    decided = np.zeros(len(x), dtype=int)
    for seeds in LOOKED:
        part = x[:, :seeds]
        moments = standardised(part - part.mean(axis=1, keepdims=True))
        t = np.sqrt(seeds) * part.mean(axis=1) / part.std(axis=1, ddof=1)
        needed = np.full(len(x), stats.t.isf(ALPHA_CLAIM * SCHEDULE.share(seeds) / 2, seeds - 1))
        if not trusting:
            sure = surely(moments, seeds)
            allowed = sure if seeds == LOOKED[-1] else np.full_like(sure, MOST_SKEWNESS)
            levels = np.linspace(0, MOST_SKEWNESS, 201)
            needed *= np.interp(allowed, levels, [factor(seeds, level) for level in levels])
            needed[sure > MOST_SKEWNESS] = np.inf
        decided = np.where(decided == 0, np.where(t < -needed, 1, np.where(t > needed, -1, 0)), decided)
    return decided


def wrong_of(law: Law, claims: int) -> list[int]:
    """How many of so many claims are decided with the truth on an edge of the band, where every decision is false.

    By Student's t alone, and qualified; of a band with an upper edge and one with a lower, those of the worse.
    """
    rng, wrong = np.random.default_rng(5), np.zeros((2, 2), dtype=int)
    for _ in range(claims // BATCH):
        x = law(rng, (BATCH, LOOKED[-1]))
        tried = x[_crossing(x)]  # few: the others are decided by neither
        for row, trusting in enumerate((True, False)):
            decided = first_decisions(tried, trusting=trusting)
            wrong[row] += [(decided == 1).sum(), (decided == -1).sum()]
    alone, qualified = wrong.max(axis=1).tolist()
    return [alone, qualified]


def _crossing(x: np.ndarray) -> np.ndarray:
    """Which rows Student's t decides at any look."""
    n = np.array(LOOKED)
    total, squares = (values.cumsum(axis=1)[:, n - 1] for values in (x, x * x))
    variance = np.maximum((squares - total**2 / n) / (n - 1), np.finfo(float).tiny)
    needed = stats.t.isf([ALPHA_CLAIM * SCHEDULE.share(look) / 2 for look in LOOKED], n - 1)
    result: np.ndarray = (np.abs(total) > 0.999 * needed * np.sqrt(n * variance)).any(axis=1)
    return result


HEAD = "| seeds like | by Student's t alone | qualified | at most |\n| --- | --- | --- | --- |\n"


def table(record: Mapping[str, Any]) -> str:
    """Markdown: how many times the promised rate of a claim its false HOLDS, or REFUTED on a first block, is.

    The last column is the upper end of the exact 95 % interval of the one before.
    """
    promised = record["claims"] * ALPHA_CLAIM
    rows = []
    for name, (alone, qualified) in record["wrong"].items():
        most = count_interval(qualified, record["claims"], 0.05)[1] * record["claims"]
        found = " | ".join(_times(count / promised) for count in (alone, qualified, most))
        rows.append(f"| {name} | {found} |\n")
    return HEAD + "".join(rows)


def _times(rate: float) -> str:
    return f"{rate:.1f}" if rate < 10 else f"{rate:.0f}"


def decided_by() -> dict[str, Any]:
    """What the counts of the record follow from: looks with their levels, and factors."""
    return {
        "levels": {str(look): ALPHA_CLAIM * SCHEDULE.share(look) for look in LOOKED},
        "factors": hashlib.sha256(DATA.read_bytes()).hexdigest(),
    }


def counted() -> dict[str, Any]:
    """The record: what was counted of each law, and what that follows from."""
    wrong = {}
    for name, law in LAWS.items():
        wrong[name] = wrong_of(law, CLAIMS)
        print(name, *wrong[name], flush=True)
    return {"claims": CLAIMS, "wrong": wrong, "first": first_of_each()} | decided_by()


def first_of_each() -> dict[str, list[int]]:
    """What is counted of the first claims of each law, as a test does again."""
    return {name: wrong_of(law, BATCH) for name, law in LAWS.items()}


def write_factors() -> None:
    """The table of factors, each rounded up."""
    lines = ["# How many times as wide as Student's interval one has to be. Written by tools/skewness.py.\n"]
    lines.append(f"seeds = [{', '.join(map(str, LOOKS))}]\nrows = [\n")
    for skewness in SKEWNESSES:
        found = factors(skewness, np.random.default_rng(int(10 * skewness)))
        cells = ", ".join(f"{math.ceil(100 * each) / 100:.2f}" for each in found)
        lines.append(f"    {{ skewness = {skewness}, factors = [{cells}] }},\n")
        print(lines[-1], end="", flush=True)
    DATA.write_text("".join([*lines, "]\n"]), encoding="utf-8")


def main() -> None:
    """Write what the command line says."""
    if "--rates" not in sys.argv:
        write_factors()
        factor.__globals__["_table"].cache_clear()
    record = counted()
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    head = HEAD.partition("\n")[0].split(" | ")[0]
    pattern = re.escape(head) + r" \|.*\n(?:\|.*\n)*"
    text, tables = re.subn(pattern, lambda _: table(record), PAGE.read_text(encoding="utf-8"))
    if tables != 1:
        raise SystemExit("the page has no place for the table")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
