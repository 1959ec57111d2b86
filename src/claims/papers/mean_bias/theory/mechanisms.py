"""Closed forms of section 3: means behind activations, gates and averaging, along depth and with width.

Shares are |M|^2/|X|^2, the square of eq. 1 read with the mean energy of a token, in the limit of many tokens and
channels unless said. ``shift`` is the mean a channel over the noise's standard deviation, ``sigma`` the scale of a
centred Gaussian pre-activation.
"""

import functools
import math
from collections.abc import Callable
from typing import Literal

Activation = Literal["relu", "gelu", "silu"]


def _gaussian(function: Callable[[float], float], scale: float = 1.0) -> float:
    """E[function(z)], z standard normal, for a function that is smooth on the scale 1/``scale``.

    The trapezoidal rule converges exponentially for such functions: steps of a quarter of that scale out to |z| = 10.
    """
    step = 0.25 / max(1.0, scale)
    reach = round(10 / step)
    total = math.fsum(function(k * step) * math.exp(-((k * step) ** 2) / 2) for k in range(-reach, reach + 1))
    return total * step / math.sqrt(2 * math.pi)


def _sigmoid(z: float) -> float:
    """1/(1 + exp(-z)) without overflow."""
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z))


def _silu(z: float) -> float:
    return z * _sigmoid(z)


def _silu_slope(z: float) -> float:
    gate = _sigmoid(z)
    return gate * (1 + z * (1 - gate))


def activation_mean(activation: Activation, sigma: float = 1.0) -> float:
    """E[phi(sigma z)]: sigma/sqrt(2 pi) for ReLU, sigma^2/sqrt(2 pi (1 + sigma^2)) for GELU (Stein's identity).

    SiLU has E of its even part z tanh(z/2)/2, which is positive everywhere but at 0.
    """
    if activation == "relu":
        return sigma / math.sqrt(2 * math.pi)
    if activation == "gelu":
        return sigma * sigma / math.sqrt(2 * math.pi * (1 + sigma * sigma))
    if activation == "silu":
        return _gaussian(lambda z: sigma * z * math.tanh(sigma * z / 2) / 2, sigma)
    raise ValueError(f"activation: relu, gelu or silu, got {activation!r}")


def _activation_square(activation: Activation, sigma: float) -> float:
    """E[phi(sigma z)^2]: sigma^2/2 for ReLU; else the odd part's square, z^2/4, plus the even part's."""
    if activation == "relu":
        return sigma * sigma / 2
    if activation == "gelu":
        return sigma * sigma / 4 + _gaussian(lambda z: (sigma * z * math.erf(sigma * z / math.sqrt(2)) / 2) ** 2, sigma)
    return sigma * sigma / 4 + _gaussian(lambda z: (sigma * z * math.tanh(sigma * z / 2) / 2) ** 2, sigma)


def activation_share(activation: Activation, sigma: float = 1.0) -> float:
    """Mean share behind an activation of centred inputs, (E phi)^2/E phi^2: 1/pi for ReLU at every scale.

    GELU and SiLU are z/2 + O(z^2) near 0, so that theirs vanishes like sigma^2: 2 sigma^2/pi and sigma^2/4.
    """
    return activation_mean(activation, sigma) ** 2 / _activation_square(activation, sigma)


def gated_mean(correlation: float, gate_sigma: float = 1.0, up_sigma: float = 1.0) -> float:
    """E[SiLU(g) u] = Cov(g, u)/2 for centred (g, u) of any law that (-g, -u) shares: sigmoid(g) + sigmoid(-g) = 1."""
    return correlation * gate_sigma * up_sigma / 2


def input_share(shift: float) -> float:
    """Mean share of X = shift 1 b' + Z: s^2/(1 + s^2)."""
    return shift * shift / (1 + shift * shift)


@functools.cache
def gated_share(shift: float, tokens: int, channels: int) -> float:
    """Mean share behind SwiGLU with independent Gaussian projections of unit gain, X being normalised to unit energy.

    A gate neuron is a + t z with a of variance r (input share) across neurons and t^2 = 1 - r within; gate and up
    neurons are independent, so the output mean is E_z[SiLU(a + t z)] times the up neuron's mean, and the share is
    r E_a[(E_z SiLU)^2]/E[SiLU^2]: below r by Jensen's inequality, strictly for r < 1. Projections of ``channels``
    inputs correlate gate and up neuron by O(1/sqrt(channels)), which adds t^4 E_a[(E_z SiLU')^2]/channels to the
    numerator; the mean over ``tokens`` adds (1 - share)/tokens.
    """
    share = input_share(shift)
    across, within = math.sqrt(share), math.sqrt(1 - share)
    square = _gaussian(lambda z: _silu(z) ** 2)
    means = _gaussian(lambda a: _gaussian(lambda z: _silu(across * a + within * z)) ** 2)
    slopes = _gaussian(lambda a: _gaussian(lambda z: _silu_slope(across * a + within * z)) ** 2)
    wide = share * means / square
    return wide + (1 - wide) / tokens + within**4 * slopes / (channels * square)


def averaged_share(shift: float, tokens: int, sharpness: float = 0.0) -> float:
    """Mean share behind attention that ignores the values: softmax of scores of law N(0, sharpness^2).

    A row of weights has sum of squares exp(sharpness^2)/l, so that is what is left of the noise: the share is
    (s^2 + 1/l)/(s^2 + exp(sharpness^2)/l), to O(1/l) in the sum of squares. Equal weights give 1.
    """
    left = math.exp(sharpness * sharpness) / tokens
    return (shift * shift + 1 / tokens) / (shift * shift + left)


def residual_share(direction: Literal["unrelated", "common"], depth: int, shift: float, tokens: int) -> float:
    """E|M|^2/E|X|^2 after ``depth`` residual layers that add a mean of size ``shift`` and unit noise each.

    Means in unrelated directions add up like the noise, and the share stays that of one layer; means in one direction
    add up to depth * shift.
    """
    mean2 = shift * shift * (depth if direction == "unrelated" else depth * depth)
    return (mean2 + depth / tokens) / (mean2 + depth)


def zipf(vocabulary: int, exponent: float = 1.0) -> list[float]:
    """Frequencies proportional to rank^-exponent, summing to one."""
    weights = [rank**-exponent for rank in range(1, vocabulary + 1)]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def corpus_share(vocabulary: int, exponent: float = 1.0) -> float:
    """Mean share of a corpus over independent centred embeddings of equal energy: sum p(v)^2, to O(1/channels)."""
    return math.fsum(p * p for p in zipf(vocabulary, exponent))


def head_share(vocabulary: int, head: int, exponent: float = 1.0) -> float:
    """Share of that mean's energy that the ``head`` most frequent tokens' embeddings make: of sum p^2."""
    frequencies = zipf(vocabulary, exponent)
    return math.fsum(p * p for p in frequencies[:head]) / math.fsum(p * p for p in frequencies)


def gaussian_mean_norm() -> float:
    """Limit of |mu|/(sqrt(H) mean|mu_j|) for Gaussian entries: sqrt(pi/2); 1 only where all magnitudes are equal."""
    return math.sqrt(math.pi / 2)
