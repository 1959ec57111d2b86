"""Mean-field recursions: sign flips against the magnitude step when every layer of a deep network is perturbed.

Weights are drawn afresh in each layer. Given clean and perturbed input, a wide layer's pre-activations are therefore
exactly bivariate normal whatever the inputs look like, with correlation kappa_p cos(phi): phi is the angle between the
inputs and kappa_p = 1 - 2p for flips, rho_m for the magnitude step. So few numbers pass from layer to layer.

The state of a perturbation is A = |y|^2, the radial change y.d and the energy |d|^2 of d = y' - y, and, where branches
are added without a projection of their own, the coordinate means of y and d times sqrt(width): a ReLU's outputs have a
mean that later branches share. In these numbers nothing cancels as the flip rate tends to zero.

Conventions as in `block`; `layer` counts from 1. `norm` says what is normalised: "stream" each layer's output, "branch"
the input of each layer only (with a skip connection the stream then grows; without one this is "stream"), "none"
nothing. `projected`: a clean Gaussian projection follows the activation. "silu" is SiLU on pre-activations of standard
deviation width^-1/2, which in the wide limit is z/2.
"""

import math
from dataclasses import dataclass
from typing import Literal

from .arccosine import relu_deficit
from .block import (
    BUSSGANG,
    Metric,
    _check,
    _check_metric,
    flip_angle,
    magnitude_angle,
    magnitude_variance,
    step_size,
)
from .small_rate import c_limit

Norm = Literal["stream", "branch", "none"]
Activation = Literal["relu", "linear", "silu"]

#: Energy E phi(z)^2 and mean E phi(z) of each activation, z standard normal.
_MOMENTS = {"relu": (0.5, 1 / math.sqrt(2 * math.pi)), "linear": (1.0, 0.0), "silu": (0.25, 0.0)}


@dataclass(frozen=True, slots=True)
class _State:
    """Clean energy, radial change y.d, energy of d = y' - y, and means of y and d (times sqrt of the width)."""

    clean: float = 1.0
    cross: float = 0.0
    error: float = 0.0
    mean: float = 0.0
    mean_change: float = 0.0

    @property
    def transverse(self) -> float:
        return self.error - self.cross * self.cross / self.clean

    @property
    def growth(self) -> float:
        """|y'|^2/|y|^2 - 1."""
        return (2 * self.cross + self.error) / self.clean

    @property
    def angle(self) -> float:
        return math.atan2(math.sqrt(max(self.transverse * self.clean, 0.0)), self.clean + self.cross)

    def measured(self, metric: Metric) -> float:
        """Transverse energy in units of the clean one, or the squared sine of the angle."""
        return self.transverse / self.clean if metric == "pre" else math.sin(self.angle) ** 2

    def normalised(self) -> "_State":
        """Both vectors divided by their own norms."""
        half = math.sin(self.angle / 2) ** 2
        root = math.sqrt(1 + self.growth)
        change = (self.mean_change - self.mean * self.growth / (1 + root)) / (root * math.sqrt(self.clean))
        return _State(1.0, -2 * half, 4 * half, self.mean / math.sqrt(self.clean), change)


@dataclass(frozen=True, slots=True)
class _Perturbation:
    """One layer's perturbation: `scale` - 1 is the growth of the pre-activations' sd, `angle` their rotation."""

    excess: float
    angle: float


def _perturbations(flip_rate: float, step: int, kappa: float) -> tuple[_Perturbation, _Perturbation]:
    t, scale2 = step_size(flip_rate, step), magnitude_variance(flip_rate, step, kappa)
    excess = t * (2 * math.sqrt(kappa) + t) / (math.sqrt(scale2) + 1)
    return _Perturbation(0.0, flip_angle(flip_rate)), _Perturbation(excess, magnitude_angle(flip_rate, step, kappa))


def _through_weights(rotation: float, phi: float) -> float:
    """Angle between pre-activations: arccos(cos(rotation) cos(phi)), accurate for small angles."""
    half, turned = math.sin(phi / 2) ** 2, math.sin(rotation / 2) ** 2
    deficit = turned + half * math.cos(rotation)
    return 2 * math.asin(math.sqrt(min(max(deficit, 0.0), 1.0)))


def _next(state: _State, arm: _Perturbation, *, residual: bool, projected: bool, norm: Norm, activation: str) -> _State:
    """State after one layer, before any normalisation of its output."""
    unit_energy, unit_mean = _MOMENTS[activation]
    theta = _through_weights(arm.angle, state.angle)
    deficit = relu_deficit(theta) if activation == "relu" else 2 * math.sin(theta / 2) ** 2
    excess, energy = arm.excess, unit_energy
    if norm == "none":
        root = math.sqrt(1 + state.growth)
        excess = arm.excess * root + state.growth / (1 + root)
        energy = unit_energy * state.clean
    cross = energy * (excess - (1 + excess) * deficit)
    error = energy * (excess * excess + 2 * (1 + excess) * deficit)
    mean = 0.0 if projected else unit_mean
    if not residual:
        return _State(energy, cross, error)
    return _State(
        state.clean + energy + 2 * state.mean * mean,
        state.cross + cross + mean * (state.mean * excess + state.mean_change),
        state.error + error + 2 * mean * state.mean_change * excess,
        state.mean + mean,
        state.mean_change + mean * excess,
    )


