"""Training runs: the network and its products against independent ones, and checkpoints against what kills runs."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from claims.errors import MeasurementError, TextError
from claims.evidence.measure import one_thread
from claims.kernels import AverisRecipe
from claims.models.architecture import Architecture
from claims.models.checkpoint import Checkpoint
from claims.models.decoder import Decoder
from claims.papers.mean_bias.sections.training_natural import LOSSES
from claims.papers.mean_bias.sections.training_planted import PLANTED
from claims.papers.mean_bias.shared import RUN_MEANS as MEANS
from claims.papers.mean_bias.training import arms as arithmetics
from claims.papers.mean_bias.training import loop, runs
from claims.papers.mean_bias.training.arms import ARMS, Arm, Planted, product_of
from claims.papers.mean_bias.training.checkpoints import checkpoints
from claims.papers.mean_bias.training.data import corpus, draws
from claims.papers.mean_bias.training.means import Means, mean_share, share_of_extremes
from claims.papers.mean_bias.training.network import Sizes, initial, named, residual_stream, token_losses
from claims.papers.mean_bias.training.runs import losses, means, planted_means, task_of
from claims.streams import Streams
from claims.subject import Subject

SIZES = Sizes(vocabulary=280, width=16, layers=2, heads=2, hidden=48)
STREAMS = Streams(5, "test:losses", {}, 3)
ALL = (*ARMS, "plain / nothing planted")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(loop, "EVERY", 2)
    with one_thread():
        yield tmp_path / "cache"


def subject(folder: Path, words: int = 600) -> Subject:
    draw = random.Random(1)
    path = folder / "text.txt"
    path.write_text(" ".join(draw.choice(["mean", "bias", "of", "the", "token", "and", "block"]) for _ in range(words)))
    return Subject(text=str(path), text_digest="0" * 64)


def point(folder: Path, arms: tuple[str, ...] = ("fp32", "plain", "printed"), **changes: Any) -> dict[str, Any]:
    sizes = {name: getattr(SIZES, name) for name in ("vocabulary", "width", "layers", "heads", "hidden")}
    run = {"windows": 4, "length": 8, "validation": 4, "rate": 0.01, "embedding": 1.0, "strength": 2.0, "step": (2, 6)}
    return sizes | run | {"arm": arms, "subject": subject(folder)} | changes


def weights_of(dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    flat = initial(SIZES, STREAMS.torch("weights"))
    flat += 0.1 * torch.randn(len(flat), generator=STREAMS.torch("shift"))  # away from where all gains are one
    return {name: part.detach().requires_grad_() for name, part in named(flat.to(dtype), SIZES).items()}


def test_arms_are_what_their_names_say() -> None:
    """Of every arm what takes the mean and in which arithmetic, the terms of dW, modes, and what else is done."""
    said = {
        name: (
            (arm.recipe.split_activation and arm.recipe.mean, arm.recipe.subtract, arm.recipe.weight_gradient_terms),
            (arm.rank, arm.rank and arm.factors, arm.recipe.hadamard, arm.exact_weight),
        )
        for name, arm in ARMS.items()
        if arm.recipe is not None
    }
    nothing = (0, 0, False, False)
    assert said == {
        "plain": ((False, "mean", 4), nothing),
        "printed": (("fp4", "mean", 4), nothing),
        "float32/4": (("float32", "mean", 4), nothing),
        "float32/2": (("float32", "mean", 2), nothing),
        "kept/4": (("fp4", "kept mean", 4), nothing),
        "hadamard": ((False, "mean", 4), (0, 0, True, False)),
        "svd/fp4": ((False, "mean", 4), (2, "fp4", False, False)),
        "svd/float32": ((False, "mean", 4), (2, "float32", False, False)),
        "float32/2, exact weight": (("float32", "mean", 2), (0, 0, False, True)),
    }
    assert [name for name, arm in ARMS.items() if arm.recipe is None] == ["fp32"]
    assert {arm.recipe.stochastic for arm in ARMS.values() if arm.recipe} == {frozenset({"gradient"})}


def tokens_of(count: int = 4) -> torch.Tensor:
    return torch.randint(SIZES.vocabulary, (count, 9), generator=STREAMS.torch("tokens"))


def gradients(
    arm: Arm, planted: Planted, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    weights = weights_of(dtype)
    loss = token_losses(weights, tokens_of(), SIZES, product_of(arm, len, planted)).mean()
    return loss.detach(), torch.autograd.grad(loss, list(weights.values()))


def test_the_network_is_a_llama() -> None:
    weights = {name: value.detach() for name, value in weights_of().items()}

    def tensor(name: str) -> torch.Tensor:
        _, _, rest = name.partition("layers.")
        index, _, part = rest.partition(".")
        if part in ("q", "k", "v"):
            return weights[f"{index}.qkv"].chunk(3)["qkv".index(part)]
        if part in ("gate", "up"):
            return weights[f"{index}.gate_up"].chunk(2)[("gate", "up").index(part)]
        return weights[rest or name]

    sizes = {name: getattr(SIZES, name) for name in ("layers", "width", "heads", "hidden", "vocabulary")}
    llama = Architecture(
        family="llama", kv_heads=2, head_size=8, context=64, epsilon=1e-6, rope_base=1e4, tied=False, **sizes
    )
    reference = Decoder(
        Checkpoint(path=Path("none"), architecture=llama, tensor=tensor, tokenizer=lambda: None), dtype=torch.float64
    )
    tokens = tokens_of()
    expected = reference.token_losses(reference.run(reference.embed(tokens)), tokens)
    found = token_losses(weights, tokens, SIZES, product_of(ARMS["fp32"], lambda name: 0))
    # The reference rotates by angles in float32.
    torch.testing.assert_close(found.view(expected.shape), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("terms", [2, 4])
@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("exact_weight", [False, True])
def test_a_planted_mean_changes_nothing_without_quantization(terms: int, split: bool, exact_weight: bool) -> None:
    recipe = AverisRecipe(
        format=None, split_activation=split, split_gradient=split, mean="float32", weight_gradient_terms=terms
    )
    planted = planted_means(SIZES, 2.0, STREAMS, dtype=torch.float64)
    loss, found = gradients(Arm(recipe=recipe, exact_weight=exact_weight), planted)
    expected_loss, expected = gradients(ARMS["fp32"], Planted())
    torch.testing.assert_close(loss, expected_loss, rtol=1e-12, atol=0)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_gradients_of_every_arm_are_near_those_in_float64_and_of_no_two_arms_the_same() -> None:
    planted = planted_means(SIZES, 2.0, STREAMS)
    _, expected = gradients(ARMS["fp32"], Planted())
    truth, seen = torch.cat([part.flatten() for part in expected]), []
    for name, arm in ARMS.items():
        _, found = gradients(arm, planted, torch.float32)
        flat = torch.cat([part.flatten() for part in found])
        cosine = torch.cosine_similarity(flat.double(), truth, dim=0)
        assert cosine > (1 - 1e-9 if name == "fp32" else 0.5), name
        assert name == "fp32" or cosine < 1 - 1e-6, f"{name} quantizes nothing"
        assert not any(torch.equal(flat, other) for other in seen), name
        again = gradients(arm, planted, torch.float32)[1]
        assert torch.equal(flat, torch.cat([part.flatten() for part in again])), f"{name} is not the same twice"
        seen.append(flat)


def test_gradients_alone_are_rounded_stochastically() -> None:
    """By another key losses are the same to the bit, and gradients of every arm that quantizes are not."""
    planted = planted_means(SIZES, 2.0, STREAMS)
    for name, arm in ARMS.items():
        found = []
        for shift in (0, 1):
            weights = weights_of(torch.float32)
            loss = token_losses(
                weights, tokens_of(), SIZES, product_of(arm, lambda part, k=shift: len(part) + k, planted)
            )
            flat = [each.flatten() for each in torch.autograd.grad(loss.mean(), list(weights.values()))]
            found.append((loss.detach(), torch.cat(flat)))
        (loss, one), (same, other) = found
        assert torch.equal(loss, same), name
        assert torch.equal(one, other) == (name == "fp32"), name


def test_every_product_of_every_step_is_rounded_with_words_of_its_own_and_arms_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[int]] = {}
    original = arithmetics._Linear.apply

    def watched(x: torch.Tensor, weight: torch.Tensor, call: Any) -> Any:
        arm = next(name for name, arm in ARMS.items() if arm is call.arm)
        seen.setdefault(arm, []).append(call.key)
        return original(x, weight, call)

    monkeypatch.setattr(arithmetics._Linear, "apply", watched)
    at = point(tmp_path, ("plain", "printed"), step=(2, 3))
    losses(at, STREAMS)
    task, expected = task_of(at, STREAMS), []
    for step in (1, 2, 0, 3, 0):  # evaluations, after steps 2 and 3, are in the arithmetic of step 0
        expected += [task.key(step)(name) for name in SIZES.products()]
    assert seen == {"plain": expected, "printed": expected}
    assert len(set(expected)) == 4 * len(SIZES.products())


def test_an_update_is_that_of_torch_s_adamw_and_gains_do_not_decay() -> None:
    decayed = loop._decayed(SIZES)
    flat = initial(SIZES, STREAMS.torch("weights"))
    state = {"weights": flat.clone(), "first": torch.zeros_like(flat), "second": torch.zeros_like(flat)}
    state["step"] = torch.zeros((), dtype=torch.int64)
    parts = {name: part.clone().requires_grad_() for name, part in named(flat, SIZES).items()}
    groups = [
        {"params": [part for part in parts.values() if part.dim() > 1], "weight_decay": 0.1},
        {"params": [part for part in parts.values() if part.dim() == 1], "weight_decay": 0.0},
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95), eps=1e-8)
    generator = STREAMS.torch("gradients")
    for _ in range(4):
        gradient = torch.randn(len(flat), generator=generator)
        for part, its in zip(parts.values(), named(gradient, SIZES).values(), strict=True):
            part.grad = its.clone()
        reference.step()
        state["step"] += 1
        loop._update(state, gradient, 0.01, decayed)
    found = named(state["weights"], SIZES)
    for name, part in parts.items():
        torch.testing.assert_close(found[name], part.detach(), rtol=1e-5, atol=1e-7, msg=name)


def test_the_learning_rate_rises_for_a_tenth_and_then_falls_along_a_cosine() -> None:
    rates = [loop.learning_rate(step, 100, 2.0) for step in (1, 5, 10, 55, 100)]
    assert rates == pytest.approx([0.2, 1.0, 2.0, 1.0, 0.0])


def test_a_run_that_ends_early_has_the_losses_of_the_whole_one(tmp_path: Path) -> None:
    whole = losses(point(tmp_path, step=(2, 6)), STREAMS)
    early = losses(point(tmp_path, step=(2,), planned=6), STREAMS)
    assert early == [record for record in whole if record["step"] == 2]
    assert early != losses(point(tmp_path, step=(2,)), STREAMS)


def test_runs_train_on_one_part_of_the_text_and_validate_on_the_other(tmp_path: Path) -> None:
    """Batches are windows of the former, a new one each step; losses are of the first windows of the latter, all of
    them, though no more go through together than in training."""
    at = point(tmp_path, validation=6)
    task, found = task_of(at, STREAMS), corpus(at["subject"], SIZES.vocabulary)
    assert torch.equal(task.tokens, found.training)
    assert torch.equal(task.validation, found.validation[: 6 * 9].view(6, 9))
    assert task.starts.shape == (6, 4)
    own = STREAMS.torch("batches")  # of their own, so that no other draw of a run decides which text is read
    assert torch.equal(task.starts, draws(found.training, (6, 4), 9, own, source=at["subject"].text))
    assert int(task.starts.max()) <= len(found.training) - 9
    seen, original = [], loop.windows_at

    def watched(tokens: torch.Tensor, starts: torch.Tensor, length: int) -> torch.Tensor:
        assert tokens is task.tokens
        seen.append(starts)
        return original(tokens, starts, length)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "windows_at", watched)
        exact = product_of(ARMS["fp32"], task.key(0))
        plain = ARMS["plain"]
        curve, state = loop.train(task, "plain", product=lambda step: product_of(plain, task.key(step)), exact=exact)
    assert torch.equal(torch.stack(seen), task.starts)
    weights = named(state["weights"], SIZES)
    for losses_at, product in ((curve.own, product_of(plain, task.key(0))), (curve.exact, exact)):
        with torch.no_grad():
            parts = [token_losses(weights, part, SIZES, product).double() for part in task.validation.split([4, 2])]
            expected = float(torch.cat(parts).mean())
        assert losses_at[-1] == pytest.approx(expected, rel=1e-6)


def test_a_run_s_exact_loss_is_in_exact_arithmetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    original = runs.train
    monkeypatch.setattr(runs, "train", lambda *a, **k: given.append(k["exact"]) or original(*a, **k))
    losses(point(tmp_path, ("fp32", "plain")), STREAMS)
    assert given[0] is None
    x, weight = torch.randn(5, 16), torch.randn(7, 16)
    assert torch.equal(given[1]("0.o", x, weight), x @ weight.T)


@pytest.mark.parametrize("change", ["seed", "epoch", "experiment", "point", "text"])
def test_a_run_is_known_by_all_that_determines_it(change: str, tmp_path: Path) -> None:
    at, other = point(tmp_path), STREAMS
    before = runs.identity(at, STREAMS)
    if change == "point":
        at = at | {"rate": 0.02}
    elif change == "text":
        at = at | {"subject": Subject(text=at["subject"].text, text_digest="1" * 64)}
    else:
        other = Streams(*{"seed": (5, "test:losses", {}, 4), "epoch": (6, "test:losses", {}, 3)}.get(
            change, (5, "test:others", {}, 3)))  # fmt: skip
    assert runs.identity(at, other) != before
    assert runs.identity(point(tmp_path), STREAMS) == before


def test_first_weights() -> None:
    """Variance 1 / fan-in, what is added to the stream smaller by sqrt(2 layers), gains one, the embedding as asked."""
    wide = Sizes(vocabulary=300, width=64, layers=3, heads=2, hidden=160)
    found = named(initial(wide, STREAMS.torch("weights"), embedding=0.02), wide)
    for name, part in found.items():
        if part.dim() == 1:
            assert bool((part == 1).all()), name
            continue
        deviation = 0.02 if name == "embedding" else part.shape[1] ** -0.5
        deviation /= 6**0.5 if name.endswith((".o", ".down")) else 1
        assert float(part.std()) == pytest.approx(deviation, rel=0.05), name


def test_a_planted_mean_has_its_share_whatever_the_operand() -> None:
    planted = planted_means(SIZES, 2.0, STREAMS)
    x = 1e-3 * torch.randn(4096, 16, generator=STREAMS.torch("x"))
    shift = planted.of("0.qkv", x)
    assert shift is not None
    assert mean_share(x + shift) == pytest.approx(0.8, abs=0.01)


def test_runs_are_reproducible_paired_and_complete(tmp_path: Path, cache: Path) -> None:
    records = losses(point(tmp_path, ALL), STREAMS)
    found = {(record["arm"], record["step"]): record for record in records}
    assert set(found) == {(arm, step) for arm in ALL for step in (2, 6)}
    assert found["fp32", 6]["loss"] == found["fp32", 6]["exact"] < found["fp32", 2]["loss"]
    assert len({record["loss"] for record in records}) == len(records)
    alone = losses(point(tmp_path, ("printed",)), STREAMS)
    assert [record["loss"] for record in alone] == [found["printed", step]["loss"] for step in (2, 6)]
    assert list((cache / "training").iterdir()) == []


_KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
import test_training as test
from claims.papers.mean_bias.training import checkpoints
replace, saves = os.replace, []
def replaced(source, target):
    saves.append(target)
    if len(saves) == 5:  # the second arm has begun; its checkpoint is written, but not in its place
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
checkpoints.os.replace = replaced
test.loop.EVERY = 2
test.losses(test.point(Path(sys.argv[1])), test.STREAMS)
"""


