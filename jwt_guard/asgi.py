"""ASGI 3: the guard in front of any ASGI app; imports no framework."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Unpack

from . import hosts
from ._asgi import ASGIApp, Message, Receive, Scope, Send, refuse, respond
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.token.identity import Identity
from ._guard import Guard
from ._websocket import Conversation, check_code, ending
from .errors import AuthError, ConfigurationError, KeysUnavailable
from .hosts import (
    GUARD,
    IDENTITY,
    REFUSALS,
    SAFE,
    Admission,
    AsgiRequest,
    Behind,
    Opened,
    Pause,
    Verified,
    identity_of,
    identity_or_none,
    optional,
    public,
)

__all__ = [
    "ASGIApp",
    "Framework",
    "GuardMiddleware",
    "Message",
    "Readiness",
    "Receive",
    "RequirementMiddleware",
    "Scope",
    "Send",
    "identity_of",
    "identity_or_none",
    "optional",
    "public",
    "requires",
]


class Framework(NamedTuple):
    """What a framework adds to the guard.

    Attributes:
        attach: Called with each admitted scope, a copy of this request's own, the
            server's, and its identity, to put there what else the app wants to find.
        marks: Whether the marks of its endpoints count.
    """

    attach: Callable[[Scope, Scope, Identity | None], None]
    marks: bool = True


class GuardMiddleware:
    """An ASGI app that refuses everybody without a valid token.

    HTTP requests and WebSocket handshakes alike; a WebSocket is refused before
    it is accepted. The app behind finds the caller as
    `scope["jwt_guard.identity"]`.

    Attributes:
        app: The app behind it.
        admission: The guard, and who needs no token.
        by_endpoint: Whether it knows endpoints that are marked as public.
        transparent: What passes requests on as they are.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        guard: Guard,
        prefix: str = "",
        transparent: Sequence[type] = (),
        expiry_code: int | None = None,
        warm_up: bool = True,
        framework: Framework | None = None,
        **opened: Unpack[Opened],
    ) -> None:
        """Put *guard* in front of *app*.

        Args:
            app: Any ASGI app.
            guard: Decides.
            prefix: What the app behind takes off the path before it routes, where that
                cannot be seen: Django's `FORCE_SCRIPT_NAME`.
            transparent: Classes of middleware behind the guard that pass requests on
                with the method and path they came with, so that marks behind them count.
            expiry_code: The code with which a WebSocket is closed once its token
                expires, customarily 4401; None leaves it open.
            warm_up: Fetch the issuers' keys when the server starts the app (the
                lifespan's startup), so that no request waits for them.
            framework: What a framework adds; for adapters.
            opened: Who needs no token: `public`, `optional`, `preflight`, `rules`,
                `unmatched`; see `jwt_guard.hosts.Opened`.

        Raises:
            ConfigurationError: A path is not an absolute, plain one; a rule is none; an
                option is not of its type.
        """
        hosts.check_prefix(prefix)
        transparent = hosts.check_transparent(transparent)
        self.app = app
        self._behind = _behind(app, prefix, transparent, framework)
        early = getattr(self._behind, "early", False)
        self.admission: Admission = Admission(guard, early=early, **opened)
        self._recall = self.admission.recall
        self._early = early
        self._guard = guard
        self._expiry_code = check_code(expiry_code)
        self._warm_up = hosts.flag("warm_up", warm_up)
        self._attach = framework.attach if framework is not None else None
        self.by_endpoint: bool = framework is not None and framework.marks
        self.transparent: tuple[type, ...] = transparent
        self._described = guard.metadata_path is not None
        self._checked = False

    def readings(
        self, path: str, root: str = "", method: str = "GET", host: str = "", /
    ) -> tuple[str, ...]:
        """Return what is decided on for a path, where *root* has been taken off; for audits."""
        scope: Scope = {
            "type": "http",
            "method": method,
            "path": path,
            "root_path": root,
            "headers": [(b"host", host.encode())] if host else [],
        }
        return AsgiRequest(scope, scope, self._behind).paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app answer."""
        if not self._checked:
            self._check()
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        served, scope = scope, dict(scope)
        answering = _Answering()
        answering.guard = scope[GUARD] = self._guard
        answering.scope = scope
        answering.send = send
        answering.refusals = scope[REFUSALS] = []
        answering.begun = answering.replaced = False
        scope[IDENTITY] = served[IDENTITY] = None
        try:
            if self._described and await self._describes(scope, send):
                return
            found = self._admit(scope, served)
            if isinstance(found, Pause):
                found = await found.finish_async()
            if found is not None:
                scope[IDENTITY] = served[IDENTITY] = found.identity
            if self._attach is not None:
                self._attach(scope, served, scope[IDENTITY])
            await self.app(scope, receive, answering.note)
        except AuthError as error:
            if not answering.begun:
                await refuse(self._guard, error, scope, send)
            elif not answering.replaced:
                raise

    def _admit(self, scope: Scope, served: Scope) -> Verified | Pause[Verified | None] | None:
        """Ask for the caller of an HTTP request; of a token seen before, for that alone."""
        values: list[bytes] = []
        # A comprehension would be one call more, before Python 3.12.
        for name, value in scope["headers"]:
            if name == b"authorization":
                values.append(value)
        recall = self._recall
        if recall is not None and (not self._early or scope["method"] in SAFE):
            found = recall(values)
            if found is not None:
                return found
        return self.admission.admit(AsgiRequest(scope, served, self._behind, values))

    def _check(self) -> None:
        """Raise if a requirement is declared where it is never asked."""
        if self._behind is not None:
            self._behind.check()
        self._checked = True

    async def _describes(self, scope: Scope, send: Send) -> bool:
        """Answer a question for the resource's metadata; return whether it was one."""
        path: str = scope["path"]
        paths = (path, hosts.below(path, scope.get("root_path", "")))
        asked = self._guard.metadata_path in paths
        document = self._guard.metadata(scope["method"]) if asked else None
        if document is None:
            return False
        await respond(document, "http.response", send)
        return True

    async def _other(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is no HTTP request."""
        kind = scope["type"]
        if kind == "lifespan":
            await self.app(scope, self._warming_up(receive), send)
        elif kind == "websocket":
            await self._websocket(scope, receive, send)
        else:
            raise ConfigurationError(f"jwt_guard cannot protect an ASGI scope of type {kind!r}")

    async def _websocket(self, served: Scope, receive: Receive, send: Send) -> None:
        scope = dict(served)
        scope[GUARD] = self._guard
        scope[IDENTITY] = served[IDENTITY] = None
        conversation = Conversation(send)
        app = self.app
        try:
            request = AsgiRequest(scope, served, self._behind)
            found = self.admission.admit(request)
            conversation.select = request.select
            if isinstance(found, Pause):
                found = await found.finish_async()
            if found is not None:
                scope[IDENTITY] = served[IDENTITY] = found.identity
                if self._expiry_code is not None:
                    _, ends = found.window
                    app = ending(app, self._expiry_code, lambda: ends - self._guard.now())
            if self._attach is not None:
                self._attach(scope, served, scope[IDENTITY])
            await app(scope, receive, conversation.send)
        except AuthError as error:
            await conversation.refuse(self._guard, error, scope)

    def _warming_up(self, receive: Receive) -> Receive:
        async def warming_up() -> Message:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._check()
                # Without keys the app starts all the same: it outlives its provider,
                # and the guard has logged what is wrong.
                if self._warm_up:
                    with suppress(KeysUnavailable):
                        await self._guard.warm_up_async()
            return message

        return warming_up


# RFC 9110 §15.6.
_SERVER_ERROR = 500


class _Answering:
    """The answering of one request, as far as what is sent tells.

    Its maker fills it in: an `__init__` would be one call more for every request.

    Attributes:
        guard: The guard, which answers refusals.
        scope: The request's.
        send: The server's.
        refusals: Those that were noted behind.
        begun: Whether a response has begun.
        replaced: Whether it is a refusal, in place of the app's.
    """

    __slots__ = ("begun", "guard", "refusals", "replaced", "scope", "send")

    guard: Guard
    scope: Scope
    send: Send
    refusals: list[AuthError]
    begun: bool
    replaced: bool

    def note(self, message: Message) -> Awaitable[None]:
        """Send *message* of the app, and note what it begins.

        What a framework made of one of the refusals, and calls its own failure, is the
        refusal all the same.
        """
        send = self.send
        if self.begun:
            return _nothing() if self.replaced else send(message)
        if message["type"] == "http.response.start":
            self.begun = True
            if self.refusals and message["status"] >= _SERVER_ERROR:
                self.replaced = True
                return refuse(self.guard, self.refusals[-1], self.scope, send)
        return send(message)


def _behind(
    app: ASGIApp, prefix: str, transparent: tuple[type, ...], framework: Framework | None
) -> Behind | None:
    """Return what is known of *app*; of one that is not Starlette's, its prefix alone."""
    # What is not imported yet is not in the app.
    if "starlette" in sys.modules:
        from ._routing import StarletteBehind  # noqa: PLC0415  no framework is imported for it

        marks = framework is not None and framework.marks
        return StarletteBehind(app, prefix, transparent, marks=marks)
    return hosts.Prefixed(prefix) if prefix else None


class Readiness:
    """An ASGI app for probes: 200 when every issuer has keys, else 503.

    The body is `{"ready": true}` or false; what is wrong is in `Guard.health`.
    """

    def __init__(self, guard: Guard) -> None:
        """Report on *guard*."""
        self._guard = guard

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer an HTTP request, whatever its path and method."""
        await respond(self._guard.readiness(), "http.response", send)


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
            identity: Identity | None = scope.get(IDENTITY)
            try:
                if identity is None or self.needed.conditional:
                    hosts.authorise(scope, self.needed, scope.get("path_params"))
                else:
                    self.needed.require(identity)
            except AuthError as error:
                await refuse(scope[GUARD], error, scope, send)
                return
        await self.app(scope, receive, send)


async def _nothing() -> None:
    """Send nothing: the refusal has been sent."""
