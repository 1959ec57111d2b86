"""Two results side by side: verdicts and declarations that changed, estimates that moved, tolerances that grew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from claims.evidence.canonical import canonical_json
from claims.report.movement import chance_of, grown, moved, same
from claims.report.readings import name_of
from claims.report.words import at_words, estimate_words

Document = Mapping[str, Any]
Row = Mapping[str, Any]
Pairs = Sequence[tuple[Row, Row]]
#: Fingerprint of what an experiment runs, by its name.
Codes = Mapping[str, str]

#: What a claim declares once, and what of it is computed for each of its points.
_OF_CLAIMS = ("statement", "read_as", "locus", "role", "kind", "decides", "expected", "finding", "corrected_by")
_OF_POINTS = ("target", "band", "rival")
#: What stands for the verdict of what was not measured.
_DECLARED = "declared"
#: Characters of a fingerprint that are shown.
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """A claim, or one of its points (``at`` in words), that is not what it was; ``field`` of its declaration."""

    id: str
    at: str
    locus: str
    before: str
    after: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What two results do not have in common.

    Attributes:
        verdicts: of claims.
        points: verdicts of points of claims whose own verdict is what it was.
        readings: verdicts of readings, of claims that both have.
        estimates: that moved by more than their intervals.
        declarations: fields of claims, and of their points, that say something else.
        tolerances: those of them by which a band admits values that it refused before.
        narrowed: those of them by which a band refuses values that it admitted before, and admits no others.
        added: claims that only the second result has.
        removed: claims that only the first one has.
        removed_points: points that only the first one has, of claims that both have.
        removed_readings: readings that only the first one has, of claims that both have.
        settings: tier, epoch and environment.
        code: experiments that run other code than before.
        compared: estimates that both have.
        chance: bound of the probability that any of the estimates moved by chance alone.
    """

    verdicts: tuple[Change, ...]
    points: tuple[Change, ...]
    readings: tuple[Change, ...]
    estimates: tuple[Change, ...]
    declarations: tuple[Change, ...]
    tolerances: tuple[Change, ...]
    narrowed: tuple[Change, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    removed_points: tuple[Change, ...]
    removed_readings: tuple[Change, ...]
    settings: tuple[Change, ...]
    code: tuple[Change, ...]
    compared: int
    chance: float

    @property
    def weakened(self) -> bool:
        """Whether the second result promises less: what ``--strict`` fails for, apart from verdicts of claims."""
        return bool(self.tolerances or self.removed or self.removed_points or self.removed_readings) or bool(
            self.points or self.readings
        )

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def compare(before: Document, after: Document, codes: tuple[Codes, Codes] = ({}, {})) -> Difference:
    """The differences of two result documents, in the order of the second one.

    Verdicts are compared where both have one: of a claim that was only declared it is null.

    Args:
        before: the first.
        after: the second.
        codes: of both, fingerprints of what each experiment runs, by its name; empty where nobody knows.
    """
    old, new = ({claim["id"]: claim for claim in document["claims"]} for document in (before, after))
    common = [(old[name], new[name]) for name in new if name in old]
    points = [pair for claims in common for pair in _matching(*claims)]
    declared = [pair for claims in common for pair in _declared(*claims)]
    read = [pair for claims in common for pair in _read_alike(*claims)]
    measured = points + read
    estimated = [pair for pair in measured if all(row["estimate"] is not None for row in pair)]
    changed = {a["id"] for a, b in common if _decided_otherwise(a, b)}
    moved_points = [(a, b) for a, b in points if _decided_otherwise(a, b) and a["id"] not in changed]
    return Difference(
        verdicts=tuple(_verdict(a, b) for a, b in common if a["id"] in changed),
        points=tuple(_verdict(a, b) for a, b in moved_points),
        readings=tuple(_verdict(a, b) for a, b in read if _decided_otherwise(a, b)),
        estimates=tuple(_change(b, estimate_words(a), estimate_words(b)) for a, b in estimated if moved(a, b)),
        declarations=(
            *_declarations(common, _OF_CLAIMS),
            *_declarations(declared + read, _OF_POINTS),
            *_declarations(common + read, ("range",)),
            *(change for claims in common for change in _options(*claims)),
        ),
        tolerances=tuple(_bands((a, b) for a, b in declared + read if grown(a["band"], b["band"]))),
        narrowed=tuple(_bands((a, b) for a, b in declared + read if _narrowed(a["band"], b["band"]))),
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        removed_points=tuple(change for claims in common for change in _removed_points(*claims)),
        removed_readings=tuple(
            _change(row, row["verdict"] or _DECLARED, "")
            for a, b in common
            for key, row in _readings(a).items()
            if key not in _readings(b)
        ),
        settings=tuple(_settings(before, after)),
        code=tuple(_code(*codes)),
        compared=len(estimated),
        chance=chance_of(estimated),
    )


def _decided_otherwise(a: Row, b: Row) -> bool:
    """Whether both have a verdict, and not the same."""
    return a["verdict"] != b["verdict"] and None not in (a["verdict"], b["verdict"])


def _narrowed(before: Any, after: Any) -> bool:
    """Whether a band refuses values that it admitted before, and admits no others."""
    return grown(after, before) and not grown(before, after)


def _bands(pairs: Iterable[tuple[Row, Row]]) -> Iterator[Change]:
    return (_change(b, _band(a), _band(b), "band") for a, b in pairs)


def _code(before: Codes, after: Codes) -> Iterator[Change]:
    """Experiments that both know and that run other code; one that only one of them knows is of claims that are new."""
    for name, code in after.items():
        if name in before and before[name] != code:
            yield Change(name, "", "", before[name][:_SHOWN], code[:_SHOWN])


def _matching(a: Row, b: Row) -> list[tuple[Row, Row]]:
    """Points of a claim that both results have; none where one of them keeps no points."""
    known = {canonical_json(point["at"]): point for point in a["points"]}
    found = ((known.get(canonical_json(point["at"])), point) for point in b["points"])
    return [(other, point) for other, point in found if other is not None]


def _readings(claim: Row) -> dict[str, Row]:
    """The readings of a claim but the declared one, which its points say, by name; as rows that say whose they are."""
    return {
        name_of(row): {**row, "id": claim["id"], "locus": claim["locus"], "as_expected": None, "read": name_of(row)}
        for row in claim["readings"]
        if row["differs"] is not None
    }


def _read_alike(a: Row, b: Row) -> list[tuple[Row, Row]]:
    """The readings that a claim has in both results."""
    old, new = _readings(a), _readings(b)
    return [(old[name], new[name]) for name in new if name in old]


def _options(a: Row, b: Row) -> Iterator[Change]:
    """What is declared of the choices that the passage leaves open: options, and why they are fair ones."""
    before, after = (
        {name: "; ".join(row["because"].values()) + (" (the paper's own)" if row["own"] else "") for name, row in rows}
        for rows in ([(name_of(row), row) for row in claim["readings"]] for claim in (a, b))
    )
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield _change(b, before.get(name, "nothing"), after.get(name, ""), f"read as {name}")


def _declared(a: Row, b: Row) -> list[tuple[Row, Row]]:
    """Where the declarations of a claim can be compared: at its points.

    Of a result that keeps no points, by the one that speaks for the claim, which has its target from one of the points.
    """
    if a["points"] and b["points"]:
        return _matching(a, b)
    rows = ((x, y) for x in a["points"] or [a] for y in b["points"] or [b])
    return [next(((x, y) for x, y in rows if same(x["target"], y["target"])), (a, b))]


def _removed_points(a: Row, b: Row) -> Iterator[Change]:
    """Points that a claim had and has no more; a result that keeps no points says nothing of them."""
    left = {canonical_json(point["at"]) for point in b["points"]}
    for point in a["points"] if left else ():
        if canonical_json(point["at"]) not in left:
            yield _change(point, point["verdict"] or _DECLARED, "")


def _declarations(pairs: Pairs, fields: Sequence[str]) -> Iterator[Change]:
    for a, b in pairs:
        for field in fields:
            if not same(a.get(field), b.get(field)):
                yield _change(b, _said(a, field), _said(b, field), field)


def _said(row: Row, field: str) -> str:
    """A field in words, numbers with all their digits."""
    if field in ("band", "range"):
        return _pair(row.get(field))
    return "nothing" if row[field] is None else str(row[field])


def _band(row: Row) -> str:
    return _pair(row["band"])


def _pair(ends: Sequence[float | None] | None) -> str:
    if ends is None:
        return "nothing"
    lo, hi = ends
    if lo is None and hi is None:
        return "anything"
    return f"≤ {hi}" if lo is None else f"≥ {lo}" if hi is None else f"[{lo}, {hi}]"


def _verdict(a: Row, b: Row) -> Change:
    expected = f" (expected {b['expected']})" if b["as_expected"] is False else ""
    return _change(b, a["verdict"], f"{b['verdict']}{expected}")


def _change(row: Row, before: str, after: str, field: str = "") -> Change:
    at = ", ".join(filter(None, (f"read as {row['read']}" if "read" in row else "", at_words(row.get("at", {})))))
    return Change(row["id"], at, row["locus"], before, after, field)


def _settings(before: Document, after: Document) -> Iterator[Change]:
    """Tier, epoch and environment, where they are not the same; nothing of what was only declared."""
    if before["tier"] is None or after["tier"] is None:
        return
    flat = [
        {"tier": document["tier"], "epoch": document["epoch"], **document["environment"]}
        for document in (before, after)
    ]
    for name in dict.fromkeys([*flat[0], *flat[1]]):
        values = [str(document.get(name, "nothing")) for document in flat]
        if values[0] != values[1]:
            yield Change(name, "", "", *values)