def test_a_killed_run_goes_on_and_gives_the_same_bits(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = losses(point(tmp_path), STREAMS)
    command = [sys.executable, "-c", _KILLED, str(tmp_path), str(Path(__file__).parent)]
    killed = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    (left,) = [path for path in (cache / "training").iterdir() if path.is_dir()]
    assert {path.name for path in left.iterdir()} == {"fp32.safetensors", "plain.safetensors", "plain.partial"}
    steps, update = [], loop._update

    def counted(state: dict[str, torch.Tensor], *arguments: Any) -> None:
        steps.append(int(state["step"]))
        update(state, *arguments)

    monkeypatch.setattr(loop, "_update", counted)
    assert losses(point(tmp_path), STREAMS) == whole
    assert steps == [3, 4, 5, 6, 1, 2, 3, 4, 5, 6]  # fp32 was whole, plain had two steps
    assert list((cache / "training").iterdir()) == []


@pytest.mark.parametrize("damage", ["byte", "cut", "foreign", "pickle"])
def test_a_damaged_or_foreign_checkpoint_is_not_used(
    damage: str, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"weights": torch.arange(4.0), "step": torch.tensor(3)}
    with checkpoints("run") as kept:
        kept.save("plain", state)
        path = kept.folder / "plain.safetensors"
        whole = path.read_bytes()
        loaded = kept.load("plain")
        assert loaded is not None
        assert all(torch.equal(loaded[name], value) for name, value in state.items())
        if damage == "byte":
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        elif damage == "cut":
            path.write_bytes(whole[:-3])
        elif damage == "foreign":
            path.write_bytes(whole.replace(b'"run":"run"', b'"run":"nur"'))
        else:
            torch.save(state, path)
        assert kept.load("plain") is None
        said = capsys.readouterr().err
        assert str(path) in said
        assert ("another run" if damage == "foreign" else "damaged") in said
        kept.save("plain", state)
        assert kept.load("plain") is not None


def test_a_full_disk_leaves_what_was_there_before(cache: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with pytest.raises(MeasurementError, match=r"checkpoint of 0.4 MiB cannot be written .*CLAIMBENCH_CACHE"):  # noqa: PT012, SIM117
        with checkpoints("run") as kept:
            kept.save("plain", {"step": torch.tensor(1)})
            try:
                resource.setrlimit(resource.RLIMIT_FSIZE, (2**14, hard))
                kept.save("plain", {"weights": torch.zeros(10**5)})
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with checkpoints("run") as kept:
        assert [path.name for path in kept.folder.iterdir()] == ["plain.safetensors"]
        assert kept.load("plain") == {"step": torch.tensor(1)}
    assert list((cache / "training").iterdir()) == []


def test_a_cache_that_cannot_be_written_to_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "file"))
    with pytest.raises(MeasurementError, match="no checkpoints can be kept there"), checkpoints("run"):
        pass


