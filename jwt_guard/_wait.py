"""What a request has to wait for, and how threads, asyncio and trio wait."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

_T = TypeVar("_T")


class Wait(Protocol):
    """Something that is under way: a fetch, a store's answer."""

    def wait(self) -> None:
        """Block this thread until it is there, but no longer than configured."""
        ...

    async def wait_async(self) -> None:
        """Wait as `wait` does, on an asyncio or trio event loop, blocking neither."""
        ...


@dataclass(frozen=True, slots=True)
class Pause(Generic[_T]):
    """A line that has to wait, which is rare.

    Attributes:
        wait: What to wait for.
        go_on: Goes on afterwards, to the end or to the next pause.
    """

    wait: Wait
    go_on: "Callable[[], _T | Pause[_T]]"

    def finish(self) -> _T:
        """Go to the end, blocking this thread where it has to wait."""
        found: _T | Pause[_T] = self
        while isinstance(found, Pause):
            found.wait.wait()
            found = found.go_on()
        return found

    async def finish_async(self) -> _T:
        """Go to the end without blocking the event loop."""
        found: _T | Pause[_T] = self
        while isinstance(found, Pause):
            await found.wait.wait_async()
            found = found.go_on()
        return found


def on_asyncio() -> bool:
    """Whether the caller runs on asyncio, and not on trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def sleep(seconds: float) -> None:
    """Sleep on asyncio or trio."""
    if on_asyncio():
        await asyncio.sleep(seconds)
    else:
        await sys.modules["trio"].sleep(seconds)
