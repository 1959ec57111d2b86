"""Lists of planted errors: TOML files in which an entry is a text of a file, and the wrong text in its place.

A list, ``tests/planted/*.toml`` of a repository, says once what entries share and then has a line or a few for each::

    area = "closed forms"

    [[of]]
    file = "src/my_paper/theory.py"
    tests = ["tests/test_theory.py"]
    planted = [
        { name = "no-correction", old = "1 - 1 / n", new = "1.0", wrong = "the correction of finite n is left out" },
    ]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from claims import toml
from claims.errors import BadOption, InvalidDeclaration

#: Where the lists of a repository are.
LISTS = Path("tests/planted")
#: What an entry has to say, and what a list may say for all of its entries.
_SAID, _SHARED = ("name", "old", "new", "wrong"), ("area", "file", "tests", "claims", "modules", "environment", "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """One planted error.

    Attributes:
        name: of its own, in all lists.
        area: what of the code it is in; results are counted by area.
        file: the file, from the root of the repository.
        old: what is there, exactly once.
        new: what is there in its place.
        wrong: what that does wrong, in words.
        survives: why nothing can notice it, or why nothing does; empty if something has to.
        tests: files of tests, or tests in them, that are run, in this order; none are all that import the module.
        claims: globs on ids of the claims that are audited; none are all whose measurements run the module.
        modules: by which claims and tests are found, the module of the file if none are named.
        environment: variables while claims are audited.
        build: "path.py:function" that makes of a changed file what is loaded, for what is not Python.
    """

    name: str
    area: str
    file: str
    old: str
    new: str
    wrong: str
    survives: str = ""
    tests: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    environment: Mapping[str, str] = None  # type: ignore[assignment]  # an empty mapping, below
    build: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "environment", dict(self.environment or {}))
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):
                object.__setattr__(self, field.name, tuple(value))
            allowed = {"environment": dict}.get(field.name, tuple if isinstance(field.default, tuple) else str)
            if not isinstance(getattr(self, field.name), allowed):
                raise InvalidDeclaration(field.name, value, f"{allowed.__name__} (a list, in TOML, for tuple)")
        for name in ("area", "file", *_SAID):
            if not getattr(self, name) and name != "new":
                raise InvalidDeclaration(name, "", "something said by the entry or by its list")
        if self.old == self.new:
            raise InvalidDeclaration("new", self.new, "another text than old")

    def planted(self, root: Path) -> str:
        """The file's text with the error in it.

        Raises:
            InvalidDeclaration: there is no such file, or ``old`` is not in it exactly once; names the entry.
        """
        try:
            text = (root / self.file).read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidDeclaration("file", self.file, f"a file that can be read ({error})", where=self.name) from None
        found = text.count(self.old)
        if found != 1:
            raise InvalidDeclaration(
                "old", self.old, f"a text that {self.file} has once, not {found} times", where=self.name
            )
        return text.replace(self.old, self.new)

    def digest(self) -> str:
        """Of all that decides what is tried: words for readers, what is wrong and why it survives, do not."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        del said["wrong"], said["survives"], said["area"]
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def read(paths: Iterable[Path]) -> tuple[Plant, ...]:
    """The entries of some lists, or of all in some folders, in order.

    Raises:
        BadOption: a path is none, or a folder has no list.
        InvalidDeclaration: a list or an entry says something that it cannot, or two entries have one name.
    """
    found: list[Plant] = []
    for path in paths:
        lists = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        if not lists or not lists[0].is_file():
            raise BadOption("--planted", str(path), "a list of planted errors (TOML), or a folder of them")
        for each in lists:
            found += _of_list(each)
    names = [plant.name for plant in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidDeclaration("name", twice[0], "a name that no other entry has")
    return tuple(found)


def _of_list(path: Path) -> Sequence[Plant]:
    try:
        said = toml.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidDeclaration("list", str(path), f"a TOML file ({error})") from None
    groups = said.pop("of", None)
    if not isinstance(groups, list) or not groups:
        raise InvalidDeclaration("of", groups, "tables [[of]], each with entries", where=str(path))
    found = []
    for group in groups:
        entries = group.pop("planted", None) if isinstance(group, dict) else None
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            raise InvalidDeclaration("planted", entries, "a list of tables in each [[of]]", where=str(path))
        shared = {**said, **group}
        if unknown := sorted(set(shared) - set(_SHARED)):
            raise InvalidDeclaration(unknown[0], shared[unknown[0]], f"one of {', '.join(_SHARED)}", where=str(path))
        found += [_plant({**shared, **entry}, f"{path}: {entry.get('name', 'an entry')}") for entry in entries]
    return found


def _plant(said: Mapping[str, Any], where: str) -> Plant:
    known = {field.name for field in fields(Plant)}
    if unknown := sorted(set(said) - known):
        raise InvalidDeclaration(unknown[0], said[unknown[0]], f"one of {', '.join(sorted(known))}", where=where)
    if missing := [name for name in ("area", "file", *_SAID) if name not in said]:
        raise InvalidDeclaration(missing[0], "nothing", "something said by the entry or by its list", where=where)
    try:
        return Plant(**said)
    except InvalidDeclaration as error:
        raise error.within(where) from None
