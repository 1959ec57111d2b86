"""Routes, registration with torch, the build, and a library that leaves processes, threads and torch as they were."""

import ctypes
import inspect
import os
import shutil
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
import torch

import claims.kernels
from claims.kernels import (
    KernelError,
    dispatch,
    gemm,
    magnitude_step,
    native,
    rms_norm,
    route_of,
    sign_flip,
    transverse_energy,
)

from .inputs import VARIANTS

ROOT = Path(__file__).parents[2]
needs_library = pytest.mark.skipif(native.obstacle() is not None, reason="no compiled library in this run")
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, ("g++", "clang++", "c++"))), reason="no C++ compiler")


def python(code, **environment):
    """Run code in a fresh interpreter; its standard output."""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        cwd="/",
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_import_loads_neither_torch_nor_numpy():
    code = "import sys, claims.kernels; print([m for m in ('torch', 'numpy', 'triton') if m in sys.modules])"
    assert python(code) == "[]"


def test_every_public_name_is_there_and_documented():
    for name in claims.kernels.__all__:
        value = getattr(claims.kernels, name)
        assert value.__doc__, name
        assert name in dir(claims.kernels)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = claims.kernels.nothing


def sample_arguments(operation):
    """Arguments for a schema of the core's operations, with requires_grad where it has a derivative."""
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(6, 8, dtype=torch.float64, generator=generator) for _ in range(2))
    if operation.backward is not None:
        x, y = x.requires_grad_(), y.requires_grad_()
    packed = torch.full((5, 2), 0b01100100, dtype=torch.uint8)
    return {
        "rms_norm": (x, 0.1),
        "rms_norm_jvp": (x, y, 0.1),
        "sign_flip": (x, 0.3, -5),
        "flip_energy": (x, 0.3, 5),
        "magnitude_step": (x, -0.2),
        "transverse_energy": (x, y),
        "relu_moments": (x, y),
        "gemm": (x, y.detach().mT.requires_grad_()),
        "sign_flip_linear": (x, y, 0.3, 5),
        "absmean": (x, True),
        "weight_codes": (x, torch.ones(6), True, True),
        "pack_ternary": (torch.ones(5, 7, dtype=torch.int8),),
        "ternary_product": (x, packed),
    }[operation.name]


CORE = (
    "absmean", "flip_energy", "gemm", "magnitude_step", "pack_ternary", "relu_moments", "rms_norm", "rms_norm_jvp",
    "sign_flip", "sign_flip_linear", "ternary_product", "transverse_energy", "weight_codes",
)  # fmt: skip


@pytest.mark.parametrize("name", CORE)
def test_torchs_own_check_of_an_operator(name):
    """Schema, aliasing, fake tensors, autograd and tracing with symbolic shapes."""
    for module in ("norm", "perturb", "energy", "matmul", "relu", "ternary"):
        __import__(f"claims.kernels.{module}")
    operation = dispatch.OPERATIONS[name]
    operator = getattr(torch.ops.claims, name).default
    for route in (None, "reference"):
        torch.library.opcheck(operator, (*sample_arguments(operation), route))


def test_traces_without_a_break():
    def block(x, w, out):
        perturbed = sign_flip(w, flip_rate=0.3, key=2**63 + 7)
        hidden = rms_norm(gemm(x, perturbed.T), out=out)
        return transverse_energy(hidden, magnitude_step(hidden, size=0.1))[2]

    x, w = torch.randn(6, 8), torch.randn(4, 8)
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    out = torch.empty(6, 4)
    expected = block(x, w, torch.empty(6, 4))
    assert torch.equal(compiled(x, w, out), expected)
    assert torch.equal(out, rms_norm(gemm(x, sign_flip(w, flip_rate=0.3, key=2**63 + 7).T)))


