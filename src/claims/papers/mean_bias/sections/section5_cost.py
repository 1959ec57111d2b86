"""Claims of section 5, computational profile: operations, arithmetic, memory and passes, counted by a tracer."""

from __future__ import annotations

from claims import DEPENDS, REFUTED, Claim, Quantity, Reading, at_most, count, experiment, grid, value, within
from claims.papers.mean_bias.theory import cost

_PROFILE = "section 5, computational profile"

STEP = experiment(
    "claims.papers.mean_bias.experiments.cost:step_operations",
    sweep={"arm": ("plain", "printed/4", "bfloat16/2", "activation/2")},
    fixed={"tokens": 96, "channels": 64, "outputs": 48},
    seconds=0.05,
)
MEMORY = experiment(
    "claims.papers.mean_bias.experiments.cost:allocations",
    sweep={"arm": ("printed/4", "bfloat16/2")},
    fixed={"tokens": 8192, "channels": 256, "outputs": 16},
    seconds=0.4,
    megabytes=100,
)
PASSES = experiment(
    "claims.papers.mean_bias.experiments.cost:operand_passes",
    sweep={"arm": ("plain", "printed"), "format": ("nvfp4", "mxfp4")},
    fixed={"tokens": 96, "channels": 64, "outputs": 48},
    seconds=0.01,
)
FLOPS = experiment("claims.papers.mean_bias.experiments.cost:arithmetic", seconds=0.01)
#: All that eqs. 11 and 12 add, over the arithmetic of the three products.
ALL_OF_STEP = (FLOPS["forward"] + FLOPS["input_gradient"] + FLOPS["cross_terms"] + FLOPS["mean_term"]) * (1 / 3)
SHAPES = (
    *grid(tokens=96, channels=64, outputs=48),
    *grid(tokens=512, channels=256, outputs=768),
)


def _count(name: str, arm: str) -> Quantity:
    return STEP.at(arm=arm)[name]


MEANS = (
    Claim(
        id="mean-bias.cost.two-means",
        locus=_PROFILE,
        statement="A training step of a layer takes two column means that plain quantization does not.",
        test=value(_count("means", "printed/4") - _count("means", "plain")),
        band=count(2),
        rival=4.0,
    ),
    Claim(
        id="mean-bias.cost.two-subtractions",
        locus=_PROFILE,
        statement=(
            "Averis applies two subtractions a step, if each operand is centred on its way into the quantizer and no "
            "residual is stored."
        ),
        test=value(_count("centred_quantizations", "printed/4")),
        band=count(2),
        rival=4.0,
        expected=REFUTED,
        finding=(
            "It takes four: X and D are each quantized along two axes, once for the product with W and once along the "
            "tokens for dW. Read with both residuals stored, as eqs. 11 and 12 name them, two are enough."
        ),
        corrected_by="mean-bias.cost.four-subtractions",
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.four-subtractions",
        locus=_PROFILE,
        statement=(
            "With each operand centred on its way into the quantizer, a step of Averis subtracts a mean from a matrix "
            "four times."
        ),
        test=value(_count("centred_quantizations", "printed/4")),
        band=count(4),
        rival=2.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.only-means",
        locus=_PROFILE,
        statement=(
            "Averis requires only two mean vectors and two subtractions a step, in addition to the quantized products."
        ),
        read_as="Operations as eqs. 11 and 12 print them; the shape at which arithmetic is counted is this project's.",
        test=value(_count("beside", "printed/4") - _count("beside", "plain")),
        band=count(0),
        rival=11.0,
        readings=(
            Reading(
                axis="only",
                option="no other operations",
                because="The passage lists what is required in addition to the quantized products.",
            ),
            Reading(
                axis="only",
                option="next to no arithmetic beside the products, under 2 per cent",
                because="The passage is a computational profile: what counts there is cost.",
                at=grid(tokens=512, channels=256, outputs=768),
                test=value(ALL_OF_STEP),
                band=at_most(0.02, provenance="smallest-effect", because="of the arithmetic of the three products"),
                rival=0.33,
            ),
        ),
        expected=DEPENDS,
        finding=(
            "Eqs. 11 and 12 as printed take eleven operations more: two vector quantizations, two matrix-vector "
            "products (mean times W), two broadcast additions (to Y and dX), of which the paper speaks, two column "
            "sums of quantized residuals and three outer products (in dW). In arithmetic they and the means are few: "
            "with 512 tokens, 256 channels and 768 outputs .0067 of the three products "
            "(mean-bias.cost.flops-step, mean-bias.cost.flops-input-gradient)."
        ),
        corrected_by="mean-bias.cost.eleven-more",
    ),
    Claim(
        id="mean-bias.cost.eleven-more",
        locus=_PROFILE,
        statement="Equations 11 and 12 as printed take eleven operations more than means and subtractions.",
        test=value(_count("beside", "printed/4") - _count("beside", "plain")),
        band=count(11),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.five-more",
        locus=_PROFILE,
        statement=(
            "With BF16 means and two terms in dW, eqs. 11 and 12 take five operations more than means and subtractions."
        ),
        test=value(_count("beside", "bfloat16/2") - _count("beside", "plain")),
        band=count(5),
        rival=11.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.three-more",
        locus=_PROFILE,
        statement=(
            "With BF16 means, two terms in dW and the gradient left whole, eqs. 11 and 12 take three operations more "
            "than means and subtractions."
        ),
        test=value(_count("beside", "activation/2")),
        band=count(3),
        rival=5.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.two-subtractions-go",
        locus=_PROFILE,
        statement="With the gradient left whole two of the four subtractions of a step go.",
        test=value(_count("centred_quantizations", "activation/2")),
        band=count(2),
        rival=4.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.same-products",
        locus=_PROFILE,
        statement="A step of Averis has as many products of matrices as one without a split, three.",
        test=value(_count("products", "printed/4")),
        band=count(3),
        rival=4.0,
    ),
    Claim(
        id="mean-bias.cost.same-quantizations",
        locus=_PROFILE,
        statement="A step of Averis has as many quantizations of matrices as one without a split, six.",
        test=value(_count("quantizations", "printed/4") + _count("centred_quantizations", "printed/4")),
        band=count(6),
        rival=8.0,
    ),
    Claim(
        id="mean-bias.cost.no-decomposition",
        locus=_PROFILE,
        statement="No step of Averis multiplies X by itself or iterates: its products are the layer's three.",
        test=value(_count("products", "bfloat16/2") - _count("products", "plain")),
        band=count(0),
        rival=1.0,
    ),
)

