"""Which float32 product ``gemm`` takes for large matrices on this machine: oneDNN's, or ``torch.mm`` (MKL on x86).

Both are within the same bound, but not equal bit for bit, so the choice belongs to the numerics class of evidence and
never changes while a process runs, nor between it and the processes it starts. In this order it is what

1. ``CLAIMS_KERNELS_GEMM`` names, ``onednn`` or ``mm``: a process that has chosen tells its children so;
2. ``claimbench doctor --measure`` has measured on this machine and kept in a file beside the user's caches;
3. holds for the maker of the CPU: MKL uses the whole of Intel's, and half of what oneDNN reaches on others.

The file holds one answer a CPU and version of torch. Without it, or where it cannot be read, the rule of the maker
holds again. Nothing here loads torch: audits ask before they know whether they will need it.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Literal, get_args

from claims.kernels.errors import KernelError

Product = Literal["onednn", "mm"]
PRODUCTS: tuple[Product, ...] = get_args(Product)
VARIABLE = "CLAIMS_KERNELS_GEMM"
_INFO = Path("/proc/cpuinfo")


def cpu() -> dict[str, str]:
    """What the system tells of the first CPU (``vendor_id``, ``model``, ...); empty where it does not."""
    try:
        lines = _INFO.read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def machine() -> str:
    """CPU and torch, as an answer is kept for."""
    found = cpu()
    told = [found.get(key, "") for key in ("vendor_id", "cpu family", "model", "model name")]
    told = told if any(told) else [platform.processor()]
    try:
        version = metadata.version("torch")
    except metadata.PackageNotFoundError:
        version = "none"
    return " ".join([*filter(None, told), platform.machine(), f"torch {version}"])


def by_maker() -> Product:
    """The rule where nothing was measured."""
    return "mm" if cpu().get("vendor_id") == "GenuineIntel" else "onednn"


def kept_at() -> Path:
    """The file of measured answers."""
    named = os.environ.get("CLAIMBENCH_CACHE")  # where models are kept too
    folder = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claimbench"
    return folder / "products.json"


def _kept() -> dict[str, str]:
    try:
        found = json.loads(kept_at().read_text(encoding="utf-8"))
    except (OSError, ValueError, RuntimeError):  # the last: there is no home
        return {}
    return found if isinstance(found, dict) else {}


def measured() -> Product | None:
    """The answer that is kept for this machine, if there is one."""
    answer = _kept().get(machine())
    return next((product for product in PRODUCTS if product == answer), None)


def keep(product: Product) -> Path:
    """Write the answer for this machine beside those of others, whole or not at all; the file.

    Raises OSError where the folder cannot be written.
    """
    path = kept_at()
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(_kept() | {machine(): product}, indent=2, sort_keys=True) + "\n"
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


@cache
def chosen() -> Product:
    """The product that this process takes, told to those that it starts.

    Raises KernelError if the environment names another.
    """
    named = os.environ.get(VARIABLE, "")
    if named and named not in PRODUCTS:
        raise KernelError("gemm", VARIABLE, got=repr(named), allowed=" or ".join(map(repr, PRODUCTS)))
    answer = next((product for product in PRODUCTS if product == named), None) or measured() or by_maker()
    os.environ[VARIABLE] = answer
    return answer


def in_class() -> str:
    """What the numerics class says of it: nothing where it is the rule of the maker, which the CPU's model implies."""
    return "" if chosen() == by_maker() else f", gemm by {chosen()}"
