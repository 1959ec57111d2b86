"""The ahead-of-time gate: planted kernels are refused for their reason, and costs are read from real binaries.

What compiles is slow: it starts Triton in processes of its own.
"""

import dataclasses
import json
from importlib.metadata import version
from pathlib import Path

import pytest

from claims.kernels.gate import judge
from claims.kernels.gate.costs import Costs, amd_costs, cuda_costs, inexact_ptx, instructions, machine_code

pytest.importorskip("triton", minversion="3.7", reason="the gate compiles Triton kernels")
ROOT = Path(__file__).parents[2]
PLANTED = ("tests.kernels.planted",)
CHEAP = Costs(registers=40, stack=0, spills=0, shared=64, instructions=200, global_accesses=4, global_128_bit=4)
RESOURCES = " Function k:\n  REG:40 STACK:0 SHARED:0 LOCAL:0 CONSTANT[0]:560"


@pytest.fixture(scope="module")
def planted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        names = (
            "abort",
            "divide_approximately",
            "divide_exactly",
            "divide_where_nothing_is_promised",
            "fuse",
            "hoard",
            "nonsense",
            "reduced_precision",
            "root_approximately",
        )
        return judge.build_all(targets=("sm_80", "gfx942"), names=names, modules=PLANTED)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "name", "instruction"),
    [
        ("sm_80", "divide_approximately", "div.full"),  # which is exact on AMD
        ("sm_80", "fuse", "fma.rn"),
        ("gfx942", "fuse", "v_fma"),
        ("sm_80", "root_approximately", "sqrt.approx"),
        ("gfx942", "root_approximately", "v_sqrt_f32"),
    ],
)
def test_inexact_arithmetic_is_refused(planted, target, name, instruction):
    (found,) = planted[target][name].inexact
    assert found.startswith(instruction)
    assert any(f"{name} for {target} is not exact" in line for line in judge.objections(planted))


@pytest.mark.slow
def test_reduced_precision_is_refused_everywhere(planted):
    assert any("tf32" in word for word in planted["sm_80"]["reduced_precision"].inexact)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["divide_exactly", "divide_where_nothing_is_promised"])
def test_the_rest_passes(planted, name):
    for target in planted:
        assert planted[target][name].inexact == ()
        assert not any(f"{name} for {target} " in line for line in judge.objections(planted))


@pytest.mark.slow
def test_spills_are_refused(planted):
    costs = planted["sm_80"]["hoard"]
    assert costs.spills > 0
    assert costs.stack > 0
    assert any("hoard for sm_80 spills" in line for line in judge.objections(planted))


@pytest.mark.slow
def test_an_abort_takes_its_own_build_alone(planted):
    assert isinstance(planted["gfx942"]["abort"], judge.Failure)
    assert "child ended with status" in planted["gfx942"]["abort"].message
    assert isinstance(planted["sm_80"]["abort"], Costs)
    assert sum(isinstance(outcome, judge.Failure) for outcome in planted["gfx942"].values()) == 2


@pytest.mark.slow
def test_a_failure_says_why(planted):
    for target in planted:
        assert "planted" in planted[target]["nonsense"].message


@pytest.mark.slow
def test_costs_are_of_the_binary(planted):
    """An exact division is longer than an approximate one, and a load and a store of 256 floats are few accesses."""
    assert planted["sm_80"]["divide_exactly"].instructions > planted["sm_80"]["divide_approximately"].instructions > 10
    for builds in planted.values():
        costs = builds["divide_exactly"]
        assert 3 <= costs.global_accesses <= 6
        assert costs.registers > 0
        assert costs.shared == 0
    assert planted["sm_80"]["reduced_precision"].shared > 0


def test_record_is_for_the_pinned_version_and_all_builds():
    triton, record = judge.recorded()
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    assert triton == pins["triton"]
    assert set(record) == set(judge.TARGETS)
    if triton == version("triton"):
        names = list(judge.build_names())
        for builds in record.values():
            assert sorted(builds) == names
            assert not judge.objections({"recorded": builds})


@pytest.mark.parametrize("column", ["registers", "instructions", "shared", "global_128_bit"])
@pytest.mark.parametrize("change", [-1, 1])
def test_any_difference_from_the_record_is_told(column, change):
    changed = dataclasses.replace(CHEAP, **{column: getattr(CHEAP, column) + change})
    assert judge.differences({"sm_80": {"k": CHEAP}}, {"sm_80": {"k": CHEAP}}) == []
    (line,) = judge.differences({"sm_80": {"k": changed}}, {"sm_80": {"k": CHEAP}})
    assert line.startswith(f"k for sm_80: {column} ")


def test_missing_and_surplus_builds_are_told():
    (line,) = judge.differences({"sm_80": {"k": CHEAP}}, {"sm_80": {}})
    assert line == "k for sm_80 is not recorded"
    (line,) = judge.differences({"sm_80": {}}, {"sm_80": {"k": CHEAP}})
    assert line == "k for sm_80 is recorded but not built"


