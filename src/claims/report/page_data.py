"""What the page's script draws and sorts: a result with what the catalogue knows of its claims, compact plain data.

Fields that are null are left out, the usual ones (a label that is the verdict, what is as expected, a paper that the id
begins with), and those that are the same in a point as in its claim. Figures come with the words they are shown in, so
that a page says nothing in other digits than a terminal does: a list in the order of ``WORDS``, where 0 is the claim's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from claims.claim import Claim
from claims.outline.responses import Response
from claims.paper import Paper
from claims.report.author import WHO
from claims.report.findings import by_importance
from claims.report.numbers import band_text, estimate_text, interval_text, number
from claims.report.readings import curve
from claims.report.relation import relation_of
from claims.report.seeds import power_words, reach_words, shape_words, unseen_words
from claims.report.summary import NOT_MEASURED, label
from claims.report.visible import visible
from claims.report.why import error_rates, experiments
from claims.report.words import compared_words, expectation_words, figure_words, seeds_words, target_words
from claims.verdict import Role, Tier, Verdict

Row = Mapping[str, Any]

#: Fields of a claim that are shown as they are.
_CLAIM = ("id", "role", "locus", "statement", "read_as", "kind", "decides", "finding", "corrected_by")
#: Fields that a claim and each of its points have.
_POINT = ("verdict", "target", "band", "estimate", "interval", "seeds", "rival", "margin", "alpha", "reason")
#: Significant digits of bands and intervals, and of looks; words have their own.
_DIGITS, _COARSE = 9, 6
#: Decimal places of a look beyond the first digit of its interval's width.
_FINE = 2
#: What is said of a figure, in words.
WORDS = ("estimate", "interval", "band", "seeds", "target", "rival", "sharpness", "confirmation")
#: Steps between the smallest and the largest value of seeds: dots a thousandth of a drawing apart are one.
_STEPS = 999
#: The expectation that the script takes a claim to have without one.
USUAL = "as expected"


@dataclass(frozen=True, slots=True)
class Known:
    """What a catalogue knows beside a result.

    Attributes:
        papers: by key.
        claims: declarations by id.
        sections: headings of each paper in its order, with the ids of the claims about them.
        places: file and line that declare a claim, by its id.
        files: claim files, which a command has to name again.
        responses: what authors answer, by the claim's id.
    """

    papers: Mapping[str, Paper] = field(default_factory=dict)
    claims: Mapping[str, Claim] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, Iterable[str]]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    responses: Mapping[str, tuple[Response, ...]] = field(default_factory=dict)


class Pool:
    """Values that occur often, each kept once; ``pool(value)`` is its place in ``values``."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def __call__(self, value: str) -> int:
        """Where a value is kept."""
        return self.values.setdefault(value, len(self.values))


def page_data(document: Mapping[str, Any], known: Known) -> dict[str, Any]:
    """The data of a page, without anything that no UTF-8 or JSON could write.

    Args:
        document: a result, as ``load_result`` gives it.
        known: what there is beside it.
    """
    rows = document["claims"]
    keys = list(dict.fromkeys(row["paper"] for row in rows))
    ranks = {row["id"]: i for i, row in enumerate(by_importance(rows))}
    risks, modules, names, formulas, forms = Pool(), Pool(), Pool(), Pool(), Pool()
    about = _about(known, keys)
    claims = []
    for row in rows:
        name, tier = row["id"], document["tier"]
        made = _claim(row, known.claims.get(name), tier=tier) | {"rank": ranks[name], "sections": about.get(name)}
        if name in known.claims:
            made["risk"] = risks(error_rates(known.claims[name]))
            made["experiments"] = [names(each) for each in experiments(known.claims[name])] or None
        tex, relation = formula_of(row, known), relation_of(row, known.claims.get(name))
        made["formula"] = formulas(tex) if tex else None
        made["relation"] = None if relation is None else [forms(relation.form), *relation.figures]
        file, _, line = known.places.get(name, "").partition(":")
        made |= {
            "readings": _readings(row),
            "responses": [asdict(each) for each in known.responses.get(name, ())] or None,
        }
        made |= {"place": [modules(file), *([int(line)] if line else [])]} if file else {}
        claims.append({field: value for field, value in made.items() if value not in (None, "")})
    return dict(
        _shown(
            {
                "tier": document["tier"],
                "epoch": document["epoch"],
                "environment": document["environment"],
                "papers": {key: known.papers[key].title if key in known.papers else key for key in keys},
                "sections": {key: list(known.sections.get(key, {})) for key in keys},
                "verdicts": [*map(str, Verdict), NOT_MEASURED],
                "roles": list(map(str, Role)),
                "tiers": list(map(str, Tier)),
                "who": {role.value: words for role, words in WHO.items()},
                "files": list(known.files),
                "risks": list(risks.values),
                "modules": list(modules.values),
                "words": list(WORDS),
                "formulas": list(formulas.values),
                "forms": list(forms.values),
                "experiments": list(names.values),
                "claims": claims,
            }
        )
    )


