"""RFC 7518 §3.1, RFC 8037, 8812, 9864, 9964: the algorithms, as data.

One row says what a key must be to carry that `alg`. The mathematics behind a row
is PyJWT's and cryptography's, under the name that PyJWT knows.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ...errors import ConfigurationError
from . import akp

Material = (
    bytes
    | RSAPublicKey
    | EllipticCurvePublicKey
    | Ed25519PublicKey
    | Ed448PublicKey
    | akp.AkpPublicKey
)
Verify = Callable[[bytes, Material, bytes], bool]

# What PyJWT and cryptography raise on a key they cannot take.
CRYPTO_ERRORS = (
    jwt.PyJWTError,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
)

# NIST SP 800-131A: no shorter RSA key makes or verifies signatures since 2014.
_MIN_RSA_BITS = 2048
# Whoever publishes a key decides what each forged token costs us: 0.2 ms at this size,
# which no provider comes near; four times that at 16384 bits.
_MAX_RSA_BITS = 8192
# RFC 8017 §3.1: odd, and 3 or more. Time grows with the exponent's length, to 100 times
# at full length; the largest that anybody chooses is the Fermat number F5, 2**32 + 1.
_MIN_EXPONENT, _MAX_EXPONENT = 3, 2**33

# The primes of the ROCA fingerprint (CVE-2017-15361): a modulus that lies in the
# subgroup made by 65537 for every one of them came from the broken generator.
_ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)
_ROCA_GROUPS = {p: {pow(65537, i, p) for i in range(p)} for p in _ROCA_PRIMES}


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a key must be to carry one `alg`.

    Attributes:
        pyjwt: PyJWT's name of the same algorithm; none where it knows none.
        kty: Key type (RFC 7518 §6.1, RFC 8037 §2, RFC 9964 §3).
        curves: Names of the permitted curves (`crv`), for EC and OKP; of AKP the
            one parameter set.
        min_bytes: Least length of a secret: that of the digest (RFC 7518 §3.2).
    """

    pyjwt: str
    kty: str
    curves: tuple[str, ...] = ()
    min_bytes: int = 0

    @property
    def verify(self) -> Verify:
        """The verification, as (signing input, key, signature) -> bool."""
        if self.kty == "AKP":
            return cast("Verify", akp.verify)
        return cast("Verify", jwt.get_algorithm_by_name(self.pyjwt).verify)


ALGORITHMS = {
    "HS256": Algorithm("HS256", "oct", min_bytes=32),
    "HS384": Algorithm("HS384", "oct", min_bytes=48),
    "HS512": Algorithm("HS512", "oct", min_bytes=64),
    "RS256": Algorithm("RS256", "RSA"),
    "RS384": Algorithm("RS384", "RSA"),
    "RS512": Algorithm("RS512", "RSA"),
    "PS256": Algorithm("PS256", "RSA"),
    "PS384": Algorithm("PS384", "RSA"),
    "PS512": Algorithm("PS512", "RSA"),
    "ES256": Algorithm("ES256", "EC", ("P-256",)),
    "ES384": Algorithm("ES384", "EC", ("P-384",)),
    "ES512": Algorithm("ES512", "EC", ("P-521",)),
    "ES256K": Algorithm("ES256K", "EC", ("secp256k1",)),
    "ESP256": Algorithm("ES256", "EC", ("P-256",)),
    "ESP384": Algorithm("ES384", "EC", ("P-384",)),
    "ESP512": Algorithm("ES512", "EC", ("P-521",)),
    "EdDSA": Algorithm("EdDSA", "OKP", ("Ed25519", "Ed448")),
    "Ed25519": Algorithm("EdDSA", "OKP", ("Ed25519",)),
    "Ed448": Algorithm("EdDSA", "OKP", ("Ed448",)),
    "ML-DSA-44": Algorithm("", "AKP", ("ML-DSA-44",)),
    "ML-DSA-65": Algorithm("", "AKP", ("ML-DSA-65",)),
    "ML-DSA-87": Algorithm("", "AKP", ("ML-DSA-87",)),
}

# No name is that long; what is longer may be a key in the wrong argument.
_LONGEST_NAME = 20

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}