def depth_ratios(
    flip_rate: float,
    layers: int,
    *,
    residual: bool = False,
    projected: bool = False,
    norm: Norm = "stream",
    activation: Activation = "relu",
    metric: Metric = "post",
    step: int = 1,
    kappa: float = BUSSGANG,
) -> tuple[float, ...]:
    """Ratio of transverse energies, sign over magnitude, after each of `layers` layers in the wide limit.

    In the pre metric the outputs compared are those before the last layer's own normalisation.

    Raises:
        ValueError: an argument outside its set, or norm "none" with a skip connection.
    """
    _check(flip_rate, step, kappa)
    _check_metric(metric)
    _check_architecture(layers, residual=residual, norm=norm, activation=activation)
    states = [_State(), _State()]
    ratios = []
    for _ in range(layers):
        raw = [
            _next(state, arm, residual=residual, projected=projected, norm=norm, activation=activation)
            for state, arm in zip(states, _perturbations(flip_rate, step, kappa), strict=True)
        ]
        sign, magnitude = (state.measured(metric) for state in raw)
        ratios.append(sign / magnitude)
        normalise = norm == "stream" or (norm == "branch" and not residual)
        states = [state.normalised() for state in raw] if normalise else raw
    return tuple(ratios)


def depth_ratio(
    flip_rate: float,
    layer: int,
    *,
    residual: bool = False,
    projected: bool = False,
    norm: Norm = "stream",
    activation: Activation = "relu",
    metric: Metric = "post",
    step: int = 1,
    kappa: float = BUSSGANG,
) -> float:
    """The last of `depth_ratios`."""
    return depth_ratios(
        flip_rate,
        layer,
        residual=residual,
        projected=projected,
        norm=norm,
        activation=activation,
        metric=metric,
        step=step,
        kappa=kappa,
    )[-1]


def depth_limit(
    layer: int,
    *,
    residual: bool = False,
    projected: bool = False,
    norm: Norm = "stream",
    activation: Activation = "relu",
    kappa: float = BUSSGANG,
) -> float:
    """Limit of `depth_ratio` as the flip rate tends to zero at a fixed layer, for every metric and step.

    Energies are in units of 4p. Without a skip connection both arms add their layer's share, which leaves 1/(1 - kappa)
    at every depth. With one, the step's branches all grow by one factor: radial for the branch, but not for the skip.
    """
    _check_architecture(layer, residual=residual, norm=norm, activation=activation)
    if not residual:
        return c_limit(kappa)
    energy, unit_mean = _MOMENTS[activation]
    mean = 0.0 if projected else unit_mean
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


def compounded(layer: int, exponent: float = 1.0, kappa: float = BUSSGANG) -> float:
    """The compounding hypothesis (Conjecture 1): (1/(1 - kappa))^(exponent layer)."""
    return c_limit(kappa) ** (exponent * layer)


def depth_plateau(flip_rate: float, metric: Metric = "post", step: int = 1, kappa: float = BUSSGANG) -> float:
    """`depth_ratio` of ReLU layers without a skip connection at infinite depth, each layer normalised.

    The angle stops growing where one layer's rotation balances the ReLU's contraction: the fixed point of
    C = 2 J(kappa_p C), found by bisection on the deficit 1 - C.
    """
    _check(flip_rate, step, kappa)
    _check_metric(metric)
    sines = []
    for arm in _perturbations(flip_rate, step, kappa):
        lo, hi = 0.0, 1.0
        for _ in range(200):
            middle = (lo + hi) / 2
            phi = 2 * math.asin(math.sqrt(middle / 2))
            lo, hi = (middle, hi) if relu_deficit(_through_weights(arm.angle, phi)) > middle else (lo, middle)
        sines.append(hi * (2 - hi))
    post = sines[0] / sines[1]
    return post if metric == "post" else post / magnitude_variance(flip_rate, step, kappa)


def plateau_limit(kappa: float = BUSSGANG) -> float:
    """Limit of `depth_plateau` as the flip rate tends to zero: (1/(1 - kappa))^(2/3).

    For small deficits 1 - 2J = x - O(x^1.5), x = e + D the deficit of the pre-activations' correlation, of which a
    layer adds e and the inputs bring D; the fixed point has (e + D)^1.5 proportional to e.
    """
    return c_limit(kappa) ** (2 / 3)


def _check_architecture(layer: int, *, residual: bool, norm: str, activation: str) -> None:
    if layer < 1:
        raise ValueError(f"layer: layers count from 1, got {layer!r}")
    if activation not in _MOMENTS:
        raise ValueError(f"activation: one of {', '.join(_MOMENTS)}, got {activation!r}")
    if norm not in ("stream", "branch", "none"):
        raise ValueError(f"norm: 'stream', 'branch' or 'none' are defined, got {norm!r}")
    if residual and norm == "none":
        raise ValueError("norm: with a skip connection 'stream' and 'branch' are defined, got 'none'")
