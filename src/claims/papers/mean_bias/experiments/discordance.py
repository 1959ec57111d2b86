"""Every way in which two runs' right answers can be paired, when only their counts are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claims.streams import Streams


def attainable(point: Mapping[str, Any], streams: Streams | None) -> dict[str, float]:
    """McNemar's test over all pairings of ``bf16`` and ``averis`` right answers out of ``items``.

    A pairing is the number of items that both runs answer rightly; b and c are those that only one of them does.
    ``smallest_z`` and ``largest_z``: |b - c|/sqrt(b + c). ``smallest_p``: the smallest exact two-sided p value, that
    of a fair coin tossed b + c times.

    Raises:
        ValueError: more right answers than items.
    """
    import numpy as np
    from scipy.special import bdtr

    items, bf16, averis = int(point["items"]), int(point["bf16"]), int(point["averis"])
    if not 0 <= min(bf16, averis) <= max(bf16, averis) <= items:
        raise ValueError(f"right answers: got {bf16} and {averis} of {items}; allowed: 0 to all of them")
    both = np.arange(max(0, bf16 + averis - items), min(bf16, averis) + 1)
    b, c = bf16 - both, averis - both
    scores = np.abs(b - c) / np.sqrt(np.maximum(b + c, 1))  # 0 for two runs that never differ
    chances = np.minimum(1.0, 2 * bdtr(np.minimum(b, c), b + c, 0.5))
    return {
        "smallest_z": float(scores.min()),
        "largest_z": float(scores.max()),
        "smallest_p": float(chances.min()),
    }
