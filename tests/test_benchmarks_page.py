"""The page of the benchmarks' history: nothing of it is fetched, and what it calls a regression is one."""

import ast
import hashlib
import html
import importlib.util
import json
import re
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SPEC = importlib.util.spec_from_file_location("page_of_benchmarks", ROOT / "benchmarks" / "page.py")
page = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(page)

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
PUBLISHED = """<html><head>
<script src="https://code.example/jquery-3.3.1.min.js" integrity="sha256-a=" crossorigin="anonymous"></script>
<script src="//cdn.example/flot/0.8.3/jquery.flot.time.min.js?v=1&amp;w=2" onerror="js_load_failure()"></script>
<link rel="stylesheet" href="https://cdn.example/bootstrap@3.1.1/bootstrap.min.css" integrity="sha256-b=">
<script language="javascript"
        src="asv.js">
</script>
<link href="asv.css" rel="stylesheet"/>
</head><body><a href="https://project.example/">project</a></body></html>
"""
LIBRARIES = {"jquery.js": b"// one", "jquery.flot.time.js": b"// two", "bootstrap.css": b"/* three */", "md5.js": b"//"}
GRAPH = "graphs/cpu-AMD EPYC/machine-vm/kernels.track_error.json"


@pytest.fixture
def published(tmp_path):
    """A folder as ``asv publish`` leaves it."""
    folder = tmp_path / "html"
    for name, text in {
        "index.html": PUBLISHED,
        "info.json": '{"timestamp": 7}',
        GRAPH: '[[1, [0.5, null]], "</script>\u2028é"]',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_libraries_are_known_by_names_without_version_and_minification():
    pairs = [
        ("jquery-3.3.1.min.js", "jquery.js"),
        ("https://cdn.example/flot/0.8.3/jquery.flot.time.min.js", "jquery.flot-0.8.3.time.min.js"),
        ("js/jquery.flot.orderBars.js", "jquery.flot.orderbars.js"),
        ("bootstrap.min.css", "bootstrap-3.1.0.min.css"),
        ("md5.min.js", "md5.js"),
    ]
    assert all(page.plain(one) == page.plain(other) for one, other in pairs)
    assert len({page.plain(name) for _, name in pairs}) == len(pairs)


def test_libraries_of_an_archive(tmp_path):
    content = {f"{page.BUNDLED}jquery-3.3.1.min.js": b"library", f"{page.RELEASE}/asv/www/asv.js": b"asv's own"}
    with tarfile.open(tmp_path / "release.tar.gz", "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, BytesIO(data))
    assert page.libraries(tmp_path / "release.tar.gz") == {"jquery.js": b"library"}


def test_nothing_of_a_rewritten_page_is_fetched(published):
    page.rewrite(published, LIBRARIES)
    text = (published / "index.html").read_text("utf-8")
    sources = re.findall(r"""<(?:script|link)\b[^>]*?(?:src|href)="([^"]*)""", text)
    assert sources == ["jquery.js", "jquery.flot.time.js", "bootstrap.css", "asv.js", "asv.css", "numbers.js"]
    assert "integrity" not in text
    assert '<a href="https://project.example/">' in text  # a link is followed, not fetched
    assert {name: (published / name).read_bytes() for name in sources[:3]} == {n: LIBRARIES[n] for n in sources[:3]}
    assert not (published / "md5.js").exists()  # not asked for


def test_rewriting_again_changes_nothing(published):
    page.rewrite(published, LIBRARIES)
    once = {file: file.read_bytes() for file in published.rglob("*") if file.is_file()}
    page.rewrite(published, LIBRARIES)
    assert {file: file.read_bytes() for file in published.rglob("*") if file.is_file()} == once


def test_a_page_that_asks_for_an_unknown_library_is_refused_and_left_as_it_was(published):
    with pytest.raises(SystemExit, match=r"asks for https://code\.example/jquery-3\.3\.1\.min\.js"):
        page.rewrite(published, {name: data for name, data in LIBRARIES.items() if name != "jquery.js"})
    assert (published / "index.html").read_text("utf-8") == PUBLISHED


def test_the_archive_is_downloaded_once_and_only_as_it_was_released(tmp_path, monkeypatch):
    calls = []

    def pip(arguments, *, check):
        calls.append(arguments)
        return subprocess.CompletedProcess(arguments, 1)

    monkeypatch.setattr(page.subprocess, "run", pip)
    with pytest.raises(SystemExit, match="as it was released"):
        page.archive(tmp_path)
    assert "download" in calls[0]
    assert (tmp_path / "requirements.txt").read_text() == f"asv==0.5.1 --hash=sha256:{page.DIGEST}\n"
    file = tmp_path / f"{page.RELEASE}.tar.gz"
    file.write_bytes(b"another")
    with pytest.raises(SystemExit, match="as it was released"):
        page.archive(tmp_path)
    monkeypatch.setattr(page, "DIGEST", hashlib.sha256(b"another").hexdigest())
    assert page.archive(tmp_path) == file
    assert len(calls) == 2


ASKING = """<!doctype html><meta charset="utf-8"><script>
var found = {};
var jQuery = {ajaxTransport: function (kind, made) {
  var ask = function (url) {
    var transport = made({url: url});
    if (transport) { transport.send({}, function (status, text, answers) { found[url] = [status, answers.text]; }); }
    else { found[url] = "left to the browser"; }
  };
  found.kind = kind;
  ["info.json?_=1", "graphs/cpu-AMD%20EPYC/machine-vm/kernels.track_error.json?timestamp=7", "none.json"].forEach(ask);
  found.early = Object.keys(found);
}};
</script><script src="numbers.js"></script><script>
setTimeout(function () { document.documentElement.dataset.found = JSON.stringify(found); }, 50);
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_numbers_are_answered_in_a_browser(published, tmp_path):
    page.rewrite(published, LIBRARIES)
    (published / "asking.html").write_text(ASKING, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
    flags += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={tmp_path / 'user'}"]
    command = [str(CHROMIUM), *flags, "--virtual-time-budget=5000", "--dump-dom", (published / "asking.html").as_uri()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    kept = re.search(r'data-found="([^"]*)"', ran.stdout)
    assert kept, ran.stderr[-2000:]
    assert json.loads(html.unescape(kept.group(1))) == {
        "kind": "json",
        "info.json?_=1": [200, '{"timestamp": 7}'],
        f"{GRAPH.replace(' ', '%20')}?timestamp=7": [200, (published / GRAPH).read_text("utf-8")],
        "none.json": "left to the browser",
        "early": ["kind", "none.json"],  # asv's page is not ready for answers inside the request
    }


def tracked():
    """The names of all benchmarks, as asv gives them."""
    for file in (ROOT / "benchmarks").glob("*.py"):
        for group in ast.parse(file.read_text("utf-8")).body:
            if isinstance(group, ast.ClassDef):
                functions = (each.name for each in group.body if isinstance(each, ast.FunctionDef))
                yield from (
                    f"{file.stem}.{group.name}.{name}"
                    for name in functions
                    if name.startswith(("track_", "time_", "peakmem_"))
                )


def test_settings_of_regressions_are_about_benchmarks_that_exist():
    settings = json.loads((ROOT / "asv.conf.json").read_text("utf-8"))
    names = set(tracked())
    assert "kernels.StaticCosts.track_registers" in names
    for key in ("regressions_first_commits", "regressions_thresholds"):
        assert settings[key]
        for pattern in settings[key]:
            assert any(re.match(pattern, name) for name in names), (
                pattern
            )  # asv takes patterns from the first letter on
