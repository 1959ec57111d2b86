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
        statement=(
            "If attention's input in Figure 3 is what its projections read, and the statement is one about all layers, "
            "attention raises the mean's share averaged over the layers."
        ),
        at=grid(depth="all"),
        test=order(LAYERS["mixed"], LAYERS["attention_input"]),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.2,
        expected=REFUTED,
        finding=(
            "In SmolLM2 the share falls by .24 of the energy: the projection to values takes more mean away than "
            "averaging brings back. It depends on the input and the layer: against the values that it averages "
            "attention raises the share (mean-bias.model.attention-averages), and in the first layer against its input "
            "too (mean-bias.model.attention-first)."
        ),
        corrected_by="mean-bias.model.attention-averages",
        role="ours",
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
        statement=(
            "If it is by favouring similar tokens that softmax attention raises the mean's share, its weights bring "
            "more mean than equal weights for all tokens so far."
        ),
        at=grid(depth=["first", "all"]),
        test=order(LAYERS["mixed"], LAYERS["uniform"]),
        band=at_least(0.0, provenance="author", because="reweighting must do more than averaging does"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "In SmolLM2 they bring less, by .17 of the energy in the first layer and by .52 averaged over all. Equal "
            "weights average over more tokens than softmax's do; weights as unequal that know nothing of the tokens "
            "were tried on drawn ones only (mean-bias.fig3.softmax-by-similarity)."
        ),
        corrected_by="mean-bias.model.equal-weights",
        role="ours",
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
        statement=(
            "SwiGLU further amplifies the mean's share, read of its product against the MLP's input, in the first "
            "layer and averaged over all layers."
        ),
        at=grid(depth=["first", "all"]),
        test=order(LAYERS["hidden"], LAYERS["mlp_input"]),
        band=at_least(0.0, provenance="author", because="more is not less"),
        rival=-0.1,
        expected=REFUTED,
        finding=(
            "In SmolLM2 the product has less, by .28 of the energy in the first layer and by .26 averaged over all. "
            "SiLU of the gate's values alone has more mean than the MLP's input, averaged over all layers "
            "(mean-bias.model.silu-raises)."
        ),
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
        id="mean-bias.model.silu-raises",
        locus="section 3, Stage II, SwiGLU; Figure 3",
        statement="SiLU of the gate's values has more mean than the MLP's input, averaged over all layers.",
        at=grid(depth="all"),
        test=order(LAYERS["silu"], LAYERS["mlp_input"]),
        band=at_least(0.03, provenance="smallest-effect", because="three hundredths of the energy"),
        rival=-0.1,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.silu-of-centred",
        locus="section 3, eq. 3",
        statement=(
            "SiLU of centred pre-activations has a mean of its own, read as over twice what 256 centred tokens give."
        ),
        at=grid(depth=["first", "all"]),
        test=mean(LAYERS["centred_silu"]),
        band=at_least(2 / TOKENS, provenance="author", because="twice 1/l"),
        rival=1 / TOKENS,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.swiglu-of-centred",
        locus="section 3, eq. 3",
        statement="SwiGLU of centred pre-activations has a mean of its own, over twice what 256 centred tokens give.",
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
        statement=(
            "The mean of the residual stream, its first token left out, grows cumulatively, read as tenfold in length "
            "behind the last layer."
        ),
        test=mean(STREAM["length_growth"]),
        band=at_least(2.303, provenance="author", because="ln 10"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.stream-share-grows",
        locus="section 3, Stage III, cumulative growth; Figure 2",
        statement=(
            "The mean's share of the residual stream, its first token left out, rises with depth, read as a rank "
            "correlation of .8 and more."
        ),
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
            "If 'prevents cancellation' is read as one exception in twenty, the MLP adds a mean that points against "
            "the stream's in at most one of twenty layers."
        ),
        test=mean(STREAM["against_mlp"]),
        band=at_most(0.05, provenance="author", because="'prevents' with one exception in twenty"),
        rival=0.2,
        expected=REFUTED,
        finding=(
            "In SmolLM2 it does in .29 of the layers, the window's first token left out. The stream's mean becomes "
            "longer all the same (mean-bias.model.stream-mean-grows), as the means that attention adds agree with it "
            "(mean-bias.model.added-means-agree)."
        ),
        corrected_by="mean-bias.model.added-means-agree",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.added-means-agree",
        locus="section 3, Stage III, after eq. 4",
        statement=(
            "Means that attention adds agree with the stream's: their cosine with it is .2 and more, averaged over "
            "layers."
        ),
        test=mean(STREAM["cosine_attention"]),
        band=at_least(0.2, provenance="smallest-effect", because="unrelated directions have zero"),
        rival=0.0,
        role="ours",
    ),
)