def test_route_is_told():
    x = torch.ones(2, 3)
    compiled = "cpu" if native.obstacle() is None else "reference"
    assert route_of("rms_norm", x) == compiled
    assert route_of("rms_norm", x.half()) == "reference"
    assert route_of("sign_flip", x.half()) == compiled
    assert route_of("rms_norm", x.to("meta")) == "reference"
    with native.forced("off"):
        assert route_of("rms_norm", x) == "reference"
    with pytest.raises(KernelError, match="operation must be one of"):
        route_of("no_such_operation", x)


def test_routes_that_cannot_run_say_why(monkeypatch):
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    x = torch.ones(2, 3)
    with native.forced("off"), pytest.raises(KernelError, match="no compiled library: CLAIMS_KERNELS_NATIVE=off"):
        rms_norm(x, route="cpu")
    if native.obstacle() is None:
        with pytest.raises(
            KernelError, match=r"one of 'reference' here; got 'cpu' \(the compiled kernel does not take"
        ):
            rms_norm(x.half(), route="cpu")
    with pytest.raises(KernelError, match="got 'triton'"):
        rms_norm(x, route="triton")
    with pytest.raises(KernelError, match="it has no compiled CPU kernel"):
        dispatch.check_route(
            dispatch.Operation(name="x", schema="(Tensor x) -> Tensor", reference=abs, fake=abs), (x,), "cpu"
        )


def test_an_empty_device_runs_shapes_only():
    x = torch.empty(3, 5, device="meta")
    assert rms_norm(x).shape == (3, 5)
    assert [part.shape for part in transverse_energy(x, x)] == [(3,)] * 3


def test_named_instruction_set_or_none():
    for name, said in {"off": "CLAIMS_KERNELS_NATIVE=off", "sse9": "CLAIMS_KERNELS_NATIVE=sse9; here:"}.items():
        with native.forced(name):
            assert native.description().startswith(f"reference route only; {said}")
    for name in VARIANTS[1:]:
        with native.forced(name):
            assert native.description().startswith(f"{name}, sources ")


def test_the_environment_names_an_instruction_set():
    code = "from claims.kernels import native; print(native.description())"
    assert python(code, CLAIMS_KERNELS_NATIVE="off") == "reference route only; CLAIMS_KERNELS_NATIVE=off"


@needs_library
def test_where_nobody_looks_on_the_dispatcher_is_left_out():
    seen = []

    class Watching(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, function, types, arguments=(), options=None):
            seen.append(str(function))
            return function(*arguments, **(options or {}))

    class Marked(torch.Tensor):
        pass

    x = torch.randn(4, 8)
    expected = rms_norm(x)
    with Watching():
        assert torch.equal(rms_norm(x), expected)
    assert "claims.rms_norm.default" in seen
    assert rms_norm(x.clone().requires_grad_()).grad_fn is not None
    assert not rms_norm(torch.nn.Parameter(x, requires_grad=False)).requires_grad
    with torch.no_grad():
        assert torch.equal(rms_norm(torch.nn.Parameter(x)), expected)
    assert torch.equal(rms_norm(x.as_subclass(Marked)).as_subclass(torch.Tensor), expected)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        rms_norm(x)
    assert "claims::rms_norm" in {event.name for event in profile.events()}
    dispatched = torch.ops.claims.rms_norm.default(x, 0.0)
    assert torch.equal(dispatched, expected)
    assert torch.equal(rms_norm(x, out=torch.empty(4, 8)), expected)


@needs_library
def test_library_of_other_sources_is_refused(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "kernels" / "native", tmp_path / "native")
    library = tmp_path / "_native_portable.so"
    monkeypatch.setattr(native, "_FOLDER", tmp_path)
    monkeypatch.setattr(native, "source_digest", partial(native.source_digest, tmp_path / "native"))

    def loaded():
        native._load.cache_clear()
        return native._load("portable")

    try:
        assert "was not built" in loaded().reason
        library.write_bytes(b"no library")
        assert "does not load" in loaded().reason
        library.unlink()
        shutil.copy(ROOT / "kernels" / library.name, library)
        assert loaded().library is not None
        with (tmp_path / "native" / "norm.cpp").open("a") as file:
            file.write("// changed\n")
        assert "is not of these sources" in loaded().reason
    finally:
        native._load.cache_clear()


