"""What an audit could have written: rows that come from elsewhere are held to it, and those that carry no proof."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from claims.errors import MeasurementError
from claims.evidence.canonical import canonical_json, digest
from claims.evidence.measure import checked
from claims.evidence.sqlite.rows import Row

#: No seed was measured before, and none takes longer than a year.
_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_LONGEST_SECONDS = 366 * 86400.0
#: How far the clocks of two machines may lie apart.
_CLOCKS = timedelta(days=1)


def content_of(name: str, text: str) -> dict[str, Any] | None:
    """What an identity stands for, or None if the text is not the one that it is named by, or says no such thing."""
    if hashlib.sha256(text.encode(errors="replace")).hexdigest() != name:
        return None
    content = _parsed(text)
    if not isinstance(content, dict) or _canonical(content) != text:
        return None
    sweep, epoch = content.get("sweep"), content.get("epoch")
    sound = (
        isinstance(content.get("experiment"), str)
        and isinstance(content.get("code"), str)
        and isinstance(content.get("environment"), dict)
        and isinstance(content.get("data", {}), dict)
        and isinstance(sweep, dict)
        and all(isinstance(levels, list) and all(map(_is_scalar, levels)) for levels in sweep.values())
        and "epoch" in content
        and (epoch is None or (_is_whole(epoch) and epoch >= 0))
    )
    return content if sound else None


def objection(row: Row, content: Mapping[str, Any] | None) -> str:
    """Why no audit can have written the row, in words; empty if one can. ``content`` is that of its identity."""
    if content is None:
        return f"its identity {row.identity[:12]} is missing or damaged"
    if row.experiment != content["experiment"]:
        return f"its identity is of experiment {content['experiment']}"
    base = _parsed(row.base)
    if not isinstance(base, dict) or not all(map(_is_scalar, base.values())) or _canonical(base) != row.base:
        return "its base point is none"
    if not _is_whole(row.seed) or not 0 <= row.seed < 2**63:
        return f"its seed is {row.seed!r}"
    if digest([row.identity, base, row.seed]).hex() != row.key:
        return f"its key {row.key[:12]} is not that of its identity, point and seed"
    return _objection_to_records(row.records, content["sweep"]) or _objection_to_times(row)


def _objection_to_records(text: str, sweep: Mapping[str, list[Any]]) -> str:
    records = _parsed(text)
    try:
        sound = isinstance(records, list) and canonical_json(
            checked(records, [(name, tuple(levels)) for name, levels in sweep.items()])
        )
    except (MeasurementError, ValueError, TypeError, OverflowError, RecursionError) as error:
        return f"its records are none that an experiment gives: {error}"
    return "" if sound == text else "its records are none that an experiment gives: not in canonical form"


def _objection_to_times(row: Row) -> str:
    if not isinstance(row.seconds, float) or not 0 <= row.seconds <= _LONGEST_SECONDS:
        return f"it took {row.seconds!r} seconds"
    try:
        at = datetime.fromisoformat(row.measured_at)
        sound = at.isoformat(timespec="seconds") == row.measured_at and _FIRST <= at <= datetime.now(UTC) + _CLOCKS
    except (ValueError, TypeError):
        sound = False
    return "" if sound else f"it was measured at {row.measured_at[:40]!r}"


def _parsed(text: str) -> Any:
    """The value of a JSON text, or None: what nests so deeply that it cannot be read, nobody wrote."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _canonical(value: Any) -> str | None:
    try:
        return canonical_json(value)
    except (ValueError, TypeError, RecursionError):
        return None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_scalar(value: object) -> bool:
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
