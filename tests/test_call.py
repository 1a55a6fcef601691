"""One call of an app's function, for everybody who waits: jwt_guard._call."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from jwt_guard import _call as call_module
from jwt_guard._call import Call
from jwt_guard.errors import StoreUnavailable


def make(over: Callable[[], object] = lambda: None) -> Call[int, int]:
    def doubled(number: int) -> int:
        return 2 * number

    return Call("test=", lambda hint: StoreUnavailable(hint=hint), then=doubled, over=over)


def test_plain() -> None:
    """A plain function has answered once it is called."""
    ended: list[bool] = []
    call = make(lambda: ended.append(True))
    call.begin(lambda number: number + 1, 20)
    assert call.over
    assert ended == [True]
    assert call.answer() == 42


def test_no_answer_yet() -> None:
    """Before there is an answer, there is none."""
    with pytest.raises(StoreUnavailable) as info:
        make().answer()
    assert info.value.hint == "test= takes long"


def test_interrupted() -> None:
    """Who waits for a call that was interrupted waits no longer."""
    call = make()

    def interrupted(_number: int) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call.begin(interrupted, 1)
    call.wait()
    with pytest.raises(StoreUnavailable):
        call.answer()


async def at_once(number: int) -> int:
    return number + 1


def later(runs: Callable[[], Awaitable[None]], counts: list[int]) -> Callable[[int], Any]:
    async def add(number: int) -> int:
        counts.append(number)
        await runs()
        return number + 1

    return add


def test_async_on_a_thread() -> None:
    """On a thread an async function that has nothing to wait for has its answer."""
    call = make()
    call.begin(at_once, 20)
    assert not call.over
    call.wait()
    call.wait()
    assert call.answer() == 42


def test_async_that_waits_on_a_thread(caplog: pytest.LogCaptureFixture) -> None:
    """One that waits needs an event loop; without it there is no answer, and no hang."""
    call = make()

    async def waits(_number: int) -> int:
        await asyncio.sleep(0)
        raise AssertionError

    call.begin(waits, 1)
    call.wait()
    with pytest.raises(StoreUnavailable):
        call.answer()
    assert "test= raised RuntimeError, _call.py:" in caplog.text


def test_shared_on_asyncio() -> None:
    """All who wait on a loop get the one answer of the one call."""
    counts: list[int] = []
    call = make()
    call.begin(later(lambda: asyncio.sleep(0.01), counts), 20)

    async def main() -> None:
        await asyncio.gather(*(call.wait_async() for _ in range(5)))

    asyncio.run(main())
    assert (counts, call.answer()) == ([20], 42)


def test_shared_on_trio() -> None:
    """The same on trio."""
    counts: list[int] = []
    call = make()
    call.begin(later(trio.lowlevel.checkpoint, counts), 20)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(call.wait_async)

    trio.run(main)
    assert (counts, call.answer()) == ([20], 42)


def test_thread_waits_for_a_loop() -> None:
    """A thread waits for what an event loop awaits."""
    call, begun = make(), threading.Event()

    async def slow() -> None:
        begun.set()
        await asyncio.sleep(0.05)

    call.begin(later(slow, []), 20)
    loop = threading.Thread(target=lambda: asyncio.run(call.wait_async()))
    loop.start()
    assert begun.wait(5)
    call.wait()
    loop.join()
    assert call.answer() == 42


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_bounded(runner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(call_module, "_SECONDS", 0.01)
    call = make()

    async def hang() -> None:
        if runner == "asyncio":
            await asyncio.sleep(60)
        else:
            await trio.sleep(60)

    call.begin(later(hang, []), 1)
    if runner == "asyncio":
        asyncio.run(call.wait_async())
    else:
        trio.run(call.wait_async)
    with pytest.raises(StoreUnavailable) as info:
        call.answer()
    assert info.value.hint in {"test= raised TimeoutError", "test= raised TooSlowError"}


def test_cancelled() -> None:
    """Whoever waits for one that was cancelled goes on at once, without an answer."""
    call, ended = make(), list[bool]()
    call = make(lambda: ended.append(True))

    async def main() -> None:
        call.begin(later(lambda: asyncio.sleep(60), []), 1)
        first = asyncio.ensure_future(call.wait_async())
        await asyncio.sleep(0)
        second = asyncio.ensure_future(call.wait_async())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 1)

    asyncio.run(main())
    assert ended == [True]
    with pytest.raises(StoreUnavailable):
        call.answer()
