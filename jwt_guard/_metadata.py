"""RFC 9728 §2, §3: what a protected resource says of itself.

The address is configured, never derived from a request: `Host` is the client's.
"""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import TypeAlias, cast
from urllib.parse import SplitResult, unquote, urlsplit

from ._core.answer import Answer
from .errors import ConfigurationError

_log = logging.getLogger("jwt_guard")

Scopes: TypeAlias = Collection[str] | Callable[[], Collection[str]]

_WELL_KNOWN = "/.well-known/oauth-protected-resource"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

# URI = 1*( unreserved / reserved / pct-encoded ), which can stand in a header  (RFC 3986 §2)
_URI = re.compile(r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )                        (RFC 6749 §3.3)
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True, slots=True)
class Resource:
    """This API as clients know it, and what it says of itself (RFC 9728 §2).

    Attributes:
        url: The https URL of the API, which is its resource identifier (http is for
            this machine alone).
        name: What people call it.
        documentation: The URL of a page for developers.
        policy: The URL of a page on how clients may use the data.
        terms: The URL of a page with the terms of service.
        scopes: The scope values that are of use here; or a function that returns
            them, asked when they are: `lambda: audit(app).scopes`.

    Raises:
        ConfigurationError: At construction: no such URL, name or scope.
    """

    url: str
    _: KW_ONLY
    name: str | None = None
    documentation: str | None = None
    policy: str | None = None
    terms: str | None = None
    scopes: Scopes = field(default=(), hash=False)

    def __post_init__(self) -> None:
        """Check the configuration."""
        parts = _split(self.url)
        if parts is None or "?" in self.url or "#" in self.url:
            raise ConfigurationError(
                f"resource is the https URL of this API, in ASCII and without ? and #; "
                f"not {self.url!r}"
            )
        pages = {
            "documentation": self.documentation,
            "policy": self.policy,
            "terms": self.terms,
        }
        for option, page in pages.items():
            if page is not None and _split(page) is None:
                raise ConfigurationError(f"{option} is the https URL of a page, not {page!r}")
        if self.name is not None and not _is_name(self.name):
            raise ConfigurationError(f"name is what people call this API, not {self.name!r}")
        if not callable(self.scopes) and not _are_scopes(self.scopes):
            raise ConfigurationError(
                f"scopes is a list of scope values like ['reports:read'], not {self.scopes!r}"
            )

    def find_scopes(self) -> list[str]:
        """Return the scope values, sorted; none, and a log record, where the function fails."""
        try:
            found = self.scopes() if callable(self.scopes) else self.scopes
        except Exception:  # noqa: BLE001  the operator's function; its failure must not be a 500
            _log.exception("the function scopes= failed; the metadata lists none")
            return []
        if not _are_scopes(found):
            _log.error("the function scopes= returned no list of scope values; none are listed")
            return []
        return sorted({*found})


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the document is, and what is in it apart from the scopes.

    Attributes:
        resource: What it describes.
        url: Where a client finds it (RFC 9728 §3.1).
        path: The path of that URL, decoded as routers see it.
    """

    resource: Resource
    url: str
    path: str
    _members: Mapping[str, object] = field(repr=False)

    def matches(self, paths: Iterable[str]) -> bool:
        """Whether one of a request's *paths*, whole and decoded, is that of the document.

        A server that is told of a prefix (`uvicorn --root-path`) puts it before every
        path, so there are two to ask about: with the prefix and without it.
        """
        return self.path in paths

    def answer(self) -> Answer:
        """Return the document, ready to be sent."""
        members = {**self._members, "scopes_supported": self.resource.find_scopes()}
        # What has no members is left out (RFC 9728 §3.2).
        body = json.dumps({name: said for name, said in members.items() if said}).encode()
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "max-age=3600"),
            # Clients in browsers, of any origin, find out here where to log in.
            ("Access-Control-Allow-Origin", "*"),
            # They send fields of their protocols, and so ask before (OPTIONS).
            ("Access-Control-Allow-Methods", "GET"),
            ("Access-Control-Allow-Headers", "*"),
        )
        return Answer(200, headers, body)


def describe(
    resource: Resource | str, issuers: Iterable[str], methods: Iterable[str] = ("header",)
) -> Metadata:
    """Return the metadata of *resource*.

    Args:
        resource: This API; its URL alone will do.
        issuers: Names of issuers; those that are URLs are authorization servers.
        methods: Where bearer tokens may be: `header`, `body`, `query` (RFC 6750 §2).

    Raises:
        ConfigurationError: No such URL.
    """
    if not isinstance(resource, Resource):
        resource = Resource(resource)
    parts = urlsplit(resource.url)
    # Of slashes the one behind the host alone is left out (RFC 9728 §3.1).
    path = _WELL_KNOWN + ("" if parts.path == "/" else parts.path)
    members: dict[str, object] = {
        "resource": resource.url,
        "authorization_servers": [
            name for name in issuers if name.startswith(("https://", "http://"))
        ],
        "bearer_methods_supported": [*methods],
        "resource_name": resource.name,
        "resource_documentation": resource.documentation,
        "resource_policy_uri": resource.policy,
        "resource_tos_uri": resource.terms,
    }
    return Metadata(resource, f"{parts.scheme}://{parts.netloc}{path}", unquote(path), members)


def _split(url: object) -> SplitResult | None:
    """Return the parts of an https URL, or of an http one of this machine, else None."""
    if not isinstance(url, str) or not _URI.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        # Reading it is what checks it.
        _ = parts.port
    except ValueError:
        return None
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return parts if secure and parts.hostname and "@" not in parts.netloc else None


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _are_scopes(values: object) -> bool:
    """Whether *values* is a re-iterable collection of scope values."""
    if not isinstance(values, Collection) or isinstance(values, str | bytes):
        return False
    members = cast("Collection[object]", values)
    return all(isinstance(one, str) and _SCOPE.fullmatch(one) for one in members)
