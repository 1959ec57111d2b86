"""Signed replication records: real keys, every way in which an envelope can be wrong, and the words of the refusals."""

from __future__ import annotations

import base64
import doctest
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from claims.catalogue import Catalogue
from claims.cli import main
from claims.errors import BadOption, InvalidResult, TamperedRecord, Unavailable, UntrustedRecord
from claims.evidence.canonical import canonical_json, digest
from claims.report import attestation
from claims.report.attestation import PAYLOAD, PREDICATE, STATEMENT, opened, pae, sealed
from claims.report.keys import fingerprint, private_key, public_key
from claims.report.replication import replication, text_of
from claims.report.replication_check import load
from tests.claims.test_report import EVERY, HOSTILE, result

NOTHING = Catalogue({}, {}, {})
MADE = replication(result(*EVERY), NOTHING)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
SSH_KEYGEN = shutil.which("ssh-keygen")


def envelope(**changes: Any) -> dict[str, Any]:
    return sealed(MADE, KEY) | changes


def signed(payload: bytes, *keys: Ed25519PrivateKey, kind: str = PAYLOAD) -> dict[str, Any]:
    """An envelope around anything, as somebody with the keys could make it."""
    signatures = [{"sig": base64.b64encode(key.sign(pae(kind, payload))).decode()} for key in keys]
    return {"payloadType": kind, "payload": base64.b64encode(payload).decode(), "signatures": signatures}


def statement(**changes: Any) -> bytes:
    made = {
        "_type": STATEMENT,
        "subject": [{"name": "record", "digest": {"sha256": MADE["sha256"]}}],
        "predicateType": PREDICATE,
        "predicate": MADE["record"],
    }
    return canonical_json(made | changes).encode()


def ask_nothing() -> str:
    raise AssertionError("no passphrase is needed")


# The form


def test_the_encoding_is_that_of_the_specification():
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("", b"") == b"DSSEv1 0  0 "
    assert pae("é", b"a b") == b"DSSEv1 2 \xc3\xa9 3 a b"  # lengths are of bytes
    assert doctest.testmod(attestation).attempted


def test_an_envelope_has_a_statement_about_the_record():
    made = envelope()
    payload = base64.b64decode(made["payload"])
    said = json.loads(payload)
    assert payload.decode() == canonical_json(said)
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["subject"] == [{"name": "replication-record", "digest": {"sha256": digest(MADE["record"]).hex()}}]
    assert said["predicate"] == MADE["record"]
    assert made["payloadType"] == "application/vnd.in-toto+json"
    (signature,) = made["signatures"]
    KEY.public_key().verify(base64.b64decode(signature["sig"]), pae(PAYLOAD, payload))
    assert signature["keyid"] == fingerprint(KEY.public_key())
    assert envelope() == made  # Ed25519 draws nothing: the same record is the same envelope


