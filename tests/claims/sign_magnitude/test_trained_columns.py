"""Exp G, equal-norm directions and single matrices on tiny random models: known answers, and planted ones."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from claims.errors import Unavailable
from claims.models.decoder import Decoder
from claims.models.divergence import divergence
from claims.models.opening import open_checkpoint
from claims.models.prepared import SQUARE, decoder, moments
from claims.models.subjects import subject_of
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.trained import directions, single_columns, single_matrices
from claims.streams import Streams

from ..models import tiny

STREAMS = Streams(1, "tests", {}, 0)
WORDS = "hello world 12 and {} of what the byte-level pairs do not know.\n"


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def subject(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny.architecture(request.param, context=512)
    tiny.write_folder(folder / "model", model, tiny.tensors(model))
    (folder / "text.txt").write_text("".join(WORDS.format(i) for i in range(200)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLAIMBENCH_CACHE", str(folder / "cache"))
        yield subject_of(str(folder / "model"), str(folder / "text.txt"))


@pytest.fixture
def model(subject):
    """A decoder of the test's own, whose weights it may change."""
    return Decoder(open_checkpoint(Path(subject.path)))


@pytest.fixture
def tokens(model):
    return torch.arange(48).remainder(model.architecture.vocabulary)[None]


def test_the_script_s_columns_reach_from_the_smallest_to_the_largest_alpha():
    alpha = np.geomspace(1e-3, 1, 61)[np.random.default_rng(0).permutation(61)]
    columns = single_columns.log_spaced(alpha, 7)
    assert np.allclose(alpha[columns], np.geomspace(1e-3, 1, 7))


def test_a_column_is_taken_once_even_where_many_targets_are_nearest_to_it():
    alpha = np.array([1e-4, 0.9, 0.901, 0.902, 0.903])
    assert single_columns.log_spaced(alpha, 5, offset=0.5) == [0, 1, 2, 3, 4]


def test_the_released_columns_are_log_spaced():
    released = published.columns("exp_g", published.having("nll_change"))["alpha"]
    steps = np.diff(np.log(released))
    assert len(single_columns.log_spaced(np.array(released), 20)) == len(set(released)) == 20
    assert math.log(released[-1] / released[0]) / 19 == pytest.approx(steps.mean())


@pytest.mark.parametrize("part", ["q", "down"])
def test_a_flipped_column_is_a_matrix_with_that_column_negated(model, tokens, part):
    with torch.no_grad():
        before = model.run(model.embed(tokens), stop=1)
        found = single_columns.flipped_columns(model, before, tokens, layer=1, part=part, columns=[3, 7])
        clean = model.run(before, start=1)
        for column, one in zip((3, 7), found, strict=True):
            model.layer(1)[part][:, column] *= -1
            expected = divergence(model, clean, model.run(before, start=1), tokens)
            model.layer(1)[part][:, column] *= -1
            assert one.kl == pytest.approx(expected.kl, rel=1e-3)
            assert one.kl > 1e-9
            assert one.change == pytest.approx(expected.change, rel=1e-3, abs=1e-7)


def test_mean_squares_are_those_of_the_normalised_stream(model, tokens):
    with torch.no_grad():
        stream = model.run(model.embed(tokens), stop=1)
    x = stream[0].double().numpy()
    x = x / np.sqrt((x**2).mean(1, keepdims=True) + model.architecture.epsilon)
    expected = ((x * model.layer(1)["attention_norm"].double().numpy()) ** 2).mean(0)
    assert np.allclose(single_columns.mean_squares(model, stream, layer=1, part="q"), expected, rtol=1e-5)


def test_summary_finds_planted_laws():
    share, energy = np.geomspace(1e-5, 0.1, 12), np.geomspace(1e-4, 3, 12) * np.tile([0.5, 2.0], 6)
    found = single_columns.summary(share, energy, 0.1 * share**0.7, 3 * energy**1.25)
    assert found["slope_energy"] == pytest.approx(1.25)
    assert found["slope_kept"] == pytest.approx(0.7)
    assert found["rank_change"] == pytest.approx(1.0)
    assert found["increases"] == 1.0
    assert found["inflation"] == 0.0
    assert single_columns.summary(share, share, share, 2 * share)["scatter"] == pytest.approx(0.0, abs=1e-9)


