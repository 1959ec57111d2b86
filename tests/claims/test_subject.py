"""Claims about trained models: which model and text they are measured on, what depends on them, what is refused."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from claims.auditing.decision import as_expected, looks_at
from claims.auditing.planning import plan
from claims.bands import between
from claims.claim import Claim
from claims.cli import main
from claims.errors import InvalidDeclaration, ModelError, TextError, Unavailable
from claims.evidence.store import Store
from claims.experiment import experiment
from claims.kinds import mean, value
from claims.kinds.base import CLOSE_LOOKS
from claims.models import prepared
from claims.models.divergence import divergence
from claims.models.known import KnownModel
from claims.models.subjects import subject_of
from claims.streams import Streams
from claims.subject import NOBODY, Subject
from claims.verdict import HOLDS, REFUTED, UNAVAILABLE, UNDECIDED, Tier

from .models import tiny

LLAMA = tiny.architecture("llama", context=2048)
WORDS = "hello world 12, and all that the byte-level pairs do not know. "
BASELINE = experiment(
    "claims.models.baseline:baseline", fixed={"length": 64}, needs="model", most_seeds=16, seconds=0.01, megabytes=9
)
WHY = {"provenance": "author", "because": "a random model guesses"}


def claim(**fields):
    stated = {
        "id": "tiny.baseline.loss",
        "locus": "section 1",
        "statement": "The loss of a random model is near ln V.",
        "test": mean(BASELINE["loss"]),
        "band": between(0.0, 60.0, **WHY),
        "rival": 80.0,
        "decides": "standard",
    }
    return Claim(**(stated | fields))


CLAIMS = str(Path(__file__).parent / "data" / "claims_trained.py")


@pytest.fixture
def model(tmp_path):
    return tiny.write_folder(tmp_path / "model", LLAMA, tiny.tensors(LLAMA))


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("".join(f"{WORDS}{i * i} " for i in range(140)), encoding="utf-8")  # no half like the other
    return path


@pytest.fixture
def subject(model, text):
    return subject_of(str(model), str(text))


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))

    def run(*args, code=0):
        result = CliRunner().invoke(main, ["audit", CLAIMS, "--executor", "serial", *args])
        assert result.exit_code == code, result.output
        return result.output

    return run


class TestSubject:
    def test_is_known_by_contents_and_not_by_path(self, subject, model, text, tmp_path):
        moved = model.rename(tmp_path / "elsewhere")
        again = subject_of(str(moved), str(text))
        assert again.path != subject.path
        assert again.identity("model") == subject.identity("model")
        text.write_text(WORDS * 150 + "!", encoding="utf-8")
        other = subject_of(str(moved), str(text))
        assert other.model_digest == subject.model_digest
        assert other.text_digest != subject.text_digest

    def test_other_weights_are_another_model(self, subject, model, text):
        changed = tiny.write_folder(model, LLAMA, tiny.tensors(LLAMA, seed=1))
        assert subject_of(str(changed), str(text)).model_digest != subject.model_digest

    def test_what_a_need_lacks(self, subject):
        assert subject.lacks("model") == subject.lacks("text") == subject.lacks("") == ""
        assert "models get" in NOBODY.lacks("model")
        assert "--model none" in NOBODY.lacks("text")
        assert NOBODY.lacks("") == ""

    def test_without_a_model_training_is_left(self, monkeypatch, tmp_path, text):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "empty"))
        found = subject_of(None, str(text))
        assert "models get" in found.lacks("model")
        assert found.lacks("text") == ""
        with pytest.raises(ModelError, match="models get smollm2"):
            subject_of("smollm2", str(text))
        assert subject_of("none", None).lacks("text")

    def test_short_text_and_broken_model_are_refused_before_anything_is_measured(self, model, text):
        text.write_text("hello", encoding="utf-8")
        with pytest.raises(TextError, match=r"text\.txt: \d+ tokens; allowed: 4,096"):
            subject_of(str(model), str(text))
        text.write_text(WORDS * 150, encoding="utf-8")
        (model / "tokenizer.json").unlink()
        with pytest.raises(ModelError, match=r"tokenizer\.json"):
            subject_of(str(model), str(text))
        (model / "model.safetensors").unlink()
        with pytest.raises(ModelError):
            subject_of(str(model), str(text))

    def test_require(self, subject):
        subject.require(True, "anything")
        with pytest.raises(Unavailable, match=r"replicates it; this is .*model on .*text"):
            subject.require(False, "replicates it")

    def test_knows_published_models_by_their_sizes(self, subject, monkeypatch, model, text):
        assert subject.known == ""
        sizes = {"layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "hidden": 96, "vocabulary": LLAMA.vocabulary}
        tiny_one = KnownModel(name="Tiny", family="llama", **sizes)
        monkeypatch.setattr("claims.models.known.TINY", tiny_one, raising=False)
        assert subject_of(str(model), str(text)).known == "Tiny"


class TestDeclaration:
    def test_needs_and_most_seeds_are_checked(self):
        with pytest.raises(InvalidDeclaration, match="needs: got 'gpu'"):
            experiment("made:up", needs="gpu")
        with pytest.raises(InvalidDeclaration, match="of: got 'TinyLlama'"):
            experiment("made:up", of="TinyLlama")
        for wrong in (0, -1, 1.5, "8"):
            with pytest.raises(InvalidDeclaration, match="most_seeds"):
                experiment("made:up", most_seeds=wrong)

    def test_looks_end_at_most_seeds(self):
        assert looks_at(claim(), Tier.STANDARD) == (8, 10, 12, 14, 16)
        assert looks_at(claim(), Tier.FULL) == tuple(look for look in CLOSE_LOOKS if look <= 128)
        assert looks_at(claim(), Tier.SMOKE) == ()  # too dear to be looked at before it can be decided
        assert looks_at(claim(decides="smoke"), Tier.SMOKE) == (8, 10, 12, 14, 16)
        fixed = claim(test=value(BASELINE["loss"]))
        assert looks_at(fixed, Tier.STANDARD) == (1,)

    def test_record_of_another_model(self):
        about = claim(role="transfer")
        assert as_expected(about, REFUTED, Tier.STANDARD) is False
        assert as_expected(about, REFUTED, Tier.STANDARD, on_record=False) is None
        assert as_expected(about, HOLDS, Tier.STANDARD, on_record=False) is True
        assert as_expected(about, UNDECIDED, Tier.STANDARD, on_record=False) is None
        assert as_expected(about, UNDECIDED, Tier.SMOKE, on_record=False) is True
        replication = claim(role="replication")
        assert as_expected(replication, REFUTED, Tier.STANDARD, on_record=False) is False


class TestMeasuring:
    def test_evidence_belongs_to_model_and_text(self, subject, text, model, tmp_path):
        from claims.auditing.loop import run

        with Store(tmp_path / "evidence.sqlite") as store:
            first = run(plan([claim()], tier=Tier.STANDARD, subject=subject), store)
            assert first.claims[0].verdict is HOLDS
            assert (first.measured, first.cached) == (8, 0)
            again = run(plan([claim()], tier=Tier.STANDARD, subject=subject), store)
            assert (again.measured, again.cached) == (0, 8)
            text.write_text(WORDS * 200, encoding="utf-8")
            other = run(plan([claim()], tier=Tier.STANDARD, subject=subject_of(str(model), str(text))), store)
            assert (other.measured, other.cached) == (8, 0)
        published = first.to_json()
        assert published["environment"]["model"] == f"model {subject.model_digest[:12]}"
        assert str(model.parent) not in json.dumps(published)  # where it lies here is nobody else's business

    @pytest.mark.parametrize("tier", ["smoke", "standard"])
    def test_unavailable_without_a_model_at_whatever_tier(self, audit, tier):
        large = mean(replace(BASELINE, of="Large")["loss"])
        result = audit([claim(), claim(id="tiny.replicated", role="replication", test=large)], tier=tier)
        assert {found.verdict for found in result.claims} == {UNAVAILABLE}
        assert {found.claim.decides for found in result.claims} == {Tier.STANDARD}
        reasons = [found.speaker.judgement.reason for found in result.claims]
        assert "--model smollm2" in reasons[0]
        assert reasons[1].startswith("needs Large, a GGUF file or a folder")
        assert reasons[1].endswith("claimbench audit role:replication --model PATH")
        assert result.exit_code() == 4
        assert result.exit_code(require_available=True) == 4

    def test_loss_of_a_random_model(self, subject):
        tokens = prepared.windows(subject, "evaluation", length=64)
        decoder = prepared.decoder(subject)
        with torch.no_grad():
            stream = decoder.run(decoder.embed(tokens[:1]))
            loss = float(decoder.token_losses(stream, tokens[:1]).mean())
            found = divergence(decoder, stream, stream, tokens[:1])
            moved = divergence(decoder, stream, stream + torch.randn(stream.shape), tokens[:1])
        assert found.loss == pytest.approx(loss, rel=1e-12)
        assert (found.change, found.kl) == (0.0, 0.0)
        assert moved.kl > 0.01
        assert loss > 0.5 * math.log(LLAMA.vocabulary)

    def test_divergence_is_that_of_the_model_from_the_perturbed_one(self, subject):
        """KL(model || perturbed), and the change of the loss, written out."""
        tokens, decoder = prepared.windows(subject, "evaluation", length=64)[:1], prepared.decoder(subject)
        with torch.no_grad():
            stream = decoder.run(decoder.embed(tokens))
            other = stream + torch.randn(stream.shape, generator=torch.Generator().manual_seed(1))
            found = divergence(decoder, stream, other, tokens)
            logs, moved = (torch.log_softmax(decoder.logits(each[:, :-1]).double(), -1) for each in (stream, other))
        kl, back = (float((a.exp() * (a - b)).sum(-1).mean()) for a, b in ((logs, moved), (moved, logs)))
        assert found.kl == pytest.approx(kl, rel=1e-9)
        assert abs(kl - back) > 1e-3 * kl  # the direction can be told
        change = (logs - moved).gather(-1, tokens[:, 1:, None]).mean()
        assert found.change == pytest.approx(float(change), rel=1e-9)

    def test_windows_of_the_two_halves_do_not_meet(self, subject):
        whole = prepared.text_tokens(subject)
        first, second = (prepared.windows(subject, part, length=64) for part in ("evaluation", "calibration"))
        assert torch.equal(first.flatten(), whole[: first.numel()])
        start = len(whole) // 2
        assert torch.equal(second.flatten(), whole[start : start + second.numel()])
        assert not torch.equal(first[: len(second)], second[: len(first)])
        assert first.numel() <= start < 64 + first.numel()
        drawn = {prepared.window(subject, Streams(1, "test:w", {}, seed), length=64).flatten() for seed in range(8)}
        assert all((each == first).all(1).any() and not (each == second).all(1).any() for each in drawn)
        assert len({tuple(each.tolist()) for each in drawn}) > 1
        with pytest.raises(TextError, match="a window has 1000000"):
            prepared.windows(subject, "evaluation", length=10**6)

    def test_moments_are_those_of_the_inputs_and_kept(self, subject, monkeypatch, tmp_path):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
        prepared._moments.cache_clear()
        found = prepared.moments(subject, count=2, length=64)
        assert found.keys() == {name for name in LLAMA.shapes() if name.count(".") == 2 and "norm" not in name}
        rows = []
        decoder = prepared.decoder(subject)

        def watched(name, x, weight, bias):
            if name == "layers.1.down":
                rows.append(x.flatten(0, -2).double().numpy())
            return torch.nn.functional.linear(x, weight, bias)

        tokens = prepared.windows(subject, "calibration", length=64)[:2]
        with torch.no_grad():
            for each in tokens:
                decoder.run(decoder.embed(each[None]), linear=watched)
        x = np.concatenate(rows)
        kept = found["layers.1.down"].numpy()
        np.testing.assert_allclose(kept[prepared.MEAN], x.mean(0), atol=1e-12)
        np.testing.assert_allclose(kept[prepared.ABSOLUTE], np.abs(x).mean(0), rtol=1e-12)
        np.testing.assert_allclose(kept[prepared.SQUARE], (x**2).mean(0), rtol=1e-12)
        share = (x**2 / (x**2).sum(1, keepdims=True)).mean(0)
        np.testing.assert_allclose(kept[prepared.SHARE], share, rtol=1e-12)
        amplitude = (np.abs(x) / np.sqrt((x**2).sum(1, keepdims=True))).mean(0)
        np.testing.assert_allclose(kept[prepared.AMPLITUDE], amplitude, rtol=1e-12)
        (file,) = (tmp_path / "cache" / "moments").glob("*.safetensors")
        before = file.stat().st_mtime_ns
        prepared._moments.cache_clear()
        again = prepared.moments(subject, count=2, length=64)
        assert all(torch.equal(again[name], found[name]) for name in found)
        assert file.stat().st_mtime_ns == before

    @pytest.mark.parametrize("change", ["text", "model", "part", "count", "length"])
    def test_moments_are_kept_by_all_that_they_depend_on(self, change, subject, monkeypatch, tmp_path):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
        prepared._moments.cache_clear()
        sizes = {"part": "calibration", "count": 2, "length": 64}
        first = prepared.moments(subject, **sizes)
        other = {"part": "evaluation", "count": 3, "length": 32}
        if change in other:
            second = prepared.moments(subject, **(sizes | {change: other[change]}))
        elif change == "text":
            (tmp_path / "other.txt").write_text("other words, " * 400)
            second = prepared.moments(subject_of(subject.path, str(tmp_path / "other.txt")), **sizes)
        else:
            path = tiny.write_folder(tmp_path / "other", LLAMA, tiny.tensors(LLAMA, seed=1))
            second = prepared.moments(subject_of(str(path), subject.text), **sizes)
        assert not torch.equal(first["layers.1.down"], second["layers.1.down"])

    def test_damaged_moments_are_measured_anew(self, subject, monkeypatch, tmp_path, capsys):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
        prepared._moments.cache_clear()
        found = prepared.moments(subject, count=1, length=64)
        (file,) = (tmp_path / "cache" / "moments").glob("*.safetensors")
        whole = file.read_bytes()
        flipped = bytearray(whole)
        flipped[-3] ^= 1
        unproved, other = tmp_path / "unproved.safetensors", tmp_path / "other.safetensors"
        save_file(found, unproved)
        save_file(found, other, metadata=prepared._labels(found, other))
        others = [unproved.read_bytes(), other.read_bytes()]
        for damaged in (b"", whole[:-1], bytes(flipped), *others):
            file.write_bytes(damaged)
            prepared._moments.cache_clear()
            again = prepared.moments(subject, count=1, length=64)
            assert all(torch.equal(again[name], found[name]) for name in found)
            assert "measured anew" in capsys.readouterr().err
            prepared._moments.cache_clear()
            assert set(prepared.moments(subject, count=1, length=64)) == set(found)
            assert capsys.readouterr().err == ""

    def test_moments_on_a_full_disk_leave_nothing(self, subject, monkeypatch, tmp_path):
        monkeypatch.setenv("CLAIMBENCH_CACHE", str(tmp_path / "cache"))
        prepared._moments.cache_clear()

        def full(tensors, path, metadata):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(prepared, "save_file", full)
        with pytest.raises(ModelError, match="No space left on device"):
            prepared.moments(subject, count=1, length=64)
        assert [path.suffix for path in (tmp_path / "cache" / "moments").iterdir()] == [".lock"]

    def test_gradients_after_inference_mode(self, model, text):
        made = prepared.decoder(subject_of(str(model), str(text)))
        made._layers.clear()
        made._outer.clear()
        tokens = torch.arange(8)[None]
        with torch.inference_mode():
            made.run(made.embed(tokens))
        stream = made.embed(tokens).clone().requires_grad_()
        made.token_losses(made.run(stream), tokens).sum().backward()
        assert stream.grad is not None


class TestCommand:
    def test_another_model_contradicts_no_record(self, cli, model, text):
        output = cli("--model", str(model), "--text", str(text), "--tier", "standard", "--json", "found.json")
        assert "llama" in output
        document = json.loads((text.parent / "found.json").read_text())
        rows = {row["id"]: row for row in document["claims"]}
        assert document["environment"]["text"].startswith(f"{text.name} ")
        pages = [page.read_text() for page in text.parent.glob("**/report/*.html")]
        assert pages
        assert not [page for page in [json.dumps(document), *pages] if str(text.parent) in page]
        assert rows["tiny.uniform"]["verdict"] == "HOLDS"
        assert rows["tiny.uniform"]["as_expected"] is None
        assert rows["tiny.baseline.loss"]["as_expected"] is True

    def test_none_and_below_its_tier(self, cli):
        assert "3 claims: needs a trained model" not in cli("--model", "none", code=4)
        output = cli("--model", "none", "--tier", "standard", code=4)
        assert "2 claims: needs a trained model" in output
        assert "1 claim: needs TinyLlama-1.1B-3T" in output

    def test_errors_name_what_is_wrong(self, cli, model, text, tmp_path):
        assert "no such file or folder" in cli("--model", "nowhere", "--tier", "standard", code=2)
        assert "get it with: claimbench models get smollm2" in cli("--model", "smollm2", code=2)
        assert "cannot be read" in cli("--model", str(model), "--text", str(tmp_path / "no.txt"), code=2)
        text.write_bytes(b"\0\1")
        assert "binary" in cli("--model", str(model), "--text", str(text), code=2)

    def test_dry_run_tells_model_memory_and_disk(self, cli, model, text):
        options = ("--model", str(model), "--text", str(text), "--tier", "standard", "--dry-run")
        output = cli(*options)
        assert "14 matrices" in output
        assert "disk: about" in output
        document = json.loads(cli(*options, "--json", "-"))
        assert document["disk_megabytes"] > 0
        assert str(text) in document["subject"]

    def test_selection_and_list(self):
        listed = CliRunner().invoke(main, ["list", CLAIMS, "needs:model", "--json"])
        assert {row["needs"] for row in json.loads(listed.output)} == {"model"}
        assert len(json.loads(listed.output)) == 3


def test_streams_do_not_depend_on_the_model(subject):
    """So that two models see the same random flips."""
    from claims.evidence.measure import Task, measure

    def task(on):
        return Task("toys:gaussian", "toys:gaussian", (("centre", 0.0),), (), 7, (0, 1), subject=on)

    first, second = (measure(task(on)) for on in (subject, Subject(spec="other", path="x", text="t")))
    assert [outcome.records for outcome in first] == [outcome.records for outcome in second]
