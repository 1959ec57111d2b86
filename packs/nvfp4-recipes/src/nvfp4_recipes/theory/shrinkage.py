"""Expected factors of quantized blocks of 16, by quadrature."""

from __future__ import annotations

from nvfp4_recipes.theory.blocks import moments


def e2m1(law: str) -> float:
    """<x, q - x> over <x, x> of blocks of 16 on the E2M1 grid."""
    return moments(law, 16, "e2m1")[1]


def e2m1_normal() -> float:
    """That of normal entries."""
    return e2m1("normal")


def int4_long(law: str, block: int) -> float:
    """The same on the INT4 grid, for blocks of a length."""
    return moments(law, block, "int4")[1]


def e2m1_error(law: str, group: int) -> float:
    """Relative squared error on the E2M1 grid, for blocks of a length with scales that are not rounded."""
    return moments(law, group, "e2m1")[0]


def power_error(law: str, group: int) -> float:
    """The same with scales that are powers of two."""
    return moments(law, group, "e2m1", "e8m0")[0]
