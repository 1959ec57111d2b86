"""Quantized weights in the wide limit by quadrature: definitions only, none of the closed forms of ``theory``.

Moments of one weight are integrals over its normal density. Moments of clean and quantized pre-activation, r cos f and
s r cos(f - t) with f uniform and E r^2 = 2, are integrals over the arcs on which neither gate changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mpmath import mp, mpf

from claims.streams import Streams

_DIGITS = 30
#: Beyond it the normal density is below 1e-100.
_FAR = 22


@dataclass(frozen=True, slots=True)
class WeightMoments:
    """Of a standard normal weight w and its quantized value Q: E[w Q], E[Q^2], E[(Q - w)^2] and P(Q = 0)."""

    gain: mpf
    energy: mpf
    error: mpf
    zeros: mpf


def weight_moments(threshold: mpf, scale: mpf) -> WeightMoments:
    """For Q = scale * sgn(w) where |w| > threshold, else 0."""

    def over(low: mpf, high: mpf, value: Callable[[mpf], mpf]) -> mpf:
        return 2 * mp.quad(lambda w: value(w) * mp.npdf(w), [low, (low + high) / 2, high])

    return WeightMoments(
        gain=over(threshold, _FAR, lambda w: w * scale),
        energy=over(threshold, _FAR, lambda w: scale**2),
        error=over(mpf(0), threshold, lambda w: w**2) + over(threshold, _FAR, lambda w: (scale - w) ** 2),
        zeros=over(mpf(0), threshold, lambda w: mpf(1)),
    )


def mean_magnitude() -> mpf:
    """E|w| of a standard normal weight, the scale of all three quantizers."""
    return 2 * mp.quad(lambda w: w * mp.npdf(w), [0, 4, _FAR])


def named_moments(quantizer: str) -> WeightMoments:
    """The paper's sign quantizer, b1.58, and its codes with the scale of least squared error.

    Raises:
        ValueError: a quantizer of another name.
    """
    scale = mean_magnitude()
    if quantizer == "sign":
        return weight_moments(mpf(0), scale)
    if quantizer == "ternary":
        return weight_moments(scale / 2, scale)
    if quantizer == "ternary-fitted":
        rough = weight_moments(scale / 2, scale)
        return weight_moments(scale / 2, scale * rough.gain / rough.energy)
    raise ValueError(f"quantizer: sign, ternary or ternary-fitted, got {quantizer!r}")


def _arc(integrand: Callable[[mpf], mpf], low: mpf, high: mpf) -> mpf:
    return mp.quad(integrand, [low, high], method="gauss-legendre") / mp.pi


def _linear(s: mpf, t: mpf) -> dict[str, mpf]:
    """Moments of z and its change at perturbed deviation s and angle t: two half planes, equal by reflection."""
    half = (-mp.pi / 2, mp.pi / 2)
    return {
        "total": 2 * _arc(lambda f: (s * mp.cos(f - t) - mp.cos(f)) ** 2, *half),
        "cross": 2 * _arc(lambda f: mp.cos(f) * (s * mp.cos(f - t) - mp.cos(f)), *half),
        "clean": 2 * _arc(lambda f: mp.cos(f) ** 2, *half),
        "perturbed": 2 * _arc(lambda f: (s * mp.cos(f - t)) ** 2, *half),
    }


def _rectified(s: mpf, t: mpf) -> dict[str, mpf]:
    """The same behind a ReLU, by what the gate does: it stays on ("both"), switches off or switches on."""

    def clean(f: mpf) -> mpf:
        return mp.cos(f)

    def moved(f: mpf) -> mpf:
        return s * mp.cos(f - t)

    right = mp.pi / 2
    both, off, on = (t - right, right), (-right, t - right), (right, right + t)
    energy_both = _arc(lambda f: (moved(f) - clean(f)) ** 2, *both)
    cross_both = _arc(lambda f: clean(f) * (moved(f) - clean(f)), *both)
    kept = _arc(lambda f: clean(f) ** 2, *both)
    lost, gained = _arc(lambda f: clean(f) ** 2, *off), _arc(lambda f: moved(f) ** 2, *on)
    return {
        "energy_both": energy_both,
        "energy_off": lost,
        "energy_on": gained,
        "cross_both": cross_both,
        "cross_off": -lost,
        "kept": kept,
        "total": energy_both + lost + gained,
        "cross": cross_both - lost,
        "clean": kept + lost,
        "perturbed": _arc(lambda f: moved(f) ** 2, *both) + gained,
    }


def _summary(parts: Mapping[str, mpf]) -> dict[str, mpf]:
    """Radial fraction, and transverse energy in both metrics."""
    radial = parts["cross"] ** 2 / parts["clean"]
    transverse = parts["total"] - radial
    return {
        "total": parts["total"],
        "cross": parts["cross"],
        "radial_fraction": radial / parts["total"],
        "pre": transverse,
        "post": transverse / parts["perturbed"],
    }


def _quadrants(parts: Mapping[str, mpf]) -> dict[str, mpf]:
    """The post-ReLU error by what the gates do, with radial fractions against all of a and against its own part."""
    flipped = parts["energy_off"] + parts["energy_on"]
    energies = {"both": parts["energy_both"], "flipped": flipped}
    radial = {
        name: cross**2 / (parts["clean"] * energies[name])
        for name, cross in (("both", parts["cross_both"]), ("flipped", parts["cross_off"]))
    }
    own = {
        "both": parts["cross_both"] ** 2 / (parts["kept"] * energies["both"]),
        "flipped": parts["cross_off"] ** 2 / (parts["energy_off"] * flipped),
    }
    averaged = sum(energies[name] * radial[name] for name in radial) / parts["total"]
    return (
        {f"share_{name}": parts[f"energy_{name}"] / parts["total"] for name in ("both", "off", "on")}
        | {f"radial_{name}": value for name, value in radial.items()}
        | {f"own_{name}": value for name, value in own.items()}
        | {
            "share_flipped": flipped / parts["total"],
            "amplitude_flipped": parts["cross_off"] / parts["cross"],
            "averaged": averaged,
            "averaged_own": sum(energies[name] * own[name] for name in own) / parts["total"],
            "coherent": 2 * parts["cross_both"] * parts["cross_off"] / (parts["clean"] * parts["total"]),
        }
    )


def threshold_limit(moments: WeightMoments) -> dict[str, mpf]:
    """All quantities of ``quantized_limit`` for one quantizer, at mpmath's working precision."""
    deviation, cosine = mp.sqrt(moments.energy), moments.gain / mp.sqrt(moments.energy)
    angle, rate = mp.acos(cosine), moments.error / 4
    values = {
        "zeros": moments.zeros,
        "gain": moments.gain,
        "energy": moments.energy,
        "error_norm": moments.error,
        "cosine2": cosine**2,
        "angle": angle,
        "degrees": mp.degrees(angle),
        "deviation": 1 - cosine,
        "chord": mp.sqrt(2 - 2 * cosine),
        "chord2": 2 - 2 * cosine,
        "gate_rate": angle / mp.pi,
        "flip_rate": rate,
        "error_correlation": (moments.gain - 1) / mp.sqrt(moments.error),
    }
    for activation, change in (("linear", _linear), ("relu", _rectified)):
        parts = change(deviation, angle)
        summary = _summary(parts)
        values |= {f"{activation}_{name}": value for name, value in summary.items()}
        if rate < 1:
            flips = _summary(change(mpf(1), mp.acos(1 - 2 * rate)))
            ratios = {f"ratio_{name}": flips[name] / summary[name] for name in ("pre", "post", "total")}
            ratios["flips_radial"] = flips["radial_fraction"]
            values |= {f"{activation}_{name}": value for name, value in ratios.items()}
    overlap = parts["cross"] + parts["clean"]
    quadrants, before = _quadrants(parts), values["linear_radial_fraction"]
    values |= quadrants | {
        f"{name}_straddle": (quadrants[f"{name}_both"] - before) * (quadrants[f"{name}_flipped"] - before)
        for name in ("radial", "own")
    }
    values |= {
        "overlap": overlap,
        "activation_cosine2": overlap**2 / (parts["clean"] * parts["perturbed"]),
        "auxiliary": 2 * mp.pi * overlap / deviation,
    }
    return values


