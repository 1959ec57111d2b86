"""What all Triton kernels share: how one is declared, launched, tuned and built without a GPU.

A ``Kernel`` says once what launches and ahead-of-time builds must agree on: its tuning space, whether its bits are
promised (then no multiply and add may be fused, and the gate refuses approximate division and square root in the
binary), and the shapes it is built for ahead of time. Nothing here looks for a device at import. With
``TRITON_INTERPRET=1`` set before Triton is first imported the same kernels run on CPU tensors, untuned; the cost there
is one NumPy call an operation a program, so few programs with large blocks are the fast choice.

Triton 3.7 in the interpreter stores bfloat16 by truncation, multiplies the bit patterns of bfloat16, and rounds 8-bit
floats wrongly; ``x / y`` and ``tl.sqrt`` are exact there but approximate on a GPU; ``-x`` is ``0 - x`` on both. Hence
``numbers``, which every kernel that rounds or widens goes through.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy
import torch
import triton
from torch import Tensor

from claims.kernels import settings

Grid = tuple[int, ...] | Callable[[Mapping[str, int]], tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One point of a tuning space: compile-time constants, warps a program, stages of software pipelining."""

    constants: dict[str, int] = field(default_factory=dict)
    warps: int = 4
    stages: int = 2


@dataclass(frozen=True, kw_only=True)
class Build:
    """One ahead-of-time build: argument types in Triton's spelling and all constants that a launch would pass.

    Pointers (``"*fp32"``) are taken as aligned to 16 bytes, and the integers in ``multiples_of_16`` as what they say,
    like torch's allocations and the usual sizes of a model.
    """

    name: str
    types: Mapping[str, str]
    constants: Mapping[str, Any]
    warps: int = 4
    stages: int = 2
    multiples_of_16: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Kernel:
    """A compiled function, its tuning space (the first choice is the usual one) and its ahead-of-time builds.

    ``key`` names the arguments whose values make a new tuning run worth its time. ``interpreted`` replaces the
    constants of the tuning space in the interpreter.
    """

    function: Any
    space: tuple[Choice, ...]
    key: tuple[str, ...] = ()
    interpreted: dict[str, int] = field(default_factory=dict)
    exact: bool = False
    builds: tuple[Build, ...] = ()


_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def interpreting() -> bool:
    """Whether kernels run in Triton's interpreter: Triton settles that when a kernel is declared, for good."""
    return _INTERPRETED


@cache
def _tuned(kernel: Kernel) -> Any:
    """The autotuner of a kernel. Made at the first launch on a device: making one asks Triton for its driver."""
    configs = [
        triton.Config(dict(choice.constants), num_warps=choice.warps, num_stages=choice.stages)
        for choice in kernel.space
    ]
    return triton.autotune(configs, list(kernel.key))(kernel.function)


def launch(kernel: Kernel, grid: Grid, *arguments: Any, **constants: Any) -> None:
    """Run ``kernel`` over ``grid`` on the device of its first tensor. An empty grid is no launch.

    ``constants`` are compile-time arguments. Nothing is tuned where they name all that the tuning space would choose
    (tests do, to move block edges), where a result is written over an argument, since tuning repeats the launch, or
    where ``settings`` forbid it.
    """
    default = kernel.space[0]
    chosen = {**default.constants, **(kernel.interpreted if interpreting() else {}), **constants}
    if 0 in (grid(chosen) if callable(grid) else grid):
        return
    if interpreting():
        with numpy.errstate(all="ignore"):  # a GPU does not warn of an infinity or a NaN either
            kernel.function[grid](*arguments, **chosen)
        return
    tensors = [argument for argument in arguments if isinstance(argument, Tensor)]
    overwrites = len({tensor.data_ptr() for tensor in tensors}) < len(tensors)
    named = bool(default.constants) and set(default.constants) <= set(constants)
    with torch.cuda.device(tensors[0].device) if tensors[0].is_cuda else nullcontext():
        if overwrites or named or not settings.present().tuned:
            options = {"num_warps": default.warps, "num_stages": default.stages}
            kernel.function[grid](*arguments, **chosen, **options, enable_fp_fusion=not kernel.exact)
        else:
            _tuned(kernel)[grid](*arguments, **constants, enable_fp_fusion=not kernel.exact)


def blocks_of(count: int) -> Callable[[Mapping[str, int]], tuple[int, ...]]:
    """The grid of programs that take ``BLOCK`` of ``count`` elements each."""
    return lambda constants: (ceiling(count, constants["BLOCK"]),)


def float_bits(value: float) -> int:
    """The bits of a float64 as a signed integer: how one reaches a kernel, where a ``float`` argument is float32."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits


def key_halves(key: int) -> tuple[int, int]:
    """The low and high 32 bits of a (signed or unsigned) 64-bit key, each as a signed 32-bit integer."""
    low, high = struct.unpack("<ii", struct.pack("<Q", key & 0xFFFFFFFFFFFFFFFF))
    return low, high


def ceiling(count: int, size: int) -> int:
    """How many blocks of ``size`` cover ``count``."""
    return -(-count // size)


def power_of_two(count: int) -> int:
    """The smallest power of two that is at least ``count`` and at least 1: sizes of blocks must be one."""
    return 1 << max(count - 1, 0).bit_length()


def rows_a_program(rows: int, block: int) -> int:
    """How many rows of ``block`` entries one program takes: a power of two, more in the interpreter."""
    entries = 1 << 18 if interpreting() else 1 << 11
    return min(power_of_two(rows), max(1, entries // block))
