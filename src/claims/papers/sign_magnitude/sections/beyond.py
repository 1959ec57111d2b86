"""Beyond the paper: the ratio of transverse energies for any activation and weight law (open problems O2 and O5)."""

from __future__ import annotations

from claims import Claim, experiment, grid, printed, ratio, search, value, within
from claims.papers.sign_magnitude.shared.outliers import SINGLE_FLIP_EXACTLY
from claims.papers.sign_magnitude.theory import activations, block, outliers, small_rate, vectors

#: c0 of smooth activations at pre-activations of variance one.
CONSTANTS = {"silu": "2.43400", "gelu": "2.53916", "tanh": "2.52356", "erf": "2.47523", "softplus": "1.53517"}
HOMOGENEOUS = ["linear", "relu", "leaky-relu", "abs", "relu2"]

SMALL_RATE = experiment(
    "claims.papers.sign_magnitude.experiments.activations:small_rate",
    fixed={"scale": 1.0, "kappa": block.BUSSGANG},
    seconds=0.05,
)
FINITE_RATE = experiment(
    "claims.papers.sign_magnitude.experiments.activations:finite_rate",
    fixed={"scale": 1.0, "kappa": block.BUSSGANG},
    seconds=0.02,
)
BLOCK = experiment(
    "claims.papers.sign_magnitude.experiments.activations:block",
    sweep={"activation": ("silu", "gelu", "tanh", "softplus"), "metric": ("pre", "post")},
    fixed={"n": 512, "pairs": 128, "scale": 1.0, "law": "gaussian", "flip_rate": 0.01},
    seconds=0.06,
)
OTHER_LAW = experiment(
    "claims.papers.sign_magnitude.experiments.activations:block",
    sweep={"activation": ("relu",), "metric": ("pre", "post")},
    fixed={"n": 512, "pairs": 128, "scale": 1.0, "flip_rate": 0.01},
    seconds=0.02,
).at(activation="relu")


def rectified(flip_rate: float, metric: str) -> float:
    """The ratio of the ReLU block."""
    return block.c_exact(flip_rate, "pre" if metric == "pre" else "post")


def law_ratio(law: str, metric: str, flip_rate: float = 0.01) -> float:
    """The ratio of the ReLU block whose weights have this law."""
    return block.c_exact(flip_rate, "pre" if metric == "pre" else "post", 1, vectors.sign_cosine_limit(law))


def gaussian_ratio(metric: str, flip_rate: float = 0.01) -> float:
    """The same for Gaussian weights."""
    return law_ratio("gaussian", metric, flip_rate)


def limit_of_kappa(kappa: float) -> float:
    """1/(1 - kappa)."""
    return small_rate.c_limit(kappa)


