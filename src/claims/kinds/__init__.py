"""Kinds: how measured values become a verdict. One small module each; all are functions that make a frozen test."""

from claims.kinds.association import rank_correlation, regression
from claims.kinds.checks import aggregated, bounded, granularity, recomputed
from claims.kinds.convergence import convergence
from claims.kinds.identity import identity
from claims.kinds.limit import limit
from claims.kinds.mean import bound, mean
from claims.kinds.order import order
from claims.kinds.proportion import proportion
from claims.kinds.quantile import quantile
from claims.kinds.ratio import ratio
from claims.kinds.replay import replay
from claims.kinds.sample import column, sample
from claims.kinds.search import Statement, search
from claims.kinds.slope import slope
from claims.kinds.table import table
from claims.kinds.trend import trend
from claims.kinds.value import value

__all__ = [
    "Statement",
    "aggregated",
    "bound",
    "bounded",
    "column",
    "convergence",
    "granularity",
    "identity",
    "limit",
    "mean",
    "order",
    "proportion",
    "quantile",
    "rank_correlation",
    "ratio",
    "recomputed",
    "regression",
    "replay",
    "sample",
    "search",
    "slope",
    "table",
    "trend",
    "value",
]
