"""What every pack says of its claims: statements that can be read alone, no motives, no contradictions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from itertools import combinations
from typing import Any

import pytest

from claims import Band, Claim, at_least, at_most, between, experiment, grid, kinds
from claims.catalogue import load_catalogue
from claims.experiment import Linear, Point, Quantity
from claims.kinds.base import Kind
from claims.review.of_claims import undeclared
from claims.verdict import HOLDS, REFUTED, Role

CLAIMS = tuple(load_catalogue().claims.values())

#: Openings that point at what another claim says. "There is" names a thing, "it is X that" and "it is known" nothing.
_POINTS_BACK = re.compile(
    r"^(?:So(?: |,)|It(?! is \w+ (?:that|who|which)\b)\b|Its\b|They\b|Their\b|Th(?:at|is|ese|ose)\b|Such\b|Then\b"
    r"|Here\b|There(?! (?:is|are|was|were|has|have)\b)\b|The same(?! .*\b(?:as|for|whether)\b)\b"
    r"|The (?:others?|latter|former)\b"
    r"|(?:He|She|Him|Her|Both|Neither)(?= (?:is|are|do|does|has|have|was|were)\b))"
)
#: Ends and asides of the same kind: "does so", "after that", "X, too", "X as well".
_HANGS = re.compile(
    r"\b(?:do|does|did|is|has) so\b(?! far)|\b(?:after|before|of|to|by|in|with|than|from) (?:that|this|these|those|it)"
    r"(?:[.;,:]|$)|, too\b|\bas well(?! as)\b|\bthe (?:latter|former)\b|\bsuch an? (?!\w+ (?:as|that)\b)"
)
#: Why authors did something is not measured.
_MOTIVES = re.compile(
    r"after the fact|cherry|insinuat|conceal|hides? (?:that|the)|pretend|mislead|dishonest|convenient|cut off at will"
    r"|chosen (?:so|to fit)|deliberate|in order to (?:hide|fit)|on purpose|\btried to\b|\btricks?\b",
    re.IGNORECASE,
)


def dangling(statement: str) -> str:
    """The words of a statement that hang on another one, if there are any.

    A pronoun whose noun comes before it in the same sentence is none of them: the asides are looked for in the first
    clause only, up to a comma, colon or semicolon behind which the sentence can speak of itself.
    """
    opening = _POINTS_BACK.match(statement)
    if opening:
        return opening[0]
    clause = re.split(r"[:;]", statement, maxsplit=1)[0]
    for found in _HANGS.finditer(clause):
        before = clause[: found.start()]
        aside = found[0].strip(" ,.").startswith(("too", "as well", "such", "the "))
        if aside or "," not in before:
            return found[0]
    return ""


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("So it is behind SwiGLU.", "So "),
        ("It stays weak: at no step is it more.", "It"),
        ("That bound cannot be improved.", "That"),
        ("There u1 keeps more of the vector of ones.", "There"),
        ("The same after both outputs are normalised.", "The same"),
        ("At the input of down, too, the last layer has more mean.", ", too"),
        ("The mean loses a fifth of the energy or more after that.", "after that."),
        ("Splitting such a gradient changes the error by a hundredth.", "such a "),
        ("A BF16 mean recovers most of that.", "of that."),
        ("Splitting X alone does as well, with D as it is.", "as well"),
        ("There is no largest ratio.", ""),
        ("The same codes have the scale as before.", ""),
        ("So-called outliers are few.", ""),
        ("Itemised counts add up.", ""),
        ("If a mean is modest, most of it is in one channel.", ""),
        ("A step takes as well as gives.", ""),
    ],
)
def test_what_hangs_on_another_statement_is_found(statement: str, words: str) -> None:
    assert dangling(statement) == words


def test_every_statement_stands_alone() -> None:
    assert {claim.id: found for claim in CLAIMS if (found := dangling(claim.statement))} == {}


def test_no_finding_imputes_a_motive() -> None:
    assert {claim.id: found[0] for claim in CLAIMS if (found := _MOTIVES.search(claim.finding))} == {}


def test_what_is_refuted_on_a_model_says_on_which() -> None:
    """A number of one trained model is not one of trained models."""
    roles = (Role.TRANSFER, Role.OURS)
    chosen = [claim for claim in CLAIMS if claim.expected is REFUTED and claim.needs == "model" and claim.role in roles]
    named = re.compile(r"SmolLM2|TinyLlama|Qwen")
    assert [claim.id for claim in chosen if not named.search(claim.finding)] == []


# Readings.


def test_a_reading_that_a_finding_names_is_declared() -> None:
    """What is refuted of the paper's own, and would not be if it were read otherwise, is measured otherwise, too."""
    assert {claim.id: named for claim in CLAIMS if (named := undeclared(claim))} == {}


