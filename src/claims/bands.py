"""Bands: where a statistic has to lie for a claim to hold, and where the tolerance comes from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from claims.digits import FIGURE, probable_figure
from claims.errors import InvalidDeclaration
from claims.fields import check_finite, check_text, check_word, is_finite
from claims.lazy import Number, check_number, is_deferred, resolve_number
from claims.verdict import Provenance

#: Half-width of a band around a whole number, and the largest one around which floats leave it that.
_COUNT, _MOST_COUNT = 0.4, 10**15


@dataclass(frozen=True, slots=True)
class Limits:
    """A band at one point: closed interval ``[lo, hi]`` (infinite where one-sided) and its target, if it has one."""

    lo: float
    hi: float
    target: float | None

    def contains(self, x: float) -> bool:
        """Whether ``x`` lies in the closed interval."""
        return self.lo <= x <= self.hi

    def sharpness(self, rival: float) -> float | None:
        """Distance of the rival from the target in tolerances (from the edge, for a one-sided band: None)."""
        half = self.hi / 2 - self.lo / 2
        if self.target is None or not math.isfinite(half) or half == 0:
            return None
        return abs(rival - self.target) / half


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A declared band, made by one of the functions below.

    ``target`` may be deferred (``"module:function"``); it is then computed for each point when the audit is planned.
    Where it has to be a ``whole`` number, that is looked at then.
    ``edges`` are kept where they are given as such, since target - below need not round to the edge that was said.
    """

    target: Number | None
    below: float
    above: float
    relative: bool
    provenance: Provenance
    because: str
    text: str | None = None
    edges: tuple[float, float] | None = None
    whole: bool = False

    def __post_init__(self) -> None:
        if self.target is not None:
            check_number(self.target, "band.target")
        for field in ("below", "above"):
            width = getattr(self, field)
            if width != math.inf:
                check_finite(width, f"band.{field}")
        if not isinstance(self.provenance, Provenance):
            raise InvalidDeclaration("band.provenance", self.provenance, "a claims.Provenance")
        check_text(self.because, "band.because")
        if self.text is not None:
            check_text(self.text, "band.text")
        if self.edges is not None and not _are_edges(self.edges):
            raise InvalidDeclaration(
                "band", self.text or self.edges, "edges that doubles can tell apart, the lower first"
            )

    def resolve(self, point: Mapping[str, Any]) -> Limits:
        """The band at one point.

        Raises:
            InvalidDeclaration: the target is not finite there, a relative tolerance meets a zero target, or the band
                has no width or no end that a float can hold.
        """
        if self.target is None:
            return Limits(-self.below, self.above, None)
        target = resolve_number(self.target, point, field="band.target")
        if self.edges is not None:
            return Limits(*self.edges, target)
        if self.whole:
            _check_whole(target)
        scale = abs(target) if self.relative else 1.0
        if scale == 0:
            raise InvalidDeclaration("band.rel", 0.0, "a relative tolerance needs a target other than zero; use abs=")
        lo, hi = target - self.below * scale, target + self.above * scale
        if not lo < hi or math.isinf(lo) > math.isinf(self.below) or math.isinf(hi) > math.isinf(self.above):
            allowed = f"a tolerance that a float can add to {target!r}, and one that can be missed"
            raise InvalidDeclaration("band", (lo, hi), allowed)
        return Limits(lo, hi, target)

    @property
    def deferred(self) -> bool:
        """Whether the band is known only once a point is given."""
        return is_deferred(self.target)


def _are_edges(edges: object) -> bool:
    """Whether these are two finite numbers, the lower first."""
    if not isinstance(edges, tuple) or len(edges) != 2:
        return False
    lo, hi = edges
    return is_finite(lo) and is_finite(hi) and lo < hi


def within(
    target: Number,
    *,
    rel: float | None = None,
    abs: float | None = None,
    provenance: str,
    because: str = "",
) -> Band:
    """``target`` with a relative or an absolute half-width.

    Args:
        target: a number, ``"module:function"`` or a function of the point's coordinates.
        rel: half-width in units of the target.
        abs: half-width itself; exactly one of the two is given.
        provenance: where the tolerance comes from: printed, theory, smallest-effect, author.
        because: why it is right, in words.
    """
    if (rel is None) == (abs is None):
        raise InvalidDeclaration("band", (rel, abs), "exactly one of rel= and abs=")
    field, given = ("band.rel", rel) if rel is not None else ("band.abs", abs)
    width = check_finite(given, field, allowed="a finite number > 0", such=_positive)
    check_number(target, "band.target")
    return Band(
        target=target,
        below=width,
        above=width,
        relative=rel is not None,
        provenance=_provenance(provenance, because),
        because=because,
    )


