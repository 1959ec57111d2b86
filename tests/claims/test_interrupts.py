"""Ctrl-C where what it raises is lost."""

from __future__ import annotations

import signal
import weakref

import pytest

from claims.auditing.interrupts import held, repeated


@pytest.fixture(autouse=True)
def handler():
    """Python's own, which whoever runs tests in the background has ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Gone:
    """Something that a weak reference can be to."""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_that_is_lost_in_a_callback_is_raised_where_it_is_asked_for():
    before = signal.getsignal(signal.SIGINT)
    with repeated() as again:
        again()
        gone = Gone()
        watch = weakref.ref(gone, lambda _: signal.raise_signal(signal.SIGINT))
        del gone  # what the callback raises is printed, and forgotten
        assert watch() is None
        with pytest.raises(KeyboardInterrupt):
            again()
        again()
    assert signal.getsignal(signal.SIGINT) is before


def test_one_that_is_not_lost_is_raised_at_once():
    with pytest.raises(KeyboardInterrupt), repeated():
        signal.raise_signal(signal.SIGINT)


def test_one_that_was_held_is_answered_after_an_error_as_well():
    def starting(error: Exception | None) -> None:
        with held():
            signal.raise_signal(signal.SIGINT)
            if error is not None:
                raise error

    for error in (None, OSError("the process could not be started")):
        with pytest.raises(KeyboardInterrupt) as stopped:
            starting(error)
        assert stopped.value.__context__ is error
