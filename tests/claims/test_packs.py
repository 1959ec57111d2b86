"""Packs, claim files and selections; what may be imported when; what an installation contains."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from claims.catalogue import load_catalogue, split_selection, to_plain
from claims.discovery import installed
from claims.errors import BadOption, InvalidClaimFile, InvalidDeclaration, NothingSelected, UnknownClaim
from claims.packs import Pack, load_file

ROOT = Path(__file__).parents[2]

HEAD = """
from claims.bands import within
from claims.claim import Claim, Paper
from claims.experiment import experiment, grid
from claims.kinds import mean

def measured(point, streams):
    return {"x": streams.numpy("x").normal()}

BLOCK = experiment(measured)
BAND = within(0.0, abs=1.0, provenance="author", because="a toy")

def toy(name, **fields):
    return Claim(id=f"toy.{name}", locus="section 1", statement="A toy.", test=mean(BLOCK["x"]), band=BAND, rival=9.0,
                 **fields)
"""


@pytest.fixture
def claim_file(tmp_path, monkeypatch):
    """Writes a claim file under a name of its own; forgets it afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(body: str, *, head: str = HEAD, name: str | None = None) -> Path:
        path = tmp_path / (name or f"claims_{tmp_path.name.replace('-', '_')}.py")
        path.write_text(head + body)
        return path

    yield write
    for name, module in tuple(sys.modules.items()):
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(tmp_path):
            del sys.modules[name]


BODY = """
PAPER = Paper(key="toy", title="Toys")
ONE = toy("theorem-1.rate", decides="standard")
TABLE = tuple(toy(f"table-1.row-{i}", role="ours") for i in range(3))
SAME = ONE
"""


def test_claims_at_module_level_and_in_tuples_are_collected_once(claim_file):
    catalogue = load_catalogue([claim_file(BODY)])
    assert list(catalogue.claims) == [
        "toy.theorem-1.rate",
        "toy.table-1.row-0",
        "toy.table-1.row-1",
        "toy.table-1.row-2",
    ]
    assert catalogue.papers["toy"].title == "Toys"


def test_a_paper_that_is_not_declared_is_named_by_its_key(claim_file):
    assert load_catalogue([claim_file("A = toy('a')\n")]).papers["toy"].title == "toy"


def test_its_experiment_can_be_measured_from_the_file_alone(claim_file, audit):
    catalogue = load_catalogue([claim_file(BODY)])
    result = audit(catalogue.claims.values(), tier="full")
    assert {each.verdict.value for each in result.claims} <= {"HOLDS", "UNDECIDED"}
    assert catalogue.paths == (str(claim_file(BODY).parent),)


@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        ([], "0123"),
        (["toy.theorem-1.rate"], "0"),
        (["toy.table-1.*"], "123"),
        (["*row-[02]"], "13"),
        (["paper:toy"], "0123"),
        (["paper:other"], UnknownClaim),
        (["kind:mean"], "0123"),
        (["kind:rat*"], NothingSelected),
        (["role:ours"], "123"),
        (["tier:standard"], "0"),
        (["tier:full"], UnknownClaim),
        (["toy.table-1.row-2", "toy.theorem-1.rate"], "03"),
        (["nothing.*"], NothingSelected),
        (["nothing.*", "kind:zzz[12]"], NothingSelected),
        (["nothing.*", "toy.*"], UnknownClaim),
        (["toy.*", "kind:rat*"], UnknownClaim),
        (["toy.*", "toy.theorem-9.rate"], UnknownClaim),
    ],
)
def test_selections(claim_file, selection, ids):
    catalogue = load_catalogue([claim_file(BODY)])
    if not isinstance(ids, str):
        with pytest.raises(ids):
            catalogue.select(selection)
    else:
        every = list(catalogue.claims)
        assert [claim.id for claim in catalogue.select(selection)] == [every[int(i)] for i in ids]


def test_an_unknown_id_offers_the_nearest(claim_file):
    catalogue = load_catalogue([claim_file(BODY)])
    with pytest.raises(UnknownClaim, match=r"Nearest: toy\.theorem-1\.rate"):
        catalogue.select(["toy.theorem-1.rat"])
    with pytest.raises(UnknownClaim, match="claimbench list"):
        catalogue.select(["zzz"])


