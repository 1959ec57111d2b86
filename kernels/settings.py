"""What a caller may settle for all kernels of this process, for a while: the route of CPU tensors, and tuning.

Both are about measuring: values that are kept must not hang on which launch was the fastest a moment ago, and the way
through Triton has to be walkable where there is no GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

Route = Literal["reference", "cpu", "triton"]


@dataclass(frozen=True)
class Settings:
    """As they are unless somebody says otherwise.

    Attributes:
        cpu_route: what CPU tensors take where no route is forced and that one can run.
        tuned: whether launches on a GPU are tuned; else each takes the first choice of its kernel's tuning space.
    """

    cpu_route: Route = "cpu"
    tuned: bool = True


#: The present ones. Not a context variable: autograd runs backward passes on a GPU in threads of its own.
_present = [Settings()]


def present() -> Settings:
    """The settings that hold now."""
    return _present[-1]


@contextmanager
def settled(*, cpu_route: Route | None = None, tuned: bool | None = None) -> Iterator[None]:
    """Have all kernels of the process go by these for a while; what is None stays as it is."""
    before = present()
    _present.append(
        Settings(
            cpu_route=before.cpu_route if cpu_route is None else cpu_route,
            tuned=before.tuned if tuned is None else tuned,
        )
    )
    try:
        yield
    finally:
        _present.pop()
