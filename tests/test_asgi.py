"""ASGI 3: jwt_guard.asgi, bare, on asyncio and trio, and under uvicorn."""

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any, cast

import pytest
import trio
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from jwt_guard import ConfigurationError, Guard, Rule, scope
from jwt_guard.asgi import (
    ASGIApp,
    GuardMiddleware,
    Message,
    Receive,
    Scope,
    Send,
    identity_of,
    identity_or_none,
    requires,
)
from jwt_guard.errors import InsufficientScope
from tests.contract.surfaces import Asked, through_asgi, through_wsgi
from tests.tokens import RSA, SECRET, bearer, claims, guard, issuer, token


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    identity = identity_or_none(scope)
    body = b"-" if identity is None else str(identity.subject).encode()
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": body.decode()})
        await send({"type": "websocket.close"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def http(*authorization: bytes, **changes: Any) -> Scope:
    fields = [(b"authorization", value) for value in authorization]
    scope: Scope = {"type": "http", "method": "GET", "path": "/", "headers": fields}
    scope.update(changes)
    return scope


def websocket(*authorization: bytes, denial: bool = False, **changes: Any) -> Scope:
    extensions: dict[str, Any] = {"websocket.http.response": {}} if denial else {}
    scope = http(*authorization, type="websocket", extensions=extensions, **changes)
    del scope["method"]
    return scope


def sent(wrapped: ASGIApp, scope: Scope, runner: str = "asyncio") -> list[Message]:
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        messages.append(message)

    async def main() -> None:
        await wrapped(scope, receive, send)

    if runner == "trio":
        trio.run(main)
    else:
        asyncio.run(main())
    return messages


def status(messages: list[Message]) -> int:
    code: int = messages[0]["status"]
    return code


GOOD = bearer(token())
BAD = bearer(token(key=RSA))


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_http(runner: str) -> None:
    """A token opens the app, its absence does not; on either event loop."""
    wrapped = GuardMiddleware(app, guard=guard())
    assert sent(wrapped, http(GOOD), runner)[1]["body"] == b"joe"
    assert status(sent(wrapped, http(), runner)) == 401
    assert status(sent(wrapped, http(GOOD, GOOD), runner)) == 400


def test_scope_is_the_outer_apps() -> None:
    """Nothing is written to the scope that came in but the caller, for whoever logs."""
    for value, caller in ((GOOD, "joe"), (b"Bearer x", None)):
        outer = http(value)
        before = dict(outer)
        sent(GuardMiddleware(app, guard=guard()), outer)
        identity = outer.pop("jwt_guard.identity")
        assert (identity and identity.subject) == caller
        assert outer == before


def test_lifespan() -> None:
    """The app sees its lifespan as the server sends it."""
    seen: list[Any] = []

    async def look(scope: Scope, receive: Receive, _send: Send) -> None:
        seen.extend([scope, await receive()])

    sent(GuardMiddleware(look, guard=guard()), {"type": "lifespan"})
    assert seen == [{"type": "lifespan"}, {"type": "websocket.connect"}]


def test_unknown_scope() -> None:
    """A scope of another type is refused: nobody knows what it would open."""
    with pytest.raises(ConfigurationError, match="webtransport"):
        sent(GuardMiddleware(app, guard=guard()), {"type": "webtransport"})


def test_websocket() -> None:
    """A WebSocket with a token is the app's."""
    messages = sent(GuardMiddleware(app, guard=guard()), websocket(GOOD))
    assert [m["type"] for m in messages] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    assert messages[1]["text"] == "joe"


@pytest.mark.parametrize(("values", "code"), [((), 401), ((BAD,), 401), ((GOOD, GOOD), 400)])
def test_websocket_denied(values: tuple[bytes, ...], code: int) -> None:
    """Without one it gets the HTTP answer, where the server can send it."""
    start, body = sent(GuardMiddleware(app, guard=guard()), websocket(*values, denial=True))
    assert (start["type"], start["status"]) == ("websocket.http.response.start", code)
    assert b"www-authenticate" in dict(start["headers"])
    assert body["type"] == "websocket.http.response.body"
    assert body["body"].startswith(b'{"title"')


def test_websocket_closed() -> None:
    """Elsewhere it is closed with 1008 before it was accepted."""
    messages = sent(GuardMiddleware(app, guard=guard()), websocket(BAD))
    assert messages == [{"type": "websocket.close", "code": 1008, "reason": ""}]


@pytest.mark.parametrize("denial", [False, True])
def test_refusal_after_accept(*, denial: bool) -> None:
    """An AuthError after the handshake closes with 1008: a denial would be too late."""

    async def refusing(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        raise InsufficientScope(["admin"])

    messages = sent(GuardMiddleware(refusing, guard=guard()), websocket(GOOD, denial=denial))
    assert [m["type"] for m in messages] == ["websocket.accept", "websocket.close"]
    assert messages[1]["code"] == 1008


def test_refusal_by_the_app() -> None:
    """An AuthError that the app raises is answered."""

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        requirement.require(identity_of(scope))

    requirement = scope("admin")
    assert status(sent(GuardMiddleware(asking, guard=guard()), http(GOOD))) == 403


def test_requires() -> None:
    """A part of the app asks for a scope; lifespan passes."""
    part = requires("admin")(app)
    wrapped = GuardMiddleware(part, guard=guard(), optional=True)
    assert status(sent(wrapped, http(GOOD))) == 403
    assert status(sent(wrapped, http())) == 401
    assert status(sent(wrapped, websocket(GOOD, denial=True))) == 403
    assert sent(wrapped, http(bearer(token(claims(scope="admin")))))[1]["body"] == b"joe"

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.complete"})

    assert sent(requires("admin")(lifespan), {"type": "lifespan"})


def test_no_guard() -> None:
    """Without a guard in front, nothing is answered."""
    with pytest.raises(ConfigurationError, match="no guard"):
        sent(requires("admin")(app), http(GOOD))


@pytest.mark.parametrize(
    ("path", "root_path", "raw_path", "code"),
    [
        ("/health", "", None, 200),
        ("/health", "", b"/health", 200),
        ("/api/health", "/api", None, 200),
        ("/api/health", "", None, 401),
        ("/health", "/api", None, 200),
        ("/apihealth", "/api", None, 401),
        ("/api", "/api", None, 401),
        ("/docs/a b", "", b"/docs/a%20b", 200),
        ("/docs/a/b", "", b"/docs/a%2Fb", 401),
        ("/docs/a/b", "", b"/docs/a%2fb", 401),
        ("/docs/a", "", b"/docs/%2e/a", 401),
        ("/docs/a", "", b"/docs/a%5C", 401),
        ("/docs/a", "", b"/docs/a%3Bx", 401),
        ("/docs/a", "", b"/docs/a%00", 401),
        ("/docs/a", "", b"/docs/a%253B", 401),
        ("//health", "", None, 401),
        ("/docs/../x", "", None, 401),
        ("health", "", None, 401),
        ("", "", None, 401),
    ],
)
def test_public(path: str, root_path: str, raw_path: bytes | None, code: int) -> None:
    """Public is a whole path below the mount that means one thing only."""
    wrapped = GuardMiddleware(app, guard=guard(), public=["/health", "/docs/*"])
    scope = http(path=path, root_path=root_path, raw_path=raw_path)
    assert status(sent(wrapped, scope)) == code


@pytest.mark.parametrize(
    ("method", "names", "code"),
    [
        ("OPTIONS", ["origin", "access-control-request-method"], 200),
        ("OPTIONS", ["origin"], 401),
        ("OPTIONS", ["access-control-request-method"], 401),
        ("OPTIONS", [], 401),
        ("GET", ["origin", "access-control-request-method"], 401),
    ],
)
def test_preflight(method: str, names: list[str], code: int) -> None:
    """A preflight is all three, nothing less; and for an app of which nothing is known it
    is let through where that is asked for.
    """
    scope = http(method=method, headers=[(name.encode(), b"x") for name in names])
    asked_for = GuardMiddleware(app, guard=guard(), preflight=True)
    assert status(sent(asked_for, scope)) == code
    for preflight in (None, False):
        closed = GuardMiddleware(app, guard=guard(), preflight=preflight)
        assert status(sent(closed, scope)) == 401


def test_websocket_is_no_preflight() -> None:
    """A handshake with a preflight's fields is a handshake."""
    scope = websocket(denial=True)
    scope["headers"] = [(b"origin", b"x"), (b"access-control-request-method", b"GET")]
    assert status(sent(GuardMiddleware(app, guard=guard()), scope)) == 401


def test_nested() -> None:
    """Of two guards both must be satisfied, whatever the inner one opens."""
    ours, others = guard(), guard(issuer(name="other", keys=SECRET.key))
    inner = GuardMiddleware(app, guard=others, optional=True)
    both = GuardMiddleware(inner, guard=ours)
    for value in (GOOD, bearer(token(claims(iss="other"), SECRET))):
        assert status(sent(both, http(value, path="/x"))) == 401
    assert status(sent(both, http(path="/x"))) == 401
    same = GuardMiddleware(GuardMiddleware(app, guard=ours), guard=ours)
    assert status(sent(same, http(GOOD))) == 200


def plain(one: Guard) -> tuple[Callable[[Asked], Any], Callable[[Asked], Any]]:
    from jwt_guard.wsgi import GuardMiddleware as Wsgi  # noqa: PLC0415  the other of the two
    from tests.test_wsgi import app as wsgi_app  # noqa: PLC0415  the other of the two

    options: dict[str, Any] = {"guard": one, "public": ["/open", "/docs/*"]}
    return (
        through_wsgi(Wsgi(wsgi_app, **options)),
        through_asgi(GuardMiddleware(app, **options)),
    )


@given(st.lists(st.binary(max_size=30) | st.just(GOOD), max_size=1), st.text(max_size=12))
def test_wsgi_and_asgi_agree(values: list[bytes], path: str) -> None:
    """For any header and any path both surfaces give the same answer."""
    by_wsgi, by_asgi = plain(guard())
    path = "/docs/" + path.encode(errors="replace").decode()
    wsgi_path = path.encode().decode("latin-1")
    one = by_wsgi(Asked(tuple(values), wsgi_path))
    other = by_asgi(Asked(tuple(values), path))
    assert (one.status, one.body) == (other.status, other.body)


@contextmanager
def serving(wrapped: ASGIApp, log_level: str = "error") -> Generator[int]:
    """Run uvicorn on a free port of this machine."""
    options: dict[str, Any] = {"log_level": log_level, "lifespan": "off", "ws": "websockets-sansio"}
    config = uvicorn.Config(cast("Any", wrapped), port=0, **options)
    server = uvicorn.Server(config)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: run(server.serve([listening])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    asyncio.run(coroutine)


def test_uvicorn() -> None:
    """Under a real server: two fields are 400, a WebSocket is refused with 401."""
    with serving(GuardMiddleware(app, guard=guard())) as port:
        for values, code in (((GOOD,), b"200"), ((GOOD, GOOD), b"400"), ((), b"401")):
            fields = b"".join(b"Authorization: %s\r\n" % value for value in values)
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % fields)
                assert connection.recv(100).split(b" ")[1] == code
        url = f"ws://127.0.0.1:{port}/"
        with pytest.raises(InvalidStatus) as refused:
            connect(url).close()
        assert refused.value.response.status_code == 401
        assert refused.value.response.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        with connect(url, additional_headers={"Authorization": GOOD.decode()}) as accepted:
            assert accepted.recv() == "joe"


def test_prefix_without_starlette(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Starlette is, a prefix can be said all the same; without one nothing is known."""
    monkeypatch.delitem(sys.modules, "starlette")
    rules = [Rule("/admin", requires="admin")]
    for prefix, code in (("/api", 403), ("", 200)):
        wrapped = GuardMiddleware(app, guard=guard(), prefix=prefix, rules=rules, preflight=None)
        assert status(sent(wrapped, http(GOOD, path="/api/admin"))) == code
        assert status(sent(wrapped, http(path="/api/admin"))) == 401
    opened = GuardMiddleware(app, guard=guard(), prefix="/api", public=["/open"])
    assert status(sent(opened, http(path="/api/open"))) == 200
