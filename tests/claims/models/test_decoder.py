"""The forward pass against numpy and against transformers; restart, hooks, losses; the same model from every file."""

import gguf
import numpy as np
import pytest
import torch

from claims.errors import ModelError
from claims.models.architecture import LINEARS
from claims.models.decoder import Decoder, plain_linear
from claims.models.opening import open_checkpoint
from claims.models.perplexity import perplexity

from . import tiny

TOKENS = np.array([7, 3, 3, 250, 100, 17, 9, 60, 61, 62, 0, 263])


@pytest.fixture(params=tiny.FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def decoder(family, tmp_path):
    model = tiny.architecture(family)
    return Decoder(open_checkpoint(tiny.write_folder(tmp_path, model, tiny.tensors(model))), dtype=torch.float64)


def through(decoder, tokens=TOKENS):
    ids = torch.from_numpy(tokens)[None]
    return decoder.run(decoder.embed(ids))


class TestForward:
    def test_logits_are_those_of_numpy(self, family, decoder):
        model = tiny.architecture(family)
        expected = tiny.reference_logits(model, tiny.tensors(model), TOKENS)
        logits = decoder.logits(through(decoder))[0].numpy()
        # A cosine of a float32 angle differs by an ulp between libraries.
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())
        wrong = tiny.reference_logits(model, tiny.tensors(model), np.roll(TOKENS, 1))
        assert np.abs(wrong - expected).max() > 0.1

    def test_float32_differs_by_its_rounding(self, family, decoder):
        narrow = Decoder(decoder.checkpoint)
        exact = decoder.logits(through(decoder))
        assert torch.allclose(narrow.logits(through(narrow)).double(), exact, atol=2e-5 * float(exact.abs().max()))

    def test_the_same_from_all_files(self, family, tmp_path):
        """One folder, a folder of shards, and GGUF, whose Llama files interleave the rows of q and k."""
        model = tiny.architecture(family)
        values = tiny.tensors(model)
        paths = (
            tiny.write_folder(tmp_path / "one", model, values),
            tiny.write_folder(tmp_path / "shards", model, values, shards=3),
            tiny.write_gguf(tmp_path / "model.gguf", model, values),
        )
        first, *others = (through(Decoder(open_checkpoint(path))) for path in paths)
        for other in others:
            assert torch.equal(other, first)

    def test_later_tokens_do_not_matter(self, decoder):
        changed = np.append(TOKENS[:-1], 5)
        assert torch.equal(through(decoder, changed)[:, :-1], through(decoder)[:, :-1])

    def test_windows_do_not_mix(self, decoder):
        other = np.flip(TOKENS).copy()
        both = torch.from_numpy(np.stack([TOKENS, other]))
        together = decoder.run(decoder.embed(both))
        assert torch.allclose(together[0], through(decoder)[0], atol=1e-12)
        assert torch.allclose(together[1], through(decoder, other)[0], atol=1e-12)

    def test_restart_gives_the_bits_of_running_through(self, decoder):
        ids = torch.from_numpy(TOKENS)[None]
        halfway = decoder.run(decoder.embed(ids), stop=1)
        assert torch.equal(decoder.run(halfway, start=1), through(decoder))
        assert torch.equal(decoder.run(halfway, start=1, stop=1), halfway)

    def test_hooks_see_every_linear_map_in_order_and_may_replace_it(self, decoder):
        seen = []

        def linear(name, x, weight, bias):
            seen.append((name, x.shape[-1] == weight.shape[1]))
            return plain_linear(name, x, weight, bias) * (name != "layers.1.down")

        ids = torch.from_numpy(TOKENS)[None]
        stream = decoder.run(decoder.embed(ids), linear=linear)
        assert seen == [(f"layers.{i}.{part}", True) for i in range(2) for part in LINEARS]
        assert not torch.allclose(stream, through(decoder))

    def test_layers_are_kept_or_read_anew(self, decoder):
        passing = Decoder(decoder.checkpoint, dtype=torch.float64, keep=False)
        assert torch.equal(through(passing), through(decoder))
        assert decoder.layer(0) is decoder.layer(0)
        assert passing.layer(0) is not passing.layer(0)

    def test_losses_are_those_of_the_logits(self, decoder):
        ids = torch.from_numpy(np.stack([np.resize(TOKENS, 40)] * 5))
        stream = decoder.run(decoder.embed(ids))
        logits = decoder.logits(stream)[0].numpy()
        expected = [
            np.log(np.exp(row).sum()) - row[token] for row, token in zip(logits, ids[0, 1:].numpy(), strict=False)
        ]
        losses = decoder.token_losses(stream, ids)  # in parts of 25 positions
        assert losses.dtype == torch.float64
        np.testing.assert_allclose(losses.numpy(), [expected] * 5, rtol=1e-10)
        reported = []
        found = perplexity(decoder, ids, done=reported.append)
        assert found.loss == pytest.approx(np.mean(expected), rel=1e-12)
        assert found.value == pytest.approx(np.exp(np.mean(expected)), rel=1e-12)
        assert (found.predictions, reported) == (5 * 39, [1, 2, 3, 4, 5])

    def test_windows_and_tokens_that_do_not_fit(self, decoder):
        with pytest.raises(ModelError, match="windows of 65 tokens; allowed: up to 64"):
            decoder.embed(torch.zeros(1, 65, dtype=torch.int64))
        for token in (-1, 10_000):
            with pytest.raises(ModelError, match="allowed: 0 to 263"):
                decoder.embed(torch.tensor([[token]]))


