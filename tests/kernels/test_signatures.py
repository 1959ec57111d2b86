"""What type checkers see of the package, which loads its names when they are asked for."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from claims import kernels

pytest.importorskip("mypy", reason="the tests of types need the extra `lint`")
ROOT = Path(__file__).parents[2]
RIGHT = """
import torch
from torch import Tensor

from claims.kernels import BlockScaled, dequantize, nvfp4_quantize, rms_norm, sign_flip, transverse_energy

x = torch.ones(4, 32)
y: Tensor = rms_norm(x, eps=1e-6, out=x)
q: BlockScaled = nvfp4_quantize(sign_flip(x, flip_rate=0.5, key=1), tile="16x16", route="reference")
z: Tensor = dequantize(q, dtype=torch.bfloat16)
total, radial, transverse = transverse_energy(x, y)
w: Tensor = total + radial
"""
WRONG = """
import torch

from claims.kernels import AverisRecipe, averis_split, dequantize, nvfp4_quantize, rms_norm, sign_flip
from claims.kernels import rmsnorm  # attr-defined

x = torch.ones(4, 32)
rms_norm("text", epsilon=3)  # arg-type call-arg
rms_norm(x, 1e-6)  # call-arg
sign_flip(x, flip_rate=0.5)  # call-arg
nvfp4_quantize(x, tile="8x8")  # arg-type
dequantize(x)  # arg-type
averis_split(x, recipe=AverisRecipe(mean="float8"))  # arg-type
y: int = rms_norm(x)  # assignment
"""
LINE = re.compile(
    r"(?P<file>\w+)\.py:(?P<line>\d+): (?:error: .*\[(?P<code>[\w-]+)\]|note: Revealed type is \"(?P<type>.*)\")"
)


@pytest.fixture(scope="module")
def checked(request, tmp_path_factory):
    """``mypy --strict`` of right and wrong calls and of every public name: {file: [(line, code of error, type)]}.

    The tree as it is installed: ``kernels/`` is ``claims.kernels``. What mypy knows of torch is kept between runs.
    """
    cache = getattr(request.config, "cache", None)
    kept = cache.mkdir("signatures") if cache is not None else tmp_path_factory.mktemp("signatures")
    tree = tmp_path_factory.mktemp("tree")
    (tree / "claims").mkdir()
    for path in ROOT.joinpath("src", "claims").iterdir():
        (tree / "claims" / path.name).symlink_to(path)
    every = "\n".join(f"reveal_type(kernels.{name})" for name in kernels.__all__)
    texts = {"right": RIGHT, "wrong": WRONG, "every": f"from claims import kernels\n{every}\n"}
    for name, text in texts.items():
        (tree / f"{name}.py").write_text(text)
    options = ["--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(kept)]
    command = [sys.executable, "-m", "mypy", *options, "--no-pretty", *(f"{name}.py" for name in texts)]
    ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    found = {name: [] for name in texts}
    for match in filter(None, map(LINE.match, ran.stdout.splitlines())):
        found[match["file"]].append((int(match["line"]), match["code"], match["type"]))
    return found


@pytest.mark.slow
def test_right_calls_pass(checked):
    assert checked["right"] == []


@pytest.mark.slow
def test_wrong_calls_are_refused_for_their_reason(checked):
    lines = enumerate(WRONG.splitlines(), 1)
    expected = {(number, code) for number, line in lines for code in line.partition("#")[2].split()}
    assert {(line, code) for line, code, _ in checked["wrong"]} == expected


@pytest.mark.slow
def test_no_public_name_is_any(checked):
    assert [code for _, code, _ in checked["every"]] == [None] * len(kernels.__all__)
    for name, (_, _, revealed) in zip(kernels.__all__, checked["every"], strict=True):
        assert not re.search(r"\bAny\b", revealed), f"{name}: {revealed}"


def test_type_checkers_find_names_where_they_are_loaded_from():
    tree = ast.parse(Path(kernels.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    imported = {alias.asname: node.module for node in block.body for alias in node.names if alias.name == alias.asname}
    assert imported == {name: f"claims.kernels.{home}" for name, home in kernels._HOME.items()}
