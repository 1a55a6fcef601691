"""What the audit says of generated apps is what becomes of real requests."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import pytest

from jwt_guard import ConfigurationError, asgi
from jwt_guard.audit._report import access_of
from jwt_guard.audit._starlette import walk
from jwt_guard.audit._verdict import Found, verdicts
from tests.audited.trees import make
from tests.tokens import bearer, claims, token

pytestmark = pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")


def held(value: str) -> dict[str, str]:
    return {"Authorization": bearer(value).decode()}


# Nobody; with a bad token; with a good one that grants nothing; with all there is.
CALLERS: tuple[dict[str, str], ...] = (
    {},
    held("a.b.c"),
    held(token(claims(scope="none"))),
    held(token(claims(scope="one two"))),
)


INTERNAL_ERROR = 500


class Answer(NamedTuple):
    """What became of a request.

    Attributes:
        status: The status.
        name: Which endpoint answered, or "".
    """

    status: int
    name: str


class Asked(NamedTuple):
    """A request for a route."""

    method: str
    path: str
    host: str

    def of(self, app: asgi.ASGIApp, caller: dict[str, str], runner: asyncio.Runner) -> Answer:
        """Ask *app*, as a server does."""
        headers = [(b"host", self.host.encode())]
        headers += [(name.lower().encode(), value.encode()) for name, value in caller.items()]
        scope: asgi.Scope = {
            "type": "http",
            "method": self.method,
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": headers,
        }
        sent: list[asgi.Message] = []

        async def receive() -> asgi.Message:
            raise AssertionError("nobody reads a body")

        async def send(message: asgi.Message) -> None:
            sent.append(message)

        async def ask() -> None:
            with suppress(ConfigurationError):
                await app(scope, receive, send)

        runner.run(ask())
        start: asgi.Message = sent[0] if sent else {"status": INTERNAL_ERROR, "headers": []}
        return Answer(start["status"], dict(start["headers"]).get(b"x-name", b"").decode())


def requests_for(found: Found) -> Iterator[tuple[list[Asked], str]]:
    """Yield for each method a request for each way, and what is said of them together."""
    host = found.host or "other.example"
    paths = [re.sub(r"\{[^}]+\}|\*", "1", way.path) for way in found.ways]
    for methods, verdict in verdicts(found):
        for method in methods:
            asked = [Asked(method.replace("*", "PATCH"), path, host) for path in paths]
            yield asked, access_of(verdict)


OPEN = ("UNGUARDED", "public", "optional")


def name_of(found: Found) -> str:
    return getattr(found.endpoint, "name", "") or getattr(found.endpoint, "__name__", "")


def promised(access: str) -> tuple[bool, ...]:
    """Return who is let in."""
    return {
        "public": (True, True, True, True),
        "optional": (True, False, True, True),
        "token": (False, False, True, True),
        "denied": (False, False, False, False),
    }.get(access, (False, False, False, True))


# Tens of thousands of requests; the first of them each time.
SEEDS = [
    *range(0, 60, 20),
    *(pytest.param(seed, marks=pytest.mark.generated) for seed in range(1000, 6000, 20)),
]


@pytest.mark.parametrize("seed", SEEDS)
def test_agreement(seed: int) -> None:
    """Each row is what is enforced, and what nobody is asked for is a row that says so."""
    reached = [agree(one) for one in range(seed, seed + 20)]
    assert sum(reached) > 20


def agree(seed: int) -> int:
    """Compare the app of a seed, and return how many requests reached their endpoint."""
    app, bare = make(seed, armed=True), make(seed, armed=False)
    opened = set[str]()
    asked_for: list[Asked] = []
    reached = 0
    with asyncio.Runner() as runner:
        for found in walk(app):
            for ways, access in requests_for(found):
                asked_for += ways
                if access in OPEN or "in part" in access:
                    opened.add(name_of(found))
                if access == "UNGUARDED" or "in part" in access:
                    continue
                # Another route may stand before it, or nothing lead there.
                true = [way for way in ways if way.of(bare, {}, runner).name == name_of(found)]
                if true:
                    answers = [[way.of(app, one, runner) for way in true] for one in CALLERS]
                    reached += compare(answers, name_of(found), access, (seed, true))
        for asked in asked_for:
            for path in (asked.path, f"/api{asked.path}", asked.path.removeprefix("/api") or "/"):
                answer = asked._replace(path=path).of(app, {}, runner)
                assert answer.name in ("", *opened), (seed, asked)
    return reached


def compare(
    answers: list[list[Answer]], name: str, access: str, case: tuple[int, list[Asked]]
) -> int:
    """Compare a row with what became of requests, and return how many were let in."""
    let_in = tuple(any(one.name == name for one in by_way) for by_way in answers)
    # A requirement in front of every guard: nobody gets in, and that is loud.
    loud = all(one.status == INTERNAL_ERROR for by_way in answers for one in by_way)
    # A router behind a prefix of its own may read a path in two ways. The guard refuses
    # what a row is missing for in one of them, and a route has other ways: over-cautious.
    cautious = not any(let_in) and all(asked.path.startswith("/api") for asked in case[1])
    assert loud or cautious or let_in == promised(access), (case, access, answers)
    return sum(let_in)
