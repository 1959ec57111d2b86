"""Outlier columns of a model's matrices, the other columns, and how many weights either group has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from claims.models.architecture import LINEARS, Architecture
from claims.models.prepared import ABSOLUTE, AMPLITUDE

#: Share of a matrix's columns that are called outliers (section 7.3).
OUTLIER_SHARE = 0.05
#: By what columns are ranked: row of the moments. The authors' scripts take E |x_j|, section 7.3 takes E |x_j| / |x|.
RULES = {"absolute": ABSOLUTE, "normalised": AMPLITUDE}


@dataclass(frozen=True, slots=True)
class Group:
    """Columns of some matrices.

    Attributes:
        columns: matrix -> its columns in the group, increasing, int64.
        rows: matrix -> number of its rows.
    """

    columns: Mapping[str, Tensor]
    rows: Mapping[str, int]

    def weights(self) -> dict[str, int]:
        """Number of weights in the group by matrix."""
        return {name: self.rows[name] * len(columns) for name, columns in self.columns.items()}

    @property
    def total(self) -> int:
        """Number of weights in the group."""
        return sum(self.weights().values())


def matrix_shapes(architecture: Architecture) -> dict[str, tuple[int, int]]:
    """(rows, columns) of every linear map of the layers, in the order in which they are applied."""
    shapes = architecture.shapes()
    names = (f"layers.{layer}.{part}" for layer in range(architecture.layers) for part in LINEARS)
    return {name: (shapes[name][0], shapes[name][1]) for name in names}


def top_columns(score: Tensor, *, share: float = OUTLIER_SHARE) -> Tensor:
    """The floor(share * n) columns with the largest scores (one at least), increasing; of equal ones the first."""
    count = max(1, math.floor(share * len(score)))
    return torch.sort(torch.sort(score, descending=True, stable=True).indices[:count]).values


def outlier_columns(moments: Mapping[str, Tensor], *, rule: str = "absolute") -> dict[str, Tensor]:
    """Each matrix's own outlier columns, by the mean size of its own input (``RULES``)."""
    return {name: top_columns(found[RULES[rule]]) for name, found in moments.items()}


def columns_of_one_input(moments: Mapping[str, Tensor], source: str, *, rule: str = "normalised") -> dict[str, Tensor]:
    """The outlier columns of one matrix's input, for all matrices whose input is as wide: section 7.3 as printed.

    Args:
        moments: of every matrix's input.
        source: the matrix on whose input columns are chosen; the text takes layers.12.gate of 22 layers.
        rule: by what columns are ranked.
    """
    chosen, width = top_columns(moments[source][RULES[rule]]), moments[source].shape[1]
    return {name: chosen for name, found in moments.items() if found.shape[1] == width}


def split(architecture: Architecture, outliers: Mapping[str, Tensor]) -> tuple[Group, Group]:
    """The group of the outlier columns, and that of the other columns of the same matrices."""
    shapes = matrix_shapes(architecture)
    rest = {}
    for name, columns in outliers.items():
        kept = torch.ones(shapes[name][1], dtype=torch.bool)
        kept[columns] = False
        rest[name] = kept.nonzero().flatten()
    rows = {name: shapes[name][0] for name in outliers}
    return Group(outliers, rows), Group(rest, rows)
