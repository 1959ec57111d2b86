"""Claims of section 2 on the mean vector: its expansion in singular modes and the signs of projections on it."""

from __future__ import annotations

from claims import REFUTED, UNDECIDED, Claim, at_least, grid, identity, mean, within
from claims.papers.mean_bias.shared import EXPANSION, SIGNS
from claims.papers.mean_bias.theory import geometry

NOT_CLAIMS = {
    "section 2, Figure 1 left, the measurement itself": (
        "The share of one sign at one layer of the paper's own checkpoint, for which no number is printed and which is "
        "not published. The published Qwen3-0.6B is mean-bias.replication.figure1-signs, any model "
        "mean-bias.model.signs; what such a share says is judged on synthetic tokens as mean-bias.sec2.signs-*."
    ),
    "section 2, Figure 1 right, the paper's own model": (
        "The printed cosine between mean and v1 is a measurement on a checkpoint that is not published. The published "
        "Qwen3-0.6B is mean-bias.replication.figure1-cosine, any model mean-bias.model.cosine; what a cosine near one "
        "implies is judged on synthetic tokens: mean-bias.sec2.alignment-without-dominance."
    ),
    "section 2, definition of mean bias": (
        "A name for a common shift of token rows; its measures are the claims mean-bias.sec2.* and mean-bias.eq1.*."
    ),
}

MEAN_VECTOR = (
    Claim(
        id="mean-bias.sec2.mean-matrix",
        locus="section 2, definitions of the mean vector and the mean matrix",
        statement="The energy of the mean matrix is what subtracting the column means takes from X, exactly.",
        test=identity(
            EXPANSION["split_energy"],
            EXPANSION["mean_energy"],
            bound=EXPANSION["split_bound"],
            planted=EXPANSION["split_planted"],
        ),
    ),
    Claim(
        id="mean-bias.sec2.expansion",
        locus="section 2, right-singular expansion of the mean",
        statement="The mean is the sum of the right singular vectors with coefficients (sigma_i/l) u_i'1.",
        test=identity(
            EXPANSION["expansion_gap"],
            EXPANSION["expansion_gap"] * 0.0,
            bound=EXPANSION["expansion_bound"],
            planted=EXPANSION["expansion_planted"],
        ),
    ),
    Claim(
        id="mean-bias.sec2.coefficient-share",
        locus="section 2, alignment with the leading right singular vector",
        statement="cos^2 between the mean and v1 is the first coefficient's share of the squared coefficients.",
        test=identity(
            EXPANSION["coefficient_share"],
            EXPANSION["cosine2"],
            bound=EXPANSION["cosine_bound"],
            planted=EXPANSION["coefficient_planted"],
        ),
    ),
    Claim(
        id="mean-bias.sec2.spectral-share",
        locus="section 2 with section 3, eq. 1",
        statement=(
            "The mean's share of the energy is the average of the modes' (u_i'1)^2/l with their energies as weights."
        ),
        test=identity(
            EXPANSION["spectral_share"],
            EXPANSION["ratio_squared"],
            bound=EXPANSION["share_bound"],
            planted=EXPANSION["ratio"],
        ),
        role="ours",
    ),
)

