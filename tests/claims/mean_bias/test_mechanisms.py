"""Section 3: closed forms against quadrature in many digits and draws, experiments against loops."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import special

from claims.packs import declared
from claims.papers.mean_bias.experiments import activation_means, mechanism_statements, mechanisms
from claims.papers.mean_bias.sections import section3_activations, section3_mixing, section3_width
from claims.papers.mean_bias.theory import mechanisms as theory
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED

MPMATH = {
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
}


def streams(seed: int = 0) -> Streams:
    return Streams(5, "mechanisms", {}, seed)


def gaussian_integral(function, sigma):
    """E[function(sigma z)] in 20 digits."""
    with mpmath.workdps(20):
        return float(mpmath.quad(lambda z: function(sigma * z) * mpmath.npdf(z), [-12, -4, -1, 0, 1, 4, 12]))


@pytest.mark.parametrize("activation", sorted(MPMATH))
@given(sigma=st.floats(1e-3, 20))
@example(sigma=1e-3)
@example(sigma=20.0)
@settings(deadline=None, max_examples=3)
def test_activation_means_and_shares(activation, sigma):
    mean = gaussian_integral(MPMATH[activation], sigma)
    square = gaussian_integral(lambda z: MPMATH[activation](z) ** 2, sigma)
    assert theory.activation_mean(activation, sigma) == pytest.approx(mean, rel=1e-9)
    assert theory.activation_share(activation, sigma) == pytest.approx(mean * mean / square, rel=1e-9)


@pytest.mark.parametrize("law", ["gaussian", "laplace", "uniform", "two-point"])
@given(sigma=st.floats(0.01, 100))
@settings(deadline=None, max_examples=15)
def test_laws_have_their_moments(law, sigma):
    z, weights = activation_means.half_law(law, sigma)
    assert (z > 0).all()
    assert 2 * weights.sum() == pytest.approx(1, rel=1e-12)
    assert 2 * (weights @ z**2) == pytest.approx(sigma**2, rel=1e-11)


def test_an_unknown_law_and_activation_are_named():
    with pytest.raises(ValueError, match="got 'cauchy'"):
        activation_means.half_law("cauchy", 1.0)
    with pytest.raises(ValueError, match="got 'mish'"):
        theory.activation_mean("mish")


def test_quadrature_agrees_with_draws():
    names = tuple(activation_means.ACTIVATIONS)
    point = {"activation": names, "law": ("gaussian",), "sigma": 1.7}
    z = 1.7 * np.random.default_rng(3).standard_normal(400_000)
    for record in activation_means.activation_mean(point, streams()):
        values = activation_means.ACTIVATIONS[record["activation"]](z)
        assert record["mean"] == pytest.approx(values.mean(), abs=5 * values.std() / math.sqrt(z.size) + 1e-15)


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=10)
def test_mean_is_that_of_the_even_part(seed):
    point = {"activation": section3_activations.NAMES, "law": section3_activations.LAWS[:3]}
    for record in activation_means.even_part(point, streams(seed)):
        assert abs(record["mean"] - record["even"]) <= record["bound"] < abs(record["planted"] - record["even"])


@given(
    rho=st.floats(-0.99, 0.99),
    gate=st.floats(0.1, 4),
)
@settings(deadline=None, max_examples=6)
def test_gated_mean_by_quadrature(rho, gate):
    """E[SiLU(g) u] with u = rho g/sigma + noise, whose noise drops out: a one-dimensional integral."""
    exact = gaussian_integral(lambda g: MPMATH["silu"](g) * rho * g / gate, gate)
    assert theory.gated_mean(rho, gate) == pytest.approx(exact, abs=1e-10)


def test_gated_unit_is_its_product():
    point = {"pairs": 64, "correlation": (-0.8, 0.5), "law": ("gaussian", "laplace", "two-point")}
    records = activation_means.gated_unit(point, streams())
    generator = streams().numpy("pairs")
    uniforms = generator.uniform(-1, 1, (2, 64))
    a, b = generator.standard_normal((2, 64))
    wanted = np.mean([g / (1 + math.exp(-g)) * (0.5 * g + math.sqrt(0.75) * c) for g, c in zip(a, b, strict=True)])
    assert records[1]["mean"] == pytest.approx(wanted, rel=1e-12)
    signs = np.sign(uniforms)
    flat = np.mean(signs[0] * special.expit(signs[0]) * (-0.8 * signs[0] + 0.6 * signs[1]))
    assert records[4]["mean"] == pytest.approx(flat, rel=1e-12)
    for record in records:
        assert abs(record["folded"] - record["half_product"]) <= record["bound"]
        assert abs(record["planted"] - record["half_product"]) > record["bound"]


@given(shift=st.floats(0.05, 5))
@settings(deadline=None, max_examples=10)
def test_swiglu_lowers_every_share(shift):
    wide = theory.gated_share(shift, 10**12, 10**12)
    assert wide < theory.input_share(shift)


def test_gated_share_by_draws():
    generator = np.random.default_rng(2)
    a, z, w = generator.standard_normal((3, 4000, 64))
    share = theory.input_share(0.8)
    inner = np.sqrt(share) * a[:, :1] + np.sqrt(1 - share) * z
    silu = inner * special.expit(inner)
    # The product of means over two disjoint halves of z is unbiased for the squared mean.
    squared = (silu[:, :32].mean(1) * silu[:, 32:].mean(1)).mean()
    drawn = share * squared / (w * w * special.expit(w) ** 2).mean()
    assert theory.gated_share(0.8, 10**12, 10**12) == pytest.approx(drawn, rel=0.05)


def test_swiglu_share_without_mean_and_with():
    point = {"tokens": 200, "channels": 24, "neurons": 40, "shift": (0.0, 2.0)}
    none, strong = activation_means.swiglu_share(point, streams())
    assert none["before"] < 0.02
    assert 0.75 < strong["before"] < 0.85
    assert strong["after"] == pytest.approx(strong["mean_energy"] / strong["energy"], rel=1e-12)
    assert none["after"] < 0.06 < 0.3 < strong["after"]


@given(tokens=st.integers(2, 10**5), shift=st.floats(0, 5), sharpness=st.floats(0, 2))
@settings(deadline=None, max_examples=30)
def test_averaging_never_lowers_the_share(tokens, shift, sharpness):
    share = theory.averaged_share(shift, tokens, sharpness)
    assert 0 < share <= 1
    assert theory.averaged_share(shift, tokens, 0.0) == 1
    if math.exp(sharpness**2) <= tokens:
        assert share >= theory.input_share(shift) - 1e-12


def test_attention_arms_by_hand():
    point = {"tokens": 7, "channels": 4, "shift": 0.5, "weights": ("similarity", "random"), "sharpness": (0.0, 1.0)}
    records = mechanisms.attention_arms(point, streams())
    generator = streams().numpy("tokens")
    x = 0.5 * mechanisms.unit_direction(generator, 4) + generator.standard_normal((7, 4))
    weights = special.softmax(x @ x.T / 2, axis=1)
    assert records[1]["after"] == pytest.approx(mechanisms.share_of_mean(weights @ x), rel=1e-12)
    assert records[1]["effective_tokens"] == pytest.approx((1 / (weights**2).sum(1)).mean(), rel=1e-12)
    assert records[0]["after"] == pytest.approx(1, rel=1e-12)
    assert records[2]["after"] == pytest.approx(1, rel=1e-12)


def test_dealt_weights_are_as_unequal_and_know_nothing_of_the_values():
    point = {"tokens": 64, "channels": 32, "shift": 0.5, "weights": ("similarity", "dealt"), "sharpness": (1.0,)}
    similar, dealt = mechanisms.attention_arms(point, streams())
    assert dealt["effective_tokens"] == pytest.approx(similar["effective_tokens"], rel=1e-12)
    assert dealt["after"] != pytest.approx(similar["after"], rel=1e-3)


@given(depth=st.integers(1, 200), shift=st.floats(0, 3), tokens=st.integers(2, 10**5))
@settings(deadline=None, max_examples=30)
def test_residual_shares(depth, shift, tokens):
    first = theory.residual_share("unrelated", 1, shift, tokens)
    assert theory.residual_share("unrelated", depth, shift, tokens) == pytest.approx(first, rel=1e-12)
    assert theory.residual_share("common", depth, shift, tokens) >= first - 1e-12


def test_residual_stream_by_hand():
    point = {"tokens": 5, "channels": 3, "shift": 0.7, "depth": (1, 3), "direction": ("unrelated", "common")}
    records = mechanisms.residual_stream(point, streams())
    generator = streams().numpy("layers")
    noise = generator.standard_normal((3, 5, 3))
    directions = [mechanisms.unit_direction(generator, 3) for _ in range(3)]
    for record, layers in zip((records[1], records[3]), (directions, [directions[0]] * 3), strict=True):
        x = noise.sum(0) + 0.7 * np.sum(layers, axis=0)
        assert record["energy"] == pytest.approx((x**2).mean(), rel=1e-12)
        assert record["mean_energy"] == pytest.approx((x.mean(0) ** 2).mean(), rel=1e-12)
        assert record["share"] == pytest.approx((x.mean(0) ** 2).mean() / (x**2).mean(), rel=1e-12)


@given(seed=st.integers(0, 500))
@settings(deadline=None, max_examples=20)
def test_residual_identities_and_their_planted_errors(seed):
    found = mechanisms.residual_identity({"tokens": 9, "channels": 6}, streams(seed))
    assert found["gap"] <= found["bound"] < found["planted"]
    assert abs(found["energy_after"] - found["energy_balance"]) <= found["energy_bound"]
    assert abs(found["energy_after"] - found["energy_planted"]) > found["energy_bound"]


@given(vocabulary=st.integers(10, 3000), exponent=st.floats(0, 3))
@settings(deadline=None, max_examples=30)
def test_zipf(vocabulary, exponent):
    frequencies = theory.zipf(vocabulary, exponent)
    assert math.fsum(frequencies) == pytest.approx(1, rel=1e-12)
    assert 1 / vocabulary - 1e-12 <= theory.corpus_share(vocabulary, exponent) <= 1
    assert theory.head_share(vocabulary, vocabulary, exponent) == pytest.approx(1)
    harmonic, squares = float(mpmath.harmonic(vocabulary)), float(mpmath.zeta(2) - mpmath.zeta(2, vocabulary + 1))
    assert theory.corpus_share(vocabulary) == pytest.approx(squares / harmonic**2, rel=1e-9)


def test_token_frequencies_by_hand():
    point = {"vocabulary": 12, "channels": 5, "exponent": 1.0, "head": 3, "tokens": 40}
    found = mechanisms.token_frequencies(point, streams())
    embedding = streams().numpy("embedding").standard_normal((12, 5))
    p = np.array(theory.zipf(12))
    mean = sum(weight * row for weight, row in zip(p, embedding, strict=True))
    assert found["mean_energy"] == pytest.approx(mean @ mean, rel=1e-12)
    head = sum(weight * row for weight, row in zip(p[:3], embedding[:3], strict=True))
    assert found["head_energy"] == pytest.approx(head @ head, rel=1e-12)
    assert found["weighted_share"] == pytest.approx(mean @ mean / (p @ (embedding**2).sum(1)), rel=1e-12)
    assert found["count_gap"] <= found["count_bound"] < found["count_planted"]


def test_width_by_hand():
    point = {"tokens": 8, "shift": 0.5, "largest": 0.05, "hidden": (4, 10), "law": ("constant", "gaussian")}
    records = mechanisms.width(point, streams())
    generator = streams().numpy("channels")
    means = 0.5 * generator.standard_normal(10)
    noise = generator.standard_normal((8, 10))
    x = means + noise - noise.mean(0)
    last = records[3]
    assert last["mean_norm"] == pytest.approx(math.sqrt((means**2).sum()), rel=1e-12)
    assert last["flat_norm"] == pytest.approx(math.sqrt(10) * np.abs(means).mean(), rel=1e-12)
    assert last["largest_entry"] == pytest.approx(np.abs(x).max(), rel=1e-12)
    largest = sorted(((abs(x[i, j]), means[j] / x[i, j]) for i in range(8) for j in range(10)), reverse=True)[:4]
    assert last["extreme_share"] == pytest.approx(np.mean([share for _, share in largest]), rel=1e-12)
    assert records[0]["largest_mean"] == 0.5


def test_root_mean_square_is_no_mean_magnitude():
    found = mechanisms.root_mean_square({"hidden": 4096}, streams())
    assert abs(found["norm"] - found["by_root_mean_square"]) <= found["bound"]
    assert found["norm"] / found["by_magnitude"] == pytest.approx(theory.gaussian_mean_norm(), rel=0.05)


@pytest.mark.parametrize("name", ["GELU_EVEN_PART", "SILU_EVEN_PART"])
@given(z=st.floats(-30, 30))
@example(z=5e-324)
@example(z=1e-160)
@example(z=30.0)
@settings(deadline=None, max_examples=50)
def test_even_parts_are_nowhere_negative(name, z):
    statement = getattr(mechanism_statements, name)
    assert statement.margin(z) >= 0
    assert statement.precise(z=z) >= 0
    assert statement.margin(z) == pytest.approx(statement.precise(z=z), abs=1e-13)
    assert statement.planted(1e-3) < 0


def test_cancellation_has_its_counterexample():
    assert mechanism_statements.NO_CANCELLATION.precise(mean_x=1.0, mean_y=0.5, change_x=-1.0, change_y=-0.5) == -1.25


def test_claims_name_their_corrections():
    claims = [c for module in (section3_activations, section3_mixing, section3_width) for c in declared(module)]
    by_id = {claim.id: claim for claim in claims}
    refuted = [claim for claim in claims if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) == 10
    assert all(by_id[claim.corrected_by].expected is HOLDS for claim in refuted)
