"""Low-bit numerics: one public function an operation, three routes (plain torch, compiled CPU, Triton), one truth.

Importing this package is cheap: torch and the compiled library are loaded with the first operation that is asked for,
and neither a GPU nor a compiler is assumed to exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "AverisRecipe": "averis_recipe",
    "BlockScaled": "block_scaled",
    "KernelError": "errors",
    "RHT_SIGNS": "hadamard",
    "averis_forward": "averis",
    "averis_input_gradient": "averis",
    "averis_linear": "averis",
    "averis_split": "mean_split",
    "averis_weight_gradient": "averis",
    "block_scaled_matmul": "block_gemm",
    "column_statistics": "mean_split",
    "dequantize": "block_scaled",
    "e2m1_decode": "e2m1",
    "e2m1_encode": "e2m1",
    "e4m3_decode": "e4m3",
    "e4m3_encode": "e4m3",
    "flip_mask": "philox",
    "flip_mask_words": "philox",
    "gemm": "matmul",
    "hadamard_signs": "hadamard",
    "hadamard_transform": "hadamard",
    "magnitude_step": "perturb",
    "matched_step": "perturb",
    "mxfp4_quantize": "mxfp4",
    "nvfp4_quantize": "nvfp4",
    "pack_nibbles": "e2m1",
    "pack_ternary": "packed",
    "rms_norm": "norm",
    "rms_norm_jvp": "norm",
    "route_of": "dispatch",
    "sign_flip": "perturb",
    "sign_flip_linear": "matmul",
    "sign_quantize": "ternary",
    "ternary_linear": "packed",
    "ternary_quantize": "ternary",
    "transverse_energy": "energy",
    "unpack_nibbles": "e2m1",
    "unpack_ternary": "packed",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  the names of the table above


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
