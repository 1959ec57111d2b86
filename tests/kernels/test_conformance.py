"""Conformance: what a comparison counts, the record, the page made from it, and cases that are settled by hand."""

import importlib.util
import json
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch

from claims.discovery import installed
from claims.kernels import dequantize, e4m3_decode, mxfp8_quantize, nvfp4_quantize
from claims.kernels.conformance import elements, four_bit, report
from claims.kernels.conformance.tally import NOTHING, Reason, on_every_route, tally

from .inputs import VARIANTS, bits
from .quantized import normal, oracle_e2m1, route_for

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("conformance_tool", ROOT / "tools" / "conformance.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)
each_variant = pytest.mark.parametrize("variant", VARIANTS)
KNOWN, LATER = Reason(text="known"), Reason(text="later")


# What is counted


def test_a_difference_counts_for_its_first_reason_and_else_for_none():
    ours, theirs = torch.arange(6), torch.tensor([0, 9, 9, 9, 9, 5])
    masks = {KNOWN: torch.tensor([1, 1, 1, 0, 0, 0]).bool(), LATER: torch.tensor([0, 0, 1, 1, 0, 0]).bool()}
    counted = tally(ours, theirs, masks)
    assert (counted.compared, counted.differences, counted.unexplained) == (6, {"known": 2, "later": 1}, 1)
    assert counted.first == "at (4,): 4 here, 9 there"
    both = counted + counted + NOTHING
    assert (both.compared, both.differences, both.unexplained) == (12, {"known": 4, "later": 2}, 2)


def test_values_are_compared_with_the_sign_of_zero_and_all_nan_alike():
    ours = torch.tensor([0.0, -0.0, torch.nan, 1.0, torch.inf])
    theirs = torch.tensor([-0.0, -0.0, -torch.nan, torch.nan, torch.inf])
    counted = tally(ours, theirs)
    assert (counted.unexplained, counted.first) == (2, "at (0,): 0.0 here, -0.0 there")
    with pytest.raises(ValueError, match="shapes"):
        tally(ours, theirs[:1])


@pytest.mark.skipif(not VARIANTS[1:], reason="no compiled library in this run")
def test_routes_that_disagree_end_the_comparison():
    with pytest.raises(RuntimeError, match="does not give the bits of the reference"):
        on_every_route(lambda route: torch.tensor(len(route)))


def test_one_wrong_code_is_found(monkeypatch):
    """Planted in ours, at a number that no reason covers."""
    right = elements.e4m3_encode
    monkeypatch.setattr(elements, "e4m3_encode", lambda x, **options: right(x, **options) ^ (x == 3.5).to(torch.uint8))
    counted = elements._torch(elements.E4M3)
    assert counted.unexplained == 2  # a bfloat16 and a float16 number
    assert counted.first.endswith(f"{0x46 ^ 1} here, {0x46} there")


def test_wrong_scales_of_others_are_found():
    values = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu).astype(np.float64)
    assert elements._e8m0(lambda: values).unexplained == 0
    values[7] *= 2
    assert elements._e8m0(lambda: values).unexplained == 1


@pytest.mark.parametrize("run", [case.run for case in elements.cases() if case.format == "E8M0"])
def test_scales_of_the_mx_formats(run):
    assert run().unexplained == 0


def test_nvfp4_as_gguf_reads_it():
    pytest.importorskip("gguf", reason="gguf is an oracle")
    counted = four_bit._read_by_gguf()
    assert (counted.compared, counted.unexplained) == (4096, 0)


# The record and its page


def row(count=3, *, reason="why", by_machine=False, oracle="torch", compared=10):
    part = {"count": count, "reason": reason, "claims": [], "by_machine": by_machine}
    return {"format": "E4M3", "oracle": oracle, "inputs": "all", "compared": compared, "differences": [part]}


def test_counts_are_held_to_the_record():
    assert report.objections([row()], [row()], {}) == []
    assert report.objections([row(4)], [row()], {}) == ["E4M3 / torch / all: {'why': 3} recorded, {'why': 4} now"]
    assert report.objections([row(compared=11)], [row()], {})
    assert report.objections([row(4, by_machine=True)], [row(by_machine=True)], {}) == []
    assert report.objections([row(4)], [row()], {"torch": "2.0"}) == []
    assert report.objections([row(4, oracle="gguf TQ1_0")], [], {"gguf": "0.1"}) == []
    assert report.objections([], [row()], {}) == ["E4M3 / torch / all is recorded but was not compared"]
    assert report.objections([row()], [], {}) == ["E4M3 / torch / all is not recorded"]


def test_record_is_of_these_cases_and_these_claims():
    versions, rows = report.recorded()
    assert set(versions) == set(report.ORACLES)
    cases = list(report.cases())
    assert [(case.format, case.oracle, case.inputs) for case in cases] == [
        (row["format"], row["oracle"], row["inputs"]) for row in rows
    ]
    known = {claim.id for claim in installed()["mean-bias"].claims()}
    for case, recorded in zip(cases, rows, strict=True):
        assert recorded["compared"] >= 256
        reasons = {reason.text: reason for reason in case.reasons}
        for part in recorded["differences"]:
            assert part["claims"] == list(reasons[part["reason"]].claims)
            assert part["by_machine"] == reasons[part["reason"]].by_machine
            assert set(part["claims"]) <= known


def test_page_has_the_tables_of_the_record():
    text = tool.PAGE.read_text(encoding="utf-8")
    assert tool.renewed(text) == text, "`python tools/conformance.py` renews it"
    with pytest.raises(ValueError, match="0 places for the table matrix"):
        tool.renewed("")


