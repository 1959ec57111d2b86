"""Claims of section 2 on singular modes: which of them takes up the mean, and what it adds to the error.

That a mode adds its share of the energy to the error in general is in ``section5_modes``.
"""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, at_most, between, experiment, grid, mean, order, search, within
from claims.papers.mean_bias.theory import geometry

MODES = experiment(
    "claims.papers.mean_bias.experiments.geometry:planted_modes",
    sweep={"content": ("noise", "mean", "token")},
    fixed={"token_size": 2.0},
    seconds=0.005,
)
REMOVAL = experiment(
    "claims.papers.mean_bias.experiments.geometry:mode_removal",
    sweep={"law": ("spread", "channels"), "shift": (0.5, 2.0)},
    fixed={"tokens": 256, "channels": 128},
    seconds=0.015,
)
SHIFTS = [0.2, 0.5, 1.0]
SIZE = {"tokens": 256, "channels": 64}

NOT_CLAIMS = {
    "abstract; section 1, contribution 1; section 8, anisotropy driven by the mean": (
        "That the mean comes to dominate spectral anisotropy in training is a statement about runs whose checkpoints "
        "are not published. A trained model is audited as mean-bias.model.leading-is-mean and "
        "mean-bias.model.stream-leading-is-mean, what the evidence can show as "
        "mean-bias.sec2.alignment-without-dominance and mean-bias.sec2.alignment-bound."
    ),
    "section 2, dominant sigma_1 as observed in METIS": "A finding of another paper about its own models.",
}


def ones_vector_free(tokens: int) -> float:
    """Squared cosine of a random left singular vector with the vector of ones."""
    return 1 / tokens


ALIGNMENT = (
    Claim(
        id="mean-bias.sec2.alignment-bound",
        locus="section 2, two conditions for alignment",
        statement=(
            "cos^2 between the mean and v1 is at least c/(c + (sigma_2/sigma_1)^2 (1 - c)) with c = (u1'1)^2/l, and no "
            "larger bound in these numbers is true."
        ),
        test=search("claims.papers.mean_bias.experiments.geometry_statements:ALIGNMENT", seconds=0.6),
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec2.two-conditions",
        locus="section 2, conditions (i) and (ii)",
        statement=(
            "With a dominant sigma_1, read as twice sigma_2 and more, and little cancellation the mean is close to v1."
        ),
        at=grid(shift=[0.5, 1.0], content="mean", **SIZE),
        test=mean(MODES["leading_cosine2"]),
        band=at_least(0.98, provenance="printed", because="the square of .99, as printed for a trained model"),
        rival=0.5,
    ),
    Claim(
        id="mean-bias.sec2.alignment-without-gap",
        locus="section 2, conditions (i) and (ii)",
        statement=(
            "Little cancellation is enough: cos^2 between the mean and v1 is at least (u1'1)^2/l whatever the singular "
            "values are."
        ),
        test=search("claims.papers.mean_bias.experiments.geometry_statements:ALIGNMENT_WITHOUT_GAP", seconds=0.5),
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec2.aligned-means-dominant",
        locus="section 2, Figure 1 right, beside contribution 1",
        statement=(
            "Figure 1 beside contribution 1 read as one statement, which the paper does not make: where the cosine "
            "between mean and v1 is near .99, the mean carries most of the energy."
        ),
        at=grid(shift=0.3, content="mean", **SIZE),
        test=mean(MODES["mean_share"]),
        band=at_least(0.5, provenance="author", because="most of the energy is more than half of it"),
        rival=geometry.mean_share,
        expected=REFUTED,
        finding=(
            "A mean of .3 a channel over white noise (256 tokens, 64 channels) has 8.5 % of the energy, and a cosine "
            "above .99 with v1 (mean-bias.sec2.alignment-without-dominance). Alignment sets in when the mean's share "
            "passes 1/sqrt(l m), 5e-4 for 4096 tokens of 1024 channels, since every other mode of the noise is as "
            "small."
        ),
        corrected_by="mean-bias.sec2.alignment-without-dominance",
        role="control",
    ),
    Claim(
        id="mean-bias.sec2.alignment-without-dominance",
        locus="section 2, last paragraph",
        statement=(
            "A mean with less than a tenth of the energy has a cosine above .99 with v1: a cosine alone does not tell "
            "the share."
        ),
        at=grid(shift=0.3, content="mean", **SIZE),
        test=mean(MODES["leading_cosine2"]),
        band=at_least(0.9801, provenance="printed", because="the square of .99"),
        rival=geometry.mean_share,
        role="ours",
    ),
    Claim(
        id="mean-bias.sec2.coherence-of-u1",
        locus="section 2, limited sign cancellation",
        statement=(
            "Over white noise u1 takes up the vector of ones as (u1'1)^2/l = 1 - (c + t)/(t (t + 1)), c = m/l and t = "
            "s^2 m, from a mean share of 1/sqrt(l m) on."
        ),
        at=grid(shift=SHIFTS, content="mean", **SIZE),
        test=mean(MODES["leading_coherence"]),
        band=within(
            geometry.leading_coherence, abs=0.03, provenance="theory", because="a limit; finite sizes are off by .01"
        ),
        rival=ones_vector_free,
        role="ours",
    ),
)

