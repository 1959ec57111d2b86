"""Devices: what may run where, evidence that is kept apart, and what holds while something is measured.

There is no GPU where these run. What is about one is held as far as torch lets it be without; the way there, from the
option to the route that a kernel takes, is walked on the device that is the CPU with Triton's interpreter.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from claims import Claim, InvalidDeclaration, audit, experiment, value, within
from claims.auditing.planning import plan
from claims.cli import main
from claims.errors import BadOption
from claims.evidence import devices, purity
from claims.evidence.devices import CPU, DEVICES, placed, usable
from claims.evidence.fingerprint import environment, environment_like
from claims.evidence.measure import Task, measure
from claims.evidence.remeasure import remeasure_rows
from claims.evidence.store import Store
from claims.verdict import UNAVAILABLE, Tier

INTERPRETED = "triton-interpreter"
GPU = pytest.mark.skipif(bool(DEVICES["cuda"].obstacle()), reason="needs a GPU")
NEEDS_TRITON = pytest.mark.skipif(bool(DEVICES[INTERPRETED].obstacle()), reason="needs Triton")
NO_GPU = pytest.mark.skipif(not DEVICES["cuda"].obstacle(), reason="is about machines without a GPU")

FILE = '''
from claims import Claim, experiment, value, within


def route(point, streams):
    """1 if NVFP4 takes the Triton route where this is measured, and where its tensors went."""
    import torch

    from claims.kernels import nvfp4_quantize, route_of

    x = torch.randn(4, 16, generator=streams.torch("x")).to(streams.device)
    nvfp4_quantize(x)
    return {"triton": float(route_of("nvfp4_quantize", x) == "triton"), "sum": x.double().sum().item()}


BOTH = experiment(route, devices=("cpu", "cuda", "triton-interpreter"))
GPU_ALONE = experiment(route, devices=("cuda",), fixed={"gpu": 1})


def claim(name, made):
    band = within(1, abs=0.1, provenance="author", because="it does")
    return Claim(id=name, locus="here", statement="It takes Triton.", test=value(made["triton"]), band=band, rival=0)


CLAIMS = [claim("devices.triton", BOTH), claim("devices.gpu", GPU_ALONE), claim("devices.cpu", experiment(route))]
'''


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A claim file under a name of its own: modules of tests stay imported."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"claims_devices_{abs(hash(tmp_path))}.py"
    path.write_text(FILE)
    return path


def status(*words: str) -> object:
    with pytest.raises(SystemExit) as end:
        main(words)
    return end.value.code


def found(made: Any) -> dict[str, tuple[str, str | None]]:
    rows = made.to_json()["claims"]
    return {row["id"].partition(".")[2]: (row["verdict"], row["points"][0]["device"]) for row in rows}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file and a store in which it was measured on the CPU, and on the interpreter.

    That in a worker: this process may have imported Triton to compile.
    """
    folder = tmp_path_factory.mktemp("devices")
    path, store = folder / "claims_on_devices.py", folder / "kept.sqlite"
    path.write_text(FILE)
    on_cpu = audit(path, executor="serial", store=store)
    assert found(on_cpu) == {"triton": ("REFUTED", "cpu"), "gpu": ("UNAVAILABLE", None), "cpu": ("REFUTED", "cpu")}
    there = audit(path, jobs=1, device=INTERPRETED, store=store)
    assert found(there) == {"triton": ("HOLDS", INTERPRETED), "gpu": ("UNAVAILABLE", None), "cpu": ("REFUTED", "cpu")}
    assert there.to_json()["environment"]["device"] == INTERPRETED
    return path, store


@NEEDS_TRITON
def test_an_audit_measures_on_the_device_what_allows_it_and_keeps_its_evidence_apart(
    audited: tuple[Path, Path],
) -> None:
    path, store = audited
    for device in (CPU, INTERPRETED):
        again = audit(path, executor="serial", store=store, device=device)
        assert again.result.measured == 0
        assert found(again)["triton"] == (("REFUTED", "cpu") if device == CPU else ("HOLDS", INTERPRETED))


# What is said


