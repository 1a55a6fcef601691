"""A plain ASGI app behind the guard; one part of it needs a scope.

APP_SECRET=$(openssl rand -hex 32) uvicorn --factory examples.asgi_app:create_app
"""

import os

from jwt_guard import Guard, Issuer, Key
from jwt_guard.asgi import ASGIApp, GuardMiddleware, Receive, Scope, Send, identity_of, requires


async def answer(send: Send, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})


async def greet(scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, f"Hello {identity_of(scope).subject}\n")


async def health(_scope: Scope, _receive: Receive, send: Send) -> None:
    await answer(send, "fine\n")


ROUTES: dict[str, ASGIApp] = {"/health": health, "/admin": requires("admin")(greet)}


async def routes(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await ROUTES.get(scope["path"], greet)(scope, receive, send)


def create_app() -> ASGIApp:
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    guard = Guard(Issuer("my-app", audience="my-app", keys=key))
    return GuardMiddleware(routes, guard=guard, public=["/health"])
