"""What ``claims.audit`` found: an object that shows itself, as text, in notebooks, as frames, files and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.auditing.results import AuditResult, ClaimResult
from claims.catalogue import Catalogue
from claims.claim import nearest
from claims.errors import BadOption, UnknownClaim
from claims.extras import is_there, lacking
from claims.report.numbers import band_text, counted
from claims.report.visible import visible
from claims.report.words import estimate_words, verdict_words

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas
    import pyarrow

#: Claims that are shown at once: as text, in a notebook, in a figure.
_LINES, _ROWS, _DRAWN = 40, 100, 60


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class Audited:
    """The claims of an audit with their verdicts, in order: ``found[id]``, ``for claim in found``, ``len(found)``.

    Attributes:
        result: everything that was found, trials and points included.
        catalogue: the declarations that it is about.
    """

    result: AuditResult
    catalogue: Catalogue

    @property
    def as_expected(self) -> bool:
        """Whether every verdict is the one on record; UNDECIDED and UNAVAILABLE contradict none."""
        return not any(claim.as_expected is False for claim in self)

    def counts(self) -> dict[str, int]:
        """Number of claims with each verdict."""
        return self.result.counts()

    def exit_code(self, *, strict: bool = False, require_available: bool = False) -> int:
        """What ``claimbench audit`` would end with."""
        return self.result.exit_code(strict=strict, require_available=require_available)

    def __iter__(self) -> Iterator[ClaimResult]:
        return iter(self.result.claims)

    def __len__(self) -> int:
        return len(self.result.claims)

    def __getitem__(self, claim_id: str) -> ClaimResult:
        found = {claim.claim.id: claim for claim in self}
        if claim_id not in found:
            raise UnknownClaim(claim_id, nearest(str(claim_id), list(found)))
        return found[claim_id]

    def to_json(self) -> dict[str, Any]:
        """The result format, as ``claimbench audit --json`` writes it."""
        return self.result.to_json()

    def __repr__(self) -> str:
        rows = self._ordered()
        lines = [self._head()]
        width = max((len(row["id"]) for row in rows[:_LINES]), default=0)
        for row in rows[:_LINES]:
            facts = f"{estimate_words(row)} in {band_text(row['band'])}" if row["band"] else row["reason"] or ""
            lines.append(visible(f"  {row['id']:<{width}}  {verdict_words(row):<22}  {facts[:100]}").rstrip())
        return "\n".join(lines + self._rest(_LINES))

    def _repr_html_(self) -> str:
        from claims.report.page import template
        from claims.report.plot import draw

        rows = [(row, draw(row)) for row in self._ordered()[:_ROWS]]
        rest = " ".join(self._rest(_ROWS))
        page: str = template("notebook.html").render(head=self._head(), rows=rows, rest=rest)
        return page

    def to_frame(self, *, points: bool = False) -> pandas.DataFrame:
        """One row a claim by its id, or one a point, with its coordinates as JSON in the column ``at``.

        Bands and intervals are two columns each, where an open side is NaN.
        """
        import pandas

        from claims.report.tables import FLOATS, columns, flat

        records = [flat(row) for row in self._rows(points)]
        frame = pandas.DataFrame(records, columns=columns(points=points))
        types = dict.fromkeys(FLOATS, "float64") | {"seeds": "int64", "as_expected": "boolean"}
        return frame.astype(types).set_index("id")

    def to_arrow(self, *, points: bool = False) -> pyarrow.Table:
        """The same as an Arrow table, where what does not apply is null.

        Raises:
            Unavailable: pyarrow is not installed; has the command that installs it.
        """
        from claims.report.tables import to_arrow

        about = {"tier": self.result.plan.tier.value, "epoch": str(self.result.plan.epoch)}
        return to_arrow(self._rows(points), about=about, points=points)

    def to_parquet(self, path: str | Path, *, points: bool = False) -> None:
        """Write the Arrow table to a Parquet file.

        Raises:
            Unavailable: pyarrow is not installed.
        """
        table = self.to_arrow(points=points)
        from pyarrow import parquet

        parquet.write_table(table, str(path))

    def figure(self, *ids: str) -> matplotlib.figure.Figure:
        """Interval, band and rival of each claim that has them, or of those named, each on a scale of its own.

        A notebook shows it after ``%matplotlib inline``; ``savefig`` writes it.

        Raises:
            UnknownClaim: an id that is not among the claims.
            BadOption: there is nothing to draw, or more than a figure holds: name some.
            Unavailable: matplotlib is not installed.
        """
        if not is_there("matplotlib"):
            raise lacking("matplotlib")
        from claims.report.figure import draw_rows

        rows = [self[name].to_json() for name in ids] if ids else [claim.to_json() for claim in self]
        drawn = [row for row in rows if row["band"] is not None and row["estimate"] is not None]
        if not 0 < len(drawn) <= _DRAWN:
            allowed = f"1 to {_DRAWN} claims with a band and an estimate; name some"
            raise BadOption("figure", counted(len(drawn), "claim"), allowed)
        return draw_rows(drawn)

    def _head(self) -> str:
        plan = self.result.plan
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts().items() if count)
        differing = sum(claim.as_expected is False for claim in self)
        verdict = f"{differing} not as expected" if differing else "all as expected"
        stopped = "; stopped before everything was decided" if self.result.stopped else ""
        return f"{counted(len(self), 'claim')}, {plan.tier} tier, epoch {plan.epoch}: {counts}; {verdict}{stopped}"

    def _ordered(self) -> list[dict[str, Any]]:
        """What differs first, then in order."""
        return [claim.to_json() for claim in sorted(self, key=lambda claim: claim.as_expected is not False)]

    def _rest(self, shown: int) -> list[str]:
        more = len(self) - shown
        return [f"  … and {counted(more, 'claim')} more: to_frame() has all"] if more > 0 else []

    def _rows(self, points: bool) -> list[dict[str, Any]]:
        claims = [claim.to_json() for claim in self]
        return [point for row in claims for point in row["points"]] if points else claims
