"""Standard output is ours alone: what claims, packs and experiments print goes to standard error."""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from typing import Any


def open_missing() -> None:
    """Put the null device where a shell closed a standard stream (``>&-``): a store would get its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, number)  # which, unlike open, leaves it to children as well
            if null != number:
                os.close(null)
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  for as long as the command runs
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def keep_output() -> None:
    """Write our own output through a private descriptor from now on, and let number 1 lead to standard error.

    That holds for libraries in C, for workers and other children, and for what is printed at exit.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper) or stream is not sys.__stdout__ or stream.fileno() != 1:
        return  # there is none, or whoever calls us has put something else in its place
    stream.flush()
    private = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = open(  # noqa: SIM115  open for as long as the command runs
        private, "w", encoding=stream.encoding, errors="replace", buffering=1 if stream.line_buffering else -1
    )


def give_back_output() -> None:
    """Write out what is ours; whoever prints after that prints to standard error.

    Raises:
        OSError: it cannot be written.
    """
    stream = sys.stdout
    stream.flush()
    if sys.__stdout__ is not None and stream is not sys.__stdout__ and _number(stream) > 2:
        sys.stdout = sys.__stdout__


def printing_to_stderr() -> contextlib.AbstractContextManager[Any]:
    """Code that is not ours runs in this context: ``print`` asks for ``sys.stdout`` each time it is called."""
    return contextlib.redirect_stdout(sys.stderr)


def reader_is_gone() -> bool:
    """Whether whoever read our output has had enough of it: the other end of a pipe or a terminal is closed."""
    if not hasattr(select, "poll"):
        return True
    poll = select.poll()
    for number in {_number(sys.stdout), _number(sys.stderr)} - {-1}:
        poll.register(number, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def discard_output() -> None:
    """Nobody reads what is still to be written: the interpreter must not complain of that when it ends."""
    for stream in (sys.stdout, sys.stderr):
        number = _number(stream)
        try:
            stream.flush()
        except OSError:
            if number >= 0:
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, number)
                os.close(null)


def _number(stream: object) -> int:
    """The descriptor of a stream; -1 for one that has none."""
    try:
        return stream.fileno()  # type: ignore[attr-defined, no-any-return]
    except (AttributeError, OSError, ValueError):
        return -1
