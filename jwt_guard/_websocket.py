"""ASGI 3.0, WebSocket: tokens in handshakes, the accept message, the end at expiry."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ._asgi_types import ASGIApp, Message, Receive, Scope, Send
from ._core.request.handshake import PROTOCOL, WebSockets, from_protocols, from_query
from ._wait import on_asyncio

ACCEPTED = "jwt_guard.accepted"
_BEARER = "jwt_guard.subprotocol"

_PROTOCOLS = b"sec-websocket-protocol"


def read_handshake(scope: Scope, served: Scope, websockets: WebSockets) -> list[bytes]:
    """Return the tokens of a handshake, as values of Authorization; take them out.

    Args:
        scope: This request's own; the app will see it.
        served: The server's, which it logs: the query string is replaced there too.
        websockets: Where tokens may be.
    """
    found: list[bytes] = []
    if websockets.protocol:
        tokens, rest = from_protocols([v for n, v in scope["headers"] if n == _PROTOCOLS])
        if tokens:
            found += tokens
            headers = [(name, value) for name, value in scope["headers"] if name != _PROTOCOLS]
            scope["headers"] = [*headers, (_PROTOCOLS, rest)] if rest else headers
            scope["subprotocols"] = rest.decode("latin-1").split(", ") if rest else []
            scope[_BEARER] = True
    if websockets.query is not None:
        tokens, rest = from_query(scope.get("query_string", b""), websockets.query)
        if tokens:
            found += tokens
            scope["query_string"] = served["query_string"] = rest
    return found


def noting_accept(scope: Scope, send: Send) -> Send:
    """Return *send* that notes in *scope* when the app accepts.

    A browser gives up if it offered protocols and none is selected: where the token
    came as one, and the app selects none, that is "bearer".
    """

    async def noting(message: Message) -> None:
        if message["type"] == "websocket.accept":
            scope[ACCEPTED] = True
            if scope.get(_BEARER) and not message.get("subprotocol"):
                message = {**message, "subprotocol": PROTOCOL.decode()}
        await send(message)

    return noting


def ending(app: ASGIApp, code: int, seconds_left: Callable[[], float]) -> ASGIApp:
    """Return *app* whose connection is closed with *code* when no time is left.

    From then on it is to the app as if the client had gone: it receives a disconnect,
    and what it sends raises OSError, as ASGI says.
    """

    async def until_then(scope: Scope, receive: Receive, send: Send) -> None:
        over = False

        async def receiving() -> Message:
            message = await receive()
            return {"type": "websocket.disconnect", "code": code} if over else message

        async def sending(message: Message) -> None:
            if over:
                raise OSError("closed: the access token expired")
            await send(message)

        async def end() -> None:
            nonlocal over
            while (left := seconds_left()) > 0:
                await _sleep(left)
            over = True
            # The connection may have ended at this very moment.
            with suppress(Exception):
                await send({"type": "websocket.close", "code": code, "reason": ""})

        cancel = _spawn(end)
        try:
            await app(scope, receiving, sending)
        finally:
            cancel()

    return until_then


async def _sleep(seconds: float) -> None:
    if on_asyncio():
        await asyncio.sleep(seconds)
    else:
        await sys.modules["trio"].sleep(seconds)


def _spawn(run: Callable[[], Awaitable[None]]) -> Callable[[], object]:
    """Run beside the caller, on asyncio or trio; return what cancels it."""
    if on_asyncio():
        return asyncio.ensure_future(run()).cancel
    trio = sys.modules["trio"]
    running = trio.CancelScope()

    async def within() -> None:
        with running:
            await run()

    def cancel() -> None:
        running.cancel()

    trio.lowlevel.spawn_system_task(within)
    return cancel
