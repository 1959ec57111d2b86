"""Quantized layers of finite size: m rows of n standard normal weights, inputs uniform on the sphere.

A scale taken per row moves with its row, one per tensor does not: at order 1/n they differ. Outputs of different rows
are iid given the input, so that sums over m rows lose what sample correlations lose.
"""

import math
from typing import Literal

from .arccosine import relu_deficit, residual_fourth_moments
from .block import BUSSGANG, Metric
from .finite import sign_energy_finite_n, squared_correlation_mean
from .ternary import Quantizer, quantized_overlap
from .ternary import quantizer as named
from .vectors import row_scale_variance, sign_cosine_limit

Scale = Literal["row", "tensor"]


def scale_of(name: str) -> Scale:
    """Where the quantizer of that name takes its scale: "sign-row" from each row, all others from the tensor."""
    return "row" if name.endswith("-row") else "tensor"


def row_scale_square(n: int) -> float:
    """E s^2 of the row scale s = mean |w| over n standard normal entries, exactly: 2/pi + (1 - 2/pi)/n (App. B.2)."""
    return BUSSGANG + row_scale_variance(n)


def row_scale_square_spread() -> float:
    """Limit of n Var(s^2), 4 (2/pi)(1 - 2/pi) by the delta method (App. B.2)."""
    return 4 * BUSSGANG * (1 - BUSSGANG)


def sign_outputs_cosine2(m: int, n: int, scale: Scale = "row", kappa: float = BUSSGANG) -> float:
    """Mean over weights and inputs of cos^2(Wx, Q(W)x) for the sign quantizer (Theorem 4 at finite size).

    For every unit x, E zq and E q^2 of one row are both E s^2, so the correlation is E s^2/E w^2: kappa + (1 - kappa)/n
    per row; per tensor n becomes mn (of the Gaussian law exactly, of others to leading order). The mean over m rows is
    that of a sample correlation, kappa + ... + (1 - kappa)(1 - 2 kappa)/m. `kappa` is (E|w|)^2/E w^2 of the law.
    """
    entries = n if scale == "row" else m * n
    return squared_correlation_mean(kappa + (1 - kappa) / entries, m)


def outputs_cosine2(quantizer: str, n: int, aspect: float, law: str = "gaussian", input: str = "sphere") -> float:
    """Mean squared cosine between outputs of m = aspect n rows, by the quantizer's name.

    For a unit vector as input and one scale a tensor the output is a column of W and its signs, so that Fact 1 gives it
    with m entries; a scale per row correlates with its entries and adds (1 - kappa)/n.
    """
    m, kappa = round(aspect * n), sign_cosine_limit(law)
    if input == "sphere" and quantizer.startswith("sign"):
        return sign_outputs_cosine2(m, n, scale_of(quantizer), kappa)
    if input == "sphere":
        return squared_correlation_mean(named(quantizer).cosine2, m)
    return kappa + (1 - kappa) * (1 / m + (1 / n if quantizer == "sign-row" else 0))


def outputs_cosine2_spread(cosine2: float) -> float:
    """Limit of m times the variance of cos^2 over inputs: 4 rho^2 (1 - rho^2)^2, of a sample correlation squared."""
    return 4 * cosine2 * (1 - cosine2) ** 2


def quantized_radial_fraction_finite(
    q: Quantizer, m: int, n: int, *, activation: str = "relu", scale: Scale = "tensor"
) -> float:
    """Ratio-of-sums radial fraction with its 1/n and 1/m terms; a row scale is known for threshold 0 only.

    The residual of the change on the clean output, e, loses E[a^2 e^2]/(E a^2 E e^2)/m of its energy to the sample
    direction of a (1/m without the ReLU).
    """
    gain, energy, overlap = quantized_fan_in(q, n, scale)
    if activation == "linear":
        limit, loss = (1 - gain) ** 2 / (1 - 2 * gain + energy), 1.0
    else:
        limit = 2 * (overlap - 0.5) ** 2 / ((1 + energy) / 2 - 2 * overlap)
        loss = _losses(q.angle)[0]
    return limit + (1 - limit) * loss / m


