"""The depth experiments against plain loops over the definitions, their replays, and the claims made of them."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from claims.auditing.planning import plan
from claims.kernels import sign_flip
from claims.kinds.table import read_rows
from claims.packs import declared
from claims.papers.sign_magnitude.experiments import depth_replays
from claims.papers.sign_magnitude.experiments.blocks import gaussian_matrix, sphere
from claims.papers.sign_magnitude.experiments.depth import refreshed, stack
from claims.papers.sign_magnitude.experiments.depth_identities import column_flip, flip_energy, gains
from claims.papers.sign_magnitude.experiments.depth_quadrature import compounding, few_flips, mean_field, plateau
from claims.papers.sign_magnitude.experiments.replays import PUBLISHED_SEEDS, one_layer_block
from claims.papers.sign_magnitude.figures import depth_checks
from claims.papers.sign_magnitude.sections import (
    section7_columns,
    section7_depth,
    section7_depth_limits,
    section7_mechanism,
    section7_variants,
    section9_ablation,
    section9_depth_tables,
    section9_exp_b,
)
from claims.papers.sign_magnitude.shared.depth import ARCHITECTURES, other_metric
from claims.papers.sign_magnitude.theory import block, depth, depth_limits, small_rate
from claims.streams import Streams
from claims.verdict import HOLDS, REFUTED, Tier

MODULES = (
    section7_depth,
    section7_mechanism,
    section7_depth_limits,
    section7_columns,
    section7_variants,
    section9_depth_tables,
    section9_exp_b,
)
CLAIMS = tuple(claim for module in MODULES for claim in declared(module))
WIDTH, INPUTS, RATE = 24, 10, 0.2
POINT = {
    "width": WIDTH,
    "inputs": INPUTS,
    "flip_rate": RATE,
    "dtype": "float64",
    "activation": "relu",
    "between": "kept",
    "layer": (1, 3),
    "metric": ("pre", "post"),
}
ACTIVATIONS = {"relu": lambda h: h * (h > 0), "silu": lambda h: h / (1 + torch.exp(-h)), "linear": lambda h: h}


def streams(seed: int = 0) -> Streams:
    return Streams(11, "depth", {}, seed)


def cells(records: list[dict]) -> dict[tuple[int, str], dict]:
    found = {(record["layer"], record["metric"]): record for record in records}
    assert len(found) == len(records)
    return found


def direction(y: torch.Tensor) -> torch.Tensor:
    return y / y.norm()


def compared(clean: list[torch.Tensor], moved: list[torch.Tensor]) -> dict[str, float]:
    """Summed energies of inputs handled one at a time: transverse in both metrics, and total."""
    across = [b - (b @ direction(a)) * direction(a) for a, b in zip(clean, moved, strict=True)]
    sines = [1 - float(direction(a) @ direction(b)) ** 2 for a, b in zip(clean, moved, strict=True)]
    total = sum(float((b - a).square().sum()) for a, b in zip(clean, moved, strict=True))
    return {"pre": sum(float(v @ v) for v in across), "post": sum(sines), "total": total}


@pytest.mark.parametrize("activation", ["relu", "silu", "linear"])
@pytest.mark.parametrize("architecture", [*ARCHITECTURES.values(), ARCHITECTURES["v2-released"] | {"norm": "none"}])
def test_stacks_are_the_definition(architecture: dict, activation: str):
    """One input and one stream at a time, with the step made from the realised norm of each layer's flips."""
    source, act = streams(), ACTIVATIONS[activation]
    generator = source.torch("weights")
    xs = list(sphere(source.torch("inputs"), INPUTS, WIDTH, dtype=torch.float64))
    arms = {"clean": xs, "sign": xs, "magnitude": xs}
    projected = architecture["projection"] == "gaussian"
    found = cells(stack(POINT | architecture | {"activation": activation}, source))
    for layer in range(1, 4):
        hidden = 4 * WIDTH if projected else WIDTH
        up = gaussian_matrix(generator, hidden, WIDTH, dtype=torch.float64)
        down = torch.eye(WIDTH, dtype=torch.float64)
        if projected:
            down = gaussian_matrix(generator, WIDTH, hidden, dtype=torch.float64)
        flipped = sign_flip(up, flip_rate=RATE, key=source.key(f"flips {layer}"))
        step = torch.sign(up) * math.sqrt(float((flipped - up).square().sum()) / up.numel())
        matrices = {"clean": up, "sign": flipped, "magnitude": up + step}
        for arm, matrix in matrices.items():
            outputs = []
            for y in arms[arm]:
                branch = down @ act(matrix @ (y if architecture["norm"] == "none" else direction(y)))
                outputs.append(y + branch if architecture["residual"] else branch)
            arms[arm] = outputs
        if layer in POINT["layer"]:
            sign, magnitude = (compared(arms["clean"], arms[arm]) for arm in ("sign", "magnitude"))
            for metric in ("pre", "post"):
                record = found[layer, metric]
                assert record["transverse_sign"] == pytest.approx(sign[metric], rel=1e-9)
                assert record["transverse_magnitude"] == pytest.approx(magnitude[metric], rel=1e-9)
                assert record["c"] == pytest.approx(sign[metric] / magnitude[metric], rel=1e-9)
                assert record["radial_sign"] == pytest.approx(1 - sign["pre"] / sign["total"], rel=1e-9)
                assert record["radial_magnitude"] == pytest.approx(1 - magnitude["pre"] / magnitude["total"], rel=1e-9)
                assert record["log_c"] == pytest.approx(math.log(record["c"]))
        if architecture["norm"] == "stream":
            arms = {arm: [direction(y) for y in outputs] for arm, outputs in arms.items()}


