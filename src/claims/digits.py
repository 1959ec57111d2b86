"""The grammar of a printed figure, and what was probably meant by a text that is none."""

from __future__ import annotations

import re

#: A sign, a whole part (thousands may be set off by commas), a point and digits, an exponent; see ``bands.printed``.
FIGURE = re.compile(
    r"[+-]?"
    r"(?:(?:0|[1-9][0-9]*|[1-9][0-9]{0,2}(?:,[0-9]{3})+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]{1,3})?"
)
_SWAPPED = str.maketrans(".,", ",.")
#: What is often written in place of a figure: what it is, pattern, replacement. Earlier ones are more likely.
_SLIPS = (
    ("spaces", r"^\s+|\s+$|(?<=^[+-])\s+", ""),
    ("a dash", r"^[\u2010-\u2015\ufe63\uff0d]\s*", "-"),
    ("a unit", r"^[$€£]\s*|\s*[%‰$€£°A-Za-zµ]+$", ""),
    ("a relation", r"^[~≈≃<>≤≥=±]\s*", ""),
    ("an uncertainty", r"\s*(?:±|\+/?-).*$|\([0-9]+\)$", ""),
    ("a power of ten", r"\s*[x×·*]\s*10\s*(?:\^|\*\*)?\s*(?=[+-]?[0-9]+$)", "e"),
    ("groups of three", r"(?<=[0-9])[_'’ \u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))", ","),
    ("a point or comma at the end", r"(?<=[0-9])[.,]$", ""),
    ("groups of another size", r"(?<=[0-9]),(?=[0-9]+,)|(?<=,[0-9]{3}),", ""),
    ("zeros in front", r"^([+-]?)0+(?=[0-9])", r"\1"),
)


def probable_figure(text: str) -> tuple[str, str] | None:
    """What makes a text no figure, and the figure that was probably meant; None if there is no telling.

    >>> probable_figure("0,36")
    ('a decimal comma', '0.36')
    """
    swapped = text.translate(_SWAPPED)
    if "," in text and not text.endswith(",") and FIGURE.fullmatch(swapped):
        return "a decimal comma", swapped.replace(",", "")
    if text.count(".") > 1 and FIGURE.fullmatch(swapped):
        return "points between thousands", swapped
    for slip, pattern, replacement in _SLIPS:
        figure = re.sub(pattern, replacement, text)
        if figure != text and FIGURE.fullmatch(figure):
            return slip, figure
    return None
