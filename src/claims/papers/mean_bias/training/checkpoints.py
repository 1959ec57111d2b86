"""Checkpoints of a training run: what a killed run goes on from, bit for bit.

A file is whole or is not there: it is written under another name first. Its tensors have a digest, and it names the run
that it belongs to; what is damaged or of another run is not used. A run is one process's at a time, and leaves nothing
behind once its results are out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from claims.errors import MeasurementError
from claims.models.digests import tensors_digest
from claims.models.fetch import CACHE_VARIABLE, cache_folder

_MIB = 2**20
#: Seconds after which the checkpoints of a run that nobody has gone on with are removed: a week.
_FORGOTTEN = 7 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """The checkpoints of one run, by name, in a folder of its own. ``run`` is the digest of what determines the run."""

    folder: Path
    run: str

    def save(self, name: str, tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a name in place of what was there, at once or not at all.

        Raises:
            MeasurementError: they cannot be written; what was there before still is.
        """
        labels = {"run": self.run, "sha256": tensors_digest(tensors)}
        data = save({key: value.detach().contiguous() for key, value in tensors.items()}, metadata=labels)
        partial = self.folder / f"{name}.partial"
        try:
            with partial.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self._path(name))
        except OSError as error:
            partial.unlink(missing_ok=True)
            what = f"a checkpoint of {len(data) / _MIB:.1f} MiB cannot be written ({error.strerror or error})"
            raise MeasurementError(
                f"{self.folder}: {what}; make room or choose another folder by {CACHE_VARIABLE}, then run again"
            ) from None

    def load(self, name: str) -> dict[str, Tensor] | None:
        """What was kept under the name; None if nothing was, or if it is damaged or another run's, which is said."""
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="pt") as file:
                labels = file.metadata() or {}
                tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118  no mapping
        except (SafetensorError, OSError, ValueError) as error:
            _unused(path, f"damaged ({error})")
            return None
        if labels.get("run") == self.run and labels.get("sha256") == tensors_digest(tensors):
            return tensors
        _unused(path, "of another run" if labels.get("run") != self.run else "damaged (its digest differs)")
        return None

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.safetensors"


@contextmanager
def checkpoints(run: str) -> Iterator[Checkpoints]:
    """The checkpoints of a run, for this process alone; they are removed when the block ends without an error.

    Raises:
        MeasurementError: the cache folder cannot be written to.
    """
    home = cache_folder() / "training"
    folder = home / run
    try:
        home.mkdir(parents=True, exist_ok=True)
        _remove_forgotten(home)
        lock = _locked(home / f"{run}.lock")
    except OSError as error:
        raise MeasurementError(f"{home}: no checkpoints can be kept there ({error.strerror or error})") from None
    with lock:
        try:
            folder.mkdir(exist_ok=True)
            yield Checkpoints(folder=folder, run=run)
            shutil.rmtree(folder)
        finally:
            (home / f"{run}.lock").unlink()


def _remove_forgotten(home: Path) -> None:
    """Remove what killed runs have left that were never run again: a running one writes every few seconds."""
    for folder in home.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _FORGOTTEN:
            shutil.rmtree(folder, ignore_errors=True)  # another process may be at it, too
            (home / f"{folder.name}.lock").unlink(missing_ok=True)


def _locked(path: Path) -> IO[str]:
    """The open lock file, held until it is closed; waits for whoever holds it.

    Its holder removes it: what was opened may be a file that is no longer there, and then it is opened anew.
    """
    waited = False
    while True:
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not waited:
                print(f"{path.stem}: another process has this run; waiting", file=sys.stderr)
            waited = True
            fcntl.flock(file, fcntl.LOCK_EX)
        try:
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:  # its holder has removed it meanwhile
            pass
        file.close()


def _unused(path: Path, why: str) -> None:
    print(f"{path}: {why}; not used, the run begins anew", file=sys.stderr)
