"""Where metadata are, and which keys of a set are used."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jwt_guard.keys import Document, FetchError
from jwt_guard.keys._documents import discover, metadata_urls, usable_keys
from tests.keys.certificates import self_signed

EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


def jwk(private: Any, family: str, **members: Any) -> dict[str, Any]:
    public = jwt.get_algorithm_by_name(family).to_jwk(private.public_key(), as_dict=True)
    return {k: v for k, v in public.items() if k != "key_ops"} | members


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


class Documents:
    """A fetcher of documents that the test holds."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        self._documents = documents

    def fetch(self, url: str, etag: str | None) -> Document:
        assert etag is None
        if url not in self._documents:
            raise FetchError("answered with status 404")
        return Document(self._documents[url])


@pytest.mark.parametrize("issuer", ["https://a.example/t/1", "https://a.example/t/1/"])
def test_places(issuer: str) -> None:
    """OpenID appends to the issuer's path, RFC 8414 puts its own before it."""
    assert metadata_urls(issuer) == (
        "https://a.example/t/1/.well-known/openid-configuration",
        "https://a.example/.well-known/oauth-authorization-server/t/1",
    )


def test_second_place() -> None:
    """Metadata of RFC 8414 serve where there are none of OpenID."""
    metadata = {"issuer": "https://a.example", "jwks_uri": "https://a.example/k"}
    place = "https://a.example/.well-known/oauth-authorization-server"
    fetcher = Documents({place: json.dumps(metadata).encode()})
    assert discover("https://a.example", None, fetcher) == "https://a.example/k"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>", "no JSON object"),
        (b"", "no JSON object"),
        (b'{"issuer": "https://b.example"}', "another issuer"),
        (b"{}", "another issuer"),
        (b'{"issuer": "https://a.example/"}', "trailing slash"),
        (b'{"issuer": "https://a.example"}', "jwks_uri"),
        (b'{"issuer": "https://a.example", "jwks_uri": "http://a.example/k"}', "jwks_uri"),
        (b'{"issuer": "https://a.example", "jwks_uri": "http://127.0.0.1:9200/k"}', "jwks_uri"),
        (b'{"issuer": "https://a.example", "jwks_uri": "http://localhost/k"}', "jwks_uri"),
        (b'{"issuer": "https://a.example", "jwks_uri": 7}', "jwks_uri"),
    ],
)
def test_bad_metadata(body: bytes, words: str) -> None:
    """Metadata must be the issuer's own and lead to https."""
    place = "https://a.example/.well-known/openid-configuration"
    with pytest.raises(FetchError, match=words):
        discover("https://a.example", None, Documents({place: body}))


@pytest.mark.parametrize(
    ("issuer", "url", "uri"),
    [
        ("http://localhost:1/r", None, "http://localhost:1/k"),
        ("urn:acme", "http://localhost:1/metadata", "http://127.0.0.1:1/k"),
        ("https://a.example", "http://keycloak:8080/metadata", "http://keycloak:8080/k"),
        ("https://a.example", "https://b.example/metadata", "https://c.example/k"),
    ],
)
def test_leads_to(issuer: str, url: str | None, uri: str) -> None:
    """Metadata that came by http from where that is safe may lead there, too."""
    metadata = json.dumps({"issuer": issuer, "jwks_uri": uri}).encode()
    place = url or f"{issuer}/.well-known/openid-configuration"
    fetcher = Documents({place: b"\xef\xbb\xbf" + metadata})
    assert discover(issuer, url, fetcher, allow_http=["keycloak"]) == uri


def test_no_metadata() -> None:
    """Why there are none is said of each place, without what may be secret."""
    with pytest.raises(FetchError) as failed:
        discover("https://a.example/t", None, Documents({}))
    assert str(failed.value) == (
        "https://a.example/t/.well-known/openid-configuration answered with status 404; "
        "https://a.example/.well-known/oauth-authorization-server/t answered with status 404"
    )
    with pytest.raises(FetchError) as failed:
        discover("https://a.example/t", "https://a.example/m?key=secret", Documents({}))
    assert str(failed.value) == "https://a.example/m?… answered with status 404"


