"""Claims of "The Curse and Blessing of Mean Bias in FP4-Quantized LLM Training" (Averis), arXiv 2603.10444v1.

Claims stand in ``sections``, closed forms in ``theory``, printed figures in ``figures``. What is measured imports none
of these, so that it never depends on what is expected: drawn data in ``experiments``, trained models in ``trained``,
training runs in ``training``.
"""

from pathlib import Path

from claims import Pack, Paper

_SECTIONS = (
    "abstract",
    "section2_geometry",
    "section2_modes",
    "section3_mean_share",
    "section3_activations",
    "section3_mixing",
    "section3_width",
    "section4_outliers",
    "section4_blocks",
    "section4_theorem1",
    "section4_theorem2",
    "section4_theorem3",
    "section4_maxima",
    "section5_averis",
    "section5_dose",
    "section5_products",
    "section5_weight_gradient",
    "section5_alternatives",
    "section5_modes",
    "section5_cost",
    "section6_setup",
    "section6_formats",
    "section6_formats_rounding",
    "section6_formats_libraries",
    "training_means",
    "training_embedding",
    "training_natural",
    "training_planted",
    "table1",
    "table1_significance",
    "table1_average",
    "later_version",
    "trained_activations",
    "trained_mean_share",
    "trained_embedding",
    "trained_emergence",
    "trained_extremes",
    "trained_operands",
    "trained_alternatives",
    "trained_gradients",
    "trained_loss",
    "trained_remedies",
    "trained_published",
    "kernel_references",
)

PACK = Pack(
    paper=Paper(
        key="mean-bias",
        title="The Curse and Blessing of Mean Bias in FP4-Quantized LLM Training",
        identifier="arxiv:2603.10444",
        version=1,
    ),
    modules=tuple(f"{__name__}.sections.{section}" for section in _SECTIONS),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
    formulas=Path(__file__).with_name("formulas.toml"),
    figures=f"{__name__}.figures.drawn",
)
