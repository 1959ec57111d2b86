"""Stores of others: the rows that are read are those that were written, all of them, or the store is refused.

`make faults` damages stores by kinds and reads them in every way; here bytes of one file are edited without a plan.
"""

from __future__ import annotations

import sys
from pathlib import Path

from claims.errors import StoreError
from claims.evidence.store import Store
from tests.fuzz.kit import Format, byte_edits, edited_bytes, fuzz, is_clear, sizes

FAULTS = Path(__file__).parents[1] / "faults"
if str(FAULTS) not in sys.path:
    sys.path.append(str(FAULTS))

from corruption import NAME, specimens  # noqa: E402


@sizes
def test_files(tmp_path, count, record_property):
    specimen = specimens(tmp_path / "specimens", rows=24)["alone"]
    whole, path = (specimen.folder / NAME).read_bytes(), tmp_path / NAME

    def read(content):
        path.write_bytes(content)
        with Store.reading(path) as store:
            try:
                return list(store.rows())
            except StoreError as error:  # a line for each fault
                unclear = [line for line in str(error).splitlines() if not is_clear(line)]
                raise StoreError("\n".join(unclear) or f"{path} is refused") from error

    def differs(content, rows):
        changed = [row.where() for row in rows if row != specimen.truth.get(row.key)]
        missing = len(specimen.truth) - len(rows)
        return f"changed: {changed}; missing: {missing}" if changed or missing else ""

    assert differs(whole, read(whole)) == ""
    fuzz(
        Format("store", read, differs),
        byte_edits(len(whole)),
        lambda edits: edited_bytes(whole, edits),
        count=count,
        record=record_property,
    )
