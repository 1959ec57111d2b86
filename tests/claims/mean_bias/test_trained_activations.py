"""Measures of a trained model's activations: planted matrices with known answers, and tiny models of each family."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from claims.errors import Unavailable
from claims.models import known
from claims.models.prepared import decoder
from claims.papers.mean_bias import shared
from claims.papers.mean_bias.experiments import alternatives
from claims.papers.mean_bias.experiments.planted_mean import RECIPES, energy, split_error
from claims.papers.mean_bias.sections.trained_published import FIGURES
from claims.papers.mean_bias.trained import activations, emergence, matrices, operand_errors, published
from claims.streams import Streams
from claims.subject import Subject

from ..models import tiny

OPERAND_NAMES = ("q", "o", "gate", "down", "stream", "later stream")


def streams(seed=0):
    return Streams(6, "trained", {}, seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def subject_of(folder, family="llama", **changes):
    model = tiny.architecture(family, **changes)
    path = tiny.write_folder(folder, model, tiny.tensors(model))
    text = folder / "text.txt"
    letters = np.random.default_rng(0).choice(list("abcdefgh wol12"), 600)
    text.write_text("".join(letters), encoding="utf-8")
    return Subject(spec="tiny", path=str(path), model_digest=family, text=str(text), text_digest=f"{path}")


@pytest.fixture(params=tiny.FAMILIES)
def subject(request, tmp_path):
    return subject_of(tmp_path, request.param)


class TestMatrices:
    def test_steps_are_the_model(self, subject):
        model = decoder(subject)
        tokens = torch.arange(40)[None] % 200
        found = list(matrices.steps(model, tokens))
        assert [step.index for step in found] == [0, 1]
        torch.testing.assert_close(found[-1].after, model.run(model.embed(tokens))[0], rtol=0, atol=0)
        torch.testing.assert_close(found[1].before, found[0].after, rtol=0, atol=0)
        for step in found:
            parts = model.layer(step.index)
            bias = parts.get("q.bias", torch.zeros(()))
            torch.testing.assert_close(step.outputs["q"], step.inputs["q"] @ parts["q"].T + bias)
            between = step.before + step.outputs["o"]
            torch.testing.assert_close(step.after, between + step.outputs["down"])
            assert step.inputs["down"].shape == (40, 96)

    def test_relative_depth(self, subject):
        assert [matrices.layer_at(decoder(subject), depth) for depth in (0, 0.4, 1)] == [0, 0, 1]


class TestMeasures:
    def test_spectrum_is_that_of_svd(self):
        x = normal(48, 20) + normal(20, seed=1)
        left, values, right = torch.linalg.svd(x, full_matrices=False)
        mean = x.mean(0)
        cosines = (right @ mean).abs() / torch.linalg.vector_norm(mean)
        found = activations.spectrum(x)
        assert found["share"] == pytest.approx(48 * float(mean @ mean) / energy(x))
        assert found["share"] == pytest.approx(activations.mean_share(x))
        assert found["leading_share"] == pytest.approx(float(values[0] ** 2) / energy(x))
        assert found["cosine"] == pytest.approx(float(cosines[0]))
        assert found["other_cosine"] == pytest.approx(float(cosines[1:].max()))
        assert found["coherence"] == pytest.approx(float(left[:, 0].sum() ** 2) / 48)

    def test_one_huge_token_takes_the_first_mode(self):
        """As first tokens of language models do: the mean then lies in another mode, and without it in the first."""
        x = 0.5 * normal(64, 200) + normal(200, seed=1)
        x[0] = 40 * normal(200, seed=2)
        assert activations.spectrum(x)["coherence"] < 0.1 < 0.9 < activations.spectrum(x)["leading_share"]
        later = activations.spectrum(x[1:])
        assert later["cosine"] > 0.99
        assert later["share"] > 0.7

    def test_the_spike_is_the_first_mode_beside_the_mean(self):
        x = normal(60, 50) + 3 * normal(1, 50) + 2 * normal(60, 1) * normal(1, 50)
        centred = x - x.mean(0)
        u, s, v = torch.linalg.svd(centred, full_matrices=False)
        spike = s[0] * torch.outer(u[:, 0], v[0])
        chosen = x.abs().flatten().topk(30).indices
        expected = (spike.flatten()[chosen] / x.flatten()[chosen]).square().mean()
        assert activations.attribution(x, 0.01)["squared_spike"] == pytest.approx(float(expected), rel=1e-6)

    def test_the_later_stream_is_without_the_first_token(self):
        step = SimpleNamespace(inputs={"q": normal(5, 3)}, before=normal(6, 3))
        assert activations.matrix(step, "q") is step.inputs["q"]
        assert torch.equal(activations.matrix(step, "stream"), step.before)
        assert torch.equal(activations.matrix(step, "later stream"), step.before[1:])

    def test_signs(self):
        x = normal(400, 50)
        assert activations.signs(x)["one_sign"] > 0.55  # each token leans to a mean that it is part of
        assert activations.signs(x)["held_out"] == pytest.approx(0.5, abs=0.1)
        assert activations.signs(x + 1)["held_out"] == 1

    def test_extremes_of_one_outlier_channel(self):
        x = 0.1 * normal(128, 256)
        x[:, 7] += 10
        found = activations.attribution(x, 0.001)
        assert found["squared_mean"] == pytest.approx(1, abs=0.05)
        assert found["additive_mean"] == pytest.approx(1, abs=0.05)
        assert found["lead"] > 0.9
        assert found["columns"] == 1 / 256
        assert found["concentration"] > 0.99

    def test_extremes_of_noise(self):
        x = normal(128, 256)
        found = activations.attribution(x - x.mean(0), 0.001)
        assert abs(found["additive_mean"]) < 1e-12
        assert found["lead"] < -0.5
        assert found["columns"] > 0.05
        sums = found["squared_mean"] + found["squared_spike"] + found["squared_tail"] + found["cross"]
        assert sums == pytest.approx(1)

    def test_tails(self):
        gaussian = normal(2000, 200)
        assert activations.tail(gaussian) == pytest.approx(math.erfc(4 / math.sqrt(2)), abs=5e-5)
        assert activations.tail(gaussian * normal(2000, 200, seed=1)) > 2 * math.exp(-8)
        assert activations.tail(torch.ones(8, 4)) == 0

    def test_all_cells_of_the_sweep(self, subject):
        point = {"subject": subject, "tokens": 32, "largest": 0.01, "depth": (0.0, 0.4, 1.0), "operand": OPERAND_NAMES}
        records = activations.activations(point, streams())
        cells = {(record["operand"], record["depth"]): record for record in records}
        assert len(records) == len(cells) == 18
        assert all(math.isfinite(value) for r in records for value in r.values() if not isinstance(value, str))
        same = {key: value for key, value in cells["q", 0.0].items() if key != "depth"}
        assert {key: value for key, value in cells["q", 0.4].items() if key != "depth"} == same  # layer 0 of two
        assert cells["q", 1.0]["share"] != same["share"]
        assert activations.activations(point, streams()) == records


class TestEmergence:
    def test_frequencies_of_a_planted_embedding(self, tmp_path):
        """All rare tokens have one direction: the vocabulary's mean is large, and the text's is not."""
        subject = subject_of(tmp_path)
        table = decoder(subject).outer("embedding")
        held = emergence.text_tokens(subject).unique()
        rare = torch.ones(len(table), dtype=torch.bool)
        rare[held] = False
        table[rare] = 1.0
        table[held] -= table[held].mean(0)
        found = emergence.embedding({"subject": subject, "tokens": 200}, streams())
        assert found["vocabulary_share"] > 0.5
        assert found["types_share"] < 0.1
        counts = torch.bincount(emergence.text_tokens(subject)[:200]).double() / 200
        assert found["independent_share"] == pytest.approx(float(counts.square().sum()), rel=0.3)
        assert 0 <= found["text_cosine"] <= found["best_cosine"] <= 1

    def test_shares_of_a_layer(self, subject):
        point = {"subject": subject, "tokens": 32, "depth": ("first", "all")}
        first, everywhere = emergence.regeneration(point, streams())
        assert (first["depth"], everywhere["depth"]) == ("first", "all")
        model = decoder(subject)
        step = next(matrices.steps(model, emergence.window(subject, streams(), length=32)))
        assert first["attention_input"] == pytest.approx(activations.mean_share(step.inputs["q"]))
        assert first["mixed"] == pytest.approx(activations.mean_share(step.inputs["o"]))
        weights = torch.tril(torch.ones(32, 32, dtype=torch.float64))
        weights /= weights.sum(1, keepdim=True)
        assert first["uniform"] == pytest.approx(activations.mean_share(weights @ step.outputs["v"].double()))
        hidden = torch.nn.functional.silu(step.outputs["gate"]) * step.outputs["up"]
        assert first["hidden"] == pytest.approx(activations.mean_share(hidden), rel=1e-5)
        assert everywhere["swiglu_lowers"] in (0, 0.5, 1)

    def test_means_along_the_stream(self, subject):
        found = emergence.accumulation({"subject": subject, "tokens": 32}, streams())
        steps = list(matrices.steps(decoder(subject), emergence.window(subject, streams(), length=32)))
        lengths = [float(torch.linalg.vector_norm(x[1:].double().mean(0))) for x in (steps[0].before, steps[-1].after)]
        assert found["length_growth"] == pytest.approx(math.log(lengths[1] / lengths[0]))
        added = [step.outputs["down"][1:].double().mean(0) for step in steps]
        before = [(step.before + step.outputs["o"])[1:].double().mean(0) for step in steps]
        cosines = [emergence.cosine(mu, d) for mu, d in zip(before, added, strict=True)]
        assert found["cosine_mlp"] == pytest.approx(np.mean(cosines), abs=1e-5)
        assert found["against_mlp"] == np.mean(np.array(cosines) < 0)

    def test_cosine_and_ranks(self):
        assert emergence.cosine(torch.ones(3), -torch.ones(3)) == pytest.approx(-1)
        assert emergence.cosine(torch.ones(3), torch.zeros(3)) == 0
        assert emergence.spearman([1.0, 2.0, 5.0, 4.0]) == pytest.approx(0.8)


class TestOperandErrors:
    X = (normal(64, 208) + 2 * normal(208, seed=1)).float()
    WEIGHT = normal(48, 208, seed=2).float()

    def measures(self, *arms):
        return operand_errors.measures(self.X, self.WEIGHT, torch.arange(48), arms=("plain", *arms))

    def test_modes_are_singular_vectors(self):
        """From products of tokens with tokens where they are fewer, else of channels with channels."""
        for x in (self.X, self.X[:, :40]):
            modes = operand_errors.right_modes(x, count=3)
            expected = torch.linalg.svd(x.double()).Vh[:3]
            assert torch.allclose((modes.T * expected).sum(1).abs(), torch.ones(3, dtype=torch.float64), atol=1e-6)

    def test_errors_are_those_of_the_alternatives(self):
        modes = operand_errors.right_modes(self.X, count=4)
        plain = energy(split_error(self.X, RECIPES["plain"]))
        found = self.measures("printed", "turned", "svd 1/exact", "svd 1%/fp4", "mode 2")
        assert found["printed"]["operand_error"] == pytest.approx(
            energy(split_error(self.X, RECIPES["printed"])) / plain
        )
        assert found["turned"]["operand_error"] == pytest.approx(energy(alternatives.hadamard_error(self.X)) / plain)
        second = alternatives.spectral_error(self.X, modes[:, 1:2], factors="exact")
        assert found["mode 2"]["operand_error"] == pytest.approx(energy(second) / plain)
        two = alternatives.spectral_error(self.X, modes[:, :2], factors="fp4")
        assert found["svd 1%/fp4"]["operand_error"] == pytest.approx(energy(two) / plain)
        assert found["plain"] == pytest.approx(
            {"operand_error": 1, "product": 1, "quantized_product": 1, "range": 1, "left": 1, "removed": 0}
            | {name: found["plain"][name] for name in ("varying", "coherent")}
        )

    def test_products_written_out(self):
        found = self.measures("bfloat16", "turned bfloat16")
        weights = {
            "bfloat16": alternatives.fake_quantized(self.WEIGHT),
            "turned bfloat16": operand_errors.weight_values(self.WEIGHT, turned=True).double(),
            "plain": alternatives.fake_quantized(self.WEIGHT),
        }
        x, modes = self.X.double(), operand_errors.right_modes(self.X, count=1)
        squares = {
            arm: energy((x + operand_errors.error_of(self.X, arm, modes)) @ w.T - x @ self.WEIGHT.double().T)
            for arm, w in weights.items()
        }
        for arm in ("bfloat16", "turned bfloat16"):
            assert found[arm]["quantized_product"] == pytest.approx(squares[arm] / squares["plain"], rel=1e-4)
        for turned in (False, True):
            error = operand_errors.weight_values(self.WEIGHT, turned=turned) - self.WEIGHT
            assert energy(error) / energy(self.WEIGHT) == pytest.approx(0.009, rel=0.2)

    def test_what_a_strong_mean_does(self):
        """A mean with four fifths of the energy: an FP4 mean gives back as an offset what its split won."""
        found = self.measures("printed", "bfloat16", "turned printed", "turned bfloat16", "kept")
        assert found["bfloat16"]["removed"] == pytest.approx(0.8, abs=0.1)
        assert found["bfloat16"]["left"] == pytest.approx(1 - found["bfloat16"]["removed"], abs=0.05)
        assert found["printed"]["operand_error"] > 0.8
        assert found["printed"]["varying"] == pytest.approx(found["bfloat16"]["varying"], rel=0.01)
        assert found["printed"]["coherent"] > 0.4 > 0.01 > found["bfloat16"]["coherent"]
        assert found["kept"]["operand_error"] < 1.2 * found["bfloat16"]["operand_error"]
        assert found["turned printed"]["coherent"] == pytest.approx(found["printed"]["coherent"], rel=0.05)
        assert found["turned bfloat16"]["operand_error"] < 0.4
        assert found["bfloat16"]["range"] < 0.7

    def test_magnitudes_of_blocks(self):
        x = torch.zeros(2, 40)
        x[0, 3], x[1, 39] = -2.0, 5.0
        assert operand_errors.magnitudes(x).tolist() == [2.0, 5.0]

    def test_averages(self):
        first = {"operand_error": 1.0, "product": 1.0, "quantized_product": 1.0, "range": 1.0, "left": 1.0}
        second = dict.fromkeys(first, 4.0)
        found = operand_errors.averaged([first, second])
        assert found == pytest.approx(dict.fromkeys(first, 2.0) | {"left": 2.5})

    def test_all_cells_of_the_sweep(self, subject):
        sweep = dict(shared.OPERANDS.sweep)
        point = {"subject": subject, "tokens": 32, "outputs": 8, "layers": 2} | sweep
        records = operand_errors.operand_errors(point, streams())
        assert len(records) == len(sweep["operand"]) * len(sweep["arm"])
        cells = {(record["operand"], record["arm"]): record for record in records}
        of_parts = [math.log(cells[operand, "printed"]["product"]) for operand in ("q", "o", "gate", "down")]
        assert math.log(cells["all", "printed"]["product"]) == pytest.approx(np.mean(of_parts))
        small = point | {"operand": ("q",), "arm": sweep["arm"][:2]}
        some = operand_errors.operand_errors(small, streams())
        assert operand_errors.operand_errors(small, streams()) == some
        assert operand_errors.operand_errors(small, streams(1)) != some


class TestPublished:
    def test_other_models_are_turned_away(self, subject):
        point = {"subject": subject, "tokens": 32, "largest": 0.01, "module": ("embedding",)}
        with pytest.raises(
            Unavailable, match=r"replicates Figures 1 and 4 on Qwen3-0\.6B .* claimbench audit role:replication"
        ):
            published.figures(point, streams())

    def test_sizes_of_qwen3(self, subject, monkeypatch):
        sizes = {"layers": 28, "width": 1024, "heads": 16, "kv_heads": 8, "head_size": 128, "hidden": 3072}

        def known_as(family, **changes):
            made = tiny.architecture(family, **(sizes | {"vocabulary": 151_936} | changes))
            monkeypatch.setattr(known, "decoder", lambda subject: SimpleNamespace(architecture=made))
            return known.QWEN3_06B.has_the_sizes_of(subject)

        assert known_as("qwen3")
        assert not known_as("qwen2")
        assert not known_as("qwen3", layers=36)

    def test_figures_of_a_deep_model(self, tmp_path):
        subject = subject_of(tmp_path, "qwen3", layers=28, width=16, hidden=32)
        point = {"subject": subject, "tokens": 32, "largest": 0.01} | dict(FIGURES.sweep)
        records = published.measured(point, streams())
        assert [record["module"] for record in records] == ["embedding", "layer 3", "layer 15", "layer 27"]
        step = list(matrices.steps(decoder(subject), emergence.window(subject, streams(), length=32)))[15]
        assert records[2]["share"] == pytest.approx(activations.mean_share(step.inputs["gate"]))


def test_layers_and_operands_claimed_are_swept():
    """An operand that is claimed but unknown to the experiment would fail on a real model only."""
    assert set(dict(shared.ACTIVATIONS.sweep)["operand"]) == set(OPERAND_NAMES)
    assert {*shared.LINEAR, *shared.NORMED} <= set(OPERAND_NAMES)
