"""PEP 3333: how the caller gets into an environ, and an answer out of the guard."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from ._core.token.identity import Identity
from ._guard import Guard
from .errors import AuthError
from .hosts import (
    GUARD,
    IDENTITY,
    Admission,
    Answer,
    Endpoint,
    Pause,
    Store,
    WsgiRequest,
)

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

# REMOTE_USER ends in access logs: a subject must not break their lines or fields.
_PLAIN_IN_LOGS = "!#$&'()*+,/:;=?@[]|~^{}"


def admit(
    environ: Store,
    admission: Admission,
    endpoint: Callable[[], Endpoint] | None = None,
    prefix: str = "",
) -> Identity | None:
    """Put the caller into *environ*, for access logs too, and return it.

    Raises:
        AuthError: The refusal.
    """
    environ[GUARD] = admission.guard
    # On every path, refusals included: an outer guard's caller is not ours.
    environ[IDENTITY] = None
    recall = admission.recall
    value: str | None = environ.get("HTTP_AUTHORIZATION")
    values = () if value is None else (value.encode("latin-1", "replace"),)
    found = None if recall is None else recall(values)
    if found is None:
        admitted = admission.admit(WsgiRequest(environ, endpoint, prefix, values))
        found = admitted.finish() if isinstance(admitted, Pause) else admitted
    if found is None:
        return None
    identity: Identity = found.identity
    environ[IDENTITY] = identity
    environ["AUTH_TYPE"] = "Bearer"
    # "" rather than a name that another layer may have put there.
    environ["REMOTE_USER"] = _in_logs(identity.subject or "")
    return identity


@lru_cache(maxsize=1024)
def _in_logs(subject: str) -> str:
    return quote(subject, safe=_PLAIN_IN_LOGS)


def refuse(
    guard: Guard,
    error: AuthError,
    environ: "WSGIEnvironment",
    start_response: Callable[[str, list[tuple[str, str]]], object],
) -> Iterable[bytes]:
    """Send the answer to *error*."""
    (path,) = WsgiRequest(environ).paths
    answer = guard.refuse(error, method=environ["REQUEST_METHOD"], path=path)
    return respond(answer, start_response)


def respond(
    answer: Answer, start_response: Callable[[str, list[tuple[str, str]]], object]
) -> Iterable[bytes]:
    """Send *answer*."""
    start_response(answer.status_line, list(answer.headers))
    return [answer.body] if answer.body else []


def metadata_of(environ: "WSGIEnvironment", guard: Guard) -> Answer | None:
    """Return the resource's metadata if the request asks for it."""
    (path,) = WsgiRequest(environ).paths
    whole = environ.get("SCRIPT_NAME", "") + path
    return guard.metadata(environ["REQUEST_METHOD"]) if whole == guard.metadata_path else None
