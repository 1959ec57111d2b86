"""Claims of sections 7.1 and 9.4: Conjecture 1, its predictions and its refutation, judged for each architecture.

V2 and V3 exist twice (``depth``): as the script behind Tables 15 and 16 builds them, and as the one behind Figure 2 and
the released results does. First against last layer decides a trend; adjacent steps are claimed where they are said.
"""

from __future__ import annotations

import math

from claims import HOLDS, REFUTED, UNDECIDED, Claim, at_least, at_most, mean, order, ratio, slope, trend, within
from claims.papers.sign_magnitude.shared.depth import (
    ARCHITECTURES,
    DEEP_STACK,
    ENDS,
    LAYERS,
    METRICS,
    PUBLISHED_METRIC,
    STACK,
    points,
)
from claims.papers.sign_magnitude.theory import depth, depth_limits

NAMES = {
    "v2-tables": "V2 with a second projection (Table 15)",
    "v2-released": "V2 without a second projection (released results)",
    "v3-tables": "V3 with a second projection and a normalised stream (Table 16)",
    "v3-released": "V3 without either (released results, Figure 2)",
}
#: The ratio's change over six layers in the wide limit, and the claim that says so.
_FALLS = {
    "v2-tables": ("from 3.63 to 3.07", "sign-magnitude.v2.declines"),
    "v2-released": ("from 3.63 to 3.07", "sign-magnitude.v2.declines"),
    "v3-tables": ("from 1.369 to 1.334", "sign-magnitude.v3.tables-decline"),
}
#: Log-linear slopes that the authors released at m = 2048, as exponents of pi/(pi - 2).
_RELEASED_EXPONENTS = {"v2-released": -0.0334, "v3-released": 0.0467}
_LOG_LIMIT = math.log(math.pi / (math.pi - 2))

NOT_CLAIMS = {
    "Section 7.1, weaker versions of Conjecture 1": (
        "An exponent small enough fits any flat sequence at six layers. What separates it from the data is the sign of "
        "the trend, audited as sign-magnitude.conj1.p1-* and sign-magnitude.conj1.p2-* for each architecture."
    ),
    "Section 7.1, 'what mechanism determines the decay rate'": (
        "An open problem as posed. The mean-field recursion answers it for random weights: "
        "sign-magnitude.depth.mean-field, .decay-coefficient and .plateau."
    ),
    "Tables 15 and 16, column '95% CI'": (
        "Its figures are missing from the text of the paper that this audit used. The means are replayed row by row."
    ),
}

STRONG = Claim(
    id="sign-magnitude.conj1.strong",
    locus="Conjecture 1",
    statement=(
        "As Conjecture 1 in its strong version, which the paper rejects, has it, six layers have "
        "C_6 = (pi/(pi - 2))^6 = 434."
    ),
    at=tuple(p for name in ARCHITECTURES for p in points(name, layer=6, metric=PUBLISHED_METRIC[name])),
    test=ratio(STACK["transverse_sign"], STACK["transverse_magnitude"]),
    band=within(depth_limits.compounded, rel=0.5, provenance="smallest-effect", because="a factor of two"),
    rival=depth.depth_ratio,
    expected=REFUTED,
    finding="In the wide limit C_6 is 3.07 in both forms of V2, 1.33 and 1.54 in those of V3, at p = .01.",
    corrected_by="sign-magnitude.depth.mean-field",
    role="control",
)


#: Has every ratio of the wide limit, layer by layer.
_LIMITS = "sign-magnitude.depth.mean-field-variants"


