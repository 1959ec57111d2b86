"""Claims of "Bitnet.cpp: Efficient Edge Inference for Ternary LLMs", arXiv 2502.11880, and of its published kernels."""

from pathlib import Path

from claims import Pack, Paper

PACK = Pack(
    paper=Paper(
        key="bitnet-cpp",
        title="Bitnet.cpp: Efficient Edge Inference for Ternary LLMs",
        identifier="arxiv:2502.11880",
        version=1,
    ),
    modules=(f"{__name__}.sections.accumulation",),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
)
