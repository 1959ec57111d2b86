"""The small-p constant and the ratio at finite p for any activation, by quadrature.

Pre-activations are s t with t standard normal; `scale` is s. As p -> 0, with A0 = E phi'^2, A2 = E[phi'^2 t^2],
B = E[phi phi' t], C = E phi^2 (all at s t), the ratio of transverse energies tends to

    c0 = A0 / ((1 - kappa) A0 + kappa (A2 - B^2/C)),

because sign flips move z independently of it and the magnitude step moves it by 2 sqrt(p) s (sqrt(kappa) t + noise).
By Cauchy-Schwarz A2 >= B^2/C, hence c0 <= 1/(1 - kappa), with equality if and only if t phi'(s t) is proportional to
phi(s t): for activations that are positively homogeneous, of whatever degree and on either side of zero.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .block import BUSSGANG, Metric, check_block, check_metric, step_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
else:
    Array = Any

#: Beyond this many standard deviations the normal density is below 1e-42.
_REACH = 14.0
_PANEL_NODES = 40
#: Spacing of the trapezoidal rule in the noise, in its own standard deviations and in units of the activation.
_NOISE_STEPS = (0.25, 0.3)
_NOISE_REACH = 9.0
_WIDEST_NOISE = 50.0


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation and its derivative, on arrays. `smooth`: analytic at zero, as `activation_ratio` needs."""

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    smooth: bool = True


@dataclass(frozen=True, slots=True)
class ActivationMoments:
    """Moments that decide the small-p limit (module docstring); `gap` = A2 - B^2/C, free of cancellation."""

    slope: float
    weighted_slope: float
    cross: float
    energy: float
    gap: float


def _sigmoid(z: Array) -> Array:
    from scipy.special import expit

    return expit(z)


def _normal_cdf(z: Array) -> Array:
    from scipy.special import ndtr

    return ndtr(z)


def _normal_density(z: Array) -> Array:
    import numpy as np

    return np.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def _erf(z: Array) -> Array:
    from scipy.special import erf

    return erf(z)


def _tanh(z: Array) -> Array:
    import numpy as np

    return np.tanh(z)


def _softplus(z: Array) -> Array:
    import numpy as np

    return np.logaddexp(0.0, z)


def positive_power(degree: float, negative: float = 0.0) -> Activation:
    """t^degree for t > 0 and negative |t|^degree for t < 0: every activation that reaches the maximum is of this form.

    Raises:
        ValueError: a degree of 1/2 or less, whose derivative has no second moment.
    """
    if not degree > 0.5:
        raise ValueError(f"degree: a positively homogeneous activation needs more than 1/2, got {degree!r}")

    def value(z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, 1.0, negative) * np.abs(z) ** degree

    def slope(z: Array) -> Array:
        import numpy as np

        return degree * np.where(z > 0, 1.0, -negative) * np.abs(z) ** (degree - 1)

    return Activation(value, slope, smooth=False)


#: By name; "relu2" is the square of ReLU, "leaky-relu" has slope 1/10 below zero.
ACTIVATIONS: dict[str, Activation] = {
    "silu": Activation(
        lambda z: z * _sigmoid(z),
        lambda z: _sigmoid(z) * (1 + z * _sigmoid(-z)),
    ),
    "gelu": Activation(lambda z: z * _normal_cdf(z), lambda z: _normal_cdf(z) + z * _normal_density(z)),
    "tanh": Activation(_tanh, lambda z: 4 * _sigmoid(2 * z) * _sigmoid(-2 * z)),
    "erf": Activation(_erf, lambda z: 2 * math.sqrt(2) * _normal_density(math.sqrt(2) * z)),
    "softplus": Activation(_softplus, _sigmoid),
    "linear": Activation(lambda z: z, lambda z: 0 * z + 1),
    "relu": positive_power(1.0),
    "leaky-relu": positive_power(1.0, -0.1),
    "relu2": positive_power(2.0),
    "abs": positive_power(1.0, 1.0),
}


def _resolve(activation: str | Activation, scale: float) -> Activation:
    if not 0.0 < scale < math.inf:
        raise ValueError(f"scale: a positive standard deviation is needed, got {scale!r}")
    if isinstance(activation, Activation):
        return activation
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation: one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    return ACTIVATIONS[activation]


def _normal_nodes(scale: float) -> tuple[Array, Array]:
    """Nodes and weights for E f(t): Gauss-Legendre on panels that resolve both t and s t, split at zero.

    Panels double in width away from zero, from a quarter of the shorter of both scales up to one.
    """
    import numpy as np

    edges = [0.0]
    width = min(1.0, 1 / scale) / 4
    while edges[-1] < _REACH:
        edges.append(edges[-1] + width)
        width = min(edges[-1], 1.0)
    x, w = np.polynomial.legendre.leggauss(_PANEL_NODES)
    lo, hi = np.array(edges[:-1])[:, None], np.array(edges[1:])[:, None]
    t = ((lo + hi) / 2 + (hi - lo) / 2 * x).ravel()
    weights = ((hi - lo) / 2 * w).ravel() * _normal_density(t)
    return np.concatenate([-t[::-1], t]), np.concatenate([weights[::-1], weights])


