"""Every failure the harness reports, one small class each: what it means and what to do about it."""

from __future__ import annotations

import functools
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import CodeType


class ClaimsError(Exception):
    """Base of the errors below; the command line prints the message and exits with ``exit_code``."""

    exit_code = 2


class InvalidDeclaration(ClaimsError):
    """A claim, band, grid or experiment was declared wrongly. The message names field, value got and values allowed."""

    def __init__(self, field: str, got: object, allowed: str, *, where: str = "") -> None:
        self.field, self.got, self.allowed, self.where = field, got, allowed, where
        super().__init__(f"{where + ': ' if where else ''}{field}: got {_shown(got)}; allowed: {allowed}")

    def within(self, where: str) -> InvalidDeclaration:
        """The same error with where it happened in front: a file, a claim, a point."""
        there = ": ".join(filter(None, (where, self.where)))
        return type(self)(self.field, self.got, self.allowed, where=there)


#: Characters of a value that a message shows.
_SHOWN = 200


def _shown(got: object) -> str:
    """A value as Python writes it, cut where it is long; its type where it cannot be written."""
    try:
        words = described(got) if callable(got) and not isinstance(got, type) else repr(got)
    except Exception:  # noqa: BLE001  whole numbers of 5,000 digits raise, and what others declare may
        return f"a {type(got).__name__} that has no words"
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def described(function: object) -> str:
    """A function as a reader finds it: its name, with the file and line where it begins.

    >>> described(max)
    'max'
    """
    if isinstance(function, functools.partial):
        return f"functools.partial of {described(function.func)}"
    name = getattr(function, "__qualname__", None)
    code = getattr(function, "__code__", None)
    if not isinstance(name, str):
        return repr(function)
    return f"{name} ({Path(code.co_filename).name}:{code.co_firstlineno})" if isinstance(code, CodeType) else name


def raised(error: BaseException) -> str:
    """What was raised and where, in words; errors of ours say it themselves."""
    if isinstance(error, ClaimsError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    try:
        words = str(error)
    except Exception as second:  # noqa: BLE001  an error of somebody else's that cannot even say what it is
        words = f"(its message raises {type(second).__name__})"
    return f"{type(error).__name__}: {words}{where}"


class RivalInsideBand(InvalidDeclaration):
    """The band contains the value it has to reject, so it could not fail. Narrow the band or name another rival."""


class InvalidClaimFile(ClaimsError):
    """A claim file cannot be loaded. The message gives file and line; fix the file and run again."""

    def __init__(self, path: Path, line: int | None, why: str) -> None:
        self.path, self.line = path, line
        super().__init__(f"{path}{f':{line}' if line else ''}: {why}")


class UnknownClaim(ClaimsError):
    """No claim matches what was asked for. The message offers the nearest ids."""

    def __init__(self, asked: str, nearest: Sequence[str]) -> None:
        hint = f" Nearest: {', '.join(nearest)}." if nearest else " `claimbench list` shows all ids."
        super().__init__(f"no claim matches {asked!r}.{hint}")


class BadOption(ClaimsError):
    """An option has a value outside its range. The message names option, value and range."""

    def __init__(self, option: str, got: object, allowed: str) -> None:
        super().__init__(f"{option}: got {got!r}; allowed: {allowed}")


class NothingSelected(ClaimsError):
    """The selection is empty, so nothing ran. Widen the selection."""

    exit_code = 4


class TamperedRecord(ClaimsError):
    """A paper's record does not match its own digest. The message names each field that differs."""


class UntrustedRecord(ClaimsError):
    """A replication record is not signed by the key that was named, or the envelope around it is none of ours."""


class StoreError(ClaimsError):
    """The evidence store cannot be used: unreadable, corrupt, of another schema. Nothing is ever deleted for you."""


class StoreNotWritable(StoreError):
    """The evidence store can be read at most: no permission, a read-only mount, a schema that has to be upgraded."""


class ConflictingEvidence(StoreError):
    """The same measurement gave two values: hidden state, or a store from a machine that claims to be this one.

    The message shows both values. Keep the store for the report of the bug; measure into a new one with ``--store``.
    """


class MeasurementError(ClaimsError):
    """An experiment raised, returned something that is not a number, or killed its worker. Names point and seed."""

    exit_code = 5


class OutsideRange(MeasurementError):
    """A seed gave a value outside the range that its claim declares. The declaration is wrong, or the experiment."""

    def __init__(self, kind: str, got: float, seed: int, bounds: tuple[float, float]) -> None:
        lo, hi = bounds
        super().__init__(f"{kind}: got {got!r} at seed {seed}; allowed by its declared range: {lo!r} to {hi!r}")


class NoWorkers(ClaimsError):
    """Worker processes die before they are given anything, or cannot be started. What was measured is stored."""

    exit_code = 5

    def __init__(self, attempts: int, why: BaseException) -> None:
        remedy = "`--executor serial` measures without workers"
        super().__init__(f"no worker process could be started in {attempts} attempts ({why}); {remedy}")


class NoCluster(ClaimsError):
    """A cluster does not answer, has no worker, or none that may measure. What was measured is stored."""

    exit_code = 5

    def __init__(self, address: str, why: str) -> None:
        super().__init__(f"{address}: {why}; `--executor process:N` measures on this machine")


class Unavailable(ClaimsError):
    """Raised by an experiment that needs what this machine lacks (a model, a GPU). Says what, and how to get it."""


class InvalidResult(ClaimsError):
    """A result file is not one, or of another schema. The message names the file and the field."""


class RevisionError(ClaimsError):
    """The claims of a git revision cannot be read. The message has what its code, or git, said."""


class NotPooled(ClaimsError):
    """Seeds of several epochs must not be combined. The message says which, and why."""


class ModelError(ClaimsError):
    """A model cannot be found, fetched, read or run. The message names the file and what is wrong with it."""


class TextError(ClaimsError):
    """A text is no text: not there, empty, binary, or shorter than what has to be read of it."""
