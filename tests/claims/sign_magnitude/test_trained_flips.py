"""Sign flips of a whole model on tiny random ones: which weights flip, how many, what follows from planted sizes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from claims.errors import Unavailable
from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder
from claims.models.divergence import Divergence, divergence, divergences
from claims.models.opening import open_checkpoint
from claims.models.prepared import SQUARE, decoder, moments, moments_over, windows
from claims.papers.sign_magnitude.trained import flip_arms, flip_replications
from claims.papers.sign_magnitude.trained.column_groups import (
    Group,
    columns_of_one_input,
    matrix_shapes,
    outlier_columns,
    split,
    top_columns,
)
from claims.papers.sign_magnitude.trained.flips import (
    allotted,
    change_norm,
    counted_flips,
    flips_shared_by_column,
    flips_shared_by_shape,
    group_norms,
    independent_flips,
    kept_for_a_layer,
    running,
    within_group,
)
from claims.streams import Streams
from claims.subject import Subject
from tests.claims.models import tiny

STREAMS = Streams(1, "flips", {}, 0)
#: Columns of the residual stream that the planted model's norms make large.
GIANTS = (3, 17)


def _subject(folder: Path, family: str, *, giants: tuple[int, ...] = ()) -> Subject:
    """A tiny model, in which the given channels leave the attention's norm twenty times as large as others."""
    model = tiny.architecture(family, width=40, hidden=80, heads=5, kv_heads=1, context=512)
    values = tiny.tensors(model)
    for name, value in values.items():
        if name.endswith(("attention_norm", "mlp_norm")) and giants:
            value[list(giants)] *= 20
    path = tiny.write_folder(folder / f"{family}{len(giants)}", model, values)
    text = folder / "text.txt"
    text.write_text(" ".join(f"hello {i} worlds" for i in range(200)), encoding="utf-8")
    return Subject(spec=family, path=str(path), model_digest=str(path), text=str(text), text_digest="text")


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return _subject(tmp_path_factory.mktemp("models"), request.param)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return _subject(tmp_path_factory.mktemp("planted"), "llama", giants=GIANTS)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def _matrix(rows: int, columns: int) -> torch.Tensor:
    return torch.arange(1, rows * columns + 1, dtype=torch.float32).view(rows, columns)


def test_outliers_are_the_largest_inputs(planted: Subject) -> None:
    chosen = outlier_columns(moments(planted, count=2, length=32))
    for layer in range(2):
        for part in ("q", "k", "v", "gate", "up"):
            assert tuple(chosen[f"layers.{layer}.{part}"].tolist()) == GIANTS
    assert len(chosen["layers.0.down"]) == math.floor(0.05 * 80)


def test_top_columns_of_ties_and_of_few() -> None:
    assert top_columns(torch.ones(40)).tolist() == [0, 1]
    assert top_columns(torch.tensor([1.0, 3.0, 2.0])).tolist() == [1]


def test_rules_differ_where_one_token_is_large() -> None:
    """A column that one huge token dominates is an outlier by E |x|, not by E |x|/||x||."""
    x = torch.tensor([[0.0, 1.0, 0.1], [0.0, 1.0, 0.1], [90.0, 10.0, 10.0]])
    rows = [x.mean(0), x.abs().mean(0), x.square().mean(0)]
    unit = x / x.norm(dim=1, keepdim=True)
    found = {"m": torch.stack([*rows, unit.square().mean(0), unit.abs().mean(0)])}
    assert outlier_columns(found)["m"].tolist() == [0]
    assert outlier_columns(found, rule="normalised")["m"].tolist() == [1]


def test_columns_of_one_input_are_for_inputs_as_wide(subject: Subject) -> None:
    found = moments(subject, count=2, length=32)
    chosen = columns_of_one_input(found, "layers.1.gate")
    assert "layers.0.down" not in chosen
    assert all(columns is chosen["layers.1.gate"] for columns in chosen.values())
    assert {"layers.0.q", "layers.1.up"} <= set(chosen)


