"""Experiments on quantized weights that the claims of section 8 and Appendices B and G share: declarations only."""

from __future__ import annotations

from collections.abc import Callable

from claims import Band, Scalar, experiment, ratio
from claims.kinds.ratio import Ratio
from claims.papers.sign_magnitude.shared.block import by_quadrature
from claims.papers.sign_magnitude.theory import ternary, ternary_finite
from claims.papers.sign_magnitude.theory.block import Metric
from claims.papers.sign_magnitude.theory.ternary import Quantizer

#: The paper's quantizer, and b1.58 with the scale of the publication and of least squared error.
SIGN, TERNARY, FITTED = "sign-row", "ternary", "ternary-fitted"
ACTIVATIONS = ("linear", "relu")
_SIZE: dict[str, Scalar] = {"m": 256, "n": 256, "pairs": 128, "dtype": "float32"}

SIGN_BLOCK = experiment(
    "claims.papers.sign_magnitude.experiments.ternary:quantized_block",
    sweep={"quantizer": (SIGN,), "activation": ACTIVATIONS},
    fixed=_SIZE,
    seconds=0.007,
).at(quantizer=SIGN)
TERNARY_BLOCK = experiment(
    "claims.papers.sign_magnitude.experiments.ternary:quantized_block",
    sweep={"quantizer": (TERNARY, FITTED), "activation": ACTIVATIONS},
    fixed=_SIZE,
    seconds=0.01,
)
QUADRANTS = experiment(
    "claims.papers.sign_magnitude.experiments.ternary:gate_quadrants",
    sweep={"quantizer": (SIGN, TERNARY)},
    fixed={"m": 1024, "n": 256, "pairs": 64, "dtype": "float32"},
    seconds=0.02,
)
_OUTPUTS: dict[str, Scalar] = {"aspect": 1, "law": "gaussian", "input": "sphere", "inputs": 64, "dtype": "float32"}
ALIGNMENT = experiment(
    "claims.papers.sign_magnitude.experiments.ternary:alignment",
    sweep={"quantizer": (SIGN, "sign-tensor")},
    fixed=_OUTPUTS,
    seconds=0.004,
)
TERNARY_ALIGNMENT = experiment(
    "claims.papers.sign_magnitude.experiments.ternary:alignment",
    sweep={"quantizer": (TERNARY,)},
    fixed=_OUTPUTS,
    seconds=0.003,
)
#: The wide limit by quadrature; "sign" stands for a scale per row and per tensor alike.
LIMIT = experiment("claims.papers.sign_magnitude.experiments.ternary_quadrature:quantized_limit", seconds=0.15)
LIMIT_SIGN, LIMIT_TERNARY, LIMIT_FITTED = (LIMIT.at(quantizer=name) for name in ("sign", TERNARY, FITTED))


def flips_over_quantization(block: str, metric: str) -> Ratio:
    """Transverse energy of sign flips over that of the quantization error of equal norm."""
    source = SIGN_BLOCK if block == SIGN else TERNARY_BLOCK
    return ratio(source[f"flips_{metric}"], source[f"quantized_{metric}"])


def by_name(form: Callable[[Quantizer], float]) -> Callable[[str], float]:
    """A closed form of a quantizer as a function of its name, as points have it."""

    def at(quantizer: str) -> float:
        return form(ternary.quantizer(quantizer))

    return at


def exactly(form: Callable[[Quantizer], float]) -> Band:
    """Band of a wide-limit value by quadrature around a closed form of the point's quantizer."""
    return by_quadrature(by_name(form))


def radial_fraction(quantizer: str, activation: str, m: int, n: int) -> float:
    """Radial fraction at finite width and fan-in."""
    scale = ternary_finite.scale_of(quantizer)
    return ternary_finite.quantized_radial_fraction_finite(
        ternary.quantizer(quantizer), m, n, activation=activation, scale=scale
    )


def equal_norm_ratio_pre(quantizer: str, activation: str, m: int, n: int) -> float:
    """Transverse energy of sign flips over that of the quantization error, at finite width and fan-in."""
    return _equal_norm_ratio(quantizer, activation, m, n, "pre")


def equal_norm_ratio_post(quantizer: str, activation: str, m: int, n: int) -> float:
    """The same of squared sines, behind RMSNorm."""
    return _equal_norm_ratio(quantizer, activation, m, n, "post")


def _equal_norm_ratio(quantizer: str, activation: str, m: int, n: int, metric: Metric) -> float:
    q, scale = ternary.quantizer(quantizer), ternary_finite.scale_of(quantizer)
    return ternary_finite.equal_norm_ratio_finite(q, m, n, activation=activation, metric=metric, scale=scale)
