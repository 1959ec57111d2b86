"""GGUF files, safetensors with their index, config.json and tokenizer.json: what is read gives the right logits.

What is right is told by readers that share nothing with ours: the ``gguf`` package's own, a few lines of safetensors,
config.json as transformers documents it; and by the forward pass in numpy.
"""

import json
import math

import gguf
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from tokenizers import Tokenizer

from claims.models.decoder import Decoder
from claims.models.opening import open_checkpoint
from claims.models.perplexity import perplexity
from claims.models.tokenizer import token_ids

from ..claims.models import tiny
from .kit import Change, Format, Put, byte_edits, edited_bytes, edited_json, fuzz, json_edits, sizes

FAMILIES = {family: tiny.architecture(family) for family in tiny.FAMILIES}
DTYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "BF16": np.uint16}
TOKENS = np.array([7, 3, 250, 100, 17, 60])
TEXT = "hello wow 12, été\n"


def logits_of(path):
    """What the command line would compute, if it computed anything."""
    checkpoint = open_checkpoint(path)
    decoder = Decoder(checkpoint, dtype=torch.float64)
    ids = torch.from_numpy(TOKENS)[None]
    perplexity(decoder, ids)
    return decoder.logits(decoder.run(decoder.embed(ids)))[0].numpy()


def difference(found, model, values):
    """How logits differ from those of numpy; "" too where rounding alone might change them, far outside any model."""
    turns = max(1.0, model.rope_base ** -(1 - 2 / model.head_size)) / min(model.rope_divisors or (1.0,))
    large = max(float(np.abs(value).max()) for value in values.values())
    if turns > 1e3 or large > 1e4:
        return ""
    expected = tiny.reference_logits(model, values, TOKENS)
    scale = np.abs(expected).max() + np.abs(found).max()
    worst = np.abs(found - expected).max()
    return "" if worst <= 1e-4 * scale else f"logits differ by {worst:.3g} of {scale:.3g}"


