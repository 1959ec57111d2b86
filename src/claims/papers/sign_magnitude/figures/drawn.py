"""The paper's figures and tables over an axis, redrawn: ours with intervals, the printed values, the closed forms."""

from __future__ import annotations

import math

from claims.experiment import Scalar
from claims.figures import Curve, Figure, Measured, Printed
from claims.kinds.table import read_rows

At = dict[str, Scalar]
_TABLES = "claims.papers.sign_magnitude:figures"
_THEORY = "claims.papers.sign_magnitude.theory"
_BARE: At = {"metric": "post", "norm": "stream", "projection": "none", "residual": False}
_PROJECTED: At = _BARE | {"projection": "gaussian"}
_SKIPPED: At = _PROJECTED | {"residual": True}
_BRANCHES: At = {"metric": "post", "norm": "branch", "projection": "none", "residual": True}
_DEPTH = "sign-magnitude.depth.mean-field"

FIGURE_1 = Figure(
    key="sign-magnitude.figure-1",
    locus="Figure 1, Table 2",
    title="Transverse ratio over the flip rate",
    x=("flip_rate", "flip rate p"),
    y="c(p)",
    series=(
        Curve(label="exact, infinite width", function=f"{_THEORY}.block:c_exact"),
        Curve(label="the paper's formula", function=f"{_THEORY}.small_rate:c_printed_formula"),
        Printed(label="printed, measured (± sd)", table=f"{_TABLES}/table2.toml", y="measured", spread="sd"),
        Printed(label="printed, theory", table=f"{_TABLES}/table2.toml", y="theory"),
        Measured(label="ours, n = 512", claim="sign-magnitude.thm3.c-pre", where={"step": 1, "n": 512}),
        Measured(label="ours, n = 2048", claim="sign-magnitude.table2.width-2048"),
    ),
)


TABLE_2 = Figure(
    key="sign-magnitude.table-2",
    locus="Table 2, against the exact ratio at infinite width",
    title="How far the printed ratios are from the exact one",
    x=("flip_rate", "flip rate p"),
    y="deviation from the exact ratio (per cent)",
    log="x",
    relative_to=f"{_THEORY}.block:c_exact",
    series=FIGURE_1.series[1:],
)

FIGURE_2 = Figure(
    key="sign-magnitude.figure-2",
    locus="Figure 2, in both of the authors' networks; Tables 15 and 16",
    title="Ratio after each layer, p = .01",
    x=("layer", "layer"),
    y="C",
    series=(
        Printed(label="printed", arm="V2, no skip", table=f"{_TABLES}/table15.toml", y="c"),
        Printed(label="printed", arm="V3, skip", table=f"{_TABLES}/table16.toml", y="c"),
        *(
            one
            for arm, at in (
                ("V2, no skip", _BARE),
                ("V3, skip", _SKIPPED),
                ("V3 as released: norm in the branch", _BRANCHES),
            )
            for one in (
                Measured(label="ours", arm=arm, claim=_DEPTH, where=at),
                Curve(
                    label="recursion",
                    arm=arm,
                    function=f"{_THEORY}.depth:depth_ratio",
                    at=at | {"flip_rate": 0.01},
                    whole=True,
                ),
            )
        ),
    ),
)


def _depth_table(number: int, network: str, at: At) -> Figure:
    """A table of ratios after each layer."""
    return Figure(
        key=f"sign-magnitude.table-{number}",
        locus=f"Table {number}, {network}",
        title="Ratio after each layer, p = .01, with a second projection",
        x=("layer", "layer"),
        y="C",
        series=(
            Curve(
                label="recursion, infinite width",
                function=f"{_THEORY}.depth:depth_ratio",
                at=at | {"flip_rate": 0.01},
                whole=True,
            ),
            Printed(label="printed", table=f"{_TABLES}/table{number}.toml", y="c"),
            Measured(label="ours, width 256", claim=_DEPTH, where=at),
            Measured(
                label="the authors' run again",
                claim={layer: f"sign-magnitude.table{number}.row-{layer}" for layer in range(1, 7)},
            ),
        ),
    )


TABLES_15_16 = (
    _depth_table(15, "V2, no skip connection", _PROJECTED),
    _depth_table(16, "V3, skip connection", _SKIPPED),
)


