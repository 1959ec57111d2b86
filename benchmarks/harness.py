"""What asv tracks of the harness: what starting it costs beside Python itself, and how much a smoke audit plans.

``list`` must stay quick whatever the catalogue grows to, so it is held against the start of Python,
measured in turns with them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.timing import interleaved

COUNT = "import sys; before = set(sys.modules); import claims.cli; print(len(set(sys.modules) - before))"


def python(*arguments: str) -> str:
    """The output of a fresh interpreter."""
    return subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True).stdout


def command(*arguments: str) -> str:
    """The output of the command line."""
    return python("-c", "import sys; from claims.cli import main; sys.exit(main())", *arguments)


class Starting:
    """The cost of a command that measures nothing."""

    timeout = 120.0

    def track_modules_imported(self) -> int:
        """Modules that the command line imports before it knows what is asked for."""
        return int(python("-c", COUNT))

    def track_list_over_python(self) -> float:
        """``claimbench list`` over an interpreter that does nothing."""
        times = interleaved({"list": lambda: command("list"), "python": lambda: python("-c", "")}, seconds=4)
        return times["list"].over(times["python"])

    track_modules_imported.unit = "modules"  # type: ignore[attr-defined]
    track_list_over_python.unit = "times"  # type: ignore[attr-defined]


class SmokePlan:
    """What ``claimbench audit --dry-run`` announces for the smoke tier of the whole catalogue."""

    timeout = 120.0

    def setup_cache(self) -> dict[str, float]:
        """The announcement, once for all numbers."""
        with tempfile.TemporaryDirectory() as folder:
            file, store = Path(folder) / "plan.json", Path(folder) / "store.sqlite"
            command("audit", "--dry-run", "--tier", "smoke", "--store", str(store), "--json", str(file))
            plan = json.loads(file.read_text())
        least, most = plan["seconds"]
        return {"claims": plan["claims"], "points": plan["points"], "least": least, "most": most}

    def track_claims(self, plan: dict[str, float]) -> float:
        """Claims in the catalogue."""
        return plan["claims"]

    def track_points(self, plan: dict[str, float]) -> float:
        """Points to decide."""
        return plan["points"]

    def track_seconds_if_decided_at_once(self, plan: dict[str, float]) -> float:
        """Declared seconds of the measurements, if the first look decides everything."""
        return plan["least"]

    def track_seconds_at_most(self, plan: dict[str, float]) -> float:
        """Declared seconds of the measurements, if nothing is decided before the last look."""
        return plan["most"]
