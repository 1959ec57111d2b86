"""Fresh epochs together: wrong as seldom as promised however often one looks, and nothing combined that must not be."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from claims.auditing.decision import ALPHA_CLAIM
from claims.auditing.planning import PINNED_EPOCH
from claims.evidence.store import Identity, Store
from claims.kinds.anytime import alpha_at, count_sequence
from tests.claims.test_diff_sources import ROOT, audit, cli, source  # noqa: F401  a fixture

EPOCHS = tuple(range(1, 13))


def nights(cli: Any, name: str, *epochs: int, code: int | None = 0) -> None:  # noqa: F811
    for epoch in epochs:
        audit(cli, name, "n.sqlite", "--epoch", str(epoch), code=code)


def pooled(cli: Any, name: str, code: int = 0) -> dict[str, Any]:  # noqa: F811
    found = cli("evidence", "pool", f"claims_{name}.py", "--store", "n.sqlite", "--json", code=code).stdout
    return {claim["id"]: claim for claim in json.loads(found)["claims"]}


# The sequences


def ever_wrong(x: np.ndarray, alpha: float) -> int:
    """Of samples with mean zero, shape (samples, values), in how many the interval ever leaves the truth out."""
    n = np.arange(1, x.shape[1] + 1)
    mean = x.cumsum(axis=1) / n
    spread = np.maximum((x**2).cumsum(axis=1) - n * mean**2, 0) / np.maximum(n - 1, 1)
    edges = np.array([stats.t.isf(alpha_at(int(k), alpha) / 2, max(k - 1, 1)) for k in n])
    said = np.isfinite(edges)  # the whole line covers everything
    return int((np.abs(mean[:, said]) > edges[said] * np.sqrt(spread / n)[:, said]).any(axis=1).sum())


def test_looked_at_after_every_seed_the_t_sequence_is_wrong_as_seldom_as_promised():
    x = np.random.default_rng(5).normal(size=(2_000, 600))
    wrong = ever_wrong(x, 0.05)
    assert wrong > 0
    assert proportion_confint(wrong, 2_000, alpha=0.002, method="beta")[0] < 0.05


def test_the_same_looks_at_a_plain_interval_would_not_be():
    """What the sequence is for: the control that has to fail."""
    x = np.random.default_rng(5).normal(size=(500, 600))
    n = np.arange(1, 601)
    t = x.cumsum(axis=1) / np.sqrt(n)
    assert (np.abs(t[:, 8:]) > 1.96).any(axis=1).mean() > 0.3


def test_the_sequence_of_a_proportion_is_wrong_as_seldom_as_promised():
    rng, wrong = np.random.default_rng(6), 0
    for _ in range(120):
        counts = rng.binomial(20, 0.1, size=30).cumsum()
        intervals = (count_sequence(int(k), 20 * (i + 1), 0.05) for i, k in enumerate(counts))
        wrong += not all(lo <= 0.1 <= hi for lo, hi in intervals)
    assert proportion_confint(wrong, 120, alpha=0.002, method="beta")[0] < 0.05


@pytest.mark.parametrize(("seeds", "half"), [(256, 0.335), (1024, 0.168), (4096, 0.0857), (16384, 0.0438)])
def test_half_widths_are_those_of_the_formula(seeds, half):
    level = alpha_at(seeds, ALPHA_CLAIM)
    assert stats.t.isf(level / 2, seeds - 1) / seeds**0.5 == pytest.approx(half, rel=0.005)


@pytest.mark.parametrize("alpha", [0.05, ALPHA_CLAIM])
@pytest.mark.parametrize("seeds", [12, 30, 256, 5_000])
def test_at_its_edge_the_martingale_is_one_over_alpha(seeds, alpha):
    """Straight from its definition: the likelihood ratio of noncentral t statistics, integrated over effects."""
    edge = stats.t.isf(alpha_at(seeds, alpha) / 2, seeds - 1)
    y, growth = edge**2 / (seeds - 1), 1 + seeds
    assert growth**-0.5 * ((1 + y) / (1 + y / growth)) ** (seeds / 2) == pytest.approx(1 / alpha, rel=1e-6)
    if seeds <= 30 and alpha == 0.05:
        effects = np.linspace(-6, 6, 4001)
        ratio = stats.nct.pdf(edge, seeds - 1, effects * seeds**0.5) / stats.t.pdf(edge, seeds - 1)
        assert np.trapezoid(ratio * stats.norm.pdf(effects), effects) == pytest.approx(1 / alpha, rel=1e-3)


def test_a_few_seeds_say_nothing():
    assert [alpha_at(n, ALPHA_CLAIM) for n in (0, 1, 2, 8, 10)] == [0.0] * 5
    assert 0 < alpha_at(11, ALPHA_CLAIM) < ALPHA_CLAIM


@pytest.mark.parametrize(("count", "trials"), [(0, 10), (10, 10), (3, 10), (1, 10**6), (5 * 10**8, 10**9)])
def test_a_proportion_lies_in_its_sequence(count, trials):
    lo, hi = count_sequence(count, trials, ALPHA_CLAIM)
    assert 0 <= lo <= count / trials <= hi <= 1
    assert count_sequence(0, 0, 0.05) == (-np.inf, np.inf)


@pytest.mark.slow
@pytest.mark.parametrize("law", ["normal", "skewed", "heavy"])
def test_over_many_nights_the_t_sequence_is_wrong_as_seldom_as_promised(law):
    from claims.calibration.drawing import LAWS

    rng, wrong = np.random.default_rng(7), 0
    for _ in range(20):
        wrong += ever_wrong(LAWS[law](rng, (1_000, 4_000)), 0.01)
    assert proportion_confint(wrong, 20_000, alpha=0.002, method="beta")[0] < 0.01


# Over nights


def test_what_its_cap_leaves_open_is_decided_over_nights(cli, tmp_path):  # noqa: F811
    text = source("o", sd=0.5, band=0.5).replace("rival=2.0)", "rival=2.0, most_seeds=8)")
    (tmp_path / "claims_o.py").write_text(text)
    nights(cli, "o", *EPOCHS[:2])
    first = pooled(cli, "o")["o.one"]
    assert first["verdict"] == "UNDECIDED"
    assert first["points"][0]["more_seeds"] is not None
    nights(cli, "o", *EPOCHS[2:])
    found = pooled(cli, "o")["o.one"]
    assert (found["verdict"], found["as_expected"]) == ("HOLDS", True)
    (one, _) = found["points"]
    assert (one["epochs"], one["seeds"]) == (list(EPOCHS), 8 * len(EPOCHS))
    lo, hi = one["interval"]
    assert 0.5 <= lo < 1.0 < hi <= 1.5
    text = cli("evidence", "pool", "claims_o.py", "o.one", "--store", "n.sqlite").stdout
    assert "o.one: HOLDS (section 1)" in text
    assert "96 seeds of 12 epochs" in text
    assert "1 claim: 1 HOLDS" in text


def test_a_refutation_has_to_repeat_itself_in_even_and_in_odd_epochs(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_q.py").write_text(source("q", centre=3.0, sd=0.2, rival=5.0))
    nights(cli, "q", 1, 3, 5, code=1)
    one = pooled(cli, "q")["q.one"]
    assert one["verdict"] == "UNDECIDED"
    assert "not yet by even and by odd epochs alone" in one["points"][0]["reason"]
    nights(cli, "q", 2, 4, 6, code=1)
    assert pooled(cli, "q", code=1)["q.one"]["verdict"] == "REFUTED"


def test_fresh_epochs_accumulate_and_the_pinned_one_is_left_out(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_s.py").write_text(source("s"))
    audit(cli, "s", "n.sqlite")
    refused = cli("evidence", "pool", "claims_s.py", "--store", "n.sqlite", code=4)
    assert (
        "no fresh epoch of it is there: claimbench audit --epoch fresh; left out: epoch the pinned one"
        in refused.output
    )
    for _ in range(3):
        audit(cli, "s", "n.sqlite", "--epoch", "fresh")
    one = pooled(cli, "s")["s.one"]
    assert len(one["points"][0]["epochs"]) == 3
    assert PINNED_EPOCH not in one["points"][0]["epochs"]
    assert one["points"][0]["left_out"] == ["epoch the pinned one, whose seeds the choice to go on has looked at"]


def test_seeds_of_other_code_are_left_out_by_name(cli, tmp_path):  # noqa: F811
    for epoch, centre in ((1, 0.95), (2, 1.0), (3, 1.0)):
        (tmp_path / "claims_u.py").write_text(source("u", centre=centre))
        nights(cli, "u", epoch)
    one = pooled(cli, "u")["u.one"]["points"][0]
    assert one["epochs"] == [2, 3]
    assert one["left_out"] == ["epoch 1, of other code"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("environment", {"cpu": "another"}, "numerics class"), ("data", {"x.csv": "0"}, "data"), ("code", "0", "code")],
)
def test_seeds_of_another_class_are_left_out_by_name(cli, tmp_path, field, value, words):  # noqa: F811
    (tmp_path / "claims_w.py").write_text(source("w"))
    nights(cli, "w", 1, 2)
    with Store(tmp_path / "n.sqlite") as store:
        row = next(store.rows())
        content = store.identities()[row.identity] | {"epoch": 9, field: value}
        store.put(Identity.of(content), row.experiment, json.loads(row.base), [(0, json.loads(row.records), 0.1)])
    points = [point for claim in pooled(cli, "w").values() for point in claim["points"]]
    assert f"epoch 9, of other {words}" in [words for point in points for words in point["left_out"]]


def test_an_epoch_with_a_part_missing_is_refused(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_x.py").write_text(source("x"))
    nights(cli, "x", 1, 2)
    with Store(tmp_path / "n.sqlite") as store:
        row = next(row for row in store.rows() if json.loads(row.base) == {"n": 1})
        content = store.identities()[row.identity] | {"epoch": 9}
        records = [(seed, json.loads(row.records), 0.1) for seed in range(8) if seed != 5]
        store.put(Identity.of(content), row.experiment, {"n": 1}, records)
    found = pooled(cli, "x")
    assert found["x.one"]["verdict"] == "UNAVAILABLE"
    reason = found["x.one"]["points"][0]["reason"]
    assert "epoch 9 was not measured to the end of a look (7 seeds of claims_x:noisy" in reason
    assert "claimbench audit x.one --epoch 9" in reason
    assert found["x.two"]["verdict"] == "HOLDS"


def test_a_kind_without_a_sequence_is_refused(cli, tmp_path):  # noqa: F811
    quantile = source("y").replace("mean(X)", "quantile(X, q=0.5)").replace("mean, within", "quantile, within")
    (tmp_path / "claims_y.py").write_text(quantile.replace("import Claim,", "import Claim,"))
    nights(cli, "y", 1, 2, code=None)
    refused = cli("evidence", "pool", "claims_y.py", "--store", "n.sqlite", code=4)
    assert "kind quantile has no interval that holds at every number of seeds at once" in refused.output


KINDS = """
from claims import Claim, experiment, proportion, ratio, within

