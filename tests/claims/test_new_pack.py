"""``claimbench new --pack``: what it writes runs as it stands, from a table too, and what exists is left alone."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from claims.bands import printed
from claims.cli import main
from claims.cli.printed_csv import read_printed
from claims.errors import BadOption

TABLE = """method,MSE,Top-1 (%),note
plain,0.0208,71.2,as is
four over six,0.0171,OOM,
'third' "one",\u22121.5e-3,68.20,-
"""


def cli(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code, (result.output, result.exception)
    return result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; what was imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in tuple(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


def install(pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an editable installation leaves: the metadata, and the folder of sources on the path."""
    project = tomllib.loads((pack / "pyproject.toml").read_text())["project"]
    (points,) = project["entry-points"].values()
    metadata = pack / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[claims.packs]", *lines, ""]))
    monkeypatch.syspath_prepend(str(pack / "src"))


def verdicts(*arguments: str) -> dict[str, str]:
    # its workers would not have the path; the program's own test below has them
    ran = cli("audit", *arguments, "--strict", "--executor", "serial", "--store", "e.sqlite", "--json", "result.json")
    assert "Traceback" not in ran.output
    return {row["id"]: row["verdict"] for row in json.loads(Path("result.json").read_text())["claims"]}


def test_a_new_pack_audits_as_it_stands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("printed.csv").write_text(TABLE, encoding="utf-8")
    said = cli("new", "--pack", "new-pack-paper", "--title", 'A "new" one', "--from-table", "printed.csv").output
    assert "claimbench audit paper:new-pack-paper" in said
    install(folder / "new-pack-paper", monkeypatch)
    found = verdicts("paper:new-pack-paper")
    assert {name.removeprefix("new-pack-paper."): verdict for name, verdict in found.items()} == {
        "eq1.expansion": "HOLDS",
        "eq2.squared-error": "HOLDS",
        "theorem1.half-a-step": "HOLDS",
        "table1.roots": "HOLDS",
        "control.coarse-grid": "REFUTED",
        "control.on-the-edge": "UNDECIDED",
        "table2.plain.mse": "UNAVAILABLE",
        "table2.plain.top-1": "UNAVAILABLE",
        "table2.four-over-six.mse": "UNAVAILABLE",
        "table2.third-one.mse": "UNAVAILABLE",
        "table2.third-one.top-1": "UNAVAILABLE",
    }
    assert "0 missing" in cli("list", "--coverage", "paper:new-pack-paper").output
    kinds = {row["kind"] for row in json.loads(cli("list", "paper:new-pack-paper", "--json").stdout)}
    assert kinds == {"identity", "mean", "search", "table"}