@pytest.mark.parametrize(
    ("asked", "offered"),
    [
        (["paper:tpy"], "paper:toy"),
        (["kind:meen"], "kind:mean"),
        (["kind:ratio"], "kind:mean"),  # nothing comes near, but there are not many
        (["role:our"], "role:ours"),
        (["tier:full"], "tier:smoke, tier:standard"),
        (["toy.*", "toy.table-2.*"], "toy.table-1.row-0, toy.table-1.row-1, toy.table-1.row-2"),
        (["toi.theorem-1.rat?"], "toy.table-1.row-1, toy.table-1.row-2, toy.theorem-1.rate"),
    ],
)
def test_a_selection_without_a_match_offers_what_there_is(claim_file, asked, offered):
    catalogue = load_catalogue([claim_file(BODY)])
    with pytest.raises((UnknownClaim, NothingSelected)) as caught:
        catalogue.select(asked)
    nearest = str(caught.value).partition("Nearest: ")[2].rstrip(".").split(", ")
    assert sorted(nearest) == offered.split(", ")


@pytest.mark.parametrize(("selection", "allowed"), [("colour:red", "paper:"), ("tier:weekly", "tier:smoke")])
def test_a_malformed_selection_says_what_is_allowed(claim_file, selection, allowed):
    with pytest.raises(BadOption, match=allowed):
        load_catalogue([claim_file(BODY)]).select([selection])


def test_files_are_told_from_other_selections():
    assert split_selection(["a.py", "toy.*", "b/claims_x.py"]) == ([Path("a.py"), Path("b/claims_x.py")], ["toy.*"])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("A = toy('Not-An-Id')\n", "id: got 'toy.Not-An-Id'"),
        ("A = toy('a', decides='weekly')\n", "decides: got 'weekly'; allowed: smoke, standard, full"),
        ("A = toy('a', expected='REFUTED')\n", "finding"),
        ("A = toy('a', colour='red')\n", "colour"),
        ("A = undefined_name\n", "undefined_name"),
        ("A = 1 / 0\n", "ZeroDivisionError"),
        ("A = grid(n=[])\n", "grid.n"),
    ],
)
def test_a_malformed_file_is_named_with_line_and_field(claim_file, body, words):
    path = claim_file(body)
    with pytest.raises(InvalidClaimFile) as caught:
        load_catalogue([path])
    assert words in str(caught.value)
    if "toy(" in body:  # raised inside the helper, which is in this file too
        assert str(caught.value).startswith(f"{path}:")
    else:
        assert str(caught.value).startswith(f"{path}:{HEAD.count(chr(10)) + 1}: ")


def test_a_syntax_error_is_named_with_its_line(claim_file):
    path = claim_file("def broken(:\n")
    with pytest.raises(InvalidClaimFile, match=rf"{path}:{HEAD.count(chr(10)) + 1}: "):
        load_catalogue([path])


def test_a_file_without_claims_is_refused(claim_file):
    with pytest.raises(InvalidClaimFile, match="declares no Claim"):
        load_catalogue([claim_file("", name="claims_empty_here.py")])


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidClaimFile, match="no such file"):
        load_catalogue([tmp_path / "claims_absent.py"])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "claims_binary.py"
    path.write_bytes(b"\xff\xfe\x00bad")
    with pytest.raises(InvalidClaimFile, match="claims_binary"):
        load_catalogue([path])


@pytest.mark.parametrize(
    ("encoding", "head"), [("utf-8-sig", ""), ("latin-1", "# coding: latin-1\n"), ("utf-8", "# Größe ≤ 1\n")]
)
def test_a_file_in_any_encoding_that_python_reads_can_be_measured(claim_file, audit, encoding, head):
    """Editors on Windows write a byte order mark."""
    path = claim_file("")
    path.write_bytes((head + HEAD + BODY + "UNIT = 'Größe'\n").encode(encoding))
    catalogue = load_catalogue([path])
    assert sys.modules[path.stem].UNIT == "Größe"
    result = audit(catalogue.claims.values(), tier="smoke")
    assert {str(each.verdict) for each in result.claims} <= {"HOLDS", "UNDECIDED"}


