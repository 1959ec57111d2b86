"""One call of every public operation, for the properties that all of them share."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

import claims.kernels as kernels
from claims.kernels import AverisRecipe, BlockScaled
from claims.kernels.mean_split import Split

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
    elif isinstance(result, tuple):
        for item in result:
            yield from parts(item)
    elif result is not None:
        yield torch.tensor(result, dtype=torch.float64, device="cpu")


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
    value: dict[str, Any] = {"has_out": False}
    plain: dict[str, Any] = {"has_out": False, "routed": False}
    table = {
        "rms_norm": ((x,), {"eps": 1e-6}, smooth),
        "rms_norm_jvp": ((x, h), {}, smooth),
        "sign_flip": ((x,), flips, smooth),
        "magnitude_step": ((x,), {"size": 0.1}, smooth),
        "matched_step": ((x,), flips, value),
        "transverse_energy": ((x, h), {}, smooth | value),
        "gemm": ((x, w.T), {}, smooth),
        "gemm large": (large, {}, smooth),
        "sign_flip_linear": ((x, w), flips, smooth),
        "sign_flip_linear large": ((large[0], large[1].T), flips, smooth),
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
        "mxfp4_quantize": ((x,), {}, {}),
        "mxfp4_quantize columns": ((x,), {"axis": -2, "center": h[0], "scale_rule": "ceil", **random}, {}),
        "dequantize": ((nvfp4(x),), {}, {}),
        "dequantize bfloat16": ((mxfp4(x),), {"dtype": torch.bfloat16}, {}),
        "dequantize float64": ((nvfp4(x, tile="16x16"),), {"dtype": torch.float64}, {}),
        "block_scaled_matmul": ((nvfp4(x), nvfp4(w, tile="16x16")), {}, {}),
        "block_scaled_matmul large": (tuple(mxfp4(m) for m in (large[0], large[1])), {}, {}),
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
        "averis_forward": ((x, w), {}, {}),
        "averis_forward variant": ((x, w), recipe, {}),
        "averis_forward unquantized": ((x, w), {"recipe": AverisRecipe(format=None)}, {}),
        "averis_input_gradient": ((gradient, w), {}, {}),
        "averis_input_gradient unquantized": ((gradient, w), {"recipe": AverisRecipe(format=None)}, {}),
        "averis_weight_gradient": ((gradient, x), {}, {}),
        "averis_weight_gradient variant": ((gradient, x), recipe, {}),
        "averis_linear": ((x, w), {}, smooth | value),
        "averis_linear unquantized": ((x, w), {"recipe": AverisRecipe(format=None)}, smooth | value),
    }
    return {
        name: Call(function=getattr(kernels, name.split()[0]), arguments=arguments, options=options, **facts)
        for name, (arguments, options, facts) in table.items()
    }


CALLS = calls()
DRAWS = {
    "flip_mask": lambda: kernels.flip_mask((3, 5), flip_rate=0.3, key=7),
    "flip_mask_words": lambda: kernels.flip_mask_words(9, key=7),
    "hadamard_signs": lambda: kernels.hadamard_signs(16, key=7),
}
"""What takes no tensor."""
NO_OPERATIONS = {"AverisRecipe", "BlockScaled", "KernelError", "RHT_SIGNS", "route_of"}