def activation_moments(activation: str | Activation, scale: float = 1.0) -> ActivationMoments:
    """A0, A2, B, C and A2 - B^2/C at pre-activations of standard deviation `scale`."""
    phi = _resolve(activation, scale)
    t, weights = _normal_nodes(scale)
    value, slope = phi.value(scale * t), phi.slope(scale * t)
    weighted = slope * t
    energy, cross = float(weights @ (value * value)), float(weights @ (value * weighted))
    residual = weighted - cross / energy * value
    return ActivationMoments(
        slope=float(weights @ (slope * slope)),
        weighted_slope=float(weights @ (weighted * weighted)),
        cross=cross,
        energy=energy,
        gap=float(weights @ (residual * residual)),
    )


def activation_limit(activation: str | Activation, scale: float = 1.0, kappa: float = BUSSGANG) -> float:
    """c0, the limit of the ratio of transverse energies as p -> 0, in either metric and for either sign of the step."""
    m = activation_moments(activation, scale)
    return m.slope / ((1 - kappa) * m.slope + kappa * m.gap)


def activation_energy_ratio(activation: str | Activation, scale: float = 1.0, kappa: float = BUSSGANG) -> float:
    """Limit of E_sign/E_mag, before any projection: A0/(kappa A2 + (1 - kappa) A0)."""
    m = activation_moments(activation, scale)
    return m.slope / (kappa * m.weighted_slope + (1 - kappa) * m.slope)


def activation_radial_fraction(activation: str | Activation, scale: float = 1.0, kappa: float = BUSSGANG) -> float:
    """Limit of R_mag: kappa (B^2/C)/(kappa A2 + (1 - kappa) A0); that of R_sign is zero."""
    m = activation_moments(activation, scale)
    return kappa * m.cross**2 / m.energy / (kappa * m.weighted_slope + (1 - kappa) * m.slope)


def activation_ratio(
    flip_rate: float,
    activation: str | Activation,
    scale: float = 1.0,
    metric: Metric = "pre",
    step: int = 1,
    kappa: float = BUSSGANG,
) -> float:
    """Ratio of transverse energies at a finite flip rate in the wide limit, for a smooth activation.

    z' = s (c t + b xi) with xi independent of t: panels in t, and in xi the trapezoidal rule, whose error for a spacing
    h is exp(-2 pi d/(s b h)) for an activation analytic to the distance d from the real line (pi/2 for tanh, pi for
    SiLU): below 1e-13.

    Raises:
        ValueError: an activation with a kink, for which `c_exact` has the closed form, or s b above 50.
    """
    check_block(flip_rate, step, kappa)
    check_metric(metric)
    phi = _resolve(activation, scale)
    if not phi.smooth:
        raise ValueError(f"activation: a smooth one is needed, got {activation!r}; c_exact has the ReLU's closed form")
    size = step_size(flip_rate, step)
    sign = _transverse(phi, scale, -2 * flip_rate, 2 * math.sqrt(flip_rate * (1 - flip_rate)), metric)
    magnitude = _transverse(phi, scale, size * math.sqrt(kappa), abs(size) * math.sqrt(1 - kappa), metric)
    return sign / magnitude


def _transverse(phi: Activation, scale: float, growth: float, noise: float, metric: Metric) -> float:
    """Transverse energy of phi(z') - phi(z), z' = s ((1 + growth) t + noise xi); post: over E phi(z')^2."""
    import numpy as np

    t, weights = _normal_nodes(scale)
    if scale * noise > _WIDEST_NOISE:
        raise ValueError(f"scale: times the noise's size it has to be below {_WIDEST_NOISE:g}, got {scale * noise:.3g}")
    own, of_activation = _NOISE_STEPS
    count = math.ceil(_NOISE_REACH / min(own, of_activation / (scale * noise)))
    xi = np.linspace(-_NOISE_REACH, _NOISE_REACH, 2 * count + 1)
    chances = _normal_density(xi) / _normal_density(xi).sum()
    clean = phi.value(scale * t)
    moved = phi.value(scale * ((1 + growth) * t[:, None] + noise * xi))
    change = moved - clean[:, None]
    energy, cross = weights @ (change * change) @ chances, (weights * clean) @ change @ chances
    transverse = energy - cross * cross / (weights @ (clean * clean))
    return float(transverse / (weights @ (moved * moved) @ chances) if metric == "post" else transverse)
