"""Real servers on free ports of this machine, and what they were asked for.

A port more is another origin of the same site, but the same cookies; `localhost` and
`127.0.0.1` are two sites.
"""

import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from werkzeug.serving import make_server

from jwt_guard.asgi import ASGIApp, Message, Receive, Scope, Send
from tests.test_asgi import serving

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(slots=True)
class Asked:
    """A request that arrived; of a WSGI server method and path alone."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict[str, str])
    status: int = 0


@dataclass(frozen=True, slots=True)
class Site:
    """A running server."""

    port: int
    asked: list[Asked]

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def foreign_origin(self) -> str:
        """The same server, by the name that makes it another site."""
        return f"http://localhost:{self.port}"

    def websocket(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def methods(self, path: str) -> list[str]:
        return [asked.method for asked in self.asked if asked.path == path]

    def last(self, path: str) -> Asked:
        return [asked for asked in self.asked if asked.path == path][-1]


class Recorder:
    """An ASGI app that notes what arrives for another one, and how that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        asked = Asked(scope.get("method", "WebSocket"), scope["path"], headers)
        self.asked.append(asked)

        async def sending(message: Message) -> None:
            asked.status = message.get("status", asked.status)
            await send(message)

        await self.app(scope, receive, sending)


@contextmanager
def asgi_site(app: ASGIApp) -> Generator[Site]:
    recorder = Recorder(app)
    with serving(recorder) as port:
        yield Site(port, recorder.asked)


@contextmanager
def wsgi_site(app: "WSGIApplication") -> Generator[Site]:
    asked: list[Asked] = []

    def recording(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        asked.append(Asked(environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        return app(environ, start_response)

    server = make_server("127.0.0.1", 0, recording, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Site(server.port, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def empty_page(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer everything with an empty page; for pages of others."""
    headers = [(b"content-type", b"text/html")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"<!doctype html>"})
