"""Devices that experiments can be measured on: what keeps one from being used, its arithmetic, its numerics class.

``cpu`` is where everything runs unless somebody says otherwise. ``cuda`` is the first GPU that torch sees.
``triton-interpreter`` is the CPU with one difference, that kernels take their Triton route there, interpreted: the way
to a GPU can be walked where there is none. What it shows of a kernel is its logic; it shows nothing of a GPU's
arithmetic or speed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module, metadata

from claims.errors import BadOption, InvalidDeclaration
from claims.extras import is_there, lacking
from claims.fields import check_names

CPU = "cpu"
_INTERPRET, _WORKSPACE = "TRITON_INTERPRET", "CUBLAS_WORKSPACE_CONFIG"
#: What holds while something is measured on a GPU, as its numerics class says it.
_EXACT = "deterministic algorithms, no TF32, sums of products in float32, kernels not tuned"


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Attributes:
        tensors: what torch calls the place where an experiment's tensors go.
        obstacle: why it cannot be used here; empty if it can.
        traits: what its numerics class says beyond that of the CPU; without the device, that it is not there.
        triton: whether kernels take their Triton route on it.
        ready: makes a process ready, before any experiment of an audit on it is loaded there; says why it cannot be.
        measuring: how a process is set while something is measured on it.
    """

    tensors: str
    obstacle: Callable[[], str]
    traits: Callable[[], Mapping[str, str]]
    triton: bool
    ready: Callable[[], str]
    measuring: Callable[[], AbstractContextManager[None]]


def check_devices(value: object, field: str) -> tuple[str, ...]:
    """Names of devices, one or more, each once.

    Raises:
        InvalidDeclaration: names the field.
    """
    allowed = f"one or more of {', '.join(map(repr, DEVICES))}, each once"
    names = check_names(value, field)
    if not names or len(set(names)) < len(names) or not set(names) <= set(DEVICES):
        raise InvalidDeclaration(field, value, allowed)
    return tuple(names)


def usable(name: object, option: str) -> str:
    """The name of a device that can be used here.

    Raises:
        BadOption: there is no such device, or it is not here; says why, and which are.
    """
    if not isinstance(name, str) or name not in DEVICES:
        raise BadOption(option, name, f"one of {', '.join(DEVICES)}; here {', '.join(_here())}")
    if why := DEVICES[name].obstacle():
        raise BadOption(option, name, f"{' or '.join(_here())} here, since {why}")
    return name


def _here() -> list[str]:
    return [each for each, device in DEVICES.items() if not device.obstacle()]


def placed(wanted: str, allowed: Sequence[str]) -> str:
    """Where an audit on ``wanted`` measures what may run on ``allowed``: there, or on the CPU, or where it has to."""
    return next((each for each in (wanted, CPU) if each in allowed), allowed[0])


def described(name: str) -> str:
    """A device in words, as an audit names the one that it measures on."""
    told = DEVICES[name].traits()
    if name == "cuda":
        return f"cuda, {told['gpu']}, {told['arithmetic']}"
    if DEVICES[name].triton:
        return f"{name}: kernels through Triton {told['triton']}'s interpreter on the CPU, which says nothing of a GPU"
    return name


# The CPU


def _nothing() -> Mapping[str, str]:
    return {}


def _always() -> str:
    return ""


# A GPU


def _no_gpu() -> str:
    if not is_there("torch"):
        return str(lacking("torch"))
    import torch

    if torch.cuda.is_available():
        return ""
    built = torch.version.cuda or torch.version.hip
    return f"torch {torch.__version__} {'finds no GPU' if built else 'is built without CUDA'}"


def _gpu_traits() -> Mapping[str, str]:
    """Model and build of a GPU decide which of a library's kernels run, and those decide the last bits."""
    triton = {"triton": _version("triton")}
    if _no_gpu():
        return {"gpu": "not there", "arithmetic": _EXACT} | triton
    import torch

    seen = torch.cuda.get_device_properties(0)
    return {
        "gpu": f"{seen.name}, capability {seen.major}.{seen.minor}, {seen.multi_processor_count} multiprocessors",
        "cuda": str(torch.version.cuda or f"HIP {torch.version.hip}"),
        "cudnn": str(torch.backends.cudnn.version()),  # type: ignore[no-untyped-call]
        "arithmetic": _EXACT,
    } | triton


def _begin_gpu() -> str:
    """Now, so that generators on it are there to be watched from the first seed on."""
    if why := _no_gpu():
        return why
    import torch

    torch.cuda.init()  # type: ignore[no-untyped-call]
    return ""


@contextmanager
def _on_gpu() -> Iterator[None]:
    """The same bits each time: deterministic algorithms, no TF32, no partial sums in 16 bits, no tuning by the clock.

    What an experiment sets itself holds until it ends.
    """
    import torch

    exact = {
        torch.backends.cuda.matmul: (
            ("allow_tf32", False),
            ("allow_fp16_reduced_precision_reduction", False),
            ("allow_bf16_reduced_precision_reduction", False),
        ),
        torch.backends.cudnn: (("allow_tf32", False), ("benchmark", False), ("deterministic", True)),
    }
    with ExitStack() as stack:
        stack.enter_context(_variable(_WORKSPACE, os.environ.get(_WORKSPACE, ":4096:8")))  # cuBLAS asks for it
        stack.callback(torch.set_deterministic_debug_mode, torch.get_deterministic_debug_mode())
        torch.set_deterministic_debug_mode("error")
        for owner, values in exact.items():
            for name, value in values:
                stack.callback(setattr, owner, name, getattr(owner, name))
                setattr(owner, name, value)
        stack.enter_context(_settled(tuned=False))
        yield


# Triton's interpreter


def _no_interpreter() -> str:
    return next((str(lacking(module)) for module in ("torch", "triton") if not is_there(module)), "")


def _interpreter_traits() -> Mapping[str, str]:
    return {"triton": _version("triton")}


def _import_interpreted() -> str:
    """Import Triton and what launches kernels: whether they are interpreted is settled then, for good."""
    if why := _no_interpreter():
        return why
    with _variable(_INTERPRET, "1"):
        from triton.language import standard
        from triton.runtime.interpreter import InterpretedFunction

        launch = import_module("claims.kernels.triton.launch")
    if launch.interpreting() and isinstance(standard.cdiv, InterpretedFunction):
        return ""
    return "triton-interpreter: this process has imported Triton before, to compile; workers have not (--jobs 1)"


@contextmanager
def _interpreted() -> Iterator[None]:
    with _variable(_INTERPRET, "1"), _settled(cpu_route="triton"):
        yield


# What they share


def _settled(**settings: object) -> AbstractContextManager[None]:
    """``claims.kernels.settings.settled``, by its name: kernels, which are a project of their own, import this one."""
    settled: AbstractContextManager[None] = import_module("claims.kernels.settings").settled(**settings)
    return settled


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before


#: Every device by its name, the usual one first.
DEVICES: Mapping[str, Device] = {
    CPU: Device(CPU, _always, _nothing, False, _always, nullcontext),
    "cuda": Device("cuda", _no_gpu, _gpu_traits, True, _begin_gpu, _on_gpu),
    "triton-interpreter": Device(CPU, _no_interpreter, _interpreter_traits, True, _import_interpreted, _interpreted),
}
