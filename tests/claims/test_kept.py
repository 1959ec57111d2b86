"""What is kept beside a store: the same as worked out anew, gone with what it depends on, and safe to lose."""

from __future__ import annotations

import importlib
import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from claims.evidence import kept
from claims.evidence.fingerprint import at_once, code_fingerprint, code_of, forget_files
from claims.evidence.kept import FILE, current, keeping, recalled
from claims.kinds.distributions import student_ppf, student_sf
from claims.lazy import resolve_number

#: Claims whose audit asks for quantiles, closed forms and formulas.
SOME = ("sign-magnitude.b158.*", "sign-magnitude.prop2.*", "mean-bias.table1.*")
FORMS = """
import os
import random
from pathlib import Path

CALLS = []


def plain(n):
    CALLS.append(n)
    return n + helper()


def helper():
    return 1.5


def reading(n):
    CALLS.append(n)
    return n + len(Path(__file__).with_name("other.md").read_text())


def asking(n):
    CALLS.append(n)
    return n + float(os.environ["GAIN_OF_A_TEST"])


def drawing(n):
    CALLS.append(n)
    return n + random.random()


def counting(n):
    CALLS.append(n)
    return len(CALLS)


def infinite(n):
    CALLS.append(n)
    return float("inf")


def made(k):
    def inner(n):
        CALLS.append(n)
        return k * n

    return inner


doubled = made(2)
"""


@pytest.fixture
def forms(tmp_path, monkeypatch):
    """A module of closed forms, as if it had lain there for long."""
    monkeypatch.setattr(kept, "_SETTLED", -1e6)
    monkeypatch.syspath_prepend(str(tmp_path / "code"))
    monkeypatch.setenv("GAIN_OF_A_TEST", "2")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "kept_forms.py").write_text(FORMS)
    (tmp_path / "code" / "other.md").write_text("four")
    forget_files()
    yield loaded()
    sys.modules.pop("kept_forms", None)
    forget_files()


def loaded():
    sys.modules.pop("kept_forms", None)
    importlib.invalidate_caches()
    return importlib.import_module("kept_forms")


def asked(folder: Path, module, name: str, n: float = 3) -> tuple[float, int]:
    """The number, and how often it was computed for that."""
    before = len(module.CALLS)
    with keeping(folder):
        found = resolve_number(getattr(module, name), {"n": n}, field="band.target")
    return found, len(module.CALLS) - before


def test_a_closed_form_is_computed_once(tmp_path, forms):
    assert asked(tmp_path, forms, "plain") == (4.5, 2)  # twice, before it is kept
    assert asked(tmp_path, forms, "plain") == (4.5, 0)
    assert asked(tmp_path, forms, "plain", 4) == (5.5, 2)  # another point
    assert asked(tmp_path, forms, "plain", 3.0) == (4.5, 2)  # 3 is not 3.0 to every function
    assert asked(tmp_path, loaded(), "plain") == (4.5, 0)
    assert current() is None
    assert resolve_number("kept_forms:plain", {"n": 3}, field="x") == 4.5


def test_code_that_changes_is_computed_anew(tmp_path, forms):
    asked(tmp_path, forms, "plain")
    path = Path(forms.__file__)
    path.write_text(FORMS.replace("1.5", "2.5"))  # as long as before
    forget_files()
    assert asked(tmp_path, loaded(), "plain") == (5.5, 2)
    path.write_text(FORMS)
    forget_files()
    assert asked(tmp_path, loaded(), "plain") == (4.5, 0)


@pytest.mark.parametrize("name", ["reading", "asking", "drawing", "counting", "doubled"])
def test_what_depends_on_more_than_its_code_is_not_kept(tmp_path, forms, name):
    before = random.getstate()
    asked(tmp_path, forms, name)
    assert asked(tmp_path, forms, name)[1] > 0
    random.setstate(before)


def test_what_is_wrong_stays_wrong(tmp_path, forms):
    for _ in range(2):
        with pytest.raises(Exception, match="a finite number from"):
            asked(tmp_path, forms, "infinite")


