"""Rotation every 5 s, faults at random, constant load: zero wrong answers.

JWT_GUARD_SOAK_SECONDS (600) sets the length, JWT_GUARD_SOAK_PLOT (soak.png) the
file that the plot is written to.
"""

import asyncio
import gc
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast
from wsgiref.util import setup_testing_defaults

import pytest

from jwt_guard import Guard, Issuer
from jwt_guard.asgi import GuardMiddleware as AsgiMiddleware
from jwt_guard.asgi import Message, Receive, Scope, Send
from jwt_guard.keys import Discovery, HttpFetcher
from jwt_guard.wsgi import GuardMiddleware as WsgiMiddleware
from tests.keys import provider as faults
from tests.keys.provider import AUDIENCE, Fault, Provider, answering, running

SECONDS = float(os.environ.get("JWT_GUARD_SOAK_SECONDS", "600"))

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)]
ROTATION = 5.0
# Keys are published so long before they sign, and withdrawn so long after: a
# lifetime of one minute, and the longest series of faults on top.
AHEAD, BEHIND = 120.0, 30.0
# When a withdrawn key is refused for certain: once a later refresh has succeeded.
FORGOTTEN = 150.0
FAULTS: list[Fault] = [
    faults.hang,
    faults.reset,
    faults.drip_body,
    faults.cut,
    answering(b"", 500),
    answering(b"<html>"),
    answering(b'{"keys": []}'),
]


class World:
    """The provider as time goes by, and what was seen."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.random = random.Random(1)  # noqa: S311  a seed makes the run repeatable
        self.start = time.monotonic()
        self.stop = threading.Event()
        self.wrong: list[str] = []
        self.latencies: dict[str, list[tuple[float, float]]] = {"WSGI": [], "ASGI": []}
        self.fetches: list[tuple[float, int]] = []
        self.memory: list[tuple[float, float]] = []
        self._born: dict[str, float] = {}
        for number in range(int(AHEAD / ROTATION)):
            self._publish(self.now - AHEAD + number * ROTATION)

    @property
    def now(self) -> float:
        return time.monotonic() - self.start

    def _publish(self, born: float) -> None:
        kid = f"k{len(self._born)}"
        self._born[kid] = born
        self.provider.add_key(kid)

    def turn(self) -> None:
        """Publish a key, withdraw old ones, and begin or end a fault."""
        self._publish(self.now)
        for kid, born in list(self._born.items()):
            if self.now - born > AHEAD + ROTATION + BEHIND:
                self.provider.remove_key(kid)
        faulty = self.provider.fault is None and self.random.random() < 0.5
        self.provider.fault = self.random.choice(FAULTS) if faulty else None

    def request(self) -> tuple[bytes, set[int]]:
        """Return an Authorization value and the right answers to it."""
        draw = self.random.random()
        signing = [k for k, b in list(self._born.items()) if AHEAD <= self.now - b < AHEAD + 20]
        kid = self.random.choice(signing or ["k0"])
        if draw < 0.9:
            return self.provider.token(kid), {200}
        gone = [k for k, b in list(self._born.items()) if self.now - b > AHEAD + BEHIND + FORGOTTEN]
        if draw < 0.94 and gone:
            return self.provider.token(self.random.choice(gone)), {401, 503}
        if draw < 0.97:
            return self.provider.token(kid, exp=int(time.time()) - 60), {401}
        return self.provider.token(kid, header_kid=f"r{draw}"), {401, 503}

    def saw(self, surface: str, status: int, expected: set[int], seconds: float) -> None:
        self.latencies[surface].append((self.now, seconds))
        if status not in expected:
            self.wrong.append(f"{self.now:.1f} s, {surface}: {status}, not {expected}")


def call_wsgi(app: Any, authorization: bytes) -> int:
    environ: dict[str, Any] = {"HTTP_AUTHORIZATION": authorization.decode()}
    setup_testing_defaults(environ)
    seen: list[int] = []

    def start_response(status: str, *_rest: object) -> None:
        seen.append(int(status[:3]))

    app(environ, start_response)
    return seen[0]


async def call_asgi(app: Any, authorization: bytes) -> int:
    seen: list[Message] = []

    async def send(message: Message) -> None:
        seen.append(message)

    headers = [(b"authorization", authorization)]
    scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
    await app(scope, None, send)
    status: int = seen[0]["status"]
    return status


def wsgi_hello(_environ: Any, start_response: Callable[..., object]) -> list[bytes]:
    start_response("200 OK", [])
    return []


async def asgi_hello(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


def load_wsgi(world: World, app: Any) -> None:
    while not world.stop.is_set():
        authorization, expected = world.request()
        begin = time.perf_counter()
        status = call_wsgi(app, authorization)
        world.saw("WSGI", status, expected, time.perf_counter() - begin)
        time.sleep(0.01)


async def load_asgi(world: World, app: Any) -> None:
    while not world.stop.is_set():
        authorization, expected = world.request()
        begin = time.perf_counter()
        status = await call_asgi(app, authorization)
        world.saw("ASGI", status, expected, time.perf_counter() - begin)
        await asyncio.sleep(0.01)


def resident_mib() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_soak() -> None:
    """Every good token is let in and every bad one kept out, in flat memory."""
    with running() as provider:
        world = World(provider)
        fetcher = HttpFetcher(total_seconds=2)
        guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=Discovery(fetcher=fetcher)))
        guard.warm_up()
        provider.headers = {"Cache-Control": "max-age=60"}
        wsgi = WsgiMiddleware(wsgi_hello, guard=guard)
        asgi = AsgiMiddleware(asgi_hello, guard=guard)
        threads = [
            threading.Thread(target=load_wsgi, args=(world, wsgi)),
            threading.Thread(target=lambda: asyncio.run(load_asgi(world, asgi))),
        ]
        for thread in threads:
            thread.start()
        while world.now < SECONDS:
            time.sleep(ROTATION)
            world.turn()
            world.fetches.append((world.now, len(provider.fetches)))
            world.memory.append((world.now, resident_mib()))
        world.stop.set()
        for thread in threads:
            thread.join()
    plot(world)
    assert world.wrong == []
    assert all(len(seen) > SECONDS * 20 for seen in world.latencies.values())
    assert len(provider.fetches) < SECONDS
    settled = [mib for instant, mib in world.memory if instant > SECONDS / 5]
    # What the run itself remembers, two floats a request, is no leak of the guard's.
    remembered = sum(map(len, world.latencies.values())) * 200 / 2**20
    assert settled[-1] - settled[0] < 4 + remembered


def plot(world: World) -> None:
    """Write latency, fetches and memory over time."""
    import matplotlib as mpl  # noqa: PLC0415  only the soak needs it

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415  after the backend is chosen

    figure, (latency, fetches, memory) = plt.subplots(3, sharex=True, figsize=(9, 7))
    for surface, seen in world.latencies.items():
        latency.semilogy(*zip(*seen, strict=True), ".", markersize=1, label=surface)
    latency.set_ylabel("seconds per request")
    latency.legend()
    fetches.step(*zip(*world.fetches, strict=True))
    fetches.set_ylabel("fetches")
    memory.plot(*zip(*world.memory, strict=True))
    memory.set_ylabel("MiB resident")
    memory.set_xlabel("seconds")
    cast("Any", figure).savefig(os.environ.get("JWT_GUARD_SOAK_PLOT", "soak.png"))
