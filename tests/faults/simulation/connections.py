"""Connections of a simulated process: between any two statements, and within one that writes, something may happen."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from claims.evidence.sqlite.files import is_busy

from .disk import room
from .machine import Killed, Machine, Process

#: How long SQLite itself waits for a lock, as ``files.connect`` has it.
_BUSY_SECONDS = 1.0
_WRITE = ("COMMIT", "PRAGMA wal_checkpoint", "PRAGMA journal_mode")


class SimulatedConnection(sqlite3.Connection):
    """A connection whose statements are points of a schedule."""

    machine: Machine
    process: Process

    def execute(self, statement: str, values: Any = (), /) -> sqlite3.Cursor:
        self.machine.pause(statement[:40])
        if statement.startswith(_WRITE) and self.process.tearing:
            return self._torn(lambda: self._patient(statement, values))
        checkpoint = statement.startswith("PRAGMA wal_checkpoint")
        log = self.machine.disk.read().get("-wal", b"") if checkpoint else b""
        try:
            cursor = self._within(lambda: self._patient(statement, values))
        finally:
            if checkpoint:  # synced before anything is copied, even if that fails
                self.machine.disk.synced(log)
        if statement == "COMMIT":
            self.machine.disk.committed()
            self.machine.pause("committed")
        return cursor

    def close(self) -> None:
        if self.process.dead:
            super().close()
            return
        self.machine.pause("close")
        if self.process.tearing:
            self._torn(super().close)
        before = self.machine.disk.read()
        self._within(super().close)
        after = self.machine.disk.read()
        if before.get("") != after.get("") or "-wal" not in after:  # the last one has copied the log, or some of it
            self.machine.disk.synced(after.get("-wal", b""))
        self.machine.pause("closed")

    def _patient(self, statement: str, values: Any) -> sqlite3.Cursor:
        end = self.machine.seconds + _BUSY_SECONDS
        while True:
            try:
                return super().execute(statement, values)
            except sqlite3.OperationalError as error:
                if not is_busy(error) or self.machine.seconds >= end:
                    raise
            self.machine.clock.sleep(0.05)

    def _torn(self, act: Any) -> Any:
        """The power goes while this is done."""
        before = self.machine.disk.read()
        act()
        self.machine.lose_power(before, self.machine.disk.read())
        self.machine.obey()
        raise Killed

    def _within(self, act: Any) -> Any:
        """Done with as much room as there is."""
        cut = self.process.cut
        if cut is None:
            return act()
        cut.statements -= 1
        if not cut.statements:
            self.process.cut = None
        try:
            with room(cut.size):
                return act()
        except sqlite3.Error as error:
            self.machine.note(f"a write is cut off at {cut.size}: {error}")
            if cut.deadly:
                self.machine.kill(self.process)
                self.machine.obey()
            raise


def connect(machine: Machine, path: Path) -> sqlite3.Connection:
    """As ``files.connect`` does it, for the process that runs."""
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, factory=SimulatedConnection)
    connection.machine, connection.process = machine, machine.current
    connection.process.connections.append(connection)
    connection.text_factory = bytes
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    return connection