def test_a_new_pack_is_as_formatters_and_linters_want_it(folder: Path) -> None:
    Path("printed.csv").write_text(TABLE, encoding="utf-8")
    titles = (
        "A paper to audit",
        'Of "this" and \\that',
        "'one' or \"two\"",
        'Ends in """',
        "line\nbreak π",
        "\x1b[31mred\x00",
    )
    for i, title in enumerate(titles):
        cli("new", "--pack", f"p{i}", "--title", title, "--from-table", "printed.csv")
        (assigned,) = (
            keyword.value
            for node in ast.walk(ast.parse(Path(f"p{i}/src/p{i}/__init__.py").read_text()))
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if keyword.arg == "title"
        )
        assert ast.literal_eval(assigned) == title.strip()
        assert tomllib.loads(Path(f"p{i}/pyproject.toml").read_text())["project"]["name"] == f"p{i}"
    cli("new", "--pack", "a-name-as-long-as-a-name-of-a-pack-is")
    for words in (("check",), ("format", "--check", "--diff")):
        ran = subprocess.run([sys.executable, "-m", "ruff", *words, "."], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_new_pack_has_what_it_says_and_nothing_that_was_left_to_fill_in(folder: Path) -> None:
    cli("new", "--pack", "plain-one")
    files = {str(path.relative_to("plain-one")) for path in Path("plain-one").rglob("*") if path.is_file()}
    assert {".github/workflows/claims.yml", ".gitignore", "src/plain_one/py.typed", "tests/test_claims.py"} <= files
    assert not any("package" in name or "dot-" in name or name.endswith(".txt") for name in files)
    (job,) = yaml.safe_load(Path("plain-one/.github/workflows/claims.yml").read_text())["jobs"].values()
    assert "claimbench audit paper:plain-one --strict" in " ".join(step.get("run", "") for step in job["steps"])
    for path in Path("plain-one").rglob("*"):
        assert not path.is_file() or "$" not in path.read_text()
    assert oct(Path("plain-one").stat().st_mode & 0o777) == oct(0o777 & ~_umask())


def test_the_errors_that_a_new_pack_plants_are_in_its_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("new", "--pack", "planted-one")
    monkeypatch.chdir("planted-one")
    assert "claimbench sensitivity" in Path("README.md").read_text()
    planted = json.loads(cli("sensitivity", "--list", "--json").stdout)  # refuses one that is not there exactly once
    assert {Path(each["file"]).stem for each in planted} == {"experiments", "statements", "theory"}


@pytest.mark.landing
def test_its_claims_notice_each_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("new", "--pack", "noticing")
    install(folder / "noticing", monkeypatch)
    program = Path(sys.executable).with_name("claimbench")
    command = [str(program), "sensitivity", "--tier", "smoke", "--no-tests", "--json"]
    environment = os.environ | {"PYTHONPATH": "src"}
    ran = subprocess.run(
        command, cwd="noticing", env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    planted = json.loads(ran.stdout)["planted"]
    assert len(planted) == 5
    assert all(each["smoke"] for each in planted)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_what_exists_is_left_alone(folder: Path) -> None:
    (folder / "taken").mkdir()
    (folder / "broken").symlink_to("nowhere")
    for name in ("taken", "broken", "json", "claims", "claims-", "Upper", "9-lives", "class", "x" * 41, "", "../up"):
        said = cli("new", "--pack", name, code=2).output
        assert "--pack" in said
        assert "Traceback" not in said
    assert "FILE" in cli("new", "claims_x.py", "--pack", "both", code=2).output
    assert "--pack" in cli("new", "--from-table", "printed.csv", code=2).output
    assert "--paper" in cli("new", "--pack", "fine", "--paper", "Not Fine", code=2).output
    assert sorted(path.name for path in folder.iterdir()) == ["broken", "taken"]


# Tables


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", "", "a line with the names of columns"),
        ("a,b\n", "", "a line for each row"),
        ("a,b\nx,none\n", "", "a column with figures"),
        ("a\nx\n", ":1", "two or more names"),
        ("a,b,b\nx,1,2\n", ":1", "each once"),
        ("a,,b\nx,1,2\n", ":1", "names of columns"),
        ("claim,b\nx,1\n", ":1", "'claim'"),
        ("a,b\nx,1\n\ny,2,3\n", ":4", "2 cells"),
        ('a,b\nx,"0,36"\n', ":2", 'write "0.36"'),
        ("a,b\nx,71.2%\n", ":2", "a unit"),
        ("a,b\nx,1.0 ± 0.1\n", ":2", "an uncertainty"),
        ("a,b\nx,1\nX!,2\n", ":3", "'x'"),
        ("a,b,B?\nx,1,2\n", ":1", "column"),
        ("a,b\n?,1\n", ":2", "a letter"),
        ('a,b\nx,"1\n', "", "CSV"),
        ("a,b\nx,1\0\n", ":2", "a figure such as"),
        (b"\xff\xfe\x00", "", "UTF-8"),
        ("a,b\n" + "x" * 300 + ",1\n", ":2", "200 characters"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(folder: Path, text: str | bytes, line: str, words: str) -> None:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    said = cli("new", "--pack", "from-bad-table", "--from-table", "t.csv", code=2).output
    assert f"--from-table{' t.csv' if line else ''}{line}: got" in said
    assert words in said
    assert not (folder / "from-bad-table").exists()


def test_a_table_is_read_as_it_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("\ufeffmodel\ta, b\tc\r\n\r\nbig\t41,727\t-\r\nsmall\t.360\tOOM\r\n", encoding="utf-8")
    table = read_printed(path)
    assert (table.name, table.label, table.columns) == ("t", "model", ("a, b",))
    assert [row["a, b"] for row in table.rows] == ["41,727", ".360"]
    assert table.rows[0] == {"claim": "big", "model": "big", "a, b": "41,727", "c": "-"}
    assert all(printed(row["a, b"]) for row in table.rows)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOption, match=r"no\.csv"):
        read_printed(tmp_path / "no.csv")


# The whole of it


@pytest.mark.slow
def test_a_new_pack_passes_its_own_workflow(folder: Path) -> None:
    """Every command of the workflow that it brings, where it is installed as its README says."""
    (folder / "printed.csv").write_text(TABLE, encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", "env"], check=True)
    site = next(folder.glob("env/lib/*/site-packages"))
    (site / "borrowed.pth").write_text("".join(f"{path}\n" for path in sys.path if "site-packages" in path))
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "MYPY", "VIRTUAL_ENV"))}
    clean["PATH"] = os.pathsep.join([str(folder / "env/bin"), str(Path(sys.executable).parent), clean["PATH"]])

    def run(line: str, cwd: Path) -> str:
        ran = subprocess.run(["bash", "-ec", line], cwd=cwd, env=clean, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    root = Path(__file__).parents[2]
    run(f"python -m pip install -q --no-deps {root}", folder)
    run("claimbench new --pack whole-paper --from-table printed.csv", folder)
    pack = folder / "whole-paper"
    workflow = (pack / ".github/workflows/claims.yml").read_text()
    lines = [line.partition("- run: ")[2] for line in workflow.splitlines() if "- run: " in line]
    assert len(lines) == 7
    for line in lines:
        words = line.replace("python -m pip install", "python -m pip install -q --no-deps")
        run(re.sub(r"^(ruff|mypy|pytest)", r"python -m \1", words), pack)  # borrowed, and so without their programs
    (pack / "src/whole_paper/theory.py").write_text(
        (pack / "src/whole_paper/theory.py").read_text().replace("step**2 / 12", "step**2 / 11")
    )
    broken = subprocess.run(
        ["claimbench", "audit", "paper:whole-paper"], cwd=pack, env=clean, capture_output=True, text=True, check=False
    )
    assert broken.returncode == 1
    assert "whole-paper.eq2.squared-error" in broken.stdout
