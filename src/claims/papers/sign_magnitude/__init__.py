"""Claims of "A Geometric Analysis of Sign-Magnitude Asymmetry in a ReLU + RMSNorm Block under Ternary Quantization".

arXiv 2605.18933v1. Experiments live in modules that import neither claims nor closed forms (``theory``), so that what is
measured never depends on what is expected.
"""

from pathlib import Path

from claims.packs import Pack
from claims.paper import load_paper

_SECTIONS = (
    "section3_sign_direction",
    "section4_rmsnorm",
    "section5_single_layer",
    "section6_theorem3",
    "section6_remark2",
    "section6_explanation",
    "table2",
    "section9_ablation",
    "appendix_a_energies",
    "appendix_a_radial",
    "appendix_d_radial",
)

PACK = Pack(
    paper=load_paper("sign-magnitude", Path(__file__).with_name("record.json")),
    modules=tuple(f"{__name__}.{section}" for section in _SECTIONS),
)
