"""Claims of sections 8.3 and 8.4: what the sign quantizer's error is made of, before and behind the ReLU."""

from __future__ import annotations

import math

from claims import Claim, Scalar, between, experiment, grid, identity, linear, mean, order, printed, value, within
from claims.papers.sign_magnitude.shared.block import by_quadrature
from claims.papers.sign_magnitude.shared.ternary import (
    LIMIT,
    LIMIT_SIGN,
    QUADRANTS,
    SIGN,
    SIGN_BLOCK,
    by_name,
    exactly,
    radial_fraction,
)
from claims.papers.sign_magnitude.theory import ternary

KAPPA = 2 / math.pi
AT_LIMIT = grid(quantizer="sign")
BLOCK_POINT: dict[str, Scalar] = {"quantizer": SIGN, "m": 256, "n": 256}
DEVICES = ("cpu", "cuda", "triton-interpreter")
CODES = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:codes",
    fixed={"m": 64, "n": 256},
    seconds=0.002,
    devices=DEVICES,
)
ROW = experiment(
    "claims.papers.sign_magnitude.experiments.ternary_probes:row_geometry",
    fixed={"n": 256},
    seconds=0.001,
    devices=DEVICES,
)
RELATIVE_PERCENT = 100 / (1 - KAPPA) * LIMIT["relu_radial_fraction"] - 100.0


def transparency_gap(m: int, n: int) -> float:
    """Radial fraction behind the ReLU minus the one before it, at finite size."""
    return radial_fraction(SIGN, "relu", m, n) - radial_fraction(SIGN, "linear", m, n)


NOT_CLAIMS = {
    "Section 8.3, items 2 and 3 of the chain": (
        "Assembled from results audited on their own: Theorem 2 in section 4, Theorem 3 in section 6; the numbers of "
        "the caveat are sign-magnitude.sec83.correlation, sec83.radial-share and sec84.gate-rate."
    ),
    "Section 8.3, the constant-step model's gate rate": (
        "Audited where it is derived, as sign-magnitude.a7.gate-rates."
    ),
    "Section 8.4, table, rows sign-flip and magnitude": (
        "Small-p limits of Theorem 3, audited with Appendix A: radial fractions p and 2/pi, gate rates ~ sqrt(p)."
    ),
}

MECHANISM = (
    Claim(
        id="sign-magnitude.sec83.no-sign-flipped",
        locus="section 8.3, item 1; definition 1",
        statement="Sign quantization changes the sign of no weight.",
        test=identity(CODES["sign_changed"], linear(0.0), bound=0.5, planted=CODES["ternary_changed"]),
    ),
    Claim(
        id="sign-magnitude.sec83.error-orthogonal",
        locus="section 8.3; Appendix G.4",
        statement="With s = mean |w| the quantized row is orthogonal to its error, exactly and for every row.",
        at=grid(law=["gaussian", "laplace", "uniform"]),
        test=identity(ROW["orthogonal"], linear(0.0), bound=ROW["bound"], planted=ROW["planted_orthogonal"]),
    ),
    Claim(
        id="sign-magnitude.sec83.partition",
        locus="section 8.3, decomposition of |w|",
        statement="A row's squared cosines with its signs and with its quantization error add up to one.",
        at=grid(law=["gaussian", "laplace", "uniform"]),
        test=identity(ROW["partition"], linear(1.0), bound=ROW["bound"], planted=ROW["planted_partition"]),
    ),
    Claim(
        id="sign-magnitude.sec83.opposes",
        locus="section 8.3, caveat",
        statement="The error opposes the row: their cosine is -sqrt(1 - cos^2(w, sgn w)), of the other sign than A4's.",
        at=grid(law=["gaussian", "laplace", "uniform"]),
        test=identity(ROW["reflected"], linear(0.0), bound=ROW["bound"], planted=ROW["planted_reflected"]),
    ),
    Claim(
        id="sign-magnitude.sec83.correlation",
        locus="section 8.3, caveat",
        statement="Pre-activation and its quantization error have the correlation -sqrt(1 - 2/pi) = -.603.",
        at=AT_LIMIT,
        test=value(LIMIT["error_correlation"]),
        band=exactly(lambda q: (q.gain - 1) / math.sqrt(q.error_norm)),
        rival=math.sqrt(KAPPA),
    ),
    Claim(
        id="sign-magnitude.sec83.error-energy",
        locus="section 8.3, derivation",
        statement="The error's squared norm is 1 - 2/pi of the weights'.",
        at=AT_LIMIT,
        test=value(LIMIT["error_norm"]),
        band=exactly(lambda q: q.error_norm),
        rival=KAPPA,
    ),
    Claim(
        id="sign-magnitude.sec83.radial-share",
        locus="section 8.3; section 8.4, table",
        statement="Before the ReLU 1 - 2/pi of the quantization error is radial, plus (2/pi)/m - (1 - 2/pi)/n.",
        at=grid(quantizer=SIGN, activation="linear", m=256, n=256),
        test=mean(SIGN_BLOCK["radial_fraction"]),
        band=within(radial_fraction, abs=0.004, provenance="smallest-effect", because="one per cent of the share"),
        rival=KAPPA,
    ),
    Claim(
        id="sign-magnitude.sec83.between",
        locus="section 8.3; contribution 2",
        statement=(
            "The sign quantizer's error has a radial share between that of flips of equal norm, .091, and that of "
            "(A4)'s step, 2/pi."
        ),
        test=value(LIMIT_SIGN["linear_radial_fraction"]),
        band=between((1 - KAPPA) / 4, KAPPA, provenance="author", because="the two shares that are named"),
        rival=0.6447,
    ),
)

