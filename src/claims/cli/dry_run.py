"""``claimbench audit --dry-run``: what would be measured, what it costs, how much memory it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from claims.auditing.planning import Plan
from claims.cli.common import STDOUT, say, write_text
from claims.evidence.canonical import canonical_json
from claims.evidence.store import Store
from claims.report.numbers import counted, duration
from claims.report.visible import json_text

#: Disk of a seed's records in the store, and of what is kept in the cache folder while models and training run.
_SEED_MEGABYTES, _CACHE_MEGABYTES = 0.02, 40.0


def show_plan(planned: Plan, store: Path, *, workers: int, json_file: str | None) -> None:
    """Each experiment with its base points, seeds, seconds and megabytes; seconds from the store where it has any."""
    document = cost(planned, store, workers=workers)
    text = json_text(document)
    if json_file == STDOUT:
        click.echo(text)
        return
    if json_file is not None:
        write_text(Path(json_file), f"{text}\n")
    for row in document["experiments"]:
        source = "measured" if row["measured"] else "declared"
        say(row["experiment"])
        say(
            f"    {counted(row['base_points'], 'base point')}, {row['seeds'][0]:,} to {row['seeds'][1]:,} seeds, "
            f"{row['seconds_a_seed']:.3g} s each ({source}), {row['megabytes']:g} MB"
        )
    least, most = (duration(seconds) for seconds in document["seconds"])
    decided = f"{counted(document['claims'], 'claim')}, {counted(document['points'], 'point')} to decide"
    say("", f"{decided} at tier {document['tier']}, epoch {document['epoch']}")
    say(
        f"{least} if the first look decides everything, at most {most} and the blocks that confirm refutations, "
        f"on {counted(workers, 'worker')}; what the store holds already is not measured again"
    )
    say(f"memory: about {document['megabytes']:,.0f} MB, and what the interpreters and torch take")
    if document["subject"] is not None:
        say(f"subject: {document['subject']}; seconds and memory are declared for smollm2")
        say(f"disk: about {document['disk_megabytes']:,.0f} MB in {document['cache']} and beside the store")


def cost(planned: Plan, store: Path, *, workers: int) -> dict[str, Any]:
    """The plan's cost as plain data: seconds at the first looks, and at the last ones of the main blocks."""
    known = _known_seconds(store)
    rows: dict[str, dict[str, Any]] = {}
    totals = [0.0, 0.0]
    for measurement, (few, many) in planned.cost().items():
        stored = known.get((measurement.name, canonical_json(dict(measurement.base))))
        seconds = measurement.seconds if stored is None else stored
        row = rows.setdefault(
            measurement.name,
            {
                "experiment": measurement.name,
                "base_points": 0,
                "seeds": [0, 0],
                "seconds": [0.0, 0.0],
                "megabytes": 0.0,
                "measured": True,
            },
        )
        row["base_points"] += 1
        row["megabytes"] = max(row["megabytes"], measurement.megabytes)
        row["measured"] = row["measured"] and stored is not None
        for i, seeds in enumerate((few, many)):
            row["seeds"][i] += seeds
            row["seconds"][i] += seeds * seconds
            totals[i] += seeds * seconds / workers
    for row in rows.values():
        row["seconds_a_seed"] = row["seconds"][1] / max(row["seeds"][1], 1)
    heaviest = sorted((m.megabytes for m in planned.measurements()), reverse=True)
    return {
        "tier": planned.tier.value,
        "epoch": planned.epoch,
        "claims": len(planned.claims),
        "points": sum(trial.final is None for trial in planned.trials),
        "workers": workers,
        "seconds": totals,
        "megabytes": sum(heaviest[:workers]),
        **_subject_cost(planned),
        "experiments": list(rows.values()),
    }


def _subject_cost(planned: Plan) -> dict[str, Any]:
    """What is run, and the disk that it takes: evidence, moments of activations, checkpoints of training runs."""
    needs = {measurement.needs for measurement in planned.measurements()} - {""}
    if not needs:
        return {"subject": None, "cache": None, "disk_megabytes": 0.0}
    from claims.models.fetch import cache_folder
    from claims.models.subjects import describe

    seeds = sum(many for measurement, (_, many) in planned.cost().items() if measurement.needs)
    megabytes = seeds * _SEED_MEGABYTES + len(needs) * _CACHE_MEGABYTES
    return {"subject": describe(planned.subject), "cache": str(cache_folder()), "disk_megabytes": megabytes}


def _known_seconds(store: Path) -> dict[tuple[str, str], float]:
    """Seconds a seed of each (experiment, base point) that was ever measured; a store is not made for asking."""
    if not store.is_file():
        return {}
    with Store.reading(store) as opened:
        found = opened.survey()
    if found.faults:
        faults = counted(len(found.faults), "fault")
        click.echo(f"claimbench: {store}: {faults}, which `claimbench evidence check --store {store}` names", err=True)
    return {(group.experiment, group.base): group.seconds / group.seeds for group in found.groups()}
