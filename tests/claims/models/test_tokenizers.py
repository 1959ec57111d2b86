"""Tokenizers: all of a text, nothing more, nothing drawn; cut as the models' own tokenizers cut it."""

import itertools
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from claims.cli import main
from claims.errors import ModelError
from claims.models import tokenizing
from claims.models.gguf_tokenizer import SPLITS
from claims.models.opening import open_checkpoint
from claims.models.text import TOPICS, read_text
from claims.models.tokenizer import token_ids

from . import tiny

LLAMA = tiny.architecture("llama")
#: Steps of a tokenizer that lengthen a text.
TWICE = {"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}
LETTERS = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
SCRIPTS = (
    "Ünïcode naïveté ǅungla ﬁne ªº ½ ² Ⅷ ١٢٣٤٥٦ 一二三四五 日本語のテキスト、漢字かな交じり。 한국어 텍스트 हिन्दी पाठ "
    "עברית ไทย été E\u0301te\u0301 👩‍👩‍👧‍👦🏳️‍🌈 \u00a0\u2003\u200b\ufeff tabs\t\t and\r\n\r\n  lines \n\n\n   x  "
    "it's IT'S I'Ll we'VE d'accord x'y '' 'S 1234567890 3.14159 1,000,000 v2.0 CamelCaseWords XMLHttpRequest "
    "snake_case https://a.b/c?d=e&f#g --flag=/usr/bin/env !?...;:\n//comment\n/* x */\\n {[()]} "
    "<|end|> <|other|> aAbBcC ÀÉÎ ßẞ"
)


@pytest.fixture
def folder(tmp_path):
    return tiny.write_folder(tmp_path / "model", LLAMA, tiny.tensors(LLAMA))


def rewritten(folder, change):
    """tokenizer.json after ``change`` of what is in it."""
    path = folder / "tokenizer.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))
    return folder


def cut_by(pattern):
    """The change of a description that has its text cut by a regular expression."""
    split = {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}

    def change(description):
        description["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, description["pre_tokenizer"]]}

    return change


class TestFolder:
    def test_truncation_and_padding_are_left_out(self, folder):
        """They are stored by whoever trained in batches, and would cut a text of 15,000 tokens to 128, or pad it."""
        plain = token_ids(open_checkpoint(folder).tokenizer(), SCRIPTS * 20, source="text")
        stored = Tokenizer.from_file(str(folder / "tokenizer.json"))
        stored.enable_truncation(max_length=128)
        stored.enable_padding(length=50_000, pad_token=tiny.SPECIAL, pad_id=263)
        stored.save(str(folder / "tokenizer.json"))
        assert len(stored.encode(SCRIPTS * 20).ids) == 50_000
        again = open_checkpoint(folder).tokenizer()
        assert token_ids(again, SCRIPTS * 20, source="text") == plain
        assert len(plain) > 10_000

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda t: t["model"].update(dropout=0.1), "model.dropout is 0.1; allowed: null"),
            (lambda t: t["model"].update(dropout=True), "model.dropout is True; allowed: null"),
            (lambda t: t["model"].update(merges=[["h", "zz"]]), "no tokenizer can be made of it"),
            (lambda t: t["model"].update(vocab=3), "no tokenizer can be made of it"),
            (lambda t: t.update(model=None), "no tokenizer can be made of it"),
            (lambda t: t.update(pre_tokenizer={"type": "Split"}), "no tokenizer can be made of it"),
            (
                lambda t: t.update(normalizer={"type": "Replace", "pattern": {"String": "a"}, "content": "b" * 50_000}),
                "the steps of its normalizer make a text more than 64 times as long",
            ),
            (
                lambda t: t.update(normalizer={"type": "Sequence", "normalizers": [TWICE] * 20_000}),
                "the steps of its normalizer make",
            ),
            (
                lambda t: t.update(pre_tokenizer={"type": "Sequence", "pretokenizers": [LETTERS] * 40}),
                "the steps of its pre_tokenizer make",
            ),
        ],
    )
    def test_refused(self, folder, change, words):
        with pytest.raises(ModelError, match=words) as caught:
            open_checkpoint(rewritten(folder, change)).tokenizer()
        assert "tokenizer.json: " in str(caught.value)

    def test_no_json(self, folder):
        for content in ("", "{", "[]", "[" * 100_000, '{"model": "\\ud800"}'):
            (folder / "tokenizer.json").write_text(content)
            with pytest.raises(ModelError, match=r"tokenizer\.json: "):
                open_checkpoint(folder).tokenizer()

    def test_a_tokenizer_that_gives_up_on_a_text(self, folder):
        made = Tokenizer(models.WordLevel({"hello": 0}, unk_token="none"))
        made.save(str(folder / "tokenizer.json"))
        tokenizer = open_checkpoint(folder).tokenizer()
        with pytest.raises(ModelError, match=r"my\.txt: the model's tokenizer makes no tokens of it"):
            token_ids(tokenizer, "hello world", source="my.txt")

    def test_a_pattern_of_its_own_cuts_as_the_package_does(self, folder):
        tokenizer = open_checkpoint(rewritten(folder, cut_by(r"[a-z]+\d?|\s"))).tokenizer()
        assert token_ids(tokenizer, SCRIPTS, source="my.txt") == tokenizer.encode(SCRIPTS, add_special_tokens=False).ids

    def test_a_pattern_that_takes_for_ever_is_stopped(self, folder, monkeypatch):
        """Each match tries eight million ways, and there are as many as letters: the library does not stop."""
        monkeypatch.setattr(tokenizing, "_SECONDS", 1)
        tokenizer = open_checkpoint(rewritten(folder, cut_by("a*a*b|a"))).tokenizer()
        with pytest.raises(
            ModelError, match=r"my\.txt: the model's tokenizer makes no tokens of it .'stopped after 1 s of"
        ):
            token_ids(tokenizer, ("a" * 4000 + " ") * 20, source="my.txt")

    @pytest.mark.parametrize("pattern", ["(a+)+$", "(?=(a|a)*c)a"])
    def test_a_pattern_that_the_library_gives_up_on(self, folder, pattern, capfd):
        tokenizer = open_checkpoint(rewritten(folder, cut_by(pattern))).tokenizer()
        with pytest.raises(ModelError, match=r"my\.txt: the model's tokenizer makes no tokens of it"):
            token_ids(tokenizer, "a" * 40 + "b", source="my.txt")
        assert capfd.readouterr() == ("", "")


