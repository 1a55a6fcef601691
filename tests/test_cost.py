"""What a request costs, in calls of functions: a guard against regressions that no
slow machine upsets. When a number here has to grow, `tests.benchmarks` says by how
much time.
"""

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from jwt_guard import Guard, asgi, wsgi
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard.keys import Document, Jwks
from tests.tokens import EC256, NOW, bearer, claims, guard, issuer, token

HEADERS = [(b"host", b"api"), (b"authorization", bearer(token()))]
ENVIRON: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SCRIPT_NAME": "",
    "PATH_INFO": "/me",
    "QUERY_STRING": "",
    "SERVER_NAME": "api",
    "SERVER_PORT": "80",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "wsgi.url_scheme": "http",
    "HTTP_AUTHORIZATION": bearer(token()).decode(),
}


def visited(run: Callable[[], object]) -> list[str]:
    """Return the file of each function of this package that *run* calls, on this thread.

    Python's own functions, and those of others, are left out.
    """
    files: list[str] = []

    # Nobody measures the coverage of what measures.
    def profile(frame: FrameType, event: str, _argument: object) -> None:  # pragma: no cover
        if event == "call" and frame.f_globals.get("__name__", "").startswith("jwt_guard"):
            files.append(frame.f_code.co_filename)

    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return files


def calls(run: Callable[[], object]) -> int:
    """Return how many functions of this package *run* calls the third time."""
    run()
    run()
    return len(visited(run))


def http_scope() -> asgi.Scope:
    return {
        "type": "http",
        "method": "GET",
        "path": "/me",
        "root_path": "",
        "query_string": b"",
        "headers": HEADERS,
    }


async def no_message() -> asgi.Message:
    raise AssertionError


async def drop(_message: asgi.Message) -> None:
    pass


def once(app: asgi.ASGIApp) -> Callable[[], object]:
    """Return a function that sends *app* a request, on no event loop at all."""

    def run() -> None:
        with suppress(StopIteration):
            app(http_scope(), no_message, drop).__await__().__next__()

    return run


async def answering(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def through_asgi(one: Guard) -> Callable[[], object]:
    return once(asgi.GuardMiddleware(asgi.requires("messages:read")(answering), guard=one))


def start_response(_status: str, _headers: Any, _exc_info: Any = None) -> Any:
    pass


def through_wsgi(one: Guard) -> Callable[[], object]:
    app = wsgi.GuardMiddleware(
        wsgi.requires("messages:read")(lambda _environ, _start_response: []), guard=one
    )
    return lambda: app(dict(ENVIRON), start_response)


def through_starlette(one: Guard) -> Callable[[], object]:
    @starlette_adapter.requires("messages:read")
    async def me(_request: Request) -> Response:
        return Response()

    app = Starlette(
        routes=[Route("/me", me)],
        middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=one)],
    )
    return lambda: asyncio.run(_ask(app))


async def _ask(app: asgi.ASGIApp) -> None:
    await app(http_scope(), no_message, drop)


def flask_app(one: Guard) -> Flask:
    app = Flask(__name__)
    flask_adapter.FlaskGuard(app, guard=one)
    app.add_url_rule("/me", "me", flask_adapter.requires("messages:read")(lambda: ""))
    return app


def through_flask(one: Guard) -> Callable[[], object]:
    app = flask_app(one)
    return lambda: app.wsgi_app(dict(ENVIRON), start_response)


# Surface: functions of ours that a request with a remembered token calls, and one
# with a token that is verified; a scope is required each time.
COSTS: dict[str, tuple[Callable[[Guard], Callable[[], object]], int, int]] = {
    "ASGI": (through_asgi, 9, 35),
    "WSGI": (through_wsgi, 10, 36),
    "Starlette": (through_starlette, 16, 42),
    "Flask": (through_flask, 11, 37),
}


@pytest.mark.parametrize("surface", COSTS)
def test_calls(surface: str) -> None:
    """A request calls no more of our functions than it did."""
    make, hot, cold = COSTS[surface]
    assert calls(make(guard())) <= hot
    assert calls(make(guard(cache_size=0))) <= cold


def test_way_of_a_hit() -> None:
    """Who reads what a remembered token costs reads 10 functions, and turns 5 pages."""
    run = through_asgi(guard())
    run()
    files = visited(run)
    switches = sum(one != other for one, other in pairwise(files))
    assert len(files) <= 10
    assert len(set(files)) <= 5
    assert switches <= 5


class Published:
    """A fetcher of the tests' key."""

    def fetch(self, url: str, etag: str | None) -> Document:
        del url, etag
        return Document(json.dumps(EC256.public_jwk | {"kid": EC256.key.kid}).encode(), None, 300)


def test_way_of_a_new_token() -> None:
    """A token that is verified by fetched keys takes 70 calls in 15 files, on its thread."""
    keys = Jwks("https://login.example/keys", fetcher=Published())
    one = guard(issuer(keys=keys), cache_size=0)
    one.warm_up()
    app, statuses = flask_app(one), list[str]()

    def noting(status: str, _headers: Any, _exc_info: Any = None) -> Any:
        statuses.append(status)

    # What an app checks of itself with its first request is no cost of a token.
    assert app.test_client().get("/me").status_code == 401
    files = visited(lambda: app.wsgi_app(dict(ENVIRON), noting))
    assert len(files) <= 70
    assert len(set(files)) <= 15
    assert statuses == ["200 OK"]


def test_hit_allocates_nothing_that_stays() -> None:
    """A thousand hits leave no memory behind."""
    run = through_asgi(guard())
    run()
    tracemalloc.start()
    try:
        run()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(1000):
            run()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The smallest object there is takes 16 bytes.
    assert after - before < 16_000


@pytest.mark.parametrize("size", [100, 1000])
def test_calls_do_not_grow(size: int) -> None:
    """A hit costs as many calls in a full cache as in an empty one."""
    one = guard(cache_size=size)
    empty = calls(lambda: one.authenticate([HEADERS[1][1]]))
    for number in range(size - 1):
        one.authenticate([bearer(token(claims(jti=str(number), exp=NOW + 60)))])
    assert calls(lambda: one.authenticate([HEADERS[1][1]])) == empty


def test_junk_is_hardly_looked_at() -> None:
    """64 KB of anything is refused by its length; a few calls, no decoding."""
    one = guard()
    for junk in (b"Bearer " + b"a" * 65536, b"." * 65536, b"Basic " + b"\xff" * 65536):

        def refuse(junk: bytes = junk) -> None:
            with pytest.raises(Exception, match="token_too_long"):
                one.authenticate([junk])

        assert calls(refuse) <= 6
