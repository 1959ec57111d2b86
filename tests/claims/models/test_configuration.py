"""config.json in every spelling: what is accepted gives transformers' logits, everything else is refused by name."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from claims.errors import ModelError
from claims.models.decoder import Decoder
from claims.models.opening import open_checkpoint

from . import tiny
from .test_decoder import TOKENS, through

LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 24,
}
#: Spellings of rotary positions that are accepted, over a configuration with "rope_theta" at its top.
ROPE = {
    "at the top": {},
    "left out": {"rope_theta": ...},
    "null": {"rope_scaling": None, "rope_parameters": None},
    "empty": {"rope_scaling": {}},
    "inside": {"rope_theta": ..., "rope_parameters": {"rope_type": "default", "rope_theta": 700.0}},
    "inside before the top": {"rope_parameters": {"rope_theta": 700.0}},
    "default by its old name": {"rope_scaling": {"type": "default"}},
    "linear": {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "linear by its old name": {"rope_scaling": {"type": "linear", "factor": 2}},
    "linear by both names": {"rope_scaling": {"type": "linear", "rope_type": "linear", "factor": 2}},
    "linear inside": {"rope_theta": ..., "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 700}},
    "llama3": {"rope_scaling": LLAMA3},
    "llama3 inside": {"rope_theta": ..., "rope_parameters": LLAMA3 | {"rope_theta": 700.0}},
    "llama3 of the whole context": {
        "rope_scaling": {k: v for k, v in LLAMA3.items() if k != "original_max_position_embeddings"}
    },
    "llama3 with a fast half": {"rope_scaling": LLAMA3 | {"high_freq_factor": 1.5}},
    "scaling before parameters": {"rope_scaling": LLAMA3, "rope_parameters": {"rope_theta": 3.0}},
    "whole heads": {"rope_parameters": {"rope_theta": 700.0, "partial_rotary_factor": 1.0}},
}
TYING = {
    "tied": (True, None),
    "tied and stored twice": (True, "same"),
    "tied with a head of its own": (True, "other"),
    "untied": (False, "other"),
    "untied with equal values": (False, "same"),
}


def changed(folder, **changes):
    """config.json with keys changed, or left out where ``...``."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not ...}))
    return folder


