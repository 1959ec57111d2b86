"""What asv tracks of the kernels: shares of the machine's limits, ratios to their peers, errors, and static GPU costs.

Times of a shared machine move by factors; ratios measured in turns and static costs do not. A kernel whose result is
wrong gives no number at all. All is measured once a commit, in ``setup_cache``; asv then asks for one number at a time,
each in a process of its own, which is why nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from claims.kernels import aot

try:
    _TRITON, _RECORD = aot.recorded()
except FileNotFoundError:  # a commit before the record
    _TRITON, _RECORD = "none", {}
SECONDS = 0.5
OPERATIONS = (
    "rms_norm",
    "rms_norm_jvp",
    "transverse_energy",
    "sign_flip",
    "magnitude_step",
    "gemm",
    "sign_flip_linear",
    "nvfp4_quantize",
    "nvfp4_quantize bf16",
    "nvfp4_quantize stochastic",
    "nvfp4_quantize columns",
    "nvfp4_quantize 16x16",
    "mxfp4_quantize",
    "dequantize nvfp4",
    "block_scaled_matmul",
    "averis quantize",
    "hadamard_transform",
    "ternary product int8",
    "ternary product float32",
    "ternary product int8, 256 rows",
)
"""The rows of ``operations``, by name."""
# One target of each maker: the gate (`make gate`) covers all, and asv starts a process for every number.
TARGETS = tuple(target for target in _RECORD if target in ("sm_90", "gfx942")) or ("none",)
BUILDS = tuple(next(iter(_RECORD.values()), {})) or ("none",)


def _measured(builder: Callable[[], Any]) -> dict[str, float]:
    """The tracked numbers of one row: nothing at all for one that is wrong, or that this commit cannot make."""
    from benchmarks import limits
    from benchmarks.timing import interleaved

    try:
        row = builder()
        error = row.check()
    except (ImportError, AttributeError, RuntimeError) as reason:
        print(f"not measured: {reason!r}", file=sys.stderr)
        return {}
    if not error <= 1:
        print(f"wrong: the error is {error:.3g} times what is allowed", file=sys.stderr)
        return {}
    bounds = limits.of(row.limit, row.bytes, row.product)
    peers = dict(zip(["peer"], row.peers().values(), strict=False))  # the first one, if there is one
    times = interleaved({"ours": row.ours} | bounds | peers, seconds=SECONDS)
    fastest = min(bounds, key=lambda bound: times[bound].median)
    numbers = {"error": error, "share_of_limit": times[fastest].over(times["ours"])}
    return numbers | ({"times_faster_than_peer": times["peer"].over(times["ours"])} if peers else {})


def _number(measured: dict[str, dict[str, float]], name: str, column: str) -> float:
    if not measured[name]:
        raise AssertionError(f"{name} is wrong or cannot be made at this commit; the log of setup_cache says which")
    return measured[name].get(column, float("nan"))


class CpuRoutes:
    """Each row of ``operations``: one thread, the limit and the first peer measured in turns with ours."""

    params = (OPERATIONS,)
    param_names = ("operation",)
    timeout = 60.0

    def setup_cache(self) -> dict[str, dict[str, float]]:
        """Measure every row once; the tracked numbers are taken from this."""
        import torch

        from benchmarks.operations import ROWS

        if tuple(ROWS) != OPERATIONS:
            raise AssertionError(f"OPERATIONS is to be {tuple(ROWS)}")
        torch.set_num_threads(1)
        return {name: _measured(builder) for name, builder in ROWS.items()}

    setup_cache.timeout = 1800.0  # type: ignore[attr-defined]

    def track_share_of_limit(self, measured: dict[str, dict[str, float]], name: str) -> float:
        """Our rate over the rate of the limit."""
        return _number(measured, name, "share_of_limit")

    def track_times_faster_than_peer(self, measured: dict[str, dict[str, float]], name: str) -> float:
        """How many times longer the first peer of the row takes (eager torch or torchao); NaN without one."""
        return _number(measured, name, "times_faster_than_peer")

    def track_error(self, measured: dict[str, dict[str, float]], name: str) -> float:
        """The largest error over what is allowed; 0 where the bits are right."""
        return _number(measured, name, "error")


class StaticCosts:
    """Registers, instructions and shared memory of each GPU kernel, from binaries compiled here without a GPU."""

    params = (BUILDS, TARGETS)
    param_names = ("kernel", "target")
    timeout = 60.0

    def setup_cache(self) -> dict[str, dict[str, dict[str, int]]]:
        """Compile everything once for all the parameters."""
        outcomes: Mapping[str, Mapping[str, Any]] = aot.build_all()
        return {
            target: {name: vars(outcome) for name, outcome in builds.items() if isinstance(outcome, aot.Costs)}
            for target, builds in outcomes.items()
        }

    setup_cache.timeout = 600.0  # type: ignore[attr-defined]

    def track_instructions(self, costs: dict[str, dict[str, dict[str, int]]], kernel: str, target: str) -> int:
        """Instructions of the program."""
        return costs[target][kernel]["instructions"]

    def track_registers(self, costs: dict[str, dict[str, dict[str, int]]], kernel: str, target: str) -> int:
        """Registers a thread."""
        return costs[target][kernel]["registers"]

    def track_shared_memory(self, costs: dict[str, dict[str, dict[str, int]]], kernel: str, target: str) -> int:
        """Bytes of shared memory a block."""
        return costs[target][kernel]["shared"]


for _name, _unit in (("share_of_limit", "of the limit"), ("times_faster_than_peer", "times"), ("error", "allowed")):
    getattr(CpuRoutes, f"track_{_name}").unit = _unit
for _name, _unit in (("instructions", "instructions"), ("registers", "registers"), ("shared_memory", "bytes")):
    # Another version of Triton begins another series: its counts do not compare.
    getattr(StaticCosts, f"track_{_name}").unit = _unit
    getattr(StaticCosts, f"track_{_name}").version = f"Triton {_TRITON}"
