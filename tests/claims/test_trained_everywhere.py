"""Every experiment about a trained model, on tiny random ones of two families: it runs, and twice to the same bits.

Whether claims hold is for a real model to say; here nothing may depend on its sizes, and nothing on what ran before.
"""

from __future__ import annotations

import pytest

from claims.auditing.planning import plan
from claims.catalogue import load_catalogue
from claims.evidence.measure import Task, measure
from claims.models.subjects import subject_of
from claims.subject import Subject
from claims.verdict import Tier

from .models import tiny

ANYTHING = Subject(spec="any", path="any", model_digest="any", text="any", text_digest="any")
MEASUREMENTS = [
    measurement
    for measurement in plan(load_catalogue().claims.values(), tier=Tier.FULL, subject=ANYTHING).measurements()
    if measurement.needs == "model"
]
SIZES = {
    "llama": {"layers": 12, "width": 64, "heads": 4, "head_size": 16, "hidden": 160, "context": 4096},
    "qwen2": {"layers": 8, "width": 48, "heads": 6, "kv_heads": 3, "head_size": 8, "hidden": 96, "context": 4096},
}
WORDS = "hello world 12, and all that the byte-level pairs do not know; {} is a number that changes with the line.\n"


@pytest.fixture(scope="module", params=["llama", pytest.param("qwen2", marks=pytest.mark.slow)])
def subject(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny.architecture(request.param, **SIZES[request.param])
    tiny.write_folder(folder / "model", model, tiny.tensors(model))
    (folder / "text.txt").write_text("".join(WORDS.format(i * i) for i in range(200)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAIMBENCH_CACHE", str(folder / "cache"))
        yield subject_of(str(folder / "model"), str(folder / "text.txt"))


def test_there_are_such_experiments():
    assert MEASUREMENTS


@pytest.mark.landing
@pytest.mark.parametrize(
    "measurement", MEASUREMENTS, ids=[f"{m.name.partition(':')[2]}-{i}" for i, m in enumerate(MEASUREMENTS)]
)
def test_runs_on_any_model_and_twice_to_the_same_bits(measurement, subject):
    task = Task(measurement.name, measurement.address, measurement.base, measurement.sweep, 7, (0,), subject=subject)
    (first,) = measure(task)
    assert first.error == ""
    if first.unavailable:  # about the paper's own model
        assert "claimbench audit" in first.unavailable
        return
    (second,) = measure(task)
    assert second.records == first.records
