"""RFC 7519 §4.1, RFC 8693 §4.2, RFC 9068 §2.2: the verified caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from . import claims as claims_
from .claims import ClaimRules, Claims
from .strictjson import FrozenDict

# RFC 8693 §4.1: the outermost actor is the present one, and those within are history,
# of no weight for what is permitted. A chain is a few services long.
_MAX_ACTORS = 8


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts for the subject (RFC 8693 §4.1); `repr` shows nothing of it.

    Attributes:
        claims: What the token says of the actor, read-only.
        actor: Who acted before it, or None; a chain of eight at most is shown.
    """

    claims: Mapping[str, Any] = field(repr=False, hash=False)
    actor: "Actor | None" = field(repr=False)

    @property
    def subject(self) -> str | None:
        """Whom the actor is (`sub`), or None where that is not said as text."""
        return _text(self.claims.get("sub"))

    @property
    def issuer(self) -> str | None:
        """Who says so (`iss`), where it is not the token's issuer, or None."""
        return _text(self.claims.get("iss"))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _actor(act: object, depth: int = _MAX_ACTORS) -> Actor | None:
    if not isinstance(act, FrozenDict) or depth == 0:
        return None
    return Actor(act, _actor(act.get("act"), depth - 1))


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
        """Whom the token is about (`sub`), unique at the issuer, or None.

        A number, where the issuer's tokens may have one, in decimal digits.
        """
        subject = self.claims.get("sub")
        return subject if subject is None or isinstance(subject, str) else str(subject)

    @property
    def client_id(self) -> str | None:
        """The client it was issued to (`client_id`, else `azp`), or None."""
        client: str | None = self.claims.get("client_id")
        return self.claims.get("azp") if client is None else client

    @property
    def actor(self) -> Actor | None:
        """Who acts for the subject (`act`, RFC 8693 §4.1), or None where nobody does."""
        return _actor(self.claims.get("act"))

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


def _is_subject(name: str, value: object, rules: ClaimRules) -> bool:
    """Whether *value* is the number of a subject, where that may be one."""
    return name == "sub" and rules.numeric_subject and claims_.is_number_of_subject(value)


def identify(
    claims: Claims, rules: ClaimRules, key_id: str | None, misread: Callable[[str], None]
) -> Identity:
    """Return the caller that checked *claims* describe.

    Args:
        claims: The claims set; verified and checked.
        rules: What the issuer's tokens must say.
        key_id: What the key is called that verified it.
        misread: Is told, in words fit for the log, of claims at optional places
            whose shape is not understood: they say nothing, and refuse nobody.

    Raises:
        InvalidToken: A claim it is made of is malformed.
    """
    for name in _TEXT_CLAIMS:
        value = claims.get(name)
        if value is not None and type(value) is not str and not _is_subject(name, value, rules):
            raise claims_.malformed(name)
    if "act" in claims:
        claims_.check_actor(claims, rules, misread)
    return Identity(
        rules.issuer,
        claims_.words(claims, rules.scope_paths, " ", rules.required, misread),
        claims_.words(claims, rules.role_paths, rules.role_separator, rules.required, misread),
        claims,
        key_id,
    )
