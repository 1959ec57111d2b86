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

_SIGN_MAGNITUDE = {
    "activations:block": Protocol(run=block.activations, free=("metric",), exact=_TRANSVERSE),
    "depth:stack": Protocol(free=("layer", "metric"), instead=_TEN_THOUSAND),
    "experiments.averaging:own_ratios": Protocol(run=block.own_ratios),
    "geometry:step_kept": Protocol(instead=_TEN_THOUSAND),
    "hidden:hidden_layer": Protocol(
        run=block.hidden_layer, free=("arm",), exact=("total", "gate", "cross", "radial", "fraction", "gates_off")
    ),
    "model:four_way": Protocol(run=block.four_way, free=("metric",)),
    "model:two_layer": Protocol(run=block.two_layer, free=("metric",), exact=_TRANSVERSE),
    "outliers:first_order": Protocol(
        run=outliers.first_order, exact=("sign", "magnitude", "column_sign", "column_magnitude", "column_total")
    ),
    "outliers:single_flip": Protocol(
        run=outliers.single_flip, exact=("energy", "gate_energy", "unit_norm", "isotropic", "correlation", "gate_rate")
    ),
    "outliers:two_groups": Protocol(run=outliers.two_groups, exact=("energy_outliers", "energy_rest", "correlation")),
    "outliers:wide_background": Protocol(run=outliers.wide_background),
    "probes:flipped_share": Protocol(run=outliers.flipped_share, exact=("energy",)),
    "probes:outlier_input": Protocol(run=outliers.outlier_input, exact=("radial", "total")),
    "single_layer:perturbed_layer": Protocol(
        run=block.perturbed_layer, free=("arm",), exact=("energy_plain", "transverse", "radial", "fraction")
    ),
    "ternary:alignment": Protocol(run=quantized.alignment, exact=("cosine2", "chord", "chord2", "angle", "rows")),
    "ternary:gate_quadrants": Protocol(run=quantized.gate_quadrants, exact=("gate_rate",)),
    "ternary:quantized_block": Protocol(
        run=quantized.quantized_block,
        exact=("total", "radial", "cross", "quantized_pre", "quantized_post"),
    ),
    "ternary_probes:quadratic_forms": Protocol(instead=_TEN_THOUSAND),
    "ternary_probes:second_layer": Protocol(instead=_TEN_THOUSAND),
    "ternary_probes:two_norms": Protocol(instead=_TEN_THOUSAND),
}

_ARMS = Protocol(free=("arm",))
_MEAN_BIAS = {
    "alternatives:operand_alternatives": _ARMS,
    "alternatives:rounding": Protocol(free=("arm", "rounding")),
    "averis:batch_of_one": Protocol(free=("arm", "batch")),
    "averis:later_token": _ARMS,
    "dose:input_gradient_error": _ARMS,
    "dose:operand_error": _ARMS,
    "dose:product_error": _ARMS,
    "dose:weight_gradient_error": _ARMS,
    "exceedance:counts": Protocol(free=("tokens",)),
    "formats:normal_error": _ARMS,
    "mechanisms:attention_arms": Protocol(free=("weights",)),
    "mechanisms:residual_stream": Protocol(free=("depth",)),
}

#: By the name of the experiment.
PROTOCOLS: dict[str, Protocol] = {
    f"claims.papers.sign_magnitude.{name}": protocol for name, protocol in _SIGN_MAGNITUDE.items()
} | {f"claims.papers.mean_bias.experiments.{name}": protocol for name, protocol in _MEAN_BIAS.items()}


def protocol_of(name: str) -> Protocol:
    """The straightforward protocol of an experiment by its name."""
    return PROTOCOLS.get(name, Protocol())
