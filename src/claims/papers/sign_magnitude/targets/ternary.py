"""Targets and rivals of the claims on quantized weights as functions of a point's coordinates."""

from __future__ import annotations

import math
from typing import Literal

from claims.papers.sign_magnitude import theory

Scale = Literal["row", "tensor"]


def _scale(quantizer: str) -> Scale:
    return "row" if quantizer.endswith("-row") else "tensor"


def gain(quantizer: str) -> float:
    """E[w Q] for standard normal w."""
    return theory.quantizer(quantizer).gain


def zeros(quantizer: str) -> float:
    """Share of codes 0."""
    return theory.quantizer(quantizer).zeros


def error_norm(quantizer: str) -> float:
    """E[(Q - w)^2] for standard normal w."""
    return theory.quantizer(quantizer).error_norm


def flip_rate(quantizer: str) -> float:
    """Rate of sign flips with the norm of the quantization error."""
    return theory.equal_norm_flip_rate(theory.quantizer(quantizer))


def cosine2(quantizer: str) -> float:
    """Squared cosine between weights and quantized weights in the wide limit."""
    return theory.quantizer(quantizer).cosine2


def cosine(quantizer: str) -> float:
    """Its square root."""
    return math.sqrt(cosine2(quantizer))


def degrees(quantizer: str) -> float:
    """Angle between the outputs, in degrees."""
    return math.degrees(theory.quantizer(quantizer).angle)


def degrees_without_root(quantizer: str) -> float:
    """The angle whose cosine is the squared cosine."""
    return math.degrees(math.acos(cosine2(quantizer)))


def chord2(quantizer: str) -> float:
    """Squared distance of the normalised outputs over d."""
    return theory.quantized_chord2(theory.quantizer(quantizer))


def chord(quantizer: str) -> float:
    """That distance itself."""
    return math.sqrt(chord2(quantizer))


def gate_rate(quantizer: str) -> float:
    """Share of gates that quantization switches."""
    return theory.quantized_gate_rate(theory.quantizer(quantizer))


def one_way_gate_rate(quantizer: str) -> float:
    """Share of gates that it switches off."""
    return gate_rate(quantizer) / 2


def error_correlation(quantizer: str) -> float:
    """corr(z, q - z)."""
    q = theory.quantizer(quantizer)
    return (q.gain - 1) / math.sqrt(q.error_norm)


def overlap(quantizer: str) -> float:
    """E[relu(z) relu(q)]."""
    return theory.quantized_overlap(theory.quantizer(quantizer))


def overlap_of_lines(quantizer: str) -> float:
    """The same without rectifiers, halved: E[zq]/2."""
    return gain(quantizer) / 2


def activation_cosine2(quantizer: str) -> float:
    """Squared uncentred cosine between relu(z) and relu(q): (2J)^2."""
    return 1 - theory.quantized_transverse(theory.quantizer(quantizer), "relu", "post")


def relu_error(quantizer: str) -> float:
    """Error energy per neuron behind the ReLU."""
    return theory.quantized_error_energy(theory.quantizer(quantizer))


def half_linear_error(quantizer: str) -> float:
    """Half of the error energy before the ReLU, as if no gate switched."""
    return error_norm(quantizer) / 2


def relu_cross(quantizer: str) -> float:
    """E[a da] behind the ReLU."""
    return theory.quantized_cross(theory.quantizer(quantizer))


def half_linear_cross(quantizer: str) -> float:
    """Half of E[z dz], as if no gate switched."""
    return theory.quantized_cross(theory.quantizer(quantizer), "linear") / 2


def radial_pre(quantizer: str) -> float:
    """Radial fraction before the ReLU, wide limit."""
    return theory.quantized_radial_fraction(theory.quantizer(quantizer), "linear")


def radial_post(quantizer: str) -> float:
    """Radial fraction behind the ReLU, wide limit."""
    return theory.quantized_radial_fraction(theory.quantizer(quantizer))


def radial_fraction(quantizer: str, activation: str, m: int, n: int) -> float:
    """Radial fraction at finite width and fan-in."""
    q, scale = theory.quantizer(quantizer), _scale(quantizer)
    return theory.quantized_radial_fraction_finite(q, m, n, activation=activation, scale=scale)


def transverse_post(quantizer: str) -> float:
    """Squared sine of the angle that quantization turns the activation by, behind the ReLU."""
    return theory.quantized_transverse(theory.quantizer(quantizer), "relu", "post")


def sign_flips_radial() -> float:
    """Radial fraction, behind the ReLU, of sign flips with the norm of the sign quantizer's error."""
    return theory.sign_radial_fraction(flip_rate("sign"))


