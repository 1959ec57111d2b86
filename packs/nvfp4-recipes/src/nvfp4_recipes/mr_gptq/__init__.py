"""Claims of "Bridging the Gap Between Promise and Performance for Microscaling FP4 Quantization", arXiv 2509.23202."""

from pathlib import Path

from claims import Pack, Paper

PACK = Pack(
    paper=Paper(
        key="mr-gptq",
        title="Bridging the Gap Between Promise and Performance for Microscaling FP4 Quantization",
        identifier="arxiv:2509.23202",
        version=3,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in ("groups", "rotation", "scales", "trained")),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
)