def _ends(layer: int, column: str, arm: str) -> tuple[Printed | Measured, ...]:
    """The ratios of Table 3 at one end of the networks."""
    again = {f"V{i}": f"sign-magnitude.table{13 + i}.row-{layer}" for i in (2, 3)}
    trained = {
        f"Exp B, {name}": f"sign-magnitude.model.replication.expb-{name.lower()}-p01-layer-{layer}"
        for name in ("ReLU", "SiLU")
    }
    drawn = (("V2", _PROJECTED), ("V3", _SKIPPED))
    return (
        Printed(label="printed", arm=arm, table=f"{_TABLES}/table3.toml", y=column),
        *(
            Measured(label="ours, width 256", arm=arm, claim={name: _DEPTH}, where=at | {"layer": layer})
            for name, at in drawn
        ),
        Measured(label="the authors' run again", arm=arm, claim=again | trained),
    )


TABLE_3 = Figure(
    key="sign-magnitude.table-3",
    locus="Table 3; section 9.4, Exp B with SiLU",
    title="The ratio does not compound over six layers",
    x=("experiment", "experiment"),
    y="C at p = .01",
    places={
        "V2": "V2, i.i.d., no skip",
        "V3": "V3, i.i.d., skip",
        "Exp B, ReLU": "Exp B, trained, ReLU",
        "Exp B, SiLU": "Exp B, trained, SiLU",
    },
    series=(*_ends(1, "first", "after one layer"), *_ends(6, "last", "after six layers")),
)

_COSINE2 = 2 / math.pi


def _from_deviation(deviation: float) -> float:
    """A squared cosine, of its relative deviation from 2/pi."""
    return _COSINE2 * (1 + deviation)


TABLE_6 = Figure(
    key="sign-magnitude.table-6",
    locus="Table 6; section 9.6; the authors' released results",
    title="Weights and their signs in trained matrices",
    x=("model", "model"),
    y="squared cosine, mean over matrices",
    places={row["model"]: row["model"] for row in read_rows(f"{_TABLES}/table6.toml")}
    | {"SmolLM2-135M": "SmolLM2-135M (not the paper's)"},
    series=(
        Curve(label="2/π", function=_COSINE2),
        Curve(label="5 per cent below", function=0.95 * _COSINE2),
        Printed(label="printed (± sd)", table=f"{_TABLES}/table6.toml", y="mean", spread="sd"),
        Printed(label="released (± sd)", table=f"{_TABLES}/table6.toml", y="released_mean", spread="released_sd"),
        Measured(
            label="ours",
            claim={"TinyLlama-1.1B": "sign-magnitude.model.replication.fact1-tinyllama-mean"},
        ),
        Measured(
            label="ours",
            claim={
                "Qwen2.5-0.5B": "sign-magnitude.model.replication.fact1-qwen-0b5",
                "Qwen2.5-1.5B": "sign-magnitude.model.replication.fact1-qwen-1b5",
                "Qwen2.5-3B": "sign-magnitude.model.replication.fact1-qwen-3b",
            },
            through=_from_deviation,
        ),
        Measured(
            label="ours",
            claim={"SmolLM2-135M": "sign-magnitude.model.fact1-mean"},
            where={"chosen": "twenty"},
            through=_from_deviation,
        ),
    ),
)


def outputs_cosine2(m: int) -> float:
    """Theorem 4's squared cosine for m outputs of 2 m inputs."""
    from claims.papers.sign_magnitude.theory import ternary_finite

    return ternary_finite.sign_outputs_cosine2(m, 2 * m)


_SIZES = (256, 512, 1024, 2048)
TABLE_10 = Figure(
    key="sign-magnitude.table-10",
    locus="Table 10; the authors' released results",
    title="Squared cosine after sign quantization: of rows, or of outputs?",
    x=("m", "outputs m, of n = 2 m inputs"),
    y="squared cosine",
    log="x",
    series=(
        Curve(label="2/π", function=_COSINE2),
        Curve(label="outputs, finite m", function=outputs_cosine2),
        Printed(label="printed", table=f"{_TABLES}/table10.toml", y="measured"),
        Printed(label="released, outputs (± sd)", table=f"{_TABLES}/table10.toml", y="vectors", spread="spread"),
        Measured(label="run again, rows", claim={m: f"sign-magnitude.table10.rows-{m}" for m in _SIZES}),
        Measured(label="run again, outputs", claim={m: f"sign-magnitude.table10.outputs-{m}" for m in _SIZES}),
    ),
)

TABLE_11 = Figure(
    key="sign-magnitude.table-11",
    locus="Table 11; at m = n = 256 and p = .005, as its digits say",
    title="One linear layer: radial fractions and energy ratio",
    x=("quantity", "quantity"),
    y="value",
    log="y",
    places={
        "radial_magnitude": "R_mag, additive noise",
        "radial_sign": "R_sign, flips",
        "energy_ratio": "energy ratio",
    },
    series=(
        Curve(
            label="exact, 256 rows",
            function={
                "radial_magnitude": f"{_THEORY}.finite:additive_radial_fraction",
                "radial_sign": f"{_THEORY}.finite:linear_radial_fraction_mean",
                "energy_ratio": 1.0,
            },
            at={"flip_rate": 0.005, "m": 256, "width": 256},
        ),
        Curve(label="many rows: R_sign = p", function={"radial_sign": 0.005}),
        Printed(label="printed", table=f"{_TABLES}/table11.toml", y="measured"),
        Measured(
            label="the authors' run again",
            claim={
                name: f"sign-magnitude.table11.{name.replace('_', '-')}"
                for name in ("radial_magnitude", "radial_sign", "energy_ratio")
            },
        ),
    ),
)

