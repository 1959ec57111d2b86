"""Rows of a result without anything nested, as columnar tables: Arrow and Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.evidence.canonical import canonical_json
from claims.extras import is_there, lacking

if TYPE_CHECKING:
    import pyarrow

_TEXT = (
    "id", "paper", "role", "locus", "statement", "read_as", "kind", "decides", "verdict", "expected", "reason",
    "finding", "corrected_by",
)  # fmt: skip
_NUMBERS = ("target", "estimate", "alpha", "rival", "sharpness", "margin", "seconds")
_PAIRS = ("band", "interval", "range")

#: Columns of numbers, pairs as two of them.
FLOATS = (*_NUMBERS, *(f"{name}_{end}" for name in _PAIRS for end in ("lo", "hi")))


def columns(*, points: bool = False) -> list[str]:
    """Names of the columns of a table of claims, or of points, whose coordinates are JSON in ``at``."""
    return [*_TEXT, *(["at"] if points else []), "as_expected", "seeds", *FLOATS]


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A claim of a result document, or one of its points, as a row of such a table."""
    made = {name: row[name] for name in (*_TEXT, *_NUMBERS, "as_expected", "seeds")}
    if "at" in row:
        made["at"] = canonical_json(row["at"])
    for name in _PAIRS:
        made[f"{name}_lo"], made[f"{name}_hi"] = row.get(name) or (None, None)
    return made


def to_arrow(rows: Iterable[Mapping[str, Any]], *, about: Mapping[str, str], points: bool = False) -> pyarrow.Table:
    """An Arrow table, where what does not apply is null.

    Args:
        rows: claims of a result document, or their points.
        about: metadata of the table.
        points: whether the rows are points.

    Raises:
        Unavailable: pyarrow is not installed; has the command that installs it.
    """
    if not is_there("pyarrow"):
        raise lacking("pyarrow")
    import pyarrow

    special = {"seeds": pyarrow.int64(), "as_expected": pyarrow.bool_()} | dict.fromkeys(FLOATS, pyarrow.float64())
    schema = pyarrow.schema([(name, special.get(name, pyarrow.string())) for name in columns(points=points)])
    return pyarrow.Table.from_pylist([flat(row) for row in rows], schema=schema.with_metadata(dict(about)))


def write_parquet(rows: Iterable[Mapping[str, Any]], path: Path, *, about: Mapping[str, str]) -> None:
    """Write claims of a result document to a Parquet file.

    Raises:
        Unavailable: pyarrow is not installed.
    """
    table = to_arrow(rows, about=about)
    from pyarrow import parquet

    parquet.write_table(table, str(path))