def test_record_can_be_written_and_read(tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "RECORD", tmp_path / "record.json")
    judge.write_record({"sm_80": {"k": CHEAP, "b": CHEAP}, "gfx942": {"k": CHEAP}})
    assert judge.recorded() == (version("triton"), {"sm_80": {"b": CHEAP, "k": CHEAP}, "gfx942": {"k": CHEAP}})


@pytest.mark.parametrize(
    ("outcome", "recorded_for", "status"),
    [
        (CHEAP, "installed", 0),
        (dataclasses.replace(CHEAP, instructions=201), "installed", 1),
        (dataclasses.replace(CHEAP, instructions=201), "0.1", 0),
        (dataclasses.replace(CHEAP, spills=2), "0.1", 1),
        (dataclasses.replace(CHEAP, inexact=("div.full.f32",)), "installed", 1),
        (judge.Failure(message="no"), "installed", 1),
    ],
)
def test_exit_status(tmp_path, monkeypatch, capsys, outcome, recorded_for, status):
    monkeypatch.setattr(judge, "RECORD", tmp_path / "record.json")
    judge.write_record({"sm_80": {"k": CHEAP}})
    if recorded_for != "installed":
        content = json.loads(judge.RECORD.read_text()) | {"triton": recorded_for}
        judge.RECORD.write_text(json.dumps(content))
    monkeypatch.setattr(judge, "build_all", lambda **_: {"sm_80": {"k": outcome}})
    assert judge.main([]) == status
    assert bool(capsys.readouterr().err) == bool(status)


def test_nothing_is_recorded_of_a_refused_run(tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(judge, "build_all", lambda **_: {"sm_80": {"k": dataclasses.replace(CHEAP, stack=8)}})
    assert judge.main(["--record"]) == 1
    assert not judge.RECORD.exists()


def test_parsing_of_nvidia_texts():
    sass = """
        /*0000*/                   MOV R1, c[0x0][0x28] ;
        /*0010*/              @!P0 LDG.E.128 R4, [R2.64] ;
        /*0020*/              @P1  STL.64 [R1+0x8], R4 ;
        /*0030*/                   LDGSTS.E.BYPASS.LTC128B.128 [R5], [R2.64] ;
        /*0040*/                   LDG.E R6, [R2.64] ;
        /*0050*/                   NOP;
    """
    words = [word for _, word in instructions(sass)]
    costs = cuda_costs(RESOURCES, words, "add.f32 %f1, %f2, %f3;", 32, exact=True)
    assert costs == dataclasses.replace(CHEAP, spills=1, shared=32, instructions=5, global_accesses=3, global_128_bit=2)
    stack = cuda_costs(RESOURCES.replace("STACK:0", "STACK:16"), words, "", 0, exact=True)
    assert stack.stack == 16


@pytest.mark.parametrize(
    "line",
    ["div.full.f32 %f1", "div.approx.f32 %f1", "sqrt.approx.ftz.f32 %f1", "rcp.approx.f32 %f1", "fma.rn.f64 %fd1"],
)
def test_lint_of_ptx(line):
    assert inexact_ptx(f"\t{line}, %f2;", exact=True)
    assert not inexact_ptx(f"\t{line}, %f2;", exact=False)


@pytest.mark.parametrize("line", ["div.rn.f32 %f1", "sqrt.rn.f32 %f1", "add.rn.f32 %f1", "cvt.rn.f32.s32 %f1"])
def test_lint_lets_exact_arithmetic_pass(line):
    assert not inexact_ptx(f"\t{line}, %f2;", exact=True)


def test_lint_of_tensor_cores():
    for line in ("tcgen05.mma.cta_group::1.kind::tf32 [%r1]", "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {}"):
        assert inexact_ptx(f"\t{line};", exact=False)
    assert not inexact_ptx("\ttcgen05.mma.cta_group::1.kind::f16 [%r1];", exact=False)


def test_parsing_of_amd_texts():
    metadata = {"vgpr_count": 30, "private_segment_fixed_size": 0, "vgpr_spill_count": 0, "sgpr_spill_count": 3}
    code = ["global_load_dwordx4 v[0:3], v[4:5]", "s_nop 0", "v_rcp_f32_e32 v1, v2", "global_store_dword v1, v2"]
    text = "\n".join([*(f"\t{line}" for line in code), *(f"    .{name}: {value}" for name, value in metadata.items())])
    text += "\n\t\t.amdhsa_float_denorm_mode_32 3"
    costs = amd_costs(text, 0, exact=True)
    assert (costs.registers, costs.spills, costs.instructions) == (30, 3, 3)
    assert (costs.global_accesses, costs.global_128_bit) == (2, 1)
    assert costs.inexact == ("v_rcp_f32_e32",)
    assert amd_costs(text + "\n\tv_div_fixup_f32 v1, v1, v2, v3", 0, exact=True).inexact == ()
    flushing = text.replace("mode_32 3", "mode_32 0")
    assert "flushed subnormals" in amd_costs(flushing, 0, exact=True).inexact
    assert amd_costs(flushing, 0, exact=False).inexact == ()


def test_a_binary_without_a_kernel_is_an_error():
    header = bytearray(64)
    header[0x3A:0x40] = (64).to_bytes(2, "little") + bytes(4)
    with pytest.raises((ValueError, IndexError)):
        machine_code(bytes(header))
