"""Weight perturbations: random sign flips and the sign-preserving magnitude step of the same norm.

Both come from the comparison of sign noise and magnitude noise at equal Frobenius norm: flips negate each weight with
probability ``flip_rate``, the magnitude step moves all weights by one scalar away from zero (``sign=+1``) or towards
it (``sign=-1``). The flips are a function of key and element (``philox``), never of memory layout, route or device,
and no mask is stored by the compiled routes.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from claims.kernels import native
from claims.kernels.arguments import LARGEST, check_choice, check_real
from claims.kernels.derivatives import check_plain
from claims.kernels.dispatch import FLOATS, Operation, check_floating, like_first, register
from claims.kernels.errors import KernelError
from claims.kernels.philox import check_key, flip_mask, flip_threshold

_INTEGERS = {2: torch.int16, 4: torch.int32, 8: torch.int64}


def _unsigned(key: int) -> int:
    return key & ((1 << 64) - 1)


def _mask(w: Tensor, flip_rate: float, key: int) -> Tensor:
    return flip_mask(w.shape, flip_rate=flip_rate, key=_unsigned(key), device=w.device)


def _reference_flip(w: Tensor, flip_rate: float, key: int) -> Tensor:
    """On the bits: torch's negation of a signalling bfloat16 NaN changes more than its sign."""
    integers = _INTEGERS[w.element_size()]
    bits = native.plain(w).view(integers)
    return torch.where(_mask(w, flip_rate, key), bits ^ torch.iinfo(integers).min, bits).view(w.dtype)


def _reference_energy(w: Tensor, flip_rate: float, key: int) -> Tensor:
    wide = w.double()
    flipped = torch.where(_mask(w, flip_rate, key), wide, 0.0).square().sum()
    return torch.stack((flipped, torch.count_nonzero(wide).double()))


def _reference_step(w: Tensor, step: float) -> Tensor:
    wide = w if w.dtype == torch.float64 else w.float()
    return torch.where(wide == 0, wide, wide + step * torch.sign(wide)).to(w.dtype)