def test_groups_partition_the_weights(subject: Subject) -> None:
    architecture = decoder(subject).architecture
    shapes = matrix_shapes(architecture)
    outliers, rest = split(architecture, outlier_columns(moments(subject, count=2, length=32)))
    assert outliers.total + rest.total == sum(rows * columns for rows, columns in shapes.values())
    for name, (_, columns) in shapes.items():
        assert sorted([*outliers.columns[name].tolist(), *rest.columns[name].tolist()]) == list(range(columns))


@pytest.mark.parametrize("count", [0, 1, 7, 99, 1000])
def test_allotment_is_proportional_and_complete(count: int) -> None:
    group = Group({"a": torch.arange(10), "b": torch.arange(30)}, {"a": 10, "b": 30})
    found = allotted(group, count)
    assert sum(found.values()) == count
    assert abs(found["a"] - count / 10) < 1


def test_the_largest_remainder_gets_what_is_left() -> None:
    group = Group({"a": torch.arange(5), "b": torch.arange(2)}, {"a": 1, "b": 1})
    assert allotted(group, 3) == {"a": 2, "b": 1}  # 15/7 and 6/7


def test_leverage_is_of_flips_one_by_one() -> None:
    """KL a flip, of the mean over the draws of either arm, which take turns."""
    found = flip_arms._leverage(10, [Divergence(loss=1.0, change=0.1, kl=kl) for kl in (0.5, 0.1, 0.7, 0.3)])
    assert found["log_per_flip_outlier"] == pytest.approx(math.log(0.06))
    assert found["log_per_flip_rest"] == pytest.approx(math.log(0.02))
    assert found["log_leverage"] == pytest.approx(math.log(3.0))


def test_allotment_refuses_more_than_there_are() -> None:
    with pytest.raises(ValueError, match="1,001 flips in a group of 1,000 weights"):
        allotted(Group({"a": torch.arange(10)}, {"a": 100}), 1001)


@pytest.mark.parametrize("count", [1, 13, 60])
def test_counted_flips_are_exact_and_inside_the_group(count: int) -> None:
    weight = _matrix(20, 9)
    group = Group({"m": torch.tensor([1, 4, 8])}, {"m": 20})
    changed = counted_flips(STREAMS, group, count, label="x")("m", weight)
    flipped = changed != weight
    assert int(flipped.sum()) == count
    assert set(flipped.nonzero()[:, 1].tolist()) <= {1, 4, 8}
    torch.testing.assert_close(changed.abs(), weight, rtol=0, atol=0)
    torch.testing.assert_close(weight, _matrix(20, 9), rtol=0, atol=0)


def test_counted_flips_by_label_and_matrix() -> None:
    weight, both = _matrix(50, 50), Group({"a": torch.arange(50), "b": torch.arange(50)}, {"a": 50, "b": 50})
    first = counted_flips(STREAMS, both, 500, label="x")
    assert torch.equal(first("a", weight), counted_flips(STREAMS, both, 500, label="x")("a", weight))
    assert not torch.equal(first("a", weight), first("b", weight))
    assert not torch.equal(first("a", weight), counted_flips(STREAMS, both, 500, label="y")("a", weight))


def test_shared_masks() -> None:
    """By shape: equal for equal shapes. By column: column j is the same in matrices with as many rows."""
    a, b, wide = _matrix(64, 32), _matrix(64, 32), _matrix(64, 48)
    by_shape, by_column = flips_shared_by_shape(STREAMS, 0.3), flips_shared_by_column(STREAMS, 0.3)
    own = independent_flips(STREAMS, 0.3)
    assert torch.equal(by_shape("a", a), by_shape("b", b))
    assert not torch.equal(own("a", a), own("b", b))
    assert torch.equal(by_column("a", a).sign(), by_column("wide", wide)[:, :32].sign())
    assert not torch.equal(by_shape("a", a).sign(), by_shape("wide", wide)[:, :32].sign())
    for change in (by_shape, by_column, own):
        assert 0.25 < float((change("a", a) < 0).float().mean()) < 0.35


