"""Results larger than the caches are written past them: the same bits as computed a few rows at a time."""

import pytest
import torch

from claims import kernels
from claims.kernels import native

from .inputs import VARIANTS, bits, using

ROWS, WIDTH = 2064, 1024  # 8.1 MiB of float32: above the size from which stores bypass the caches
PIECE = 129
each_compiled = pytest.mark.parametrize("variant", [name for name in VARIANTS if name != "reference"])


def tensor(dtype, seed):
    x = torch.randn(ROWS, WIDTH * 4 // dtype.itemsize, generator=torch.Generator().manual_seed(seed)).to(dtype)
    x[5], x[7, 3], x[-1, 0] = 0, torch.inf, torch.nan
    return x


OPERATIONS = {
    "rms_norm": lambda x, h: kernels.rms_norm(x, route="cpu"),
    "rms_norm_jvp": lambda x, h: kernels.rms_norm_jvp(x, h, route="cpu"),
    "magnitude_step": lambda x, h: kernels.magnitude_step(x, size=0.1, route="cpu"),
    "hadamard_transform": lambda x, h: kernels.hadamard_transform(x, route="cpu"),
    "hadamard_transform in blocks of 128": lambda x, h: kernels.hadamard_transform(x, block=128, route="cpu"),
}


@each_compiled
@pytest.mark.parametrize("dtype", native.DTYPES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whole_matrix_is_its_pieces(variant, operation, dtype):
    x, h = tensor(dtype, 0), tensor(dtype, 1).nan_to_num(0, 0, 0)
    call = OPERATIONS[operation]
    with using(variant, dtype):
        whole = call(x, h)
        pieces = torch.cat([call(a, b) for a, b in zip(x.split(PIECE), h.split(PIECE), strict=True)])
    assert torch.equal(bits(whole.nan_to_num(nan=7)), bits(pieces.nan_to_num(nan=7)))
    assert torch.equal(whole.isnan(), pieces.isnan())


@each_compiled
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dequantized_whole_is_its_pieces(variant, dtype):
    x = tensor(dtype, 2).nan_to_num(0, 0, 0)
    with using(variant, dtype):
        amax = x.abs().max()
        whole = kernels.dequantize(kernels.nvfp4_quantize(x, amax=amax, route="cpu"), dtype=dtype, route="cpu")
        parts = (kernels.nvfp4_quantize(a, amax=amax, route="cpu") for a in x.split(PIECE))
        pieces = torch.cat([kernels.dequantize(part, dtype=dtype, route="cpu") for part in parts])
    assert torch.equal(bits(whole), bits(pieces))
