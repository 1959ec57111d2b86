"""Claims about what the published code does: room for the scales, ties, which errors are compared, tiles."""

from __future__ import annotations

from claims import (
    Claim,
    at_least,
    at_most,
    between,
    experiment,
    grid,
    identity,
    mean,
    order,
    ratio,
    search,
    value,
    within,
)
from nvfp4_recipes.four_over_six.shared import ERRORS, PLAIN_LAWS

_CHOICE = "nvfp4_recipes.four_over_six.experiments.choice"
ROOM = experiment(f"{_CHOICE}:room", sweep={"largest": (256, 448)}, seconds=0.01)
TIES = experiment(f"{_CHOICE}:ties", fixed={"blocks": 512}, seconds=0.01)

LARGEST_SCALE = (
    Claim(
        id="four-over-six.largest.room",
        locus="section R, largest scale",
        statement=(
            "With scales up to 256 the block of the tensor's largest element can be put near 4: its scale is 384."
        ),
        at=grid(largest=256),
        test=value(ROOM["scale"]),
        band=within(384.0, abs=1e-9, provenance="theory", because="256 * 6/4 is an E4M3 number"),
        rival=448.0,
    ),
    Claim(
        id="four-over-six.largest.no-room",
        locus="section R, largest scale",
        statement=(
            "With scales up to 448 that block cannot be put near 4: 448 * 6/4 is beyond E4M3, and what was exact "
            "is not."
        ),
        at=grid(largest=448),
        test=value(ROOM["error"]),
        band=between(0.01, 1.0, target=0.1, provenance="smallest-effect", because="more than rounding in float32"),
        rival=0.0,
    ),
    Claim(
        id="four-over-six.largest.hardly-matters",
        locus="section R, largest scale",
        statement="On whole matrices 448 in place of 256 changes the error with the choice by less than a hundredth.",
        at=grid(law=PLAIN_LAWS),
        test=ratio(ERRORS.at(arm="squared/448")["error"], ERRORS.at(arm="squared")["error"]),
        band=within(1.0, abs=0.01, provenance="smallest-effect", because="a sixteenth of what the choice gains"),
        rival=0.9,
        role="ours",
        decides="standard",
    ),
)

CHOICE = (
    Claim(
        id="four-over-six.choice.never-worse",
        locus="section R, select_fouroversix",
        statement="At one largest scale no block, whatever is in it, has a larger squared error for the choice.",
        read_as="The published rule takes the scale of less squared error; of any block, in float32 sums.",
        test=search(f"{_CHOICE}:NEVER_WORSE", examples=60, restarts=1, rounds=1, seconds=0.5),
    ),
    Claim(
        id="four-over-six.choice.never-worse-than-standard",
        locus="section R, select_fouroversix, against scales up to 448",
        statement="No block has a larger squared error than in standard NVFP4.",
        test=search(f"{_CHOICE}:NEVER_WORSE_THAN_448", examples=60, restarts=1, rounds=1, seconds=0.5),
        expected="REFUTED",
        finding=(
            "Scales up to 256 lie on another grid than scales up to 448, and a block may be nearer to that one. At the "
            "same largest scale none is worse: four-over-six.choice.never-worse."
        ),
        corrected_by="four-over-six.choice.never-worse",
        role="control",
        decides="standard",
    ),
    Claim(
        id="four-over-six.choice.ties",
        locus="section R, select_fouroversix",
        statement="A block that is as good either way keeps the scale for 6.",
        test=identity(TIES["kept"], TIES["blocks"], bound=0.0, planted=TIES["moved"], draws=4),
    ),
    Claim(
        id="four-over-six.choice.share",
        locus="section R, select_fouroversix",
        statement="Of ten blocks two to five are put near 4.",
        at=grid(law=PLAIN_LAWS),
        test=mean(ERRORS.at(arm="squared")["moved"]),
        band=between(0.2, 0.5, target=0.35, provenance="smallest-effect", because="a choice that is made either way"),
        rival=0.0,
        role="ours",
    ),
)

RULES = (
    Claim(
        id="four-over-six.rules.squared",
        locus="section R, scale rules",
        statement="Comparing absolute errors in place of squared ones gives back .02 to .04 of the squared error.",
        at=grid(law=PLAIN_LAWS),
        test=ratio(ERRORS.at(arm="absolute")["error"], ERRORS.at(arm="squared")["error"]),
        band=between(1.015, 1.045, target=1.03, provenance="smallest-effect", because="a quarter of the gain, at most"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="four-over-six.rules.absolute",
        locus="section R, scale rules",
        statement="By the sum of absolute errors comparing these is better: by half a hundredth and more.",
        at=grid(law=PLAIN_LAWS),
        test=ratio(ERRORS.at(arm="absolute")["absolute"], ERRORS.at(arm="squared")["absolute"]),
        band=at_most(0.995, provenance="smallest-effect", because="half a hundredth"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="four-over-six.static.four",
        locus="section R, static_4",
        statement="It is the choice that helps, not the 4: with every block near 4 the error is larger than near 6.",
        at=grid(law=PLAIN_LAWS),
        test=order(ERRORS.at(arm="four")["error"], ERRORS.at(arm="six")["error"]),
        band=at_least(0.0003, provenance="smallest-effect", because="a thirtieth of the error"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
)

TILES = (
    Claim(
        id="four-over-six.tiles.nothing",
        locus="section R, tiles",
        statement="Where 16 x 16 elements share a scale nothing of the gain is left, on normal entries.",
        at=grid(law="normal"),
        test=ratio(ERRORS.at(arm="squared/tiles")["error"], ERRORS.at(arm="six/tiles")["error"]),
        band=within(1.0, abs=0.005, provenance="smallest-effect", because="12.4 and 12.4 in Quartet II's notebook"),
        rival=0.0076 / 0.0090,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="four-over-six.tiles.share",
        locus="section R, tiles",
        statement="Of tiles of 16 x 16 normal entries less than a tenth is put near 4.",
        at=grid(law="normal"),
        test=mean(ERRORS.at(arm="squared/tiles")["moved"]),
        band=at_most(0.1, provenance="smallest-effect", because="against four of ten blocks"),
        rival=0.4,
        role="ours",
    ),
)
