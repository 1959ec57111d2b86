"""Claims of sections 2, 5 and 6.1: what each singular mode adds to the error, and stochastic rounding beside Averis."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, at_most, experiment, grid, mean, order, ratio, within
from claims.papers.mean_bias.theory import formats

_SIZE = {"tokens": 256, "channels": 256, "every": 1}
ELEMENTS = 256 * 256

MODES = experiment(
    "claims.papers.mean_bias.experiments.alternatives:mode_removal",
    fixed=_SIZE | {"modes": 8},
    seconds=0.06,
    megabytes=100,
)
ROUNDING = experiment(
    "claims.papers.mean_bias.experiments.alternatives:rounding",
    sweep={"arm": ("plain", "printed", "bfloat16"), "rounding": ("nearest", "stochastic")},
    fixed=_SIZE | {"strength": 2, "spike": 0},
    seconds=0.03,
)

MODE = (
    Claim(
        id="mean-bias.alternatives.first-mode",
        locus="section 2, leading direction",
        statement=(
            "With a mean of strength 2 the leading mode is the primary contributor to the quantization error, read as "
            "adding more than the second by three tenths of it."
        ),
        at=grid(strength=2, spike=1),
        test=order(MODES["leading"], MODES["second"]),
        band=at_least(0.3, provenance="author", because="the main contributor has most of what modes contribute"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="mean-bias.alternatives.mode-share",
        locus="section 2",
        statement="Splitting a mode off removes its share of the energy from the quantization error, no more.",
        at=grid(strength=2, spike=1),
        test=ratio(MODES["leading"], MODES["energy"]),
        band=within(1.0, abs=0.02, provenance="theory", because="the error is relative to the energy"),
        rival=1.1,
        role="ours",
    ),
    Claim(
        id="mean-bias.alternatives.first-mode-always",
        locus="section 2",
        statement=(
            "A control: also without a mean the first singular mode is the main contributor to the quantization error."
        ),
        at=grid(strength=0, spike=0),
        test=mean(MODES["leading"]),
        band=at_least(0.5, provenance="author", because="main: more than all others together"),
        rival=0.011,
        expected=REFUTED,
        finding="Of noise it contributes 1.7 per cent, as much as it has of the energy.",
        corrected_by="mean-bias.alternatives.mode-share",
        role="control",
    ),
)


def stochastic_factor() -> float:
    """What stochastic rounding makes of the element's error: 2.09 times."""
    return formats.nvfp4_error(ELEMENTS, rounding="stochastic") / formats.nvfp4_error(ELEMENTS)


def mean_factor() -> float:
    """The same for a vector of 256 entries."""
    return formats.nvfp4_error(256, rounding="stochastic") / formats.nvfp4_error(256)


STOCHASTIC = (
    Claim(
        id="mean-bias.alternatives.rounding-orthogonal",
        locus="section 6.1, stochastic rounding",
        statement=(
            "Stochastic rounding is orthogonal to Averis: it has the same factor on the error between tokens with and "
            "without a split."
        ),
        at=grid(arm=["plain", "printed", "bfloat16"], rounding="stochastic"),
        test=ratio(ROUNDING["varying"], ROUNDING.at(rounding="nearest")["varying"]),
        band=within(stochastic_factor, rel=0.03, provenance="theory", because="the error is relative in both"),
        rival=1.0,
        decides="standard",
    ),
    Claim(
        id="mean-bias.alternatives.rounding-mends-offset",
        locus="section 6.1, stochastic rounding",
        statement=(
            "If stochastic rounding, which section 6.1 says mitigates bias, is to mend the offset that an FP4 mean, "
            "spread over all channels, puts on the tokens of one step, it lowers the offset's square."
        ),
        at=grid(arm="printed", rounding="stochastic"),
        test=ratio(ROUNDING["coherent"], ROUNDING.at(rounding="nearest")["coherent"]),
        band=at_most(1.0, provenance="author", because="lowers"),
        rival=2.0,
        role="control",
        expected=REFUTED,
        finding=(
            "It multiplies the square by 2.1: the mean is rounded once for all tokens of the step, so that nothing "
            "averages within it. Read of many steps with the same mean, all but what the "
            "clipped maxima lose averages out (mean-bias.sr.maximum-loss)."
        ),
        corrected_by="mean-bias.alternatives.rounding-doubles-offset",
        decides="standard",
    ),
    Claim(
        id="mean-bias.alternatives.rounding-doubles-offset",
        locus="section 6.1, stochastic rounding",
        statement="Stochastic rounding of an FP4 mean multiplies the squared offset of a step by 2.1.",
        at=grid(arm="printed", rounding="stochastic"),
        test=ratio(ROUNDING["coherent"], ROUNDING.at(rounding="nearest")["coherent"]),
        band=within(mean_factor, rel=0.15, provenance="theory", because="one vector of 256 entries a seed"),
        rival=1.0,
        role="ours",
        decides="standard",
    ),
)