@pytest.fixture(params=tiny.FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def folder(tmp_path):
    model = tiny.architecture("llama")
    return tiny.write_folder(tmp_path / "model", model, tiny.tensors(model))


def with_head(folder, head):
    """The folder with an output head stored as well."""
    weights = folder / "model.safetensors"
    stored = load_file(weights)
    embedding = stored["model.embed_tokens.weight"]
    if head is not None:
        stored["lm_head.weight"] = embedding.copy() if head == "same" else np.flip(embedding).copy()
    save_file(stored, weights)
    return stored.get("lm_head.weight", embedding)


def logits(folder):
    decoder = Decoder(open_checkpoint(folder), dtype=torch.float64)
    return decoder.logits(through(decoder))[0].numpy()


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        open_checkpoint(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert message.isprintable()
    return message


class TestRotations:
    def test_llama3_by_its_definition(self, folder):
        """Pairs of wavelengths below 24 / 4 as they are, above 24 / 1 eight times as long, the rest in between."""
        changed(folder, rope_scaling=LLAMA3)
        divisors = open_checkpoint(folder).architecture.rope_divisors
        wavelengths = 2 * np.pi * 500.0 ** (np.arange(4) / 4)
        assert wavelengths[0] > 6
        smooth = (24 / wavelengths - 1) / 3
        expected = [1 / ((1 - smooth[0]) / 8 + smooth[0]), 8, 8, 8]
        np.testing.assert_allclose(divisors, expected)
        model = tiny.architecture("llama", rope_divisors=tuple(expected))
        reference = tiny.reference_logits(model, tiny.tensors(model), TOKENS)
        np.testing.assert_allclose(logits(folder), reference, atol=1e-5 * np.abs(reference).max())

    def test_the_base_is_never_lost(self, folder):
        expected = logits(changed(folder, rope_theta=700.0))
        for spelling in ("inside", "inside before the top", "whole heads"):
            assert np.array_equal(logits(changed(folder, **{"rope_theta": 5.0} | ROPE[spelling])), expected)

    @pytest.mark.parametrize(
        ("rope", "words"),
        [
            ({"full_attention": {"rope_theta": 700.0}}, "no such key for rotary positions of type 'default'"),
            ({"rope_theta": 700.0, "sliding_attention": {}}, "rope_parameters.sliding_attention is {}"),
            ({"rope_type": "default", "factor": 8.0}, "rope_parameters.factor is 8.0; allowed: no such key"),
            ({"rope_type": "yarn", "factor": 8.0}, "'yarn'; allowed: default, linear, llama3"),
            ({"rope_type": "dynamic", "factor": 8.0}, "'dynamic'; allowed: default, linear, llama3"),
            ({"type": "longrope"}, "rope_parameters.type is 'longrope'"),
            ({"rope_type": None}, "rope_parameters.rope_type is None"),
            ({"rope_type": ["linear"]}, "rope_parameters.rope_type is ['linear']"),
            ({"rope_type": "linear", "type": "dynamic", "factor": 2}, "rope_parameters.type is 'dynamic'"),
            ({"rope_type": "linear"}, "no rope_parameters.factor"),
            ({"rope_type": "linear", "factor": 0}, "rope_parameters.factor is 0; allowed: a positive number"),
            ({"rope_type": "linear", "factor": "2"}, "rope_parameters.factor is '2'"),
            ({"rope_theta": None}, "rope_parameters.rope_theta is None"),
            ({"rope_theta": 10**400}, "rope_parameters.rope_theta is 1"),
            ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5; allowed: 1"),
            (LLAMA3 | {"high_freq_factor": 1.0}, "high_freq_factor is 1.0; allowed: more than low_freq_factor"),
            (LLAMA3 | {"attention_factor": 0.9}, "attention_factor is 0.9"),
            (LLAMA3 | {"original_max_position_embeddings": -1}, "original_max_position_embeddings is -1"),
            ([], "rope_parameters is []; allowed: an object or null"),
            ("default", "rope_parameters is 'default'; allowed: an object or null"),
        ],
    )
    def test_refused(self, folder, rope, words):
        assert words in refusal(changed(folder, rope_parameters=rope))
        if isinstance(rope, dict):
            assert words.replace("rope_parameters", "rope_scaling") in refusal(
                changed(folder, rope_scaling=rope, rope_parameters=...)
            )


class TestValues:
    """Whatever stands where a number belongs is told in one sentence."""

    WHOLE = (
        *("num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim"),
        *("intermediate_size", "vocab_size", "max_position_embeddings"),
    )
    NUMBERS = ("rms_norm_eps", "rope_theta")

    @pytest.mark.parametrize("key", [*WHOLE, *NUMBERS])
    def test_numbers(self, folder, key):
        wrong = ["2", [2], {"a": 1}, -1, 0, True, 2**31, 10**300, 1e39, *([2.5] if key in self.WHOLE else [])]
        for value in wrong if key in self.WHOLE else [value for value in wrong if value not in (2**31,)]:
            assert f"config.json: {key} is " in refusal(changed(folder, **{key: value}))
        if key not in ("num_key_value_heads", "head_dim"):
            assert f"config.json: {key} is None" in refusal(changed(folder, **{key: None}))

    def test_heads_wider_than_any_tensor_are_not_built(self, folder):
        for rope in (LLAMA3, {"type": "linear", "factor": 2.0}):
            message = refusal(changed(folder, head_dim=2**31 - 1, rope_scaling=rope))
            assert "head_dim is 2147483647; allowed: a whole number from 1 to 264" in message

    @pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
    def test_what_is_no_json_number(self, folder, word):
        path = folder / "config.json"
        path.write_text(path.read_text().replace("1e-05", word))
        assert f"no JSON ({word} is no JSON number)" in refusal(folder)

    def test_null_where_transformers_allows_it(self, folder):
        whole = tiny.architecture("llama", kv_heads=4)
        tiny.write_folder(folder, whole, tiny.tensors(whole))
        expected = logits(folder)
        assert np.array_equal(logits(changed(folder, head_dim=None, num_key_value_heads=None)), expected)
        assert np.array_equal(logits(changed(folder, head_dim=..., num_key_value_heads=...)), expected)

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"tie_word_embeddings": "false"}, "tie_word_embeddings is 'false'; allowed: true or false"),
            ({"tie_word_embeddings": None}, "tie_word_embeddings is None"),
            ({"model_type": ["llama"]}, "model_type is ['llama']"),
            ({"model_type": "li\u202eama\x1b"}, r"model_type is 'li\u202eama\x1b'"),
            ({"hidden_act": None}, "hidden_act is None"),
            ({"sliding_window": 16}, "sliding_window is 16"),
            ({"layer_types": ["full_attention", "sliding_attention"]}, "allowed: full_attention for each layer"),
            ({"layer_types": ["full_attention"]}, "allowed: full_attention for each layer"),
            ({"architectures": ["LlamaForSequenceClassification"]}, "architectures is ['LlamaForSequence"),
            ({"auto_map": {"AutoModel": "modeling.Own"}}, "auto_map is"),
            ({"is_causal": False}, "is_causal is False"),
            ({"logits_scaling": 8.0}, "logits_scaling is 8.0; allowed: 1"),
            ({"embedding_multiplier": 12.0}, "embedding_multiplier is 12.0"),
            ({"attention_multiplier": 0.1}, "attention_multiplier is 0.1"),
            ({"final_logit_softcapping": 30.0}, "final_logit_softcapping is 30.0"),
            ({"num_hidden_layers": 2**31 - 1}, "2147483647 layers; allowed: no more than its 20 tensors"),
        ],
    )
    def test_refused(self, folder, changes, words):
        assert words in refusal(changed(folder, **changes))

    def test_texts_that_are_no_configuration(self, folder):
        path = folder / "config.json"
        for content, words in (
            ("[" * 100_000, "values inside values"),
            ('{"a":' * 100_000, "values inside values"),
            ('{"hidden_size": ' + "9" * 5000 + "}", "no JSON"),
            ("null", "got a NoneType; allowed: a JSON object"),
            ("", "no JSON"),
        ):
            path.write_text(content)
            assert words in refusal(folder)
        path.write_bytes(b'{"a": "\xff"}')
        assert "cannot be read as UTF-8" in refusal(folder)


