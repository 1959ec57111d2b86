"""A module that reads a file when it is imported, by a path that no literal has."""

from pathlib import Path

LENGTH = len((Path(__file__).parent / ("names_on" + "_record.txt")).read_text())


def measured(point, streams):
    return {"x": LENGTH / 1e9, "y": 1.0}
