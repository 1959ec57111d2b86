"""Small experiments around Theorem 4: codes and rows, row scales, operator norms, other layers and another norm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from claims.kernels import gemm, sign_quantize, ternary_quantize, transverse_energy
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
from claims.papers.sign_magnitude.experiments.ternary import quantize
from claims.papers.sign_magnitude.experiments.vectors import EPS, draw_weights
from claims.streams import Streams


def codes(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """What the quantizers' codes keep of the signs of a Gaussian matrix.

    Base point: m, n. Quantities: ``sign_changed`` and ``ternary_changed``, entries whose code is no longer the sign of
    the weight, of all entries; ``ternary_reversed``, entries whose ternary code is the opposite sign; ``zeros``, the
    share of ternary codes 0.
    """
    weight = torch.randn(point["m"], point["n"], generator=streams.torch("weights")).to(streams.device)
    signs, (binary, _), (ternary, _) = weight.sign(), sign_quantize(weight), ternary_quantize(weight)
    return {
        "sign_changed": float((binary != signs).sum()),
        "ternary_changed": float((ternary != signs).sum()),
        "ternary_reversed": float((ternary == -signs).sum()),
        "zeros": float((ternary == 0).double().mean()),
    }


def row_geometry(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """One row w, its quantized row q = s sgn(w) with s = mean |w|, and the error q - w, in float64.

    Base point: n, law. Quantities: ``orthogonal`` = q.(q - w)/|w|^2, ``partition`` = cos^2(w, q) + cos^2(w, q - w),
    ``reflected`` = cos(w, q - w) + sqrt(1 - cos^2(w, q)), the ``bound`` on their rounding and, with a scale one per
    cent too long, ``planted_orthogonal``, ``planted_partition`` and ``planted_reflected``. Sums of n terms are good to
    n epsilons of the sum of magnitudes, which is at most |w|^2 in each; the error's norm is at least .1 |w| for the
    laws allowed, so that dividing by it costs no more than a factor of 100.
    """
    weight = draw_weights(point["law"], point["n"], streams.torch("row")).double().to(streams.device)
    values: dict[str, float] = {"bound": 200 * (point["n"] + 8) * EPS}
    for prefix, factor in (("", 1.0), ("planted_", 1.01)):
        quantized = factor * quantize(weight[None], "sign-row")[0]
        error = quantized - weight
        norm, length = float(weight @ weight), float(quantized @ quantized)
        along, across = float(weight @ quantized), float(weight @ error)
        kept, lost = along**2 / (norm * length), across**2 / (norm * float(error @ error))
        values[f"{prefix}orthogonal"] = float(quantized @ error) / norm
        values[f"{prefix}partition"] = kept + lost
        values[f"{prefix}reflected"] = across / math.sqrt(norm * float(error @ error)) + math.sqrt(1 - kept)
    return values


def row_scales(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The row scale s = mean |w| over n standard normal entries (Appendix B.2); sizes cut the same draws.

    Base point: entries. Sweep: n. Quantities: ``mean`` of s, ``square`` of s^2, ``spread`` = n Var(s) and
    ``square_spread`` = n Var(s^2), over rows.
    """
    magnitudes = torch.randn(point["entries"], generator=streams.torch("weights")).abs()
    records = []
    for n in point["n"]:
        rows = point["entries"] // n
        s = magnitudes[: rows * n].reshape(rows, n).mean(1).double()
        records.append(
            {
                "n": n,
                "mean": float(s.mean()),
                "square": float(s.square().mean()),
                "spread": n * float(s.var()),
                "square_spread": n * float(s.square().var()),
            }
        )
    return records


def operator_norms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """Largest singular values of W (entries N(0, 1/n)), of its row-wise sign quantizer and of the error (Appendix B.1).

    Base point: n, aspect (m/n). Quantities: ``weight``, ``quantized``, ``error``.
    """
    n = point["n"]
    weight = gaussian_matrix(streams.torch("weights"), round(point["aspect"] * n), n)
    quantized = quantize(weight, "sign-row")
    matrices = {"weight": weight, "quantized": quantized, "error": quantized - weight}
    return {name: _largest_singular_value(matrix) for name, matrix in matrices.items()}


def _largest_singular_value(matrix: Tensor) -> float:
    wide = matrix.double() if matrix.shape[0] <= matrix.shape[1] else matrix.double().T
    return math.sqrt(float(torch.linalg.eigvalsh(wide @ wide.T)[-1]))


