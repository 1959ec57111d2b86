"""``claimbench models``: which models are here, getting one, and what it makes of a text."""

from __future__ import annotations

import time
from typing import Any

import click

from claims.cli.common import json_flag, print_json, say
from claims.errors import BadOption
from claims.models.text import NAMED
from claims.report.numbers import duration
from claims.subject import TOPICS

_TEXT = f"A UTF-8 file, or {' or '.join(NAMED)}."


@click.group("models")
def command() -> None:
    """Show the trained models that can be had, get one, run one on a text.

    Wherever a model is asked for, SPEC is the name of one that `models list` shows, a GGUF file, or a folder with
    config.json and safetensors, of the Llama, Qwen2 or Qwen3 families.
    """


@command.command("list")
@json_flag
def list_models(as_json: bool) -> None:
    """Show the models that are fetched by name, a text for them, and where they are."""
    from claims.models import handbook
    from claims.models.fetch import find
    from claims.models.published import PUBLISHED

    rows: list[dict[str, Any]] = []
    for model in PUBLISHED.values():
        path = find(model)
        row: dict[str, Any] = {"name": model.name, "title": model.title, "licence": model.licence, "bytes": model.bytes}
        rows.append(row | {"path": None if path is None else str(path)})
    book = handbook.handbook_path()
    rows.append(
        {"name": handbook.NAME, "title": "a text: The Debian Administrator's Handbook", "licence": handbook.LICENCE}
        | {"bytes": handbook.BYTES, "path": str(book) if book.is_file() else None}
    )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        say(f"{row['name']}  {row['title']}, {row['licence']}, {row['bytes'] / 2**20:.0f} MiB")
        say(f"    {row['path'] or 'not here; get it with: claimbench models get ' + row['name']}")


@command.command("get")
@click.argument("name")
def get_model(name: str) -> None:
    """Fetch a model or a text into the cache folder (CLAIMBENCH_CACHE, else the user's), unless it is here already."""
    from claims.models import handbook
    from claims.models.fetch import get
    from claims.models.published import PUBLISHED

    def tell(line: str) -> None:
        say(line, err=True)

    if name == handbook.NAME:
        handbook.get_handbook(tell)
    elif name in PUBLISHED:
        get(PUBLISHED[name], tell)
    else:
        raise BadOption("NAME", name, ", ".join([*PUBLISHED, handbook.NAME]))


@command.command("perplexity")
@click.argument("spec")
@click.option("--text", "source", default=TOPICS, show_default=True, metavar="TEXT", help=_TEXT)
@click.option("--windows", "count", type=click.IntRange(1), default=4, show_default=True, help="Windows of the text.")
@click.option("--length", type=click.IntRange(2), default=512, show_default=True, help="Tokens of a window.")
@json_flag
def show_perplexity(spec: str, source: str, count: int, length: int, as_json: bool) -> None:
    """Run a model on the beginning of a text and print its perplexity."""
    from claims.models.decoder import Decoder
    from claims.models.fetch import model_path
    from claims.models.opening import open_checkpoint
    from claims.models.perplexity import perplexity
    from claims.models.text import read_text, windows

    text = read_text(source)
    path = model_path(spec)
    checkpoint = open_checkpoint(path)
    tokens = windows(text, checkpoint.tokenizer(), count=count, length=length, source=source)
    started = time.monotonic()

    def done(so_far: int) -> None:
        spent = time.monotonic() - started
        if so_far < count and spent > 2:
            left = duration(spent / so_far * (count - so_far))
            say(f"{so_far} of {count} windows, about {left} left", err=True)

    found = perplexity(Decoder(checkpoint), tokens, done=done)
    result = {
        "model": str(path),
        "text": source,
        "windows": count,
        "length": length,
        "loss": found.loss,
        "perplexity": found.value,
    }
    if as_json:
        print_json(result)
        return
    say(f"perplexity {found.value:.4f}, {found.loss:.6f} nats a token over {found.predictions:,} predictions")
    say(f"of {source} ({count} windows of {length} tokens) by {path}")
