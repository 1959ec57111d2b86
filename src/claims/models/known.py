"""Models that papers report on, told by their sizes, so that what is about one of them is never run on another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from claims.models.prepared import decoder
from claims.models.text import read_text

if TYPE_CHECKING:
    from claims.subject import Subject

#: The text of the papers' perplexities, as a requirement names it.
WIKITEXT = "WikiText-2 raw test"
#: How that text begins.
_FIRST_HEADING = "= Robert Boulter ="


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A published model. A fine-tuned one of the same sizes cannot be told from it.

    Attributes:
        name: as its authors call it.
        family: as in ``claims.models.architecture``.
        layers: number of layers.
        width: of the residual stream.
        heads: of the queries.
        kv_heads: of keys and values.
        hidden: width inside the MLP.
        vocabulary: number of tokens.
    """

    name: str
    family: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    hidden: int
    vocabulary: int

    def has_the_sizes_of(self, subject: Subject) -> bool:
        """Whether the subject's model has this one's sizes; reads its header only."""
        found = decoder(subject).architecture
        sizes = ("family", "layers", "width", "heads", "kv_heads", "hidden", "vocabulary")
        return all(getattr(found, size) == getattr(self, size) for size in sizes)

    def require(self, subject: Subject, what: str, *, text: str = "") -> None:
        """Refuse to replicate "Exp D" or "Table 6" on another model, or, if ``text`` is WIKITEXT, on another text.

        To be called before anything is measured.

        Raises:
            Unavailable: says which model and text are needed, and the command.
        """
        found = self.has_the_sizes_of(subject) and (text != WIKITEXT or is_wikitext_test(subject))
        wanted = f"replicates {what} on {self.name} ({self.layers} layers, width {self.width})"
        option = " --text wiki.test.raw" if text else ""
        on = f", text {text}" if text else ""
        subject.require(found, f"{wanted}{on}: claimbench audit role:replication --model FOLDER{option}")


def is_wikitext_test(subject: Subject) -> bool:
    """Whether the subject's text is the test part of WikiText-2 in its raw form (told by its first heading)."""
    return read_text(subject.text).lstrip().startswith(_FIRST_HEADING)


TINYLLAMA = KnownModel(
    name="TinyLlama-1.1B-3T",
    family="llama",
    layers=22,
    width=2048,
    heads=32,
    kv_heads=4,
    hidden=5632,
    vocabulary=32_000,
)
QWEN25_05B = KnownModel(
    name="Qwen2.5-0.5B",
    family="qwen2",
    layers=24,
    width=896,
    heads=14,
    kv_heads=2,
    hidden=4864,
    vocabulary=151_936,
)
QWEN25_15B = KnownModel(
    name="Qwen2.5-1.5B",
    family="qwen2",
    layers=28,
    width=1536,
    heads=12,
    kv_heads=2,
    hidden=8960,
    vocabulary=151_936,
)
QWEN25_3B = KnownModel(
    name="Qwen2.5-3B",
    family="qwen2",
    layers=36,
    width=2048,
    heads=16,
    kv_heads=2,
    hidden=11_008,
    vocabulary=151_936,
)
QWEN3_06B = KnownModel(
    name="Qwen3-0.6B",
    family="qwen3",
    layers=28,
    width=1024,
    heads=16,
    kv_heads=8,
    hidden=3072,
    vocabulary=151_936,
)
