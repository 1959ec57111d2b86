"""Evidence is kept while the code that made it means the same, and measured again once it does not."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest
from kit import claim

from claims.auditing.loop import Observer, run
from claims.auditing.planning import plan
from claims.errors import InvalidDeclaration
from claims.evidence import fingerprint
from claims.evidence.fingerprint import code_fingerprint, code_of, environment
from claims.evidence.measure import Task, measure
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import mean, search
from claims.verdict import Tier

MODEL = '''
"""A model."""
import math
from typing import TYPE_CHECKING

from {name}_helper import scale

if TYPE_CHECKING:
    from collections.abc import Mapping


def measured(point, streams):
    """One value."""
    # a comment
    return {{"x": scale(streams.numpy("x").normal())}}
'''
HELPER = """
def scale(x):
    return 2.0 * x
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A module and its helper, of names of their own; ``print()`` is their fingerprint as a new process takes it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"finger_{tmp_path.name.replace('-', '_')}"

    class Package:
        module = name
        target = f"{name}:measured"

        def write(self, model: str = MODEL, helper: str = HELPER) -> None:
            (tmp_path / f"{name}.py").write_text(textwrap.dedent(model).format(name=name))
            (tmp_path / f"{name}_helper.py").write_text(textwrap.dedent(helper))

        def print(self, *more: str) -> str:
            fingerprint.forget_files()
            return code_fingerprint(self.target, *more)

    package = Package()
    package.write()
    yield package
    for module in (name, f"{name}_helper"):
        sys.modules.pop(module, None)


@pytest.mark.parametrize(
    "same",
    [
        MODEL.replace("# a comment", "# quite another comment\n"),
        MODEL.replace('"""A model."""', '"""The same model, explained at length."""'),
        MODEL.replace('    """One value."""\n', ""),
        MODEL.replace("import math\n", "import math\n\n\n"),
        MODEL.replace('return {{"x": ', 'return {{\n        "x": '),
        MODEL.replace("collections.abc import Mapping", "collections.abc import Sequence"),
    ],
    ids=["comment", "docstring", "no docstring", "blank lines", "layout", "type-checking import"],
)
def test_what_does_not_run_does_not_count(package, same):
    before = package.print()
    assert same != MODEL
    package.write(model=same)
    assert package.print() == before


@pytest.mark.parametrize(
    ("model", "helper"),
    [
        (MODEL.replace("normal()", "normal(1.0)"), HELPER),
        (MODEL.replace('"x")', '"y")'), HELPER),
        (MODEL, HELPER.replace("2.0", "2.5")),
        (MODEL, HELPER + "\n\ndef more():\n    return 1\n"),
        (MODEL + "\nmath.tau = 6\n", HELPER),
    ],
    ids=["code", "a stream's name", "a constant of the helper", "the helper's code", "module level"],
)
def test_what_runs_counts(package, model, helper):
    before = package.print()
    package.write(model, helper)
    assert package.print() != before


@pytest.mark.parametrize(
    "statement",
    ["from {name}_helper import scale", "import {name}_helper", "from {name}_helper import (\n    scale as s,\n)"],
)
def test_a_helper_counts_however_it_is_imported(package, statement):
    inside = f"def measured(point, streams):\n    {statement}\n"
    package.write(model=inside)
    before = package.print()
    package.write(model=inside, helper=HELPER.replace("2.0", "3.0"))
    assert package.print() != before


@pytest.mark.parametrize("look", ['globals()["hidden"]', 'vars(sys.modules[__name__])["hidden"]', 'eval("hidden")'])
def test_what_is_looked_up_by_a_computed_name_counts(package, look):
    """Code that can reach anything in its module keeps everything in it."""
    module = f"def hidden(x):\n    return 2.0 * x\n\ndef measured(point, streams):\n    return {look}(1.0)\n"
    package.write(f"import sys\n\n{module}")
    before = package.print()
    package.write(f"import sys\n\n{module.replace('2.0', '3.0')}")
    assert package.print() != before


def test_a_helper_of_a_helper_counts(package, tmp_path):
    deeper = tmp_path / f"{package.module}_deeper.py"
    deeper.write_text("FACTOR = 2.0\n")
    helper = f"from {package.module}_deeper import FACTOR\n\n\ndef scale(x):\n    return FACTOR * x\n"
    package.write(helper=helper)
    before = package.print()
    deeper.write_text("FACTOR = 2.5\n")
    assert package.print() != before


def test_modules_that_import_each_other_end(package):
    package.write(helper=f"import {package.module}\n" + HELPER)
    assert package.print()