def test_group_arms_add_up_to_the_random_arm() -> None:
    weight = _matrix(30, 20)
    outliers = Group({"m": torch.tensor([2, 5])}, {"m": 30})
    rest = Group({"m": torch.tensor([j for j in range(20) if j not in (2, 5)])}, {"m": 30})
    everywhere = independent_flips(STREAMS, 0.4)
    parts = [within_group(everywhere, group)("m", weight) - weight for group in (outliers, rest)]
    torch.testing.assert_close(weight + parts[0] + parts[1], everywhere("m", weight), rtol=0, atol=0)
    assert within_group(everywhere, outliers)("another", weight) is weight


@pytest.mark.parametrize("factor", [1.0, 4.345])
@pytest.mark.parametrize("columns", [[2, 5], [j for j in range(20) if j not in (2, 5)]])
def test_a_group_s_change_is_the_whole_change_where_the_group_is(columns: list[int], factor: float) -> None:
    """Few columns and most of them take two ways; the plain one makes the whole matrix and chooses."""
    weight, everywhere = _matrix(30, 20), independent_flips(STREAMS, 0.4)
    inside = torch.zeros(20, dtype=torch.bool)
    inside[columns] = True
    plain = torch.where(inside, weight + factor * (everywhere("m", weight) - weight), weight)
    found = within_group(everywhere, Group({"m": torch.tensor(columns)}, {"m": 30}), factor=factor)("m", weight)
    torch.testing.assert_close(found, plain, rtol=0 if factor == 1 else 1e-6, atol=0)
    torch.testing.assert_close(weight, _matrix(30, 20), rtol=0, atol=0)


def test_scaled_flips_multiply_weights() -> None:
    weight, group = torch.ones(40, 40), Group({"m": torch.arange(15)}, {"m": 40})
    found = within_group(independent_flips(STREAMS, 0.2), group, factor=4.345)("m", weight)
    assert sorted(set(found.flatten().tolist())) == pytest.approx([-7.69, 1.0])


def test_what_is_kept_for_a_layer_is_made_once_and_not_for_longer() -> None:
    made: list[str] = []

    def change(name: str, weight: torch.Tensor) -> torch.Tensor:
        made.append(name)
        return -weight

    kept, weight = kept_for_a_layer(change), _matrix(3, 2)
    layers = [[f"layers.{i}.{part}" for part in LINEARS] for i in range(2)]
    for layer in layers:
        for name in (*layer, *layer):
            assert torch.equal(kept(name, weight), -weight)
    assert made == [*layers[0], *layers[1]]
    kept(layers[0][0], weight)
    assert made[-1] == layers[0][0]


def test_arms_that_pass_together_are_those_that_pass_one_by_one(subject: Subject) -> None:
    """To the bit, with the flips shared or drawn anew, a norm a group or one of the group's change."""
    model, tokens = decoder(subject), windows(subject, "evaluation", length=24)[:1]
    groups = split(model.architecture, outlier_columns(moments(subject)))
    everywhere, shared = independent_flips(STREAMS, 0.2), kept_for_a_layer(independent_flips(STREAMS, 0.2))
    together = flip_arms.measured(model, tokens, [shared, *(within_group(shared, group) for group in groups)])
    start = model.embed(tokens)
    for found, change in zip(together, (everywhere, *(within_group(everywhere, one) for one in groups)), strict=True):
        alone = model.run(start, linear=running(change))
        assert found == divergence(model, model.run(start), alone, tokens)
    norms = [change_norm(model, within_group(everywhere, group)) for group in groups]
    assert group_norms(model, shared, groups) == pytest.approx(norms)
    assert math.hypot(*norms) == pytest.approx(change_norm(model, everywhere))


def test_norm_of_a_change(subject: Subject) -> None:
    """All weights flipped: twice the norm of all matrices."""
    model = decoder(subject)
    weights = [model.layer(i)[part] for i in range(2) for part in ("q", "k", "v", "o", "gate", "up", "down")]
    whole = math.sqrt(sum(float(weight.double().square().sum()) for weight in weights))
    assert change_norm(model, independent_flips(STREAMS, 1.0)) == pytest.approx(2 * whole)


