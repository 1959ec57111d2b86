"""What NVFP4 and Averis do to X = 1 s b^T + Z and D = 1 r g^T + G: laws of the error, from the element's error alone.

Z (tokens, channels) and G (tokens, outputs) are iid N(0, 1); b and g have root mean square 1 and entries that are
otherwise like normals, so that s^2/(1 + s^2) is the mean's share of the energy of X. Everything is to nearest and per
element; e = ``nvfp4_error`` is the mean squared error of an N(0, 1) tensor, .0090, and it is relative: a block of iid
normals of any variance v has error e v. Arms, by what becomes of the mean:

    plain      not split
    printed    split off, kept in FP4 (equation 11)
    bfloat16   split off, kept in BF16
    kept       an FP4 mean is split off, that is, the rounded mean is what is subtracted
"""

from __future__ import annotations

from .formats import nvfp4_error, nvfp4_gain
from .offset_error import channel_error


def residual_error(tokens: int, channels: int) -> float:
    """Error of an element of variance 1 in a matrix of this size, e."""
    return nvfp4_error(tokens * channels)


def varying_error(strength: float, arm: str, tokens: int, channels: int) -> float:
    """Error of an element of X that differs from token to token (of "plain", all there is: see ``total_error``)."""
    e = residual_error(tokens, channels)
    if arm == "plain":
        return e * (1 + strength**2)
    if arm == "kept":
        return e * (1 + strength**2 * nvfp4_error(channels))
    return e * (1 - 1 / tokens)


def coherent_error(strength: float, channels: int) -> float:
    """Error of an element of X that all tokens share if the mean is kept in FP4: s^2 e, one error for the mean."""
    return strength**2 * nvfp4_error(channels)


def total_error(strength: float, arm: str, tokens: int, channels: int) -> float:
    """Mean squared error of an element of X."""
    shared = coherent_error(strength, channels) if arm == "printed" else 0.0
    return varying_error(strength, arm, tokens, channels) + shared


def product_error(strength: float, arm: str, tokens: int, channels: int, outputs: int) -> tuple[float, float]:
    """(varying, coherent) error of Y = X W^T relative to the energy of Z W^T, with W in NVFP4 too, W iid normal.

    To first order the errors of X and of W add up, and W's multiplies tokens and mean alike; "exact weight" is
    "bfloat16" with the mean multiplied by the weight as it was before quantization.
    """
    w = residual_error(outputs, channels)
    of_x = "bfloat16" if arm == "exact weight" else arm
    by_mean = coherent_error(strength, channels) if arm == "printed" else 0.0
    by_weight = 0.0 if arm == "exact weight" else strength**2 * w
    return varying_error(strength, of_x, tokens, channels) + w, by_mean + by_weight


def residual_product_error(tokens: int, channels: int, outputs: int) -> float:
    """Mean squared error of an entry of G_R^T Z_R over ``tokens``, both residuals in NVFP4: 2 e to first order.

    For one token it is E (qg qz - g z)^2 with E q^2 = 1 + 2 k + e and E q x = 1 + k, where k is the quantizer's gain.
    Residuals have the variance 1 - 1/tokens.
    """
    e, k = residual_error(tokens, channels), nvfp4_gain(tokens * channels, "nearest")
    f, h = residual_error(tokens, outputs), nvfp4_gain(tokens * outputs, "nearest")
    return ((1 + 2 * k + e) * (1 + 2 * h + f) - 2 * (1 + k) * (1 + h) + 1) * (1 - 1 / tokens) ** 2


def weight_gradient_error(
    strength: float, gradient_strength: float, arm: str, tokens: int, channels: int, outputs: int
) -> float:
    """Mean squared error of an element of dW = D^T X over that of G^T Z, which is ``tokens``.

    To first order in e an error of X meets D and an error of D meets X. Arms are those of X, with the number of terms
    of equation 12 where it is split ("printed/4", "bfloat16/2"); the same is done to D. Residuals are centred, so that
    only the sum of their *errors* over tokens, of variance tokens * e, is left in the cross terms. What is kept of a
    mean in FP4 has relative error nvfp4_error and is multiplied by tokens. Sample means add 1/tokens to s^2 and r^2.
    """
    x, d = strength**2, gradient_strength**2
    if arm == "plain":
        error_x = channel_error(strength, tokens, channels)
        error_d = channel_error(gradient_strength, tokens, outputs)
        met_by_x = error_d.varying * (1 + x) + error_d.coherent * (1 + tokens * x)
        met_by_d = error_x.varying * (1 + d) + error_x.coherent * (1 + tokens * d)
        return met_by_x + met_by_d + error_x.varying * error_d.varying
    kept, _, terms = arm.partition("/")
    of_x, of_d = residual_error(tokens, channels), residual_error(tokens, outputs)
    noise = residual_product_error(tokens, channels, outputs)
    if terms == "4":
        noise += of_d * x + of_x * d
    mean_x, mean_d = nvfp4_error(channels), nvfp4_error(outputs)
    if kept == "kept":
        noise += of_d * x * mean_x + of_x * d * mean_d
    if kept == "printed":
        noise += tokens * (x + 1 / tokens) * (d + 1 / tokens) * (mean_x + mean_d + mean_x * mean_d)
    return noise