def relu_ratio_pre(quantizer: str) -> float:
    """Transverse energy of flips of equal norm over that of the quantization error, behind the ReLU, wide limit."""
    return theory.equal_norm_ratio(theory.quantizer(quantizer), "relu", "pre")


def relu_ratio_post(quantizer: str) -> float:
    """The same after both outputs were normalised."""
    return theory.equal_norm_ratio(theory.quantizer(quantizer), "relu", "post")


def linear_ratio_pre(quantizer: str) -> float:
    """`relu_ratio_pre` without the ReLU."""
    return theory.equal_norm_ratio(theory.quantizer(quantizer), "linear", "pre")


def linear_ratio_post(quantizer: str) -> float:
    """`relu_ratio_post` without the ReLU."""
    return theory.equal_norm_ratio(theory.quantizer(quantizer), "linear", "post")


def ratio_pre_finite(quantizer: str, activation: str, m: int, n: int) -> float:
    """Transverse energy of flips of equal norm over that of the quantization error, at finite width and fan-in."""
    q, scale = theory.quantizer(quantizer), _scale(quantizer)
    return theory.equal_norm_ratio_finite(q, m, n, activation=activation, metric="pre", scale=scale)


def ratio_post_finite(quantizer: str, activation: str, m: int, n: int) -> float:
    """The same after both outputs were normalised."""
    q, scale = theory.quantizer(quantizer), _scale(quantizer)
    return theory.equal_norm_ratio_finite(q, m, n, activation=activation, metric="post", scale=scale)


def outputs_cosine2(quantizer: str, n: int, aspect: float, law: str = "gaussian", input: str = "sphere") -> float:
    """Mean squared cosine between outputs of m = aspect n rows.

    For a unit vector as input and one scale a tensor the output is a column of W and its signs, so that Fact 1 gives it
    with m entries; a scale per row correlates with its entries and adds (1 - kappa)/n.
    """
    m, kappa = round(aspect * n), theory.sign_cosine_limit(law)
    if input == "sphere" and quantizer.startswith("sign"):
        return theory.sign_outputs_cosine2(m, n, _scale(quantizer), kappa)
    if input == "sphere":
        return theory.squared_correlation_mean(theory.quantizer(quantizer).cosine2, m)
    return kappa + (1 - kappa) * (1 / m + (1 / n if quantizer == "sign-row" else 0))


def other_scale(quantizer: str, n: int, aspect: float, law: str = "gaussian", input: str = "sphere") -> float:
    """`outputs_cosine2` with the scale taken per tensor instead of per row, or the other way round."""
    other = "sign-tensor" if quantizer == "sign-row" else "sign-row"
    return outputs_cosine2(other, n, aspect, law, input)


def gaussian_cosine2(n: int) -> float:
    """Row-level value for Gaussian weights, whatever the law: Fact 1 at n entries."""
    return theory.sign_cosine_mean(n)


def row_scale_gain(n: int, aspect: float) -> float:
    """Mean squared cosine between outputs: one scale a row, minus one scale a tensor."""
    return outputs_cosine2("sign-row", n, aspect) - outputs_cosine2("sign-tensor", n, aspect)


def wide_norm(aspect: float) -> float:
    """Limit of the largest singular value of W, entries N(0, 1/n): 1 + sqrt(m/n)."""
    return 1 + math.sqrt(aspect)


def quantized_norm(aspect: float) -> float:
    """The same of the sign quantizer of W."""
    return math.sqrt(theory.BUSSGANG) * wide_norm(aspect)


def error_operator_norm(aspect: float) -> float:
    """The same of its error."""
    return math.sqrt(1 - theory.BUSSGANG) * wide_norm(aspect)


def frobenius_norm(aspect: float) -> float:
    """Root mean square of |Wx| over the sphere, which a norm is not: sqrt(m/n)."""
    return math.sqrt(aspect)


def row_scale_square(n: int) -> float:
    """E s^2 of the row scale."""
    return theory.row_scale_square(n)


def transparency_gap(m: int, n: int) -> float:
    """Radial fraction behind the ReLU minus the one before it, sign quantizer, at finite size."""
    return radial_fraction("sign-row", "relu", m, n) - radial_fraction("sign-row", "linear", m, n)


def sine2_gap() -> float:
    """Squared sine that the sign quantizer turns the activation by, minus that of b1.58."""
    return transverse_post("sign") - transverse_post("ternary")


def sign_radial_post() -> float:
    """`radial_post` of the sign quantizer."""
    return radial_post("sign")
