"""Claims of Remark 2 and section 6.1: how far finite width is from the limit, and how well the norms match."""

from __future__ import annotations

from claims import REFUTED, Claim, convergence, experiment, grid, mean, ratio, within
from claims.papers.sign_magnitude.shared.block import BLOCK_2048, RELU, transverse_ratio
from claims.papers.sign_magnitude.theory import block, finite, small_rate, vectors

SHARE = experiment(
    "claims.papers.sign_magnitude.experiments.probes:flipped_share",
    fixed={"draws": 100_000, "flip_rate": 0.01},
    seconds=0.02,
)
NORM = experiment("claims.papers.sign_magnitude.experiments.probes:flip_norm", seconds=0.03, devices=("cpu", "cuda"))
SINGLE_FLIPS = experiment(
    "claims.papers.sign_magnitude.experiments.hidden:hidden_layer",
    sweep={"flip_rate": (0.001,), "arm": ("sign",)},
    fixed={"step": 1, "pairs": 128, "dtype": "float32"},
    seconds=0.06,
).at(arm="sign")

FINITE_WIDTH = (
    Claim(
        id="sign-magnitude.rem2.clt-bound",
        locus="Remark 2, third point",
        statement=(
            "At n = 2048 and p = .01 the finite-n error of the ratio is below n^-1/2 = .022, as the remark requires."
        ),
        at=grid(n=2048, flip_rate=0.01),
        test=transverse_ratio(BLOCK_2048),
        band=within(block.c_exact, rel=0.022, provenance="author", because="the remark's Berry-Esseen estimate"),
        rival=small_rate.c_limit,
    ),
    Claim(
        id="sign-magnitude.rem2.finite-n",
        locus="Remark 2, size of the finite-n error",
        statement="At n = 512 the ratio is lower than its limit by .9 % at p = .01 and .7 % at p = .02.",
        at=grid(n=512, flip_rate=[0.01, 0.02], metric="pre", step=1),
        test=transverse_ratio(RELU),
        band=within(
            finite.c_finite_n, rel=0.005, provenance="theory", because="below the correction that it has to see"
        ),
        rival=block.c_exact,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.rem2.order",
        locus="Remark 2, order of the finite-n error",
        statement="While n p >> 1 the energy of sign flips approaches its limit like 1/n, not like n^-1/2.",
        at=grid(n=[1024, 2048, 4096]),
        test=convergence(SHARE["energy"], over="n", rate=1),
        band=within(
            0.0, abs=5e-6, provenance="smallest-effect", because="a quarter of the contrast that rate 1/2 gives"
        ),
        rival=1.84e-5,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.rem2.leading-constant",
        locus="Remark 2, second point",
        statement=(
            "Read at a fixed n, where the paper lets n grow first, small flip rates keep the leading constant: sign "
            "flips have the energy of the wide limit."
        ),
        at=grid(n=256, m=4096, flip_rate=0.001),
        test=ratio(SINGLE_FLIPS["total"], SINGLE_FLIPS["flip_energy"]),
        band=within(
            block.sign_energy_share, rel=0.01, provenance="smallest-effect", because="a third of the effect of 3 %"
        ),
        rival=finite.energy_share,
        expected=REFUTED,
        finding=(
            "At n = 256 and p = .001 the energy is .478 where the wide limit has .493. The two limits do not commute: "
            "as p -> 0 at fixed n a row holds one flip at most, whose share x_j^2 of the input's energy fluctuates, "
            "and the energy stays below the limit by .677/sqrt(n). The paper's condition n^-1/2 << sqrt(p) excludes "
            "this."
        ),
        corrected_by="sign-magnitude.rem2.isolated-flips",
        role="ours",
    ),
    Claim(
        id="sign-magnitude.rem2.isolated-flips",
        locus="Remark 2, second point",
        statement=(
            "At n = 256 and p = .001 the energy of sign flips is the exact average over masks, 3 % below the "
            "wide limit."
        ),
        at=grid(n=256, m=4096, flip_rate=0.001),
        test=ratio(SINGLE_FLIPS["total"], SINGLE_FLIPS["flip_energy"]),
        band=within(
            finite.energy_share, rel=0.01, provenance="theory", because="a third of the effect; the form is exact"
        ),
        rival=block.sign_energy_share,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.a3.flip-norm-mean",
        locus="(A3), expected norm",
        statement="The expected squared norm of the flips is 4p times that of the weights.",
        at=grid(n=32, draws=2000, flip_rate=[0.01, 0.05]),
        test=mean(NORM["mean"]),
        band=within(
            lambda flip_rate, n: vectors.flip_norm_mean(n, flip_rate),
            rel=0.05,
            provenance="smallest-effect",
            because="five per cent",
        ),
        rival=lambda flip_rate, n: vectors.flip_norm_mean(n, flip_rate) / 2,
    ),
    Claim(
        id="sign-magnitude.a4.flip-norm",
        locus="section 6.1, matched norms",
        statement="The squared norm of the flips concentrates: its variance is 16 m p (3 - p)/n.",
        at=grid(n=32, draws=2000, flip_rate=[0.01, 0.05]),
        test=mean(NORM["variance"]),
        band=within(
            lambda flip_rate, n: vectors.flip_norm_variance(n, n, flip_rate),
            rel=0.1,
            provenance="smallest-effect",
            because="a tenth of the variance",
        ),
        rival=lambda flip_rate: 16 * flip_rate * (1 - flip_rate),
    ),
)
