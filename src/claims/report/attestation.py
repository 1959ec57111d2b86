"""A signed replication record: an in-toto statement about it in a DSSE envelope, made and opened offline.

The statement names the record by its SHA-256 and carries it, so that the envelope is all that has to be kept. What is
signed are the bytes that DSSE's pre-authentication encoding makes of the payload, and nothing of it is read before a
signature has been checked. https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md,
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from claims.errors import UntrustedRecord
from claims.evidence.canonical import canonical_json
from claims.report.document import parsed
from claims.report.keys import fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

#: What the payload of an envelope is, what the statement is, and what it states.
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:claimbench:replication-record:1"
#: Signatures of an envelope that are looked at.
_MOST = 100


@dataclass(frozen=True, slots=True)
class Opened:
    """What an envelope holds.

    Attributes:
        document: the record with its digest, ``{"record": …, "sha256": …}``, not looked at yet.
        keys: names of the keys that are said to have signed; nobody has checked these.
        signer: name of the key that did sign; empty if none was given to check by.
    """

    document: dict[str, Any]
    keys: tuple[str, ...]
    signer: str


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding, version 1: lengths in bytes, so that nothing can be read in two ways.

    >>> pae("http://example.com/HelloWorld", b"hello world")
    b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sealed(made: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A record with its digest, as ``replication`` makes it, in an envelope that the key has signed."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": "replication-record", "digest": {"sha256": made["sha256"]}}],
        "predicateType": PREDICATE,
        "predicate": made["record"],
    }
    payload = canonical_json(statement).encode()
    signature = {"keyid": fingerprint(key.public_key()), "sig": _text(key.sign(pae(PAYLOAD, payload)))}
    return {"payloadType": PAYLOAD, "payload": _text(payload), "signatures": [signature]}


def is_envelope(document: object) -> bool:
    """Whether a JSON document is meant to be one."""
    return isinstance(document, dict) and "payloadType" in document


def opened(envelope: Mapping[str, Any], key: Ed25519PublicKey | None) -> Opened:
    """What an envelope holds, once the key has been found to have signed it; unchecked without a key.

    Raises:
        UntrustedRecord: it is not of this form, the key did not sign it, or it states something else; names the field.
    """
    if envelope.get("payloadType") != PAYLOAD:
        raise _refusal("payloadType", envelope.get("payloadType"), PAYLOAD)
    payload = _bytes(envelope.get("payload"), "payload")
    signatures = envelope.get("signatures")
    if not isinstance(signatures, list) or not 0 < len(signatures) <= _MOST:
        raise _refusal("signatures", signatures, f"a list of 1 to {_MOST} signatures")
    made = [_signature(each, f"signatures[{i}]") for i, each in enumerate(signatures)]
    if key is not None and not any(_signed(key, sig, payload) for _, sig in made):
        raise UntrustedRecord(f"signatures: none is that of the key {fingerprint(key)} over this payload")
    return Opened(_record(payload), tuple(name for name, _ in made), "" if key is None else fingerprint(key))


def _signature(each: object, where: str) -> tuple[str, bytes]:
    """Name of the key, which may be missing, and signature."""
    if not isinstance(each, dict):
        raise _refusal(where, each, "an object with sig")
    name = each.get("keyid") or ""
    if not isinstance(name, str):
        raise _refusal(f"{where}.keyid", name, "a string")
    return name, _bytes(each.get("sig"), f"{where}.sig")


def _signed(key: Ed25519PublicKey, signature: bytes, payload: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(signature, pae(PAYLOAD, payload))
    except InvalidSignature:
        return False
    return True


def _record(payload: bytes) -> dict[str, Any]:
    """The record that a statement carries, under the digest that the statement gives."""
    try:
        statement = parsed(payload.decode())
    except (ValueError, RecursionError) as error:
        raise UntrustedRecord(f"payload: no readable statement: {str(error)[:200]}") from error
    if not isinstance(statement, dict):
        raise _refusal("payload", statement, "an in-toto statement")
    for field, allowed in (("_type", STATEMENT), ("predicateType", PREDICATE)):
        if statement.get(field) != allowed:
            raise _refusal(field, statement.get(field), allowed)
    match statement.get("subject"):
        case [{"digest": {"sha256": str(sha256)}}]:
            return {"record": statement.get("predicate"), "sha256": sha256}
    raise _refusal("subject", statement.get("subject"), "one subject, with digest.sha256")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: object, field: str) -> bytes:
    """Base64, standard or for URLs, as the protocol wants both read."""
    if not isinstance(text, str):
        raise _refusal(field, text, "base64")
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/").encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refusal(field, text, "base64") from error


def _refusal(field: str, got: object, allowed: str) -> UntrustedRecord:
    words = repr(got)
    return UntrustedRecord(f"{field}: got {words if len(words) <= 120 else f'{words[:120]}…'}; allowed: {allowed}")
