"""``claimbench new``: a claim file to start from, which audits as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import click

from claims.claim import Paper
from claims.cli.common import check_writable, say
from claims.cli.skeleton import skeleton
from claims.errors import BadOption


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path), default=Path("claims_mine.py"))
@click.option("--paper", default="mine", show_default=True, help="Key of the paper: first part of every claim's id.")
@click.option("--title", default="A paper to audit", show_default=True, help="The paper's title.")
def command(file: Path, paper: str, title: str) -> None:
    """Write a claim file to start from: FILE, or claims_mine.py. An existing file is left alone."""
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise BadOption("FILE", str(file), "the name of a Python module, such as claims_mine.py")
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", paper):
        raise BadOption("--paper", paper, "lower-case words with hyphens between them, such as my-paper")
    made = Paper(key=paper, title=title.strip())
    check_writable("FILE", file.parent)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(skeleton(made, file=file.name))
    except FileExistsError:
        raise BadOption("FILE", str(file), "the name of a file that does not exist yet") from None
    say(f"{file} is written. Audit it as it stands, then make it yours:")
    say(f"    claimbench audit {file}")
