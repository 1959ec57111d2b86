"""Result documents read back from JSON: held to the published schema first, since anything may stand in a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, NoReturn

from claims.auditing.decision import combine_readings
from claims.errors import InvalidResult
from claims.fields import is_text
from claims.verdict import DEPENDS, Verdict

#: Name of the last audit's result, beside the store that it measured into.
LATEST = "latest.json"
#: Name of the first page in the folder of a result's pages.
PAGE = "index.html"
#: Characters of a name that a message shows.
_SHOWN = 200
#: The schemas of a result by their number, JSON Schema draft 7, the present one last: ``claimbench report --schema``
#: prints it. The others never change again: files that keep to them are read.
SCHEMA_FILES = {
    number: Path(__file__).with_name(name) for number, name in ((1, "result.schema.1.json"), (2, "result.schema.json"))
}
#: What of a claim's rows, and of a claim, a result of schema 1 does not say.
_OF_ROWS: Mapping[str, Any] = {"read_as": None}
_OF_CLAIMS: Mapping[str, Any] = {"readings": []}


def result_file(path: Path) -> Path:
    """The file of a result: of a store, or of its folder, the last audit's there."""
    if path.is_dir():
        return path / LATEST
    return path.with_name(LATEST) if path.suffix == ".sqlite" else path


def load_result(path: Path) -> dict[str, Any]:
    """A result document in the form of the present schema; a store or its folder stands for the last audit there.

    Raises:
        InvalidResult: no such file, not JSON, another schema, or a field is missing or wrong.
    """
    path = result_file(path)
    try:
        document = parsed(path.read_text(encoding="utf-8"))
        check(document)
    except InvalidResult as error:
        raise InvalidResult(f"{path}: {error}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidResult(f"{path}: no readable result: {error}") from error
    return _today(document)


def _today(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document that keeps to one of the schemas in the form of the present one."""
    number = max(SCHEMA_FILES)
    if document["schema"] == number:
        return dict(document)
    claims = [
        {**claim, **_OF_ROWS, **_OF_CLAIMS, "points": [{**point, **_OF_ROWS} for point in claim["points"]]}
        for claim in document["claims"]
    ]
    return {**document, "schema": number, "claims": claims}


def parsed(text: str) -> Any:
    """JSON in which no name of an object stands twice and every number is one.

    Raises:
        ValueError: it is not.
    """
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_object)


def check(document: Any) -> None:
    """Refuse what is no result document, of the present schema or of one before it.

    Raises:
        InvalidResult: names the first field that is missing or wrong, what was got and what is allowed.
    """
    from fastjsonschema import JsonSchemaValueException

    made = schema(_number(document))
    try:
        _validator(_number(document))(document)
    except JsonSchemaValueException as error:
        field = (error.name or "").removeprefix("data").removeprefix(".")
        definition, got = error.definition, error.value
        if error.rule == "required":
            missing = next(name for name in error.rule_definition if name not in got)
            raise _refusal(
                _joined(field, missing), "nothing", _described(definition["properties"][missing], made)
            ) from None
        raise _refusal(field or "the file", shortened(got), _described(definition, made)) from None
    for field, got, allowed in _contradictions(document):
        raise _refusal(field, shortened(got), allowed)


def _refusal(field: str, got: str, allowed: str) -> InvalidResult:
    """One sentence, however long the names in the file are."""
    field, allowed = (text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…" for text in (field, allowed))
    return InvalidResult(f"{field}: got {got}; allowed: {allowed}")


def _number(document: Any) -> int:
    """The schema that a document says it keeps to; the present one if it names none that there is."""
    number = document.get("schema") if isinstance(document, dict) else None
    return number if type(number) is int and number in SCHEMA_FILES else max(SCHEMA_FILES)


@cache
def schema(number: int = max(SCHEMA_FILES)) -> dict[str, Any]:
    """The schema of a result, the present one or one before it."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILES[number].read_text(encoding="utf-8"))
    return loaded


@cache
def _validator(number: int) -> Callable[[Any], Any]:
    """The schema as a function. ``fastjsonschema`` compiles it: 20,000 claims take seconds, and a minute without."""
    import fastjsonschema

    compiled: Callable[[Any], Any] = fastjsonschema.compile(schema(number), use_default=False)
    return compiled


def _described(definition: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """What a schema allows, in its own words."""
    name = definition.get("$ref", "").rpartition("/")[2]
    return str((made["definitions"][name] if name else definition)["description"])


def _joined(field: str, name: str) -> str:
    return f"{field}.{name}" if field else name


def _contradictions(document: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """What no schema can say: field, what was got, what is allowed."""
    for name, count in Counter(claim["id"] for claim in document["claims"]).items():
        if count > 1:
            yield "claims", name, "each claim once"
    for i, claim in enumerate(document["claims"]):
        where = f"claims[{i}]"
        yield from _contradictions_of_row(claim, where)
        if document["schema"] == max(SCHEMA_FILES):
            yield from _contradictions_of_readings(claim, where)
        for j, point in enumerate(claim["points"]):
            yield from _contradictions_of_row(point, f"{where}.points[{j}]")
            if point["id"] != claim["id"]:
                yield f"{where}.points[{j}].id", point["id"], f"{claim['id']}, as of its claim"
    for where, text in _texts(document, ""):
        if not is_text(text):
            yield where, text, "text that UTF-8 can write: no lone surrogates"


def _contradictions_of_row(row: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    if row["paper"] != row["id"].partition(".")[0]:
        yield f"{where}.paper", row["paper"], f"the first part of its id, {row['id'].partition('.')[0]}"
    yield from _contradictions_of_figures(row, where)


def _contradictions_of_readings(claim: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    """A claim's verdict is that of its readings together; without any it cannot depend on them."""
    readings = claim["readings"]
    for i, reading in enumerate(readings):
        yield from _contradictions_of_figures(reading, f"{where}.readings[{i}]")
    if readings:
        together = combine_readings(Verdict(reading["verdict"]) for reading in readings)
        if claim["verdict"] != together:
            yield f"{where}.verdict", claim["verdict"], f"{together}, as of its readings together"
    elif claim["verdict"] == DEPENDS:
        yield f"{where}.readings", [], "readings that disagree, of a claim that depends on them"


def _contradictions_of_figures(row: Mapping[str, Any], where: str) -> Iterator[tuple[str, Any, str]]:
    second = row["confirmation"] or {}
    pairs = {"band": row["band"], "interval": row["interval"], "confirmation.interval": second.get("interval")}
    for name, pair in pairs.items():
        if pair is not None and None not in pair and pair[0] > pair[1]:
            yield f"{where}.{name}", pair, "the lower edge first"


def _texts(value: Any, where: str) -> Iterator[tuple[str, str]]:
    """Every string of a document, names of fields included, with its place."""
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield _joined(where, name), name
            yield from _texts(inner, _joined(where, name))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _texts(inner, f"{where}[{i}]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose names stands once: readers would not agree on which of two counts."""
    made = dict(pairs)
    if len(made) < len(pairs):
        doubled = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"{shortened(doubled)} stands twice in one object")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON number")
