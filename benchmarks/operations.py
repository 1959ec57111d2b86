"""All rows of the table, in its order."""

from benchmarks import rows_dense, rows_low_bit
from benchmarks.rows import NEEDS, ROWS, Row

__all__ = ["NEEDS", "ROWS", "Row", "rows_dense", "rows_low_bit"]
