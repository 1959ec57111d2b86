"""Claims of where shrinkage comes from: bins of unlike halves, and what they do to normal and heavier entries."""

from __future__ import annotations

from claims import Claim, at_most, experiment, grid, identity, mean, within
from nvfp4_recipes.ufp4.shared import ELEMENTS, GRIDS, HEAVY, SHRINKAGE

BINS = experiment(f"{GRIDS}:bins", seconds=0.005)
LONG = experiment(
    f"{GRIDS}:shrinkage",
    sweep={"law": ("t3",), "grid": ("int4",), "rotation": ("none",)},
    fixed={"elements": ELEMENTS},
    seconds=0.02,
)
_QUARTER = "a quarter of it, so that its size is told"

GEOMETRY = (
    Claim(
        id="ufp4.bins.formula",
        locus="section 3, bin asymmetry",
        statement=(
            "Rounding numbers spread evenly in a bin errs by half of its left minus its right half-width on average."
        ),
        at=grid(grid=["e2m1"]),
        test=identity(BINS["measured"], BINS["formula"], bound=BINS["bound"], planted=BINS["other"], draws=4),
        role="ours",
    ),
    Claim(
        id="ufp4.bins.uniform",
        locus="section 3, bin asymmetry",
        statement="In the bins of a uniform grid rounding numbers spread evenly errs by nothing.",
        at=grid(grid=["int4"]),
        test=identity(BINS["measured"], BINS["formula"], bound=BINS["bound"], planted=BINS["e2m1"], draws=4),
        role="ours",
    ),
)

SIGN = (
    Claim(
        id="ufp4.shrinkage.sign",
        locus="abstract, shrinkage bias",
        statement="Blocks on the E2M1 grid are shrunk along themselves, whatever the tail of their entries.",
        read_as="A negative rounding error is read as a factor below 1 along the matrix, in blocks of 16.",
        at=grid(law=["normal", *HEAVY]),
        test=mean(SHRINKAGE.at(grid="e2m1", rotation="none")["gain"]),
        band=at_most(-0.0003, provenance="smallest-effect", because="three parts in ten thousand: told from none"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="ufp4.shrinkage.size",
        locus="abstract, shrinkage bias",
        statement=(
            "Blocks on the E2M1 grid are shrunk along themselves: by .41 % for normal entries, .31 % for Laplace."
        ),
        at=grid(law=["normal", "laplace"]),
        test=mean(SHRINKAGE.at(grid="e2m1", rotation="none")["gain"]),
        band=within("nvfp4_recipes.theory.shrinkage:e2m1", rel=0.25, provenance="theory", because=_QUARTER),
        rival=0.0,
        decides="standard",
        role="ours",
    ),
    Claim(
        id="ufp4.shrinkage.uniform-none",
        locus="abstract, uniform grids",
        statement="A uniform grid has no such bias: less than a third of E2M1's, either way.",
        read_as="None is read as less than a third of E2M1's, on thin tails in blocks of 16.",
        at=grid(law=["normal", "laplace"]),
        test=mean(SHRINKAGE.at(grid="int4", rotation="none")["gain"]),
        band=within(0.0, abs=0.0014, provenance="smallest-effect", because="a third of E2M1's"),
        rival="nvfp4_recipes.theory.shrinkage:e2m1",
        decides="standard",
    ),
    Claim(
        id="ufp4.shrinkage.uniform-long",
        locus="abstract, uniform grids; long blocks of a heavy tail",
        statement="In blocks of 128 with t3 tails a uniform grid has no bias either.",
        at=grid(law="t3", block=128),
        test=mean(LONG.at(grid="int4", rotation="none")["gain"]),
        band=within(0.0, abs=0.0014, provenance="smallest-effect", because="what is none in blocks of 16"),
        rival=-0.01,
        expected="REFUTED",
        finding=(
            "It shrinks by .65 %: most entries lie in the bin of zero, whose outer half has fewer than its inner half. "
            "Even bins are unbiased for entries spread evenly in them; the claim of none is about blocks of 16."
        ),
        role="control",
        decides="standard",
    ),
    Claim(
        id="ufp4.shrinkage.uniform-long-size",
        locus="abstract, uniform grids; long blocks of a heavy tail",
        statement="In blocks of 128 with t3 tails a uniform grid shrinks by .65 per cent.",
        at=grid(law="t3", block=128),
        test=mean(LONG.at(grid="int4", rotation="none")["gain"]),
        band=within(
            "nvfp4_recipes.theory.shrinkage:int4_long",
            rel=0.35,
            provenance="theory",
            because="a third, so that its size is told",
        ),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
)
