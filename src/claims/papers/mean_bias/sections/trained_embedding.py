"""Section 3's Stage I on a trained model: what token frequencies do to the mean of its embeddings."""

from __future__ import annotations

from claims import REFUTED, at_least, at_most, mean, order
from claims.papers.mean_bias.shared import StandardClaim, model_experiment

EMBEDDING = model_experiment(
    "claims.papers.mean_bias.trained.emergence:embedding",
    fixed={"tokens": 4096},
    seconds=0.6,
    megabytes=950,
)

FREQUENCIES = (
    StandardClaim(
        id="mean-bias.model.embedding-common",
        locus="section 3, eq. 2; Stage I, coherent embedding alignment",
        statement=(
            "The mean of a text's embeddings has more of their energy than the frequencies alone give, sum p^2: the "
            "embeddings have a common direction."
        ),
        test=order(EMBEDDING["text_share"], EMBEDDING["independent_share"]),
        band=at_least(0.03, provenance="smallest-effect", because="three hundredths of the energy"),
        rival=0.0,
        role="transfer",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-frequencies-raise",
        locus="section 3, Stage I, frequency-weighted expectation",
        statement=(
            "If it is the frequencies that form the mean component of embeddings, those of a text raise the mean's "
            "share above that of its tokens counted once each."
        ),
        test=order(EMBEDDING["text_share"], EMBEDDING["types_share"]),
        band=at_least(0.0, provenance="author", because="raise is not lower"),
        rival=-0.05,
        expected=REFUTED,
        finding=(
            "In SmolLM2 they lower it by .067 of the energy: the common direction is that of tokens that are rare in "
            "the text (mean-bias.model.embedding-rare-share). The paper speaks of what frequencies do in training, and "
            "compares with no such count."
        ),
        corrected_by="mean-bias.model.embedding-rare-share",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-rare-share",
        locus="section 3, Stage I, frequency-weighted expectation",
        statement=(
            "The less frequencies count, the larger is the mean's share of the embedding: the vocabulary's is larger "
            "than that of a text's tokens by a tenth of the energy."
        ),
        test=order(EMBEDDING["vocabulary_share"], EMBEDDING["types_share"]),
        band=at_least(0.1, provenance="smallest-effect", because="a tenth of the energy"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-alignment",
        locus="section 3, Stage I, coherent embedding alignment; section 2, Figure 1 right",
        statement=(
            "If 'coherent embedding alignment' is read of the embedding's v1, the mean of a text's embeddings is "
            "closer to their v1 than the unweighted mean of the vocabulary is."
        ),
        test=order(EMBEDDING["text_cosine"], EMBEDDING["vocabulary_cosine"]),
        band=at_least(0.0, provenance="author", because="closer means a larger cosine"),
        rival=-0.3,
        expected=REFUTED,
        finding=(
            "In SmolLM2 its cosine is smaller by .64: v1 of a text's embeddings is nearly the direction of the "
            "vocabulary's mean, and the mean of the text belongs to another mode "
            "(mean-bias.model.embedding-other-mode)."
        ),
        corrected_by="mean-bias.model.embedding-other-mode",
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-other-mode",
        locus="section 2, alignment with v1 rather than other directions, at the embedding",
        statement=(
            "The mean of a text's embeddings goes with another mode than v1: the cosines are apart by .05 and more."
        ),
        test=order(EMBEDDING["best_cosine"], EMBEDDING["text_cosine"]),
        band=at_least(0.05, provenance="smallest-effect", because="zero if v1 is its mode"),
        rival=0.0,
        role="ours",
    ),
    StandardClaim(
        id="mean-bias.model.embedding-means-apart",
        locus="section 3, eq. 2",
        statement="The text's mean embedding and the vocabulary's are nearly orthogonal, cosine under .3.",
        test=mean(EMBEDDING["means_cosine"]),
        band=at_most(0.3, provenance="author", because="an angle above 70 degrees"),
        rival=0.9,
        role="ours",
    ),
)
