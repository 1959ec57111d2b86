"""Claims about the formats that section 6.1 names: the codes of NVFP4 and MXFP4, their scales, NaN and infinities."""

from __future__ import annotations

from claims import Claim, experiment, grid, identity, value, within

#: What calls kernels hundreds of times, or on millions of numbers, is left to compiled ones.
GPU = ("cpu", "cuda")
DEVICES = (*GPU, "triton-interpreter")
DECODED = experiment("claims.papers.mean_bias.experiments.formats_codes:decoded", seconds=0.01, devices=DEVICES)
ENCODED = experiment(
    "claims.papers.mean_bias.experiments.formats_codes:encoded", seconds=0.2, megabytes=150, devices=DEVICES
)
REFUSED = experiment("claims.papers.mean_bias.experiments.formats_codes:refused", seconds=0.05, devices=GPU)
INFINITE = experiment("claims.papers.mean_bias.experiments.formats_codes:infinite", seconds=0.02, devices=GPU)
SCALES = experiment(
    "claims.papers.mean_bias.experiments.formats_codes:scale_range",
    sweep={"format": ("nvfp4", "mxfp4-floor", "mxfp4-ceil")},
    fixed={"steps": 2**14},
    seconds=0.03,
    devices=GPU,
)

ELEMENTS = (
    Claim(
        id="mean-bias.nvfp4.values",
        locus="section 6.1, E2M1 and its E4M3 block scale",
        statement="Each of the 16 E2M1 and 256 E4M3 codes decodes to the number that its fields say.",
        at=grid(element=["e2m1", "e4m3"]),
        test=identity(DECODED["agree"], DECODED["codes"], bound=0.0, planted=DECODED["planted"], draws=1),
        role="ours",
    ),
    Claim(
        id="mean-bias.nvfp4.nearest",
        locus="section 6.1, E2M1 and its E4M3 block scale",
        statement="Every bfloat16 number gets the nearest code, ties the even one, beyond the largest value the last.",
        at=grid(element=["e2m1", "e4m3"]),
        test=identity(ENCODED["agree"], ENCODED["numbers"], bound=0.0, planted=ENCODED["planted"], draws=1),
        role="ours",
    ),
    Claim(
        id="mean-bias.nvfp4.nan",
        locus="section 6.1, E2M1 and its E4M3 block scale",
        statement="Every NaN is refused, wherever it stands: neither element has a code that could stand for it.",
        at=grid(operation=["e2m1", "e4m3", "nvfp4", "mxfp4"]),
        test=identity(REFUSED["agree"], REFUSED["numbers"], bound=0.0, planted=REFUSED["planted"], draws=1),
        role="ours",
    ),
    Claim(
        id="mean-bias.nvfp4.infinities",
        locus="section 6.1, NVFP4",
        statement="An infinity is quantized like the largest finite float32 and comes back finite.",
        at=grid(operation=["nvfp4", "mxfp4"]),
        test=identity(INFINITE["agree"], INFINITE["places"], bound=0.0, planted=INFINITE["planted"], draws=1),
        role="ours",
    ),
)

_RESOLUTION = "magnitudes are spaced by 2^-14 of their octave"

SCALE_RANGES = (
    Claim(
        id="mean-bias.nvfp4.scale-down",
        locus="section 6.1, NVFP4",
        statement="Rounding a block scale down lets the largest element reach 6.375 scales: 17/16 of the grid.",
        at=grid(format="nvfp4"),
        test=value(SCALES["largest"]),
        band=within(6 * 17 / 16, abs=0.001, provenance="theory", because=_RESOLUTION),
        rival=6.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.nvfp4.scale-up",
        locus="section 6.1, NVFP4",
        statement="Rounding a block scale up leaves the largest element at 17/3 = 5.67 scales or more.",
        at=grid(format="nvfp4"),
        test=value(SCALES["smallest"]),
        band=within(17 / 3, abs=0.001, provenance="theory", because=_RESOLUTION),
        rival=6 * 16 / 17,
        role="ours",
    ),
    Claim(
        id="mean-bias.nvfp4.largest-loss",
        locus="section 6.1, NVFP4",
        statement="Clipping takes at most 1/17 = 5.9 % of a block's largest element.",
        at=grid(format="nvfp4"),
        test=value(SCALES["largest_loss"]),
        band=within(1 / 17, abs=0.0002, provenance="theory", because=_RESOLUTION),
        rival=1 / 16,
        role="ours",
    ),
    Claim(
        id="mean-bias.mxfp4.floor-reach",
        locus="section 6.1, MXFP4 for contrast",
        statement="With the floor rule of MXFP4 the largest element reaches 8 scales, a third beyond the grid.",
        at=grid(format="mxfp4-floor"),
        test=value(SCALES["largest"]),
        band=within(8.0, abs=0.001, provenance="theory", because=_RESOLUTION),
        rival=6.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.mxfp4.ceil-reach",
        locus="section 6.1, MXFP4 for contrast",
        statement="With MXFP4's ceiling rule nothing is clipped, and the largest element may be as low as 3 scales.",
        at=grid(format="mxfp4-ceil"),
        test=value(SCALES["largest"] - SCALES["smallest"]),
        band=within(3.0, abs=0.001, provenance="theory", because=_RESOLUTION),
        rival=4.0,
        role="ours",
    ),
)
