"""The relation that a claim is tested by, as TeX: what its kind measures, and where its band says that it has to lie.

Figures stand apart from the form that they go into, so that a page holds each form once, however many claims have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from claims.claim import Claim
from claims.kinds.quantile import Quantile
from claims.kinds.trend import Trend
from claims.report.numbers import number, trimmed
from claims.report.words import target_words

#: Where a figure goes in a form; ``typeset`` makes it ``<mtext>@</mtext>``.
SLOT = r"\text{@}"
#: What is measured, by kind. X and Y are what a seed gives, T what it gives at a level of the kind's axis.
_STATISTICS = {
    "value": r"x",
    "mean": r"\mathbb{E}[X]",
    "bound": r"\mathbb{E}[X]",
    "ratio": r"\frac{\mathbb{E}[X]}{\mathbb{E}[Y]}",
    "proportion": r"\Pr[X]",
    "quantile": r"Q(X)",
    "slope": r"\mathbb{E}[\hat{\beta}(T)]",
    "convergence": r"\mathbb{E}[(T_n - T_{2n}) - 2^r (T_{2n} - T_{4n})]",
    "limit": r"\frac{2^r \mathbb{E}[T_{2n}] - \mathbb{E}[T_n]}{2^r - 1}",
    "order": r"\mathbb{E}[X - Y]",
    "trend": r"\mathbb{E}[T_{i+1} - T_i]",
    "regression": r"\hat{\beta}(Y, X)",
    "rank-correlation": r"\hat{\rho}(X, Y)",
}
#: Of a kind that a pack brings, or a sample, whose statistic is one of several.
_ANY = r"\theta"
#: What kinds without a band ask: of both sides at each draw; of the margin at each input; of the rounding cells that
#: the printed figures c stand for; of the figure that is replayed.
_BANDLESS = {
    "identity": r"|l_i - r_i| \le \varepsilon_i \quad \forall i",
    "search": r"m(x) \ge 0 \quad \forall x",
    "table": r"\exists x : \quad |x_j - c_j| \le \frac{u_j}{2}, \quad F(x) = 0",
    "replay": r"|\bar{X} - c| \le \frac{u}{2}",
}
#: Part of a half-width by which a target may be off the middle of its band and still be that.
_MIDDLE = 1e-6


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation.

    Attributes:
        form: TeX with a slot for each figure.
        figures: those that go into the slots, in order, in the words in which they are shown elsewhere.
    """

    form: str
    figures: tuple[str, ...] = ()

    @property
    def tex(self) -> str:
        """The TeX of the whole."""
        first, *rest = self.form.split(SLOT)
        return first + "".join(_tex(figure) + part for figure, part in zip(self.figures, rest, strict=True))


def relation_of(row: Mapping[str, Any], claim: Claim | None) -> Relation | None:
    """The relation that a claim, or one of its points, is tested by; None where nobody knows of a kind what it asks.

    Args:
        row: of a result.
        claim: its declaration, for what a result does not say.
    """
    band = row["band"]
    if band is None or (band[0] is None and band[1] is None):
        form = _BANDLESS.get(row["kind"])
        return None if form is None else Relation(form)
    statistic = _statistic(row["kind"], claim)
    every = r" \quad \forall i" if row["kind"] == "trend" else ""
    lo, hi = band
    if lo is None or hi is None:
        sign, edge = (r"\ge", lo) if hi is None else (r"\le", hi)
        return Relation(rf"{statistic} {sign} {SLOT}{every}", (trimmed(number(edge)),))
    half, target = hi / 2 - lo / 2, row["target"]
    if target is not None and abs(target - (lo / 2 + hi / 2)) <= _MIDDLE * half:
        figures = target_words(row, claim), trimmed(number(half))
        return Relation(rf"\left| {statistic} - {SLOT} \right| \le {SLOT}{every}", figures)
    edges = tuple(trimmed(number(edge, scale=half)) for edge in band)
    return Relation(rf"{SLOT} \le {statistic} \le {SLOT}{every}", edges)


def _statistic(kind: str, claim: Claim | None) -> str:
    """What is measured; of some kinds the declaration says more than the name."""
    test = None if claim is None or claim.kind != kind else claim.test
    if isinstance(test, Quantile):
        return rf"Q_{{{number(test.q)}}}(X)"
    if isinstance(test, Trend) and test.sign < 0:
        return r"\mathbb{E}[T_i - T_{i+1}]"
    if kind == "order" and test is not None and test.over:
        return r"\mathbb{E}[T_{\mathrm{last}} - T_{\mathrm{first}}]"
    return _STATISTICS.get(kind, _ANY)


def _tex(figure: str) -> str:
    """A figure as it stands in TeX: ``2e-07`` is a product, a sign is not an operator, a comma is no blank."""
    mantissa, mark, exponent = figure.replace("\u2212", "-").replace(",", "{,}").partition("e")
    made = rf"{mantissa} \times 10^{{{int(exponent)}}}" if mark else mantissa
    return f"{{{made}}}" if made.startswith("-") else made
