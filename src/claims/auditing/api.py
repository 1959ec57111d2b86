"""One call from Python: ``claims.audit("paper:my-paper", tier="smoke")``, in a script or a notebook."""

from __future__ import annotations

import os
import secrets
import sys
import warnings
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from claims.auditing.decision import looks_at
from claims.auditing.loop import run
from claims.auditing.planning import PINNED_EPOCH, Plan, plan
from claims.auditing.results import AuditResult
from claims.catalogue import Catalogue, load_catalogue, split_selection
from claims.claim import Claim
from claims.errors import BadOption, InvalidDeclaration, NothingSelected
from claims.evidence.devices import CPU, usable
from claims.evidence.executors import cores, parse_spec
from claims.evidence.store import DEFAULT_STORE, MEMORY, Store
from claims.fields import check_truth, check_whole, check_word
from claims.paper import Paper
from claims.subject import NOBODY, Subject
from claims.verdict import Tier

if TYPE_CHECKING:
    from claims.report.audited import Audited


def audit(
    *select: str | Path | Claim | Iterable[Claim],
    tier: Tier | str = Tier.SMOKE,
    epoch: int | str = PINNED_EPOCH,
    jobs: int | None = None,
    executor: str | None = None,
    device: str = CPU,
    store: Path | str | None = DEFAULT_STORE,
    model: str | None = None,
    text: str | None = None,
    fail_fast: bool = False,
    progress: bool = False,
) -> Audited:
    """Measure claims and decide which hold: ``claimbench audit`` as a function, with the same verdicts to the bit.

    In a notebook, claims may be written in a cell, with closed forms and all. Experiments may not: worker processes
    import them from a file, whose digest is part of the key under which evidence is kept. Write the cell to a file
    (``%%writefile claims_mine.py``) and name that file here; it is read anew at every call, with the modules beside it.
    Other modules that were edited are measured as they are now, but closed forms in them are those that were imported:
    restart the kernel. An interrupted cell leaves what was measured in the store, and the next call goes on from there.

    Args:
        select: as on the command line, ids, globs on ids, ``paper:``, ``kind:``, ``role:``, ``tier:``, ``needs:`` or
            ``device:`` and a glob, or Python files of claims; nothing is every installed claim. Or claims themselves,
            one by one or in lists.
        tier: how much to spend, "smoke", "standard" or "full".
        epoch: root of all random streams, or "fresh".
        jobs: worker processes; one a core unless it says otherwise.
        executor: where tasks run, as ``--executor``, in place of ``jobs``: "serial", "dask:tcp://HOST:PORT" and so on.
        device: where what allows it is measured, as ``--device``: "cpu", "cuda" or "triton-interpreter".
        store: where evidence is kept, the same file as the command's; None keeps it in memory.
        model: trained model for the claims about one, as ``--model``.
        text: its text, as ``--text``.
        fail_fast: stop at the first verdict that differs from the one on record.
        progress: say on standard error how far it is.

    Returns:
        A result that shows itself, and that turns into frames, columnar files and figures.

    Raises:
        ClaimsError: one of the errors of ``claims.errors``: a selection, option or declaration that cannot be, a store
            that cannot be used. What an experiment raises is the verdict ERROR of its claims.
    """
    chosen_tier = check_word(tier, "tier", Tier)
    check_truth(fail_fast, "fail_fast")
    if jobs is not None:
        check_whole(jobs, "jobs", least=1)
    if jobs is not None and executor is not None:
        raise BadOption("jobs", jobs, "either jobs or executor")
    spec = f"process:{jobs or cores()}" if executor is None else executor
    parse_spec(spec)
    device = usable(device, "device")
    catalogue, claims = _chosen(select)
    planned = plan(
        claims,
        tier=chosen_tier,
        epoch=_epoch(epoch),
        paths=catalogue.paths,
        subject=_subject(claims, chosen_tier, model, text),
        place=catalogue.place,
        device=device,
    )
    path = MEMORY if store is None else Path(store)
    from claims.report.audited import Audited

    return Audited(_run(planned, path, spec, fail_fast=fail_fast, progress=progress), catalogue)


