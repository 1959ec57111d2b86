"""Bands: which values they contain, what a printed figure can stand for, and what is refused."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claims.bands import at_least, at_most, between, printed, printed_value, within
from claims.errors import InvalidDeclaration
from claims.verdict import Provenance

WHY = {"provenance": "author", "because": "a toy"}


@pytest.mark.parametrize(
    ("text", "lo", "hi"),
    [
        ("0.36", 0.355, 0.365),
        ("0.360", 0.3595, 0.3605),
        ("2.75", 2.745, 2.755),
        ("-1.5", -1.55, -1.45),
        ("−1.5", -1.55, -1.45),
        ("41,727", 41726.5, 41727.5),
        ("1.26e-7", 1.255e-7, 1.265e-7),
        ("3", 2.5, 3.5),
        ("0", -0.5, 0.5),
    ],
)
def test_a_printed_figure_stands_for_its_rounding_cell(text, lo, hi):
    band = printed(text)
    limits = band.resolve({})
    assert (limits.lo, limits.hi) == (lo, hi)
    assert band.provenance is Provenance.PRINTED
    assert band.text == text


def test_two_units_are_twice_the_cell():
    assert printed("0.36", ulps=2).resolve({}).lo == pytest.approx(0.35)


@given(st.decimals(min_value=-1000, max_value=1000, places=3))
def test_every_value_that_rounds_to_the_figure_is_in_its_cell(value):
    figure = value.quantize(Decimal("0.01"))
    limits = printed(str(figure)).resolve({})
    assert limits.contains(float(value))  # on the very edge too: the tie rule is unknown
    assert not limits.contains(float(figure) + 0.0051)


@pytest.mark.parametrize("text", ["", "about 3", "nan", "inf", "3%", 0.36, None])
def test_what_is_no_figure_is_refused(text):
    with pytest.raises(InvalidDeclaration, match="printed"):
        printed(text)


def test_only_one_or_two_units_may_be_claimed():
    with pytest.raises(InvalidDeclaration, match="ulps"):
        printed("0.36", ulps=3)


def test_a_printed_value_keeps_its_last_place():
    assert printed_value("0.360") == (Decimal("0.360"), Decimal("0.001"))
    assert printed_value("360") == (Decimal(360), Decimal(1))


def test_within_is_relative_or_absolute():
    assert within(-2.0, rel=0.1, **WHY).resolve({}).lo == pytest.approx(-2.2)
    assert within(-2.0, abs=0.1, **WHY).resolve({}).hi == pytest.approx(-1.9)
    for wrong in ({}, {"rel": 0.1, "abs": 0.1}, {"rel": 0.0}, {"abs": -1.0}, {"abs": math.inf}, {"rel": math.nan}):
        with pytest.raises(InvalidDeclaration, match="band"):
            within(1.0, **wrong, **WHY)


@pytest.mark.parametrize("target", [math.nan, math.inf, None, [1.0]])
def test_a_target_is_a_finite_number(target):
    with pytest.raises(InvalidDeclaration, match=r"band\.target"):
        within(target, abs=1.0, **WHY)


def test_a_relative_band_around_zero_is_refused():
    with pytest.raises(InvalidDeclaration, match="use abs="):
        within(0.0, rel=0.1, **WHY).resolve({})


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_between_contains_its_edges_and_nothing_beyond(lo, width):
    hi = lo + width
    limits = between(lo, hi, **WHY).resolve({})
    assert (limits.lo, limits.hi) == (lo, hi)
    assert limits.contains(lo)
    assert limits.contains(hi)
    assert not limits.contains(math.nextafter(hi, math.inf))


@pytest.mark.parametrize(("lo", "hi"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (-math.inf, 0.0)])
def test_a_band_of_no_width_or_no_end_is_refused(lo, hi):
    with pytest.raises(InvalidDeclaration, match="lo < hi"):
        between(lo, hi, **WHY)


def test_the_target_of_between_lies_in_it():
    with pytest.raises(InvalidDeclaration, match=r"band\.target"):
        between(0.0, 1.0, target=2.0, **WHY)


def test_one_sided_bands_have_one_edge():
    low, high = at_least(1.0, slack=0.25, **WHY).resolve({}), at_most(1.0, slack=0.25, **WHY).resolve({})
    assert (low.lo, low.hi, low.target) == (0.75, math.inf, 1.0)
    assert (high.lo, high.hi, high.target) == (-math.inf, 1.25, 1.0)
    for slack in (-0.1, math.inf, math.nan):
        with pytest.raises(InvalidDeclaration, match="slack"):
            at_least(1.0, slack=slack, **WHY)


def test_sharpness_is_the_distance_of_the_rival_in_tolerances():
    assert within(2.0, abs=0.5, **WHY).resolve({}).sharpness(4.0) == pytest.approx(4.0)
    assert at_most(2.0, **WHY).resolve({}).sharpness(4.0) is None


@pytest.mark.parametrize("provenance", ["guess", "", "Theory"])
def test_provenance_is_one_of_four(provenance):
    with pytest.raises(InvalidDeclaration, match="printed, theory, smallest-effect, author"):
        within(1.0, abs=0.1, provenance=provenance, because="a toy")


@pytest.mark.parametrize("provenance", ["theory", "smallest-effect", "author"])
def test_a_tolerance_that_is_not_printed_says_why(provenance):
    with pytest.raises(InvalidDeclaration, match="because"):
        within(1.0, abs=0.1, provenance=provenance)
