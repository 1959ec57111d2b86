"""Claims of "Four Over Six: More Accurate NVFP4 Quantization with Adaptive Block Scaling", arXiv 2512.02010v3."""

from pathlib import Path

from claims import Pack, Paper

PACK = Pack(
    paper=Paper(
        key="four-over-six",
        title="Four Over Six: More Accurate NVFP4 Quantization with Adaptive Block Scaling",
        identifier="arxiv:2512.02010",
        version=3,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in ("abstract", "code", "beyond", "trained")),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
)