POST_RELU = (
    Claim(
        id="sign-magnitude.sec84.gate-rate",
        locus="section 8.4; Appendix G.5",
        statement="Quantization switches 20.6 per cent of the gates.",
        test=value(100 * LIMIT_SIGN["gate_rate"]),
        band=printed("20.6"),
        rival=6.4,
    ),
    Claim(
        id="sign-magnitude.sec84.gate-rate-form",
        locus="section 8.4; Appendix G.5",
        statement="The share of gates that switch is arccos(sqrt(2/pi))/pi.",
        at=AT_LIMIT,
        test=value(LIMIT["gate_rate"]),
        band=exactly(ternary.quantized_gate_rate),
        rival=by_name(lambda q: ternary.quantized_gate_rate(q) / 2),
    ),
    Claim(
        id="sign-magnitude.sec84.gate-rate-measured",
        locus="section 8.4; Appendix G.5",
        statement="In a layer of 1024 x 256 a share .206 of the gates switches.",
        at=grid(quantizer=SIGN),
        test=mean(QUADRANTS["gate_rate"]),
        band=within(
            by_name(ternary.quantized_gate_rate), abs=0.004, provenance="smallest-effect", because="two per cent"
        ),
        rival=by_name(lambda q: ternary.quantized_gate_rate(q) / 2),
    ),
    Claim(
        id="sign-magnitude.sec84.auxiliary",
        locus="section 8.4; Appendix G.2, eq. 36",
        statement="The auxiliary constant is sqrt(1 - r^2) + r (pi - arccos r) with r = sqrt(2/pi), 2.5932.",
        test=value(LIMIT_SIGN["auxiliary"]),
        band=by_quadrature(math.sqrt(1 - KAPPA) + math.sqrt(KAPPA) * (math.pi - math.acos(math.sqrt(KAPPA)))),
        rival=math.pi * math.sqrt(KAPPA),
    ),
    Claim(
        id="sign-magnitude.sec84.error-energy",
        locus="section 8.4; Appendix G.2, eq. 37",
        statement="Behind the ReLU the error energy per neuron is 1/2 + 1/pi - 2 E[a a_q] = .1597.",
        at=AT_LIMIT,
        test=value(LIMIT["relu_total"]),
        band=exactly(ternary.quantized_error_energy),
        rival=by_name(lambda q: q.error_norm / 2),
    ),
    Claim(
        id="sign-magnitude.sec84.error-energy-measured",
        locus="section 8.4; Appendix G.2, eq. 37",
        statement="In a layer of 256 x 256 the error energy per neuron is .160 behind the ReLU.",
        at=grid(**BLOCK_POINT, activation="relu"),
        test=mean(SIGN_BLOCK["total"]),
        band=within(0.159705, rel=0.03, provenance="smallest-effect", because="a quarter of what the gates take"),
        rival=(1 - KAPPA) / 2,
    ),
    Claim(
        id="sign-magnitude.sec84.contracts",
        locus="section 8.4; Appendix G.3",
        statement="Per neuron E[a da] = -.1707: quantization contracts the activation.",
        at=AT_LIMIT,
        test=value(LIMIT["relu_cross"]),
        band=exactly(ternary.quantized_cross),
        rival=by_name(lambda q: ternary.quantized_cross(q, "linear") / 2),
    ),
    Claim(
        id="sign-magnitude.sec84.radial",
        locus="abstract; section 8.4, eq. 21; Appendix G.4, eq. 38",
        statement="Behind the ReLU a share .365 of the quantization error is radial.",
        test=value(LIMIT_SIGN["relu_radial_fraction"]),
        band=printed("0.365"),
        rival=1 - KAPPA,
    ),
    Claim(
        id="sign-magnitude.sec84.radial-form",
        locus="section 8.4, eq. 21; Appendix G.4, eq. 38",
        statement="The radial share of the quantization error behind the ReLU is 2 (E[a da])^2/E[da^2], .364893.",
        at=AT_LIMIT,
        test=value(LIMIT["relu_radial_fraction"]),
        band=exactly(ternary.quantized_radial_fraction),
        rival=1 - KAPPA,
    ),
    Claim(
        id="sign-magnitude.sec84.radial-measured",
        locus="section 8.4, eq. 21; Appendix G.4",
        statement="A layer of 256 x 256 has it, .3687 with its terms of order 1/m and 1/n.",
        at=grid(**BLOCK_POINT, activation="relu"),
        test=mean(SIGN_BLOCK["radial_fraction"]),
        band=within(radial_fraction, abs=0.003, provenance="theory", because="finite-size terms known to 1e-4"),
        rival=0.3575,
    ),
    Claim(
        id="sign-magnitude.sec84.transparent",
        locus="abstract; section 8.4, near-equality",
        statement="The radial share behind the ReLU exceeds the one before it by 0.4 per cent of its value.",
        at=AT_LIMIT,
        test=value(RELATIVE_PERCENT),
        band=printed("0.4"),
        rival=0.0,
    ),
    Claim(
        id="sign-magnitude.sec84.transparent-measured",
        locus="abstract; section 8.4, near-equality",
        statement="In a layer of 512 x 512 the radial share is larger behind the ReLU, by .0029 at this size.",
        at=grid(m=512, n=512),
        test=order(
            SIGN_BLOCK.at(activation="relu")["radial_fraction"], SIGN_BLOCK.at(activation="linear")["radial_fraction"]
        ),
        band=within(transparency_gap, abs=0.0006, provenance="theory", because="less than half of .0015"),
        rival=0.0,
        decides="standard",
    ),
)
