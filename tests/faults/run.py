"""The table of faults, at length: ``run.py [--corruptions N] [--seed S] [--only NUMBER]``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))

from corruption import KINDS, cases, specimens  # noqa: E402
from table import Line, shown, total  # noqa: E402


def corruptions(folder: Path, *, seed: int, numbers: range, show: bool = False) -> tuple[list[Line], list[str]]:
    """The lines of damaged stores, and in words each case that came out as it must not."""
    lines = {kind: Line(kind) for kind in KINDS}
    bad = []
    for case in cases(specimens(folder / "specimens"), folder / "case", seed=seed, numbers=numbers):
        lines[case.kind].count(case.outcome)
        if show or case.outcome in ("lost", "wrong", "traceback"):
            bad.append(f"{case.number}: {case.kind} of {case.specimen}, {case.what}: {case.outcome}: {case.words}")
    return list(lines.values()), bad


def main() -> int:
    """Print the table; 0 if nothing was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corruptions", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="Root of all of them.")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="Repeat one, and show what was said.")
    given = parser.parse_args()
    one = given.only is not None
    numbers = range(given.only, given.only + 1) if one else range(given.corruptions)
    with tempfile.TemporaryDirectory(prefix="claims-faults-") as folder:
        lines, bad = corruptions(Path(folder), seed=given.seed, numbers=numbers, show=one)
    print(shown(line for line in lines if line.tried))
    for words in bad:
        print(words)
    return 2 if total(lines).bad else 0


if __name__ == "__main__":
    sys.exit(main())
