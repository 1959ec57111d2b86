"""Experiments on weight vectors (section 3): direction kept by signs, by magnitudes, and row scales.

Rows are weight vectors. Every size in a sweep cuts the same stream of entries into rows, so that sizes share
their draws and a Richardson extrapolation over n does not amplify the noise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from claims.streams import Streams

EPS = 2.0**-52
_LAST_BELOW_ONE = 1 - 2.0**-24


def draw_weights(law: str, entries: int, generator: torch.Generator) -> torch.Tensor:
    """``entries`` float32 weights, symmetric about zero with unit variance."""
    if law == "gaussian":
        return torch.randn(entries, generator=generator)
    if law == "rademacher":
        return torch.randint(0, 2, (entries,), generator=generator).float().mul_(2).sub_(1)
    uniform = torch.rand(entries, generator=generator).mul_(2).sub_(1)
    if law == "uniform":
        return uniform.mul_(math.sqrt(3))
    if law == "laplace":
        uniform.clamp_(-_LAST_BELOW_ONE, _LAST_BELOW_ONE)  # the generator can return 0, whose logarithm is infinite
        return -torch.sign(uniform) * torch.log1p(-uniform.abs()) / math.sqrt(2)
    raise ValueError(f"law: got {law!r}; allowed: gaussian, laplace, uniform, rademacher")


def weight_vectors(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float | int]]:
    """Cosines and scales of rows of n iid weights, for every n of the sweep.

    Base point: ``law`` and ``entries`` (weights in all). Each record has

    - ``sign_cosine``: mean over rows of cos^2(w, sign w); ``sign_sd`` and ``sign_spread``: its standard deviation
      over rows, and n times its variance;
    - ``random_cosine``: mean of cos^2(w, v) with v = |w| under independent random signs; ``scaled_random_cosine``
      is n times that;
    - ``scale_spread``: n times the variance over rows of the scale mean |w|.
    """
    entries = int(point["entries"])
    weights = draw_weights(str(point["law"]), entries, streams.torch("weights"))
    packed = np.frombuffer(streams.numpy("signs").bytes(-(-entries // 8)), dtype=np.uint8)
    signs = torch.from_numpy(np.unpackbits(packed)[:entries]).float().mul_(2).sub_(1)
    signed = torch.sign(weights)
    shuffled = signs * weights.abs()
    columns = torch.stack([weights * signed, weights * shuffled, weights.square()])
    records: list[dict[str, float | int]] = []
    for n in point["n"]:
        rows = entries // n
        along_sign, along_random, norm2 = (columns[:, : rows * n].reshape(-1, n) @ torch.ones(n)).view(3, rows)
        cosines = (along_sign.square() / (n * norm2)).double()
        random = float((along_random.square() / norm2.square()).double().mean())
        variance = float(cosines.var())
        records.append(
            {
                "n": n,
                "sign_cosine": float(cosines.mean()),
                "sign_sd": math.sqrt(variance),
                "sign_spread": n * variance,
                "random_cosine": random,
                "scaled_random_cosine": n * random,
                "scale_spread": n * float((along_sign.double() / n).var()),
            }
        )
    return records


def sign_projection(point: Mapping[str, Any], streams: Streams) -> list[dict[str, float | int]]:
    """Squared uncentred correlation of z = Wx and u = sign(W)x over rows of W, for a fixed x of each size n.

    Base point: ``rows``. x is uniform on the sphere; at n = 1 it is a single coordinate.
    """
    rows, widest = int(point["rows"]), max(point["n"])
    weights = torch.randn(rows, widest, generator=streams.torch("weights"))
    direction = torch.randn(widest, generator=streams.torch("input"))
    records: list[dict[str, float | int]] = []
    for n in point["n"]:
        x = direction[:n] / direction[:n].norm()
        z, u = (weights[:, :n] @ x).double(), (torch.sign(weights[:, :n]) @ x).double()
        correlation2 = (z @ u).square() / ((z @ z) * (u @ u))
        records.append({"n": n, "correlation2": float(correlation2)})
    return records


def half_space(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """E[u^2; z > 0] and E[u^2]/2 for z = Wx, u = sign(W)x, over all sign patterns of one row.

    Base point: ``n``. Magnitudes |w| and x are drawn; all 2^n patterns are then enumerated, so both sides are
    exact for every symmetric weight law with these magnitudes. ``planted`` also asks for u > 0, as if the gate
    and u agreed in sign. A term's rounding is at most 2n ulp of (sum |x|)^2, and the mean adds 2^n ulp.
    """
    n = int(point["n"])
    generator = streams.numpy("row")
    magnitudes, x = np.abs(generator.standard_normal(n)), generator.standard_normal(n)
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    signs = 2.0 * bits - 1.0
    z, u = signs @ (magnitudes * x), signs @ x
    energy = u * u
    return {
        "half_space": float(np.mean(energy * (z > 0))),
        "half_energy": float(np.mean(energy)) / 2,
        "planted": float(np.mean(energy * ((z > 0) & (u > 0)))),
        "bound": float((2**n + 4 * n) * EPS * np.abs(x).sum() ** 2),
    }
