"""TeX as MathML, which browsers typeset without a script, a font or a network.

``latex2mathml`` parses. What it makes is no markup yet: it leaves what it does not know as text, writes links and
styles as attributes, and unescapes its own string once more. So its tree is taken, never its string: only elements and
attributes that show mathematics pass, each element with as many parts as it needs; the rest cannot be typeset.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import metadata
from xml.etree.ElementTree import Element, tostring

from markupsafe import Markup

from claims.errors import InvalidDeclaration
from claims.evidence.kept import current
from claims.formula import check_formula
from claims.report.visible import visible

#: Elements of MathML that show something, with the number of their parts where that is fixed.
_PARTS = {
    "mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3,
}  # fmt: skip
_LEAVES = frozenset({"mi", "mn", "mo", "mtext", "mspace"})
_ELEMENTS = {"math", "mrow", "msqrt", "mstyle", "mtable", "mtr", "mtd", "mpadded", "mphantom", *_PARTS, *_LEAVES}
_ATTRIBUTES = frozenset(
    {
        "accent", "accentunder", "columnalign", "depth", "display", "displaystyle", "fence", "form", "height",
        "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "movablelimits", "rspace", "scriptlevel",
        "separator", "stretchy", "symmetric", "width",
    }
)  # fmt: skip
#: Those that the page need not have: the language itself, and how lines of a table would be drawn.
_DROPPED = frozenset({"xmlns", "rowspacing", "columnspacing"})
_VALUE = re.compile(r"[A-Za-z0-9.+ -]{0,40}")
#: What the parser writes for a character: one that is not in ASCII, or a letter that is to stand upright.
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{2,6});")
#: What stands in a text only if the parser did not understand it.
_NOT_UNDERSTOOD = re.compile(r"\\[A-Za-z]+|^[\\{}&#]$")
#: Alphabets by their name in MathML, of which browsers know none but that of upright letters; and in Unicode.
_ALPHABETS = {
    "bold": "BOLD", "italic": "ITALIC", "bold-italic": "BOLD ITALIC", "double-struck": "DOUBLE-STRUCK",
    "script": "SCRIPT", "bold-script": "BOLD SCRIPT", "fraktur": "FRAKTUR", "bold-fraktur": "BOLD FRAKTUR",
    "sans-serif": "SANS-SERIF", "monospace": "MONOSPACE",
}  # fmt: skip


@lru_cache(maxsize=4096)
def typeset(tex: str, *, field: str = "formula") -> str:
    """A formula as a ``<math>`` element for an HTML page.

    Args:
        tex: TeX as between dollar signs.
        field: how an error calls it.

    Raises:
        InvalidDeclaration: it cannot be typeset; says why.
    """
    kept = current()
    if kept is None:
        return _made(tex, field)
    return str(kept.recall(f"MathML by latex2mathml {_release()}: {tex}", lambda: _made(tex, field)))


def _made(tex: str, field: str) -> str:
    from latex2mathml.converter import Converter

    check_formula(tex, field)
    try:
        made = Converter(display="block").convert_to_element(tex)
        wrong = list(dict.fromkeys(_cleaned(made)))
    except Exception as error:
        raise InvalidDeclaration(field, tex, f"TeX that can be typeset ({_words(error)})") from error
    if wrong:
        raise InvalidDeclaration(field, tex, f"TeX that can be typeset, without {', '.join(wrong)}")
    return tostring(made, encoding="unicode")


@cache
def _release() -> str:
    return metadata.version("latex2mathml")


def shown(tex: str) -> Markup:
    """A formula as a page shows it: typeset, or the TeX itself where that cannot be, as of results from elsewhere."""
    try:
        return Markup(typeset(tex))
    except InvalidDeclaration:
        return Markup("<code>{}</code>").format(visible(tex))


def with_slots(form: str) -> Markup:
    """The form of a relation, with an empty ``<mn class="slot">`` wherever a figure goes."""
    return Markup(typeset(form, field="form").replace("<mtext>@</mtext>", '<mn class="slot"></mn>'))


def _words(error: Exception) -> str:
    """What the parser says, whose own errors have names and no message."""
    name = re.sub("(?<=[a-z])(?=[A-Z])", " ", type(error).__name__.removesuffix("Error")).lower()
    return f"{name}: {visible(error)[:80]}" if str(error) else name


def _cleaned(node: Element) -> Iterator[str]:
    """Make an element, and those in it, what a page may have; what cannot be, in words."""
    if node.tag not in _ELEMENTS:
        yield f"what makes <{visible(node.tag)}>"
    if len(node) != _PARTS.get(node.tag, len(node)):
        yield f"<{node.tag}> of {len(node)} parts: an argument is missing"
    for name, value in [*node.attrib.items()]:
        if name in _DROPPED:
            del node.attrib[name]
        elif name not in _ATTRIBUTES or not _VALUE.fullmatch(value):
            yield f"the attribute {visible(name)}={visible(value)[:40]!r}"
    yield from _cleaned_text(node)
    for child in node:
        yield from _cleaned(child)


def _cleaned_text(node: Element) -> Iterator[str]:
    """The same of an element's own text."""
    raw, node.tail = node.text or "", None
    text = visible(_REFERENCE.sub(_character, raw))
    if node.tag == "mi" and len(text) == 1 and unicodedata.category(text) == "Sm":
        node.tag = "mo"  # the parser takes some operators for letters, which have no space around them
    elif node.tag == "mi" and text != raw and text.isascii() and len(text) == 1:
        node.set("mathvariant", "normal")  # the parser's sign for an upright letter; one alone would be slanted
    elif alphabet := _ALPHABETS.get(node.get("mathvariant", "")):
        text = "".join(_in(alphabet, character) for character in text)
        del node.attrib["mathvariant"]
    node.text = text or None
    if node.tag not in _LEAVES and text.strip():
        yield f"text in <{node.tag}>"
    unknown = _NOT_UNDERSTOOD.search(raw)
    if unknown and node.tag != "mtext":
        yield f"{unknown[0]}, which is unknown or out of place"


def _in(alphabet: str, character: str) -> str:
    """A letter or digit of a mathematical alphabet; itself where that has none."""
    name = unicodedata.name(character, "").replace("LATIN ", "").replace("GREEK ", "").replace("LETTER ", "")
    for candidate in (f"MATHEMATICAL {alphabet} {name}", f"{alphabet} {name}"):  # the oldest ones have short names
        try:
            return unicodedata.lookup(candidate)
        except KeyError:
            continue
    return character


def _character(match: re.Match[str]) -> str:
    code = int(match[1], 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else match[0]
