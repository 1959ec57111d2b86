"""One call of every public operation, for the properties that all of them share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

import claims.kernels as kernels
from claims.kernels import AverisRecipe, BlockScaled
from claims.kernels.mean_split import Split
from claims.kernels.relu import ReluMoments

from .quantized import normal


@dataclass(frozen=True, kw_only=True)
class Call:
    """A public function with arguments; ``out`` is how its result is made beforehand, if it can be."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    differentiable: bool = False
    routed: bool = True
    has_out: bool = True
    fixed_order: bool = True
    """Sums are taken in one order, so that neither layout nor threads show; torch's products promise nothing there."""

    def __call__(self, *arguments: Any, **options: Any) -> tuple[Tensor, ...]:
        """The tensors of the result; other arguments than its own, and more options, if given."""
        return tuple(parts(self.function(*(arguments or self.arguments), **self.options, **options)))


def parts(result: Any) -> Iterator[Tensor]:
    """The tensors that a result is made of."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, BlockScaled):
        yield from (result.payload, result.codes, result.scales, result.tensor_scale)
    elif isinstance(result, Split):
        yield from parts((result.residual, result.mean, result.mean_codes))
    elif isinstance(result, ReluMoments):
        for side in (result.up, result.down, result.linear):
            yield from (side.clean, side.cross, side.total, side.moved)
    elif isinstance(result, tuple):
        for item in result:
            yield from parts(item)
    elif result is not None:
        yield torch.tensor(result, dtype=torch.float64, device="cpu")


def guarded(call: Call) -> tuple[Any, tuple[Tensor, Tensor]]:
    """An ``out`` full of 85 for this call, and the 64 entries of the same memory before and behind it, alike."""
    like = call.function(*call.arguments, **call.options)
    like = like[0] if isinstance(like, tuple) else like
    first = like.payload if isinstance(like, BlockScaled) else like
    pool = torch.full((first.numel() + 128,), 85, dtype=first.dtype)
    inner = pool[64:-64].view(first.shape)
    out = replace(like, payload=inner) if isinstance(like, BlockScaled) else inner
    return out, (pool[:64], pool[-64:])


def with_special_values(call: Call) -> Iterator[tuple[Any, ...]]:
    """Its arguments, with NaN or an infinity in one of the float tensors."""
    for place, tensor in enumerate(call.arguments):
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            continue
        for special in (torch.nan, torch.inf, -torch.inf):
            spoilt = tensor.contiguous().clone()
            spoilt.view(-1)[37] = special
            yield (*call.arguments[:place], spoilt, *call.arguments[place + 1 :])


def outcome(run: Callable[[], Any]) -> list[Tensor] | str:
    """Integers as they are, and of floats where they are NaN or infinite; or which argument was refused."""
    try:
        tensors = list(parts(run()))
    except kernels.KernelError as error:
        return error.argument
    floats = [t for t in tensors if t.is_floating_point()]
    return [t for t in tensors if not t.is_floating_point()] + [
        torch.stack((t.isnan(), t == torch.inf, t == -torch.inf)) for t in floats
    ]


def agree(first: list[Tensor] | str, second: list[Tensor] | str) -> bool:
    """Whether two outcomes are the same."""
    if isinstance(first, str) or isinstance(second, str):
        return first == second
    return len(first) == len(second) and all(map(torch.equal, first, second))


def calls() -> dict[str, Call]:
    """By name: the operation's, and a word for its variant."""
    x, h, w = normal(6, 32, seed=1), normal(6, 32, seed=2), normal(8, 32, seed=3)
    large = normal(256, 128, seed=4), normal(128, 128, seed=5)  # large enough for oneDNN
    codes = (torch.arange(8 * 32) % 3 - 1).to(torch.int8).view(8, 32)
    packed, bytes_ = kernels.pack_ternary(codes), torch.arange(256, dtype=torch.uint8)
    gradient, flips = normal(6, 8, seed=6), {"flip_rate": 0.3, "key": 2**63 + 5}
    nvfp4, mxfp4 = kernels.nvfp4_quantize, kernels.mxfp4_quantize
    random = {"rounding": "stochastic", "key": 7}
    recipe = {"recipe": AverisRecipe(format="mxfp4", mean="float32", mean_weight="exact")}
    smooth: dict[str, Any] = {"differentiable": True}
    product: dict[str, Any] = {"fixed_order": False}
    value: dict[str, Any] = {"has_out": False}
    plain: dict[str, Any] = {"has_out": False, "routed": False}
    table = {
        "rms_norm": ((x,), {"eps": 1e-6}, smooth),
        "rms_norm_jvp": ((x, h), {}, smooth),
        "sign_flip": ((x,), flips, smooth),
        "magnitude_step": ((x,), {"size": 0.1}, smooth),
        "matched_step": ((x,), flips, value),
        "transverse_energy": ((x, h), {}, smooth | value),
        "relu_moments": ((x, h), {}, value),
        "gemm": ((x, w.T), {}, smooth | product),
        "gemm large": (large, {}, smooth | product),
        "sign_flip_linear": ((x, w), flips, smooth | product),
        "sign_flip_linear large": ((large[0], large[1].T), flips, smooth | product),
        "sign_quantize": ((w,), {}, {}),
        "ternary_quantize": ((w,), {}, {}),
        "ternary_quantize rows": ((w,), {"per": "row"}, {}),
        "pack_ternary": ((codes,), {}, {}),
        "unpack_ternary": ((packed,), {"columns": 32}, plain),
        "ternary_linear": ((x, packed), {}, smooth),
        "ternary_linear scaled": ((x, packed), {"scale": torch.tensor(0.3)}, smooth | value),
        "ternary_linear integers": ((codes, packed), {}, {}),
        "nvfp4_quantize": ((x,), {}, {}),
        "nvfp4_quantize tiles": ((x,), {"tile": "16x16", "center": h[0], **random}, {}),
        "nvfp4_quantize columns": ((x,), {"axis": -2, "amax": 2.0}, {}),
        "nvfp4_quantize four over six": ((x,), {"four_over_six": "squared", "largest_scale": 256}, {}),
        "mxfp4_quantize": ((x,), {}, {}),
        "mxfp4_quantize columns": ((x,), {"axis": -2, "center": h[0], "scale_rule": "ceil", **random}, {}),
        "mxfp6_quantize": ((x,), {}, {}),
        "mxfp6_quantize columns": ((x,), {"axis": -2, "element": "e3m2", "center": h[0], **random}, {}),
        "mxfp8_quantize": ((x,), {}, {}),
        "mxfp8_quantize columns": ((x,), {"axis": -2, "element": "e5m2", "scale_rule": "ceil", **random}, {}),
        "dequantize": ((nvfp4(x),), {}, {}),
        "dequantize six bits": ((kernels.mxfp6_quantize(x),), {}, {}),
        "dequantize eight bits": ((kernels.mxfp8_quantize(x, element="e5m2"),), {"dtype": torch.bfloat16}, {}),
        "dequantize bfloat16": ((mxfp4(x),), {"dtype": torch.bfloat16}, {}),
        "dequantize float64": ((nvfp4(x, tile="16x16"),), {"dtype": torch.float64}, {}),
        "block_scaled_matmul": ((nvfp4(x), nvfp4(w, tile="16x16")), {}, product),
        "block_scaled_matmul eight bits": ((kernels.mxfp8_quantize(x), kernels.mxfp8_quantize(w)), {}, product),
        "block_scaled_matmul large": (tuple(mxfp4(m) for m in (large[0], large[1])), {}, product),
        "e2m1_encode": ((x,), random, {}),
        "e2m1_decode": ((bytes_ % 16,), {}, plain),
        "e4m3_encode": ((x,), {}, {}),
        "e4m3_decode": ((bytes_,), {}, plain),
        "pack_nibbles": ((bytes_ % 16,), {}, plain),
        "unpack_nibbles": ((bytes_,), {}, plain),
        "hadamard_transform": ((x,), {"signs": kernels.RHT_SIGNS}, smooth),
        "hadamard_transform columns": ((x.T,), {"block": 32, "axis": -2, "inverse": True}, smooth),
        "column_statistics": ((x,), {}, {}),
        "averis_split": ((x,), {}, value),
        "averis_split columns": ((x,), {"axis": -2, **recipe}, value),
        "averis_forward": ((x, w), {}, product),
        "averis_forward variant": ((x, w), recipe, product),
        "averis_forward unquantized": ((x, w), {"recipe": AverisRecipe(format=None)}, product),
        "averis_input_gradient": ((gradient, w), {}, product),
        "averis_input_gradient unquantized": ((gradient, w), {"recipe": AverisRecipe(format=None)}, product),
        "averis_weight_gradient": ((gradient, x), {}, product),
        "averis_weight_gradient variant": ((gradient, x), recipe, product),
        "averis_linear": ((x, w), {}, smooth | value | product),
        "averis_linear unquantized": ((x, w), {"recipe": AverisRecipe(format=None)}, smooth | value | product),
    }
    return {
        name: Call(function=getattr(kernels, name.split()[0]), arguments=arguments, options=options, **facts)
        for name, (arguments, options, facts) in table.items()
    }