def algorithm(alg: str) -> Algorithm:
    """Return the row of *alg*, or raise ConfigurationError."""
    try:
        return ALGORITHMS[alg]
    except (KeyError, TypeError):
        shown = f" {alg!r}" if len(repr(alg)) <= _LONGEST_NAME else ""
        raise ConfigurationError(
            f"unknown algorithm{shown}; use one of {', '.join(ALGORITHMS)}"
        ) from None


def carried(material: object) -> tuple[str, ...]:
    """Return the algorithms that a key's type and curve fit."""
    kty, crv = _describe(material)
    return tuple(
        alg
        for alg, row in ALGORITHMS.items()
        if row.kty == kty and (not row.curves or crv in row.curves)
    )


def check_material(alg: str, material: object) -> None:
    """Raise ConfigurationError unless *material* may carry *alg*."""
    row = algorithm(alg)
    kty, crv = _describe(material)
    if kty != row.kty:
        raise ConfigurationError(
            f"{alg} needs a key of type {row.kty}, this one is {kty}; "
            f"name the algorithm that the issuer signs with"
        )
    if row.curves and crv not in row.curves:
        what = "parameter set" if kty == "AKP" else "curve"
        raise ConfigurationError(
            f"{alg} needs the {what} {' or '.join(row.curves)}, this key is on {crv}"
        )
    if isinstance(material, bytes):
        _check_secret(alg, material)
    if isinstance(material, RSAPublicKey):
        _check_rsa(material)


def _describe(material: object) -> tuple[str, str | None]:
    """Return key type and curve as JWA names them."""
    match material:
        case bytes():
            return "oct", None
        case RSAPublicKey():
            return "RSA", None
        case EllipticCurvePublicKey(curve=curve):
            return "EC", _CURVES.get(curve.name, curve.name)
        case Ed25519PublicKey():
            return "OKP", "Ed25519"
        case Ed448PublicKey():
            return "OKP", "Ed448"
        case _:
            alg = akp.alg_of(material)
            return (type(material).__name__, None) if alg is None else ("AKP", alg)


def _check_secret(alg: str, secret: bytes) -> None:
    row = ALGORITHMS[alg]
    try:
        for form in _forms(secret):
            jwt.get_algorithm_by_name(row.pyjwt).prepare_key(form)
    except CRYPTO_ERRORS:
        raise ConfigurationError(
            f"the secret for {alg} is empty, or itself a public key, certificate or JWK; "
            f"use random bytes, or Key.from_pem with the algorithm the issuer signs with"
        ) from None
    if len(secret) < row.min_bytes:
        raise ConfigurationError(
            f"the secret for {alg} has {len(secret)} bytes, at least {row.min_bytes} are needed; "
            f"make one with: python -c 'import secrets; print(secrets.token_urlsafe(64))'"
        )


def _forms(secret: bytes) -> Iterator[bytes]:
    """Yield *secret* as PyJWT would know a public key: bare, and out of base64.

    As it is too: the last octet of DER may look like a space, and belongs to it.
    """
    yield secret
    yield secret.strip()
    try:
        yield b64decode(secret) or secret
    except ValueError:
        return


def _check_rsa(key: RSAPublicKey) -> None:
    if key.key_size < _MIN_RSA_BITS:
        raise ConfigurationError(
            f"the RSA key has {key.key_size} bits, at least {_MIN_RSA_BITS} are needed; "
            f"have the issuer make a new one"
        )
    if key.key_size > _MAX_RSA_BITS:
        raise ConfigurationError(
            f"the RSA key has {key.key_size} bits, at most {_MAX_RSA_BITS} are taken; "
            f"longer ones make each forged token expensive"
        )
    modulus, exponent = key.public_numbers().n, key.public_numbers().e
    if exponent % 2 == 0 or not _MIN_EXPONENT <= exponent < _MAX_EXPONENT:
        raise ConfigurationError(
            "the public exponent of the RSA key is not odd and from 3 to 2**33; nearly all "
            "keys have 65537, and longer ones make each forged token expensive"
        )
    if all(modulus % p in group for p, group in _ROCA_GROUPS.items()):
        raise ConfigurationError(
            "the RSA key carries the ROCA fingerprint (CVE-2017-15361): its private half can be "
            "computed from it; have the issuer make a new one"
        )
