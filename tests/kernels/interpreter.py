"""Triton on this machine: on its GPU, or interpreted on CPU tensors. Import it before anything that imports Triton.

Triton decides when it is imported, and when a kernel is declared, whether kernels are compiled or interpreted. So all
kernels are imported here with the variable set, and the variable is set again while one runs, and only then: other
tests of this process must find what they set.
"""

import dataclasses
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
import torch
from hypothesis import settings
from torch import Tensor

from claims.kernels.formats.block_scaled import BlockScaled
from claims.kernels.mean_split import Split

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
some = settings(max_examples=15, deadline=None)
"""Fewer examples than elsewhere: an operation of the interpreter takes as long as a small kernel."""
BLOCKS = (16, 64, 1 << 12)
"""Sizes of a program's share for tests that move the edges between programs."""


@contextmanager
def variable() -> Iterator[None]:
    """TRITON_INTERPRET=1 where there is no GPU."""
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE == "cpu":
            patch.setenv("TRITON_INTERPRET", "1")
        yield


if "triton" in sys.modules and DEVICE == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
    raise RuntimeError("Triton was imported before tests.kernels.interpreter: it cannot be interpreted any more")
with variable():
    pytest.importorskip("triton", minversion="3.7", reason="the GPU routes need Triton")
    from claims.kernels.gate.build import MODULES

    KERNELS = {name.rpartition(".")[2]: import_module(name) for name in MODULES}


def _to(value: Any, device: str) -> Any:
    if isinstance(value, BlockScaled):
        return dataclasses.replace(value, payload=_to(value.payload, device))
    if isinstance(value, Split):
        return Split(
            residual=_to(value.residual, device), mean=_to(value.mean, device), mean_codes=_to(value.mean_codes, device)
        )
    if isinstance(value, Tensor):
        return value if value.device.type == device else value.to(device)
    return tuple(_to(item, device) for item in value) if isinstance(value, tuple) else value


def by_triton(operation: Any, *arguments: Any, **options: Any) -> Any:
    """``operation(..., route="triton")`` on the test's device, its result on the CPU."""
    with variable():
        moved = {name: _to(value, DEVICE) for name, value in options.items()}
        return _to(operation(*_to(arguments, DEVICE), **moved, route="triton"), "cpu")


@contextmanager
def running() -> Iterator[None]:
    """For calls that launch kernels without ``by_triton``."""
    with variable():
        yield