def equal_norm_ratio_finite(
    q: Quantizer, m: int, n: int, *, activation: str = "relu", metric: Metric = "pre", scale: Scale = "tensor"
) -> float:
    """`equal_norm_ratio` with its 1/n and 1/m terms, for flips with the realised norm of the error."""
    gain, energy, overlap = quantized_fan_in(q, n, scale)
    flip_rate = (1 - 2 * gain + energy) / 4
    if activation == "linear":
        flips, quantized = 4 * flip_rate * (1 - flip_rate), energy - gain * gain
        if metric == "pre":
            return flips / quantized
        return _sine2(1 - flips, m) / _sine2(1 - quantized / energy, m)
    hidden = sign_energy_finite_n(flip_rate, n)
    flips, quantized = hidden * (2 - hidden) / 2, energy / 2 - 2 * overlap * overlap
    counted = 1 if metric == "pre" else 2
    flip_losses, losses = _losses(2 * math.asin(math.sqrt(flip_rate))), _losses(q.angle)
    width = (1 - sum(flip_losses[:counted]) / m) / (1 - sum(losses[:counted]) / m)
    return flips / quantized * width * (energy if metric == "post" else 1)


def _sine2(cosine2: float, m: int) -> float:
    """Mean squared sine of two outputs of m bivariate normal rows."""
    return 1 - squared_correlation_mean(cosine2, m)


def _losses(theta: float) -> tuple[float, float]:
    """E[a^2 e^2] and E[b^2 e^2] over the products of second moments, as in `finite`."""
    deficit = relu_deficit(theta)
    clean, perturbed = residual_fourth_moments(theta)
    product = deficit * (2 - deficit) / 4
    return clean / product, perturbed / product


def quantized_fan_in(q: Quantizer, n: int, scale: Scale) -> tuple[float, float, float]:
    """E zq, E q^2 and E[relu(z) relu(q)] at fan-in n: the first two exactly, the last to order 1/n.

    The last is G(1, gain, energy), a function of the covariance alone, in the wide limit. Its 1/n term comes from the
    fourth joint cumulants of (w, Q), each of which multiplies a second derivative of G and sum x^4 = 3/n.
    """
    gain, energy = q.gain, q.energy
    tail = q.energy / q.scale**2
    cubic = q.gain * (q.threshold**2 + 2)  # E w^3 Q
    square = q.scale**2 * (q.threshold * q.gain / q.scale + tail)  # E w^2 Q^2
    curved = _curvatures(gain, energy)
    change = (
        (cubic - 3 * gain) * curved["clean-cross"]
        + 0.75 * (square - energy - 2 * gain**2) * curved["cross-cross"]
        + (q.scale**2 * gain - 3 * energy * gain) * curved["cross-quantized"]
        + 0.5 * (q.scale**2 * energy - 3 * energy**2) * curved["quantized-quantized"]
    ) / n
    overlap = quantized_overlap(q)
    if scale == "tensor":
        return gain, energy, overlap + change
    if q.threshold > 0:
        raise ValueError(f"scale: per row for threshold 0 only, got threshold {q.threshold!r}")
    return _row_scale(q, n, overlap + change, curved)


def _row_scale(q: Quantizer, n: int, overlap: float, curved: dict[str, float]) -> tuple[float, float, float]:
    """The same with s = mean |w| of the row: both moments move by Var s, and s co-varies with the row's covariance."""
    moved = row_scale_square(n)
    variance = 1 - BUSSGANG
    slopes = (math.pi - q.angle) / (2 * math.pi) + math.sqrt(q.residual) / (4 * math.pi * q.energy)
    spread = BUSSGANG * (
        1.5 * variance * curved["cross-cross"]
        + 2 * variance * curved["quantized-quantized"]
        + curved["clean-cross"]
        + 0.5 * curved["cross-cross"]
        + 4 * variance * curved["cross-quantized"]
    )
    return moved, moved, overlap + (variance * slopes + spread) / n


def _curvatures(gain: float, energy: float) -> dict[str, float]:
    """Second derivatives of G = E[relu(z) relu(q)] by entries of the covariance (E z^2 = 1, gain, energy).

    dG/dgain = (pi - theta)/(2 pi) and dG/denergy = root/(4 pi energy) with root = sqrt(energy - gain^2).
    """
    root = math.sqrt(energy - gain * gain)
    unit = 4 * math.pi * root
    return {
        "cross-cross": 2 / unit,
        "clean-cross": -gain / unit,
        "cross-quantized": -gain / (energy * unit),
        "quantized-quantized": (1 / (2 * energy) - root**2 / energy**2) / unit,
    }
