"""Low-bit numerics: one public function an operation, three routes (plain torch, compiled CPU, Triton), one truth.

Importing this package is cheap: torch and the compiled library are loaded with the first operation that is asked for,
and neither a GPU nor a compiler is assumed to exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what the table says, for type checkers; a test holds the two together
    from claims.kernels.averis import averis_forward as averis_forward
    from claims.kernels.averis import averis_input_gradient as averis_input_gradient
    from claims.kernels.averis import averis_linear as averis_linear
    from claims.kernels.averis import averis_weight_gradient as averis_weight_gradient
    from claims.kernels.averis_recipe import AverisRecipe as AverisRecipe
    from claims.kernels.block_gemm import block_scaled_matmul as block_scaled_matmul
    from claims.kernels.dispatch import route_of as route_of
    from claims.kernels.energy import transverse_energy as transverse_energy
    from claims.kernels.errors import KernelError as KernelError
    from claims.kernels.formats.block_scaled import BlockScaled as BlockScaled
    from claims.kernels.formats.dequantize import dequantize as dequantize
    from claims.kernels.formats.e2m1 import e2m1_decode as e2m1_decode
    from claims.kernels.formats.e2m1 import e2m1_encode as e2m1_encode
    from claims.kernels.formats.e2m1 import pack_nibbles as pack_nibbles
    from claims.kernels.formats.e2m1 import unpack_nibbles as unpack_nibbles
    from claims.kernels.formats.e4m3 import e4m3_decode as e4m3_decode
    from claims.kernels.formats.e4m3 import e4m3_encode as e4m3_encode
    from claims.kernels.formats.mx import mxfp4_quantize as mxfp4_quantize
    from claims.kernels.formats.mx import mxfp6_quantize as mxfp6_quantize
    from claims.kernels.formats.mx import mxfp8_quantize as mxfp8_quantize
    from claims.kernels.formats.nvfp4 import nvfp4_quantize as nvfp4_quantize
    from claims.kernels.hadamard import RHT_SIGNS as RHT_SIGNS
    from claims.kernels.hadamard import hadamard_signs as hadamard_signs
    from claims.kernels.hadamard import hadamard_transform as hadamard_transform
    from claims.kernels.matmul import gemm as gemm
    from claims.kernels.matmul import sign_flip_linear as sign_flip_linear
    from claims.kernels.mean_split import averis_split as averis_split
    from claims.kernels.mean_split import column_statistics as column_statistics
    from claims.kernels.norm import rms_norm as rms_norm
    from claims.kernels.norm import rms_norm_jvp as rms_norm_jvp
    from claims.kernels.packed import pack_ternary as pack_ternary
    from claims.kernels.packed import ternary_linear as ternary_linear
    from claims.kernels.packed import unpack_ternary as unpack_ternary
    from claims.kernels.perturb import magnitude_step as magnitude_step
    from claims.kernels.perturb import matched_step as matched_step
    from claims.kernels.perturb import sign_flip as sign_flip
    from claims.kernels.philox import flip_mask as flip_mask
    from claims.kernels.philox import flip_mask_words as flip_mask_words
    from claims.kernels.relu import ReluMoments as ReluMoments
    from claims.kernels.relu import relu_moments as relu_moments
    from claims.kernels.ternary import sign_quantize as sign_quantize
    from claims.kernels.ternary import ternary_quantize as ternary_quantize

_HOME = {
    "AverisRecipe": "averis_recipe",
    "BlockScaled": "formats.block_scaled",
    "KernelError": "errors",
    "RHT_SIGNS": "hadamard",
    "ReluMoments": "relu",
    "averis_forward": "averis",
    "averis_input_gradient": "averis",
    "averis_linear": "averis",
    "averis_split": "mean_split",
    "averis_weight_gradient": "averis",
    "block_scaled_matmul": "block_gemm",
    "column_statistics": "mean_split",
    "dequantize": "formats.dequantize",
    "e2m1_decode": "formats.e2m1",
    "e2m1_encode": "formats.e2m1",
    "e4m3_decode": "formats.e4m3",
    "e4m3_encode": "formats.e4m3",
    "flip_mask": "philox",
    "flip_mask_words": "philox",
    "gemm": "matmul",
    "hadamard_signs": "hadamard",
    "hadamard_transform": "hadamard",
    "magnitude_step": "perturb",
    "matched_step": "perturb",
    "mxfp4_quantize": "formats.mx",
    "mxfp6_quantize": "formats.mx",
    "mxfp8_quantize": "formats.mx",
    "nvfp4_quantize": "formats.nvfp4",
    "pack_nibbles": "formats.e2m1",
    "pack_ternary": "packed",
    "relu_moments": "relu",
    "rms_norm": "norm",
    "rms_norm_jvp": "norm",
    "route_of": "dispatch",
    "sign_flip": "perturb",
    "sign_flip_linear": "matmul",
    "sign_quantize": "ternary",
    "ternary_linear": "packed",
    "ternary_quantize": "ternary",
    "transverse_energy": "energy",
    "unpack_nibbles": "formats.e2m1",
    "unpack_ternary": "packed",
}

__all__ = sorted(_HOME)  # noqa: PLE0605  the names of the table above


if not TYPE_CHECKING:  # which would take any name at all for defined

    def __getattr__(name: str) -> Any:
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
