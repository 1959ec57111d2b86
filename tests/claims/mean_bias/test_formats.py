"""The exact laws of the 4-bit formats against quadrature; the experiments notice a wrong codec, library or version."""

import logging
import math

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from claims.errors import Unavailable
from claims.kernels import e2m1_decode, e2m1_encode
from claims.papers.mean_bias.experiments import formats, formats_codes, formats_libraries
from claims.papers.mean_bias.theory import formats as theory
from claims.streams import Streams

NORMAL = stats.norm()


def streams(function, point, seed=0):
    return Streams(1, f"{function.__module__}:{function.__name__}", point, seed)


def run(function, point, sweep=None, seed=0):
    return function(point | (sweep or {}), streams(function, point, seed))


def density(a, block):
    """Of the largest of ``block`` magnitudes."""
    return block * theory.folded(a) ** (block - 1) * 2 * math.exp(-a * a / 2) / math.sqrt(2 * math.pi)


def nearest(x):
    return min(theory.MAGNITUDES, key=lambda value: abs(value - x))


class TestTheory:
    def test_cells_of_e4m3_are_what_rounds_to_each_of_its_numbers(self):
        codes = torch.arange(127, dtype=torch.uint8)  # the last one, 127, is NaN
        values = codes.view(torch.float8_e4m3fn).double()
        cells = torch.tensor(theory._e4m3_cells(), dtype=torch.float64)
        assert torch.equal(cells[:, 2], values)
        assert torch.equal(cells[1:, 0], cells[:-1, 1])
        within = cells[:, :2].clamp(max=448) * torch.tensor([1 + 1e-6, 1 - 1e-6])
        assert torch.equal(within.float().to(torch.float8_e4m3fn).view(torch.uint8), codes[:, None].expand(-1, 2))

    @pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
    @pytest.mark.parametrize("scale", [0.2, 1.0, 7.0])
    def test_moments_at_a_scale(self, scale, rounding):
        """Against sums over a fine grid, with the rounding written out."""
        x = np.linspace(0, 9, 900_001)
        weight = 2 * NORMAL.pdf(x) * (x[1] - x[0])
        values = np.array(theory.MAGNITUDES) * scale
        lower = np.clip(np.searchsorted(values, x, side="right") - 1, 0, 7)
        low, high = values[lower], values[np.minimum(lower + 1, 7)]
        clipped = np.clip(x, 0, 6 * scale)
        if rounding == "nearest":
            q = values[np.abs(clipped[:, None] - values).argmin(1)]
            error, along = (q - x) ** 2, x * (q - x)
        else:
            error = (x - low) * (high - x) * (lower < 7) + (x - clipped) ** 2
            along = x * (clipped - x)
        got = theory._range_moments(scale, rounding, 0.0, 12.0)
        expected = [float(part @ weight) for part in (error, along, x * x)]
        assert got == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize("rule", ["floor", "ceil"])
    def test_error_of_mxfp4_by_quadrature(self, rule):
        """A block's maximum a first, then the other elements below it, with the scale by its formula."""

        def given(a):
            power = math.floor(math.log2(a)) - 2 if rule == "floor" else math.ceil(math.log2(a / 6))
            scale = 2.0**power
            own = (nearest(min(a / scale, 6.0)) * scale - a) ** 2
            others = theory._range_moments(scale, "nearest", 0.0, a).error / theory.folded(a)
            return (own + 31 * others) / 32

        edges = [0.25 * 2 ** (i / 2000) for i in range(11_001)]
        middles = np.sqrt(np.array(edges[1:]) * np.array(edges[:-1]))
        total = sum(given(a) * density(a, 32) * width for a, width in zip(middles, np.diff(edges), strict=True))
        assert theory.mxfp4_error(rule) == pytest.approx(total, rel=1e-4)

    def test_blocks_have_all_of_the_energy(self):
        for cells in (theory.nvfp4_cells(20.0), theory.mxfp4_cells("ceil"), theory.unrounded_cells()):
            assert theory.block_moments(cells, 16, "nearest").energy == pytest.approx(1, abs=1e-9)

    def test_unrounded_scales_by_quadrature(self):
        """The largest element is exact, the others are rounded at a sixth of it."""

        def given(a):
            return 15 / 16 * theory._range_moments(a / 6, "nearest", 0.0, a).error / theory.folded(a)

        total = integrate.quad(lambda a: given(a) * density(a, 16), 0.05, 8, limit=200)[0]
        assert theory.unrounded_error() == pytest.approx(total, rel=2e-4)

    def test_largest_elements_by_quadrature(self):
        """A tensor so small and a scale so coarse that the law of the largest element matters."""
        blocks, nodes = 8, 100
        lost = largest = clipped = 0.0
        for i in range(nodes):
            amax = NORMAL.ppf((1 + ((i + 0.5) / nodes) ** (1 / (16 * blocks))) / 2)
            a = (np.arange(2000) + 0.5) / 2000 * amax
            weight = (2 * NORMAL.cdf(a) - 1) ** 15 * np.exp(-a * a / 2)
            weight /= weight.sum()
            ratio = a * 448 / amax
            scale = torch.tensor(ratio).to(torch.float8_e4m3fn).double().numpy() * amax / 2688
            over = np.maximum(a - 6 * scale, 0)
            lost += (blocks - 1) * float(over @ weight)
            clipped += (blocks - 1) / blocks * float((over > 0) @ weight) / nodes
            largest += (blocks - 1) * float(a @ weight) + amax
        assert theory.maximum_gain(16 * blocks) == pytest.approx(-lost / largest, rel=0.01)
        assert theory.clipped_share(16 * blocks) == pytest.approx(clipped, abs=0.003)

    def test_unknown_names_are_refused(self):
        with pytest.raises(ValueError, match="rounding"):
            theory.nvfp4_error(64, "1x16", "up")
        with pytest.raises(ValueError, match="scale_rule"):
            theory.mxfp4_cells("even")


