"""What the choice between two scales a block does to drawn matrices, and where an NVFP4 block has its error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import BlockScaled, dequantize, e4m3_decode, e4m3_encode, nvfp4_quantize
from claims.streams import Streams
from nvfp4_recipes.numerics.blocks import nearest
from nvfp4_recipes.numerics.drawn import Record, matrix, relative_error

#: Options of ``nvfp4_quantize`` by the name of an arm; "four" is not among them, see ``always_four``.
ARMS: dict[str, dict[str, Any]] = {
    "six": {"largest_scale": 256},
    "squared": {"largest_scale": 256, "four_over_six": "squared"},
    "absolute": {"largest_scale": 256, "four_over_six": "absolute"},
    "six/448": {"largest_scale": 448},
    "squared/448": {"largest_scale": 448, "four_over_six": "squared"},
    "six/tiles": {"largest_scale": 256, "tile": "16x16"},
    "squared/tiles": {"largest_scale": 256, "tile": "16x16", "four_over_six": "squared"},
}
_BLOCK = 16
#: Element that a block is put near, and largest scale, of ``always_four``.
_FOUR, _LARGEST_SCALE = 4.0, 256.0
#: Above this share of its block's largest element and below that element E2M1 has no value.
_LAST_STEP = 4 / 6


def _values(q: BlockScaled) -> Tensor:
    values: Tensor = dequantize(q, dtype=torch.float64)
    return values


def always_four(x: Tensor) -> Tensor:
    """Values where every block has the scale that puts its largest element near 4; float64."""
    blocks = x.double().reshape(-1, _BLOCK)
    unit = blocks.abs().max() / (6 * _LARGEST_SCALE)
    steps = blocks.abs().amax(1, keepdim=True) / (_FOUR * unit)
    rounded = e4m3_decode(e4m3_encode(steps), dtype=torch.float64) * unit
    return (nearest(blocks / rounded, "e2m1") * rounded).reshape(x.shape)


def errors(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Errors of every arm on one matrix of each law.

    Base point: elements. Sweep: law; arm, one of ``ARMS`` or "four". Quantities: ``error``, squared and relative to the
    energy; ``absolute``, the sum of absolute errors over that of magnitudes; ``moved``, the share of blocks (or tiles)
    whose scale is another one than that of the arm without a choice, zero for arms that have none.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        plain = {name: nvfp4_quantize(x, **options) for name, options in ARMS.items() if name.startswith("six")}
        for arm in point["arm"]:
            if arm == "four":
                values, moved = always_four(x), 1.0
            else:
                q = nvfp4_quantize(x, **ARMS[arm])
                scales = plain[arm.replace("squared", "six").replace("absolute", "six")].scales
                values, moved = _values(q), float((q.scales != scales).double().mean())
            absolute = float((values - x.double()).abs().sum() / x.double().abs().sum())
            record = {"error": relative_error(values, x), "absolute": absolute, "moved": moved}
            records.append({"law": law, "arm": arm} | record)
    return records


def near_maximal(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Where standard NVFP4 has its error: among elements between 4/6 of their block's largest one and that one.

    Base point: elements. Sweep: law. Quantities: ``excess``, mean squared error of such an element over that of all
    elements; ``share``, their part of the squared error; ``count``, their part of the elements.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        off = (_values(nvfp4_quantize(x)) - x.double()).square().reshape(-1, _BLOCK)
        size = x.double().abs().reshape(-1, _BLOCK)
        largest = size.amax(1, keepdim=True)
        near = (size > _LAST_STEP * largest) & (size < largest)
        share, count = float((off * near).sum() / off.sum()), float(near.double().mean())
        records.append({"law": law, "excess": share / count, "share": share, "count": count})
    return records


def scales(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """What rounding the scales to E4M3 adds, and what rounding the elements to E2M1.

    Base point: elements. Sweep: law. Quantities, squared errors relative to the energy: ``both``; ``elements``, with
    scales that are not rounded; ``scales``, what is left where elements are not rounded but for what exceeds the grid.
    """
    records = []
    for law in point["law"]:
        x = matrix(law, point["elements"], streams.numpy(law))
        blocks = x.double().reshape(-1, _BLOCK)
        exact = blocks.abs().amax(1, keepdim=True) / 6
        unit = exact.max() / 448
        rounded = e4m3_decode(e4m3_encode(exact / unit), dtype=torch.float64) * unit
        arms = {
            "both": nearest(blocks / rounded, "e2m1") * rounded,
            "elements": nearest(blocks / exact, "e2m1") * exact,
            "scales": torch.clamp(blocks / rounded, -6, 6) * rounded,
        }
        records.append({"law": law} | {name: relative_error(values, blocks) for name, values in arms.items()})
    return records
