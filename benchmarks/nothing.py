"""An experiment of nearly no work: what is left of an audit's time is the harness's own."""

from __future__ import annotations

from typing import Any

#: A turn of the circle that spreads the seeds evenly.
_TURN = 0.6180339887498949


def nothing(point: dict[str, Any], streams: Any) -> dict[str, float]:
    """A number of [-1, 1) for each seed, whose mean is near zero after any number of them."""
    return {"x": 2 * (streams.seed_index * _TURN % 1) - 1}