class TestWeights:
    @pytest.mark.parametrize("tying", TYING)
    def test_the_head_that_is_stored_is_used(self, folder, tying):
        tied, head = TYING[tying]
        changed(folder, tie_word_embeddings=tied)
        model = tiny.architecture("llama", tied=False)
        values = tiny.tensors(tiny.architecture("llama")) | {"head": with_head(folder, head)}
        expected = tiny.reference_logits(model, values, TOKENS)
        np.testing.assert_allclose(logits(folder), expected, atol=1e-5 * np.abs(expected).max())

    def test_the_first_value_that_is_no_number_is_named(self, folder, tmp_path):
        weights = folder / "model.safetensors"
        stored = load_file(weights)
        name = "model.layers.1.mlp.up_proj.weight"
        for value, kind in (("nan", np.float32), ("-inf", np.float16), ("1e39", np.float64)):
            damaged = stored[name].astype(kind)
            damaged[3, 5] = float(value)
            save_file(stored | {name: damaged}, weights)
            with pytest.raises(ModelError, match=rf"tensor {name} has (nan|-inf|1e\+39) at \[3, 5\]; allowed: finite"):
                logits(folder)
        model = tiny.architecture("llama")
        values = tiny.tensors(model)
        values["layers.0.down"][1, 2] = np.nan
        path = tiny.write_gguf(tmp_path / "model.gguf", model, values)
        with pytest.raises(ModelError, match=r"tensor blk\.0\.ffn_down\.weight has nan at \[1, 2\]; allowed: finite"):
            logits(path)

    def test_tensors_without_values(self, folder):
        weights = folder / "model.safetensors"
        empty = dict.fromkeys(("model.embed_tokens.weight", "lm_head.weight"), np.zeros((0, 32), np.float32))
        save_file(load_file(weights) | empty, weights)
        assert "model.embed_tokens.weight has shape (0, 32); allowed: (264, 32)" in refusal(folder)

    def test_index_and_files_say_the_same(self, tmp_path):
        model = tiny.architecture("llama")
        folder = tiny.write_folder(tmp_path / "model", model, tiny.tensors(model), shards=2)
        index = folder / "model.safetensors.index.json"
        where = json.loads(index.read_text())["weight_map"]
        norm = "model.norm.weight"
        for wrong, words in (
            ({key: file for key, file in where.items() if key != norm}, f"tensor {norm} is there, of which"),
            (where | {norm: "config.json"}, "config.json is missing"),
            (where | {norm: "x" * 5000 + ".safetensors"}, "is missing, which model.safetensors.index.json names"),
            (where | {norm: "\0.safetensors"}, r"'\x00.safetensors' is missing"),
            (where | {norm: ".."}, "allowed: its safetensors"),
            (where | {norm: 3}, "weight_map has to give a file"),
            (where | {norm: None}, "weight_map has to give a file"),
            ([], "weight_map has to give a file"),
        ):
            index.write_text(json.dumps({"weight_map": wrong}))
            assert words in refusal(folder)


