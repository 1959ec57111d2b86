"""GGUF files against their specification: lengths against the bytes that follow; keys used, harmless or refused."""

import struct

import gguf
import numpy as np
import pytest
import torch

from claims.errors import ModelError
from claims.models import gguf_keys
from claims.models.decoder import Decoder
from claims.models.opening import open_checkpoint

from . import tiny
from .test_decoder import TOKENS, through

LLAMA = tiny.architecture("llama")
VALUES = tiny.tensors(LLAMA)
U32, F32, BOOL, STRING, ARRAY, U64 = 4, 6, 7, 8, 9, 10


@pytest.fixture
def write(tmp_path):
    """Write a model with keys changed; its path."""

    def written(keys=None, **more):
        return tiny.write_gguf(tmp_path / "model.gguf", LLAMA, VALUES, keys=keys, **more)

    return written


def refusal(path):
    with pytest.raises(ModelError) as caught:
        open_checkpoint(path).tokenizer()
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "allowed: " in message
    assert message.isprintable()
    return message


def text(word):
    return struct.pack("<Q", len(word)) + word


def header(*keys, version=3, tensors=0, count=None):
    """A file of these keys alone: (name, type code, bytes of the value)."""
    body = b"".join(text(name) + struct.pack("<I", kind) + value for name, kind, value in keys)
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(keys) if count is None else count) + body


class TestHeader:
    """No length is believed; a few bytes never become more than a few."""

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (header((b"a", ARRAY, struct.pack("<IQ", U32, 2**63))), "the value of a has"),
            (header((b"a", ARRAY, struct.pack("<IQ", STRING, 2**61))), "the value of a has"),
            (header((b"a", ARRAY, struct.pack("<IQ", STRING, 2**64 - 1))), "the value of a has"),
            (header((b"a", ARRAY, struct.pack("<IQ", ARRAY, 1))), "an array of type 9"),
            (header((b"a", STRING, struct.pack("<Q", 2**63))), "up to the 0 that follow"),
            (header(count=2**63), "the length of the name of key 0"),
            (header(tensors=2**63), "the length of the name of tensor 0"),
            (header((b"a" * 70_000, BOOL, b"\1")), "70000 bytes; allowed: up to 65535"),
            (header((b"a", BOOL, b"\2")), "the value of a is 2; allowed: 0 or 1"),
            (header((b"a", 13, b"\0" * 8)), "type 13"),
            (header((b"a", STRING, text(b"\xff"))), "not UTF-8"),
            (header((b"\xff", BOOL, b"\1")), "not UTF-8"),
            (header((b"a\x1b[31m", BOOL, b"\2")), r"'a\x1b[31m'"),
            (header((b"a", BOOL, b"\1"), (b"a", BOOL, b"\1")), "a twice"),
            (header(version=1), "version 1"),
            (header(version=4), "version 4"),
            (header(version=0x0300_0000), "version 3, big-endian; allowed: version 2 or 3, little-endian"),
            (header((b"general.alignment", U32, struct.pack("<I", 24))), "24; allowed: a power of two"),
            (header((b"general.alignment", STRING, text(b"32"))), "'32'; allowed: a power of two"),
            (header(), "no general.architecture; allowed: llama, qwen2, qwen3"),
        ],
    )
    def test_refused(self, tmp_path, content, words):
        path = tmp_path / "model.gguf"
        path.write_bytes(content)
        assert words in refusal(path)

    def test_every_prefix_of_a_file_is_refused(self, write, tmp_path):
        whole = write().read_bytes()
        cut = tmp_path / "cut.gguf"
        start = gguf.GGUFReader(tmp_path / "model.gguf").data_offset
        for length in [*range(1, 600), *range(600, start, 97), start, len(whole) - 33]:
            cut.write_bytes(whole[:length])
            refusal(cut)

    def test_a_big_endian_file(self, tmp_path):
        path = tmp_path / "big.gguf"
        writer = gguf.GGUFWriter(path, "llama", endianess=gguf.GGUFEndian.BIG)
        writer.add_block_count(2)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()
        assert "big-endian" in refusal(path)

    def test_tensors(self, write):
        path = write()
        whole = path.read_bytes()
        name = text(b"blk.0.attn_norm.weight")
        place = whole.index(name) + len(name)  # dimensions: u32, u64; type: u32; offset: u64

        def changed(offset, kind, value):
            content = bytearray(whole)
            struct.pack_into(kind, content, place + offset, value)
            path.write_bytes(content)
            return refusal(path)

        assert "has 5 dimensions; allowed: 1 to 4" in changed(0, "<I", 5)
        assert "allowed: what the file's" in changed(4, "<Q", 2**60)
        assert "number 99; allowed: F32" in changed(12, "<I", 99)
        assert "is IQ1_S; allowed: F32" in changed(12, "<I", 19)
        assert "has a dimension of 0; allowed: 1 or more" in changed(4, "<Q", 0)
        assert "behind the one before it" in changed(16, "<Q", 64)
        assert "rows of 16 values; allowed: multiples of 32" in _with(path, whole, place, ("<Q", 4, 16), ("<I", 12, 8))

    def test_no_file(self, tmp_path):
        (tmp_path / "empty.gguf").touch()
        with pytest.raises(ModelError, match="it is empty"):
            open_checkpoint(tmp_path / "empty.gguf")


