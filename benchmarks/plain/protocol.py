"""What a straightforward protocol is, and the table of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.plain import block, outliers, quantized
from benchmarks.plain.common import INPUTS

__all__ = ["INPUTS", "PROTOCOLS", "Protocol", "protocol_of"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How an experiment's quantities are measured the straightforward way.

    ``run`` is the function, None for the experiment itself. ``free`` names the axes of the sweep all of whose levels
    one run of it gives; each level of the others is a run. ``instead`` overrides coordinates of the base point.
    ``exact`` are its quantities whose mean is that of the experiment at every size, to which a test holds both.
    ``why`` says what there is to gain where that is less than five times.
    """

    run: Callable[..., Any] | None = None
    free: tuple[str, ...] = ()
    instead: Mapping[str, Any] = field(default_factory=dict)
    exact: tuple[str, ...] = ()
    why: str = ""


_TRANSVERSE = ("transverse_sign", "transverse_magnitude")
_TEN_THOUSAND = {"inputs": INPUTS}

_DEFINED = "what is claimed is drawn as it is defined, and no part of it has a known mean"
_QUANTIZED = "the error of a quantized matrix as it is defined: no part of it has a known mean"
_DECOMPOSED = "one decomposition of one matrix: no part of it has a known mean"
_EXTREME = "the largest entries decide, of which no mean over all entries tells anything"
_MOMENTS = "moments of the draws are what is claimed: with their exact means nothing would be measured"

_SIGN_MAGNITUDE = {
    "activations:block": Protocol(run=block.activations, free=("metric",), exact=_TRANSVERSE),
    "depth:stack": Protocol(free=("layer", "metric"), instead=_TEN_THOUSAND),
    "experiments.averaging:own_ratios": Protocol(
        run=block.own_ratios, why="how inputs' own ratios spread is what is claimed, behind a projection that is drawn"
    ),
    "geometry:step_kept": Protocol(instead=_TEN_THOUSAND, why=_MOMENTS),
    "hidden:hidden_layer": Protocol(
        run=block.hidden_layer, free=("arm",), exact=("total", "gate", "cross", "radial", "fraction", "gates_off")
    ),
    "model:four_way": Protocol(
        run=block.four_way, free=("metric",), why="the projection is drawn, as what it does is what is claimed"
    ),
    "model:two_layer": Protocol(
        run=block.two_layer,
        free=("metric",),
        exact=_TRANSVERSE,
        why="more would come from the flips' realised number, whose mean is known, at the cost of a bias",
    ),
    "outliers:first_order": Protocol(
        run=outliers.first_order,
        exact=("sign", "magnitude", "column_sign", "column_magnitude", "column_total"),
        why="all single flips are added up, which costs as many products as there are columns",
    ),
    "outliers:single_flip": Protocol(
        run=outliers.single_flip, exact=("energy", "gate_energy", "unit_norm", "isotropic", "correlation", "gate_rate")
    ),
    "outliers:two_groups": Protocol(run=outliers.two_groups, exact=("energy_outliers", "energy_rest", "correlation")),
    "outliers:wide_background": Protocol(run=outliers.wide_background),
    "probes:flip_norm": Protocol(why=_MOMENTS),
    "probes:flipped_share": Protocol(run=outliers.flipped_share, exact=("energy",)),
    "probes:outlier_input": Protocol(run=outliers.outlier_input, exact=("radial", "total")),
    "probes:pre_activations": Protocol(why=_MOMENTS),
    "probes:projection": Protocol(why=_MOMENTS),
    "single_layer:perturbed_layer": Protocol(
        run=block.perturbed_layer,
        free=("arm",),
        exact=("energy_plain", "transverse", "radial", "fraction"),
        why="claims are about the mean over inputs without controls, beside its exact value",
    ),
    "ternary:alignment": Protocol(
        run=quantized.alignment,
        exact=("cosine2", "chord", "chord2", "angle", "rows"),
        why="the variance over inputs is claimed too, and has no controls",
    ),
    "ternary:gate_quadrants": Protocol(
        run=quantized.gate_quadrants,
        exact=("gate_rate",),
        why="which gates switch decides, of which norms do not tell: controls were tried, and gained nothing",
    ),
    "ternary:quantized_block": Protocol(
        run=quantized.quantized_block, exact=("total", "radial", "cross", "quantized_pre", "quantized_post")
    ),
    "ternary_probes:codes": Protocol(why=_DEFINED),
    "ternary_probes:operator_norms": Protocol(why=_DEFINED),
    "ternary_probes:quadratic_forms": Protocol(instead=_TEN_THOUSAND, why=_MOMENTS),
    "ternary_probes:row_scales": Protocol(why=_MOMENTS),
    "ternary_probes:second_layer": Protocol(instead=_TEN_THOUSAND),
    "ternary_probes:two_norms": Protocol(
        why="the magnitude of a difference hangs on how many inputs it is taken over, of which the claim has few"
    ),
    "vectors:sign_projection": Protocol(why=_DEFINED),
    "vectors:weight_vectors": Protocol(why=_MOMENTS),
}