MATRIX = (
    Claim(
        id="mean-bias.cost.never-materialised",
        locus="section 5, after eq. 11 and after eq. 12",
        statement="Nothing that a step allocates beside its results is half as large as the mean matrix.",
        at=grid(arm=["printed/4", "bfloat16/2"]),
        test=value(MEMORY["largest"]),
        band=at_most(0.5, provenance="author", because="packed codes are .14 of it, a panel of float32 .25"),
        rival=1.0,
    ),
    Claim(
        id="mean-bias.cost.tracer-notices",
        locus="section 5, after eq. 11",
        statement="A step that writes the mean matrix out shows in the count of what a step allocates.",
        at=grid(arm="printed/4"),
        test=value(MEMORY["written_out"]),
        band=within(1.0, abs=1e-9, provenance="theory", because="the matrix itself"),
        rival=0.5,
        role="control",
    ),
    Claim(
        id="mean-bias.cost.passes-nvfp4",
        locus=_PROFILE,
        statement="In NVFP4 the mean costs no pass over X: the pass that finds its largest magnitude gives the mean.",
        at=grid(format="nvfp4"),
        test=value(PASSES.at(arm="printed")["passes"] - PASSES.at(arm="plain")["passes"]),
        band=count(0),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mean-bias.cost.passes-mxfp4",
        locus=_PROFILE,
        statement="In MXFP4, which has no scale for the tensor, the mean costs one pass over X.",
        at=grid(format="mxfp4"),
        test=value(PASSES.at(arm="printed")["passes"] - PASSES.at(arm="plain")["passes"]),
        band=count(1),
        rival=0.0,
        role="ours",
    ),
)

STEP_ARITHMETIC = Claim(
    id="mean-bias.cost.flops-step",
    locus=_PROFILE,
    statement=(
        "With 512 tokens, 256 channels and 768 outputs all that eqs. 11 and 12 add, to Y, dX and dW, is .0067 of the "
        "arithmetic of the three products."
    ),
    at=grid(tokens=512, channels=256, outputs=768),
    test=value(ALL_OF_STEP),
    band=within(cost.step, abs=1e-9, provenance="theory", because="a ratio of whole numbers"),
    rival=cost.forward,
    role="ours",
)

ARITHMETIC = tuple(
    Claim(
        id=f"mean-bias.cost.flops-{name.replace('_', '-')}",
        locus=locus,
        statement=statement,
        at=SHAPES,
        test=value(FLOPS[name]),
        band=within(target, abs=1e-9, provenance="theory", because="a ratio of whole numbers"),
        rival=rival,
        role="ours",
    )
    for name, target, rival, locus, statement in (
        (
            "forward",
            cost.forward,
            cost.means_and_subtractions,
            _PROFILE,
            "Equation 11 adds 1/n + 1/l + 1/(2m) to the arithmetic of Y (l tokens, m channels, n outputs).",
        ),
        (
            "input_gradient",
            cost.input_gradient,
            cost.forward,
            "section 5, eq. 12, dX",
            "Equation 12 adds 1/m + 1/l + 1/(2n) to the arithmetic of dX (l tokens, m channels, n outputs).",
        ),
        (
            "cross_terms",
            cost.cross_terms,
            cost.mean_term,
            "section 5, eq. 12, dW",
            "The two cross terms add 1/(2m) + 1/(2n) + 2/l to the arithmetic of dW.",
        ),
        (
            "mean_term",
            cost.mean_term,
            cost.cross_terms,
            "section 5, eq. 12, dW",
            "The product of the means adds 1/l to the arithmetic of dW.",
        ),
        (
            "hadamard",
            cost.hadamard,
            cost.means_and_subtractions,
            "section 7.3, Hadamard transforms",
            "A Hadamard transform of X in blocks of 16, with signs, adds 3/n: thrice a mean and its subtraction.",
        ),
        (
            "power_iteration",
            cost.power_iteration,
            cost.means_and_subtractions,
            _PROFILE,
            "Each power iteration towards the first singular vector of X adds 2/n: twice a mean and its subtraction.",
        ),
        (
            "gram",
            cost.gram,
            cost.power_iteration,
            _PROFILE,
            "X^T X, with which an exact decomposition begins, adds m/n: for square layers another whole product.",
        ),
    )
)
