"""A result as JUnit XML, for the test views of continuous integration: a suite a paper, a case a claim."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from claims.report.numbers import band_text
from claims.report.summary import NOT_MEASURED, label
from claims.report.visible import visible
from claims.report.words import estimate_words, verdict_words
from claims.verdict import ERROR, HOLDS, REFUTED, UNAVAILABLE

Row = Mapping[str, Any]

#: What XML 1.0 cannot write, not even as a reference.
_NO_XML = re.compile("[^\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(document: Mapping[str, Any]) -> str:
    """A result document as XML.

    A verdict that contradicts the record is a failure, an error while measuring an error; what is undecided, not
    measured at the tier or not available is skipped, with the reason. A paper's false claim that is refuted as expected
    passes, like everything else that is as expected.
    """
    root = ElementTree.Element("testsuites", name="claimbench")
    suites: dict[str, ElementTree.Element] = {}
    for row in document["claims"]:
        suite = suites.get(row["paper"])
        if suite is None:
            suite = suites[row["paper"]] = ElementTree.SubElement(root, "testsuite", name=row["paper"])
        suite.append(_case(row, document["tier"]))
    for suite in suites.values():
        _count(suite)
    _count(root)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(row: Row, tier: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=row["paper"], name=row["id"], time=_time(row["seconds"] or 0.0))
    found = _outcome(row, tier)
    if found is not None:
        tag, message = found
        outcome = ElementTree.SubElement(case, tag, message=_text(message))
        outcome.text = _text(f"{row['statement']}\n{row['locus']}\n{_figures(row)}".strip())
    elif _figures(row):
        ElementTree.SubElement(case, "system-out").text = _text(f"{verdict_words(row)}: {_figures(row)}")
    return case


def _outcome(row: Row, tier: str) -> tuple[str, str] | None:
    """The element that says what is the matter, and its message; None if nothing is."""
    reason = f": {row['reason']}" if row["reason"] else ""
    if row["verdict"] == ERROR:
        return "error", str(row["reason"] or ERROR)
    if row["as_expected"] is False:
        return "failure", f"{row['verdict']}, expected {row['expected']}{reason}"
    if label(row, tier) == NOT_MEASURED or row["verdict"] == UNAVAILABLE:
        return "skipped", str(row["reason"] or row["verdict"])
    if row["verdict"] not in (HOLDS, REFUTED, row["expected"]):
        return "skipped", f"{verdict_words(row)}{reason}"
    return None


def _figures(row: Row) -> str:
    if row["estimate"] is None:
        return ""
    band = band_text(row["band"])
    return f"{estimate_words(row)} against {band}" if band else estimate_words(row)


def _count(node: ElementTree.Element) -> None:
    cases = list(node.iter("testcase"))
    node.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        node.set(name, str(sum(case.find(tag) is not None for case in cases)))
    node.set("time", _time(sum(float(case.get("time", "0")) for case in cases)))


def _time(seconds: float) -> str:
    return f"{seconds:.3f}"


def _text(words: str) -> str:
    """Text that XML can write: what it cannot, and what would not be seen, as escapes."""
    return _NO_XML.sub(lambda match: match[0].encode("unicode_escape").decode(), visible(words, lines=True))
