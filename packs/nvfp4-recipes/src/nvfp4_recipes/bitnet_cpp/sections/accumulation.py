"""Claims about the sums that the kernel forms in 16 bits, and for which lengths and activations they are exact."""

from __future__ import annotations

from claims import Claim, at_most, count, experiment, grid, mean, proportion, search, value

_MODULE = "nvfp4_recipes.bitnet_cpp.experiments.accumulation"
ONES = experiment(f"{_MODULE}:ones", seconds=0.001)
DRAWN = experiment(f"{_MODULE}:drawn", fixed={"products": 64, "length": 6912}, seconds=0.03)

LOSSLESS = (
    Claim(
        id="bitnet-cpp.i2s.lossless",
        locus="section R, I2_S, AVX2",
        statement=(
            "The I2_S kernel for AVX2 returns the exact product of ternary weights and int8 activations, whatever they "
            "are, up to the length of the model's largest layer, 6,912."
        ),
        test=search(f"{_MODULE}:LOSSLESS", examples=60, restarts=1, rounds=1, seconds=0.2),
        expected="REFUTED",
        finding=(
            "It adds up to 256 products of 0, 1 or 2 and an activation in 16 bits before it widens them: with weights "
            "1 and activations 127 a lane comes to 65,024 and wraps around. That any input is meant is our reading: up "
            "to 2,048 all are exact, and beyond so are activations around zero (bitnet-cpp.i2s.exact-normal)."
        ),
        corrected_by="bitnet-cpp.i2s.short",
        role="ours",
    ),
    Claim(
        id="bitnet-cpp.i2s.short",
        locus="section R, I2_S, AVX2",
        statement="Up to a length of 2,048 no lane overflows, whatever weights and activations are: 128 * 254 < 2^15.",
        test=search(f"{_MODULE}:SHORT", examples=60, restarts=1, rounds=1, seconds=0.2),
        role="ours",
    ),
    Claim(
        id="bitnet-cpp.i2s.ones",
        locus="section R, I2_S, AVX2",
        statement="For 4,096 weights 1 and activations 127 the kernel returns -528,384 in place of 520,192.",
        at=grid(length=4096),
        test=value(ONES["got"]),
        band=count(-528_384, because="16 lanes of 65,024 - 65,536, less 520,192"),
        rival=520_192,
        role="ours",
    ),
    Claim(
        id="bitnet-cpp.i2s.normal",
        locus="abstract, lossless; section R, I2_S, AVX2",
        statement=(
            "On activations around zero, scaled to 127, lanes stay below an eighth of what 16 bits hold, at 6,912."
        ),
        at=grid(mean=[0.0]),
        test=mean(DRAWN["fullest"]),
        band=at_most(0.125, provenance="smallest-effect", because="an eighth"),
        rival=1.0,
    ),
    Claim(
        id="bitnet-cpp.i2s.shifted",
        locus="section R, I2_S, AVX2",
        statement=(
            "Lanes stay below an eighth of what 16 bits hold where activations have a mean of three standard "
            "deviations, too."
        ),
        at=grid(mean=[3.0]),
        test=mean(DRAWN["fullest"]),
        band=at_most(0.125, provenance="smallest-effect", because="an eighth"),
        rival=1.0,
        expected="REFUTED",
        finding="A mean adds up: lanes come to half of what 16 bits hold and more, though none overflows yet.",
        role="control",
    ),
    Claim(
        id="bitnet-cpp.i2s.exact-normal",
        locus="abstract, lossless",
        statement="No product of ternary weights with activations around zero is wrong, at 6,912.",
        at=grid(mean=[0.0]),
        test=proportion(DRAWN["wrong"], DRAWN["products"]),
        band=at_most(0.02, provenance="smallest-effect", because="what several hundred products can tell from none"),
        rival=1.0,
        decides="standard",
    ),
)
