"""Experiments on outlier coordinates and groups of them that the claims of Appendices E and F share."""

from __future__ import annotations

import math

from claims import Band, experiment, within
from claims.lazy import Number
from claims.papers.sign_magnitude.theory import outliers

#: Columns, of which the drawn groups have 5 % of outliers.
N, OUTLIERS, COLUMN_SHARE = 2048, 102, 0.05
#: Amplitudes of the draws.
DRAWN = (0.03, 0.1, 0.2, 0.289, 0.4, 0.5, 0.7, 0.9)
#: The amplitude of an entry of a vector without outliers.
CROSSOVER = 1 / math.sqrt(N)
#: Amplitudes of the quadrature: also hardly any, a right angle, and all of the input.
EXACT = [1e-6, CROSSOVER, *DRAWN, math.sqrt(0.5), 1.0]

SINGLE_FLIP = experiment(
    "claims.papers.sign_magnitude.experiments.outliers:single_flip",
    sweep={"alpha": DRAWN},
    fixed={"n": N, "neurons": 2**14},
    seconds=0.02,
)
SINGLE_FLIP_EXACTLY = experiment(
    "claims.papers.sign_magnitude.experiments.outlier_quadrature:single_flip", fixed={"n": N}, seconds=0.001
)

GROUPS_EXACTLY = experiment(
    "claims.papers.sign_magnitude.experiments.outlier_quadrature:two_groups",
    fixed={"column_share": COLUMN_SHARE, "flip_rate": 1.0},
    seconds=0.001,
)
NEEDED = experiment(
    "claims.papers.sign_magnitude.experiments.outlier_quadrature:energy_share_needed",
    fixed={"column_share": COLUMN_SHARE},
    seconds=0.05,
)
GROUPS = experiment(
    "claims.papers.sign_magnitude.experiments.outliers:two_groups",
    sweep={"eta": (0.1, 0.5, 0.9)},
    fixed={"n": N, "outliers": OUTLIERS, "neurons": 2**15},
    seconds=0.02,
)


def linear_leverage(alpha: float) -> float:
    """The leverage before the ReLU: n alpha^2."""
    return N * alpha * alpha


def to_rounding(target: Number, *, rel: float = 1e-11) -> Band:
    """Band of a ratio or an energy that the quadrature gives to rounding."""
    return within(target, rel=rel, provenance="theory", because="quadrature is exact to rounding")


def all_flipped_ratio(eta: float) -> float:
    """R_E of Appendix F's table, all weights of a group flipped."""
    return outliers.group_ratio(eta)