def test_names_of_devices_are_checked_where_they_are_declared() -> None:
    assert experiment("a:b").devices == ("cpu",)
    assert experiment("a:b", devices=["cuda", "cpu"]).devices == ("cuda", "cpu")
    wrong: list[Any] = [(), "cuda", ("gpu",), ("cpu", "cpu"), (1,), None, {"cpu": 1}]
    for each in wrong:
        with pytest.raises(InvalidDeclaration, match="devices"):
            experiment("a:b", devices=each)


@NO_GPU
@pytest.mark.parametrize("name", ["cuda", "gpu", "", "CPU", 3, None])
def test_a_device_that_is_not_here_is_refused_with_those_that_are(name: Any) -> None:
    with pytest.raises(BadOption, match=r"--device: got .*; allowed: .*cpu"):
        usable(name, "--device")
    with pytest.raises(BadOption, match="device: got"):
        audit(device=name)


@NO_GPU
def test_the_command_refuses_it_as_it_does_any_option(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["audit", str(file)], ["why", str(file), "devices.triton"]):
        assert status(*words, "--device", "cuda") == 2
        printed = capsys.readouterr()
        assert "--device: got 'cuda'; allowed: cpu" in printed.err
        assert "since torch" in printed.err
    assert not Path(".claimbench").exists()


def test_what_needs_another_device_says_which_command_measures_it(file: Path) -> None:
    (row,) = audit(file, "devices.gpu", executor="serial").to_json()["claims"]
    assert (row["verdict"], row["reason"]) == ("UNAVAILABLE", "needs cuda: claimbench audit --device cuda")


def test_where_something_is_measured() -> None:
    assert placed("cuda", ("cpu", "cuda")) == "cuda"
    assert placed(INTERPRETED, ("cpu", "cuda")) == "cpu"
    assert placed("cpu", ("cuda",)) == "cuda"


