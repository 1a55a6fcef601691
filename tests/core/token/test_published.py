"""RFC 7517 §5: jwt_guard._core.token.published, documents as providers write them."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import ConfigurationError
from jwt_guard._core.token.published import Published, read
from tests.tokens import BY_ALG, EC256, PSS, RSA, SECRET, STRANGER, b64

RSA_ALGS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
BARE = {name: RSA.public_jwk[name] for name in ("kty", "n", "e")}
ES256 = {**EC256.public_jwk, "kid": "ec"}


def read_set(*keys: Any, among: tuple[str, ...] | None = None) -> Published:
    return read(json.dumps({"keys": keys}).encode(), among)


def names(found: Published) -> list[tuple[str | None, str]]:
    return [(key.kid, key.alg) for key in found.keys]


def test_set() -> None:
    """A key names its algorithm, or carries every one of its type."""
    found = read_set(ES256, {**BARE, "kid": "rsa"})
    assert names(found) == [("ec", "ES256"), *(("rsa", alg) for alg in RSA_ALGS)]
    assert found.refused == found.passed_over == ()


def test_algorithms_in_use() -> None:
    """Of all that only those in use are taken; the rest is passed over."""
    rsa_key = {**BARE, "kid": "rsa"}
    assert names(read_set(ES256, rsa_key, among=("RS512", "ES256"))) == [
        *(("ec", "ES256"), ("rsa", "RS512"))
    ]
    found = read_set(ES256, rsa_key, among=("EdDSA",))
    assert names(found) == []
    assert len(found.passed_over) == 2
    assert found.refused == ()


def test_lone_jwk() -> None:
    """One JWK is a set of one."""
    assert names(read(json.dumps(ES256).encode(), None)) == [("ec", "ES256")]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n ", b"\xef\xbb\xbf\r\n"])
def test_before_the_document(start: bytes) -> None:
    """A BOM and spaces before the document are no part of it."""
    assert names(read(start + json.dumps({"keys": [ES256]}).encode(), None)) == [("ec", "ES256")]
    assert names(read(start + EC256.public_pem, None)) == [(None, "ES256"), (None, "ESP256")]


def test_null_members() -> None:
    """Members that are null say nothing."""
    nulls = dict.fromkeys(("alg", "use", "key_ops", "kid", "x5c", "d"))
    assert names(read_set({**BARE, **nulls})) == [(None, alg) for alg in RSA_ALGS]


def test_pem() -> None:
    """PEM has no kid, and carries every algorithm in use of its type."""
    assert names(read(RSA.public_pem + EC256.certificate, ("RS256", "PS256", "ES256"))) == [
        *((None, "RS256"), (None, "PS256"), (None, "ES256"))
    ]


def test_certificates_by_kid() -> None:
    """PEM by kid, as Google and Firebase publish it."""
    document = {"a": RSA.certificate.decode(), "b": EC256.public_pem.decode()}
    found = read(json.dumps(document).encode(), ("RS256", "ES256"))
    assert names(found) == [("a", "RS256"), ("b", "ES256")]


def test_pem_that_is_not_used() -> None:
    """A private key, a cut one and one for another purpose cost the others nothing."""
    other = x25519.X25519PrivateKey.generate().public_key()
    pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    document = {
        "private": STRANGER.private_pem.decode(),
        "cut": RSA.public_pem.decode()[:-40],
        "x25519": pem,
        "good": EC256.certificate.decode(),
    }
    found = read(json.dumps(document).encode(), ("ES256",))
    assert names(found) == [("good", "ES256")]
    assert [text.partition(":")[0] for text in found.refused] == ["kid 'private'", "kid 'cut'"]
    assert [text.partition(":")[0] for text in found.passed_over] == ["kid 'x25519'"]
    assert STRANGER.private_pem.decode().splitlines()[1] not in "".join(found.refused)
    assert read(STRANGER.private_pem, None).refused == (
        "PEM: it is a private key; publish the public half",
    )


def weak_jwk() -> dict[str, Any]:
    numbers = rsa.generate_private_key(65537, 1024).public_key().public_numbers()  # noqa: S505  it is refused
    return {**BARE, "n": b64(numbers.n.to_bytes(128, "big")), "kid": "weak"}


PASSED_OVER: dict[str, dict[str, Any]] = {
    "for encryption": {**BARE, "kid": "e", "alg": "RSA-OAEP", "use": "enc"},
    "for TLS": {**BARE, "kid": "t", "use": "tls"},
    "to wrap": {**BARE, "kid": "w", "key_ops": ["wrapKey"]},
    "of an unknown type": {"kty": "FUTURE", "kid": "f"},
    "on an unknown curve": {"kty": "EC", "crv": "P-256K", "x": "AA", "y": "AA"},
    "of an unknown algorithm": {**BARE, "alg": "RS1"},
    "to agree on keys": {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
}
REFUSED: dict[str, Any] = {
    "a secret": {**SECRET.private_jwk, "kid": "s"},
    "a private key": {**RSA.private_jwk, "kid": "p"},
    "a private AKP key": {**BY_ALG["ML-DSA-44"].private_jwk, "kid": "p"},
    "a private key for encryption": {**RSA.private_jwk, "use": "enc"},
    "weak": weak_jwk(),
    "of another point": {**ES256, "x": STRANGER.public_jwk["x"]},
    "an AKP key without alg": {"kty": "AKP", "pub": BY_ALG["ML-DSA-44"].public_jwk["pub"]},
    "without a type": {"kid": "x"},
    "no object": "x",
    "null": None,
    "a number for a kid": {**BARE, "alg": "RS256", "kid": 7},
    "a list for an alg": {**BARE, "alg": ["RS256"]},
}


@pytest.mark.parametrize("kind", PASSED_OVER)
def test_passed_over(kind: str) -> None:
    """Keys for other purposes and of unknown kinds are nothing to warn of."""
    found = read_set(PASSED_OVER[kind], ES256)
    assert names(found) == [("ec", "ES256")]
    assert found.refused == ()
    assert [text.partition(":")[0] for text in found.passed_over] == ["key 0"]


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    """A key that cannot be used, and should be, is told of, and costs the others nothing."""
    found = read_set(ES256, REFUSED[kind])
    assert names(found) == [("ec", "ES256")]
    assert [text.partition(":")[0] for text in found.refused] == ["key 1"]
    assert found.passed_over == ()
    for name in ("d", "k", "priv"):
        secret = REFUSED[kind].get(name) if isinstance(REFUSED[kind], dict) else None
        assert secret is None or secret not in found.refused[0]


def test_same_name() -> None:
    """The same key twice is one; of two keys under one name neither is used."""
    again = {**ES256, "x5c": ["AAAA"], "use": "sig"}
    found = read_set(ES256, again, {**STRANGER.public_jwk, "kid": "b"})
    assert names(found) == [("ec", "ES256"), ("b", "ES256")]
    found = read_set(ES256, {**STRANGER.public_jwk, "kid": "ec"}, {**BARE, "kid": "ec"})
    assert names(found) == [("ec", alg) for alg in RSA_ALGS]
    assert found.refused == ("kid 'ec': several keys for ES256",)


def test_one_kid_several_algorithms() -> None:
    """One key may be there once for each algorithm, or once with none and once with one."""
    found = read_set(*({**BARE, "kid": "x", "alg": alg} for alg in ("RS256", "PS256")))
    assert names(found) == [("x", "RS256"), ("x", "PS256")]
    found = read_set({**BARE, "kid": "x"}, {**PSS.public_jwk, "kid": "x"})
    assert names(found) == [("x", alg) for alg in RSA_ALGS]


def test_without_kid() -> None:
    """Several keys without kid are no contradiction: they are tried."""
    found = read_set(EC256.public_jwk, STRANGER.public_jwk)
    assert found.keys.candidates("ES256", "any") == tuple(found.keys)
    assert len(found.keys) == 2


def test_empty() -> None:
    """A set without keys, or without any of use, is an answer."""
    assert names(read(b'{"keys": []}', None)) == []
    assert names(read_set(PASSED_OVER["for encryption"])) == []


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (b"", "neither PEM nor the JSON"),
        (b"<html>", "neither PEM nor the JSON"),
        (b"\xff", "neither PEM nor the JSON"),
        (b"[]", "neither PEM nor the JSON"),
        (b'{"keys": [], "keys": []}', "neither PEM nor the JSON"),
        (json.dumps(ES256).encode("utf-16"), "neither PEM nor the JSON"),
        (b"{}", 'it has no list "keys"'),
        (b'{"a": "b"}', 'it has no list "keys"'),
        (b'{"a": "-----BEGIN", "b": 1}', 'it has no list "keys"'),
        (b"-----BEGIN PUBLIC KEY-----\ncut", "no PEM block"),
        (RSA.public_pem + EC256.public_pem[:-40], "a PEM block in it is cut"),
        (b'{"keys": {}}', '"keys" is no list'),
        (b'{"keys": null}', '"keys" is no list'),
        (b'{"issuer": "x", "jwks_uri": "https://x/"}', "at the address that it calls jwks_uri"),
    ],
)
def test_no_document_of_keys(document: bytes, text: str) -> None:
    """What is no document of keys is a failure, with a way out where there is one."""
    with pytest.raises(ConfigurationError, match=text):
        read(document, None)
