"""The record of ``kernels_table.py``: one file, one table a machine, so that a new machine replaces no other's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def record(path: Path, machine: str, content: Mapping[str, Any]) -> None:
    """Replace what the file has of this machine, and nothing else, whole or not at all; the file may be new."""
    machines = json.loads(path.read_text(encoding="utf-8"))["machines"] if path.exists() else {}
    text = json.dumps({"machines": {**machines, machine: content}}, indent=2) + "\n"
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
