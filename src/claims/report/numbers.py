"""Numbers as readers want them: as many digits as the uncertainty leaves, never more."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: An edge of an interval or band in a result document; None is unbounded.
Edge = float | None


def number(x: float, *, scale: float | None = None) -> str:
    """``x`` to two significant digits of ``scale`` (a half-width); to six significant digits without one."""
    if x == 0:
        return "0"
    if scale is None or not 0 < scale < math.inf:
        return f"{x:.6g}"
    last_place = math.floor(math.log10(scale) + 1e-9) - 1  # 0.0999... is 0.1, as its edges were printed
    digits = max(math.floor(math.log10(abs(x))) - last_place, 0)
    if not 1e-4 <= abs(x) < 1e7:
        return f"{x:.{min(digits, 15)}e}"
    text = f"{x:.{min(max(-last_place, 0), 15)}f}"
    return text if float(text) else text.removeprefix("-")


def half_width(pair: Sequence[Edge] | None) -> float | None:
    """Half the width of an interval; None if it is unbounded or a single point."""
    if pair is None or pair[0] is None or pair[1] is None or pair[0] == pair[1]:
        return None
    return (pair[1] - pair[0]) / 2


def trimmed(text: str) -> str:
    """Without zeros that say nothing: for exact figures such as a band's edge, not for measured ones."""
    mantissa, mark, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + mark + exponent


def band_text(band: Sequence[Edge] | None) -> str:
    """``[lo, hi]``, or ``≤ hi`` or ``≥ lo`` where one-sided; empty without a band."""
    if band is None or (band[0] is None and band[1] is None):
        return ""
    lo, hi = band
    scale = half_width(band)
    if lo is None:
        assert hi is not None
        return f"≤ {trimmed(number(hi))}"
    if hi is None:
        return f"≥ {trimmed(number(lo))}"
    return f"[{trimmed(number(lo, scale=scale))}, {trimmed(number(hi, scale=scale))}]"


def interval_text(interval: Sequence[Edge] | None) -> str:
    """``[lo, hi]`` with infinite edges shown as such; empty for none and for a single exact value."""
    if interval is None or (interval[0] is not None and interval[0] == interval[1]):
        return ""
    scale = half_width(interval)
    lo, hi = (None if edge is None else number(edge, scale=scale) for edge in interval)
    return f"[{'-∞' if lo is None else lo}, {'∞' if hi is None else hi}]"


def estimate_text(estimate: float | None, interval: Sequence[Edge] | None) -> str:
    """An estimate to the digits that its interval leaves."""
    if estimate is None:
        return ""
    scale = half_width(interval)
    return number(estimate, scale=scale) if scale is not None else f"{estimate:.8g}"


def duration(seconds: float) -> str:
    """Seconds in words: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 5 min``."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def counted(count: int, noun: str) -> str:
    """``1 claim``, ``1,234 claims``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