def test_hook_runs_the_changed_weights(subject: Subject) -> None:
    """Flips by the hook are those of a model whose weights have been flipped."""
    tokens = windows(subject, "evaluation", length=24)[:1]
    change = independent_flips(STREAMS, 0.1)
    hooked = decoder(subject).run(decoder(subject).embed(tokens), linear=running(change))
    changed = Decoder(open_checkpoint(Path(subject.path)))
    for name in matrix_shapes(changed.architecture):
        _, layer, part = name.split(".")
        parts = changed.layer(int(layer))
        parts[part] = change(name, parts[part])
    torch.testing.assert_close(changed.run(changed.embed(tokens)), hooked, rtol=0, atol=0)
    assert not torch.equal(hooked, decoder(subject).run(decoder(subject).embed(tokens)))


def test_divergences_are_those_of_one_at_a_time(subject: Subject) -> None:
    model, tokens = decoder(subject), windows(subject, "evaluation", length=24)[:2]
    clean = model.run(model.embed(tokens))
    others = [clean * 1.1, clean.flip(-1)]
    assert divergences(model, clean, others, tokens) == [divergence(model, clean, other, tokens) for other in others]


def test_experiment_d(subject: Subject) -> None:
    point = {"subject": subject, "flip_rate": (0.4, 0.2), "length": 24}
    records = flip_arms.flip_arms(point, STREAMS)
    assert records == flip_arms.flip_arms(point, STREAMS)
    assert [record["flip_rate"] for record in records] == [0.4, 0.2]
    for record in records:
        assert all(math.isfinite(value) for value in record.values())
        assert record["kl_random"] > 0
        assert -20 < record["scaled_weight"] < -3


def test_arms_of_experiment_d_flip_the_groups_they_are_named_after(subject: Subject) -> None:
    model = decoder(subject)
    groups = split(model.architecture, outlier_columns(moments(subject)))
    arms, factor = flip_arms._true_flips(model, groups, STREAMS, 0.4)
    flipped = dict.fromkeys(arms, 0)
    for name in matrix_shapes(model.architecture):
        _, layer, part = name.split(".")
        weight = model.layer(int(layer))[part]
        changed = {arm: change(name, weight) != weight for arm, change in arms.items()}
        inside = torch.zeros(weight.shape[1], dtype=torch.bool)
        inside[groups[0].columns[name]] = True
        for arm, wanted in {"outlier": inside, "scaled": inside, "rest": ~inside, "matched": ~inside}.items():
            assert not changed[arm][:, ~wanted].any(), (arm, name)
        assert torch.equal(changed["random"], changed["outlier"] | changed["rest"])
        assert torch.equal(changed["scaled"], changed["outlier"])
        scaled_by = (arms["scaled"](name, weight) - weight)[changed["outlier"]]
        torch.testing.assert_close(scaled_by, -2 * factor * weight[changed["outlier"]], rtol=1e-5, atol=1e-6)
        for arm, where in changed.items():
            flipped[arm] += int(where.sum())
    assert flipped["matched"] == round(0.4 * groups[0].total)
    assert flipped["rest"] == pytest.approx(0.4 * groups[1].total, rel=0.1)


def test_log_over_the_sum_of_both_parts(subject: Subject) -> None:
    (found,) = flip_arms.flip_arms({"subject": subject, "flip_rate": (0.4,), "length": 24}, STREAMS)
    assert math.exp(found["log_over_sum"]) == pytest.approx(
        found["kl_random"] / (found["kl_outlier"] + found["kl_rest"])
    )


def test_experiment_d_as_scripted(subject: Subject) -> None:
    """Both groups have the norm of the random arm; without an outlier arm's scaling its weights would be -1."""
    found = flip_arms.script_arms({"subject": subject, "flip_rate": 0.4, "length": 24}, STREAMS)
    assert found["outlier_weight"] < -3
    assert found["rest_weight"] == pytest.approx(-1, abs=0.3)
    groups = split(decoder(subject).architecture, outlier_columns(moments(subject)))
    arms, _ = flip_arms.as_scripted(decoder(subject), groups, STREAMS, 0.4)
    norms = [change_norm(decoder(subject), change) for change in arms.values()]
    assert norms == pytest.approx([norms[0]] * 3, rel=1e-5)


