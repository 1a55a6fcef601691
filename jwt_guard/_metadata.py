"""RFC 9728 §2, §3: what a protected resource says of itself.

The address is configured, never derived from a request: `Host` is the client's.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from ._core.answer import Answer
from .errors import ConfigurationError

_WELL_KNOWN = "/.well-known/oauth-protected-resource"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where the document is, and what is in it apart from the scopes.

    Attributes:
        resource: The resource identifier, a URL.
        url: Where a client finds the document (RFC 9728 §3.1).
        path: The path of that URL.
        issuers: The authorization servers, those that are named by a URL.
    """

    resource: str
    url: str
    path: str
    issuers: tuple[str, ...]

    @classmethod
    def of(cls, resource: str, issuers: Collection[str]) -> "Metadata":
        """Derive the address from the resource's.

        Raises:
            ConfigurationError: No https URL without query and fragment (http is
                for this machine alone).
        """
        parts = urlsplit(resource) if isinstance(resource, str) else urlsplit("")
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        if not secure or not parts.hostname or "?" in resource or "#" in resource:
            raise ConfigurationError(
                f"resource is the https URL of this API, without ? and #; not {resource!r}"
            )
        # Of slashes the one behind the host alone is left out (RFC 9728 §3.1).
        path = _WELL_KNOWN + ("" if parts.path == "/" else parts.path)
        urls = tuple(name for name in issuers if name.startswith(("https://", "http://")))
        return cls(resource, f"{parts.scheme}://{parts.netloc}{path}", path, urls)

    def answer(self, scopes: Collection[str]) -> Answer:
        """Return the document with the *scopes* that are supported, ready to be sent."""
        lists = {
            "authorization_servers": list(self.issuers),
            "bearer_methods_supported": ["header"],
            "scopes_supported": sorted(scopes),
        }
        # What has no members is left out (RFC 9728 §3.2).
        named = {name: members for name, members in lists.items() if members}
        body = json.dumps({"resource": self.resource, **named}).encode()
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
