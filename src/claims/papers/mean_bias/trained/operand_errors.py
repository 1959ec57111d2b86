"""NVFP4 error of what a trained model multiplies: plain, with the mean split off, with singular modes, rotated.

X (l tokens, m channels) is the input of a linear map over one window of text, quantized in blocks of 16 along the
channels, W (n, m) the map. A method leaves X + E instead of X, and with quantized weights W + F.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from claims.kernels import RHT_SIGNS, averis_split, hadamard_transform
from claims.models.prepared import decoder, window
from claims.papers.mean_bias.experiments.alternatives import (
    fake_quantized,
    hadamard_error,
    right_vectors,
    spectral_error,
)
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, energy, parts, split_error
from claims.papers.mean_bias.trained.activations import left_modes
from claims.papers.mean_bias.trained.matrices import layer_at, steps

if TYPE_CHECKING:
    from claims.streams import Streams
    from claims.subject import Subject

Record = dict[str, Any]

BLOCK = 16
#: How a method's error is named: of the operand, of the product with W as it is, of the product with quantized W.
ERRORS = ("operand_error", "product", "quantized_product")


def operand_errors(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Squared errors of every method, relative to plain NVFP4, averaged over layers, on one random window.

    Base point: ``tokens`` (l), ``outputs``, how many rows of W are drawn for the products, ``layers``, how many are
    spread evenly over the depth. Sweep: ``operand``, the input of "q", "o", "gate" or "down", or "all", the average
    over these; ``arm``, see ``error_of`` ("plain" must be among them). Quantities, geometric means over layers of the
    ratio to "plain": of squared errors, ``operand_error``, ``product`` and ``quantized_product`` (see ``ERRORS``), and
    of blocks' largest magnitudes, ``range``. Averages over layers: ``varying`` and ``coherent``, the parts of the
    operand's error over that of "plain", ``left``, their sum, and ``removed``, the share of the energy split off.
    """
    subject: Subject = point["subject"]
    model = decoder(subject)
    depths = np.linspace(0, 1, point["layers"])
    wanted = {layer_at(model, float(depth)) for depth in depths}
    generator = streams.torch("outputs")
    operands = [operand for operand in point["operand"] if operand != "all"]
    found: dict[tuple[str, str], list[dict[str, float]]] = {}
    for step in steps(model, window(subject, streams, length=point["tokens"])):
        for operand in operands if step.index in wanted else ():
            weight = model.layer(step.index)[operand]
            rows = torch.randperm(len(weight), generator=generator)[: point["outputs"]]
            measured = measures(step.inputs[operand], weight, rows, arms=point["arm"])
            for arm, record in measured.items():
                found.setdefault((operand, arm), []).append(record)
                found.setdefault(("all", arm), []).append(record)
    return [
        {"operand": operand, "arm": arm} | averaged(found[operand, arm])
        for operand in point["operand"]
        for arm in point["arm"]
    ]


def averaged(records: list[dict[str, float]]) -> dict[str, float]:
    """Geometric means of ratios, averages of shares."""
    geometric = {*ERRORS, "range"}
    found = {}
    for name in records[0]:
        values = np.array([record[name] for record in records])
        found[name] = float(np.exp(np.log(values).mean()) if name in geometric else values.mean())
    return found


