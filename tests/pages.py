"""Pages of the documentation as programs: their blocks of code, and each page as one script of bash.

A comment on the line before a block says what is special about it::

    <!-- file: PATH -->       the block is written there
    <!-- status: N -->        its commands end with that status
    <!-- output -->           each line stands in what the commands before it print; "…" is anything
    <!-- not run: WHY -->     it needs what a test has not
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "generated" not in path.parts))
_FENCE = re.compile(r"^(?:<!-- (?P<said>[^>]+) -->\n)?```(?P<language>[a-z]+)\n(?P<text>.*?)^```$", re.M | re.S)
_SAID = re.compile(r"(?P<word>file|status|output|not run)(?:: (?P<value>.+))?")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, what is said of it, and the line where it begins."""

    language: str
    text: str
    word: str
    value: str
    line: int

    def commands(self) -> Iterator[str]:
        """The commands of a block for a shell, one by one: continued lines joined, comments and here-documents out."""
        if self.language == "console":
            yield from (line[2:].partition(" #")[0] for line in self.text.splitlines() if line.startswith("$ "))
        if self.language != "bash":
            return
        text = re.sub(r"<<'?(\w+)'?\n.*?^\1$", "", self.text.replace("\\\n", " "), flags=re.M | re.S)
        yield from (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order; a word that nobody reads is an error."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        said = _SAID.fullmatch(match["said"] or "output")
        assert said is not None, f"{page}: <!-- {match['said']} --> means nothing"
        word, value = (said["word"], said["value"] or "") if match["said"] else ("", "")
        line = text[: match.start()].count("\n") + 1
        found.append(Block(match["language"], match["text"], word, value, line))
    return found


def script(page: Path) -> str:
    """A page as a script: state, such as the working folder, goes on from block to block.

    It prints where each block begins, and when.
    """
    parts = ["set -eu", 'OUT="$(mktemp)"', """trap 'STATUS=$?; [ "$STATUS" = 0 ] || cat "$OUT"' EXIT"""]
    parts.append('fail() { echo "$1" >&2; exit 99; }')
    for block in blocks(page):
        parts += [f'echo "== {page.name}:{block.line} $(date +%s)"', *_steps(block)]
    return "\n".join(parts) + "\n"


def _steps(block: Block) -> Iterator[str]:
    """The lines that do what a block says."""
    if block.word == "not run":
        return
    if block.word == "file":
        yield f"mkdir -p {shlex.quote(str(Path(block.value).parent))}"
        yield f"cat > {shlex.quote(block.value)} <<'END OF FILE'\n{block.text}END OF FILE"
    elif block.word == "output":
        for piece in _pieces(block.text):
            yield f'grep -qF -- {shlex.quote(piece)} "$OUT" || fail {shlex.quote(f"line {block.line}: no {piece!r}")}'
    elif block.language == "bash":
        run = f'{{\n{block.text}}} > "$OUT" 2>&1'
        if block.word != "status":  # every command of it has to succeed
            yield run
            return
        yield f"set +e\n{run}\nSTATUS=$?\nset -e"
        yield f'[ "$STATUS" = {block.value} ] || fail "line {block.line}: status $STATUS, not {block.value}"'
    elif block.language == "python":
        yield f"python - <<'END OF CODE'\n{block.text}END OF CODE"


def _pieces(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield from filter(None, (piece.strip() for piece in line.split("…")))
