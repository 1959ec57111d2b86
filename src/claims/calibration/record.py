"""The calibration on record: what the last one at the standard tier counted, which reports show.

``make results`` counts it anew. It is read as it was written, with nothing imported that counts.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: What ``claimbench calibrate --out`` wrote.
RECORD = Path(__file__).with_name("record.json")


@functools.cache
def recorded() -> Mapping[str, Any]:
    """The document, as :meth:`claims.calibration.tables.Calibration.to_json` makes it."""
    found: Mapping[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found
