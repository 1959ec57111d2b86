"""Operations and their routes: one registry, one rule of choice, one registration with ``torch.library``.

An operation is an ``Operation`` passed once to ``register`` at import of its module; the public function checks its
arguments and calls what ``register`` returned. Conventions, in the order in which one meets them:

* ``schema`` is a torch schema without ``out`` and ``route``: tensors first, then ints, floats, bools; the registered
  operator ``torch.ops.claims.<name>`` takes the same arguments and ``str? route=None``. Results never alias an
  argument and are contiguous.
* ``reference(*arguments)`` is plain torch, any device, any of the four float dtypes, and gives new tensors.
* ``cpu(*arguments, out)`` calls the compiled library (``native.call``); ``triton`` is ``"module:function"`` below
  ``claims.kernels``, imported when first needed, with the same signature. ``out`` is None (make the result with
  ``torch.empty``) or a contiguous tensor of the right shape, dtype and device which overlaps no argument (or, with
  ``in_place=True``, is exactly the first one). Both return the result. Operations with several results get None.
* ``fake(*arguments)`` gives empty tensors of the result's shape and dtype: ``x.new_empty(...)``, or ``like_first``.
* ``needs_library=False`` is for a ``cpu`` route that calls torch's own kernels and works without the library.
* ``cpu_dtypes`` and ``triton_dtypes`` hold for the first tensor. What a route does not take goes to the reference;
  a forced route that cannot run is a ``KernelError`` which says what could.
* ``backward(context, *gradients)`` returns one gradient an argument; ``save(context, arguments, result)`` stores what
  it needs. A backward made of registered operations or plain torch can be differentiated again.
* ``tangent(arguments, tangents)`` is the derivative of the result in this direction, for forward mode: one tangent an
  argument (zeros where torch has none, None for what is no tensor), one result like the operation's. An operation has
  both derivatives or none; without, its results are detached, and ``derivatives`` says what is refused.
* ``row_by_row=True``: tensors that all get one more leading axis give results that get it too, so that vmap is one
  call. Else it is one for each slice.
* Choice with ``route=None``: CUDA and ROCm tensors take Triton, CPU tensors the compiled library, and all else (or
  where Triton or the library is missing) the reference. ``route_of`` tells. Triton takes CPU tensors only when forced,
  under ``TRITON_INTERPRET=1``; ``settings.settled`` forces it for all of a process.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from claims.kernels import _HOME, native, settings
from claims.kernels.arguments import FLOATS, check_floating, check_rows, check_tensor
from claims.kernels.derivatives import differentiated, register_rules, transformed
from claims.kernels.direct import unobserved
from claims.kernels.errors import KernelError
from claims.kernels.settings import Route

__all__ = [
    "FLOATS",
    "OPERATIONS",
    "ROUTES",
    "Operation",
    "Route",
    "check_floating",
    "check_route",
    "check_rows",
    "like_first",
    "register",
    "route_of",
    "run",
    "undisturbed",
]

ROUTES: tuple[Route, ...] = ("reference", "cpu", "triton")
SMALL = 1 << 14
"""Elements of a result that is made sooner than a tensor without memory."""
_LIBRARY = torch.library.Library("claims", "FRAGMENT")
OPERATIONS: dict[str, Operation] = {}
_FUNCTIONS: dict[str, type[torch.autograd.Function]] = {}


def like_first(x: Tensor, *_: Any) -> Tensor:
    """The ``fake`` of an operation whose result has shape and dtype of its first argument."""
    return x.new_empty(x.shape)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation and its routes; the module says what each field must do."""

    name: str
    schema: str
    reference: Callable[..., Any]
    fake: Callable[..., Any]
    cpu: Callable[..., Any] | None = None
    cpu_dtypes: tuple[torch.dtype, ...] = native.DTYPES
    triton: str | None = None
    triton_dtypes: tuple[torch.dtype, ...] = FLOATS
    backward: Callable[..., Any] | None = None
    save: Callable[..., None] | None = None
    tangent: Callable[..., Any] | None = None
    row_by_row: bool = False
    in_place: bool = False
    needs_library: bool = True

    def __call__(self, *arguments: Any, out: Tensor | None = None, route: str | None = None) -> Any:
        """Run through ``torch.library`` (autograd, tracing), or straight into ``out``.

        Where nobody would notice (``direct``), the compiled route is called without torch's dispatcher.
        """
        if route is None and unobserved(arguments if out is None else (*arguments, out)):
            kernel = _compiled(self, arguments[0])
            if kernel is not None:
                if out is None:
                    return kernel(*arguments, out=None)  # compiled kernels give contiguous memory
                _check_memory(self, arguments, out)
                return _computed(self, kernel, arguments, out)
        if route is not None:
            check_route(self, arguments, route)
        operator = getattr(torch.ops.claims, self.name).default
        if out is None and transformed() and not torch.compiler.is_compiling():
            return _FUNCTIONS[self.name].apply(operator, *arguments, route)
        if out is None:
            return operator(*arguments, route)
        if torch.compiler.is_compiling():  # memory has no addresses while tracing
            return out.copy_(operator(*arguments, route))
        check_out(self, arguments, out)
        return run(self, arguments, route, out)

    def at_once(self, x: Tensor) -> bool:
        """Whether the compiled route takes this tensor, and a call on it alone would go there without the dispatcher.

        ``x`` is then a plain tensor of the CPU with a dtype that the route takes, and its memory is its value in order.
        """
        if not unobserved((x,)) or x.layout is not torch.strided or _compiled(self, x) is None:
            return False
        return x.is_contiguous() and not x.is_neg()


