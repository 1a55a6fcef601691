"""PEP 3333: the guard in front of any WSGI app; imports no framework."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ._core.answer import Answer
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.request.cookie import Cookie
from ._core.request.paths import Openings
from ._core.request.table import Rule, Rules, Unmatched
from ._core.token.identity import Identity
from ._guard import Guard
from .errors import AuthError, ConfigurationError, CrossSite, MissingToken

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["GuardMiddleware", "Readiness", "identity_of", "identity_or_none", "requires"]

IDENTITY = "jwt_guard.identity"
GUARD = "jwt_guard.guard"

# REMOTE_USER ends in access logs: a subject must not break their lines or fields.
_PLAIN_IN_LOGS = "!#$&'()*+,/:;=?@[]|~^{}"


class GuardMiddleware:
    """A WSGI app that refuses everybody without a valid token.

    The app behind finds the caller as `environ["jwt_guard.identity"]`, and for
    access logs in `AUTH_TYPE` and `REMOTE_USER` (percent-encoded UTF-8).

    Attributes:
        app: The app behind it.
        guard: What decides.
        openings: What may pass without a token.
        rules: The table of paths.
        cookie: Where browsers keep the token, or None.
        by_endpoint: Never: it knows no endpoints that are marked as public.
    """

    by_endpoint: bool = False

    def __init__(
        self,
        app: "WSGIApplication",
        *,
        guard: Guard,
        public: Iterable[str] = (),
        anonymous: bool = False,
        preflight: bool = True,
        rules: Iterable[Rule] = (),
        unmatched: Unmatched = "token",
        cookie: str | Cookie | None = None,
    ) -> None:
        """Put *guard* in front of *app*.

        Args:
            app: Any WSGI app.
            guard: Decides.
            public: Paths that need no token, by whole segments of `PATH_INFO`:
                "/health"; "*" is one segment, at the end one or more ("/docs/*").
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

        Raises:
            ConfigurationError: A public path is not an absolute, plain one; a rule is
                none.
        """
        self.app = app
        self.guard = guard
        self.openings: Openings = Openings.of(public, anonymous=anonymous, preflight=preflight)
        self.rules: Rules = Rules.of(rules, unmatched)
        self.cookie: Cookie | None = Cookie.of(cookie)
        self._ruled = bool(self.rules)
        self._described = guard.metadata_path is not None

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer, or let the app answer."""
        document = metadata_of(environ, self.guard) if self._described else None
        if document is not None:
            start_response(document.status_line, list(document.headers))
            return [document.body] if document.body else []
        try:
            admit(environ, self.guard, self._is_open, self.cookie)
            if self._ruled:
                self._check_rules(environ)
        except AuthError as error:
            return refuse(self.guard, error, environ, start_response)
        try:
            return self.app(environ, start_response)
        except AuthError as error:
            # exc_info lets the server drop what the app had started before it raised.
            exc_info = sys.exc_info()

            def restart(status: str, headers: list[tuple[str, str]]) -> object:
                return start_response(status, headers, exc_info)

            return refuse(self.guard, error, environ, restart)

    def _is_open(self, environ: "WSGIEnvironment") -> bool:
        path, raw_path = path_of(environ), raw_path_of(environ)
        return (
            self.openings.admit(path, raw_path)
            or self.rules.admit(method_of(environ), path, raw_path)
            or self._is_preflight(environ)
        )

    def _is_preflight(self, environ: "WSGIEnvironment") -> bool:
        return self.openings.preflight and is_preflight(environ)

    def _check_rules(self, environ: "WSGIEnvironment") -> None:
        identity = identity_or_none(environ)
        if identity is None and self._is_preflight(environ):
            return
        self.rules.check(
            identity,
            method_of(environ),
            path_of(environ),
            raw_path_of(environ),
            self.guard.authorise,
        )


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
        answer = self._guard.readiness()
        start_response(answer.status_line, list(answer.headers))
        return [answer.body]


