"""Numbers in findings of what is refuted: each is one that was measured, or one that a declaration or a figure has.

Measured are the claim's own points, on record in ``results/points``, and the estimates and intervals of the claims
that correct it or that its finding names. Declared are bands, rivals, points, what an experiment holds fixed, and the
numbers in the claim's locus and statement. Printed are the figures of the pack's TOML files that its test compares.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from claims import Band, Claim, at_least, at_most, experiment, kinds
from claims.catalogue import load_catalogue
from claims.verdict import DEPENDS, REFUTED

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
CATALOGUE = load_catalogue()
CLAIMS = {claim.id: claim for claim in CATALOGUE.claims.values()}
#: Numbers that follow from others, by claim: how. Nothing is here that a claim of its own could measure.
DERIVED: dict[str, dict[str, str]] = tomllib.loads(
    (Path(__file__).parent / "data" / "derived_numbers.toml").read_text(encoding="utf-8")
)

_ID = re.compile(rf"(?:{'|'.join(CATALOGUE.papers)})\.[a-z0-9.*-]*[a-z0-9*]")
#: Places, which no one measures: "Table 8", "eqs. 11 and 12", "section 7.2", "layer 12", "step 20".
_PLACE = re.compile(
    r"\b(?:Theorems?|Tables?|[Ss]ections?|eqs?\.|Append(?:ix|ices)|Figures?|Exps?|layers?|Lemma|Step|Remark|Proposition|"
    r"Conjecture|steps?|item|Fact|Corollary)\s+(?:[A-Z]\.?)?[\d.]*\d(?:,? (?:and|to) [\d.]*\d)*"
)
#: A number by itself: no part of a name ("BF16"), a power or a formula ("4/(3 pi)").
_NUMBER = re.compile(
    r"(?<![\w/^*.])(?<!\^-)(?P<digits>-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e-?\d+)?)"
    r"(?P<unit>\s?%| per cent|M\b|K\b)?"
    r"(?![\w/^]|\s?(?:pi|sqrt|log|sigma|alpha|eta)\b)"
)
_UNITS = {"%": 0.01, "per cent": 0.01, "M": 1e6, "K": 1e3, "": 1.0}
#: Whole numbers below this count things and are read in place: "two of 16 elements".
_COUNTS = 20


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it is written: ``text``, its value, half a unit of its last digit, and whether it is a percentage."""

    text: str
    value: float
    half: float
    percent: bool

    def is_of(self, value: float) -> bool:
        """Whether it is this value, rounded; a percentage also of what the value is above or below one."""
        candidates = (value, value - 1) if self.percent else (value,)
        reach = self.half * (1 + 1e-6) + 1e-12
        return any(abs(abs(candidate) - abs(self.value)) <= reach for candidate in candidates)


def figures(text: str) -> Iterator[Figure]:
    """The numbers of a text that could have been measured."""
    for match in _NUMBER.finditer(_PLACE.sub(" ", _ID.sub(" ", text))):
        digits, unit = match["digits"].replace(",", ""), (match["unit"] or "").strip()
        if not any(character.isdigit() for character in digits):
            continue
        mantissa, _, exponent = digits.partition("e")
        scale = _UNITS[unit] * 10.0 ** int(exponent or 0)
        bare = not unit and set(match["digits"]) <= set("-0123456789")
        if bare and abs(int(digits)) < _COUNTS:
            continue
        decimals = len(mantissa.partition(".")[2])
        half = 0.5 * 10.0**-decimals * scale
        yield Figure(match[0].strip(), float(mantissa) * scale, half, unit in ("%", "per cent"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is .47, .56 and 2.0 times.", [0.47, 0.56, 2.0]),
        ("They make 8.7 % of 46M, 5e-4 and 1,265.", [0.087, 46e6, 5e-4, 1265]),
        ("Table 8 at layers 3 and 15, section 7.2, BF16, 2/pi, 4/(3 pi), x^2.5, 2 pi.", []),
        ("Two of 16 blocks, 512 tokens (2,409).", [512, 2409]),
        ("As mean-bias.sec2.signs-balanced has it, -.806.", [-0.806]),
    ],
)
def test_numbers_are_found(text: str, expected: list[float]) -> None:
    assert [figure.value for figure in figures(text)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [(".47", 0.4718, True), (".47", 0.4751, False), ("9 %", 0.09, True), ("9 %", 1.0937, True), ("9", 1.09, False)],
)
def test_a_number_is_that_of_a_value_if_it_rounds_to_it(text: str, value: float, right: bool) -> None:
    found = [*figures(text), Figure("9", 9.0, 0.5, percent=False)][0]
    assert found.is_of(value) is right


# Evidence


@cache
def _points() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in (RESULTS / "points").glob("*.json"):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def _rows() -> dict[str, dict[str, Any]]:
    paths = [RESULTS / "trained" / "python-topics.json", *RESULTS.glob("*.json")]
    rows = [row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))["claims"]]
    return {row["id"]: row for row in reversed(rows) if row["verdict"] != "UNAVAILABLE"}


@cache
def _printed(folder: Path) -> frozenset[float]:
    """Every number of the TOML files that a pack's tables are in."""
    return frozenset(_numbers([tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))]))


def _numbers(value: object) -> Iterator[float]:
    """Every number within lists, tables and strings."""
    if isinstance(value, dict):
        yield from (number for each in value.values() for number in _numbers(each))
    elif isinstance(value, list | tuple):
        yield from (number for each in value for number in _numbers(each))
    elif isinstance(value, str):
        yield from (figure.value for figure in figures(value))
        with suppress(ValueError):
            yield float(value)
    elif isinstance(value, int | float) and math.isfinite(value):
        yield float(value)


