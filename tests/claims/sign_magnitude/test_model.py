"""The block experiments against brute force, against the closed forms, and the claims that use them as declarations."""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claims.auditing.planning import plan
from claims.kernels import magnitude_step, sign_flip
from claims.kinds.table import read_rows
from claims.packs import declared
from claims.papers.sign_magnitude.experiments import quadrature
from claims.papers.sign_magnitude.experiments.averaging import own_ratios
from claims.papers.sign_magnitude.experiments.blocks import (
    alignment_excess,
    controlled_mean,
    gaussian_matrix,
    sine_squared_after_projection,
    sphere,
)
from claims.papers.sign_magnitude.experiments.hidden import hidden_layer
from claims.papers.sign_magnitude.experiments.probes import (
    flip_norm,
    flipped_share,
    outlier_input,
    pre_activations,
    projection,
)
from claims.papers.sign_magnitude.experiments.quadrature import wide_limit
from claims.papers.sign_magnitude.experiments.single_layer import basis_average, perturbed_layer
from claims.papers.sign_magnitude.experiments.two_layer import four_way, two_layer
from claims.papers.sign_magnitude.sections import (
    appendix_a_energies,
    appendix_a_radial,
    appendix_d_radial,
    section5_single_layer,
    section6_explanation,
    section6_remark2,
    section6_theorem3,
    section9_ablation,
    table2,
)
from claims.papers.sign_magnitude.theory import block, finite, small_rate, vectors
from claims.streams import Streams
from claims.verdict import DEPENDS, HOLDS, REFUTED, Tier

MODULES = (
    section5_single_layer,
    section6_theorem3,
    section6_remark2,
    section6_explanation,
    table2,
    section9_ablation,
    appendix_a_energies,
    appendix_a_radial,
    appendix_d_radial,
)
CLAIMS = tuple(claim for module in MODULES for claim in declared(module))
N = 48
BLOCK = {
    "n": N,
    "pairs": 40,
    "dtype": "float64",
    "flip_rate": (0.05, 0.2),
    "metric": ("pre", "post"),
    "step": (1, -1),
    "activation": ("relu", "linear"),
}


def streams(name: str = "test", seed: int = 0, **base: int) -> Streams:
    return Streams(11, name, base, seed)


def cell(records: list[dict], **coordinates: object) -> dict:
    found = [record for record in records if coordinates.items() <= record.items()]
    assert len(found) == 1
    return found[0]


