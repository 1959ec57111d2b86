"""Claims of "A Geometric Analysis of Sign-Magnitude Asymmetry in a ReLU + RMSNorm Block under Ternary Quantization".

arXiv 2605.18933v1. Claims stand in ``sections``, closed forms in ``theory``, what is measured in ``experiments`` and
``trained``, printed and released figures in ``figures``; ``names.toml`` has the names that random streams derive from.
"""

from pathlib import Path

from claims import Pack, load_paper

_SECTIONS = (
    "abstract",
    "section3_sign_direction",
    "section4_rmsnorm",
    "section5_single_layer",
    "section6_theorem3",
    "section6_remark2",
    "section6_explanation",
    "table2",
    "section7_depth",
    "section7_depth_limits",
    "section7_variants",
    "section7_mechanism",
    "section7_columns",
    "section7_outliers",
    "section8_theorem4",
    "section8_ternary",
    "section8_equal_norm",
    "section8_genuine_ternary",
    "section8_genuine_norm",
    "table10",
    "section9_ablation",
    "section9_depth_tables",
    "section9_exp_b",
    "section9_models",
    "table8",
    "table8_counts",
    "table9",
    "section9_noise_floor",
    "section9_column_energies",
    "section9_column_flips",
    "section9_trained_depth",
    "trained_weights",
    "trained_amplitudes",
    "trained_exp_f",
    "trained_exp_b",
    "trained_weight_replications",
    "trained_baseline",
    "trained_exp_d",
    "trained_exp_e",
    "trained_exp_e_protocol",
    "trained_flip_replications",
    "trained_exp_g",
    "trained_directions",
    "section10_scope",
    "appendix_a_energies",
    "appendix_a_radial",
    "appendix_b",
    "appendix_d_radial",
    "table17",
    "appendix_e_outliers",
    "appendix_e_leverage",
    "appendix_f_groups",
    "appendix_f_experiment_d",
    "appendix_g",
    "beyond",
    "open_problems",
    "kernel_references",
)

PACK = Pack(
    paper=load_paper("sign-magnitude", Path(__file__).with_name("record.json")),
    modules=tuple(f"{__name__}.sections.{section}" for section in _SECTIONS),
    api="1",
    outline=Path(__file__).with_name("outline.toml"),
    formulas=Path(__file__).with_name("formulas.toml"),
    figures=f"{__name__}.figures.drawn",
)
