"""What a host is written on: the question in, the answer out, and nothing decided between.

A host makes a `Request` of what its server or framework gives it, lets it in, and sends
the `Answer` of whatever `AuthError` comes. The hosts of this package (`jwt_guard.asgi`,
`wsgi`, `flask`, `starlette`, `fastapi`) are written on this module alone:

    admission = hosts.Admission(guard, public=["/health"])
    try:
        identity = hosts.let_in(environ, admission, hosts.WsgiRequest(environ))
    except AuthError as error:
        answer = guard.refuse(error, method="GET", path="/")
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, Unpack, cast

from ._core.answer import Answer
from ._core.guarding import guarded
from ._core.marks import (
    accessible,
    identifies,
    identifying,
    optional,
    public,
    require,
    required_of,
)
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.request.credentials import PROTOCOL, PROTOCOLS, Bearer, Credential, the_one
from ._core.request.openings import Opened, Openings, Outcome
from ._core.request.paths import is_ambiguous
from ._core.request.request import UNKNOWN, Access, Endpoint, Request
from ._core.request.table import flag
from ._core.token import bearer
from ._core.token.identity import Identity
from ._guard import Guard
from ._verified import Verified
from ._wait import Pause
from .errors import AuthError, ConfigurationError, InsufficientScope, MissingToken

__all__ = [
    "ASGI_SCOPE",
    "GUARD",
    "IDENTITY",
    "REFUSALS",
    "SAFE",
    "UNKNOWN",
    "Access",
    "Admission",
    "Answer",
    "AsgiRequest",
    "Behind",
    "Endpoint",
    "Opened",
    "Outcome",
    "Pause",
    "Prefixed",
    "Recall",
    "Request",
    "Store",
    "Verified",
    "WsgiRequest",
    "accessible",
    "authorise",
    "below",
    "check_prefix",
    "check_transparent",
    "flag",
    "guard_of",
    "guarded",
    "identifies",
    "identifying",
    "identity_of",
    "identity_or_none",
    "let_in",
    "let_in_async",
    "noted",
    "optional",
    "public",
    "require",
    "required_of",
    "requirement",
]

IDENTITY: Final = "jwt_guard.identity"
"""Where the caller is, in the scope or environ; None where there is none."""
GUARD: Final = "jwt_guard.guard"
"""Where the guard that let the request in is."""
REFUSALS: Final = "jwt_guard.refusals"
"""Where AuthErrors are noted that a framework may turn into an answer of its own."""

ASGI_SCOPE: Final = "asgi.scope"
"""Where adapters keep the scope for a WSGI app that is mounted in an ASGI one."""

Store = MutableMapping[str, Any]
"""What travels with a request: an ASGI scope, or a WSGI environ."""

Recall = Callable[[Sequence[bytes]], Verified | None]

# What changes nothing; RFC 9110 §9.2.1.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


# What a named tuple's own constructor does, without its call in Python.
_made = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  generic


# Where what people look for here is said.
_ELSEWHERE: Final = {
    "anonymous": "write optional=True, or optional=[…] with paths",
    "cookie": "credentials are the guard's: Guard(…, credentials=[Bearer(), Cookie(…)])",
    "websockets": "say credentials=[Bearer(), Subprotocol()] to the guard, and expiry_code= here",
    "expiry_code": "WebSockets are ASGI's",
    "transparent": "marks of endpoints are seen behind an ASGI guard alone",
}


class Admission:
    """The guard, and who needs no token: all that decides whether a request gets in.

    Attributes:
        guard: Decides about tokens.
        openings: Who needs no token.
        early: Whether requirements of endpoints are asked here, where a method is not safe.
        recall: Returns the caller of a token seen before from the values of Authorization,
            or None: then `admit` is to be asked. None in its place: `admit` always is.
    """

    __slots__ = (
        "_bearer",
        "_checking",
        "_early",
        "_recalling",
        "_ruled",
        "early",
        "guard",
        "openings",
        "recall",
    )

    def __init__(self, guard: Guard, *, early: bool = False, **opened: Unpack[Opened]) -> None:
        """Let requests in that *guard* verifies, or that *opened* says.

        Args:
            guard: Decides about tokens.
            early: Whether a requirement that the endpoint is known to have is asked
                here too, ahead of a body that the framework reads first.
            opened: Who needs no token; see `Opened`.

        Raises:
            ConfigurationError: An option is wrong.
        """
        if not isinstance(guard, Guard):
            raise ConfigurationError(
                f"guard is a Guard, not {type(guard).__name__}: Guard(Issuer(…)) makes one"
            )
        for option in opened.keys() - Opened.__annotations__.keys():
            where = _ELSEWHERE.get(option, f"known are {', '.join(sorted(Opened.__annotations__))}")
            raise ConfigurationError(f"{option} is no option of what a guard lets in; {where}")
        self.guard: Guard = guard
        self.openings: Openings = Openings.compile(**opened)
        self._ruled = bool(self.openings.table)
        self._early = early
        self._checking = self._ruled or early
        only = tuple(guard.credentials)
        self._bearer = only[0] if only == (Bearer(),) else None
        # A token seen before, in its usual place, where nothing but the token counts.
        plain = self._bearer is not None and not self._ruled and not guard.lookups
        # The line recalls by itself, too, once the token is parsed.
        self._recalling = not plain or early
        # Without lookups nothing is waited for.
        self.recall: Recall | None = cast("Recall", guard.recall) if plain else None
        self.early: bool = early

    def admit(self, request: Request) -> Verified | Pause[Verified | None] | None:
        """Return the verified caller, None where none is needed, or what to wait for.

        Raises:
            AuthError: The refusal.
        """
        guard = self.guard
        try:
            if self._bearer is not None:
                # What `the_one` finds where there is one place to look, and shorter.
                values = request.authorization
                found = guard.recall(values) if self._recalling else None
                if found is None:
                    token = bearer.parse(values, guard.max_token_bytes)
                    found = guard.verify(_made(Credential, (token, self._bearer, None, "bearer")))
            else:
                credential = the_one(guard.credentials, request, guard.max_token_bytes)
                found = guard.verify(credential)
        except AuthError as error:
            self._excuse(request, error)
            return None
        if isinstance(found, Pause):
            return self._paused(request, found)
        return self._required(request, found) if self._checking else found

    def _paused(self, request: Request, pause: Pause[Verified]) -> Pause[Verified | None] | None:
        """Wait, except where nobody is asked for a token."""
        if self._is_public(request):
            return None
        return Pause(pause.wait, partial(self._go_on, request, pause))

    def _go_on(
        self, request: Request, pause: Pause[Verified]
    ) -> Verified | Pause[Verified | None] | None:
        # What is refused from here on was asked for: nobody waits on a public path.
        found = pause.go_on()
        if isinstance(found, Pause):
            return Pause(found.wait, partial(self._go_on, request, found))
        return self._required(request, found)

    def _required(self, request: Request, found: Verified) -> Verified:
        """Return *found* if the caller meets what table and endpoint require."""
        if self._ruled:
            ruled = self.openings.ruled(request)
            if ruled.denied:
                raise _denied(found.identity)
            if ruled.needed is not None:
                self.guard.authorise(found.identity, ruled.needed)
        if self._early and request.method not in SAFE:
            endpoint = request.endpoint()
            if endpoint.needed is not None:
                self.guard.authorise(found.identity, endpoint.needed, endpoint.params)
        return found

    def _is_public(self, request: Request) -> bool:
        try:
            return self.openings.outcome(request).access is Access.PUBLIC
        except AuthError:
            return False

    def _excuse(self, request: Request, error: AuthError) -> None:
        """Raise *error*, or something truer, unless nobody needs a token here."""
        if error.absent and self.openings.passes_preflight(request):
            return
        try:
            outcome = self.openings.outcome(request)
        except AuthError:
            # Nobody knows the row; whoever has no token does not learn that either.
            raise error from None
        if outcome.access is Access.PUBLIC or (error.absent and outcome.access is Access.OPTIONAL):
            return
        if outcome.needed is not None and self.guard.metadata_path is not None:
            # A client that finds out by itself where to log in asks for what it is told.
            error.ask_for(outcome.needed.scopes_to_ask())
        raise error


def _denied(identity: Identity) -> InsufficientScope:
    error = InsufficientScope((), "no rule covers the request, and unmatched='deny'")
    error.issuer, error.kid = identity.issuer, identity.key_id
    return error


def let_in(store: Store, admission: Admission, request: Request) -> Identity | None:
    """Put the caller into *store*, the scope or environ, and return it.

    Blocks this thread where keys have to be waited for.

    Raises:
        AuthError: The refusal; the caller is None then.
    """
    store[GUARD] = admission.guard
    # On every path, refusals included: an outer guard's caller is not ours.
    store[IDENTITY] = None
    found = admission.admit(request)
    if isinstance(found, Pause):
        found = found.finish()
    identity = store[IDENTITY] = None if found is None else found.identity
    return identity


async def let_in_async(store: Store, admission: Admission, request: Request) -> Identity | None:
    """Do what `let_in` does, without blocking the event loop."""
    store[GUARD] = admission.guard
    store[IDENTITY] = None
    found = admission.admit(request)
    if isinstance(found, Pause):
        found = await found.finish_async()
    identity = store[IDENTITY] = None if found is None else found.identity
    return identity


def identity_of(store: Store) -> Identity:
    """Return the verified caller of a scope or environ.

    Raises:
        MissingToken: The request came without a token, through an opening.
        ConfigurationError: No guard of this library is in front.
    """
    identity = identity_or_none(store)
    if identity is None:
        raise noted(store, MissingToken())
    return identity


def identity_or_none(store: Store) -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No guard of this library is in front.
    """
    for place in (store, store.get(ASGI_SCOPE, {})):
        if IDENTITY in place:
            identity: Identity | None = place[IDENTITY]
            return identity
    raise ConfigurationError(
        "no guard is in front of this app; wrap it: GuardMiddleware(app, guard=guard)"
    )


