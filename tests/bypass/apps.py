"""The same routes on each surface: one public, others that say SECRET when reached."""

import time
import warnings
from posixpath import normpath
from typing import TYPE_CHECKING
from urllib.parse import unquote

import jwt
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse as FastPlain
from flask import Flask, request
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from jwt_guard import Guard, Issuer, Key, Rule, asgi, wsgi
from jwt_guard import fastapi as guard_fastapi
from jwt_guard import flask as guard_flask
from jwt_guard import starlette as guard_starlette

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SECRET = "a secret of the bypass tests, of no use elsewhere"
GUARD = Guard(Issuer("me", audience="me", keys=Key.secret(SECRET, alg="HS256")))
RULES = [
    Rule("/open", public=True),
    Rule("/secret", requires="secret"),
    Rule("/secret/*", requires="secret"),
]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]


def token(scope: str = "") -> str:
    """Return a token that the apps accept."""
    claims = {"iss": "me", "aud": "me", "sub": "joe", "exp": time.time() + 600, "scope": scope}
    return jwt.encode(claims, SECRET, "HS256")


def _answer(path: str) -> str:
    """Read a path as generously as any router does: the guard must not rely on less."""
    plain = "/".join(segment.partition(";")[0] for segment in path.replace("\\", "/").split("/"))
    first = normpath("/" + unquote(plain).lstrip("/")).rstrip("\0 \t\r\n").split("/")[1]
    return {"open": "OPEN", "secret": "SECRET"}.get(first, "nothing")


def wsgi_routes(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
    """Answer every path, as generously as any router."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [_answer(environ["PATH_INFO"]).encode()]


async def asgi_routes(scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer every path, as generously as any router."""
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _answer(scope["path"]).encode()})


plain_wsgi = wsgi.GuardMiddleware(wsgi_routes, guard=GUARD, rules=RULES)
plain_asgi = asgi.GuardMiddleware(asgi_routes, guard=GUARD, rules=RULES)


def _flask() -> Flask:
    app = Flask("bypass", static_folder=None)
    guard_flask.FlaskGuard(app, guard=GUARD)

    @guard_flask.requires("secret")
    def reached(rest: str = "") -> str:
        return "SECRET"

    app.add_url_rule("/open", "open", guard_flask.public(lambda: "OPEN"))
    app.add_url_rule("/secret", "secret", reached, methods=METHODS)
    app.add_url_rule("/secret/<path:rest>", "below", reached, methods=METHODS)
    return app


flask_app = _flask()


@guard_starlette.public
async def _opened(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("OPEN")


@guard_starlette.requires("secret")
async def _reached(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("SECRET")


starlette_app = Starlette(
    routes=[
        Route("/open", _opened),
        Route("/secret", _reached, methods=METHODS),
        Mount("/secret", routes=[Route("/{rest:path}", _reached, methods=METHODS)]),
    ],
    middleware=[Middleware(guard_starlette.GuardMiddleware, guard=GUARD)],
)

fastapi_app = FastAPI(openapi_url=None)
fastapi_app.add_middleware(guard_fastapi.GuardMiddleware, guard=GUARD)


@fastapi_app.get("/open")
@guard_fastapi.public
async def _fast_open() -> FastPlain:
    return FastPlain("OPEN")


@fastapi_app.api_route("/secret", methods=METHODS, dependencies=[guard_fastapi.Requires("secret")])
@fastapi_app.api_route(
    "/secret/{rest:path}", methods=METHODS, dependencies=[guard_fastapi.Requires("secret")]
)
async def _fast_reached() -> FastPlain:
    return FastPlain("SECRET")


# The table of an app that reads methods as most frameworks do: in capitals.
ROWS = [
    Rule("/rows", methods=["GET", "HEAD"], public=True),
    Rule("/rows", requires="secret"),
    Rule("/notes", methods=["POST", "PUT", "PATCH", "DELETE"], requires="secret"),
    Rule("/notes", public=True),
]


def _by_method(method: str) -> str:
    changes = method.upper() in {"POST", "PUT", "PATCH", "DELETE"}
    return "SECRET" if changes else "OPEN"


def _methods_wsgi(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [_by_method(environ["REQUEST_METHOD"]).encode()]


async def _methods_asgi(scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _by_method(scope["method"]).encode()})


rows_wsgi = wsgi.GuardMiddleware(_methods_wsgi, guard=GUARD, rules=ROWS)
rows_asgi = asgi.GuardMiddleware(_methods_asgi, guard=GUARD, rules=ROWS)


def _rows_flask() -> wsgi.GuardMiddleware:
    app = Flask("rows", static_folder=None)
    for path in ("/rows", "/notes"):
        app.add_url_rule(path, path, lambda: _by_method(request.method), methods=METHODS)
    return wsgi.GuardMiddleware(app.wsgi_app, guard=GUARD, rules=ROWS)


rows_flask = _rows_flask()


def _prefixed() -> asgi.GuardMiddleware:
    """Return an app that takes a prefix off by itself, behind a guard that is outside of it."""
    with warnings.catch_warnings():
        # FastAPI would rather have the server say it; apps are there.
        warnings.simplefilter("ignore")
        app = FastAPI(openapi_url=None, root_path="/api")

    @app.api_route("/secret", methods=METHODS)
    @app.api_route("/secret/{rest:path}", methods=METHODS)
    async def reached() -> FastPlain:
        return FastPlain("SECRET")

    @app.api_route("/{rest:path}", methods=METHODS)
    async def opened() -> FastPlain:
        return FastPlain("OPEN")

    rules = [*RULES, Rule("/*", public=True), Rule("/", public=True)]
    return asgi.GuardMiddleware(app, guard=GUARD, rules=rules)


prefixed_app = _prefixed()
