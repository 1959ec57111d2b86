"""Bands: which values they contain, what a printed figure can stand for, and what is refused."""

from __future__ import annotations

import math
import re
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from claims.bands import at_least, at_most, between, count, printed, printed_value, within
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


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0", "0", "1"),
        ("-0.0", "0", "0.1"),
        ("+1.20", "1.20", "0.01"),
        (".36", ".36", "0.01"),
        ("1,234,567", "1234567", "1"),
        ("-12,345.67", "-12345.67", "0.01"),
        ("999,999", "999999", "1"),
        ("1.26E-7", "1.26e-7", "1e-9"),
        ("\u22121.5e\u22123", "-0.0015", "0.0001"),
        ("3e+05", "300000", "1e5"),
        ("1.0e300", "1.0e300", "1e299"),
        ("2e-300", "2e-300", "1e-300"),
    ],
)
def test_the_grammar_of_figures(text, value, unit):
    assert printed_value(text) == (Decimal(value), Decimal(unit))
    limits = printed(text).resolve({})
    assert limits.lo < float(value) < limits.hi


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("0,36", "0.36"),
        ("2,67", "2.67"),
        ("-0,36", "-0.36"),
        ("0,360", "0.360"),
        ("1,2345", "1.2345"),
        ("2,67e-3", "2.67e-3"),
        ("1.234,56", "1234.56"),
        ("1.234.567", "1,234,567"),
        ("5,", "5"),
        ("5.", "5"),
        ("1_000", "1,000"),
        ("1 000", "1,000"),
        ("12\u202f345.6", "12,345.6"),
        ("1'000'000", "1,000,000"),
        ("1,23,456", "123,456"),
        ("36%", "36"),
        ("36 %", "36"),
        ("$5.20", "5.20"),
        ("3.1 ms", "3.1"),
        ("494M", "494"),
        ("\u20131.5", "-1.5"),
        ("- 1.5", "-1.5"),
        (" 0.36", "0.36"),
        ("0.36\n", "0.36"),
        ("~0.36", "0.36"),
        ("<0.01", "0.01"),
        ("0.36 ± 0.02", "0.36"),
        ("0.36+/-0.02", "0.36"),
        ("0.360(12)", "0.360"),
        ("1.26×10^-7", "1.26e-7"),
        ("1.26 x 10\u22127", "1.26e-7"),
        ("036", "36"),
        ("-007.5", "-7.5"),
    ],
)
def test_what_is_no_figure_is_refused_with_what_was_probably_meant(text, meant):
    with pytest.raises(InvalidDeclaration, match="printed") as caught:
        printed(text)
    assert caught.value.got == text
    assert f'write "{meant}")' in str(caught.value)
    printed(meant)


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".", ",", "e5", "about 3", "nan", "inf", "-Infinity", "1/3", "1e", "1e1.5", "1e1000", "0x10"),
        *("1e5e5", "1,2,3", ",123", "1,,234", "12.3.4", "3 4", "\u0663", "½", "1" * 400, "0" * 50),
        *("1e400", "1e-400", "1e-330", "5e-324", "1.79769e308", "0.12345678901234567890", "123456789012345678"),
        *(0.36, 3, None, b"0.36", ["0.36"]),
    ],
)
def test_what_is_no_figure_is_refused(text):
    with pytest.raises(InvalidDeclaration, match="printed"):
        printed(text)


figures = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-", "+", "\u2212"]),
    st.one_of(st.integers(0, 10**8).map(str), st.integers(0, 10**8).map("{:,}".format)),
    st.one_of(st.just(""), st.integers(1, 6).flatmap(lambda n: st.integers(0, 10**n - 1).map(f".{{:0{n}}}".format))),
    st.one_of(st.just(""), st.integers(-200, 200).map("e{}".format)),
)


@given(figures)
def test_every_figure_is_read_as_the_number_that_it_is(text):
    value, unit = printed_value(text)
    assert float(value) == float(text.replace(",", "").replace("\u2212", "-"))
    digits = text.partition("e")[0].partition(".")[2]
    assert unit == Decimal(f"1e{int(text.partition('e')[2] or 0) - len(digits)}")


@given(st.text("0123456789.,eE+-\u2212 _%", max_size=8))
@example("1,000.5")
def test_no_text_is_read_as_another_number_than_it_says(text):
    """What is accepted reads the same without its commas, and those are where thousands are."""
    try:
        value, _ = printed_value(text)
    except InvalidDeclaration:
        return
    plain = text.replace(",", "").replace("\u2212", "-")
    assert float(plain) == float(value)
    assert not set(text) & set(" _%")
    whole = re.split("[.eE]", text)[0].lstrip("+-\u2212")
    assert "," not in whole or whole == f"{int(whole.replace(',', '')):,}"


def test_only_one_or_two_units_may_be_claimed():
    with pytest.raises(InvalidDeclaration, match="ulps"):
        printed("0.36", ulps=3)


def test_a_printed_value_keeps_its_last_place():
    assert printed_value("0.360") == (Decimal("0.360"), Decimal("0.001"))
    assert printed_value("360") == (Decimal(360), Decimal(1))


@pytest.mark.parametrize("n", [0, 2, 36.0, -3, 10**15, lambda k: 3 * k])
def test_a_count_is_that_whole_number_and_no_other(n):
    limits = count(n).resolve({"k": 4})
    assert limits.target == (12 if callable(n) else n)
    assert limits.contains(limits.target)
    assert not limits.contains(limits.target - 1)
    assert not limits.contains(limits.target + 1)
    assert not limits.contains(limits.target + 0.5)
    assert count(n).provenance is Provenance.THEORY


@pytest.mark.parametrize("n", [0.5, math.nan, math.inf, 10**16, 10**400, None, lambda k: k / 8])
def test_what_is_no_whole_number_is_no_count(n):
    with pytest.raises(InvalidDeclaration, match="count"):
        count(n).resolve({"k": 4})


@pytest.mark.parametrize(
    "band",
    [
        lambda: within(1e20, abs=1.0, **WHY),
        lambda: within(1.0, rel=1e-17, **WHY),
        lambda: within(1e308, rel=0.9, **WHY),
        lambda: at_most(1e308, slack=1e308, **WHY),
        lambda: at_least(-1e308, slack=1e308, **WHY),
        lambda: within(lambda k: 10.0**k, abs=1e-3, **WHY),
    ],
)
def test_a_band_that_floats_make_a_point_or_everything_is_refused(band):
    with pytest.raises(InvalidDeclaration, match="band"):
        band().resolve({"k": 16})


def test_wide_bands_have_a_middle():
    limits = between(1.2e308, 1.6e308, **WHY).resolve({})
    assert limits.target == pytest.approx(1.4e308)
    assert between(-1.6e308, 1.6e308, **WHY).resolve({}).sharpness(1.7e308) == pytest.approx(1.7 / 1.6)


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