_SEEDS = {row["seed"]: row["seed"] for row in read_rows(f"{_TABLES}/table17.toml") if "outlier" in row}
_ARMS = (
    ("nonoutlier", "other columns", "rest"),
    ("random", "all columns", "random"),
    ("outlier", "outlier columns", "outlier"),
)
TABLE_17 = Figure(
    key="sign-magnitude.table-17",
    locus="Table 17, TinyLlama-1.1B; ours: the geometric mean",
    title="Perplexity after flips at p = .05, seed by seed",
    x=("seed", "seed"),
    y="perplexity",
    log="y",
    places=_SEEDS,
    series=tuple(
        one
        for column, arm, name in _ARMS
        for one in (
            Printed(label="printed", arm=arm, table=f"{_TABLES}/table17.toml", y=column),
            Measured(
                label="ours",
                arm=arm,
                claim={"Median": f"sign-magnitude.replication.expd.{name}"},
                through=math.exp,
            ),
        )
    ),
)


def output_radial_fraction(n: int, flip_rate: float, arm: str) -> float:
    """The radial fraction after a second projection in a block of n inputs, hidden units and outputs."""
    from claims.papers.sign_magnitude.theory import finite

    return finite.output_radial_fraction(flip_rate, n, n, "sign" if arm == "sign" else "magnitude")


def _radial_table(number: int, arm: str, symbol: str, log: str) -> Figure:
    """A table of radial fractions by dimension and flip rate."""
    dimensions, rates = (256, 512, 1024, 2048), ("0.01", "0.02", "0.05", "0.10")
    claims = {
        rate: {n: f"sign-magnitude.d4.replay-radial-{arm}-{n}-p{rate[-2:]}" for n in dimensions} for rate in rates
    }
    return Figure(
        key=f"sign-magnitude.table-{number}",
        locus=f"Table {number}, Appendix D.4",
        title=f"Radial fraction {symbol} over the dimension",
        x=("n", "dimension n = m = d"),
        y=symbol,
        log=log,
        series=tuple(
            one
            for rate in rates
            for one in (
                Curve(
                    label="closed form, ratio of sums",
                    arm=f"p = {rate}",
                    function=output_radial_fraction,
                    at={"flip_rate": float(rate), "arm": arm},
                ),
                Printed(
                    label="printed",
                    arm=f"p = {rate}",
                    table=f"{_TABLES}/appendix_d4.toml",
                    y="value",
                    where={"quantity": f"radial_{arm}", "flip_rate": rate},
                ),
                Measured(label="the authors' run again", arm=f"p = {rate}", claim=claims[rate]),
            )
        ),
    )


TABLES_18_19 = (_radial_table(18, "sign", "R_sign", "xy"), _radial_table(19, "magnitude", "R_mag", "x"))

APPENDIX_F = Figure(
    key="sign-magnitude.appendix-f",
    locus="Appendix F.3",
    title="Damage of outlier columns over that of the others",
    x=("eta", "share of the input's energy in outlier columns"),
    y="R_E",
    log="y",
    series=(
        Curve(label="closed form", function=f"{_THEORY}.outliers:group_ratio"),
        Printed(label="printed", table=f"{_TABLES}/appendix_f.toml", y="ratio"),
        Measured(label="ours", claim="sign-magnitude.appf.drawn"),
    ),
)

LEVERAGE = Figure(
    key="sign-magnitude.table-20",
    locus="Table 20, whose figures no text of the paper has kept; Appendix E.5, Theorem 6",
    title="Energy of an outlier's flip over another's, n = 2048",
    x=("alpha", "amplitude of the outlier"),
    y="R",
    log="y",
    span=(0.03, 1.0),
    series=(
        Curve(label="exact", function=f"{_THEORY}.outliers:leverage", at={"n": 2048}),
        Curve(label="the paper's series", function=f"{_THEORY}.outliers:leverage_series", at={"n": 2048}),
        Measured(label="ours, by quadrature", claim="sign-magnitude.appe.leverage"),
        Measured(label="ours, drawn neurons", claim="sign-magnitude.appe.leverage-drawn"),
    ),
)
