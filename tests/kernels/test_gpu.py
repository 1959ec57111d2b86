"""The command that shows what only a GPU can: its list, what it notices, and the file that it writes and reads.

There is no GPU where this runs: kernels are compared through Triton's interpreter at small sizes, as the command does.
"""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from claims.errors import BadOption, InvalidResult
from claims.evidence.devices import DEVICES
from claims.kernels import dispatch
from claims.kernels.entries import Entry, entries
from claims.kernels.gpu import command, document
from claims.kernels.routes import compare, counted, wrong
from claims.kernels.settings import present, settled

from . import interpreter  # first: Triton is imported there, interpreted

DEVICE = "cuda" if interpreter.DEVICE == "cuda" else "triton-interpreter"
EVERY = [pytest.param(entry, id=entry.name) for entry in entries()]
NO_GPU = pytest.mark.skipif(DEVICE == "cuda", reason="is about machines without a GPU")


@pytest.mark.parametrize("entry", EVERY)
def test_every_route_is_as_promised(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one dtype and a ragged shape: all of them are the command's. The route is the one that the entry names."""
    taken: set[str] = set()
    plain = dispatch._triton_function

    def noted(target: str) -> Any:
        taken.add(target)
        return plain(target)

    monkeypatch.setattr(dispatch, "_triton_function", noted)
    with DEVICES[DEVICE].measuring():
        row = compare(entry, entry.dtypes[-1], (5, 33), DEVICES[DEVICE].tensors)
    assert wrong(row) == ""
    assert row["reference"]["values"] > 0
    assert row["promise"] == "bound" or row["reference"] == {**row["reference"], "differ": 0, "excess": 0.0}
    assert dispatch.OPERATIONS[entry.operation].triton in taken


def test_every_triton_route_is_on_the_list() -> None:
    offered = {name for name, operation in dispatch.OPERATIONS.items() if operation.triton is not None}
    assert {entry.operation for entry in entries()} == offered


def test_a_route_that_is_wrong_is_noticed() -> None:
    """By one value, by a shape, by raising; of bits, by the sign of a zero."""
    x = torch.tensor([1.0, -0.0, 3.0])
    assert counted([x], [x.clone()], [None]).differ == 0
    assert counted([x], [x.abs()], [None]).excess > 1
    off = torch.tensor([1.0, 0.0, 3.5])
    assert counted([x], [off], [torch.full((3,), 0.25)]).excess == 2
    assert counted([x], [off], [torch.full((3,), 0.5)]).excess == 1
    assert counted([x], [torch.tensor([torch.nan, 0.0, 3.0])], [torch.full((3,), 9.0)]).excess > 1
    with pytest.raises(ValueError, match="expected"):
        counted([x], [x[:2]], [None])
    for spoil in (lambda found: found + 1, lambda found: found[:1], lambda found: 1 / 0):

        def call(x: torch.Tensor, *, route: str, spoil: Any = spoil) -> torch.Tensor:
            return spoil(x) if route == "triton" else x

        entry = Entry(operation="toy", make=lambda rows, columns, dtype: (torch.ones(rows, columns),), call=call)
        row = compare(entry, torch.float32, (2, 3), "cpu")
        assert wrong(row)


def test_settings_hold_for_a_while() -> None:
    before = present()
    with settled(tuned=False), settled(cpu_route="reference"):
        assert (present().tuned, present().cpu_route) == (False, "reference")
        assert dispatch.route_of("sign_flip", torch.ones(2)) == "reference"
    assert present() == before


def test_a_launch_is_not_tuned_where_that_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """With kernels as a GPU gets them: the tuner would time them, the first choice is what its space says."""
    from claims.kernels.triton import launch

    class Function:
        def __getitem__(self, grid: Any) -> Any:
            return lambda *arguments, **options: launched.append(options)

    launched: list[dict[str, Any]] = []
    space = (launch.Choice(constants={"BLOCK": 8}, warps=2), launch.Choice(constants={"BLOCK": 16}))
    kernel = launch.Kernel(function=Function(), space=space)
    monkeypatch.setattr(launch, "_INTERPRETED", False)
    monkeypatch.setattr(launch, "_tuned", lambda kernel: {(1,): lambda *arguments, **options: launched.append({})})
    launch.launch(kernel, (1,), torch.ones(2))
    with settled(tuned=False):
        launch.launch(kernel, (1,), torch.ones(2))
    assert launched[0] == {}
    assert (launched[1]["BLOCK"], launched[1]["num_warps"]) == (8, 2)


# The file


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command writes of a few kernels."""
    path = tmp_path_factory.mktemp("gpu") / "gpu.json"
    before = os.environ.get("TRITON_INTERPRET")
    assert command.main(["sign_flip", "pack", "--json", str(path)]) == 0
    assert os.environ.get("TRITON_INTERPRET") == before
    return path


@NO_GPU
def test_without_a_gpu_it_says_what_was_not_measured(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = document.read(written)
    assert (found["device"], found["speed"], found["audit"]) == ("triton-interpreter", [], None)
    assert found["says"] == "no GPU: routes compared through Triton's interpreter; throughput not measured"
    assert {row["kernel"] for row in found["routes"]} == {"sign_flip", "sign_flip_linear", "pack_ternary"}
    assert found["code"] == document.code_digest()
    assert command.main(["--read", str(written)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(found["says"])
    assert printed.endswith("9 comparisons, nothing wrong\n")


def changed(path: Path, change: Any, *, sealed: bool) -> Path:
    found = json.loads(path.read_text())
    change(found)
    target = path.with_name("changed.json")
    target.write_text(json.dumps(document.sealed(found) if sealed else found))
    return target


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "3", '{"schema": 1}', '{"a": NaN}', "[" * 100_000, "\udcff", '{"schema": 2}']
)
def test_what_is_no_such_file_is_refused(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gpu.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert command.main(["--read", str(path)]) == 2
    assert "gpu.json" in capsys.readouterr().err
    for other in (tmp_path, tmp_path / "absent"):
        assert command.main(["--read", str(other)]) == 2


def test_a_file_that_was_edited_is_refused(written: Path) -> None:
    def better(found: Any) -> None:
        found["routes"][0]["reference"]["differ"] = 1

    with pytest.raises(InvalidResult, match="proof: got"):
        document.read(changed(written, better, sealed=False))


WRONG: dict[str, Any] = {
    "schema": lambda found: found.update(schema=2),
    "code": lambda found: found.update(code="yes"),
    "seed": lambda found: found.update(seed="x"),
    "speed": lambda found: found.update(speed={}),
    r"routes\[0\].shape": lambda found: found["routes"][0].update(shape=[-1, 2]),
    r"routes\[0\].promise": lambda found: found["routes"][0].update(promise="hope"),
    r"routes\[0\]": lambda found: found["routes"][0].pop("error"),
    "the file": lambda found: found.update(more=1),
}


@pytest.mark.parametrize("field", WRONG)
def test_a_field_that_is_wrong_is_named(field: str, written: Path) -> None:
    with pytest.raises(InvalidResult, match=rf"changed\.json: {field}.*: got .*; allowed: "):
        document.read(changed(written, WRONG[field], sealed=True))


def test_what_differs_on_a_gpu_is_shown_and_ends_with_1(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A document as a GPU would make one: a kernel that differs, one without a time, a verdict that surprises."""

    def on_gpu(found: Any) -> None:
        found["routes"][0]["reference"] = {"values": 9, "differ": 2, "excess": 1e300}
        row = {name: found["routes"][0][name] for name in ("kernel", "variant", "dtype", "shape")}
        failed = dict.fromkeys(("milliseconds", "rate", "unit", "limit", "of_limit")) | {"peers": {}, "failing": {}}
        done = {"milliseconds": 1.5, "rate": 900.0, "unit": "GB/s", "limit": "copy", "of_limit": 0.9}
        found["speed"] = [
            row | failed | {"error": "OutOfMemoryError: \x1b[2J"},
            row | done | {"peers": {"eager": 2.0}, "failing": {"compile": "no"}, "error": None},
        ]
        claim = {"id": "a.b", "verdict": "REFUTED", "expected": "HOLDS", "as_expected": False, "device": "cuda"}
        found["audit"] = {"status": 1, "words": "", "claims": [claim | {"reason": None}]}
        found["code"] = "0" * 64

    assert command.main(["--read", str(changed(written, on_gpu, sealed=True))]) == 1
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "other code than here" in printed
    assert "0.90 of copy" in printed
    assert "2x eager, (compile does not run)" in printed
    assert "2 of 9 values are not those of reference" in printed
    assert "a.b: REFUTED, expected HOLDS" in printed
    assert "3 wrong" in printed.splitlines()[-1]


def test_an_audit_without_a_result_is_wrong(written: Path) -> None:
    def ended(found: Any) -> None:
        found["audit"] = {"status": 2, "words": "no such thing", "claims": []}

    found = document.read(changed(written, ended, sealed=True))
    assert document.objections(found) == ["the audit ended with status 2: no such thing"]


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gpu.json"
    path.write_text("before")
    with pytest.raises(ValueError, match="JSON"):
        document.write(path, {"x": float("nan")})
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("words", [["no such kernel"], ["--read", "x", "--json", "y"], ["--what"]])
def test_bad_usage_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        status: object = command.main(words)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert capsys.readouterr().err


def test_a_place_that_cannot_be_written_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["pack", "--json", str(tmp_path / "absent" / "gpu.json")]) == 2
    assert "--json" in capsys.readouterr().err


@NO_GPU
def test_where_triton_is_missing_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("claims.evidence.devices.is_there", lambda module: module != "triton")
    with pytest.raises(BadOption, match=r"needs triton: pip install 'claimbench\[triton\]'"):
        command.device_here()


@pytest.mark.landing
def test_everything(tmp_path: Path) -> None:
    """All kernels, dtypes and shapes, and the audit."""
    path = tmp_path / "gpu.json"
    assert command.main(["--json", str(path)]) == 0
    found = document.read(path)
    assert len(found["routes"]) > 100
    assert found["audit"]["status"] == 0
    assert {claim["device"] for claim in found["audit"]["claims"]} == {DEVICE}
    assert copy.deepcopy(found) == document.sealed(found)