def test_a_subpackage_counts_with_relative_imports(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "finger_package" / "inner"
    folder.mkdir(parents=True)
    (tmp_path / "finger_package" / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text("from . import near\nfrom ..far import FAR\n")
    (folder / "near.py").write_text("NEAR = 1\n")
    (tmp_path / "finger_package" / "far.py").write_text("FAR = 1\n")

    def taken() -> str:
        return code_fingerprint("finger_package.inner.model:f")

    prints = [taken()]
    for file in (folder / "near.py", tmp_path / "finger_package" / "far.py"):
        file.write_text(file.read_text().replace("1", "2"))
        prints.append(taken())
    assert len(set(prints)) == 3


def test_a_module_in_another_folder_counts(package, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "finger_stranger.py").write_text("X = 1\n")
    monkeypatch.syspath_prepend(str(other))
    package.write(model="import finger_stranger\nimport numpy\n" + MODEL)
    before = package.print()
    (other / "finger_stranger.py").write_text("X = 2\n")
    assert package.print() != before


def test_declaring_and_deciding_measure_nothing(package):
    """A claim file that holds its experiment imports the harness, whose verdicts do not change what was measured."""
    package.write()
    plain = package.print()
    package.write(model="from claims.claim import Claim\nfrom claims.kinds import mean\n" + MODEL)
    declaring = package.print()
    assert declaring != plain  # its own code changed
    modules = code_of(package.target).modules
    assert modules == {package.module, f"{package.module}_helper", "claims.streams", "claims.evidence.canonical"}


def test_a_function_of_main_is_refused():
    """A notebook's cell can be run again with other code, and no file says so."""
    with pytest.raises(InvalidDeclaration, match="'__main__:drawn'; allowed: a function of a module or claim file"):
        code_fingerprint("__main__:drawn")


def test_kernels_count_with_their_sources():
    parts = code_of("claims.kernels").parts
    assert {"claims.kernels/norm.cpp", "claims.kernels/perturb.cpp"} <= set(parts)


def test_an_operation_counts_though_its_package_loads_it_when_asked(package):
    """``from claims.kernels import rms_norm`` names no module: the package finds it in ``norm``."""
    package.write(model="from claims.kernels import rms_norm\n" + MODEL)
    modules = code_of(package.target).modules
    assert {"claims.kernels.norm", "claims.kernels.dispatch", "claims.kernels.native"} <= modules
    assert "claims.kernels.ternary" not in modules


def test_a_statement_that_the_point_names_counts(package, tmp_path):
    """The search's own experiment is the harness's; what it searches is named in its base point."""
    test = search(f"{package.module}:measured")
    identities = []
    for helper in (HELPER, HELPER.replace("2.0", "2.5")):
        package.write(helper=helper)
        package.print()
        (measurement,) = plan([claim(test)], tier=Tier.FULL).measurements()
        identities.append(package.print(measurement.base and dict(measurement.base)["statement"]))
    assert identities[0] != identities[1]


def test_changed_code_is_measured_again_and_a_changed_comment_is_not(package, tmp_path):
    made = claim(mean(experiment(package.target)["x"]), at=grid(k=1), rival=9.0)
    path = tmp_path / "evidence.sqlite"

    def measured() -> tuple[int, int]:
        package.print()
        sys.modules.pop(package.module, None)
        sys.modules.pop(f"{package.module}_helper", None)
        with Store(path) as store:
            result = run(plan([made], tier=Tier.SMOKE), store)
        return result.measured, result.cached

    first = measured()
    assert first[0] > 0
    assert measured() == (0, first[0])
    package.write(model=MODEL.replace("# a comment", "# another"))
    assert measured() == (0, first[0])
    package.write(helper=HELPER.replace("2.0", "2.000001"))
    assert measured()[0] > 0


def test_editing_a_file_during_the_audit_does_not_mislabel_what_runs_on(package, tmp_path):
    """The code that was loaded goes on running, and its evidence goes on being stored as its own."""
    made = claim(mean(experiment(package.target)["x"]), at=grid(k=1), rival=9.0)
    before = package.print()

    def edit(measurement, seeds, seconds):
        package.write(helper=HELPER.replace("2.0", "7.0"))
        package.print()

    with Store(tmp_path / "evidence.sqlite") as store:
        result = run(plan([made], tier=Tier.FULL), store, observer=Observer(measured=edit))
        assert result.measured > 8
        assert {content["code"] for content in store.identities().values()} == {before}
    assert package.print() != before
    assert abs(result.claims[0].speaker.judgement.estimate) < 2.0


CHANGES_ITSELF = (
    MODEL
    + """

def edited(point, streams):
    import pathlib
    edited_file = pathlib.Path(point["file"])
    edited_file.write_text(edited_file.read_text().replace("2.0", point["to"]))
    from {name}_late import late
    return {{"x": late(streams.numpy("x").normal())}}
"""
)


@pytest.mark.parametrize(("to", "verdict"), [("2.0", "HOLDS"), ("2.00", "HOLDS"), ("7.0", "ERROR")])
def test_what_was_imported_after_an_edit_is_not_stored_as_the_code_before(package, tmp_path, to, verdict):
    """An experiment imports a helper when it runs; that file is written after the fingerprint was taken."""
    late = tmp_path / f"{package.module}_late.py"
    late.write_text("def late(x):\n    return 0.05 * x * 2.0\n")
    package.write(model=CHANGES_ITSELF)
    fixed = {"file": str(late), "to": to}
    made = claim(mean(experiment(f"{package.module}:edited", fixed=fixed)["x"]), at=grid(k=1), rival=9.0)
    package.print()
    try:
        with Store(tmp_path / "evidence.sqlite") as store:
            result = run(plan([made], tier=Tier.SMOKE), store)
            stored = len(list(store.rows()))
    finally:
        sys.modules.pop(f"{package.module}_late", None)
    assert result.claims[0].verdict == verdict
    if verdict == "ERROR":
        assert stored == 0
        assert "changed after the audit had begun" in result.claims[0].speaker.judgement.reason


def test_a_later_edit_does_not_disturb_a_process_that_has_imported_everything(package, tmp_path):
    task = Task(package.target, package.target, (("k", 1),), (), 7, (0, 1), (), package.print())
    first = measure(task)
    package.write(helper=HELPER.replace("2.0", "7.0"))
    assert [outcome.records for outcome in measure(task)] == [outcome.records for outcome in first]
    assert all(outcome.records for outcome in first)


@pytest.mark.parametrize(
    "named", ['"data/rows.toml"', '"{name}:data/rows.toml"', 'f"{name}:data" + "/rows.toml"'.replace('f"', '"')]
)
def test_data_that_the_code_names_counts(package, tmp_path, named):
    package.write(model=MODEL.replace("    # a comment", f"    path = {named}"))
    before = package.print()
    data = tmp_path / "data"
    data.mkdir()
    (data / "notes.md").write_text("no data")
    (data / "rows.toml").write_text("x = 1")
    with_data = package.print()
    (data / "notes.md").write_text("still none")
    assert package.print() == with_data
    (data / "rows.toml").write_text("x = 2 ")
    with_other = package.print()
    assert len({before, with_data, with_other}) == 3


def test_data_that_nothing_names_does_not_count(package, tmp_path):
    before = package.print()
    (tmp_path / "rows.toml").write_text("x = 1")
    assert package.print() == before


@pytest.mark.parametrize("file", ["native/sum.cpp", "_native_portable.so"])
def test_compiled_code_counts_built_or_not(tmp_path, monkeypatch, file):
    """Without its library, or with another one, the same code takes another route."""
    folder = tmp_path / f"compiled_{tmp_path.name}".replace("-", "_")
    (folder / "native").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "model.py").write_text(f"import {folder.name}\n\n\ndef measured(point, streams):\n    return 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for content in (None, b"one", b"other one"):
        if content is not None:
            (folder / file).write_bytes(content)
        found.append(code_fingerprint(f"{folder.name}.model:measured"))
    assert len(set(found)) == 3


def test_the_environment_names_what_may_change_the_last_bits():
    found = environment()
    assert set(found) >= {"python", "machine", "device", "cpu", "kernels", "torch", "numpy", "scipy", "hypothesis"}
    assert all(isinstance(value, str) and value for value in found.values())
    assert found["torch"] != "not installed"


def test_an_absent_library_is_said(monkeypatch):
    assert fingerprint._version("no-such-distribution-here") == "not installed"


def test_taking_a_fingerprint_imports_nothing():
    """The parent of worker processes needs no torch, and a dry run none either."""
    script = (
        "import sys; from claims.evidence.fingerprint import code_fingerprint, environment\n"
        "environment()\n"
        "before = set(sys.modules)\n"
        "code_fingerprint('claims.papers.sign_magnitude.experiments.two_layer:two_layer')\n"
        "new = {name for name in set(sys.modules) - before if name.partition('.')[0] in ('claims', 'torch', 'scipy')}\n"
        "print(sorted(new))\n"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