def _compiled(operation: Operation, first: Tensor) -> Callable[..., Any] | None:
    """The compiled route for a tensor of the CPU, or None if it does not take this one."""
    fits = operation.cpu is not None and first.dtype in operation.cpu_dtypes
    return operation.cpu if fits and not (operation.needs_library and native.obstacle()) else None


@cache
def _triton_function(target: str) -> Callable[..., Any] | None:
    """The Triton route, or None where Triton or the module is not installed."""
    module, function = target.split(":")
    if find_spec("triton") is None or find_spec(f"claims.kernels.{module}") is None:
        return None
    found: Callable[..., Any] = getattr(import_module(f"claims.kernels.{module}"), function)
    return found


def _obstacle(operation: Operation, first: Tensor, route: Route) -> str | None:
    """Why this route cannot take this tensor, or None if it can."""
    if route == "reference":
        return None
    if route == "cpu":
        if operation.cpu is None:
            return "it has no compiled CPU kernel"
        if first.device.type != "cpu":
            return f"the tensor is on {first.device.type}"
        if first.dtype not in operation.cpu_dtypes:
            return f"the compiled kernel does not take {first.dtype}"
        return native.obstacle() if operation.needs_library else None
    if operation.triton is None or _triton_function(operation.triton) is None:
        return "its Triton kernel or Triton itself is not installed"
    if first.dtype not in operation.triton_dtypes:
        return f"the Triton kernel does not take {first.dtype}"
    if first.device.type != "cuda" and os.environ.get("TRITON_INTERPRET") != "1":
        return f"the tensor is on {first.device.type} (TRITON_INTERPRET=1 interprets Triton on CPU tensors)"
    return None


def _chosen(operation: Operation, first: Tensor) -> Route:
    wanted: dict[str, Route] = {"cpu": settings.present().cpu_route, "cuda": "triton"}
    route = wanted.get(first.device.type, "reference")
    return route if _obstacle(operation, first, route) is None else "reference"


def route_of(operation: str, tensor: Tensor) -> Route:
    """Which route ``operation`` takes for a (first) tensor like this one when none is forced.

    Raises KernelError for an unknown operation.
    """
    check_tensor("route_of", "tensor", tensor)
    home = _HOME.get(operation) if isinstance(operation, str) else None
    if home is not None and operation not in OPERATIONS:
        import_module(f"claims.kernels.{home}")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise KernelError("route_of", "operation", got=repr(operation), allowed=f"one of {sorted(OPERATIONS)}")
    return _chosen(OPERATIONS[operation], tensor)


def check_route(operation: Operation, arguments: tuple[Any, ...], route: str) -> None:
    """Raise KernelError unless the forced route can run."""
    first = arguments[0]
    known = next((name for name in ROUTES if name == route), None)
    why = "" if known is None else _obstacle(operation, first, known)
    if why is not None:
        able = ", ".join(repr(name) for name in ROUTES if _obstacle(operation, first, name) is None)
        got = f"{route!r} ({why})" if why else repr(route)
        raise KernelError(operation.name, "route", got=got, allowed=f"None or one of {able} here")


def check_out(operation: Operation, arguments: tuple[Any, ...], out: Tensor) -> None:
    """Raise KernelError unless ``out`` can take the result and no gradient is asked for."""
    check_tensor(operation.name, "out", out)
    tensors = [value for value in (*arguments, out) if isinstance(value, Tensor)]
    if differentiated(tuple(tensors)) or transformed():
        got = "tensors that require grad, carry a tangent or are transformed by torch.func"
        raise KernelError(operation.name, "out", got=got, allowed="used without autograd")
    _check_memory(operation, arguments, out)