class TestGguf:
    KEYS = sorted(
        {
            value.replace("{arch}", "llama")
            for group in vars(gguf.Keys).values()
            if isinstance(group, type)
            for value in vars(group).values()
            if isinstance(value, str) and "{id}" not in value
        }
    )
    VALUES = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 70),
        st.sampled_from([2**31 - 1, 264]),
        st.floats(width=32),
        st.text(max_size=8).filter(lambda text: text.isprintable()),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        st.sampled_from(["none", "linear", "yarn", "llama", "gpt2", "qwen2", "default"]),
    )

    @pytest.mark.parametrize("family", tiny.FAMILIES)
    @sizes
    def test_files(self, family, count, tmp_path, record_property):
        model = FAMILIES[family]
        values = tiny.tensors(model)
        path = tiny.write_gguf(tmp_path / "model.gguf", model, values)
        whole = path.read_bytes()
        start = gguf.GGUFReader(path).data_offset
        key = st.sampled_from([key.replace("llama", family) for key in self.KEYS])
        rewritten = st.dictionaries(key, self.VALUES, min_size=1, max_size=3)

        def apply(edits):
            if isinstance(edits, dict):
                return tiny.write_gguf(path, model, values, keys=edits).read_bytes()
            return edited_bytes(whole, edits)

        def read(content):
            path.write_bytes(content)
            token_ids(open_checkpoint(path).tokenizer(), TEXT, source="text")
            return logits_of(path)

        fuzz(
            Format("GGUF", read, lambda content, found: difference(found, *self.by_the_package(path))),
            st.one_of(byte_edits(start), byte_edits(len(whole)), rewritten),
            apply,
            count=count // 3,
            record=record_property,
            found=[(Put(4, b"\0\0\0\3"),), (Put(8, b"\xff" * 16),), (Put(70, b"\0" * 8),), (Put(152, b"\0"),)],
        )

    @staticmethod
    def by_the_package(path):
        reader = gguf.GGUFReader(path)
        stored = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("tokenizer")}
        family = stored["general.architecture"]
        get = {key.removeprefix(f"{family}."): value for key, value in stored.items()}.get
        tensors = {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in reader.tensors}
        heads, width = get("attention.head_count"), get("embedding_length")
        size = get("attention.key_length", width // heads)
        factor = get("rope.scaling.factor") or get("rope.scale_linear") or 1.0
        model = tiny.architecture(
            family,
            layers=get("block_count"),
            width=width,
            heads=heads,
            kv_heads=get("attention.head_count_kv", heads),
            head_size=size,
            hidden=get("feed_forward_length"),
            context=get("context_length"),
            epsilon=get("attention.layer_norm_rms_epsilon"),
            rope_base=get("rope.freq_base", 10_000.0),
            tied="output.weight" not in tensors,
            rope_divisors=(1.0 if get("rope.scaling.type") == "none" else factor,) * (size // 2),
        )
        values = {name: tensors[tiny.name_in_gguf(name)] for name in model.shapes()}
        for name, value in values.items():
            if family == "llama" and name.endswith((".q", ".k")):
                values[name] = value.reshape(-1, size // 2, 2, width).swapaxes(1, 2).reshape(value.shape)
        return model, values


@pytest.fixture
def folder(tmp_path):
    model = FAMILIES["llama"]
    return tiny.write_folder(tmp_path / "model", model, tiny.tensors(model))


class TestSafetensors:
    @sizes
    def test_files(self, folder, count, record_property):
        path = folder / "model.safetensors"
        whole = path.read_bytes()
        start = 8 + int.from_bytes(whole[:8], "little")
        header = json.loads(whole[8:start])

        def apply(edits):
            if isinstance(edits[0], Put):
                return edited_bytes(whole, edits)
            changed = edited_json(header, edits)
            return len(changed).to_bytes(8, "little") + changed + whole[start:]

        def read(content):
            path.write_bytes(content)
            return logits_of(folder)

        fuzz(
            Format("safetensors", read, lambda content, found: difference(found, *self.by_hand(content))),
            st.one_of(byte_edits(start), byte_edits(len(whole)), json_edits(["dtype", "shape", "data_offsets", "x"])),
            apply,
            count=count,
            record=record_property,
            found=[(Change(0, '"' + "x" * 5000 + '"'),), (Change(0, r'"\u001b[31m"'),)],
        )

    @staticmethod
    def by_hand(content):
        start = 8 + int.from_bytes(content[:8], "little")
        stored = {}
        for name, about in json.loads(content[8:start]).items():
            if name != "__metadata__":
                begin, end = about["data_offsets"]
                value = np.frombuffer(content[start + begin : start + end], DTYPES[about["dtype"]])
                if about["dtype"] == "BF16":
                    value = (value.astype(np.uint32) << 16).view(np.float32)
                stored[name] = value.reshape(about["shape"])
        head = stored.get("lm_head.weight")
        own = head is not None and not np.array_equal(head, stored["model.embed_tokens.weight"])
        model = tiny.architecture("llama", tied=not own)
        return model, {name: stored[tiny.name_in_folder(name)].astype(np.float32) for name in model.shapes()}

    @sizes
    def test_index(self, count, tmp_path, record_property):
        model = FAMILIES["llama"]
        values = tiny.tensors(model)
        folder = tiny.write_folder(tmp_path / "model", model, values, shards=3)
        path = folder / "model.safetensors.index.json"
        index = {"metadata": {"total_size": 1, "made by": ["x", {}]}} | json.loads(path.read_text())

        def read(content):
            path.write_bytes(content)
            return logits_of(folder)

        fuzz(
            Format("safetensors index", read, lambda content, found: difference(found, model, values)),
            json_edits(["weight_map", "metadata", "model.norm.weight", "lm_head.weight"]),
            lambda edits: edited_json(index, edits),
            count=count // 4,
            record=record_property,
            found=[(Change(0, '"x"'),)],
        )


class TestConfiguration:
    KEYS = (
        *("rope_scaling", "rope_parameters", "rope_theta", "rope_type", "type", "factor", "low_freq_factor"),
        *("high_freq_factor", "original_max_position_embeddings", "partial_rotary_factor", "attention_bias"),
        *("mlp_bias", "sliding_window", "use_sliding_window", "layer_types", "architectures", "auto_map"),
        *("quantization_config", "logits_scaling", "torch_dtype", "pretraining_tp", "head_dim", "initializer_range"),
    )
    ROPE = (
        None,
        {"rope_type": "default", "rope_theta": 700.0},
        {"type": "linear", "factor": 4.0},
        {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
        | {"original_max_position_embeddings": 24},
    )

    @sizes
    def test_files(self, folder, count, record_property):
        values = tiny.tensors(FAMILIES["llama"])
        path = folder / "config.json"
        plain = tiny.config(FAMILIES["llama"])
        spelled = [plain | {key: rope} for key in ("rope_scaling", "rope_parameters") for rope in self.ROPE]

        def read(content):
            path.write_bytes(content)
            return logits_of(folder)

        fuzz(
            Format("config.json", read, lambda content, found: difference(found, self.as_documented(content), values)),
            st.tuples(st.integers(0, len(spelled) - 1), json_edits(self.KEYS)),
            lambda drawn: edited_json(spelled[drawn[0]], drawn[1]),
            count=count,
            record=record_property,
            found=[
                (0, (Change(0, "[" * 100_000),)),
                (0, (Change(1, "2147483648"),)),
                (0, (Change(0, "9" * 5000),)),
                (2, (Change(0, "2147483647", "head_dim"),)),
                (3, (Change(0, "2147483647", "head_dim"),)),
            ],
        )

    @staticmethod
    def as_documented(content):
        """Every number from the configuration; the sizes have to be those of the weights."""
        config = json.loads(content)
        rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
        base = rope.get("rope_theta", config.get("rope_theta", 10_000.0))
        kind = rope.get("rope_type", rope.get("type", "default"))
        frequencies = float(base) ** (-np.arange(4) / 4)
        divisors = {"default": np.ones(4), "linear": np.full(4, rope.get("factor", 1.0))}
        if kind == "llama3":
            low, high, factor = rope["low_freq_factor"], rope["high_freq_factor"], rope["factor"]
            wavelengths = 2 * math.pi / frequencies
            original = rope.get("original_max_position_embeddings", config["max_position_embeddings"])
            smooth = np.clip((original / wavelengths - low) / (high - low), 0, 1)
            divisors["llama3"] = 1 / ((1 - smooth) / factor + smooth)
        heads = config["num_attention_heads"]
        return tiny.architecture(
            config["model_type"],
            layers=config["num_hidden_layers"],
            width=config["hidden_size"],
            heads=heads,
            kv_heads=config["num_key_value_heads"] if config.get("num_key_value_heads") is not None else heads,
            head_size=config["head_dim"] if config.get("head_dim") is not None else config["hidden_size"] // heads,
            hidden=config["intermediate_size"],
            vocabulary=config["vocab_size"],
            context=config["max_position_embeddings"],
            epsilon=config["rms_norm_eps"],
            rope_base=base,
            tied=config.get("tie_word_embeddings", False),
            rope_divisors=tuple(divisors[kind]),
        )


class TestTokenizer:
    KEYS = (
        *("truncation", "padding", "normalizer", "pre_tokenizer", "post_processor", "decoder", "dropout", "unk_token"),
        *("ignore_merges", "byte_fallback", "type", "add_prefix_space", "use_regex", "content", "id", "special"),
    )

    @sizes
    def test_files(self, folder, count, record_property):
        path = folder / "tokenizer.json"
        made = tiny.tokenizer()
        made.enable_truncation(4)
        made.enable_padding(length=64)
        description = json.loads(made.to_str())

        def read(content):
            path.write_bytes(content)
            return token_ids(open_checkpoint(folder).tokenizer(), TEXT, source="text")

        def differs(content, found):
            plain = Tokenizer.from_str(content.decode())
            plain.no_truncation()
            plain.no_padding()
            expected = plain.encode(TEXT, add_special_tokens=False).ids
            return "" if found == expected else f"tokens {found}, not {expected}"

        fuzz(
            Format("tokenizer.json", read, differs),
            json_edits(self.KEYS),
            lambda edits: edited_json(description, edits),
            count=count,
            record=record_property,
        )
