"""Claims about the sums that the kernel forms in 16 bits, and for which lengths and activations they are exact."""

from __future__ import annotations

from claims import DEPENDS, Claim, Reading, at_most, count, experiment, grid, mean, proportion, search, value, within

_MODULE = "nvfp4_recipes.bitnet_cpp.experiments.accumulation"
ONES = experiment(f"{_MODULE}:ones", seconds=0.001)
DRAWN = experiment(f"{_MODULE}:drawn", fixed={"products": 64, "length": 6912}, seconds=0.03)

_CLOSE = "what several hundred products can tell from none"

LOSSLESS = (
    Claim(
        id="bitnet-cpp.i2s.lossless",
        locus="abstract, lossless; section R, I2_S, AVX2",
        statement=(
            "The I2_S kernel for AVX2 returns the exact product of ternary weights and int8 activations, up to the "
            "length of the model's largest layer, 6,912."
        ),
        read_as="Lossless is read of the kernel's sums, for weights and activations that are quantized already.",
        test=search(f"{_MODULE}:LOSSLESS", examples=60, restarts=1, rounds=1, seconds=0.2),
        readings=(
            Reading(
                axis="activations",
                option="any that int8 holds",
                because="Neither the abstract nor the kernel says of which activations.",
            ),
            Reading(
                axis="activations",
                option="normal ones around zero, the largest of a token 127",
                because="So a token's activations are quantized, behind a norm that keeps them near zero.",
                test=proportion(DRAWN["wrong"], DRAWN["products"]),
                at=grid(mean=[0.0]),
                band=at_most(0.02, provenance="smallest-effect", because=_CLOSE),
                rival=1.0,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "It adds up to 256 products of 0, 1 or 2 and an activation in 16 bits before it widens them: with weights "
            "1 and activations 127 a lane comes to 65,024 and wraps around. Activations around zero come nowhere near "
            "(bitnet-cpp.i2s.normal), and up to a length of 2,048 nothing does (bitnet-cpp.i2s.short)."
        ),
        decides="standard",
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
        band=at_most(0.02, provenance="smallest-effect", because=_CLOSE),
        rival=1.0,
        decides="standard",
    ),
    Claim(
        id="bitnet-cpp.control.too-few-seeds",
        locus="section R, I2_S, AVX2",
        statement="The fullest lane of 64 products comes to .0713 of what 16 bits hold, to the last of these digits.",
        at=grid(mean=[0.0]),
        test=mean(DRAWN["fullest"]),
        band=within(0.0713, abs=0.0001, provenance="author", because="finer than eight seeds can tell"),
        rival=0.5,
        most_seeds=8,
        expected="UNDECIDED",
        finding="Eight seeds leave an interval many times as wide; many thousand would decide it.",
        role="control",
    ),
)
