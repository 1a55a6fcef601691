"""RFC 3986: which addresses are asked for keys, and what is shown of them."""

from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ..errors import ConfigurationError


def check_url(
    url: object, *, allow_http: Collection[str] = (), loopback: bool = True
) -> SplitResult:
    """Return the parts of *url* if it is https, or http to where that is safe.

    Args:
        url: What was configured, or found.
        allow_http: Hosts that may be asked by http.
        loopback: Whether this machine may be asked by http.

    Raises:
        ConfigurationError: It is something else.
    """
    with suppress(ValueError):
        parts = urlsplit(url) if isinstance(url, str) and url.isprintable() else None
        if parts is not None and _may_ask(parts, allow_http, loopback=loopback):
            return parts
    raise ConfigurationError(
        f"{shown(url)!r} is no URL to fetch keys from; it starts with https:// (http:// only for "
        f'this machine itself, and for hosts that HttpFetcher(allow_http=["…"]) names)'
    )


def _may_ask(parts: SplitResult, allow_http: Collection[str], *, loopback: bool) -> bool:
    host = parts.hostname
    # The port is read to see that it is one.
    if not host or parts.username is not None or parts.fragment or parts.port == 0:
        return False
    plain = (loopback and is_loopback(host)) or host in allow_http
    return " " not in parts.geturl() and parts.scheme in ({"https", "http"} if plain else {"https"})


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


def shown(url: object) -> str:
    """Return *url* for a message: without user, password and query, which may be secret."""
    text, asked, _ = str(url).partition("?")
    scheme, separator, rest = text.partition("://")
    authority, slash, path = rest.partition("/")
    place = f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
    return f"{place}?…" if asked else place


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