TRANSITION = (
    Claim(
        id="mean-bias.sec2.below-transition",
        locus="section 2, limited sign cancellation",
        statement=(
            "A mean with a share below 1/sqrt(l m), .0078 for 256 tokens of 64 channels, leaves v1 to the noise: u1 "
            "cancels like the other left singular vectors."
        ),
        at=grid(shift=0.03, content="mean", **SIZE),
        test=mean(MODES["leading_coherence"]),
        band=at_most(0.05, provenance="author", because="a twentieth, 1/l = .004 being full cancellation"),
        rival=0.2,
        role="ours",
    ),
)

OTHER_MODES = (
    Claim(
        id="mean-bias.sec2.others-cancel",
        locus="section 2, non-leading modes",
        statement=(
            "Beside a mean that leads the spectrum the left singular vectors of non-leading modes cancel more strongly "
            "than u1."
        ),
        at=grid(shift=SHIFTS, content="mean", **SIZE),
        test=order(MODES["leading_coherence"], MODES["other_coherence"]),
        band=at_least(
            0.5, provenance="author", because="most of the .68 of (u1'1)^2/l that u1 keeps at the weakest shift"
        ),
        rival=0.0,
    ),
    Claim(
        id="mean-bias.sec2.cancellation-null",
        locus="section 2, non-leading modes, without a mean",
        statement="In centred noise the leading mode cancels as much as any other: E (u_i'1)^2/l = 1/l for every mode.",
        at=grid(shift=1.0, content="noise", tokens=64, channels=16),
        test=order(MODES["leading_coherence"], MODES["other_coherence"]),
        band=within(0.0, abs=0.03, provenance="theory", because="exactly zero; the width is 2/l"),
        rival=0.1,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec2.v1-not-others",
        locus="section 2, alignment with v1 rather than other directions",
        statement="Where the planted mean leads the spectrum, it is closer to v1 than to any other mode.",
        at=grid(shift=SHIFTS, content="mean", **SIZE),
        test=order(MODES["leading_cosine2"], MODES["other_cosine2"]),
        band=at_least(0.5, provenance="author", because="much more strongly: by more than half of the squared cosines"),
        rival=0.0,
    ),
    Claim(
        id="mean-bias.sec2.v1-whatever-leads",
        locus="section 2, condition (i) without condition (ii)",
        statement=(
            "Condition (i) of section 2 without condition (ii), which the paper asks for too: a dominant sigma_1 by "
            "itself makes the mean closer to v1 than to any other mode."
        ),
        at=grid(shift=SHIFTS, content="token", **SIZE),
        test=order(MODES["leading_cosine2"], MODES["other_cosine2"]),
        band=at_least(0.0, provenance="author", because="closer means a larger squared cosine"),
        rival=-0.5,
        expected=REFUTED,
        finding=(
            "One token more than sqrt(l) times as large as the mean takes v1, and the mean goes with another mode: its "
            "squared cosine with that one is larger by .91, .94 and .94 at shifts of .2, .5 and 1. Both conditions are "
            "needed, as the paper says. The first token of a window is such a token in SmolLM2's residual stream "
            "(mean-bias.model.stream-first-mode-cancels)."
        ),
        corrected_by="mean-bias.sec2.huge-token",
        role="control",
    ),
    Claim(
        id="mean-bias.sec2.huge-token",
        locus="section 2, alignment with v1 rather than other directions",
        statement="Beside one token 2 sqrt(l) times as large as the mean, the mean lies in another mode than v1.",
        at=grid(shift=SHIFTS, content="token", **SIZE),
        test=order(MODES["other_cosine2"], MODES["leading_cosine2"]),
        band=at_least(0.5, provenance="author", because="by more than half of the squared cosines"),
        rival=0.0,
        role="ours",
    ),
)

QUANTIZATION = (
    Claim(
        id="mean-bias.sec2.leading-makes-most",
        locus="section 2, the leading spike as primary contributor to quantization error",
        statement=(
            "'Primary contributor' read as more than half, which the paper does not say: where sigma_1 is more than "
            "three times sigma_2, v1 makes more than half of the error of NVFP4."
        ),
        at=grid(shift=0.5, law=["spread", "channels"]),
        test=mean(REMOVAL["leading"]),
        band=at_least(0.5, provenance="author", because="more than half"),
        rival=0.2,
        expected=REFUTED,
        finding=(
            "v1 makes 21 % of the error with a mean spread over the channels and 18 % with one in single channels, at "
            "a shift of .5, as much as it has of the energy: NVFP4's relative error hardly depends on the matrix, so "
            "that the energy share counts and not the spectral gap."
        ),
        corrected_by="mean-bias.alternatives.mode-share",
        role="control",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec2.outlier-channels-error",
        locus="section 2, the leading spike and quantization error",
        statement=(
            "With the mean in one channel of 16 (up to 8 times the noise) v1 makes no more of the error than its share "
            "of the energy: a block keeps its relative error."
        ),
        at=grid(shift=[0.5, 2.0], law="channels"),
        test=order(REMOVAL["leading"], REMOVAL["leading_share"]),
        band=between(-0.06, 0.01, provenance="author", because="at most the energy share, and not far below it"),
        rival=0.1,
        role="ours",
        decides="standard",
    ),
)
