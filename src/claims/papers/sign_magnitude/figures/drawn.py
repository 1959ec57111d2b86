"""The paper's figures and tables over an axis, redrawn: ours with intervals, the printed values, the closed forms."""

from __future__ import annotations

from claims.experiment import Scalar
from claims.figures import Curve, Figure, Measured, Printed

At = dict[str, Scalar]
_TABLES = "claims.papers.sign_magnitude:figures"
_THEORY = "claims.papers.sign_magnitude.theory"
_BARE: At = {"metric": "post", "norm": "stream", "projection": "none", "residual": False}
_PROJECTED: At = _BARE | {"projection": "gaussian"}
_SKIPPED: At = _PROJECTED | {"residual": True}
_BRANCHES: At = {"metric": "post", "norm": "branch", "projection": "none", "residual": True}

FIGURE_1 = Figure(
    key="sign-magnitude.figure-1",
    locus="Figure 1, Table 2",
    title="Transverse ratio over the flip rate",
    x=("flip_rate", "flip rate p"),
    y="c(p)",
    series=(
        Curve(label="exact, infinite width", function=f"{_THEORY}.block:c_exact"),
        Curve(label="the paper's formula", function=f"{_THEORY}.small_rate:c_printed_formula"),
        Printed(label="printed, measured", table=f"{_TABLES}/table2.toml", y="measured"),
        Printed(label="printed, theory", table=f"{_TABLES}/table2.toml", y="theory"),
        Measured(label="ours, n = 512", claim="sign-magnitude.thm3.c-pre", where={"step": 1, "n": 512}),
        Measured(label="ours, n = 2048", claim="sign-magnitude.table2.width-2048"),
    ),
)

FIGURE_2 = Figure(
    key="sign-magnitude.figure-2",
    locus="Figure 2, Tables 15 and 16",
    title="Ratio after each layer, p = .01",
    x=("layer", "layer"),
    y="C",
    series=(
        Printed(label="printed, V2", table=f"{_TABLES}/table15.toml", y="c"),
        Printed(label="printed, V3", table=f"{_TABLES}/table16.toml", y="c"),
        Measured(label="ours, no skip", claim="sign-magnitude.depth.mean-field", where=_BARE),
        Measured(label="ours, skip", claim="sign-magnitude.depth.mean-field", where=_SKIPPED),
        Measured(label="ours, skip, norm in the branch", claim="sign-magnitude.depth.mean-field", where=_BRANCHES),
        Curve(
            label="recursion, no skip",
            function=f"{_THEORY}.depth:depth_ratio",
            at=_BARE | {"flip_rate": 0.01},
            whole=True,
        ),
        Curve(
            label="recursion, skip",
            function=f"{_THEORY}.depth:depth_ratio",
            at=_SKIPPED | {"flip_rate": 0.01},
            whole=True,
        ),
    ),
)

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
    key="sign-magnitude.leverage",
    locus="Appendix E.5, Theorem 6",
    title="Energy of an outlier's flip over another's, n = 2048",
    x=("alpha", "amplitude of the outlier"),
    y="R",
    log="y",
    series=(
        Curve(label="exact", function=f"{_THEORY}.outliers:leverage", at={"n": 2048}),
        Curve(label="the paper's series", function=f"{_THEORY}.outliers:leverage_series", at={"n": 2048}),
        Measured(label="ours", claim="sign-magnitude.appe.leverage-drawn"),
    ),
)
