"""A calibration on a terminal and as Markdown: how often each kind and law of seeds errs, and what deciding costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from claims.calibration.costs import DISTANCES, LOOKS_OF
from claims.calibration.ranks import MISSES
from claims.calibration.rates import ALPHA
from claims.report.numbers import counted
from claims.report.words import at_most_words

if TYPE_CHECKING:
    from claims.calibration.rates import Row
    from claims.calibration.tables import Calibration

_COLUMNS = ("kind", "seeds like", "claims", "false", "rate, limits", "right", "seeds", "over Wald", "")


def table(found: Calibration) -> Table:
    """One line for the edge of the band, where errors are most frequent, and one for each place beside it."""
    made = Table(*_COLUMNS, box=None, padding=(0, 2, 0, 0), header_style="bold")
    before = None
    for row in found.rows:
        made.add_row(*(("", "") if (row.kind, row.law) == before else (row.kind, row.law)), *_cells(row))
        before = row.kind, row.law
    return made


def markdown(found: Calibration) -> str:
    """The same table as Markdown."""
    head = [*_COLUMNS[:-1], "note"]
    aligned = ("---", "---", "---", *("---:",) * 5, "---")
    body = [(row.kind, row.law, *_cells(row)) for row in found.rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, aligned, *body)) + "\n"


def lines(found: Calibration) -> Iterator[str]:
    """What the table comes to, a line each."""
    wrong, claims, (_, hi) = found.together
    yield (
        f"{counted(claims, 'claim')} with the truth on an edge of the band: {wrong} decided, {wrong / claims:.2%}, at "
        f"most {hi:.2%}; promised at most {ALPHA:.0%}"
    )
    blocks = [row for row in found.kept if row.kind != "sample"]
    confirmed, refuted = sum(row.confirmed for row in blocks), sum(row.false_refuted for row in blocks)
    yield f"{refuted} refuted falsely on a first block of seeds, {confirmed} on the second as well"
    failing = [row for row in found.rows if row.must_fail]
    seen = sum(row.as_it_must_be for row in failing)
    yield f"{seen} of {len(failing)} rows that must fail were seen to"
    missed = [sum(each.missed[i] for each in found.ranks) for i in range(len(MISSES))]
    drawn = sum(each.claims for each in found.ranks)
    shares = ", ".join(f"{count / drawn:.1%} of {said:.0%}" for count, said in zip(missed, MISSES, strict=True))
    yield f"intervals that miss the truth, of those that say so: {shares}; {counted(drawn, 'sample')}"
    for pack in found.packs:
        if not pack.any_false:
            yield (
                f"{counted(pack.claims, 'claim')} whose verdicts are certain, since they judge no seeds: "
                f"{len(pack.false)} not as they must be"
            )
            continue
        yield (
            f"a pack of {counted(pack.claims, 'claim')}, audited as a stranger's: {pack.decided} decided, "
            f"{len(pack.false)} of them falsely; stated for any: {at_most_words(pack.any_false)}"
        )
    yield from _cost_lines(found)
    yield from (f"wrong: {words}" for words in found.wrong)


def _cost_lines(found: Calibration) -> Iterator[str]:
    by = {(cost.distance, cost.looks): cost for cost in found.costs}
    for distance in DISTANCES if by else ():
        words = "; ".join(
            f"{name} {each.seeds:.1f} seeds, {each.over_least:.2f} times the least, {each.decided:.1%} decided"
            for name in LOOKS_OF
            for each in (by[distance, name],)
        )
        yield f"truth {distance:g} standard deviations of a seed from an edge, at the alpha of audits: {words}"


def _cells(row: Row) -> Sequence[str]:
    false = row.false_holds + row.false_refuted
    limits = f"{false / row.claims:.1%} [{row.limits[0]:.1%}, {row.limits[1]:.1%}]"
    where = "edge" if row.margins == 1 else f"{row.margins - 1:g} beyond" if row.margins > 1 else "target"
    right = "" if row.margins == 1 else f"{row.right / row.claims:.0%}"
    over = "" if row.over_wald is None else f"{row.over_wald:.1f}"
    verdict = ("must fail, and does" if row.must_fail else "") if row.as_it_must_be else "NOT AS IT MUST BE"
    return f"{row.claims} {where}", str(false), limits, right, f"{row.seeds:.0f}", over, verdict
