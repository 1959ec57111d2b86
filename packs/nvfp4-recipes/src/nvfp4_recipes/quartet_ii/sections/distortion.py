"""Claims of how much each estimator errs: what the published notebook prints, and the abstract's factor of two."""

from __future__ import annotations

from claims import Claim, at_most, experiment, grid, mean, ratio, within
from nvfp4_recipes.quartet_ii.shared import DISTORTION, ESTIMATORS

TILES = experiment(
    f"{ESTIMATORS}:four_over_six",
    sweep={"tile": ("1x16", "16x16"), "choice": ("none", "squared")},
    fixed={"rows": 16, "columns": 8192},
    seconds=0.05,
)
_TABLE = "section R, table of distortion"
_TILES = "section R, table of tiles"
_TWO_PERCENT = "2 %, three times half a unit of what is printed"

PRINTED = (
    Claim(
        id="quartet-ii.error.nearest",
        locus=_TABLE,
        statement="Rounding to nearest with a clipping factor of .93 leaves .0090 of the energy of normal vectors.",
        at=grid(arm="nearest"),
        test=mean(DISTORTION["error"]),
        band=within(0.0090, rel=0.02, provenance="printed", because=_TWO_PERCENT),
        rival=0.0098,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.error.stochastic",
        locus=_TABLE,
        statement="Stochastic rounding without clipping leaves .0235.",
        at=grid(arm="stochastic"),
        test=mean(DISTORTION["error"]),
        band=within(0.0235, rel=0.02, provenance="printed", because=_TWO_PERCENT),
        rival=0.0188,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.error.ms-eden",
        locus=_TABLE,
        statement="MS-EDEN leaves .0098.",
        at=grid(arm="ms-eden"),
        test=mean(DISTORTION["error"]),
        band=within(0.0098, rel=0.02, provenance="printed", because=_TWO_PERCENT),
        rival=0.0090,
        decides="standard",
    ),
    Claim(
        id="quartet-ii.error.half",
        locus="abstract, 2x lower error",
        statement="MS-EDEN has less than half of the squared error of stochastic rounding.",
        read_as="As the published code has MS-EDEN and its stochastic rounding, on normal vectors of 128 entries.",
        test=ratio(DISTORTION.at(arm="ms-eden")["error"], DISTORTION.at(arm="stochastic")["error"]),
        band=at_most(0.5, provenance="author", because="more than twice lower"),
        rival=1.0,
    ),
    Claim(
        id="quartet-ii.error.half-of-clipped",
        locus="abstract, 2x lower error; beside NVFP4's own stochastic rounding",
        statement=(
            "Beside stochastic rounding as NVFP4 has it, with scales for 6 and clipping, MS-EDEN has just over "
            "half the error."
        ),
        test=ratio(DISTORTION.at(arm="ms-eden")["error"], DISTORTION.at(arm="clipped")["error"]),
        band=within(0.52, abs=0.015, provenance="smallest-effect", because="told from a half; 9.8 over 18.8"),
        rival=0.5,
        role="ours",
        decides="standard",
    ),
)

BLOCKS = (
    Claim(
        id="quartet-ii.tiles.plain",
        locus=_TILES,
        statement="NVFP4 leaves .0090 of normal rows in blocks of 16 and .0124 in tiles of 16 x 16.",
        at=grid(choice="none", tile=["1x16", "16x16"]),
        test=mean(TILES["error"]),
        band=within(
            lambda tile: 0.0090 if tile == "1x16" else 0.0124, rel=0.02, provenance="printed", because=_TWO_PERCENT
        ),
        rival=lambda tile: 0.0124 if tile == "1x16" else 0.0090,
    ),
    Claim(
        id="quartet-ii.tiles.chosen",
        locus=_TILES,
        statement="With a choice of two scales NVFP4 leaves .0076 in blocks, and no less than before in tiles.",
        at=grid(choice="squared", tile=["1x16", "16x16"]),
        test=mean(TILES["error"]),
        band=within(
            lambda tile: 0.0076 if tile == "1x16" else 0.0124, rel=0.02, provenance="printed", because=_TWO_PERCENT
        ),
        rival=lambda tile: 0.0090 if tile == "1x16" else 0.0105,
    ),
)