def test_refreshed_streams_keep_norms_and_angles_and_nothing_else():
    generator = torch.Generator().manual_seed(4)
    clean = torch.relu(torch.randn(400, WIDTH, generator=generator, dtype=torch.float64)) + 0.5
    arms = [clean, clean.clone(), clean + 0.1 * torch.randn(400, WIDTH, generator=generator, dtype=torch.float64)]
    turned = refreshed(arms, generator)
    for i, j in itertools.product(range(3), repeat=2):
        before, after = (torch.linalg.vecdot(streams[i], streams[j]) for streams in (arms, turned))
        torch.testing.assert_close(before, after, rtol=1e-10, atol=1e-10)
    units = turned[0] / turned[0].norm(dim=1, keepdim=True)
    assert float((clean / clean.norm(dim=1, keepdim=True)).mean(0).norm()) > 0.8
    assert float(units.mean(0).abs().max()) < 4.5 / math.sqrt(400 * WIDTH)
    covariance = units.T @ units / 400 * WIDTH
    assert float((covariance - torch.eye(WIDTH)).abs().max()) < 6 * math.sqrt(2 / 400)


def naive_replay(seed: int, width: int, flip_rate: float, layers: int, *, network: str, residual: bool) -> list[float]:
    """The authors' loop: everything from its own manual seed, one arm after the other."""
    generator = torch.Generator().manual_seed(seed + 99_999)
    hidden = 4 * width if network == "tables" else width
    matrices = []
    for index in range(layers):
        up = torch.randn(hidden, width, generator=generator) / math.sqrt(width)
        down = torch.randn(width, hidden, generator=generator) / math.sqrt(hidden) if network == "tables" else None
        mask = torch.rand(up.shape, generator=torch.Generator().manual_seed(seed + 1000 * index)) < flip_rate
        flips = torch.where(mask, -2 * up, torch.zeros(()))
        matrices.append((up, flips, up.sign() * (flips.norm() / up.sign().norm()), down))
    sums = np.zeros((layers, 2))
    for start in range(0, 10_000, 2_000):
        x = torch.randn(2_000, width, generator=torch.Generator().manual_seed(seed * 100_000 + start))
        x = x / x.norm(dim=1, keepdim=True)
        outputs = []
        for arm in range(3):
            y, trace = x, []
            for up, flips, step, down in matrices:
                kept = network == "released" and residual
                h = torch.relu((y / y.norm(dim=1, keepdim=True) if kept else y) @ (up, up + flips, up + step)[arm].T)
                h = h if down is None else h @ down.T
                y = y + h if residual else h
                y = y if kept else y / y.norm(dim=1, keepdim=True)
                trace.append(y.double())
            outputs.append(trace)
        for layer, (clean, *others) in enumerate(zip(*outputs, strict=True)):
            for arm, moved in enumerate(others):
                cosine2 = (clean * moved).sum(1) ** 2 / (clean**2).sum(1)
                sums[layer, arm] += float(((moved**2).sum(1) - cosine2).sum())
    return list(sums[:, 0] / sums[:, 1])


