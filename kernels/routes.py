"""Comparing a kernel's Triton route with its reference and its compiled CPU kernel, value by value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor

from claims.kernels.entries import SEED, Entry
from claims.kernels.errors import KernelError
from claims.kernels.formats.block_scaled import BlockScaled

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
#: JSON has no infinity.
_BEYOND = 1e300


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Two results side by side: values compared, how many are other, the largest error over what is allowed.

    ``excess`` is 0 where bits are promised and right, beyond 1 where something is wrong.
    """

    values: int
    differ: int
    excess: float


def compare(entry: Entry, dtype: torch.dtype, shape: tuple[int, int], device: str) -> dict[str, Any]:
    """A row of the file: Triton's result on a device beside the reference's, and the compiled kernel's, on the CPU.

    Whatever goes wrong is the row's error: the file is to come back all the same.
    """
    row: dict[str, Any] = {"kernel": entry.operation, "variant": entry.variant, "dtype": name_of(dtype)}
    row |= {"shape": list(shape), "promise": "bits" if entry.allowed is None else "bound"}
    row |= {"reference": None, "cpu": None, "error": None}
    try:
        arguments = entry.make(*shape, dtype, SEED)
        row["shape"] = list(arguments[0].shape)
        expected = list(parts(entry.call(*arguments, route="reference")))
        allowed = [None] * len(expected) if entry.allowed is None else entry.allowed(arguments, expected)
        found = list(parts(moved(entry.call(*moved(arguments, device), route="triton"), "cpu")))
        row["reference"] = asdict(counted(found, expected, allowed))
        compiled = _by_cpu(entry, arguments)
        if compiled is not None:
            row["cpu"] = asdict(counted(found, compiled, allowed))
    except Exception as error:  # noqa: BLE001  a compiler or a driver may raise anything
        row["error"] = words_of(error)
    return row


def _by_cpu(entry: Entry, arguments: tuple[Any, ...]) -> list[Tensor] | None:
    """The compiled kernel's result; None where it does not take these arguments."""
    try:
        return list(parts(entry.call(*arguments, route="cpu")))
    except KernelError as error:
        if error.argument != "route":
            raise
        return None


def counted(found: Sequence[Tensor], expected: Sequence[Tensor], allowed: Sequence[Tensor | None]) -> Counted:
    """How results differ. Of an integer, and of a float whose bits are promised, every bit counts.

    Raises:
        ValueError: they are not alike in number, shape or dtype.
    """
    differ, excess = 0, 0.0
    for ours, theirs, bound in zip(found, expected, allowed, strict=True):
        if (ours.shape, ours.dtype) != (theirs.shape, theirs.dtype):
            raise ValueError(f"{tuple(ours.shape)} {ours.dtype}; expected {tuple(theirs.shape)} {theirs.dtype}")
        if bound is None:
            wrong = int((bits(ours) != bits(theirs)).sum())
            differ, excess = differ + wrong, max(excess, _BEYOND if wrong else 0.0)
            continue
        unlike = ~((ours == theirs) | (ours.isnan() & theirs.isnan()))
        differ += int(unlike.sum())
        if bool(unlike.any()):
            ratios = ((ours.double() - theirs.double()).abs() / bound)[unlike]
            excess = max(excess, float(ratios.nan_to_num(nan=math.inf).max()))
    return Counted(values=sum(each.numel() for each in found), differ=differ, excess=min(excess, _BEYOND))


def bits(x: Tensor) -> Tensor:
    """The bits of floats as integers, in the same memory where they are contiguous; integers as they are."""
    return x.resolve_neg().contiguous().view(_INTEGERS[x.element_size()]) if x.is_floating_point() else x


def parts(result: Any) -> Iterator[Tensor]:
    """The tensors that a result is made of."""
    if isinstance(result, Tensor):
        yield result
    elif isinstance(result, BlockScaled):
        yield result.payload
    elif isinstance(result, tuple):
        for each in result:
            yield from parts(each)
    else:
        yield torch.tensor(result, dtype=torch.float64)


def moved(value: Any, device: str) -> Any:
    """The same on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, BlockScaled):
        return replace(value, payload=value.payload.to(device))
    return tuple(moved(each, device) for each in value) if isinstance(value, tuple) else value


def name_of(dtype: torch.dtype) -> str:
    """A dtype without the library's name."""
    return str(dtype).removeprefix("torch.")


def words_of(error: BaseException) -> str:
    """An error in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:300]


def wrong(row: dict[str, Any]) -> str:
    """What is wrong with a row, in words; empty if nothing is."""
    if row["error"] is not None:
        return str(row["error"])
    for name in ("reference", "cpu"):
        if row[name] is not None and not row[name]["excess"] <= 1:
            by = "" if row["promise"] == "bits" else f", by up to {row[name]['excess']:.3g} times what is allowed"
            return f"{row[name]['differ']:,} of {row[name]['values']:,} values are not those of {name}{by}"
    return ""
