"""An identity provider on loopback that can be made to fail in many ways."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

AUDIENCE = "https://api.example"

Fault = Callable[["Handler"], None]


class Provider:
    """The provider: its keys, what it serves, and what it was asked for.

    Attributes:
        fetches: Paths asked for, in order.
        fault: What happens instead of an answer, or None.
        headers: Fields added to the key set's answer.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        setattr(self._server, "provider", self)  # noqa: B010  the handler finds it there
        self.port = self._server.server_port
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.issuer = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self.fetches: list[str] = []
        self.fault: Fault | None = None
        self.headers: dict[str, str] = {}
        self.keys: list[dict[str, Any]] = []
        self.metadata: dict[str, Any] = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks"}
        self._private: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Stop the server; new connections are refused."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def add_key(self, kid: str) -> None:
        """Publish a new key."""
        private = self._private[kid] = ec.generate_private_key(ec.SECP256R1())
        jwk = jwt.get_algorithm_by_name("ES256").to_jwk(private.public_key(), as_dict=True)
        self.keys.append(jwk | {"kid": kid, "use": "sig", "alg": "ES256"})

    def remove_key(self, kid: str) -> None:
        """Withdraw a key; its private half goes on signing."""
        self.keys = [key for key in self.keys if key["kid"] != kid]

    def token(self, kid: str, *, header_kid: str | None = None, **changes: Any) -> bytes:
        """Return the Authorization value of a token signed with a key."""
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": "joe", "exp": int(time.time()) + 600}
        token = jwt.encode(
            claims | changes, self._private[kid], "ES256", {"kid": header_kid or kid}
        )
        return f"Bearer {token}".encode()

    def asked(self, path: str = "/jwks") -> int:
        """Return how often *path* was fetched."""
        return self.fetches.count(path)


class Handler(BaseHTTPRequestHandler):
    """Answers as its provider says."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing."""

    @property
    def port(self) -> int:
        """Return the server's port."""
        provider: Provider = getattr(self.server, "provider")  # noqa: B009  set by Provider
        return provider.port

    def do_GET(self) -> None:
        """Serve metadata and keys, or the fault."""
        provider: Provider = getattr(self.server, "provider")  # noqa: B009  set by Provider
        provider.fetches.append(self.path)
        with suppress(OSError):
            if provider.fault is not None:
                provider.fault(self)
            elif self.path == "/.well-known/openid-configuration":
                self.answer(json.dumps(provider.metadata).encode())
            elif self.path == "/jwks":
                body = json.dumps({"keys": provider.keys}).encode()
                etag = f'"{hash(body)}"'
                if self.headers["If-None-Match"] == etag:
                    self.answer(b"", 304, provider.headers)
                else:
                    self.answer(body, 200, provider.headers | {"ETag": etag})
            else:
                self.answer(b"", 404)

    def answer(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Send a whole answer."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def hang(handler: Handler) -> None:
    """Answer nothing for as long as the client stays."""
    handler.connection.settimeout(30)
    handler.connection.recv(1)


def reset(handler: Handler) -> None:
    """Reset the connection."""
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.connection.close()


def drip_header(handler: Handler) -> None:
    """Send one octet of a header at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        handler.wfile.write(b"x")
        time.sleep(0.05)


def drip_body(handler: Handler) -> None:
    """Send one octet of the body at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.05)


def huge(handler: Handler) -> None:
    """Send more than anybody should read."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        handler.wfile.write(b" " * 65_536)


def cut(handler: Handler) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"keys": [')


def answering(body: bytes, status: int = 200, **headers: str) -> Fault:
    """Return a fault that answers with *body* and *status*."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler: handler.answer(body, status, fields)


@contextmanager
def running(tls: ssl.SSLContext | None = None, port: int = 0) -> Generator[Provider]:
    """Run a provider with one key, "1"."""
    provider = Provider(tls, port)
    try:
        provider.add_key("1")
        yield provider
    finally:
        provider.stop()
