"""A tracer of torch's dispatcher: what ran, on what, with what result; and arithmetic counted with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from claims.kernels.dispatch import OPERATIONS, run


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves its own hooks untyped
    """Passes every operation to ``seen(name, arguments, result)``.

    ``inside=True`` runs our own operations by their Python code under the tracer, so that what they allocate is seen.
    """

    def __init__(self, seen: Callable[[str, tuple[Any, ...], Any], None], *, inside: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._seen, self._inside = seen, inside

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here; otherwise the first use would import torch's compiler, for two seconds."""
        return False

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run and report one operation."""
        if self._inside and function.namespace == "claims":
            operation = OPERATIONS[function.name().split("::")[1]]
            count = len(function._schema.arguments) - 1
            route = args[count] if len(args) > count else None  # the last one, left out where it is the default
            with self:
                result = run(operation, args[:count], route, None)
        else:
            result = function(*args, **(kwargs or {}))
        self._seen(str(function), args, result)
        return result


def _flops(name: str, args: tuple[Any, ...], result: Any) -> int:
    """Additions, multiplications and divisions of an operation."""
    if name == "aten.mm.default":
        return 2 * int(args[0].numel()) * int(args[1].shape[1])
    if name == "aten.mv.default":
        return 2 * int(args[0].numel())
    if name == "aten.addr.default":
        return 2 * int(result.numel())
    if name.startswith(("aten.mean.", "aten.sum.")):
        return int(args[0].numel())  # a mean of l numbers: l - 1 additions and a division
    if name in ("aten.add.Tensor", "aten.sub.Tensor", "aten.mul.Tensor"):
        return int(result.numel())
    return 0


def counted(algorithm: Callable[[], object]) -> dict[str, int]:
    """Arithmetic operations of plain torch code by name of the operation."""
    counts: Counter[str] = Counter()

    def seen(name: str, args: tuple[Any, ...], result: Any) -> None:
        counts[name.split(".")[1]] += _flops(name, args, result)

    with Trace(seen, inside=True):
        algorithm()
    return dict(counts)
