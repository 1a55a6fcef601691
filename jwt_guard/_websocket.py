"""ASGI 3.0, WebSocket: refused before it is accepted, closed when its token expires."""

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

from ._asgi import POLICY_VIOLATION, ASGIApp, Message, Receive, Scope, Send, refuse
from ._guard import Guard
from ._wait import on_asyncio, sleep
from .errors import AuthError, ConfigurationError

# RFC 6455 §7.4.2: what applications may say; and "policy" of §7.4.1.
_PRIVATE_CODES = range(3000, 5000)


def check_code(code: object) -> int | None:
    """Return *code*, a WebSocket's close code, or None.

    Raises:
        ConfigurationError: It is not one that an application may say.
    """
    if code is None or (
        isinstance(code, int)
        and not isinstance(code, bool)
        and (code == POLICY_VIOLATION or code in _PRIVATE_CODES)
    ):
        return code
    raise ConfigurationError(f"expiry_code is 1008 or 3000 to 4999, not {code!r}")


class Conversation:
    """One WebSocket, as far as what is sent tells.

    Attributes:
        accepted: Whether the app has accepted it.
        closed: Whether it has been closed, or denied.
        select: The subprotocol to answer with if the app selects none, or None.
    """

    __slots__ = ("_send", "accepted", "closed", "select")

    def __init__(self, send: Send) -> None:
        """Nothing has been sent by *send* yet."""
        self._send = send
        self.accepted = False
        self.closed = False
        self.select: str | None = None

    def send(self, message: Message) -> Awaitable[None]:
        """Send *message* of the app.

        A browser gives up if it offered protocols and none is selected: where the
        token came as one, and the app selects none, that is "bearer".
        """
        kind = message["type"]
        if kind == "websocket.accept":
            self.accepted = True
            if self.select is not None and not message.get("subprotocol"):
                message = {**message, "subprotocol": self.select}
        elif kind in ("websocket.close", "websocket.http.response.start"):
            self.closed = True
        return self._send(message)

    async def refuse(self, guard: Guard, error: AuthError, scope: Scope) -> None:
        """Answer *error*, or raise it where that is too late."""
        if self.closed:
            raise error
        if self.accepted:
            guard.refuse(error, method="GET", path=scope["path"])
            await self._send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})
        else:
            await refuse(guard, error, scope, self._send)


def ending(app: ASGIApp, code: int, seconds_left: Callable[[], float]) -> ASGIApp:
    """Return *app* whose connection is closed with *code* when no time is left.

    From then on it is to the app as if the client had gone: it receives a disconnect,
    and what it sends raises OSError, as ASGI says. Whatever *seconds_left* says that
    is no number of seconds, or raises, ends it too.
    """

    async def until_then(scope: Scope, receive: Receive, send: Send) -> None:
        receiving = _Receiving(receive, {"type": "websocket.disconnect", "code": code})

        async def sending(message: Message) -> None:
            if receiving.over:
                raise OSError("closed: the access token expired")
            await send(message)

        async def end() -> None:
            with suppress(Exception):
                while (left := seconds_left()) > 0:
                    await sleep(left)
            # A receive that waits for the client holds some servers' close back.
            await receiving.end()
            # The connection may have ended at this very moment.
            with suppress(Exception):
                await send({"type": "websocket.close", "code": code, "reason": ""})

        ending = _spawn(end)
        try:
            await app(scope, receiving, sending)
        finally:
            # Once it is over, the client learns it even if the app is done first.
            if receiving.over:
                await ending.join()
            else:
                ending.cancel()

    return until_then


class _Receiving:
    """A `receive` that can be ended while it waits."""

    def __init__(self, receive: Receive, last: Message) -> None:
        self._receive = receive
        self._last = last
        self._cancel: list[Callable[[], object]] = []
        self.over = False

    async def end(self) -> None:
        """Answer with the last message, now and from now on."""
        self.over = True
        for cancel in self._cancel:
            cancel()
        # What waited takes its turn first.
        await sleep(0)

    async def __call__(self) -> Message:
        if self.over:
            return self._last
        wait = self._on_asyncio if on_asyncio() else self._on_trio
        message = await wait()
        return self._last if self.over or message is None else message

    async def _on_asyncio(self) -> Message | None:
        import asyncio  # noqa: PLC0415  it runs, so it is there; others need not load it

        received = asyncio.ensure_future(self._receive())
        self._cancel.append(received.cancel)
        try:
            await asyncio.wait([received])
            return None if received.cancelled() else received.result()
        finally:
            received.cancel()
            self._cancel.remove(received.cancel)

    async def _on_trio(self) -> Message | None:
        message = None
        with sys.modules["trio"].CancelScope() as waiting:
            self._cancel.append(waiting.cancel)
            try:
                message = await self._receive()
            finally:
                self._cancel.remove(waiting.cancel)
        return message


class _Task(NamedTuple):
    """What runs beside the caller."""

    cancel: Callable[[], object]
    join: Callable[[], Awaitable[object]]


def _spawn(run: Callable[[], Awaitable[None]]) -> _Task:
    """Run beside the caller, on asyncio or trio."""
    if on_asyncio():
        import asyncio  # noqa: PLC0415  it runs, so it is there; others need not load it

        task = asyncio.ensure_future(run())
        return _Task(task.cancel, lambda: asyncio.wait([task]))
    trio = sys.modules["trio"]
    running, done = trio.CancelScope(), trio.Event()

    async def within() -> None:
        with running:
            await run()
        done.set()

    trio.lowlevel.spawn_system_task(within)
    return _Task(running.cancel, done.wait)
