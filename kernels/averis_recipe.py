"""The variants of Averis: what is split from what, how the mean is kept, what is rounded how and with which words.

Source: "The curse and blessing of mean bias in FP4-quantized LLM training" (arXiv 2603.10444), section 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from claims.kernels.arguments import check_choice
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import FourBit
from claims.kernels.formats.e2m1 import Rounding
from claims.kernels.formats.mx import ScaleRule
from claims.kernels.formats.nvfp4 import Tile
from claims.kernels.philox import check_key

Operand = Literal["activation", "weight", "gradient", "mean"]


@dataclass(frozen=True, kw_only=True)
class AverisRecipe:
    """What is split, how the mean is kept, and what is rounded how.

    The defaults are the algorithm as printed (equations 11 and 12). ``mean="float32"`` or ``"bfloat16"`` keeps the mean
    in high precision, ``weight_gradient_terms=2`` drops the two terms of equation 12 that are zero without
    quantization, and both ``split_...=False`` give plain quantization. ``format=None`` quantizes nothing.

    ``subtract="kept mean"`` makes the residual of the mean as it was rounded, so that the rounding error of an FP4 mean
    is left in the residual, to be quantized there, instead of in the product. Residuals then no longer sum to zero:
    use four terms with it.
    """

    format: FourBit | None = "nvfp4"
    split_activation: bool = True
    split_gradient: bool = True
    mean: Literal["fp4", "bfloat16", "float32"] = "fp4"
    subtract: Literal["mean", "kept mean"] = "mean"  # the float32 mean as printed, or the mean as it was rounded
    mean_weight: Literal["quantized", "exact"] = "quantized"  # what the mean is multiplied by
    weight_gradient_terms: Literal[2, 4] = 4
    weight_tile: Tile = "1x16"  # NVFP4 only
    scale_rule: ScaleRule = "floor"  # MXFP4 only
    stochastic: frozenset[Operand] = frozenset()  # operands rounded stochastically; the others to nearest
    hadamard: bool = False  # both inputs of the weight gradient, along the tokens, in blocks of 16 with RHT_SIGNS

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            check_choice("AverisRecipe", name, getattr(self, name), choices)
        if not isinstance(self.stochastic, frozenset) or self.stochastic - _OPERANDS:
            allowed = "a frozenset of operands among activation, weight, gradient, mean"
            raise KernelError("AverisRecipe", "stochastic", got=repr(self.stochastic), allowed=allowed)


_OPERANDS = frozenset({"activation", "weight", "gradient", "mean"})
_CHOICES: dict[str, tuple[object, ...]] = {
    "format": ("nvfp4", "mxfp4", None),
    "split_activation": (False, True),
    "split_gradient": (False, True),
    "hadamard": (False, True),
    "mean": ("fp4", "bfloat16", "float32"),
    "subtract": ("mean", "kept mean"),
    "mean_weight": ("quantized", "exact"),
    "weight_gradient_terms": (2, 4),
    "weight_tile": ("1x16", "16x16"),
    "scale_rule": ("floor", "ceil"),
}


PRINTED = AverisRecipe()
"""The algorithm as the paper prints it."""


def check_recipe(operation: str, recipe: object) -> None:
    """Raise KernelError unless it is a recipe."""
    if not isinstance(recipe, AverisRecipe):
        raise KernelError(operation, "recipe", got=repr(recipe), allowed="an AverisRecipe")


def stream(recipe: AverisRecipe, operand: Operand, key: int | None, ordinal: int) -> tuple[Rounding, int | None]:
    """Rounding and key of an operand: number ``ordinal`` has ``key + ordinal * 0x9E3779B97F4A7C15`` modulo 2**64."""
    if operand not in recipe.stochastic:
        return "nearest", None
    if key is None:
        raise KernelError("averis", "key", got=None, allowed=f"given, because {operand} is rounded stochastically")
    check_key(key, operation="averis")
    return "stochastic", (key + ordinal * 0x9E3779B97F4A7C15) % (1 << 64)
