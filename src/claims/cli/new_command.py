"""``claimbench new``: a claim file or a pack to start from, which audits as it stands."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
from pathlib import Path

import click

from claims.claim import Paper
from claims.cli.common import check_writable, say
from claims.cli.printed_csv import read_printed
from claims.cli.skeleton import pack_files, skeleton
from claims.errors import BadOption
from claims.fields import is_text

_WORDS = r"[a-z0-9]+(-[a-z0-9]+)*"
#: Characters of a name, so that lines of code with it keep their length.
_LONGEST = 40


@click.command("new")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--pack", "name", metavar="NAME", help="Write a pack, an installable set of claims, into a new folder NAME."
)
@click.option(
    "--from-table",
    "csv_file",
    metavar="CSV",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Printed figures to begin the pack with, a claim each: names of columns, then rows, whose names come first.",
)
@click.option("--paper", help="Key of the paper: first part of every claim's id.  [default: mine, or NAME]")
@click.option("--title", default="A paper to audit", show_default=True, help="The paper's title.")
def command(file: Path | None, name: str | None, csv_file: Path | None, paper: str | None, title: str) -> None:
    """Write a claim file to start from: FILE, or claims_mine.py. With --pack, a pack. What exists is left alone."""
    key = paper or name or "mine"
    if not re.fullmatch(_WORDS, key) or (name and len(key) > _LONGEST):
        which = "--paper" if paper or not name else "--pack"
        raise BadOption(which, key, f"lower-case words with hyphens between them, such as my-paper{_short(name)}")
    if not is_text(title):
        raise BadOption("--title", title, "text without lone surrogates")
    made = Paper(key=key, title=title.strip())
    if name is None:
        if csv_file is not None:
            raise BadOption("--from-table", str(csv_file), "beside --pack NAME, the pack that it begins")
        _write_file(file or Path("claims_mine.py"), made)
    elif file is not None:
        raise BadOption("FILE", str(file), "none beside --pack, which writes a folder")
    else:
        _write_pack(name, made, csv_file)


def _short(name: str | None) -> str:
    return f", {_LONGEST} characters at most" if name else ""


def _write_file(file: Path, paper: Paper) -> None:
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise BadOption("FILE", str(file), "the name of a Python module, such as claims_mine.py")
    check_writable("FILE", file.parent)
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(skeleton(paper, file=file.name))
    except FileExistsError:
        raise BadOption("FILE", str(file), "the name of a file that does not exist yet") from None
    say(f"{file} is written. Audit it as it stands, then make it yours:")
    say(f"    claimbench audit {file}")


def _write_pack(name: str, paper: Paper, csv_file: Path | None) -> None:
    """A pack in a new folder, whole or not at all."""
    package = name.replace("-", "_")
    if (
        not re.fullmatch(_WORDS, name)
        or len(name) > _LONGEST
        or not package.isidentifier()
        or keyword.iskeyword(package)
    ):
        allowed = f"lower-case words with hyphens between them, a letter first, such as my-paper{_short(name)}"
        raise BadOption("--pack", name, allowed)
    folder = Path(name)
    if os.path.lexists(folder):
        raise BadOption("--pack", name, "the name of a folder that does not exist yet")
    if (spec := importlib.util.find_spec(package)) is not None:
        raise BadOption("--pack", name, f"a name that no module has yet; {package} is {spec.origin or 'a folder'}")
    files = pack_files(paper, name=name, table=None if csv_file is None else read_printed(csv_file))
    check_writable("--pack", Path())
    made = Path(f".{name}-{os.getpid()}")
    try:
        made.mkdir()
        for path, text in files.items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text, encoding="utf-8")
        made.rename(folder)
    except OSError as error:  # another process wrote such a folder in the meantime, or the disk is full
        raise BadOption("--pack", name, f"a folder that can be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)
    say(f"{folder}/ is written: {len(files)} files. Install it, audit it as it stands, then make it yours:")
    say(f"    python -m pip install --editable {folder}")
    say(f"    claimbench audit paper:{paper.key}")