def test_a_module_that_changed_since_python_began_is_not_trusted(tmp_path, forms, monkeypatch):
    asked(tmp_path, forms, "plain")
    harness = kept._written_by()
    monkeypatch.setattr(kept, "_written_by", lambda: harness)
    monkeypatch.setattr(kept, "_SETTLED", 2.0)
    assert asked(tmp_path, forms, "plain") == (4.5, 1)


def test_nothing_is_kept_by_a_harness_that_is_being_written(tmp_path, forms, monkeypatch):
    monkeypatch.setattr(kept, "_SETTLED", 1e12)
    assert asked(tmp_path, forms, "plain") == (4.5, 1)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"{}", None])
def test_a_damaged_file_is_worth_nothing(tmp_path, forms, damage):
    asked(tmp_path, forms, "plain")
    content = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(content.replace(b"4.5", b"4.6") if damage is None else damage)
    assert asked(tmp_path, forms, "plain") == (4.5, 2)
    assert (tmp_path / FILE).read_bytes() == content


def test_a_folder_that_is_not_there_keeps_nothing(tmp_path, forms):
    assert asked(tmp_path / "gone", forms, "plain")[0] == 4.5
    assert not (tmp_path / "gone").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["code"]


def test_the_oldest_go_first(tmp_path, forms, monkeypatch):
    monkeypatch.setattr(kept, "_MOST", 3)
    for n in range(5):
        asked(tmp_path, forms, "plain", n)
    entries = json.loads((tmp_path / FILE).read_bytes().partition(b"\n")[2])
    assert len(entries) <= 40
    assert asked(tmp_path, forms, "plain", 4) == (5.5, 0)
    assert asked(tmp_path, forms, "plain", 0) == (1.5, 2)


def test_a_file_is_known_by_what_nobody_can_set(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_SETTLED", -1e6)
    path = tmp_path / "data.txt"
    path.write_text("one")
    status = path.stat()

    def content() -> str:
        with keeping(tmp_path):
            return recalled(path, "content", make=path.read_text)

    assert content() == "one"
    path.write_text("two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content() == "two"


def test_fingerprints_are_those_of_a_fresh_look(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_SETTLED", -1e6)
    targets = ("claims.papers.sign_magnitude.experiments.two_layer", "claims.evidence.searching:drive")
    fresh = {each: (code_fingerprint(each), code_of(each)) for each in targets}
    for _ in range(2):
        with keeping(tmp_path), at_once():
            assert {each: (code_fingerprint(each), code_of(each)) for each in targets} == fresh
    assert (tmp_path / FILE).stat().st_size > 10_000


def test_an_audit_again_imports_neither_special_functions_nor_a_parser_of_formulas(tmp_path):
    script = f"""
import os
import sys
from pathlib import Path

from claims.cli import main

os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])  # else a copy of this process writes the pages
sys.argv = ["claimbench", "audit", *{SOME!r}, "--executor", "serial", "--report", "report"]
try:
    main()
finally:
    Path("loaded").write_text(" ".join({{"scipy", "latex2mathml"}} & set(sys.modules)))
"""

    def loaded() -> set[str]:
        ran = subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=300
        )
        assert ran.returncode == 0, ran.stderr
        return set((tmp_path / "loaded").read_text().split())

    assert loaded() == {"scipy", "latex2mathml"}
    assert loaded() == set()


def test_a_quantile_that_is_kept_is_the_one_that_was_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_SETTLED", -1e6)
    asked = [(student_ppf, (1e-9, 7)), (student_sf, (-1e-9, 7)), (student_ppf, (0.3, 200)), (student_ppf, (0.3, 7))]
    anew = [function(*arguments) for function, arguments in asked]
    for _ in range(2):
        with keeping(tmp_path):
            assert [function(*arguments) for function, arguments in asked] == anew
            assert math.isinf(student_ppf(2.0**-1074, 1))
