"""ASGI 3: the guard in front of any ASGI app; imports no framework."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from ._asgi_types import ASGIApp, Message, Receive, Scope, Send
from ._core.answer import Answer
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.request.cookie import Cookie
from ._core.request.handshake import WebSockets
from ._core.request.paths import Openings
from ._core.request.table import Rule, Rules, Unmatched
from ._core.token.identity import Identity
from ._guard import Guard
from ._wait import Pause
from ._websocket import ACCEPTED, ending, noting_accept, read_handshake
from .errors import AuthError, ConfigurationError, CrossSite, KeysUnavailable, MissingToken

__all__ = [
    "ASGIApp",
    "GuardMiddleware",
    "Message",
    "Readiness",
    "Receive",
    "RequirementMiddleware",
    "Scope",
    "Send",
    "WebSockets",
    "identity_of",
    "identity_or_none",
    "requires",
]

IDENTITY = "jwt_guard.identity"
GUARD = "jwt_guard.guard"
_BY_COOKIE = "jwt_guard.by_cookie"

# RFC 6455 §7.4.1: "violating its policy", for servers that cannot send a denial.
_POLICY_VIOLATION = 1008


class Framework(NamedTuple):
    """What a framework adds to the guard.

    Attributes:
        attach: Called with each admitted scope, a copy of this request's own, and its
            identity, to put there what else the app wants to find.
        is_public: Tells whether a request may pass without a token, by the endpoint
            that the app will match.
    """

    attach: Callable[[Scope, Identity | None], None]
    is_public: Callable[[Scope], bool]


class GuardMiddleware:
    """An ASGI app that refuses everybody without a valid token.

    HTTP requests and WebSocket handshakes alike; a WebSocket is refused before
    it is accepted. The app behind finds the caller as
    `scope["jwt_guard.identity"]`.

    Attributes:
        app: The app behind it.
        guard: What decides.
        openings: What may pass without a token.
        rules: The table of paths.
        cookie: Where browsers keep the token, or None.
        by_endpoint: Whether it knows endpoints that are marked as public.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        guard: Guard,
        public: Iterable[str] = (),
        anonymous: bool = False,
        preflight: bool = True,
        rules: Iterable[Rule] = (),
        unmatched: Unmatched = "token",
        cookie: str | Cookie | None = None,
        websockets: WebSockets | None = None,
        warm_up: bool = True,
        framework: Framework | None = None,
    ) -> None:
        """Put *guard* in front of *app*.

        Args:
            app: Any ASGI app.
            guard: Decides.
            public: Paths that need no token, by whole segments of the path below
                `root_path`: "/health"; "*" is one segment, at the end one or
                more ("/docs/*").
            anonymous: Let every request without a token through, with the
                identity None. A token that is present must be valid all the same.
            preflight: Let CORS preflights through: OPTIONS with Origin and
                Access-Control-Request-Method.
            rules: A table of paths and what they require; the first row that covers
                a request counts. For apps whose routes cannot be decorated.
            unmatched: What becomes of a request that no rule covers: "token" asks
                for a valid token alone, "deny" refuses it.
            cookie: A cookie that brings the token where `Authorization` does not, for
                browsers: its name, or a `Cookie` that says more. What such a request
                may change is protected against other sites' pages. A bad token in a
                cookie is refused only where one is needed: whoever has it still gets
                to the public login page.
            websockets: How WebSockets bring tokens besides the header, and whether they
                end when the token does.
            warm_up: Fetch the issuers' keys when the server starts the app (the
                lifespan's startup), so that no request waits for them.
            framework: What a framework adds; for adapters.

        Raises:
            ConfigurationError: A public path is not an absolute, plain one; a rule is
                none.
        """
        self.app = app
        self.guard = guard
        self.openings: Openings = Openings.of(public, anonymous=anonymous, preflight=preflight)
        self.rules: Rules = Rules.of(rules, unmatched)
        self._ruled = bool(self.rules)
        self.cookie: Cookie | None = Cookie.of(cookie)
        self._websockets = websockets if websockets is not None else WebSockets()
        self._warm_up = warm_up
        self._framework = framework
        self.by_endpoint: bool = framework is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.app(scope, self._warming_up(receive), send)
            return
        served, scope = scope, dict(scope)
        if kind == "websocket":
            send = noting_accept(scope, send)
        elif kind != "http":
            raise ConfigurationError(f"jwt_guard cannot protect an ASGI scope of type {kind!r}")
        elif scope["path"] == self.guard.metadata_path:
            document = self.guard.metadata(method_of(scope))
            if document is not None:
                await _respond(document, "http.response", send)
                return
        try:
            try:
                identity = self._begin(scope, served)
                if not isinstance(identity, Identity):
                    identity = await identity.finish_async()
            except AuthError as error:
                self._excuse(error, scope)
                identity = None
            app = self._admit(scope, identity)
            await app(scope, receive, send)
        except AuthError as error:
            await refuse(self.guard, error, scope, send)

    def _begin(self, scope: Scope, served: Scope) -> Identity | Pause[Identity]:
        """Collect the credentials, and walk as far as it goes without waiting."""
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        method = scope["method"] if scope["type"] == "http" else None
        if method is None:
            values += read_handshake(scope, served, self._websockets)
        # Of this guard alone: an outer one may have left its own there.
        scope[_BY_COOKIE] = False
        if self.cookie is not None:
            scope[_BY_COOKIE] = self.cookie.add(values, method, fields_of(scope))
        return self.guard.begin(values)

    def _excuse(self, error: AuthError, scope: Scope) -> None:
        """Raise *error* unless the token is absent, and nobody needs one.

        A browser sends its cookie unasked: where nobody needs a token, a bad one in a
        cookie must not close the way to the login page.
        """
        absent = isinstance(error, MissingToken | CrossSite) or scope.get(_BY_COOKIE)
        if not absent or not self._is_open(scope):
            raise error

    def _admit(self, scope: Scope, identity: Identity | None) -> ASGIApp:
        """Check the rules, hand over the caller, and return what answers."""
        if self._ruled:
            self._check_rules(scope, identity)
        scope[IDENTITY] = identity
        scope[GUARD] = self.guard
        if self._framework is not None:
            self._framework.attach(scope, identity)
        code = self._websockets.expiry_code
        if code is None or identity is None or scope["type"] == "http":
            return self.app
        return ending(self.app, code, lambda: self.guard.seconds_left(identity))

    def _warming_up(self, receive: Receive) -> Receive:
        async def warming_up() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup" and self._warm_up:
                # Without keys the app starts all the same: it outlives its provider,
                # and the guard has logged what is wrong.
                with suppress(KeysUnavailable):
                    await self.guard.warm_up_async()
            return message

        return warming_up

    def _is_open(self, scope: Scope) -> bool:
        path, raw_path = path_of(scope), scope.get("raw_path")
        return (
            self.openings.admit(path, raw_path)
            or self.rules.admit(method_of(scope), path, raw_path)
            or self._is_preflight(scope)
            or (self._framework is not None and self._framework.is_public(scope))
        )

    def _is_preflight(self, scope: Scope) -> bool:
        return self.openings.preflight and is_preflight(scope)

    def _check_rules(self, scope: Scope, identity: Identity | None) -> None:
        if identity is None and self._is_preflight(scope):
            return
        self.rules.check(
            identity,
            method_of(scope),
            path_of(scope),
            scope.get("raw_path"),
            self.guard.authorise,
        )