def authorise(
    store: Store, needed: Requirement, params: Mapping[str, object] | None = None
) -> Identity:
    """Return the verified caller if it satisfies *needed*.

    Args:
        store: The scope or environ.
        needed: What the route requires.
        params: The parameters of the matched route, by name.

    Raises:
        MissingToken: There is no caller.
        InsufficientScope: It does not.
        StepUpRequired: A better authentication is needed.
        ConfigurationError: No guard of this library is in front.
    """
    identity = identity_of(store)
    guard: Guard = guard_of(store)
    try:
        guard.authorise(identity, needed, params)
    except AuthError as error:
        raise noted(store, error) from None
    return identity


def guard_of(store: Store) -> Guard:
    """Return the guard that let the request in, which has put a caller there, or None."""
    guard: Guard = store[GUARD] if GUARD in store else store[ASGI_SCOPE][GUARD]
    return guard


def noted(store: Store, error: AuthError) -> AuthError:
    """Note *error*, should a framework behind make a failure of its own of it."""
    place = store if IDENTITY in store else store[ASGI_SCOPE]
    place.setdefault(REFUSALS, []).append(error)
    return error


class AsgiRequest:
    """The `Request` of an ASGI scope, HTTP or WebSocket."""

    __slots__ = ("_behind", "_endpoint", "_paths", "_scope", "_served", "authorization", "select")

    def __init__(
        self,
        scope: Store,
        served: Store,
        behind: "Behind | None" = None,
        authorization: Sequence[bytes] | None = None,
    ) -> None:
        """Read *scope*.

        Args:
            scope: This request's own; the app will see it.
            served: The server's, which it logs.
            behind: What is known of the app behind.
            authorization: Every value of the field, where it was read before.
        """
        self._scope = scope
        self._served = served
        self._behind = behind
        self._paths: tuple[str, ...] | None = None
        self._endpoint: Endpoint | None = None
        self.authorization: Sequence[bytes] = (
            self.fields("authorization") if authorization is None else authorization
        )
        self.select: str | None = None

    @property
    def method(self) -> str:
        """The method as it was sent; a handshake is a GET."""
        method: str = self._scope.get("method", "GET")
        return method

    @property
    def paths(self) -> tuple[str, ...]:
        """The path below the prefixes that server and app take off."""
        if self._paths is None:
            scope, behind = self._scope, self._behind
            path = below(scope["path"], scope.get("root_path", ""))
            self._paths = (path,) if behind is None else behind.paths(scope)
        return self._paths

    @property
    def raw_path(self) -> bytes | None:
        """The path as it was sent, where the server tells."""
        raw_path: bytes | None = self._scope.get("raw_path")
        return raw_path

    @property
    def query(self) -> bytes:
        """The query string as it was sent."""
        query: bytes = self._scope.get("query_string", b"")
        return query

    @property
    def handshake(self) -> bool:
        """Whether it opens a WebSocket."""
        return bool(self._scope["type"] == "websocket")

    def fields(self, name: str, /) -> list[bytes]:
        """Return every value of the field *name*, which is in small letters."""
        wanted = name.encode()
        return [value for key, value in self._scope["headers"] if key == wanted]

    def endpoint(self) -> Endpoint:
        """Return what the router behind will match."""
        if self._endpoint is None:
            behind = self._behind
            self._endpoint = UNKNOWN if behind is None else behind.endpoint(self._scope)
        return self._endpoint

    def hide_query(self, rest: bytes, /) -> None:
        """Leave *rest* of the query for the app, and for the server's log."""
        self._scope["query_string"] = self._served["query_string"] = rest

    def hide_protocols(self, rest: bytes, /) -> None:
        """Leave *rest* of the subprotocols for the app; "bearer" answers if it selects none."""
        name = PROTOCOLS.encode()
        headers = [(key, value) for key, value in self._scope["headers"] if key != name]
        self._scope["headers"] = [*headers, (name, rest)] if rest else headers
        self._scope["subprotocols"] = rest.decode("latin-1").split(", ") if rest else []
        self.select = PROTOCOL.decode()


