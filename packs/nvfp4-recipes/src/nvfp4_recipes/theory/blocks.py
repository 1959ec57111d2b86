"""What a block format does to independent elements, by quadrature: error, shrinkage, and where they come from.

A block of G iid elements of a symmetric law has its largest magnitude a with density G f(a) F(a)^(G-1); given a, the
others are iid of the law cut off at a. All share the scale s(a), so that moments are integrals over a of integrals over
x < a. Both are sums over midpoints: errors are steps and parabolas in x, smooth once averaged over a.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

MAGNITUDES = {"e2m1": (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0), "int4": tuple(map(float, range(8)))}
#: Nodes in a's distribution function, and of the law of the others below a; means are good to 1e-4 of themselves.
_OUTER, _INNER = 300, 300


def quantile(law: str, share: Array) -> Array:
    """Of the magnitude of a law: normal, laplace (of scale 1) or t3."""
    from scipy import special

    if law == "normal":
        return np.asarray(special.ndtri((1 + share) / 2))
    if law == "laplace":
        return np.asarray(-np.log1p(-share))
    if law == "t3":
        return np.asarray(special.stdtrit(3, (1 + share) / 2))
    raise ValueError(f"law: got {law!r}; allowed: normal, laplace, t3")


def mass_below(law: str, x: Array) -> Array:
    """P(|X| < x)."""
    from scipy import special

    if law == "normal":
        return np.asarray(special.erf(x / np.sqrt(2)))
    if law == "laplace":
        return np.asarray(-np.expm1(-x))
    return np.asarray(2 * special.stdtr(3, x) - 1)


def rounded(x: Array, grid: str) -> Array:
    """Nearest magnitudes of a grid; x >= 0, in units of the scale."""
    values = np.array(MAGNITUDES[grid])
    edges = (values[1:] + values[:-1]) / 2
    found: Array = values[np.searchsorted(edges, x)]
    return found


def steps(largest: Array, grid: str, scale: str) -> Array:
    """The scales of blocks with these largest magnitudes, exact or powers of two."""
    if scale == "exact":
        return largest / MAGNITUDES[grid][-1]
    found: Array = np.exp2(np.floor(np.log2(largest)) - 2)
    return found


@functools.cache
def moments(law: str, block: int, grid: str, scale: str = "exact") -> tuple[float, float]:
    """Relative squared error E (q - x)^2 / E x^2, and shrinkage E x (q - x) / E x^2."""
    shares = ((np.arange(_OUTER) + 0.5) / _OUTER) ** (1 / block)
    largest = quantile(law, shares)[:, None]
    units = steps(largest, grid, scale)
    inner = (np.arange(_INNER) + 0.5) / _INNER
    others = quantile(law, inner * mass_below(law, largest))
    error = along = energy = 0.0
    for x, weight in ((others, (block - 1) / _INNER), (largest, 1.0)):
        off = rounded(x / units, grid) * units - x
        error += weight * float((off * off).sum())
        along += weight * float((x * off).sum())
        energy += weight * float((x * x).sum())
    return error / energy, along / energy


def bin_errors(grid: str) -> dict[float, float]:
    """Mean of q - t over t spread evenly in the bin of each inner value q: (left - right) / 2 of its half-widths."""
    values = MAGNITUDES[grid]
    triples = zip(values, values[1:], values[2:], strict=False)
    return {q: ((q - before) - (after - q)) / 4 for before, q, after in triples}
