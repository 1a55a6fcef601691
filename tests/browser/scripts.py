"""What pages do, as expressions of JavaScript."""

import json
from typing import Any


def fetch(url: str, **options: Any) -> str:
    """Return what comes to status, challenge and text, or to the name of the error."""
    return (
        f"fetch({json.dumps(url)}, {json.dumps(options)}).then("
        "async it => [it.status, it.headers.get('WWW-Authenticate'), await it.text()],"
        "error => error.name)"
    )


def websocket(url: str, *protocols: str) -> str:
    """Return what comes to the selected protocol, the messages and the close code."""
    return (
        "new Promise(done => {"
        f"const socket = new WebSocket({json.dumps(url)}, {json.dumps(protocols)});"
        "const messages = [];"
        "socket.onmessage = event => messages.push(event.data);"
        "socket.onclose = event => done([socket.protocol, messages, event.code]);"
        "})"
    )


def form(url: str) -> str:
    """Return what submits a form by POST, as a page does that wants no click."""
    return (
        f"document.body.innerHTML = '<form method=post action={json.dumps(url)}></form>';"
        "document.forms[0].submit()"
    )
