"""RFC 9110, RFC 9111: question and answer, bounded in every direction.

Imported with the first fetch, on its thread: urllib3 and ssl take their time.
"""

import os
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import AbstractContextManager, closing, suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
import urllib3.connection

from .._fresh import FetchError
from ._fetching import Document
from ._urls import is_loopback, origin

# More digits of a number of seconds are centuries, which are capped at a day anyway.
_MAX_DIGITS = 10

# A path that moved is found at once; what leads further leads in circles.
_MAX_REDIRECTS = 2
_REDIRECTS = {301, 302, 303, 307, 308}

# cache-directive = token [ "=" ( token / quoted-string ) ]  (RFC 9111 §5.2)
_DIRECTIVE = re.compile(r'([^\s,=";]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s,";]*)))?')

# zlib reads gzip and deflate by itself.
_ANY_WINDOW = zlib.MAX_WBITS | 32


class Limits(Protocol):
    """The bounds of one exchange; see `HttpFetcher`."""

    @property
    def ca_file(self) -> str | None: ...
    @property
    def connect_seconds(self) -> float: ...
    @property
    def total_seconds(self) -> float: ...
    @property
    def max_bytes(self) -> int: ...


def _version(path: str | None) -> tuple[int, int] | None:
    """Return what differs once a file was written again, or another put in its place."""
    if path is not None:
        with suppress(OSError):
            state = Path(path).stat()
            return state.st_ino, state.st_mtime_ns
    return None


@lru_cache(maxsize=64)
def _tls(
    ca_file: str | None, _process: int, _version: tuple[int, int] | None = None
) -> ssl.SSLContext:
    """Return the TLS of this process; gevent may have replaced it all after a fork.

    Kubernetes changes the file of the cluster's authority while programs run.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise FetchError(f"the authorities in {ca_file!r} cannot be used: {_why(error)}") from None


def exchange(url: str, fields: Mapping[str, str], limits: Limits) -> Document:
    """Return the document at *url*, within the limits.

    Raises:
        FetchError: It could not be had.
    """
    return _Exchange(fields, limits).run(url)


class _Exchange:
    """One question, on a thread of its own.

    A resolver may block for a minute, and a socket's own timeout starts anew with
    every byte: a server that drips one a second would hold the fetch for hours. So
    whoever asked goes when the time is over, and shuts the sockets down.
    """

    def __init__(self, fields: Mapping[str, str], limits: Limits) -> None:
        self._fields = fields
        self._limits = limits
        self._ends = time.monotonic() + limits.total_seconds
        self._lock = threading.Lock()
        self._over = False
        self._sockets: list[socket.socket] = []
        self._document: Document | None = None
        self._error: FetchError | None = None

    def run(self, url: str) -> Document:
        worker = threading.Thread(
            target=self._work, args=(url,), name="jwt_guard exchange", daemon=True
        )
        try:
            worker.start()
        except RuntimeError:
            raise FetchError("no thread could be started") from None
        worker.join(self._limits.total_seconds)
        document, error = self._document, self._error
        self._close()
        if document is not None:
            return document
        if error is not None and time.monotonic() < self._ends:
            raise error
        raise FetchError(f"no answer within {self._limits.total_seconds:g} s")

    def _close(self) -> None:
        with self._lock:
            self._over = True
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def watch(self, connected: socket.socket) -> socket.socket:
        """Remember *connected*, by a duplicate: TLS takes the original over."""
        with self._lock:
            if not self._over:
                self._sockets.append(connected.dup())
                return connected
        connected.close()
        raise TimeoutError("the time is over")

    def _work(self, url: str) -> None:
        try:
            self._document = self._follow(url)
        except FetchError as error:
            self._error = error
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            self._error = FetchError(f"no answer: {_why(error)}")
        except Exception as error:  # noqa: BLE001  a thread has nobody else to tell
            self._error = FetchError(f"no answer: {type(error).__name__}")

    def _follow(self, url: str) -> Document:
        for _ in range(_MAX_REDIRECTS + 1):
            found = self._ask(url)
            if isinstance(found, Document):
                return found
            target = urljoin(url, found)
            # Another host is another's to name, and the fields sent are not for it.
            if origin(target) != origin(url):
                raise FetchError("answered with a redirect to another host, which is not followed")
            url = target
        raise FetchError("answered with redirects without end")

    def _ask(self, url: str) -> Document | str:
        """Return the document, or where it is."""
        with self._pool(url) as pool:
            response = pool.request(
                "GET",
                url,
                headers=dict(self._fields),
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            with closing(response):
                return self._read(response)

    def _pool(self, url: str) -> "AbstractContextManager[urllib3.PoolManager]":
        seconds = self._limits.total_seconds
        timeout = urllib3.Timeout(connect=self._limits.connect_seconds, read=seconds)
        parts = urlsplit(url)
        ca_file = self._limits.ca_file
        secure = parts.scheme == "https"
        tls = _tls(ca_file, os.getpid(), _version(ca_file)) if secure else None
        proxy = _proxy(parts.scheme, str(parts.hostname))
        pool = (
            urllib3.ProxyManager(proxy, timeout=timeout, ssl_context=tls)
            if proxy
            else urllib3.PoolManager(timeout=timeout, ssl_context=tls)
        )
        pool.pool_classes_by_scheme = _watched_pools(self)
        return pool

    def _read(self, response: urllib3.BaseHTTPResponse) -> Document | str:
        status, headers = response.status, response.headers
        if status in _REDIRECTS and "Location" in headers:
            return headers["Location"]
        etag, seconds = headers.get("ETag"), max_age(headers, time.time())
        if status == HTTPStatus.NOT_MODIFIED:
            return Document(None, etag, seconds)
        if status != HTTPStatus.OK:
            patience = _seconds_until(headers.get("Retry-After", ""), time.time())
            raise FetchError(f"answered with status {status}", patience=patience or 0)
        body = self._body(response)
        return Document(_decoded(body, headers, self._limits.max_bytes), etag, seconds)

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        limit, body = self._limits.max_bytes, b""
        while chunk := response.read1(65_536, decode_content=False):
            body += chunk
            if len(body) > limit:
                raise FetchError(f"is longer than {limit} bytes")
        # A connection that was shut down reads like one that ended in peace.
        if self._over:
            raise TimeoutError("the time is over")
        return body


def _proxy(scheme: str, host: str) -> str | None:
    proxy = getproxies().get(scheme)
    return None if not proxy or is_loopback(host) or proxy_bypass(host) else proxy


def _decoded(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Undo a content coding that was not asked for, no further than *limit*."""
    coding = headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("identity", ""):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise FetchError("is encoded in a way that was not asked for")
    try:
        body = zlib.decompressobj(_ANY_WINDOW).decompress(body, limit + 1)
    except zlib.error:
        raise FetchError("is encoded, and cannot be decoded") from None
    if len(body) > limit:
        raise FetchError(f"is longer than {limit} bytes")
    return body