class Readiness:
    """An ASGI app for probes: 200 when every issuer has keys, else 503.

    The body is `{"ready": true}` or false; what is wrong is in `Guard.health`.
    """

    def __init__(self, guard: Guard) -> None:
        """Report on *guard*."""
        self._guard = guard

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer an HTTP request, whatever its path and method."""
        await _respond(self._guard.readiness(), "http.response", send)


def requires(*parts: str | Requirement) -> Callable[[ASGIApp], ASGIApp]:
    """Guard an ASGI app, behind a `GuardMiddleware`, by a requirement.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no middleware
            of this library is in front.
    """
    needed = requirement(*parts)
    return lambda app: RequirementMiddleware(app, requires=needed)


class RequirementMiddleware:
    """An ASGI app that asks for a requirement, behind a `GuardMiddleware`.

    For what takes middleware, such as Starlette's `Route`, `Router` and `Mount`:
    `Mount("/reports", routes=…, middleware=[Middleware(RequirementMiddleware,
    requires="reports")])`.

    Attributes:
        app: The app behind it.
        needed: What is required.
    """

    def __init__(self, app: ASGIApp, *, requires: str | Requirement) -> None:
        """Require a scope value, or an expression, in front of *app*."""
        self.app = app
        self.needed: Requirement = requirement(requires)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the app answer."""
        if scope["type"] != "lifespan":
            try:
                authorise(scope, self.needed)
            except AuthError as error:
                await refuse(scope[GUARD], error, scope, send)
                return
        await self.app(scope, receive, send)