def measures(x: Tensor, weight: Tensor, rows: Tensor, *, arms: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The quantities of ``operand_errors`` by arm, for one operand and the outputs ``rows`` of its map."""
    modes = right_modes(x, count=max(4, x.shape[1] // 100))
    exact = weight[rows]
    quantized = {turned: weight_values(weight, turned=turned)[rows] for turned in (False, True)}
    own = {turned: x @ (values - exact).T for turned, values in quantized.items()}  # error of the weights alone
    raw = {}
    for arm in arms:
        error, rest = error_of(x, arm, modes), rest_of(x, arm, modes)
        single, turned = error.float(), arm.startswith("turned")
        raw[arm] = parts(error) | {
            "operand_error": energy(error),
            "product": energy(single @ exact.T),
            "quantized_product": energy(single @ quantized[turned].T + own[turned]),
            "range": float(torch.log(magnitudes(rest)).mean()),
            "removed": 1 - energy(rest) / energy(x),
        }
    plain = raw["plain"]
    return {
        arm: {name: record[name] / plain[name] for name in ERRORS}
        | {name: record[name] / plain["total"] for name in ("varying", "coherent")}
        | {
            "left": record["total"] / plain["total"],
            "range": float(np.exp(record["range"] - plain["range"])),
            "removed": record["removed"],
        }
        for arm, record in raw.items()
    }


def right_modes(x: Tensor, *, count: int) -> Tensor:
    """The leading right singular vectors as columns (m, count), in float64."""
    wide = x.double()
    if x.shape[1] < x.shape[0]:
        return right_vectors(wide)[:, :count]
    left = left_modes(wide)[1][:, :count]  # fewer tokens than channels: the smaller of the two products
    along = wide.T @ left
    modes: Tensor = along / torch.linalg.vector_norm(along, dim=0)
    return modes


def weight_values(weight: Tensor, *, turned: bool) -> Tensor:
    """A weight's values after NVFP4 with blocks along its rows; ``turned``, of its Hadamard transform, turned back."""
    if not turned:
        return fake_quantized(weight).float()
    values = fake_quantized(hadamard_transform(weight, signs=RHT_SIGNS))
    back: Tensor = hadamard_transform(values, signs=RHT_SIGNS, inverse=True)
    return back.float()


def error_of(x: Tensor, arm: str, modes: Tensor) -> Tensor:
    """What a method does to X, in float64.

    Arms: one of ``planted_mean.RECIPES``; "svd <rank>/<factors>", rank 1 or 1% of the channels, factors "exact" or
    "fp4"; "mode <i>", the i-th singular mode alone split off, exactly; "turned", the Hadamard transform of blocks of
    16; "turned <recipe>", of what the recipe leaves.
    """
    name, _, option = arm.partition(" ")
    if name == "svd":
        rank, _, factors = option.partition("/")
        return spectral_error(x, modes[:, : _rank(rank, x)], factors=factors)
    if name == "mode":
        return spectral_error(x, modes[:, int(option) - 1 : int(option)], factors="exact")
    if name != "turned":
        return split_error(x, RECIPES[arm])
    if not option:
        return hadamard_error(x)
    mean, kept = x.mean(0), averis_split(x, recipe=RECIPES[option]).mean
    assert kept is not None  # only recipes that split are turned
    error: Tensor = hadamard_error(x - mean) + (kept.double() - mean.double())
    return error


def rest_of(x: Tensor, arm: str, modes: Tensor) -> Tensor:
    """What a method quantizes in blocks, in float64."""
    name, _, option = arm.partition(" ")
    wide = x.double()
    if name in ("svd", "mode"):
        first = int(option) - 1 if name == "mode" else 0
        last = int(option) if name == "mode" else _rank(option.partition("/")[0], x)
        chosen = modes[:, first:last]
        return wide - (wide @ chosen) @ chosen.T
    rest = wide if arm in ("plain", "turned") else wide - wide.mean(0)
    if name != "turned":
        return rest
    turned: Tensor = hadamard_transform(rest, signs=RHT_SIGNS)
    return turned


def magnitudes(x: Tensor) -> Tensor:
    """Largest magnitude of each block of 16 along the channels that is not all zeros."""
    padded = torch.nn.functional.pad(x, (0, -x.shape[1] % BLOCK))
    largest = padded.abs().view(len(x), -1, BLOCK).amax(2).flatten()
    return largest[largest > 0]


def _rank(rank: str, x: Tensor) -> int:
    return 1 if rank == "1" else max(1, x.shape[1] // 100)
