"""A feed that waits for its client, and is closed when the token expires."""

import os
from pathlib import Path

from jwt_guard import Guard, Issuer, Key
from jwt_guard.asgi import GuardMiddleware, Receive, Scope, Send

SECRET = "a secret of these tests, of no use anywhere else"
ENDED = "JWT_GUARD_TEST_ENDED"


async def feed(scope: Scope, receive: Receive, send: Send) -> None:
    """Greet, and then wait for whatever comes; note what ended it."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": "hello"})
    message = await receive()
    while message["type"] != "websocket.disconnect":
        message = await receive()
    # An app that asks once more is told once more, and does not hang.
    again = await receive()
    note(f"{message['type']} {again['type']}")


def note(text: str) -> None:
    """Tell the test what the app was told."""
    Path(os.environ[ENDED]).write_text(text)


guard = Guard(Issuer("me", audience="me", keys=Key.secret(SECRET, alg="HS256"), leeway=0))
app = GuardMiddleware(feed, guard=guard, expiry_code=4401)
