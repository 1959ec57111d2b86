"""What the operations check of their arguments, with one error that names argument, got and allowed."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from claims.kernels.errors import KernelError

LARGEST = sys.float_info.max
FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_tensor(operation: str, name: str, value: Any) -> None:
    """Raise KernelError unless it is a strided tensor."""
    if not isinstance(value, Tensor):
        raise KernelError(operation, name, got=type(value).__name__, allowed="a torch.Tensor")
    if value.layout is not torch.strided:
        raise KernelError(operation, name, got=f"{value.dtype}, {value.layout}", allowed="a strided tensor")


def is_size(value: Any) -> bool:
    """Whether it can be the length of an axis; while tracing that is a symbol."""
    if type(value) is int:
        return value >= 0
    return isinstance(value, int | torch.SymInt) and not isinstance(value, bool) and bool(value >= 0)


def check_floating(operation: str, **tensors: Tensor) -> None:
    """Raise KernelError unless all are strided tensors of one of the four float dtypes, alike in dtype and device."""
    first: Tensor | None = None
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise KernelError(operation, name, got=type(tensor).__name__, allowed="a torch.Tensor")
        if tensor.dtype not in FLOATS or tensor.layout is not torch.strided:
            allowed = "a strided tensor of float64, float32, bfloat16 or float16"
            raise KernelError(operation, name, got=f"{tensor.dtype}, {tensor.layout}", allowed=allowed)
        if first is None:
            first = tensor
        elif tensor.dtype != first.dtype or not ((tensor.is_cpu and first.is_cpu) or tensor.device == first.device):
            allowed = f"{first.dtype} on {first.device}, like the first tensor"
            raise KernelError(operation, name, got=f"{tensor.dtype} on {tensor.device}", allowed=allowed)


def check_rows(operation: str, **tensors: Tensor) -> None:
    """``check_floating``, and all of one shape (..., d)."""
    check_floating(operation, **tensors)
    first: torch.Size | None = None
    for name, tensor in tensors.items():
        shape = tensor.shape
        if not shape:
            raise KernelError(operation, name, got="a 0-dimensional tensor", allowed="rows of shape (..., d)")
        first = shape if first is None else first
        if shape != first:
            raise KernelError(operation, name, got=f"shape {tuple(shape)}", allowed=f"of shape {tuple(first)}")


def check_real(operation: str, name: str, value: Any, *, low: float, high: float, allowed: str) -> float:
    """The float that a real number (of Python, NumPy or torch) in [low, high] is. Raises KernelError for all else."""
    if type(value) is float and low <= value <= high:
        return value
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        number = math.nan
    if not low <= number <= high:
        raise KernelError(operation, name, got=repr(value), allowed=allowed)
    return number


def check_choice(operation: str, name: str, value: Any, choices: Sequence[Any], *, also: str = "") -> None:
    """Raise KernelError unless it is one of these strings, numbers or None."""
    for choice in choices:
        if value is choice:
            return
    if isinstance(value, str | int | None) and any(value == choice for choice in choices):
        return
    allowed = " or ".join(map(repr, choices)) + also
    raise KernelError(operation, name, got=repr(value), allowed=allowed)
