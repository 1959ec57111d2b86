"""How Triton kernels are declared and launched: nothing assumed at import, tuning only on a device, clear refusals."""

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import BlockScaled, KernelError, rms_norm

from .inputs import KEYS
from .interpreter import DEVICE, KERNELS, by_triton
from .operations import CALLS, agree, guarded, outcome, with_special_values

launching = sys.modules["claims.kernels.triton.launch"]
declared = [(name, kernel) for name, module in KERNELS.items() for kernel in module.KERNELS]
WRITTEN = [name for name, call in CALLS.items() if call.has_out and not name.startswith(("gemm", "averis"))]
SMALL = [name for name in CALLS if CALLS[name].routed and name.split()[0] not in ("gemm", "averis_linear")]
SMALL = [name for name in SMALL if "large" not in name and name != "relu_moments"]  # which has no Triton route
each_kernel = pytest.mark.parametrize(("module", "kernel"), declared)


def in_a_child(code, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"} | variables
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


def test_neither_import_nor_making_an_autotuner_asks_for_a_device():
    """Measuring would. The autotuner gets the declared space."""
    modules = [f"claims.kernels.triton.{name}" for name in KERNELS]
    code = f"""
import importlib, triton
from triton.runtime.driver import DriverConfig
def refuse(self): raise SystemExit("a driver was asked for")
DriverConfig.default = DriverConfig.active = property(refuse)
for name in {modules}: importlib.import_module(name)
from claims.kernels.triton import launch as t, nvfp4 as n
tuner = t._tuned(n.QUANTIZE)
print([{{**c.kwargs, "warps": c.num_warps}} for c in tuner.configs] ==
      [{{**c.constants, "warps": c.warps}} for c in n.QUANTIZE.space], tuple(tuner.keys) == n.QUANTIZE.key)
"""
    child = in_a_child(code)
    assert child.stdout.split() == ["True", "True"], child.stderr


def test_without_triton_only_the_forced_route_is_refused():
    code = """
import sys
sys.modules["triton"] = None
import importlib.util, torch
from claims.kernels import KernelError, rms_norm, route_of
find = importlib.util.find_spec
import claims.kernels.dispatch as dispatch
dispatch.find_spec = lambda name: None if name == "triton" else find(name)
x = torch.ones(2, 3)
print(rms_norm(x).sum().item(), route_of("rms_norm", x) != "triton")
try:
    rms_norm(x, route="triton")
except KernelError as error:
    print("Triton itself is not installed" in str(error))
"""
    child = in_a_child(code)
    assert child.stdout.split() == ["6.0", "True", "True"], child.stderr


@pytest.mark.skipif(DEVICE != "cpu", reason="on a GPU machine the route runs")
def test_without_a_gpu_the_message_names_the_interpreter():
    with pytest.raises(KernelError, match="TRITON_INTERPRET=1 interprets Triton on CPU tensors"):
        rms_norm(torch.ones(2, 3), route="triton")


@each_kernel
def test_declarations_hang_together(module, kernel):
    """Every launch and build passes each argument once, and tuning keys are arguments."""
    names = set(kernel.function.arg_names)
    tuned = set(kernel.space[0].constants)
    assert tuned <= names
    assert set(kernel.key) <= names - tuned
    assert all(set(choice.constants) == tuned for choice in kernel.space)
    assert set(kernel.interpreted) == tuned or not kernel.interpreted
    assert kernel.builds
    for build in kernel.builds:
        assert set(build.types) | set(build.constants) == names
        assert not set(build.types) & set(build.constants)
        assert set(build.multiples_of_16) <= set(build.types)
        assert all(build.constants[name] == value for name, value in kernel.space[0].constants.items())


@each_kernel
def test_spaces_are_small_and_blocks_are_powers_of_two(module, kernel):
    assert 1 <= len(kernel.space) <= 8
    for choice in kernel.space:
        assert all(value & (value - 1) == 0 for value in (*choice.constants.values(), choice.warps))
        assert choice.warps <= 16


class Recorder:
    """Stands for a compiled kernel: remembers how it was launched."""

    def __init__(self):
        self.launches = []

    def __getitem__(self, grid):
        return lambda *arguments, **options: self.launches.append((grid, arguments, options))


@pytest.fixture
def device(monkeypatch):
    """A kernel on an imaginary device, untuned, and its imaginary autotuner."""
    untuned, tuned = Recorder(), Recorder()
    kernel = launching.Kernel(
        function=untuned, space=(launching.Choice(constants={"BLOCK": 64}, warps=8, stages=3),), exact=True
    )
    monkeypatch.setattr(launching, "interpreting", lambda: False)
    monkeypatch.setattr(launching, "_tuned", lambda asked: tuned if asked is kernel else None)
    return kernel, untuned, tuned


def test_on_a_device_launches_are_tuned_and_say_what_may_be_fused(device):
    kernel, untuned, tuned = device
    launching.launch(kernel, (3,), torch.ones(2), torch.ones(2), 5, FLAG=True)
    ((grid, arguments, options),) = tuned.launches
    assert (grid, arguments[2], options) == ((3,), 5, {"FLAG": True, "enable_fp_fusion": False})
    assert untuned.launches == []


def test_in_place_launches_are_not_repeated_by_tuning(device):
    kernel, untuned, tuned = device
    x = torch.ones(2)
    launching.launch(kernel, (3,), x, x)
    ((_, _, options),) = untuned.launches
    assert options == {"BLOCK": 64, "num_warps": 8, "num_stages": 3, "enable_fp_fusion": False}
    assert tuned.launches == []


def test_given_sizes_are_not_tuned(device):
    kernel, untuned, tuned = device
    launching.launch(kernel, (3,), torch.ones(2), BLOCK=16)
    assert untuned.launches[0][2]["BLOCK"] == 16
    assert tuned.launches == []


def test_empty_grids_are_not_launched(device):
    kernel, untuned, tuned = device
    launching.launch(kernel, (3, 0), torch.ones(2))
    launching.launch(kernel, launching.blocks_of(0), torch.ones(2))
    assert untuned.launches == tuned.launches == []


@given(value=st.floats(allow_nan=False))
def test_floats_keep_their_bits(value):
    bits = torch.tensor(launching.float_bits(value), dtype=torch.int64)
    assert bits.view(torch.float64).item() == value


@given(key=KEYS)
def test_halves_make_up_the_key(key):
    low, high = launching.key_halves(key)
    assert min(low, high) >= -(2**31)
    assert max(low, high) < 2**31
    assert (low & 0xFFFFFFFF) | (high & 0xFFFFFFFF) << 32 == key
    assert launching.key_halves(key - 2**64 if key >> 63 else key) == (low, high)


@given(count=st.integers(0, 1 << 40), size=st.integers(1, 1 << 20))
def test_blocks_cover(count, size):
    assert 0 <= launching.ceiling(count, size) * size - count < size
    power = launching.power_of_two(count)
    assert power >= max(count, 1)
    assert power & (power - 1) == 0
    assert power // 2 < max(count, 1)


@pytest.mark.skipif(DEVICE != "cpu", reason="guards lie in the memory of the CPU")
@pytest.mark.parametrize("name", WRITTEN)
def test_nothing_is_written_beside_the_result(name):
    """Masks at the ends of blocks: what lies before and behind the result stays as it is."""
    call = CALLS[name]
    out, guards = guarded(call)
    result = by_triton(call.function, *call.arguments, **call.options, out=out)
    result = result[0] if isinstance(result, tuple) else result
    first, written = (q.payload if isinstance(q, BlockScaled) else q for q in (result, out))
    assert first.data_ptr() == written.data_ptr()
    assert all(bool((guard == 85).all()) for guard in guards)


@pytest.mark.parametrize("name", SMALL)
def test_nan_and_infinity_do_what_they_do_in_the_reference(name):
    """What is NaN and what is infinite, or that the operation refuses."""
    call = CALLS[name]
    for arguments in with_special_values(call):
        expected = outcome(lambda a=arguments: call.function(*a, **call.options, route="reference"))
        got = outcome(lambda a=arguments: by_triton(call.function, *a, **call.options))
        assert agree(got, expected)


def test_results_take_all_devices_routes():
    """``by_triton`` runs Triton: the reference would take these tensors too."""
    x = torch.randn(4, 8)
    calls = []
    module = KERNELS["norm"]
    with pytest.MonkeyPatch.context() as patch:
        original = module.launch
        patch.setattr(module, "launch", lambda *a, **k: (calls.append(a[0]), original(*a, **k)))
        by_triton(rms_norm, x)
    assert calls == [module.FORWARD]
