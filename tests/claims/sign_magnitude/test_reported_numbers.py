"""Reported numbers of the sign-magnitude paper: verdicts on record, and recomputations of what they rest on."""

from __future__ import annotations

import importlib
import math
import re
import tomllib
from importlib import resources

import numpy as np
import pytest
from kit import settle
from scipy import stats

from claims.auditing.decision import combine_readings
from claims.kinds.table import read_rows
from claims.packs import declared
from claims.papers.sign_magnitude.figures import published
from claims.papers.sign_magnitude.sections.section9_trained_depth import DECLINES, ROWS
from claims.papers.sign_magnitude.sections.table8_counts import WEIGHTS
from claims.verdict import HOLDS, REFUTED, UNDECIDED

#: Beside them lie the printed tables, which name the paper's own places.
RELEASED = re.compile(r"(exp_[b-g]|two_layer)\.toml")
PACK = "claims.papers.sign_magnitude"
MODULES = (
    "abstract",
    "table8",
    "table8_counts",
    "table9",
    "table17",
    "section9_models",
    "section9_noise_floor",
    "section9_column_energies",
    "section9_column_flips",
    "section9_trained_depth",
)
CLAIMS = {claim.id: claim for name in MODULES for claim in declared(importlib.import_module(f"{PACK}.sections.{name}"))}
SEEDS = [row for row in read_rows(f"{PACK}:figures/table17.toml") if row["seed"].isdigit()]


def judged(claim_id):
    (trial,) = settle(CLAIMS[claim_id], lambda point, streams: {}, tier="smoke")
    return trial.final


@pytest.mark.parametrize("claim_id", CLAIMS)
def test_each_claim_has_the_verdict_on_record(claim_id):
    trials = settle(CLAIMS[claim_id], lambda point, streams: {}, tier="smoke")
    assert combine_readings(trial.final.verdict for trial in trials) is CLAIMS[claim_id].expected


def test_what_is_refuted_is_corrected_and_what_is_undecided_says_what_would_decide():
    for claim in CLAIMS.values():
        if claim.expected is REFUTED:
            assert CLAIMS[claim.corrected_by].expected is HOLDS
            assert claim.finding
        if claim.expected is UNDECIDED:
            assert "would" in claim.finding
            assert "decide" in claim.finding


def test_every_released_file_names_its_source_and_licence():
    files = [path for path in resources.files(PACK).joinpath("figures").iterdir() if RELEASED.fullmatch(path.name)]
    assert len(files) == 6
    for path in files:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        assert data["source"].startswith("https://github.com/")
        assert data["licence"] == "MIT"


def test_released_columns_have_one_value_a_seed():
    for rate in ("0.05", "0.005", "0.001", "0.0005", "0.0001"):
        found = published.nll_changes(rate)
        assert {len(values) for values in found.values()} == {10}
        assert found["inverse_leverage"][0] == pytest.approx(found["other"][0] / found["outlier"][0])


def test_released_changes_of_nll_are_those_of_the_released_perplexities():
    row = next(row for row in read_rows(published.path("exp_e")) if row.get("flip_rate") == "0.005")
    first = published.nll_changes("0.005")
    assert first["outlier"][0] == pytest.approx(math.log(float(row["outlier_ppl"]) / 7.382783981216292), rel=1e-12)
    assert first["outlier_per_flip"][0] == pytest.approx(first["outlier"][0] / 241387, rel=1e-12)
    pair = published.per_flip_pair("0.05", "0.005", "other")
    assert np.mean(pair["change"]) / np.mean(pair["reference"]) == pytest.approx(1.017, abs=1e-3)