def test_it_is_opened_by_its_key_and_by_one_of_several():
    for made in (envelope(), signed(statement(), OTHER, KEY)):
        found = opened(made, KEY.public_key())
        assert found.document == {"record": MADE["record"], "sha256": MADE["sha256"]}
        assert found.signer == fingerprint(KEY.public_key())
    urls = envelope()
    urls["payload"] = urls["payload"].replace("+", "-").replace("/", "_")
    urls["signatures"][0]["sig"] = urls["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    assert opened(urls, KEY.public_key()).signer


# What is refused


def changed_payload() -> dict[str, Any]:
    made = envelope()
    said = json.loads(base64.b64decode(made["payload"]))
    said["predicate"]["claims"][0]["verdict"] = "REFUTED"
    return made | {"payload": base64.b64encode(canonical_json(said).encode()).decode()}


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "another key": (lambda: signed(statement(), OTHER), "signatures: none is that of the key SHA256:"),
    "changed payload": (changed_payload, "signatures: none"),
    "no signature": (lambda: envelope(signatures=[]), "signatures: got"),
    "signatures as text": (lambda: envelope(signatures="x"), "signatures: got 'x'"),
    "too many": (lambda: envelope(signatures=envelope()["signatures"] * 101), "1 to 100 signatures"),
    "signature of nothing": (lambda: envelope(signatures=[{}]), r"signatures\[0\].sig: got None"),
    "a number": (lambda: envelope(signatures=[7]), r"signatures\[0\]: got 7"),
    "truncated signature": (
        lambda: envelope(signatures=[{"sig": envelope()["signatures"][0]["sig"][:44]}]), "signatures: none"
    ),
    "no base64": (lambda: envelope(signatures=[{"sig": "?"}]), r"signatures\[0\].sig: got '\?'; allowed: base64"),
    "hostile name": (lambda: envelope(signatures=[{"sig": "AA==", "keyid": 7}]), r"signatures\[0\].keyid: got 7"),
    "no payload": (lambda: envelope(payload=None), "payload: got None"),
    "payload in another form": (lambda: envelope(payload="é"), "payload: got 'é'; allowed: base64"),
    "truncated payload": (lambda: envelope(payload=envelope()["payload"][:40]), "signatures: none"),
    "another payload type": (lambda: signed(statement(), KEY, kind="text/plain"), "payloadType: got 'text/plain'"),
    "no JSON": (lambda: signed(b"{", KEY), "payload: no readable statement"),
    "no UTF-8": (lambda: signed(b"\xff", KEY), "payload: no readable statement"),
    "too deep": (lambda: signed(b"[" * 100_000, KEY), "payload: no readable statement"),
    "a name twice": (lambda: signed(b'{"_type": 1, "_type": 2}', KEY), "payload: no readable statement"),
    "no statement": (lambda: signed(b"[]", KEY), "payload: got"),
    "another statement": (lambda: signed(statement(_type="x"), KEY), "_type: got 'x'"),
    "about something else": (lambda: signed(statement(predicateType="x"), KEY), "predicateType: got 'x'"),
    "no subject": (lambda: signed(statement(subject=[]), KEY), "subject: got"),
    "two subjects": (lambda: signed(statement(subject=[{"digest": {"sha256": "a"}}] * 2), KEY), "subject: got"),
    "another digest": (lambda: signed(statement(subject=[{"digest": {"md5": "a"}}]), KEY), "subject: got"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_an_envelope_that_is_wrong_is_refused_by_field(name, tmp_path):
    make, words = REFUSED[name]
    path = tmp_path / "record.json"
    path.write_text(json.dumps(make()))
    with pytest.raises(UntrustedRecord, match=words):
        load(path, KEY.public_key())
    public = written(tmp_path / "key.pub", KEY.public_key())
    said = CliRunner().invoke(main, ["verify", str(path), "--key", str(public)])
    assert said.exit_code == 2
    assert "Traceback" not in said.output


def test_who_has_the_key_cannot_sign_what_is_no_record(tmp_path):
    path = tmp_path / "record.json"
    path.write_text(json.dumps(signed(statement(predicate={"claims": []}), KEY)))
    with pytest.raises(InvalidResult, match="record"):
        load(path, KEY.public_key())
    path.write_text(json.dumps(signed(statement(subject=[{"digest": {"sha256": "0" * 64}}]), KEY)))
    with pytest.raises(TamperedRecord, match="sha256"):
        load(path, KEY.public_key())
    path.write_text(text_of(MADE))
    with pytest.raises(UntrustedRecord, match="not signed"):
        load(path, KEY.public_key())


# Keys


def written(path: Path, key: Any, password: bytes | None = None, form: str = "pem") -> Path:
    """A key's file, private or public."""
    ssh = form == "ssh"
    if hasattr(key, "private_bytes"):
        lock = BestAvailableEncryption(password) if password else NoEncryption()
        data = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH if ssh else PrivateFormat.PKCS8, lock)
    elif ssh:
        data = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    else:
        data = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", ["pem", "ssh"])
def test_keys_are_read_in_both_forms(form, tmp_path):
    private = private_key("--sign", written(tmp_path / "key", KEY, form=form), passphrase=ask_nothing)
    public = public_key("--key", written(tmp_path / "key.pub", KEY.public_key(), form=form))
    assert fingerprint(private.public_key()) == fingerprint(public) == fingerprint(KEY.public_key())


def test_an_encrypted_key_asks_for_its_passphrase(tmp_path):
    path = written(tmp_path / "key", KEY, b"open sesame")
    assert private_key("--sign", path, passphrase=lambda: "open sesame").sign(b"") == KEY.sign(b"")
    for wrong in ("", "sesame"):
        with pytest.raises(BadOption, match="Ed25519 private key"):
            private_key("--sign", path, passphrase=lambda wrong=wrong: wrong)


RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ECDSA = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(("key", "name"), [(RSA, "RSA"), (ECDSA, "ECDSA")])
@pytest.mark.parametrize("form", ["pem", "ssh"])
def test_another_algorithm_is_refused_by_name(key, name, form, tmp_path):
    with pytest.raises(BadOption, match=f"--sign.*this one is {name}"):
        private_key("--sign", written(tmp_path / "key", key, form=form), passphrase=ask_nothing)
    with pytest.raises(BadOption, match=f"--key.*this one is {name}"):
        public_key("--key", written(tmp_path / "key.pub", key.public_key(), form=form))


@pytest.mark.parametrize(
    "text", ["", "no key", "-----BEGIN PUBLIC KEY-----\n", "ssh-ed25519 AAAA", HOSTILE, "x" * 100_001]
)
def test_what_is_no_key_is_refused(text, tmp_path):
    path = tmp_path / "key"
    path.write_text(text)
    for there in (path, tmp_path / "none", tmp_path):
        with pytest.raises(BadOption, match="--key"):
            public_key("--key", there)
        with pytest.raises(BadOption, match="--sign"):
            private_key("--sign", there, passphrase=ask_nothing)


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path):
    with pytest.raises(BadOption, match="this one is private"):
        public_key("--key", written(tmp_path / "key", KEY))


