"""Starlette: the ASGI guard, `request.user` and `request.auth`, `requires`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, Unpack, cast

from ._extras import extra

with extra("starlette"):
    from starlette.authentication import AuthCredentials, BaseUser, UnauthenticatedUser
    from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
    from starlette.requests import HTTPConnection

from . import asgi, hosts
from ._asgi import refuse
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.token.identity import Identity
from ._guard import Guard
from .errors import AuthError, ConfigurationError
from .hosts import GUARD, IDENTITY, Opened, optional, public

__all__ = [
    "GuardCredentials",
    "GuardMiddleware",
    "GuardUser",
    "authorise",
    "identity_of",
    "identity_or_none",
    "optional",
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


def GuardMiddleware(  # noqa: N802  stands where Starlette wants a class
    app: asgi.ASGIApp,
    *,
    guard: Guard,
    prefix: str = "",
    transparent: Sequence[type] = (),
    expiry_code: int | None = None,
    warm_up: bool = True,
    **opened: Unpack[Opened],
) -> asgi.GuardMiddleware:
    """Put *guard* in front of *app*, with `request.user` and `request.auth`.

    It is `jwt_guard.asgi.GuardMiddleware`, whose arguments these are, and more:
    `request.auth.scopes` holds the token's scope values and "authenticated", so that
    Starlette's own `requires` works on top, and endpoints marked as `public` or
    `optional` are open besides the paths.

    Raises:
        ConfigurationError: As there.
    """
    return asgi.GuardMiddleware(
        app,
        guard=guard,
        prefix=prefix,
        transparent=transparent,
        expiry_code=expiry_code,
        warm_up=warm_up,
        framework=asgi.Framework(_attach),
        **opened,
    )


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


def _attach(scope: asgi.Scope, served: asgi.Scope, identity: Identity | None) -> None:
    """Put the caller there as Starlette has it; middleware in front may log it."""
    if identity is None:
        scope["auth"], scope["user"] = AuthCredentials(), UnauthenticatedUser()
    else:
        scope["auth"], scope["user"] = GuardCredentials(identity), GuardUser(identity)
    served["auth"], served["user"] = scope["auth"], scope["user"]


@hosts.identifying
def identity_of(connection: HTTPConnection) -> Identity:
    """Return the verified caller; also a FastAPI dependency.

    Raises:
        MissingToken: The request came without a token, through an opening.
        ConfigurationError: No middleware of this library is in front.
    """
    _answer_here(connection)
    return hosts.identity_of(connection.scope)


def identity_or_none(connection: HTTPConnection) -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No middleware of this library is in front.
    """
    return hosts.identity_or_none(connection.scope)


def authorise(connection: HTTPConnection, needed: Requirement) -> Identity:
    """Return the verified caller if it satisfies *needed*, or raise the refusal."""
    _answer_here(connection)
    scope = connection.scope
    identity: Identity | None = scope.get(IDENTITY)
    if identity is None or needed.conditional:
        return hosts.authorise(scope, needed, scope.get("path_params"))
    try:
        needed.require(identity)
    except AuthError as error:
        raise hosts.noted(scope, error) from None
    return identity


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
        decorated = hosts.guarded(endpoint, check, "__await__")
        hosts.require(decorated, needed)
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
        await refuse(scope[GUARD], self._error, scope, send)


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