def test_a_name_that_cannot_be_imported_is_refused(claim_file):
    with pytest.raises(InvalidClaimFile, match="identifier"):
        load_catalogue([claim_file(BODY, name="claims-mine.py")])


def test_a_name_that_is_taken_is_refused(claim_file):
    with pytest.raises(InvalidClaimFile, match="exists already"):
        load_catalogue([claim_file(BODY, name="statistics.py")])


@pytest.mark.parametrize("first", ["one", "two"])
def test_helpers_of_one_name_in_two_folders_are_refused(tmp_path, monkeypatch, first):
    """Whichever is imported first would be both, and its values would be measured for the other's claims."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = f"helper_{tmp_path.name.replace('-', '_')}"
    files = {}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        files[folder] = tmp_path / folder / f"claims_{folder}_{name}.py"
        files[folder].write_text(f"from {name}_within import VALUE\n" + HEAD + f"A = toy('{folder}')\n")
        (tmp_path / folder / f"{name}_within.py").write_text(f"from {name} import VALUE\n" if folder == first else "")
        (tmp_path / folder / f"{name}.py").write_text(f"VALUE = '{folder}'\n")
    second = "two" if first == "one" else "one"
    try:
        with pytest.raises(
            InvalidClaimFile, match=rf"means .*{second}/{name}_within.py, but .*{first}/.* has that name"
        ):
            load_catalogue([files[first], files[second]])
    finally:
        for each in (name, f"{name}_within", *(file.stem for file in files.values())):
            sys.modules.pop(each, None)


def test_a_helper_with_the_name_of_a_library_is_refused(claim_file):
    path = claim_file("import statistics\nA = toy('a')\n")
    (path.parent / "statistics.py").write_text("mean = max\n")
    with pytest.raises(InvalidClaimFile, match=r"imports statistics, and means .*: rename one of them"):
        load_catalogue([path])


def test_two_claims_of_one_id_are_refused(claim_file):
    with pytest.raises(InvalidDeclaration, match=r"id: got 'toy\.a'"):
        load_catalogue([claim_file("A = toy('a')\nB = toy('a')\n")])


def test_two_claims_of_one_id_are_named_with_their_lines(claim_file):
    spelt = HEAD.replace('f"toy.{name}"', "name")
    path = claim_file("A = toy('toy.a')\n\nB = toy('toy.a')\n", head=spelt)
    first = spelt.count("\n") + 1
    with pytest.raises(InvalidDeclaration, match=rf"{path}:{first}, {first + 2}\)$"):
        load_catalogue([path])


def test_two_files_with_one_id_are_both_named(claim_file):
    one = claim_file("A = toy('a')\n", name="claims_twin_one.py")
    two = claim_file("B = toy('a')\n", name="claims_twin_two.py")
    with pytest.raises(InvalidDeclaration, match=rf"id: got 'toy\.a'.*{one} and {two}"):
        load_catalogue([one, two])
    assert list(load_catalogue([one, one]).claims) == ["toy.a"]


WRONG = "A = toy('alpha', expected='REFUTED', finding='Wrong.', corrected_by={!r})\n"


def test_a_correction_that_is_nowhere_is_refused(claim_file):
    path = claim_file(WRONG.format("toy.alpa"))
    with pytest.raises(InvalidDeclaration, match=rf"{path}.*: toy\.alpha: corrected_by: got 'toy\.alpa'; .*toy\.alpha"):
        load_catalogue([path])


def test_a_correction_has_to_be_expected_to_hold(claim_file):
    other = "B = toy('b', role='control', expected='REFUTED', finding='Wrong too.')\n"
    with pytest.raises(InvalidDeclaration, match=r"corrected_by: got 'toy\.b'; allowed: .*HOLDS"):
        load_catalogue([claim_file(WRONG.format("toy.b") + other)])


def test_a_correction_may_be_in_a_file_beside_or_in_an_installed_pack(claim_file):
    beside = claim_file("B = toy('b')  # that is 'toy.b'\n", name="claims_beside_it.py")
    path = claim_file(WRONG.format("toy.b"))
    assert list(load_catalogue([path]).claims) == ["toy.alpha"]
    assert list(load_catalogue([path, beside]).claims) == ["toy.alpha", "toy.b"]
    installed_one = claim_file(WRONG.format("sign-magnitude.thm3.c-pre"), name="claims_of_a_pack.py")
    assert list(load_catalogue([installed_one]).claims) == ["toy.alpha"]


def test_a_selection_that_names_nothing_offers_papers_and_kinds(claim_file):
    catalogue = load_catalogue([claim_file(BODY)])
    for slip, offered in {"paper:toys": "paper:toy", "kind:meen": "kind:mean", "kind:zzz": "kind:mean"}.items():
        with pytest.raises(UnknownClaim, match=f"Nearest: {offered}"):
            catalogue.select([slip])


def test_a_file_of_a_package_is_known_by_its_dotted_name(tmp_path, monkeypatch):
    """The modules of a pack can be audited as files too: same module, same experiments, same evidence."""
    import claims.papers.sign_magnitude as pack

    name = pack.PACK.modules[0]
    module = importlib.import_module(name)
    assert load_file(Path(module.__file__)) is module


class TestPack:
    def test_the_installed_pack_is_whole(self):
        packs = installed()
        assert packs["sign-magnitude"].paper.identifier == "arxiv:2605.18933"
        catalogue = load_catalogue()
        assert len(catalogue.claims) == len(set(catalogue.claims))
        assert all(claim.paper in catalogue.papers for claim in catalogue.claims.values())
        for claim in catalogue.claims.values():
            assert json.dumps(to_plain(claim))

    def test_reasons_for_what_is_no_claim_are_collected(self, claim_file):
        from claims.claim import Paper

        path = claim_file("A = toy('a')\nNOT_CLAIMS = {'section 8': 'an opinion'}\n")
        load_file(path)
        pack = Pack(paper=Paper(key="toy", title="Toys"), modules=(path.stem,), api="1")
        assert pack.not_claims() == {"section 8": "an opinion"}
        assert [claim.id for claim in pack.claims()] == ["toy.a"]


def child(script: str) -> str:
    """What a script prints in a process of its own, with nothing but installed packages on its path."""
    command = [sys.executable, "-P", "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


HEAVY = {"torch", "scipy", "statsmodels", "numpy", "hypothesis", "mpmath", "pandas"}
LOADED = "print(sorted({name.partition('.')[0] for name in sys.modules}))"


@pytest.mark.parametrize(
    "modules",
    [
        "claims",
        "claims.packs, claims.claim, claims.bands, claims.experiment, claims.paper, claims.errors, claims.streams",
        "claims.kinds, claims.verdict, claims.auditing.decision, claims.auditing.trial",
        "claims.evidence.store, claims.evidence.fingerprint",
        "claims.papers.sign_magnitude",
    ],
)
def test_declaring_imports_nothing_heavy(modules):
    loaded = set(eval(child(f"import sys; import {modules}; {LOADED}")))
    assert loaded & HEAVY == set()


def test_listing_the_whole_catalogue_imports_nothing_heavy():
    script = f"import sys; from claims.catalogue import load_catalogue; load_catalogue(); {LOADED}"
    loaded = set(eval(child(script)))
    assert loaded & HEAVY == set()


def test_kernels_is_no_module_of_its_own():
    """A top-level module of that name would stand in the way of other libraries' imports."""
    assert importlib.util.find_spec("kernels") is None, "run pytest with PYTHONSAFEPATH=1, as `make test` does"
    assert importlib.util.find_spec("claims.kernels") is not None
    assert not any(name == "kernels" or name.startswith("kernels.") for name in sys.modules)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel of the tree as it is, without the compiled library: what it contains is the question here."""
    source = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", "*.so")
    for folder in ("src", "kernels"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignore)
    for file in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source / file)
    target = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(target),
        ".",
    ]
    environment = os.environ | {
        "CXX": "no-such-compiler-here",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    ran = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (built,) = target.glob("*.whl")
    return built


def test_the_wheel_contains_what_the_tree_does(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    top = {name.partition("/")[0] for name in names}
    assert {part for part in top if not part.endswith(".dist-info")} == {"claims"}
    for folder, package in (("src/claims", "claims"), ("kernels", "claims/kernels")):
        for path in (ROOT / folder).rglob("*"):
            if (
                path.suffix in (".py", ".json", ".toml", ".html", ".css", ".js", ".typed", ".jinja", ".txt")
                and "__pycache__" not in path.parts
            ):
                inside = f"{package}/{path.relative_to(ROOT / folder).as_posix()}"
                assert inside in names, inside
    assert not any("test" in name.split("/")[0] for name in names)


def test_the_wheel_runs_without_its_tree(wheel, tmp_path):
    """Unpacked on its own: the kernels are importable as a part of claims and not otherwise, the pack is whole."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "sys.meta_path[:] = [finder for finder in sys.meta_path if 'editable' not in repr(finder).lower()]\n"
        "import importlib.util, claims, claims.kernels, claims.papers.sign_magnitude as pack\n"
        "print(claims.__file__, claims.kernels.__file__, importlib.util.find_spec('kernels'), pack.PACK.paper.number)"
    )
    where, kernels, top, number = child(script).split()
    assert Path(where).is_relative_to(tmp_path)
    assert Path(kernels).is_relative_to(tmp_path)
    assert (top, number) == ("None", "pith:2026:VJ2QILQHZ55UCRVH43VBFKUOTQ")