def test_leaving_out_decreases_makes_a_correlation_and_a_small_slope():
    share = np.geomspace(1e-6, 1, 40)
    noise = np.random.default_rng(3).standard_normal(40)
    found = single_columns.summary(share, share, share + 1e-2 * noise, share)
    assert found["slope_kept"] < 0.7 < found["slope_share"] == pytest.approx(1.0)


def test_too_few_columns_correlate_with_nothing():
    share = np.geomspace(1e-6, 1, 6)
    found = single_columns.summary(share, share, -share, share)
    assert found["rank_kept"] == found["slope_kept"] == 0.0
    assert found["rank_change"] == pytest.approx(-1.0)


def test_the_relative_depth_is_that_of_the_paper():
    assert [single_columns.relative_layer(layers) for layers in (22, 30, 2)] == [12, 16, 1]


def test_the_released_protocol_is_for_the_paper_s_model_alone(subject):
    with pytest.raises(Unavailable, match=r"Exp G on TinyLlama.*claimbench audit"):
        single_columns.released_protocol({"subject": subject}, STREAMS)


def test_all_arms_move_a_matrix_as_far():
    weight = torch.randn(200, 300, generator=torch.Generator().manual_seed(1))
    moved = {arm: directions.perturbation(STREAMS, arm, 0.01)("w", weight) for arm in directions.ARMS}
    for arm, matrix in moved.items():
        slack = 0.1 if arm in ("flip", "double") else 1e-4
        assert float((matrix - weight).norm()) == pytest.approx(0.2 * float(weight.norm()), rel=slack)
    assert torch.allclose(moved["flip"] + moved["double"], 2 * weight, rtol=1e-6)
    for arm in ("double", "outward", "scale"):
        assert torch.equal(moved[arm].sign(), weight.sign())
    assert (moved["flip"].sign() != weight.sign()).float().mean() == pytest.approx(0.01, abs=0.002)
    assert (moved["inward"].abs() < weight.abs())[weight.abs() > 0.3].all()


def test_masks_are_independent():
    weight = torch.ones(400, 400)
    first, second = (directions.perturbation(STREAMS, "flip", 0.25, mask=mask)("w", weight) for mask in (0, 1))
    assert ((first < 0) & (second < 0)).float().mean() == pytest.approx(0.0625, abs=0.005)


@pytest.mark.parametrize("quantizer", directions.QUANTIZERS)
def test_quantizers_are_the_textbook_s(quantizer):
    weight = torch.randn(6, 500, generator=torch.Generator().manual_seed(2))
    w = weight.double().numpy()
    scale = np.abs(w).mean() if quantizer == "ternary-tensor" else np.abs(w).mean(1, keepdims=True)
    codes = np.sign(w) if quantizer == "sign-row" else np.clip(np.round(w / scale), -1, 1)
    assert np.allclose(directions.quantized(weight, quantizer).numpy(), scale * codes, rtol=1e-5)


def test_small_perturbations_of_all_matrices_cost_in_proportion_to_the_rate(subject):
    point = {"subject": subject, "length": 48, "masks": 2}
    (weak,), (strong,) = (_smooth(directions.all_matrices, point | {"flip_rate": (rate,)}) for rate in (1e-6, 4e-6))
    for arm in ("outward", "scale", "noise"):
        assert strong[arm] - weak[arm] == pytest.approx(math.log(4), abs=0.1)


def test_arms_are_measured_where_they_are_of_interest(subject):
    point = {"subject": subject, "length": 48, "masks": 1, "flip_rate": (1e-5, 1e-4, 1e-3)}
    arms = [set(directions.ARMS) & set(record) for record in _smooth(directions.all_matrices, point)]
    common = {"flip", "outward", "scale"}
    assert arms == [common | {"double"}, common, common | {"inward", "noise"}]


