"""RMSNorm and its Jacobian-vector product in Triton, against the reference."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from claims.kernels import rms_norm, rms_norm_jvp

from .inputs import FLOATS, smallest, tensors, unit, values
from .interpreter import KERNELS, by_triton, some

U64 = 2.0**-53


def sum_error(d):
    """Relative error of the root mean square in float64: d additions under a root, and less than 10 roundings."""
    return (d / 2 + 10) * U64


def close(result, expected, *, extra=0.0):
    """Both are roundings of numbers that differ by the float64 errors of two evaluations."""
    dtype = expected.dtype
    wide = expected.double()
    bound = (2 * unit(dtype) + 4 * sum_error(expected.shape[-1])) * wide.abs() + extra + 2 * smallest(dtype)
    same = (result == expected) | (result.isnan() & expected.isnan())
    return bool((same | ((result.double() - wide).abs() <= bound)).all())


@given(x=tensors(), eps=st.sampled_from((0.0, 1e-6, 1.0, 1e300)))
@some
def test_forward_within_the_bound(x, eps):
    result, expected = by_triton(rms_norm, x, eps=eps), rms_norm(x, eps=eps, route="reference")
    assert result.is_contiguous()
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert close(result, expected)


@given(data=st.data(), eps=st.sampled_from((0.0, 1e-6)))
@some
def test_jvp_within_the_bound(data, eps):
    x = data.draw(tensors(wild=False))
    h = data.draw(values(tuple(x.shape), x.dtype, wild=False))
    result, expected = by_triton(rms_norm_jvp, x, h, eps=eps), rms_norm_jvp(x, h, eps=eps, route="reference")
    if x.numel() == 0:
        assert result.shape == x.shape
        return
    # The projection subtracts what may be as long as h: its rounding errors count against |h| / rms.
    rms = (x.double().square().mean(-1, keepdim=True) + eps).sqrt()
    length = h.double().norm(dim=-1, keepdim=True) + h.double().abs()
    lost = torch.where(rms > 0, length / rms, 0.0) * (8 * sum_error(x.shape[-1]))
    assert close(result, expected, extra=lost)


@pytest.mark.parametrize("longest", [1, 16, 64])
@given(data=st.data())
@some
def test_long_rows_take_several_blocks(longest, data):
    """A row longer than a block is summed block by block and read again: the same result within the same bound."""
    x = data.draw(tensors(wild=False, largest=70 if longest > 1 else 9))
    h = data.draw(values(tuple(x.shape), x.dtype, wild=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KERNELS["norm"], "LONGEST_BLOCK", longest)
        forward, jvp = by_triton(rms_norm, x), by_triton(rms_norm_jvp, x, h)
    assert close(forward, rms_norm(x, route="reference"))
    rms = x.double().square().mean(-1, keepdim=True).sqrt() if x.numel() else x.double()
    lost = torch.where(rms > 0, (h.double().norm(dim=-1, keepdim=True) + h.double().abs()) / rms, 0.0)
    assert close(jvp, rms_norm_jvp(x, h, route="reference"), extra=lost * (8 * sum_error(x.shape[-1])))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("longest", [4, 1024])
def test_unusual_rows(dtype, longest, monkeypatch):
    monkeypatch.setattr(KERNELS["norm"], "LONGEST_BLOCK", longest)
    info = torch.finfo(dtype)
    tiny = smallest(dtype)
    rows = [[0.0] * 6, [-0.0] * 6, [1.0, torch.nan, 0, 0, 0, 0], [torch.inf, 1, 2, 0, -3, 4]]
    rows += [[torch.inf, torch.nan, 0, 0, 0, 1], [info.max] * 6, [tiny] * 6, [tiny, 0, 0, 0, 0, 0]]
    x = torch.tensor(rows, dtype=torch.float64).to(dtype)
    assert close(by_triton(rms_norm, x), rms_norm(x, route="reference"))
    for h in (torch.ones_like(x), torch.full_like(x, torch.nan), torch.arange(48.0).view(8, 6).to(dtype)):
        result, expected = by_triton(rms_norm_jvp, x, h), rms_norm_jvp(x, h, route="reference")
        assert torch.equal(result.isnan(), expected.isnan())
        assert not result[:2].any()


def test_out_may_be_the_argument():
    x = torch.randn(9, 33)
    expected = by_triton(rms_norm, x)
    same = x.clone()
    assert torch.equal(by_triton(rms_norm, same, out=same), expected)
    strided = torch.empty(33, 9).T
    assert torch.equal(by_triton(rms_norm, x, out=strided), expected)


def test_backward_is_the_jvp():
    x = torch.randn(5, 12, dtype=torch.float64, requires_grad=True)
    g = torch.randn(5, 12, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(by_triton(rms_norm, x), x, g)
    assert close(gradient, rms_norm_jvp(x.detach(), g, route="reference"), extra=1e-14)
