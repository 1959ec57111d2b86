"""Mean-field recursions: sign flips against the magnitude step when every layer of a deep network is perturbed.

Weights are drawn afresh in each layer. Given clean and perturbed input, neither with dominant coordinates, a wide
layer's pre-activations are therefore bivariate normal whatever activations came before, with correlation
kappa_p cos(phi): phi is the angle between the inputs and kappa_p = 1 - 2p for flips, rho_m for the magnitude step. So
few numbers pass from layer to layer.

The state of a perturbation is A = |y|^2, the radial change y.d and the energy |d|^2 of d = y' - y, and, where branches
are added without a projection of their own, the coordinate means of y and d times sqrt(width): a ReLU's outputs have a
mean that later branches share. In these numbers nothing cancels as the flip rate tends to zero.

Conventions as in `block`; `layer` counts from 1. `norm` says what is normalised: "stream" each layer's output, "branch"
the input of each layer only (with a skip connection the stream then grows; without one this is "stream"), "none"
nothing. `projection`: "gaussian" if a clean Gaussian projection follows the activation. "silu" is SiLU on
pre-activations of standard deviation width^-1/2, which in the wide limit is z/2.
"""

import math
from dataclasses import dataclass
from typing import Literal

from .arccosine import relu_deficit
from .block import (
    BUSSGANG,
    Metric,
    check_block,
    check_metric,
    flip_angle,
    magnitude_angle,
    magnitude_variance,
    step_size,
)

Norm = Literal["stream", "branch", "none"]
Projection = Literal["none", "gaussian"]
Activation = Literal["relu", "linear", "silu"]

#: Energy E phi(z)^2 and mean E phi(z) of each activation, z standard normal.
MOMENTS = {"relu": (0.5, 1 / math.sqrt(2 * math.pi)), "linear": (1.0, 0.0), "silu": (0.25, 0.0)}


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
class Perturbation:
    """What one layer does to its pre-activations: the excess of their sd over the clean one, and their rotation."""

    excess: float
    angle: float


def perturbations(flip_rate: float, step: int, kappa: float) -> tuple[Perturbation, Perturbation]:
    """Sign flips and the magnitude step of the same norm."""
    t, scale2 = step_size(flip_rate, step), magnitude_variance(flip_rate, step, kappa)
    excess = t * (2 * math.sqrt(kappa) + t) / (math.sqrt(scale2) + 1)
    return Perturbation(0.0, flip_angle(flip_rate)), Perturbation(excess, magnitude_angle(flip_rate, step, kappa))


def through_weights(rotation: float, phi: float) -> float:
    """Angle between pre-activations: arccos(cos(rotation) cos(phi)), accurate for small angles."""
    half, turned = math.sin(phi / 2) ** 2, math.sin(rotation / 2) ** 2
    deficit = turned + half * math.cos(rotation)
    return 2 * math.asin(math.sqrt(min(max(deficit, 0.0), 1.0)))


def _next(
    state: _State, arm: Perturbation, *, residual: bool, projection: Projection, norm: Norm, activation: Activation
) -> _State:
    """State after one layer, before any normalisation of its output."""
    energy, unit_mean = MOMENTS[activation]
    theta = through_weights(arm.angle, state.angle)
    deficit = relu_deficit(theta) if activation == "relu" else 2 * math.sin(theta / 2) ** 2
    excess = arm.excess
    if norm == "none":  # the perturbed input is longer than the clean one
        root = math.sqrt(1 + state.growth)
        excess = excess * root + state.growth / (1 + root)
        energy *= state.clean
    cross = energy * (excess - (1 + excess) * deficit)
    error = energy * (excess * excess + 2 * (1 + excess) * deficit)
    if not residual:
        return _State(energy, cross, error)
    mean = unit_mean if projection == "none" else 0.0
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
    projection: Projection = "none",
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
    check_block(flip_rate, step, kappa)
    check_metric(metric)
    check_architecture(layers, residual=residual, projection=projection, norm=norm, activation=activation)
    states = [_State(), _State()]
    ratios = []
    for _ in range(layers):
        raw = [
            _next(state, arm, residual=residual, projection=projection, norm=norm, activation=activation)
            for state, arm in zip(states, perturbations(flip_rate, step, kappa), strict=True)
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
    projection: Projection = "none",
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
        projection=projection,
        norm=norm,
        activation=activation,
        metric=metric,
        step=step,
        kappa=kappa,
    )[-1]


def check_architecture(layer: int, *, residual: bool, projection: str, norm: str, activation: str) -> None:
    """Refuse what the recursions are not derived for.

    Raises:
        ValueError: an argument outside its set, or norm "none" with a skip connection.
    """
    if layer < 1:
        raise ValueError(f"layer: layers count from 1, got {layer!r}")
    for name, value, allowed in (
        ("activation", activation, tuple(MOMENTS)),
        ("projection", projection, ("none", "gaussian")),
        ("norm", norm, ("stream", "branch") if residual else ("stream", "branch", "none")),
    ):
        if value not in allowed:
            raise ValueError(f"{name}: one of {', '.join(allowed)}, got {value!r}")
