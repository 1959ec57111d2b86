"""Evidence as a Parquet file: a row a value, under the columns of the CSV file."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from claims.extras import is_there, lacking

#: Rows that are held in memory at a time.
_ROWS = 50_000


def write_parquet(rows: Iterable[tuple[Any, ...]], path: Path) -> None:
    """Write values of evidence to a Parquet file.

    Args:
        rows: key, experiment, epoch (None: published streams), base and cell as JSON, quantity, value, seconds, time,
            in the order of the CSV file. A value that is text goes into the column ``text``, and ``value`` is null.
        path: of the file.

    Raises:
        Unavailable: pyarrow is not installed; has the command that installs it.
    """
    if not is_there("pyarrow"):
        raise lacking("pyarrow")
    import pyarrow
    from pyarrow import parquet

    text, whole, real = pyarrow.string(), pyarrow.int64(), pyarrow.float64()
    schema = pyarrow.schema(
        [
            *(("key", text), ("experiment", text), ("epoch", whole), ("base", text), ("seed", whole), ("cell", text)),
            *(("quantity", text), ("value", real), ("text", text), ("seconds", real), ("measured_at", text)),
        ]
    )
    rest = iter(rows)
    with parquet.ParquetWriter(str(path), schema) as writer:
        while some := list(islice(rest, _ROWS)):
            split = [(*row[:7], *_typed(row[7]), *row[8:]) for row in some]
            columns = [
                pyarrow.array(column, kind) for column, kind in zip(zip(*split, strict=True), schema.types, strict=True)
            ]
            writer.write_table(pyarrow.Table.from_arrays(columns, schema=schema))


def _typed(value: Any) -> tuple[float | None, str | None]:
    return (None, value) if isinstance(value, str) else (float(value), None)
