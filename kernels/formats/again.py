"""Quantizers called again with shape, dtype and options that a call before has checked.

What a quantizer asks of its arguments takes longer than a few thousand numbers do. All of it but what may differ from
call to call (who looks on, how the tensor lies in memory, the key) follows from shape, dtype and options, and is kept.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.compiler import is_compiling

from claims.kernels import native
from claims.kernels.dispatch import Operation
from claims.kernels.formats.block_scaled import STORED, BlockScaled, cpu_source, quantized
from claims.kernels.formats.e2m1 import refuse_nan
from claims.kernels.philox import check_key

#: Calls that are kept of a quantizer; after them all are found anew.
_KEPT = 1024


@dataclass(frozen=True, slots=True)
class _Call:
    """Arguments of the compiled function that do not change, and what its result is."""

    source: tuple[Any, ...]
    rule: tuple[int, int]
    rest: tuple[int, ...]
    size: int
    made: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Again:
    """Calls of one quantizer that were made before, without ``center``, ``amax``, ``out`` and ``route``.

    Attributes:
        operation: the registered operation.
        function: the compiled function.
        start: what stands for the largest magnitude when it is called.
    """

    operation: Operation
    function: str
    start: float
    _calls: dict[Any, _Call] = field(default_factory=dict)

    def take(self, options: tuple[Any, ...], x: Tensor, key: int | None) -> BlockScaled | None:
        """The result, if the call is like one that was kept and nobody looks on; None if it is to be checked.

        ``options`` are all that the user may say, numbers with their types: 1, 1.0 and True are equal.
        """
        if is_compiling():
            return None
        try:
            call = self._calls.get((x.shape, x.dtype, options, key is None))
        except (AttributeError, TypeError):  # no tensor, or what no option is: the checks say so
            return None
        if call is None or not self.operation.at_once(x):
            return None
        signed = 0 if key is None else check_key(key, operation=self.operation.name)
        payload = native.empty((call.size,), torch.uint8)
        largest = ctypes.c_float(self.start)
        address = ctypes.addressof(largest)
        native.call(self.function, x, *call.source, address, *call.rule, signed, *call.rest, payload)
        refuse_nan(self.operation.name, largest.value)
        return quantized(payload, *call.made)

    def keep(
        self,
        options: tuple[Any, ...],
        x: Tensor,
        view: Tensor,
        key: int | None,
        rule: tuple[int, int],
        rest: tuple[int, ...],
        result: BlockScaled,
    ) -> None:
        """Keep a call that was checked and made, if what is kept is all that one like it has to know.

        Args:
            options: as for ``take``.
            x: what is quantized.
            view: the matrix that it is, (rows, k).
            key: of stochastic rounding.
            rule: arguments of the compiled function before the key.
            rest: those after it, but the buffer.
            result: what the call has given.
        """
        if x.dtype not in STORED or not self.operation.at_once(x):
            return
        if len(self._calls) >= _KEPT:
            self._calls.clear()
        self._calls[x.shape, x.dtype, options, key is None] = _Call(
            source=cpu_source(view, None)[1:],
            rule=rule,
            rest=rest,
            size=result.payload.numel(),
            made=(result.shape, result.format, result.tile),
        )
