"""Claims of Theorem 4: how far the sign quantizer turns the output of a linear layer."""

from __future__ import annotations

import math

from claims import REFUTED, Claim, grid, limit, mean, order, slope, value, within
from claims.papers.sign_magnitude.shared.block import by_quadrature
from claims.papers.sign_magnitude.shared.ternary import ALIGNMENT, LIMIT, LIMIT_SIGN, SIGN, by_name, exactly
from claims.papers.sign_magnitude.theory import ternary, ternary_finite, vectors

KAPPA = 2 / math.pi
AT_LIMIT = grid(quantizer="sign")


def other_scale(quantizer: str, n: int, aspect: float, law: str = "gaussian", input: str = "sphere") -> float:
    """The mean squared cosine with the scale taken per tensor instead of per row, or the other way round."""
    other = "sign-tensor" if quantizer == SIGN else SIGN
    return ternary_finite.outputs_cosine2(other, n, aspect, law, input)


def row_scale_gain(n: int, aspect: float) -> float:
    """Mean squared cosine between outputs: one scale a row, minus one scale a tensor."""
    return ternary_finite.outputs_cosine2(SIGN, n, aspect) - ternary_finite.outputs_cosine2("sign-tensor", n, aspect)


NOT_CLAIMS = {
    "Theorem 4, proof, step 2 (sketch) and step 3": (
        "Steps of a proof: concentration with free constants and the choice of the positive root. What they prove is "
        "audited as sign-magnitude.thm4.limit and thm4.rate, their ingredients in Appendix B."
    ),
}