def checked(*words: str | Path, cwd: Path) -> str:
    """What a command prints, which has to succeed, in the environment that a stranger has."""
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "MYPY", "VIRTUAL_ENV"))}
    ran = subprocess.run([*map(str, words)], cwd=cwd, capture_output=True, text=True, check=False, env=clean)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def core(wheel, tmp_path_factory):
    """The programs of an environment that has the wheel and what its core asks for, and no extra."""
    folder = tmp_path_factory.mktemp("core")
    checked(sys.executable, "-m", "venv", folder, cwd=folder)
    checked(folder / "bin/python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
    return folder / "bin"


@pytest.mark.slow
def test_the_core_alone_audits_the_example_of_the_readme(core, tmp_path):
    listed = checked(core / "python", "-m", "pip", "list", "--format=freeze", cwd=tmp_path).lower()
    assert "claimbench==" in listed
    assert [name for name in ("torch", "triton", "gguf", "tokenizers", "pyarrow") if f"\n{name}==" in listed] == []
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    example = next(part for part in readme.split("```python\n")[1:] if "from claims import Claim" in part)
    (tmp_path / "claims_mine.py").write_text(example.partition("```")[0])
    document = json.loads(checked(core / "claimbench", "audit", "claims_mine.py", "--json", "-", cwd=tmp_path))
    assert document["counts"]["HOLDS"] == len(document["claims"]) == 1
    assert document["environment"]["torch"] == "not installed"
    assert "pip install 'claimbench[kernels]'" in checked(core / "claimbench", "doctor", cwd=tmp_path)
    first = next(iter(load_catalogue().select(["kind:ratio"]))).id
    checked(core / "claimbench", "list", first, cwd=tmp_path)


@pytest.mark.slow
def test_a_type_checker_sees_an_editable_installation(core, tmp_path):
    """Of a copy, so that this tree's own build folders stay as they are."""
    source = tmp_path / "tree"
    ignore = shutil.ignore_patterns(
        ".*", "__pycache__", "*.egg-info", "*.so", "build", "tests", "results", "benchmarks"
    )
    shutil.copytree(ROOT, source, symlinks=True, ignore=ignore)
    checked(core / "python", "-m", "pip", "install", "-q", "--no-deps", "-e", source, cwd=tmp_path)
    (tmp_path / "typed.py").write_text(
        "from claims import audit, experiment\nfrom claims.kernels import rms_norm\n"
        "reveal_type(experiment('a:b'))\nreveal_type(audit('x').as_expected)\nreveal_type(rms_norm)\n"
    )
    words = ["-m", "mypy", "--strict", "--follow-imports=silent", "--python-executable", core / "python", "typed.py"]
    shown = checked(sys.executable, *words, cwd=tmp_path)
    assert 'Revealed type is "claims.experiment.Experiment"' in shown
    assert 'Revealed type is "bool"' in shown.replace("builtins.", "")
    assert "def (x: " in shown
