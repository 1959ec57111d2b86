"""Claims of "The Curse and Blessing of Mean Bias in FP4-Quantized LLM Training" (Averis), arXiv 2603.10444v1.

Experiments live in modules that import neither claims nor closed forms (``theory``), so that what is measured never
depends on what is expected. What needs a trained model or a training run is listed with that reason.
"""

from claims.packs import Pack
from claims.paper import Paper

_SECTIONS: tuple[str, ...] = ()

PACK = Pack(
    paper=Paper(
        key="mean-bias",
        title="The Curse and Blessing of Mean Bias in FP4-Quantized LLM Training",
        identifier="arxiv:2603.10444",
        version=1,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in _SECTIONS),
)
