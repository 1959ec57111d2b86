"""What a locus names: "Theorem 3, eq. 13; Appendix B.2" as references to places of a paper."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

#: Words for the same kind of place. An appendix is a section whose number begins with a letter.
_KINDS = {
    "section": "section", "sections": "section", "appendix": "section", "appendices": "section", "§": "section",
    "theorem": "theorem", "theorems": "theorem", "lemma": "lemma", "lemmas": "lemma",
    "proposition": "proposition", "propositions": "proposition", "corollary": "corollary",
    "corollaries": "corollary", "fact": "fact", "facts": "fact", "remark": "remark", "remarks": "remark",
    "conjecture": "conjecture", "conjectures": "conjecture", "definition": "definition",
    "definitions": "definition", "table": "table", "tables": "table", "figure": "figure", "figures": "figure",
    "equation": "equation", "equations": "equation", "eq.": "equation", "eqs.": "equation", "eq": "equation",
    "footnote": "footnote", "footnotes": "footnote", "step": "step", "steps": "step", "exp": "experiment",
    "exps": "experiment", "experiment": "experiment", "experiments": "experiment", "limitation": "limitation",
    "limitations": "limitation", "contribution": "contribution", "contributions": "contribution", "item": "item",
    "items": "item", "stage": "stage", "stages": "stage",
}  # fmt: skip
#: No paper has a thousand of anything: "Tables 1 to 2000000000" names two.
_DIGITS = 3
_NUMBER = r"(?:[A-Z]\d*(?:\.\d+)*|\d+(?:\.\d+)*|[IVX]+)'?(?!\w)"


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))


_PLURALS = {word for word in _KINDS if word.endswith(("s", "s."))}
_SOME, _ONE = _any_of(_PLURALS), _any_of(_KINDS.keys() - _PLURALS)
#: A comma goes on only after a plural: "Tables 2, 3 and 5", but "Table 10, 256 x 512" is one table.
_REFERENCE = re.compile(
    rf"(?<!\w)(?P<some>(?i:{_SOME}))\s*(?P<list>{_NUMBER}(?:\s*(?:,|and|to|-|–)\s*{_NUMBER})*)"
    rf"|(?<!\w)(?P<one>(?i:{_ONE}))\s*(?P<pair>{_NUMBER}(?:\s*(?:and|to|-|–)\s*{_NUMBER})*)"
    r"|\((?P<assumption>A\d'?)\)|(?<!\w)(?P<problem>O\d[a-z]?)(?!\w)|(?<!\w)(?P<abstract>(?i:abstract))(?!\w)"
)
#: What stands in quotation marks is the paper's wording and names no place. An apostrophe is no quotation mark.
_QUOTED = re.compile(r"(?<!\w)'[^']*'(?!\w)")


class Reference(NamedTuple):
    """A place that a paper numbers: ``Reference("equation", "13")``."""

    kind: str
    number: str


def parts(locus: str) -> list[str]:
    """The places that a locus joins by semicolons."""
    masked, found, start = _mask(locus), [], 0
    for end in [*(match.start() for match in re.finditer(";", masked)), len(locus)]:
        found.append(locus[start:end].strip(" ,"))
        start = end + 1
    return [part for part in found if part]


def references(part: str) -> list[Reference]:
    """What a part of a locus names, in order.

    >>> [f"{kind} {number}" for kind, number in references("Appendix A.1, step A4, eq. 15 and 23")]
    ['section A.1', 'step A4', 'equation 15', 'equation 23']
    """
    return [reference for match in _REFERENCE.finditer(_mask(part)) for reference in _named(match)]


def only(text: str) -> Reference | None:
    """The reference that a text is, if it is one and nothing else."""
    match = _REFERENCE.fullmatch(text)
    found = list(_named(match)) if match else []
    return found[0] if len(found) == 1 else None


def natural(number: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts numbers of sections as a reader would: Abstract, 1, 2, 10, A, A.1."""
    if number == "Abstract":
        return ()
    return tuple((int(word), "") if word.isdecimal() and len(word) < 7 else (10**6, word) for word in number.split("."))


def _mask(text: str) -> str:
    """The text with blanks for what it quotes."""
    return _QUOTED.sub(lambda match: " " * len(match[0]), text)


def _named(match: re.Match[str]) -> Iterator[Reference]:
    if match["abstract"]:
        yield Reference("section", "Abstract")
    elif match["assumption"]:
        yield Reference("assumption", match["assumption"])
    elif match["problem"]:
        yield Reference("problem", match["problem"])
    else:
        kind = _KINDS[(match["some"] or match["one"]).lower()]
        for number in _spelled_out(match["list"] or match["pair"]):
            yield Reference(kind, number)


def _spelled_out(numbers: str) -> Iterator[str]:
    """Each number of a list: "3 and 4", "15 to 17", "E to G"."""
    last = ""
    for joint, number in re.findall(rf"(,|and|to|-|–)?\s*({_NUMBER})", numbers):
        span = joint in ("to", "-", "–")
        if span and last.isdecimal() and number.isdecimal() and len(number) <= _DIGITS:
            yield from map(str, range(int(last) + 1, int(number) + 1))
        elif span and len(last) == len(number) == 1:
            yield from map(chr, range(ord(last) + 1, ord(number) + 1))
        else:
            yield number
        last = number
