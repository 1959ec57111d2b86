"""Deep stacks of perturbed layers (paper, sections 7.1 and 9.4) as experiments.

A clean stream and two perturbed ones go through the same fresh Gaussian weights, with every layer's first projection
perturbed: by sign flips, or by the magnitude step with the flips' realised norm in that layer. The paper's two names
stand for two implementations each:

=====  =========  ==========  ========  ========
name   behind     projection  residual  norm
=====  =========  ==========  ========  ========
V2     Table 15   gaussian    no        stream
V2     Figure 2   none        no        stream
V3     Table 16   gaussian    yes       stream
V3     Figure 2   none        yes       branch
=====  =========  ==========  ========  ========
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import transverse_energy
from claims.papers.sign_magnitude.experiments.blocks import (
    Record,
    dtype_of,
    energy,
    flip_change,
    gaussian_matrix,
    inner,
    matched_size,
    sphere,
)
from claims.streams import Streams

#: Hidden units per input of a layer with a second projection, as in the authors' script (2048 for 512).
_EXPANSION = 4
_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "silu": torch.nn.functional.silu,
    "linear": lambda h: h,
}


def stack(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Transverse energies of both perturbations after each layer.

    Base point: width, inputs, flip_rate, dtype; residual; projection ("none", "gaussian": clean, from four times the
    width); norm ("stream": outputs are normalised; "branch": only a layer's input is; "none"); activation ("relu",
    "silu", "linear"); between ("kept", "refreshed": see ``refreshed``). Sweep: layer (from 1), metric ("pre": outputs
    as they are before their own normalisation, "post": the squared sine of their angle).

    Quantities: ``transverse_sign``, ``transverse_magnitude`` (sums over inputs), their ratio ``c`` and ``log_c``; in
    either metric's record ``radial_sign`` and ``radial_magnitude``, the radial over the total energy of the change.
    """
    weights, between = streams.torch("weights"), streams.torch("between")
    clean = sphere(streams.torch("inputs"), point["inputs"], point["width"], dtype=dtype_of(point))
    arms = [clean, clean, clean]
    records = []
    for layer in range(1, max(point["layer"]) + 1):
        arms = _layer(point, arms, weights, streams.key(f"flips {layer}"))
        if layer in point["layer"]:
            records += _records(layer, point["metric"], *arms)
        if point["norm"] == "stream":
            arms = [_unit(y) for y in arms]
        if point["between"] == "refreshed":
            arms = refreshed(arms, between)
    return records


def _layer(point: Mapping[str, Any], arms: list[Tensor], weights: torch.Generator, key: int) -> list[Tensor]:
    """The three streams after a layer of fresh weights, before any normalisation of the output."""
    width, dtype, act = point["width"], dtype_of(point), _ACTIVATIONS[point["activation"]]
    projected = point["projection"] == "gaussian"
    up = gaussian_matrix(weights, _EXPANSION * width if projected else width, width, dtype=dtype)
    down = gaussian_matrix(weights, width, _EXPANSION * width, dtype=dtype) if projected else None
    flips = flip_change(up, flip_rate=point["flip_rate"], key=key)
    step = matched_size(energy(flips), int(torch.count_nonzero(up))) * torch.sign(up)
    outputs = []
    for y, weight in zip(arms, (up, up + flips, up + step), strict=True):
        branch = act((y if point["norm"] == "none" else _unit(y)) @ weight.T)
        if down is not None:
            branch = branch @ down.T
        outputs.append(y + branch if point["residual"] else branch)
    return outputs


def _unit(y: Tensor) -> Tensor:
    unit: Tensor = y / torch.linalg.vector_norm(y, dim=1, keepdim=True)
    return unit


def refreshed(arms: list[Tensor], generator: torch.Generator) -> list[Tensor]:
    """The three streams of every input turned by a random rotation of its own.

    Norms and angles between the streams stay; directions become uniform on the sphere and independent between inputs,
    so that every layer gets inputs as isotropic as the first one's.
    """
    streams = torch.stack(arms, dim=-1).double()
    factor = torch.linalg.qr(streams, mode="r").R
    frame, triangle = torch.linalg.qr(torch.randn(streams.shape, generator=generator, dtype=torch.float64))
    frame = frame * torch.sign(torch.diagonal(triangle, dim1=-2, dim2=-1)).unsqueeze(-2)  # without it, half the frames
    turned = (frame @ factor).to(arms[0].dtype)
    return list(turned.unbind(-1))


def _records(layer: int, metrics: tuple[str, ...], clean: Tensor, flipped: Tensor, stepped: Tensor) -> list[Record]:
    energies: dict[str, list[float]] = {"pre": [], "post": [], "radial": []}
    for moved in (flipped, stepped):
        total, radial, transverse = transverse_energy(clean, moved - clean)
        energies["pre"].append(float(transverse.sum()))
        energies["post"].append(float((transverse / inner(moved, moved)).sum()))
        energies["radial"].append(float(radial.sum() / total.sum()))
    radial_sign, radial_magnitude = energies.pop("radial")
    records = []
    for metric in metrics:
        sign, magnitude = energies[metric]
        records.append(
            {
                "layer": layer,
                "metric": metric,
                "transverse_sign": sign,
                "transverse_magnitude": magnitude,
                "c": sign / magnitude,
                "log_c": math.log(sign / magnitude),
                "radial_sign": radial_sign,
                "radial_magnitude": radial_magnitude,
            }
        )
    return records
