"""Limits of the depth recursion: few flips, infinite depth, the skip connection's share, SiLU and gains."""

from __future__ import annotations

from claims import Claim, grid, identity, mean, ratio, value, within
from claims.papers.sign_magnitude.shared.depth import (
    ARCHITECTURES,
    COMPOUNDING,
    DEEP_STACK,
    FEW_FLIPS,
    GAINS,
    LAYERS,
    METRICS,
    PLATEAU,
    RATE,
    STACK,
    points,
)
from claims.papers.sign_magnitude.theory import block, depth, depth_limits, small_rate
from claims.papers.sign_magnitude.theory.block import Metric
from claims.papers.sign_magnitude.theory.depth import Norm

#: Energy share of the branch at the first layer: a unit input, and a ReLU's half.
BRANCH_SHARE = 1 / 3
FIRST = {name: STACK.at(layer=1, metric="post", **ARCHITECTURES[name]) for name in ("v2-released", "v3-released")}


def branch_limit() -> float:
    """Small-rate ratio at the first layer of a residual ReLU network."""
    return depth_limits.first_layer_limit(BRANCH_SHARE)


def diluted_radial_fraction(flip_rate: float) -> float:
    """Share of the step's energy along the output when the branch is a third of the output's energy."""
    return BRANCH_SHARE * block.magnitude_radial_fraction(flip_rate)


def rectified(flip_rate: float, layer: int, residual: bool, norm: Norm, metric: Metric) -> float:
    """The wide-limit ratio with ReLU in place of the point's activation."""
    return depth.depth_ratio(flip_rate, layer, residual=residual, norm=norm, metric=metric)


def first_layer_slope(metric: Metric) -> float:
    """Coefficient of sqrt(p) if depth changed nothing."""
    return small_rate.c_sqrt_coefficient(metric)


def straight_on(flip_rate: float) -> float:
    """The ratio at 24 layers if it went on falling as it does over the first six."""
    first, *_, sixth = depth.depth_ratios(flip_rate, 6)
    return float(first * (sixth / first) ** (23 / 5))