@pytest.mark.parametrize("network", ["tables", "released"])
@pytest.mark.parametrize("residual", [False, True])
def test_replays_draw_what_the_scripts_draw(network: str, residual: bool):
    width, flip_rate = 16, 0.1
    point = {"network": network, "residual": residual, "activation": "relu", "width": width, "flip_rate": flip_rate}
    records = depth_replays.depth_ratios(point | {"layer": (1, 2, 3)}, replace(streams(), seed_index=2))
    naive = naive_replay(PUBLISHED_SEEDS[2], width, flip_rate, 3, network=network, residual=residual)
    assert [record["layer"] for record in records] == [1, 2, 3]
    assert [record["c"] for record in records] == pytest.approx(naive, rel=2e-5)


def test_the_released_first_layer_is_the_ablation():
    """V2 without a second projection and V0 are one network on one set of draws; with one it is another number."""
    point = {"width": 32, "flip_rate": 0.05, "activation": "relu", "residual": False, "layer": (1,)}
    (released,) = depth_replays.depth_ratios(point | {"network": "released"}, streams())
    (tables,) = depth_replays.depth_ratios(point | {"network": "tables"}, streams())
    (ablation,) = one_layer_block({"n": 32, "flip_rate": (0.05,)}, streams())
    assert released["c"] == pytest.approx(ablation["c_post"], rel=1e-6)
    assert abs(tables["c"] - released["c"]) > 0.01
    with pytest.raises(ValueError, match="network"):
        depth_replays.depth_ratios(point | {"network": "figure"}, streams())


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("activation", ["relu", "silu", "linear"])
def test_quadrature_and_recursion_agree(name: str, activation: str):
    architecture = ARCHITECTURES[name] | {"activation": activation}
    point = architecture | {"layer": (1, 2, 4), "metric": ("pre", "post")}
    for flip_rate in (1e-9, 0.3):
        for (layer, metric), record in cells(mean_field(point | {"flip_rate": flip_rate}, streams())).items():
            wanted = depth.depth_ratio(flip_rate, layer, metric=metric, **architecture)
            assert record["c"] == pytest.approx(wanted, rel=1e-12)
            rival = other_metric(flip_rate, layer, metric=metric, **architecture)
            assert abs(rival / record["c"] - 1) > 1e-6
    for (layer, metric), record in cells(few_flips(point, streams())).items():
        assert record["limit"] == pytest.approx(depth_limits.depth_limit(layer, **architecture), abs=1e-11)
        if name.startswith("v2") and activation == "relu":
            assert record["slope"] == pytest.approx(depth_limits.depth_sqrt_coefficient(layer, metric), abs=1e-9)


def test_the_plateau_and_the_hypothesis_in_forty_digits():
    for flip_rate in (1e-9, 0.01, 0.7):
        got = plateau({"flip_rate": flip_rate}, streams())["c"]
        assert got == pytest.approx(depth_limits.depth_plateau(flip_rate), rel=1e-10)
    assert compounding({"exponent": 0.05, "layer": 6}, streams())["c"] == pytest.approx(
        depth_limits.compounded(6, 0.05)
    )


@pytest.mark.parametrize("seed", range(4))
def test_column_identities_hold_and_their_plants_do_not(seed: int):
    one = column_flip({"m": 20, "n": 12}, streams(seed))
    assert abs(one["energy"] - one["weighted"]) <= one["rounding"] < abs(one["planted"] - one["weighted"])
    for flip_rate in (0.05, 0.5, 1.0):
        found = flip_energy({"m": 3, "n": 6, "flip_rate": flip_rate}, streams(seed))
        bound = found["rounding"]
        assert abs(found["enumerated"] - found["fixed_weights"]) <= bound
        assert abs(found["sign_average"] - found["column_sum"]) <= bound
        assert abs(found["enumerated"] - found["column_sum"]) > 100 * bound
        assert bound < 1e-10 * found["enumerated"]


