"""What the operations check of their tensors, with one error that names argument, got and allowed."""

from __future__ import annotations

import torch
from torch import Tensor

from claims.kernels.errors import KernelError

FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_floating(operation: str, **tensors: Tensor) -> None:
    """Raise KernelError unless all are strided tensors of one of the four float dtypes, alike in dtype and device."""
    first: Tensor | None = None
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise KernelError(operation, name, got=type(tensor).__name__, allowed="a torch.Tensor")
        if tensor.dtype not in FLOATS or tensor.layout != torch.strided:
            allowed = "a strided tensor of float64, float32, bfloat16 or float16"
            raise KernelError(operation, name, got=f"{tensor.dtype}, {tensor.layout}", allowed=allowed)
        first = tensor if first is None else first
        if (tensor.dtype, tensor.device) != (first.dtype, first.device):
            allowed = f"{first.dtype} on {first.device}, like the first tensor"
            raise KernelError(operation, name, got=f"{tensor.dtype} on {tensor.device}", allowed=allowed)


def check_rows(operation: str, **tensors: Tensor) -> None:
    """``check_floating``, and all of one shape (..., d)."""
    check_floating(operation, **tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    first = next(iter(shapes.values()))
    for name, shape in shapes.items():
        if not shape:
            raise KernelError(operation, name, got="a 0-dimensional tensor", allowed="rows of shape (..., d)")
        if shape != first:
            raise KernelError(operation, name, got=f"shape {shape}", allowed=f"of shape {first}")
