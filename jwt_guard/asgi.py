"""ASGI 3: the guard in front of any ASGI app; imports no framework."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from typing import Any

from ._core.challenge import Challenge
from ._core.identity import Identity
from ._core.openings import Openings
from ._core.requirement import Requirement, requirement
from ._core.rules import Rule, Rules, Unmatched
from .errors import AuthError, ConfigurationError, KeysUnavailable, MissingToken
from .guard import Guard

__all__ = [
    "GuardMiddleware",
    "Readiness",
    "RequirementMiddleware",
    "identity_of",
    "identity_or_none",
    "requires",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

IDENTITY = "jwt_guard.identity"
GUARD = "jwt_guard.guard"
ACCEPTED = "jwt_guard.accepted"

# RFC 6455 §7.4.1: "violating its policy", for servers that cannot send a denial.
_POLICY_VIOLATION = 1008


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
        warm_up: bool = True,
        attach: Callable[[Scope, Identity | None], None] | None = None,
        is_public: Callable[[Scope], bool] | None = None,
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
            warm_up: Fetch the issuers' keys when the server starts the app (the
                lifespan's startup), so that no request waits for them.
            attach: Called with each admitted scope, a copy of this request's own,
                and its identity, to put there what else the app wants to find.
            is_public: Tells whether a request may pass without a token, by the
                endpoint that the app will match; for adapters.

        Raises:
            ConfigurationError: A public path is not an absolute, plain one; a rule is
                none.
        """
        self.app = app
        self.guard = guard
        self.openings: Openings = Openings.of(public, anonymous=anonymous, preflight=preflight)
        self.rules: Rules = Rules.of(rules, unmatched)
        self._ruled = bool(self.rules)
        self._warm_up = warm_up
        self._attach = attach
        self._is_public = is_public
        self.by_endpoint: bool = is_public is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.app(scope, self._warming_up(receive), send)
            return
        scope = dict(scope)
        if kind != "http":
            send = _noting_accept(scope, send)
        elif scope["path"] == self.guard.metadata_path:
            document = self.guard.metadata(method_of(scope))
            if document is not None:
                await _respond(document, "http.response", send)
                return
        try:
            values = [value for name, value in scope["headers"] if name == b"authorization"]
            identity = None
            try:
                identity = await self.guard.authenticate_async(values)
            except MissingToken:
                if not self._is_open(scope):
                    raise
            if self._ruled:
                self._check_rules(scope, identity)
            scope[IDENTITY] = identity
            scope[GUARD] = self.guard
            if self._attach is not None:
                self._attach(scope, identity)
            await self.app(scope, receive, send)
        except AuthError as error:
            await refuse(self.guard, error, scope, send)

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
            or (self._is_public is not None and self._is_public(scope))
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


def _noting_accept(scope: Scope, send: Send) -> Send:
    if scope["type"] != "websocket":
        raise ConfigurationError(
            f"jwt_guard cannot protect an ASGI scope of type {scope['type']!r}"
        )

    async def noting(message: Message) -> None:
        if message["type"] == "websocket.accept":
            scope[ACCEPTED] = True
        await send(message)

    return noting


async def refuse(guard: Guard, error: AuthError, scope: Scope, send: Send) -> None:
    """Send the challenge, or close a WebSocket that can carry none."""
    challenge = guard.refuse(error, method=method_of(scope), path=path_of(scope))
    if scope["type"] == "http":
        await _respond(challenge, "http.response", send)
    elif "websocket.http.response" in scope.get("extensions", {}) and not scope.get(ACCEPTED):
        await _respond(challenge, "websocket.http.response", send)
    else:
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})


async def _respond(challenge: Challenge, kind: str, send: Send) -> None:
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