@pytest.mark.parametrize("seed", range(4))
def test_gains_drop_out_without_a_skip_connection_only(seed: int):
    found = gains({"width": 16, "layers": 3, "flip_rate": 0.1}, streams(seed))
    assert abs(found["with_gains"] - found["without"]) <= found["rounding"] < 1e-11
    assert abs(found["with_skip"] - found["without"]) > 1e-3


def test_claims_can_be_planned_and_their_corrections_hold():
    everything = (*CLAIMS, *declared(section9_ablation))
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert plan(CLAIMS, tier=Tier.FULL).groups
    expected = {claim.id: claim.expected for claim in everything}
    for claim in CLAIMS:
        if claim.expected is REFUTED:
            assert claim.finding
            assert claim.corrected_by is None or expected[claim.corrected_by] is HOLDS
    assert not [claim.id for claim in CLAIMS if claim.descriptive]


@pytest.mark.parametrize("name", ["15", "16"])
def test_every_printed_row_is_replayed(name: str):
    rows = read_rows(f"claims.papers.sign_magnitude:figures/table{name}.toml")
    for layer, row in enumerate(rows, start=1):
        (claim,) = (claim for claim in CLAIMS if claim.id == f"sign-magnitude.table{name}.row-{layer}")
        assert row["layer"] == str(layer)
        assert claim.test.printed == (("mean", row["c"]),)
        assert claim.decides is Tier.STANDARD


def test_table_checks_catch_what_they_are_for():
    checks = depth_checks
    rows = read_rows("claims.papers.sign_magnitude:figures/table15.toml")
    table_3 = read_rows(section9_depth_tables.TABLE_3)
    declining, exponent = checks.Declining(column="c"), checks.Exponent(column="c", text="-0.0310")
    ends = checks.EndsOf(experiment="V2", path="claims.papers.sign_magnitude:figures/table15.toml", column="c")
    for check, sound in ((declining, rows), (exponent, rows), (ends, table_3)):
        assert check.failures(sound) == []
        assert check.failures(check.perturbed(sound)) != []
    assert declining.failures(rows[::-1])[0] == "3.182 after 3.066"
    assert checks.Exponent(column="c", text="0.0310").failures(rows) != []
    slope = np.polyfit(range(6), [math.log(float(row["c"])) for row in rows], 1)[0]
    assert slope / math.log(small_rate.c_limit()) == pytest.approx(-0.0310, abs=5e-5)
    wrong = checks.EndsOf(experiment="V3", path="claims.papers.sign_magnitude:figures/table15.toml", column="c")
    assert len(wrong.failures(table_3)) == 2


def test_exp_b_checks_read_the_released_figures():
    rows, checks = read_rows(section9_exp_b.PATH), section9_exp_b
    for weights, kappa in (("trained", checks.TRAINED_KAPPA), ("iid", block.BUSSGANG)):
        assert checks.ClosedForm(weights=weights, kappa=kappa).failures(rows) == []
        assert len(checks.ClosedForm(weights=weights, kappa=kappa + 0.01).failures(rows)) == 6
    sound = (
        checks.ClosedForm(weights="trained", kappa=checks.TRAINED_KAPPA),
        checks.AboveIid(percent="-3.4"),
        checks.PrintedAs(activation="relu", experiment="Exp B, ReLU"),
        checks.PrintedAs(activation="silu", experiment="Exp B, SiLU"),
    )
    for check in sound:
        assert check.failures(rows) == []
        assert len(check.failures(check.perturbed(rows))) == 1
    assert checks.AboveIid(percent="27").failures(rows) == ["the excess is -3.42 %, not 27 %"]
    assert len(checks.PrintedAs(activation="silu", experiment="Exp B, ReLU").failures(rows)) == 2
