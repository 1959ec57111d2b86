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
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from claims.fingerprint import code_named
from claims.measure import Task, measure
from claims.packs import load_catalogue
from claims.planning import PINNED_EPOCH, plan
from claims.trial import Measurement
from claims.verdict import Tier

#: Seconds of one seed, as declared, above which an experiment is left to the slow tests.
DEAR = 0.1
#: Bytes of the rubbish: pivots, work spaces, small and large tensors.
SIZES = (16, 2**18)


def experiments() -> dict[tuple[str, ...], Measurement]:
    """The cheapest base point of each experiment; a statement that is searched is an experiment of its own."""
    found: dict[tuple[str, ...], Measurement] = {}
    for measurement in plan(load_catalogue().claims.values(), tier=Tier.FULL).measurements():
        named = code_named(measurement.target, measurement.base)
        if named not in found or measurement.seconds < found[named].seconds:
            found[named] = measurement
    return found


def records(measurement: Measurement) -> str:
    """What one seed gives, to the bit."""
    task = Task(measurement.target, measurement.base, measurement.sweep, PINNED_EPOCH, (3,))
    (outcome,) = measure(task)
    assert not outcome.error, outcome.error
    return outcome.unavailable or json.dumps(outcome.records)


def leave_rubbish(seed: int) -> None:
    """Fill buffers of many sizes, as numpy and torch allocate them, and give them back in another order."""
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    buffers: list[Any] = []
    for _ in range(400):
        size = int(2 ** draw.uniform(*np.log2(SIZES)))
        rubbish = numbers.integers(1, 256, size=size, dtype=np.uint8)
        buffers.append(torch.from_numpy(rubbish).clone() if draw.random() < 0.5 else rubbish)
    draw.shuffle(buffers)
    while buffers:
        buffers.pop()


ELSEWHERE = """
import json, sys
from tests.claims.test_reproducibility import experiments, records
wanted = set(json.load(sys.stdin))
print(json.dumps({" ".join(named): records(made) for named, made in experiments().items() if " ".join(named) in wanted}))
"""


def measured_elsewhere(names: list[str]) -> dict[str, str]:
    """The same in a process whose allocator fills memory with a byte when it is taken and when it is freed."""
    environment = os.environ | {"MALLOC_PERTURB_": "165", "PYTHONHASHSEED": "4321"}
    ran = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(names), env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def differing(chosen: dict[tuple[str, ...], Measurement]) -> Iterator[str]:
    """The experiments whose bits are not the same each time."""
    elsewhere = measured_elsewhere([" ".join(named) for named in chosen])
    for number, (named, measurement) in enumerate(chosen.items()):
        leave_rubbish(2 * number)
        first = records(measurement)
        leave_rubbish(2 * number + 1)
        if not first == records(measurement) == elsewhere[" ".join(named)]:
            yield " ".join(named)