def _with(path, whole, place, *changes):
    content = bytearray(whole)
    for kind, offset, value in changes:
        struct.pack_into(kind, content, place + offset, value)
    path.write_bytes(content)
    return refusal(path)


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            ("rope.scaling.type", "yarn", "'yarn'; allowed: none, linear"),
            ("rope.scaling.type", "longrope", "allowed: none, linear"),
            ("rope.scaling.attn_factor", 1.5, "allowed: 1.0"),
            ("rope.dimension_count", 4, "4; allowed: 8, the channels of a head"),
            ("attention.value_length", 16, "16; allowed: 8"),
            ("attention.sliding_window", 128, "128; allowed: 0"),
            ("attention.scale", 0.5, "0.5; allowed: 0.0"),
            ("attention.causal", False, "False; allowed: true"),
            ("attention.causal", 1, "1; allowed: true"),
            ("attention.clamp_kqv", 8.0, "8.0"),
            ("logit_scale", 0.5, "0.5; allowed: 0.0, 1.0"),
            ("embedding_scale", 12.0, "12.0"),
            ("residual_scale", 0.2, "0.2"),
            ("final_logit_softcapping", 30.0, "30.0"),
            ("expert_count", 8, "8; allowed: 0"),
            ("pooling_type", 1, "1; allowed: 0"),
            ("vocab_size", 265, "265; allowed: 264, the rows of token_embd.weight"),
            ("some.new_key", 1, "no such key"),
            ("block_count", 2**31 - 1, "2147483647 layers; allowed: no more than its 20 tensors"),
            ("block_count", -1, "-1; allowed: a whole number from 1 to"),
            ("block_count", 2.0, "2.0; allowed: a whole number"),
            ("block_count", True, "True; allowed: a whole number"),
            ("block_count", "2", "'2'; allowed: a whole number"),
            ("block_count", [2, 2], "[2, 2]; allowed: a whole number"),
            ("attention.head_count", [4, 4], "allowed: a whole number"),
            ("attention.head_count", None, "no llama.attention.head_count"),
            ("embedding_length", 0, "0; allowed: a whole number"),
            ("attention.layer_norm_rms_epsilon", float("nan"), "nan; allowed: a positive number"),
            ("attention.layer_norm_rms_epsilon", 0.0, "0.0; allowed: a positive number"),
            ("attention.layer_norm_rms_epsilon", "1e-5", "'1e-5'; allowed: a positive number"),
            ("rope.freq_base", float("inf"), "inf; allowed: a positive number"),
            ("rope.freq_base", -1.0, "-1.0; allowed: a positive number"),
            ("rope.scaling.factor", -2.0, "-2.0; allowed: a positive number"),
        ],
    )
    def test_refused(self, write, key, value, words):
        message = refusal(write({f"llama.{key}": value}))
        assert f"llama.{key}" in message or "layers" in message
        assert words in message

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("general.type", "adapter"),
            ("general.quantization_version", 1),
            ("general.architecture", 3),
            ("general.architecture", "mistral"),
            ("split.count", 2),
        ],
    )
    def test_another_kind_of_file(self, write, key, value):
        assert key in refusal(write({key: value}))

    def test_every_key_that_the_gguf_package_knows(self, write):
        """Used, neutral, harmless, or refused: none of them is passed over."""
        known = {
            value.removeprefix("{arch}.")
            for group in vars(gguf.Keys).values()
            if isinstance(group, type)
            for value in vars(group).values()
            if isinstance(value, str) and value.startswith("{arch}.")
        }
        assert len(known) > 80
        for key in sorted(known - set(gguf_keys._USED) - set(gguf_keys._HARMLESS)):
            assert key in refusal(write({f"llama.{key}": 7.25})), key

    def test_what_changes_nothing_is_let_through(self, write):
        expected = through(Decoder(open_checkpoint(write())))
        harmless = {
            "llama.attention.causal": True,
            "llama.attention.sliding_window": 0,
            "llama.attention.value_length": 8,
            "llama.rope.dimension_count": 8,
            "llama.rope.scaling.type": "none",
            "llama.rope.scaling.factor": 1.0,
            "llama.rope.scaling.attn_factor": 1.0,
            "llama.rope.scaling.original_context_length": 32,
            "llama.logit_scale": 1.0,
            "llama.vocab_size": 264,
            "general.name": "a\u202ename",
            "quantizer.version": "7",
            "qwen2.block_count": 7,
            "general.quantization_version": 2,
            "tokenizer.ggml.bos_token_id": 1,
            "tokenizer.chat_template": "{{ messages }}",
        }
        assert torch.equal(through(Decoder(open_checkpoint(write(harmless)))), expected)