def _check_memory(operation: Operation, arguments: tuple[Any, ...], out: Tensor) -> None:
    """Raise KernelError unless ``out`` has shape, dtype and device of the result, and memory for each element."""
    check_tensor(operation.name, "out", out)
    expected = first = arguments[0]
    if operation.fake is not like_first:
        # A large result is not made for its shape alone; a small one is made sooner than tensors without memory.
        small = out.numel() <= SMALL
        shapes = arguments if small else map(_without_memory, arguments)
        expected = operation.fake(*shapes)
    if out.shape != expected.shape or out.dtype != expected.dtype or out.device != first.device:
        wanted = (tuple(expected.shape), expected.dtype, first.device)
        got = f"{tuple(out.shape)}, {out.dtype}, {out.device}"
        raise KernelError(operation.name, "out", got=got, allowed=f"{wanted[0]}, {wanted[1]}, {wanted[2]}")
    if torch._debug_has_internal_overlap(out) == 1:
        raise KernelError(operation.name, "out", got="elements that share memory", allowed="without overlap")


def _without_memory(value: Any) -> Any:
    return value.new_empty(value.shape, device="meta") if isinstance(value, Tensor) else value


def _span(tensor: Tensor) -> tuple[int, int]:
    """First and one-past-last byte that the tensor can touch."""
    if tensor.numel() == 0:
        return 0, 0
    if tensor.is_contiguous():
        return tensor.data_ptr(), tensor.data_ptr() + tensor.nbytes
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr(), tensor.data_ptr() + (last + 1) * tensor.element_size()


def _direct(operation: Operation, arguments: tuple[Any, ...], out: Tensor) -> Tensor | None:
    """``out`` if a kernel can write straight into it, else None."""
    if not out.is_contiguous() or out.is_neg():
        return None
    begin, end = _span(out)
    for position, value in enumerate(arguments):
        if not isinstance(value, Tensor):
            continue
        low, high = _span(value)
        same = value.is_contiguous() and not value.is_neg() and low == begin and high == end
        if low < end and begin < high and not (operation.in_place and position == 0 and same):
            return None
    return out


def _autocast(device: str) -> bool:
    return device != "meta" and torch.is_autocast_enabled(device)


@contextmanager
def undisturbed(first: Tensor) -> Iterator[None]:
    """Without autograd, and without autocast, which would round the factors of products to 16 bits."""
    device = first.device.type
    with torch.no_grad(), torch.autocast(device, enabled=False) if _autocast(device) else nullcontext():
        yield


def run(operation: Operation, arguments: tuple[Any, ...], route: str | None, out: Tensor | None = None) -> Any:
    """Run one route (chosen, if None) without autograd and autocast."""
    if _autocast(arguments[0].device.type):
        with undisturbed(arguments[0]):
            return run(operation, arguments, route, out)
    route = _chosen(operation, arguments[0]) if route is None else route
    with torch.no_grad():
        if route == "reference":
            result = operation.reference(*arguments)
        else:
            kernel = operation.cpu if route == "cpu" else _triton_function(operation.triton or "")
            assert kernel is not None  # check_route and _chosen let no other case through
            return _computed(operation, kernel, arguments, out)
        return _whole(result, out)


def _computed(operation: Operation, kernel: Callable[..., Any], arguments: tuple[Any, ...], out: Tensor | None) -> Any:
    return _whole(kernel(*arguments, out=None if out is None else _direct(operation, arguments, out)), out)


def _whole(result: Any, out: Tensor | None) -> Any:
    """The result in ``out``, or contiguous."""
    if isinstance(result, tuple):
        return tuple(tensor.contiguous() for tensor in result)
    if out is None:
        return result.contiguous()
    return out if result is out else out.copy_(result)


def register(operation: Operation) -> Operation:
    """Define ``torch.ops.claims.<name>`` and put the operation into the registry."""
    parameters, results = operation.schema.removeprefix("(").split(") -> ")
    arity = parameters.count(",") + 1
    name = f"claims::{operation.name}"
    _LIBRARY.define(f"{operation.name}({parameters}, str? route=None) -> {results}")

    def implementation(*values: Any) -> Any:
        arguments, route = values[:arity], values[-1] if len(values) > arity else None  # torch drops defaults
        if route is not None:
            check_route(operation, arguments, route)
        return run(operation, arguments, route)

    def fake(*values: Any) -> Any:
        return operation.fake(*values[:arity])

    # One implementation for all devices: it looks at the tensor, and devices without a kernel get the reference.
    _LIBRARY.impl(operation.name, implementation, "CompositeExplicitAutograd")
    torch.library.register_fake(name, fake, lib=_LIBRARY)
    _FUNCTIONS[operation.name] = register_rules(operation, _LIBRARY, arity)
    OPERATIONS[operation.name] = operation
    return operation
