"""Energies of a ReLU block: extended precision, all routes, and what they are made of."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, relu_moments, transverse_energy

from .inputs import FLOATS, LAYOUTS, VARIANTS, exact, few, laid_out, tensors, using, values

U64 = 2.0**-53
each_variant = pytest.mark.parametrize("variant", VARIANTS)
NAMES = ("clean", "cross", "total", "moved")


@st.composite
def pairs(draw, dtypes=FLOATS):
    h = draw(tensors(dtypes=dtypes, wild=False))
    dh = draw(values(tuple(h.shape), h.dtype, wild=False))
    return h, laid_out(dh, draw(st.sampled_from(LAYOUTS)))


def oracle(h, dh):
    """Sums of each side, and of the magnitudes of their terms, in extended precision."""
    h, dh = exact(h), exact(dh)
    sides = {}
    for side, sign in (("up", 1), ("down", -1)):
        a, b = np.maximum(sign * h, 0), np.maximum(sign * (h + dh), 0)
        terms = {"clean": a * a, "cross": a * (b - a), "total": (b - a) ** 2, "moved": b * b}
        sides |= {(side, name): (term.sum(-1), np.abs(term).sum(-1)) for name, term in terms.items()}
    terms = {"clean": h * h, "cross": h * dh, "total": dh * dh}
    return sides | {("linear", name): (term.sum(-1), np.abs(term).sum(-1)) for name, term in terms.items()}


@each_variant
@given(pair=pairs())
@few
def test_within_the_bound_of_extended_precision(variant, pair):
    """h + dh is rounded, by u of |h| + |dh|, which all products but h.dh and its kin feel twice; a term once more."""
    h, dh = pair
    with using(variant, h.dtype) as route:
        result = relu_moments(h, dh, route=route)
    size = ((np.abs(exact(h)) + np.abs(exact(dh))) ** 2).sum(-1)
    for (side, name), (expected, magnitude) in oracle(h, dh).items():
        got = getattr(getattr(result, side), name)
        assert got.shape == h.shape[:-1]
        assert got.dtype == torch.float64
        assert (np.abs(exact(got) - expected) <= (h.shape[-1] + 4) * U64 * magnitude + 8 * U64 * size).all()


@each_variant
@given(pair=pairs(dtypes=(torch.float64,)))
@few
def test_transverse_energies_are_those_of_the_activations(variant, pair):
    h, dh = pair
    with using(variant) as route:
        moments = relu_moments(h, dh, route=route)
        for side, sign in ((moments.up, 1), (moments.down, -1)):
            a = torch.relu(sign * h)
            total, radial, transverse = transverse_energy(a, torch.relu(sign * (h + dh)) - a, route=route)
            slack = (16 * h.shape[-1] + 64) * U64 * ((h.abs() + dh.abs()).square().sum(-1))
            for got, expected in ((side.total, total), (side.radial, radial), (side.transverse, transverse)):
                assert bool(((got - expected).abs() <= slack).all())
            assert bool((side.radial <= side.total).all())
        linear = transverse_energy(h, dh, route=route)
        assert bool(((moments.linear.transverse - linear[2]).abs() <= slack).all())


def test_a_row_of_zeros_has_no_direction_and_a_gate_that_stays_shut_no_energy():
    h = torch.tensor([[0.0, 0.0], [-1.0, -2.0]])
    moments = relu_moments(h, torch.tensor([[1.0, -1.0], [0.5, 0.5]]))
    assert moments.up.radial.tolist() == [0.0, 0.0]
    assert moments.up.total.tolist() == [1.0, 0.0]
    assert moments.down.total.tolist() == [1.0, 0.5]
    assert moments.linear.moved.tolist() == [2.0, 2.5]


def test_refusals():
    x = torch.ones(2, 3)
    with pytest.raises(KernelError, match=r"dh must be of shape \(2, 3\)"):
        relu_moments(x, x[0])
    with pytest.raises(KernelError, match="rows of shape"):
        relu_moments(torch.tensor(1.0), torch.tensor(1.0))
    with pytest.raises(KernelError, match="like the first tensor"):
        relu_moments(x, x.double())
