"""The header of a GGUF file: metadata by key, and where each tensor lies.

Read by our own code, since the ``gguf`` package builds what a header announces before it looks whether the file has it.
Here every length is held against the bytes that are left, and what the specification leaves no room for is refused:
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Versions 2 and 3, little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import ModelError
from claims.models.fields import named, shown

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_VERSIONS = (2, 3)
#: Types of metadata by their code in the file, as ``struct`` and numpy name them.
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9
_ALIGNMENT = "general.alignment"
#: The longest key and the longest name of a tensor that the specification has, in bytes; and the most dimensions.
_KEY, _NAME, _DIMENSIONS = 65_535, 64, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """Where a tensor lies.

    Attributes:
        name: as in the file.
        shape: slowest dimension first, as numpy has it.
        kind: the code of its type.
        offset: from the beginning of the data.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What precedes the data.

    Attributes:
        values: metadata by key: bool, int, float, str, or a list of these.
        tensors: by name.
        data: where the data begins, in bytes from the beginning of the file.
        alignment: what every offset is a multiple of.
    """

    values: dict[str, Any]
    tensors: dict[str, StoredTensor]
    data: int
    alignment: int


def read_header(path: Path, content: npt.NDArray[np.uint8]) -> Header:
    """Read the header of a file whose bytes are ``content``.

    Raises:
        ModelError: the file is no GGUF, or ends early, or something in it is not as specified.
    """
    walk = _Walk(path, content)
    if walk.take(4, "the first four bytes") != b"GGUF":
        raise ModelError(f"{path}: no GGUF file (it does not begin with GGUF)")
    version = walk.number("I", "the version")
    if version not in _VERSIONS:
        swapped = int.from_bytes(int(version).to_bytes(4, "little"), "big")
        got = f"version {swapped}, big-endian" if swapped in _VERSIONS else f"version {version}"
        raise ModelError(f"{path}: GGUF {got}; allowed: version 2 or 3, little-endian")
    tensors, keys = walk.number("Q", "the number of tensors"), walk.number("Q", "the number of keys")
    values: dict[str, Any] = {}
    for i in range(keys):
        key = walk.text(f"the name of key {i}", most=_KEY)
        if key in values:
            raise ModelError(f"{path}: the metadata has {named(key)} twice; allowed: once")
        values[key] = walk.value(f"the value of {named(key)}")
    found: dict[str, StoredTensor] = {}
    for i in range(tensors):
        tensor = walk.tensor(i)
        if tensor.name in found:
            raise ModelError(f"{path}: tensor {named(tensor.name)} is there twice; allowed: once")
        found[tensor.name] = tensor
    alignment = values.get(_ALIGNMENT, 32)
    if type(alignment) is not int or alignment < 1 or alignment & (alignment - 1):
        raise ModelError(f"{path}: {_ALIGNMENT} is {shown(alignment)}; allowed: a power of two")
    return Header(values=values, tensors=found, data=_aligned(walk.position, alignment), alignment=alignment)


def check_places(path: Path, header: Header, sizes: dict[str, int], length: int) -> None:
    """Tensors lie one behind the other, each at the next multiple of the alignment, within the file.

    Args:
        path: of the file.
        header: of the file.
        sizes: bytes of each tensor.
        length: of the file.

    Raises:
        ModelError: names the first tensor that does not.
    """
    expected = 0
    for name, tensor in header.tensors.items():
        if tensor.offset != expected:
            got = f"tensor {named(name)} begins at byte {tensor.offset} of the data"
            raise ModelError(f"{path}: {got}; allowed: {expected}, behind the one before it")
        if header.data + tensor.offset + sizes[name] > length:
            got = f"truncated or damaged, tensor {named(name)} has {sizes[name]} bytes"
            raise ModelError(f"{path}: {got}; allowed: what the file's {length} have room for")
        expected = _aligned(tensor.offset + sizes[name], header.alignment)


def _aligned(position: int, alignment: int) -> int:
    return -(-position // alignment) * alignment


class _Walk:
    """Reads one thing after another; ``what`` is its name, for messages."""

    def __init__(self, path: Path, content: npt.NDArray[np.uint8]) -> None:
        self._path, self._content, self.position = path, content.data, 0

    def room(self, size: int, what: str) -> None:
        """Refuse what is longer than the rest of the file."""
        left = len(self._content) - self.position
        if size > left:
            got = f"truncated or damaged, {what} has {size} bytes at byte {self.position}"
            raise ModelError(f"{self._path}: {got}; allowed: up to the {left} that follow")

    def take(self, size: int, what: str) -> bytes:
        self.room(size, what)
        self.position += size
        return bytes(self._content[self.position - size : self.position])

    def number(self, code: str, what: str) -> Any:
        return struct.unpack(f"<{code}", self.take(struct.calcsize(f"<{code}"), what))[0]

    def text(self, what: str, *, most: int | None = None) -> str:
        size = self.number("Q", f"the length of {what}")
        if most is not None and size > most:
            raise ModelError(f"{self._path}: truncated or damaged, {what} has {size} bytes; allowed: up to {most}")
        try:
            return self.take(size, what).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ModelError(f"{self._path}: {what} is not UTF-8 (byte {error.start}); allowed: UTF-8") from None

    def value(self, what: str) -> Any:
        kind = self.number("I", f"the type of {what}")
        return self._array(what) if kind == _ARRAY else self._scalar(kind, what)

    def tensor(self, index: int) -> StoredTensor:
        name = self.text(f"the name of tensor {index}", most=_NAME)
        what = f"tensor {named(name)}"
        count = self.number("I", f"the number of dimensions of {what}")
        if not 1 <= count <= _DIMENSIONS:
            raise ModelError(f"{self._path}: {what} has {count} dimensions; allowed: 1 to {_DIMENSIONS}")
        shape = tuple(self.number("Q", f"a dimension of {what}") for _ in range(count))[::-1]
        if 0 in shape:
            raise ModelError(f"{self._path}: {what} has a dimension of 0; allowed: 1 or more")
        kind, offset = self.number("I", f"the type of {what}"), self.number("Q", f"the offset of {what}")
        return StoredTensor(name=name, shape=shape, kind=kind, offset=offset)

    def _scalar(self, kind: int, what: str) -> Any:
        if kind == _STRING:
            return self.text(what)
        if kind == _BOOL:
            return self._flags(self.take(1, what), what)[0]
        if kind not in _NUMBERS:
            raise ModelError(f"{self._path}: {what} is of type {kind}; allowed: 0 to 12")
        return self.number(_NUMBERS[kind], what)

    def _array(self, what: str) -> list[Any]:
        kind, count = self.number("I", f"the type of {what}"), self.number("Q", f"the number of items in {what}")
        if kind == _STRING:
            self.room(8 * count, what)  # each has at least its length
            return [self.text(f"item {i} of {what}") for i in range(count)]
        if kind != _BOOL and kind not in _NUMBERS:
            raise ModelError(f"{self._path}: {what} is an array of type {kind}; allowed: numbers, booleans, strings")
        code = "B" if kind == _BOOL else _NUMBERS[kind]
        stored = self.take(struct.calcsize(f"<{code}") * count, what)
        return self._flags(stored, what) if kind == _BOOL else list(struct.unpack(f"<{count}{code}", stored))

    def _flags(self, stored: bytes, what: str) -> list[bool]:
        if stored and max(stored) > 1:
            raise ModelError(f"{self._path}: {what} is {max(stored)}; allowed: 0 or 1, which are false and true")
        return [byte == 1 for byte in stored]