LIMITS = (
    Claim(
        id="sign-magnitude.depth.small-rate-plain",
        locus="section 7.1; Theorem 3, eq. 14",
        statement="As p -> 0 a stack without skip connections has the ratio pi/(pi - 2) at every depth.",
        at=grid(**ARCHITECTURES["v2-released"], layer=LAYERS, metric=METRICS),
        test=value(FEW_FLIPS["limit"]),
        band=within(depth_limits.depth_limit, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"),
        rival=3.066,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.small-rate-normalised-stream",
        locus="section 7.1; Table 16",
        statement="As p -> 0 the residual network of Table 16 has the ratio 1/(1 - 2/(3 pi)) = 1.269 at every depth.",
        at=grid(**ARCHITECTURES["v3-tables"], layer=LAYERS, metric=METRICS),
        test=value(FEW_FLIPS["limit"]),
        band=within(branch_limit, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"),
        rival=1.318,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.small-rate-kept-stream",
        locus="section 7.1; Figure 2",
        statement="As p -> 0 the released residual network still rises with depth, from 1.269 to 1.694 at six layers.",
        at=grid(**ARCHITECTURES["v3-released"], layer=LAYERS, metric=METRICS),
        test=value(FEW_FLIPS["limit"]),
        band=within(depth_limits.depth_limit, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"),
        rival=small_rate.c_limit,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.decay-coefficient",
        locus="section 7.1, decay rate",
        statement=(
            "To order sqrt(p) depth lowers C_L by a factor 1 - (4/(3 pi)) (1 - sqrt(1 - 2/pi)) (M_L - 1) sqrt(p), "
            "where M_L is the mean of l^1.5 over the layers."
        ),
        at=grid(**ARCHITECTURES["v2-released"], layer=LAYERS[1:], metric=METRICS),
        test=value(FEW_FLIPS["slope"]),
        band=within(
            depth_limits.depth_sqrt_coefficient, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"
        ),
        rival=first_layer_slope,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.plateau",
        locus="section 7.1, decay rate",
        statement="V2's ratio does not fall for ever: at p = .01 it tends to 2.098 at infinite depth.",
        at=grid(flip_rate=[1e-6, RATE, 0.1]),
        test=value(PLATEAU["c"]),
        band=within(depth_limits.depth_plateau, rel=1e-9, provenance="theory", because="float64 against 40 digits"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.plateau-limit",
        locus="section 7.1, decay rate",
        statement="For few flips infinitely deep stacks have the ratio (pi/(pi - 2))^(2/3) = 1.964.",
        at=grid(flip_rate=1e-24),
        test=value(PLATEAU["c"]),
        band=within(depth_limits.plateau_limit, rel=1e-7, provenance="theory", because="the next term is O(p^(1/3))"),
        rival=small_rate.c_limit,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.depth.plateau-sampled",
        locus="section 7.1, decay rate",
        statement=(
            "At 24 layers and p = .05 V2's ratio is near its plateau at infinite depth, not where the first six "
            "layers point."
        ),
        at=points("v2-released", layer=24, metric="post", flip_rate=0.05, width=128),
        test=ratio(
            DEEP_STACK.at(between="refreshed")["transverse_sign"],
            DEEP_STACK.at(between="refreshed")["transverse_magnitude"],
        ),
        band=within(depth.depth_ratio, rel=0.1, provenance="theory", because="finite width takes 3 % at 128"),
        rival=straight_on,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.conj1.predicted",
        locus="Conjecture 1",
        statement="Compounded to six layers the factor is 434; with an exponent of .05 a layer it is 1.355.",
        at=grid(exponent=[1.0, 0.05], layer=6),
        test=value(COMPOUNDING["c"]),
        band=within(depth_limits.compounded, rel=1e-12, provenance="theory", because="float64 against 40 digits"),
        rival=small_rate.c_limit,
        role="ours",
    ),
)

DILUTION = (
    Claim(
        id="sign-magnitude.v3.dilution",
        locus="section 7.1, residual connection dilution",
        statement="At the first layer a skip connection lowers the ratio of normalised outputs by 62 per cent.",
        at=grid(flip_rate=RATE, width=256, inputs=64),
        test=ratio(FIRST["v3-released"]["c"], FIRST["v2-released"]["c"]),
        band=within(0.378, abs=0.02, provenance="printed", because="1.355 / 3.587; two per cent of 3.587 either way"),
        rival=1 / 3,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.dilution-limit",
        locus="section 7.1, residual connection dilution",
        statement="As p -> 0 a branch with a share f of the output's energy has the ratio 1/(1 - 2f/pi); here f = 1/3.",
        at=grid(**ARCHITECTURES["v3-released"], layer=1, metric=METRICS),
        test=value(FEW_FLIPS["limit"]),
        band=within(branch_limit, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"),
        rival=small_rate.c_limit,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.v3.radial-share",
        locus="section 7.1, residual connection dilution; Appendix D.2",
        statement=(
            "What the skip connection takes away is the magnitude step's radial share, which it divides by three: "
            "the output is no longer the branch that the step stretches."
        ),
        at=points("v3-released", layer=1, metric="pre"),
        test=mean(STACK["radial_magnitude"]),
        band=within(diluted_radial_fraction, abs=0.03, provenance="smallest-effect", because="a seventh of its value"),
        rival=block.magnitude_radial_fraction,
        role="ours",
    ),
)

NONLINEARITY = (
    Claim(
        id="sign-magnitude.silu.toy-is-linear",
        locus="released results with SiLU; section 9.4",
        statement=(
            "With pre-activations of spread width^-1/2 SiLU is linear: after six layers the ratio is a linear "
            "network's, not a rectified one's, so that runs on weights of variance 1/width test no nonlinearity."
        ),
        at=points("v2-released", layer=6, metric="post", activation="silu")
        + points("v3-released", layer=6, metric="pre", activation="silu"),
        test=ratio(STACK["transverse_sign"], STACK["transverse_magnitude"]),
        band=within(
            depth.depth_ratio, rel=0.05, provenance="theory", because="half of what separates ReLU, and 1/width"
        ),
        rival=rectified,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.gain.drops-out",
        locus="section 11.2, O6",
        statement="A gain before a ReLU leaves normalised outputs, and so the ratio, alone where nothing is skipped.",
        at=grid(width=32, layers=4, flip_rate=0.05),
        test=identity(GAINS["with_gains"], GAINS["without"], bound=GAINS["rounding"], planted=GAINS["with_skip"]),
        role="ours",
    ),
)