class TestExperiments:
    def test_a_codec_that_rounds_ties_away_is_noticed(self, monkeypatch):
        def away(x):
            ties = {0.25: 1, 0.75: 2, 1.25: 3, 1.75: 4, 2.5: 5, 3.5: 6, 5.0: 7}
            codes = e2m1_encode(x)
            for tie, code in ties.items():
                codes[x.abs() == tie] = code
            return codes | (x.signbit().to(torch.uint8) << 3)

        right = run(formats_codes.encoded, {"element": "e2m1"})
        monkeypatch.setitem(formats_codes._ENCODE, "e2m1", away)
        wrong = run(formats_codes.encoded, {"element": "e2m1"})
        assert right["agree"] == right["numbers"] == 65282
        assert wrong["agree"] == right["planted"] < wrong["numbers"]

    def test_a_codec_that_takes_nan_is_noticed(self, monkeypatch):
        monkeypatch.setitem(formats_codes._ENCODE, "e2m1", lambda x: e2m1_encode(x.nan_to_num(6.0)))
        assert run(formats_codes.refused, {"operation": "e2m1"})["agree"] == 0

    def test_a_value_of_another_code_is_noticed(self, monkeypatch):
        monkeypatch.setitem(
            formats_codes._DECODE, "e2m1", lambda codes, dtype: e2m1_decode(codes, dtype=dtype).where(codes != 8, 0.0)
        )
        record = run(formats_codes.decoded, {"element": "e2m1"})
        assert record["agree"] == record["codes"] - 1  # +0 for -0

    @pytest.mark.parametrize(
        ("function", "point", "sweep"),
        [
            (formats.normal_error, {"elements": 4096}, {"arm": ("nvfp4/stochastic", "mxfp4-ceil/nearest")}),
            (formats.block_maxima, {"elements": 4096, "tensors": 2}, {}),
            (formats.rounded_level, {"copies": 64}, {"level": (0.1, 3.4)}),
            (formats.extremes, {"blocks": 64, "size": 12.0}, {"count": (1, 8)}),
        ],
    )
    def test_a_seed_is_reproducible_and_another_one_differs(self, function, point, sweep):
        first = run(function, point, sweep)
        assert run(function, point, sweep) == first
        assert run(function, point, sweep, seed=1) != first

    def test_block_maxima_without_rounding_of_the_tensor_scale(self):
        """One block is never clipped: its largest element is 448 scales of 6 by construction."""
        record = run(formats.block_maxima, {"elements": 256, "tensors": 50})
        assert record["clipped"] <= 15 / 16
        assert record["maximum_gain"] < 0


class TestLibraries:
    def test_another_version_or_none_is_unavailable_and_says_how_to_get_it(self):
        formats_libraries.require("torch", torch.__version__.partition("+")[0])
        with pytest.raises(Unavailable, match=r"needs torch 0\.0\.0, found .*pip install 'torch==0\.0\.0'"):
            formats_libraries.require("torch", "0.0.0")
        with pytest.raises(Unavailable, match="found none"):
            formats_libraries.require("no-such-distribution", "1.0")
        for function in (formats_libraries.torchao_cases, formats_libraries.ml_dtypes_codes):
            with pytest.raises(Unavailable):
                run(function, {"version": "0.0.0"})

    def test_loggers_are_as_before(self):
        names = formats_libraries._NOISY
        before = [logging.getLogger(name).level for name in names]
        with formats_libraries._without_warnings():
            assert {logging.getLogger(name).level for name in names} == {logging.ERROR}
        assert [logging.getLogger(name).level for name in names] == before
