"""Sign flips of a model's weights while it runs: of one matrix at a time, from named streams, exact.

A ``Change`` gives a matrix's perturbed weights. It is asked anew in every forward pass and keeps nothing, so that no
more than one perturbed matrix exists at a time; ``kept_for_a_layer`` keeps those of a layer, for arms that share them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from claims.kernels import sign_flip
from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder, Linear, product
from claims.papers.sign_magnitude.trained.column_groups import Group, matrix_shapes

if TYPE_CHECKING:
    from claims.streams import Streams

#: ``change(name, weight)``: the perturbed weights of the matrix "layers.3.q"; ``weight`` itself is left as it is.
Change = Callable[[str, Tensor], Tensor]


def running(change: Change) -> Linear:
    """The hook with which ``Decoder.run`` takes the perturbed weights."""

    def linear(name: str, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return product(x, change(name, weight), bias)

    return linear


def kept_for_a_layer(change: Change) -> Change:
    """The same change, made once for all arms that ask for it a layer at a time: as many matrices are kept as it has.

    The weights that it is asked about are always the model's own.
    """
    kept: dict[str, Tensor] = {}

    def result(name: str, weight: Tensor) -> Tensor:
        if name not in kept:
            if len(kept) == len(LINEARS):
                del kept[next(iter(kept))]
            kept[name] = change(name, weight)
        return kept[name]

    return result


def within_group(change: Change, group: Group, *, factor: float = 1.0) -> Change:
    """The same change in the group's columns only, times a factor: a flipped weight w becomes (1 - 2 factor) w."""

    def restricted(name: str, weight: Tensor) -> Tensor:
        if name not in group.columns:
            return weight
        columns, changed = group.columns[name], change(name, weight)
        if 2 * len(columns) > weight.shape[1]:
            result = torch.lerp(weight, changed, factor)
            outside = torch.ones(weight.shape[1], dtype=torch.bool)
            outside[columns] = False
            result[:, outside] = weight[:, outside]
        else:
            result = weight.clone()
            result[:, columns] = torch.lerp(weight[:, columns], changed[:, columns], factor)
        return result

    return restricted


def independent_flips(streams: Streams, flip_rate: float) -> Change:
    """Each weight negated with probability ``flip_rate``, by a mask of its own for each matrix."""

    def change(name: str, weight: Tensor) -> Tensor:
        flipped: Tensor = sign_flip(weight, flip_rate=flip_rate, key=streams.key(f"flips of {name}"))
        return flipped

    return change


def flips_shared_by_shape(streams: Streams, flip_rate: float) -> Change:
    """One mask for all matrices of a shape: the script of Exp D seeds its random arm before each matrix."""

    def change(name: str, weight: Tensor) -> Tensor:
        rows, columns = weight.shape
        flipped: Tensor = sign_flip(weight, flip_rate=flip_rate, key=streams.key(f"flips of {rows} x {columns}"))
        return flipped

    return change


def flips_shared_by_column(streams: Streams, flip_rate: float) -> Change:
    """One mask for column j of all matrices with as many rows: the script of Exp D seeds before each such column."""

    def change(name: str, weight: Tensor) -> Tensor:
        key = streams.key(f"flips of columns of {len(weight)}")
        flipped: Tensor = sign_flip(weight.T.contiguous(), flip_rate=flip_rate, key=key)
        return flipped.T

    return change


def allotted(group: Group, count: int) -> dict[str, int]:
    """``count`` flips over the matrices in proportion to the group's weights there, by largest remainders.

    Raises:
        ValueError: the group has fewer weights.
    """
    weights, total = group.weights(), group.total
    if not 0 <= count <= total:
        raise ValueError(f"{count:,} flips in a group of {total:,} weights")
    shares = {name: divmod(count * size, total) for name, size in weights.items()}
    order = sorted(shares, key=lambda name: -shares[name][1])
    left = count - sum(whole for whole, _ in shares.values())
    more = set(order[:left])
    return {name: whole + (name in more) for name, (whole, _) in shares.items()}


def counted_flips(streams: Streams, group: Group, count: int, *, label: str) -> Change:
    """Exactly ``count`` weights of the group negated, drawn without replacement within each matrix's allotment."""
    counts = allotted(group, count)

    def change(name: str, weight: Tensor) -> Tensor:
        if not counts.get(name):
            return weight
        columns = group.columns[name]
        pool = len(weight) * len(columns)
        drawn = streams.numpy(f"{label} {name}").choice(pool, counts[name], replace=False, shuffle=False)
        place = torch.from_numpy(drawn)
        row, column = place // len(columns), columns[place % len(columns)]
        result = weight.clone()
        result[row, column] = -weight[row, column]
        return result

    return change


def change_norm(model: Decoder, change: Change) -> float:
    """Frobenius norm of what the change adds to all matrices together."""
    return math.sqrt(sum(float(energies.sum()) for _, energies in _column_energies(model, change)))


def group_norms(model: Decoder, change: Change, groups: Sequence[Group]) -> list[float]:
    """Frobenius norm of what the change adds to each group's columns, the change being made once for all of them."""
    totals = [0.0] * len(groups)
    for name, energies in _column_energies(model, change):
        for i, group in enumerate(groups):
            if name in group.columns:
                totals[i] += float(energies[group.columns[name]].sum())
    return [math.sqrt(total) for total in totals]


def _column_energies(model: Decoder, change: Change) -> Iterator[tuple[str, Tensor]]:
    """Squared norm of what the change adds to each column of each matrix: float64 (columns,)."""
    for name in matrix_shapes(model.architecture):
        _, layer, part = name.split(".")
        weight = model.layer(int(layer))[part]
        yield name, (change(name, weight) - weight).square_().sum(0, dtype=torch.float64)