_ARMS = Protocol(free=("arm",), why=_QUANTIZED)
_MEAN_BIAS = {
    "activation_means:gated_unit": Protocol(
        why="the mirror image of a draw would make the mean exact, which is what is claimed"
    ),
    "activation_means:swiglu_share": Protocol(why=_DEFINED),
    "alternatives:mode_removal": Protocol(why=_DECOMPOSED),
    "alternatives:operand_alternatives": _ARMS,
    "alternatives:rounding": Protocol(free=("arm", "rounding"), why=_QUANTIZED),
    "averis:batch_of_one": Protocol(free=("arm", "batch"), why=_QUANTIZED),
    "averis:later_token": _ARMS,
    "dose:input_gradient_error": _ARMS,
    "dose:operand_error": _ARMS,
    "dose:product_error": _ARMS,
    "dose:weight_gradient_error": _ARMS,
    "exceedance:counts": Protocol(free=("tokens",), why=_MOMENTS),
    "formats:block_maxima": Protocol(why=_EXTREME),
    "formats:extremes": Protocol(why=_QUANTIZED),
    "formats:normal_error": _ARMS,
    "formats:rounded_level": Protocol(why=_MOMENTS),
    "formats_libraries:torchao_bfloat16": Protocol(why="another library is asked, which takes the time"),
    "geometry:mode_removal": Protocol(why=_DECOMPOSED),
    "geometry:planted_modes": Protocol(why=_DECOMPOSED),
    "geometry:projected_signs": Protocol(why=_MOMENTS),
    "maxima:maxima": Protocol(why=_EXTREME),
    "mechanisms:attention_arms": Protocol(free=("weights",), why=_DEFINED),
    "mechanisms:residual_identity": Protocol(why=_MOMENTS),
    "mechanisms:residual_stream": Protocol(free=("depth",), why=_MOMENTS),
    "mechanisms:token_frequencies": Protocol(why=_MOMENTS),
    "mechanisms:width": Protocol(why=_MOMENTS),
    "outliers:attribution": Protocol(why=_EXTREME),
    "outliers:crowded_blocks": Protocol(why=_QUANTIZED),
    "outliers:reached_blocks": Protocol(why=_DEFINED),
    "outliers:three_way": Protocol(why=_EXTREME),
}

#: By the name of the experiment.
PROTOCOLS: dict[str, Protocol] = {
    f"claims.papers.sign_magnitude.{name}": protocol for name, protocol in _SIGN_MAGNITUDE.items()
} | {f"claims.papers.mean_bias.experiments.{name}": protocol for name, protocol in _MEAN_BIAS.items()}


def protocol_of(name: str) -> Protocol:
    """The straightforward protocol of an experiment by its name."""
    return PROTOCOLS.get(name, Protocol())
