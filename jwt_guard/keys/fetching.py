"""RFC 9110, RFC 9111: one document by HTTPS, bounded in every direction."""

import socket
import ssl
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from threading import Timer
from typing import Protocol, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
import urllib3.connection

from ..errors import ConfigurationError

# A provider answers in well under a second; what takes longer than this is down.
_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
# The largest sets seen in the wild are near 30 KB.
_MAX_BYTES = 512 * 1024
# More digits of max-age are centuries, which are capped at a day anyway.
_MAX_AGE_DIGITS = 10


class FetchError(Exception):
    """No document came; the text says why, for the log and `health()`."""


@dataclass(frozen=True, slots=True)
class Document:
    """What a fetch brought.

    Attributes:
        body: The octets, or None where the one known is still current (304).
        etag: Validator for the next fetch (RFC 9110 §8.8.3), or None.
        max_age: Lifetime that Cache-Control gives, in seconds, or None.
    """

    body: bytes | None
    etag: str | None = None
    max_age: float | None = None


class Fetcher(Protocol):
    """Gets documents; called on a worker thread, never on an event loop."""

    def fetch(self, url: str, etag: str | None) -> Document:
        """Return the document at *url*, or that *etag* is still current.

        Raises:
            FetchError: It could not be had.
        """
        ...


def check_url(url: object) -> str:
    """Return *url* if it is https, or http to this machine.

    Raises:
        ConfigurationError: It is something else.
    """
    parts = urlsplit(url) if isinstance(url, str) else None
    if (
        parts is not None
        and parts.hostname
        and parts.username is None
        and not parts.fragment
        and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname)))
    ):
        return str(url)
    raise ConfigurationError(
        f"{url!r} is no URL to fetch keys from; it starts with https:// "
        f"(http:// only for this machine itself)"
    )


def _is_loopback(host: str) -> bool:
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


class HttpFetcher:
    """Fetches by HTTPS: no redirects, bounded in time and size.

    Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`).
    """

    def __init__(
        self,
        *,
        ca_file: str | None = None,
        headers: Mapping[str, str] | None = None,
        connect_seconds: float = _CONNECT_SECONDS,
        total_seconds: float = _TOTAL_SECONDS,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        """Make a fetcher.

        Args:
            ca_file: PEM file of the authorities to trust instead of the system's.
            headers: Fields to send along, for example an API key.
            connect_seconds: Time limit of connecting.
            total_seconds: Time limit of the whole fetch, however slowly it drips.
            max_bytes: Longest body that is read.

        Raises:
            ConfigurationError: *ca_file* cannot be read.
        """
        try:
            self._tls = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the authorities in {ca_file!r}: {error.strerror or error}"
            ) from None
        self._headers = {
            "Accept": "application/jwk-set+json, application/json",
            "User-Agent": "jwt-guard",
            **(headers or {}),
        }
        self._connect_seconds = connect_seconds
        self._total_seconds = total_seconds
        self._max_bytes = max_bytes

    def fetch(self, url: str, etag: str | None) -> Document:
        """Return the document at *url*; see `Fetcher`."""
        check_url(url)
        headers = self._headers if etag is None else self._headers | {"If-None-Match": etag}
        with _Deadline(self._total_seconds) as deadline, self._pool(url, deadline) as pool:
            try:
                response = pool.request(
                    "GET",
                    url,
                    headers=headers,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                with closing(response):
                    document = self._document(response)
            except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
                raise self._no_answer(deadline, _name(error)) from None
            # A connection that was shut down reads like one that ended in peace.
            if deadline.passed:
                raise self._no_answer(deadline, "cut off")
        return document

    def _no_answer(self, deadline: "_Deadline", why: str) -> FetchError:
        late = f" within {self._total_seconds:g} s" if deadline.passed else ""
        return FetchError(f"no answer{late}: {why}")

    def _pool(
        self, url: str, deadline: "_Deadline"
    ) -> "AbstractContextManager[urllib3.PoolManager]":
        timeout = urllib3.Timeout(connect=self._connect_seconds, read=self._total_seconds)
        parts = urlsplit(url)
        proxy = getproxies().get(parts.scheme)
        if proxy and not proxy_bypass(str(parts.hostname)):
            pool: urllib3.PoolManager = urllib3.ProxyManager(
                proxy, timeout=timeout, ssl_context=self._tls
            )
        else:
            pool = urllib3.PoolManager(timeout=timeout, ssl_context=self._tls)
        pool.pool_classes_by_scheme = deadline.pool_classes()
        return pool

    def _document(self, response: urllib3.BaseHTTPResponse) -> Document:
        etag = response.headers.get("ETag")
        max_age = _max_age(response.headers.get("Cache-Control", ""))
        if response.status == HTTPStatus.NOT_MODIFIED:
            return Document(None, etag, max_age)
        if response.status != HTTPStatus.OK:
            raise FetchError(f"answered with status {response.status}")
        body = b""
        while chunk := response.read1(65_536):
            body += chunk
            if len(body) > self._max_bytes:
                raise FetchError(f"is longer than {self._max_bytes} bytes")
        return Document(body, etag, max_age)


def _name(error: BaseException) -> str:
    """Name the innermost cause by its class; texts of errors hold addresses."""
    reason = getattr(error, "reason", None)
    inner = reason if isinstance(reason, BaseException) else error.__cause__
    return _name(inner) if inner is not None else type(error).__name__


def _max_age(cache_control: str) -> float | None:
    """Return max-age (RFC 9111 §5.2.2.1) in seconds; 0 where caching is forbidden."""
    for directive in cache_control.lower().split(","):
        name, _, value = directive.strip().partition("=")
        if name in ("no-store", "no-cache"):
            return 0
        digits = value.strip().strip('"')
        if name == "max-age" and digits.isascii() and digits.isdigit():
            return float(digits[:_MAX_AGE_DIGITS])
    return None


class _Deadline:
    """Shuts the fetch's sockets down when its time is over.

    A socket's own timeout starts anew with every byte, so a server that drips
    one a second would hold the fetch, and with it every refresh, for hours.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._shut_down)
        self._timer.daemon = True
        self._sockets: list[socket.socket] = []
        self.passed = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        for watched in self._sockets:
            watched.close()

    def _shut_down(self) -> None:
        self.passed = True
        for watched in self._sockets:
            with suppress(OSError):
                watched.shutdown(socket.SHUT_RDWR)

    def pool_classes(self) -> dict[str, type[urllib3.HTTPConnectionPool]]:
        """Return urllib3's pools, with connections whose sockets are watched."""
        deadline = self

        class Plain(urllib3.connection.HTTPConnection):
            def _new_conn(self) -> socket.socket:
                return deadline.watch(super()._new_conn())

        class Tls(urllib3.connection.HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                return deadline.watch(super()._new_conn())

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]  as urllib3's own

        class TlsPool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Tls  # pyright: ignore[reportAssignmentType]  as urllib3's own

        return {"http": PlainPool, "https": TlsPool}

    def watch(self, connected: socket.socket) -> socket.socket:
        """Remember *connected*, by a duplicate: TLS takes the original over."""
        self._sockets.append(connected.dup())
        return connected
