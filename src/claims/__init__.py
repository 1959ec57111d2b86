"""claimbench: claims of papers as code, measured and decided.

What an author writes stands here: ``from claims import Claim, experiment, grid, mean, within``. Names are loaded when
they are asked for, and none of them loads torch, scipy or statsmodels: a catalogue is listed at once, and what is heavy
is imported when something is measured.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Not lazily: a submodule has the same name, and whichever comes last would have it.
from claims.experiment import experiment as experiment

if TYPE_CHECKING:
    from claims.auditing.api import audit as audit
    from claims.bands import (
        Band as Band,
    )
    from claims.bands import (
        at_least as at_least,
    )
    from claims.bands import (
        at_most as at_most,
    )
    from claims.bands import (
        between as between,
    )
    from claims.bands import (
        count as count,
    )
    from claims.bands import (
        printed as printed,
    )
    from claims.bands import (
        within as within,
    )
    from claims.claim import Claim as Claim
    from claims.errors import (
        ClaimsError as ClaimsError,
    )
    from claims.errors import (
        InvalidDeclaration as InvalidDeclaration,
    )
    from claims.errors import (
        MeasurementError as MeasurementError,
    )
    from claims.errors import (
        Unavailable as Unavailable,
    )
    from claims.experiment import (
        Experiment as Experiment,
    )
    from claims.experiment import (
        Linear as Linear,
    )
    from claims.experiment import (
        Point as Point,
    )
    from claims.experiment import (
        Quantity as Quantity,
    )
    from claims.experiment import (
        Scalar as Scalar,
    )
    from claims.experiment import (
        grid as grid,
    )
    from claims.experiment import (
        linear as linear,
    )
    from claims.kinds import (
        Statement as Statement,
    )
    from claims.kinds import (
        aggregated as aggregated,
    )
    from claims.kinds import (
        bound as bound,
    )
    from claims.kinds import (
        bounded as bounded,
    )
    from claims.kinds import (
        column as column,
    )
    from claims.kinds import (
        convergence as convergence,
    )
    from claims.kinds import (
        granularity as granularity,
    )
    from claims.kinds import (
        identity as identity,
    )
    from claims.kinds import (
        limit as limit,
    )
    from claims.kinds import (
        mean as mean,
    )
    from claims.kinds import (
        order as order,
    )
    from claims.kinds import (
        proportion as proportion,
    )
    from claims.kinds import (
        quantile as quantile,
    )
    from claims.kinds import (
        rank_correlation as rank_correlation,
    )
    from claims.kinds import (
        ratio as ratio,
    )
    from claims.kinds import (
        recomputed as recomputed,
    )
    from claims.kinds import (
        regression as regression,
    )
    from claims.kinds import (
        replay as replay,
    )
    from claims.kinds import (
        sample as sample,
    )
    from claims.kinds import (
        search as search,
    )
    from claims.kinds import (
        slope as slope,
    )
    from claims.kinds import (
        table as table,
    )
    from claims.kinds import (
        trend as trend,
    )
    from claims.kinds import (
        value as value,
    )
    from claims.packs import Pack as Pack
    from claims.paper import Paper as Paper
    from claims.paper import load_paper as load_paper
    from claims.reading import Reading as Reading
    from claims.report.audited import Audited as Audited
    from claims.streams import Streams as Streams
    from claims.subject import Subject as Subject
    from claims.verdict import (
        DEPENDS as DEPENDS,
    )
    from claims.verdict import (
        HOLDS as HOLDS,
    )
    from claims.verdict import (
        REFUTED as REFUTED,
    )
    from claims.verdict import (
        UNDECIDED as UNDECIDED,
    )
    from claims.verdict import (
        Provenance as Provenance,
    )
    from claims.verdict import (
        Role as Role,
    )
    from claims.verdict import (
        Tier as Tier,
    )
    from claims.verdict import (
        Verdict as Verdict,
    )

_HOME = {
    "Audited": "report.audited",
    "Band": "bands",
    "Claim": "claim",
    "ClaimsError": "errors",
    "DEPENDS": "verdict",
    "Experiment": "experiment",
    "HOLDS": "verdict",
    "InvalidDeclaration": "errors",
    "Linear": "experiment",
    "MeasurementError": "errors",
    "Pack": "packs",
    "Paper": "paper",
    "Point": "experiment",
    "Provenance": "verdict",
    "Quantity": "experiment",
    "REFUTED": "verdict",
    "Reading": "reading",
    "Role": "verdict",
    "Scalar": "experiment",
    "Statement": "kinds",
    "Streams": "streams",
    "Subject": "subject",
    "Tier": "verdict",
    "UNDECIDED": "verdict",
    "Unavailable": "errors",
    "Verdict": "verdict",
    "aggregated": "kinds",
    "at_least": "bands",
    "at_most": "bands",
    "audit": "auditing.api",
    "between": "bands",
    "bound": "kinds",
    "bounded": "kinds",
    "column": "kinds",
    "convergence": "kinds",
    "count": "bands",
    "granularity": "kinds",
    "grid": "experiment",
    "identity": "kinds",
    "limit": "kinds",
    "linear": "experiment",
    "load_paper": "paper",
    "mean": "kinds",
    "order": "kinds",
    "printed": "bands",
    "proportion": "kinds",
    "quantile": "kinds",
    "rank_correlation": "kinds",
    "ratio": "kinds",
    "recomputed": "kinds",
    "regression": "kinds",
    "replay": "kinds",
    "sample": "kinds",
    "search": "kinds",
    "slope": "kinds",
    "table": "kinds",
    "trend": "kinds",
    "value": "kinds",
    "within": "bands",
}

__all__ = sorted(["experiment", *_HOME])  # noqa: PLE0605  the names of the table above


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
