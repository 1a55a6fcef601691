"""What is waited for: woken at once, bounded from the fetch's start, on every kind of loop."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import trio

from jwt_guard._wait import Fetch, Pause, Together, on_asyncio, sleep

Run = Callable[[Callable[[], Awaitable[None]]], None]


def by_asyncio(main: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await main()

    asyncio.run(run())


def by_trio(main: Callable[[], Awaitable[None]]) -> None:
    trio.run(main)


LOOPS = pytest.mark.parametrize("run", [by_asyncio, by_trio])


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Done:
    """A wait that is over, and counted."""

    def __init__(self) -> None:
        self.waited = 0

    def wait(self) -> None:
        self.waited += 1

    async def wait_async(self) -> None:
        self.waited += 1


def finish_soon(fetch: Fetch) -> threading.Thread:
    def finish() -> None:
        time.sleep(0.05)
        fetch.finish()

    thread = threading.Thread(target=finish)
    thread.start()
    return thread


def seconds(call: Callable[[], object]) -> float:
    """Return how long *call* takes; one that hangs fails, and does not hang the suite."""
    start = time.perf_counter()
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(8)
    assert not thread.is_alive()
    return time.perf_counter() - start


def test_thread_is_woken() -> None:
    """A thread goes on when the fetch ends, and not when the time is over."""
    fetch = Fetch(30)
    thread = finish_soon(fetch)
    assert seconds(fetch.wait) < 5
    thread.join()
    assert fetch.finished
    assert seconds(fetch.wait) < 0.5


@LOOPS
def test_task_is_woken(run: Run) -> None:
    """Tasks go on when the fetch ends, all of them."""
    fetch = Fetch(30)
    thread = finish_soon(fetch)

    async def main() -> None:
        if on_asyncio():
            await asyncio.gather(fetch.wait_async(), fetch.wait_async())
        else:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fetch.wait_async)
                nursery.start_soon(fetch.wait_async)

    assert seconds(lambda: run(main)) < 5
    thread.join()
    # Over already: no loop is asked for anything.
    run(fetch.wait_async)


@LOOPS
def test_bound(run: Run) -> None:
    """Nobody waits longer than that, a thread or a task."""
    assert 0.09 < seconds(Fetch(0.1).wait) < 2
    fetch = Fetch(0.1)
    assert 0.09 < seconds(lambda: run(fetch.wait_async)) < 2
    assert not fetch.finished


@LOOPS
def test_bound_from_the_start(run: Run) -> None:
    """The time counts from the fetch's start: who comes too late does not wait at all."""
    clock = Clock()
    fetch = Fetch(30, clock=clock)
    assert fetch.started_at == 100
    clock.now += 20
    assert fetch.seconds_left() == 10
    clock.now += 9.95
    assert 0.03 < seconds(fetch.wait) < 2
    clock.now += 20
    assert fetch.seconds_left() == 0
    assert seconds(fetch.wait) < 1
    assert seconds(lambda: run(fetch.wait_async)) < 1


def test_finished_twice() -> None:
    """A second end does no harm."""
    fetch = Fetch(1)
    fetch.finish()
    fetch.finish()
    assert fetch.finished


@LOOPS
def test_loop_that_is_gone(run: Run) -> None:
    """A fetch that ends after the loop did raises nothing, and wakes the others."""
    fetch = Fetch(30)

    async def leave() -> None:
        if on_asyncio():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(fetch.wait_async(), 0.01)
        else:
            with trio.move_on_after(0.01):
                await fetch.wait_async()

    run(leave)
    thread = finish_soon(fetch)
    assert seconds(fetch.wait) < 5
    thread.join()
    assert fetch.finished


def test_cancelled_task() -> None:
    """A task that was cancelled while it waited is not woken, on a loop that goes on."""

    async def main() -> None:
        errors = list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        fetch = Fetch(30)
        task = asyncio.create_task(fetch.wait_async())
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        fetch.finish()
        await asyncio.sleep(0.01)
        assert errors == []

    asyncio.run(main())


def test_late_wake() -> None:
    """A wake-up that comes after the bound, on a loop that goes on, is no error."""

    async def main() -> None:
        errors = list[object]()
        asyncio.get_running_loop().set_exception_handler(lambda _, error: errors.append(error))
        fetch = Fetch(0.01)
        await fetch.wait_async()
        fetch.finish()
        await asyncio.sleep(0.01)
        assert errors == []

    asyncio.run(main())


@LOOPS
def test_pause(run: Run) -> None:
    """A line that pauses twice is gone on with twice, and ends with what it found."""
    waits = [Done(), Done()]
    second: Pause[str] = Pause(waits[1], lambda: "found")
    line: Pause[str] = Pause(waits[0], lambda: second)
    assert line.finish() == "found"
    found = list[str]()

    async def main() -> None:
        found.append(await line.finish_async())

    run(main)
    assert found == ["found"]
    assert [wait.waited for wait in waits] == [2, 2]


@LOOPS
def test_together(run: Run) -> None:
    """Several waits are all waited for; what began together ends together."""
    waits = [Done(), Done()]
    both = Together(waits)
    both.wait()
    run(both.wait_async)
    assert [wait.waited for wait in waits] == [2, 2]
    hanging = Together([Fetch(0.1) for _ in range(10)])
    assert 0.09 < seconds(hanging.wait) < 0.6


@LOOPS
def test_sleep(run: Run) -> None:
    """Sleep knows the loop it is on."""

    async def main() -> None:
        assert on_asyncio() is (run is by_asyncio)
        await sleep(0.01)

    assert seconds(lambda: run(main)) >= 0.01


LOADED = """
import sys
from jwt_guard import _wait
fetch = _wait.Fetch(0)
fetch.wait()
assert not _wait.on_asyncio()
sys.exit("asyncio" in sys.modules and "asyncio is loaded")
"""


def test_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who uses threads alone does not load asyncio for it."""
    monkeypatch.delitem(sys.modules, "asyncio")
    assert not on_asyncio()
    code = LOADED.replace("from jwt_guard import _wait", ALONE)
    subprocess.run([sys.executable, "-c", code], check=True)


# Without the package around it, which may load what it likes.
ALONE = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("_wait", {sys.modules[Fetch.__module__].__file__!r})
_wait = importlib.util.module_from_spec(spec)
sys.modules["_wait"] = _wait
spec.loader.exec_module(_wait)
"""
