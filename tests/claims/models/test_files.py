"""Bad files: each failure says which file and what is wrong with it. No pickle is opened."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from claims.errors import ModelError
from claims.models.opening import open_checkpoint

from . import tiny

LLAMA = tiny.architecture("llama")


@pytest.fixture
def folder(tmp_path):
    return tiny.write_folder(tmp_path / "model", LLAMA, tiny.tensors(LLAMA))


@pytest.fixture
def path(tmp_path):
    return tiny.write_gguf(tmp_path / "model.gguf", LLAMA, tiny.tensors(LLAMA))


def changed(folder, **changes):
    """config.json with keys changed, or left out where None."""
    config = json.loads((folder / "config.json").read_text()) | changes
    text = json.dumps({key: value for key, value in config.items() if value is not None})
    (folder / "config.json").write_text(text)
    return folder


def without(values, *names):
    return {name: value for name, value in values.items() if name not in names}


def refused(path, *words):
    with pytest.raises(ModelError) as caught:
        open_checkpoint(path)
    for word in (*words, str(path.name)):
        assert word in str(caught.value)


class TestGguf:
    def test_every_truncation_is_refused(self, path, tmp_path):
        whole = path.read_bytes()
        cut = tmp_path / "cut.gguf"
        for length in (0, 3, 4, 20, 200, 3000, len(whole) // 3, len(whole) // 2, len(whole) - 64):
            cut.write_bytes(whole[:length])
            with pytest.raises(ModelError, match=r"cut\.gguf: (truncated or damaged|no GGUF file)"):
                open_checkpoint(cut)

    def test_no_file_and_another_format(self, tmp_path):
        refused(tmp_path / "none.gguf", "no such file or folder")
        (tmp_path / "text.gguf").write_text("a text, and a long one at that")
        refused(tmp_path / "text.gguf", "does not begin with GGUF")

    def test_architecture(self, tmp_path):
        values = tiny.tensors(LLAMA)
        mamba = tiny.write_gguf(tmp_path / "a.gguf", LLAMA, values, keys={"general.architecture": "mamba"})
        refused(mamba, "'mamba'", "llama, qwen2, qwen3")

    def test_tensors(self, tmp_path):
        values = tiny.tensors(LLAMA)
        refused(
            tiny.write_gguf(tmp_path / "a.gguf", LLAMA, without(values, "layers.1.up")),
            "tensor blk.1.ffn_up.weight is missing, which a llama model of 2 layers has",
        )
        refused(
            tiny.write_gguf(tmp_path / "b.gguf", LLAMA, without(values, "embedding")), "token_embd.weight is missing"
        )
        wrong = values | {"layers.0.down": values["layers.0.down"].T.copy()}
        refused(
            tiny.write_gguf(tmp_path / "c.gguf", LLAMA, wrong),
            "blk.0.ffn_down.weight has shape (96, 32); allowed: (32, 96)",
        )
        whole = values | {"layers.1.mlp_norm": np.ones(32, np.int32)}
        refused(tiny.write_gguf(tmp_path / "e.gguf", LLAMA, whole), "blk.1.ffn_norm.weight is I32; allowed: F32, F16")
        more = values | {"layers.0.q.bias": np.zeros(32, np.float32)}
        refused(tiny.write_gguf(tmp_path / "d.gguf", LLAMA, more), "no llama model", "blk.0.attn_q.bias")

    def test_tokenizer(self, tmp_path):
        values = tiny.tensors(LLAMA)
        for split, words in ((None, "no tokenizer"), ("falcon", "tokenizer.ggml.pre is 'falcon'; allowed: gpt-2")):
            checkpoint = open_checkpoint(tiny.write_gguf(tmp_path / f"{split}.gguf", LLAMA, values, split=split))
            with pytest.raises(ModelError, match=words):
                checkpoint.tokenizer()

    def test_how_text_is_split(self, tmp_path):
        """Single digits apart; "smollm" splits them off first, so that the spaces before them stay together."""
        ids = {token: i for i, token in enumerate(tiny.vocabulary())}
        text = f"hello wow  12{tiny.SPECIAL}é"
        words = {
            "smollm": ["hello", "Ġw", "o", "w", "ĠĠ", "1", "2", tiny.SPECIAL, "Ã", "©"],
            "gpt-2": ["hello", "Ġw", "o", "w", "Ġ", "Ġ", "12", tiny.SPECIAL, "Ã", "©"],
            "qwen2": ["hello", "Ġw", "o", "w", "Ġ", "Ġ", "1", "2", tiny.SPECIAL, "Ã", "©"],
        }
        for split, tokens in words.items():
            path = tiny.write_gguf(tmp_path / f"{split}.gguf", LLAMA, tiny.tensors(LLAMA), split=split)
            tokenizer = open_checkpoint(path).tokenizer()
            assert tokenizer.encode(text, add_special_tokens=False).ids == [ids[token] for token in tokens]
            assert tokenizer.decode([ids[token] for token in tokens], skip_special_tokens=False) == text


class TestFolder:
    def test_configuration(self, folder):
        (folder / "config.json").write_text("{")
        refused(folder, "config.json: no JSON")
        (folder / "config.json").write_text("[]")
        refused(folder, "allowed: a JSON object")
        (folder / "config.json").unlink()
        refused(folder, "no config.json")

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"model_type": "mixtral"}, "model_type is 'mixtral'"),
            ({"hidden_size": None}, "no hidden_size"),
            ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "no rope_scaling.low_freq_factor"),
            ({"rope_parameters": {"rope_type": "yarn"}}, "rope_parameters.rope_type is 'yarn'; allowed: default"),
            ({"use_sliding_window": True}, "use_sliding_window is True"),
            ({"quantization_config": {"bits": 4}}, "quantization_config"),
            ({"attention_bias": True}, "attention_bias is True"),
            ({"hidden_act": "gelu"}, "hidden_act is 'gelu'"),
            ({"num_key_value_heads": 3}, "4 heads over 3 heads of keys"),
            ({"num_hidden_layers": 0}, "layers is 0"),
            ({"head_dim": 7}, "heads of 7 channels"),
            ({"num_hidden_layers": 3}, "layers.2.input_layernorm.weight is missing"),
            ({"num_hidden_layers": 1}, "no llama model that is run here has the tensors model.layers.1."),
            ({"vocab_size": 100}, "model.embed_tokens.weight has shape (264, 32); allowed: (100, 32)"),
            ({"tie_word_embeddings": False}, "lm_head.weight is missing"),
        ],
    )
    def test_what_the_configuration_says(self, folder, changes, words):
        refused(changed(folder, **changes), words)

    def test_a_pickle_is_not_opened(self, folder):
        weights = folder / "model.safetensors"
        torch.save({"model.norm.weight": torch.ones(32)}, folder / "pytorch_model.bin")
        weights.unlink()
        refused(folder, "pytorch_model.bin is a pickle, which is never opened")

    def test_weights(self, folder, tmp_path):
        weights = folder / "model.safetensors"
        whole = weights.read_bytes()
        for length in (0, 5, 300, len(whole) - 1):
            weights.write_bytes(whole[:length])
            refused(weights.parent, "model.safetensors: truncated or damaged")
        weights.write_bytes(whole)
        stored = load_file(weights)
        save_file(stored | {"model.norm.weight": np.ones(32, np.int8)}, weights)
        refused(folder, "tensor model.norm.weight is I8; allowed: F32")

    def test_stored_frequencies_and_a_copy_of_the_embedding_are_left_alone(self, folder):
        weights = folder / "model.safetensors"
        stored = load_file(weights)
        more = {
            "model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(4, np.float32),
            "lm_head.weight": stored["model.embed_tokens.weight"].copy(),
        }
        save_file(stored | more, weights)
        assert open_checkpoint(folder).architecture.tied

    def test_shards(self, tmp_path):
        folder = tiny.write_folder(tmp_path / "shards", LLAMA, tiny.tensors(LLAMA), shards=2)
        index = folder / "model.safetensors.index.json"
        where = json.loads(index.read_text())["weight_map"]
        index.write_text(json.dumps({"weight_map": where | {"model.norm.weight": "../elsewhere.safetensors"}}))
        refused(folder, "a file of this folder")
        other = next(file for file in set(where.values()) if file != where["model.norm.weight"])
        index.write_text(json.dumps({"weight_map": where | {"model.norm.weight": other}}))
        with pytest.raises(ModelError, match=r"tensor model\.norm\.weight is missing, which the index says is there"):
            open_checkpoint(folder)
        index.write_text(json.dumps({"weight_map": where}))
        (folder / "model-1.safetensors").unlink()
        refused(folder, "model-1.safetensors is missing")

    def test_tokenizer(self, folder):
        tokenizer = open_checkpoint(folder).tokenizer()
        assert tokenizer.encode("hello 12").ids == tiny.tokenizer().encode("hello 12").ids
        (folder / "tokenizer.json").write_text("{}")
        with pytest.raises(ModelError, match=r"tokenizer\.json: no tokenizer can be made of it"):
            open_checkpoint(folder).tokenizer()
        (folder / "tokenizer.json").unlink()
        with pytest.raises(ModelError, match=r"no tokenizer\.json"):
            open_checkpoint(folder).tokenizer()
