"""Section 4, eq. 6 to 8 and block scales: closed forms against quadrature and draws, experiments against loops."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from claims.packs import declared
from claims.papers.mean_bias.experiments import mechanism_statements, outliers
from claims.papers.mean_bias.sections import section4_blocks, section4_outliers
from claims.papers.mean_bias.theory import outliers as theory
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED


def streams(seed: int = 0) -> Streams:
    return Streams(5, "outliers", {}, seed)


def squared_share(shift: float, largest: float) -> float:
    """E[mu^2/X^2] among the extremes (eq. 8, the mean's share): q^2 + q (1 - q) inverse_square."""
    q = theory.additive_share(shift)
    return q * q + q * (1 - q) * theory.inverse_square(largest)


@given(largest=st.floats(1e-12, 0.9))
@example(largest=1e-3)
@settings(deadline=None, max_examples=8)
def test_inverse_square_by_quadrature(largest):
    t = stats.norm.isf(largest / 2)
    with mpmath.workdps(25):
        mass = mpmath.quad(mpmath.npdf, [t, t + 1, t + 4, t + 40])
        integral = mpmath.quad(lambda z: mpmath.npdf(z) / z**2, [t, 2 * t, t + 1 + t, t + 4 + t, t + 40])
    assert theory.inverse_square(largest) == pytest.approx(float(integral / mass), rel=1e-6)


def test_inverse_square_refuses_what_is_no_share():
    with pytest.raises(ValueError, match="largest"):
        theory.inverse_square(1.0)


@given(shift=st.floats(0.01, 100), largest=st.floats(1e-9, 0.5))
@settings(deadline=None, max_examples=40)
def test_squared_shares_and_cross_term_make_one(shift, largest):
    """The rest's squared share is the mean's at 1/shift: mu and z change places."""
    parts = squared_share(shift, largest) + squared_share(1 / shift, largest)
    assert parts + theory.cross_share(shift, largest) == pytest.approx(1, rel=1e-9)
    assert theory.additive_share(shift) + theory.additive_share(1 / shift) == pytest.approx(1, rel=1e-12)
    assert theory.cross_share(shift, largest) <= 0.5


def test_shares_by_draws():
    generator = np.random.default_rng(4)
    mu, z = 0.7 * generator.standard_normal(2_000_000), generator.standard_normal(2_000_000)
    x = mu + z
    chosen = np.abs(x) > np.quantile(np.abs(x), 0.99)
    mean, entry = mu[chosen], x[chosen]
    assert np.mean(mean / entry) == pytest.approx(theory.additive_share(0.7), abs=0.01)
    assert np.mean(mean**2 / entry**2) == pytest.approx(squared_share(0.7, 0.01), abs=0.01)
    assert np.mean(2 * mean * z[chosen] / entry**2) == pytest.approx(theory.cross_share(0.7, 0.01), abs=0.01)


@given(probability=st.floats(0, 1), block=st.integers(1, 64))
@example(probability=1.0, block=16)
@example(probability=1e-300, block=16)
@settings(deadline=None, max_examples=40)
def test_affected_blocks(probability, block):
    with mpmath.workdps(340):
        exact = float(1 - (1 - mpmath.mpf(probability)) ** block)
    assert theory.affected_blocks(probability, block) == pytest.approx(exact, rel=1e-12)


@given(seed=st.integers(0, 500), tokens=st.integers(8, 40))
@settings(deadline=None, max_examples=10)
def test_decomposition_and_its_planted_errors(seed, tokens):
    found = outliers.decomposition({"tokens": tokens, "channels": 200}, streams(seed))
    assert found["sum_gap"] <= found["bound"] < found["sum_planted"]
    assert found["inner"] <= found["bound"] < found["uncentred_inner"]
    assert found["column_means"] <= found["bound"] < found["uncentred_column_means"]
    assert abs(found["separated"] - 1) <= found["bound"] < abs(found["uncentred_separated"] - 1)


@pytest.mark.parametrize(("channels", "rank"), [(64, 0), (99, 0), (100, 1), (1024, 10), (3072, 30)])
def test_spike_rank(channels, rank):
    assert outliers.spike_rank(channels) == rank


def test_spike_of_is_the_best_approximation():
    x = np.random.default_rng(1).standard_normal((20, 12))
    spike, rest = outliers.spike_of(x, 3)
    values = np.linalg.svd(x, compute_uv=False)
    assert outliers.energy(rest) == pytest.approx((values[3:] ** 2).sum(), rel=1e-12)
    assert np.linalg.matrix_rank(spike) == 3


def test_attribution_by_hand():
    point = {"tokens": 6, "channels": 256, "largest": 0.01, "law": ("gaussian", "channels"), "shift": (0.5, 2.0)}
    records = outliers.attribution(point, streams())
    generator = streams().numpy("entries")
    noise = generator.standard_normal((6, 256))
    noise = noise - noise.mean(0)
    spread = generator.standard_normal(256)
    few = np.zeros(256)
    few[[0, 128]] = np.sign(spread[[0, 128]]) * math.sqrt(128)
    for record, means in zip((records[1], records[3]), (2.0 * spread, 2.0 * few), strict=True):
        x = means + noise
        cells = sorted(((abs(x[i, j]), i, j) for i in range(6) for j in range(256)), reverse=True)[:15]
        mean = np.array([means[j] / x[i, j] for _, i, j in cells])
        assert record["additive"] == pytest.approx(mean.mean(), rel=1e-12)
        assert record["squared_mean"] == pytest.approx((mean**2).mean(), rel=1e-12)
        assert record["cross"] == pytest.approx((2 * mean * (1 - mean)).mean(), rel=1e-10)
        assert record["squared_rest"] == pytest.approx(((1 - mean) ** 2).mean(), rel=1e-10)
        counts = sorted((sum(k == j for _, _, k in cells) for j in range(256)), reverse=True)
        needed = next(n for n in range(1, 257) if sum(counts[:n]) >= 0.9 * 15)
        assert record["columns"] == needed / 256
    assert records[1]["shift"] == 2.0
    assert records[3]["law"] == "channels"


def test_three_way_adds_up():
    point = {"tokens": 32, "channels": 100, "largest": 0.01, "spike": 1.0, "shift": (0.0, 1.0)}
    none, some = outliers.three_way(point, streams())
    assert none["squared_mean"] == 0
    for record in (none, some):
        assert abs(record["additive_sum"] - 1) <= record["bound"] < abs(record["squared_sum"] - 1)
        parts = record["squared_mean"] + record["squared_spike"] + record["squared_tail"]
        assert record["cross"] == pytest.approx(1 - parts, abs=1e-12)


def test_crowded_blocks_have_the_step_of_their_largest_entry():
    point = {"blocks": 64, "size": 8.0, "outliers": (0, 1, 8)}
    none, one, eight = outliers.crowded_blocks(point, streams())
    assert 6.4 / 6 * 0.94 < one["scale"] < eight["scale"] <= 8 / 6 * 1.0001
    assert none["scale"] < one["scale"] / 2
    assert none["rest_error"] < one["rest_error"] / 2


def test_reached_blocks_by_hand():
    point = {"tokens": 5, "channels": 64, "probability": 0.05, "arrangement": ("scattered", "channels")}
    scattered, coherent = outliers.reached_blocks(point, streams())
    extreme = streams().numpy("extremes").uniform(size=(5, 64)) < 0.05
    wanted = sum(any(extreme[i, 16 * b : 16 * b + 16]) for i in range(5) for b in range(4))
    assert (scattered["reached"], scattered["blocks"]) == (wanted, 20)
    assert coherent["reached"] % 5 == 0
    assert coherent["share"] == coherent["reached"] / 20


@given(mean=st.floats(-3, 3), spike=st.floats(-3, 3), tail=st.floats(-3, 3))
@example(mean=1.0, spike=1.0, tail=1.0)
@example(mean=0.1, spike=0.0, tail=0.0)
@settings(deadline=None, max_examples=60)
def test_cross_terms_stay_below_two_thirds(mean, spike, tail):
    statement = mechanism_statements.CROSS_TERMS
    assert statement.margin(mean=mean, spike=spike, tail=tail) >= 0
    assert statement.precise(mean=mean, spike=spike, tail=tail) >= -1e-40
    assert statement.planted(mean=1.0, spike=1.0, tail=1.0) < 0


def test_claims_name_their_corrections():
    claims = [claim for module in (section4_outliers, section4_blocks) for claim in declared(module)]
    by_id = {claim.id: claim for claim in claims}
    refuted = [claim for claim in claims if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) == 6
    assert all(by_id[claim.corrected_by].expected is HOLDS for claim in refuted)
