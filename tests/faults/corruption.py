"""Damaging copies of a store, and finding out whether anything that is read from them is not what was written.

Every case follows from two integers, so that ``run.py --seed S --only N`` repeats one.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from claims.cli import main
from claims.errors import StoreError
from claims.evidence.canonical import canonical_json
from claims.evidence.check import check
from claims.evidence.sqlite.rows import COLUMNS
from claims.evidence.store import Identity, Row, Store

#: Files of a store, by what they are called beside it.
PARTS = ("", "-wal", "-shm", "-lock")
NAME = "evidence.sqlite"
_PAGE = 4096


@dataclass(frozen=True)
class Specimen:
    """A store as some program left it.

    Attributes:
        folder: where its files are.
        truth: every row that was written, by key.
        identities: what they were measured under.
        measured: the same as an audit would put them.
    """

    folder: Path
    truth: dict[str, Row]
    measured: list[tuple[Identity, str, dict[str, Any], int, list[dict[str, Any]]]]

    def copy(self, folder: Path) -> Path:
        """A copy of the files in a folder that is emptied before; the path of the store."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return folder / NAME


def specimens(folder: Path, *, seed: int = 1, rows: int = 72) -> dict[str, Specimen]:
    """A store ``closed`` by its audit, ``alone`` without what lies beside it, ``killed`` in use, and ``copied`` then.

    A copy has the database and its log, as a user takes them along who knows SQLite.
    """
    draw = random.Random(seed)
    measured = [_seed(draw, number) for number in range(rows)]
    folder.mkdir(parents=True)
    path = folder / "made" / NAME
    made = {}
    with Store(path) as store:
        for number in range(0, rows, 4):
            identity, experiment, base, _, _ = measured[number]
            task = measured[number : number + 4]
            store.put(
                identity, experiment, base, [(seed, records, 0.125 * (1 + seed % 7)) for *_, seed, records in task]
            )
            if number == rows // 2 // 4 * 4:
                with sqlite3.connect(path) as other:  # half of it in the database, the rest in the log alone
                    other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                other.close()
        made["killed"] = Path(shutil.copytree(path.parent, folder / "killed"))
        for part in ("", "-wal"):
            made["copied"] = folder / "copied"
            made["copied"].mkdir(exist_ok=True)
            shutil.copyfile(path.with_name(NAME + part), made["copied"] / (NAME + part))
    with Store.reading(path) as store:
        truth = {row.key: row for row in store.rows()}
    for name, parts in (("closed", PARTS), ("alone", ("",))):
        made[name] = folder / name
        made[name].mkdir()
        for part in parts:
            if path.with_name(NAME + part).exists():
                shutil.copyfile(path.with_name(NAME + part), made[name] / (NAME + part))
    return {name: Specimen(place, truth, measured) for name, place in sorted(made.items())}


def _seed(draw: random.Random, number: int) -> tuple[Identity, str, dict[str, Any], int, list[dict[str, Any]]]:
    group = number // 12
    sweep = {"p": [0.01, 0.05]} if group % 2 else {}
    content = {
        "experiment": f"paper.model:block_{group}",
        "sweep": sweep,
        "epoch": 20260518,
        "code": f"{group:064x}",
        "environment": {"torch": "2.13", "machine": "x86_64"},
    }
    cells = [{"p": level} for level in sweep.get("p", [])] or [{}]
    records = [
        cell | {"mean": draw.gauss(0, 1), "many": [draw.gauss(0, 1e-3) for _ in range(draw.choice((1, 5, 40)))]}
        for cell in cells
    ]
    base = {"n": 512 * (1 + group), "arm": "plain"}
    return Identity.of(content), str(content["experiment"]), base, number % 12, records


# Damage: each changes the files of a store in place, and says what it did.


def flip_bit(path: Path, draw: random.Random) -> str:
    """One bit anywhere in the database."""
    return _change(path, draw, draw.randrange(path.stat().st_size), lambda byte: byte ^ (1 << draw.randrange(8)))


