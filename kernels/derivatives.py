"""How torch differentiates and maps an operation: reverse and forward mode, and the transforms of ``torch.func``.

One ``torch.autograd.Function`` an operation carries all rules. The operator's autograd kernel applies it to tensors
that require grad or carry a tangent; under ``torch.func`` the operation applies it itself, because torch takes such a
function apart, transform by transform, only above its dispatcher.

What has no derivative gives detached results to plain autograd, which says so when it is asked to go back through one.
Forward mode and ``torch.func`` would go on with zeros in silence: there it is refused, and ``detach()`` is the way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from claims.kernels.errors import KernelError

if TYPE_CHECKING:
    from claims.kernels.dispatch import Operation

Call = Callable[..., Any]
Values = tuple[Any, ...]


def transformed() -> bool:
    """Whether a transform of ``torch.func`` (grad, jvp, vmap, ...) is at work, other than one that takes operators."""
    if not torch._C._are_functorch_transforms_active():
        return False
    functorch = torch._C._functorch
    return bool(functorch.peek_interpreter_stack().key() != functorch.TransformType.Functionalize)


def has_tangent(values: Values) -> bool:
    """Whether forward mode is to carry on the tangent of one of these."""
    if forward_ad._current_level < 0 or not torch._C._is_fwd_grad_enabled():
        return False
    return any(isinstance(value, Tensor) and forward_ad.unpack_dual(value).tangent is not None for value in values)


def differentiated(values: Values) -> bool:
    """Whether reverse or forward mode wants to know what is done to one of these."""
    recorded = torch.is_grad_enabled() and any(isinstance(value, Tensor) and value.requires_grad for value in values)
    return recorded or has_tangent(values)


def _no_derivative(operation: str, got: str) -> KernelError:
    return KernelError(operation, "the argument", got=got, allowed="detached, as the operation has no such derivative")


def check_plain(operation: str, **arguments: Any) -> None:
    """Raise KernelError for tensors that carry a tangent or that ``torch.func`` differentiates or maps."""
    if has_tangent(tuple(arguments.values())):
        raise _no_derivative(operation, "a tensor with a tangent")
    for name, value in arguments.items():
        if isinstance(value, Tensor) and torch._C._functorch.is_functorch_wrapped_tensor(value):
            got = "a tensor that torch.func differentiates or maps"
            raise KernelError(operation, name, got=got, allowed="used outside of torch.func, which has no rule for it")


def innermost(value: Tensor) -> Tensor:
    """The tensor with all the numbers that ``torch.func`` has wrapped, whose values can be looked at."""
    while torch._C._functorch.is_functorch_wrapped_tensor(value):
        value = torch._C._functorch.get_unwrapped(value)
    return value


def one_by_one(call: Call, fake: Call, count: int, dims: tuple[int | None, ...], values: Values) -> Any:
    """``call`` on each of ``count`` slices of the values along ``dims`` (None: the same in all), results stacked first.

    A slice has memory of its own: kernels read several of its bytes as one number, which wants them aligned.
    """
    pairs = list(zip(values, dims, strict=True))
    slices = [[v if d is None else v.select(d, i).clone() for v, d in pairs] for i in range(count)]
    results = [call(*one) for one in slices]
    if not results:
        shapes = [v if d is None else v.new_empty((*v.shape[:d], *v.shape[d + 1 :])) for v, d in pairs]
        one = fake(*shapes)
        none = [part.new_empty((0, *part.shape)) for part in (one if isinstance(one, tuple) else (one,))]
        return tuple(none) if isinstance(one, tuple) else none[0]
    if isinstance(results[0], tuple):
        return tuple(map(torch.stack, zip(*results, strict=True)))
    return torch.stack(results)


def mapped(operation: Operation, call: Call, count: int, dims: tuple[int | None, ...], values: Values) -> Any:
    """The rule of vmap: ``call`` at once where rows do not meet, else one by one; the mapped axis becomes the first."""
    if not operation.row_by_row:
        return one_by_one(call, operation.fake, count, dims, values)
    moved = []
    for value, dim in zip(values, dims, strict=True):
        if not isinstance(value, Tensor):
            moved.append(value)
        else:
            moved.append(value.expand(count, *value.shape) if dim is None else value.movedim(dim, 0))
    return call(*moved)


def _with_rest(call: Call, rest: Values, *values: Any) -> Any:
    return call(*values, *rest)


def _first(result: Any) -> Any:
    """Where vmap finds the mapped axis of each part of a result."""
    return (0,) * len(result) if isinstance(result, tuple) else 0


def function_of(operation: Operation) -> type[torch.autograd.Function]:
    """The operation with all its rules; ``apply(call, *arguments, route)`` computes ``call(*arguments, route)``."""

    class Ruled(torch.autograd.Function):
        @staticmethod
        def forward(call: Call, *values: Any) -> Any:
            return call(*values)

        @staticmethod
        def setup_context(context: Any, inputs: Values, output: Any) -> None:
            _, *arguments, _ = inputs
            if operation.backward is None or operation.save is None:
                if transformed() and any(context.needs_input_grad):
                    raise _no_derivative(operation.name, "a tensor that torch.func differentiates")
                context.mark_non_differentiable(*(output if isinstance(output, tuple) else (output,)))
                return
            operation.save(context, tuple(arguments), output)
            context.save_for_forward(*(value for value in arguments if isinstance(value, Tensor)))
            context.others = tuple(None if isinstance(value, Tensor) else (value,) for value in arguments)

        @staticmethod
        def backward(context: Any, *gradients: Any) -> Any:
            assert operation.backward is not None  # nothing else is differentiable
            return (None, *operation.backward(context, *gradients), None)

        @staticmethod
        def jvp(context: Any, *tangents: Any) -> Any:
            if operation.tangent is None:
                raise _no_derivative(operation.name, "a tensor with a tangent")
            # Torch has forward mode off here, for all levels; only this one must not see its own dual numbers again.
            with forward_ad._set_fwd_grad_enabled(True):
                tensors = (forward_ad.unpack_dual(value).primal for value in context.saved_tensors)
                arguments = tuple(next(tensors) if other is None else other[0] for other in context.others)
                directions = (
                    torch.zeros_like(value) if isinstance(value, Tensor) and tangent is None else tangent
                    for value, tangent in zip(arguments, tangents[1:-1], strict=True)
                )
                return operation.tangent(arguments, tuple(directions))

        @staticmethod
        def vmap(info: Any, in_dims: tuple[int | None, ...], call: Call, *values: Any) -> Any:
            again = partial(_with_rest, partial(Ruled.apply, call), values[-1:])
            result = mapped(operation, again, info.batch_size, in_dims[1:-1], values[:-1])
            return result, _first(result)

    Ruled.__name__ = Ruled.__qualname__ = operation.name
    return Ruled


def register_rules(operation: Operation, library: torch.library.Library, arity: int) -> type[torch.autograd.Function]:
    """Give the operator its autograd kernel and its rule of vmap; the function that the operation is to apply."""
    overload = getattr(torch.ops.claims, operation.name).default
    function = function_of(operation)

    def autograd(keys: Any, *values: Any) -> Any:
        def below(*same: Any) -> Any:
            with torch._C._AutoDispatchBelowAutograd():
                return overload.redispatch(keys & torch._C._after_autograd_keyset, *same)

        if not differentiated(values):
            return below(*values)
        if transformed():
            got = "under torch.func"
            raise KernelError(operation.name, "torch.ops.claims", got=got, allowed="used as claims.kernels has it")
        if operation.backward is None and not has_tangent(values):
            return below(*values)
        missing = (None,) * (arity + 1 - len(values))  # torch drops defaults
        return function.apply(below, *values, *missing)

    def rule(info: Any, in_dims: tuple[int | None, ...], *values: Any) -> Any:
        call = partial(_with_rest, overload, values[arity:])
        result = mapped(operation, call, info.batch_size, in_dims[:arity], values[:arity])
        return result, _first(result)

    library.impl(operation.name, autograd, "Autograd", with_keyset=True)
    torch.library.register_vmap(f"claims::{operation.name}", rule, lib=library)
    return function
