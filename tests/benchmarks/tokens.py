"""Keys and tokens of the sizes and algorithms that are compared."""

import itertools
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import Guard, Issuer, Key

ISSUER, AUDIENCE, KID = "https://login.example/", "https://api.example", "RjEwOwOA"
SCOPE = "messages:read"
SECRET = "a secret of the benchmarks, of no use elsewhere"
# What RFC 9068's example has, about.
BYTES = 860
# An RSA signature alone takes 342 of them.
_ROOM_FOR_ALL = 750

_numbers = itertools.count()


@dataclass(frozen=True)
class Signer:
    """One algorithm's key pair."""

    alg: str
    signing: Any
    verifying: Any

    @property
    def pem(self) -> bytes:
        """The verifying key: PEM, or the secret."""
        if self.alg.startswith("HS"):
            return SECRET.encode()
        pem: bytes = self.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    @property
    def key(self) -> Key:
        """The guard's key."""
        if self.alg.startswith("HS"):
            return Key.secret(SECRET, alg=self.alg, kid=KID)
        return Key.from_pem(self.pem, alg=self.alg, kid=KID)

    def guard(self, **options: Any) -> Guard:
        """Return a guard that trusts this key."""
        return Guard(Issuer(ISSUER, audience=AUDIENCE, keys=self.key), **options)

    def token(self, size: int = BYTES, **changes: Any) -> str:
        """Return a token of its own of at least *size* bytes."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "auth0|5ba552d67",
            "client_id": "s6BhdRkqt3",
            "iat": now,
            "exp": now + 3600,
            "jti": f"dbe39bf3{next(_numbers):08x}",
            "scope": f"{SCOPE} openid",
        } | changes
        if size < _ROOM_FOR_ALL:
            claims = {name: claims[name] for name in ("iss", "aud", "exp", "jti", "scope")}
        short = self._encoded(claims)
        # ,"note":"" takes ten characters itself.
        return self._encoded(claims | {"note": "x" * max(0, (size - len(short)) * 3 // 4 - 11)})

    def _encoded(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.signing, self.alg, {"typ": "at+jwt", "kid": KID})


def signers() -> dict[str, Signer]:
    """Return a signer of each algorithm that is compared."""
    rsa_key = rsa.generate_private_key(65537, 2048)
    ec_key = ec.generate_private_key(ec.SECP256R1())
    ed_key = ed25519.Ed25519PrivateKey.generate()
    return {
        "HS256": Signer("HS256", SECRET, SECRET),
        "RS256": Signer("RS256", rsa_key, rsa_key.public_key()),
        "ES256": Signer("ES256", ec_key, ec_key.public_key()),
        "EdDSA": Signer("EdDSA", ed_key, ed_key.public_key()),
    }
