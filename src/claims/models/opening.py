"""Opening a model by what lies at a path: a GGUF file, or a folder."""

from __future__ import annotations

from pathlib import Path

from claims.errors import ModelError
from claims.models.checkpoint import Checkpoint


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a GGUF file, or a folder with ``config.json`` and safetensors.

    Raises:
        ModelError: it is neither, or something in it is wrong; says what.
    """
    if path.is_dir():
        from claims.models.folder import open_folder

        return open_folder(path)
    if not path.exists():
        raise ModelError(f"{path}: no such file or folder")
    from claims.models.gguf_file import open_gguf

    return open_gguf(path)
