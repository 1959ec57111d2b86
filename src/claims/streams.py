"""Named random streams: one root a (epoch, experiment, base point, seed index), one stream a name.

A stream's key is the first 16 bytes of SHA-256 over the canonical JSON of
``["claimbench-stream-1", epoch, experiment, base point as a sorted object, seed index, name]``. It depends on nothing
else, so worker count, order, selection and what other arms draw never move it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claims.evidence.canonical import digest
from claims.extras import is_there, lacking

if TYPE_CHECKING:
    import numpy as np
    import torch

    from claims.experiment import Scalar

#: Seed index at which the block that has to replicate a refutation begins.
CONFIRM_OFFSET = 2**20


@dataclass(frozen=True, slots=True)
class Streams:
    """The random streams of one seed of one experiment at one base point.

    Asking twice for one name gives the same stream from its beginning: keep the generator to go on drawing.
    ``device`` is where tensors go, as torch names it: what is drawn on the CPU and moved there has the same bits on
    every device.
    """

    epoch: int
    experiment: str
    base: Mapping[str, Scalar]
    seed_index: int
    device: str = "cpu"

    def _root(self, name: str) -> bytes:
        root = ["claimbench-stream-1", self.epoch, self.experiment, dict(self.base), self.seed_index, name]
        return digest(root)[:16]

    def key(self, name: str) -> int:
        """A 64-bit key for the kernels' Philox (flips, stochastic rounding)."""
        return int.from_bytes(self._root(name)[:8], "little")

    def numpy(self, name: str) -> np.random.Generator:
        """A numpy generator (Philox4x64 under the stream's 128-bit key)."""
        import numpy as np

        return np.random.Generator(np.random.Philox(key=int.from_bytes(self._root(name), "little")))

    def torch(self, name: str) -> torch.Generator:
        """A torch CPU generator, seeded with 63 bits of the stream's key.

        Raises:
            Unavailable: torch is not installed; has the command that installs it.
        """
        if "torch" not in sys.modules and not is_there("torch"):
            raise lacking("torch")
        import torch

        return torch.Generator().manual_seed(self.key(name) >> 1)
