"""RFC 9964: ML-DSA keys (`kty` of `AKP`), which PyJWT does not know.

An algorithm key pair names its one algorithm itself. The mathematics is
cryptography's; the context string of FIPS 204 is empty.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.mldsa import (
    MLDSA44PublicKey,
    MLDSA65PublicKey,
    MLDSA87PublicKey,
)

AkpPublicKey = MLDSA44PublicKey | MLDSA65PublicKey | MLDSA87PublicKey

_KINDS: dict[str, type[AkpPublicKey]] = {
    "ML-DSA-44": MLDSA44PublicKey,
    "ML-DSA-65": MLDSA65PublicKey,
    "ML-DSA-87": MLDSA87PublicKey,
}


def alg_of(material: object) -> str | None:
    """Return the one algorithm of *material*, or None of another kind of key."""
    return next((alg for alg, kind in _KINDS.items() if isinstance(material, kind)), None)


def load(jwk: Mapping[str, Any], alg: str) -> AkpPublicKey:
    """Return the public key of *jwk* (RFC 9964 §3).

    Raises:
        ValueError: It names no algorithm or another one, or is of another length.
    """
    if jwk.get("alg") != alg:
        raise ValueError("an AKP key names its algorithm")
    return _KINDS[alg].from_public_bytes(octets(jwk["pub"]))


def octets(text: str) -> bytes:
    """Return what *text*, base64url with or without padding, encodes."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_jwk(material: AkpPublicKey) -> dict[str, str | None]:
    """Return the members that make the key, and its thumbprint (RFC 9964 §6)."""
    pub = urlsafe_b64encode(material.public_bytes_raw()).rstrip(b"=").decode()
    return {"alg": alg_of(material), "kty": "AKP", "pub": pub}


def verify(signing_input: bytes, material: AkpPublicKey, signature: bytes) -> bool:
    """Whether *signature* is *material*'s over *signing_input*."""
    try:
        material.verify(signature, signing_input)
    except InvalidSignature:
        return False
    return True