PROJECTIONS = (
    Claim(
        id="mean-bias.sec2.projections-lean",
        locus="section 2, projections on the mean direction",
        statement="The projections of the tokens on the mean direction average to |mu|, so they lean one way always.",
        test=identity(
            EXPANSION["projection"],
            EXPANSION["length"],
            bound=EXPANSION["length_bound"],
            planted=EXPANSION["median_projection"],
        ),
        role="ours",
    ),
    Claim(
        id="mean-bias.sec2.signs-balanced",
        locus="section 2, Figure 1 left, null",
        statement=(
            "A control, as Figure 1 states no null: tokens that fluctuate symmetrically about zero have projections of "
            "balanced signs on their own mean direction."
        ),
        at=grid(tokens=512, channels=64, shift=0.0),
        test=mean(SIGNS["positive"]),
        band=within(
            0.5, abs=0.05, provenance="smallest-effect", because="a share of 55 % would still pass as balanced"
        ),
        rival=geometry.signs_of_noise,
        expected=REFUTED,
        finding=(
            "The mean is made of the same tokens, so that each projection leans its way: of 512 centred Gaussian "
            "tokens of 64 channels 64 % have one sign, by Student's law 63.8 %, and with as many channels as tokens "
            "Phi(1) = 84 % would. Compare with that null, or take the direction from other tokens."
        ),
        corrected_by="mean-bias.sec2.signs-of-noise",
        role="control",
    ),
    Claim(
        id="mean-bias.sec2.signs-too-fine",
        locus="section 2, Figure 1 left, null",
        statement="The share of one sign of centred Gaussian tokens is what it is expected to be, to 1 in 2,000.",
        at=grid(tokens=512, channels=64, shift=0.0),
        test=mean(SIGNS["positive"]),
        band=within(
            geometry.signs_of_noise,
            abs=0.0003,
            provenance="author",
            because="a twentieth of what one seed differs from the next by, on purpose",
        ),
        rival=0.5,
        expected=UNDECIDED,
        most_seeds=8,
        finding=(
            "The expectation is exact, so that this is true, and 256 seeds tell it to .002: some 10,000 would decide. "
            "A verdict here would be a guess."
        ),
        role="control",
    ),
    Claim(
        id="mean-bias.sec2.signs-of-noise",
        locus="section 2, Figure 1 left, null",
        statement=(
            "For centred Gaussian tokens the share of one sign is Student's t distribution function with m degrees of "
            "freedom at sqrt(m/(l - 1)), which is Phi(sqrt(m/l)) for many channels."
        ),
        at=grid(tokens=512, channels=64, shift=0.0),
        test=mean(SIGNS["positive"]),
        band=within(geometry.signs_of_noise, abs=0.02, provenance="smallest-effect", because="two of a hundred tokens"),
        rival=0.5,
        role="ours",
    ),
    Claim(
        id="mean-bias.sec2.signs-of-noise-small",
        locus="section 2, Figure 1 left, null at few tokens",
        statement="At few tokens and channels the null is Student's distribution, not the normal one.",
        at=(*grid(tokens=2, channels=2, shift=0.0), *grid(tokens=4, channels=1, shift=0.0)),
        test=mean(SIGNS["positive"]),
        band=within(
            geometry.signs_of_noise,
            abs=0.005,
            provenance="theory",
            because="exact; less than half of the distance to the normal form, .012 and .025",
        ),
        rival=geometry.signs_of_noise_wide,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mean-bias.sec2.signs-held-out",
        locus="section 2, Figure 1 left, direction from other tokens",
        statement=(
            "Signs of projections on the mean of other tokens have a null of one half, and show a shift of s a channel "
            "as Phi(s sqrt(m) cos), cos^2 = s^2/(s^2 + 2/l)."
        ),
        at=grid(tokens=256, channels=64, shift=[0.0, 0.1, 0.3]),
        test=mean(SIGNS["held_out"]),
        band=within(geometry.held_out_signs, abs=0.02, provenance="smallest-effect", because="two of a hundred tokens"),
        rival=geometry.signs_of_noise,
        role="ours",
    ),
    Claim(
        id="mean-bias.sec2.uniform-signs-dominant",
        locus="section 2, Figure 1 left, beside contribution 1",
        statement=(
            "Figure 1 beside contribution 1 read as one statement, which the paper does not make: if nearly all "
            "projections on the mean direction share a sign, the mean carries most of the energy."
        ),
        at=grid(tokens=256, channels=64, shift=0.3),
        test=mean(SIGNS["mean_share"]),
        band=at_least(0.5, provenance="author", because="most of the energy is more than half of it"),
        rival=geometry.mean_share,
        expected=REFUTED,
        finding=(
            "With a shift of .3 a channel and 64 channels the mean has 8.7 % of the energy, and 98 % of the tokens or "
            "more have one sign on a direction from other tokens (mean-bias.sec2.signs-saturate). By the closed form "
            "signs saturate when s sqrt(m) exceeds 3, a share of 9/(m + 9), 0.9 % at 1024 channels."
        ),
        corrected_by="mean-bias.sec2.signs-saturate",
        role="control",
    ),
    Claim(
        id="mean-bias.sec2.signs-saturate",
        locus="section 2, Figure 1 left",
        statement=(
            "A mean with a twelfth of the energy makes 98 % of the signs agree, also on a direction that is taken from "
            "other tokens."
        ),
        at=grid(tokens=256, channels=64, shift=0.3),
        test=mean(SIGNS["held_out"]),
        band=at_least(0.98, provenance="author", because="nearly uniform; the closed form gives .989"),
        rival=0.5,
        role="ours",
    ),
)
