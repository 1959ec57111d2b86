"""Every experiment of every pack gives the same bits again, whatever the process did before it.

What differs only now and then is memory that somebody reads before writing it, or the order of a set. So each
experiment is measured twice with rubbish left on the heap in between, and once in another process whose allocator fills
what it hands out and takes back, under another hash seed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from claims.auditing.planning import PINNED_EPOCH, plan
from claims.catalogue import load_catalogue
from claims.evidence.fingerprint import code_named
from claims.evidence.measure import Task, measure
from claims.verdict import Tier

ROOT = Path(__file__).parents[2]
#: Declared seconds of one seed above which an experiment is left to the slow tests.
DEAR = 0.02
#: Bytes of the rubbish, from and to: pivots, work spaces, tensors.
SIZES = (2**4, 2**18)
SEED = 3


def experiments() -> dict[Task, float]:
    """One seed of each experiment at its cheapest base point, with the seconds that it declares.

    A statement that is searched is an experiment of its own.
    """
    found: dict[tuple[str, ...], Any] = {}
    for measurement in plan(load_catalogue().claims.values(), tier=Tier.FULL).measurements():
        named = code_named(measurement.address, measurement.base)
        if named not in found or measurement.seconds < found[named].seconds:
            found[named] = measurement
    return {task(made.name, made.address, made.base, made.sweep): made.seconds for made in found.values()}


def records(task: Task) -> str:
    """What a task gives, to the bit."""
    (outcome,) = measure(task)
    assert not outcome.error, outcome.error
    return outcome.unavailable or json.dumps(outcome.records)


def leave_rubbish(seed: int) -> None:
    """Fill buffers of many sizes, as numpy and torch allocate them, and give them back in another order."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    buffers: list[Any] = []
    for _ in range(40):
        size = int(2 ** draw.uniform(*np.log2(SIZES)))
        rubbish = numbers.integers(1, 256, size=size, dtype=np.uint8)
        buffers.append(torch.from_numpy(rubbish).clone() if draw.random() < 0.5 else rubbish)
    draw.shuffle(buffers)
    while buffers:
        buffers.pop()


ELSEWHERE = """
import json, sys
sys.path.insert(0, ".")
from tests.claims.test_reproducibility import records, task
print(json.dumps([records(task(*fields)) for fields in json.load(sys.stdin)]))
"""


def task(name: str, address: str, base: Iterable[Iterable[Any]], sweep: Iterable[Iterable[Any]]) -> Task:
    """A task, from fields that JSON has made lists of."""
    levels = tuple((axis, tuple(found)) for axis, found in sweep)
    return Task(name, address, tuple((axis, value) for axis, value in base), levels, PINNED_EPOCH, (SEED,))


def records_elsewhere(tasks: Iterable[Task]) -> list[str]:
    """The same in a process whose allocator fills memory with a byte when it is taken and when it is freed."""
    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps([(each.name, each.address, each.base, each.sweep) for each in tasks]),
        env=os.environ | {"MALLOC_PERTURB_": "165", "PYTHONHASHSEED": "4321"},
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout.splitlines()[-1]))


def differing(tasks: list[Task]) -> list[str]:
    """The experiments whose bits are not the same each time."""
    assert tasks
    found = []
    for number, (each, elsewhere) in enumerate(zip(tasks, records_elsewhere(tasks), strict=True)):
        leave_rubbish(2 * number)
        first = records(each)
        leave_rubbish(2 * number + 1)
        if not first == records(each) == elsewhere:
            found.append(f"{each.name} {dict(each.base)}")
    return found


@pytest.mark.slow
def test_cheap_experiments_give_the_same_bits_again():
    assert differing([each for each, seconds in experiments().items() if seconds <= DEAR]) == []


@pytest.mark.slow
def test_dear_experiments_give_the_same_bits_again():
    assert differing([each for each, seconds in experiments().items() if seconds > DEAR]) == []


def uninitialised(point, streams):
    """Reads memory that nobody wrote."""
    return {"x": float(torch.empty(40, dtype=torch.int32).sum())}


def unordered(point, streams):
    """Depends on the order of a set of strings, of which there are 16! = 2e13."""
    order = [*{f"name {number}" for number in range(16)}]
    return {"x": sum(16.0**place * int(name.split()[1]) for place, name in enumerate(order[:12]))}


def test_what_depends_on_memory_or_hashes_is_noticed():
    wrong = {f"{__name__}:{each.__name__}" for each in (uninitialised, unordered)}
    found = differing([task(target, target, [], []) for target in sorted(wrong)])
    assert {each.partition(" ")[0] for each in found} == wrong