class TestBytes:
    def test_characters_that_would_be_left_out(self, folder, tmp_path):
        """SmolLM2's vocabulary, for one, lacks 21 bytes: a text that has none of them is read, another is refused."""
        letter = "\N{LATIN CAPITAL LETTER ETH}"  # the letter of the byte d0, which Cyrillic characters begin with
        tokens = [token.replace(letter, "unused") for token in tiny.vocabulary()]
        gguf = tmp_path / "model.gguf"
        tiny.write_gguf(gguf, LLAMA, tiny.tensors(LLAMA), keys={"tokenizer.ggml.tokens": tokens})
        rewritten(folder, lambda t: t["model"]["vocab"].update(unused=t["model"]["vocab"].pop(letter)))
        for path in (gguf, folder):
            tokenizer = open_checkpoint(path).tokenizer()
            assert token_ids(tokenizer, "hello é", source="my.txt") == tiny.tokenizer().encode("hello é").ids
            with pytest.raises(ModelError, match=r"my\.txt: .* no tokens for 3 of its characters, among them 'в'"):
                token_ids(tokenizer, "hello мирв", source="my.txt")


def pieces(split, text, folder):
    path = tiny.write_gguf(folder / f"{split}.gguf", LLAMA, tiny.tensors(LLAMA), split=split)
    cut = open_checkpoint(path).tokenizer().pre_tokenizer.pre_tokenize_str(text)
    return [text[start:end] for _, (start, end) in cut]


class TestPieces:
    @pytest.mark.parametrize(
        ("split", "expected"),
        [
            ("gpt-2", ["I", "'", "LL", " go", "  ", " to", " 12345", " CamelCase", ".", "\n\n", " x", "/"]),
            ("smollm", ["I", "'", "LL", " go", "  ", " to", " ", "1", "2", "3", "4", "5", " CamelCase", "."]),
            ("qwen2", ["I", "'LL", " go", "  ", " to", " ", "1", "2", "3", "4", "5", " CamelCase", ".\n\n", " x"]),
            ("llama-bpe", ["I", "'LL", " go", "  ", " to", " ", "123", "45", " CamelCase", ".\n\n", " x", "/\n"]),
            ("tekken", ["I", "'LL", " go", "  ", " to", " ", "1", "2", "3", "4", "5", " Camel", "Case", ".\n\n"]),
        ],
    )
    def test_by_hand(self, split, expected, tmp_path):
        found = pieces(split, "I'LL go   to 12345 CamelCase.\n\n x/\n", tmp_path)
        assert found[: len(expected)] == expected

    def test_aliases(self, tmp_path):
        for name, alias in (("llama-bpe", "llama3"), ("llama-bpe", "smaug-bpe"), ("qwen2", "deepseek-r1-qwen")):
            assert pieces(name, SCRIPTS, tmp_path) == pieces(alias, SCRIPTS, tmp_path)

    def test_whole_pieces_before_merges(self, tmp_path):
        """Llama 3 takes a piece that is a token whole, though no merge leads there; "smaug-bpe" merges."""
        tokens = tiny.vocabulary()
        tokens[-2] = "zebra"  # for a token that no longer has a merge
        keys = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": ["h e", "l l"]}
        for split, count in (("llama-bpe", 1), ("tekken", 1), ("smaug-bpe", 5), ("qwen2", 5)):
            path = tiny.write_gguf(tmp_path / "model.gguf", LLAMA, tiny.tensors(LLAMA), split=split, keys=keys)
            assert len(open_checkpoint(path).tokenizer().encode("zebra").ids) == count


