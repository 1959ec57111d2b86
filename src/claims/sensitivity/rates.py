"""How many planted errors are noticed, by area and by whom, with exact limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from claims.kinds.intervals import count_interval
from claims.sensitivity.ledger import Found
from claims.sensitivity.plants import Plant

#: Confidence of the limits is 95 %.
ALPHA = 0.05
WHO = ("smoke", "standard", "tests", "either")


@dataclass(frozen=True, slots=True)
class Rate:
    """Of ``asked`` planted errors ``caught`` were noticed; Clopper-Pearson limits at 95 %."""

    caught: int
    asked: int

    @property
    def limits(self) -> tuple[float, float]:
        """Exact limits of the share."""
        return count_interval(self.caught, self.asked, ALPHA) if self.asked else (0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Row:
    """An area, how many errors were planted in it, how many nothing can notice, and who noticed the others."""

    area: str
    planted: int
    equivalent: int
    rates: dict[str, Rate]
    seeds: float | None


def row(area: str, tried: Sequence[tuple[Plant, Found]]) -> Row:
    """The row of some planted errors. Those that are equivalent count nowhere but in their own column."""
    real = [(plant, found) for plant, found in tried if not equivalent(plant) and not found.broken]
    same = sum(equivalent(plant) for plant, _ in tried)
    said: dict[str, Callable[[Found], str | bool | None]] = {
        "smoke": lambda found: found.smoke,
        "standard": lambda found: found.standard,
        "tests": lambda found: found.tests,
        "either": lambda found: found.caught,
    }
    rates = {}
    for who, of in said.items():
        answers = [of(found) for _, found in real]
        rates[who] = Rate(sum(bool(each) for each in answers), sum(each is not None for each in answers))
    seeds = sorted(found.seeds for _, found in real if found.seeds)
    return Row(area, len(tried), same, rates, seeds[len(seeds) // 2] if seeds else None)


def rows(tried: Sequence[tuple[Plant, Found]]) -> list[Row]:
    """A row for each area in the order of the lists, and one for all together."""
    areas = dict.fromkeys(plant.area for plant, _ in tried)
    return [
        *(row(area, [each for each in tried if each[0].area == area]) for area in areas),
        row("all", tried),
    ]


def equivalent(plant: Plant) -> bool:
    """Whether an entry says that it changes nothing that anybody could notice."""
    return plant.survives.startswith("equivalent:")


def survivors(tried: Sequence[tuple[Plant, Found]]) -> list[Plant]:
    """The planted errors that nobody noticed."""
    return [plant for plant, found in tried if not found.caught and not found.broken]


def from_json(document: Mapping[str, Any], plants: Iterable[Plant]) -> list[tuple[Plant, Found]]:
    """What :func:`to_json` wrote, of those errors that are on the lists now, in the same file and as wrong."""
    names = {field.name for field in fields(Found)}
    found = {
        (row["name"], row["file"], row["wrong"]): Found(**{key: row[key] for key in names})
        for row in document["planted"]
    }
    keys = ((plant, (plant.name, plant.file, plant.wrong)) for plant in plants)
    return [(plant, found[key]) for plant, key in keys if key in found]


def to_json(tried: Sequence[tuple[Plant, Found]]) -> dict[str, Any]:
    """Rows, and what became of each, as plain data."""
    return {
        "rows": [
            {**asdict(each), "rates": {who: [r.caught, r.asked, *r.limits] for who, r in each.rates.items()}}
            for each in rows(tried)
        ],
        "planted": [
            {"area": plant.area, "file": plant.file, "wrong": plant.wrong, "survives": plant.survives, **asdict(found)}
            for plant, found in tried
        ],
    }
