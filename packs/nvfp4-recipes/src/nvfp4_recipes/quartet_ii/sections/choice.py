"""Claims of Four over Six under stochastic rounding: by what the scale is chosen decides whether averages converge."""

from __future__ import annotations

from claims import Claim, at_most, grid, mean, ratio, slope, within
from nvfp4_recipes.quartet_ii.shared import AVERAGED, DISTORTION

_DRAWS = [1, 4, 16, 64]
_BY_DRAWS = AVERAGED.at(arm="chosen by draws")

CHOICE = (
    Claim(
        id="quartet-ii.choice.stretches",
        locus="section 4, Four over Six",
        statement=(
            "Choosing a block's scale by the errors that were drawn stretches vectors: by half a per cent or more."
        ),
        at=grid(arm="chosen by draws"),
        test=mean(DISTORTION["misaligned"]),
        band=at_most(-0.005, provenance="smallest-effect", because="told from none and from clipping"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="quartet-ii.choice.plateau",
        locus="section R, averages; section 4, Four over Six",
        statement=(
            "If blocks are chosen by drawn errors, the error of 64 draws is 1.37 times the 64th part of that of one."
        ),
        test=ratio(_BY_DRAWS.at(draws=64)["error"] * 64.0, _BY_DRAWS.at(draws=1)["error"]),
        band=within(64 * 0.77 / 35.84, abs=0.2, provenance="printed", because=".77 and 35.84, of another matrix"),
        rival=1.0,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.choice.converges",
        locus="section R, averages; section 4, Four over Six",
        statement="Averages of blocks chosen by drawn errors converge as fast as of unbiased ones.",
        at=grid(arm="chosen by draws", draws=_DRAWS),
        test=slope(AVERAGED["error"], over="draws"),
        band=within(-1.0, abs=0.05, provenance="smallest-effect", because="what stochastic rounding reaches"),
        rival=-0.5,
        expected="REFUTED",
        finding=(
            "They fall like the power -.92 of the number of draws, and more slowly the more there are: a bias is left."
        ),
        role="control",
        decides="standard",
    ),
    Claim(
        id="quartet-ii.choice.by-nearest",
        locus="section 4, Four over Six",
        statement=(
            "If blocks are chosen by the errors of rounding to nearest, averages converge as fast as of unbiased ones."
        ),
        at=grid(arm="chosen to nearest", draws=_DRAWS),
        test=slope(AVERAGED["error"], over="draws"),
        band=within(-1.0, abs=0.05, provenance="smallest-effect", because="what stochastic rounding reaches"),
        rival=-0.5,
        role="ours",
        decides="standard",
    ),
)

CONTROLS = (
    Claim(
        id="quartet-ii.control.too-few-seeds",
        locus="abstract, 2x lower error",
        statement="The ratio of errors is .415, to the last of these digits.",
        test=ratio(DISTORTION.at(arm="ms-eden")["error"], DISTORTION.at(arm="stochastic")["error"]),
        band=within(0.415, abs=0.0002, provenance="author", because="finer than eight seeds can tell"),
        rival=0.5,
        most_seeds=8,
        expected="UNDECIDED",
        finding="Eight seeds leave an interval many times as wide; several hundred would decide it.",
        role="control",
    ),
)
