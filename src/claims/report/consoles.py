"""Consoles: where text goes and how wide it may be. ``NO_COLOR`` means no escape codes for colour or weight at all."""

from __future__ import annotations

import os
import sys
from typing import IO

from rich.console import Console, RenderableType
from rich.text import Text

#: Columns of a file or pipe, where no terminal says how many there are.
_FILE_WIDTH = 140


def console(*, stderr: bool = False) -> Console:
    """A console on standard output or standard error."""
    stream: IO[str] = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _FILE_WIDTH
    return Console(
        file=stream,
        width=width,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        highlight=False,
    )


def emit(console: Console, what: RenderableType, *, whole: bool = False) -> None:
    """Print, taking a string as it is; where no style is written, without the blanks that fill lines up.

    ``whole`` never breaks a line: for commands that are to be copied.
    """
    what = Text(what) if isinstance(what, str) else what
    if console.color_system is not None:
        console.print(what, soft_wrap=whole)
        return
    with console.capture() as captured:
        console.print(what, soft_wrap=whole)
    console.file.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
