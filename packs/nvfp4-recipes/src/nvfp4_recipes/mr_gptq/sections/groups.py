"""Claims of what the length of a block does: which element is kept, and from where on a rotation pays."""

from __future__ import annotations

from claims import Claim, at_least, at_most, experiment, grid, identity, mean, order, value, within
from nvfp4_recipes.mr_gptq.shared import BY_GROUP, ELEMENTS, GROUPS, LAPLACE, NORMAL
from nvfp4_recipes.theory import rates

KEPT = experiment(f"{GROUPS}:kept", fixed={"blocks": 512}, seconds=0.01)
TOP = experiment(
    f"{GROUPS}:top", sweep={"law": ("normal", "laplace", "t3")}, fixed={"elements": ELEMENTS}, seconds=0.06
)
PRESERVED = experiment(f"{GROUPS}:preserved", seconds=0.01)

TOP_ELEMENT = (
    Claim(
        id="mr-gptq.top.kept",
        locus="Lemma 1",
        statement="With a scale for the largest element that element is exact, however much larger than others it is.",
        test=identity(KEPT["error"], KEPT["zero"], bound=1e-12, planted=KEPT["other"], draws=4),
        role="ours",
    ),
    Claim(
        id="mr-gptq.top.e4m3",
        locus="Lemma 1, with NVFP4's scales",
        statement="With E4M3 scales a block's largest element errs by a seventeenth at most.",
        at=grid(law=["normal", "laplace", "t3"]),
        test=mean(TOP["worst"]),
        band=within(1 / 17, rel=0.01, provenance="theory", because="half a step of E4M3 over what is rounded down"),
        rival=1 / 16,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.top.spread",
        locus="Lemma 1",
        statement="Behind a rotation of its block the largest element errs like any other one.",
        at=grid(law="normal"),
        test=mean(TOP["spread"]),
        band=within(1.0, abs=0.06, provenance="smallest-effect", because="resolved from none and from twice"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
)

CROSSOVER = (
    Claim(
        id="mr-gptq.group.small",
        locus="abstract, small group size",
        statement="In blocks of 16 Laplace entries have less error than the normal ones that a rotation would make.",
        read_as="Small is 16, outlier mitigation a rotation, native entries are Laplace and rotated ones normal.",
        at=grid(group=16, scale="exact"),
        test=order(NORMAL["error"], LAPLACE["error"]),
        band=at_least(0.0003, provenance="theory", because=".00887 - .00832, less a third"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="mr-gptq.group.large",
        locus="Lemma 2",
        statement="In blocks of 64 and more Laplace entries have more error than normal ones: there a rotation pays.",
        at=grid(group=[64, 128], scale="exact"),
        test=order(NORMAL["error"], LAPLACE["error"]),
        band=at_most(-0.0007, provenance="theory", because=".01117 - .01259 in blocks of 64, less a half"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="mr-gptq.group.crossover",
        locus="Lemma 2",
        statement=(
            "Laplace and normal entries err alike in blocks of about 32, MXFP4's length: there they differ by a "
            "thirtieth."
        ),
        at=grid(group=32, scale="exact"),
        test=order(NORMAL["error"], LAPLACE["error"]),
        band=within(-0.0003, abs=0.0004, provenance="theory", because=".01022 - .01052; in blocks of 16 it is .00055"),
        rival=0.00055,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.group.errors",
        locus="Lemma 2, its errors",
        statement="Errors by block length are what quadrature gives.",
        at=(*grid(group=[16, 32, 128], scale="exact", law=["normal", "laplace"]),),
        test=mean(BY_GROUP["error"]),
        band=within(
            "nvfp4_recipes.theory.shrinkage:e2m1_error",
            rel=0.03,
            provenance="theory",
            because="quadrature is good to .005 of it",
        ),
        rival="nvfp4_recipes.theory.shrinkage:power_error",
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.group.rates",
        locus="Lemma 2",
        statement=(
            "Of the energy what is not rounded to zero falls with the block length G like (log G)^2 G^-d for Laplace "
            "entries and sqrt(log G) G^-(d^2) for normal ones, d = 1/24, if the maximum takes its typical value."
        ),
        at=(*grid(law="laplace", log_group=[10**6]), *grid(law="normal", log_group=[10**8])),
        test=value(PRESERVED["ratio"]),
        band=within(rates.constant, rel=0.01, provenance="theory", because="next term is 2/(d log G) and less"),
        rival=rates.without_power,
        role="ours",
    ),
)
