"""Fact 1, amplitudes and Exp B on tiny models: known answers, planted weights, and the authors' own rules."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from claims.errors import TextError, Unavailable
from claims.models.known import TINYLLAMA, WIKITEXT, KnownModel
from claims.models.prepared import decoder
from claims.models.subjects import subject_of
from claims.papers.sign_magnitude.experiments import depth_replays
from claims.papers.sign_magnitude.experiments.replays import PUBLISHED_SEEDS, seeded, weight_matrix
from claims.papers.sign_magnitude.trained import amplitudes, stacks, weights
from claims.papers.sign_magnitude.trained.author_text import author_windows
from claims.streams import Streams

from ..models import tiny

STREAMS = Streams(1, "tests", {}, 0)
WORDS = "hello world 12 and {} of what the byte-level pairs do not know.\n"
SIZES = {"layers": 8, "width": 64, "heads": 4, "head_size": 16, "hidden": 96, "context": 512}
GAUSSIAN = 2 / math.pi


TEXT = "".join(WORDS.format(i) for i in range(200))


def made(folder, model, values, *, text=TEXT):
    """The subject of a model with these tensors."""
    tiny.write_folder(folder / "model", model, values)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return subject_of(str(folder / "model"), str(folder / "text.txt"))


def changed(model, change):
    """Random tensors whose matrices are what ``change(name, array, rng)`` makes of them."""
    rng = np.random.default_rng(5)
    return {
        name: change(name, value, rng).astype(np.float32) if name.startswith("layers") and value.ndim == 2 else value
        for name, value in tiny.tensors(model).items()
    }


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def subject(request, tmp_path_factory):
    model = tiny.architecture(request.param, **SIZES)
    return made(tmp_path_factory.mktemp(request.param), model, tiny.tensors(model))


def fact_1(subject, chosen="all"):
    return weights.matrices({"subject": subject, "chosen": chosen, "replicates": ""}, STREAMS)


def test_gaussian_matrices_are_near_two_over_pi(subject):
    found = fact_1(subject)
    assert found["mean"] == pytest.approx(GAUSSIAN, abs=0.01)
    assert found["within_share"] > 0.9


@pytest.mark.parametrize(
    ("law", "cosine"),
    [(lambda rng, shape: rng.uniform(-1, 1, shape), 0.75), (lambda rng, shape: rng.laplace(size=shape), 0.5)],
    ids=["uniform", "laplace"],
)
def test_other_laws_have_their_own_cosine(law, cosine, tmp_path):
    model = tiny.architecture("llama", **SIZES)
    found = fact_1(made(tmp_path, model, changed(model, lambda name, value, rng: law(rng, value.shape))))
    assert found["mean"] == pytest.approx(cosine, abs=0.02)
    assert found["deviation"] == pytest.approx(found["mean"] / GAUSSIAN - 1)
    assert found["within"] == 0


def test_a_matrix_is_described_by_its_outlier_columns():
    """Sixty columns, three of them outliers, with energies that a pencil can add."""
    square = torch.ones(60, dtype=torch.float64)
    square[torch.tensor([7, 20, 41])] = torch.tensor([3.0, 5.0, 35.0], dtype=torch.float64)
    norms = torch.where(square > 1, 2.0, 1.0).double()
    found = amplitudes._described(square, square, square, norms)
    assert found["outlier"] == pytest.approx(60 * 43 / 3 / 100)
    assert found["median"] == pytest.approx(60 * 5 / 100)
    assert found["rest"] == pytest.approx(60 / 100)
    assert found["largest"] == pytest.approx(60 * 35 / 100)
    assert (found["share"], found["giant"]) == pytest.approx((0.43, 35 / 43))
    assert (found["overlap"], found["norm_ratio"]) == pytest.approx((1.0, 2.0))
    assert found["log_skew"] == pytest.approx(math.log(43 / 15))
    assert found["log_leverage"] == pytest.approx(math.log(2 * 43 / 3))


def test_unequal_columns_are_told_from_heavy_tails(tmp_path):
    def scaled(name, value, rng):
        return value * np.exp(rng.standard_normal(value.shape[1]))

    model = tiny.architecture("llama", **SIZES)
    found = fact_1(made(tmp_path / "columns", model, changed(model, scaled)))
    assert found["deviation"] < -0.2
    assert abs(found["deviation_left"]) < 0.15
    assert found["within_left"] > 0.9
    tails = fact_1(
        made(tmp_path / "tails", model, changed(model, lambda name, value, rng: rng.laplace(size=value.shape)))
    )
    assert tails["deviation_left"] > 0.9


def test_the_worst_matrices_are_found_where_they_were_planted(tmp_path):
    def planted(name, value, rng):
        layer, part = name.split(".")[1:3]
        return rng.laplace(size=value.shape) if int(layer) < 2 and part in ("q", "k", "v", "o") else value

    model = tiny.architecture("llama", **SIZES)
    found = fact_1(made(tmp_path, model, changed(model, planted)))
    assert found["worst_both"] == pytest.approx(8 / 11)  # 8 planted ones, a fifth of 56 are 11
    assert found["row_kurtosis"] < -0.3


def test_zeros_have_no_sign():
    rows = torch.tensor([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [3.0, 0.0, -1.0, 0.0]], dtype=torch.float64)
    assert weights.row_cosines(rows).tolist() == pytest.approx([1.0, 0.0, 0.8])


def test_kurtosis_is_in_excess_of_the_normal_one():
    signs = torch.tensor([[1.0, -1.0, 1.0], [-2.0, 2.0, 2.0]], dtype=torch.float64)
    _, _, by_row, of_all, _ = weights._measured(signs)
    assert by_row == pytest.approx(-2.0)
    assert of_all == pytest.approx((1 + 16) / 2 / 2.5**2 - 3)


def test_the_twenty_are_those_of_the_authors_results():
    model = SimpleNamespace(architecture=tiny.architecture("llama", layers=TINYLLAMA.layers))
    chosen = weights._chosen(model, "twenty")
    parts = ("q", "k", "v", "o", "gate", "up", "down")
    assert chosen[:8] == [*zip(range(7), parts, strict=True), (8, "q")]
    assert chosen[-5:] == [(17, "k"), (18, "v"), (19, "o"), (20, "gate"), (21, "down")]
    assert len(chosen) == 20


def test_a_model_of_other_sizes_replicates_nothing(subject):
    with pytest.raises(Unavailable, match=r"replicates Table 6 on TinyLlama-1.1B-3T \(22 layers, width 2048\)"):
        weights.matrices({"subject": subject, "chosen": "twenty", "replicates": "TinyLlama-1.1B-3T"}, STREAMS)
    with pytest.raises(Unavailable, match=r"text WikiText-2 raw test: claimbench audit .* --text wiki.test.raw"):
        amplitudes.released({"subject": subject}, STREAMS)
    with pytest.raises(Unavailable, match="Exp B"):
        stacks.released_stack({"subject": subject, "activation": "relu", "flip_rate": 0.01, "layer": (1,)}, STREAMS)


def test_a_model_is_known_by_its_sizes_and_the_text_by_its_beginning(tmp_path):
    model = tiny.architecture("llama", **SIZES)
    shared = {
        field.name: getattr(model, field.name) for field in dataclasses.fields(KnownModel) if field.name != "name"
    }
    known = KnownModel(name="tiny", **shared)
    text = " \n = Robert Boulter = \n \n Robert Boulter is an actor . \n" + TEXT
    there = made(tmp_path / "there", model, tiny.tensors(model), text=text)
    known.require(there, "Exp D", text=WIKITEXT)
    with pytest.raises(Unavailable):
        dataclasses.replace(known, hidden=known.hidden + 1).require(there, "Exp D", text=WIKITEXT)
    other = made(tmp_path / "other", model, tiny.tensors(model))
    known.require(other, "Table 6")
    with pytest.raises(Unavailable):
        known.require(other, "Exp D", text=WIKITEXT)


def test_the_authors_join_lines_that_are_not_blank_by_two_breaks(tmp_path):
    model = tiny.architecture("llama", **SIZES)
    blanks = made(tmp_path, model, tiny.tensors(model), text="".join(f"{WORDS.format(i)} \n\n" for i in range(200)))
    words = "\n\n".join(WORDS.format(i) for i in range(200))
    expected = decoder(blanks).checkpoint.tokenizer().encode(words).ids[:48]
    assert author_windows(blanks, count=3, length=16).flatten().tolist() == expected
    with pytest.raises(TextError, match="10 windows of 2048 are asked for"):
        author_windows(blanks)


def test_outputs_of_gaussian_matrices_have_the_rows_cosine(subject):
    found = weights.outputs({"subject": subject, "length": 64, "inputs": 64}, STREAMS)
    assert found["sphere"] == pytest.approx(GAUSSIAN, abs=0.02)
    assert found["weighted"] == pytest.approx(found["rows"], abs=0.005)


def test_a_planted_giant_has_the_energy_and_equal_norms_leave_the_order():
    n = 400
    square = torch.linspace(1.0, 2.0, n, dtype=torch.float64)[torch.randperm(n, generator=seeded(0))]
    square[7] = 3 * (square.sum() - square[7])
    share = square / square.sum()
    found = amplitudes._described(square, square.sqrt(), share, torch.ones(n, dtype=torch.float64))
    assert found["largest"] == pytest.approx(0.75 * n)
    assert found["giant"] == pytest.approx(0.75 / found["share"])
    assert found["outlier"] == pytest.approx(found["share"] * 20)
    assert found["rank"] == pytest.approx(1)
    assert found["overlap"] == 1
    assert found["by_token"] == pytest.approx(0)
    # Equal norms: the leverage is the ratio of mean squares, and exceeds n E[alpha^2|out] by what the others lack.
    assert found["log_over_ratio"] == pytest.approx(0)
    assert found["log_over_outlier"] == pytest.approx(-math.log(found["rest"]))
    assert found["log_average"] == pytest.approx(0)


def test_unequal_norms_change_the_order():
    generator = seeded(1)
    square, norms = (torch.rand(300, generator=generator, dtype=torch.float64) for _ in range(2))
    found = amplitudes._described(square, square, square / square.sum(), norms)
    assert found["rank"] == pytest.approx(spearmanr(square, square * norms).statistic)
    assert found["rank"] < 0.9
    summary = amplitudes._summary(square, norms)
    assert summary["rank"] == found["rank"]
    assert summary["energy_ratio"] == pytest.approx(math.exp(found["log_leverage"]))
    assert summary["alpha_max"] ** 2 * 300 == pytest.approx(found["largest"])
    ordered = np.sort(square / square.sum())
    assert summary["alpha_median"] ** 2 == pytest.approx(ordered[-15:][7])
    assert summary["alpha_p90"] ** 2 == pytest.approx(ordered[-15:][13])


def test_amplitudes_of_a_set_are_medians_over_its_layers(subject):
    records = {
        record["where"]: record
        for record in amplitudes.amplitudes(
            {"subject": subject, "length": 128, "where": ("middle-q", "q", "k", "all")}, STREAMS
        )
    }
    assert amplitudes.middle_layer(decoder(subject)) == 4  # 12/22 of 8
    assert records["q"]["outlier"] == records["k"]["outlier"]  # one input
    assert records["q"]["rank"] != records["k"]["rank"]
    assert records["middle-q"]["rank_above"] in (0.0, 1.0)


def test_a_flipped_column_has_the_formula_s_energy(subject):
    for seed in range(3):
        streams = Streams(1, "tests", {}, seed)
        found = amplitudes.column_energy({"subject": subject, "length": 64}, streams)
        assert abs(found["measured"] - found["formula"]) <= found["bound"] < 1e-6 * found["formula"]
        assert abs(found["by_token"] - found["formula"]) > found["bound"]


def test_the_stack_is_the_middle_of_the_model(subject):
    model = decoder(subject)
    stack = stacks.gate_stack(subject)
    assert len(stack) == 6
    assert torch.equal(stack[0], model.layer(1)["gate"][:64, :64])
    assert torch.equal(stack[-1], model.layer(6)["gate"][:64, :64])


def test_fewer_than_six_layers_are_no_stack(tmp_path):
    model = tiny.architecture("llama", context=512)
    with pytest.raises(Unavailable, match="the model has 2"):
        stacks.gate_stack(made(tmp_path, model, tiny.tensors(model)))


def test_shuffling_gaussian_weights_changes_nothing_that_matters(subject):
    cells = {"weights": ("trained", "shuffled", "iid"), "activation": ("relu",), "flip_rate": (0.01, 0.05)}
    point = {"subject": subject, "inputs": 200, "layer": (1,), "metric": ("pre", "post")} | cells
    found = {(r["weights"], r["flip_rate"], r["metric"]): r["c"] for r in stacks.trained_stack(point, STREAMS)}
    for weights_ in cells["weights"]:
        assert found[weights_, 0.01, "pre"] == pytest.approx(2.65, rel=0.15)
        assert found[weights_, 0.05, "post"] > 1.6 * found[weights_, 0.05, "pre"]


def test_unequal_rows_make_the_step_s_ratio_that_of_all_entries(tmp_path):
    def scaled(name, value, rng):
        return value * np.exp(0.7 * rng.standard_normal(value.shape[0]))[:, None]

    model = tiny.architecture("llama", **SIZES | {"width": 160, "hidden": 160, "heads": 10})
    found = stacks.linear_layers(
        {"subject": made(tmp_path, model, changed(model, scaled)), "inputs": 200, "flip_rate": 0.01}, STREAMS
    )
    assert found["by_matrix"] == pytest.approx(1, abs=0.05)
    assert found["by_row"] < 0.8
    assert found["kappa_row"] == pytest.approx(GAUSSIAN, abs=0.01)
    assert found["kappa_matrix"] < found["kappa_row"] - 0.1


@pytest.mark.slow
def test_the_replay_is_that_of_the_authors_control_run():
    seed, width = PUBLISHED_SEEDS[0], 24
    generator = seeded(seed + 99_999)
    stack = [weight_matrix(generator, width, width) for _ in range(6)]
    point = {"flip_rate": 0.01, "layer": (1, 6)}
    control = depth_replays.depth_ratios(
        point | {"network": "released", "residual": False, "activation": "silu", "width": width}, STREAMS
    )
    assert stacks._replayed(stack, seed, torch.nn.functional.silu, point) == control
