"""What several commands share: selections, options, places to write to."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from claims.auditing.decision import looks_at
from claims.claim import Claim
from claims.errors import BadOption, ClaimsError, NothingSelected
from claims.packs import Catalogue, load_catalogue, split_selection
from claims.subject import NOBODY, TOPICS, Subject
from claims.verdict import Tier

F = TypeVar("F", bound=Callable[..., Any])

#: Where evidence is kept unless ``--store`` says otherwise, relative to the working directory.
DEFAULT_STORE = Path(".claimbench/evidence.sqlite")
#: ``--json -``: to standard output, everything else going to standard error.
STDOUT = "-"

select_argument = click.argument("select", nargs=-1, metavar="[SELECT]...")
json_flag = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")


def store_option(function: F) -> F:
    """``--store PATH``."""
    option = click.option(
        "--store",
        type=click.Path(path_type=Path, dir_okay=False),
        default=DEFAULT_STORE,
        show_default=True,
        help="Where evidence is kept.",
    )
    return option(function)


def subject_options(function: F) -> F:
    """``--model SPEC`` and ``--text TEXT``."""
    model = click.option(
        "--model",
        metavar="SPEC",
        help="Trained model for the claims about one: smollm2, a GGUF file, a folder with config.json and safetensors, "
        "or none, which leaves out training runs as well.  [default: smollm2, where it was fetched]",
    )
    text = click.option(
        "--text",
        metavar="TEXT",
        help="Its text: python-topics, debian-handbook, or a UTF-8 file.  [default: python-topics]",
    )
    return model(text(function))


def subject_for(claims: Sequence[Claim], tier: Tier, *, model: str | None, text: str | None) -> Subject:
    """The subject that the claims need at a tier; what nobody needs is not opened, unless it was named.

    Raises:
        ModelError: the model cannot be used; says what is wrong with it.
        TextError: the text cannot be used.
    """
    if model is None and text is None and not any(claim.needs and looks_at(claim, tier) for claim in claims):
        return NOBODY
    from claims.models.subjects import subject_of

    return subject_of(model, text)


def chosen(select: Sequence[str]) -> tuple[Catalogue, tuple[Claim, ...]]:
    """The catalogue of the selection's files, or of the installed packs, and the claims selected from it.

    Raises:
        NothingSelected: no claim is selected.
    """
    files, names = split_selection(select)
    catalogue = catalogue_of(files)
    claims = catalogue.select(names)
    if not claims:
        if not select:
            raise NothingSelected("no claims are installed; name a claim file, or write one with `claimbench new`")
        raise NothingSelected(f"{' '.join(select)}: nothing is selected; `claimbench list` shows all ids")
    return catalogue, claims


def catalogue_of(files: Sequence[Path]) -> Catalogue:
    """The claims of files, or of the installed packs if there are none.

    Raises:
        ClaimsError: an installed pack cannot be imported.
    """
    try:
        return load_catalogue(files)
    except (ImportError, AttributeError) as error:  # of an installed pack; what a claim file raises has a name
        raise ClaimsError(f"an installed pack cannot be loaded: {type(error).__name__}: {error}") from error


def print_json(document: Any) -> None:
    """A document as JSON on standard output; never NaN or Infinity."""
    click.echo(json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False))


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all, so that two audits at once leave one of their results.

    Raises:
        BadOption: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise BadOption("output", str(path), f"a file that can be written ({error.strerror or error})") from error


def same_store(store: Path) -> list[str]:
    """The words of a command that uses the same store."""
    return [] if store == DEFAULT_STORE else ["--store", str(store)]


def same_subject(subject: Subject) -> list[str]:
    """The words of a command that is about the same model and text."""
    words = ["--model", subject.spec] if subject.spec else []
    return words + (["--text", subject.text] if subject.text not in ("", TOPICS) else [])


def check_writable(option: str, folder: Path) -> None:
    """Create a folder and a file in it, before anything is spent on what will be written there.

    Raises:
        BadOption: it cannot be written to; names option and folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadOption(option, str(folder), f"a folder that can be written to ({error.strerror or error})") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
