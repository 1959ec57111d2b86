"""The gate for Triton kernels: build each for each GPU, read its costs from the binary, hold them to the record.

``python -m claims.kernels.gate`` needs no GPU. It prints one table and exits 1 if a build fails, spills registers,
divides approximately or fuses a multiply and an add where its bits are promised, multiplies in TF32, or costs other
than recorded for this version of Triton. ``--record`` writes the record anew.

Costs: registers a thread (NVIDIA: SASS registers; AMD: vector registers), bytes of stack and of shared memory a block,
loads and stores of spilled registers, instructions of the whole program, and how many of the accesses to global memory
are how wide. They are exact for one version of Triton and say nothing of time: only a GPU could. Of a tuning space the
first choice is built.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from claims.kernels.gate.build import MODULES, TARGETS, Failure, Outcome, Outcomes, build_all, build_names
from claims.kernels.gate.costs import Costs

__all__ = ["MODULES", "TARGETS", "Costs", "Failure", "build_all", "build_names", "main", "recorded"]
RECORD = Path(__file__).with_name("record.json")


def recorded() -> tuple[str, dict[str, dict[str, Costs]]]:
    """The version of Triton that was recorded, and the costs ``{target: {build: costs}}`` with it."""
    content = json.loads(RECORD.read_text())
    columns = content["columns"]
    costs = {
        target: {name: Costs(**dict(zip(columns, row, strict=True)), inexact=()) for name, row in builds.items()}
        for target, builds in content["costs"].items()
    }
    return content["triton"], costs


def write_record(outcomes: Outcomes) -> None:
    """Make these costs the record. Only for outcomes in which ``objections`` finds nothing."""
    columns = [column.name for column in fields(Costs) if column.name != "inexact"]
    lines = []
    for target, builds in outcomes.items():
        rows = (
            f"      {json.dumps(name)}: {json.dumps([getattr(costs, column) for column in columns])}"
            for name, costs in sorted(builds.items())
        )
        lines.append(f"    {json.dumps(target)}: {{\n" + ",\n".join(rows) + "\n    }")
    head = f'{{\n  "triton": {json.dumps(version("triton"))},\n  "columns": {json.dumps(columns)},\n  "costs": {{\n'
    RECORD.write_text(head + ",\n".join(lines) + "\n  }\n}\n")


def objections(outcomes: Outcomes) -> list[str]:
    """What is wrong whatever was recorded: builds that fail, spill, or break a promise of bits."""
    found = []
    for target, builds in outcomes.items():
        for name, outcome in builds.items():
            if isinstance(outcome, Failure):
                found.append(f"{name} for {target} does not compile: {outcome.message}")
                continue
            if outcome.stack or outcome.spills:
                found.append(f"{name} for {target} spills: {outcome.stack} bytes of stack, {outcome.spills} accesses")
            if outcome.inexact:
                found.append(f"{name} for {target} is not exact: {', '.join(outcome.inexact)}")
    return found


def differences(outcomes: Outcomes, record: Mapping[str, Mapping[str, Costs]]) -> list[str]:
    """Where costs are other than recorded, cheaper ones too, and builds that the record does not know."""
    found = []
    for target, builds in outcomes.items():
        known = record.get(target, {})
        for name, outcome in builds.items():
            if isinstance(outcome, Failure):
                continue
            if name not in known:
                found.append(f"{name} for {target} is not recorded")
                continue
            for column in fields(Costs):
                was, is_now = getattr(known[name], column.name), getattr(outcome, column.name)
                if was != is_now and column.name != "inexact":
                    found.append(f"{name} for {target}: {column.name} {was} recorded, {is_now} now")
        found += [f"{name} for {target} is recorded but not built" for name in known if name not in builds]
    return found


def _cell(outcome: Outcome) -> str:
    if isinstance(outcome, Failure):
        return "FAILED"
    return f"{outcome.registers:3} / {outcome.instructions:4} / {outcome.global_128_bit:2}"


def table(outcomes: Outcomes) -> str:
    """One line a build: registers / instructions / share of 128-bit accesses for each target, then shared memory."""
    names = sorted({name for builds in outcomes.values() for name in builds})
    width = max(map(len, names))
    head = "  ".join(f"{target:>16}" for target in outcomes)
    lines = [
        "registers / instructions / 128-bit global accesses; shared memory in bytes",
        f"{'':{width}}  {head}  shared",
    ]
    for name in names:
        row = [builds[name] for builds in outcomes.values()]
        cells = (f"{_cell(outcome):>16}" for outcome in row)
        shared = max((c.shared for c in row if isinstance(c, Costs)), default=0)
        lines.append(f"{name:{width}}  {'  '.join(cells)}  {shared:6}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m claims.kernels.gate", description="Gate for the Triton kernels.")
    parser.add_argument("--record", action="store_true", help="write the costs of this run as the record")
    parser.add_argument("--module", nargs="+", default=MODULES, help="other modules with KERNELS; not compared")
    options = parser.parse_args(arguments)
    if find_spec("triton") is None:
        print("Triton is not installed: pip install 'claimbench[triton]'", file=sys.stderr)
        return 1
    ours = tuple(options.module) == MODULES
    outcomes = build_all(modules=options.module)
    print(table(outcomes))
    wrong = objections(outcomes)
    if options.record and ours and not wrong:
        write_record(outcomes)
        print(f"recorded for Triton {version('triton')}")
    elif ours and not options.record:
        wrong += _against_record(outcomes)
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


def _against_record(outcomes: Outcomes) -> list[str]:
    recorded_for, record = recorded()
    if recorded_for != version("triton"):
        print(f"costs are recorded for Triton {recorded_for}, not for {version('triton')}: not compared")
        return []
    return differences(outcomes, record)
