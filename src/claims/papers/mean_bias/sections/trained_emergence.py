"""Section 3's Stages II and III on a trained model: attention and MLP, residual additions."""

from __future__ import annotations

from claims import REFUTED, at_least, at_most, grid, mean, order
from claims.papers.mean_bias.shared import TOKENS, StandardClaim, model_experiment

LAYERS = model_experiment(
    "claims.papers.mean_bias.trained.emergence:regeneration",
    sweep={"depth": ("first", "all")},
    fixed={"tokens": TOKENS},
    seconds=1.5,
    megabytes=950,
)
STREAM = model_experiment(
    "claims.papers.mean_bias.trained.emergence:accumulation",
    fixed={"tokens": TOKENS},
    seconds=1.0,
    megabytes=950,
)

_TENTH = "a tenth of the energy"

ATTENTION = (
    StandardClaim(
        id="mean-bias.model.attention-first",
        locus="section 3, Stage II, softmax attention; Figure 3",
        statement="In the first layer attention's average has more mean than attention's input.",
        at=grid(depth="first"),
        test=order(LAYERS["mixed"], LAYERS["attention_input"]),
        band=at_least(0.1, provenance="smallest-effect", because=_TENTH),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.attention-everywhere",
        locus="section 3, Stage II, softmax attention, all layers",
        statement="Averaged over all layers, attention's average has more mean than attention's input.",
        at=grid(depth="all"),
        test=order(LAYERS["mixed"], LAYERS["attention_input"]),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.2,
        expected=REFUTED,
        finding=(
            "It has .37 against .61, less in nine of ten layers: the projection to values takes more mean away "
            "(.17 is left) than averaging brings back."
        ),
        corrected_by="mean-bias.model.attention-averages",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.attention-averages",
        locus="section 3, Stage II, softmax attention, all layers",
        statement="Averaged over all layers, attention's average has more mean than the values that it averages.",
        at=grid(depth="all"),
        test=order(LAYERS["mixed"], LAYERS["values"]),
        band=at_least(0.1, provenance="smallest-effect", because=_TENTH),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.attention-by-similarity",
        locus="section 3, Stage II, exponential reweighting of similar directions",
        statement="Softmax's weights bring more mean than equal weights for all tokens so far.",
        at=grid(depth=["first", "all"]),
        test=order(LAYERS["mixed"], LAYERS["uniform"]),
        band=at_least(0.0, provenance="author", because="reweighting must do more than averaging does"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "They bring .80 and .37 where equal weights bring .96 and .89: averaging raises the share, not softmax."
        ),
        corrected_by="mean-bias.model.equal-weights",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.equal-weights",
        locus="section 3, Stage II, softmax attention, all layers",
        statement=(
            "Equal weights for all tokens so far bring more mean than the model's attention, by a fifth and more."
        ),
        at=grid(depth="all"),
        test=order(LAYERS["uniform"], LAYERS["mixed"]),
        band=at_least(0.2, provenance="smallest-effect", because="a fifth of the energy"),
        rival=0.0,
        role="ours",
    ),
)

MLP = (
    StandardClaim(
        id="mean-bias.model.swiglu-amplifies",
        locus="section 3, Stage II, SwiGLU; Figure 3",
        statement="The product behind SwiGLU has more mean than the MLP's input.",
        at=grid(depth=["first", "all"]),
        test=order(LAYERS["hidden"], LAYERS["mlp_input"]),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.1,
        expected=REFUTED,
        finding="It has .07 against .34 in the first layer and .11 against .36 on average, less in every single layer.",
        corrected_by="mean-bias.model.swiglu-lowers",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.swiglu-lowers",
        locus="section 3, Stage II, SwiGLU",
        statement="The product behind SwiGLU has less mean than the MLP's input, by a tenth of the energy and more.",
        at=grid(depth=["first", "all"]),
        test=order(LAYERS["mlp_input"], LAYERS["hidden"]),
        band=at_least(0.1, provenance="smallest-effect", because=_TENTH),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.silu-of-centred",
        locus="section 3, eq. 3",
        statement="SiLU of centred pre-activations has a mean of its own, over twice what 256 centred tokens give.",
        at=grid(depth=["first", "all"]),
        test=mean(LAYERS["centred_silu"]),
        band=at_least(2 / TOKENS, provenance="author", because="twice 1/l"),
        rival=1 / TOKENS,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.swiglu-of-centred",
        locus="section 3, eq. 3",
        statement="So has SwiGLU of centred pre-activations.",
        at=grid(depth=["first", "all"]),
        test=mean(LAYERS["centred_hidden"]),
        band=at_least(2 / TOKENS, provenance="author", because="twice 1/l"),
        rival=1 / TOKENS,
        role="transfer",
    ),
)

RESIDUAL = (
    StandardClaim(
        id="mean-bias.model.stream-mean-grows",
        locus="section 3, Stage III, cumulative growth",
        statement="The mean of the residual stream (first token left out) is ten times as long behind the last layer.",
        test=mean(STREAM["length_growth"]),
        band=at_least(2.303, provenance="author", because="ln 10"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.stream-share-grows",
        locus="section 3, Stage III, cumulative growth; Figure 2",
        statement="So does its share of the energy: it rises with depth, at a rank correlation of .8 and more.",
        test=mean(STREAM["share_rank"]),
        band=at_least(0.8, provenance="author", because="1 is growth at every layer"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.first-token-hides",
        locus="section 3, eq. 1; Figure 2",
        statement=(
            "With the window's first token the stream's mean has a smaller share, by a tenth of the energy and more."
        ),
        test=order(STREAM["share_without"], STREAM["share_with_first"]),
        band=at_least(0.1, provenance="smallest-effect", because=_TENTH),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.no-cancellation",
        locus="section 3, Stage III, after eq. 4",
        statement=(
            "Nothing cancels: in at most one of twenty layers the MLP adds a mean that points against the stream's."
        ),
        test=mean(STREAM["against_mlp"]),
        band=at_most(0.05, provenance="author", because="'prevents' with one exception in twenty"),
        rival=0.2,
        expected=REFUTED,
        finding="It does in three layers of ten, and in a fifth of all layers the stream's mean gets shorter by it.",
        corrected_by="mean-bias.model.added-means-agree",
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.added-means-agree",
        locus="section 3, Stage III, after eq. 4",
        statement=(
            "What makes the mean grow is that added means agree with it: attention's has a cosine of .2 and more with "
            "the stream's, averaged over layers."
        ),
        test=mean(STREAM["cosine_attention"]),
        band=at_least(0.2, provenance="smallest-effect", because="unrelated directions have zero"),
        rival=0.0,
        role="ours",
    ),
)
