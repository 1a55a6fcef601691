"""How cost and memory grow: cache, threads, header fields."""

import gc
import itertools
import statistics
import threading
import time
import tracemalloc

from jwt_guard import Guard, asgi
from tests.benchmarks.apps import COLD_CACHE, COLD_TOKENS, Suite, bare_asgi
from tests.benchmarks.measuring import Batch, medians, repeated
from tests.benchmarks.tokens import Signer

SIZES = (10, 100, 1_000, 10_000, 100_000)
FIELDS = (1, 10, 30)
THREADS = (1, 2, 4)


def full_cache(signer: Signer, entries: int = 4096, size: int = 1024) -> float:
    """Return the memory of a cache full of tokens of *size* bytes, in MiB."""
    values = [b"Bearer " + signer.token(size).encode() for _ in range(entries)]
    guard = signer.guard(cache_size=entries)
    gc.collect()
    tracemalloc.start()
    for value in values:
        guard.authenticate([value])
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if guard.cache_counters.evictions or guard.cache_counters.misses != entries:
        raise AssertionError
    return taken / 2**20


def growing_cache(
    signer: Signer, rounds: int, sizes: tuple[int, ...]
) -> dict[str, dict[str, float]]:
    """Return the cost of a hit, in µs, by the number of entries.

    Of one caller, whose entry stays in the processor's cache, and of a thousand
    callers out of all in turn, whose entries do not.
    """
    one: dict[str, Batch] = {}
    many: dict[str, Batch] = {}
    for size in sizes:
        guard = signer.guard(cache_size=size)
        values = [[b"Bearer " + signer.token(400).encode()] for _ in range(size)]
        for value in values:
            guard.authenticate(value)
        one[str(size)] = _asking(guard, values[:1])
        many[str(size)] = _asking(guard, values[:: max(1, size // 1000)])
    return {"one caller": medians(one, rounds), "a thousand callers": medians(many, rounds)}


def _asking(guard: Guard, values: list[list[bytes]]) -> Batch:
    turn = itertools.cycle(values)
    return repeated(lambda: guard.authenticate(next(turn)))


def header_fields(signer: Signer, suite: Suite, rounds: int) -> dict[str, float]:
    """Return the cost of the guard over the bare app, in µs, by header fields."""
    guarded = asgi.GuardMiddleware(bare_asgi, guard=signer.guard())
    batches = {f"{n} guarded": suite.asgi(guarded, fields=n) for n in FIELDS}
    batches |= {f"{n} bare": suite.asgi(bare_asgi, fields=n) for n in FIELDS}
    found = medians(batches, rounds)
    return {str(n): found[f"{n} guarded"] - found[f"{n} bare"] for n in FIELDS}


def threads(signer: Signer, rounds: int, seconds: float) -> dict[str, dict[str, float]]:
    """Return authentications per second of all threads together, hot and cold."""
    hot, cold = signer.guard(), signer.guard(cache_size=COLD_CACHE)
    values = [b"Bearer " + signer.token().encode() for _ in range(COLD_TOKENS)]
    found: dict[str, dict[str, list[float]]] = {"hot": {}, "cold": {}}
    for _ in range(rounds):
        for number in THREADS:
            for name, guard, given in (("hot", hot, values[:1]), ("cold", cold, values)):
                rate = _rate(guard, given, number, seconds)
                found[name].setdefault(str(number), []).append(rate)
    return {
        name: {number: statistics.median(rates) for number, rates in by_number.items()}
        for name, by_number in found.items()
    }


def _rate(guard: Guard, values: list[bytes], number: int, seconds: float) -> float:
    counts: list[int] = []
    end = time.perf_counter() + seconds

    def work() -> None:
        turn, count = itertools.cycle([[value] for value in values]), 0
        while time.perf_counter() < end:
            for _ in range(10):
                guard.authenticate(next(turn))
            count += 10
        counts.append(count)

    workers = [threading.Thread(target=work) for _ in range(number)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / seconds
