"""Claims of "Quartet II: Accurate LLM Pre-Training in NVFP4 by Improved Unbiased Gradient Estimation"."""

from pathlib import Path

from claims import Pack, Paper

PACK = Pack(
    paper=Paper(
        key="quartet-ii",
        title="Quartet II: Accurate LLM Pre-Training in NVFP4 by Improved Unbiased Gradient Estimation",
        identifier="arxiv:2601.22813",
        version=2,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in ("distortion", "unbiased", "choice")),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
)
