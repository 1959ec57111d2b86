"""A verdict by the audit, beside what people write today: allclose under pytest, a fixed t-test, hypothesis alone.

    python benchmarks/harness_peers.py [CLAIM]... [--epochs 20] [--json FILE]

Each claim is audited under so many epochs: seeds and seconds until it HOLDS are measured. The seeds of all epochs
together then say how far the truth lies from the nearest edge of the band, and with that

* how many seeds a t-test needs that is told so beforehand, at the audit's alpha and POWER (statsmodels), and one that
  is planned for a distance of PLANNED standard deviations, as it has to be where nobody tells;
* how many ``numpy.testing.assert_allclose`` needs to err as seldom, told the distance and the spread, with a tolerance
  that is narrower than the band by as much as the mean may be off;
* how often it errs with one fixed seed and the band for a tolerance, as it is written, counted over all seeds;
* what hypothesis says of "every seed lies in the band", run here.

*Wrong at the edge* is how often the claim is called true where the truth lies on the edge of its band; *decides*, how
often it is called true where it is true. Seconds are those of one process: starting it, and the seeds, which cost the
same whoever asks for them; starts are measured here in turns. Only the audit has an answer where a claim is false, on
seeds that it has not seen, and keeps what it measured.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np

from benchmarks.looks import POWER, fixed_seeds
from benchmarks.records import Interval, mean_interval, rate_interval, table_file, write
from benchmarks.timing import interleaved
from claims import audit
from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.planning import PINNED_EPOCH
from claims.auditing.results import PointResult
from claims.auditing.trial import sample_of
from claims.evidence.measure import Outcome
from claims.kinds.base import JudgesMeans
from claims.verdict import HOLDS

CLAIMS = (
    "sign-magnitude.thm4.finite-size",
    "sign-magnitude.sec84.ratio-pre-measured",
    "sign-magnitude.b158.turns-less",
    "sign-magnitude.cor1.rate",
)
EPOCHS, PLANNED, EXAMPLES, RESAMPLES = 20, 0.5, 100, 2000
ALLCLOSE = "import numpy as np\nimport torch\n\n\ndef test_it():\n    np.testing.assert_allclose(1.0, 1.0, rtol=0.01)\n"


@dataclass(frozen=True)
class Audits:
    """A claim under several epochs.

    Attributes:
        kind: of the claim.
        seeds: of each epoch's verdict.
        held: epochs in which it HOLDS.
        seconds: of one seed.
        inside: how far each seed lies inside of each finite edge of the band, shape (edges, all seeds).
    """

    kind: str
    seeds: tuple[int, ...]
    held: int
    seconds: float
    inside: np.ndarray


def audits(name: str, epochs: int) -> Audits:
    """Audit a claim under so many epochs, each from nothing; of several points the first one counts."""
    points = []
    for epoch in range(PINNED_EPOCH, PINNED_EPOCH + epochs):
        points.append(audit(name, epoch=epoch, tier="standard", executor="serial", store=None)[name].points[0])
    seeds = tuple(point.trial.main_seeds for point in points)
    return Audits(
        kind=points[0].trial.claim.test.kind,
        seeds=seeds,
        held=sum(point.verdict is HOLDS for point in points),
        seconds=sum(point.seconds for point in points) / sum(seeds),
        inside=np.concatenate([inside(point) for point in points], axis=1),
    )


def inside(point: PointResult) -> np.ndarray:
    """How far each seed lies inside of each finite edge, shape (edges, seeds): true where all means are positive.

    Raises:
        ValueError: the claim is not decided by means of one number a seed.
    """
    trial, band, test = point.trial, point.trial.band, point.trial.claim.test
    if band is None or test.kind == "trend" or not isinstance(test, JudgesMeans):
        raise ValueError(f"{trial.claim.id} is not decided by a mean over seeds against a band: {test.kind}")

    def outcome(measurement: Any, seed: int) -> Outcome:
        return point.outcomes[measurement, seed]

    means = test.means(sample_of(trial, range(trial.main_seeds), outcome), band)
    edges = [(edge, sign) for edge, sign in ((band.lo, 1.0), (band.hi, -1.0)) if math.isfinite(edge)]
    if test.kind == "ratio":  # beyond each edge already
        return np.array([sign * x for x, (_, sign) in zip(means, edges, strict=True)])
    return np.array([sign * (means[0] - edge) for edge, sign in edges])


def distances(values: np.ndarray) -> Interval:
    """From the truth to the nearest edge, in standard deviations of a seed; its interval (95 %) by resampling seeds."""
    draw = np.random.default_rng(0)

    def nearest(x: np.ndarray) -> float:
        return float((x.mean(axis=1) / x.std(axis=1, ddof=1)).min())

    resampled = [nearest(values[:, draw.integers(values.shape[1], size=values.shape[1])]) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, (0.025, 0.975))
    return Interval(nearest(values), float(low), float(high))


def allclose_seeds(distance: float) -> int:
    """Seeds of a comparison that knows the spread: its tolerance is short of the edge by what alpha asks for."""
    from scipy.stats import norm

    return math.ceil(((norm.isf(ALPHA_CLAIM / 2) + norm.isf(1 - POWER)) / distance) ** 2)


def examples(values: np.ndarray) -> tuple[int, bool]:
    """What hypothesis says of "every seed lies in the band": how many examples it tried, and whether it found none."""
    from hypothesis import given, settings
    from hypothesis import strategies as st

    tried = []

    @settings(max_examples=EXAMPLES, database=None, derandomize=True, deadline=None)
    @given(st.integers(0, values.shape[1] - 1))
    def every_seed(seed: int) -> None:
        tried.append(seed)
        assert (values[:, seed] > 0).all()

    try:
        every_seed()
    except AssertionError:
        return len(tried), False
    return len(tried), True


def starts(name: str) -> dict[str, float]:
    """Seconds of a process with nothing to measure: the audit of a claim in store, and pytest with one comparison."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(ALLCLOSE, encoding="utf-8")
        call = "import sys; from claims.cli import main; sys.exit(main())"
        again = ["-c", call, "audit", name, "--tier", "standard", "--executor", "serial", "--no-table"]
        plain = ["-m", "pytest", "-q", "-p", "no:claims", "-p", "no:cacheprovider", "test_it.py"]

        def runs(arguments: Sequence[str]) -> None:
            ended = subprocess.run([sys.executable, *arguments], cwd=folder, check=False, capture_output=True)
            if ended.returncode not in {0, 3}:
                raise RuntimeError(f"{arguments[:3]} ended with {ended.returncode}: {ended.stderr.decode()[-2000:]}")

        times = interleaved({"audit": lambda: runs(again), "pytest": lambda: runs(plain)}, seconds=6.0)
    return {side: found.median for side, found in times.items()}