def _cpu_flip(w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    w, y = native.plain(w), native.result(w, out)
    threshold = flip_threshold(flip_rate, operation="sign_flip")
    native.call("sign_flip", w.element_size(), w, w.numel(), threshold, key, y)
    return y


def _cpu_energy(w: Tensor, flip_rate: float, key: int, out: Tensor | None) -> Tensor:
    w, energy = native.plain(w), native.empty((2,), torch.float64) if out is None else out
    threshold = flip_threshold(flip_rate, operation="flip_energy")
    native.call("flip_energy", native.code(w.dtype), w, w.numel(), threshold, key, energy)
    return energy


def _cpu_step(w: Tensor, step: float, out: Tensor | None) -> Tensor:
    w, y = native.plain(w), native.result(w, out)
    native.call("magnitude_step", native.code(w.dtype), w, w.numel(), step, y)
    return y


def _save_flip(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    _, context.flip_rate, context.key = arguments


def _backward_flip(context: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
    """A diagonal of +-1 is its own transpose."""
    return sign_flip(gradient, flip_rate=context.flip_rate, key=_unsigned(context.key)), None, None


def _tangent_flip(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    _, flip_rate, key = arguments
    return sign_flip(tangents[0], flip_rate=flip_rate, key=_unsigned(key))


def _save_nothing(context: Any, arguments: tuple[Any, ...], output: Tensor) -> None:
    """The derivative of a step of constant size is the identity wherever it exists."""


def _backward_step(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
    return gradient, None


def _tangent_step(arguments: tuple[Any, ...], tangents: tuple[Any, ...]) -> Tensor:
    tangent: Tensor = tangents[0]
    return tangent.clone()


SIGN_FLIP = register(
    Operation(
        name="sign_flip",
        schema="(Tensor w, float flip_rate, int key) -> Tensor",
        reference=_reference_flip,
        cpu=_cpu_flip,
        cpu_dtypes=FLOATS,
        triton="triton.perturb:sign_flip",
        fake=like_first,
        backward=_backward_flip,
        save=_save_flip,
        tangent=_tangent_flip,
        in_place=True,
    )
)
FLIP_ENERGY = register(
    Operation(
        name="flip_energy",
        schema="(Tensor w, float flip_rate, int key) -> Tensor",
        reference=_reference_energy,
        cpu=_cpu_energy,
        triton="triton.perturb:flip_energy",
        fake=lambda w, flip_rate, key: w.new_empty(2, dtype=torch.float64),
    )
)
MAGNITUDE_STEP = register(
    Operation(
        name="magnitude_step",
        schema="(Tensor w, float step) -> Tensor",
        reference=_reference_step,
        cpu=_cpu_step,
        triton="triton.perturb:magnitude_step",
        fake=like_first,
        backward=_backward_step,
        save=_save_nothing,
        tangent=_tangent_step,
        row_by_row=True,
        in_place=True,
    )
)


def sign_flip(w: Tensor, *, flip_rate: float, key: int, out: Tensor | None = None, route: str | None = None) -> Tensor:
    """w (any shape) with entry i (row-major index) negated if ``flip_mask_words[i] < floor(flip_rate * 2**32)``.

    Applied twice with the same key it gives w back. ``out`` may be w itself. Bit for bit the same on every route;
    differentiable (the derivative is the same flip).

    To negate is to flip the sign bit: zeros, infinities and NaN change sign like all else.
    Raises KernelError for a flip_rate outside [0, 1], a key outside [0, 2**64), or a dtype that is no float.
    """
    check_floating("sign_flip", w=w)
    flip_threshold(flip_rate, operation="sign_flip")
    result: Tensor = SIGN_FLIP(w, float(flip_rate), check_key(key, operation="sign_flip"), out=out, route=route)
    return result


def matched_step(w: Tensor, *, flip_rate: float, key: int, route: str | None = None) -> float:
    """The size with which ``magnitude_step(w)`` moves w as far, in Frobenius norm, as this very ``sign_flip(w)`` does.

    ``|sign_flip(w) - w|_F / sqrt(number of nonzero entries)``, computed without making the flipped matrix; 0 for a
    tensor of zeros. A NaN or an infinity among the flipped entries makes it NaN or infinite.
    Raises KernelError as ``sign_flip`` does.
    """
    check_floating("matched_step", w=w)
    check_plain("matched_step", w=w)
    if w.is_meta:
        raise KernelError("matched_step", "w", got="a tensor on the device meta", allowed="a tensor with data")
    flip_threshold(flip_rate, operation="matched_step")
    key = check_key(key, operation="matched_step")
    flipped, moved = FLIP_ENERGY(w.detach(), float(flip_rate), key, route=route).tolist()
    return 2.0 * math.sqrt(flipped / moved) if moved else 0.0


def magnitude_step(
    w: Tensor, *, size: float, sign: int = 1, out: Tensor | None = None, route: str | None = None
) -> Tensor:
    """``w + sign * size * sgn(w)``: every nonzero entry moves by ``size`` away from zero, or towards it for sign=-1.

    Zeros stay. With sign=-1 an entry smaller than ``size`` crosses zero. For the dtypes below float64 the sum is taken
    in float32 and rounded once to the dtype; bit for bit the same on every route. ``out`` may be w itself.
    Differentiable in w (the derivative is 1).

    NaN stays NaN, an infinity stays; a sum beyond the range of the dtype is infinite.
    Raises KernelError for a size that is negative or not finite, a sign other than 1 and -1, a dtype that is no float.
    """
    check_floating("magnitude_step", w=w)
    size = check_real("magnitude_step", "size", size, low=0.0, high=LARGEST, allowed="finite and not negative")
    check_choice("magnitude_step", "sign", sign, (1, -1))
    result: Tensor = MAGNITUDE_STEP(w, float(sign * size), out=out, route=route)
    return result