def change_byte(path: Path, draw: random.Random) -> str:
    """One byte anywhere in the database."""
    return _change(path, draw, draw.randrange(path.stat().st_size), lambda byte: byte ^ draw.randrange(1, 256))


def change_digit(path: Path, draw: random.Random) -> str:
    """One digit of what is written in digits: a value, a seed, a key."""
    content = path.read_bytes()
    at = draw.choice([i for i in range(100, len(content)) if 48 <= content[i] <= 57])
    return _change(path, draw, at, lambda byte: 48 + (byte - 48 + draw.randrange(1, 10)) % 10)


def change_several(path: Path, draw: random.Random) -> str:
    """Two to forty bytes in a row, or spread over the database."""
    size, count, run = path.stat().st_size, draw.randrange(2, 41), draw.random() < 0.5
    start = draw.randrange(size)
    for i in range(count):
        at = (start + i) % size if run else draw.randrange(size)
        _change(path, draw, at, lambda byte: byte ^ draw.randrange(1, 256))
    return f"{count} bytes from {start}" if run else f"{count} bytes"


def damage_header(path: Path, draw: random.Random) -> str:
    """A byte of the first page: SQLite's header and the tables' definitions."""
    return _change(path, draw, draw.randrange(_PAGE), lambda byte: byte ^ draw.randrange(1, 256))


def damage_index(path: Path, draw: random.Random) -> str:
    """A byte of a page of the index on keys."""
    at = draw.choice(_pages(path, "evidence_key")) * _PAGE + draw.randrange(_PAGE)
    return _change(path, draw, at, lambda byte: byte ^ draw.randrange(1, 256))


def damage_structure(path: Path, draw: random.Random) -> str:
    """A byte where a page says what is on it: the kind of page, the number of cells, where they begin."""
    pages = path.stat().st_size // _PAGE
    return _change(
        path, draw, draw.randrange(1, pages) * _PAGE + draw.randrange(64), lambda byte: byte ^ draw.randrange(1, 256)
    )


