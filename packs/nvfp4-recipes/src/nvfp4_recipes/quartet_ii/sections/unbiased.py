"""Claims of bias: along the vector, in averages of many draws, and where nothing of an average is left to chance."""

from __future__ import annotations

from claims import Claim, experiment, grid, mean, search, slope, within
from nvfp4_recipes.quartet_ii.shared import AVERAGED, DISTORTION, ESTIMATORS

_HEADROOM = "nvfp4_recipes.quartet_ii.experiments.headroom"
TWO = experiment(f"{ESTIMATORS}:two_coordinates", fixed={"draws": 256}, seconds=0.02)
_TABLE = "section R, table of distortion"
_DRAWS = [1, 4, 16, 64]

ALONG = (
    Claim(
        id="quartet-ii.along.nearest",
        locus=_TABLE,
        statement="Rounding to nearest with that clipping shrinks normal vectors by .8 per cent.",
        at=grid(arm="nearest"),
        test=mean(DISTORTION["misaligned"]),
        band=within(0.00792, abs=0.001, provenance="printed", because="an eighth of what is printed"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.along.stochastic",
        locus=_TABLE,
        statement="Stochastic rounding without clipping does not shrink normal vectors.",
        at=grid(arm="stochastic"),
        test=mean(DISTORTION["misaligned"]),
        band=within(0.0, abs=0.001, provenance="smallest-effect", because="a third of what clipping takes"),
        rival=0.0034,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.along.ms-eden",
        locus=f"{_TABLE}; abstract, unbiased",
        statement="MS-EDEN shrinks normal vectors by less than .1 per cent.",
        read_as="Unbiased is read as along normal vectors of 128 entries, where the notebook prints what is left.",
        at=grid(arm="ms-eden"),
        test=mean(DISTORTION["misaligned"]),
        band=within(0.00056, abs=0.0005, provenance="printed", because="printed as .00056; nearest takes .0079"),
        rival=0.00792,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.along.weighted",
        locus="section 3.2, EDEN",
        statement=(
            "With its factor taken of the vector itself, not in units of block scales, MS-EDEN does not shrink it "
            "at all."
        ),
        at=grid(arm="ms-eden weighted"),
        test=mean(DISTORTION["misaligned"]),
        band=within(0.0, abs=0.0003, provenance="theory", because="none: half of what the published code leaves"),
        rival=0.00066,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="quartet-ii.along.clipped",
        locus="section 3.1, 16/17",
        statement="Stochastic rounding as NVFP4 has it shrinks normal vectors by a third of a per cent: it clips.",
        at=grid(arm="clipped"),
        test=mean(DISTORTION["misaligned"]),
        band=within(0.0034, abs=0.001, provenance="smallest-effect", because="told from none"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
)

AVERAGES = (
    Claim(
        id="quartet-ii.averages.stochastic",
        locus="section R, averages",
        statement=(
            "The error of a product averaged over draws falls in proportion to their number, stochastically rounded."
        ),
        at=grid(arm="stochastic", draws=_DRAWS),
        test=slope(AVERAGED["error"], over="draws"),
        band=within(-1.0, abs=0.05, provenance="smallest-effect", because="an hundredfold fall, within a quarter"),
        rival=-0.5,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.averages.ms-eden",
        locus="abstract, unbiased",
        statement=(
            "The error of a product of MS-EDEN estimates falls in proportion to their number, from the first to "
            "the sixty-fourth."
        ),
        read_as="Unbiased is read as: averages of 64 draws converge as they would.",
        at=grid(arm="ms-eden", draws=_DRAWS),
        test=slope(AVERAGED["error"], over="draws"),
        band=within(-1.0, abs=0.05, provenance="smallest-effect", because="an hundredfold fall, within a quarter"),
        rival=-0.5,
        decides="standard",
    ),
)

EXACT = (
    Claim(
        id="quartet-ii.room.normal",
        locus="section 3.1, 16/17",
        statement=(
            "A block put on 16/17 of the grid is never clipped, however its scale is rounded, if that is a normal "
            "number."
        ),
        test=search(f"{_HEADROOM}:NORMAL_SCALES", examples=100, restarts=1, rounds=1, seconds=0.2),
        role="ours",
    ),
    Claim(
        id="quartet-ii.room.subnormal",
        locus="section 3.1, 16/17",
        statement="A block put on 16/17 of the grid is never clipped, however small its scale is in E4M3.",
        test=search(f"{_HEADROOM}:ALL_SCALES", examples=100, restarts=1, rounds=1, seconds=0.2),
        expected="REFUTED",
        finding=(
            "Below 2^-6 E4M3 numbers are evenly spaced, and rounding down takes up to a third and not a seventeenth: a "
            "block 28,000 times smaller than the largest can be clipped. Normal scales cannot: quartet-ii.room.normal."
        ),
        corrected_by="quartet-ii.room.normal",
        role="control",
        decides="standard",
    ),
    Claim(
        id="quartet-ii.two.along",
        locus="section 3.2, EDEN",
        statement="The vector e_0 + e_1/10 keeps its length along itself.",
        test=mean(TWO["along"]),
        band=within(1.0, abs=0.005, provenance="theory", because="what the factor is there for"),
        rival=0.97,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="quartet-ii.two.unbiased",
        locus="section 3.3, MS-EDEN",
        statement="MS-EDEN is unbiased for any vector of 128 entries, e_0 + e_1/10 among them.",
        test=mean(TWO["second"]),
        band=within(1.0, abs=0.1, provenance="smallest-effect", because="a tenth"),
        rival=1.5,
        expected="REFUTED",
        finding=(
            "Its rotation has two magnitudes, 1.1 and .9, which become 6 and 4 whatever the signs: the second "
            "coordinate comes back doubled. Rotation makes entries normal where a vector has many that count."
        ),
        role="control",
    ),
    Claim(
        id="quartet-ii.two.doubled",
        locus="section 3.3, MS-EDEN",
        statement="Of e_0 + e_1/10 MS-EDEN leaves .990 of the first coordinate and doubles the second, to .198.",
        test=mean(TWO["second"]),
        band=within(0.2 * 1.01 / 1.02 / 0.1, abs=0.05, provenance="theory", because="1.1 and .9 become 6 and 4"),
        rival=1.0,
        role="ours",
    ),
)
