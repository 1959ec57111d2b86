"""``claimbench doctor``: what this machine can run, what is missing and the command that gets it."""

from __future__ import annotations

from pathlib import Path

import click

from claims.cli.common import json_flag, print_json, say, store_option
from claims.cli.doctor import MISSING, OPTIONAL, examine, measure_product


@click.command("doctor")
@store_option
@json_flag
@click.option("--measure", is_flag=True, help="Time float32 products, and keep which is the faster on this machine.")
def command(store: Path, as_json: bool, measure: bool) -> None:
    """Say what this machine can run, and what is missing and how to get it.

    Exits with 1 if something needed is missing.
    """
    if measure:
        measure_product()
    findings = examine(store)
    if as_json:
        print_json([finding.to_json() for finding in findings])
    else:
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            mark = {MISSING: "MISSING ", OPTIONAL: "without "}.get(finding.state, "")
            say(f"{finding.name:<{width}}  {mark}{finding.value}")
            if finding.remedy:
                say(f"{'':<{width}}  get it: {finding.remedy}")
    missing = [finding.name for finding in findings if finding.state == MISSING]
    if missing:
        say(f"claimbench: needed and missing: {', '.join(missing)}", err=True)
    raise click.exceptions.Exit(1 if missing else 0)