def authorise(scope: Scope, needed: Requirement) -> Identity:
    """Return the verified caller if it satisfies *needed*, or raise the refusal."""
    identity: Identity = scope.get(IDENTITY) or identity_of(scope)
    if needed.conditional:
        guard: Guard = scope[GUARD]
        guard.authorise(identity, needed, scope.get("path_params"))
    else:
        needed.check(identity)
    return identity


def identity_of(scope: Scope) -> Identity:
    """Return the verified caller.

    Raises:
        MissingToken: The request came without a token, through an opening.
        ConfigurationError: No middleware of this library is in front.
    """
    identity = identity_or_none(scope)
    if identity is None:
        raise MissingToken
    return identity


def identity_or_none(scope: Scope) -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No middleware of this library is in front.
    """
    try:
        identity: Identity | None = scope[IDENTITY]
    except KeyError:
        raise ConfigurationError(
            "no guard is in front of this app; wrap it: GuardMiddleware(app, guard=guard)"
        ) from None
    return identity


def fields_of(scope: Scope) -> Callable[[str], Sequence[bytes]]:
    """Return what looks up header fields by their names in small letters."""

    def fields(name: str) -> list[bytes]:
        wanted = name.encode()
        return [value for key, value in scope["headers"] if key == wanted]

    return fields


async def refuse(guard: Guard, error: AuthError, scope: Scope, send: Send) -> None:
    """Send the challenge, or close a WebSocket that can carry none."""
    challenge = guard.refuse(error, method=method_of(scope), path=path_of(scope))
    if scope["type"] == "http":
        await _respond(challenge, "http.response", send)
    elif "websocket.http.response" in scope.get("extensions", {}) and not scope.get(ACCEPTED):
        await _respond(challenge, "websocket.http.response", send)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})


async def _respond(challenge: Answer, kind: str, send: Send) -> None:
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in challenge.headers]
    await send({"type": f"{kind}.start", "status": challenge.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": challenge.body})


def method_of(scope: Scope) -> str:
    """Return the request's method; a WebSocket handshake is a GET."""
    method: str = scope.get("method", "GET")
    return method


def path_of(scope: Scope) -> str:
    """Return the path that routers match: `path` without the mount's prefix."""
    path: str = scope["path"]
    root_path: str = scope.get("root_path", "")
    below = path.removeprefix(root_path)
    return below if below.startswith("/") else path


def is_preflight(scope: Scope) -> bool:
    """Tell a CORS preflight (Fetch §3.2.2) from other requests."""
    if scope.get("method") != "OPTIONS":
        return False
    names = {name for name, _ in scope["headers"]}
    return b"origin" in names and b"access-control-request-method" in names
