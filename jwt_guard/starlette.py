"""Starlette: the ASGI guard, `request.user` and `request.auth`, `requires`."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar, cast

from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.requests import HTTPConnection

from . import asgi
from ._core.decorating import guarded, public, require
from ._core.identity import Identity
from ._core.openings import Openings
from ._core.requirement import Requirement, requirement
from ._core.rules import Rule, Rules, Unmatched
from .errors import AuthError, ConfigurationError
from .guard import Guard
from .routes import leads_to_public

__all__ = [
    "GuardMiddleware",
    "GuardUser",
    "identity_of",
    "identity_or_none",
    "public",
    "requires",
]

_F = TypeVar("_F", bound=Callable[..., Any])


class GuardUser(BaseUser):
    """`request.user`: the verified caller, as Starlette's interface wants it."""

    def __init__(self, identity: Identity) -> None:
        """Wrap *identity*."""
        self._identity = identity

    @property
    def is_authenticated(self) -> bool:
        """Always: a caller without a token is Starlette's UnauthenticatedUser."""
        return True

    @property
    def display_name(self) -> str:
        """The subject, or "" where the token names none."""
        return self._identity.subject or ""

    @property
    def identity(self) -> str:
        """The subject, or "" where the token names none."""
        return self._identity.subject or ""


class GuardMiddleware:
    """`jwt_guard.asgi.GuardMiddleware`, plus `request.user` and `request.auth`.

    `request.auth.scopes` holds the token's scope values and "authenticated", so
    that Starlette's own `requires` works on top. Endpoints marked as `public` are
    open besides the paths of `public=`.

    Attributes:
        app: The app behind it.
        guard: What decides.
        openings: What may pass without a token.
        rules: The table of paths.
        by_endpoint: Always: it knows endpoints that are marked as public.
    """

    by_endpoint: bool = True

    def __init__(
        self,
        app: asgi.ASGIApp,
        *,
        guard: Guard,
        public: Iterable[str] = (),
        anonymous: bool = False,
        preflight: bool = True,
        rules: Iterable[Rule] = (),
        unmatched: Unmatched = "token",
        warm_up: bool = True,
    ) -> None:
        """Put *guard* in front of *app*; see `jwt_guard.asgi.GuardMiddleware`."""
        self.app = app
        self.guard = guard
        self._guarded = asgi.GuardMiddleware(
            app,
            guard=guard,
            public=public,
            anonymous=anonymous,
            preflight=preflight,
            rules=rules,
            unmatched=unmatched,
            warm_up=warm_up,
            attach=_attach,
            is_public=partial(leads_to_public, app),
        )
        self.openings: Openings = self._guarded.openings
        self.rules: Rules = self._guarded.rules

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer, or let the app answer."""
        await self._guarded(scope, receive, send)


class GuardCredentials(AuthCredentials):
    """`request.auth`: scope values, listed when somebody asks for them."""

    def __init__(self, identity: Identity) -> None:
        """Remember *identity*."""
        self._identity = identity

    def __getattr__(self, name: str) -> list[str]:
        """Make `scopes`: the token's and "authenticated"; once, then it is there."""
        if name != "scopes":
            raise AttributeError(name)
        self.scopes: list[str] = [*sorted(self._identity.scopes), "authenticated"]
        return self.scopes


def _attach(scope: asgi.Scope, identity: Identity | None) -> None:
    if identity is None:
        scope["auth"], scope["user"] = AuthCredentials(), UnauthenticatedUser()
    else:
        scope["auth"], scope["user"] = GuardCredentials(identity), GuardUser(identity)


def identity_of(connection: HTTPConnection) -> Identity:
    """Return the verified caller; also a FastAPI dependency.

    Raises:
        MissingToken: The request came without a token, through an opening.
        ConfigurationError: No middleware of this library is in front.
    """
    _answer_here(connection)
    return asgi.identity_of(connection.scope)


def identity_or_none(connection: HTTPConnection) -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No middleware of this library is in front.
    """
    return asgi.identity_or_none(connection.scope)


def authorise(connection: HTTPConnection, needed: Requirement) -> Identity:
    """Return the verified caller if it satisfies *needed*, or raise the refusal."""
    _answer_here(connection)
    return asgi.authorise(connection.scope, needed)


def requires(*parts: str | Requirement) -> Callable[[_F], _F]:
    """Guard an endpoint by a requirement.

    For functions, sync and async, `HTTPEndpoint` and `WebSocketEndpoint` classes
    or methods of them, and WebSocket functions. Several decorators add up.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no middleware
            of this library is in front.
    """
    needed = requirement(*parts)

    def check(*args: object, **kwargs: object) -> None:
        authorise(_connection((*args, *kwargs.values())), needed)

    def decorate(endpoint: _F) -> _F:
        decorated = guarded(endpoint, check, "dispatch")
        require(decorated, needed)
        return decorated

    return decorate


def _connection(arguments: tuple[object, ...]) -> HTTPConnection:
    """Find the request or WebSocket by its type, never by its name."""
    for argument in arguments:
        if isinstance(argument, HTTPConnection):
            return cast("HTTPConnection", argument)
        if isinstance(argument, HTTPEndpoint | WebSocketEndpoint):
            return HTTPConnection(argument.scope)
    raise ConfigurationError(
        "requires(…) found neither request nor WebSocket among the endpoint's arguments; "
        "in FastAPI use Annotated[Identity, Requires(…)]"
    )


class _Refusal:
    """An ASGI app that sends the refusal, whatever the connection is."""

    def __init__(self, error: AuthError) -> None:
        self._error = error

    async def __call__(self, scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
        await asgi.refuse(scope[asgi.GUARD], self._error, scope, send)


async def _refusal(_connection: HTTPConnection, error: AuthError) -> _Refusal:
    return _Refusal(error)


def _answer_here(connection: HTTPConnection) -> None:
    """Make the innermost app answer an AuthError by itself.

    A mounted Starlette app has an error middleware of its own, which would turn
    what passes through it into a 500 before the guard sees it. Its table of
    handlers is in the scope; this is `app.add_exception_handler`, done late.
    """
    handlers = connection.scope.get("starlette.exception_handlers")
    if handlers is not None:
        handlers[0].setdefault(AuthError, _refusal)
