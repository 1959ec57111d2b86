"""Making a subject of what the user names: the model is opened and its text counted before anything is measured."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from claims.errors import ModelError, TextError
from claims.models.architecture import LINEARS
from claims.models.fetch import find, model_path
from claims.models.opening import open_checkpoint
from claims.models.published import PUBLISHED
from claims.models.text import read_text
from claims.models.tokenizer import token_ids
from claims.subject import NOBODY, NONE, TOPICS, Subject

#: The model that is taken, if it is here, unless another is named, and the one that verdicts on record are about.
DEFAULT = "smollm2"
#: Tokens that audits of a model take at least: four windows of 512 in each half of the text.
LEAST_TOKENS = 4096


def subject_of(spec: str | None, text: str | None) -> Subject:
    """The subject of ``--model`` and ``--text``; without the former the default model, if it is here.

    Raises:
        ModelError: the model that was named is not here, or something in it is wrong; says what.
        TextError: the text is none, or too short.
    """
    if spec == NONE:
        return replace(NOBODY, spec=NONE)
    source = TOPICS if text is None else text
    words = read_text(source)
    read = Subject(text=source, text_digest=hashlib.sha256(words.encode("utf-8")).hexdigest())
    here = find(PUBLISHED[DEFAULT])
    if spec is None and here is None:
        return replace(read, missing=NOBODY.missing)
    name = DEFAULT if spec is None else spec
    try:
        path = model_path(name)
        tokens = len(token_ids(open_checkpoint(path).tokenizer(), words, source=source))
    except ModelError as error:
        if spec is not None or here is None:
            raise
        return replace(read, missing=str(error).replace(str(here), here.name))
    if tokens < LEAST_TOKENS:
        raise TextError(f"{source}: {tokens:,} tokens; allowed: {LEAST_TOKENS:,} or more, half of them to calibrate on")
    digest = digest_of(path)
    on_record = source == TOPICS and digest == PUBLISHED[DEFAULT].sha256
    found = replace(read, spec=name, path=str(path.resolve()), model_digest=digest, on_record=on_record)
    return replace(found, known=_known(found))


def _known(subject: Subject) -> str:
    """The model that papers report on whose sizes the subject's has, by its name; empty if none."""
    from claims.models import known  # which loads torch: most audits have no model

    models = (model for model in vars(known).values() if isinstance(model, known.KnownModel))
    return next((model.name for model in models if model.has_the_sizes_of(subject)), "")


def describe(subject: Subject) -> str:
    """Model, text, and what they take: one line for before a long run."""
    if not subject.path:
        return f"training on {subject.text}"
    sizes = open_checkpoint(Path(subject.path)).architecture
    millions, gigabytes = sizes.parameters() / 1e6, 4 * sizes.parameters() / 2**30
    matrices = sizes.layers * len(LINEARS)
    return (
        f"{subject.spec} ({sizes.family}, {millions:,.0f} million weights, {matrices} matrices, {gigabytes:.1f} GiB a "
        f"worker in float32) on {subject.text}"
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a model: of its file, or of a folder's files by name that say what it computes."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    parts = sorted([*path.glob("*.safetensors"), *path.glob("*.json")])
    listing = "".join(f"{part.name} {digest_of(part)}\n" for part in parts)
    return hashlib.sha256(listing.encode()).hexdigest()
