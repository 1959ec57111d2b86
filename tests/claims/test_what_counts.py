"""Ways to change what an experiment computes, each of which measures anew, and edits that do not.

Each way is an edit of a small project: a module with an experiment and a claim beside it, helpers, packages of the
author's in other folders, a library, data. It is audited, edited and audited again into the same store.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from kit import claim

from claims.auditing.loop import Observer, run
from claims.auditing.planning import plan
from claims.errors import InvalidDeclaration
from claims.evidence.check import check
from claims.evidence.fingerprint import forget_files
from claims.evidence.releases import forget_releases
from claims.evidence.store import Store
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import Tier

STUDY = '''
"""A study."""
import functools
import math
import os
import typing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import N_beside
import N_editable
import N_local
import N_elsewhere.part as part
import N_namespace.inside
import N_asked
import N_attached as attached
import N_handed
import N_linked
from N_library import released
from claims import Claim, experiment, grid, mean, within

if TYPE_CHECKING:
    from collections.abc import Mapping
else:
    RUN_TIME = 0.0
try:
    from N_optional import offset
except ImportError:
    offset = 0.0

SCALE = 1.0
OTHER_SCALE = 5.0
SQUARE = lambda x: x * x
TABLE = {"a": 1.0}
TABLE.update(b=2.0)


class Model:
    gain = 1.0

    def __call__(self, x, shift=0.0):
        return self.gain * x + shift


def halved(function):
    @functools.wraps(function)
    def wrapped(point, streams):
        return {name: 0.5 * value for name, value in function(point, streams).items()}

    return wrapped


def inner(x):
    return 1.0 * x


def outer(x, least=0.25):
    return inner(x) + least


def found(name):
    return 3.0


def read(point):
    here = Path(__file__).parent
    total = float((here / "rows" / point["file"]).read_text()) + len(list((here / "rows").glob("*.num")))
    total += float(here.joinpath("one" + ".num").read_text())
    total += float(Path(here / "listed.csv").read_text())
    return total + float((Path(part.__file__).parent / "kept.num").read_text())


@halved
def measured(point, streams):
    """One value."""
    # a comment
    from N_late import late

    chosen = import_module(f"N_chosen.{point['chosen']}")
    literal = import_module("N_literal")
    listed = "listed.csv"
    x = SCALE * streams.numpy("x").normal() + outer(RUN_TIME) + Model()(late) + offset + SQUARE(0.5) + TABLE["a"]
    x += N_beside.scale(1.0) + part.value + N_namespace.inside.value + N_linked.value + released
    x += N_editable.value + N_local.value + N_asked.wanted + attached.wanted + getattr(N_handed, "wan" + "ted")
    return {"x": 0.001 * (x + read(point) + float(os.environ["N_GAIN"]) + chosen.value + literal.value) + len(listed)}


def other(point, streams):
    return {"x": OTHER_SCALE}


def near(value):
    """A band, as this file has many."""
    return within(value, abs=0.5, provenance="author", because="the example says so")


MEASURED = experiment(measured, fixed={"file": "a.num"})
CLAIM = Claim(
    id="study.x",
    locus="section 1",
    statement="x is 10.",
    test=mean(MEASURED["x"]),
    at=grid(k=1),
    band=near(10),
    rival=12,
)
'''

BESIDE = """
from N_deeper import FACTOR
from N_starred import *


def scale(x):
    return FACTOR * x + starred
"""
#: A package that loads a name with the module that it is in, when somebody asks for it.
ASKED = """
from importlib import import_module

_HOMES = {homes}


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{{__name__}}.{{_HOMES[name]}}"), name)
"""
#: The same by a function of somebody else's, so that the package does not say where its names are.
ATTACHING = """
from importlib import import_module


def attach(package, **homes):
    def asked(name):
        for module, names in homes.items():
            if name in names:
                return getattr(import_module(f"{package}.{module}"), name)
        raise AttributeError(name)

    return asked
