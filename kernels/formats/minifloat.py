"""Elements of the OCP formats: floats of four, six and eight bits, each by its two field widths and its largest value.

A code is sign, exponent field, mantissa field, from the highest bit down. Magnitudes count up with their codes: below
the smallest normal number in its steps, then 2**mantissa_bits codes a binade. Encoding rounds to nearest with ties to
the even code, or stochastically; keeps the sign (also of zeros and of what rounds to zero) and saturates at the largest
finite value, Inf included. NaN is for the caller to refuse.

What lies above the largest value: nothing in E2M1, E2M3 and E3M2; one NaN in E4M3; Inf and three NaN in E5M2. No
encoder here writes these codes; decoding knows them.

Source: OCP Microscaling Formats (MX) v1.0, section 5.3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Minifloat:
    """One element format; with ``infinity`` the code above the largest value is Inf, else NaN (if there is one)."""

    name: str
    exponent_bits: int
    mantissa_bits: int
    largest: float
    infinity: bool = False

    @property
    def bits(self) -> int:
        """Of a code, the sign included."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def smallest_exponent(self) -> int:
        """Of normal numbers: 1 - bias, as the exponent field 0 is that of subnormal ones."""
        return 2 - 2 ** (self.exponent_bits - 1)

    @property
    def largest_exponent(self) -> int:
        """The largest value is this power of two times its significand below 2."""
        return math.frexp(self.largest)[1] - 1

    def value(self, code: int) -> float:
        """What one code stands for, from its three fields."""
        sign, magnitude = code >> (self.bits - 1), code & (2 ** (self.bits - 1) - 1)
        field, mantissa = magnitude >> self.mantissa_bits, magnitude & (2**self.mantissa_bits - 1)
        significand = mantissa if field == 0 else 2**self.mantissa_bits + mantissa
        exponent = max(field, 1) - 1 + self.smallest_exponent - self.mantissa_bits
        number = math.ldexp(significand, exponent)
        if number > self.largest:
            number = math.inf if self.infinity and mantissa == 0 else math.nan
        return math.copysign(number, -1.0 if sign else 1.0)

    @cached_property
    def values(self) -> tuple[float, ...]:
        """Of all codes, in their order."""
        return tuple(map(self.value, range(2**self.bits)))

    def _in_steps(self, magnitude: Tensor) -> tuple[Tensor, Tensor]:
        """float64 multiples of the step of its binade, of each magnitude, and how many binades lie below."""
        wide = magnitude.double().clamp(max=self.largest)
        # Everything below the smallest normal number, zero too, counts in the steps of the lowest binade.
        exponent = torch.frexp(wide.clamp(min=2.0**self.smallest_exponent)).exponent - 1
        return torch.ldexp(wide, self.mantissa_bits - exponent), exponent - self.smallest_exponent

    def nearest_code(self, magnitude: Tensor) -> Tensor:
        """uint8 code nearest to each magnitude >= 0, ties to the even code."""
        in_steps, binade = self._in_steps(magnitude)
        return (in_steps.round().long() + (binade.long() << self.mantissa_bits)).to(torch.uint8)

    def stochastic_code(self, magnitude: Tensor, words: Tensor) -> Tensor:
        """uint8 code just below or above each magnitude >= 0: up iff word < floor(2**32 * distance in steps).

        ``words`` are uniform integers in [0, 2**32). The distance to the lower neighbour is exact in float32, so that
        the probability is exact to 2**-32 and the same on all routes.
        """
        in_steps, binade = self._in_steps(magnitude)
        lower = in_steps.floor()
        threshold = ((in_steps - lower) * 2.0**32).long()
        return (lower.long() + (binade.long() << self.mantissa_bits) + (words < threshold)).to(torch.uint8)

    def signed_code(self, x: Tensor, magnitude_code: Tensor) -> Tensor:
        """Put the sign bit of ``x`` (also that of -0) into the highest bit."""
        return magnitude_code | (torch.signbit(x).to(torch.uint8) << (self.bits - 1))

    def decode(self, codes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Values of codes, exact in every float dtype."""
        return torch.tensor(self.values, dtype=dtype, device=codes.device)[codes.long()]

    def pack(self, codes: Tensor) -> Tensor:
        """Codes (rows, columns) as bytes (rows, columns * bits / 8): code i of a row begins at its bit bits * i.

        Two codes of four bits share a byte, four of six bits three bytes: columns are a multiple of two, or of four.
        """
        if self.bits == 8:
            return codes
        together = 8 // math.gcd(8, self.bits)
        groups = codes.reshape(len(codes), codes.shape[1] // together, together).int()
        shifts = self.bits * torch.arange(together, device=codes.device, dtype=torch.int32)
        word = (groups << shifts).sum(-1, dtype=torch.int32)
        shifts = 8 * torch.arange(together * self.bits // 8, device=codes.device, dtype=torch.int32)
        return (word[..., None] >> shifts & 255).to(torch.uint8).flatten(1)

    def unpack(self, packed: Tensor) -> Tensor:
        """Inverse of ``pack``: one code a byte."""
        if self.bits == 8:
            return packed
        together = 8 // math.gcd(8, self.bits)
        count = together * self.bits // 8
        groups = packed.reshape(len(packed), packed.shape[1] // count, count).int()
        shifts = 8 * torch.arange(count, device=packed.device, dtype=torch.int32)
        word = (groups << shifts).sum(-1, dtype=torch.int32)
        shifts = self.bits * torch.arange(together, device=packed.device, dtype=torch.int32)
        return (word[..., None] >> shifts & (2**self.bits - 1)).to(torch.uint8).flatten(1)


E2M1 = Minifloat(name="e2m1", exponent_bits=2, mantissa_bits=1, largest=6.0)
E4M3 = Minifloat(name="e4m3", exponent_bits=4, mantissa_bits=3, largest=448.0)
E5M2 = Minifloat(name="e5m2", exponent_bits=5, mantissa_bits=2, largest=57344.0, infinity=True)
E2M3 = Minifloat(name="e2m3", exponent_bits=2, mantissa_bits=3, largest=7.5)
E3M2 = Minifloat(name="e3m2", exponent_bits=3, mantissa_bits=2, largest=28.0)
ELEMENTS = (E2M1, E4M3, E5M2, E2M3, E3M2)
"""Position = the number of an element in registered operators and in the compiled library (``native/minifloat.h``)."""
