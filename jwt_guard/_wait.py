"""What a request has to wait for, and how threads, asyncio and trio wait."""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

_T_co = TypeVar("_T_co", covariant=True)


class Wait(Protocol):
    """Something that is under way: a fetch, a store's answer."""

    def wait(self) -> None:
        """Block this thread until it is there, but no longer than configured."""
        ...

    async def wait_async(self) -> None:
        """Wait as `wait` does, on an asyncio or trio event loop, blocking neither."""
        ...


@dataclass(frozen=True, slots=True)
class Pause(Generic[_T_co]):
    """A line that has to wait, which is rare.

    Attributes:
        wait: What to wait for.
        go_on: Goes on afterwards, to the end or to the next pause.
    """

    wait: Wait
    go_on: "Callable[[], _T_co | Pause[_T_co]]"

    def finish(self) -> _T_co:
        """Go to the end, blocking this thread where it has to wait."""
        pause: Pause[_T_co] = self
        while True:
            pause.wait.wait()
            found = pause.go_on()
            if not isinstance(found, Pause):
                return found
            pause = cast("Pause[_T_co]", found)

    async def finish_async(self) -> _T_co:
        """Go to the end without blocking the event loop."""
        pause: Pause[_T_co] = self
        while True:
            await pause.wait.wait_async()
            found = pause.go_on()
            if not isinstance(found, Pause):
                return found
            pause = cast("Pause[_T_co]", found)


class Fetch:
    """One fetch under way on another thread; any number may wait for it.

    A wait ends when the fetch does, or *seconds* after the fetch was begun: who
    comes late waits less, so that nobody waits long for what hangs.

    Attributes:
        started_at: When it was begun, by its clock.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin now.

        Args:
            seconds: How long anybody waits, from now on.
            clock: Returns seconds that only grow.
        """
        self._clock = clock
        self.started_at: float = clock()
        self._waited_until = self.started_at + seconds
        # Now and not at import: most never wait, and gevent replaces what it is made of.
        from concurrent.futures import Future  # noqa: PLC0415

        self._done: Future[None] = Future()

    def finish(self) -> None:
        """Wake all who wait; once is enough, and more do no harm."""
        if not self._done.done():
            self._done.set_result(None)

    @property
    def finished(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return self._done.done()

    def seconds_left(self) -> float:
        """Return how long a wait that begins now may take."""
        return max(0.0, self._waited_until - self._clock())

    def wait(self) -> None:
        """Block this thread until it is done; see `Wait`."""
        with suppress(TimeoutError):
            self._done.result(self.seconds_left())

    async def wait_async(self) -> None:
        """Wait on an event loop; see `Wait`."""
        seconds = self.seconds_left()
        if seconds and not self._done.done():
            await (self._wait_asyncio if on_asyncio() else self._wait_trio)(seconds)

    async def _wait_asyncio(self, seconds: float) -> None:
        import asyncio  # noqa: PLC0415  it runs, so it is there; others need not load it

        loop = asyncio.get_running_loop()
        woken = loop.create_future()

        def wake() -> None:
            woken.set_result(None)

        self._done.add_done_callback(lambda _: _call(loop.call_soon_threadsafe, wake))
        await asyncio.wait([woken], timeout=seconds)

    async def _wait_trio(self, seconds: float) -> None:
        trio = sys.modules["trio"]
        token, woken = trio.lowlevel.current_trio_token(), trio.Event()
        self._done.add_done_callback(lambda _: _call(token.run_sync_soon, woken.set))
        with trio.move_on_after(seconds):
            await woken.wait()


@dataclass(frozen=True, slots=True)
class Together:
    """Several waits that are under way at once, until the last one ends."""

    waits: Sequence[Wait]

    def wait(self) -> None:
        """Block this thread; see `Wait`."""
        for one in self.waits:
            one.wait()

    async def wait_async(self) -> None:
        """Wait on an event loop; see `Wait`."""
        for one in self.waits:
            await one.wait_async()


def _call(schedule: Callable[[Callable[[], None]], object], function: Callable[[], None]) -> None:
    """Schedule *function* on a loop that may be gone by now."""
    # trio.RunFinishedError is a RuntimeError, too.
    with suppress(RuntimeError):
        schedule(function)


def on_asyncio() -> bool:
    """Whether the caller runs on asyncio, and not on trio."""
    # Who runs on it has imported it; nobody else need.
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def sleep(seconds: float) -> None:
    """Sleep on asyncio or trio."""
    name = "asyncio" if on_asyncio() else "trio"
    await sys.modules[name].sleep(seconds)
