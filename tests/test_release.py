"""What users install and gate with: wheel, tutorial in a fresh environment, action, hooks, release."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from claims.cli import main
from tests.pages import ROOT, script

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
RELEASE: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]
TUTORIAL = ROOT / "docs" / "tutorial.md"


def parses(line: str) -> None:
    program, name, *words = shlex.split(line)
    assert program == "claimbench"
    command: click.Command | None = main.get_command(click.Context(main), name)
    while isinstance(command, click.Group):
        name, *words = words
        command = command.get_command(click.Context(command), name)
    assert command is not None
    command.make_context(name, words)


def test_the_hooks_are_commands() -> None:
    for hook in HOOKS:
        assert {"id", "name", "entry", "language"} <= hook.keys()
        parses(hook["entry"])
    (files,) = (hook["files"] for hook in HOOKS if "files" in hook)
    names = ("claims_x.py", "a/claims_y.py", "my_claims_x.py", "claims_x.txt")
    assert [name for name in names if re.search(files, name)] == ["claims_x.py", "a/claims_y.py"]
    guide = (ROOT / "docs/howto/ci.md").read_text()
    assert {hook["id"] for hook in HOOKS} == set(re.findall(r"- id: (\S+)", guide))


def test_the_action_is_documented_and_whole() -> None:
    guide = (ROOT / "docs/howto/ci.md").read_text()
    for name, declared in ACTION["inputs"].items():
        assert f"| `{name}` |" in guide
        assert declared["default"] == "" or f"`{declared['default']}`" in guide
    scripts = " ".join(str(step) for step in STEPS)
    assert set(re.findall(r"inputs\.(\w+)", scripts)) == set(ACTION["inputs"])
    for step in STEPS:
        assert "${{" not in step["run"], "what a user gives reaches a script as a variable, never as code"
        subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)


def test_the_release_publishes_what_was_built_twice() -> None:
    build, publish = RELEASE["jobs"]["build"], RELEASE["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert publish["permissions"] == {"id-token": "write"}
    assert "secrets." not in (ROOT / ".github/workflows/release.yml").read_text()
    runs = " ".join(step.get("run", "") for step in build["steps"])
    assert runs.count("make dist") == 2
    assert "diff -r first dist" in runs


# Slow


def clean(**more: str) -> dict[str, str]:
    """The environment that a stranger has."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV", "MYPY"))}
    return kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"} | more


def run(words: list[str], cwd: Path, env: Mapping[str, str], *, status: int = 0) -> str:
    ran = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert ran.returncode == status, f"{shlex.join(words)[:200]}\n{ran.stdout}{ran.stderr}"
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this tree that git knows or would take, as a clone has them."""
    folder = tmp_path_factory.mktemp("clone") / "claimbench"
    listed = run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT, os.environ)
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_symlink() or source.is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / name, follow_symlinks=False)
    return folder


def build(tree: Path, out: Path) -> dict[str, bytes]:
    """Source archive and wheel, by their names."""
    shutil.rmtree(tree / "build", ignore_errors=True)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(tree)]
    run(command, tree, clean(SOURCE_DATE_EPOCH="1767225600"))
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of the tree; a test builds it again."""
    out = tmp_path_factory.mktemp("dist")
    build(tree, out)
    (found,) = out.glob("*.whl")
    return found


@pytest.mark.slow
def test_two_builds_are_the_same_bytes(tree: Path, wheel: Path, tmp_path: Path) -> None:
    for path in tree.rglob("*"):  # another clone, at another time
        if path.is_file() and not path.is_symlink():
            os.utime(path, (1_700_000_000, 1_700_000_000))
    first = {path.name: path.read_bytes() for path in sorted(wheel.parent.iterdir())}
    second = build(tree, tmp_path / "dist")
    assert [name.rpartition(".")[2] for name in first] == ["whl", "gz"]
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


@pytest.fixture(scope="module")
def followed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A folder in which the tutorial was followed to its end, and the seconds until its first own verdict."""
    folder = tmp_path_factory.mktemp("tutorial")
    pins = folder / "pins.txt"
    pins.write_text((ROOT / "constraints.txt").read_text() + f"claimbench @ {wheel.as_uri()}\n")
    started = time.time()
    said = run(["bash", "-c", script(TUTORIAL)], folder, clean(PIP_CONSTRAINT=str(pins)))
    begun = {
        int(line): float(at) for line, at in re.findall(r"^== tutorial\.md:(\d+) (\d+)$", said, flags=re.MULTILINE)
    }
    heading = TUTORIAL.read_text().splitlines().index("## Decide") + 1
    _, after, *_ = (line for line in sorted(begun) if line > heading)  # this begins when it is decided
    return folder, begun[after] - started


@pytest.mark.slow
def test_the_tutorial_as_a_script_in_a_fresh_environment(
    followed: tuple[Path, float], record_property: Callable[[str, object], None]
) -> None:
    """It ends with a gate that stops a broken claim; the script checks what each command says."""
    folder, seconds = followed
    listed = run([str(folder / "env/bin/python"), "-m", "pip", "list"], folder, clean())
    assert "claimbench" in listed
    assert "torch" not in listed
    record_property("seconds_to_first_own_verdict", round(seconds))  # installation included
    print(f"first own verdict after {seconds:.0f} s, installation included")
    assert (folder / "theorem-three/report/index.html").is_file()


@pytest.mark.slow
def test_the_action_and_the_hooks_in_a_clean_clone(followed: tuple[Path, float], tmp_path: Path) -> None:
    """Each step's script as it stands, red as the tutorial left the pack, and green once that is taken back."""
    folder, _ = followed
    pack = folder / "theorem-three"
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org"]
    env = clean(PATH=f"{folder / 'env/bin'}{os.pathsep}{os.environ['PATH']}")
    run([*git, "init", "-q"], pack, env)
    run([*git, "add", "-A"], pack, env)
    run([*git, "commit", "-qm", "Break it"], pack, env)
    for status, mended in ((1, False), (0, True)):
        clone = tmp_path / f"clone-{status}"
        run([*git, "clone", "-q", str(pack), str(clone)], tmp_path, env)
        if mended:
            path = clone / "src/theorem_three/sections/theorem3.py"
            broken = path.read_text()
            path.write_text(
                broken.replace("NEEDED = NormalDist().inv_cdf((1 - DELTA)", "NEEDED = NormalDist().inv_cdf(DELTA")
            )
            assert path.read_text() != broken
        outputs, summary = tmp_path / f"outputs-{status}", tmp_path / f"summary-{status}"
        for step in STEPS:
            given = {
                name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: ACTION["inputs"][found[1]]["default"], value)
                for name, value in step["env"].items()
            }
            given |= {"SELECT": "paper:theorem-three"} if "SELECT" in given else {}
            files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
            shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
            run(shell, clone, env | given | files, status=status if step.get("id") == "audit" else 0)
        assert f"status={status}" in outputs.read_text()
        assert "theorem-three.theorem3.confidence" in summary.read_text()
        assert (clone / "report/index.html").is_file()
        run(["claimbench", "new", "claims_hooked.py"], clone, env)
        for hook in HOOKS:
            names = ["claims_hooked.py"] if hook.get("pass_filenames", True) else []
            gate = status if hook["id"] == "claimbench-pack" else 0
            words = shlex.split(hook["entry"]) + (["paper:theorem-three"] if hook["id"] == "claimbench-pack" else [])
            run([*words, *names], clone, env, status=gate)
