"""When an operation on CPU tensors may be computed at once, without a walk through torch's dispatcher.

The dispatcher costs 15 to 30 microseconds a call from Python, several times what a small kernel takes. It is there for
those who look on: autograd, forward mode, ``torch.func``, autocast, tracing and compiling, modes, subclasses of
tensors, profilers. Where none of them does, it would do nothing but call the route.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, is_autocast_enabled, is_grad_enabled
from torch._C import _dispatch_tls_local_include_set, _is_any_autocast_enabled, _len_torch_function_stack
from torch._C._autograd import _profiler_enabled
from torch.autograd import forward_ad
from torch.compiler import is_compiling
from torch.nn import Parameter

_PLAIN = frozenset((Tensor, Parameter))
_NO_TENSORS = frozenset((type(None), bool, int, float))
_KEYS = torch._C.DispatchKeySet(torch._C.DispatchKey.BackendSelect)
_USUAL = frozenset((_KEYS.raw_repr(), _KEYS.add(torch._C.DispatchKey.ADInplaceOrView).raw_repr()))
"""Keys that a thread adds to all calls: the first set in inference mode, the second otherwise."""


def unobserved(values: tuple[Any, ...]) -> bool:
    """Whether nobody would see a call with these values that the dispatcher made: they are plain tensors of the CPU."""
    if (
        is_compiling()
        or _dispatch_tls_local_include_set().raw_repr() not in _USUAL  # torch.func, vmap, modes, tracing
        or _len_torch_function_stack()
        or forward_ad._current_level >= 0
        or _profiler_enabled()
        or (_is_any_autocast_enabled() and is_autocast_enabled("cpu"))
    ):
        return False
    recorded = is_grad_enabled()
    for value in values:
        kind = type(value)
        if kind in _NO_TENSORS:  # sooner known than whether it is an instance of Tensor
            continue
        if isinstance(value, Tensor) and (kind not in _PLAIN or not value.is_cpu or (recorded and value.requires_grad)):
            return False
    return True
