"""Inputs for the fuzzers of our own formats: a right document with a few things in it wrong, or bytes of it changed."""

from __future__ import annotations

import copy
import json
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import hypothesis
from click.testing import CliRunner
from hypothesis import strategies as st

from claims.cli import main
from claims.report.visible import visible

#: Inputs of a run in the slow tier, and of the one that belongs to every commit.
MANY, FEW = 10_000, 60

#: What may stand where something else belongs.
JUNK: list[Any] = [
    None, True, False, 0, 1, -1, 2**53, 2**64, 10**400, -0.5, 1e308, 5e-324, "", " ", "x", "HOLDS", "smoke", "demo.one",
    "\0", "a\x1b]8;;http://x\x07b\x1b[2J", "\u202egnp.exe", "\ud800", "line\nbreak", "<b>&amp;</b>", "1" * 300, [], {},
    [None], [1, 2], [2, 1], [None, None], [[1, 2]], {"x": 1}, {"n": [1]}, [{}], "é\u2028\ufeff\u200b",
]  # fmt: skip
junk = st.sampled_from(JUNK) | st.text(max_size=20) | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


def settings(examples: int) -> hypothesis.settings:
    """Settings of a fuzzer: the same inputs every time, so that a failure of CI is a failure at home."""
    checks = list(hypothesis.HealthCheck)
    return hypothesis.settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=checks
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def changed(document: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy with something done to what holds the end of a path: ``change(holder, key)``."""
    made = copy.deepcopy([document])
    holder: Any = made
    for key in (0, *path)[:-1]:
        holder = holder[key]
    change(holder, (0, *path)[-1])
    return made[0]


@st.composite
def mutants(draw: st.DrawFn, document: Any) -> Any:
    """The document with one to three fields replaced, removed, added, doubled or swapped."""
    for _ in range(draw(st.integers(1, 3))):
        paths = list(places(document))
        path = draw(st.sampled_from(paths))
        what = draw(st.sampled_from(["replace", "remove", "add", "swap"]))
        value = copy.deepcopy(draw(junk))
        name = draw(st.sampled_from(["x", "id", "points", "at", "", "\x1b", "\ud800"]))
        other = draw(st.sampled_from(paths))

        def change(holder: Any, key: Any, what: str = what, value: Any = value, name: str = name) -> None:
            if what == "remove" and isinstance(holder, dict):
                del holder[key]
            elif what == "add" and isinstance(holder[key], dict):
                holder[key][name] = value
            elif what == "add" and isinstance(holder[key], list):
                holder[key].append(value)
            else:
                holder[key] = value

        if what == "swap":
            found = document
            for key in other:
                found = found[key]
            value = copy.deepcopy(found)
            document = changed(document, path, lambda holder, key, value=value: holder.__setitem__(key, value))
        else:
            document = changed(document, path, change)
    return document


@st.composite
def bytes_changed(draw: st.DrawFn, text: bytes) -> bytes:
    """The bytes with a few pieces cut, doubled or replaced."""
    made = bytearray(text)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(made)))
        end = draw(st.integers(at, min(at + 40, len(made))))
        made[at:end] = draw(st.sampled_from([b"", bytes(made[at:end]) * 2, *PIECES]) | st.binary(max_size=8))
    return bytes(made)


#: Pieces of text that readers stumble over.
PIECES = [
    b"[" * 3000, b"{", b"}", b'"', b"'", b",", b":", b"=", b"\\ud800", b"\\u0000", b"1e999", b"-1e999", b"NaN",
    b"9" * 5000, b"null", b"\xff", b"\xef\xbb\xbf", b"\x00", b"\r\n", b"\x1b[31m", "\u202e".encode(), b"[[", b"]]",
    b'"""', b".", b"#",
]  # fmt: skip


def json_bytes(document: Any) -> bytes:
    """A document as a file would hold it, whatever is in it."""
    return json.dumps(document).encode()


#: Seconds after which an input is a hang, and not merely slow.
HANG = 20


@contextmanager
def no_hang() -> Iterator[None]:
    """An input that takes as long as a hang fails, instead of taking the whole run with it."""

    def stop(_: int, frame: object) -> None:
        raise TimeoutError(f"an input takes more than {HANG} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def is_clear(text: str) -> bool:
    """Whether a message can be shown: nothing in it acts on a terminal, and it is no wall of text."""
    return visible(text, lines=True) == text and len(text) < 4000 and "Traceback" not in text


def command(*args: str, codes: tuple[int, ...] = (0, 1, 2)) -> str:
    """The output of a command, which ended as a command may: with its status, without a traceback."""
    ran = CliRunner().invoke(main, list(args))
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    assert ran.exit_code in codes, ran.output
    assert visible(ran.output, lines=True) == ran.output
    if ran.exit_code == 2:
        assert ran.stderr.startswith(("claimbench: ", "Usage: "))
        assert is_clear(ran.stderr)
    return ran.output