def test_claims_are_selected_by_where_they_may_run(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("list", str(file), "device:cuda") == 0
    printed = capsys.readouterr().out
    assert "devices.triton" in printed
    assert "devices.gpu" in printed
    assert "devices.cpu" not in printed


def test_a_dry_run_says_where(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status("audit", str(file), "devices.triton", "--device", INTERPRETED, "--dry-run", "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)["experiments"]
    assert [row["device"] for row in rows] == [INTERPRETED]


# Numerics classes


def test_the_class_of_each_device_has_what_its_bits_hang_on() -> None:
    classes = {name: environment(name) for name in DEVICES}
    assert {each["device"] for each in classes.values()} == set(DEVICES)
    assert "triton kernels" not in classes[CPU]
    assert classes[CPU] == environment()
    for name in ("cuda", INTERPRETED):
        assert {"triton", "triton kernels"} <= classes[name].keys()
    assert {"gpu", "arithmetic"} <= classes["cuda"].keys()
    assert environment_like({"device": INTERPRETED}) == classes[INTERPRETED]
    assert environment_like({"device": "of tomorrow"}) == environment_like(None) == classes[CPU]


def test_another_gpu_is_another_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torch describes one: what tells two of them apart."""
    one = {"name": "H200", "major": 9, "minor": 0, "multi_processor_count": 132}
    others = [one | {"name": "H100"}, one | {"minor": 1}, one | {"multi_processor_count": 114}]
    monkeypatch.setattr(devices, "_no_gpu", lambda: "")
    told = []
    for each in (one, *others):
        properties = type("Properties", (), each)()
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index, properties=properties: properties)
        told.append(json.dumps(dict(DEVICES["cuda"].traits())))
    assert len(set(told)) == 4


# While something is measured


def settings() -> tuple[object, ...]:
    products, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    return (
        torch.are_deterministic_algorithms_enabled(),
        products.allow_tf32,
        products.allow_fp16_reduced_precision_reduction,
        products.allow_bf16_reduced_precision_reduction,
        cudnn.allow_tf32,
        cudnn.benchmark,
        cudnn.deterministic,
    )


def test_arithmetic_on_a_gpu_is_exact_while_it_measures_and_afterwards_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from claims.kernels.settings import present

    monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)
    before, variables = (settings(), present()), dict(os.environ)

    def fails_while_measuring() -> None:
        with DEVICES["cuda"].measuring():
            assert settings() == (True, False, False, False, False, False, True)
            assert not present().tuned
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
            raise KeyError

    with pytest.raises(KeyError):
        fails_while_measuring()
    assert (settings(), present()) == before
    assert dict(os.environ) == variables


def task(**changes: Any) -> Task:
    made = Task(name="toys:x", address="toys:x", base=(), sweep=(), epoch=1, seeds=(0,))
    return replace(made, **changes)


def test_an_experiment_finds_where_its_tensors_go(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        "claims.evidence.measure.load", lambda address: lambda point, streams: seen.append(streams) or {}
    )
    device = replace(DEVICES[CPU], tensors="elsewhere")
    monkeypatch.setattr("claims.evidence.measure.DEVICES", {**DEVICES, "toy": device})
    (outcome,) = measure(task(device="toy", audited="toy"))
    assert (seen[0].device, outcome.device) == ("elsewhere", "toy")
    measure(task(audited="toy"))
    assert seen[-1].device == "cpu"


def test_a_process_that_cannot_be_made_ready_measures_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claims.evidence.measure.load", lambda address: lambda point, streams: {"x": 1})
    spoilt = replace(DEVICES[CPU], ready=lambda: "it is spoilt")
    monkeypatch.setattr("claims.evidence.measure.DEVICES", {**DEVICES, "toy": spoilt})
    (there,), (here,) = measure(task(device="toy", audited="toy")), measure(task(audited="toy"))
    assert (there.unavailable, there.records) == ("it is spoilt", None)
    assert here.records == [{"x": 1.0}]


def test_a_process_that_has_imported_triton_to_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("triton")
    from claims.kernels.triton import launch

    monkeypatch.setattr(launch, "_INTERPRETED", False)
    assert "imported Triton before" in DEVICES[INTERPRETED].ready()


def test_generators_of_gpus_are_watched_like_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With states as torch gives them."""
    states = [torch.zeros(4, dtype=torch.uint8)]
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [state.clone() for state in states])
    restored: list[Any] = []
    monkeypatch.setattr(torch.cuda, "set_rng_state_all", restored.extend)

    def drawing() -> list[dict[str, Any]]:
        states[0] = states[0] + 1
        return [{"x": float(states[0][0])}]

    with pytest.raises(Exception, match=r"global generator of torch\.cuda"):
        purity.repeated(drawing)
    assert len(restored) == 1


# Stores


@NEEDS_TRITON
def test_rows_of_another_gpu_are_passed_over_where_it_is_not(audited: tuple[Path, Path]) -> None:
    path, kept = audited
    with Store.reading(kept) as store:
        rows, contents = store.survey(strictly=True).rows, store.identities()
    assert {content["environment"]["device"] for content in contents.values()} == {"cpu", INTERPRETED}
    elsewhere = {
        name: {**content, "environment": {**content["environment"], "device": "cuda", "gpu": "H200"}}
        for name, content in contents.items()
    }
    found = remeasure_rows(rows, elsewhere, count=9, paths=(str(path.parent),))
    assert (found.same, found.elsewhere, found.faults) == (0, len(rows), [])
    on_cpu = {name: content for name, content in contents.items() if content["environment"]["device"] == CPU}
    again = remeasure_rows([row for row in rows if row.identity in on_cpu], on_cpu, count=9, paths=(str(path.parent),))
    assert (again.same > 0, again.elsewhere, again.faults) == (True, 0, [])


def test_a_plan_of_what_may_be_stored_asks_for_no_device(file: Path) -> None:
    band = within(1, abs=0.1, provenance="author", because="a toy")
    gpu = experiment("claims_devices:route", devices=("cuda",))
    claim = Claim(id="a.b", locus="c", statement="d.", test=value(gpu["triton"]), band=band, rival=0)
    (open_trial,) = plan([claim], tier=Tier.SMOKE, device=None).trials
    assert (open_trial.final, open_trial.measurements()[0].device) == (None, "cuda")
    (closed,) = plan([claim], tier=Tier.SMOKE).trials
    assert closed.final is not None
    assert closed.final.verdict is UNAVAILABLE


@GPU
def test_on_a_gpu(file: Path) -> None:
    there = audit(file, jobs=1, device="cuda")
    assert found(there) == {"triton": ("HOLDS", "cuda"), "gpu": ("HOLDS", "cuda"), "cpu": ("REFUTED", "cpu")}
