"""Claims of what shrinkage does: how it adds up over layers, and what of a single matrix's error it is."""

from __future__ import annotations

from claims import Claim, between, experiment, grid, mean, slope, within
from nvfp4_recipes.ufp4.shared import ELEMENTS, GRIDS

LAYERS = (1, 2, 4, 8)
CHAIN = experiment(
    f"{GRIDS}:chain",
    sweep={"layer": LAYERS, "grid": ("e2m1", "int4"), "norm": ("none", "rms")},
    fixed={"width": 128},
    seconds=0.2,
)
SINGLE = experiment(f"{GRIDS}:single", fixed={"elements": ELEMENTS}, seconds=0.01)
_LAST = LAYERS[-1]
_PLAIN = CHAIN.at(grid="e2m1", norm="none")

ACCUMULATION = (
    Claim(
        id="ufp4.layers.product",
        locus="abstract, accumulates; section 3, multiplicative decay",
        statement="What is left of the signal along itself after layers is the product of all operands' own factors.",
        read_as="Layers are linear maps with normal entries, without anything between them.",
        at=grid(layer=[2, 4, 8]),
        test=mean(_PLAIN["log_gain"] - _PLAIN["log_product"]),
        band=within(0.0, abs=0.012, provenance="smallest-effect", because="a sixth of the loss after eight layers"),
        rival=0.06,
        decides="standard",
    ),
    Claim(
        id="ufp4.layers.decay",
        locus="abstract, accumulates",
        statement="Eight maps with both operands in E2M1 lose 5 to 8 % of the signal, eight times what one loses.",
        at=grid(layer=_LAST),
        test=mean(_PLAIN["log_gain"]),
        band=between(-0.08, -0.05, target=-0.065, provenance="theory", because="8 times 2 times .0041, and a fifth"),
        rival=-0.008,
        decides="standard",
        role="ours",
    ),
    Claim(
        id="ufp4.layers.uniform",
        locus="abstract, uniform grids",
        statement="Eight maps on a uniform grid lose nothing of the signal: it is there within two per cent.",
        read_as="Layers are eight linear maps with normal entries, without anything between them.",
        at=grid(layer=_LAST),
        test=mean(CHAIN.at(grid="int4", norm="none")["log_gain"]),
        band=between(0.0, 0.02, target=0.01, provenance="theory", because="16 times .0006"),
        rival=-0.065,
        decides="standard",
    ),
    Claim(
        id="ufp4.layers.size",
        locus="section 3, multiplicative decay; beside an RMSNorm before each map",
        statement=(
            "Before each map an RMSNorm undoes the loss of size: signals after eight layers are as large as without."
        ),
        at=grid(layer=_LAST),
        test=mean(CHAIN.at(grid="e2m1", norm="rms")["log_size"]),
        band=within(0.0, abs=0.01, provenance="smallest-effect", because="a sixth of what the signal loses"),
        rival=-0.065,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="ufp4.layers.uniform-turns",
        locus="abstract, uniform grids; beside an RMSNorm before each map",
        statement="Behind RMSNorms eight maps on a uniform grid keep the signal along itself within two per cent.",
        at=grid(layer=_LAST),
        test=mean(CHAIN.at(grid="int4", norm="rms")["log_gain"]),
        band=within(0.0, abs=0.02, provenance="smallest-effect", because="what is kept without norms"),
        rival=-0.065,
        expected="REFUTED",
        finding=(
            "It loses 5 %, E2M1 7: norms hold the size, so that what noise takes of it the signal loses. Most of the "
            "loss is then that of any noise, and unbiased rounding does not save it."
        ),
        role="control",
        decides="standard",
    ),
    Claim(
        id="ufp4.layers.rate",
        locus="section 3, multiplicative decay",
        statement="The loss of a chain of maps grows in proportion to their number.",
        at=grid(layer=list(LAYERS)),
        test=slope(_PLAIN["log_gain"] * -1.0, over="layer", log=False),
        band=between(0.0065, 0.0105, target=0.0083, provenance="theory", because="2 times .0041 a map, and a fourth"),
        rival=0.0041,
        role="ours",
        decides="standard",
    ),
)

ONE_MATRIX = (
    Claim(
        id="ufp4.single.part",
        locus="section 3; a single matrix",
        statement="Of a single matrix's squared error shrinkage is two parts in a thousand.",
        test=mean(SINGLE["part"]),
        band=between(0.0005, 0.0035, target=0.0019, provenance="theory", because=".0041 squared over .0089, doubled"),
        rival=0.1,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="ufp4.single.no-cure",
        locus="section 3; a single matrix",
        statement=(
            "Dividing a matrix by its factor does not lower its squared error: it raises it, by up to a hundredth."
        ),
        test=mean(SINGLE["mended"]),
        band=between(1.0, 1.01, target=1.006, provenance="theory", because="noise is stretched by 1.0041 squared"),
        rival=0.99,
        role="ours",
    ),
)
