"""``claimbench compare``: the estimates of two results or stores, point by point."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from claims.cli.common import catalogue_of, decided_options, json_flag, print_json, say
from claims.errors import BadOption, NothingSelected
from claims.report.numbers import band_text, counted, interval_text, number
from claims.verdict import Tier

if TYPE_CHECKING:
    from claims.comparing.contrast import Comparison, Contrast
    from claims.comparing.samples import Samples

#: The version of what ``--json`` prints; another one when a field goes or means something else.
SCHEMA = 1
#: Points that are shown although no difference was found, and points that are not compared, unless all are asked for.
_SHOWN = 10


@click.command("compare")
@click.argument("before", metavar="A", type=click.Path(path_type=Path))
@click.argument("after", metavar="B", type=click.Path(path_type=Path))
@click.argument("files", nargs=-1, metavar="[FILE.py]...", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--fdr",
    type=float,
    default=0.05,
    show_default=True,
    help="Share of false ones among the differences found, at most, on average.",
)
@click.option("--table", is_flag=True, help="Every point, and everything that is not compared.")
@decided_options
@json_flag
def command(
    *,
    before: Path,
    after: Path,
    files: tuple[Path, ...],
    fdr: float,
    table: bool,
    tier: str,
    epoch: int | None,
    as_json: bool,
) -> None:
    """Compare the estimates of two results or stores: of two machines, models, or versions of a library.

    A and B are stores (SQLite), or results (JSON) that keep the seeds of their points. At each point the difference is
    taken seed by seed where both have the same streams, which are those of one epoch, and between two samples where
    they have others. Claims of stores are those of packs, or of the claim files that are named.

    Exits with 1 if something differs, and with 4 if nothing could be compared; what is not is named.
    """
    if not 0.0 < fdr < 1.0:
        raise BadOption("--fdr", fdr, "a number between 0 and 1")
    from claims.comparing.contrast import contrast
    from claims.comparing.samples import samples_of

    catalogue = cache(lambda: catalogue_of(files))
    a, b = (
        samples_of(path, option, catalogue, tier=Tier(tier), epoch=epoch)
        for path, option in ((before, "A"), (after, "B"))
    )
    found = contrast(a, b, rate=fdr)
    if as_json:
        print_json({"schema": SCHEMA, "a": a.to_json(), "b": b.to_json()} | found.to_json())
    else:
        for line in _lines(found, (a, b), whole=table):
            say(line)
    if not found.contrasts:
        reason = f"; {found.refused[0].id}: {found.refused[0].reason}" if found.refused else ""
        raise NothingSelected(f"{before} and {after}: nothing that can be compared{reason}")
    raise click.exceptions.Exit(1 if found.differing else 0)


def _lines(found: Comparison, sides: tuple[Samples, Samples], *, whole: bool) -> Iterator[str]:
    for side in sides:
        yield from (f"{side.name}: {note}" for note in side.notes)
    one, other = (side.environment for side in sides)
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield f"{name}: {one.get(name, 'nothing')} -> {other.get(name, 'nothing')}"
    yield from _counts(found)
    for each in found.differing:
        yield from _shown(each)
    rest = sorted((each for each in found.contrasts if not each.differs), key=lambda each: each.p or 1.0)
    if rest:
        yield f"no difference found: {len(rest):,}" + ("" if whole or len(rest) <= _SHOWN else "; nearest to one:")
    for each in rest if whole else rest[:_SHOWN]:
        yield from _shown(each)
    if found.refused:
        yield f"not compared: {len(found.refused):,}"
    for refusal in found.refused if whole else found.refused[:_SHOWN]:
        at = f" at {refusal.at}" if refusal.at else ""
        yield f"  {refusal.id}{at}: {refusal.reason}"
    if not whole and max(len(rest), len(found.refused)) > _SHOWN:
        yield "--table shows all"


def _counts(found: Comparison) -> Iterator[str]:
    methods = [each.method for each in found.contrasts]
    parts = [f"{methods.count(name):,} {name}" for name in dict.fromkeys(methods)]
    yield f"{counted(len(methods), 'point')} compared" + (f": {', '.join(parts)}" if parts else "")
    yield f"differ: {len(found.differing):,}"
    if found.tested:
        rate = f"false ones among {counted(found.tested, 'test')}: at most {100 * found.rate:g} % of those found"
        yield f"  {rate} (Benjamini-Yekutieli); intervals at {100 * found.level:.6g} %"


def _shown(each: Contrast) -> Iterator[str]:
    at = f" at {each.at}" if each.at else ""
    locus = f" ({each.locus})" if each.locus else ""
    yield f"  {each.id}{at}{locus}"
    words = f"      {number(each.a)} -> {number(each.b)}: {number(each.difference)}"
    if each.method == "evaluated":
        yield f"{words}, evaluated"
        return
    assert each.p is not None
    seeds = counted(each.seeds[0], "pair") if each.method == "paired" else f"{each.seeds[0]} and {each.seeds[1]} seeds"
    if each.reason:
        yield f"{words}, {seeds}: {each.reason}"
        return
    reach = "" if each.detectable is None else f"; found nine times in ten: {band_text([None, each.detectable])[2:]}"
    yield f"{words} {interval_text(each.interval)}, p {each.p:.2g}, adjusted {each.adjusted:.2g}, {seeds}{reach}"
