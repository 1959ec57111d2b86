"""Means behind activations and gates (section 3, eq. 3): quadrature, and draws of a gated unit.

Inputs have a symmetric law with mean 0 and variance ``sigma``^2: "gaussian", "laplace", "uniform" or "two-point".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from claims.papers.mean_bias.experiments.rows import EPS, Array, Record, energy, share_of_mean, unit_direction

if TYPE_CHECKING:
    from claims.streams import Streams

Function = Callable[[Array], Array]

#: Relative error that the quadrature is held to: sixty panels of twenty nodes over smooth pieces.
QUADRATURE_ERROR = 1e-12
_PANELS, _NODES = 60, 20

ACTIVATIONS: dict[str, Function] = {
    "relu": lambda z: np.maximum(z, 0),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "log-sigmoid": lambda z: -np.logaddexp(0, -z),
    "centred-square": lambda z: z * z - 1,
    "minus-square": lambda z: -z * z,
    "tanh": np.tanh,
}


def half_law(law: str, sigma: float) -> tuple[Array, Array]:
    """Nodes z > 0 and weights, summing to 1/2, of one side of a symmetric law of standard deviation ``sigma``."""
    if law == "two-point":
        return np.array([sigma]), np.array([0.5])
    reach = {"gaussian": 12.0, "laplace": 40.0, "uniform": math.sqrt(3)}.get(law)
    if reach is None:
        raise ValueError(f"law: gaussian, laplace, uniform or two-point, got {law!r}")
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    width = reach / _PANELS
    z = (np.arange(_PANELS)[:, None] + (nodes + 1) / 2).ravel() * width
    mass = np.tile(weights, _PANELS) * width / 2
    if law == "gaussian":
        return sigma * z, mass * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    if law == "laplace":
        return sigma * z, mass * np.exp(-math.sqrt(2) * z) / math.sqrt(2)
    return sigma * z, mass / (2 * math.sqrt(3))


def activation_mean(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """E phi(z), the mean of its even part and the mean share behind it, by quadrature over both sides apart.

    Base point: ``sigma``. Sweep: ``activation``, ``law``. Quantities: ``mean`` = E phi, ``share`` = (E phi)^2/E phi^2,
    which is the share of the energy in the mean for many tokens, 0 where phi vanishes.
    """
    records = []
    for law in point["law"]:
        z, weights = half_law(law, float(point["sigma"]))
        for name in point["activation"]:
            phi = ACTIVATIONS[name]
            mean = float(weights @ phi(z) + weights @ phi(-z))
            square = float(weights @ phi(z) ** 2 + weights @ phi(-z) ** 2)
            share = mean * mean / square if square else 0.0
            records.append({"activation": name, "law": law, "mean": mean, "share": share})
    return records


def even_part(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """E phi(z) against the mean of (phi(z) + phi(-z))/2 at a drawn scale between .1 and 10.

    Sweep: ``activation``, ``law``. Quantities: ``mean``, ``even``, ``planted`` (the even part about a point off by a
    hundredth of the scale) and ``bound``, the rounding of sums of 1,200 terms.
    """
    sigma = 10 ** float(streams.numpy("scale").uniform(-1, 1))
    records = []
    for law in point["law"]:
        z, weights = half_law(law, sigma)
        for name in point["activation"]:
            phi = ACTIVATIONS[name]
            off = 0.01 * sigma
            size = float(weights @ (np.abs(phi(z)) + np.abs(phi(-z))))
            records.append(
                {
                    "activation": name,
                    "law": law,
                    "mean": float(weights @ phi(z) + weights @ phi(-z)),
                    "even": float(2 * weights @ ((phi(z) + phi(-z)) / 2)),
                    "planted": float(weights @ phi(z + off) + weights @ phi(off - z)),
                    "bound": 4 * QUADRATURE_ERROR * max(size, 1e-3),
                }
            )
    return records


def gated_unit(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """SwiGLU's product SiLU(g) u for centred (g, u) of unit variances, over drawn pairs.

    Base point: ``pairs``. Sweep: ``correlation``, ``law`` of two independent variables a, b of unit variance: g = a,
    u = rho a + sqrt(1 - rho^2) b; all share draws. Quantities: ``mean`` of SiLU(g) u; the first pair's ``folded`` =
    (SiLU(g) u + SiLU(-g)(-u))/2, ``half_product`` = g u/2, ``planted`` with the mirrored product one per cent too
    large, and ``bound``, eight roundings.
    """
    generator = streams.numpy("pairs")
    uniforms = generator.uniform(-1, 1, (2, int(point["pairs"])))
    laws = {
        "gaussian": generator.standard_normal((2, int(point["pairs"]))),
        "laplace": np.sign(uniforms) * -np.log1p(-np.abs(uniforms)) / math.sqrt(2),
        "two-point": np.sign(uniforms),
    }
    records = []
    for law in point["law"]:
        a, b = laws[law]
        for rho in point["correlation"]:
            g, u = a, rho * a + math.sqrt(1 - rho * rho) * b
            gate, opposite = g * special.expit(g) * u, -g * special.expit(-g) * -u
            product = g[0] * u[0] / 2
            records.append(
                {
                    "law": law,
                    "correlation": rho,
                    "mean": float(gate.mean()),
                    "folded": float(gate[0] + opposite[0]) / 2,
                    "half_product": float(product),
                    "planted": float(gate[0] + 1.01 * opposite[0]) / 2,
                    "bound": 8 * EPS * abs(float(g[0] * u[0])),
                }
            )
    return records


def swiglu_share(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Mean share before and after SwiGLU with independent Gaussian gate and up projections.

    Base point: ``tokens``, ``channels`` (in), ``neurons`` (out). Sweep: ``shift`` (mean a channel of the input over its
    noise); all share draws. The input is scaled to unit energy an entry. Quantities: ``before``, ``after`` (shares),
    ``silu``, the share of SiLU of the gate's values alone, and ``mean_energy`` and ``energy`` of the output, a token
    and neuron.
    """
    tokens, channels, neurons = int(point["tokens"]), int(point["channels"]), int(point["neurons"])
    generator = streams.numpy("draws")
    noise, direction = generator.standard_normal((tokens, channels)), unit_direction(generator, channels)
    gate, up = generator.standard_normal((2, neurons, channels)) / math.sqrt(channels)
    records = []
    for shift in point["shift"]:
        x = (shift * direction + noise) / math.sqrt(1 + shift * shift)
        g = x @ gate.T
        silu = g * special.expit(g)
        y = silu * (x @ up.T)
        records.append(
            {
                "shift": shift,
                "before": share_of_mean(x),
                "after": share_of_mean(y),
                "silu": share_of_mean(silu),
                "mean_energy": energy(y.mean(0)) / neurons,
                "energy": energy(y) / (tokens * neurons),
            }
        )
    return records