def test_without_the_library_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("claims.report.keys.is_there", lambda module: False)
    with pytest.raises(Unavailable, match=r"claimbench\[signing\]"):
        public_key("--key", written(tmp_path / "key.pub", KEY.public_key()))


# The commands


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result(*EVERY)))
    return path


def ran(*words: object, keys: str | None = None) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words], input=keys)


def test_a_record_is_signed_and_verified_by_the_commands(source, tmp_path):
    key, public = written(tmp_path / "key", KEY), written(tmp_path / "key.pub", KEY.public_key(), form="ssh")
    record = tmp_path / "record.json"
    assert ran("report", "--json", source, "--record", record, "--sign", key).exit_code == 0
    said = ran("verify", record, "--key", public)
    assert said.exit_code == 0, said.output
    assert f"signed     by {fingerprint(KEY.public_key())}" in said.output
    told = json.loads(ran("verify", record, "--key", public, "--json").stdout)
    assert told["signed"]["checked"] == fingerprint(KEY.public_key())
    unchecked = ran("verify", record)
    assert unchecked.exit_code == 0
    assert "not checked" in unchecked.output
    wrong = ran("verify", record, "--key", written(tmp_path / "other.pub", OTHER.public_key()))
    assert (wrong.exit_code, "signatures: none" in wrong.output) == (2, True)
    plain = tmp_path / "plain.json"
    assert ran("report", "--json", source, "--record", plain).exit_code == 0
    assert "by nobody" in ran("verify", plain).output
    assert ran("verify", plain, "--key", public).exit_code == 2
    assert load(plain).sha256 == load(record, KEY.public_key()).sha256


def test_names_of_keys_in_an_envelope_are_text(tmp_path):
    path = tmp_path / "record.json"
    names = [{"sig": "AA==", "keyid": f"\x1b[2J\u202e{HOSTILE}" * 20}]
    path.write_text(json.dumps(envelope(signatures=names)))
    said = ran("verify", path)
    assert said.exit_code == 0
    assert r"\x1b[2J\u202e" in said.output
    assert "\x1b" not in said.output


def test_signing_asks_for_the_passphrase(source, tmp_path):
    key, record = written(tmp_path / "key", KEY, b"sesame"), tmp_path / "record.json"
    assert ran("report", "--json", source, "--record", record, "--sign", key, keys="sesame\n").exit_code == 0
    assert load(record, KEY.public_key()).signer
    record.unlink()
    assert ran("report", "--json", source, "--record", record, "--sign", key, keys="wrong\n").exit_code == 2
    assert not record.exists()


def test_a_signature_belongs_to_a_record(source, tmp_path):
    said = ran("report", "--json", source, "--sign", written(tmp_path / "key", KEY))
    assert (said.exit_code, "--record" in said.output) == (2, True)


@pytest.mark.skipif(SSH_KEYGEN is None, reason="no ssh-keygen on this machine")
def test_keys_of_openssh_sign_and_verify(source, tmp_path):
    key, record = tmp_path / "id", tmp_path / "record.json"
    subprocess.run([str(SSH_KEYGEN), "-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f", str(key)], check=True)
    listed = subprocess.run([str(SSH_KEYGEN), "-l", "-f", f"{key}.pub"], check=True, capture_output=True, text=True)
    assert ran("report", "--json", source, "--record", record, "--sign", key).exit_code == 0
    said = ran("verify", record, "--key", f"{key}.pub")
    assert said.exit_code == 0, said.output
    assert listed.stdout.split()[1] in said.output
