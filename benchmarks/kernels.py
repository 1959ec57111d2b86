"""What asv tracks of the kernels: times over those of the machine's limits and of peers, errors, and static GPU costs.

Times of a shared machine move by factors; ratios measured in turns do so less, and static costs do not. For asv what
grows is worse, so the ratios are those of ``kernels_table.py`` upside down. A kernel whose result is wrong, or that
does not compile, fails, whatever it raises; one whose public name a commit does not have yet is NaN there, a gap in the
page. All is measured once a commit, in ``setup_cache``; asv then asks for one number at a time, each in a process of
its own, which is why nothing heavy is imported here.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# asv knows a parameter by its place in the list, whatever commit is measured: the lists may not come from the commit.
_RECORD = json.loads(Path(__file__).parents[1].joinpath("kernels", "gate", "record.json").read_text(encoding="utf-8"))
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
    "ternary product int8, 1024",
    "ternary product int8, 2048",
    "ternary product int8, 8192",
)
"""The rows of ``operations``, by name."""
COLUMNS = ("error", "time_over_limit", "time_over_peer")
Measured = dict[str, dict[str, float] | str]
Costs = dict[str, dict[str, dict[str, int]]]
# One target of each maker: the gate (`make gate`) covers all, and asv starts a process for every number.
TARGETS = ("sm_90", "gfx942")
BUILDS = tuple(_RECORD["costs"][TARGETS[0]])


def _public() -> frozenset[str]:
    """The operations that this commit has, by name: of none is the module loaded, as it may be broken."""
    if find_spec("claims.kernels") is None:
        return frozenset()
    return frozenset(import_module("claims.kernels").__all__)


def _outcome(builder: Callable[[], Any], needs: tuple[str, ...], public: frozenset[str]) -> dict[str, float] | str:
    """The tracked numbers of one row, all NaN if this commit does not have it; or why it has failed."""
    if missing := sorted(set(needs) - public):
        print(f"not at this commit: {', '.join(missing)}", file=sys.stderr)
        return dict.fromkeys(COLUMNS, math.nan)
    try:
        return _measured(builder())
    except Exception as reason:  # noqa: BLE001  whatever a kernel raises is its row's outcome, and no other's
        return f"it raises {reason!r}"


def _measured(row: Any) -> dict[str, float] | str:
    from benchmarks import limits
    from benchmarks.timing import interleaved

    error = row.check()
    if not error <= 1:
        return f"its error is {error:.3g} times what is allowed"
    bounds = limits.of(row)
    peers = dict(zip(["peer"], row.peers().values(), strict=False))  # the first one, if there is one
    times = interleaved({"ours": row.ours} | bounds | peers, seconds=SECONDS)
    binding = limits.binding(bounds, times)
    over_peer = times["ours"].over(times["peer"]) if peers else math.nan
    return dict(zip(COLUMNS, (error, times["ours"].over(times[binding]), over_peer), strict=True))


def _number(measured: Measured, name: str, column: str) -> float:
    numbers = measured[name]
    if isinstance(numbers, str):
        raise AssertionError(f"{name}: {numbers}")
    return numbers[column]


class CpuRoutes:
    """Each row of ``operations``: one thread, the limit and the first peer measured in turns with ours."""

    params = (OPERATIONS,)
    param_names = ("operation",)
    timeout = 60.0

    def setup_cache(self) -> Measured:
        """Measure every row once; the tracked numbers are taken from this."""
        public = _public()
        if not public:
            return {name: dict.fromkeys(COLUMNS, math.nan) for name in OPERATIONS}
        import torch

        from benchmarks.operations import NEEDS, ROWS

        if tuple(ROWS) != OPERATIONS:
            raise AssertionError(f"OPERATIONS is to be {tuple(ROWS)}")
        torch.set_num_threads(1)
        return {name: _outcome(builder, NEEDS[name], public) for name, builder in ROWS.items()}

    setup_cache.timeout = 1800.0  # type: ignore[attr-defined]

    def track_time_over_limit(self, measured: Measured, name: str) -> float:
        """Our time over that of the limit: 1 is the most that the machine can do."""
        return _number(measured, name, "time_over_limit")

    def track_time_over_peer(self, measured: Measured, name: str) -> float:
        """Our time over that of the row's first peer (eager torch or torchao); NaN without one."""
        return _number(measured, name, "time_over_peer")

    def track_error(self, measured: Measured, name: str) -> float:
        """The largest error over what is allowed; 0 where the bits are right."""
        return _number(measured, name, "error")


def _cost(costs: Costs, kernel: str, target: str, column: str) -> float:
    if kernel not in costs.get(target, {}):
        return math.nan
    return costs[target][kernel][column]


class StaticCosts:
    """Registers, instructions and shared memory of each GPU kernel, from binaries compiled here without a GPU."""

    params = (BUILDS, TARGETS)
    param_names = ("kernel", "target")
    timeout = 60.0

    def setup_cache(self) -> Costs:
        """Compile everything once for all the parameters; what does not compile is there without costs."""
        if not _public():
            return {}
        # Commits from before the gate had a folder of its own have it in one module.
        gate = import_module("claims.kernels.gate.build" if find_spec("claims.kernels.gate") else "claims.kernels.aot")
        return {
            target: {name: vars(built) if isinstance(built, gate.Costs) else {} for name, built in builds.items()}
            for target, builds in gate.build_all(targets=TARGETS).items()
        }

    setup_cache.timeout = 600.0  # type: ignore[attr-defined]

    def track_instructions(self, costs: Costs, kernel: str, target: str) -> float:
        """Instructions of the program."""
        return _cost(costs, kernel, target, "instructions")

    def track_registers(self, costs: Costs, kernel: str, target: str) -> float:
        """Registers a thread."""
        return _cost(costs, kernel, target, "registers")

    def track_shared_memory(self, costs: Costs, kernel: str, target: str) -> float:
        """Bytes of shared memory a block."""
        return _cost(costs, kernel, target, "shared")


for _name, _unit in (("time_over_limit", "of limit"), ("time_over_peer", "of peer"), ("error", "of allowed")):
    getattr(CpuRoutes, f"track_{_name}").unit = _unit
for _name, _unit in (("instructions", "instructions"), ("registers", "registers"), ("shared_memory", "bytes")):
    # Another version of Triton begins another series: its counts do not compare.
    getattr(StaticCosts, f"track_{_name}").unit = _unit
    getattr(StaticCosts, f"track_{_name}").version = f"Triton {_RECORD['triton']}"
