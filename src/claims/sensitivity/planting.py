"""Have a file imported as if it said something else: the change is in memory, the file stays as it is.

Loaded by its path and knowing nothing but the standard library, so that every other module can be one that is changed.
A process that is started with ``PLANTED`` in its environment, and with the folder that :func:`environment` makes on
its path, has the same changes: workers, and the commands that tests run.
"""

from __future__ import annotations

import json
import linecache
import os
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from pathlib import Path

#: Names a JSON file: path of each changed file, without links, and the text that it is read as.
PLANTED = "CLAIMS_PLANTED"


def plant(changed: Mapping[str, str]) -> None:
    """From now on import these files, by their paths without links, with these texts."""
    read, status = SourceFileLoader.get_data, SourceFileLoader.path_stats

    def get_data(self: SourceFileLoader, path: str) -> bytes:
        text = changed.get(os.path.realpath(path))
        if text is None:
            return read(self, path)
        # Who reads a function's source (Triton does) gets this one: what has no time of change is never looked up.
        linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
        return text.encode()

    def path_stats(self: SourceFileLoader, path: str) -> Mapping[str, object]:
        if os.path.realpath(path) in changed:
            raise OSError("no bytecode is kept of it, nor any used")
        return status(self, path)

    SourceFileLoader.get_data = get_data  # type: ignore[method-assign, assignment]
    SourceFileLoader.path_stats = path_stats  # type: ignore[method-assign]


def plant_from_environment() -> None:
    """What a process does that is started by one with changes."""
    if path := os.environ.get(PLANTED):
        plant(json.loads(Path(path).read_text(encoding="utf-8")))


def environment(changed: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Variables with which a process started from now on has the changes; ``folder`` is one for it alone."""
    changes = folder / "changed.json"
    changes.write_text(json.dumps(changed), encoding="utf-8")
    start = f"""import importlib.util
spec = importlib.util.spec_from_file_location("_claims_planting", {__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.plant_from_environment()
"""
    (folder / "sitecustomize.py").write_text(start, encoding="utf-8")
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return {PLANTED: str(changes), "PYTHONPATH": path}