THEOREM_4 = (
    Claim(
        id="sign-magnitude.thm4.limit",
        locus="Theorem 4, eq. 18",
        statement="The squared cosine between Wx and its row-wise sign quantizer's output tends to 2/pi.",
        at=grid(n=[64, 128], aspect=2, quantizer=SIGN),
        test=limit(ALIGNMENT["cosine2"], over="n", rate=1),
        band=within(KAPPA, abs=0.012, provenance="smallest-effect", because="two per cent of the constant"),
        rival=by_name(lambda q: math.sqrt(q.cosine2)),
    ),
    Claim(
        id="sign-magnitude.thm4.finite-size",
        locus="Theorem 4, at finite size",
        statement="With m rows of n weights the mean is 2/pi + (1 - 2/pi)/n + (1 - 2/pi)(1 - 4/pi)/m to first order.",
        at=grid(n=[32, 64], aspect=4, quantizer=SIGN),
        test=mean(ALIGNMENT["cosine2"]),
        band=within(
            ternary_finite.outputs_cosine2,
            abs=0.004,
            provenance="theory",
            because="less than the 1/n term, .0057 at 64",
        ),
        rival=other_scale,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm4.per-tensor",
        locus="section 2.3",
        statement="The limit 2/pi is also that of a single scale for the whole matrix (BitNet), with no 1/n term.",
        at=grid(n=[32, 64], aspect=4, quantizer="sign-tensor"),
        test=mean(ALIGNMENT["cosine2"]),
        band=within(
            ternary_finite.outputs_cosine2,
            abs=0.004,
            provenance="theory",
            because="less than the 1/n term, .0057 at 64",
        ),
        rival=other_scale,
    ),
    Claim(
        id="sign-magnitude.thm4.row-scales-help",
        locus="section 2.3; footnote 1",
        statement="One scale a row keeps (1 - 2/pi)/n more of the squared cosine than one scale in all.",
        at=grid(n=[32, 64], aspect=8),
        test=order(ALIGNMENT.at(quantizer=SIGN)["cosine2"], ALIGNMENT.at(quantizer="sign-tensor")["cosine2"]),
        band=within(row_scale_gain, rel=0.1, provenance="smallest-effect", because="next term is 1/(mn), two per cent"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.thm4.any-input",
        locus="Theorem 4, assumption (A2')",
        statement="Inputs need not be spread: unit vectors e_j give 2/pi too, plus (1 - 2/pi)/n with one scale a row.",
        at=grid(n=32, aspect=32, quantizer=[SIGN, "sign-tensor"], input="basis", inputs=32),
        test=mean(ALIGNMENT["cosine2"]),
        band=within(
            ternary_finite.outputs_cosine2, abs=0.004, provenance="theory", because="a third of the 1/n term, .011"
        ),
        rival=other_scale,
        role="ours",
    ),
    *(
        Claim(
            id=f"sign-magnitude.thm4.{law}",
            locus="assumption (A1')",
            statement=f"For {law} weights the outputs' squared cosine tends to (E|w|)^2/E w^2 = {constant}.",
            at=grid(n=64, aspect=4, law=law, quantizer=[SIGN, "sign-tensor"]),
            test=mean(ALIGNMENT["cosine2"]),
            band=within(
                ternary_finite.outputs_cosine2,
                abs=0.01,
                provenance="theory",
                because="fourth moments enter at O(1/(mn))",
            ),
            rival=vectors.sign_cosine_mean,
        )
        for law, constant in (("laplace", "1/2"), ("uniform", "3/4"))
    ),
    Claim(
        id="sign-magnitude.thm4.rate",
        locus="Theorem 4, proof, step 3",
        statement="Over inputs the squared cosine fluctuates as n^-1/2, inside the paper's sqrt(log n/n).",
        at=grid(n=[32, 64, 128, 256], aspect=1, quantizer=SIGN),
        test=slope(ALIGNMENT["deviation"], over="n"),
        band=within(
            -0.5, abs=0.1, provenance="smallest-effect", because="a fifth of the difference between rates 1/2 and 1"
        ),
        rival=-1.0,
    ),
    Claim(
        id="sign-magnitude.thm4.spread",
        locus="Theorem 4, proof, step 3",
        statement="m times its variance tends to 4 rho^2 (1 - rho^2)^2 with rho^2 = 2/pi, .336.",
        at=grid(n=256, aspect=1, quantizer=SIGN),
        test=mean(ALIGNMENT["spread"]),
        band=within(
            4 * KAPPA * (1 - KAPPA) ** 2, rel=0.15, provenance="smallest-effect", because="seven per cent in deviation"
        ),
        rival=4 * KAPPA * (1 - KAPPA),
        role="ours",
    ),
)

ANGLE = (
    Claim(
        id="sign-magnitude.thm4.angle",
        locus="Theorem 4",
        statement="The sign quantizer turns outputs by arccos sqrt(2/pi), 37.07 degrees.",
        at=AT_LIMIT,
        test=value(LIMIT["degrees"]),
        band=exactly(lambda q: math.degrees(q.angle)),
        rival=by_name(lambda q: math.degrees(math.acos(q.cosine2))),
    ),
    Claim(
        id="sign-magnitude.thm4.angle-measured",
        locus="Theorem 4",
        statement="In a layer of 256 x 256 the mean angle between the outputs is .647 radians.",
        at=grid(n=256, aspect=1, quantizer=SIGN),
        test=mean(ALIGNMENT["angle"]),
        band=within(
            math.acos(math.sqrt(KAPPA)), abs=0.006, provenance="smallest-effect", because="a third of a degree"
        ),
        rival=math.acos(KAPPA),
    ),
    Claim(
        id="sign-magnitude.thm4.chord2",
        locus="Theorem 4, eq. 19",
        statement="RMS-normalised outputs differ by a squared distance of 2 - 2 sqrt(2/pi) = .404, over d.",
        at=AT_LIMIT,
        test=value(LIMIT["chord2"]),
        band=exactly(ternary.quantized_chord2),
        rival=by_name(lambda q: math.sqrt(ternary.quantized_chord2(q))),
    ),
    Claim(
        id="sign-magnitude.thm4.chord2-measured",
        locus="Theorem 4, eq. 19",
        statement="In a layer of 256 x 256 the mean squared distance of the normalised outputs is .404.",
        at=grid(n=256, aspect=1, quantizer=SIGN),
        test=mean(ALIGNMENT["chord2"]),
        band=within(2 - 2 * math.sqrt(KAPPA), abs=0.008, provenance="smallest-effect", because="two per cent"),
        rival=by_name(lambda q: math.sqrt(ternary.quantized_chord2(q))),
    ),
    Claim(
        id="sign-magnitude.sec85.chord-twice-angle",
        locus="section 8.5",
        statement="Read as lengths, the chord between the normalised outputs is twice the angle between them.",
        test=value(LIMIT_SIGN["chord"] - 2 * LIMIT_SIGN["angle"]),
        band=within(0.0, abs=0.01, provenance="author", because="said to be the relation of chord and angle"),
        rival=0.05,
        expected=REFUTED,
        finding=(
            "A chord is 2 sin(angle/2): .636 for an angle of .647 radians (sign-magnitude.thm4.angle-measured). Read "
            "as eq. 19's squared chord, .4042 (sign-magnitude.thm4.chord2), and as 1 - cos, .2021, the first is twice "
            "the second."
        ),
        corrected_by="sign-magnitude.sec85.chord2-twice-deviation",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.sec85.chord2-twice-deviation",
        locus="section 8.5",
        statement="The squared distance of the normalised outputs is twice one minus the cosine of their angle.",
        test=value(LIMIT_SIGN["chord2"] - 2 * LIMIT_SIGN["deviation"]),
        band=by_quadrature(0.0),
        rival=0.01,
        role="ours",
    ),
)
