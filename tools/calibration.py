"""The page of the calibration on record: how often claims of known truth were decided falsely, row by row.

``make results`` counts it anew, at the standard tier.
"""

from __future__ import annotations

from claims.calibration.record import recorded
from claims.calibration.tables import from_json
from claims.report.calibration import lines, markdown


def page() -> str:
    """The page in Markdown."""
    found = from_json(recorded())
    said = "\n".join(f"* {line}" for line in lines(found))
    return (
        f"# Calibration\n\nWhat `claimbench calibrate --tier {found.tier} --epoch {found.epoch}` counted. How, and "
        "what the columns are: [How far a verdict can be trusted](../trust.md#calibration).\n\n"
        f"{said}\n\n"
        f"{markdown(found)}"
    )