def draws(source: Streams) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights and inputs that an experiment draws from these streams."""
    weight = gaussian_matrix(source.torch("weights"), N, N, dtype=torch.float64)
    return weight, sphere(source.torch("inputs"), BLOCK["pairs"], N, dtype=torch.float64)


def perturbed_weights(source: Streams, weight: torch.Tensor, flip_rate: float, step: int) -> dict[str, torch.Tensor]:
    flipped = sign_flip(weight, flip_rate=flip_rate, key=source.key("flips"))
    size = float(torch.linalg.matrix_norm(flipped - weight)) / N
    return {"sign": flipped, "magnitude": magnitude_step(weight, size=size, sign=step)}


def angle_and_transverse(clean: torch.Tensor, moved: torch.Tensor) -> tuple[float, float]:
    """Mean squared sine of the angle between rows, and mean energy of the change transverse to the clean row."""
    unit = clean / clean.norm(dim=1, keepdim=True)
    across = moved - (moved * unit).sum(1, keepdim=True) * unit
    sine2 = across.square().sum(1) / moved.square().sum(1)
    return float(sine2.mean()), float(across.square().sum(1).mean())


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_plain_energies_are_those_of_the_definition(activation: str, step: int):
    source = streams()
    weight, x = draws(source)
    x = torch.cat([x, -x])
    act = torch.relu if activation == "relu" else lambda h: h
    for flip_rate in BLOCK["flip_rate"]:
        record = cell(two_layer(BLOCK, source), flip_rate=flip_rate, step=step, activation=activation, metric="pre")
        for arm, moved in perturbed_weights(source, weight, flip_rate, step).items():
            transverse = angle_and_transverse(act(x @ weight.T), act(x @ moved.T))[1]
            assert record[f"plain_transverse_{arm}"] == pytest.approx((1 - 1 / N) * transverse, rel=1e-10)


def test_the_integrated_projection_is_the_mean_over_drawn_ones():
    generator = torch.Generator().manual_seed(3)
    clean = torch.relu(torch.randn(1, N, generator=generator, dtype=torch.float64))
    moved = clean + 0.3 * torch.randn(1, N, generator=generator, dtype=torch.float64)
    hidden_sine2, hidden = angle_and_transverse(clean, moved)
    pre, post = [], []
    for _ in range(4000):
        w2 = gaussian_matrix(generator, 16, N, dtype=torch.float64)
        sine2, transverse = angle_and_transverse(clean @ w2.T, moved @ w2.T)
        pre.append(transverse)
        post.append(sine2)
    expected = (16 / N * (1 - 1 / 16) * hidden, sine_squared_after_projection(torch.tensor(hidden_sine2), 16).item())
    for sample, mean in zip((pre, post), expected, strict=True):
        values = torch.tensor(sample)
        assert abs(float(values.mean()) - mean) < 4.5 * float(values.std()) / math.sqrt(len(values))
    naive = torch.tensor([16 / N * hidden, hidden_sine2])
    assert all(
        abs(float(torch.tensor(sample).mean()) - mean) > 0.003 for sample, mean in zip((pre, post), naive, strict=True)
    )


@given(sine2=st.floats(1e-6, 1.0), outputs=st.integers(8, 2048))
def test_projected_angle_is_the_law_of_a_sample_correlation(sine2: float, outputs: int):
    projected = sine_squared_after_projection(torch.tensor(sine2, dtype=torch.float64), outputs).item()
    exact = (1 - 1 / outputs) * sine2 * float(mpmath.hyp2f1(1, 1, outputs / 2 + 1, 1 - sine2))
    assert projected == pytest.approx(exact, rel=1e-9)


def test_controls_are_exact_for_what_is_linear_in_them():
    generator = torch.Generator().manual_seed(1)
    controls = torch.randn(5, 30, 3, generator=generator, dtype=torch.float64) + 2
    means = torch.full((5, 3), 2.0, dtype=torch.float64)
    weights = torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64)
    estimates = controlled_mean(controls @ weights + 7, controls, means)
    assert torch.allclose(estimates, means @ weights + 7, rtol=1e-12)


def test_controls_stay_unbiased_where_a_fit_on_the_same_inputs_is_not():
    """(z + 1)^2 has mean 2; a slope fitted on the sixteen inputs that it corrects moves the mean by -2/16."""
    z = torch.randn(40_000, 16, 1, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    values = (z + 1).square()
    estimates = controlled_mean(values, z, torch.zeros(40_000, 1, dtype=torch.float64)).flatten()
    centred = z - z.mean(1, keepdim=True)
    slope = (centred * values).sum(1) / centred.square().sum(1)
    overfitted = values.mean(1).flatten() - (slope * z.mean(1)).flatten()
    for sample, mean in ((estimates, 2.0), (overfitted, 2.0 - 2 / 16)):
        assert abs(float(sample.mean()) - mean) < 5 * float(sample.std()) / 200
    assert float(overfitted.mean()) < 1.9


@given(entries=st.integers(1, 10**7), variance=st.floats(1e-6, 10))
def test_the_alignment_in_excess_of_its_mean_has_mean_zero(entries: int, variance: float):
    """At the means of |W|_1 and |W|_F, by the half-normal and the chi law; it is linear in both."""
    deviation = math.sqrt(variance)
    length = deviation * float(mpmath.sqrt(2) * mpmath.gammaprod([(entries + 1) / 2], [entries / 2]))
    absolute = deviation * entries * math.sqrt(2 / math.pi)
    assert abs(alignment_excess(absolute, length**2, entries)) <= 1e-7 * absolute


def test_the_excess_is_taken_out_by_the_coefficients_of_the_controls():
    controls = torch.randn(30, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights, excess = torch.tensor([[1.5], [-2.0]], dtype=torch.float64), torch.tensor([0.25, 0.0])
    means = torch.tensor([1.0, 0.5], dtype=torch.float64)
    estimate = controlled_mean(controls @ weights, controls, means, excess=excess.double())
    assert estimate.item() == pytest.approx(((means - excess) @ weights).item(), rel=1e-12)


def test_controls_agree_with_the_plain_estimate_and_cut_its_variance():
    point = BLOCK | {"flip_rate": (0.05,), "step": (1,), "activation": ("relu",), "metric": ("pre",)}
    records = [two_layer(point, streams(seed=seed))[0] for seed in range(48)]
    for arm in ("sign", "magnitude"):
        plain = torch.tensor([record[f"plain_transverse_{arm}"] for record in records])
        controlled = torch.tensor([record[f"transverse_{arm}"] for record in records])
        difference = plain - controlled
        assert abs(float(difference.mean())) < 4.5 * float(difference.std()) / math.sqrt(48)
        assert float(controlled.var()) < float(plain.var())


def test_a_wide_block_has_the_closed_form_ratio():
    point = BLOCK | {"n": 512, "pairs": 256, "dtype": "float32"}
    records = [two_layer(point, streams(seed=seed)) for seed in range(3)]
    for metric, step in itertools.product(("pre", "post"), (1, -1)):
        at = {"flip_rate": 0.05, "metric": metric, "step": step}
        relu = sum(cell(record, activation="relu", **at)["c"] for record in records) / 3
        linear = sum(cell(record, activation="linear", **at)["c"] for record in records) / 3
        assert relu == pytest.approx(finite.c_finite_n(0.05, 512, metric, step), rel=0.015)
        assert linear == pytest.approx(block.c_linear(0.05, metric, step), rel=0.015)


def test_own_ratios_and_the_ratio_of_sums_are_of_the_block_with_its_projection_drawn():
    n, inputs, flip_rate = 48, 7, 0.1
    point = {"n": n, "inputs": inputs, "dtype": "float64", "flip_rate": (flip_rate,)}
    (record,) = own_ratios(point, streams())
    weight, w2 = (
        gaussian_matrix(streams().torch(name), n, n, dtype=torch.float64) for name in ("weights", "projection")
    )
    x = sphere(streams().torch("inputs"), inputs, n, dtype=torch.float64)
    flipped = sign_flip(weight, flip_rate=flip_rate, key=streams().key("flips"))
    step = weight.sign() * (flipped - weight).norm() / n
    clean = torch.relu(x @ weight.T) @ w2.T
    energies = []
    for other in (flipped, weight + step):
        change = torch.relu(x @ other.T) @ w2.T - clean
        along = (change * clean).sum(1, keepdim=True) / (clean * clean).sum(1, keepdim=True)
        energies.append((change - along * clean).square().sum(1))
    own, pooled = float((energies[0] / energies[1]).mean()), float(energies[0].sum() / energies[1].sum())
    assert record == {
        "flip_rate": flip_rate,
        "own": pytest.approx(own),
        "pooled": pytest.approx(pooled),
        "excess": pytest.approx(own - pooled),
    }


def test_every_cell_is_there_once_and_the_same_again():
    first, second = two_layer(BLOCK, streams()), two_layer(BLOCK, streams())
    cells = [(r["flip_rate"], r["metric"], r["step"], r["activation"]) for r in first]
    axes = ("flip_rate", "metric", "step", "activation")
    assert sorted(cells) == sorted(itertools.product(*(BLOCK[axis] for axis in axes)))
    assert first == second
    assert first != two_layer(BLOCK, streams(seed=1))


def test_four_way_compares_outputs_in_both_metrics():
    point = {"n": N, "outputs": 24, "pairs": 40, "flip_rate": 0.1, "step": -1, "dtype": "float64"}
    sweep = {"projection": ("none", "gaussian"), "metric": ("pre", "post")}
    source = streams()
    records = four_way(point | sweep, source)
    weight, x = draws(source)
    hidden = [
        torch.relu(torch.cat([x, -x]) @ w.T) for w in (weight, *perturbed_weights(source, weight, 0.1, -1).values())
    ]
    w2 = gaussian_matrix(source.torch("projection"), 24, N, dtype=torch.float64)
    for name, layers in (("none", hidden), ("gaussian", [a @ w2.T for a in hidden])):
        clean, sign, magnitude = layers
        (sign_post, sign_pre), (step_post, step_pre) = (angle_and_transverse(clean, b) for b in (sign, magnitude))
        pre, post = (cell(records, projection=name, metric=metric) for metric in ("pre", "post"))
        assert pre["c"] == pytest.approx(sign_pre / step_pre, rel=1e-9)
        assert post["c"] == pytest.approx(sign_post / step_post, rel=1e-9)
        assert pre["metric_factor"] == pytest.approx(post["c"] / pre["c"], rel=1e-12)
        assert post["norm_growth"] == pytest.approx(float(magnitude.square().sum() / clean.square().sum()), rel=1e-9)
        change = sign - clean
        radial = ((change * clean).sum(1) / clean.norm(dim=1)).square().sum() / change.square().sum()
        assert pre["radial_sign"] == pytest.approx(float(radial), rel=1e-9)


def test_hidden_energies_add_up_and_reflect():
    point = {
        "n": 64,
        "m": 96,
        "pairs": 64,
        "step": 1,
        "dtype": "float64",
        "flip_rate": (0.1,),
        "arm": ("sign", "magnitude"),
    }
    sign, magnitude = hidden_layer(point, streams())
    for record in (sign, magnitude):
        assert record["gate"] + record["smooth"] == pytest.approx(record["total"], rel=1e-9)
        assert record["share"] == pytest.approx(record["total"] / record["flip_energy"], rel=1e-12)
        assert record["gates_off"] == pytest.approx(record["gates_on"], rel=1e-9)
    assert sign["flip_energy"] == magnitude["flip_energy"]
    assert sign["cross"] == pytest.approx(-sign["total"] / 2, rel=1e-9)
    assert magnitude["cross"] > 0


def test_hidden_energies_are_the_closed_forms_when_wide():
    point = {"n": 512, "pairs": 128, "step": 1, "dtype": "float32", "flip_rate": (0.1,), "arm": ("sign", "magnitude")}
    sign, magnitude = hidden_layer(point, streams())
    assert sign["total"] == pytest.approx(finite.sign_energy_finite_n(0.1, 512), rel=0.03)
    assert sign["gate"] == pytest.approx(block.sign_gate_energy(0.1), rel=0.06)
    assert magnitude["total"] == pytest.approx(block.magnitude_energy(0.1), rel=0.03)
    assert magnitude["gate"] == pytest.approx(block.magnitude_gate_energy(0.1), rel=0.1)
    assert magnitude["variance"] == pytest.approx(block.magnitude_variance(0.1), rel=0.02)
    assert magnitude["radial_fraction"] == pytest.approx(
        finite.hidden_radial_fraction(0.1, 512, "magnitude"), abs=0.004
    )


def test_perturbed_layers_have_equal_norms_and_the_section_s_directions():
    arms = ("sign", "additive", "absolute", "constant")
    point = {"n": 128, "m": 512, "inputs": 200, "dtype": "float32", "flip_rate": (0.1,), "arm": arms}
    records = {record["arm"]: record for record in perturbed_layer(point, streams())}
    assert len({round(record["energy_exact"], 4) for record in records.values()}) == 1
    for record in records.values():
        assert record["energy_plain"] == pytest.approx(record["energy_exact"], rel=0.05)
        assert record["transverse"] + record["radial"] == pytest.approx(1.0, abs=1e-5)
    limits = {"sign": 0.1, "additive": 1 / 512, "absolute": (2 / math.pi) ** 2, "constant": 2 / math.pi}
    for arm, limit in limits.items():
        assert records[arm]["fraction"] == pytest.approx(limit, abs=0.012)
    with pytest.raises(ValueError, match="got 'gaussian'"):
        perturbed_layer(point | {"arm": ("gaussian",)}, streams())


def test_a_basis_averages_like_the_sphere_and_the_planted_one_does_not():
    record = basis_average({"n": 24, "m": 40}, streams())
    assert abs(record["average"] - record["frobenius"]) <= record["rounding"]
    assert abs(record["planted"] - record["frobenius"]) > 1e6 * record["rounding"]


def test_probes_see_what_they_isolate():
    seen = projection({"m": 32, "d": 8, "rho2": 0.5, "draws": 4000}, streams())
    assert seen["energy"] == pytest.approx(8 / 32, rel=0.05)
    assert seen["transverse"] == pytest.approx(7 / 32 * 0.5, rel=0.05)
    assert seen["cosine2"] == pytest.approx(finite.squared_correlation_mean(0.5, 8), abs=0.02)
    moments = pre_activations({"n": 64, "rows": 20_000, "flip_rate": 0.1}, streams())
    assert moments["product"] / moments["second"] == pytest.approx(0.8, abs=0.02)
    norms = flip_norm({"n": 16, "flip_rate": 0.1, "draws": 3000}, streams())
    assert norms["mean"] == pytest.approx(vectors.flip_norm_mean(16, 0.1), rel=0.02)
    assert norms["variance"] == pytest.approx(vectors.flip_norm_variance(16, 16, 0.1), rel=0.2)
    exact = finite.sign_energy_finite_n(0.02, 128)
    assert flipped_share({"n": 128, "draws": 50_000, "flip_rate": 0.02}, streams())["energy"] == pytest.approx(
        exact, rel=2e-3
    )


def test_an_outlier_leaves_the_step_s_alignment_alone():
    point = {"n": 64, "m": 2048, "pairs": 32, "flip_rate": 1e-4, "alpha": (0.0, 0.6)}
    for record in outlier_input(point, streams()):
        assert record["total"] == pytest.approx(0.5, abs=0.01)
        assert record["radial"] / record["total"] == pytest.approx(2 / math.pi, abs=0.02)


@settings(max_examples=12, deadline=None)
@given(flip_rate=st.floats(1e-5, 0.45), step=st.sampled_from((1, -1)))
def test_quadrature_and_closed_forms_agree(flip_rate: float, step: int):
    seen = wide_limit({"flip_rate": flip_rate, "step": step}, streams())
    forms = {
        "sign_total": block.sign_energy(flip_rate),
        "sign_gate": block.sign_gate_energy(flip_rate),
        "sign_smooth": block.sign_smooth_energy(flip_rate),
        "sign_cross": -block.sign_energy(flip_rate) / 2,
        "sign_radial_fraction": block.sign_radial_fraction(flip_rate),
        "magnitude_total": block.magnitude_energy(flip_rate, step),
        "magnitude_gate": block.magnitude_gate_energy(flip_rate, step),
        "magnitude_smooth": block.magnitude_smooth_energy(flip_rate, step),
        "magnitude_radial_fraction": block.magnitude_radial_fraction(flip_rate, step),
        "energy_ratio": block.energy_ratio(flip_rate, step),
        "c_pre": block.c_exact(flip_rate, "pre", step),
        "c_post": block.c_exact(flip_rate, "post", step),
        "factored": small_rate.c_printed_formula(flip_rate),
    }
    for name, value in forms.items():
        assert seen[name] == pytest.approx(value, rel=1e-11), name


@pytest.mark.parametrize("step", [1, -1])
def test_interpolated_expansions_are_the_closed_coefficients(step: int):
    seen, limit = quadrature.small_rate({"step": step}, streams()), small_rate.c_limit()
    assert seen["c_pre_0"] == pytest.approx(limit, rel=1e-12)
    assert seen["c_pre_1"] == pytest.approx(limit * small_rate.c_sqrt_coefficient("pre", step), rel=1e-10)
    assert seen["c_post_1"] == pytest.approx(limit * small_rate.c_sqrt_coefficient("post", step), rel=1e-10)
    assert seen["c_pre_2"] == pytest.approx(limit * small_rate.c_rate_coefficient("pre", step), rel=1e-8)
    assert seen["magnitude_cross_0"] == pytest.approx(step * math.sqrt(2 / math.pi), rel=1e-10)


def test_claims_can_be_planned_and_their_corrections_hold():
    """Planning resolves every band and rival, and refuses a band that contains its rival."""
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert plan(CLAIMS, tier=Tier.FULL).groups
    expected = {claim.id: claim.expected for claim in CLAIMS}
    refuted = [claim for claim in CLAIMS if claim.expected in (REFUTED, DEPENDS)]
    assert len(refuted) >= 10
    assert all(expected[claim.corrected_by] is HOLDS for claim in refuted)
    assert not [claim.id for claim in CLAIMS if claim.descriptive]


def test_deviation_range_is_read_from_the_printed_digits():
    rows = read_rows(table2.PATH)
    check = table2.DeviationRange(value="measured", reference="theory", lowest="1", highest="6")
    assert check.failures(rows) == []
    assert check.failures(check.perturbed(rows)) != []
    narrow = table2.DeviationRange(value="measured", reference="theory", lowest="2", highest="6")
    assert narrow.failures(rows) == ["the smallest deviation is said to be 2 % and recomputed as [1.07, 1.15] %"]