class TestNumbers:
    """Perplexity is a finite number, or an error."""

    def run(self, folder, *options):
        return CliRunner().invoke(main, ["models", "perplexity", str(folder), "--length", "32", *options])

    def test_a_model_that_overflows(self, folder, tmp_path):
        values = tiny.tensors(LLAMA)
        for scale, words in ((1e38, "a loss of nan nats"), (1e4, "allowed: one whose exponential is a finite number")):
            huge = values | {"norm": values["norm"] * np.float32(scale)}
            found = self.run(tiny.write_folder(tmp_path / "huge", LLAMA, huge), "--json")
            assert (found.exit_code, found.stdout) == (2, "")
            assert words in found.stderr

    def test_a_model_that_does_not(self, folder):
        found = self.run(folder, "--json")
        assert found.exit_code == 0
        assert math.isfinite(json.loads(found.stdout)["perplexity"])


def by_ranks(piece, ranks, whole):
    """Byte-pair merges of one piece, the pair of the lowest rank first: obvious and slow."""
    parts = list(piece)
    if whole and piece in whole:
        return [piece]
    while len(parts) > 1:
        found = [ranks.get((a, b), math.inf) for a, b in itertools.pairwise(parts)]
        best = min(found)
        if best == math.inf:
            break
        i = found.index(best)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    return parts


@pytest.fixture(scope="module")
def trained():
    """A vocabulary of 2,000 merges learned from the text."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=2256, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator([read_text(TOPICS), SCRIPTS * 30], trainer)
    model = json.loads(made.to_str())["model"]
    tokens = sorted(model["vocab"], key=model["vocab"].get)
    return tokens, [tuple(merge) for merge in model["merges"]]


@pytest.mark.slow
class TestIndependent:
    """Cut by the ``regex`` package with the patterns of transformers, merged by a loop over ranks, on real text."""

    GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

    @pytest.mark.parametrize("split", SPLITS)
    def test_same_tokens(self, split, trained, tmp_path):
        regex = pytest.importorskip("regex", reason="pip install 'claimbench[proof]'")
        theirs = pytest.importorskip(
            "transformers.integrations.gguf.gguf_tokenizer_mapping", reason="pip install 'claimbench[proof]'"
        )
        pattern = regex.compile(theirs.GGUF_PRE_TOKENIZER_SPLITS.get(split, self.GPT2))
        tokens, merges = trained
        model = tiny.architecture("llama", vocabulary=len(tokens))
        keys = {
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.merges": [" ".join(merge) for merge in merges],
            "tokenizer.ggml.token_type": [1] * len(tokens),
        }
        path = tiny.write_gguf(tmp_path / "model.gguf", model, tiny.tensors(model), split=split, keys=keys)
        text = read_text(TOPICS) + SCRIPTS
        found = token_ids(open_checkpoint(path).tokenizer(), text, source="text")
        letters = gguf_letters()
        ranks = {merge: i for i, merge in enumerate(merges)}
        ids = {token: i for i, token in enumerate(tokens)}
        whole = ids if split in ("llama-bpe", "llama3", "llama-v3", "tekken") else {}
        known: dict[str, list[int]] = {}
        expected = []
        digits = regex.compile(r"\p{N}|[^\p{N}]+") if split == "smollm" else regex.compile(r"(?s:.+)")
        for part in digits.findall(text):
            for piece in pattern.findall(part):
                if piece not in known:
                    spelled = "".join(letters[byte] for byte in piece.encode())
                    known[piece] = [ids[token] for token in by_ranks(spelled, ranks, whole)]
                expected += known[piece]
        assert found == expected
        assert len(set(found)) > 1000


def gguf_letters():
    """The letter that stands for each byte in byte-level vocabularies, by GPT-2's rule."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {byte: chr(256 + i) for i, byte in enumerate(others)}
