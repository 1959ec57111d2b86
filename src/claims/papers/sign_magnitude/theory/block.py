"""Wide-limit closed forms of the paper's Theorem 3: sign flips against a sign-preserving step of equal norm.

Scale: pre-activations have unit variance; energies are per hidden neuron, so the layer's physical energy is
the value times m/n. `step` is the sign of the magnitude step (+1 grows every weight, -1 shrinks it), of size
2 sqrt(flip_rate) rms weights, which has the flips' Frobenius norm. `kappa` = (E|w|)^2 / E w^2 of the weight
law, 2/pi for Gaussian weights. `metric` is "pre" (energy transverse to the clean output, as in Theorem 3) or
"post" (both outputs normalised first: the squared sine of the angle between them).
"""

import math
from typing import Literal

from .arccosine import both_on_energy, gate_loss_energy, relu_deficit

Metric = Literal["pre", "post"]

BUSSGANG = 2 / math.pi


def check_block(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> None:
    """Refuse parameters outside the model.

    Raises:
        ValueError: a flip rate outside (0, 1], a step other than +1 and -1, or kappa outside (0, 1).
    """
    if not 0.0 < flip_rate <= 1.0:
        raise ValueError(f"flip_rate: a probability in (0, 1] is needed, got {flip_rate!r}")
    if step not in (1, -1):
        raise ValueError(f"step: the sign of the magnitude step is +1 or -1, got {step!r}")
    if not 0.0 < kappa < 1.0:
        raise ValueError(f"kappa: (E|w|)^2 / E w^2 lies in (0, 1) unless all |w| are equal, got {kappa!r}")


def check_metric(metric: str) -> None:
    """Refuse any metric but "pre" and "post".

    Raises:
        ValueError: another name.
    """
    if metric not in ("pre", "post"):
        raise ValueError(f"metric: 'pre' or 'post' are defined, got {metric!r}")


def flip_angle(flip_rate: float) -> float:
    """Angle arccos(1 - 2p) = 2 arctan sqrt(p/(1 - p)) between clean and flipped pre-activation, radians (step A3).

    By its tangent: near p = 1 the sine would keep half of the digits.
    """
    check_block(flip_rate)
    return 2 * math.atan2(math.sqrt(flip_rate), math.sqrt(1 - flip_rate))


def step_size(flip_rate: float, step: int = 1) -> float:
    """Signed magnitude step in units of the rms weight, 2 sqrt(p) (A4: E||dW||^2 is 4p times ||W||^2)."""
    check_block(flip_rate, step)
    return 2 * step * math.sqrt(flip_rate)


def magnitude_variance(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Variance of the pre-activation after the magnitude step, 1 + 2 t sqrt(kappa) + t^2, t = step_size."""
    check_block(flip_rate, step, kappa)
    t = step_size(flip_rate, step)
    return (1 + t * math.sqrt(kappa)) ** 2 + t * t * (1 - kappa)


def magnitude_angle(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Angle between clean and magnitude-perturbed pre-activation, radians.

    z' = (1 + t sqrt(kappa)) z + t sqrt(1 - kappa) xi with xi independent of z (Bussgang): an arctangent.
    """
    check_block(flip_rate, step, kappa)
    t = step_size(flip_rate, step)
    return math.atan2(abs(t) * math.sqrt(1 - kappa), 1 + t * math.sqrt(kappa))


def magnitude_correlation(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """corr(z, z') of the magnitude step: the cosine of `magnitude_angle`."""
    return math.cos(magnitude_angle(flip_rate, step, kappa))


def sign_energy(flip_rate: float) -> float:
    """E[(relu z' - relu z)^2] for sign flips: S = 1 - 2 J(1 - 2p) (step A6), 2p - (8/3pi) p^1.5 - ..."""
    return relu_deficit(flip_angle(flip_rate))


def sign_energy_share(flip_rate: float) -> float:
    """`sign_energy` per unit of squared pre-activation change, S/(4p)."""
    return sign_energy(flip_rate) / (4 * flip_rate)


def sign_gate_energy(flip_rate: float) -> float:
    """Part of `sign_energy` from neurons that switch on or off (eq. 15); both directions are equal."""
    return 2 * gate_loss_energy(flip_angle(flip_rate))


def sign_smooth_energy(flip_rate: float) -> float:
    """Part of `sign_energy` from neurons active before and after (eq. 16)."""
    return both_on_energy(flip_angle(flip_rate))


def magnitude_energy(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """E[(relu z' - relu z)^2] for the magnitude step: 2p (1 + O(sqrt p)) (step A7).

    (1 + s2)/2 - 2 s J(rho_m) with s = sqrt(s2), rearranged as (s - 1)^2/2 + s (1 - 2 J).
    """
    growth, deficit = _growth_and_deficit(flip_rate, step, kappa)
    return growth * growth / 2 + (1 + growth) * deficit


def magnitude_gate_energy(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Part of `magnitude_energy` from neurons that switch off (unit scale) or on (scale s)."""
    scale2 = magnitude_variance(flip_rate, step, kappa)
    return (1 + scale2) * gate_loss_energy(magnitude_angle(flip_rate, step, kappa))


def magnitude_smooth_energy(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Part of `magnitude_energy` from neurons active before and after."""
    growth, _ = _growth_and_deficit(flip_rate, step, kappa)
    return both_on_energy(magnitude_angle(flip_rate, step, kappa), growth)


def energy_ratio(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Hidden energy of sign flips over that of the magnitude step, before any projection (eq. 17)."""
    return sign_energy(flip_rate) / magnitude_energy(flip_rate, step, kappa)


def sign_gate_rate(flip_rate: float) -> float:
    """Probability that a neuron's gate changes under sign flips: theta/pi."""
    return flip_angle(flip_rate) / math.pi


def magnitude_gate_rate(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Probability that a neuron's gate changes under the magnitude step; off and on are equally likely."""
    return magnitude_angle(flip_rate, step, kappa) / math.pi


def sign_radial_fraction(flip_rate: float) -> float:
    """Share of the flips' energy along the clean output, S/2: E[a da] = -S/2 by reflection (step B3)."""
    return sign_energy(flip_rate) / 2


def magnitude_radial_fraction(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Share of the magnitude step's energy along the clean output, 2 (E[a da])^2 / E[da^2] (Lemma A.1)."""
    growth, deficit = _growth_and_deficit(flip_rate, step, kappa)
    cross = (growth - (1 + growth) * deficit) / 2
    return 2 * cross * cross / magnitude_energy(flip_rate, step, kappa)


def sign_transverse(flip_rate: float) -> float:
    """Transverse energy of sign flips per neuron: (1 - (2J)^2)/2 = S - S^2/2 (norms are unchanged)."""
    energy = sign_energy(flip_rate)
    return energy * (2 - energy) / 2


def magnitude_transverse(flip_rate: float, step: int = 1, kappa: float = BUSSGANG) -> float:
    """Transverse energy of the magnitude step per neuron: (s2/2) (1 - (2J)^2), not normalised."""
    deficit = relu_deficit(magnitude_angle(flip_rate, step, kappa))
    return magnitude_variance(flip_rate, step, kappa) * deficit * (2 - deficit) / 2


def c_exact(flip_rate: float, metric: Metric = "pre", step: int = 1, kappa: float = BUSSGANG) -> float:
    """Ratio of transverse energies, sign over magnitude, in the wide limit at a fixed flip rate (eq. 13).

    Pre: [1 - (2J_s)^2] / [s2 (1 - (2J_m)^2)]. Post drops s2, the growth of the perturbed output's norm, so
    that c_post = s2 c_pre exactly. A second Gaussian projection changes neither.
    """
    check_metric(metric)
    pre = sign_transverse(flip_rate) / magnitude_transverse(flip_rate, step, kappa)
    return pre if metric == "pre" else pre * magnitude_variance(flip_rate, step, kappa)


def c_linear(flip_rate: float, metric: Metric = "pre", step: int = 1, kappa: float = BUSSGANG) -> float:
    """`c_exact` of the same block without the rectifier: (1 - p)/(1 - kappa), times s2 in the post metric.

    Energies are 4p on both sides; radial fractions are p (E[z dz] = -2p) and kappa (E[z dz] = t sqrt(kappa)).
    """
    check_block(flip_rate, step, kappa)
    check_metric(metric)
    pre = (1 - flip_rate) / (1 - kappa)
    return pre if metric == "pre" else pre * magnitude_variance(flip_rate, step, kappa)


def _growth_and_deficit(flip_rate: float, step: int, kappa: float) -> tuple[float, float]:
    """(s - 1, 1 - 2 J(rho_m)), both to full relative precision as flip_rate -> 0."""
    scale2 = magnitude_variance(flip_rate, step, kappa)
    t = step_size(flip_rate, step)
    growth = t * (2 * math.sqrt(kappa) + t) / (math.sqrt(scale2) + 1)
    return growth, relu_deficit(magnitude_angle(flip_rate, step, kappa))