# Contradictions.


def _measured(value: object, points: Sequence[Point]) -> Hashable:
    """What a field of a test measures, whichever way it is declared: coordinates may be the claim's or pinned."""
    if isinstance(value, Linear):
        return value.constant, *((factor, _measured(quantity, points)) for factor, quantity in value.terms)
    if isinstance(value, Quantity):
        source = value.experiment
        cells = (dict(source.fixed) | dict(point) | dict(source.pinned) for point in points)
        return (
            value.name,
            source.name,
            *(tuple(sorted((name, repr(level)) for name, level in cell.items())) for cell in cells),
        )
    if isinstance(value, tuple):
        return tuple(_measured(each, points) for each in value)
    return repr(value)


def _statistic(test: Kind, points: Sequence[Point]) -> Hashable:
    """What decides at these points; how a seed becomes one number follows from the kind's name."""
    assert is_dataclass(test)
    fixed = ((field.name, getattr(test, field.name)) for field in fields(test))
    return test.kind, *((name, _measured(value, points)) for name, value in fixed if not callable(value))


def _limits(claim: Claim, point: Point) -> tuple[float, float]:
    limits, _ = claim.limits(point)
    assert limits is not None
    return limits.lo, limits.hi


def contradictions(claims: Iterable[Claim]) -> Iterator[tuple[str, str, str]]:
    """Pairs of claims of the same test at the same point whose verdicts on record cannot both be true, and why.

    Two that hold need a value in both bands. One that is refuted says that the value lies outside its band at one of
    its points at least: it contradicts others that hold inside this band at all of them.
    """
    held: dict[Hashable, list[tuple[str, float, float]]] = defaultdict(list)
    refuted: list[tuple[str, list[tuple[Hashable, float, float]]]] = []
    for claim in claims:
        if claim.band is None or claim.expected not in (HOLDS, REFUTED):
            continue
        found = [(_statistic(claim.test, members), *_limits(claim, point)) for point, members in claim.judged_points()]
        if claim.expected is REFUTED:
            refuted.append((claim.id, found))
        else:
            for statistic, lo, hi in found:
                held[statistic].append((claim.id, lo, hi))
    for same in held.values():
        for (a, lo, hi), (b, low, high) in combinations(same, 2):
            if max(lo, low) > min(hi, high):
                yield a, b, "no value is in both bands"
    for a, judged in refuted:
        inside = [
            [b for b, low, high in held.get(statistic, ()) if lo <= low and high <= hi] for statistic, lo, hi in judged
        ]
        if all(inside):
            yield a, inside[0][0], "what holds lies inside the band that is refuted"


_DRAW = experiment("made_up.module:function", sweep={"n": (1, 2)})
_WHY: dict[str, Any] = {"provenance": "author", "because": "a test"}


def _made(
    name: str, band: Band, expected: str = "HOLDS", values: tuple[int, ...] = (1,), *, pinned: bool = False
) -> Claim:
    """Of the mean of x, at values of n that the claim names, or at the first one, which the quantity names."""
    x = _DRAW.at(n=values[0])["x"] if pinned else _DRAW["x"]
    found: dict[str, Any] = {"finding": "No.", "corrected_by": "toy.other"} if expected == "REFUTED" else {}
    at = {} if pinned else {"at": grid(n=list(values))}
    return Claim(
        id=f"toy.{name}", locus="1", statement="X.", test=kinds.mean(x), band=band, expected=expected, **at, **found
    )


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ([_made("a", at_most(1.0, **_WHY)), _made("b", at_least(2.0, **_WHY))], [("toy.a", "toy.b")]),
        ([_made("a", at_most(1.0, **_WHY)), _made("b", at_least(2.0, **_WHY), pinned=True)], [("toy.a", "toy.b")]),
        ([_made("a", at_most(2.0, **_WHY)), _made("b", at_least(1.0, **_WHY))], []),
        ([_made("a", at_most(1.0, **_WHY)), _made("b", at_least(2.0, **_WHY), values=(2,))], []),
        ([_made("a", at_most(2.0, **_WHY), "REFUTED"), _made("b", between(0.0, 1.0, **_WHY))], [("toy.a", "toy.b")]),
        ([_made("a", at_most(2.0, **_WHY), "REFUTED", (1, 2)), _made("b", between(0.0, 1.0, **_WHY))], []),
        ([_made("a", at_most(2.0, **_WHY), "REFUTED"), _made("b", at_least(3.0, **_WHY))], []),
    ],
)
def test_a_contradiction_is_found(claims: list[Claim], found: list[tuple[str, str]]) -> None:
    assert [pair[:2] for pair in contradictions(claims)] == found


def test_no_two_claims_contradict_each_other() -> None:
    assert list(contradictions(CLAIMS)) == []
