"""Exceedances of a threshold by mu + Z (section 4, Theorems 1 and 2): drawn token by token, and by quadrature.

Lengths are in units of sigma, the square root of the noise's optimal sub-Gaussian proxy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from claims.streams import Streams

#: Decimal digits of the quadratures.
_DIGITS = 30


def counts(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float]]:
    """How many of the first l tokens exceed the threshold, over independent repeats, all cells from the same draws.

    Base point: ``threshold``, ``repeats``. Sweep: ``mean``, ``correlation`` (of any two tokens) and ``tokens``. Each
    record has the mean share of tokens above, ``share``; the mean number of them, ``count``; and the variance over
    repeats of the share, ``variance``.
    """
    repeats, threshold = int(point["repeats"]), float(point["threshold"])
    own = streams.numpy("own").standard_normal((repeats, max(point["tokens"])))
    shared = streams.numpy("shared").standard_normal((repeats, 1))
    records: list[dict[str, float]] = []
    for correlation in point["correlation"]:
        noise = math.sqrt(1 - correlation) * own + math.sqrt(correlation) * shared
        for mean in point["mean"]:
            above = np.cumsum(np.abs(noise + mean) > threshold, axis=1)
            for tokens in point["tokens"]:
                number = above[:, tokens - 1].astype(float)
                records.append(
                    {
                        "correlation": correlation,
                        "mean": mean,
                        "tokens": tokens,
                        "share": float(number.mean()) / tokens,
                        "count": float(number.mean()),
                        "variance": float((number / tokens).var(ddof=1)),
                    }
                )
    return records


def gaussian(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """Gaussian noise by quadrature of its density.

    Base point: ``threshold`` and, where it is not 0, ``mean``. ``probability`` of |mu + Z| > t, which is also the
    expected share of exceedances whatever binds the tokens; ``bound_excess``: the two-tailed bound 2 exp(-t^2/2) over
    the probability; ``exponent``: -log of the probability over t^2/2; ``energy_quotient``: the probability for centred
    noise of variance mu^2 + 1 over that for mean and noise.
    """
    from mpmath import mp, mpf

    with mp.workdps(_DIGITS):
        threshold, mean = mpf(float(point["threshold"])), mpf(float(point.get("mean", 0.0)))
        probability = _outside(threshold, mean, mpf(1))
        energy = _outside(threshold, mpf(0), mp.sqrt(1 + mean**2))
        return {
            "probability": float(probability),
            "bound_excess": float(2 * mp.exp(-(threshold**2) / 2) / probability),
            "exponent": float(-mp.log(probability) / (threshold**2 / 2)),
            "energy_quotient": float(energy / probability),
        }


def _outside(threshold: Any, mean: Any, deviation: Any) -> Any:
    """The normal density integrated over |x| > t."""
    from mpmath import mp

    def above(start: Any) -> Any:
        """From ``start`` deviations on, with the density's value at the start taken out of the integral."""
        rest = mp.quad(lambda x: mp.exp(-x * x / 2 - start * x), [0, 1, 4, 12])
        return mp.exp(-start * start / 2) * rest / mp.sqrt(2 * mp.pi)

    def tail(start: Any) -> Any:
        return above(start) if start >= 0 else 1 - above(-start)

    return tail((threshold - mean) / deviation) + tail((threshold + mean) / deviation)


def informative_margin(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """``margin``: the |mu| - t at which 1 - 2 exp(-margin^2/2) changes its sign, by bisection."""
    from scipy.optimize import brentq

    return {"margin": float(brentq(lambda s: 1 - 2 * math.exp(-s * s / 2), 0.1, 10, xtol=1e-14))}


def rare_atoms(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """Laws with rare atoms of probability ``p``, for which sub-Gaussian tail bounds are nearly attained.

    ``one``: the atom's probability over exp(-s^2/2), where Z is -s with probability p and else a small positive
    constant. ``two``: 2p over exp(-s^2/2), where Z is +s or -s with probability p each, and else 0. In both s is in
    units of the optimal proxy's root, which is found as the supremum over a of 2 log E exp(a Z)/a^2.
    """
    from mpmath import mp, mpf

    with mp.workdps(_DIGITS):
        p = mpf(float(point["p"]))
        one = _proxy(lambda a: mp.log(p * mp.exp(a * (1 - p)) + (1 - p) * mp.exp(-a * p)), p)
        two = _proxy(lambda a: mp.log(1 + 2 * p * (mp.cosh(a) - 1)), p)
        return {
            "one": float(p / mp.exp(-((1 - p) ** 2) / (2 * one))),
            "two": float(2 * p / mp.exp(-1 / (2 * two))),
        }


def _proxy(log_moment: Any, p: Any) -> Any:
    """The largest 2 log E exp(a Z)/a^2, near a = 2 log(1/p) for atoms of small probability p."""
    from mpmath import mp

    def ratio(a: Any) -> Any:
        return 2 * log_moment(a) / a**2

    top = mp.findroot(lambda a: mp.diff(ratio, a), -2 * mp.log(p))
    return ratio(top)