def _why(error: BaseException) -> str:
    """Name the innermost cause; of its texts only those that hold no address."""
    reason = getattr(error, "reason", None)
    for inner in (reason, *error.args, error.__cause__):
        if isinstance(inner, BaseException):
            return _why(inner)
    name = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{name}: {error.verify_message}"
    text = reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return f"{name}: {text}" if isinstance(text, str) else name


def max_age(headers: Mapping[str, str], now: float) -> float | None:
    """Return for how long an answer is fresh yet (RFC 9111 §4.2), or None if it is not said.

    Args:
        headers: The answer's fields.
        now: Seconds since the epoch.
    """
    lifetime = _lifetime(headers, now)
    return None if lifetime is None else max(0.0, lifetime - (_digits(headers.get("Age", "")) or 0))


def _lifetime(headers: Mapping[str, str], now: float) -> float | None:
    directives = {
        match[1].lower(): match[2] if match[2] is not None else match[3] or ""
        for match in _DIRECTIVE.finditer(headers.get("Cache-Control", ""))
    }
    if not directives.keys().isdisjoint({"no-store", "no-cache"}):
        return 0
    if (seconds := _digits(directives.get("max-age", ""))) is not None:
        return seconds
    if "Expires" not in headers:
        return None
    # RFC 9111 §5.3: an invalid date, especially "0", is in the past.
    sent = _instant(headers.get("Date", ""))
    expires = _instant(headers["Expires"])
    return 0 if expires is None else max(0.0, expires - (now if sent is None else sent))


def _digits(text: str) -> float | None:
    text = text.strip()
    return float(text[:_MAX_DIGITS]) if text.isascii() and text.isdigit() else None


def _instant(date: str) -> float | None:
    """Return an HTTP-date (RFC 9110 §5.6.7) as seconds since the epoch."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None


def _seconds_until(retry_after: str, now: float) -> float | None:
    """Return the seconds of Retry-After (RFC 9110 §10.2.3): a number, or a date."""
    seconds = _digits(retry_after)
    if seconds is None and (then := _instant(retry_after)) is not None:
        return max(0.0, then - now)
    return seconds


def _watched_pools(exchange: _Exchange) -> dict[str, type[urllib3.HTTPConnectionPool]]:
    """Return urllib3's pools, with connections whose sockets are watched."""

    class Plain(urllib3.connection.HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return exchange.watch(super()._new_conn())

    class Tls(urllib3.connection.HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return exchange.watch(super()._new_conn())

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain  # pyright: ignore[reportAssignmentType]  as urllib3's own

    class TlsPool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Tls  # pyright: ignore[reportAssignmentType]  as urllib3's own

    return {"http": PlainPool, "https": TlsPool}
