"""Throughput on a GPU: each kernel beside the limit of the device that binds it, and beside torch and torch.compile.

Times are medians of ``triton.testing.do_bench``, which empties the cache before every call. All of a row are measured
in turns. A memory-bound kernel's limit is a copy of as many bytes as its arguments and results have; a product's is
``torch.mm`` of its sizes, in the dtype of its first argument or, where that is no float of torch's products, bfloat16.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels.entries import SEED, Entry
from claims.kernels.gpu.peers import peers_of
from claims.kernels.routes import moved, name_of, parts, words_of

Thunk = Callable[[], object]
#: Rounds in which everything of a row has its turn.
_ROUNDS = 3
_MULTIPLIED = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def timed(entry: Entry, dtype: torch.dtype, shape: tuple[int, int]) -> dict[str, Any]:
    """A row of the file; whatever goes wrong is its error, or the reason why a peer has no time."""
    row: dict[str, Any] = {"kernel": entry.operation, "variant": entry.variant, "dtype": name_of(dtype)}
    row |= {"shape": list(shape), "milliseconds": None, "rate": None, "unit": None, "limit": None, "of_limit": None}
    row |= {"peers": {}, "failing": {}, "error": None}
    try:
        arguments = moved(entry.make(*shape, dtype, SEED), "cuda")
        row["shape"] = list(arguments[0].shape)
        ours = lambda: entry.call(*arguments, route="triton")  # noqa: E731
        limit, call, amount, unit = _limit(entry, arguments, ours())
        offered, row["failing"] = _running(peers_of(entry, arguments))
        times = _in_turns({"ours": ours, limit: call} | offered)
    except Exception as error:  # noqa: BLE001  a compiler or a driver may raise anything
        return row | {"error": words_of(error)}
    return row | {
        "milliseconds": times["ours"],
        "rate": amount / times["ours"] / 1e6,
        "unit": unit,
        "limit": limit,
        "of_limit": times[limit] / times["ours"],
        "peers": {name: times[name] / times["ours"] for name in offered},
    }


def _limit(entry: Entry, arguments: tuple[Any, ...], result: Any) -> tuple[str, Thunk, float, str]:
    """The limit's name and call, and how much one call of the kernel does: bytes, or operations."""
    if entry.product is not None and (sizes := entry.product(arguments))[0] > 1:
        m, n, k = sizes
        first = arguments[0]
        wanted = first.dtype if isinstance(first, Tensor) and first.dtype in _MULTIPLIED else torch.bfloat16
        a, b = (torch.randn(size, device="cuda").to(wanted) for size in ((m, k), (k, n)))
        return f"torch.mm {name_of(wanted)}", lambda: torch.mm(a, b), 2.0 * m * n * k, "Gop/s"
    moving = sum(each.nbytes for value in (*arguments, result) for each in _tensors(value))
    x = torch.empty(max(1, moving // 2), dtype=torch.uint8, device="cuda")
    y = torch.empty_like(x)
    return "copy", lambda: y.copy_(x), float(moving), "GB/s"


def _tensors(value: Any) -> list[Tensor]:
    return [] if isinstance(value, torch.dtype | float) else list(parts(value))


def _running(offered: Mapping[str, Thunk]) -> tuple[dict[str, Thunk], dict[str, str]]:
    """The peers that get through a first call, in which torch.compile compiles, and why the others do not."""
    failing = {}
    for name, call in offered.items():
        try:
            call()
        except Exception as error:  # noqa: BLE001  whatever it is, it is not ours, and the file says what it was
            failing[name] = words_of(error)
    return {name: call for name, call in offered.items() if name not in failing}, failing


def _in_turns(calls: Mapping[str, Thunk]) -> dict[str, float]:
    """Milliseconds of each."""
    from triton.testing import do_bench

    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            found[name].append(float(do_bench(call, warmup=10, rep=40, return_mode="median")))
    return {name: statistics.median(values) for name, values in found.items()}
