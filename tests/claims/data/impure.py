"""Experiments that are no pure functions of point and streams, each for a reason of its own, and some that are."""

from __future__ import annotations

import functools
import glob
import io
import itertools
import json
import os
import pkgutil
import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
calls = itertools.count()


def numpys_generator(point, streams):
    return {"x": float(np.random.random()), "y": 1.0}


def randoms_generator(point, streams):
    return {"x": 0.5, "y": random.random()}


def torchs_generator(point, streams):
    return {"x": float(torch.rand(1)), "y": 1.0}


def clock(point, streams):
    return {"x": time.time() % 1.0, "y": 1.0}


def counter(point, streams):
    return {"x": next(calls) / 1e6, "y": 1.0}


def hashes(point, streams):
    return {"x": hash("a word") % 1000 / 1000, "y": 1.0}


def first_draw(point, streams):
    return {"x": _kept(lambda: streams.numpy("x").normal()), "y": 1.0}


_memory: list[float] = []


def _kept(draw):
    if not _memory:
        _memory.append(float(draw()))
    return _memory[0]


def memory(point, streams):
    return {"x": float(torch.empty(40, dtype=torch.int32).sum()) / 1e12, "y": 1.0}


def reads(point, streams):
    """What the point says, in the way that it says."""
    path, way = HERE / point["file"], point["way"]
    found = {
        "open": lambda: io.open(path).read(),  # noqa: UP020, SIM115
        "path": path.read_text,
        "os.open": lambda: os.read(os.open(path, os.O_RDONLY), 9).decode(),
        "numpy": lambda: str(np.fromfile(path, dtype=np.uint8)[0]),
        "package": lambda: pkgutil.get_data("impure", point["file"]).decode(),
        "sqlite3": lambda: str(sqlite3.connect(path)),
        "listing": lambda: str(os.listdir(path.parent)),
        "glob": lambda: str(glob.glob(f"{path.parent}/*")),
        "code": lambda: exec(path.read_text()),
    }[way]()
    return {"x": len(found or "") / 1e6, "y": 1.0}


def forgives(point, streams):
    try:
        (HERE / "kit.py").read_text()
    except Exception:  # noqa: BLE001
        return {"x": 0.5, "y": 1.0}
    return {"x": 0.6, "y": 1.0}


def variables(point, streams):
    found = {
        "getenv": lambda: os.getenv("IMPURE_GAIN", "0.5"),
        "get": lambda: os.environ.get("IMPURE_GAIN", "0.5"),
        "item": lambda: os.environ["IMPURE_GAIN"],
        "in": lambda: 0.1 * ("IMPURE_GAIN" in os.environ),
        "bytes": lambda: os.environb[b"IMPURE_GAIN"],
        "all": lambda: dict(os.environ)["IMPURE_GAIN"],
    }[point["way"]]()
    return {"x": float(found), "y": 1.0}


def leaves(point, streams):
    sys.exit(0)


# Pure


def seeded(point, streams):
    """A library that draws from the global generators, put where the seed says."""
    torch.manual_seed(streams.key("weights"))
    layer = torch.nn.Linear(3, 2)
    random.seed(streams.key("order"))
    return {"x": float(layer.weight.sum().detach()) / 10, "y": random.random()}


def own_files(point, streams):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inner" / "kept.json"
        path.parent.mkdir()
        path.write_text(json.dumps(streams.numpy("x").uniform()))
        os.replace(path, path.with_suffix(".moved"))
        names = sorted(each.name for each in path.parent.iterdir())
        assert names == ["kept.moved"]
        return {"x": float(path.with_suffix(".moved").read_text()), "y": 1.0}


def libraries(point, streams):
    """Imports of the standard library and of what is installed, folders of the system, places."""
    import colorsys
    import xml.dom.minidom

    import scipy.stats

    Path("/proc/self/stat").read_text()
    home, cores = Path.home(), os.cpu_count()
    places = os.environ.get("TMPDIR"), os.environ.get("CLAIMBENCH_CACHE")
    made = (colorsys, xml.dom.minidom, scipy.stats, home, cores, places)
    return {"x": len(made) / 10, "y": 1.0}


@functools.cache
def _table():
    return json.loads((HERE / "impure_table.json").read_text())


def declared(point, streams):
    return {"x": _table()["x"], "y": 1.0}