class TestDequantization:
    def test_q8_0_and_q4_1_by_their_definition(self, tmp_path):
        model = tiny.architecture("qwen2")
        values = tiny.tensors(model)
        for kind in (gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.Q4_1):
            path = tiny.write_gguf(tmp_path / f"{kind.name}.gguf", model, values, kind=kind)
            stored = {t.name: np.array(t.data) for t in gguf.GGUFReader(path).tensors}["blk.1.ffn_down.weight"]
            blocks = stored.reshape(-1, 34 if kind.name == "Q8_0" else 20)
            scale = blocks[:, :2].copy().view(np.float16).astype(np.float32)
            if kind.name == "Q8_0":
                expected = scale * blocks[:, 2:].view(np.int8)
            else:
                offset = blocks[:, 2:4].copy().view(np.float16).astype(np.float32)
                expected = scale * np.hstack([blocks[:, 4:] & 15, blocks[:, 4:] >> 4]) + offset
            read = open_checkpoint(path).tensor("layers.1.down").numpy()
            assert np.array_equal(read, expected.reshape(read.shape))
            assert 0 < np.abs(read - values["layers.1.down"]).max() < 0.2


@pytest.mark.slow
class TestTransformers:
    """An implementation that shares nothing with ours, if it is installed."""

    @pytest.fixture(autouse=True)
    def _load(self):
        self.transformers = pytest.importorskip("transformers", reason="pip install 'claimbench[proof]'")

    @pytest.mark.parametrize("tied", [True, False])
    def test_same_logits_for_each_family(self, family, tied, tmp_path):
        model = tiny.architecture(family, tied=tied)
        folder = tiny.write_folder(tmp_path, model, tiny.tensors(model))
        theirs = self.transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        ours = Decoder(open_checkpoint(folder))
        with torch.inference_mode():
            expected = theirs(torch.from_numpy(TOKENS)[None]).logits
        found = ours.logits(through(ours))
        assert torch.allclose(found, expected, atol=1e-5 * float(expected.abs().max()))

    def test_same_logits_and_losses_of_a_published_model(self):
        """SmolLM2, dequantized by both; its GGUF route needs accelerate."""
        pytest.importorskip("accelerate", reason="pip install 'claimbench[proof]'")
        from claims.models.fetch import find
        from claims.models.published import PUBLISHED
        from claims.models.text import TOPICS, read_text, windows

        path = find(PUBLISHED["smollm2"])
        if path is None:
            pytest.skip("needs `claimbench models get smollm2`")
        load = self.transformers.AutoModelForCausalLM.from_pretrained
        theirs = load(path.parent, gguf_file=path.name, dtype=torch.float32).eval()
        checkpoint = open_checkpoint(path)
        ours = Decoder(checkpoint)
        tokens = windows(read_text(TOPICS), checkpoint.tokenizer(), count=1, length=256, source=TOPICS)
        with torch.inference_mode():
            output = theirs(tokens, labels=tokens)
            stream = ours.run(ours.embed(tokens))
            found, losses = ours.logits(stream), ours.token_losses(stream, tokens)
        assert float((found - output.logits).abs().max()) < 1e-5 * float(output.logits.abs().max())
        assert float(losses.mean()) == pytest.approx(float(output.loss), abs=1e-5)
