"""Compile Triton kernels without a GPU and measure their static costs, in child processes.

The compilers for NVIDIA and AMD come with Triton's wheel. A compiler that aborts takes only its child along, and the
build at fault is known, because a child tells what it is about to do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from claims.kernels.gate.costs import Costs, amd_costs, cuda_costs, instructions, machine_code

MODULES = (
    "claims.kernels.triton.averis",
    "claims.kernels.triton.block_scaled",
    "claims.kernels.triton.e2m1",
    "claims.kernels.triton.e4m3",
    "claims.kernels.triton.energy",
    "claims.kernels.triton.hadamard",
    "claims.kernels.triton.matmul",
    "claims.kernels.triton.mx",
    "claims.kernels.triton.norm",
    "claims.kernels.triton.nvfp4",
    "claims.kernels.triton.perturb",
    "claims.kernels.triton.ternary",
    "claims.kernels.triton.ternary_codes",
)
TARGETS: Mapping[str, tuple[str, int | str, int]] = {
    "sm_80": ("cuda", 80, 32),
    "sm_90": ("cuda", 90, 32),
    "sm_100": ("cuda", 100, 32),
    "sm_120": ("cuda", 120, 32),
    "gfx942": ("hip", "gfx942", 64),
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A build that did not come about, with the compiler's last words."""

    message: str


Outcome = Costs | Failure
Outcomes = Mapping[str, Mapping[str, Outcome]]


def build_names(modules: Sequence[str] = MODULES) -> tuple[str, ...]:
    """The names of all builds of these modules; needs Triton to be installed."""
    return tuple(sorted(_declared(modules)))


def _declared(modules: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    """All builds by name, with their kernels."""
    found: dict[str, tuple[Any, Any]] = {}
    for module in modules:
        for kernel in import_module(module).KERNELS:
            for build in kernel.builds:
                if build.name in found:
                    raise ValueError(f"two builds are called {build.name}")
                found[build.name] = (kernel, build)
    return found


def _compile(kernel: Any, build: Any, target: str) -> Any:
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    signature = dict.fromkeys(kernel.function.arg_names, "constexpr") | dict(build.types)
    missing = [name for name, kind in signature.items() if kind == "constexpr" and name not in build.constants]
    if missing:
        raise ValueError(f"build {build.name} gives no {', '.join(missing)}")
    aligned = {
        (position,): [["tt.divisibility", 16]]
        for position, (name, kind) in enumerate(signature.items())
        if kind.startswith("*") or name in build.multiples_of_16
    }
    source = ASTSource(kernel.function, signature, dict(build.constants), aligned)
    options = {"num_warps": build.warps, "num_stages": build.stages, "enable_fp_fusion": not kernel.exact}
    return triton.compile(source, target=GPUTarget(*TARGETS[target]), options=options)


def _tool(name: str, *arguments: str) -> str:
    import triton

    path = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / name
    return subprocess.run([path, *arguments], check=True, capture_output=True, text=True).stdout


def _disassembled(target: str, code: Mapping[str, bytes], folder: Path) -> dict[str, list[str]]:
    """The operations of each kernel. One call for all of them: ``nvdisasm`` takes longer to start than to run."""
    file = folder / f"{target}.bin"
    file.write_bytes(b"".join(code.values()))
    family = f"SM{TARGETS[target][1]}" + ("a" if TARGETS[target][1] in (90, 100, 120) else "")
    listed = instructions(_tool("nvdisasm", "-ndf", "-b", family, str(file)))
    end, operations = 0, {}
    for name, piece in code.items():
        begin, end = end, end + len(piece)
        operations[name] = [word for address, word in listed if begin <= address < end]
    return operations


def _compile_all(
    target: str, names: Iterable[str], modules: Sequence[str], folder: Path
) -> Iterator[tuple[str, Costs | Failure]]:
    """Compile the builds one by one, telling on standard output which; then measure them."""
    declared = _declared(modules)
    compiled: dict[str, Any] = {}
    for name in names:
        print(json.dumps({"begin": name}), flush=True)
        try:
            compiled[name] = _compile(*declared[name], target)
        except Exception as error:  # noqa: BLE001  whatever the compiler raises is this build's outcome
            yield name, Failure(message=_innermost(error))
    print(json.dumps({"measuring": True}), flush=True)
    if target.startswith("gfx"):
        for name, result in compiled.items():
            exact = declared[name][0].exact
            yield name, amd_costs(result.asm["amdgcn"], result.metadata.shared, exact=exact)
        return
    operations = _disassembled(
        target, {name: machine_code(done.asm["cubin"]) for name, done in compiled.items()}, folder
    )
    for name, result in compiled.items():
        file = folder / f"{target}.cubin"
        file.write_bytes(result.asm["cubin"])
        resources, exact = _tool("cuobjdump", "-res-usage", str(file)), declared[name][0].exact
        yield name, cuda_costs(resources, operations[name], result.asm["ptx"], result.metadata.shared, exact=exact)


def _innermost(error: BaseException) -> str:
    """Triton wraps an error once for each call on the way; the first cause says what is wrong."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def _child(target: str, names: Iterable[str], modules: Sequence[str]) -> None:
    """A line of JSON when a compilation begins and one for each outcome, so that the parent knows what an abort hit."""
    with tempfile.TemporaryDirectory() as folder:
        for name, outcome in _compile_all(target, names, modules, Path(folder)):
            print(json.dumps({"end": name, "outcome": asdict(outcome)}), flush=True)


def _outcome(fields: Mapping[str, Any]) -> Outcome:
    if "message" in fields:
        return Failure(message=fields["message"])
    return Costs(**{**fields, "inexact": tuple(fields["inexact"])})


def _run_children(target: str, names: Sequence[str], modules: Sequence[str], folder: Path) -> dict[str, Outcome]:
    """Outcomes for one target; a child that dies leaves one build failed, and the next child takes up the rest."""
    outcomes: dict[str, Outcome] = {}
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    while rest := [name for name in names if name not in outcomes]:
        command = [sys.executable, "-m", "claims.kernels.gate.build", target, ",".join(modules), *rest]
        child = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        blamed = rest
        for line in child.stdout.splitlines():
            message = json.loads(line)
            blamed = [message["begin"]] if "begin" in message else rest if "measuring" in message else blamed
            if "end" in message:
                outcomes[message["end"]] = _outcome(message["outcome"])
        failure = Failure(message=f"child ended with status {child.returncode}: {child.stderr.strip()[-2000:]}")
        outcomes |= {name: failure for name in blamed if name not in outcomes}
    return outcomes


def build_all(
    *, targets: Sequence[str] = tuple(TARGETS), names: Sequence[str] | None = None, modules: Sequence[str] = MODULES
) -> Outcomes:
    """Compile and measure, ``{target: {build: outcome}}``; by default everything, on as many children as CPUs.

    ``modules`` are importable names; each has a tuple KERNELS of ``claims.kernels.triton.launch.Kernel``.
    """
    chosen = build_names(modules) if names is None else tuple(names)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda target: _run_children(target, chosen, modules, Path(folder)), targets)
        return dict(zip(targets, results, strict=True))


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[3:], sys.argv[2].split(","))
