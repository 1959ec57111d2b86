"""A peer as most programs meet it: in a process of its own where torch asks for no huge pages, its default.

torch's CPU allocator hands a large result back to the system and gets it again page by page, so that functions without
``out=`` pay a page fault for each 4 KiB they write. The table's own process avoids most of that
(``THP_MEM_ALLOC_ENABLE=1``: pages of 2 MiB); this one does not.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

SUFFIX = " (4 KiB pages)"


def by_default(row: str, peer: str) -> Callable[[], object]:
    """A function that has a child process call this peer once; a message takes microseconds, such a call much more."""
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    root = str(Path(__file__).parents[1])
    command = [
        sys.executable,
        "-c",
        f"import sys; sys.path.insert(0, {root!r}); from benchmarks import peer; peer.serve()",
    ]
    child = subprocess.Popen(
        [*command, row, peer], env=environment, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )

    def call() -> str:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("call\n")
        answer = child.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process that runs {peer} has ended with status {child.wait()}")
        return answer

    return call


def quiet() -> None:
    """Silence what torchao and torch.compile tell at length of what they do without; exceptions are not touched."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def serve() -> None:
    """The child: make the peer of the row that the command line names, and call it for each line of input."""
    import torch

    from benchmarks.operations import ROWS

    quiet()
    torch.set_num_threads(1)
    row, peer = sys.argv[1:]
    call = ROWS[row]().peers()[peer]
    for _ in sys.stdin:
        call()
        print("called", flush=True)