def test_what_a_killed_run_has_left_is_removed_after_a_week(cache: Path) -> None:
    with pytest.raises(KeyboardInterrupt), checkpoints("killed") as kept:  # noqa: PT012
        kept.save("plain", {"step": torch.tensor(1)})
        raise KeyboardInterrupt
    left = cache / "training" / "killed"
    with checkpoints("run"):
        assert left.exists()
    days = left.stat().st_mtime - 8 * 24 * 3600
    os.utime(left, (days, days))
    with checkpoints("run"):
        assert not left.exists()


def test_claims_are_about_arms_and_operands_that_there_are(tmp_path: Path) -> None:
    for experiment in (LOSSES, PLANTED):
        named_arms = {arm.partition(" / ")[0] for arm in dict(experiment.sweep)["arm"]}
        assert named_arms <= set(ARMS)
    chosen = dict(MEANS.sweep)["operand"]
    records = means(point(tmp_path) | {"operand": chosen}, STREAMS)
    assert {record["operand"] for record in records} == set(chosen)


def test_one_process_has_a_run_at_a_time(cache: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with checkpoints("run") as kept:
            order.append(f"second finds {len(list(kept.folder.iterdir()))}")

    with checkpoints("run") as kept:
        kept.save("plain", {"step": torch.tensor(1)})
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        order.append("first ends")
    thread.join()
    assert order == ["first ends", "second finds 0"]
    assert list((cache / "training").iterdir()) == []


def test_texts_that_are_too_short_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TextError, match=r"too short to train on, it gives \d+ tokens of byte pairs; 4000 are asked"):
        corpus(subject(tmp_path), 4000)
    with pytest.raises(TextError, match=r"to validate on, which is .* windows of 9; 900 are asked for"):
        losses(point(tmp_path, validation=900), STREAMS)
    with pytest.raises(TextError, match="tokens to train on; a window has 9001"):
        losses(point(tmp_path, length=9000), STREAMS)
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(TextError, match="empty"):
        corpus(Subject(text=str(tmp_path / "empty.txt")), 280)


