"""Fixtures of the harness's tests: a store in a temporary folder, and audits of claims made on the spot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import hypothesis
import pytest

DATA = Path(__file__).parent / "data"
if str(DATA) not in sys.path:  # helper modules and claim files; workers get the folder through Plan.paths
    sys.path.append(str(DATA))

from claims.auditing.loop import Observer, run  # noqa: E402
from claims.auditing.planning import plan  # noqa: E402
from claims.auditing.results import AuditResult  # noqa: E402
from claims.claim import Claim  # noqa: E402
from claims.evidence.store import Store  # noqa: E402
from claims.verdict import Tier  # noqa: E402

hypothesis.settings.register_profile("claims", deadline=None, database=None, derandomize=True, max_examples=60)
hypothesis.settings.load_profile("claims")

Audit = Callable[..., AuditResult]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "evidence.sqlite") as opened:
        yield opened


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Audit claims into a store of the test's own: ``audit(claims, tier=, epoch=, executor=, path=)``."""

    def audited(
        claims: Iterable[Claim] | Claim,
        *,
        tier: str = "full",
        epoch: int = 7,
        executor: str = "serial",
        path: Path | None = None,
        observer: Observer | None = None,
        fail_fast: bool = False,
    ) -> AuditResult:
        chosen = [claims] if isinstance(claims, Claim) else list(claims)
        planned = plan(chosen, tier=Tier(tier), epoch=epoch, paths=(str(DATA),))
        with Store(path or tmp_path / "evidence.sqlite") as opened:
            return run(planned, opened, executor=executor, observer=observer, fail_fast=fail_fast)

    return audited
