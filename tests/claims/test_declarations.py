"""Whatever stands where a field belongs: every public constructor refuses it by name, or the claim can be planned."""

from __future__ import annotations

import fractions
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import claims
from claims import Claim, Pack, Paper, Reading, experiment, grid, kinds
from claims.auditing.planning import plan
from claims.bands import Band, at_least, at_most, between, printed, within
from claims.catalogue import to_plain
from claims.cli.common import json_text
from claims.errors import ClaimsError
from claims.experiment import Experiment
from claims.verdict import Provenance, Tier

MADE = experiment("made_up.module:function")
X, Y = MADE["x"], MADE["y"]
WHY = {"provenance": "author", "because": "so"}
BAND = within(1.0, abs=0.1, **WHY)
CLAIM = {"id": "demo.one", "locus": "Section 1", "statement": "One is one.", "test": kinds.mean(X), "band": BAND}
READINGS = (Reading(axis="norm", option="plain", because="so"),
            Reading(axis="norm", option="squared", because="so", rival=3.0))  # fmt: skip
FAMILY = {"a": {"x": [1.0, 2.0, 3.0]}, "b": {"x": [1.0, 2.0, 4.0]}}


class Wordless:
    """What not even has a repr."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")


#: A constructor, and arguments that it takes.
MAKERS: dict[str, tuple[Callable[..., Any], Mapping[str, Any]]] = {
    "Claim": (Claim, CLAIM | {"rival": 2.0, "at": grid(n=[1, 2]), "finding": "", "corrected_by": None,
                              "expected": "HOLDS", "role": "paper", "decides": "smoke", "most_seeds": 8,
                              "read_as": "", "readings": READINGS, "version": 2}),
    "Reading": (Reading, {"axis": "norm", "option": "squared", "because": "so", "own": False, "test": kinds.mean(X),
                          "at": grid(n=[1, 2]), "band": BAND, "rival": 2.0, "most_seeds": 8}),
    "Paper": (Paper, {"key": "demo", "title": "A demonstration", "identifier": "doi:1", "version": 1,
                      "authors": "Nobody", "number": "n:1", "canonical_sha256": "00"}),
    "Pack": (Pack, {"paper": Paper(key="demo", title="x"), "modules": ("a.b",), "api": "1",
        "outline": Path("outline.toml"), "responses": Path("responses.toml")}),
    "Band": (Band, {"target": 1.0, "below": 0.1, "above": 0.1, "relative": False, "provenance": Provenance.AUTHOR,
                    "because": "so", "text": None, "edges": None}),
    "within": (within, {"target": 1.0, "rel": 0.1, **WHY}),
    "within abs": (within, {"target": 1.0, "abs": 0.1, **WHY}),
    "printed": (printed, {"text": "0.36", "ulps": 1, "because": ""}),
    "between": (between, {"lo": 1.0, "hi": 2.0, "target": 1.5, **WHY}),
    "at_most": (at_most, {"hi": 1.0, "slack": 0.1, **WHY}),
    "at_least": (at_least, {"lo": 1.0, "slack": 0.1, **WHY}),
    "grid": (grid, {"n": [1, 2], "p": 0.5}),
    "experiment": (experiment, {"target": "a.b:c", "name": "a.b:d", "sweep": {"n": [1, 2]}, "fixed": {"m": 1},
                                "published": False, "seconds": 1.0, "megabytes": 1.0, "needs": "model", "of": "big",
                                "most_seeds": 8}),
    "Experiment": (Experiment, {"name": "a.b:c", "address": "a.b:c", "sweep": (), "fixed": (), "pinned": (),
                                "published": False, "seconds": 1.0, "megabytes": 1.0, "needs": "", "of": "",
                                "most_seeds": None}),
    "count": (claims.count, {"n": 3, "provenance": "theory", "because": "it counts"}),
    "at": (MADE.at, {"n": 1}),
    "quantity": (MADE.__getitem__, {"name": "x"}),
    "linear": (claims.linear, {"value": 1.0}),
    "mean": (kinds.mean, {"x": X}),
    "bound": (kinds.bound, {"x": X}),
    "ratio": (kinds.ratio, {"numerator": X, "denominator": Y, "plain": (X, Y)}),
    "proportion": (kinds.proportion, {"successes": X, "trials": Y}),
    "quantile": (kinds.quantile, {"x": X, "q": 0.5}),
    "slope": (kinds.slope, {"y": X, "over": "n", "log": True}),
    "convergence": (kinds.convergence, {"y": X, "over": "n", "rate": 1.0}),
    "limit": (kinds.limit, {"y": X, "over": "n", "rate": 1.0}),
    "order": (kinds.order, {"a": X, "b": Y}),
    "order over": (kinds.order, {"a": X, "over": "n"}),
    "trend": (kinds.trend, {"y": X, "over": "n", "direction": "increasing"}),
    "value": (kinds.value, {"x": X}),
    "identity": (kinds.identity, {"lhs": X, "rhs": Y, "bound": 0.1, "planted": X, "draws": 8}),
    "regression": (kinds.regression, {"y": X, "x": Y, "log": True}),
    "rank_correlation": (kinds.rank_correlation, {"x": X, "y": Y}),
    "search": (kinds.search, {"statement": "a.b:C", "examples": 10, "restarts": 1, "rounds": 1, "seconds": 1.0}),
    "replay": (kinds.replay, {"x": X, "seeds": 3, "printed_mean": "1.0", "printed_sd": "0.1", "neighbours": [Y],
                              "configuration": "n = 1", "ddof": 1, "slack": 0.0}),
    "sample": (kinds.sample, {"test": kinds.mean(kinds.column("x")), "family": FAMILY, "member": "a",
                              "bands": {"b": (0.0, 9.0)}, "level": 0.05}),
    "column": (kinds.column, {"name": "x"}),
    "table": (kinds.table, {"path": "table.toml", "check": kinds.granularity(cells="x", n=10)}),
    "granularity": (kinds.granularity, {"cells": "x", "n": 10, "scale": 1.0}),
    "recomputed": (kinds.recomputed, {"result": "x", "uses": ["y"], "formula": abs, "where": bool}),
    "aggregated": (kinds.aggregated, {"result": "x", "into": bool, "uses": ["y"], "formula": abs, "statistic": sum}),
    "bounded": (kinds.bounded, {"uses": ["y"], "formula": abs, "lo": 0.0, "hi": 1.0, "where": bool}),
}  # fmt: skip
JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 2**70, 10**400, 10**5000, -0.0, 0.5, 1.5, math.nan, math.inf, -math.inf, 1e308,
    5e-324, 1j, "", " ", "x", "a:b", "a:b:c", "1.0", "\ud800", "\0", "a\x1b[2Jb", b"x", (), [], {}, set(), (1, 2),
    [1, 2], [[1]], [1, 1], [math.nan], {"x": 1}, {1: 2}, {"x": [[]]}, {"x": "ab"}, {"x": {"x": ["1"]}}, {1, 2},
    (("n", 1),), ((("n", 1),),), ((("n", []),),), ((("b", 1), ("a", 2)),), (((1, 2),),), object, object(), len, abs,
    fractions.Fraction(1, 2), Wordless(), Claim, kinds.mean, kinds.mean(X), X, X - Y, BAND, MADE, Path("x"),
    Provenance.AUTHOR, range(3), lambda: 1.0, lambda n: 1 / 0, lambda n: None, lambda n: "x",
]  # fmt: skip


def use(made: Any) -> None:
    """What becomes of a declaration: it is planned and shown. Whatever it is made of has been let pass before."""
    if isinstance(made, Band):
        made = Claim(**CLAIM | {"band": made, "at": grid(n=[1, 2])})
    elif isinstance(made, kinds.base.Kind):
        band = BAND if made.needs_band else None
        made = Claim(**CLAIM | {"test": made, "band": band, "at": grid(n=[1, 2, 4])})
    elif isinstance(made, Reading):
        made = Claim(**CLAIM | {"readings": (READINGS[0], made) if made.axis == "norm" else ()})
    if isinstance(made, Claim):
        planned = plan([made], tier=Tier.FULL)
        planned.cost()
        json_text([to_plain(made)])


def test_what_the_makers_are_given_is_taken():
    for make, arguments in MAKERS.values():
        make(**arguments)


def test_every_public_constructor_is_tried():
    public = {name for name in claims.__all__ if callable(getattr(claims, name)) and name[0].islower()}
    others = {"audit", "load_paper"}  # which have tests of their own
    assert public - {name.partition(" ")[0] for name in MAKERS} == others


@pytest.mark.parametrize("name", MAKERS)
def test_what_does_not_belong_is_refused_by_name(name):
    make, arguments = MAKERS[name]
    words = []
    for field in arguments:
        for junk in JUNK:
            try:
                use(make(**{**arguments, field: junk}))
            except ClaimsError as error:
                words.append(str(error))
    assert words or name == "grid"
    assert max(map(len, words), default=0) < 2000
    assert "\n".join(words).encode()


REFUSED = [
    ("Claim", "finding", 3), ("Claim", "finding", None), ("Claim", "corrected_by", "not an id"),
    ("Claim", "rival", True), ("Claim", "test", kinds.mean(kinds.column("x"))),
    ("Claim", "rival", "2.0"), ("Claim", "rival", 10**400), ("Claim", "statement", "\ud800"), ("Claim", "at", ()),
    ("Claim", "at", ((("n", [1]),),)), ("Claim", "at", (("n", 1),)), ("Claim", "at", grid(n=1) * 2),
    ("Claim", "expected", "ERROR"), ("Claim", "role", ["paper"]), ("Claim", "test", kinds.mean),
    ("Claim", "band", (0, 1)),
    ("Claim", "version", 0), ("Claim", "version", "2"), ("Claim", "version", True), ("Claim", "read_as", None),
    ("Claim", "readings", "x"), ("Claim", "readings", READINGS[:1]),
    ("Claim", "readings", {READINGS[0]: 1}), ("Reading", "axis", "A"), ("Reading", "own", 1), ("Reading", "at", ()),
    ("Reading", "test", 3), ("Reading", "rival", "x"), ("Reading", "most_seeds", 0), ("Pack", "responses", "x.toml"),
    ("Paper", "key", "A Paper"), ("Paper", "version", "1"), ("Paper", "authors", ["Nobody"]), ("Paper", "title", " "),
    ("Pack", "modules", "a.b"), ("Pack", "outline", "outline.toml"), ("Pack", "paper", "demo"),
    ("Pack", "api", 1), ("Pack", "api", "2"),
    ("within", "target", True), ("within", "rel", "0.1"), ("within", "rel", -1.0), ("within", "because", 3),
    ("within", "because", ""), ("within", "provenance", "guess"), ("within", "target", "1.0"),
    ("printed", "text", "0,36"), ("printed", "text", "1,2,3"), ("printed", "text", "1_000"), ("printed", "text", "١"),
    ("printed", "text", " 1"), ("printed", "text", "1e999"), ("printed", "text", "100000000000000000000"),
    ("printed", "text", "nan"), ("printed", "text", ""), ("printed", "ulps", True), ("printed", "ulps", 1.0),
    ("between", "lo", "1"), ("between", "target", 9.0), ("at_most", "slack", None), ("at_least", "lo", math.nan),
    ("grid", "n", {1, 2}), ("grid", "n", None), ("grid", "n", {"a": 1}), ("grid", "n", [1, True]),
    ("grid", "p", 10**400),
    ("experiment", "target", 3), ("experiment", "target", lambda: 1), ("experiment", "sweep", {"n": "ab"}),
    ("experiment", "sweep", [("n", [1])]), ("experiment", "seconds", -1.0), ("experiment", "published", 1),
    ("experiment", "needs", "a GPU"), ("experiment", "of", 3), ("experiment", "fixed", {1: 2}),
    ("quantile", "q", "0.5"), ("order over", "over", ["n"]), ("identity", "draws", 8.0), ("search", "statement", "C"),
    ("ratio", "plain", X), ("sample", "bands", {"b": (1.0, 0.0)}), ("sample", "family", {"a": [1.0]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "field", "junk"), REFUSED)
def test_such_a_value_is_refused(name, field, junk):
    make, arguments = MAKERS[name]
    with pytest.raises(ClaimsError):
        use(make(**{**arguments, field: junk}))


@pytest.mark.parametrize("figure", ["41,727", "0.360", "1.26e-7", "−0.5", "+3", ".5", "1,234,567.89", "1e−3", "-0"])
def test_figures_as_papers_print_them(figure):
    assert printed(figure).text == figure


@pytest.mark.parametrize(
    "band", [within(1e308, rel=5.0, **WHY), within(1e20, abs=1e-3, **WHY), within(lambda: 1e308, rel=5.0, **WHY)]
)
def test_a_tolerance_that_doubles_cannot_hold_is_no_band(band):
    with pytest.raises(ClaimsError, match="a tolerance that a float can add to"):
        use(band)


def raising() -> float:
    raise KeyError("no such thing")


@pytest.mark.parametrize("target", [raising, lambda: None, lambda: "x", lambda: [1.0], lambda n: 1j, {}.pop])
def test_a_target_that_gives_no_number_is_refused_by_name(target):
    with pytest.raises(ClaimsError, match=r"band\.target"):
        use(within(target, abs=0.1, **WHY))
