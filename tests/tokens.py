"""Real keys, made once, and tokens that are signed with them.

`SECRET`, `RSA`, `PSS`, `EC256`, `EC384`, `EC521`, `ED25519` and `ED448` are pairs of
what signs and what verifies; `BY_ALG` has one for every algorithm there is.
"""

import json
import traceback
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from jwt_guard import Guard, Issuer, Key
from jwt_guard._core.token.algorithms import ALGORITHMS

ISSUER = "https://login.example/"
AUDIENCE = "https://api.example"
NOW = 1_800_000_000
"""The instant of every injected clock."""

Private = (
    rsa.RSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
    | mldsa.MLDSA44PrivateKey
    | mldsa.MLDSA65PrivateKey
    | mldsa.MLDSA87PrivateKey
)
_MLDSA = (mldsa.MLDSA44PrivateKey, mldsa.MLDSA65PrivateKey, mldsa.MLDSA87PrivateKey)


@dataclass(frozen=True, slots=True)
class Pair:
    """What signs, and the `Key` that verifies it."""

    alg: str
    signing: Private | bytes
    key: Key

    @property
    def private(self) -> Private:
        """The private key; a secret has none."""
        assert not isinstance(self.signing, bytes)
        return self.signing

    @property
    def secret(self) -> bytes:
        """The secret; an asymmetric key has none."""
        assert isinstance(self.signing, bytes)
        return self.signing

    @property
    def public_pem(self) -> bytes:
        """The public key as PEM."""
        return self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def private_pem(self) -> bytes:
        """The private key as PEM, not encrypted."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def public_jwk(self) -> dict[str, Any]:
        """The public key as a JWK that names its algorithm, without kid."""
        return self._jwk(self.private.public_key())

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The private key, or the secret, as a JWK that names its algorithm."""
        return self._jwk(self.signing)

    def _jwk(self, key: object) -> dict[str, Any]:
        if isinstance(self.signing, _MLDSA):
            public = {"kty": "AKP", "pub": b64(self.signing.public_key().public_bytes_raw())}
            private = {"priv": b64(key.private_bytes_raw())} if isinstance(key, _MLDSA) else {}
            return {**public, **private, "alg": self.alg}
        to_jwk = cast("Any", jwt.get_algorithm_by_name(ALGORITHMS[self.alg].pyjwt)).to_jwk
        jwk: dict[str, Any] = {**to_jwk(key, as_dict=True), "alg": self.alg}
        jwk.pop("key_ops", None)
        return jwk

    @property
    def certificate(self) -> bytes:
        """A self-signed certificate with the public key, as PEM; it expired in 2001."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "jwt_guard tests")])
        assert isinstance(self.private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
        builder = x509.CertificateBuilder(
            name,
            name,
            self.private.public_key(),
            1,
            datetime(2000, 1, 1, tzinfo=UTC),
            datetime(2001, 1, 1, tzinfo=UTC),
        )
        return builder.sign(self.private, hashes.SHA256()).public_bytes(Encoding.PEM)

    def sign(self, data: bytes) -> bytes:
        """Return the signature over *data*."""
        if isinstance(self.signing, _MLDSA):
            return self.signing.sign(data)
        algorithm = jwt.get_algorithm_by_name(ALGORITHMS[self.alg].pyjwt)
        return algorithm.sign(data, self.signing)


def secret_pair(alg: str, secret: bytes, kid: str | None = None) -> Pair:
    """Return a pair that signs and verifies with *secret*."""
    return Pair(alg, secret, Key.secret(secret, alg=alg, kid=kid))


def key_pair(alg: str, private: Private, kid: str | None = None) -> Pair:
    """Return the pair of *private*; its kid is by default, and given, the thumbprint."""
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    key = Key.from_pem(pem, alg=alg, kid=kid)
    return Pair(alg, private, Key(alg, key.key_id, key.material))


_RSA = rsa.generate_private_key(65537, 2048)
_EC256 = ec.generate_private_key(ec.SECP256R1())
_EC384 = ec.generate_private_key(ec.SECP384R1())
_EC521 = ec.generate_private_key(ec.SECP521R1())
_ED25519 = ed25519.Ed25519PrivateKey.generate()
_ED448 = ed448.Ed448PrivateKey.generate()

SECRET = secret_pair("HS256", b"a secret of the tests, of no use elsewhere")
RSA = key_pair("RS256", _RSA)
PSS = key_pair("PS256", _RSA)
EC256 = key_pair("ES256", _EC256)
EC384 = key_pair("ES384", _EC384)
EC521 = key_pair("ES512", _EC521)
ED25519 = key_pair("EdDSA", _ED25519)
ED448 = key_pair("EdDSA", _ED448)

# A key of the same kind that no guard of the tests knows.
STRANGER = key_pair("ES256", ec.generate_private_key(ec.SECP256R1()))

BY_ALG = {
    "HS256": SECRET,
    "HS384": secret_pair("HS384", b"384" * 16),
    "HS512": secret_pair("HS512", b"512" * 22),
    "RS256": RSA,
    "RS384": key_pair("RS384", _RSA),
    "RS512": key_pair("RS512", _RSA),
    "PS256": PSS,
    "PS384": key_pair("PS384", _RSA),
    "PS512": key_pair("PS512", _RSA),
    "ES256": EC256,
    "ES384": EC384,
    "ES512": EC521,
    "ESP256": key_pair("ESP256", _EC256),
    "ESP384": key_pair("ESP384", _EC384),
    "ESP512": key_pair("ESP512", _EC521),
    "EdDSA": ED25519,
    "Ed25519": key_pair("Ed25519", _ED25519),
    "Ed448": key_pair("Ed448", _ED448),
    "ES256K": key_pair("ES256K", ec.generate_private_key(ec.SECP256K1())),
    "ML-DSA-44": key_pair("ML-DSA-44", mldsa.MLDSA44PrivateKey.generate()),
    "ML-DSA-65": key_pair("ML-DSA-65", mldsa.MLDSA65PrivateKey.generate()),
    "ML-DSA-87": key_pair("ML-DSA-87", mldsa.MLDSA87PrivateKey.generate()),
}


def claims(**changes: Any) -> dict[str, Any]:
    """Return valid claims with *changes*; a claim changed to None is left out."""
    valid: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "joe",
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "token-1",
        "scope": "messages:read messages:write",
    }
    return {name: value for name, value in (valid | changes).items() if value is not None}


def b64(data: bytes) -> str:
    """Return *data* in base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def raw_token(header: bytes, payload: bytes, key: Pair = EC256) -> str:
    """Return a compact JWS of exactly these octets, signed with *key*."""
    signing_input = f"{b64(header)}.{b64(payload)}"
    return f"{signing_input}.{b64(key.sign(signing_input.encode()))}"


