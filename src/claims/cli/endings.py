"""How a command ends when something goes wrong: one line on standard error and a status, which is never 1.

Status 1 means that a verdict differs from the one on record, and nothing else.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import traceback
from pathlib import Path

import click

from claims.cli import streams
from claims.errors import ClaimsError, MeasurementError
from claims.report.visible import visible

#: What Ctrl-C exits with, and a command whose reader has gone (``| head``): as shells report SIGINT and SIGPIPE.
INTERRUPTED, READER_GONE = 130, 141
#: Set to anything but nothing, it has the traceback of an unexpected error on standard error instead of in a file.
TRACEBACK_VARIABLE = "CLAIMBENCH_TRACEBACK"


def ending(error: BaseException) -> int:
    """Say why a command failed; its status."""
    gone = streams.reader_is_gone() and _of_a_closed_pipe(error)
    streams.discard_output()  # what could not be written once would fail once more
    if gone:
        return READER_GONE
    if isinstance(error, KeyboardInterrupt | click.Abort):
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, ClaimsError):
        say(str(error))
        return error.exit_code
    if isinstance(error, OSError) and error.errno != errno.EPIPE:  # a full disk, a file that went away: it names it
        say(str(error))
        return ClaimsError.exit_code
    return _unexpected(error)


def refusal(error: click.ClickException) -> int:
    """Show what click refuses; its status."""
    with contextlib.suppress(OSError):  # there may be nobody to show it to
        error.show()
    return max(error.exit_code, ClaimsError.exit_code)


def say(text: str) -> None:
    """A line on standard error, if anybody reads it."""
    with contextlib.suppress(OSError):
        click.echo(f"claimbench: {visible(text, lines=True)}", err=True)


def _of_a_closed_pipe(error: BaseException | None) -> bool:
    """Whether it all came from writing to somebody who has gone; a claim file that prints fails with it as well."""
    while error is not None and not (isinstance(error, OSError) and error.errno == errno.EPIPE):
        error = error.__cause__
    return error is not None


def _unexpected(error: BaseException) -> int:
    """An error that nobody foresaw: of ours, or of code in a claim file or pack that planning calls."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(TRACEBACK_VARIABLE):
        where = "its traceback is above"
        with contextlib.suppress(OSError):
            click.echo(text, err=True, nl=False)
    else:
        where = f"its traceback is in {_kept(text)}"
    say(f"unexpected {_in_words(error)}; {where}")
    return MeasurementError.exit_code


def _in_words(error: BaseException) -> str:
    """Class, message and place of an error, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    message = " ".join("".join(traceback.format_exception_only(error)).split())
    return f"{message[:300]}{place}"


def _kept(text: str) -> str:
    """The file in which a traceback is kept."""
    try:
        number, path = tempfile.mkstemp(prefix="claimbench-", suffix=".txt")
        with open(number, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        return f"no file ({error}): set {TRACEBACK_VARIABLE}=1 and run the command again"
    return path