def truncate(path: Path, draw: random.Random) -> str:
    """The database cut off, at a page or anywhere."""
    size = path.stat().st_size
    keep = draw.randrange(size // _PAGE) * _PAGE if size > _PAGE and draw.random() < 0.5 else draw.randrange(size)
    os.truncate(path, keep)
    return f"cut to {keep} of {size}"


def lose_page(path: Path, draw: random.Random) -> str:
    """A page of zeros, of noise, or with the content of another one."""
    pages = path.stat().st_size // _PAGE
    at, how = draw.randrange(pages), draw.choice(("zeros", "noise", "copy"))
    with path.open("r+b") as file:
        file.seek(draw.randrange(pages) * _PAGE)
        content = {"zeros": bytes(_PAGE), "noise": draw.randbytes(_PAGE), "copy": file.read(_PAGE)}[how]
        file.seek(at * _PAGE)
        file.write(content)
    return f"page {at}: {how}"


def damage_log(path: Path, draw: random.Random) -> str:
    """The write-ahead log: bytes changed, cut off, or gone."""
    log = path.with_name(NAME + "-wal")
    how = draw.choice(("byte", "digit", "cut", "gone", "header", "several"))
    if how == "gone":
        log.unlink()
    elif how == "cut":
        return f"log {truncate(log, draw)}"
    elif how == "header":
        return "log header " + _change(log, draw, draw.randrange(32), lambda byte: byte ^ draw.randrange(1, 256))
    else:
        return "log " + {"byte": change_byte, "digit": change_digit, "several": change_several}[how](log, draw)
    return f"log {how}"


def damage_lock(path: Path, draw: random.Random) -> str:
    """The file beside the store that counts its rows: changed, cut off, or gone."""
    lock = path.with_name(NAME + "-lock")
    how = draw.choice(("byte", "cut", "gone"))
    if how == "gone":
        lock.unlink()
        return "lock gone"
    return "lock " + (change_byte if how == "byte" else truncate)(lock, draw)


def lose_rows(path: Path, draw: random.Random) -> str:
    """Rows deleted by a program that does not mind the guards: any, or the last ones."""
    with sqlite3.connect(path) as hand:
        hand.execute("DROP TRIGGER evidence_delete")
        count, numbers = draw.randrange(1, 6), [n for (n,) in hand.execute("SELECT n FROM evidence ORDER BY n")]
        lost = numbers[-count:] if draw.random() < 0.5 else draw.sample(numbers, count)
        hand.executemany("DELETE FROM evidence WHERE n = ?", [(n,) for n in lost])
    hand.close()
    return f"rows {lost} deleted"


def edit_column(path: Path, draw: random.Random) -> str:
    """A column of a row set to that of another one, by a program that does not mind the guards."""
    column = draw.choice([name for name in COLUMNS if name != "n"])
    with sqlite3.connect(path) as hand:
        hand.execute("DROP TRIGGER evidence_update")
        numbers = [n for (n,) in hand.execute("SELECT n FROM evidence")]
        at, other = draw.sample(numbers, 2)
        source = f"SELECT {column} FROM evidence WHERE n = ?"
        hand.execute(f"UPDATE evidence SET {column} = ({source}) WHERE n = ?", (other, at))
    hand.close()
    return f"{column} of row {at} as in row {other}"


#: Kind -> how often, the specimens it is done to, and what it does.
KINDS: dict[str, tuple[int, tuple[str, ...], Callable[[Path, random.Random], str]]] = {
    "bit": (20, ("closed", "alone", "killed"), flip_bit),
    "byte": (15, ("closed", "alone", "killed"), change_byte),
    "digit": (20, ("closed", "alone", "killed"), change_digit),
    "several bytes": (7, ("closed", "alone", "killed"), change_several),
    "header": (5, ("closed", "alone", "killed"), damage_header),
    "structure": (8, ("closed", "alone", "killed"), damage_structure),
    "index": (7, ("closed", "alone", "killed"), damage_index),
    "truncation": (5, ("closed", "alone", "killed"), truncate),
    "page": (5, ("closed", "alone", "killed"), lose_page),
    "log": (15, ("killed", "copied"), damage_log),
    "lock file": (3, ("closed", "killed"), damage_lock),
    "rows deleted": (4, ("closed", "alone"), lose_rows),
    "column edited": (6, ("closed", "alone"), edit_column),
}


@dataclass(frozen=True)
class Case:
    """One fault: its number, kind, where and what."""

    number: int
    kind: str
    specimen: str
    what: str
    outcome: str
    words: str


def cases(specimens: dict[str, Specimen], folder: Path, *, seed: int, numbers: range) -> Iterator[Case]:
    """Damage a copy for each number, and read it in every way."""
    names = [name for name, (weight, _, _) in KINDS.items() for _ in range(weight)]
    for number in numbers:
        draw = random.Random(f"{seed}:{number}")
        kind = draw.choice(names)
        chosen = draw.choice(KINDS[kind][1])
        specimen = specimens[chosen]
        path = specimen.copy(folder)
        what = KINDS[kind][2](path, draw)
        outcome, words = judged(specimen, path, spoken=number % 20 == 0)
        yield Case(number, kind, chosen, what, outcome, words)


def judged(specimen: Specimen, path: Path, *, spoken: bool) -> tuple[str, str]:
    """What becomes of a damaged store, and the words that were said; ``spoken``, by commands too."""
    said: list[str] = []
    try:
        outcomes = {read(specimen, path, said, strictly=spoken), checked(path, said)}
        if spoken:
            outcomes.add(said_by_commands(path, said))
        outcomes.add(audited(specimen, path, said))
    except Exception as error:  # noqa: BLE001  what is looked for
        return "traceback", f"{type(error).__name__}: {error}"
    return next(name for name in ("wrong", "lost", "found", "harmless") if name in outcomes), " | ".join(said)


def read(specimen: Specimen, path: Path, said: list[str], *, strictly: bool = True) -> str:
    """Export it, and list it: rows have to be those that were written, and all of them unless something is said."""
    before = {part: _bytes(path.with_name(NAME + part)) for part in ("", "-wal", "-lock")}
    try:
        with Store.reading(path, speak=said.append) as store:
            found = store.survey(strictly=strictly)
            contents = store.identities()
            groups = found.groups()
    except StoreError as error:
        said.append(str(error))
        return "found"
    finally:
        if {part: _bytes(path.with_name(NAME + part)) for part in before} != before:
            raise AssertionError("reading has changed a file")
    if any(row != specimen.truth.get(row.key) for row in found.rows):
        return "wrong"
    if any(canonical_json(contents[row.identity]) != _content(specimen, row.identity) for row in found.rows):
        return "wrong"
    if sum(group.seeds for group in groups) != len({row.key for row in found.rows}):
        return "wrong"
    said += found.faults
    if found.faults:
        return "found"
    return "harmless" if len(found.rows) == len(specimen.truth) else "lost"


def checked(path: Path, said: list[str]) -> str:
    """Check it."""
    try:
        report = check(path, sample=5)
    except StoreError as error:
        said.append(str(error))
        return "found"
    said += report.faults
    return "found" if report.faults else "harmless"


def said_by_commands(path: Path, said: list[str]) -> str:
    """What the command line says of it: a failure is a line and status 2, never a traceback, never status 1."""
    outcome = "harmless"
    for command in ("list", "export --csv -", "export --json - --sound", "check --sample 5", "check --json"):
        result = CliRunner().invoke(main, ["evidence", *command.split(), "--store", str(path)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        if result.exit_code not in (0, 2):
            raise AssertionError(f"status {result.exit_code}")
        outcome = "found" if result.exit_code else outcome
        said.append(f"{command}: {result.exit_code}")
    return outcome


def audited(specimen: Specimen, path: Path, said: list[str]) -> str:
    """Audit with it: take what is there, measure the rest, and have everything afterwards."""
    wanted = {key: (row.records, row.seconds) for key, row in specimen.truth.items()}
    speaks = len(said)
    try:
        with Store(path, speak=said.append) as store:
            there = store.get(wanted)
            if any(wanted[key] != (row.records, row.seconds) for key, row in there.items()):
                return "wrong"
            for identity, experiment, base, seed, records in specimen.measured:
                key = identity.key(base, seed)
                if key not in there:
                    store.put(identity, experiment, base, [(seed, records, wanted[key][1])])
            again = store.get(wanted)
        with Store(path, speak=said.append) as store:
            kept = store.get(wanted)
    except StoreError as error:
        said.append(str(error))
        return "found"
    if any(wanted[key] != (row.records, row.seconds) for found in (again, kept) for key, row in found.items()):
        return "wrong"
    if len(again) < len(wanted) or len(kept) < len(wanted):
        return "lost"  # what was measured and stored has to be found again
    return "found" if len(said) > speaks else "harmless"


def _content(specimen: Specimen, identity: str) -> str:
    return next(known.content for known, *_ in specimen.measured if known.digest == identity)


def _change(path: Path, draw: random.Random, at: int, change: Callable[[int], int]) -> str:
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)[0]
        new = change(old)
        file.seek(at)
        file.write(bytes([new]))
    return f"byte {at}: {old:#04x} -> {new:#04x}"


def _pages(path: Path, table: str) -> list[int]:
    """Numbers from zero of the pages of a table or index, by what SQLite's own tables of pages say, else all."""
    connection = sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True)
    try:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0] - 1
    finally:
        connection.close()
    content, found, todo = path.read_bytes(), [], [root]
    while todo:
        page = todo.pop()
        found.append(page)
        start = page * _PAGE
        if content[start] == 2:  # an interior page of an index: its children are in front of its cells
            cells = int.from_bytes(content[start + 3 : start + 5], "big")
            todo.append(int.from_bytes(content[start + 8 : start + 12], "big") - 1)
            for i in range(cells):
                at = start + int.from_bytes(content[start + 12 + 2 * i : start + 14 + 2 * i], "big")
                todo.append(int.from_bytes(content[at : at + 4], "big") - 1)
    return found


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None
