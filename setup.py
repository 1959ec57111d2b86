"""Builds the compiled CPU kernels; everything declarative is in pyproject.toml.

One shared library an instruction set, each from all of ``kernels/native/*.cpp``, with a plain C interface. They are
optional: where no C++ compiler is found the installation succeeds, says so, and the kernels use plain torch. After a
change of the C++ files: ``python setup.py build_ext --inplace``.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CompileError

SOURCES = Path("kernels/native")
# -ffp-contract=off: no fused multiply-add that the source does not ask for, so that every set gives the same bits.
WARNINGS = "-Wall -Wextra -Wno-psabi -Wno-maybe-uninitialized"  # the last comes from GCC's own headers
FLAGS = f"-std=c++17 -O3 -fPIC -shared -pthread -ffp-contract=off -fno-math-errno -fvisibility=hidden {WARNINGS}"
MACHINE = {"portable": "", "avx2": "-march=x86-64-v3", "avx512": "-march=x86-64-v4 -mavx512vnni -mavx512vbmi"}


def source_digest() -> str:
    """The digest that ``claims.kernels.native.source_digest`` computes: over names and contents, sorted by name."""
    digest = hashlib.sha256()
    for file in sorted([*SOURCES.glob("*.cpp"), *SOURCES.glob("*.h")]):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def compiler() -> list[str]:
    """``CXX`` of the environment, else the first of g++, clang++, c++ that is installed."""
    named = os.environ.get("CXX")
    found = [named] if named else [name for name in ("g++", "clang++", "c++") if shutil.which(name)]
    if not found:
        raise CompileError("no C++ compiler (g++, clang++ or CXX): the kernels will use plain torch")
    return shlex.split(found[0])


class BuildNative(build_ext):
    """``build_ext`` with one compiler call a library, in place of Python's own flags and file names."""

    def build_extensions(self) -> None:
        """All libraries at once; what fails is left out, with a message."""
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            done = {extension.name: pool.submit(self.build_native, extension) for extension in self.extensions}
        for name, future in done.items():
            if future.exception() is not None:
                self.warn(f"{name} is left out: {future.exception()}")

    def build_native(self, extension: Extension) -> None:
        """Compile to a temporary file and rename: a process that has the former library mapped keeps it."""
        target = Path(self.get_ext_fullpath(extension.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(f".{os.getpid()}.tmp")
        machine = MACHINE[extension.name.rsplit("_", 1)[1]]
        files = sorted(str(file) for file in SOURCES.glob("*.cpp"))
        digest = f'-DSOURCE_DIGEST="{source_digest()}"'
        command = [*compiler(), *FLAGS.split(), *machine.split(), digest, *files, "-o", str(temporary)]
        finished = subprocess.run(command, check=False, capture_output=True, text=True)
        if finished.returncode != 0:
            raise CompileError(f"{shlex.join(command)}\n{finished.stderr}")
        temporary.replace(target)

    def get_ext_filename(self, fullname: str) -> str:
        """No tag of a Python version in the name: the library knows nothing of Python."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))


class ReproducibleSource(sdist):
    """A source archive whose bytes are those of its files: sorted, without owners, at ``SOURCE_DATE_EPOCH``."""

    def make_archive(
        self,
        base_name: str,
        format: str,
        root_dir: str | os.PathLike[str] | None = None,
        base_dir: str | None = None,
        owner: str | None = None,
        group: str | None = None,
    ) -> str:
        """The path of the archive, written here if a time is set and it is the usual one."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        if epoch is None or format != "gztar" or base_dir is None:
            return super().make_archive(base_name, format, root_dir, base_dir, owner, group)
        path = f"{base_name}.tar.gz"

        def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
            member.mtime, member.uid, member.gid, member.uname, member.gname = int(epoch), 0, 0, "", ""
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            return member

        with (
            open(path, "wb") as stream,
            gzip.GzipFile(filename="", mode="wb", fileobj=stream, mtime=int(epoch)) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            archive.add(base_dir, filter=plain)  # a folder's entries come sorted
        return path


class PlatformWheel(bdist_wheel):
    """A wheel for any Python 3 on this platform, as the libraries have no Python interface."""

    def get_tag(self) -> tuple[str, str, str]:
        """Python tag, ABI tag, platform tag."""
        return "py3", "none", super().get_tag()[2]


def extensions() -> list[Extension]:
    """One optional extension an instruction set that a compiler for this machine can target."""
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    names = MACHINE if is_x86 else ("portable",)
    files, headers = (sorted(str(file) for file in SOURCES.glob(f"*.{kind}")) for kind in ("cpp", "h"))
    return [Extension(f"claims.kernels._native_{name}", files, depends=headers, optional=True) for name in names]


setup(
    ext_modules=extensions(),
    cmdclass={"build_ext": BuildNative, "bdist_wheel": PlatformWheel, "sdist": ReproducibleSource},
)