def quadratic_forms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The three quadratic forms of Theorem 4's proof at single inputs of norm one (Appendix B.3).

    Base point: n, aspect (m/n), inputs, dtype. Quantities, n/m times: ``clean`` = |Wx|^2, ``cross`` = Wx.W_T x and
    ``quantized`` = |W_T x|^2, means over inputs; ``deviation``, the largest of their three standard deviations.
    """
    n, dtype = point["n"], dtype_of(point)
    m = round(point["aspect"] * n)
    weight = gaussian_matrix(streams.torch("weights"), m, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["inputs"], n, dtype=dtype)
    z, q = gemm(x, weight.T), gemm(x, quantize(weight, "sign-row").T)
    forms = torch.stack([inner(z, z), inner(z, q), inner(q, q)]) * n / m
    clean, cross, quantized = forms.mean(1).tolist()
    return {"clean": clean, "cross": cross, "quantized": quantized, "deviation": float(forms.std(1).max())}


def second_layer(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The projection behind the ReLU perturbed instead of the first: its inputs relu(W1 x) are positive, not Gaussian.

    The same perturbations of the same W2 also meet inputs uniform on the sphere, which stand for a first layer.

    Base point: n (= m), d, inputs, flip_rate, dtype. Quantities: transverse energies ``sign`` and ``magnitude`` of
    y = W2 relu(W1 x), the step having the flips' realised norm and growing each weight; ``radial``, the mean radial
    fraction of the step; ``gap``, the magnitude of the relative change of sign/magnitude from spherical inputs;
    ``cosine2`` between y and what the row-wise sign quantizer of W2 makes of it.
    """
    n, d, dtype = point["n"], point["d"], dtype_of(point)
    x = sphere(streams.torch("inputs"), point["inputs"], n, dtype=dtype)
    a = torch.relu(gemm(x, gaussian_matrix(streams.torch("weights"), n, n, dtype=dtype).T))
    weight = gaussian_matrix(streams.torch("projection"), d, n, dtype=dtype)
    flips = flip_change(weight, flip_rate=point["flip_rate"], key=streams.key("flips"))
    step = matched_size(energy(flips), int(torch.count_nonzero(weight))) * torch.sign(weight)
    y, quantized = gemm(a, weight.T), gemm(a, quantize(weight, "sign-row").T)
    total, radial, magnitude = transverse_energy(y, gemm(a, step.T))
    sign = transverse_energy(y, gemm(a, flips.T))[2]
    first = [transverse_energy(gemm(x, weight.T), gemm(x, change.T))[2].sum() for change in (flips, step)]
    cosine2 = inner(y, quantized).square() / (inner(y, y) * inner(quantized, quantized))
    return {
        "sign": float(sign.mean()),
        "magnitude": float(magnitude.mean()),
        "radial": float((radial / total).mean()),
        "gap": abs(float(sign.sum() / magnitude.sum() / (first[0] / first[1])) - 1),
        "cosine2": float(cosine2.mean()),
    }


def two_norms(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The two-layer block in front of RMSNorm and of LayerNorm, which also removes the mean over outputs.

    Base point: n (= m = d), inputs, flip_rate, dtype. Quantities: ``rms`` and ``layer``, the ratios of transverse
    energies (flips over step), the latter of centred outputs; ``gap``, the magnitude of layer/rms - 1.
    """
    n, dtype = point["n"], dtype_of(point)
    weight = gaussian_matrix(streams.torch("weights"), n, n, dtype=dtype)
    projection = gaussian_matrix(streams.torch("projection"), n, n, dtype=dtype)
    x = sphere(streams.torch("inputs"), point["inputs"], n, dtype=dtype)
    flips = flip_change(weight, flip_rate=point["flip_rate"], key=streams.key("flips"))
    step = matched_size(energy(flips), int(torch.count_nonzero(weight))) * torch.sign(weight)
    clean, flipped, stepped = (gemm(torch.relu(gemm(x, (weight + d).T)), projection.T) for d in (0, flips, step))
    rms, layer = (
        _transverse_sum(f(clean), f(flipped)) / _transverse_sum(f(clean), f(stepped)) for f in (_as_is, _centred)
    )
    return {"rms": rms, "layer": layer, "gap": abs(layer / rms - 1)}


def _as_is(y: Tensor) -> Tensor:
    return y


def _centred(y: Tensor) -> Tensor:
    return y - y.mean(-1, keepdim=True)


def _transverse_sum(y: Tensor, moved: Tensor) -> float:
    return float(transverse_energy(y, moved - y)[2].sum())
