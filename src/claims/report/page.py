"""The report: one static HTML page that opens from disk and loads nothing. Text of claims is data, all escaped.

What reads without a script is written here: papers, findings, a plain table. A script of ours, the only one that the
page's policy lets run, makes the list that can be searched and the view of one claim from data in the page.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from claims.auditing.decision import ALPHA_AUDIT, ALPHA_CLAIM
from claims.calibration.record import recorded
from claims.paper import Paper
from claims.report.calibration_drawing import place, strips
from claims.report.mathml import shown, with_slots
from claims.report.numbers import number
from claims.report.page_data import Known, page_data
from claims.report.plot import WIDTH
from claims.report.readings import name_of
from claims.report.summary import NOT_MEASURED, label, summarise
from claims.report.visible import visible
from claims.report.words import (
    at_words,
    band_words,
    compared_words,
    estimate_words,
    expectation_words,
    seeds_words,
)
from claims.verdict import Role, Verdict

#: Findings on the first screen; the list has them all.
_FIRST = 6
_SCRIPTS = ("elements", "drawing", "list", "claim", "address")
#: Whose statements are counted together, in words.
_WHOSE = {
    Role.PAPER: "Of what the paper says:",
    Role.IMPLIED: "Of what it implies, as it is read here:",
    Role.REPLICATION: "On the paper's own model:",
    Role.TRANSFER: "The same on another model:",
    Role.OURS: "Of what this project says instead or besides:",
    Role.CONTROL: "Of controls, false or undecidable on purpose:",
}
_PLAINLY = {
    "HOLDS": "hold",
    "REFUTED": "do not",
    "DEPENDS": "depend on the reading",
    "UNDECIDED": "undecided",
    "UNAVAILABLE": "not to be measured here",
}


@dataclass(frozen=True, slots=True)
class Group:
    """How many of a paper's claims with one role have each verdict.

    Attributes:
        words: whose statements they are.
        view: the address of the list with these claims alone.
        counts: by verdict, in the order of the verdicts.
        bars: of a drawing 100 wide: left edge, width, and the class of each verdict.
    """

    words: str
    view: str
    counts: tuple[tuple[str, int], ...]
    bars: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A paper with the counts of its claims."""

    paper: Paper
    groups: tuple[Group, ...]


def render(
    document: Mapping[str, Any], *, known: Known | None = None, notice: str = "", coverage_page: str = ""
) -> str:
    """The page of a result document.

    Args:
        document: a result, as ``load_result`` gives it.
        known: what a catalogue knows of its papers and claims; what it does not know is shown by its name.
        notice: a line at the top, for instance that the audit was stopped.
        coverage_page: file name of the page about what is covered, to link to.
    """
    known = known or Known()
    rows, code, data = document["claims"], script(), page_data(document, known)
    page: str = (
        _environment(document["tier"])
        .get_template("page.html")
        .render(
            document=document,
            known=known,
            notice=notice,
            coverage_page=coverage_page,
            parts=_parts(rows, known.papers, document["tier"]),
            summary=summarise(document),
            first=_FIRST,
            total=len(rows),
            calibration=_calibration(),
            alpha_claim=f"{ALPHA_CLAIM:.0e}",
            alpha_audit=f"{ALPHA_AUDIT:.0%}",
            data=Markup(embedded(data)),
            formulas=[shown(tex) for tex in data["formulas"]],
            forms=[with_slots(form) for form in data["forms"]],
            formula_of=[claim.get("formula") for claim in data["claims"]],
            script=Markup(code),
            digest="sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode(),
        )
    )
    return page


def _calibration() -> dict[str, Any]:
    """The calibration on record, as the page draws it."""
    record = recorded()
    return {"alpha": record["alpha"], "promised": place(record["alpha"]), "strips": strips(record)}


def embedded(data: Any) -> str:
    """JSON that is the same data in HTML, in XML and by itself, and ends no element."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


@cache
def script() -> str:
    """The page's script. Its parts share one scope; XML readers take it as it is, like HTML readers do."""
    folder = Path(__file__).with_name("script")
    parts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in _SCRIPTS]
    return "\n".join(['//<![CDATA[\n"use strict";\n(() => {', *parts, "})();\n//]]>"])


def _parts(rows: Iterable[Mapping[str, Any]], papers: Mapping[str, Paper], tier: str) -> list[Part]:
    """Papers in the order of the result, roles in that of their declaration."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for row in rows:
        roles = found.setdefault(row["paper"], {role: Counter() for role in _WHOSE})
        roles[row["role"]][label(row, tier)] += 1
    return [
        Part(
            papers.get(key, Paper(key=key, title=key)),
            tuple(_group(key, Role(role), counts) for role, counts in roles.items() if counts),
        )
        for key, roles in found.items()
    ]


def _group(paper: str, role: Role, counts: Counter[str]) -> Group:
    ordered = tuple((name, counts[name]) for name in (*map(str, Verdict), NOT_MEASURED) if counts[name])
    return Group(_WHOSE[role], f"paper={quote(paper)}&role={role}", ordered, tuple(_bars(ordered)))


def _bars(counts: Sequence[tuple[str, int]]) -> Iterable[tuple[str, str, str]]:
    total, x = sum(count for _, count in counts), 0.0
    for name, count in counts:
        width = 100 * count / total
        yield f"{x:.2f}", f"{width:.2f}", tone(name)
        x += width


def tone(name: str) -> str:
    """The class of a verdict, or of what is counted like one."""
    return name.replace(" ", "-")


def plainly(name: str, tier: str) -> str:
    """A verdict as a verb: "271 hold"."""
    return f"not measured at {tier}" if name == NOT_MEASURED else _PLAINLY.get(name, name.lower())


def template(name: str) -> Template:
    """A template of this folder."""
    return _environment("").get_template(name)


@cache
def _environment(tier: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "at": at_words,
        "number": number,
        "seeds": seeds_words,
        "expectation": expectation_words,
        "figures": estimate_words,
        "reading": name_of,
        "label": lambda row: label(row, tier),
        "tone": lambda row: tone(label(row, tier)),
        "plainly": plainly,
        "percent": lambda share: f"{share:.0%}",
    }
    environment.globals |= {"width": WIDTH, "demand": band_words, "compared": compared_words}
    return environment


def _shown(value: Any) -> Any:
    """Text with what would not be seen escaped, before it is escaped for HTML; markup and numbers as they are."""
    return visible(value, lines=True) if type(value) is str else value