def build(tmp_path, **environment):
    """``build_ext`` of a copy with the smallest of the sources; which libraries it made, and what it said."""
    (tmp_path / "kernels" / "native").mkdir(parents=True)
    for name in ("setup.py", "pyproject.toml", "kernels/native/about.cpp", "kernels/native/simd.h"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "README.md").touch()
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", "made"]
    finished = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **environment}
    )
    assert finished.returncode == 0, finished.stderr
    return sorted(path.name for path in tmp_path.glob("made/claims/kernels/*")), finished.stdout + finished.stderr


def test_build_without_a_compiler_succeeds_and_says_so(tmp_path):
    made, said = build(tmp_path, PATH=str(tmp_path / "nowhere"), CXX="")
    assert made == []
    assert "no C++ compiler (g++, clang++ or CXX): the kernels will use plain torch" in said


def test_build_with_a_compiler_that_fails_succeeds_and_says_so(tmp_path):
    made, said = build(tmp_path, CXX=f"{sys.executable} -c pass; raise")
    assert made == []
    assert "_native_portable is left out" in said


@needs_compiler
def test_build_knows_its_sources(tmp_path):
    """A library says which sources it came from, by the digest that the loader computes."""
    made, _ = build(tmp_path)
    assert "_native_portable.so" in made
    library = ctypes.CDLL(str(tmp_path / "made" / "claims" / "kernels" / "_native_portable.so"))
    library.claims_source_digest.restype = ctypes.c_char_p
    assert library.claims_source_digest().decode() == native.source_digest(tmp_path / "kernels" / "native")


def work(seed):
    """A little of everything that starts threads, as one digest; self-contained, as other processes run its source."""
    import hashlib

    import torch

    from claims.kernels import rms_norm, sign_flip, transverse_energy

    x = torch.randn(200, 1001, generator=torch.Generator().manual_seed(seed))
    flipped = sign_flip(x, flip_rate=0.2, key=seed)
    energies = transverse_energy(x, flipped - x)
    return hashlib.sha256(torch.cat((rms_norm(flipped).double().sum(1), *energies)).numpy().tobytes()).hexdigest()


def test_fork_after_import():
    """No thread or lock outlives a call, so a forked child can go on at once, with threads of its own."""
    x = torch.randn(300, 1001, generator=torch.Generator().manual_seed(1))
    y, z = torch.empty_like(x), torch.empty_like(x)  # in the child torch itself must not fill large tensors

    def bytes_of_results():
        parts = rms_norm(x, out=y), sign_flip(x, flip_rate=0.2, key=1, out=z), *transverse_energy(x, x)
        return b"".join(part.numpy().tobytes() for part in parts)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    expected = bytes_of_results()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if native.obstacle() is not None:
                torch.set_num_threads(1)  # torch's own OpenMP threads do not survive a fork
            os.write(write, b"same" if bytes_of_results() == expected else b"other")
        finally:
            os._exit(0)
    torch.set_num_threads(before)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert pipe.read() == b"same"
    assert os.waitpid(child, 0)[1] == 0


def test_two_processes():
    code = inspect.getsource(work) + "import sys\nprint(work(int(sys.argv[1])))"
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(seed)], stdout=subprocess.PIPE, text=True) for seed in (1, 2)
    ]
    assert [process.communicate()[0].strip() for process in running] == [work(1), work(2)]


def test_two_threads():
    expected = [work(seed) for seed in range(4)]
    results = [None] * 4

    def repeatedly(seed):
        results[seed] = {work(seed) for _ in range(5)}

    threads = [threading.Thread(target=repeatedly, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [{value} for value in expected]