def printed(text: str, *, ulps: int = 1, because: str = "") -> Band:
    """The values that a printed figure can stand for: ``"0.36"`` is [0.355, 0.365].

    A figure is a string with its digits as printed, ``"0.360"`` being another figure than ``"0.36"``:

    - a sign or none: ``-``, the minus U+2212 that papers print, or ``+``;
    - a whole part: digits without a zero in front, or one to three digits and groups of three set off by commas
      (``41727``, ``41,727``); there may be none before a point (``.36``);
    - a point and one or more digits, or neither;
    - ``e`` and an exponent of one to three digits, or neither (``1.26e-7``).

    Nothing else is one: no space, decimal comma, point at the end, unit or per cent sign. The error says what was
    probably meant.

    Args:
        text: the figure.
        ulps: width of the cell in units of the last printed place: 1 is what rounding allows, 2 is for a figure that
            may have been truncated or rounded twice, and has to be said.
        because: where the figure stands or why it is read so; empty for "printed as" it is.

    Raises:
        InvalidDeclaration: the text is no figure, or floats cannot tell it from its neighbours.
    """
    if ulps not in (1, 2) or isinstance(ulps, bool | float):
        raise InvalidDeclaration("band.ulps", ulps, "1 or 2")
    value, unit = printed_value(text)
    half = unit * ulps / 2
    lo, hi = float(value - half), float(value + half)
    if not -math.inf < lo < float(value) < hi < math.inf:
        raise InvalidDeclaration(
            "printed", text, "a figure that floats can tell from its neighbours: 15 digits or fewer"
        )
    return Band(
        target=float(value),
        below=float(half),
        above=float(half),
        relative=False,
        provenance=Provenance.PRINTED,
        because=check_text(because, "band.because") or f"printed as {text}",
        text=text,
        edges=(lo, hi),
    )


def printed_value(text: str) -> tuple[Decimal, Decimal]:
    """Value of a printed figure and unit of its last place; :func:`printed` says what a figure is.

    Raises:
        InvalidDeclaration: the text is no figure, or no float is as large, or as small as its last place.
    """
    if not isinstance(text, str):
        raise InvalidDeclaration("printed", text, 'the figure as a string, digits as printed, for instance "0.360"')
    plain = text.replace("\u2212", "-")
    if not FIGURE.fullmatch(plain):
        allowed = 'a figure such as "0.360", "41,727" or "1.26e-7"'
        meant = probable_figure(plain)
        hint = f' ({meant[0]}? write "{meant[1]}")' if meant else ""
        raise InvalidDeclaration("printed", text, allowed + hint)
    value = Decimal(plain.replace(",", ""))
    unit = Decimal((0, (1,), int(value.as_tuple().exponent)))
    if not math.isfinite(float(value)) or float(unit) == 0:
        raise InvalidDeclaration(
            "printed", text, "a figure that a float can hold: up to 1.7e308, last place from 1e-323 on"
        )
    return value, unit


def count(n: Number, *, provenance: str = "theory", because: str = "a whole number") -> Band:
    """The whole number ``n`` and no other: what counts, counts exactly, and only rounding lies between.

    Args:
        n: the number, or where to compute it.
        provenance: where it comes from.
        because: why, in words.
    """
    check_number(n, "band.count")
    if not is_deferred(n):
        _check_whole(n)
    return replace(within(n, abs=_COUNT, provenance=provenance, because=because), whole=True)


def between(lo: float, hi: float, *, target: float | None = None, provenance: str, because: str = "") -> Band:
    """An explicit closed interval, ``lo < hi``.

    Args:
        lo: lower edge.
        hi: upper edge.
        target: the value that is claimed, the middle if nothing is said; sharpness is measured from it.
        provenance: where the interval comes from.
        because: why it is right, in words.
    """
    if not (is_finite(lo) and is_finite(hi) and lo < hi):
        raise InvalidDeclaration("band", (lo, hi), "finite lo < hi; a zero-width band can only be refuted")
    middle = lo / 2 + hi / 2 if target is None else target
    if not is_finite(middle) or not lo <= middle <= hi:
        raise InvalidDeclaration("band.target", target, f"a value in [{lo}, {hi}]")
    kind = _provenance(provenance, because)
    return Band(
        target=middle,
        below=middle - lo,
        above=hi - middle,
        relative=False,
        provenance=kind,
        because=because,
        edges=(float(lo), float(hi)),
    )


def at_most(hi: Number, *, slack: float = 0.0, provenance: str, because: str = "") -> Band:
    """Everything up to ``hi + slack``. A tight bound needs slack, else it stays undecided for ever.

    Args:
        hi: the bound, or where to compute it.
        slack: by how much it may be missed.
        provenance: where the bound comes from.
        because: why it is right, in words.
    """
    _check_slack(slack)
    check_number(hi, "band.hi")
    kind = _provenance(provenance, because)
    return Band(target=hi, below=math.inf, above=slack, relative=False, provenance=kind, because=because)


def at_least(lo: Number, *, slack: float = 0.0, provenance: str, because: str = "") -> Band:
    """Everything from ``lo - slack`` on.

    Args:
        lo: the bound, or where to compute it.
        slack: by how much it may be missed.
        provenance: where the bound comes from.
        because: why it is right, in words.
    """
    _check_slack(slack)
    check_number(lo, "band.lo")
    kind = _provenance(provenance, because)
    return Band(target=lo, below=slack, above=math.inf, relative=False, provenance=kind, because=because)


def _positive(x: float) -> bool:
    return x > 0


def _check_slack(slack: float) -> None:
    check_finite(slack, "band.slack", allowed="a finite number >= 0", such=lambda x: x >= 0)


def _check_whole(n: object) -> None:
    if not (isinstance(n, int | float) and abs(n) <= _MOST_COUNT and n == int(n)):
        raise InvalidDeclaration("band.count", n, f"a whole number, at most {_MOST_COUNT:.0e}")


def _provenance(word: str, because: str) -> Provenance:
    kind = check_word(word, "band.provenance", Provenance)
    if not check_text(because, "band.because").strip() and kind is not Provenance.PRINTED:
        raise InvalidDeclaration("band.because", because, f"why this tolerance is right (provenance {kind})")
    return kind