def evidence(claim: Claim) -> Iterator[float]:
    """Every number that the finding may state."""
    named = {found[0] for found in _ID.finditer(claim.finding)} & set(CLAIMS)
    for other in (claim, *(CLAIMS[name] for name in sorted({claim.corrected_by or claim.id, *named}))):
        yield from _declared(other)
        yield from _measured(other)
    if claim.kind in ("table", "sample", "replay"):
        yield from _printed(ROOT / "src" / "claims" / "papers" / claim.paper.replace("-", "_") / "figures")


def _declared(claim: Claim) -> Iterator[float]:
    yield from _numbers([claim.locus, claim.statement, claim.read_as, list(map(str, claim.readings))])
    for point, _ in claim.judged_points():
        limits, rival = claim.limits(point)
        edges = () if limits is None else (limits.lo, limits.hi, limits.target)
        yield from (float(edge) for edge in (*edges, rival) if edge is not None and math.isfinite(edge))
    for point in claim.at:
        yield from _numbers(dict(point))
    for quantity in claim.test.quantities():
        source = quantity.experiment
        yield from _numbers([dict(source.fixed), dict(source.pinned), [levels for _, levels in source.sweep]])


def _measured(claim: Claim) -> Iterator[float]:
    row = _rows().get(claim.id, {})
    for found in (*_points().get(claim.id, ()), *row.get("readings", ()), row):
        yield from _numbers([found.get("estimate"), found.get("interval"), found.get("target")])
        yield from _numbers(found.get("reason") or "")


def untraced(claim: Claim) -> list[str]:
    """Numbers of a finding that nothing supports."""
    known = tuple(evidence(claim))
    derived = DERIVED.get(claim.id, {})
    return [
        figure.text
        for figure in figures(claim.finding)
        if figure.text not in derived and not any(figure.is_of(value) for value in known)
    ]


def _refuted() -> Iterable[Claim]:
    return (claim for claim in CLAIMS.values() if claim.expected in (REFUTED, DEPENDS))


def test_every_number_of_a_finding_is_traced() -> None:
    assert {claim.id: lost for claim in _refuted() if (lost := untraced(claim))} == {}


def test_derived_numbers_are_in_findings_and_not_measured() -> None:
    for name, numbers in DERIVED.items():
        claim = CLAIMS[name]
        written = {figure.text: figure for figure in figures(claim.finding)}
        assert set(numbers) <= set(written), name
        known = tuple(evidence(claim))
        assert not [text for text in numbers if any(written[text].is_of(value) for value in known)], name


# Smallest effects


#: How much: a number, not one of a place or a name, or a word for one.
_HOW_MUCH = re.compile(
    r"(?<![\w.])\.?\d|\b(?:half|halved|twice|double|most|majority|minority|main|dominates?)\b"
    r"|\b(?:third|quarter|fifth|tenth|twentieth|hundredth|(?:per|nine in) (?:cent|ten))s?\b"
)
_OF_A_PLACE = re.compile(r"\b(?:[Ss]ections?|eqs?\.|Figures?|Tables?|Theorems?|Exps?|Remark|layers?) [A-Z]?[\d.]*\d")


def short_of_enough(claim: Claim, estimates: Iterable[float]) -> bool:
    """Whether some estimate has the direction that is claimed, and is less than the smallest effect asked for.

    Of bands with one edge: those with two say how far from a value something may be.
    """
    none = 1.0 if claim.kind == "ratio" else 0.0
    limits = [claim.limits(point)[0] for point, _ in claim.judged_points()] if claim.band is not None else []
    bands = [(found.lo, found.hi) for found in limits if found is not None]
    grows = [lo for lo, hi in bands if hi == math.inf]
    falls = [hi for lo, hi in bands if lo == -math.inf]
    return any(any(none < x < lo for lo in grows) or any(hi < x < none for hi in falls) for x in estimates)


_X = experiment("made_up.module:function")["x"]
_WHY: dict[str, Any] = {"provenance": "author", "because": "a test"}


@pytest.mark.parametrize(
    ("band", "x", "short"),
    [
        (at_least(0.5, **_WHY), 0.3, True),
        (at_least(0.5, **_WHY), -0.3, False),
        (at_most(-0.5, **_WHY), -0.3, True),
        (at_most(0.5, **_WHY), 0.7, False),
    ],
)
def test_an_effect_that_is_too_small_is_told_from_none(band: Band, x: float, short: bool) -> None:
    claim = Claim(id="toy.short", locus="1", statement="X grows.", test=kinds.mean(_X), band=band)
    assert short_of_enough(claim, [x]) is short


def test_what_a_smallest_effect_refutes_says_how_much() -> None:
    """What grows a little does not refute that it grows, unless the claim says beside it how much is asked."""
    refuted = [claim for claim in CLAIMS.values() if claim.expected is REFUTED]
    assert [
        claim.id for claim in refuted if not _says_how_much(claim) and short_of_enough(claim, _estimates(claim))
    ] == []


def _says_how_much(claim: Claim) -> bool:
    said = " ".join([claim.statement, claim.read_as, *map(str, claim.readings)])
    return bool(_HOW_MUCH.search(_OF_A_PLACE.sub(" ", said)))


def _estimates(claim: Claim) -> list[float]:
    found = [row.get("estimate") for row in (*_points().get(claim.id, ()), _rows().get(claim.id, {}))]
    return [estimate for estimate in found if estimate is not None]
