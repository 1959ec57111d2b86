"""What a comparison with an oracle counts: agreement, and differences by the reason that explains them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from claims.kernels import native


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why an oracle differs: ``text`` for people, and the claims that measure it, if there are any.

    ``by_machine``: how often hangs on the machine's logarithms or conversions, so that no record is held to it.
    """

    text: str
    claims: tuple[str, ...] = ()
    by_machine: bool = False


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many codes or values were compared; how many of them differ, by reason; how many without one."""

    compared: int
    differences: Mapping[str, int]
    unexplained: int
    first: str = ""

    def __add__(self, other: Tally) -> Tally:
        differences = dict(self.differences)
        for text, count in other.differences.items():
            differences[text] = differences.get(text, 0) + count
        return Tally(
            compared=self.compared + other.compared,
            differences=differences,
            unexplained=self.unexplained + other.unexplained,
            first=self.first or other.first,
        )


NOTHING = Tally(compared=0, differences={}, unexplained=0)
"""What sums of tallies begin with."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A format against an oracle. ``inputs`` says in words what was compared; ``run`` compares it."""

    format: str
    oracle: str
    inputs: str
    run: Callable[[], Tally]
    reasons: tuple[Reason, ...] = ()


def tally(ours: Tensor, theirs: Tensor, reasons: Mapping[Reason, Tensor] | None = None) -> Tally:
    """Compare codes, or floats (zeros by sign, all NaN alike).

    ``reasons`` are masks of where, by the definition of the format and what is known of the oracle, it must differ or
    may: a difference counts for the first that holds. Raises ValueError for unlike shapes.
    """
    if ours.shape != theirs.shape:
        raise ValueError(f"compared are shapes {tuple(ours.shape)} and {tuple(theirs.shape)}")
    differs = ours != theirs
    if ours.is_floating_point():
        differs |= ours.signbit() != theirs.signbit()
        differs &= ~(ours.isnan() & theirs.isnan())
    left, counts = differs, {}
    for reason, mask in (reasons or {}).items():
        found = left & mask
        if count := int(found.sum()):
            counts[reason.text] = count
        left = left & ~mask
    first = ""
    if bool(left.any()):
        place = tuple(left.nonzero()[0].tolist())
        first = f"at {place}: {ours[place].item()} here, {theirs[place].item()} there"
    return Tally(compared=ours.numel(), differences=counts, unexplained=int(left.sum()), first=first)


def on_every_route(call: Callable[[str], Tensor]) -> Tensor:
    """The result of a call, by the reference and by every compiled instruction set that this CPU has.

    Raises RuntimeError if they are not the same bits.
    """
    result = call("reference")
    for name in native.available_sets():
        with native.forced(name):
            if not torch.equal(call("cpu"), result):
                raise RuntimeError(f"the route {name} does not give the bits of the reference")
    return result


def sixteen_bits() -> Tensor:
    """float32 (n,): every bfloat16 number and every float16 number but NaN."""
    patterns = torch.arange(-(1 << 15), 1 << 15).to(torch.int16)
    both = torch.cat([patterns.view(dtype).float() for dtype in (torch.bfloat16, torch.float16)])
    return both[~both.isnan()]


def torchao_module(name: str) -> Any:
    """A module of torchao's MX formats, whose import warns of libraries for GPUs that a CPU cannot load."""
    loggers = [logging.getLogger(where) for where in ("torchao", "torch.utils._pytree")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return import_module(f"torchao.prototype.mx_formats.{name}")
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
