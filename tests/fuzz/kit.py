"""What the fuzzers share: edits of a good file, a guarded attempt to read the outcome, and a count of what came of it.

A fuzzer is a good file, a strategy of edits, and a ``Format``. An example is a tuple of edits, short enough to be
copied from a failure into the examples that are tried first from then on.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from claims.errors import ClaimsError

#: How many inputs are tried in each run of the tests, and in the slow ones unless the variable says otherwise.
FEW, MANY = 40, int(os.environ.get("CLAIMS_FUZZ", "10000"))
#: ``@sizes`` runs a fuzzer twice: for a second, and at length.
sizes = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow, id="many")])
#: What one small file may take: seconds of the processor, and bytes of memory.
_SECONDS, _BYTES = 5.0, 2**30
#: Address space beyond what is there, so that an endless allocation fails instead of taking the machine with it.
_SPACE = 8 * 2**30


@dataclass
class Tally:
    """What came of the inputs of one format."""

    tried: int = 0
    refused: int = 0
    read: int = 0
    unclear: int = 0
    tracebacks: int = 0
    hangs: int = 0
    large: int = 0
    wrong: int = 0


@dataclass(frozen=True)
class Format:
    """How the files of a format are read, and how one tells whether they were read rightly.

    Attributes:
        name: of the format, for the table.
        read: reads a file's content, as the command line would; a ClaimsError refuses it.
        differs: what was read, held against another reading of the same content: "" or what differs. None leaves what
            was read at being read.
    """

    name: str
    read: Callable[[bytes], Any]
    differs: Callable[[bytes, Any], str] | None = None


class Hang(BaseException):
    """Raised in what has used up its seconds; no ``except Exception`` holds it."""


def fuzz(
    format_: Format,
    edits: st.SearchStrategy[Any],
    apply: Callable[[Any], bytes],
    *,
    count: int,
    record: Callable[[str, object], None],
    found: Sequence[Any] = (),
) -> Tally:
    """Try the examples that were found before, and then ``count`` drawn ones.

    Args:
        format_: of the files.
        edits: what is drawn.
        apply: makes a file of it.
        count: number of inputs.
        record: pytest's ``record_property``, by which the table gets the counts from every process.
        found: examples of earlier failures.

    Raises:
        AssertionError: an input was neither read rightly nor refused clearly; hypothesis shows its edits.
    """
    tally = Tally()

    def attempt(example: Any) -> None:
        _attempt(format_, apply(example), tally)

    try:
        for example in found:
            attempt(example)
        phases = [Phase.generate, Phase.shrink]
        run = settings(
            max_examples=count,
            deadline=None,
            database=None,
            derandomize=count <= FEW,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        )
        run(given(edits)(attempt))()
    finally:
        record("fuzz", {"format": format_.name, **asdict(tally)})
    return tally


def _attempt(format_: Format, content: bytes, tally: Tally) -> None:
    """One input; what is wrong with its reading is an AssertionError."""
    tally.tried += 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with _limits():
            result = format_.read(content)
    except ClaimsError as error:
        tally.refused += 1
        if not is_clear(str(error)):
            tally.unclear += 1
            raise AssertionError(f"{format_.name}: refused by what is no clear sentence: {str(error)!r}") from None
    except Hang:
        tally.hangs += 1
        raise AssertionError(f"{format_.name}: more than {_SECONDS} seconds on {len(content)} bytes") from None
    except MemoryError as error:
        tally.large += 1
        raise AssertionError(f"{format_.name}: out of memory on {len(content)} bytes") from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        tally.tracebacks += 1
        raise AssertionError(f"{format_.name}: {type(error).__name__}, which is no refusal: {error}") from error
    else:
        difference = format_.differs(content, result) if format_.differs else ""
        tally.wrong += bool(difference)
        assert not difference, f"{format_.name}: read wrongly: {difference}"
        tally.read += 1
    grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    tally.large += grown > _BYTES
    assert grown <= _BYTES, f"{format_.name}: {grown / 2**30:.1f} GiB for {len(content)} bytes"


def is_clear(message: str) -> bool:
    """Whether a refusal is one line that a terminal can show, and not as long as the file."""
    return bool(message) and message.isprintable() and len(message) < 1000


@contextmanager
def _limits() -> Iterator[None]:
    """Stop what takes too long, by seconds of the processor so that a busy machine changes nothing, or too much."""

    def stop(number: int, frame: object) -> None:
        raise Hang

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    previous = signal.signal(signal.SIGVTALRM, stop)
    resource.setrlimit(resource.RLIMIT_AS, (used + _SPACE, hard))
    signal.setitimer(signal.ITIMER_VIRTUAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGVTALRM, previous)


# --- edits of bytes -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Put:
    """Bytes in place of those at a position; with ``cut`` none or more of the old ones, they are taken out as well."""

    at: int
    new: bytes
    cut: int | None = None


#: Numbers at which readers go wrong, as formats store them.
_NUMBERS = [0, 1, 2, 3, 7, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**61, 2**63, 2**64 - 1]
_WORDS = [struct.pack("<Q", number) for number in _NUMBERS] + [
    struct.pack("<I", number) for number in _NUMBERS if number < 2**32
]
_FLOATS = [struct.pack("<f", number) for number in (0.0, -1.0, 1e-40, 3e38, float("inf"), float("nan"))]
_SOME = st.one_of(st.binary(max_size=8), st.sampled_from([*_WORDS, *_FLOATS, b"\xff\xfe", b"\x1b[31m", b"\0"]))


def byte_edits(length: int) -> st.SearchStrategy[tuple[Put, ...]]:
    """One to four edits within the first ``length`` bytes: overwritten, inserted, taken out, or the file's end."""
    at = st.integers(0, length - 1)
    overwritten = st.builds(Put, at, _SOME)
    moved = st.builds(Put, at, _SOME, st.integers(0, 64))
    ended = st.builds(Put, at, st.just(b""), st.just(2**62))
    return st.lists(st.one_of(overwritten, overwritten, moved, ended), min_size=1, max_size=4).map(tuple)