def formula_of(row: Row, known: Known) -> str:
    """TeX of a claim's mathematics: of the result, else of the declaration; empty where neither has one."""
    declared = known.claims.get(row["id"])
    return str(row.get("formula") or (declared.formula if declared is not None else ""))


def _about(known: Known, keys: Iterable[str]) -> dict[str, list[int]]:
    """The sections that each claim is about, by their place in the paper."""
    found: dict[str, list[int]] = {}
    for key in keys:
        for i, ids in enumerate(known.sections.get(key, {}).values()):
            for name in ids:
                found.setdefault(name, []).append(i)
    return found


def _claim(row: Row, declared: Claim | None, *, tier: str) -> dict[str, Any]:
    made = {name: row[name] for name in _CLAIM}
    made |= _figures(row, declared)
    said, expectation = label(row, tier), expectation_words(row)
    made |= {"label": said} if said != row["verdict"] else {}
    made |= {"expectation": expectation} if expectation != USUAL else {}
    made |= {"differs": True} if row["as_expected"] is False else {}
    axes = list(dict.fromkeys(axis for point in row["points"] for axis in point["at"]))
    points = [_point(point, made, declared, axes) for point in row["points"]]
    made["words"] = _trimmed(made["words"])
    made |= {"shape": shape_words(row), "power": power_words(row), "unseen": reach_words(row) or unseen_words(row)}
    return made | _declared(declared) | {"axes": axes or None, "points": points or None}


def _readings(row: Row) -> list[dict[str, Any]] | None:
    """The claim's readings, each with what the page draws of it: a curve of intervals against bands."""
    found = curve(row)
    one_scale = len({tuple(each.row["band"] or ()) for each in found}) == 1
    return [
        {
            "name": each.name,
            "note": each.note,
            "verdict": each.row["verdict"],
            "figures": each.figures,
            "because": list(each.because),
            "shared": one_scale,
        }
        | {edge: _rounded(each.row[edge]) for edge in ("band", "estimate", "interval") if each.row[edge] is not None}
        for each in found
    ] or None


def _declared(claim: Claim | None) -> dict[str, Any]:
    """What only the declaration says."""
    if claim is None:
        return {}
    made: dict[str, Any] = {"compared": compared_words(claim)}
    if claim.band is not None:
        made |= {"provenance": claim.band.provenance.value, "because": claim.band.because}
    return made


def _figures(row: Row, declared: Claim | None) -> dict[str, Any]:
    """The figures of a claim or of a point, and the words for them."""
    made = {name: _rounded(row[name]) for name in _POINT if row[name] is not None}
    words = {
        "target": target_words(row, declared),
        "estimate": figure_words(row),
        "interval": interval_text(row["interval"]),
        "band": band_text(row["band"]),
        "rival": "" if row["rival"] is None else number(row["rival"]),
        "sharpness": "" if row["sharpness"] is None else f"{row['sharpness']:.3g}",
        "seeds": seeds_words(row),
    }
    second = row["confirmation"]
    if second is not None:
        figures = f"{estimate_text(second['estimate'], second['interval'])} {interval_text(second['interval'])}"
        words["confirmation"] = f"{second['verdict']}, {figures.strip()}" if figures.strip() else second["verdict"]
    return made | {"words": [words.get(name, "") for name in WORDS]}