MAXIMUM = (
    Claim(
        id="sign-magnitude.beyond.c0-maximum",
        locus="section 11.2, O2; limitation 3",
        statement="No limit is above pi/(pi - 2), among sums of powers on either side of zero with an offset.",
        test=search(
            "claims.papers.sign_magnitude.experiments.beyond_statements:MAXIMUM", examples=100, restarts=2, seconds=0.1
        ),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.c0-homogeneous",
        locus="section 11.2, O2; limitation 3",
        statement="Positively homogeneous activations reach pi/(pi - 2): linear, ReLU, leaky ReLU, |z|, squared ReLU.",
        at=grid(activation=HOMOGENEOUS),
        test=value(SMALL_RATE["pre"]),
        band=within(
            small_rate.c_limit(), rel=1e-6, provenance="theory", because="extrapolation leaves terms of order p = 1e-8"
        ),
        rival=2.539,
        role="ours",
    ),
    *(
        Claim(
            id=f"sign-magnitude.beyond.c0-{activation}",
            locus="section 11.2, O2; limitation 3",
            statement=f"At pre-activations of variance one {activation} has the limit {figure}.",
            at=grid(activation=activation),
            test=value(SMALL_RATE["pre"]),
            band=printed(figure, because="five places of the closed moments"),
            rival=small_rate.c_limit(),
            role="ours",
        )
        for activation, figure in CONSTANTS.items()
    ),
    Claim(
        id="sign-magnitude.beyond.c0-formula",
        locus="section 11.2, O2; limitation 3",
        statement="The limit is A0/((1 - 2/pi) A0 + (2/pi)(A2 - B^2/C)), at every scale of the pre-activations.",
        at=grid(activation=["silu", "gelu", "tanh", "softplus"], scale=[0.1, 0.5, 1.0, 2.0]),
        test=value(SMALL_RATE["pre"]),
        band=within(
            activations.activation_limit, rel=1e-6, provenance="theory", because="extrapolated: order p = 1e-8"
        ),
        rival=2.8,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.c0-post",
        locus="section 11.2, O2",
        statement="After both outputs are normalised the limit is the same.",
        at=grid(activation=[*CONSTANTS, "relu2"]),
        test=value(SMALL_RATE["post"]),
        band=within(
            activations.activation_limit, rel=1e-6, provenance="theory", because="extrapolated: order p = 1e-8"
        ),
        rival=2.8,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.energy-ratio",
        locus="section 11.2, O2",
        statement="Before projection E_sign/E_mag tends to A0/((2/pi) A2 + (1 - 2/pi) A0), which is one for ReLU only.",
        at=grid(activation=[*CONSTANTS, "relu2"]),
        test=value(SMALL_RATE["energy_ratio"]),
        band=within(activations.activation_energy_ratio, rel=1e-6, provenance="theory", because="extrapolated"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.radial-fraction",
        locus="section 11.2, O2",
        statement="R_mag depends on the activation: .666 for SiLU, .225 for tanh, .840 for ReLU squared.",
        at=grid(activation=[*CONSTANTS, "relu2"]),
        test=value(SMALL_RATE["radial_magnitude"]),
        band=within(activations.activation_radial_fraction, rel=1e-6, provenance="theory", because="extrapolated"),
        rival=block.BUSSGANG,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.silu-small-scale",
        locus="Appendix D, SiLU runs; section 10.3, limitation 3",
        statement="At the released scripts' scale n^-1/2 SiLU is linear: its limit is pi/(pi - 2) within .5 per cent.",
        at=grid(activation="silu", scale=[512**-0.5, 2048**-0.5]),
        test=value(SMALL_RATE["pre"]),
        band=within(
            small_rate.c_limit(),
            rel=0.005,
            provenance="smallest-effect",
            because="a twentieth of the fall at scale one",
        ),
        rival=2.434,
        role="ours",
    ),
)

FINITE = (
    Claim(
        id="sign-magnitude.beyond.ratio-pre",
        locus="section 11.2, O2",
        statement="At finite p the ratio of SiLU, GELU and tanh is that of two-dimensional Gaussian moments.",
        at=grid(activation=["silu", "gelu", "tanh"], flip_rate=[0.001, 0.01, 0.1], metric="pre"),
        test=value(FINITE_RATE["pre"]),
        band=within(activations.activation_ratio, rel=1e-9, provenance="theory", because="both quadratures converge"),
        rival=rectified,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.ratio-post",
        locus="section 11.2, O2",
        statement=(
            "At finite p the ratio of SiLU, GELU and tanh after both outputs are normalised is that of two-dimensional "
            "Gaussian moments."
        ),
        at=grid(activation=["silu", "gelu", "tanh"], flip_rate=[0.001, 0.01, 0.1], metric="post"),
        test=value(FINITE_RATE["post"]),
        band=within(activations.activation_ratio, rel=1e-9, provenance="theory", because="both quadratures converge"),
        rival=rectified,
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.block",
        locus="section 11.2, O2",
        statement="Drawn blocks behind SiLU, GELU and softplus have these ratios at p = .01.",
        at=grid(activation=["silu", "gelu", "softplus"], metric=["pre", "post"], flip_rate=0.01),
        test=ratio(
            BLOCK["transverse_sign"],
            BLOCK["transverse_magnitude"],
            plain=(BLOCK["plain_transverse_sign"], BLOCK["plain_transverse_magnitude"]),
        ),
        band=within(
            activations.activation_ratio, rel=0.015, provenance="theory", because="1/n terms are up to .005 at n = 512"
        ),
        rival=rectified,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.beyond.weight-law-limit",
        locus="section 11.2, O5",
        statement="For weights with (E|w|)^2/E w^2 = kappa the limit is 1/(1 - kappa): 2 for Laplace, 4 for uniform.",
        at=grid(activation=["relu", "linear"], kappa=[0.5, 0.75]),
        test=value(SMALL_RATE["pre"]),
        band=within(limit_of_kappa, rel=1e-6, provenance="theory", because="extrapolation leaves terms of order p"),
        rival=small_rate.c_limit(),
        role="ours",
    ),
    Claim(
        id="sign-magnitude.beyond.weight-laws",
        locus="section 11.2, O5",
        statement="Drawn ReLU blocks with Laplace and uniform weights have their law's ratio at p = .01.",
        at=grid(law=["laplace", "uniform"], metric=["pre", "post"]),
        test=ratio(
            OTHER_LAW["transverse_sign"],
            OTHER_LAW["transverse_magnitude"],
            plain=(OTHER_LAW["plain_transverse_sign"], OTHER_LAW["plain_transverse_magnitude"]),
        ),
        band=within(law_ratio, rel=0.03, provenance="theory", because="1/n terms grow with kurtosis: .018 for Laplace"),
        rival=gaussian_ratio,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.b3.uncentred",
        locus="Appendix A, step B3, note on terminology",
        statement="Uncentred and Pearson correlation of a and da differ under sign flips: squared, by 1/(1 - 1/pi).",
        at=grid(alpha=[0.1, 0.3, 0.6, 0.9]),
        test=value(SINGLE_FLIP_EXACTLY["pearson_excess"]),
        band=within(
            outliers.pearson_excess(0.5), rel=1e-11, provenance="theory", because="quadrature is exact to rounding"
        ),
        rival=1.0,
    ),
)
