"""What one pytest session shares: the selection of claims, the epoch and the store; and the warning it may give."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

import pytest

#: What is asked for of the installed packs.
SELECTED = pytest.StashKey[list[str]]()
_TEMPORARY = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_SHARED = pytest.StashKey[tuple[int | None, Path]]()


class UndecidedClaim(pytest.PytestWarning):
    """A claim stayed UNDECIDED at a tier that has to decide it. ``--claims-strict`` makes it a failure."""


class LeftOutPack(pytest.PytestWarning):
    """An installed pack cannot be loaded, so that its claims are not there. ``claimbench doctor`` says why."""


def shared(config: pytest.Config) -> tuple[int | None, Path]:
    """Epoch (None: the pinned one) and store, the same in all processes of a session."""
    if _SHARED not in config.stash:
        given = getattr(config, "workerinput", {}).get("claims")
        config.stash[_SHARED] = (given[0], Path(given[1])) if given else _choose(config)
    return config.stash[_SHARED]


def _choose(config: pytest.Config) -> tuple[int | None, Path]:
    epoch, store = config.getoption("claims_epoch"), config.getoption("claims_store")
    if store is None:
        folder = tempfile.TemporaryDirectory(prefix="claims-", ignore_cleanup_errors=True)
        config.stash[_TEMPORARY] = folder
        store = Path(folder.name) / "evidence.sqlite"
    return secrets.randbelow(2**48) if epoch == "fresh" else epoch, config.invocation_params.dir / store


def end(config: pytest.Config) -> None:
    """Remove the session's own store."""
    if _TEMPORARY in config.stash:
        config.stash[_TEMPORARY].cleanup()