def arms(point, streams):
    rng = streams.numpy("x")
    v = 1.0 + 0.1 * rng.normal()
    return {"u": 2.0 * v + 0.02 * rng.normal(), "v": v, "k": int(rng.binomial(100, 0.3)), "n": 100}

A = experiment("claims_z:arms")
WHY = {"provenance": "author", "because": "a test"}
RATIO = Claim(id="z.ratio", locus="1", statement="Two.", test=ratio(A["u"], A["v"]), band=within(2.0, rel=0.01, **WHY),
              rival=3.0)
SHARE = Claim(id="z.share", locus="2", statement="A third.", test=proportion(A["k"], A["n"]),
              band=within(0.3, abs=0.1, **WHY), rival=0.9)
"""


def test_ratios_and_proportions_have_sequences_of_their_own(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_z.py").write_text(KINDS)
    nights(cli, "z", *EPOCHS[:6])
    found = pooled(cli, "z")
    assert {name: claim["verdict"] for name, claim in found.items()} == {"z.ratio": "HOLDS", "z.share": "HOLDS"}
    share = found["z.share"]["points"][0]
    count = round(share["estimate"] * 100 * share["seeds"])
    assert share["interval"] == pytest.approx(count_sequence(count, 100 * share["seeds"], ALPHA_CLAIM))


def test_the_documented_shape_is_what_is_printed(cli, tmp_path):  # noqa: F811
    (tmp_path / "claims_v.py").write_text(source("v"))
    nights(cli, "v", 1)
    found = json.loads(cli("evidence", "pool", "claims_v.py", "--store", "n.sqlite", "--json").stdout)
    text = (ROOT / "docs" / "reference" / "comparing.md").read_text(encoding="utf-8")
    told = text.partition("## claimbench evidence pool --json")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", told, flags=re.MULTILINE)) == set(found) | set(found["claims"][0])
    assert set(re.findall(r"\*(\w+)\*", told)) == set(found["claims"][0]["points"][0])
