"""Sockets and servers: one to keep, and one in a thread for a transcript."""

import logging
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address

from starlette.types import ASGIApp
from uvicorn import Config, Server

# A browser keeps its connection open; Ctrl-C does not wait for it any longer.
_MAX_GOODBYE = 2


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Args:
        host: A name or address of this machine.
        port: TCP port, or 0 for a free one.

    Raises:
        OSError: The port is in use or may not be used, or the host is unknown.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family)


def url_of(host: str, port: int) -> str:
    """Return the URL, without a slash at its end, of a socket's address."""
    if ip_address(host).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve *app* until SIGINT or SIGTERM; log requests and refusals."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("jwt_guard").setLevel(logging.INFO)
    server = Server(_config(app, access_log=True))
    logging.getLogger("uvicorn.access").setLevel(logging.INFO)
    server.run([listening])


@contextmanager
def running(app: ASGIApp) -> Generator[str]:
    """Serve *app* from a thread while the context lasts; give its URL."""
    with listen("127.0.0.1", 0) as listening:
        server = Server(_config(app, access_log=False))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield url_of(*listening.getsockname()[:2])
        finally:
            server.should_exit = True
            thread.join()


def _config(app: ASGIApp, *, access_log: bool) -> Config:
    return Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=access_log,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_MAX_GOODBYE,
    )