@pytest.mark.parametrize(
    ("rate", "estimate", "lo", "hi"),
    [
        ("0.05", 43.07, 32.5, 54.0),
        ("0.005", 9.91, 8.48, 11.7),
        ("0.001", 10.48, 7.19, 20.1),
        ("0.0001", 3.67, 1.48, 9.68),
    ],
)
def test_fiellers_interval_of_the_leverage_against_the_roots_of_its_quadratic(rate, estimate, lo, hi):
    """The set of r with |mean(u - r v)| <= t se(u - r v), scanned for where it starts and ends."""
    found = published.nll_changes(rate)
    u, v = np.array(found["outlier"]), np.array(found["other"])
    t = stats.t.isf(0.025, 9)
    candidates = np.linspace(0.5, 80.0, 7951)
    d = u[:, None] - v[:, None] * candidates
    accepted = candidates[np.abs(d.mean(0)) <= t * d.std(0, ddof=1) / math.sqrt(10)]
    assert u.mean() / v.mean() == pytest.approx(estimate, rel=2e-3)
    assert (accepted[0], accepted[-1]) == pytest.approx((lo, hi), rel=0.01)
    assert np.diff(accepted).max() < 0.011


def test_holm_over_the_plateau_leaves_only_the_largest_rate_decided():
    verdicts = {rate: judged(f"sign-magnitude.expe.about-ten-p{rate}").verdict for rate in ("005", "001", "0005")}
    assert verdicts == {"005": HOLDS, "001": UNDECIDED, "0005": UNDECIDED}


def test_slope_of_exp_g_against_scipy():
    rows = [row for row in read_rows(published.path("exp_g")) if "nll_change" in row]
    kept = [(float(row["alpha"]) ** 2, float(row["nll_change"])) for row in rows if float(row["nll_change"]) > 0]
    fit = stats.linregress(*np.log(np.array(kept)).T)
    found = judged("sign-magnitude.expg.grows")
    assert len(rows) == 20
    assert len(kept) == 17
    assert found.estimate == pytest.approx(fit.slope, rel=1e-12)
    assert found.estimate == pytest.approx(0.7832127, abs=1e-6)  # released: .7832127
    assert found.detail["smallest_alpha"] == pytest.approx(fit.pvalue, rel=1e-6)


def test_medians_of_table_17_against_numpy():
    ppl = np.array(
        [[float(row[name].replace(",", "")) for name in ("random", "outlier", "nonoutlier")] for row in SEEDS]
    )
    assert ppl.shape == (20, 3)
    assert np.median(ppl, axis=0) == pytest.approx([979, 41727, 41.1])
    excess = (ppl[:, 1] - 7.3828) / (ppl[:, 2] - 7.3828)
    assert np.percentile(excess, [25, 50, 75]) == pytest.approx([795, 1265.7, 1627.6], rel=1e-3)
    nll = np.log(ppl[:, 1] / 7.3828) / np.log(ppl[:, 2] / 7.3828)
    assert np.percentile(nll, [25, 50, 75]) == pytest.approx([4.85, 5.05, 5.42], abs=0.005)


def test_weights_and_outlier_weights_follow_from_the_models_shapes():
    """22 blocks: q, o, k, v, gate and up read 2,048 columns of which 102 are outliers, down 5,632 of which 281 are."""
    rows_in, rows_down = 2048 + 2048 + 256 + 256 + 5632 + 5632, 2048
    assert WEIGHTS == 22 * (rows_in * 2048 + rows_down * 5632) == 968_884_224
    pool = 22 * (rows_in * int(0.05 * 2048) + rows_down * int(0.05 * 5632))
    (row,) = (row for row in read_rows(f"{PACK}:figures/table8.toml") if "weights" in row)
    assert (int(row["weights"]), int(row["outlier_weights"])) == (WEIGHTS, pool)


def test_the_largest_spread_of_a_difference_is_never_too_small():
    for key, row in ROWS.items():
        change = np.array(DECLINES["-".join(key)]["change"])
        assert len(change) == 10
        assert change.mean() == pytest.approx(float(row["last"]) - float(row["first"]))
        assert change.std(ddof=1) == pytest.approx(float(row["last_sd"]) + float(row["first_sd"]))
