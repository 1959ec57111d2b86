"""Which float32 product is taken: as named, as measured and kept, by the maker of the CPU; and that evidence knows."""

import json
import os
import subprocess
import sys

import pytest
import torch

from claims.kernels import KernelError, gemm, matmul, product_choice, product_measured

INTEL = "vendor_id : GenuineIntel\ncpu family : 6\nmodel : 207\nmodel name : some Xeon\n\nvendor_id : other\n"
AMD = "vendor_id : AuthenticAMD\ncpu family : 25\nmodel : 17\nmodel name : some EPYC\n"
ASK = (
    "from claims.evidence.fingerprint import environment\nfrom claims.kernels.product_choice import chosen\n"
    "print(chosen(), environment()['kernels'])"
)


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    """Nothing named, nothing kept, nothing chosen yet; the environment is put back."""
    monkeypatch.setenv(product_choice.VARIABLE, "")
    monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
    product_choice.chosen.cache_clear()
    yield
    product_choice.chosen.cache_clear()


@pytest.fixture
def on(tmp_path, monkeypatch):
    """Make the machine say that its CPU is another."""

    def pretend(info):
        (tmp_path / "cpuinfo").write_text(info)
        monkeypatch.setattr(product_choice, "_INFO", tmp_path / "cpuinfo")

    return pretend


@pytest.mark.parametrize(("info", "product"), [(INTEL, "mm"), (AMD, "onednn"), ("", "onednn")])
def test_the_maker_decides_where_nothing_is_kept(on, info, product):
    on(info)
    assert product_choice.chosen() == product
    assert product_choice.in_class() == ""
    assert os.environ[product_choice.VARIABLE] == product, "children are to do the same"


def test_what_was_measured_is_kept_for_its_machine_alone(on):
    on(AMD)
    path = product_choice.keep("mm")
    assert product_choice.chosen() == "mm"
    assert product_choice.in_class() == ", gemm by mm"
    on(INTEL.replace("207", "143"))
    assert product_choice.measured() is None
    product_choice.keep("onednn")
    assert sorted(json.loads(path.read_text()).values()) == ["mm", "onednn"]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_choice_does_not_change_while_a_process_runs(on):
    on(AMD)
    assert product_choice.chosen() == "onednn"
    product_choice.keep("mm")
    assert product_choice.chosen() == "onednn"


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"x": 3}', "\x00"])
def test_a_file_that_is_no_answer_is_as_none(on, content):
    on(AMD)
    product_choice.kept_at().parent.mkdir(parents=True)
    product_choice.kept_at().write_text(content)
    assert product_choice.chosen() == "onednn"
    product_choice.keep("mm")
    assert product_choice.measured() == "mm"


def test_an_unknown_product_is_refused(monkeypatch):
    monkeypatch.setenv(product_choice.VARIABLE, "blas")
    with pytest.raises(KernelError, match="CLAIMS_KERNELS_GEMM must be 'onednn' or 'mm'; got 'blas'"):
        product_choice.chosen()


def asked(**environment):
    finished = subprocess.run(
        [sys.executable, "-P", "-c", ASK], check=True, capture_output=True, text=True, env=os.environ | environment
    )
    return finished.stdout.strip()


def test_evidence_of_another_product_is_of_another_class():
    rule = product_choice.by_maker()
    other = "mm" if rule == "onednn" else "onednn"
    assert asked(CLAIMS_KERNELS_NATIVE="best", CLAIMS_KERNELS_GEMM=rule) == f"{rule} best"
    assert asked(CLAIMS_KERNELS_NATIVE="best", CLAIMS_KERNELS_GEMM=other) == f"{other} best, gemm by {other}"


@pytest.mark.parametrize("product", product_choice.PRODUCTS)
def test_gemm_takes_what_was_chosen(monkeypatch, product):
    monkeypatch.setenv(product_choice.VARIABLE, product)
    calls = []
    monkeypatch.setattr(matmul, "by_onednn", lambda a, b: calls.append(a.shape) or torch.mm(a, b))
    gemm(torch.randn(300, 170), torch.randn(170, 129))
    assert calls == ([(300, 170)] if product == "onednn" and matmul.has_onednn() else [])


@pytest.mark.parametrize(
    ("info", "ratio", "product"),
    [(AMD, 2.0, "onednn"), (AMD, 0.95, "onednn"), (AMD, 0.5, "mm"), (INTEL, 1.05, "mm"), (INTEL, 1.5, "onednn")],
)
def test_another_than_the_makers_must_be_faster_beyond_noise(on, monkeypatch, info, ratio, product):
    on(info)
    monkeypatch.setattr(product_measured, "_ratio", lambda size: ratio)
    monkeypatch.setattr(matmul, "has_onednn", lambda: True)
    assert product_measured.compare().product == product


@pytest.mark.skipif(not matmul.has_onednn(), reason="torch has one product here")
def test_products_are_measured_in_turns_and_threads_are_put_back(monkeypatch):
    monkeypatch.setattr(product_measured, "SIZES", (64, 128))
    before = torch.get_num_threads()
    found = product_measured.compare()
    assert found.onednn_over_mm > 0
    assert found.product in product_choice.PRODUCTS
    assert torch.get_num_threads() == before
