"""PEP 3333: the guard in front of any WSGI app; imports no framework."""

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, Unpack

from . import hosts
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.token.identity import Identity
from ._guard import Guard
from ._wsgi import admit, metadata_of, refuse, respond
from .errors import AuthError
from .hosts import (
    GUARD,
    IDENTITY,
    REFUSALS,
    Admission,
    Opened,
    WsgiRequest,
    identity_of,
    identity_or_none,
)

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = [
    "GuardMiddleware",
    "Readiness",
    "RequirementMiddleware",
    "identity_of",
    "identity_or_none",
    "requires",
]

# RFC 9110 §15.6.
_SERVER_ERROR = "5"


class GuardMiddleware:
    """A WSGI app that refuses everybody without a valid token.

    The app behind finds the caller as `environ["jwt_guard.identity"]`, and for
    access logs in `AUTH_TYPE` and `REMOTE_USER` (percent-encoded UTF-8).

    Attributes:
        app: The app behind it.
        admission: The guard, and who needs no token.
        by_endpoint: Never: it knows no endpoints that are marked as public.
    """

    by_endpoint: bool = False

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        guard: Guard,
        prefix: str = "",
        **opened: Unpack[Opened],
    ) -> None:
        """Put *guard* in front of *app*.

        Args:
            app: Any WSGI app.
            guard: Decides.
            prefix: What the app behind takes off `PATH_INFO` before it routes.
            opened: Who needs no token: `public`, `optional`, `preflight`, `rules`,
                `unmatched`; see `jwt_guard.hosts.Opened`.

        Raises:
            ConfigurationError: A path is not an absolute, plain one; a rule is none; an
                option is not of its type.
        """
        self.app = app
        self.admission: Admission = Admission(guard, **opened)
        self._guard = guard
        self._prefix = hosts.check_prefix(prefix)
        self._described = guard.metadata_path is not None

    def readings(
        self, path: str, root: str = "", _method: str = "", _host: str = "", /
    ) -> tuple[str, ...]:
        """Return what is decided on for a path, where *root* has been taken off; for audits."""
        path_info = hosts.below(path, root).encode().decode("latin-1")
        return WsgiRequest({"PATH_INFO": path_info}, None, self._prefix).paths

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer, or let the app answer."""
        document = metadata_of(environ, self._guard) if self._described else None
        if document is not None:
            return respond(document, start_response)
        answering = _Answering()
        answering.start_response = start_response
        answering.refusals = environ[REFUSALS] = []
        answering.begun = answering.replaced = False
        try:
            admit(environ, self.admission, None, self._prefix)
        except AuthError as error:
            return refuse(self._guard, error, environ, start_response)
        try:
            body = self.app(environ, answering.note)
            if not (answering.begun or answering.replaced):
                # A generator, or the like: it begins when it is asked for its first chunk.
                body = _Begun(body)
        except AuthError as error:
            # exc_info lets the server drop what the app had started before it raised.
            exc_info = sys.exc_info()

            def restart(status: str, headers: list[tuple[str, str]]) -> object:
                return start_response(status, headers, exc_info)

            return refuse(self._guard, error, environ, restart)
        if answering.replaced and not answering.begun:
            getattr(body, "close", lambda: None)()
            return refuse(self._guard, answering.refusals[-1], environ, start_response)
        return body


class _Answering:
    """The answering of one request, as far as what the app starts tells.

    Its maker fills it in: an `__init__` would be one call more for every request.

    Attributes:
        start_response: The server's.
        refusals: Those that were noted behind.
        begun: Whether the app's response has begun.
        replaced: Whether a refusal is to be sent in its place.
    """

    __slots__ = ("begun", "refusals", "replaced", "start_response")

    start_response: "StartResponse"
    refusals: list[AuthError]
    begun: bool
    replaced: bool

    def note(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:  # noqa: ANN401  PEP 3333's
        """Start the app's response.

        What a framework made of one of the refusals, and calls its own failure, is the
        refusal all the same.
        """
        if self.refusals and status[:1] == _SERVER_ERROR:
            self.replaced = True
            return _nowhere
        self.begun = True
        start_response = self.start_response
        return (
            start_response(status, headers, exc_info)
            if exc_info
            else start_response(status, headers)
        )


def _nowhere(_data: bytes) -> None:
    """Write nothing: the refusal is sent instead."""


class _Begun:
    """A body whose first chunk has been asked for; closed as it would be."""

    def __init__(self, body: Iterable[bytes]) -> None:
        """Ask *body* for its first chunk, which makes it start the response."""
        chunks = iter(body)
        self.close: Callable[[], object] = getattr(body, "close", lambda: None)
        try:
            self._chunks: Iterator[bytes] = chain((next(chunks),), chunks)
        except StopIteration:
            self._chunks = iter(())

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._chunks)


class Readiness:
    """A WSGI app for probes: 200 when every issuer has keys, else 503.

    The body is `{"ready": true}` or false; what is wrong is in `Guard.health`.
    """

    def __init__(self, guard: Guard) -> None:
        """Report on *guard*."""
        self._guard = guard

    def __call__(
        self, _environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, whatever its path and method."""
        return respond(self._guard.readiness(), start_response)


def requires(*parts: str | Requirement) -> Callable[["WSGIApplication"], "WSGIApplication"]:
    """Guard a WSGI app, behind a `GuardMiddleware`, by a requirement.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no middleware
            of this library is in front.
    """
    needed = requirement(*parts)
    return lambda app: RequirementMiddleware(app, requires=needed)


class RequirementMiddleware:
    """A WSGI app that asks for a requirement, behind a `GuardMiddleware`.

    Attributes:
        app: The app behind it.
        needed: What is required.
    """

    def __init__(self, app: "WSGIApplication", *, requires: str | Requirement) -> None:
        """Require a scope value, or an expression, in front of *app*."""
        self.app = app
        self.needed: Requirement = requirement(requires)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Refuse, or let the app answer."""
        identity: Identity | None = environ.get(IDENTITY)
        try:
            if identity is None or self.needed.conditional:
                hosts.authorise(environ, self.needed)
            else:
                self.needed.require(identity)
        except AuthError as error:
            return refuse(environ[GUARD], error, environ, start_response)
        return self.app(environ, start_response)
