"""Section 2: closed forms against quadrature and linear algebra, experiments against loops, statements."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from claims.catalogue import load_catalogue
from claims.evidence.searching import drive
from claims.packs import declared
from claims.papers.mean_bias.experiments import geometry, geometry_statements
from claims.papers.mean_bias.sections import section2_geometry, section2_modes, section3_mean_share
from claims.papers.mean_bias.theory import geometry as theory
from claims.streams import Streams
from claims.verdict import HOLDS, REFUTED


def streams(seed: int = 0) -> Streams:
    return Streams(5, "geometry", {}, seed)


@given(tokens=st.integers(2, 5000), channels=st.integers(1, 5000))
@example(tokens=2, channels=1)
@example(tokens=2, channels=5000)
@example(tokens=5000, channels=1)
@settings(deadline=None, max_examples=30)
def test_signs_of_noise_are_students(tokens, channels):
    exact = stats.t(channels).cdf(math.sqrt(channels / (tokens - 1)))
    assert theory.signs_of_noise(tokens, channels) == pytest.approx(exact, abs=1e-12)
    assert theory.signs_of_noise_wide(tokens, channels) == pytest.approx(
        stats.norm.cdf(math.sqrt(channels / tokens)), abs=1e-14
    )
    assert 0.5 < theory.signs_of_noise(tokens, channels) <= 1


def test_signs_of_noise_by_a_double_integral():
    """P(x.mu > 0) for two tokens of two channels: (x1 + x2).x1 > 0 with both in the plane."""
    with mpmath.workdps(20):
        # |x1| and |x2| Rayleigh, their ratio r has density 2r/(1 + r^2)^2; positive iff 1 + r cos(f) > 0.
        inner = mpmath.quad(
            lambda r: 2 * r / (1 + r * r) ** 2 * mpmath.acos(-1 / r) / mpmath.pi, [1, 2, 10, mpmath.inf]
        )
        exact = float(inner + mpmath.mpf(1) / 2)
    assert theory.signs_of_noise(2, 2) == pytest.approx(exact, abs=1e-9)
    assert exact == pytest.approx(0.5 + 0.5 / math.sqrt(2), abs=1e-9)


@given(shift=st.floats(0.0, 2.0), tokens=st.integers(64, 512), channels=st.integers(32, 512))
@settings(deadline=None, max_examples=30)
def test_held_out_signs_lie_between_chance_and_a_known_direction(shift, tokens, channels):
    share = theory.held_out_signs(shift, tokens, channels)
    assert 0.5 <= share <= stats.norm.cdf(shift * math.sqrt(channels)) + 1e-15


def alignment_margin(cosine2: float, gap: float, coherence: float) -> float:
    """That of the searched statement, for a mean that is long enough."""
    return geometry_statements.alignment_margin((cosine2, gap, coherence, 1.0), gap_weight=1.0, allowance=0.0)


@given(
    rows=st.integers(2, 6),
    columns=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(0, 3),
)
@settings(deadline=None, max_examples=80)
def test_alignment_bound_for_any_matrix(rows, columns, seed, shift):
    x = np.random.default_rng(seed).standard_normal((rows, columns)) + shift
    left, values, right = np.linalg.svd(x, full_matrices=False)
    mean = x.mean(0)
    cosine2 = (right[0] @ mean) ** 2 / (mean @ mean)
    gap = values[1] / values[0] if len(values) > 1 else 0.0
    coherence = min(1.0, left[:, 0].sum() ** 2 / rows)
    assert alignment_margin(cosine2, gap, coherence) >= -1e-9
    assert alignment_margin(coherence, gap, coherence) <= 1e-12  # the bound is no less than the coherence


@given(gap=st.floats(0.01, 1.0), angle=st.floats(0.01, math.pi / 2 - 0.01))
@settings(deadline=None, max_examples=40)
def test_alignment_bound_is_attained_at_rank_two(gap, angle):
    ones, other = np.ones(4) / 2, np.array([1, -1, 1, -1]) / 2
    u1, u2 = math.cos(angle) * ones + math.sin(angle) * other, math.sin(angle) * ones - math.cos(angle) * other
    x = np.outer(u1, [1.0, 0.0]) + gap * np.outer(u2, [0.0, 1.0])
    mean = x.mean(0)
    cosine2 = mean[0] ** 2 / (mean @ mean)
    assert alignment_margin(cosine2, gap, math.cos(angle) ** 2) == pytest.approx(0, abs=1e-12 * cosine2)


def test_closed_forms_refuse_what_is_no_matrix():
    with pytest.raises(ValueError, match="tokens and channels"):
        theory.signs_of_noise(1, 4)


@pytest.mark.parametrize(("tokens", "channels", "shift"), [(400, 100, 0.3), (250, 250, 0.2)])
def test_leading_coherence_is_the_spiked_matrix_limit(tokens, channels, shift):
    generator = np.random.default_rng(1)
    found = []
    for _ in range(6):
        x = generator.standard_normal((tokens, channels)) + shift
        found.append(np.linalg.eigh(x @ x.T)[1][:, -1].sum() ** 2 / tokens)
    assert np.mean(found) == pytest.approx(theory.leading_coherence(shift, tokens, channels), abs=0.03)


def test_leading_coherence_starts_at_the_transition():
    edge = math.sqrt(1 / math.sqrt(400 * 100))
    assert theory.leading_coherence(edge * 0.999, 400, 100) == 0
    assert 0 < theory.leading_coherence(edge * 1.001, 400, 100) < 0.01


@given(shift=st.floats(0, 10), tokens=st.integers(2, 10**6), channels=st.integers(1, 10**5))
@settings(deadline=None, max_examples=40)
def test_readings_of_the_share(shift, tokens, channels):
    share = theory.mean_share(tokens, shift)
    assert 1 / tokens - 1e-15 <= share <= 1
    assert theory.mean_share_by_entries(tokens, channels, shift) == pytest.approx(channels * share)
    assert theory.mean_share_by_tokens_twice(tokens, shift) == pytest.approx(tokens * share)


def test_projected_signs_are_their_definitions():
    point = {"tokens": 6, "channels": 3, "shift": 0.4, "entries": 6 * 3 * 5}
    found = geometry.projected_signs(point, streams())
    x = streams().numpy("tokens").standard_normal((5, 6, 3)) + 0.4
    positive, held, share = [], [], []
    for matrix in x:
        mean = matrix.mean(0)
        positive += [float(row @ mean > 0) for row in matrix]
        share.append(6 * (mean @ mean) / (matrix**2).sum())
        for i, row in enumerate(matrix):
            others = matrix[3:] if i < 3 else matrix[:3]
            held.append(float(row @ others.mean(0) > 0))
    assert found["positive"] == pytest.approx(np.mean(positive))
    assert found["held_out"] == pytest.approx(np.mean(held))
    assert found["mean_share"] == pytest.approx(np.mean(share))
    assert found["by_entries"] == pytest.approx(3 * np.mean(share))
    assert found["energy"] == pytest.approx((x**2).mean())


@given(seed=st.integers(0, 1000), tokens=st.integers(3, 40), channels=st.integers(2, 40))
@settings(deadline=None, max_examples=25)
def test_expansion_identities_and_their_planted_errors(seed, tokens, channels):
    found = geometry.expansion({"tokens": tokens, "channels": channels}, streams(seed))
    assert found["expansion_gap"] <= found["expansion_bound"] < found["expansion_planted"]
    assert abs(found["projection"] - found["length"]) <= found["length_bound"]
    assert abs(found["split_energy"] - found["mean_energy"]) <= found["split_bound"]
    assert abs(found["split_planted"] - found["mean_energy"]) > found["split_bound"]
    assert abs(found["ratio_squared"] - found["spectral_share"]) <= found["share_bound"]
    assert abs(found["cosine2"] - found["coefficient_share"]) <= found["cosine_bound"]


def test_planted_modes_name_what_leads():
    point = {"tokens": 64, "channels": 16, "shift": 1.0, "token_size": 3.0, "content": ("noise", "mean", "token")}
    noise, mean, token = geometry.planted_modes(point, streams())
    assert noise["mean_share"] < 0.1 < 0.4 < mean["mean_share"]
    assert mean["leading_cosine2"] > 0.9 > 0.3 > token["leading_cosine2"]
    assert token["other_cosine2"] > 0.7
    assert token["leading_share"] > mean["leading_share"] > noise["leading_share"]


def test_mode_removal_sees_the_mode_that_carries_the_energy():
    point = {"tokens": 64, "channels": 32, "law": ("spread", "channels"), "shift": (0.0, 4.0)}
    weak, strong, *_ = geometry.mode_removal(point, streams())
    assert strong["leading"] == pytest.approx(strong["leading_share"], abs=0.05)
    assert strong["leading"] > 0.9 > 0.3 > weak["leading"]
    assert weak["relative_error"] == pytest.approx(0.009, rel=0.1)


@pytest.mark.parametrize("name", ["ALIGNMENT", "ALIGNMENT_WITHOUT_GAP", "SHARE_READING"])
@given(entries=st.lists(st.floats(-1, 1), min_size=9, max_size=9))
@example(entries=[0.0] * 9)
@example(entries=[1.0] * 9)
@example(entries=[1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0])
@example(entries=[1.0, -1.0, 0, 1.0, -1.0, 0, -1.0, 1.0, 5e-324])
@settings(deadline=None, max_examples=25)
def test_rounding_makes_no_counterexample(name, entries):
    statement = getattr(geometry_statements, name)
    inputs = dict(zip(statement.inputs, entries, strict=True))
    assert statement.margin(**inputs) >= 0
    assert statement.precise(**inputs) >= -1e-30


@pytest.mark.parametrize(("name", "verdict"), [("ENTRY_READING", REFUTED), ("ALIGNMENT", HOLDS)])
def test_searches_find_what_is_there(name, verdict):
    module = "claims.papers.mean_bias.experiments.geometry_statements"
    found = drive({"statement": f"{module}:{name}", "examples": 30, "restarts": 1}, streams())
    assert (found["smallest_margin"] < 0) == (verdict is REFUTED)
    assert found["planted_margin"] < 0


def test_claims_name_their_corrections():
    claims = [c for module in (section2_geometry, section2_modes, section3_mean_share) for c in declared(module)]
    by_id = load_catalogue().claims
    refuted = [claim for claim in claims if claim.expected is REFUTED]
    assert len(refuted) == 9
    assert all(by_id[claim.corrected_by].expected is HOLDS for claim in refuted)
