"""The one fetch under way, and how threads and event loops wait for it."""

import asyncio
import sys
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Protocol

from .._core.token.keys import Key


class Settle(Protocol):
    """Selects keys from the state that a flight leaves behind."""

    def __call__(self, alg: str, kid: str | None, *, landed: bool) -> tuple[Key, ...]:
        """Return the keys, or raise what is to be answered."""
        ...


class Flight:
    """The one fetch of an issuer's keys that is under way."""

    def __init__(self, settle: Settle, seconds: float) -> None:
        """Take off; the worker sets `done` when the new state is in place.

        Args:
            settle: Selects from that state, as (alg, kid, landed=…) -> keys.
            seconds: How long anybody waits.
        """
        self._settle = settle
        self._seconds = seconds
        self.done: Future[None] = Future()

    def settle(self, alg: str, kid: str | None) -> tuple[Key, ...]:
        """Return the keys now that it was waited for; see `FreshKeys.settle`."""
        return self._settle(alg, kid, landed=self.done.done())

    def wait(self) -> None:
        """Block this thread until it lands, but no longer than configured."""
        with suppress(FutureTimeoutError):
            self.done.result(self._seconds)

    async def wait_async(self) -> None:
        """Wait as `wait` does, on an asyncio or trio event loop, blocking neither."""
        if on_asyncio():
            await self._wait_asyncio()
        else:
            await self._wait_trio()

    async def _wait_asyncio(self) -> None:
        loop = asyncio.get_running_loop()
        landed = loop.create_future()

        def land() -> None:
            landed.set_result(None)

        self.done.add_done_callback(lambda _: _call(loop.call_soon_threadsafe, land))
        await asyncio.wait([landed], timeout=self._seconds)

    async def _wait_trio(self) -> None:
        trio = sys.modules["trio"]
        token, landed = trio.lowlevel.current_trio_token(), trio.Event()
        self.done.add_done_callback(lambda _: _call(token.run_sync_soon, landed.set))
        with trio.move_on_after(self._seconds):
            await landed.wait()


def _call(schedule: Callable[[Callable[[], None]], object], function: Callable[[], None]) -> None:
    """Schedule *function* on a loop that may be gone by now."""
    with suppress(RuntimeError):
        schedule(function)


def on_asyncio() -> bool:
    """Tell asyncio from trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