def large_calls() -> dict[str, Call]:
    """What is shared out to threads, at sizes where it is."""
    x, h = normal(301, 1003, seed=1), normal(301, 1003, seed=2)
    codes = torch.sign(x).to(torch.int8)
    packed, nvfp4 = kernels.pack_ternary(codes), kernels.nvfp4_quantize(x)
    table = {
        "rms_norm": ((x,), {}),
        "rms_norm_jvp": ((x, h), {}),
        "sign_flip": ((x,), {"flip_rate": 0.3, "key": 7}),
        "magnitude_step": ((x,), {"size": 0.1}),
        "matched_step": ((x,), {"flip_rate": 0.3, "key": 7}),
        "transverse_energy": ((x, h), {}),
        "relu_moments": ((x, h), {}),
        "sign_quantize": ((x,), {}),
        "ternary_quantize": ((x,), {}),
        "pack_ternary": ((codes,), {}),
        "ternary_linear": ((x[:9], packed), {}),
        "ternary_linear integers": ((codes[:9], packed), {}),
        "nvfp4_quantize": ((x,), {}),
        "nvfp4_quantize four over six": ((x,), {"tile": "16x16", "four_over_six": "absolute"}),
        "mxfp4_quantize": ((x,), {"axis": -2}),
        "mxfp6_quantize": ((x,), {}),
        "mxfp8_quantize": ((x,), {"axis": -2}),
        "dequantize": ((nvfp4,), {}),
        "e2m1_encode": ((x,), {"rounding": "stochastic", "key": 7}),
        "e4m3_encode": ((x,), {}),
        "hadamard_transform": ((x[:, :992],), {}),
        "column_statistics": ((x.T,), {}),
        "averis_split": ((x,), {"axis": -2}),
    }
    return {
        name: Call(function=getattr(kernels, name.split()[0]), arguments=arguments, options=options)
        for name, (arguments, options) in table.items()
    }


CALLS = calls()
LARGE = large_calls()
DRAWS = {
    "flip_mask": lambda: kernels.flip_mask((3, 5), flip_rate=0.3, key=7),
    "flip_mask_words": lambda: kernels.flip_mask_words(9, key=7),
    "hadamard_signs": lambda: kernels.hadamard_signs(16, key=7),
}
"""What takes no tensor."""
NO_OPERATIONS = {"AverisRecipe", "BlockScaled", "KernelError", "RHT_SIGNS", "ReluMoments", "route_of"}