def test_experiment_e_finds_planted_leverage(planted: Subject, subject: Subject) -> None:
    """Columns with inputs twenty times as large have leverage far above two; drawn models, about one."""
    point = {"flip_rate": (0.3, 0.1), "draws": 4, "counted_on": "pool", "length": 24}
    with_giants = flip_arms.counted_arms({"subject": planted, **point}, STREAMS)
    without = flip_arms.counted_arms({"subject": subject, **point}, STREAMS)
    assert with_giants[0]["log_leverage"] > math.log(4)
    assert without[0]["log_leverage"] < math.log(4)
    assert with_giants[1]["log_over_alpha"] < with_giants[1]["log_leverage"]


def test_windows_of_half_the_length_find_the_same_leverage(planted: Subject) -> None:
    """What a seed's window costs may be halved: it is the flips in which seeds differ."""
    point = {"subject": planted, "flip_rate": (0.1,), "draws": 2, "counted_on": "pool"}
    found = [
        [
            flip_arms.counted_arms({**point, "length": length}, Streams(1, "flips", {"length": length}, seed))[0]
            for seed in range(16)
        ]
        for length in (48, 24)
    ]
    whole, half = (np.array([record["log_leverage"] for record in records]) for records in found)
    error = math.hypot(*(np.std(each, ddof=1) / 4 for each in (whole, half)))
    assert abs(whole.mean() - half.mean()) < 4 * error < 0.5 * whole.mean()


def test_rates_of_the_pool_and_of_all_weights(subject: Subject) -> None:
    point = {"subject": subject, "draws": 1, "length": 24}
    share = flip_arms.column_facts({"subject": subject}, STREAMS)["pool"]
    pool = flip_arms.counted_arms({**point, "flip_rate": (0.4,), "counted_on": "pool"}, STREAMS)
    whole = flip_arms.counted_arms({**point, "flip_rate": (0.4 * share + 1e-9,), "counted_on": "all"}, STREAMS)
    assert pool[0] | {"flip_rate": 0} == whole[0] | {"flip_rate": 0}


def test_facts_of_columns(planted: Subject) -> None:
    found = flip_arms.column_facts({"subject": planted}, STREAMS)
    assert found["pool"] == pytest.approx(0.05)
    assert found["alpha"] > 3
    assert 0 <= found["judged"] <= 1 >= found["normalised"] > 0
    assert found["norm_ratio"] == pytest.approx(1, abs=0.2)


def test_columns_are_judged_on_the_other_text(subject: Subject) -> None:
    chosen, judged = (outlier_columns(moments(subject, part=part)) for part in ("calibration", "evaluation"))
    common = sum(len(set(chosen[name].tolist()) & set(judged[name].tolist())) for name in chosen)
    found = flip_arms.column_facts({"subject": subject}, STREAMS)
    assert found["judged"] == pytest.approx(common / sum(map(len, chosen.values())))


def test_alpha_of_columns_is_in_units_of_the_average_one(planted: Subject) -> None:
    found, total = moments(planted), 0.0
    groups = split(decoder(planted).architecture, outlier_columns(found))
    for name, columns in groups[0].columns.items():
        energy = found[name][SQUARE]
        total += groups[0].weights()[name] * len(energy) * float(energy[columns].mean() / energy.sum())
    assert flip_arms.column_facts({"subject": planted}, STREAMS)["alpha"] == pytest.approx(total / groups[0].total)


