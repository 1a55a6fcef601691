"""A Starlette app: every route guarded, one public, a WebSocket with a scope.

APP_SECRET=$(openssl rand -hex 32) uvicorn --factory examples.starlette_app:create_app
"""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwt_guard import Guard, Issuer, Key
from jwt_guard.starlette import GuardMiddleware, identity_of, requires


async def health(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("fine\n")


@requires("messages:read")
async def messages(request: Request) -> JSONResponse:
    return JSONResponse({"hello": identity_of(request).subject})


@requires("messages:read")
async def feed(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(f"hello {identity_of(websocket).subject}")
    await websocket.close()


def create_app() -> Starlette:
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    guard = Guard(Issuer("my-app", audience="my-app", keys=key))
    return Starlette(
        routes=[
            Route("/health", health),
            Route("/messages", messages),
            WebSocketRoute("/feed", feed),
        ],
        middleware=[Middleware(GuardMiddleware, guard=guard, public=["/health"])],
    )
