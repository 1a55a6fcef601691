"""ASGI 3.0: the shapes of an app's arguments, and how an answer is sent."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from ._core.answer import Answer
from ._guard import Guard
from .errors import AuthError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

# RFC 6455 §7.4.1: "violating its policy", for servers that cannot send a denial.
POLICY_VIOLATION: Final = 1008


async def respond(answer: Answer, kind: str, send: Send) -> None:
    """Send *answer* in messages of *kind*."""
    headers = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in answer.headers]
    await send({"type": f"{kind}.start", "status": answer.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": answer.body})


async def refuse(guard: Guard, error: AuthError, scope: Scope, send: Send) -> None:
    """Send the answer to *error*, or close a WebSocket that can carry none."""
    answer = guard.refuse(error, method=scope.get("method", "GET"), path=scope["path"])
    if scope["type"] == "http":
        await respond(answer, "http.response", send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        await respond(answer, "websocket.http.response", send)
    else:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
