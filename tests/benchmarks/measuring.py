"""One run, interleaved: in every round each contestant has its turn, so that a slow
moment of the machine hits all of them. Figures are medians over the rounds."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping

# A batch of requests is timed as one, long enough for the clock not to matter.
_BATCH_SECONDS = 0.002

Once = Callable[[], object]


def awaited(call: Callable[[], Awaitable[object]], loop: asyncio.AbstractEventLoop) -> "Batch":
    """Return a batch of *call*s on *loop*, entered once."""

    async def repeat(number: int) -> None:
        for _ in range(number):
            await call()

    return lambda number: loop.run_until_complete(repeat(number))


def repeated(call: Once) -> "Batch":
    """Return a batch of *call*s."""

    def repeat(number: int) -> None:
        for _ in range(number):
            call()

    return repeat


Batch = Callable[[int], object]


def medians(batches: Mapping[str, Batch], rounds: int) -> dict[str, float]:
    """Return the median time of one call of each batch, in microseconds."""
    sizes = {name: _size(batch) for name, batch in batches.items()}
    times: dict[str, list[float]] = {name: [] for name in batches}
    for _ in range(rounds):
        for name, batch in batches.items():
            times[name].append(_seconds(batch, sizes[name]) / sizes[name] * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def _size(batch: Batch) -> int:
    _seconds(batch, 5)
    return max(3, round(_BATCH_SECONDS / max(_seconds(batch, 20) / 20, 1e-9)))


def _seconds(batch: Batch, number: int) -> float:
    start = time.perf_counter()
    batch(number)
    return time.perf_counter() - start
