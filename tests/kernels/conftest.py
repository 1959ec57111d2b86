"""Every test here runs with freshly allocated memory poisoned, so that an entry nobody wrote shows."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import pytest
import torch

if find_spec("triton") is not None:
    # Before a test's module imports Triton by way of torchao, compiled and not interpreted.
    from tests.kernels import interpreter  # noqa: F401


def _poisoned(allocate: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def allocating(*arguments: Any, **options: Any) -> torch.Tensor:
        tensor = allocate(*arguments, **options)
        if tensor.device.type == "meta" or torch.compiler.is_compiling():
            return tensor
        if tensor.dtype.is_floating_point:
            return tensor.fill_(float("nan"))
        return tensor if tensor.dtype == torch.bool else tensor.fill_(85)

    return allocating


@pytest.fixture(autouse=True, scope="module")
def _poison_fresh_memory() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for owner, names in ((torch, ("empty", "empty_like", "empty_strided")), (torch.Tensor, ("new_empty",))):
            for name in names:
                patch.setattr(owner, name, _poisoned(getattr(owner, name)))
        yield


@pytest.fixture(autouse=True)
def _same_draws() -> None:
    """What a test draws without a generator of its own is the same each time, in whatever order tests run."""
    torch.manual_seed(2026)
