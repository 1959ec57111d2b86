"""Prose out of HTML pages, and getting it: from the installed package, from apt's, or not at all."""

import hashlib
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from click.testing import CliRunner

from claims.cli import main
from claims.errors import TextError
from claims.models import fetch, handbook
from claims.models.text import TOPICS, read_text

PROSE = "First &\nof two.\nA list:\none;\ntwo.\nAfter it.\n"
PAGES = {
    "index.html": '<link rel="next" href="b.html"/><body><div class="para">Imprint</div></body>',
    "b.html": (
        '<link rel="next" href="a.html"/><p id="title">Title</p><div><h2>Heading</h2>'
        '<div class="para">First <em>&amp;</em><pre>$ listing</pre></div><div class="para">of\n   two.</div></div>'
    ),
    "a.html": (
        '<div class="para">A list:<div class="itemizedlist"><ul><li><div class="para">one;</div></li>'
        '<li><div class="para">two.</div></li></ul></div>After it.</div><div class="para"> </div>'
    ),
}


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    for name, text in PAGES.items():
        (folder / name).write_text(f"<html>{text}</html>")
    return folder


@pytest.fixture
def commands(pages, tmp_path, monkeypatch):
    """apt and dpkg replaced by copies; the commands that were run."""
    ran = []

    def run(command, folder):
        ran.append(command[0])
        if command[0] == "apt-get":
            (folder / "debian-handbook.deb").write_bytes(b"package")
        else:
            shutil.copytree(pages, folder / "unpacked" / handbook._PAGES)

    monkeypatch.setattr(handbook, "_run", run)
    monkeypatch.setattr(handbook, "_PAGES", Path("no-such-folder") / "en-US")
    monkeypatch.setattr(handbook, "SHA256", hashlib.sha256(PROSE.encode()).hexdigest())
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setenv(fetch.CACHE_VARIABLE, str(tmp_path / "cache"))
    return ran


def quiet(line):
    pass


def kept():
    return sorted(path.name for path in fetch.cache_folder().iterdir() if path.suffix != ".lock")


class TestProse:
    def test_paragraphs_in_reading_order(self, pages):
        assert handbook.prose(pages) == PROSE

    def test_a_missing_page(self, pages):
        (pages / "a.html").unlink()
        with pytest.raises(TextError, match=r"a\.html is missing"):
            handbook.prose(pages)

    def test_pages_in_a_circle(self, pages):
        (pages / "a.html").write_text('<link rel="next" href="b.html"/>')
        with pytest.raises(TextError, match=r"b\.html is named twice"):
            handbook.prose(pages)


class TestGet:
    def test_once_and_then_never_again(self, commands):
        path = handbook.get_handbook(quiet)
        assert path.read_text() == PROSE == read_text(handbook.NAME)
        assert kept() == [path.name]
        assert handbook.get_handbook(quiet) == path
        assert commands == ["apt-get", "dpkg-deb"]

    def test_from_the_installed_package(self, commands, pages, monkeypatch):
        monkeypatch.setattr(handbook, "_PAGES", pages)
        assert handbook.get_handbook(quiet).read_text() == PROSE
        assert commands == []

    def test_another_version(self, commands, monkeypatch):
        monkeypatch.setattr(handbook, "SHA256", "0" * 64)
        with pytest.raises(TextError, match="this package is not version"):
            handbook.get_handbook(quiet)
        assert kept() == []

    def test_a_system_without_apt(self, commands, monkeypatch):
        monkeypatch.setattr(shutil, "which", lambda name: None)
        with pytest.raises(TextError, match="this system has no apt-get"):
            handbook.get_handbook(quiet)
        assert kept() == []

    def test_full_disk(self, commands, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: namedtuple("usage", "free")(2**20))
        with pytest.raises(TextError, match="1 MiB free, 133 MiB needed"):
            handbook.get_handbook(quiet)
        assert commands == kept() == []

    def test_a_failing_command(self, tmp_path):
        with pytest.raises(TextError, match="false x failed"):
            handbook._run(["false", "x"], tmp_path)


class TestTexts:
    def test_not_here(self, commands):
        with pytest.raises(TextError, match="get it with: claimbench models get debian-handbook"):
            read_text(handbook.NAME)

    def test_the_command(self, commands):
        runner = CliRunner()
        assert "get it with: claimbench models get debian-handbook" in runner.invoke(main, ["models", "list"]).stdout
        assert runner.invoke(main, ["models", "get", "debian-handbook"]).exit_code == 0
        assert str(handbook.handbook_path()) in runner.invoke(main, ["models", "list"]).stdout

    def test_topics_come_with_python(self):
        text = read_text(TOPICS)
        assert len(text.split()) > 30_000
        assert "assignment" in text
