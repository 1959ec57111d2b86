"""Targets and rivals of the claims on what each gate contributes to quantization error, by quantizer."""

from __future__ import annotations

from claims.papers.sign_magnitude import theory


def _parts(quantizer: str) -> theory.Quadrants:
    return theory.quantized_quadrants(theory.quantizer(quantizer))


def both_on_radial(quantizer: str) -> float:
    """Radial fraction behind the ReLU of neurons that stay on, against all of a."""
    parts = _parts(quantizer)
    return 2 * parts.cross_both**2 / parts.energy_both


def flipped_radial(quantizer: str) -> float:
    """The same of neurons whose gate switches."""
    parts = _parts(quantizer)
    return 2 * parts.cross_off**2 / (parts.energy_off + parts.energy_on)


def both_on_own(quantizer: str) -> float:
    """Radial fraction of neurons that stay on, against their own part of a."""
    parts = _parts(quantizer)
    return parts.cross_both**2 / (parts.kept * parts.energy_both)


def flipped_own(quantizer: str) -> float:
    """The same of neurons whose gate switches: the share of their energy that is lost activation."""
    parts = _parts(quantizer)
    return parts.energy_off / (parts.energy_off + parts.energy_on)


def averaged_radial(quantizer: str) -> float:
    """Energy-weighted mean of the radial fractions of neurons that stay on and of those that switch."""
    parts = _parts(quantizer)
    return 2 * (parts.cross_both**2 + parts.cross_off**2) / parts.energy


def amplitude_flipped(quantizer: str) -> float:
    """Share of E[a da] on neurons that switch off."""
    parts = _parts(quantizer)
    return parts.cross_off / parts.cross


def share_both(quantizer: str) -> float:
    """Share of the error energy on neurons that stay on."""
    parts = _parts(quantizer)
    return parts.energy_both / parts.energy


def share_off(quantizer: str) -> float:
    """Share on neurons that switch off."""
    parts = _parts(quantizer)
    return parts.energy_off / parts.energy


def share_on(quantizer: str) -> float:
    """Share on neurons that switch on."""
    parts = _parts(quantizer)
    return parts.energy_on / parts.energy


def share_flipped(quantizer: str) -> float:
    """Share on neurons that switch either way."""
    return 1 - share_both(quantizer)
