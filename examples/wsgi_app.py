"""A plain WSGI app behind the guard; one part of it needs a scope.

APP_SECRET=$(openssl rand -hex 32) python -m examples.wsgi_app
"""

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.simple_server import make_server

from jwt_guard import Guard, Issuer, Key
from jwt_guard.wsgi import GuardMiddleware, identity_of, requires

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def greet(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"Hello {identity_of(environ).subject}\n".encode()]


def health(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine\n"]


ROUTES: "dict[str, WSGIApplication]" = {"/health": health, "/admin": requires("admin")(greet)}


def routes(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    return ROUTES.get(environ["PATH_INFO"], greet)(environ, start_response)


def create_app() -> "WSGIApplication":
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    guard = Guard(Issuer("my-app", audience="my-app", keys=key))
    return GuardMiddleware(routes, guard=guard, public=["/health"])


if __name__ == "__main__":
    make_server("127.0.0.1", 8000, create_app()).serve_forever()