def rows(name: str, epochs: int) -> list[dict[str, Any]]:
    """The lines of a claim: flat rows, one a method."""
    found, start = audits(name, epochs), starts(name)
    distance = distances(found.inside)
    if distance.low <= 0:
        raise ValueError(f"{name} lies on the edge of its band as far as these seeds tell: nothing decides it")
    seeds, held = mean_interval(found.seeds), rate_interval(found.held, len(found.seeds))
    at_edge, misses = single_seed(found.inside)
    tried, passed = examples(found.inside)
    told = "truth and spread"

    def fixed(method: str, count: Any, told: str) -> dict[str, Any]:
        low, high = (count(each) for each in (distance.high, distance.low))
        return line(method, Interval(count(distance.value), low, high), "pytest", ALPHA_CLAIM / 2, POWER, told)

    def line(method: str, count: Interval, side: str, wrong: float, decides: float, told: str) -> dict[str, Any]:
        facts = {"claim": name, "kind": found.kind, "distance": distance.value, "method": method, "told": told}
        seconds = start[side] + count.value * found.seconds
        return facts | count.named("seeds") | {"seconds": seconds, "wrong_at_edge": wrong, "decides": decides}

    one, hypothesis = Interval(1, 1, 1), Interval(tried, tried, tried)
    return [
        line("claimbench audit", seeds, "audit", ALPHA_CLAIM / 2, held.value, "nothing"),
        fixed("t-test, fixed seeds", fixed_seeds, told),
        fixed(f"t-test, planned for {PLANNED}", lambda _: fixed_seeds(PLANNED), "nothing"),
        fixed("assert_allclose, as sure", allclose_seeds, told),
        line("assert_allclose, one seed", one, "pytest", at_edge, 1 - misses, "nothing"),
        line("hypothesis, every seed", hypothesis, "pytest", at_edge**EXAMPLES, float(passed), "nothing"),
    ]


def single_seed(values: np.ndarray) -> tuple[float, float]:
    """How often one seed lies in the band where the truth lies on the nearest edge, and out of it where it is."""
    nearest = values[(values.mean(axis=1) / values.std(axis=1, ddof=1)).argmin()]
    return float((nearest > nearest.mean()).mean()), float((values <= 0).any(axis=0).mean())


def show(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    seeds = f"{row['seeds']:.4g} [{row['seeds_low']:.4g}, {row['seeds_high']:.4g}]"
    wrong = f"{row['wrong_at_edge']:.1g}"
    return (
        f"  {row['method']:28}{seeds:24}{row['seconds']:8.2f} s{wrong:>9}{100 * row['decides']:8.1f} %  {row['told']}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Seeds and seconds to a verdict, beside what people write today.")
    parser.add_argument("claims", nargs="*", default=CLAIMS, metavar="CLAIM", help="ids; four of the catalogue if none")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"audits of each claim (default {EPOCHS})")
    parser.add_argument("--json", type=table_file, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    if options.epochs < 2:
        parser.error(f"got --epochs {options.epochs}; allowed: at least 2")
    found: list[dict[str, Any]] = []
    print(f"  {'':28}{'seeds, 95 %':24}{'seconds':>10}{'wrong':>9}{'decides':>10}  told beforehand")
    for name in options.claims:
        lines = rows(name, options.epochs)
        print(f"{name} ({lines[0]['kind']}), {lines[0]['distance']:.2f} standard deviations from the edge")
        print("\n".join(map(show, lines)), flush=True)
        found += lines
    if options.json:
        write(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