@pytest.mark.slow
class TestTransformers:
    """Logits of every accepted spelling, and of the families' defaults, are transformers'."""

    @pytest.fixture(autouse=True)
    def _load(self):
        self.transformers = pytest.importorskip("transformers", reason="pip install 'claimbench[proof]'")

    def agree(self, folder):
        load = self.transformers.AutoModelForCausalLM.from_pretrained
        theirs = load(folder, dtype=torch.float64).eval()
        with torch.inference_mode():
            expected = theirs(torch.from_numpy(TOKENS)[None]).logits[0].numpy()
        np.testing.assert_allclose(logits(folder), expected, atol=1e-5 * np.abs(expected).max())
        return expected

    @pytest.mark.parametrize("spelling", ROPE)
    def test_rotations(self, family, spelling, tmp_path):
        model = tiny.architecture(family)
        folder = tiny.write_folder(tmp_path, model, tiny.tensors(model))
        plain = self.agree(folder)
        found = self.agree(changed(folder, **ROPE[spelling]))
        assert (np.abs(found - plain).max() > 0.1) == (
            spelling not in ("at the top", "null", "empty") and spelling != "default by its old name"
        )  # what is compared does depend on them

    @pytest.mark.parametrize("tying", TYING)
    def test_tying(self, family, tying, tmp_path):
        model = tiny.architecture(family, tied=True)
        folder = tiny.write_folder(tmp_path, model, tiny.tensors(model))
        tied, head = TYING[tying]
        with_head(changed(folder, tie_word_embeddings=tied), head)
        self.agree(folder)

    def test_what_may_be_left_out(self, family, tmp_path):
        sizes = {"kv_heads": 4} if family == "llama" else {}
        model = tiny.architecture(family, **sizes, **({"head_size": 128} if family == "qwen3" else {}))
        folder = tiny.write_folder(tmp_path, model, tiny.tensors(model))
        left = ["hidden_act", "head_dim", *(["num_key_value_heads"] if family == "llama" else [])]
        self.agree(changed(folder, **dict.fromkeys(left, ...)))
