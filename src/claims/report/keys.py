"""Ed25519 keys, as PEM or as OpenSSH writes them: what replication records are signed with, offline.

Files of keys are read, never written: ``ssh-keygen -t ed25519`` or ``openssl genpkey -algorithm ed25519`` makes them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from claims.errors import BadOption
from claims.extras import is_there, lacking

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: Bytes of a file that may be a key: a certificate chain is larger, and no key.
_LARGEST = 100_000
_PRIVATE, _PUBLIC = "an Ed25519 private key, PEM or OpenSSH", "an Ed25519 public key, PEM or OpenSSH (KEY.pub)"


def private_key(option: str, path: Path, *, passphrase: Callable[[], str]) -> Ed25519PrivateKey:
    """The private key in a file.

    Args:
        option: whose value the file is; errors name it.
        path: the file.
        passphrase: asked if the key is encrypted.

    Raises:
        BadOption: no such file, no such key, one of another algorithm, or a wrong passphrase.
        Unavailable: the library that reads keys is not installed; has the command that installs it.
    """
    data = _read(option, path, _PRIVATE)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    load: Callable[..., Any] = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
    try:
        made = _loaded(load, data, option, path, _PRIVATE, None)
    except _Encrypted:
        made = _loaded(load, data, option, path, _PRIVATE, passphrase().encode())
    if not isinstance(made, Ed25519PrivateKey):
        raise BadOption(option, str(path), f"{_PRIVATE}; this one is {_algorithm(made)}")
    return made


def public_key(option: str, path: Path) -> Ed25519PublicKey:
    """The public key in a file; arguments and errors are those of :func:`private_key`."""
    data = _read(option, path, _PUBLIC)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key

    if b"PRIVATE KEY" in data:
        raise BadOption(option, str(path), f"{_PUBLIC}; this one is private")
    load = load_pem_public_key if b"-----BEGIN" in data else load_ssh_public_key
    made = _loaded(load, data, option, path, _PUBLIC)
    if not isinstance(made, Ed25519PublicKey):
        raise BadOption(option, str(path), f"{_PUBLIC}; this one is {_algorithm(made)}")
    return made


def fingerprint(key: Ed25519PublicKey) -> str:
    """The name of a key that ``ssh-keygen -l`` shows, too: ``SHA256:`` and the base64 of its digest."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    blob = base64.b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _read(option: str, path: Path, allowed: str) -> bytes:
    if not is_there("cryptography"):
        raise lacking("cryptography")
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError as error:
        raise BadOption(option, str(path), f"the file of {allowed} ({error.strerror or error})") from error
    if len(data) > _LARGEST:
        raise BadOption(option, str(path), f"{allowed}; this file has more than {_LARGEST:,} bytes")
    return data


def _loaded(load: Callable[..., Any], data: bytes, option: str, path: Path, allowed: str, *args: bytes | None) -> Any:
    try:
        return load(data, *args)
    except TypeError as error:  # the library's word for an encrypted key without a passphrase
        raise _Encrypted(option, str(path), f"{allowed}, with its passphrase") from error
    except Exception as error:
        why = " ".join(str(error).split())[:120]
        raise BadOption(option, str(path), f"{allowed} ({why or type(error).__name__})") from error


class _Encrypted(BadOption):
    """An encrypted key, read without a passphrase."""


def _algorithm(key: object) -> str:
    """What kind of key it is, by its class: ``_RSAPublicKey`` is RSA."""
    name = type(key).__name__.lstrip("_")
    for end in ("PrivateKey", "PublicKey"):
        name = name.removesuffix(end)
    return {"EC": "ECDSA", "EllipticCurve": "ECDSA"}.get(name, name)
