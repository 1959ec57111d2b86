"""The largest of |mu + Z_i| over l independent normal tokens (Theorem 3): drawn, and by quadrature of its density.

Lengths are in units of sigma.
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


def maxima(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float]]:
    """Repeated draws of l tokens, the same for every ``mean`` of the sweep.

    Base point: ``tokens``, ``repeats``, ``delta``. Each record counts among ``trials`` repeats those with
    M >= |mu| + q for Theorem 3's q as printed (``printed``) and with delta in place of 1 - delta (``corrected``),
    those with M >= |mu| (``reaches_mean``), and those of the noise alone with max |Z| <= sqrt(2 log(2 l/delta))
    (``below_union``). Means over repeats: ``maximum`` of M, and ``equal_energy`` of the maximum of centred noise
    whose variance is mu^2 + 1.
    """
    from scipy.special import ndtri

    tokens, repeats, delta = int(point["tokens"]), int(point["repeats"]), float(point["delta"])
    noise = streams.numpy("noise").standard_normal((repeats, tokens))
    highest, lowest = noise.max(axis=1), noise.min(axis=1)
    alone = np.maximum(highest, -lowest)
    printed, corrected = (float(-ndtri(-math.expm1(log / tokens))) for log in (math.log1p(-delta), math.log(delta)))
    union = math.sqrt(2 * math.log(2 * tokens / delta))
    records: list[dict[str, float]] = []
    for mean in point["mean"]:
        maximum = np.maximum(np.abs(mean + highest), np.abs(mean + lowest))
        records.append(
            {
                "mean": mean,
                "trials": float(repeats),
                "printed": float((maximum >= abs(mean) + printed).sum()),
                "corrected": float((maximum >= abs(mean) + corrected).sum()),
                "reaches_mean": float((maximum >= abs(mean)).sum()),
                "below_union": float((alone <= union).sum()),
                "maximum": float(maximum.mean()),
                "equal_energy": math.sqrt(1 + mean * mean) * float(alone.mean()),
            }
        )
    return records


def exact(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """Probabilities of M by quadrature of its density l f F^(l - 1), f and F being those of |mu + Z|.

    Base point: ``tokens``, ``mean``, ``delta``. ``printed`` and ``corrected``: P(M >= |mu| + q) for q with
    Phi(q)^l = 1 - delta and Phi(q)^l = delta, found as roots; ``reaches_mean``: P(M >= |mu|).
    """
    tokens, mean, delta = int(point["tokens"]), abs(float(point["mean"])), float(point["delta"])
    printed, corrected = (_root(tokens, math.log(chance)) for chance in (1 - delta, delta))
    levels = {"printed": mean + printed, "corrected": mean + corrected, "reaches_mean": mean}
    return {name: _above(level, mean, tokens) for name, level in levels.items()}


def at_zero_quantile(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """The confidence 1 - delta that each form of Theorem 3 promises at the delta for which its q is 0.

    Base point: ``tokens``. Bisection over delta of Phi(q) - 1/2, with Phi(q) = (1 - delta)^(1/l) as ``printed`` and
    delta^(1/l) as ``corrected``.
    """
    from mpmath import mp, mpf

    tokens = int(point["tokens"])
    with mp.workdps(_DIGITS):
        ends = (mpf(10) ** -20, 1 - mpf(10) ** -20)
        printed = mp.findroot(lambda delta: mp.root(1 - delta, tokens) - mpf(1) / 2, ends, solver="anderson")
        corrected = mp.findroot(lambda delta: mp.root(delta, tokens) - mpf(1) / 2, ends, solver="anderson")
        return {"printed": float(1 - printed), "corrected": float(1 - corrected)}


def growth(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """Mean of max |Z_i| over l = 10^``log10_tokens`` tokens, however many these are.

    ``maximum``; ``over_leading``: over sqrt(2 log l); ``squared_over_log``: its square over log l; ``constant``:
    2 a (a - maximum) - log log 2l with a = sqrt(2 log 2l).
    """
    from mpmath import mp, mpf

    with mp.workdps(_DIGITS):
        log = mp.log(10) * mpf(float(point["log10_tokens"]))
        maximum = _mean_maximum(log)
        a = mp.sqrt(2 * (log + mp.log(2)))
        return {
            "maximum": float(maximum),
            "over_leading": float(maximum / mp.sqrt(2 * log)),
            "squared_over_log": float(maximum**2 / log),
            "constant": float(2 * a * (a - maximum) - mp.log(a**2 / 2)),
        }


def _root(tokens: int, log_chance: float) -> float:
    """The q with l log Phi(q) = log_chance."""
    from scipy.optimize import brentq
    from scipy.special import log_ndtr

    return float(brentq(lambda q: tokens * log_ndtr(q) - log_chance, -38, 38, xtol=1e-14))


def _above(level: float, mean: float, tokens: int) -> float:
    """P(M > level) for a mean >= 0."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    def density(x: float) -> float:
        above = ndtr(mean - x) + ndtr(-mean - x)
        below = math.exp((tokens - 1) * math.log1p(-above)) if above < 1 else float(tokens == 1)
        both = math.exp(-((x - mean) ** 2) / 2) + math.exp(-((x + mean) ** 2) / 2)
        return float(tokens * both * below) / math.sqrt(2 * math.pi)

    start = max(level, 0.0)
    value, _ = quad(density, start, max(start, mean) + 12, points=[max(start, mean) + k for k in (1, 3, 5)], limit=400)
    return float(value)


def _mean_maximum(log: Any) -> Any:
    """E max over e^log tokens, the integral of 1 - (1 - P(|Z| > x))^l, which turns from 1 to 0 near sqrt(2 log 2l)."""
    from mpmath import mp

    def above(x: Any) -> Any:
        return 1 - mp.exp(-mp.exp(log + mp.log(-mp.log1p(-mp.erfc(x / mp.sqrt(2))))))

    turn = mp.sqrt(2 * (log + mp.log(2)))
    width = 1 / turn
    nodes = [max(turn - 40 * width, 0) + k * width for k in range(0, 90, 5)]
    return nodes[0] + mp.quad(above, nodes)