def _first_prediction(name: str) -> Claim:
    """P1: the ratio grows with depth, first layer against last."""
    rises = name not in _FALLS
    fall, correction = _FALLS.get(name, ("", None))
    return Claim(
        id=f"sign-magnitude.conj1.p1-{name}",
        locus="Conjecture 1, prediction P1",
        statement=(
            f"As P1 of Conjecture 1, which the paper rejects, predicts, the ratio grows with depth in {NAMES[name]}."
        ),
        at=points(name, layer=ENDS, metric=PUBLISHED_METRIC[name]),
        test=order(STACK["c"], over="layer"),
        band=at_least(0.0, provenance="author", because="growth means that the last layer's ratio is the larger one"),
        rival=-0.02,
        expected=HOLDS if rises else REFUTED,
        finding="" if rises else f"It falls, in the wide limit {fall} over six layers at p = .01 ({_LIMITS}).",
        corrected_by=correction,
        role="ours" if rises else "control",
        decides="standard",
    )


def _second_prediction(name: str) -> Claim:
    """P2: the ratio's logarithm has a positive slope over layers."""
    rises = name not in _FALLS
    fall, correction = _FALLS.get(name, ("", None))
    return Claim(
        id=f"sign-magnitude.conj1.p2-{name}",
        locus="Conjecture 1, prediction P2",
        statement=(
            f"As P2 of Conjecture 1, which the paper rejects, predicts, ln C_L has a positive slope over layers in "
            f"{NAMES[name]}."
        ),
        at=points(name, layer=LAYERS, metric=PUBLISHED_METRIC[name]),
        test=slope(STACK["log_c"], over="layer", log=False),
        band=at_least(0.0, provenance="author", because="the slope is said to be positive"),
        rival=-0.005,
        expected=HOLDS if rises else REFUTED,
        finding=(
            ""
            if rises
            else f"The slope is negative: the ratio falls {fall} over six layers at p = .01, in the wide limit "
            f"({_LIMITS})."
        ),
        corrected_by=correction,
        role="ours" if rises else "control",
        decides="standard",
    )


PREDICTIONS = tuple(make(name) for make in (_first_prediction, _second_prediction) for name in ARCHITECTURES)