class Behind(Protocol):
    """What is known of an ASGI app behind a guard."""

    def check(self) -> None:
        """Raise if a requirement is declared where it is never asked.

        Raises:
            ConfigurationError: It names the function.
        """
        ...

    def paths(self, scope: Store, /) -> tuple[str, ...]:
        """Return the path of a request as the router behind will match it."""
        ...

    def endpoint(self, scope: Store, /) -> Endpoint:
        """Return what the router behind will match."""
        ...


class Prefixed:
    """An ASGI app of which the prefix alone is known that it takes off."""

    def __init__(self, prefix: str) -> None:
        """Remember *prefix*."""
        self._prefix = prefix

    def check(self) -> None:
        """Do nothing: no requirement is known."""

    def paths(self, scope: Store, /) -> tuple[str, ...]:
        """Return the path below what the server and the app take off."""
        return (below(below(scope["path"], scope.get("root_path", "")), self._prefix),)

    def endpoint(self, _scope: Store, /) -> Endpoint:
        """Return nothing that is known."""
        return UNKNOWN


def check_transparent(transparent: object) -> tuple[type, ...]:
    """Return *transparent*, or raise ConfigurationError unless it is classes of middleware."""
    given = cast("Sequence[object]", transparent) if isinstance(transparent, list | tuple) else None
    if given is None or not all(isinstance(one, type) for one in given):
        raise ConfigurationError(
            f"transparent is a list of classes of middleware, not {transparent!r}"
        )
    return cast("tuple[type, ...]", tuple(given))


