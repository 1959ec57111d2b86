"""Real gradients and losses, on tiny models of each family: against autograd, against products written out."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from claims.catalogue import load_catalogue
from claims.kernels import averis_forward
from claims.models.decoder import Decoder
from claims.models.opening import open_checkpoint
from claims.models.prepared import decoder, window
from claims.packs import declared
from claims.papers.mean_bias.experiments.planted_mean import RECIPES
from claims.papers.mean_bias.sections import trained_gradients, trained_loss, trained_remedies
from claims.papers.mean_bias.trained import end_to_end, gradients
from claims.streams import Streams
from claims.subject import Subject
from claims.verdict import HOLDS, REFUTED

from ..models import tiny

TOKENS = 48


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def subject(request, tmp_path_factory):
    """A random model of a family, whose embedding has a strong mean, and a text."""
    folder = tmp_path_factory.mktemp(request.param)
    model = tiny.architecture(request.param)
    values = tiny.tensors(model, seed=1)
    values["embedding"] += 0.8
    tiny.write_folder(folder / "model", model, values)
    text = folder / "text.txt"
    text.write_text(" ".join(f"hello world {i * i}" for i in range(400)), encoding="utf-8")
    return Subject(spec=request.param, path=str(folder / "model"), model_digest="m", text=str(text), text_digest="t")


def streams(seed: int = 0) -> Streams:
    return Streams(5, "trained loss", {}, seed)


def cells(records, *names):
    return {tuple(record[name] for name in names): record for record in records}


# Gradients


def test_backward_is_autograd_of_the_whole_model(subject):
    """In float64, through all layers at once and with respect to weights and embedded tokens themselves."""
    model = Decoder(open_checkpoint(decoder(subject).checkpoint.path), dtype=torch.float64)
    tokens = window(subject, streams(), length=TOKENS)
    maps, at_embedding = gradients.backward(model, tokens, wanted=range(2))
    assert [one.layer for one in maps] == [1] * 7 + [0] * 7

    embedded = model.embed(tokens).clone().requires_grad_()
    weights = [model.layer(layer)[part] for layer in (1, 0) for part in ("q", "k", "v", "o", "gate", "up", "down")]
    for weight in weights:
        weight.requires_grad_()
    loss = functional.cross_entropy(model.logits(model.run(embedded))[0, :-1], tokens[0, 1:])
    exact, *of_weights = torch.autograd.grad(loss, [embedded, *weights])
    torch.testing.assert_close(at_embedding, exact[0], rtol=1e-9, atol=1e-12)
    for one, expected in zip(maps, of_weights, strict=True):
        torch.testing.assert_close(one.gradient.T @ one.x, expected, rtol=1e-9, atol=1e-12)


def test_layers_are_spread():
    assert gradients.spread_layers(30, parts=4) == (3, 11, 18, 26)
    assert gradients.spread_layers(30, parts=2) == (7, 22)
    assert gradients.spread_layers(2, parts=4) == (0, 1)
    assert gradients.spread_layers(1, parts=4) == (0,)


def test_products_relative_to_plain(subject):
    arms = ("plain", "printed/4", "bfloat16/2", "hadamard") if subject.spec == "qwen3" else ("plain", "bfloat16/2")
    point = {
        "subject": subject,
        "tokens": TOKENS,
        "layers": 2,
        "arm": arms,
        "rounding": ("gradients", "all")[: len(arms) - 1],
    }
    records = gradients.products(point, streams())
    found = cells(records, "arm", "rounding")
    assert len(found) == len(arms) * len(point["rounding"])
    for rounding in point["rounding"]:
        assert all(found["plain", rounding][name] == 1 for name in ("weight", "input", "quantized", "law"))
        for arm in arms[1:]:
            assert abs(math.log(found[arm, rounding]["weight"] / found[arm, rounding]["law"])) < 0.4
    if subject.spec == "qwen3":
        assert found["bfloat16/2", "all"]["weight"] < found["printed/4", "all"]["weight"]
        assert found["hadamard", "all"]["input"] == 1
    else:
        assert gradients.products(point, streams()) == records


def test_what_is_rounded_stochastically_is_what_the_cell_says_and_each_map_has_words_of_its_own(subject, monkeypatch):
    assert gradients._recipe("printed/4", "gradients").stochastic == {"gradient"}
    assert gradients._recipe("printed/4", "all").stochastic == {"gradient", "activation", "mean"}
    keys, found = [], {"weight": 1.0, "input": 1.0, "quantized": 1.0, "law": 1.0}

    def kept(one, recipes, key):
        keys.append(key)
        return dict.fromkeys(recipes, found)

    monkeypatch.setattr(gradients, "_relative", kept)
    point = {"subject": subject, "tokens": TOKENS, "layers": 2, "arm": ("plain",), "rounding": ("gradients", "all")}
    gradients.products(point, streams())
    assert len(set(keys)) == len(keys) == 2 * 14


def planted(strength: float) -> gradients.Product:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(256, 64, generator=generator) + strength * torch.randn(64, generator=generator)
    weight, d = torch.randn(32, 64, generator=generator), torch.randn(256, 32, generator=generator)
    return gradients.Product(0, x, weight, d)


@pytest.mark.parametrize("arm", ["plain", "printed/4", "bfloat16/4", "bfloat16/2", "activation/2", "hadamard"])
def test_the_law_is_that_of_independent_errors(arm):
    # What a Hadamard transform makes of a mean is in few rows, and errors of a block share its scale: not independent.
    one, recipe = (
        planted(0.0 if arm == "hadamard" else 2.0),
        replace(gradients.RECIPES[arm], stochastic=frozenset({"gradient"})),
    )
    found = gradients._weight_errors(one, recipe, 7, one.gradient.double().T @ one.x.double())
    assert found["law"] == pytest.approx(found["weight"], rel=0.15)


def test_a_planted_mean_is_worth_its_share_in_two_terms():
    """X of share 4/5: the law of two terms leaves a fifth of the error, D having no mean."""
    recipes = {
        arm: replace(gradients.RECIPES[arm], stochastic=frozenset({"gradient"})) for arm in ("plain", "bfloat16/2")
    }
    found = gradients._relative(planted(2.0), recipes, 7)["bfloat16/2"]
    share = gradients.mean_share(planted(2.0).x)
    assert found["weight"] == pytest.approx(1 - share, rel=0.2)
    assert found["input"] == pytest.approx(1, abs=0.1)


def test_means_of_what_is_known():
    """Eight tokens 2, 0, 2, 0 ... in each of 3 channels, with gradients 4, 1, 2, 3, 4, 1, 2, 3."""
    x = torch.tensor([[2.0], [0.0]]).repeat(4, 3)
    d = torch.tensor([[3.0], [1.0], [1.0], [3.0]]).repeat(2, 1)
    found = gradients._map_means(gradients.Product(0, x, torch.ones(1, 3), d + 0.5 * x[:, :1]))
    assert found["share_x"] == pytest.approx(0.5)
    assert found["share_d"] == pytest.approx(6.25 * 8 / float((d + 0.5 * x[:, :1]).square().sum()))
    assert found["times_null"] == pytest.approx(8 * found["share_d"])
    assert found["part"] == pytest.approx((20 / 24) ** 2)  # sum of (d + x/2) x = 24, 8 * 2.5 * 1 = 20
    assert found["inflation"] == pytest.approx((24 / 4) ** 2)


def test_the_embedding_gets_sums_over_places():
    """Tokens 5, 5, 9 with gradients 1, 3, -1: rows 4 and -1, of which the mean 1 makes 2 and 1."""
    d = torch.tensor([[1.0], [3.0], [-1.0]])
    found = gradients._embedding_means(torch.ones(3, 1), d, torch.tensor([5, 5, 9]))
    assert found["part"] == pytest.approx(5 / 17)
    assert found["inflation"] == pytest.approx(17 / 8)


def test_means_on_a_model(subject):
    point = {"subject": subject, "tokens": TOKENS, "where": ("embedding", "first", "spread")}
    found = cells(gradients.means(point, streams()), "where")
    for record in found.values():
        assert 0 < record["share_d"] < 1
        assert record["times_null"] == pytest.approx(TOKENS * record["share_d"])
        assert record["part"] > 0
    assert found[("embedding",)]["share_x"] > 0.3  # planted


# Loss


def test_losses_of_every_arm(subject):
    point = {"subject": subject, "tokens": TOKENS, "arm": tuple(end_to_end.ARMS)}
    found = cells(end_to_end.losses(point, streams()), "arm")
    assert set(found) == {(arm,) for arm in end_to_end.ARMS}
    assert len({record["loss"] for record in found.values()}) == 1
    assert all(record["log_kl"] == math.log(record["kl"]) for record in found.values())
    assert found[("plain",)]["kl"] != found[("first",)]["kl"]
    assert end_to_end.losses(point, streams()) == end_to_end.losses(point, streams())


def test_arms_quantize_what_their_names_say():
    one, turned = planted(1.0), {}
    for name, arm in end_to_end.ARMS.items():
        linear = end_to_end._linear(arm, {}, torch.Generator().manual_seed(0))
        turned[name] = linear("layers.0.q", one.x[None], one.weight, None)[0]
        formats = {None if arm.recipe is None else arm.recipe.format}
        assert formats == {None if name == "weights" else "mxfp4" if name.startswith("mxfp4") else "nvfp4"}, name
        assert arm.exact_weight == name.startswith("a4 "), name
    assert torch.equal(turned["first"], turned["bfloat16"])  # in layer 0
    assert torch.equal(turned["svd 1"], turned["svd 1%"])  # of 64 channels
    outputs = [turned[name] for name in turned if name not in ("first", "svd 1%")]
    assert not any(torch.equal(a, b) for i, a in enumerate(outputs) for b in outputs[:i])


def test_quantized_inputs_and_weights_are_equation_11():
    one = planted(1.0)
    for arm in ("plain", "printed", "bfloat16"):
        linear = end_to_end._linear(end_to_end.ARMS[arm], {}, torch.Generator())
        got = linear("layers.1.up", one.x[None], one.weight, None)[0]
        expected = averis_forward(one.x, one.weight, recipe=RECIPES[arm])
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_without_a_format_to_lose_in_arms_are_the_map_itself():
    """Entries that NVFP4 has exactly: a mean of 1 beside residuals of +-1, weights of +-1."""
    x = 1 + torch.tensor([[1.0], [-1.0]]).repeat(8, 32)
    weight = torch.ones(16, 32)
    exact = functional.linear(x, weight)
    for arm in ("weights", "plain", "printed", "bfloat16", "a4 bfloat16", "svd 1", "mxfp4 plain"):
        linear = end_to_end._linear(end_to_end.ARMS[arm], {}, torch.Generator().manual_seed(0))
        torch.testing.assert_close(linear("layers.0.q", x[None], weight, None)[0], exact, rtol=1e-5, atol=1e-4)


def test_only_the_first_products_are_split():
    x, weights, weight = planted(2.0).x[None], {}, planted(2.0).weight
    first, plain = (end_to_end.ARMS[arm] for arm in ("first", "plain"))
    outputs = {}
    for name in ("layers.0.q", "layers.0.up"):
        outputs[name] = [
            end_to_end._linear(arm, weights, torch.Generator())(name, x, weight, None) for arm in (first, plain)
        ]
    assert not torch.equal(*outputs["layers.0.q"])
    assert torch.equal(*outputs["layers.0.up"])
    assert end_to_end._at_layer(first, 1).recipe == RECIPES["plain"]


def test_leading_modes_are_those_of_the_singular_value_decomposition():
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(40, 24, generator=generator)
    x += 6 * torch.outer(torch.randn(40, generator=generator), torch.randn(24, generator=generator))
    u, s, v = torch.linalg.svd(x.double(), full_matrices=False)
    for count in (1, 2):
        expected = (u[:, :count] * s[:count]) @ v[:count]
        tolerance = 1e-4 if count == 1 else 0.5  # the second mode of noise is near the third
        got = end_to_end.leading_modes(x, count, generator).double()
        assert float((got - expected).abs().max()) < tolerance


def test_a_centred_embedding_has_no_mean_to_begin_with(subject):
    found = end_to_end.embedding_mean({"subject": subject, "tokens": TOKENS}, streams())
    assert 0 < found["after"] < 1
    assert 0 < found["before"] < 1
    assert found["change"] != 0
    assert math.isfinite(found["log_kl"])


def test_refuted_claims_name_corrections_that_hold():
    claims = load_catalogue().claims
    stated = [claim for module in (trained_gradients, trained_loss, trained_remedies) for claim in declared(module)]
    refuted = [claim for claim in stated if claim.expected is REFUTED]
    assert len(refuted) == 12
    assert all(claims[claim.corrected_by].expected is HOLDS for claim in refuted)
