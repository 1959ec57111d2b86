"""Limits of the depth recursions: few flips at a fixed depth, and infinite depth at a fixed flip rate."""

import math

from .arccosine import relu_deficit
from .block import BUSSGANG, Metric, check_block, check_metric, magnitude_variance
from .depth import MOMENTS, Activation, Norm, Projection, check_architecture, perturbations, through_weights
from .small_rate import FLIP_SLOPE, c_limit, c_sqrt_coefficient


def depth_limit(
    layer: int,
    *,
    residual: bool = False,
    projection: Projection = "none",
    norm: Norm = "stream",
    activation: Activation = "relu",
    kappa: float = BUSSGANG,
) -> float:
    """Limit of `depth_ratio` as the flip rate tends to zero at a fixed layer, for every metric and step.

    Energies are in units of 4p. Without a skip connection both arms add their layer's share, which leaves 1/(1 - kappa)
    at every depth. With one, the step's branches all grow by one factor: radial for the branch, but not for the skip.
    """
    check_architecture(layer, residual=residual, projection=projection, norm=norm, activation=activation)
    if not residual:
        return c_limit(kappa)
    energy, unit_mean = MOMENTS[activation]
    mean = unit_mean if projection == "none" else 0.0
    growth = math.sqrt(kappa)
    clean, sign, cross, error, level, change = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for _ in range(layer):
        transverse = error - cross * cross / clean
        sign += energy * (1 + sign / clean)
        error += energy * (1 + transverse / clean) + 2 * change * mean * growth
        cross += (energy + level * mean) * growth + change * mean
        clean += energy + 2 * level * mean
        level, change = level + mean, change + mean * growth
        if norm == "stream":
            change = (change - level * cross / clean) / math.sqrt(clean)
            sign, error = sign / clean, (error - cross * cross / clean) / clean
            clean, cross, level = 1.0, 0.0, level / math.sqrt(clean)
    return sign / (error - cross * cross / clean)


def first_layer_limit(branch_share: float, kappa: float = BUSSGANG) -> float:
    """Limit at the first layer when the branch carries a share f of the output's energy: 1/(1 - kappa f).

    The step's coherent part, kappa of its energy, is along the branch, of which the output's direction takes f. ReLU
    on a unit input: f = 1/3; no skip connection: f = 1.
    """
    if not 0.0 <= branch_share <= 1.0:
        raise ValueError(f"branch_share: a share of energy lies in [0, 1], got {branch_share!r}")
    return 1 / (1 - kappa * branch_share)


def depth_sqrt_coefficient(layer: int, metric: Metric = "post", step: int = 1, kappa: float = BUSSGANG) -> float:
    """Relative coefficient of sqrt(p) in `depth_ratio` of ReLU layers without a skip connection.

    To leading order the deficit 1 - C after l layers is l e, and the ReLU takes (4/(3 pi)) (l e/2)^1.5 of it in each;
    e = 2p for flips and 2p (1 - kappa) for the step. Hence the first layer's coefficient, plus
    -(4/(3 pi)) (1 - sqrt(1 - kappa)) times the excess of the mean of l^1.5 over l = 1..L above 1.
    """
    check_architecture(layer, residual=False, projection="none", norm="stream", activation="relu")
    mean_power = sum(math.pow(level, 1.5) for level in range(1, layer + 1)) / layer
    decay = FLIP_SLOPE * (1 - math.sqrt(1 - kappa)) * (mean_power - 1)
    return c_sqrt_coefficient(metric, step, kappa) - decay


def depth_plateau(flip_rate: float, metric: Metric = "post", step: int = 1, kappa: float = BUSSGANG) -> float:
    """`depth_ratio` of ReLU layers without a skip connection at infinite depth, each layer normalised.

    The angle stops growing where one layer's rotation balances the ReLU's contraction: the fixed point of
    C = 2 J(kappa_p C), found by bisection on the deficit 1 - C. It is unique, since the map's slope is below one.
    """
    check_block(flip_rate, step, kappa)
    check_metric(metric)
    sines = []
    for arm in perturbations(flip_rate, step, kappa):
        lo, hi = 0.0, 1.0
        for _ in range(200):
            middle = (lo + hi) / 2
            phi = 2 * math.asin(math.sqrt(middle / 2))
            lo, hi = (middle, hi) if relu_deficit(through_weights(arm.angle, phi)) > middle else (lo, middle)
        sines.append(hi * (2 - hi))
    post = sines[0] / sines[1]
    return post if metric == "post" else post / magnitude_variance(flip_rate, step, kappa)


def plateau_limit(kappa: float = BUSSGANG) -> float:
    """Limit of `depth_plateau` as the flip rate tends to zero: (1/(1 - kappa))^(2/3).

    For small deficits 1 - 2J = x - O(x^1.5), x = e + D the deficit of the pre-activations' correlation, of which a
    layer adds e and the inputs bring D; the fixed point has (e + D)^1.5 proportional to e.
    """
    return math.pow(c_limit(kappa), 2 / 3)


def compounded(layer: int, exponent: float = 1.0, kappa: float = BUSSGANG) -> float:
    """The compounding hypothesis (Conjecture 1): (1/(1 - kappa))^(exponent layer)."""
    return math.pow(c_limit(kappa), exponent * layer)
