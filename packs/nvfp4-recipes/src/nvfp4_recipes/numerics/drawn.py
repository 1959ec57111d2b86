"""Matrices that are drawn: from a thin-tailed, a heavier and a heavy law, and with an outlier in every block."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

#: One cell of a sweep: its coordinates and the quantities measured there.
Record = dict[str, Any]

#: Laws of ``matrix``: standard normal; Laplace of scale 1; Student's t with 3 degrees of freedom; standard normal with
#: one column of 16, at random in each row of blocks, eight times as large.
LAWS = ("normal", "laplace", "t3", "outliers")
COLUMNS = 256
_BLOCK, _OUTLIER = 16, 8.0


def matrix(law: str, elements: int, generator: np.random.Generator) -> Tensor:
    """Independent entries of a law: float32 (elements / 256, 256)."""
    shape = (elements // COLUMNS, COLUMNS)
    if law == "laplace":
        drawn = generator.laplace(size=shape)
    elif law == "t3":
        drawn = generator.standard_t(3, size=shape)
    elif law in ("normal", "outliers"):
        drawn = generator.standard_normal(shape)
    else:
        raise ValueError(f"law: got {law!r}; allowed: {', '.join(LAWS)}")
    if law == "outliers":
        columns = generator.integers(_BLOCK, size=COLUMNS // _BLOCK) + np.arange(0, COLUMNS, _BLOCK)
        drawn[:, columns] *= _OUTLIER
    return torch.from_numpy(drawn.astype(np.float32))


def energy(x: Tensor) -> float:
    """Squared Frobenius norm, summed in float64."""
    return float(x.double().square().sum())


def relative_error(values: Tensor, x: Tensor) -> float:
    """Squared error of the values over the energy of ``x``."""
    return energy(values.double() - x.double()) / energy(x)


def alignment(values: Tensor, x: Tensor) -> float:
    """<x, values> / <x, x>: the factor by which the values are shrunk or stretched along ``x``."""
    wide = x.double()
    return float((wide * values.double()).sum()) / energy(x)