def requires(*parts: str | Requirement) -> Callable[["WSGIApplication"], "WSGIApplication"]:
    """Guard a WSGI app, behind a `GuardMiddleware`, by a requirement.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no middleware
            of this library is in front.
    """
    needed = requirement(*parts)

    def decorate(app: "WSGIApplication") -> "WSGIApplication":
        def guarded(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            try:
                authorise(environ, needed)
            except AuthError as error:
                return refuse(environ[GUARD], error, environ, start_response)
            return app(environ, start_response)

        return guarded

    return decorate


def authorise(
    environ: "WSGIEnvironment", needed: Requirement, params: Mapping[str, object] | None = None
) -> Identity:
    """Return the verified caller if it satisfies *needed*, or raise the refusal."""
    identity: Identity = environ.get(IDENTITY) or identity_of(environ)
    if needed.conditional:
        guard: Guard = environ[GUARD]
        guard.authorise(identity, needed, params)
    else:
        needed.check(identity)
    return identity


def identity_of(environ: "WSGIEnvironment") -> Identity:
    """Return the verified caller.

    Raises:
        MissingToken: The request came without a token, through an opening.
        ConfigurationError: No middleware of this library is in front.
    """
    identity = identity_or_none(environ)
    if identity is None:
        raise MissingToken
    return identity


def identity_or_none(environ: "WSGIEnvironment") -> Identity | None:
    """Return the verified caller, or None where none was asked for.

    Raises:
        ConfigurationError: No middleware of this library is in front.
    """
    try:
        identity: Identity | None = environ[IDENTITY]
    except KeyError:
        raise ConfigurationError(
            "no guard is in front of this app; wrap it: GuardMiddleware(app, guard=guard)"
        ) from None
    return identity


def admit(
    environ: "WSGIEnvironment",
    guard: Guard,
    is_open: "Callable[[WSGIEnvironment], bool]",
    cookie: Cookie | None = None,
) -> None:
    """Put the caller into *environ*, or raise the refusal."""
    environ[GUARD] = guard
    values = _values(environ, "HTTP_AUTHORIZATION")
    by_cookie = False
    try:
        if cookie is not None:
            by_cookie = cookie.add(values, method_of(environ), fields_of(environ))
        found = guard.begin(values)
        identity = found if isinstance(found, Identity) else found.finish()
    except AuthError as error:
        # A browser sends its cookie unasked: where nobody needs a token, a bad one in a
        # cookie must not close the way to the login page.
        absent = by_cookie or isinstance(error, MissingToken | CrossSite)
        if not absent or not is_open(environ):
            raise
        environ[IDENTITY] = None
    else:
        environ[IDENTITY] = identity
        environ["AUTH_TYPE"] = "Bearer"
        # "" rather than a name that another layer may have put there.
        environ["REMOTE_USER"] = _in_logs(identity.subject or "")


def fields_of(environ: "WSGIEnvironment") -> Callable[[str], Sequence[bytes]]:
    """Return what looks up header fields by their names in small letters."""
    return lambda name: _values(environ, "HTTP_" + name.upper().replace("-", "_"))


def _values(environ: "WSGIEnvironment", variable: str) -> list[bytes]:
    value: str | None = environ.get(variable)
    # Servers decode as latin-1; "?" for what is not stands in no credentials.
    return [] if value is None else [value.encode("latin-1", "replace")]


@lru_cache(maxsize=1024)
def _in_logs(subject: str) -> str:
    return quote(subject, safe=_PLAIN_IN_LOGS)


def refuse(
    guard: Guard,
    error: AuthError,
    environ: "WSGIEnvironment",
    start_response: Callable[[str, list[tuple[str, str]]], object],
) -> Iterable[bytes]:
    """Send the challenge."""
    challenge = guard.refuse(error, method=method_of(environ), path=path_of(environ))
    start_response(challenge.status_line, list(challenge.headers))
    return [challenge.body] if challenge.body else []


def metadata_of(environ: "WSGIEnvironment", guard: Guard) -> Answer | None:
    """Return the resource's metadata if the request asks for it."""
    path = environ.get("SCRIPT_NAME", "") + path_of(environ)
    return guard.metadata(method_of(environ)) if path == guard.metadata_path else None


def method_of(environ: "WSGIEnvironment") -> str:
    """Return the request's method."""
    return str(environ["REQUEST_METHOD"])


def path_of(environ: "WSGIEnvironment") -> str:
    """Return the path that routers match: `PATH_INFO`, as UTF-8."""
    path: Any = environ.get("PATH_INFO", "")
    return str(path).encode("latin-1", "replace").decode("utf-8", "replace")


def raw_path_of(environ: "WSGIEnvironment") -> bytes | None:
    """Return the path as it was sent, from the servers that tell (no part of PEP 3333)."""
    target: Any = environ.get("RAW_URI", environ.get("REQUEST_URI"))
    return None if target is None else str(target).partition("?")[0].encode("latin-1", "replace")


def is_preflight(environ: "WSGIEnvironment") -> bool:
    """Tell a CORS preflight (Fetch §3.2.2) from other requests."""
    return (
        environ["REQUEST_METHOD"] == "OPTIONS"
        and "HTTP_ORIGIN" in environ
        and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
    )