def test_without_any_oracle_nothing_is_compared(monkeypatch, capsys):
    monkeypatch.setattr(report, "versions", dict)
    assert report.main([]) == 2
    assert "not installed" in capsys.readouterr().out


def test_nothing_is_recorded_where_an_oracle_is_missing_or_a_difference_has_no_reason(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(report, "RECORD", tmp_path / "record.json")
    monkeypatch.setattr(report, "versions", lambda: {"torch": "1"})
    monkeypatch.setattr(report, "cases", lambda: iter(()))
    assert report.main(["--record"]) == 1
    case = elements.Case(format="X", oracle="torch", inputs="all", run=lambda: tally(torch.ones(2), torch.zeros(2)))
    monkeypatch.setattr(report, "versions", lambda: dict.fromkeys(report.ORACLES, "1"))
    monkeypatch.setattr(report, "cases", lambda: iter((case,)))
    assert report.main(["--record"]) == 1
    assert "X / torch: 2 without a reason, at (0,): 1.0 here, 0.0 there" in capsys.readouterr().err
    assert not report.RECORD.exists()
    monkeypatch.setattr(report, "cases", lambda: iter(()))
    assert report.main(["--record"]) == 0
    assert json.loads(report.RECORD.read_text())["rows"] == []


@pytest.mark.slow
def test_every_format_against_every_oracle(capsys):
    assert report.main([]) == 0, capsys.readouterr().err


# Cases that are settled by hand

#: torchao's own vectors for the RCEIL scale of MXFP8 E4M3 (test_mx_tensor.py): words of float32 or bfloat16, and codes.
RCEIL = {
    torch.int32: (
        [
            1037408064, 1058534842, 1053630662, 1063310394, 994704128, 1057245441, 1060663708, 1058053571,
            1052395648, 1064831570, 1038427336, 1064777688, 1059248393, 1060959028, 1062878286, 1057799482,
            1057854101, 1053562724, 1027482352, 1060498324, 1063238522, 1060472055, 1054346794, 1029092912,
            1056687298, 1059146141, 1037992128, 1064097772, 1056522806, 1059255744, 1064364912, 1060606252,
        ],
        [
            93, 113, 109, 118, 53, 112, 116, 113, 108, 120, 94, 119, 114, 116, 118, 113,
            113, 109, 84, 115, 118, 115, 110, 85, 112, 114, 94, 119, 112, 114, 119, 115,
        ],
    ),
    torch.int16: (
        [
            128, 16118, 16143, 16074, 16187, 16002, 16193, 16217, 15680, 16183, 16092,
            16158, 16251, 15876, 15896, 16194, 16135, 16214, 16205, 16110, 16122, 15960,
            15824, 16106, 16220, 16230, 15952, 15896, 16000, 16144, 16232, 16157,
        ],
        [
            0, 111, 113, 109, 116, 104, 116, 118, 84, 115, 110, 114, 120, 96, 98, 116,
            112, 117, 117, 111, 112, 102, 93, 111, 118, 118, 101, 98, 104, 113, 118, 114,
        ],
    ),
}  # fmt: skip


@each_variant
@pytest.mark.parametrize("words", RCEIL)
def test_rceil_vectors_of_torchao(variant, words):
    numbers, codes = RCEIL[words]
    x = torch.tensor(numbers, dtype=words).view(torch.float32 if words == torch.int32 else torch.bfloat16)
    with route_for(variant) as route:
        q = mxfp8_quantize(x, scale_rule="ceil", route=route)
    assert q.scales.tolist() == [[119]]
    assert q.codes.tolist() == [codes]


def by_transformer_engine(x, q):
    """Codes by the rule of Transformer Engine's reference: the reciprocal of the scale ends at the largest float32."""
    largest = np.finfo(np.float32).max
    with np.errstate(all="ignore"):
        steps = e4m3_decode(q.scales).numpy() * q.tensor_scale.numpy()
        factors = np.minimum(np.float32(1) / steps, largest).repeat(16, axis=1)
        return oracle_e2m1(np.clip(x.numpy() * factors, -6, 6))


@each_variant
def test_a_block_whose_scale_rounds_to_zero(variant):
    """Both sets of codes decode to the same bits; ours are what quantizing the decoded values gives, 6 is not."""
    x = normal(8, 64)
    x[:, 16:48] *= 1e-7
    x[0, 0], x[0, 20], x[0, 21] = 4.0, 0.0, -0.0
    with route_for(variant) as route:
        q = nvfp4_quantize(x, route=route)
        zero = (q.scales == 0).repeat_interleave(16, dim=1)
        theirs = torch.from_numpy(by_transformer_engine(x, q))
        assert bool(zero[:, 16:48].all())
        assert not bool(zero[:, :16].any())
        assert torch.equal(q.elements[~zero], theirs[~zero])
        assert set(q.elements[zero].tolist()) == {0, 8}
        assert int((theirs[zero] & 7 == 7).sum()) == 8 * 32 - 2

        decoded = dequantize(q, route=route)
        other = nvfp4_quantize(x, route=route)
        other.codes.copy_(theirs[:, ::2] | (theirs[:, 1::2] << 4))
        assert torch.equal(bits(dequantize(other, route=route)), bits(decoded))
        again = nvfp4_quantize(decoded, amax=x.abs().max(), route=route).elements
        assert torch.equal(again[zero], q.elements[zero])
        assert not torch.equal(again[zero], theirs[zero])
