"""RFC 6750 §2, RFC 6455 §1.9: where a request may bring its token; one counts.

Each source says what it finds, and `the_one` of all of them counts. What a source
finds in a place that is logged or handed on, it takes out.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ...errors import ConfigurationError, InvalidRequest, MissingToken, Reason
from ..token import bearer
from .paths import Segments, compiled, is_ambiguous, matches, split
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
        unasked: For one that a browser sends by itself, whichever page asks: raises
            CrossSite unless the request is shown to come from a page of ours.
        scheme: The authentication scheme in small letters.
    """

    token: bytes
    source: CredentialSource
    unasked: Callable[[Request], None] | None = None
    scheme: str = "bearer"

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return f"Credential(…, {self.source!r})"


def the_one(
    sources: Iterable[CredentialSource], request: Request, max_token_bytes: int
) -> Credential:
    """Return the one credential of *request*.

    Raises:
        MissingToken: There is none; perhaps another scheme's.
        InvalidRequest: There are several, or one is malformed.
        CrossSite: A browser sent it by itself, and perhaps for another site's page.
    """
    found: list[Credential] = []
    missing = malformed = None
    # All of them, so that each takes out what it finds, whatever becomes of the request.
    for source in sources:
        try:
            found += source.find(request, max_token_bytes)
        except MissingToken as error:
            missing = error
        except InvalidRequest as error:
            malformed = malformed or error
    if malformed is not None:
        raise malformed
    if not found:
        raise missing or MissingToken()
    if len(found) > 1:
        raise InvalidRequest(Reason.REPEATED_HEADER)
    (credential,) = found
    if credential.unasked is not None:
        credential.unasked(request)
    return credential


@dataclass(frozen=True, slots=True)
class Bearer:
    """`Authorization: Bearer <token>` (RFC 6750 §2.1)."""

    def find(self, request: Request, max_token_bytes: int, /) -> tuple[Credential, ...]:
        """Return the token of the one Authorization value; see `CredentialSource`."""
        if not request.authorization:
            return ()
        return (Credential(bearer.parse(request.authorization, max_token_bytes), self),)


@dataclass(frozen=True, slots=True)
class Query:
    """A query parameter, for GET on named paths alone (RFC 6750 §2.3).

    For what cannot set header fields: `EventSource`, downloads, WebSockets. Proxies
    in front of this server may log it. It is taken out of what the app and this
    server's own log see.

    Attributes:
        name: The parameter's name, for example "access_token".
        paths: The paths, by whole segments: "/events/*".

    Raises:
        ConfigurationError: At construction: no such name, or no paths.
    """

    name: str
    paths: "list[str] | tuple[str, ...]" = field(hash=False)
    _segments: tuple[Segments, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the configuration."""
        _check_name(self.name, "a query parameter")
        found = compiled("paths", self.paths)
        if not found:
            raise ConfigurationError(
                'Query needs paths: Query("access_token", paths=["/events/*"])'
            )
        object.__setattr__(self, "_segments", found)

    def find(self, request: Request, max_token_bytes: int, /) -> tuple[Credential, ...]:
        """Return the parameter's values, and take them out; see `CredentialSource`."""
        if request.method not in ("GET", "HEAD") or not request.query or not self._is_for(request):
            return ()
        tokens, rest = from_query(request.query, self.name)
        if tokens:
            request.hide_query(rest)
        return _credentials(tokens, self, max_token_bytes)

    def _is_for(self, request: Request) -> bool:
        return all(
            not is_ambiguous(path, request.raw_path)
            and any(matches(pattern, split(path)) for pattern in self._segments)
            for path in request.paths
        )


@dataclass(frozen=True, slots=True)
class Subprotocol:
    """`Sec-WebSocket-Protocol: bearer, <token>`, of scripts in browsers.

    `new WebSocket(url, ["bearer", token])`. The answer selects "bearer" unless the app
    selects another one; never the token, which is taken out of what the app sees.
    """

    def find(self, request: Request, max_token_bytes: int, /) -> tuple[Credential, ...]:
        """Return what follows "bearer", and take both out; see `CredentialSource`."""
        values = request.fields(PROTOCOLS) if request.handshake else ()
        if not values:
            return ()
        tokens, rest = from_protocols(values)
        if tokens:
            request.hide_protocols(rest)
        return _credentials(tokens, self, max_token_bytes)


PROTOCOL = b"bearer"
PROTOCOLS = "sec-websocket-protocol"

# pct-encoded = "%" HEXDIG HEXDIG                                   (RFC 3986 §2.1)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")


def _check_name(name: object, what: str) -> None:
    if not isinstance(name, str) or not name or not name.isprintable():
        raise ConfigurationError(f"{name!r} is no name of {what}")


def _credentials(
    tokens: Iterable[bytes], source: CredentialSource, max_token_bytes: int
) -> tuple[Credential, ...]:
    """Return bare *tokens* as credentials, as strictly as `bearer.parse` does."""
    return tuple(
        Credential(bearer.parse([b"Bearer " + token], max_token_bytes), source) for token in tokens
    )


class Found(NamedTuple):
    """Tokens, and what is left without them.

    Attributes:
        tokens: As they came.
        rest: What the app may see.
    """

    tokens: list[bytes]
    rest: bytes


def from_protocols(values: Sequence[bytes]) -> Found:
    """Read all values of `Sec-WebSocket-Protocol`.

    Sec-WebSocket-Protocol-Client = 1#token                            (RFC 6455 §4.3)
    """
    every = (name.strip(b" \t") for value in values for name in value.split(b","))
    # Empty elements do not count                                  (RFC 9110 §5.6.1.2)
    names = filter(None, every)
    tokens: list[bytes] = []
    others: list[bytes] = []
    for name in names:
        if name == PROTOCOL:
            tokens.append(next(names, b""))
        else:
            others.append(name)
    return Found(tokens, b", ".join(others))


def from_query(query: bytes, name: str) -> Found:
    """Read a query string (RFC 6750 §2.3), percent-encoded as it came."""
    tokens: list[bytes] = []
    others: list[bytes] = []
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if _decoded(key.replace(b"+", b" ")) == name.encode():
            tokens.append(_decoded(value))
        else:
            others.append(pair)
    return Found(tokens, b"&".join(others))


def _decoded(text: bytes) -> bytes:
    return _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), text)
