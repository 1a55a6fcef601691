"""RFC 7519 §4.1, RFC 8693 §4.2, RFC 9068 §2.2: the verified caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from . import claims as claims_
from .claims import ClaimRules, Claims


@dataclass(frozen=True, slots=True, init=False)
class Identity:
    """The verified caller: what a token's claims say, deeply immutable.

    `repr` shows the issuer only; nothing that a token says gets into logs by
    accident.

    Attributes:
        issuer: Name of the configured issuer (`iss`).
        scopes: OAuth scope values.
        roles: Role names.
        claims: The whole claims set, read-only.
        key_id: Id of the key that verified it, or None.
    """

    issuer: str
    scopes: frozenset[str] = field(repr=False)
    roles: frozenset[str] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False, hash=False)
    key_id: str | None = field(repr=False)

    def __init__(
        self,
        issuer: str,
        scopes: frozenset[str],
        roles: frozenset[str],
        claims: Mapping[str, Any],
        key_id: str | None,
    ) -> None:
        """Describe a caller; made by a guard, and by tests."""
        _set_issuer(self, issuer)
        _set_scopes(self, scopes)
        _set_roles(self, roles)
        _set_claims(self, claims)
        _set_key_id(self, key_id)

    @property
    def subject(self) -> str | None:
        """Whom the token is about (`sub`), unique at the issuer, or None."""
        return self.claims.get("sub")

    @property
    def client_id(self) -> str | None:
        """The client it was issued to (`client_id`, else `azp`), or None."""
        client: str | None = self.claims.get("client_id", self.claims.get("azp"))
        return client

    @property
    def token_id(self) -> str | None:
        """The token's id (`jti`), or None."""
        return self.claims.get("jti")

    @property
    def expires_at(self) -> float:
        """When the token expires (`exp`), in seconds since the epoch."""
        expires: float = self.claims["exp"]
        return expires

    @property
    def issued_at(self) -> float | None:
        """When the token was issued (`iat`), in seconds since the epoch, or None."""
        return self.claims.get("iat")


# Every verified token makes one, and a frozen dataclass's own __init__, which finds each
# attribute anew by its name, takes twice as long.
_set_issuer, _set_scopes, _set_roles, _set_claims, _set_key_id = (
    getattr(Identity, one.name).__set__ for one in fields(Identity)
)

# What the properties above return unconverted must be text.
_TEXT_CLAIMS = ("sub", "client_id", "azp", "jti")


def identify(claims: Claims, rules: ClaimRules, key_id: str | None) -> Identity:
    """Return the caller that checked *claims* describe.

    Raises:
        InvalidToken: A claim it is made of is malformed.
    """
    claims_.check_text(claims, _TEXT_CLAIMS)
    return Identity(
        rules.issuer,
        claims_.words(claims, rules.scope_paths, separator=" "),
        claims_.words(claims, rules.role_paths, separator=None),
        claims,
        key_id,
    )
