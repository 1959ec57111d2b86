"""``claimbench audit --dry-run``: what would be measured, what it costs, how much memory it takes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from claims.auditing.loop import stored
from claims.auditing.planning import Plan
from claims.auditing.trial import Measurement
from claims.cli.common import STDOUT, say, write_text
from claims.evidence.canonical import canonical_json
from claims.evidence.devices import CPU
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
        say(row["experiment"] + ("" if row["device"] == CPU else f" on {row['device']}"))
        kept = f", {row['stored']:,} are in the store" if row["stored"] else ""
        say(
            f"    {counted(row['base_points'], 'base point')}, {row['seeds'][0]:,} to {row['seeds'][1]:,} seeds{kept}; "
            f"{row['seconds_a_seed']:.3g} s each ({row['seconds_are']}), "
            f"{row['megabytes']:g} MB ({row['megabytes_are']})"
        )
    least, most = (duration(seconds) for seconds in document["seconds"])
    decided = f"{counted(document['claims'], 'claim')}, {counted(document['points'], 'point')} to decide"
    say("", f"{decided} at tier {document['tier']}, epoch {document['epoch']}")
    say(
        f"{least} if the first look decides everything, at most {most} and the blocks that confirm refutations, "
        f"on {counted(workers, 'worker')}; without the {counted(document['stored'], 'seed')} that the store holds"
    )
    again = document["witness"]
    if again["seeds"]:
        say(f"a witness measures seeds a second time: {again['seeds']:,} of them, {duration(again['seconds'])}")
    say(f"memory: about {document['megabytes']:,.0f} MB, and what the interpreters and torch take")
    if document["subject"] is not None:
        say(f"subject: {document['subject']}; seconds and memory are declared for smollm2")
        say(f"disk: about {document['disk_megabytes']:,.0f} MB in {document['cache']} and beside the store")


def cost(planned: Plan, store: Path, *, workers: int) -> dict[str, Any]:
    """The plan's cost as plain data: seconds at the first looks, and at the last ones of the main blocks.

    Seeds that the store holds cost nothing. What a seed costs is ``measured``, where the store has any of that
    experiment at that point, ``declared`` by the experiment, or ``guessed``.
    """
    known, held = _of_store(store, planned)
    rows: dict[str, dict[str, Any]] = {}
    for measurement, (few, many) in planned.cost().items():
        row = rows.setdefault(measurement.name, _row(measurement))
        spent = known.get((measurement.name, canonical_json(dict(measurement.base))))
        seconds = measurement.seconds if spent is None else spent
        there = held.get(measurement, frozenset())
        row["base_points"] += 1
        row["stored"] += len(there)
        row["seconds_a_seed"] = max(row["seconds_a_seed"], seconds)
        row["megabytes"] = max(row["megabytes"], measurement.megabytes)
        row["seconds_are"].append("measured" if spent is not None else _said(measurement, "seconds"))
        row["megabytes_are"].append(_said(measurement, "megabytes"))
        for i, asked in enumerate((few, many)):
            seeds = asked - sum(seed < asked for seed in there)
            row["seeds"][i] += seeds
            row["seconds"][i] += seeds * seconds
    for row in rows.values():
        for name in ("seconds_are", "megabytes_are"):
            row[name] = " or ".join(sorted(set(row[name])))
    again = [(made, seeds) for made, seeds in planned.witnessed().items() if 0 not in held.get(made, ())]
    heaviest = sorted((m.megabytes for m in planned.measurements()), reverse=True)
    return {
        "tier": planned.tier.value,
        "epoch": planned.epoch,
        "claims": len(planned.claims),
        "points": sum(trial.final is None for trial in planned.trials),
        "workers": workers,
        "seconds": [sum(row["seconds"][i] for row in rows.values()) / workers for i in (0, 1)],
        "stored": sum(row["stored"] for row in rows.values()),
        "witness": {
            "seeds": sum(len(seeds) for _, seeds in again),
            "seconds": sum(made.seconds * len(seeds) for made, seeds in again),
        },
        "megabytes": sum(heaviest[:workers]),
        **_subject_cost(planned),
        "experiments": list(rows.values()),
    }


def _row(measurement: Measurement) -> dict[str, Any]:
    """An experiment before anything is added up; what a seed costs is the most that it does at one of its points."""
    zero = {"base_points": 0, "stored": 0, "seeds": [0, 0], "seconds": [0.0, 0.0]}
    costs = {"seconds_a_seed": 0.0, "seconds_are": [], "megabytes": 0.0, "megabytes_are": []}
    return {"experiment": measurement.name, "device": measurement.device} | zero | costs


def _said(measurement: Measurement, what: str) -> str:
    return "guessed" if what in measurement.guessed else "declared"


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


def _of_store(store: Path, planned: Plan) -> tuple[dict[tuple[str, str], float], Mapping[Measurement, frozenset[int]]]:
    """Seconds a seed of each (experiment, base point) that was ever measured, and the seeds that need no measuring.

    A store is not made for asking.
    """
    if not store.is_file():
        return {}, {}
    with Store.reading(store) as opened:
        found, held = opened.survey(), stored(planned, opened)
    if found.faults:
        faults = counted(len(found.faults), "fault")
        click.echo(f"claimbench: {store}: {faults}, which `claimbench evidence check --store {store}` names", err=True)
    return {(group.experiment, group.base): group.seconds / group.seeds for group in found.groups()}, held
