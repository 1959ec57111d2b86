"""The same formats in ml_dtypes, torchao and torch, byte by byte: where they agree with the definition, where not.

What is said of a library is said of one version, the one that the point names; another one, or none, makes the
experiment unavailable. Importing torchao takes seconds, so all of its cases that need no random data are one call.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any

import torch
from torch import Tensor

from claims.errors import Unavailable
from claims.kernels import (
    BlockScaled,
    e2m1_decode,
    e2m1_encode,
    e4m3_decode,
    e4m3_encode,
    mxfp4_quantize,
    nvfp4_quantize,
    unpack_nibbles,
)
from claims.papers.mean_bias.experiments.formats_codes import bfloat16_numbers
from claims.streams import Streams

Record = dict[str, Any]


def require(name: str, version: str) -> None:
    """Raise Unavailable unless this version of a library is installed (a local build tag such as +cpu aside)."""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        found = "none"
    if found.partition("+")[0] != version:
        get = f"pip install '{name}=={version}'"
        raise Unavailable(f"needs {name} {version}, found {found}: {get}")


#: Who warns while torchao is imported: itself, of GPU libraries that a CPU cannot load, and torch of torchao's enums.
_NOISY = ("torchao", "torch.utils._pytree")


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Errors are still shown, and what cannot be imported still raises."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _torchao(module: str) -> Any:
    with _without_warnings():
        return import_module(f"torchao.prototype.mx_formats.{module}")


def _bytes(x: Tensor) -> Tensor:
    return x.view(torch.uint8).flatten()


def _their_nvfp4(x: Tensor) -> tuple[Tensor, Tensor]:
    """torchao's scales and packed codes, as bytes."""
    module = _torchao("nvfp4_tensor")
    scales, codes = module.nvfp4_quantize(x, 16, module.per_tensor_amax_to_scale(x.float().abs().max()))
    return _bytes(scales), _bytes(codes)


def ml_dtypes_codes(point: Mapping[str, Any], streams: Streams) -> Record:
    """ml_dtypes' casts of all bfloat16 numbers against ours.

    Base point: version. Quantities: numbers, e2m1_agree and e2m1_planted (of numbers whose sign was dropped);
    in_range (|x| <= 464), e4m3_agree and e4m3_planted, the same for E4M3; beyond and beyond_nan: numbers above 464,
    infinities included, and how many of them become NaN; positive_nan, the E2M1 code of NaN.
    """
    require("ml_dtypes", point["version"])
    import ml_dtypes
    import numpy as np

    def theirs(x: Tensor, element: Any) -> Tensor:
        return torch.from_numpy(x.numpy().astype(element).view(np.uint8))

    x = bfloat16_numbers()
    near = x[x.abs() <= 464]
    four, eight = theirs(x, ml_dtypes.float4_e2m1fn), theirs(near, ml_dtypes.float8_e4m3fn)
    beyond = theirs(x[x.abs() > 464], ml_dtypes.float8_e4m3fn) & 127
    nan = theirs(torch.tensor([torch.nan]), ml_dtypes.float4_e2m1fn)
    return {
        "numbers": len(x),
        "e2m1_agree": int((e2m1_encode(x) == four).sum()),
        "e2m1_planted": int((e2m1_encode(x.abs()) == four).sum()),
        "in_range": len(near),
        "e4m3_agree": int((e4m3_encode(near) == eight).sum()),
        "e4m3_planted": int((e4m3_encode(near.abs()) == eight).sum()),
        "beyond": len(beyond),
        "beyond_nan": int((beyond == 127).sum()),
        "positive_nan": nan[0].item(),
    }


def torch_cast(point: Mapping[str, Any], streams: Streams) -> Record:
    """torch's cast of all bfloat16 numbers to float8_e4m3fn against ours, infinities and zeros of both signs included.

    Base point: version. Quantities: numbers, agree, planted (of numbers above 464, as if they became NaN).
    """
    require("torch", point["version"])
    x = bfloat16_numbers()
    codes = _bytes(x.to(torch.float8_e4m3fn))
    overflowing = torch.where(x.abs() > 464, 127, e4m3_encode(x) & 127) | (e4m3_encode(x) & 128)
    return {
        "numbers": len(x),
        "agree": int((codes == e4m3_encode(x)).sum()),
        "planted": int((codes == overflowing).sum()),
    }


