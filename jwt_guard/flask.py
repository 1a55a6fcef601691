"""Flask: the guard after URL matching, `public`, `requires`, `current_identity`."""

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from flask import Blueprint, Flask, Response, request
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.local import LocalProxy

from . import wsgi
from ._core.marks import guarded, is_public, public, require
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.request.cookie import Cookie
from ._core.request.paths import Openings
from ._core.request.table import Rules
from ._core.token.identity import Identity
from ._guard import Guard
from .errors import AuthError, ConfigurationError, KeysUnavailable

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

__all__ = ["FlaskGuard", "current_identity", "identity_or_none", "public", "requires"]

_F = TypeVar("_F", bound=Callable[..., Any] | Blueprint)


def refused(error: AuthError) -> HTTPException:
    """Log the refusal, and return it as Flask's error handling knows it.

    Without a handler of the app's own it is answered as it is. A handler for its
    status or for HTTPException sees it, with the AuthError as `__cause__`.
    """
    guard: Guard = request.environ[wsgi.GUARD]
    challenge = guard.refuse(error, method=request.method, path=wsgi.path_of(request.environ))
    # A list, for Response takes the length of bytes, which HEAD has none of.
    response = Response([challenge.body], challenge.status, list(challenge.headers))
    # Without a text of ours, werkzeug would speak of passwords.
    text = error.description or "An access token is needed"
    return default_exceptions[challenge.status](text, response)


class FlaskGuard:
    """A guard for all routes of a Flask app, blueprints and static files included.

    It runs after URL matching and before every other `before_request` function.
    A caller without a valid token learns nothing of which routes exist.

    Attributes:
        guard: What decides.
        openings: What may pass without a token, apart from endpoints.
        cookie: Where browsers keep the token, or None.
        rules: None; a path table is for apps that cannot be decorated.
        by_endpoint: Always: it knows endpoints that are marked as public.
    """

    by_endpoint: bool = True

    def __init__(
        self,
        app: Flask | None = None,
        *,
        guard: Guard,
        public: Collection[str] = (),
        anonymous: bool = False,
        preflight: bool = True,
        cookie: str | Cookie | None = None,
        warm_up: bool = True,
        readiness: str | None = None,
    ) -> None:
        """Put *guard* in front of *app*, or later by `init_app`.

        Args:
            app: The app.
            guard: Decides.
            public: Names of endpoints that need no token, for those that cannot
                be decorated with `public` ("static").
            anonymous: Let every request without a token through, with no
                identity. A token that is present must be valid all the same.
            preflight: Let CORS preflights through: OPTIONS with Origin and
                Access-Control-Request-Method.
            cookie: A cookie that brings the token where `Authorization` does not; see
                `jwt_guard.wsgi.GuardMiddleware`.
            warm_up: Fetch the issuers' keys when the app is set up, so that no
                request waits for them. Without a provider it starts all the same.
            readiness: Path of a public route for probes, for example "/ready":
                200 when every issuer has keys, else 503.

        Raises:
            ConfigurationError: *public* is no list of names.
        """
        if isinstance(public, str):
            raise ConfigurationError(f"public is a list of endpoints; write public=[{public!r}]")
        self.guard = guard
        self._public = frozenset(public)
        # By endpoint, not by path: for an audit, which asks `is_public` too.
        self.openings: Openings = Openings.of((), anonymous=anonymous, preflight=preflight)
        self.rules: Rules = Rules.of((), "token")
        self.cookie: Cookie | None = Cookie.of(cookie)
        self._warm_up = warm_up
        self._readiness = readiness
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Guard *app*, ahead of every function registered so far."""

        def is_open(environ: "WSGIEnvironment") -> bool:
            return self._is_open(app, environ)

        def authenticate() -> Response | None:
            environ = request.environ
            described = self.guard.metadata_path is not None
            document = wsgi.metadata_of(environ, self.guard) if described else None
            if document is not None:
                return Response([document.body], document.status, list(document.headers))
            try:
                wsgi.admit(environ, self.guard, is_open, self.cookie)
            except AuthError as error:
                raise refused(error) from error
            return None

        app.before_request_funcs.setdefault(None, []).insert(0, authenticate)
        # An AuthError that a view raised by itself.
        app.register_error_handler(AuthError, refused)
        app.extensions["jwt_guard"] = self
        if self._readiness is not None:
            app.add_url_rule(self._readiness, "jwt_guard_readiness", public(self._probe()))
        if self._warm_up:
            with suppress(KeysUnavailable):
                self.guard.warm_up()

    def _probe(self) -> Callable[[], Response]:
        def probe() -> Response:
            answer = self.guard.readiness()
            return Response(answer.body, answer.status, list(answer.headers))

        return probe

    def _is_open(self, app: Flask, environ: "WSGIEnvironment") -> bool:
        endpoint = request.endpoint
        return (
            self.openings.anonymous
            or (endpoint is not None and self.is_public(app, endpoint))
            or (self.openings.preflight and wsgi.is_preflight(environ))
        )

    def is_public(self, app: Flask, endpoint: str) -> bool:
        """Tell whether *endpoint* needs no token."""
        view = app.view_functions.get(endpoint)
        view_class = getattr(view, "view_class", None)
        return endpoint in self._public or is_public(view) or is_public(view_class)


def requires(*parts: str | Requirement) -> Callable[[_F], _F]:
    """Guard a view by a requirement.

    For functions, sync and async, `View` and `MethodView` classes, methods of
    them, and their `decorators` list; and for a `Blueprint`, all of whose routes it
    then holds for: `requires("reports")(blueprint)`. Several decorators add up.
    Write it below the route decorator.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no guard of
            this library is in front.
    """
    needed = requirement(*parts)

    def check(*_args: object, **_kwargs: object) -> None:
        try:
            wsgi.authorise(request.environ, needed, request.view_args)
        except AuthError as error:
            raise refused(error) from error

    def decorate(view: _F) -> _F:
        if isinstance(view, Blueprint):
            _check_first(view, check)
            require(view, needed)
            return cast("_F", view)
        decorated = guarded(view, check, "dispatch_request")
        require(decorated, needed)
        return decorated

    return decorate


def _check_first(blueprint: Blueprint, check: Callable[..., None]) -> None:
    """Run *check* ahead of the blueprint's own functions, and after the guard's."""
    try:
        blueprint.before_request(check)
    except AssertionError:
        # Flask has copied its functions: ours would never run.
        raise ConfigurationError(
            f"the blueprint {blueprint.name!r} is registered already; say requires(…) before that"
        ) from None
    functions = blueprint.before_request_funcs[None]
    functions.insert(0, functions.pop())


def identity_or_none() -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No guard of this library is in front.
    """
    return wsgi.identity_or_none(request.environ)


current_identity: Identity = cast("Identity", LocalProxy(lambda: wsgi.identity_of(request.environ)))
"""The verified caller of the current request. Where the request came without a
token, through an opening, using it answers 401."""