def _run(planned: Plan, path: Path, spec: str, *, fail_fast: bool, progress: bool) -> AuditResult:
    from claims.report.consoles import console
    from claims.report.progress import Progress

    display = Progress(planned, console(stderr=True), workers=parse_spec(spec)) if progress else nullcontext()
    opening = partial(Store, speak=lambda text: None) if path == MEMORY else Store  # it would say that it keeps nothing
    with opening(path) as opened, display as shown:
        observer = None if shown is None else shown.observer()
        return run(planned, opened, executor=spec, observer=observer, fail_fast=fail_fast)


def _chosen(select: Sequence[str | Path | Claim | Iterable[Claim]]) -> tuple[Catalogue, tuple[Claim, ...]]:
    """The claims that are named, or given, and the catalogue that they are from."""
    words = [os.fspath(each) for each in select if isinstance(each, str | Path)]
    given = [each for each in select if not isinstance(each, str | Path)]
    if given and words:
        raise BadOption("select", words[0], "either names and files, or claims")
    if given:
        return _of_claims(given)
    files, names = split_selection(words)
    _forget(files)
    catalogue = load_catalogue(files)
    for pack in catalogue.left_out:
        warnings.warn(f"{pack} is left out: {pack.problem}", stacklevel=3)
    claims = catalogue.select(names)
    if not claims:
        asked = " ".join(words) or "no installed claims"
        raise NothingSelected(f"{asked}: nothing is selected; `claimbench list` shows all ids")
    return catalogue, claims


def _of_claims(given: Sequence[Claim | Iterable[Claim]]) -> tuple[Catalogue, tuple[Claim, ...]]:
    """Claims as objects; workers look for their experiments where this process does."""
    claims: dict[str, Claim] = {}
    for claim in _flat(given):
        if claims.setdefault(claim.id, claim) is not claim:
            raise InvalidDeclaration("id", claim.id, "an id that no other claim has")
        for quantity in claim.test.quantities():
            if quantity.experiment.address.startswith("__main__:"):
                allowed = "a function that workers can import: %%writefile claims_mine.py, and name that file"
                raise InvalidDeclaration("experiment", quantity.experiment.address, allowed, where=claim.id)
    if not claims:
        raise NothingSelected("no claims are given")
    papers = {claim.paper: Paper(key=claim.paper, title=claim.paper) for claim in claims.values()}
    folders = tuple(dict.fromkeys(os.path.abspath(entry) for entry in sys.path))
    return Catalogue(claims, papers, {}, folders), tuple(claims.values())


def _flat(given: Iterable[object]) -> Iterable[Claim]:
    for each in given:
        if isinstance(each, Claim):
            yield each
        elif isinstance(each, Iterable) and not isinstance(each, str | bytes):
            yield from _flat(each)
        else:
            raise BadOption("select", each, "ids, globs, files, or claims")


def _forget(files: Iterable[Path]) -> None:
    """Have claim files, and what lies beside them, imported anew: in a notebook they may have been edited."""
    folders = {str(file.resolve().parent) for file in files}
    for name, module in tuple(sys.modules.items()):
        source = getattr(module, "__file__", None)
        plain = "." not in name and name != "__main__" and not hasattr(module, "__path__")
        if folders and plain and isinstance(source, str) and os.path.dirname(os.path.realpath(source)) in folders:
            del sys.modules[name]


def _epoch(epoch: int | str) -> int:
    if epoch == "fresh":
        return secrets.randbelow(2**48)
    if not isinstance(epoch, int) or isinstance(epoch, bool) or epoch < 0:
        raise BadOption("epoch", epoch, "a whole number >= 0, or 'fresh'")
    return epoch


def _subject(claims: Iterable[Claim], tier: Tier, model: str | None, text: str | None) -> Subject:
    """The trained model and the text, opened only where a claim needs them or they were named."""
    if model is None and text is None and not any(claim.needs and looks_at(claim, tier) for claim in claims):
        return NOBODY
    from claims.models.subjects import subject_of

    return subject_of(model, text)
