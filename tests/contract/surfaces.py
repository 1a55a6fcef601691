"""The same small app on each surface, and how a request gets there.

A surface is a function (guard) -> (request) -> answer. A new one joins by adding
its app to `SURFACES`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse as FastPlain
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from jwt_guard import (
    Bearer,
    Cookie,
    Guard,
    Identity,
    Requirement,
    all_scopes,
    any_scope,
    asgi,
    role,
    scope,
    wsgi,
)
from jwt_guard import fastapi as fastapi_adapter
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard._core.request.credentials import CredentialSource

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

REQUIREMENTS: dict[str, Requirement | None] = {
    "/me": None,
    "/read": scope("messages:read"),
    "/both": all_scopes("messages:read", "messages:write"),
    "/edit": scope("messages:read") & role("editor"),
    "/any": any_scope("admin", "messages:write"),
    "/alt": scope("admin") | role("editor"),
}


COOKIE = Cookie("__Host-token", origins=["https://app.example"])
CREDENTIALS: list[CredentialSource] = [Bearer(), COOKIE]
METHODS = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Asked:
    """A request."""

    authorization: tuple[bytes, ...] = ()
    path: str = "/me"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Answer:
    """What of an answer must be the same everywhere."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


COMPARED = ("cache-control", "content-length", "content-type", "retry-after", "www-authenticate")

Send = Callable[[Asked], Answer]


def answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    compared = sorted((k.lower(), v) for k, v in headers if k.lower() in COMPARED)
    return Answer(status, tuple(compared), body)


def name_of(identity: Identity | None) -> str:
    return "-" if identity is None else str(identity.subject)


def through_wsgi(app: "WSGIApplication") -> Send:
    def send(asked: Asked) -> Answer:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": asked.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": asked.path,
            "QUERY_STRING": "",
        }
        setup_testing_defaults(environ)
        if asked.authorization:
            # Servers join what comes in several fields.
            environ["HTTP_AUTHORIZATION"] = b",".join(asked.authorization).decode("latin-1")
        for name, value in asked.headers:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value

        def write(_data: bytes) -> None:
            raise AssertionError("nobody writes like this")

        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: Any, _exc_info: Any = None) -> Any:
            started.append((status, headers))
            return write

        chunks = app(environ, start_response)
        body = b"".join(chunks)
        getattr(chunks, "close", lambda: None)()
        ((status, headers),) = started
        return answer(int(status[:3]), headers, body)

    return send


def through_asgi(app: asgi.ASGIApp) -> Send:
    def send(asked: Asked) -> Answer:
        fields = [(b"authorization", value) for value in asked.authorization]
        fields += [(k.lower().encode(), v.encode()) for k, v in asked.headers]
        scope: asgi.Scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": asked.method,
            "scheme": "http",
            "path": asked.path,
            "raw_path": asked.path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": fields,
            "server": ("testserver", 80),
        }
        messages: list[asgi.Message] = []

        async def receive() -> asgi.Message:
            raise AssertionError("no route reads a body")

        async def collect(message: asgi.Message) -> None:
            messages.append(message)

        asyncio.run(_run(app, scope, receive, collect))
        start, *rest = messages
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in start["headers"]]
        return answer(start["status"], headers, b"".join(m.get("body", b"") for m in rest))

    return send


async def _run(
    app: asgi.ASGIApp, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send
) -> None:
    await app(scope, receive, send)


def bare_wsgi(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
    """Answer with the caller's name."""
    body = name_of(wsgi.identity_or_none(environ)).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body]


async def bare_asgi(scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer with the caller's name."""
    await respond(send, 200, name_of(asgi.identity_or_none(scope)))


async def respond(send: asgi.Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


def plain_wsgi(guard: Guard) -> Send:
    def missing(_environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such page"]

    routes: dict[str, WSGIApplication] = {"/open": bare_wsgi, "/maybe": bare_wsgi}
    for path, needed in REQUIREMENTS.items():
        routes[path] = bare_wsgi if needed is None else wsgi.requires(needed)(bare_wsgi)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return routes.get(environ["PATH_INFO"], missing)(environ, start_response)

    return through_wsgi(
        validator(wsgi.GuardMiddleware(app, guard=guard, public=["/open"], optional=["/maybe"]))
    )


def plain_asgi(guard: Guard) -> Send:
    async def missing(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
        await respond(send, 404, "no such page")

    routes: dict[str, asgi.ASGIApp] = {"/open": bare_asgi, "/maybe": bare_asgi}
    for path, needed in REQUIREMENTS.items():
        routes[path] = bare_asgi if needed is None else asgi.requires(needed)(bare_asgi)

    async def app(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await routes.get(scope["path"], missing)(scope, receive, send)

    return through_asgi(
        asgi.GuardMiddleware(app, guard=guard, public=["/open"], optional=["/maybe"])
    )


def flask(guard: Guard) -> Send:
    app = Flask(__name__)
    flask_adapter.FlaskGuard(app, guard=guard)

    def answering() -> str:
        return name_of(flask_adapter.identity_or_none())

    opened = flask_adapter.public(lambda: answering())  # noqa: PLW0108  a function of its own, to be marked
    app.add_url_rule("/open", "open", opened, methods=METHODS)
    maybe = flask_adapter.optional(lambda: answering())  # noqa: PLW0108  the same
    app.add_url_rule("/maybe", "maybe", maybe, methods=METHODS)
    for path, needed in REQUIREMENTS.items():
        view = answering if needed is None else flask_adapter.requires(needed)(answering)
        app.add_url_rule(path, path[1:], view, methods=METHODS)
    return through_wsgi(validator(app.wsgi_app))


def starlette(guard: Guard) -> Send:
    async def answering(request: Request) -> PlainTextResponse:
        return PlainTextResponse(name_of(starlette_adapter.identity_or_none(request)))

    routes = [Route(path, answering, methods=METHODS) for path in ("/open", "/maybe")]
    for path, needed in REQUIREMENTS.items():
        endpoint = answering if needed is None else starlette_adapter.requires(needed)(answering)
        routes.append(Route(path, endpoint, methods=METHODS))
    middleware = Middleware(
        starlette_adapter.GuardMiddleware, guard=guard, public=["/open"], optional=["/maybe"]
    )
    return through_asgi(Starlette(routes=routes, middleware=[middleware]))


def fastapi(guard: Guard) -> Send:
    app = FastAPI()
    app.add_middleware(
        fastapi_adapter.GuardMiddleware, guard=guard, public=["/open"], optional=["/maybe"]
    )

    def nobody(connection: HTTPConnection) -> Identity | None:
        return fastapi_adapter.identity_or_none(connection)

    def add(path: str, dependency: Any) -> None:
        async def answering(identity: Annotated[Identity | None, dependency]) -> FastPlain:
            return FastPlain(name_of(identity))

        app.api_route(path, methods=METHODS)(answering)

    add("/open", Depends(nobody))
    add("/maybe", Depends(nobody))
    for path, needed in REQUIREMENTS.items():
        identity_of = Depends(fastapi_adapter.identity_of)
        add(path, identity_of if needed is None else fastapi_adapter.Requires(needed))
    return through_asgi(app)


SURFACES: dict[str, Callable[[Guard], Send]] = {
    "WSGI": plain_wsgi,
    "ASGI": plain_asgi,
    "Flask": flask,
    "Starlette": starlette,
    "FastAPI": fastapi,
}
