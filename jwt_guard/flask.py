"""Flask: the guard after URL matching, `public`, `optional`, `requires`, `current_identity`."""

from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from ._extras import extra

with extra("flask"):
    from flask import Blueprint, Flask, Response, request
    from werkzeug.exceptions import HTTPException, default_exceptions
    from werkzeug.local import LocalProxy

from . import hosts
from ._blueprints import required_by_blueprints
from ._core.guarding import check_registered
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement, both
from ._core.token.identity import Identity
from ._guard import Guard
from ._wsgi import admit, metadata_of
from .errors import AuthError, ConfigurationError, KeysUnavailable
from .hosts import (
    GUARD,
    IDENTITY,
    REFUSALS,
    UNKNOWN,
    Access,
    Admission,
    Answer,
    Endpoint,
    WsgiRequest,
    optional,
    public,
)

__all__ = [
    "FlaskGuard",
    "current_identity",
    "identity_of",
    "identity_or_none",
    "optional",
    "public",
    "requires",
]

_F = TypeVar("_F", bound=Callable[..., Any] | Blueprint)

# RFC 9110 §15.6.
_SERVER_ERROR = 500


def _refused(error: AuthError) -> HTTPException:
    """Log the refusal, and return it as Flask's error handling knows it.

    Without a handler of the app's own it is answered as it is. A handler for its
    status or for HTTPException sees it, with the AuthError as `__cause__`; whatever it
    answers with the same status carries the challenge too.
    """
    environ = request.environ
    guard = hosts.guard_of(environ)
    (path,) = WsgiRequest(environ).paths
    answer = guard.refuse(error, method=request.method, path=path)
    environ[_ANSWER] = answer
    # Without a text of ours, werkzeug would speak of passwords.
    text = error.description or "An access token is needed"
    return default_exceptions[answer.status](text, _response(answer))


_ANSWER = "jwt_guard.answer"
_NONE = Answer(0, (), b"")


def _response(answer: Answer) -> Response:
    # A list, for Response takes the length of bytes, which HEAD has none of.
    return Response([answer.body], answer.status, list(answer.headers))


