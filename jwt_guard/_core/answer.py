"""RFC 6750 §3, RFC 9110 §11.6.1, RFC 9457, RFC 9470 §3: AuthError -> the answer.

The core decides *and renders*, so that every framework answers with the same
octets. Only constants of ours and configured names get into an answer.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from ..errors import AuthError, ConfigurationError

MEDIA_TYPE = "application/problem+json"

# Hook for another body: (error) -> (media type, octets). Status and challenge stay.
RenderBody = Callable[[AuthError], tuple[str, bytes]]

# quoted-string content that needs no obs-text                   (RFC 9110 §5.6.4)
_QUOTABLE = re.compile(r"[\t\x20-\x7e]*")
_ESCAPED = re.compile(r'(["\\])')
# A field value without control characters                         (RFC 9110 §5.5)
_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the guard's own, ready to be sent.

    Attributes:
        status: HTTP status code.
        headers: Field names and values, in order; latin-1 text.
        body: Octets; the Content-Length is among the headers.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def status_line(self) -> str:
        """The code and its phrase, as WSGI wants them."""
        return f"{self.status} {HTTPStatus(self.status).phrase}"


def quoted(value: str) -> str:
    """Return *value* as a quoted-string (RFC 9110 §5.6.4).

    Raises:
        ConfigurationError: It has characters that no quoted-string should carry.
    """
    if not isinstance(value, str) or not _QUOTABLE.fullmatch(value):
        raise ConfigurationError(f"{value!r} cannot stand in a header; use printable ASCII")
    return '"' + _ESCAPED.sub(r"\\\1", value) + '"'


def problem(error: AuthError) -> tuple[str, bytes]:
    """Return the default body: RFC 9457 with `error` beside title and status."""
    members: dict[str, object] = {
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
    }
    if error.error is not None:
        members["error"] = error.error
    if error.description is not None:
        members["detail"] = error.description
    return MEDIA_TYPE, json.dumps(members).encode()


def render(
    error: AuthError, *, realm: str, body: tuple[str, bytes], metadata: str | None = None
) -> Answer:
    """Return the answer to *error*.

    Args:
        error: What was raised.
        realm: The protection space (RFC 9110 §11.5).
        body: Media type and octets.
        metadata: Where the resource's metadata is (RFC 9728 §5.1), or None.

    Raises:
        ValueError: *body* is not a media type and octets.
    """
    media_type, octets = body
    if not _FIELD_VALUE.fullmatch(media_type) or not isinstance(octets, bytes):
        raise ValueError("the body hook returns (media type, bytes)")
    headers = [
        ("Content-Type", media_type),
        ("Content-Length", str(len(octets))),
        ("Cache-Control", "no-store"),
    ]
    headers += error.fields()
    if error.scheme is not None:
        pairs = [("realm", realm), *error.parameters()]
        if metadata is not None:
            pairs.append(("resource_metadata", metadata))
        parameters = ", ".join(f"{name}={quoted(value)}" for name, value in pairs)
        headers.append(("WWW-Authenticate", f"{error.scheme} {parameters}"))
    return Answer(error.status, tuple(headers), octets)