def _point(point: Row, claim: Mapping[str, Any], declared: Claim | None, axes: list[str]) -> dict[str, Any]:
    """What of a point is not as in its claim; a field of the claim that the point lacks is null."""
    figures = _figures(point, declared)
    made = {name: value for name, value in figures.items() if claim.get(name) != value}
    made |= {name: None for name in _POINT if name in claim and name not in figures}
    made |= {"at": [point["at"].get(axis) for axis in axes]} if axes else {}
    if "words" in made:
        said = zip(figures["words"], claim["words"], strict=True)
        made["words"] = _trimmed([0 if ours == theirs and ours else ours for ours, theirs in said])
    taken = point.get("looks", ())
    looks = [_look(look) for look in _some(taken)] if point["seeds"] > 1 and taken and taken[0]["interval"] else []
    values = _placed(point.get("values", ()))
    return made | ({"looks": looks} if looks else {}) | ({"values": values} if values else {})


def _trimmed(words: list[Any]) -> list[Any]:
    """Without the empty words at the end."""
    last = max((i for i, word in enumerate(words, 1) if word != ""), default=0)
    return words[:last]


def _placed(values: Sequence[float]) -> list[float]:
    """Smallest and largest value, then where each lies between them, in thousandths; empty for none."""
    if not values:
        return []
    lo, hi = min(values), max(values)
    width = hi / 2 - lo / 2  # of halves: no two numbers are too far apart
    places = [round((value / 2 - lo / 2) / width * _STEPS) if width else 0 for value in values]
    return [_rounded(float(lo), _COARSE), _rounded(float(hi), _COARSE), *places]


def _some(looks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those after a power of two of seeds, and the last of each block: a drawing of all has no room for them."""
    last = {look["block"]: look["seeds"] for look in looks}
    return [look for look in looks if look["seeds"].bit_count() == 1 or look["seeds"] == last[look["block"]]]


def _look(look: Mapping[str, Any]) -> list[Any]:
    """Of one that is drawn: seeds, estimate, interval, place of the verdict, and 1 on the block that confirms."""
    estimate, interval = look["estimate"], look["interval"]
    figures = [look["seeds"], *(_drawn(value, interval) for value in (estimate, interval))]
    return [*figures, list(Verdict).index(Verdict(look["verdict"])), *([1] if look["block"] == "confirmation" else [])]


def _drawn(value: Any, interval: Sequence[float | None] | None) -> Any:
    """Numbers of a look to a hundredth of its interval, a pixel of its drawing."""
    lo, hi = interval or (None, None)
    width = 0.0 if lo is None or hi is None else hi - lo
    if not (0.0 < width < math.inf):
        return _rounded(value, _COARSE)
    if isinstance(value, list | tuple):
        return [_drawn(each, interval) for each in value]
    return value if value is None else _rounded(round(value, _FINE - math.floor(math.log10(width))))


def _rounded(value: Any, digits: int = _DIGITS) -> Any:
    """Numbers to so many significant digits, in lists too: a drawing has a thousand pixels at most."""
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e9 else float(f"{value:.{digits}g}")
    return [_rounded(each, digits) for each in value] if isinstance(value, list | tuple) else value


def _shown(value: Any) -> Any:
    """Text with what would not be seen escaped, everywhere, names of fields too."""
    if isinstance(value, str):
        return visible(value, lines=True)
    if isinstance(value, dict):
        return {visible(name): _shown(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [inner if type(inner) in (int, float) else _shown(inner) for inner in value]
    return value
