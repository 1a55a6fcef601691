"""A function of the app's that may be async: called once, and waited for as a Wait."""

import logging
import sys
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import PurePath
from traceback import extract_tb
from typing import Generic, TypeVar

from ._wait import Fetch, on_asyncio
from .errors import AuthError

_log = logging.getLogger("jwt_guard")

_A = TypeVar("_A")
_R = TypeVar("_R")
_T = TypeVar("_T")

# A lookup in a database takes milliseconds; what takes seconds is not going to answer.
_SECONDS = 5.0


class Call(Generic[_T, _R]):
    """One call of an app's function, for everybody who needs its answer.

    A plain function has answered once it is called. What an async one returned is
    awaited by whoever waits first; all others wait for that one.
    """

    def __init__(
        self,
        option: str,
        refuse: Callable[[str], AuthError],
        *,
        then: Callable[[_T], _R],
        over: Callable[[], object] = lambda: None,
    ) -> None:
        """Prepare the call of the function of *option*.

        Args:
            option: What the operator knows the function by, for the log.
            refuse: Makes the refusal from a hint, where no answer is to be had.
            then: Called once with what the function returned; makes the answer.
            over: Called when there is an answer, or none to be had.
        """
        self._over = over
        self._then = then
        self._refuse = refuse
        self._option = option
        self._hint = f"{option} takes long"
        self._fetch = Fetch(_SECONDS)
        self._awaited: list[Awaitable[_T]] = []
        self._answers: list[_R] = []

    @property
    def over(self) -> bool:
        """Whether there is an answer, or none to be had."""
        return self._fetch.finished

    def begin(self, function: Callable[[_A], _T | Awaitable[_T]], argument: _A) -> None:
        """Call *function*, on the thread of a request."""
        over = True
        try:
            found = function(argument)
            if isawaitable(found):
                over = False
                self._awaited.append(found)
            else:
                self._answers.append(self._then(found))
        except Exception as error:  # noqa: BLE001  the app's code, perhaps its database
            self._failed(error)
        finally:
            if over:
                self._end()

    def answer(self) -> _R:
        """Return the answer.

        Raises:
            AuthError: It failed, or has not answered yet.
        """
        if not self._answers:
            raise self._refuse(self._hint)
        return self._answers[0]

    def wait(self) -> None:
        """Block this thread until there is an answer, or for five seconds."""
        awaited = self._taken()
        if awaited is None:
            self._fetch.wait()
            return
        try:
            self._answers.append(self._then(_at_once(awaited)))
        except Exception as error:  # noqa: BLE001  the app's code, perhaps its database
            self._failed(error)
        finally:
            self._end()

    async def wait_async(self) -> None:
        """Wait as `wait` does, without blocking the event loop."""
        awaited = self._taken()
        if awaited is None:
            await self._fetch.wait_async()
            return
        try:
            found = await _in_time(awaited)
            self._answers.append(self._then(found))
        except Exception as error:  # noqa: BLE001  the app's code, perhaps its database
            self._failed(error)
        finally:
            self._end()

    def _taken(self) -> Awaitable[_T] | None:
        """Return what is to be awaited to one caller alone."""
        try:
            return self._awaited.pop()
        except IndexError:
            return None

    def _end(self) -> None:
        self._over()
        self._fetch.finish()

    def _failed(self, error: Exception) -> None:
        """Say what failed and where: its text, and its variables, may be a token's."""
        self._hint = f"{self._option} raised {type(error).__name__}"
        place = extract_tb(error.__traceback__)[-1]
        _log.error("%s, %s:%d", self._hint, PurePath(place.filename).name, place.lineno)


async def _in_time(awaited: Awaitable[_T]) -> _T:
    if on_asyncio():
        # Looked up there: whoever runs on it has imported it, and nobody else need.
        async with sys.modules["asyncio"].timeout(_SECONDS):
            return await awaited
    with sys.modules["trio"].fail_after(_SECONDS):
        return await awaited


def _at_once(awaited: Awaitable[_T]) -> _T:
    """Run what has an answer without an event loop, which a thread has not."""
    steps = awaited.__await__()
    try:
        next(steps)
    except StopIteration as end:
        found: _T = end.value
        return found
    steps.close()
    raise RuntimeError("an async function that waits needs an async host")
