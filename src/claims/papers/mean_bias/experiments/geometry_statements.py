"""For-all statements of section 2 about small matrices, as margins that are negative where they fail.

Three tokens of three channels leave every statement room to fail: its extremal matrices have rank one or two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from claims.kinds.search import Statement
from claims.papers.mean_bias.experiments.precision import Real, in_digits

Rows = Sequence[Sequence[Real]]
Margin = Callable[..., float]

TOKENS = CHANNELS = 3
#: What rounding may make of a squared cosine whose mean is not shorter than SHORTEST sigma_1.
ALLOWANCE = 1e-12
SHORTEST = 1e-2

_ENTRIES = dict.fromkeys((f"x{i}{j}" for i in range(TOKENS) for j in range(CHANNELS)), (-1.0, 1.0))


def rows_of(entries: dict[str, Real]) -> Rows:
    """The matrix that the inputs spell out."""
    return [[entries[f"x{i}{j}"] for j in range(CHANNELS)] for i in range(TOKENS)]


def _mean(rows: Rows) -> list[Real]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def leading_mode(rows: Rows) -> tuple[float, float, float, float] | None:
    """(cos^2 between mean and v1, sigma_2/sigma_1, (u1'1)^2/l, |mu|/sigma_1) in float64; None for a zero matrix."""
    import numpy as np

    x: np.ndarray[Any, np.dtype[np.float64]] = np.array(rows)
    left, values, right = np.linalg.svd(x)
    if values[0] < 1e-9:
        return None
    mean = x.mean(0)
    along, length2 = float(right[0] @ mean), float(mean @ mean)
    cosine2 = along * along / length2 if length2 > 0 else 0.0
    return (
        cosine2,
        float(values[1] / values[0]),
        float(left[:, 0].sum() ** 2 / len(x)),
        math.sqrt(length2) / float(values[0]),
    )


def leading_mode_precisely(rows: Rows) -> tuple[Any, Any, Any, Any] | None:
    """The same in 50 digits."""
    import mpmath

    x = mpmath.matrix([[mpmath.mpf(entry) for entry in row] for row in rows])
    left, values, right = mpmath.svd_r(x)
    if values[0] < 1e-9:
        return None
    mean = mpmath.matrix(_mean([list(x[i, :]) for i in range(TOKENS)]))
    along, length2 = (right[0, :] * mean)[0], mpmath.fsum(entry**2 for entry in mean)
    coherence = mpmath.fsum(left[:, 0]) ** 2 / TOKENS
    cosine2 = along**2 / length2 if length2 else mpmath.mpf(0)
    return cosine2, values[1] / values[0], coherence, mpmath.sqrt(length2) / values[0]


def alignment_margin(mode: tuple[Real, Real, Real, Real] | None, *, gap_weight: float, allowance: float) -> Real:
    """cos^2(mu, v1) less c/(c + w gap^2 (1 - c)); a mean too short to have a direction says nothing."""
    if mode is None or mode[3] < SHORTEST:
        return 1.0
    cosine2, gap, coherence, _ = mode
    floor = coherence / (coherence + gap_weight * gap * gap * (1 - coherence)) if coherence else 0.0
    return cosine2 - floor + allowance


def no_gap_margin(mode: tuple[Real, Real, Real, Real] | None, *, factor: float, allowance: float) -> Real:
    """cos^2(mu, v1) less ``factor`` (u1'1)^2/l, whatever the spectrum."""
    if mode is None or mode[3] < SHORTEST:
        return 1.0
    return mode[0] - factor * mode[2] + allowance


def ratio_margin(rows: Rows, *, factor: float, limit: float, root: Callable[[Real], Real]) -> Real:
    """``limit`` less ``factor`` |mu|/sqrt(|X|^2/l): eq. 1 against an upper limit; a zero matrix says nothing."""
    largest = max(abs(entry) for row in rows for entry in row)
    if largest == 0:
        return 1.0
    safe = [[entry / largest for entry in row] for row in rows]
    mean2 = sum(entry * entry for entry in _mean(safe))
    energy = sum(entry * entry for row in safe for entry in row)
    return limit - factor * root(mean2 * len(safe) / energy)


def _root(x: Real) -> Real:
    import mpmath

    return mpmath.sqrt(x)


def _of_mode(margin: Callable[..., Real], *, mode: Callable[[Rows], Any] = leading_mode, **constants: float) -> Margin:
    """A margin of the leading mode, as one of the matrix's entries."""
    return lambda **entries: float(margin(mode(rows_of(entries)), **constants))


def _of_ratio(factor: float, limit: float, root: Callable[[Real], Real] = math.sqrt) -> Margin:
    return lambda **entries: float(ratio_margin(rows_of(entries), factor=factor, limit=limit, root=root))


def _bounded(factor: float) -> Statement:
    """Eq. 1 times ``factor`` is at most one; planted: at most .9 of the largest value."""
    return Statement(
        inputs=_ENTRIES,
        margin=_of_ratio(factor, 1 + 1e-14),
        planted=_of_ratio(1.0, 0.9),
        precise=in_digits(_of_ratio(factor, 1.0, _root)),
    )


#: cos^2(mu, v1) >= c/(c + gap^2 (1 - c)); planted: the gap squared counted .9 times.
ALIGNMENT = Statement(
    inputs=_ENTRIES,
    margin=_of_mode(alignment_margin, gap_weight=1.0, allowance=ALLOWANCE),
    planted=_of_mode(alignment_margin, gap_weight=0.9, allowance=ALLOWANCE),
    precise=in_digits(_of_mode(alignment_margin, mode=leading_mode_precisely, gap_weight=1.0, allowance=0.0)),
    rounding=ALLOWANCE,
)

#: cos^2(mu, v1) >= (u1'1)^2/l without a condition on the spectrum; planted: 1.05 times that.
ALIGNMENT_WITHOUT_GAP = Statement(
    inputs=_ENTRIES,
    margin=_of_mode(no_gap_margin, factor=1.0, allowance=ALLOWANCE),
    planted=_of_mode(no_gap_margin, factor=1.05, allowance=ALLOWANCE),
    precise=in_digits(_of_mode(no_gap_margin, mode=leading_mode_precisely, factor=1.0, allowance=0.0)),
    rounding=ALLOWANCE,
)

#: Eq. 1 with the mean energy of a token below the root, of an entry, and with the number of tokens divided out twice.
SHARE_READING = _bounded(1.0)
ENTRY_READING = _bounded(math.sqrt(CHANNELS))
TWICE_READING = _bounded(math.sqrt(TOKENS))