class TestRotations:
    def test_scaling_is_linear(self, write):
        """By its new name, its old one, with the type or without: positions are divided."""
        scaled = tiny.architecture("llama", rope_divisors=(4.0,) * 4)
        expected = tiny.reference_logits(scaled, VALUES, TOKENS)
        for keys in (
            {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0},
            {"llama.rope.scaling.factor": 4.0},
            {"llama.rope.scale_linear": 4.0},
            {"llama.rope.scale_linear": 2.0, "llama.rope.scaling.factor": 4.0},
        ):
            decoder = Decoder(open_checkpoint(write(keys)), dtype=torch.float64)
            found = decoder.logits(through(decoder))[0].numpy()
            np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
        assert np.abs(tiny.reference_logits(LLAMA, VALUES, TOKENS) - expected).max() > 0.1
        assert "since llama.rope.scaling.type is 'none'" in refusal(
            write({"llama.rope.scaling.type": "none", "llama.rope.scaling.factor": 4.0})
        )

    def test_heads_wider_than_any_tensor_are_not_built(self, write):
        keys = {"llama.attention.key_length": 2**31 - 1, "llama.rope.scaling.factor": 2.0}
        assert "2147483647; allowed: a whole number from 1 to 264" in refusal(write(keys))

    def test_the_tensor_of_divisors(self, write):
        """As Llama 3.1's files have it; with linear scaling both divide."""
        divisors = np.array([1, 1.5, 7, 8], np.float32)
        path = write({"llama.rope.scaling.factor": 2.0}, extra={"rope_freqs.weight": divisors})
        decoder = Decoder(open_checkpoint(path), dtype=torch.float64)
        scaled = tiny.architecture("llama", rope_divisors=tuple(2 * divisors))
        expected = tiny.reference_logits(scaled, VALUES, TOKENS)
        found = decoder.logits(through(decoder))[0].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())
        for wrong, words in (
            (divisors[:3], "3 values; allowed: 4"),
            (0 * divisors, "the value 0.0; allowed: positive numbers"),
            (divisors * np.float32("nan"), "rope_freqs.weight has nan at [0]"),
        ):
            assert words in refusal(write(extra={"rope_freqs.weight": wrong}))


class TestTokenizer:
    @pytest.mark.parametrize(
        ("key", "value", "words"),
        [
            ("merges", ["h e", "q zz"], "the merge of 'q' and 'zz' needs 'zz', which is no token"),
            ("merges", ["h q"], "needs 'hq', which is no token"),
            ("merges", ["he"], "'he' among the merges"),
            ("merges", ["h  e"], "'h  e' among the merges"),
            ("merges", [1], "allowed: an array of strings"),
            ("merges", None, "allowed: an array of strings"),
            ("tokens", "abc", "allowed: an array of strings"),
            ("tokens", ["a"] * 264, "token 1 is 'a', which token 0 is"),
            ("tokens", [*tiny.vocabulary()[:-1], ""], "token 263 is empty"),
            ("tokens", tiny.vocabulary()[:-1], "has 263 tokens; allowed: 264"),
            ("tokens", [f"<{i}>" for i in range(264)], "the merge of 'h' and 'e' needs 'h', which is no token"),
            ("token_type", [1], "allowed: 264 numbers from 0 to 6"),
            ("token_type", [9] * 264, "allowed: 264 numbers from 0 to 6"),
            ("model", "llama", "'llama'; allowed: gpt2"),
            ("model", 3, "3; allowed: gpt2"),
            ("pre", "default", "'default'; allowed: gpt-2, smollm"),
            ("pre", None, "no tokenizer.ggml.pre"),
            ("add_space_prefix", True, "True; allowed: false"),
            ("some_new_key", True, "no such key"),
        ],
    )
    def test_refused(self, write, key, value, words):
        keys = {f"tokenizer.ggml.{key}": value}
        if key == "tokens" and isinstance(value, list):
            keys["tokenizer.ggml.token_type"] = [1] * len(value)
        assert words in refusal(write(keys))