def token(
    claims: Mapping[str, Any] | bytes | None = None,
    key: Pair = EC256,
    headers: Mapping[str, Any] | None = None,
) -> str:
    """Return a signed token.

    Args:
        claims: Its claims, or its payload's octets; the valid ones by default.
        key: What signs it, and names `alg` and `kid`.
        headers: Changes of the header; a parameter changed to None is left out.
    """
    header = {"alg": key.alg, "typ": "JWT", "kid": key.key.kid} | dict(headers or {})
    header = {name: value for name, value in header.items() if value is not None}
    payload = claims if isinstance(claims, bytes) else json.dumps(_valid(claims)).encode()
    return raw_token(json.dumps(header).encode(), payload, key)


def _valid(changed: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return claims() if changed is None else changed


def bearer(token: str) -> bytes:
    """Return the Authorization value that carries *token*."""
    return b"Bearer " + token.encode()


def issuer(**changes: Any) -> Issuer:
    """Return the issuer of the default claims; by default it has `EC256`'s key."""
    options: dict[str, Any] = {"audience": AUDIENCE, "keys": EC256.key} | changes
    return Issuer(options.pop("name", ISSUER), **options)


def guard(*issuers: Issuer, **options: Any) -> Guard:
    """Return a guard whose clock stands at `NOW`; by default it trusts `issuer()`."""
    options.setdefault("clock", lambda: NOW)
    return Guard(*(issuers or (issuer(),)), **options)


def shown(error: BaseException) -> str:
    """Return everything that printing *error* shows, traceback and causes included."""
    return "".join(traceback.format_exception(error)) + repr(error)
