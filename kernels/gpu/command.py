"""Run the list on the GPU here, or at small sizes through Triton's interpreter; or read what another machine wrote."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from claims.errors import BadOption, ClaimsError, Unavailable
from claims.evidence.devices import DEVICES, described, usable
from claims.evidence.fingerprint import environment
from claims.kernels.gpu import document

_GPU, _INTERPRETED = "cuda", "triton-interpreter"
#: Rows and columns: what models have, and edges inside every block; the interpreter takes a call's time a kernel.
_SHAPES = {_GPU: ((64, 4096), (1000, 1003), (4096, 1024)), _INTERPRETED: ((24, 80),)}
#: Large enough that no cache holds them; a product of such sizes takes milliseconds.
_TIMED, _TIMED_PRODUCT = (8192, 8192), (4096, 4096)
#: What of the standard dtypes a kernel is timed in, the first ones that it takes.
_TIMED_DTYPES = 2
_NO_GPU = "no GPU: routes compared through Triton's interpreter; throughput not measured"
_AUDIT = "audit"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m claims.kernels.gpu", description=__doc__)
    parser.add_argument(
        "only", nargs="*", help=f"kernels whose name contains one of these, or {_AUDIT}; else everything"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the one file to send back")
    parser.add_argument("--read", type=Path, metavar="FILE", help="check such a file and show it; nothing is run")
    options = parser.parse_args(arguments)
    try:
        if options.read is not None:
            if options.only or options.json is not None:
                parser.error("argument --read: got it with other arguments; allowed: alone")
            found = document.read(options.read)
        else:
            found = run(device_here(), only=options.only)
    except ClaimsError as error:
        print(f"claims.kernels.gpu: {error}", file=sys.stderr)
        return 2
    if options.json is not None:
        try:
            document.write(options.json, found)
        except OSError as error:
            print(f"claims.kernels.gpu: --json: {error}", file=sys.stderr)
            return 2
    for line in document.table(found):
        print(line)
    return 1 if document.objections(found) else 0


def device_here() -> str:
    """The GPU, or the interpreter where there is none.

    Raises:
        BadOption: torch or Triton is missing; has the command that installs it.
    """
    usable(_INTERPRETED, "device")  # Triton has to be there for either
    return _GPU if not DEVICES[_GPU].obstacle() else _INTERPRETED


def run(device: str, *, only: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that a device can show, as a document. Of a list of parts of names, what has one of them.

    Raises:
        Unavailable: Triton was imported before, to compile, where it has to be interpreted.
        BadOption: nothing has such a name.
    """
    on_gpu = device == _GPU
    if why := DEVICES[device].ready():
        raise Unavailable(why)
    with nullcontext() if on_gpu else DEVICES[device].measuring():
        routes = list(_routes(device, only))
    speed = list(_speeds(only)) if on_gpu else []
    audit = _audit(device) if not only or _AUDIT in only else None
    if not routes and audit is None:
        raise BadOption("only", " ".join(only), f"parts of the names of kernels, or {_AUDIT}")
    return document.sealed(
        {
            "schema": document.SCHEMA,
            "device": device,
            "says": described(device) if on_gpu else _NO_GPU,
            "selected": list(only),
            "environment": environment(device),
            "machine": _machine(on_gpu),
            "code": document.code_digest(),
            "seed": _seed(),
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "routes": routes,
            "speed": speed,
            "audit": audit,
        }
    )


def _seed() -> int:
    from claims.kernels.entries import SEED

    return SEED


def _chosen(only: Sequence[str]) -> Iterator[Any]:
    from claims.kernels.entries import entries

    return (each for each in entries() if not only or any(part in each.name for part in only))


def _routes(device: str, only: Sequence[str]) -> Iterator[dict[str, Any]]:
    """On a GPU as launched for evidence, and as tuned; nothing is tuned in the interpreter."""
    from claims.kernels.routes import compare
    from claims.kernels.settings import settled

    place = DEVICES[device].tensors
    for entry, tuned in product(_chosen(only), (False, True) if device == _GPU else (False,)):
        for dtype, shape in product(entry.dtypes, _SHAPES[device]):
            with settled(tuned=tuned):
                row = compare(entry, dtype, shape, place)
            yield row | {"tuned": tuned}


def _speeds(only: Sequence[str]) -> Iterator[dict[str, Any]]:
    from claims.kernels.gpu.speed import timed

    for entry in _chosen(only):
        shape = _TIMED if entry.product is None else _TIMED_PRODUCT
        for dtype in entry.dtypes[-_TIMED_DTYPES:] if len(entry.dtypes) > _TIMED_DTYPES else entry.dtypes:
            yield timed(entry, dtype, shape)


def _audit(device: str) -> dict[str, Any]:
    """The claims that may run on the device, audited there by a process of its own, into a store that is gone later."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        words = ["audit", f"device:{device}", "--device", device, "--jobs", "1", "--no-table"]
        words += ["--store", f"{folder}/evidence.sqlite", "--json", str(result)]
        command = [sys.executable, "-c", "import sys; from claims.cli import main; sys.exit(main())", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        there = result.is_file()
        claims = json.loads(result.read_text(encoding="utf-8"))["claims"] if there else []
    fields = ("id", "verdict", "expected", "as_expected", "device", "reason")
    return {
        "status": done.returncode,
        "words": "" if there else done.stderr.strip()[-2000:],
        "claims": [{name: claim[name] for name in fields} for claim in claims],
    }


def _machine(on_gpu: bool) -> dict[str, str]:
    """What one wants to know of a machine, though no bit depends on it."""
    found = {"system": f"{platform.system()} {platform.release()}"}
    if not on_gpu:
        return found
    import torch

    memory = torch.cuda.get_device_properties(0).total_memory
    return found | {"driver": _driver(), "gpu memory": f"{memory / 2**30:.1f} GiB"}


def _driver() -> str:
    if shutil.which("nvidia-smi") is None:
        return "unknown"
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip().partition("\n")[0] or "unknown"
