"""What tables of benchmarks share: intervals, the machine in words, and the file that a table is kept in."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Interval:
    """A number with the interval that it has."""

    value: float
    low: float
    high: float

    def named(self, name: str) -> dict[str, float]:
        """As columns of a flat row: NAME, NAME_low, NAME_high."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval:
    """Of the mean, by Student's t; of equal values, or one, it is the value."""
    import numpy as np
    from scipy.stats import t

    x = np.asarray(values, dtype=float)
    middle = float(x.mean())
    if len(x) < 2:
        return Interval(middle, middle, middle)
    half = float(t.isf((1 - level) / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return Interval(middle, middle - half, middle + half)


def rate_interval(count: int, tries: int, level: float = 0.95) -> Interval:
    """Of a rate, by Clopper and Pearson."""
    from scipy.stats import binomtest

    found = binomtest(count, tries).proportion_ci(level, method="exact")
    return Interval(count / tries, float(found.low), float(found.high))


def environment() -> dict[str, Any]:
    """Machine, versions and load."""
    from importlib.metadata import PackageNotFoundError, version

    from benchmarks.limits import machine

    told: dict[str, Any] = {"machine": machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    for name in ("torch", "numpy", "scipy", "statsmodels", "hypothesis", "pytest"):
        try:
            told[name] = version(name)
        except PackageNotFoundError:
            continue
    return told | {"load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None}


def table_file(text: str) -> Path:
    """A file that can be written when all is measured: an argument of a command.

    Raises ``argparse.ArgumentTypeError`` where it cannot.
    """
    file = Path(text)
    if file.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise argparse.ArgumentTypeError(
            f"got {text!r}; allowed: a file that can be written, in a folder that is there"
        )
    return file


def write(file: Path, rows: Sequence[Mapping[str, Any]], **more: Any) -> None:
    """Keep a table, whole or not at all."""
    beside = file.with_name(f"{file.name}.{os.getpid()}")
    content = {"environment": environment(), "rows": list(rows)} | more
    beside.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    beside.replace(file)
