"""Claims of section 5, Averis as an algorithm: its identities, and what a token's output depends on."""

from __future__ import annotations

from claims import REFUTED, Claim, at_least, experiment, grid, identity, mean, order, value, within

EXACT = experiment(
    "claims.papers.mean_bias.experiments.averis:identities",
    sweep={"product": ("Y", "dX", "dW/4", "dW/2")},
    seconds=0.02,
)
CROSS = experiment("claims.papers.mean_bias.experiments.averis:cross_terms", seconds=0.01)
QUANTIZED = experiment(
    "claims.papers.mean_bias.experiments.averis:quantized_products", sweep={"product": ("Y", "dX", "dW")}, seconds=0.02
)
ALONE = experiment(
    "claims.papers.mean_bias.experiments.averis:single_token", fixed={"channels": 256, "outputs": 64}, seconds=0.003
)
LATER = experiment(
    "claims.papers.mean_bias.experiments.averis:later_token",
    sweep={"arm": ("plain", "printed", "bfloat16")},
    fixed={"tokens": 64, "channels": 64, "outputs": 64, "strength": 1},
    seconds=0.005,
)
BATCH = experiment(
    "claims.papers.mean_bias.experiments.averis:batch_of_one",
    sweep={"arm": ("plain", "printed", "bfloat16"), "batch": ("whole", "alone")},
    fixed={"tokens": 256, "channels": 256, "strength": 2},
    seconds=0.03,
)

NOT_CLAIMS = {
    "section 5, extremes are mean-dominated": "Said of section 4, where it is audited; here it is motivation.",
    "section 5, GPU-friendly": (
        "A judgement on operations that the cost claims list and count; their time belongs to benchmarks."
    ),
}

IDENTITIES = tuple(
    Claim(
        id=f"mean-bias.averis.{name}",
        locus=f"section 5, {locus}",
        statement=f"Without quantization {what} of the split operands is that of the whole ones, to 1e-12.",
        at=grid(product=product),
        test=identity(EXACT["lhs"], EXACT["rhs"], bound=EXACT["bound"], planted=EXACT["planted"]),
        role=role,
    )
    for name, product, locus, what, role in (
        ("forward-identity", "Y", "eq. 11", "the output", "paper"),
        ("input-gradient-identity", "dX", "eq. 12, dX", "the input gradient", "paper"),
        ("weight-gradient-identity", "dW/4", "eq. 12, dW", "the weight gradient, in four terms,", "paper"),
        ("two-terms-identity", "dW/2", "eq. 12, dW", "the weight gradient, in two terms,", "ours"),
    )
)

QUANTIZATION = (
    *(
        Claim(
            id=f"mean-bias.averis.{name}-quantized",
            locus=f"section 5, {locus}",
            statement=f"With quantized parts {what} is the product of the operands put together from those parts.",
            at=grid(product=product),
            test=identity(QUANTIZED["lhs"], QUANTIZED["rhs"], bound=QUANTIZED["bound"], planted=QUANTIZED["planted"]),
        )
        for name, product, locus, what in (
            ("forward", "Y", "eq. 11", "the output"),
            ("input-gradient", "dX", "eq. 12, dX", "the input gradient"),
            ("weight-gradient", "dW", "eq. 12, dW", "the weight gradient"),
        )
    ),
    Claim(
        id="mean-bias.averis.cross-terms",
        locus="section 5, eq. 12, dW",
        statement=(
            "Without quantization the two cross terms of the weight gradient are zero; with quantized residuals they "
            "are not, so that all they can add is rounding noise."
        ),
        test=identity(CROSS["exact"], CROSS["exact"] * 0.0, bound=CROSS["bound"], planted=CROSS["quantized"]),
        role="ours",
    ),
)

TOKENS = (
    Claim(
        id="mean-bias.averis.single-token",
        locus="section 5, eq. 11, a batch of one token",
        statement="With one token, as in decoding, Averis as printed is plain quantization: the residual is zero.",
        test=identity(ALONE["printed"], ALONE["plain"], bound=ALONE["bound"], planted=ALONE["bfloat16"]),
        role="ours",
    ),
    Claim(
        id="mean-bias.averis.later-token",
        locus="section 5, eq. 11, the mean over tokens",
        statement="A token's output does not depend on later tokens, with Averis as with plain MXFP4.",
        at=grid(arm=["printed", "bfloat16"]),
        test=mean(LATER["moved"]),
        band=within(0.0, abs=0.02, provenance="smallest-effect", because="2 per cent of the quantization error"),
        rival=0.1,
        expected=REFUTED,
        finding=(
            "The mean is over all tokens of the batch. Drawing the last of 64 tokens anew moves the first token's "
            "output by .24 of its quantization error with the mean in FP4 and by .16 with it in BF16."
        ),
        corrected_by="mean-bias.averis.later-token-plain",
        role="ours",
    ),
    Claim(
        id="mean-bias.averis.later-token-plain",
        locus="section 5, eq. 11, the mean over tokens",
        statement="Plain MXFP4 leaves the first token's output exactly as it is when the last token changes.",
        at=grid(arm="plain"),
        test=value(LATER["moved"]),
        band=within(0.0, abs=1e-12, provenance="theory", because="no number that the first output needs has changed"),
        rival=0.1,
        role="ours",
    ),
    Claim(
        id="mean-bias.averis.batch-of-one",
        locus="section 5, eq. 11, a batch of one token",
        statement="With a mean in BF16 one token alone is quantized 100 times as finely as by plain NVFP4.",
        test=order(
            BATCH.at(arm="plain", batch="alone")["error"], BATCH.at(arm="bfloat16", batch="alone")["error"] * 100.0
        ),
        band=at_least(0.0, provenance="author", because="finer means a smaller error"),
        rival=-0.1,
        role="ours",
    ),
)