def torchao_random(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """torchao's quantizers against ours on a float32 (256, 256) tensor with tails of exp(spread N(0, 1)).

    Base point: version, spread. Sweep: case ("nvfp4", "mxfp4-floor", "mxfp4-ceil"). Quantities: bytes, of scales and
    codes; agree; planted, agreeing bytes of ours with stochastic rounding.
    """
    require("torchao", point["version"])
    generator = streams.torch("elements")
    x, spread = (torch.randn(256, 256, generator=generator) for _ in range(2))
    x = x * torch.exp(point["spread"] * spread)
    drawn: dict[str, Any] = {"rounding": "stochastic", "key": streams.key("planted")}
    records = []
    for case in point["case"]:
        if case == "nvfp4":
            theirs = _their_nvfp4(x)
            ours, planted = nvfp4_quantize(x), nvfp4_quantize(x, **drawn)
        else:
            module, rule = _torchao("mx_tensor"), case.removeprefix("mxfp4-")
            mode = module.ScaleCalculationMode({"floor": "floor", "ceil": "rceil"}[rule])
            scales, codes = module.to_mx(x, torch.float4_e2m1fn_x2, 32, mode)
            theirs = _bytes(scales), _bytes(codes)
            ours, planted = (mxfp4_quantize(x, scale_rule=rule, **options) for options in ({}, drawn))
        agree, missed = _agreement(ours, theirs), _agreement(planted, theirs)
        records.append({"case": case, "bytes": sum(map(len, theirs)), "agree": agree, "planted": missed})
    return records


def _agreement(ours: BlockScaled, theirs: tuple[Tensor, Tensor]) -> int:
    """Equal bytes among scales and codes."""
    pairs = zip((ours.scales, ours.codes), theirs, strict=True)
    return sum(int((_bytes(mine) == other).sum()) for mine, other in pairs)


def torchao_bfloat16(point: Mapping[str, Any], streams: Streams) -> Record:
    """How many N(0, 1) tensors (64, 256) of bfloat16 numbers get other bytes from torchao's NVFP4 than from ours.

    Base point: version, tensors. Quantities: different, tensors.
    """
    require("torchao", point["version"])
    different, generator = 0, streams.torch("elements")
    for _ in range(point["tensors"]):
        x = torch.randn(64, 256, generator=generator).bfloat16()
        theirs = _their_nvfp4(x)
        different += _agreement(nvfp4_quantize(x), theirs) < sum(map(len, theirs))
    return {"different": different, "tensors": point["tensors"]}


def torchao_cases(point: Mapping[str, Any], streams: Streams) -> Record:
    """What torchao makes of inputs at the ends of the formats.

    Base point: version. Quantities: of numbers in [-3, 3] with one outlier of 3e5,
    smallest_scale of a block and error, the relative mean squared error in the other blocks; of an all-zero tensor,
    zero_nan, the share of scales that are NaN; nan_value, the element that NaN becomes; of a block with maximum just
    above 6 * 1024, ceil_exponent of its MXFP4 scale; of a block with maximum 2^-126, tiny_code, the code of that
    element under the floor rule.
    """
    require("torchao", point["version"])
    mx = _torchao("mx_tensor")
    # 1597 is prime to 4096: every number once, far from its neighbours in size.
    outlier = (torch.arange(4096) * 1597 % 4096 / 4095 * 6 - 3).view(16, 256)
    outlier[0, 0] = 3e5
    zero = torch.zeros(2, 32)
    scales, codes = _their_nvfp4(outlier)
    edge = torch.zeros(2, 32)
    edge[0, 0], edge[1, 0] = torch.tensor(6.0 * 1024).nextafter(torch.tensor(1e9)), 2.0**-126
    ceil = mx.to_mx(edge[:1], torch.float4_e2m1fn_x2, 32, mx.ScaleCalculationMode.RCEIL)[0]
    floor = mx.to_mx(edge[1:], torch.float4_e2m1fn_x2, 32, mx.ScaleCalculationMode.FLOOR)[1]
    nan = _torchao("kernels").f32_to_f4_unpacked(torch.tensor([torch.nan]))
    return {
        "smallest_scale": e4m3_decode(scales).min().item(),
        "error": _error(outlier, codes, scales, nvfp4_quantize(outlier).tensor_scale),
        "zero_nan": float(e4m3_decode(_their_nvfp4(zero)[0]).isnan().double().mean()),
        "nan_value": e2m1_decode(nan & 15).item(),
        "ceil_exponent": int(_bytes(ceil)[0]) - 127,
        "tiny_code": int(unpack_nibbles(_bytes(floor))[0]),
    }


def _error(x: Tensor, codes: Tensor, scales: Tensor, tensor_scale: Tensor) -> float:
    """Squared error of NVFP4 codes and scales relative to the energy, the first block left out."""
    values = e2m1_decode(unpack_nibbles(codes.flatten()), dtype=torch.float64).view(-1, 16)
    values = values * e4m3_decode(scales.flatten(), dtype=torch.float64)[:, None] * tensor_scale
    exact = x.double().view(-1, 16)
    return float((values - exact)[1:].square().sum() / exact[1:].square().sum())
