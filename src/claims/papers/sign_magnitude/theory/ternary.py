"""Quantized weights (paper, section 8 and Appendix G): closed forms for sign codes, ternary codes and any threshold.

A quantizer gives a standard normal weight w the value scale * sgn(w) if |w| > threshold, else 0. Wide-limit
pre-activations z = w.x and q = Q(w).x are bivariate normal with E z^2 = 1, E zq = E[w Q] (the gain) and E q^2 = E Q^2
(the energy), whatever the unit input. `activation` is "relu" or "linear"; energies are per neuron, `metric` as in
`block`. "sign" is the paper's sign quantizer (threshold 0, scale E|w|), "ternary" BitNet b1.58's rounding of w/E|w|
(threshold half that scale), "ternary-fitted" the same codes with the scale of least squared error.
"""

import math
from dataclasses import dataclass
from functools import cached_property

from .arccosine import relu_deficit
from .block import BUSSGANG, Metric, check_metric, sign_transverse

ABSMEAN = math.sqrt(BUSSGANG)


@dataclass(frozen=True)
class Quantizer:
    """Scale times a code in {-1, 0, 1}; both arguments in units of the weights' standard deviation.

    Raises:
        ValueError: a negative threshold or a scale that is not positive.
    """

    threshold: float
    scale: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 8.0:
            raise ValueError(f"threshold: in standard deviations, from 0 to 8, got {self.threshold!r}")
        if not 0.0 < self.scale < math.inf:
            raise ValueError(f"scale: a positive number is needed, got {self.scale!r}")

    @cached_property
    def zeros(self) -> float:
        """Share of weights whose code is 0."""
        return math.erf(self.threshold / math.sqrt(2))

    @cached_property
    def gain(self) -> float:
        """E[w Q] = scale E[|w|; |w| > threshold] = 2 scale phi(threshold)."""
        return self.scale * ABSMEAN * math.exp(-self.threshold * self.threshold / 2)

    @cached_property
    def energy(self) -> float:
        """E[Q^2], the variance of the quantized pre-activation."""
        return self.scale * self.scale * math.erfc(self.threshold / math.sqrt(2))

    @cached_property
    def residual(self) -> float:
        """E[Q^2] - (E[w Q])^2: the part of the quantized weight that no multiple of w gives.

        It is at least .19 of the energy at every threshold, so nothing cancels.
        """
        return self.energy - self.gain * self.gain

    @cached_property
    def cosine2(self) -> float:
        """Squared cosine between weights and codes, and between the outputs Wx and Q(W)x (Theorem 4)."""
        return self.gain * self.gain / self.energy

    @cached_property
    def angle(self) -> float:
        """Angle between the two outputs, radians: arccos sqrt(2/pi) for signs (eq. 18)."""
        return math.atan2(math.sqrt(self.residual), self.gain)

    @cached_property
    def error_norm(self) -> float:
        """E[(Q - w)^2], the squared Frobenius norm of the error over that of the weights."""
        return (1 - self.gain) ** 2 + self.residual

    def fitted(self) -> "Quantizer":
        """The same codes with the scale that minimises `error_norm`; the error is then orthogonal to Q."""
        return Quantizer(self.threshold, self.scale * self.gain / self.energy)


_QUANTIZERS = {
    "sign": Quantizer(0.0, ABSMEAN),
    "ternary": Quantizer(ABSMEAN / 2, ABSMEAN),
    "ternary-fitted": Quantizer(ABSMEAN / 2, ABSMEAN).fitted(),
}


def quantizer(name: str) -> Quantizer:
    """The quantizer of that name; "sign-row" and "sign-tensor" (where the scale comes from) share a wide limit.

    Raises:
        ValueError: another name.
    """
    try:
        return _QUANTIZERS[name.removesuffix("-row").removesuffix("-tensor")]
    except KeyError:
        raise ValueError(f"quantizer: {', '.join(_QUANTIZERS)} are known, got {name!r}") from None


def quantized_chord2(q: Quantizer) -> float:
    """Squared distance between the normalised outputs over d, 2 - 2 cos (eq. 19)."""
    return 4 * math.sin(q.angle / 2) ** 2


def quantized_gate_rate(q: Quantizer) -> float:
    """Probability that quantization switches a gate on or off, angle/pi; both are equally likely."""
    return q.angle / math.pi


def quantized_overlap(q: Quantizer) -> float:
    """E[relu(z) relu(q)] = sqrt(E q^2) J(cos angle) (Appendix G.2)."""
    return math.sqrt(q.energy) * (1 - relu_deficit(q.angle)) / 2


def quantized_error_energy(q: Quantizer, activation: str = "relu") -> float:
    """Energy of the change: E[(q - z)^2], or E[(relu q - relu z)^2] (eq. 37)."""
    if _rectified(activation):
        growth = math.sqrt(q.energy) - 1
        return growth * growth / 2 + (1 + growth) * relu_deficit(q.angle)
    return q.error_norm


def quantized_cross(q: Quantizer, activation: str = "relu") -> float:
    """E of clean activation times its change; negative where quantization contracts the activation (G.3)."""
    if _rectified(activation):
        growth = math.sqrt(q.energy) - 1
        return (growth - (1 + growth) * relu_deficit(q.angle)) / 2
    return q.gain - 1


def quantized_radial_fraction(q: Quantizer, activation: str = "relu") -> float:
    """Share of the error's energy along the clean output: eq. 38 after the ReLU, (1 - gain)^2/error_norm before it."""
    clean = 0.5 if _rectified(activation) else 1.0
    return quantized_cross(q, activation) ** 2 / (clean * quantized_error_energy(q, activation))


def quantized_transverse(q: Quantizer, activation: str = "relu", metric: Metric = "pre") -> float:
    """Energy of the change transverse to the clean output; "post": squared sine of the angle between both outputs."""
    check_metric(metric)
    if _rectified(activation):
        deficit = relu_deficit(q.angle)
        sine2, perturbed = deficit * (2 - deficit), q.energy / 2
    else:
        sine2, perturbed = q.residual / q.energy, q.energy
    return sine2 if metric == "post" else perturbed * sine2


def equal_norm_flip_rate(q: Quantizer) -> float:
    """Rate of sign flips with the quantization error's Frobenius norm, E[(Q - w)^2]/4 (section 8.4)."""
    return q.error_norm / 4


def equal_norm_ratio(q: Quantizer, activation: str = "relu", metric: Metric = "pre") -> float:
    """Transverse energy of sign flips over that of the quantization error at equal norm (section 8.4).

    Flips leave the output's mean square alone, so that their two metrics differ by the clean energy only. A norm
    error_norm > 4 takes flips of more than every weight: there is no such comparison.
    """
    flip_rate = equal_norm_flip_rate(q)
    if _rectified(activation):
        flips = sign_transverse(flip_rate) * (2 if metric == "post" else 1)
    else:
        flips = 4 * flip_rate * (1 - flip_rate)
    return flips / quantized_transverse(q, activation, metric)


def _rectified(activation: str) -> bool:
    if activation not in ("relu", "linear"):
        raise ValueError(f"activation: 'relu' or 'linear' are defined, got {activation!r}")
    return activation == "relu"