def test_keys_passed_over() -> None:
    """Why a key is not used is told: what somebody should mend, and what is none of ours."""
    private = jwt.get_algorithm_by_name("ES256").to_jwk(EC, as_dict=True)
    other = ec.generate_private_key(ec.SECP256R1())
    body = jwks(
        jwk(EC, "ES256", kid="good"),
        jwk(EC, "ES256", kid="good"),
        {"kty": "oct", "k": "A" * 43, "alg": "HS256", "kid": "secret"},
        private | {"kid": "private"},
        jwk(RSA, "RS256", kid="enc", use="enc"),
        jwk(RSA, "RS256", kid="oaep", alg="RSA-OAEP"),
        {"kty": "FUTURE", "kid": "later"},
        {"kty": ["RSA"], "kid": "list"},
        {"kty": "EC", "crv": "P-256K", "x": "AA", "y": "AA", "kid": "curve"},
        jwk(EC, "ES256", kid="twice"),
        jwk(other, "ES256", kid="twice"),
        "no object",
    )
    found = usable_keys(body, ("ES256", "RS256"))
    assert [key.kid for key in found.keys] == ["good"]
    assert (len(found.refused), len(found.passed_over)) == (5, 4)
    assert str(private["d"]) not in "".join(found.refused)


def test_algorithms() -> None:
    """Only keys of the configured algorithms are used; others are nothing to warn of."""
    body = jwks(jwk(EC, "ES256", kid="ec", alg="ES256"), jwk(RSA, "RS256", kid="rsa", alg="RS256"))
    found = usable_keys(body, ("ES256",))
    assert [key.kid for key in found.keys] == ["ec"]
    assert (found.refused, len(found.passed_over)) == ((), 1)


@pytest.mark.parametrize(
    ("algorithms", "algs"),
    [
        (None, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (("PS256",), ["PS256"]),
        (("PS256", "RS256"), ["RS256", "PS256"]),
        (("ES256", "RS512"), ["RS512"]),
    ],
)
def test_key_without_alg(algorithms: tuple[str, ...] | None, algs: list[str]) -> None:
    """A JWK without alg is good for each algorithm in use that fits."""
    found = usable_keys(jwks(jwk(RSA, "RS256", kid="rsa")), algorithms)
    assert [key.alg for key in found.keys] == algs


def test_curve_without_alg() -> None:
    """Of an EC key's algorithms the curve tells which."""
    body = jwks(jwk(EC, "ES256", kid="ec"))
    assert [key.alg for key in usable_keys(body, ("ES384", "ES256")).keys] == ["ES256"]
    found = usable_keys(body, ("ES384", "ES512"))
    assert (len(found.keys), len(found.refused), len(found.passed_over)) == (0, 0, 1)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"a": "b"}', b"\xff"])
def test_no_set(body: bytes) -> None:
    """What is no key set is a failure."""
    with pytest.raises(FetchError):
        usable_keys(body, None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"keys": []}',
        b'\xef\xbb\xbf{"keys": []}',
        b'{"keys": [{"kty": "FUTURE"}]}',
        b'{"keys": [{"kty": "RSA", "use": "enc"}]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
    ],
)
def test_no_keys(body: bytes) -> None:
    """A set without usable keys is an answer: an empty set."""
    assert list(usable_keys(body, None).keys) == []


def test_lone_jwk() -> None:
    """One JWK where a set should be is read as a set of it."""
    found = usable_keys(json.dumps(jwk(EC, "ES256", kid="one")).encode(), ("ES256",))
    assert ([key.kid for key in found.keys], found.refused) == (["one"], ())


def test_certificates() -> None:
    """An object of certificates by kid is read, for the algorithms in use."""
    body = json.dumps({"a1": self_signed(RSA), "b2": self_signed(EC)}).encode()
    found = usable_keys(body, ("RS256",))
    assert [(key.kid, key.alg) for key in found.keys] == [("a1", "RS256")]
    assert found.passed_over[0].startswith("kid 'b2': ")
    found = usable_keys(body, ("RS256", "ES256"))
    assert ([key.kid for key in found.keys], found.passed_over) == (["a1", "b2"], ())


def test_pem() -> None:
    """PEM is read for the algorithms in use; a private key is never used."""
    found = usable_keys(self_signed(RSA).encode(), ("PS256",))
    assert [key.alg for key in found.keys] == ["PS256"]
    private = EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    found = usable_keys(private, ("ES256",))
    assert (len(found.keys), found.refused) == (
        0,
        ("PEM: it is a private key; publish the public half",),
    )
    for cut in (b"-----BEGIN PUBLIC KEY-----\ncut", self_signed(RSA).encode()[:-20]):
        with pytest.raises(FetchError, match="no PEM block"):
            usable_keys(cut, ("ES256",))