def test_every_draw_has_an_arm_of_either_group(subject: Subject) -> None:
    groups = split(decoder(subject).architecture, outlier_columns(moments(subject)))
    pairs = flip_arms._pairs(groups, STREAMS, 30, 3)
    name = next(iter(groups[0].columns))
    _, layer, part = name.split(".")
    weight = decoder(subject).layer(int(layer))[part]
    changed = [(change(name, weight) != weight).any(0).nonzero().flatten().tolist() for change in pairs]
    for i, columns in enumerate(changed):
        assert set(columns) <= set(groups[i % 2].columns[name].tolist())
    masks = [change(name, weight) for change in pairs[1::2]]
    assert len(pairs) == 6
    assert not any(torch.equal(a, b) for i, a in enumerate(masks) for b in masks[:i])


def test_losses_above_a_uniform_guess(subject: Subject) -> None:
    model, one = decoder(subject), Divergence(loss=4.0, change=1.5, kl=0.25)
    found, uniform = flip_arms.in_nats(model, {"x": one}), math.log(model.architecture.vocabulary)
    assert found == pytest.approx(
        {
            "change_x": 1.5,
            "kl_x": 0.25,
            "log_kl_x": math.log(0.25),
            "above_uniform_x": 5.5 - uniform,
            "log_over_uniform_x": math.log(5.5 / uniform),
        }
    )


def test_norms_of_equally_many_flips(planted: Subject) -> None:
    """The ratio that is expected is the one of all flips of either group, each over its number."""
    model = decoder(planted)
    groups = split(model.architecture, outlier_columns(moments(planted)))
    norms = [change_norm(model, counted_flips(STREAMS, group, group.total, label="all")) for group in groups]
    expected = norms[0] / norms[1] * math.sqrt(groups[1].total / groups[0].total)
    assert flip_arms.column_facts({"subject": planted}, STREAMS)["norm_ratio"] == pytest.approx(expected)


def test_chosen_columns(planted: Subject) -> None:
    point = {"subject": planted, "columns": ("own", "0/2", "1/2"), "flip_rate": 0.3, "draws": 2, "length": 24}
    records = flip_arms.chosen_columns(point, STREAMS)
    assert [record["columns"] for record in records] == ["own", "0/2", "1/2"]
    assert all(record["log_leverage"] > 0 for record in records)


def test_convexity_of_perplexity() -> None:
    assert flip_arms._log_convexity(0.0) == 0
    assert flip_arms._log_convexity(1e-9) == pytest.approx(5e-10)
    assert math.exp(flip_arms._log_convexity(1.0)) == pytest.approx(math.e - 1)


def test_replications_need_their_model(subject: Subject) -> None:
    for replication, point in (
        (flip_replications.published_arms, {"flip_rate": 0.05}),
        (flip_replications.published_sweep, {"flip_rate": (0.05,)}),
    ):
        with pytest.raises(Unavailable, match="TinyLlama"):
            replication({"subject": subject} | point, STREAMS)


def test_replications_on_a_model_that_stands_in(planted: Subject) -> None:
    model, tokens = decoder(planted), windows(planted, "whole", length=24)[:6]
    groups = flip_replications.groups_as_published(model, tokens)
    assert torch.equal(groups[0].columns["layers.0.q"], outlier_columns(moments_over(model, tokens[:5]))["layers.0.q"])
    found = flip_replications.arms_as_published(model, tokens, groups, STREAMS, flip_rate=0.4)
    assert found["nll_random"] - found["change_random"] == pytest.approx(flip_replications.nll(model, tokens))
    assert found["nll_matched_outlier"] != found["nll_matched_rest"]
    swept = flip_replications.sweep_as_published(model, tokens, groups, STREAMS, flip_rates=(0.4, 0.1))
    assert [record["flip_rate"] for record in swept] == [0.4, 0.1]
    assert np.isfinite([record["change_outlier"] for record in swept]).all()


def test_nll_is_the_mean_over_windows(planted: Subject) -> None:
    model, tokens = decoder(planted), windows(planted, "whole", length=24)[:3]
    each = [flip_replications.nll(model, row[None]) for row in tokens]
    assert flip_replications.nll(model, tokens) == pytest.approx(sum(each) / 3)
    everything = independent_flips(STREAMS, 1.0)
    assert flip_replications.nll(model, tokens, everything) != pytest.approx(sum(each) / 3)