def test_text_kept_back_makes_no_tokens_and_is_not_trained_on(tmp_path: Path) -> None:
    path = tmp_path / "halves.txt"
    draw = random.Random(2)  # no pair of the first part is as frequent as those of the second
    first = [f"{draw.choice('abcdefghijklmnop')}{draw.choice('qrstuvw')} " for _ in range(900)]
    path.write_text("".join(first) + "xyz " * 75)
    found = corpus(Subject(text=str(path)), 258)
    assert set(found.validation.tolist()) & set(found.training.tolist()) <= {220}  # a space
    assert len(found.validation) == 75 * 4  # bytes: no pair of the part kept back was merged


def test_shares_of_means() -> None:
    x = torch.tensor([[3.0, 1.0], [3.0, -1.0]])
    assert mean_share(x) == pytest.approx(18 / 20)
    assert share_of_extremes(x) == pytest.approx(1.0)
    assert share_of_extremes(torch.tensor([[4.0], [-2.0]])) == pytest.approx(0.25)


def test_the_mean_s_part_of_the_second_moment(tmp_path: Path) -> None:
    """Of one step: what is left of each weight's gradient is that of centred activations."""
    task = task_of(point(tmp_path), STREAMS)
    watching, weights, kept = Means(SIZES, task.validation[:, :-1]), weights_of(torch.float32), {}

    def product(name: str, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        y = watching.product(name, x, weight)
        kept[name] = x.detach(), y
        return y

    loss = token_losses(weights, tokens_of(), SIZES, product).mean()
    outputs = [y for _, y in kept.values()]
    found = torch.autograd.grad(loss, [*weights.values(), *outputs])
    state: dict[str, torch.Tensor] = {}
    watching.watch(1, dict(zip(weights, found[: len(weights)], strict=True)), state)
    for (whole, left), (x, _), d in zip(state["moments"].tolist(), kept.values(), found[len(weights) :], strict=True):
        assert whole == pytest.approx(0.05 * float((d.T @ x).square().sum()), rel=1e-4)
        assert left == pytest.approx(0.05 * float((d.T @ (x - x.mean(0))).square().sum()), rel=1e-3)


def test_means_over_a_run(tmp_path: Path) -> None:
    operands = ("embedding", "qkv/first", "o/last", "down/first")
    records = means(point(tmp_path) | {"operand": operands}, STREAMS)
    assert {(record["operand"], record["step"]) for record in records} == {(o, s) for o in operands for s in (2, 6)}
    assert all(record["centred"] < 1e-9 < record["share"] < 1 for record in records if record["operand"] == "embedding")
    assert all(0 < record["moment"] < 1 for record in records if record["operand"] != "embedding")
    plain = losses(point(tmp_path, ("fp32",)), STREAMS)
    assert [record["loss"] for record in records[:2]] == [record["loss"] for record in plain]  # watching moves nothing


def test_layers_of_a_run_are_told_apart(tmp_path: Path) -> None:
    operands = ("qkv/first", "qkv/last", "down/first", "down/last")
    records = means(point(tmp_path) | {"operand": operands}, STREAMS)
    shares = {tuple(each["share"] for each in records if each["operand"] == operand) for operand in operands}
    assert len(shares) == len(operands)


def test_centring_the_embedded_tokens_is_what_it_says() -> None:
    weights = {name: value.detach() for name, value in weights_of().items()}
    seen = {}

    def product(name: str, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        seen[name] = x
        return x @ weight.T

    tokens = tokens_of()
    residual_stream(weights, tokens, SIZES, product, centred=True)
    embedded = weights["embedding"][tokens.flatten()]
    embedded = embedded - embedded.mean(0)
    expected = embedded * torch.rsqrt(embedded.square().mean(1, keepdim=True) + 1e-6) * weights["0.attention_norm"]
    torch.testing.assert_close(seen["0.qkv"], expected)
