"""Consoles: where text goes and how wide it may be. ``NO_COLOR`` means no escape codes for colour or weight at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text

from claims.report.visible import visible

#: Columns of a file or pipe, where no terminal says how many there are.
_FILE_WIDTH = 140


class _Console(Console):
    """Of whose reader the command line hears that it has gone: rich would end the process with status 1."""

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704  called while the BrokenPipeError is handled


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error."""
    stream: IO[str] = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _FILE_WIDTH
    return _Console(
        file=stream,
        width=width,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
    )


def emit(console: Console, what: RenderableType, *, whole: bool = False) -> None:
    """Print, taking a string as one line; where no style is written, without the blanks that fill lines up.

    ``whole`` never breaks a line: for commands that are to be copied.
    """
    what = _Shown(Text(visible(what)) if isinstance(what, str) else what)
    if console.color_system is not None:
        console.print(what, soft_wrap=whole)
        return
    with console.capture() as captured:
        console.print(what, soft_wrap=whole)
    console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def emit_lines(console: Console, lines: Iterable[Text]) -> None:
    """Print lines that are as wide as they are to be and have nothing to escape; at once where no style is written."""
    if console.color_system is None:
        console.file.writelines(f"{line.plain}\n" for line in lines)
        return
    for line in lines:
        console.print(line, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is printed with everything escaped that would act on a terminal; only styles of our own are left."""

    what: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.what, options):
            yield segment if segment.control else Segment(visible(segment.text, lines=True), segment.style)
