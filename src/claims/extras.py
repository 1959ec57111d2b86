"""What an installation of the core lacks: which extra brings a module, and the command that installs it."""

from __future__ import annotations

import importlib.util

from claims.errors import Unavailable

#: The extra of ``pyproject.toml`` that brings a module. A distribution is called like its module, with - for _.
EXTRAS = {
    "torch": "kernels",
    "triton": "triton",
    "ml_dtypes": "oracles",
    "torchao": "oracles",
    "gguf": "models",
    "safetensors": "models",
    "tokenizers": "models",
    "distributed": "dask",
    "matplotlib": "notebook",
    "pyarrow": "notebook",
    "cryptography": "signing",
}


def command(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'claimbench[{extra}]'"


def lacking(module: str) -> Unavailable:
    """The error that says how to get a module that an extra brings."""
    return Unavailable(f"needs {module}: {command(EXTRAS[module])}")


def missing(error: BaseException | None) -> str:
    """What was missing, and the command that installs it, if an error came from the lack of an extra; else empty.

    A module of ours, or of another distribution, that cannot be found is a mistake of whoever imports it.
    """
    while error is not None:
        if isinstance(error, Unavailable):
            return str(error)
        root = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
        if root in EXTRAS and not is_there(root):
            return str(lacking(root))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return ""


def is_there(module: str) -> bool:
    """Whether a module can be found; it is not imported."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # of a finder that forbids it, or a stand-in that has no specification
        return False
