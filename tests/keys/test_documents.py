"""Where metadata are, and which keys of a set are used."""

import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt_guard.keys.documents import discover, metadata_urls, usable_keys
from jwt_guard.keys.fetching import Document, FetchError

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
    assert discover("https://a.example", fetcher) == "https://a.example/k"


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
    ],
)
def test_bad_metadata(body: bytes, words: str) -> None:
    """Metadata must be the issuer's own and lead to https."""
    place = "https://a.example/.well-known/openid-configuration"
    with pytest.raises(FetchError, match=words):
        discover("https://a.example", Documents({place: body}))


def test_keys_passed_over() -> None:
    """Secrets, private keys, strange and doubled keys are passed over, with a reason."""
    private = jwt.get_algorithm_by_name("ES256").to_jwk(EC, as_dict=True)
    other = ec.generate_private_key(ec.SECP256R1())
    body = jwks(
        jwk(EC, "ES256", kid="good"),
        jwk(EC, "ES256", kid="good"),
        {"kty": "oct", "k": "A" * 43, "alg": "HS256", "kid": "secret"},
        private | {"kid": "private"},
        jwk(RSA, "RS256", kid="enc", use="enc"),
        jwk(EC, "ES256", kid="twice"),
        jwk(other, "ES256", kid="twice"),
        "no object",
    )
    keys, skipped = usable_keys(body, None)
    assert [(key.kid, key.alg) for key in keys] == [("good", "ES256"), ("good", "ESP256")]
    assert len(skipped) == 6
    assert str(private["d"]) not in "".join(skipped)


def test_algorithms() -> None:
    """Only keys of the configured algorithms are used."""
    body = jwks(jwk(EC, "ES256", kid="ec", alg="ES256"), jwk(RSA, "RS256", kid="rsa", alg="RS256"))
    keys, skipped = usable_keys(body, ("ES256",))
    assert [key.kid for key in keys] == ["ec"]
    assert "algorithm that is not in use" in skipped[0]


@pytest.mark.parametrize(
    ("algorithms", "algs"),
    [
        (None, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (("PS256",), ["PS256"]),
        (("PS256", "ES256", "RS256"), ["RS256", "PS256"]),
    ],
)
def test_key_without_alg(algorithms: tuple[str, ...] | None, algs: list[str]) -> None:
    """A JWK without alg carries every configured algorithm of its type."""
    keys, _ = usable_keys(jwks(jwk(RSA, "RS256", kid="rsa")), algorithms)
    assert [key.alg for key in keys] == algs


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"keys": {}}', b'{"keys": []}', b"\xff"])
def test_no_set(body: bytes) -> None:
    """What is no key set, or an empty one, is a failure."""
    with pytest.raises(FetchError):
        usable_keys(body, None)
