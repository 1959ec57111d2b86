"""What claims about trained models are measured on: a model and a text, known by their contents."""

from __future__ import annotations

import os
from dataclasses import dataclass

from claims.errors import Unavailable

#: The text that is always there: the language reference that CPython's ``help()`` shows, PSF licence.
TOPICS = "python-topics"
#: No model: what needs one, or a training run, is left out.
NONE = "none"
#: What an experiment may need besides its point and its streams: a trained model with a text, or a text alone.
NEEDS = ("", "model", "text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model and a text. Evidence belongs to the digests; the paths only say where they are today.

    Attributes:
        spec: the model as the user named it; empty if none was.
        path: its file or folder; empty if it is not here.
        known: which published model it has the sizes of, by its name in ``claims.models.known``; empty if none.
        model_digest: SHA-256 of its contents; empty if it is not here.
        text: the name or the file of the text; empty if there is none.
        text_digest: SHA-256 of the text.
        on_record: whether the verdicts on record are about this very model.
        missing: what is not here, and how to get it; empty if nothing is missing.
    """

    spec: str = ""
    path: str = ""
    known: str = ""
    model_digest: str = ""
    text: str = ""
    text_digest: str = ""
    on_record: bool = False
    missing: str = ""

    @property
    def model_name(self) -> str:
        """The model's name; of a path the last part."""
        return _last(self.spec)

    @property
    def text_name(self) -> str:
        """The text's name; of a path the last part."""
        return _last(self.text)

    def lacks(self, needs: str) -> str:
        """Why what needs this cannot be measured on the subject; empty if it can."""
        if needs == "model" and not self.path:
            return self.missing
        return _NO_TRAINING if needs == "text" and not self.text else ""

    def identity(self, needs: str) -> dict[str, str] | None:
        """What evidence depends on of the subject."""
        if not needs:
            return None
        return {"text": self.text_digest} | ({"model": self.model_digest} if needs == "model" else {})

    def words(self) -> dict[str, str]:
        """What a report says of it: model and text with the beginning of their digests; nothing of what is not here.

        Results are published: of a model or text that was given as a path they have the last name of that path.
        """
        named = {"model": (self.model_name, self.model_digest), "text": (self.text_name, self.text_digest)}
        return {key: f"{name} {digest[:12]}" for key, (name, digest) in named.items() if digest}

    def public(self, text: str | None) -> str | None:
        """A text without the paths under which model and text are found here: names stand in their place."""
        places = {self.path: self.model_name, self.spec: self.model_name, self.text: self.text_name}
        for place in sorted(filter(None, places), key=len, reverse=True):
            text = text and text.replace(place, places[place])
        return text

    def require(self, found: bool, wanted: str) -> None:
        """Refuse to measure what is about another model or text than this one.

        Raises:
            Unavailable: unless ``found``; ``wanted`` says what it is about, and the command that would run it.
        """
        if not found:
            raise Unavailable(f"{wanted}; this is {self.model_name} on {self.text_name}")


def _last(spec: str) -> str:
    """The last part of a path, which may be relative or end in dots; a name is its own."""
    return os.path.basename(os.path.abspath(spec)) if spec else ""


_NO_TRAINING = "needs a training run of minutes: leave out --model none"
#: No model was asked for.
NOBODY = Subject(missing="needs a trained model: claimbench models get smollm2, then audit with --model smollm2")
