"""RFC 7519: makes the tokens, and says how the guard can recognise them."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import Issuer, Key

from .users import User

ALGORITHMS = ("HS256", "RS256", "ES256")

_NAME = "workflow-login"
_AUDIENCE = "workflow-api"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key made for one run: its private half signs, `public` verifies.

    Attributes:
        alg: One of `ALGORITHMS`.
        private: What PyJWT signs with; of HS256 the shared secret.
        public: What the guard verifies with. With RS256 and ES256 whoever has
            it can recognise tokens, but not make them.
    """

    alg: str
    private: bytes | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    public: Key

    @classmethod
    def generate(cls, alg: str) -> Self:
        """Make a new key for *alg*, with a kid of its own."""
        kid = f"{alg.lower()}-{secrets.token_hex(4)}"
        if alg == "HS256":
            secret = secrets.token_bytes(32)
            return cls(alg, secret, Key.secret(secret, alg=alg, kid=kid))
        private = (
            rsa.generate_private_key(65537, 2048)
            if alg == "RS256"
            else ec.generate_private_key(ec.SECP256R1())
        )
        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return cls(alg, private, Key.from_pem(pem, alg=alg, kid=kid))


@dataclass(frozen=True, slots=True)
class TokenMaker:
    """Signs tokens that say who logged in, and until when that holds.

    Attributes:
        key: What signs.
        lifetime: Seconds from `iat` to `exp`.
        clock: Returns the seconds since the epoch.
    """

    key: SigningKey
    lifetime: int
    clock: Callable[[], float] = time.time

    def make(self, user: User) -> str:
        """Return a signed token about *user*, in compact form (RFC 7515 §7.1).

        Everybody can read the claims: they identify, and hold no secret.
        """
        now = int(self.clock())
        claims = {
            "iss": _NAME,
            "sub": user.username,
            "aud": _AUDIENCE,
            "iat": now,
            "exp": now + self.lifetime,
            "jti": secrets.token_urlsafe(12),
            "scope": user.scope,
        }
        return jwt.encode(claims, self.key.private, self.key.alg, {"kid": self.key.public.kid})

    def issuer(self, leeway: float) -> Issuer:
        """Return what a guard has to know in order to trust these tokens.

        Args:
            leeway: Tolerated difference of clocks, in seconds.
        """
        return Issuer(
            _NAME,
            audience=_AUDIENCE,
            keys=self.key.public,
            leeway=leeway,
            required_claims=["sub", "iat", "jti"],
        )