class FlaskGuard:
    """A guard for all routes of a Flask app, blueprints and static files included.

    It runs after URL matching and before every function of the app's: those of
    `url_value_preprocessor` too. A caller without a valid token learns nothing of
    which routes exist.

    It ends where Flask ends: what replaces or wraps `app.wsgi_app` answers by itself
    (Socket.IO does), and is guarded by a `jwt_guard.wsgi.GuardMiddleware` around it.

    Attributes:
        admission: The guard, and who needs no token.
        by_endpoint: Always: it knows endpoints that are marked as public.
    """

    by_endpoint: bool = True

    def __init__(
        self,
        app: Flask | None = None,
        *,
        guard: Guard,
        public: Collection[str] = (),
        optional: Collection[str] | bool = (),
        preflight: bool | None = None,
        warm_up: bool = True,
        readiness: str | None = None,
    ) -> None:
        """Put *guard* in front of *app*, or later by `init_app`.

        Args:
            app: The app.
            guard: Decides.
            public: Names of endpoints for which nobody is asked for a token, for those
                that cannot be decorated with `public` ("static").
            optional: Names of endpoints that are for callers with a valid token, or
                with none; True for all.
            preflight: Whether CORS preflights (OPTIONS with Origin and
                Access-Control-Request-Method) pass without a token; by default those
                for a route that answers OPTIONS, as Flask's do.
            warm_up: Fetch the issuers' keys when the app is set up, so that no
                request waits for them. Without a provider it starts all the same.
            readiness: Path of a public route for probes, for example "/ready":
                200 when every issuer has keys, else 503.

        Raises:
            ConfigurationError: *public* or *optional* is no list of endpoints; at the
                first request, if the app has no such endpoint.
        """
        every = isinstance(optional, bool) and hosts.flag("optional", optional)
        self._public = _names("public", public)
        self._optional = frozenset[str]() if every else _names("optional", optional or ())
        self.admission: Admission = Admission(guard, preflight=preflight, optional=every)
        self.guard = guard
        self._warm_up = hosts.flag("warm_up", warm_up)
        self._readiness = readiness
        self._checked = 0
        self._classes: dict[str | None, Requirement | None] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Guard *app*, ahead of every function registered so far.

        Raises:
            ConfigurationError: It has a guard already.
        """
        if "jwt_guard" in app.extensions:
            raise ConfigurationError(f"{app.name} has a guard already")

        # What Flask calls first of all. A request without a route has no endpoint.
        app.url_value_preprocessors.setdefault(None, []).insert(0, partial(self._admit, app))
        app.after_request_funcs.setdefault(None, []).append(_answered)
        # An AuthError that a view raised by itself; the app may have a handler of its own.
        handlers = app.error_handler_spec[None][None]
        handlers.setdefault(AuthError, _refused)
        app.extensions["jwt_guard"] = self
        if self._readiness is not None:
            app.add_url_rule(self._readiness, "jwt_guard_readiness", public(self._probe()))
        if self._warm_up:
            with suppress(KeysUnavailable):
                self.guard.warm_up()

    def _admit(self, app: Flask, endpoint: str | None, _values: object) -> None:
        """Let the request in, or raise the answer."""
        environ = request.environ
        environ[IDENTITY] = None
        environ[GUARD] = self.guard
        environ[REFUSALS] = []
        if self._checked != len(app.view_functions):
            self._check(app)
        if self.guard.metadata_path is not None:
            document = metadata_of(environ, self.guard)
            if document is not None:
                raise HTTPException(response=_response(document))
        try:
            admit(environ, self.admission, lambda: self.endpoint(app, endpoint))
            # What the class of a view requires, whatever a subclass overrides.
            needed = self._classes.get(endpoint)
            if needed is not None:
                hosts.authorise(environ, needed, request.view_args)
        except AuthError as error:
            raise _refused(error) from error

    def _check(self, app: Flask) -> None:
        """Raise if what is declared about endpoints is not what there is.

        Raises:
            ConfigurationError: An endpoint that nobody has, or a requirement that is
                never asked.
        """
        names = self._public | self._optional
        unknown = sorted(names - app.view_functions.keys())
        if unknown:
            raise ConfigurationError(
                f"public= and optional= name endpoints, as url_for does; {app.name} has none that "
                f"is called {unknown[0]!r}, but {', '.join(sorted(app.view_functions))}"
            )
        classes = {
            name: getattr(view, "view_class", None) for name, view in app.view_functions.items()
        }
        check_registered([*app.view_functions.values(), *classes.values()])
        self._classes = {name: hosts.required_of(view) for name, view in classes.items()}
        self._checked = len(app.view_functions)

    def _probe(self) -> Callable[[], Response]:
        def probe() -> Response:
            return _response(self.guard.readiness())

        return probe

    def readings(
        self, path: str, root: str = "", _method: str = "", _host: str = "", /
    ) -> tuple[str, ...]:
        """Return what is decided on for a path, where *root* has been taken off; for audits."""
        return (hosts.below(path, root),)

    def endpoint(self, app: Flask, name: str | None) -> Endpoint:
        """Return what is known of the endpoint *name*; also for an audit."""
        view = None if name is None else app.view_functions.get(name)
        if name is None or view is None:
            return UNKNOWN
        view_class: object = getattr(view, "view_class", None)
        named = Access.PUBLIC if name in self._public else Access.GUARDED
        named = Access.OPTIONAL if name in self._optional else named
        access = max(named, hosts.accessible(view), hosts.accessible(view_class))
        needed = required_by_blueprints(app, name)
        for one in (view, view_class):
            needed = both(needed, hosts.required_of(one))
        rules = app.url_map.iter_rules(name)
        options = any("OPTIONS" in (rule.methods or ()) for rule in rules)
        return Endpoint(access, needed, request.view_args or {} if request else {}, options)


def _names(option: str, names: object) -> frozenset[str]:
    if isinstance(names, str) or not isinstance(names, Collection):
        raise ConfigurationError(
            f"{option} is a list of endpoints, for example {option}=[{names!r}]"
        )
    members = cast("Collection[object]", names)
    if not all(isinstance(name, str) for name in members):
        raise ConfigurationError(f"{option} is a list of endpoints, not {names!r}")
    paths = [name for name in members if str(name).startswith("/")]
    if paths:
        raise ConfigurationError(
            f"{option} names endpoints, as url_for does, not paths such as {paths[0]!r}"
        )
    return frozenset(map(str, members))


def _answered(response: Response) -> Response:
    """Return *response*, with the challenge of the refusal that it stands for.

    A handler for HTTPException or Exception may have written another body, and lost
    the header fields; or taken the refusal for a failure.
    """
    environ = request.environ
    answer: Answer = environ.get(_ANSWER, _NONE)
    if answer is _NONE:
        refusals: list[AuthError] = environ.get(REFUSALS, [])
        if not refusals or response.status_code < _SERVER_ERROR:
            return response
        _refused(refusals[-1])
        answer = environ[_ANSWER]
    if response.status_code >= _SERVER_ERROR > answer.status:
        return _response(answer)
    if response.status_code == answer.status:
        for name, value in answer.headers:
            if name in ("WWW-Authenticate", "Cache-Control", "Retry-After"):
                response.headers.setdefault(name, value)
    return response


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
        identity: Identity | None = request.environ.get(IDENTITY)
        try:
            if identity is None or needed.conditional:
                hosts.authorise(request.environ, needed, request.view_args)
            else:
                needed.require(identity)
        except AuthError as error:
            raise _refused(error) from error

    def decorate(view: _F) -> _F:
        if isinstance(view, Blueprint):
            _check_first(view, check)
            hosts.require(view, needed)
            return cast("_F", view)
        decorated = hosts.guarded(view, check, "dispatch_request")
        hosts.require(decorated, needed)
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


def identity_of() -> Identity:
    """Return the verified caller of the current request.

    Raises:
        HTTPException: 401: the request came without a token, through an opening.
        ConfigurationError: No guard of this library is in front.
    """
    try:
        return hosts.identity_of(request.environ)
    except AuthError as error:
        raise _refused(error) from error


def identity_or_none() -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No guard of this library is in front.
    """
    return hosts.identity_or_none(request.environ)


current_identity: Identity = cast("Identity", LocalProxy(identity_of))
"""The verified caller of the current request. Where the request came without a
token, through an opening, using it answers 401."""