def _smooth(run, point):
    """At rates this small a tiny model has no flips: their arm is left out by giving it one flipped entry's noise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(directions, "sign_flip", lambda weight, **_: weight * (1 + 1e-3))
        return run(point, STREAMS)


def test_a_matrix_whose_columns_are_of_one_length_has_no_profile(subject):
    shared = decoder(subject)
    kept = {}
    for name in moments(subject):
        _, layer, part = name.split(".")
        kept[name] = shared.layer(int(layer))[part]
    natural = directions.profile({"subject": subject}, STREAMS)["excess"]
    try:
        for name, weight in kept.items():
            _, layer, part = name.split(".")
            shared.layer(int(layer))[part] = weight / weight.norm(dim=0)
        even = directions.profile({"subject": subject}, STREAMS)["excess"]
    finally:
        for name, weight in kept.items():
            _, layer, part = name.split(".")
            shared.layer(int(layer))[part] = weight
    assert abs(even) < 1e-6 < abs(natural)


def test_the_profile_is_noise_over_flips(subject):
    """Energies written out: noise moves every column as far, flips each by its own norm."""
    logs = []
    for name, rows in moments(subject).items():
        _, layer, part = name.split(".")
        weight, square = decoder(subject).layer(int(layer))[part].double(), rows[SQUARE]
        flips = (weight.square() * square).sum()
        logs.append(math.log(float(weight.square().sum() * square.mean() / flips)))
    found = directions.profile({"subject": subject}, STREAMS)
    assert found["excess"] == pytest.approx(sum(logs) / len(logs))
    assert found["share"] == pytest.approx(sum(log > 0 for log in logs) / len(logs))


def test_flips_move_a_matrix_as_far_as_its_quantization():
    weight = torch.randn(150, 200, generator=torch.Generator().manual_seed(2))
    arms = dict(zip(single_matrices.ARMS, single_matrices.perturbed_weights(weight, "w", STREAMS), strict=True))
    norms = {arm: float((matrix - weight).norm()) for arm, matrix in arms.items()}
    assert norms["flip-ternary"] == pytest.approx(norms["ternary"], rel=0.05)
    assert norms["flip-sign"] == pytest.approx(norms["sign"], rel=0.05)
    assert norms["weak"] == pytest.approx(norms["ternary"] * math.sqrt(single_matrices.WEAK), rel=0.1)
    assert norms["outward"] == pytest.approx(norms["inward"]) == pytest.approx(norms["weak"], rel=0.1)


def test_a_change_along_the_stream_has_no_energy():
    y = torch.randn(1, 7, 16, generator=torch.Generator().manual_seed(3))
    assert single_matrices._relative_energy(y, 1.5 * y) == pytest.approx(0.0, abs=1e-6)
    assert single_matrices._relative_energy(y, -y) == pytest.approx(0.0, abs=1e-6)
    assert single_matrices._relative_energy(y, y + y.roll(1, -1)) > 0.1


def test_effects_on_one_matrix(model, tokens):
    with torch.no_grad():
        found = single_matrices.effects(model, tokens, layer=1, part="gate", streams=STREAMS)
    assert np.isfinite(np.stack([found.kl, found.energy, found.output])).all()
    assert found.gap("outward", "inward", of="output") == pytest.approx(0.0, abs=1e-4)  # a step and its opposite
    assert found.gap("flip-ternary", "weak", of="output") > 1
    assert found.gap("sign", "ternary", of="output") > 0


def test_single_matrices_summary_finds_planted_factors():
    random = np.random.default_rng(0)
    factors = np.array([-0.5, 0.5, 1.0])
    energies = random.normal(-3, 1, (3, len(single_matrices.ARMS)))
    found = single_matrices.summary(
        [
            single_matrices.Effects(energy * 0.8 + factor, energy, energy + random.normal(0, 2, energy.shape))
            for energy, factor in zip(energies, factors, strict=True)
        ]
    )
    assert found["exponent"] == pytest.approx(0.8)
    assert found["left_by_output"] > 0
    assert found["sign"] == pytest.approx(0.8 * found["sign_energy"])
    even = [single_matrices.Effects(e + f, e, e) for e, f in zip(energies, factors, strict=True)]
    assert single_matrices.summary(even)["scatter"] == pytest.approx(factors.std(ddof=1))


def test_arms_have_names_of_their_own():
    for arms in (single_matrices.ARMS, directions.ARMS, directions.QUANTIZERS):
        assert all(a != b for a, b in itertools.combinations(arms, 2))
