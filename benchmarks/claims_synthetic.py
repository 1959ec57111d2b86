"""Claims of known truth, of every kind that judges seeds, each about draws of its own: many, cheap, without torch."""

from __future__ import annotations

from claims.calibration.synthetic import every_row, made

#: Margins from the target at which a few seeds decide.
_PLACES = (0.0, 6.0)
#: Of each, as many as make a part of 300 have one.
_COPIES = 8

CLAIMS = tuple(
    made(kind, law, margins, name=f"{law}-{margins:.0f}-{copy}")
    for kind, law, margins in every_row()
    if kind != "sample" and law in ("normal", "discrete") and margins in _PLACES
    for copy in range(_COPIES)
)