"""
#: What is installed, and what each requires.
RELEASES = {"library": "Requires-Dist: N-required>=1\n"} | dict.fromkeys(
    ("required", "stranger", "editable", "local"), ""
)
FILES = {
    "here/N_study.py": STUDY,
    "here/N_beside.py": BESIDE,
    "here/N_deeper.py": "FACTOR = 1.0\n",
    "here/N_late.py": "late = 1.0\n",
    "here/N_starred.py": "starred = 1.0\n",
    "here/N_literal.py": "value = 1.0\n",
    "here/N_unused.py": "value = 1.0\n",
    "here/N_chosen/__init__.py": "",
    "here/N_chosen/first.py": "value = 1.0\n",
    "here/N_chosen/second.py": "value = 1.0\n",
    "here/rows/a.num": "1",
    "here/rows/b.num": "2",
    "here/one.num": "3",
    "here/listed.csv": "4",
    "here/notes.txt": "nothing that is read",
    "there/N_elsewhere/__init__.py": "state = 0\n",
    "there/N_elsewhere/part.py": "from .sister import value\n",
    "there/N_elsewhere/sister.py": "value = 1.0\n",
    "there/N_elsewhere/kept.num": "5",
    "there/N_namespace/inside.py": "value = 1.0\n",
    "linked/N_linked.py": "value = 1.0\n",
    "there/N_asked/__init__.py": ASKED.format(homes='{"wanted": "home", "other": "spare"}'),
    "there/N_asked/home.py": "wanted = 1.0\n",
    "there/N_asked/spare.py": "other = 1.0\n",
    "there/N_attached/__init__.py": "from N_attaching import attach\n__getattr__ = attach(__name__, home=['wanted'])\n",
    "there/N_attached/home.py": "wanted = 1.0\n",
    "there/N_attaching.py": ATTACHING,
    "there/N_handed/__init__.py": ASKED.format(homes='{"wanted": "home"}'),
    "there/N_handed/home.py": "wanted = 1.0\n",
    "editable/N_editable.py": "value = 1.0\n",
    "site-packages/N_local.py": "value = 1.0\n",
    "site-packages/N_library/__init__.py": "import N_required\n\nreleased = N_required.value\n",
    "site-packages/N_required.py": "value = 1.0\n",
    "site-packages/N_stranger.py": "value = 1.0\n",
    **{
        f"site-packages/N_{name}.dist-info/{file}": text
        for name, requires in RELEASES.items()
        for file, text in {
            "METADATA": f"Metadata-Version: 2.1\nName: N-{name}\nVersion: 1.0\n{requires}",
            "RECORD": f"N_{name}/__init__.py,,\nN_{name}.py,,\n",
        }.items()
    },
    **{  # installed from a folder, in place or copied: either may change under one version
        f"site-packages/N_{name}.dist-info/direct_url.json": json.dumps(
            {"url": "file:///N", "dir_info": {"editable": how}}
        )
        for name, how in (("editable", True), ("local", False))
    },
}
DATA = ("rows", "one.num", "N_elsewhere:kept.num", "$N_GAIN")
FIXED = {"file": "a.num", "chosen": "first"}
NAME = "study"


class Project:
    """The project in a folder (``N`` in the texts is its name), audited into one store."""

    def __init__(self, folder: Path, environment: pytest.MonkeyPatch) -> None:
        self.folder, self.environment = folder, environment
        for part in ("here", "there", "linked", "editable", "site-packages"):
            environment.syspath_prepend(str(folder / part))
        self.write(FILES)
        self.setenv("N_GAIN", "1.0")
        forget_releases()

    def write(self, files: dict[str, str]) -> None:
        for file, text in files.items():
            path = self.path(file)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.is_file() or path.read_text() != named(text):
                path.write_text(named(text))

    def path(self, file: str) -> Path:
        return self.folder / named(file)

    def edit(self, file: str, old: str, new: str) -> None:
        text = self.path(file).read_text()
        assert named(old) in text
        self.path(file).write_text(text.replace(named(old), named(new)))

    def setenv(self, name: str, value: str) -> None:
        self.environment.setenv(named(name), value)

    def install(self, name: str, version: str) -> None:
        """Say that another release of a library is installed, as an installer does."""
        self.edit(f"site-packages/N_{name}.dist-info/METADATA", "Version: 1.0", f"Version: {version}")
        forget_releases()

    def restore(self) -> None:
        """Undo what a test has done."""
        known = {self.path(file) for file in FILES} | {self.folder / "evidence.sqlite"}
        for file in [each for each in self.folder.rglob("*") if each.is_file() and each not in known]:
            file.unlink()
        self.write(FILES)
        self.setenv("N_GAIN", "1.0")

    def audit(self, *, data: Sequence[str] = DATA, **fixed: str) -> tuple[int, int]:
        """How many seeds were measured and how many came from the store, as a new process would have it."""
        for name in [name for name in sys.modules if name.startswith(NAME)]:
            del sys.modules[name]
        forget_files()
        made = experiment(f"{NAME}_study:measured", fixed=FIXED | fixed, data=[named(name) for name in data])
        with Store(self.folder / "evidence.sqlite") as store:
            result = run(plan([claim(mean(made["x"]), at=grid(k=1), rival=90.0)], tier=Tier.SMOKE), store)
        assert result.claims[0].verdict != "ERROR", result.claims[0].speaker.judgement.reason
        return result.measured, result.cached


def named(text: str) -> str:
    return text.replace("N_", f"{NAME}_").replace("N-", f"{NAME}-")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with pytest.MonkeyPatch.context() as environment:
        project = Project(tmp_path_factory.mktemp("project"), environment)
        assert project.audit()[0] > 0
        yield project
        for name in [name for name in sys.modules if name.startswith(NAME)]:
            del sys.modules[name]


@pytest.fixture
def project(made):
    yield made
    made.restore()


#: What changes: a name, the file that is edited, the old text and the new one.
STUDY_FILE = "here/N_study.py"
CHANGES = {
    "code": (STUDY_FILE, "0.001 * (x", "0.002 * (x"),
    "a stream's name": (STUDY_FILE, 'numpy("x")', 'numpy("y")'),
    "a constant that it uses": (STUDY_FILE, "SCALE = 1.0\nOTHER", "SCALE = 1.5\nOTHER"),
    "a function that it calls": (STUDY_FILE, "return inner(x) + least", "return inner(x) - least"),
    "a function that this one calls": (STUDY_FILE, "return 1.0 * x", "return 1.1 * x"),
    "a default argument": (STUDY_FILE, "least=0.25", "least=0.75"),
    "a decorator": (STUDY_FILE, "0.5 * value", "0.6 * value"),
    "an attribute of a class": (STUDY_FILE, "gain = 1.0", "gain = 1.1"),
    "a lambda": (STUDY_FILE, "x * x", "x * x * x"),
    "a statement at import": (STUDY_FILE, "update(b=2.0)", "update(a=2.0)"),
    "what runs where types are not checked": (STUDY_FILE, "RUN_TIME = 0.0", "RUN_TIME = 0.5"),
    "a name that an import gives": (STUDY_FILE, "N_elsewhere.part as part", "N_elsewhere.sister as part"),
    "what is done without an optional module": (STUDY_FILE, "offset = 0.0", "offset = 0.5"),
    "a helper beside it": ("here/N_beside.py", "FACTOR * x", "FACTOR + x"),
    "a helper's helper": ("here/N_deeper.py", "1.0", "2.0"),
    "a module that is imported when it runs": ("here/N_late.py", "1.0", "2.0"),
    "a module all of whose names are imported": ("here/N_starred.py", "1.0", "2.0"),
    "a module that is imported by a literal": ("here/N_literal.py", "1.0", "2.0"),
    "a module that is chosen by the point": ("here/N_chosen/first.py", "1.0", "2.0"),
    "another package, through a relative import": ("there/N_elsewhere/sister.py", "1.0", "2.0"),
    "the package around a module": ("there/N_elsewhere/__init__.py", "state = 0", "state = 1"),
    "a module of a namespace package": ("there/N_namespace/inside.py", "1.0", "2.0"),
    "a module in a folder on the path": ("linked/N_linked.py", "1.0", "2.0"),
    "what a package loads when it is asked for an attribute": ("there/N_asked/home.py", "1.0", "2.0"),
    "what a package loads in a way that it does not say": ("there/N_attached/home.py", "1.0", "2.0"),
    "what a package loads that is handed on whole": ("there/N_handed/home.py", "1.0", "2.0"),
    "a package that is installed in place": ("editable/N_editable.py", "1.0", "2.0"),
    "a package that is installed from a folder": ("site-packages/N_local.py", "1.0", "2.0"),
    "a file of a declared folder, named by the point": ("here/rows/a.num", "1", "6"),
    "a file of a declared folder that is only listed": ("here/rows/b.num", "2", "6"),
    "a declared file": ("here/one.num", "3", "6"),
    "a declared file of another package": ("there/N_elsewhere/kept.num", "5", "6"),
    "a file that the code names by a literal": ("here/listed.csv", "4", "6"),
}
#: What else changes: done to the project, in a function.
OTHER_CHANGES = {
    "an optional module appears": lambda project: project.write({"here/N_optional.py": "offset = 1.0\n"}),
    "a file appears in a declared folder": lambda project: project.write({"here/rows/c.num": "6"}),
    "a file appears deep in a declared folder": lambda project: project.write({"here/rows/deep/d.num": "6"}),
    "a file of a declared folder is renamed": lambda project: project.path("here/rows/b.num").rename(
        project.path("here/rows/c.num")
    ),
    "a declared variable of the environment": lambda project: project.setenv("N_GAIN", "2.0"),
    "a library's version": lambda project: project.install("library", "1.1"),
    "the version of what a library requires": lambda project: project.install("required", "1.1"),
}
SAME = {
    "a comment": (STUDY_FILE, "# a comment", "# quite another comment\n"),
    "a docstring": (STUDY_FILE, '"""One value."""', '"""One value, explained."""'),
    "a module's docstring": (STUDY_FILE, '"""A study."""', '"""The same study."""'),
    "blank lines": (STUDY_FILE, "import functools\n", "import functools\n\n\n"),
    "layout": (STUDY_FILE, 'return {"x": 0.001', 'return {\n        "x": 0.001'),
    "what only types are for": (STUDY_FILE, "abc import Mapping", "abc import Sequence"),
    "a claim beside it": (STUDY_FILE, "rival=12", "rival=14"),
    "a tolerance of claims beside it": (STUDY_FILE, "abs=0.5", "abs=0.1"),
    "its declaration": (STUDY_FILE, "experiment(measured,", "experiment(measured, seconds=0.5,"),
    "another experiment of the module": (STUDY_FILE, '"x": OTHER_SCALE', '"x": -OTHER_SCALE'),
    "a constant of another experiment": (STUDY_FILE, "OTHER_SCALE = 5.0", "OTHER_SCALE = 6.0"),
    "a function that it does not call": (STUDY_FILE, "return 3.0", "return 4.0"),
    "a comment of a helper": ("here/N_beside.py", "    return FACTOR", "    # times\n    return FACTOR"),
    "a module that it does not import": ("here/N_unused.py", "1.0", "2.0"),
    "what a package would load for somebody else": ("there/N_asked/spare.py", "1.0", "2.0"),
    "a file that it does not read": ("here/notes.txt", "nothing", "something"),
}
OTHER_SAME = {
    "a claim is added": lambda project: project.write(
        {STUDY_FILE: STUDY + "\nCLAIMS = (CLAIM, *[CLAIM for _ in (1, 2)])\n"}
    ),
    "a module appears beside it": lambda project: project.write({"here/claims_N_other.py": "value = 1.0\n"}),
    "a library that it does not import": lambda project: project.install("stranger", "1.1"),
    "a variable that it does not read": lambda project: project.setenv("N_OTHER", "2.0"),
    "a file of the module's folder is touched": lambda project: project.path("here/N_beside.py").touch(),
}


@pytest.mark.parametrize("change", [*CHANGES, *OTHER_CHANGES])
def test_a_change_is_measured_anew(project, change):
    project.edit(*CHANGES[change]) if change in CHANGES else OTHER_CHANGES[change](project)
    measured, cached = project.audit()
    assert measured > 0
    assert cached == 0


@pytest.mark.parametrize("same", [*SAME, *OTHER_SAME])
def test_what_changes_nothing_is_not_measured_again(project, same):
    project.edit(*SAME[same]) if same in SAME else OTHER_SAME[same](project)
    measured, cached = project.audit()
    assert measured == 0
    assert cached > 0


def test_there_are_forty_ways():
    assert len(CHANGES) + len(OTHER_CHANGES) >= 30
    assert len(SAME) + len(OTHER_SAME) >= 10


def test_data_that_are_not_there_are_named(project):
    with pytest.raises(InvalidDeclaration, match=r"data: got 'rows/none\.num'; allowed: a file or folder"):
        project.audit(data=["rows/none.num"])


@pytest.mark.parametrize("data", ["rows", [3], [""], ["$"], ["package:"], 5])
def test_data_that_are_no_names_are_refused(data):
    with pytest.raises(InvalidDeclaration, match="data: got"):
        experiment("toys:gaussian", data=data)


def test_data_that_change_during_the_audit_are_an_error(project):
    """What was read before and after the change would be stored under one key."""
    made = experiment(f"{NAME}_study:measured", fixed=FIXED, data=[named(name) for name in DATA])
    forget_files()

    def edit(measurement, seeds, seconds):
        project.path("here/one.num").write_text("9")

    with Store(project.folder / "other.sqlite") as store:
        planned = plan([claim(mean(made["x"]), at=grid(k=1), rival=90.0)], tier=Tier.FULL)
        result = run(planned, store, observer=Observer(measured=edit))
    assert result.claims[0].verdict == "ERROR"
    assert "its data were changed after the audit had begun" in result.claims[0].speaker.judgement.reason


def test_rows_of_other_data_are_not_measured_again(project):
    def again() -> tuple[int, int]:
        checked = check(project.folder / "evidence.sqlite", remeasure=100).remeasured
        assert checked.faults == []
        return checked.same, checked.elsewhere

    project.audit()
    same, _ = again()
    assert same > 0
    project.edit("here/one.num", "3", "8")
    assert again()[0] == 0
