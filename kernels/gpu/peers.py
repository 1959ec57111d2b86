"""What one would run in a kernel's place: plain torch, the same under torch.compile, torchao's quantizers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from claims.kernels.entries import RATE, Entry

Thunk = Callable[[], object]


def peers_of(entry: Entry, arguments: tuple[Any, ...]) -> dict[str, Thunk]:
    """By name; empty for a kernel that has none."""
    if entry.operation in _TORCHAO and not entry.variant and find_spec("torchao") is not None:
        return _torchao(_TORCHAO[entry.operation](), arguments[0])
    if entry.operation not in _PLAIN or entry.variant not in ("", "16"):
        return {}
    function = _PLAIN[entry.operation]
    compiled: Callable[..., object] = torch.compile(function, dynamic=False)
    return {"eager": lambda: function(*arguments), "compile": lambda: compiled(*arguments)}


def _rms_norm(x: Tensor) -> Tensor:
    return torch.nn.functional.rms_norm(x, x.shape[-1:], eps=1e-6)


def _rms_norm_jvp(x: Tensor, h: Tensor) -> Tensor:
    r = torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
    u = x * r
    return (h - u * (u * h).mean(-1, keepdim=True)) * r


def _sign_flip(w: Tensor) -> Tensor:
    return torch.where(torch.rand_like(w) < RATE, -w, w)


def _magnitude_step(w: Tensor) -> Tensor:
    return w + 0.1 * torch.sign(w)


def _transverse_energy(y: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    total, along = dy.square().sum(-1), (y * dy).sum(-1)
    return total, total - along.square() / y.square().sum(-1)


def _sign_flip_linear(x: Tensor, w: Tensor) -> Tensor:
    return x @ _sign_flip(w).T


def _hadamard_transform(x: Tensor) -> Tensor:
    matrix = torch.ones(1, 1, dtype=x.dtype, device=x.device)
    for _ in range(4):
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    return ((x.view(-1, 16) @ matrix) / 4).view(x.shape)


def _column_statistics(x: Tensor) -> Tensor:
    return torch.stack([x.mean(0), x.amin(0), x.amax(0)])


_PLAIN: Mapping[str, Callable[..., object]] = {
    "rms_norm": _rms_norm,
    "rms_norm_jvp": _rms_norm_jvp,
    "sign_flip": _sign_flip,
    "magnitude_step": _magnitude_step,
    "transverse_energy": _transverse_energy,
    "sign_flip_linear": _sign_flip_linear,
    "hadamard_transform": _hadamard_transform,
    "column_statistics": _column_statistics,
}


def _torchao(quantize: Callable[[Tensor], object], x: Tensor) -> dict[str, Thunk]:
    compiled: Callable[..., object] = torch.compile(quantize, dynamic=False)
    return {"torchao": lambda: quantize(x), "torchao compiled": lambda: compiled(x)}


def _torchao_nvfp4() -> Callable[[Tensor], object]:
    from torchao.prototype.mx_formats import nvfp4_tensor

    def quantize(x: Tensor) -> object:
        return nvfp4_tensor.nvfp4_quantize(x, 16, nvfp4_tensor.per_tensor_amax_to_scale(x.abs().max().float()))

    return quantize


def _torchao_mxfp4() -> Callable[[Tensor], object]:
    from torchao.prototype.mx_formats.config import ScaleCalculationMode
    from torchao.prototype.mx_formats.mx_tensor import to_mx

    def quantize(x: Tensor) -> object:
        return to_mx(x, torch.float4_e2m1fn_x2, 32, ScaleCalculationMode.FLOOR)

    return quantize


_TORCHAO: Mapping[str, Callable[[], Callable[[Tensor], object]]] = {
    "nvfp4_quantize": _torchao_nvfp4,
    "mxfp4_quantize": _torchao_mxfp4,
}
