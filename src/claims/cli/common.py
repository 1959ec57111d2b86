"""What several commands share: selections, options, places to write to."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from claims import lasting
from claims.auditing.decision import looks_at
from claims.catalogue import Catalogue, load_catalogue, split_selection
from claims.claim import Claim
from claims.cli.streams import printing_to_stderr
from claims.errors import BadOption, InvalidDeclaration, NothingSelected
from claims.evidence.devices import CPU
from claims.evidence.store import DEFAULT_STORE
from claims.report.visible import json_text, visible
from claims.subject import NOBODY, NONE, TOPICS, Subject
from claims.verdict import Tier

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

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


def record_options(function: F) -> F:
    """``--out FILE`` and ``--from FILE``, of a command that takes long: its JSON in a file, and shown again."""
    out = click.option(
        "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the JSON to this file as well."
    )
    record = click.option(
        "--from",
        "record",
        type=click.Path(path_type=Path, dir_okay=False, exists=True),
        help="Show what an earlier run wrote by --out, as far as it is about what is there now, and try nothing.",
    )
    return out(record(function))


def record_before(out: Path | None, read: Callable[[Any], T]) -> T | None:
    """What the file of ``--out`` has, to go on with; None where there is none.

    Raises:
        BadOption: it cannot be read, or is something else.
    """
    return None if out is None or not out.is_file() else read_record(out, read, option="--out")


def read_record(path: Path, read: Callable[[Any], T], *, option: str = "--from") -> T:
    """What an option names, as ``read`` makes it of the document.

    Raises:
        BadOption: it cannot be read, or is something else.
    """
    try:
        return read(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, InvalidDeclaration) as error:
        raise BadOption(option, str(path), f"what --out wrote ({error})") from None


def decided_options(function: F) -> F:
    """``--tier`` and ``--epoch`` of a store whose claims are decided again."""
    tier = click.option(
        "--tier",
        type=click.Choice([t.value for t in Tier]),
        default=Tier.FULL.value,
        show_default=True,
        help="Of a store: decide at this tier.",
    )
    epoch = click.option(
        "--epoch", type=click.IntRange(min=0), help="Of a store.  [default: the pinned one, else the last]"
    )
    return tier(epoch(function))


def device_option(function: F) -> F:
    """``--device NAME``."""
    option = click.option(
        "--device",
        metavar="NAME",
        default=CPU,
        show_default=True,
        help="Where what allows it is measured: cpu, cuda or triton-interpreter; the rest on the CPU.",
    )
    return option(function)


def same_device(device: str) -> list[str]:
    """The options of a command that measures on a device."""
    return [] if device == CPU else ["--device", device]


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
    if model == NONE:
        return replace(NOBODY, spec=NONE)
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
        if catalogue.left_out:
            raise NothingSelected("no installed pack can be loaded; name a claim file")
        raise NothingSelected("no claims are installed; name a claim file, or write one with `claimbench new`")
    return catalogue, claims


def catalogue_of(files: Sequence[Path]) -> Catalogue:
    """The claims of files, or of the installed packs if there are none.

    Raises:
        ClaimsError: one of them cannot be loaded; names it, and what it raised.
    """
    with printing_to_stderr(), lasting.making():
        catalogue = load_catalogue(files)
    for pack in catalogue.left_out:
        say(f"claimbench: {pack} is left out: {pack.problem}", err=True)
    return catalogue


def say(*lines: str, err: bool = False) -> None:
    """Print lines; what in them would act on a terminal, a line break too, is shown escaped."""
    if lines:
        click.echo("\n".join(map(visible, lines)), err=err)


def print_json(document: Any) -> None:
    """A document as JSON on standard output; never NaN or Infinity."""
    click.echo(json_text(document))


def write_text(path: Path, text: str) -> None:
    """The same as :func:`write_texts`, of one text."""
    write_texts(path, [text])


def write_texts(path: Path, texts: Iterable[str]) -> None:
    """Write a file, one text after the other, whole or not at all: two audits at once leave one of their results.

    A symbolic link is followed, and stays one. What is no regular file, a device or a pipe, is written to as it is, and
    so is a file that this process has open (``/dev/stdout``), behind what was written to it already.

    Raises:
        BadOption: the file cannot be written.
    """
    try:
        if not _is_stream(path):
            _replace(Path(os.path.realpath(path)), (text.encode("utf-8", "backslashreplace") for text in texts))
            return
        number = _descriptor(path)
        sys.stdout.flush()
        target: Path | int = path if number is None else os.dup(number)
        with open(target, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(texts)
    except OSError as error:
        raise BadOption("output", str(path), f"a file that can be written ({error.strerror or error})") from error


def write_bytes(path: Path, data: bytes) -> None:
    """The same for what is no text, into a regular file.

    Raises:
        BadOption: the file cannot be written.
    """
    try:
        _replace(Path(os.path.realpath(path)), [data])
    except OSError as error:
        raise BadOption("output", str(path), f"a file that can be written ({error.strerror or error})") from error


def _is_stream(path: Path) -> bool:
    """Whether something is there that has to be written to, and must not be replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    return not stat.S_ISREG(found.st_mode) or _descriptor(path) is not None


def _descriptor(path: Path) -> int | None:
    """The open file that a path such as /dev/stdout, /dev/fd/3 or /proc/self/fd/1 is, or leads to."""
    name = os.path.abspath(path)
    for _ in range(40):  # as many links as systems follow
        if re.fullmatch(r"/(dev|proc/(self|\d+|thread-self))/fd/\d+", name):
            number = int(os.path.basename(name))
            with contextlib.suppress(OSError):  # of another process, or not open
                return number if os.path.samestat(os.fstat(number), os.stat(path)) else None
        if not os.path.islink(name):
            return None
        name = os.path.normpath(os.path.join(os.path.dirname(name), os.readlink(name)))
    return None


def _replace(path: Path, data: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:200]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.writelines(data)
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


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


def check_output(option: str, file: Path) -> None:
    """The same of the folder of a file that will be written; a device or a pipe only has to be there.

    Raises:
        BadOption: it cannot be written to; names option and file.
    """
    try:
        stream = _is_stream(file)
    except OSError as error:
        raise BadOption(option, str(file), f"a file that can be written ({error.strerror or error})") from error
    if not stream:
        check_writable(option, Path(os.path.realpath(file)).parent)
    elif not os.access(file, os.W_OK):
        raise BadOption(option, str(file), "a file that can be written (Permission denied)")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