REFUTATION = (
    Claim(
        id="sign-magnitude.conj1.all-decline",
        locus="section 7.1, experimental refutation; section 9.4",
        statement=(
            "If the residual network of the authors' released results counts among the experiments, beside those of "
            "the paper's tables, the ratio declines with depth in all of them on random weights."
        ),
        at=tuple(p for name in ARCHITECTURES for p in points(name, layer=ENDS, metric=PUBLISHED_METRIC[name])),
        test=order(STACK["c"], over="layer"),
        band=at_most(0.0, provenance="author", because="decline means that the last layer's ratio is the smaller one"),
        rival=0.05,
        expected=REFUTED,
        finding=(
            "In the residual network of the authors' released results, which their plotting script draws as Figure 2, "
            "the ratio rises from 1.22 to 1.54 over six layers, in the wide limit at p = .01 "
            "(sign-magnitude.depth.mean-field-variants, sign-magnitude.depth.mean-field). The residual network of "
            "Table 16, which normalises the stream after every layer and has a second projection, and both forms of V2 "
            "decline."
        ),
        corrected_by="sign-magnitude.v3.released-rises",
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v2.declines",
        locus="section 9.4, V2; Table 3",
        statement="Without a skip connection the ratio of normalised outputs falls by .25 or more in six layers.",
        at=points("v2-tables", layer=ENDS, metric="post") + points("v2-released", layer=ENDS, metric="post"),
        test=order(STACK["c"], over="layer"),
        band=at_most(-0.25, provenance="smallest-effect", because="half of the printed 3.066 - 3.587"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v2.declines-in-any-metric",
        locus="section 9.4, V2",
        statement="V2 declines also where outputs are not normalised before they are compared, or nowhere at all.",
        at=points("v2-released", layer=ENDS, metric="pre", norm=["stream", "none"]),
        test=order(STACK["c"], over="layer"),
        band=at_most(-0.1, provenance="smallest-effect", because="a quarter of the wide limit's 2.255 - 2.668"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v2.monotone",
        locus="Appendix D.1, Table 15",
        statement="In V2, here without a second projection, every layer has a smaller ratio than the one before.",
        at=points("v2-released", layer=LAYERS, metric="post"),
        test=trend(STACK["c"], over="layer", direction="decreasing"),
        band=at_least(0.0, provenance="author", because="monotone decline"),
        rival=-0.05,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.tables-decline",
        locus="section 9.4, V3; Table 3; Table 16",
        statement="In the residual network of Table 16 the sixth layer's ratio is below the first one's.",
        at=points("v3-tables", layer=ENDS, metric="post"),
        test=order(STACK["c"], over="layer"),
        band=at_most(0.0, provenance="author", because="1.318 against 1.355 is a decline, however small"),
        rival=0.02,
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.tables-monotone",
        locus="Table 16",
        statement="In the residual network of Table 16 every layer has a smaller ratio than the one before.",
        at=points("v3-tables", layer=LAYERS, metric="post"),
        test=trend(STACK["c"], over="layer", direction="decreasing"),
        band=at_least(0.0, provenance="author", because="monotone decline"),
        rival=-0.05,
        expected=UNDECIDED,
        finding=(
            "In the wide limit every step is a fall of .007, a quarter of a step's spread between seeds of this size. "
            "A claim gets 256 seeds; between 400 and 2,000 would decide."
        ),
        decides="standard",
    ),
)

RISING = (
    Claim(
        id="sign-magnitude.v3.released-rises",
        locus="section 7.1; Figure 2",
        statement="In the released residual network, at p = .01, every layer has a larger ratio than the one before.",
        at=points("v3-released", layer=LAYERS, metric="pre"),
        test=trend(STACK["c"], over="layer", direction="increasing"),
        band=at_least(0.0, provenance="smallest-effect", because="any rise contradicts a decline"),
        rival=-0.02,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.rises-in-any-metric",
        locus="section 7.1",
        statement="Where the stream is not normalised V3 rises in both metrics, with ReLU and with SiLU.",
        at=points("v3-released", layer=ENDS, metric=METRICS, activation=["relu", "silu"]),
        test=order(STACK["c"], over="layer"),
        band=at_least(0.15, provenance="smallest-effect", because="half of the smallest rise in the wide limit"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.log-linear",
        locus="Conjecture 1, prediction P2",
        statement="Over six layers of the released V3 ln C_L is linear: both halves grow alike.",
        at=points("v3-released", metric="pre"),
        test=mean(
            (STACK.at(layer=6)["log_c"] - STACK.at(layer=4)["log_c"])
            - (STACK.at(layer=3)["log_c"] - STACK.at(layer=1)["log_c"])
        ),
        band=within(0.0, abs=0.045, provenance="smallest-effect", because="half of what one half grows, .090"),
        rival=-0.09,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.saturates",
        locus="Conjecture 1",
        statement="The released V3's growth is not exponential: after 24 layers C is 2.06 in the wide limit.",
        at=points("v3-released", layer=24, metric="pre", width=128, inputs=64),
        test=mean(DEEP_STACK["c"]),
        band=within(depth.depth_ratio, rel=0.12, provenance="theory", because="finite width takes a few %"),
        rival=1.2228 * (1.5373 / 1.2228) ** (23 / 5),
        role="ours",
        decides="standard",
    ),
    *(
        Claim(
            id=f"sign-magnitude.{name[:2]}.released-exponent",
            locus="released results, m = 2048, log-linear fit",
            statement=f"In {NAMES[name]} ln C_L changes by {exponent} ln(pi/(pi - 2)) a layer.",
            at=points(name, layer=LAYERS, metric=PUBLISHED_METRIC[name]),
            test=slope(STACK["log_c"], over="layer", log=False),
            band=within(
                exponent * _LOG_LIMIT, abs=0.0125, provenance="smallest-effect", because="a third of the smaller slope"
            ),
            rival=0.0,
            role="ours",
            decides="standard",
        )
        for name, exponent in _RELEASED_EXPONENTS.items()
    ),
)
