"""What the schedule of looks costs: expected seeds over the least that any test needs, at the alpha of audits.

``python benchmarks/looks.py [--paths 20000] [--json FILE]`` simulates Student's t of normal seeds in BATCHES batches;
intervals (95 %) are Student's over batches. Beside the schedule of the catalogue stand six looks that double, and a
t-test of a fixed number of seeds that is told the distance and the spread, at the same alpha (statsmodels): it does not
know them in practice, and POWER of it is less than ours has from a distance of .5 on.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.records import Interval, mean_interval, table_file, write
from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.planning import PINNED_EPOCH
from claims.calibration.costs import Cost, costs, least_seeds

BATCHES, POWER = 10, 0.99


def fixed_seeds(distance: float, *, alpha: float = ALPHA_CLAIM / 2, power: float = POWER) -> int:
    """Seeds of a one-sided t-test whose mean lies so many standard deviations from the edge."""
    from statsmodels.stats.power import TTestPower

    def enough(seeds: int) -> bool:
        return bool(TTestPower().power(distance, seeds, alpha, alternative="larger") >= power)

    if not distance > 0:
        raise ValueError(f"got distance {distance}; allowed: above 0, where some number of seeds is enough")
    most = 2
    while not enough(most):
        most *= 2
    return most // 2 + 1 + bisect_left(range(most // 2 + 1, most), True, key=enough) if most > 2 else most


def rows(paths: int) -> list[dict[str, Any]]:
    """A line for each distance and schedule, and for the fixed test."""
    batches: dict[tuple[float, str], list[Cost]] = defaultdict(list)
    for batch in range(BATCHES):
        for cost in costs(max(2, paths // BATCHES), epoch=PINNED_EPOCH + batch):
            batches[cost.distance, cost.looks].append(cost)
    found: dict[float, list[dict[str, Any]]] = defaultdict(list)
    for (distance, looks), each in batches.items():
        found[distance].append(_simulated(distance, looks, each))
    for distance, lines in found.items():
        seeds = fixed_seeds(distance)
        least = least_seeds(distance, ALPHA_CLAIM)
        ratio = Interval(seeds / least, seeds / least, seeds / least)
        line = {"distance": distance, "looks": "one, told distance and spread", "seeds": seeds}
        lines.append(line | ratio.named("over_least") | {"decided": POWER})
    return [line for lines in found.values() for line in lines]


def _simulated(distance: float, looks: str, batches: Sequence[Cost]) -> dict[str, Any]:
    over = mean_interval([cost.over_least for cost in batches])
    seeds, decided = (sum(getattr(cost, name) for cost in batches) / len(batches) for name in ("seeds", "decided"))
    line = {"distance": distance, "looks": looks, "seeds": seeds}
    return line | over.named("over_least") | {"decided": decided}


def show(row: Mapping[str, Any]) -> str:
    """A line of the table."""
    ratio = f"{row['over_least']:.3f} [{row['over_least_low']:.3f}, {row['over_least_high']:.3f}]"
    return f"{row['distance']:<10}{row['looks']:32}{row['seeds']:8.1f}  {ratio:24}{100 * row['decided']:7.1f} %"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Seeds until an edge is cleared, over Wald's bound.")
    parser.add_argument("--paths", type=int, default=20_000, help="sequences of seeds (default 20,000)")
    parser.add_argument("--json", type=table_file, metavar="FILE", help="write the table there as well")
    options = parser.parse_args(arguments)
    if options.paths < 2 * BATCHES:
        parser.error(f"got --paths {options.paths}; allowed: at least {2 * BATCHES}")
    print(f"{'distance':10}{'looks':32}{'seeds':>8}  {'over the least, 95 %':24}{'decided':>9}")
    found = rows(options.paths)
    for row in found:
        print(show(row))
    if options.json:
        write(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
