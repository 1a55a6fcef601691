"""Where metadata are, and which keys of a set are used."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jwt_guard import KeySet
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
    """Secrets, private keys and doubled keys are passed over, with a reason.

    Keys for other purposes, and of types unknown here, are passed over in silence.
    """
    private = jwt.get_algorithm_by_name("ES256").to_jwk(EC, as_dict=True)
    other = ec.generate_private_key(ec.SECP256R1())
    body = jwks(
        jwk(EC, "ES256", kid="good"),
        jwk(EC, "ES256", kid="good"),
        {"kty": "oct", "k": "A" * 43, "alg": "HS256", "kid": "secret"},
        private | {"kid": "private"},
        jwk(RSA, "RS256", kid="enc", use="enc"),
        jwk(RSA, "RS256", kid="oaep", alg="RSA-OAEP"),
        {"kty": "AKP", "alg": "ML-DSA-44", "kid": "later"},
        {"kty": ["RSA"], "kid": "list"},
        jwk(EC, "ES256", kid="twice"),
        jwk(other, "ES256", kid="twice"),
        "no object",
    )
    keys, skipped = usable_keys(body, None)
    assert [key.kid for key in keys] == ["good"]
    assert len(skipped) == 4
    assert str(private["d"]) not in "".join(skipped)


def test_algorithms() -> None:
    """Only keys of the configured algorithms are used."""
    body = jwks(jwk(EC, "ES256", kid="ec", alg="ES256"), jwk(RSA, "RS256", kid="rsa", alg="RS256"))
    keys, skipped = usable_keys(body, ("ES256",))
    assert [key.kid for key in keys] == ["ec"]
    assert "RS256" in skipped[0]


@pytest.mark.parametrize(
    ("algorithms", "algs"),
    [
        (None, ["RS256"]),
        (("PS256",), ["PS256"]),
        (("PS256", "RS256"), ["PS256", "RS256"]),
        (("ES256", "RS512"), ["RS512"]),
    ],
)
def test_key_without_alg(algorithms: tuple[str, ...] | None, algs: list[str]) -> None:
    """A JWK without alg is good for each configured algorithm that fits, or the default."""
    keys, _ = usable_keys(jwks(jwk(RSA, "RS256", kid="rsa")), algorithms)
    assert [key.alg for key in keys] == algs


def test_curve_without_alg() -> None:
    """Of an EC key's algorithms the curve tells which; none is said, once."""
    body = jwks(jwk(EC, "ES256", kid="ec"))
    keys, amiss = usable_keys(body, ("ES384", "ES256"))
    assert ([key.alg for key in keys], amiss) == (["ES256"], ())
    keys, amiss = usable_keys(body, ("ES384", "ES512"))
    assert (len(keys), len(amiss)) == (0, 1)


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
        b'{"keys": [{"kty": "AKP", "alg": "ML-DSA-44"}]}',
        b'{"keys": [{"kty": "RSA", "use": "enc"}]}',
        b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}',
        b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}',
    ],
)
def test_no_keys(body: bytes) -> None:
    """A set without usable keys is an answer: an empty set."""
    keys, _ = usable_keys(body, None)
    assert isinstance(keys, KeySet)
    assert len(keys) == 0


def test_lone_jwk() -> None:
    """One JWK where a set should be is read as a set of it."""
    keys, amiss = usable_keys(json.dumps(jwk(EC, "ES256", kid="one")).encode(), None)
    assert ([key.kid for key in keys], amiss) == (["one"], ())


def test_certificates() -> None:
    """An object of certificates by kid is read, for the configured algorithms."""
    body = json.dumps({"a1": self_signed(RSA), "b2": self_signed(EC)}).encode()
    keys, amiss = usable_keys(body, ("RS256",))
    assert [(key.kid, key.alg) for key in keys] == [("a1", "RS256")]
    assert amiss[0].startswith("certificate 'b2': RS256 needs a key of type RSA")
    keys, amiss = usable_keys(body, ("RS256", "ES256"))
    assert ([key.kid for key in keys], amiss) == (["a1", "b2"], ())
    with pytest.raises(FetchError, match="service_accounts/v1/jwk"):
        usable_keys(body, None)


def test_pem() -> None:
    """PEM is read for the configured algorithms; a private key is never used."""
    body = self_signed(RSA).encode()
    keys, _ = usable_keys(body, ("PS256",))
    assert [key.alg for key in keys] == ["PS256"]
    with pytest.raises(FetchError, match="address of a JWK Set"):
        usable_keys(body, None)
    private = EC.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(FetchError, match="publishes a private key"):
        usable_keys(private, ("ES256",))
    with pytest.raises(FetchError, match="no PEM block"):
        usable_keys(b"-----BEGIN PUBLIC KEY-----\ncut", ("ES256",))
