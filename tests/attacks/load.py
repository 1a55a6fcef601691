"""python -m tests.attacks.load: requests at a rate, over few connections; a plan on standard
input, what came of it on standard output. A process of its own, so that who asks and who is
asked share no interpreter."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent

# Longer than anything that may be waited for; what takes longer is counted as status 0.
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a load met with.

    Attributes:
        statuses: How often each status was answered; 0 is none at all.
        seconds: How long each answer took from the instant it was due, sorted.
        rate: Answers per second.
    """

    statuses: dict[int, int]
    seconds: Sequence[float]
    rate: float

    def quantile(self, share: float) -> float:
        """Return the time within which *share* of the answers came."""
        return self.seconds[min(int(len(self.seconds) * share), len(self.seconds) - 1)]

    def other_than(self, *expected: int) -> int:
        """Return how many answers had none of the expected statuses."""
        return sum(n for status, n in self.statuses.items() if status not in expected)


class Load:
    """A load under way in another process."""

    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        *,
        seconds: float,
        rate: float = 0,
        connections: int = 8,
        most: int = 0,
        begin: float = 0,
        elsewhere: bool = False,
    ) -> None:
        """Begin.

        Args:
            port: The server's, on loopback.
            requests: Sent in turns, as they are.
            seconds: For how long.
            rate: Requests per second; 0 is as many as go.
            connections: Requests under way at once.
            most: Ends after so many requests; 0 is no such end.
            begin: When, in seconds since the epoch: an interpreter that starts costs more
                than a load. By default at once.
            elsewhere: Whether it stands for another machine, and gets what the server and
                other loads leave of this one.
        """
        plan = {
            "port": port,
            "requests": [one.decode("latin-1") for one in requests],
            "seconds": seconds,
            "rate": rate,
            "connections": connections,
            "most": most,
            "begin": begin,
            "elsewhere": elsewhere,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.attacks.load"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(plan).encode())
        self._process.stdin.close()

    def outcome(self) -> Outcome:
        """Return what came of it, once it has ended."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            found = json.loads(output.read())
        self._process.wait()
        statuses = {int(status): number for status, number in found["statuses"].items()}
        return Outcome(statuses, sorted(found["seconds"]), found["rate"])


class _Client:
    """One connection, made anew when the server ends it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> int:
        """Send a request, and return the status of its answer, or 0."""
        for _ in range(2):
            reused = self._streams is not None
            try:
                async with asyncio.timeout(_PATIENCE):
                    return await self._asked(request)
            except TimeoutError:
                self._close()
                return 0
            except (OSError, EOFError, ValueError):
                self._close()
                if not reused:
                    return 0
                # The server ended it between two requests, as it may.
        return 0

    async def _asked(self, request: bytes) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        await reader.readexactly(length)
        if b"connection: close" in head:
            self._close()
        return int(head[9:12])

    def _close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _run(plan: dict[str, Any]) -> dict[str, Any]:
    requests = cycle([one.encode("latin-1") for one in plan["requests"]])
    statuses, seconds = Counter[int](), list[float]()
    os.nice(19 if plan["elsewhere"] else 0)
    await asyncio.sleep(max(0, plan["begin"] - time.time()))
    start = time.perf_counter()
    due = _due(start, plan["seconds"], plan["rate"], plan["most"])

    async def go_on() -> None:
        client = _Client(plan["port"])
        for instant in due:
            pause = instant - time.perf_counter()
            if pause > 0:
                await asyncio.sleep(pause)
            statuses[await client.ask(next(requests))] += 1
            seconds.append(time.perf_counter() - instant)

    await asyncio.gather(*(go_on() for _ in range(plan["connections"])))
    rate = len(seconds) / (time.perf_counter() - start)
    return {"statuses": statuses, "seconds": seconds, "rate": rate}


def _due(start: float, seconds: float, rate: float, most: int) -> Iterator[float]:
    """Yield when each request is due.

    Who is late stays late: what waits for a server that has stopped counts, all of it.
    """
    number = 0
    while not most or number < most:
        instant = start + number / rate if rate else time.perf_counter()
        if instant >= start + seconds:
            return
        yield instant
        number += 1


if __name__ == "__main__":
    json.dump(asyncio.run(_run(json.load(sys.stdin))), sys.stdout)