def check_prefix(prefix: object) -> str:
    """Return *prefix*, or raise ConfigurationError unless it is "" or a plain path."""
    if prefix == "" or (
        isinstance(prefix, str) and prefix[-1:] != "/" and not is_ambiguous(prefix, None)
    ):
        return str(prefix)
    raise ConfigurationError(
        f"prefix is a path like '/api', without a slash at its end: {prefix!r}"
    )


class WsgiRequest:
    """The `Request` of a WSGI environ."""

    __slots__ = ("_environ", "_find", "_prefix", "authorization")

    def __init__(
        self,
        environ: Store,
        endpoint: "Callable[[], Endpoint] | None" = None,
        prefix: str = "",
        authorization: Sequence[bytes] | None = None,
    ) -> None:
        """Read *environ*.

        Args:
            environ: The app will see it.
            endpoint: Returns what the router will match.
            prefix: What the app behind takes off the path.
            authorization: The value of the field, where it was read before.
        """
        self._environ = environ
        self._find = endpoint
        self._prefix = prefix
        if authorization is None:
            value: str | None = environ.get("HTTP_AUTHORIZATION")
            # Servers decode as latin-1; "?" for what is not stands in no credentials.
            authorization = () if value is None else (value.encode("latin-1", "replace"),)
        self.authorization: Sequence[bytes] = authorization

    @property
    def method(self) -> str:
        """The method as it was sent."""
        return str(self._environ["REQUEST_METHOD"])

    @property
    def paths(self) -> tuple[str, ...]:
        """The path that routers match: `PATH_INFO`, as UTF-8."""
        path = str(self._environ.get("PATH_INFO", ""))
        return (below(path.encode("latin-1", "replace").decode("utf-8", "replace"), self._prefix),)

    @property
    def raw_path(self) -> bytes | None:
        """The path as it was sent, from the servers that tell (no part of PEP 3333)."""
        environ = self._environ
        target: Any = environ.get("RAW_URI", environ.get("REQUEST_URI"))
        return None if target is None else _octets(target).partition(b"?")[0]

    @property
    def query(self) -> bytes:
        """The query string as it was sent."""
        return _octets(self._environ.get("QUERY_STRING", ""))

    @property
    def handshake(self) -> bool:
        """Never: WSGI knows no WebSockets."""
        return False

    def fields(self, name: str, /) -> tuple[bytes, ...]:
        """Return the value of the field *name*; servers join what comes in several."""
        value = self._environ.get("HTTP_" + name.upper().replace("-", "_"))
        return () if value is None else (_octets(value),)

    def endpoint(self) -> Endpoint:
        """Return what the router behind will match."""
        return UNKNOWN if self._find is None else self._find()

    def hide_query(self, rest: bytes, /) -> None:
        """Leave *rest* of the query for the app, and for the server's log."""
        query = self._environ["QUERY_STRING"] = rest.decode("latin-1")
        for variable in ("RAW_URI", "REQUEST_URI"):
            if variable in self._environ:
                path = str(self._environ[variable]).partition("?")[0]
                self._environ[variable] = f"{path}?{query}" if query else path

    def hide_protocols(self, rest: bytes, /) -> None:
        """Do nothing: there are no handshakes here."""


def _octets(text: object) -> bytes:
    return str(text).encode("latin-1", "replace")


def below(path: str, prefix: str) -> str:
    """Return *path* without *prefix*, of whole segments; itself if it has another one."""
    if prefix and path.startswith(prefix):
        rest = path[len(prefix) :]
        if rest == "" or rest[0] == "/":
            return rest or "/"
    return path
