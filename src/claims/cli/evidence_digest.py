"""``claimbench evidence digest``: whether the same was measured and decided, by one line for each file."""

from __future__ import annotations

from pathlib import Path

import click

from claims.cli.common import json_flag, print_json, say
from claims.evidence.store import DEFAULT_STORE
from claims.report.numbers import counted

#: The version of what ``--json`` prints; another one when a field goes or means something else.
SCHEMA = 1
_COUNTED = {"store": "seed", "result": "claim"}


@click.command("digest")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@json_flag
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Print a digest of what was measured and decided, whoever did it, in which order, when and how.

    FILE is a store, a result (JSON), or the folder of a store, which stands for that and the last result beside it;
    without one, the folder of the default store. Exits with 1 if two stores, or two results, do not say the same.
    """
    from claims.comparing.digests import digest_of, files_of

    asked = files or (DEFAULT_STORE.parent,)
    found = [digest_of(file) for name in asked for file in files_of(name)]
    differing = [what for what in _COUNTED if len({each.sha256 for each in found if each.what == what}) > 1]
    if as_json:
        print_json({"schema": SCHEMA, "digests": [each.to_json() for each in found], "equal": not differing})
    else:
        for each in found:
            say(f"sha256:{each.sha256}  {each.file} ({each.what}, {counted(each.count, _COUNTED[each.what])})")
        for what in differing:
            say(f"the {what}s differ")
    raise click.exceptions.Exit(1 if differing else 0)
