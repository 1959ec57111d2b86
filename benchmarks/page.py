"""Makes the page that ``asv publish`` wrote self-contained, so that it opens from disk and without a network.

asv's page loads its libraries from public servers, and its numbers by requests that browsers refuse to a page opened
from disk. ``python benchmarks/page.py [FOLDER]`` puts both into the folder. The libraries come from the archive of
asv 0.5.1, the last release that brought them along: pip downloads it, once, and holds it to its digest.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

FOLDER = Path(".asv/html")
CACHE = Path(".asv/libraries")
RELEASE = "asv-0.5.1"
DIGEST = "805fc3cc46c0bcf3e7baeaa16a12e4b92f1276c25490db4cb80fc541afa52bfc"
BUNDLED = f"{RELEASE}/asv/www/vendor/"
NUMBERS = "numbers.js"
EXTERNAL = re.compile(
    r"""<script\b[^>]*?\bsrc="(?P<script>(?:https?:)?//[^"]+)"[^>]*>\s*</script>"""
    r"""|<link\b[^>]*?\bhref="(?P<style>(?:https?:)?//[^"]+)"[^>]*>"""
)
ANSWER = """jQuery.ajaxTransport("json", function (options) {
    var text = files[decodeURIComponent(options.url.split("?")[0])];
    if (text === undefined) { return undefined; }
    return {
        send: function (headers, complete) { setTimeout(complete, 0, 200, "success", {text: text}); },
        abort: function () {}
    };
});
"""
"""jQuery's own hook for requests: what is in ``files`` is answered from there, later as a server would."""


def plain(name: str) -> str:
    """The name of a library's file without version and minification: ``jquery.flot-0.8.3.time.min.js`` is
    ``jquery.flot.time.js``."""
    return re.sub(r"-\d+(\.\d+)*|\.min(?=\.)", "", PurePosixPath(name).name).lower()


def libraries(archive: Path) -> dict[str, bytes]:
    """The files of all libraries in the archive, by their ``plain`` names."""
    with tarfile.open(archive) as files:
        members = [member for member in files if member.isfile() and member.name.startswith(BUNDLED)]
        return {plain(member.name): handle.read() for member in members if (handle := files.extractfile(member))}


def localised(page: str, available: Mapping[str, bytes]) -> tuple[str, frozenset[str]]:
    """The page with a local file for each external one, and which they are.

    Raises ``SystemExit`` for a page that asks for anything that is not available.
    """
    used: set[str] = set()

    def local(tag: re.Match[str]) -> str:
        address = html.unescape(tag["script"] or tag["style"])
        name = plain(address.partition("?")[0])
        if name not in available:
            raise SystemExit(f"asv's page asks for {address}, which {RELEASE} does not have")
        used.add(name)
        return f'<script src="{name}"></script>' if tag["script"] else f'<link rel="stylesheet" href="{name}">'

    return EXTERNAL.sub(local, page), frozenset(used)


def numbers(folder: Path) -> str:
    """A script that answers the page's requests for the ``.json`` files of the folder."""
    files = {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in sorted(folder.rglob("*.json"))}
    return f"(function (files) {{\n{ANSWER}}})({json.dumps(files, indent=0)});\n"


def rewrite(folder: Path, available: Mapping[str, bytes]) -> None:
    """Make the published page in ``folder`` self-contained. A second time changes nothing."""
    index = folder / "index.html"
    page, used = localised(index.read_text("utf-8"), available)
    for name in used:
        (folder / name).write_bytes(available[name])
    (folder / NUMBERS).write_text(numbers(folder), encoding="utf-8")
    tag = f'<script src="{NUMBERS}"></script>\n'
    index.write_text(page if tag in page else page.replace("</head>", f"{tag}</head>", 1), encoding="utf-8")


def archive(cache: Path) -> Path:
    """The archive with the libraries, from the cache or downloaded by pip, its digest verified."""
    file = cache / f"{RELEASE}.tar.gz"
    if file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == DIGEST:
        return file
    cache.mkdir(parents=True, exist_ok=True)
    wanted = cache / "requirements.txt"
    wanted.write_text(f"{RELEASE.replace('-', '==')} --hash=sha256:{DIGEST}\n", encoding="utf-8")
    options = ["--quiet", "--no-deps", "--no-binary=:all:", f"--dest={cache}", f"--requirement={wanted}"]
    if subprocess.run([sys.executable, "-m", "pip", "download", *options], check=False).returncode:
        raise SystemExit(f"pip cannot get {RELEASE} as it was released: the page still loads from public servers")
    return file


def main() -> None:
    """Rewrite the page in the folder that is named, or in asv's own."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    if not (folder / "index.html").is_file():
        raise SystemExit(f"no page in {folder}: asv publish makes one")
    rewrite(folder, libraries(archive(CACHE)))
    print(f"{folder / 'index.html'} needs no network and no server")


if __name__ == "__main__":
    main()
