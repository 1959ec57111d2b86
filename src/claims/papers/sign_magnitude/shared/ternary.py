"""Experiments on quantized weights that the claims of section 8 and Appendices B and G share: declarations only."""

from __future__ import annotations

from claims.bands import Band
from claims.experiment import Scalar, experiment
from claims.kinds import ratio
from claims.kinds.ratio import Ratio
from claims.papers.sign_magnitude.shared.block import by_quadrature

TARGETS = "claims.papers.sign_magnitude.targets.ternary"

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


def exactly(target: str) -> Band:
    """Band of a wide-limit value by quadrature around a closed form of ``ternary_targets``."""
    return by_quadrature(f"{TARGETS}:{target}")