def edited_bytes(whole: bytes, edits: Sequence[Put]) -> bytes:
    """The file after the edits, one after the other."""
    for edit in edits:
        end = edit.at + (len(edit.new) if edit.cut is None else edit.cut)
        whole = whole[: edit.at] + edit.new + whole[end:]
    return whole


# --- edits of JSON ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Change:
    """An edit of the value that comes ``at``-th as the document is walked, counted modulo their number.

    Attributes:
        at: which value.
        text: JSON, or no JSON, to put in its place; None takes it out.
        key: a key of the object at that place, or around it, to put the text under instead.
    """

    at: int
    text: str | None
    key: str | None = None


#: What may stand where something else belongs.
_ODD = [
    *("null", "true", "false", '""', '"2"', '"x"', "[]", "{}", "[1]", '{"a": 1}', "NaN", "Infinity", "-Infinity"),
    *("-1", "0", "1", "2", "0.5", "-0.0", "1e-320", "1e39", "1e400", "2147483647", "2147483648", "1" + "0" * 30),
    *("9" * 5000, "[" * 5000 + "]" * 5000, '{"a":' * 5000 + "1" + "}" * 5000, "[" * 5000),
    *(r'"\ud800"', '"\u202e"', r'"\u001b[31m"', r'"\u0000"', '"' + "x" * 5000 + '"', "'x'", "x"),
]
_PLACE = "\ufdd0place"


def json_edits(keys: Sequence[str]) -> st.SearchStrategy[tuple[Change, ...]]:
    """One to three edits; ``keys`` are names that the format knows, to be put where they may be missing."""
    at = st.integers(0, 4000)
    number = st.one_of(st.integers(-3, 70), st.floats(-2.0, 2000.0)).map(json.dumps)
    text = st.one_of(st.sampled_from(_ODD), number)
    replaced = st.builds(Change, at, st.one_of(text, text, st.none()))
    added = st.builds(Change, at, text, st.sampled_from(keys))
    return st.lists(st.one_of(replaced, added), min_size=1, max_size=3).map(tuple)


def edited_json(document: Any, edits: Sequence[Change]) -> bytes:
    """The document after the edits, one after the other, as UTF-8; a text that is no JSON is put in as it is."""
    document = json.loads(json.dumps(document))
    texts: list[str] = []
    for edit in edits:
        places = list(_places(document))
        holder, key = places[edit.at % len(places)] if places else (None, None)
        if edit.key is not None:
            inner = holder[key] if isinstance(holder, dict | list) else document
            holder, key = next((part for part in (inner, holder, document) if isinstance(part, dict)), None), edit.key
        if holder is None:
            continue
        if edit.text is None:
            del holder[key]
        else:
            holder[key] = f"{_PLACE}{len(texts)}"
            texts.append(edit.text)
    written = json.dumps(document, ensure_ascii=False)
    for i, text in enumerate(texts):
        written = written.replace(f'"{_PLACE}{i}"', text)
    return written.encode("utf-8", "surrogatepass")


def _places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every value of a document as the object or list that holds it and where in it."""
    items = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
    for key, value in list(items):
        yield part, key
        yield from _places(value)
