"""Claims of "Rethinking Shrinkage Bias in LLM FP4 Pretraining: Geometric Origin, Systemic Impact, and UFP4 Recipe"."""

from pathlib import Path

from claims import Pack, Paper

PACK = Pack(
    paper=Paper(
        key="ufp4",
        title="Rethinking Shrinkage Bias in LLM FP4 Pretraining: Geometric Origin, Systemic Impact, and UFP4 Recipe",
        identifier="arxiv:2606.20381",
        version=1,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in ("origin", "impact", "rotation")),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
)