def quantized_limit(point: Mapping[str, Any], streams: Streams) -> dict[str, float]:
    """The wide limit of one quantizer.

    Base point: quantizer ("sign", "ternary", "ternary-fitted"). Quantities, weights having variance one: ``zeros``
    (share of codes 0), ``gain`` = E[w Q], ``energy`` = E[Q^2], ``error_norm`` = E[(Q - w)^2], ``cosine2`` between w and
    Q and between their outputs, ``angle`` (radians) and ``degrees`` between the outputs, ``deviation`` = 1 - cosine,
    ``chord`` and ``chord2`` (distance of the normalised outputs over sqrt(d), and its square), ``gate_rate``,
    ``flip_rate`` of equal norm, ``error_correlation`` = corr(z, q - z). With ``linear_`` or ``relu_``: ``total`` =
    E[da^2], ``cross`` = E[a da], ``radial_fraction``, transverse energies ``pre`` and ``post``; of flips of equal norm
    over it ``ratio_pre``, ``ratio_post``, ``ratio_total``, and their own ``flips_radial``. Behind the ReLU ``overlap``
    = E[a a'], ``activation_cosine2`` between a and a', ``auxiliary`` = 2 pi E[a a']/(E q^2)^(1/2), and the quadrants:
    ``share_`` of the energy, ``radial_`` and ``own_`` radial fractions (against all of a, or the part of it on the same
    neurons), ``amplitude_flipped``, ``averaged`` (energy-weighted mean of radial_), ``averaged_own`` (of own_)
    and ``coherent`` (cross term of ``averaged``); ``radial_straddle`` and ``own_straddle``, the product of what
    ``_both`` and ``_flipped`` exceed the fraction before the ReLU by, negative if that lies between them.
    """
    with mp.workdps(_DIGITS):
        return {name: float(value) for name, value in threshold_limit(named_moments(point["quantizer"])).items()}
