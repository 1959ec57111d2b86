"""Error of quantized weights behind the ReLU by what the gates do: the decomposition that the paper leaves as O7b."""

import math
from dataclasses import dataclass

from .arccosine import both_on_energy, gate_loss_energy
from .ternary import Quantizer, quantized_cross


@dataclass(frozen=True)
class Quadrants:
    """Error energy E[da^2] and radial amplitude E[a da] by what the gates do; `kept` = E[a^2] where a neuron stays on.

    Neurons that switch off lose a whole (da = -a), those that switch on have a = 0 and no radial amplitude.
    """

    energy_both: float
    energy_off: float
    energy_on: float
    cross_both: float
    cross_off: float
    kept: float

    @property
    def energy(self) -> float:
        """Energy of all three."""
        return self.energy_both + self.energy_off + self.energy_on

    @property
    def cross(self) -> float:
        """Radial amplitude of all three."""
        return self.cross_both + self.cross_off

    @property
    def radial_both(self) -> float:
        """Radial fraction of neurons that stay on, against all of a."""
        return 2 * self.cross_both**2 / self.energy_both

    @property
    def radial_flipped(self) -> float:
        """The same of neurons whose gate switches."""
        return 2 * self.cross_off**2 / (self.energy_off + self.energy_on)

    @property
    def own_both(self) -> float:
        """Radial fraction of neurons that stay on, against their own part of a."""
        return self.cross_both**2 / (self.kept * self.energy_both)

    @property
    def own_flipped(self) -> float:
        """The same of neurons whose gate switches: the share of their energy that is lost activation."""
        return self.energy_off / (self.energy_off + self.energy_on)

    @property
    def averaged(self) -> float:
        """Energy-weighted mean of `radial_both` and `radial_flipped`."""
        return 2 * (self.cross_both**2 + self.cross_off**2) / self.energy

    @property
    def averaged_own(self) -> float:
        """Energy-weighted mean of `own_both` and `own_flipped`."""
        return self.share_both * self.own_both + self.share_flipped * self.own_flipped

    @property
    def amplitude_flipped(self) -> float:
        """Share of the radial amplitude on neurons that switch off."""
        return self.cross_off / self.cross

    @property
    def share_both(self) -> float:
        """Share of the error energy on neurons that stay on."""
        return self.energy_both / self.energy

    @property
    def share_off(self) -> float:
        """Share on neurons that switch off."""
        return self.energy_off / self.energy

    @property
    def share_on(self) -> float:
        """Share on neurons that switch on."""
        return self.energy_on / self.energy

    @property
    def share_flipped(self) -> float:
        """Share on neurons that switch either way."""
        return 1 - self.share_both


def quantized_quadrants(q: Quantizer) -> Quadrants:
    """The parts of a quantizer in the wide limit."""
    lost = gate_loss_energy(q.angle)
    growth = math.sqrt(q.energy) - 1
    return Quadrants(
        energy_both=both_on_energy(q.angle, growth),
        energy_off=lost,
        energy_on=q.energy * lost,
        cross_both=quantized_cross(q) + lost,
        cross_off=-lost,
        kept=0.5 - lost,
    )
