"""The Hadamard transform and the column statistics in Triton: the bits of the reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import KernelError, mean_split
from claims.kernels.hadamard import hadamard_signs, hadamard_transform
from claims.kernels.mean_split import column_statistics

from .inputs import FLOATS, LAYOUTS, bits, laid_out, values
from .interpreter import KERNELS, by_triton, some


@given(data=st.data(), block=st.sampled_from((1, 2, 4, 16, 32)), axis=st.sampled_from((-1, -2)), inverse=st.booleans())
@some
def test_transform_has_the_bits_of_the_reference(data, block, axis, inverse):
    shape = data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=3))
    shape[axis] *= block
    x = data.draw(values(tuple(shape), data.draw(st.sampled_from(FLOATS)), wild=False))
    x = laid_out(x, data.draw(st.sampled_from(LAYOUTS)))
    signs = data.draw(st.sampled_from((None, hadamard_signs(block, key=5))))
    options = {"block": block, "axis": axis, "signs": signs, "inverse": inverse}
    result = by_triton(hadamard_transform, x, **options)
    assert torch.equal(bits(result), bits(hadamard_transform(x, **options, route="reference")))


@pytest.mark.parametrize(("block", "longest"), [(256, 8192), (256, 128)])
def test_long_blocks(block, longest, monkeypatch):
    monkeypatch.setattr(KERNELS["hadamard"], "LONGEST_BLOCK", longest)
    x = torch.randn(3, 2 * block)
    expected = hadamard_transform(x, block=block, route="reference")
    assert torch.equal(bits(by_triton(hadamard_transform, x, block=block)), bits(expected))
    out = torch.empty_like(x)
    assert by_triton(hadamard_transform, x, block=block, out=out) is not None
    assert torch.equal(out, expected)


def test_several_programs(monkeypatch):
    monkeypatch.setattr(KERNELS["hadamard"], "rows_a_program", lambda vectors, block: 4)
    x = torch.randn(16, 7)
    for axis, y in ((-2, x), (-1, x.T)):
        result = by_triton(hadamard_transform, y, axis=axis)
        assert torch.equal(bits(result), bits(hadamard_transform(y, axis=axis, route="reference")))


def test_gradient_is_the_inverse_transform():
    x = torch.randn(4, 32, requires_grad=True)
    signs = hadamard_signs(16, key=1)
    (gradient,) = torch.autograd.grad(by_triton(hadamard_transform, x, signs=signs), x, torch.ones(4, 32))
    expected = hadamard_transform(torch.ones(4, 32), signs=signs, inverse=True, route="reference")
    assert torch.equal(gradient, expected)


@given(rows=st.integers(0, 40), columns=st.integers(0, 20), dtype=st.sampled_from(FLOATS), seed=st.integers(0, 99))
@some
def test_statistics_are_those_of_the_reference(rows, columns, dtype, seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, dtype=torch.float64, generator=generator) * 10 ** torch.randn(columns).double()
    x = laid_out(x.to(dtype), ("contiguous", "transposed", "strided")[seed % 3])
    assert torch.equal(by_triton(column_statistics, x), column_statistics(x, route="reference"))


def test_statistics_add_up_in_pieces(monkeypatch):
    """Rows of very different size that cancel: what is left is rounding, other in any other order."""
    monkeypatch.setattr(mean_split, "PIECE", 8)
    monkeypatch.setattr(KERNELS["averis"], "PIECE", 8)
    half = torch.randn(22, 30, dtype=torch.float64) * torch.exp(20 * torch.randn(22, 30, dtype=torch.float64))
    x = torch.cat([half, torch.ones(1, 30), -half[torch.randperm(22)]])
    for y in (x.float(), x):
        assert torch.equal(by_triton(column_statistics, y), column_statistics(y, route="reference"))


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_statistics_refuse_what_is_not_finite(value, dtype):
    x = torch.ones(5, 4, dtype=dtype)
    x[3, 2] = value
    with pytest.raises(KernelError, match="finite"):
        by_triton(column_statistics, x)
