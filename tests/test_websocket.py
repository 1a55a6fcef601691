"""WebSockets: tokens in handshakes and the end at expiry, on asyncio, trio and uvicorn."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from jwt_guard import Bearer, ConfigurationError, Cookie, Query
from jwt_guard import Subprotocol as InSubprotocol
from jwt_guard.asgi import (
    ASGIApp,
    GuardMiddleware,
    Message,
    Receive,
    Scope,
    Send,
    identity_of,
)
from tests.test_asgi import sent, serving, status, websocket
from tests.tokens import NOW, bearer, guard, issuer, token

TOKEN = token().encode()
EVERYWHERE = [Bearer(), InSubprotocol(), Query("access_token", paths=["/*", "/"])]
PROTOCOLS = b"sec-websocket-protocol"


def handshake(
    *fields: tuple[bytes, bytes], query: bytes = b"", subprotocols: tuple[str, ...] = ()
) -> Scope:
    scope = websocket(denial=True, query_string=query, subprotocols=[*subprotocols])
    scope["headers"] = [*fields]
    return scope


def guarded(app: ASGIApp, *others: Cookie) -> GuardMiddleware:
    return GuardMiddleware(app, guard=guard(credentials=[*EVERYWHERE, *others]))


class Seen:
    """An app that accepts, with or without a protocol, and remembers its scope."""

    def __init__(self, subprotocol: str | None = None) -> None:
        self.scope: Scope = {}
        self.subprotocol = subprotocol

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.scope = scope
        await send({"type": "websocket.accept", "subprotocol": self.subprotocol})


@pytest.mark.parametrize(
    ("fields", "query", "code"),
    [
        ([(PROTOCOLS, b"bearer, " + TOKEN)], b"", None),
        ([], b"access_token=" + TOKEN, None),
        ([(b"authorization", b"Bearer " + TOKEN)], b"", None),
        ([(PROTOCOLS, b"bearer, " + TOKEN)], b"access_token=" + TOKEN, 400),
        ([(b"authorization", b"Bearer " + TOKEN)], b"access_token=" + TOKEN, 400),
        ([(b"authorization", b"Bearer " + TOKEN), (PROTOCOLS, b"bearer, x")], b"", 400),
        ([(PROTOCOLS, b"bearer")], b"", 400),
        ([(PROTOCOLS, b"bearer, x")], b"", 401),
        ([(PROTOCOLS, TOKEN)], b"", 401),
        ([(PROTOCOLS, b"token, " + TOKEN)], b"", 401),
        ([], b"access_token=", 400),
        ([], b"access_token=x", 401),
        ([], b"access_token=x&access_token=y", 400),
        ([], b"token=" + TOKEN, 401),
        ([], b"", 401),
    ],
)
def test_handshakes(fields: list[tuple[bytes, bytes]], query: bytes, code: int | None) -> None:
    """A token in the place that is opened will do; two tokens are 400, wherever."""
    messages = sent(guarded(Seen()), handshake(*fields, query=query))
    if code is None:
        assert messages[0]["type"] == "websocket.accept"
    else:
        assert status(messages) == code


def test_closed_by_default() -> None:
    """Without the option neither place is looked at, and nothing is taken out."""
    fields = (PROTOCOLS, b"bearer, " + TOKEN)
    app = Seen()
    plain = GuardMiddleware(app, guard=guard())
    assert status(sent(plain, handshake(fields, query=b"access_token=" + TOKEN))) == 401
    sent(
        GuardMiddleware(app, guard=guard(), optional=True),
        handshake(fields, query=b"access_token=x"),
    )
    assert app.scope["query_string"] == b"access_token=x"
    assert app.scope["headers"] == [fields]


def test_http_takes_none_of_it() -> None:
    """What is for handshakes, or for GET, is not looked at in other requests."""
    scope = handshake((PROTOCOLS, b"bearer, " + TOKEN), query=b"access_token=" + TOKEN)
    scope.update({"type": "http", "method": "POST"})
    assert status(sent(guarded(Seen()), scope)) == 401


def test_app_sees_no_token() -> None:
    """Both are taken out of all that the app sees, and what else was there stays."""
    app = Seen("chat")
    host = (b"host", b"x")
    offered = (PROTOCOLS, b"bearer, " + TOKEN + b", chat")
    scope = handshake(host, offered, subprotocols=("bearer", TOKEN.decode(), "chat"))
    assert sent(guarded(app), scope)[0]["subprotocol"] == "chat"
    assert app.scope["headers"] == [host, (PROTOCOLS, b"chat")]
    assert app.scope["subprotocols"] == ["chat"]
    assert TOKEN.decode() not in str({**app.scope, "jwt_guard.identity": None})
    scope = handshake(host, query=b"a=1&access_token=" + TOKEN)
    sent(guarded(app), scope)
    assert app.scope["query_string"] == b"a=1"
    # The server logs its own scope.
    assert TOKEN.decode() not in str(scope)


def test_never_echoed() -> None:
    """An app that selects no protocol selects "bearer", for browsers insist on one."""
    app = Seen()
    offered = (PROTOCOLS, b"bearer, " + TOKEN)
    (accept,) = sent(guarded(app), handshake(offered, subprotocols=("bearer", TOKEN.decode())))
    assert accept["subprotocol"] == "bearer"
    assert app.scope["subprotocols"] == []
    assert app.scope["headers"] == []
    (accept,) = sent(guarded(app), handshake(query=b"access_token=" + TOKEN))
    assert accept["subprotocol"] is None


def test_cookie() -> None:
    """A cookie opens a handshake for pages of ours alone."""
    kept = Cookie("token", origins=["https://app.example"])
    app = guarded(Seen(), kept)
    cookie = (b"cookie", b"token=" + TOKEN)
    ours = (b"origin", b"https://app.example")
    assert sent(app, handshake(cookie, ours))[0]["type"] == "websocket.accept"
    assert status(sent(app, handshake(cookie))) == 403
    assert status(sent(app, handshake(cookie, (b"origin", b"https://evil.example")))) == 403
    assert status(sent(app, handshake(cookie, ours, query=b"access_token=" + TOKEN))) == 400


def test_cookie_of_an_outer_guard() -> None:
    """What the outer guard found in a cookie excuses nothing that the inner one finds."""
    path = websocket()["path"]
    inner = GuardMiddleware(Seen(), guard=guard(credentials=EVERYWHERE), optional=[path])
    kept = Cookie("token", origins=["https://app.example"])
    outer = GuardMiddleware(inner, guard=guard(credentials=[kept]))
    fields = ((b"cookie", b"token=" + TOKEN), (b"origin", b"https://app.example"))
    assert status(sent(outer, handshake(*fields, query=b"access_token=x"))) == 401
    assert sent(outer, handshake(*fields))[0]["type"] == "websocket.accept"


class Chat:
    """An app that greets, then waits for whatever comes."""

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.error: OSError | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.received.append(await receive())
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": str(identity_of(scope).subject)})
        while self.received[-1]["type"] != "websocket.disconnect":
            self.received.append(await receive())
        # Whoever asks once more is told once more, and does not hang.
        self.received.append(await receive())
        try:
            await send({"type": "websocket.send", "text": "too late"})
        except OSError as error:
            self.error = error


def on_asyncio(run: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await run()

    asyncio.run(main())


RUNNERS: dict[str, Callable[[Callable[[], Awaitable[None]]], None]] = {
    "asyncio": on_asyncio,
    "trio": trio.run,
}


@pytest.mark.parametrize("runner", RUNNERS)
@pytest.mark.parametrize("fails", [False, True], ids=["sent", "gone"])
@pytest.mark.parametrize(("max_age", "end"), [(None, 310), (60, 70)])
def test_end(runner: str, max_age: float | None, end: float, *, fails: bool) -> None:
    """When a token is accepted no longer, its connection is closed, as if the client had gone.

    That is at its exp and the leeway, or when it is too old; whichever comes first.
    """
    instant = [NOW + end - 0.2]
    started = time.monotonic()
    one = guard(issuer(max_age=max_age), clock=lambda: instant[0] + time.monotonic() - started)
    app, messages = Chat(), list[Message]()

    async def sleep(seconds: float) -> None:
        sleeping: Any = asyncio.sleep if runner == "asyncio" else trio.sleep
        await sleeping(seconds)

    async def receive() -> Message:
        if not app.received:
            return {"type": "websocket.connect"}
        # The client is silent, and what waits for it is ended with the rest.
        while True:
            await sleep(0.01)

    async def send(message: Message) -> None:
        messages.append(message)
        if message["type"] == "websocket.close" and fails:
            raise RuntimeError("this connection was closed a moment ago")

    async def main() -> None:
        wrapped = GuardMiddleware(app, guard=one, expiry_code=4401)
        await wrapped(websocket(bearer(token())), receive, send)

    RUNNERS[runner](main)
    assert instant[0] + time.monotonic() - started >= NOW + end
    assert messages[-1] == {"type": "websocket.close", "code": 4401, "reason": ""}
    assert app.received[-1] == {"type": "websocket.disconnect", "code": 4401}
    assert str(app.error) == "closed: the access token expired"


@pytest.mark.parametrize("runner", RUNNERS)
def test_end_of_the_app(runner: str) -> None:
    """An app that is done before leaves nothing waiting behind."""
    wrapped = GuardMiddleware(Seen(), guard=guard(), expiry_code=4401)
    messages = list[Message]()

    async def receive() -> Message:
        raise AssertionError("the app asks for nothing")

    async def send(message: Message) -> None:
        messages.append(message)

    async def main() -> None:
        before = tasks[runner]()
        await wrapped(websocket(bearer(token())), receive, send)
        # What was cancelled needs a turn or two to end.
        turn: Any = asyncio.sleep if runner == "asyncio" else trio.sleep
        for _ in range(3):
            await turn(0)
        assert tasks[runner]() == before

    tasks: dict[str, Callable[[], int]] = {
        "asyncio": lambda: len(asyncio.all_tasks()),
        "trio": lambda: trio.lowlevel.current_statistics().tasks_living,
    }
    RUNNERS[runner](main)
    assert [message["type"] for message in messages] == ["websocket.accept"]


def test_left_open() -> None:
    """Without a code, or without a token, nothing ends a connection."""
    wrapped = GuardMiddleware(Seen(), guard=guard(), expiry_code=4401, optional=True)
    assert sent(wrapped, websocket())[0]["type"] == "websocket.accept"


@pytest.mark.parametrize("code", [0, 1000, 1001, 2999, 5000, True, "4401"])
def test_bad_code(code: Any) -> None:
    """A close code is one that applications may send."""
    with pytest.raises(ConfigurationError, match="3000 to 4999"):
        GuardMiddleware(Seen(), guard=guard(), expiry_code=code)


@pytest.mark.parametrize("code", [1008, 3000, 4401, 4999, None])
def test_good_code(code: int | None) -> None:
    """Private codes will do, and so will "policy violation"."""
    GuardMiddleware(Seen(), guard=guard(), expiry_code=code)


def test_uvicorn(capfd: pytest.CaptureFixture[str]) -> None:
    """Under a real server and client: both places, the end, and no token in its log."""
    # The token's exp, and ten seconds of leeway, less than a second and a half away.
    short, started = token(), time.monotonic()
    app = Chat()

    def clock() -> float:
        return NOW + 308.6 + time.monotonic() - started

    wrapped = GuardMiddleware(
        app, guard=guard(clock=clock, credentials=EVERYWHERE), expiry_code=4401
    )
    with serving(wrapped, log_level="info") as port:
        url = f"ws://127.0.0.1:{port}/"
        with connect(url, subprotocols=[Subprotocol("bearer"), Subprotocol(short)]) as accepted:
            assert accepted.subprotocol == "bearer"
            assert accepted.recv() == "joe"
            with pytest.raises(ConnectionClosed) as closed:
                accepted.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        assert app.received[-1]["type"] == "websocket.disconnect"
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{url}?a=1&access_token={short}").close()
        assert refused.value.response.status_code == 401
    logged = "".join(capfd.readouterr())
    assert "?a=1" in logged
    assert short not in logged
