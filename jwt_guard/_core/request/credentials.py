"""RFC 6750 §2: where a request may bring its token; exactly one credential counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from ..token import bearer
from .request import Request


class CredentialSource(Protocol):
    """A place where requests bring tokens: a header field, a cookie, the query."""

    def find(self, request: Request, max_token_bytes: int, /) -> "Sequence[Credential]":
        """Return what *request* brings there; nothing, one, or several.

        Raises:
            MissingToken: Something is there, and it is another scheme's.
            InvalidRequest: It is malformed, or longer than *max_token_bytes*.
        """
        ...


class Credential(NamedTuple):
    """What a request brought to be let in.

    Attributes:
        token: The token's octets, bare.
        source: Where it was.
        unasked: Whether a browser sends it by itself, whichever page asks.
        scheme: The authentication scheme in small letters, "bearer" or "dpop".
    """

    token: bytes
    source: CredentialSource
    unasked: bool = False
    scheme: str = "bearer"

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return f"Credential(…, {self.source!r})"


@dataclass(frozen=True, slots=True)
class Bearer:
    """RFC 6750 §2.1: the token in the field Authorization."""

    def find(self, request: Request, max_token_bytes: int, /) -> Sequence[Credential]:
        """Return the one credential of *request*.

        Raises:
            MissingToken: The field is absent, or another scheme's.
            InvalidRequest: It is repeated, malformed or over-long.
        """
        return (Credential(bearer.parse(request.authorization, max_token_bytes), self),)
