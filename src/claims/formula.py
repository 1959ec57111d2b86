"""Formulas of claims: TeX of mathematics and nothing else, declared with a claim or, for many, in a file of the pack.

    [[formula]]
    tex = 'c(p) = \\frac{s(p)}{2p}'
    claims = ["my-paper.theorem-3.*", "my-paper.table-2.row-*"]

What is declared is looked at here as far as that is cheap; ``claimbench pack check`` typesets it as a page does.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import InvalidDeclaration
from claims.fields import check_names, check_text

if TYPE_CHECKING:
    from claims.claim import Claim

#: Characters of a formula, and braces, fences and environments inside one another: what a reader would still read.
_LONGEST, _DEEPEST = 2_000, 30
#: Control sequences that do something else than show mathematics: they define, fetch, link or style.
_REFUSED = frozenset(
    {
        "catcode", "char", "class", "color", "colorbox", "cssId", "csname", "data", "DeclareMathOperator", "def",
        "edef", "expandafter", "fcolorbox", "gdef", "global", "href", "hspace", "html", "htmlClass", "htmlData",
        "htmlId", "htmlStyle", "image", "include", "includegraphics", "input", "label", "let", "mathchoice",
        "newcommand", "newenvironment", "providecommand", "read", "ref", "renewcommand", "require", "style", "tag",
        "textcolor", "unicode", "url", "verb", "write", "xdef",
    }
)  # fmt: skip
#: Environments that can be typeset.
_ENVIRONMENTS = frozenset(
    {
        "align*", "array", "bmatrix", "Bmatrix", "cases", "matrix", "pmatrix", "smallmatrix", "split", "vmatrix",
        "Vmatrix",
    }
)  # fmt: skip
_TOKEN = re.compile(r"\\(?:[A-Za-z]+|.)|[{}$%#~]", re.DOTALL)
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]+\*?)\}")
_OPENS = {"{": "}", r"\left": r"\right", r"\begin": r"\end"}
_ALLOWED = "TeX of a formula, as between dollar signs"


def check_formula(tex: object, field: str = "formula", *, where: str = "") -> str:
    r"""TeX whose braces, ``\left`` and ``\begin`` are closed, without anything that defines, fetches, links or styles.

    Raises:
        InvalidDeclaration: it is none; says what is wrong with it.
    """
    text = check_text(tex, field, allowed=_ALLOWED, empty=False, where=where)
    if wrong := _first_wrong(text):
        raise InvalidDeclaration(field, text, f"{_ALLOWED}: {wrong}", where=where)
    return text


@lru_cache(maxsize=4096)
def _first_wrong(text: str) -> str:
    """What is wrong with a formula; empty for nothing. Many claims share one."""
    return next(_wrong(text), "")


def _wrong(text: str) -> Iterator[str]:
    """What is wrong with a formula, in words."""
    if len(text) > _LONGEST:
        yield f"at most {_LONGEST:,} characters"
    if not all(character.isprintable() or character in "\n\t" for character in text):
        yield "without characters that cannot be seen"
    waiting: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in ("$", "%", "#", "~"):
            yield rf"\{token} where the character is meant" if token != "~" else r"a blank, or \;"
        if token[1:] in _REFUSED:
            yield f"without {token}"
        named = _ENVIRONMENT.match(text, match.end()) if token in (r"\begin", r"\end") else None
        name = f"{{{named[1]}}}" if named else ""
        if token == r"\begin" and name[1:-1] not in _ENVIRONMENTS:
            yield f"environments of {', '.join(sorted(_ENVIRONMENTS, key=str.lower))} alone"
        if token in _OPENS:
            waiting.append(_OPENS[token] + name)
            if len(waiting) > _DEEPEST:
                yield f"at most {_DEEPEST} of them inside one another"
        elif token in _OPENS.values() and (not waiting or waiting.pop() != token + name):
            yield f"{token}{name} only after what it closes"
    if waiting:
        yield f"{waiting[-1]} at the end of what has to be closed"


def with_formulas(claims: Sequence[Claim], path: Path) -> tuple[Claim, ...]:
    """The claims, with the formulas that a file gives them.

    Raises:
        InvalidDeclaration: no readable file, a key that there is not, TeX that is none, or a pattern that names no
            claim, or one that has a formula already; says which.
    """
    ids = {claim.id for claim in claims}
    found: dict[str, str] = {claim.id: claim.formula for claim in claims if claim.formula}
    for table, where in _tables(path):
        tex = check_formula(table["tex"], "tex", where=where)
        for pattern in check_names(table["claims"], "claims", where=where):
            named = [pattern] if pattern in ids else fnmatch.filter(ids, pattern)
            twice = next((name for name in named if name in found), None)
            if not named or twice:
                allowed = f"claims without another formula: {twice} has one" if twice else "ids of claims, or globs"
                raise InvalidDeclaration("claims", pattern, allowed, where=where)
            found |= dict.fromkeys(named, tex)
    return tuple(replace(claim, formula=found[claim.id]) if claim.id in found else claim for claim in claims)


def _tables(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The tables of a file of formulas, each with its place."""
    from claims.toml import tables_of

    for i, table in enumerate(tables_of(path, "formula")):
        where = f"{path}: formula[{i}]"
        if not isinstance(table, dict) or set(table) != {"tex", "claims"}:
            raise InvalidDeclaration("formula", table, "a table with tex and claims", where=where)
        yield table, where
