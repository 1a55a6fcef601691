"""What a request costs, in calls of functions: a guard against regressions that no
slow machine upsets. When a number here has to grow, `tests.benchmarks` says by how
much time.
"""

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
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
from tests.tokens import NOW, bearer, claims, guard, token

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


def calls(run: Callable[[], object]) -> int:
    """Return how many functions of this package *run* calls, Python's own left out."""
    count = 0

    # Nobody measures the coverage of what measures.
    def profile(frame: FrameType, event: str, _argument: object) -> None:  # pragma: no cover
        nonlocal count
        if event == "call" and frame.f_globals.get("__name__", "").startswith("jwt_guard"):
            count += 1

    run()
    run()
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


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


def through_flask(one: Guard) -> Callable[[], object]:
    app = Flask(__name__)
    flask_adapter.FlaskGuard(app, guard=one)
    app.add_url_rule("/me", "me", flask_adapter.requires("messages:read")(lambda: ""))
    return lambda: app.wsgi_app(dict(ENVIRON), start_response)


# Surface: functions of ours that a request with a remembered token calls, and one
# with a token that is verified; a scope is required each time.
COSTS: dict[str, tuple[Callable[[Guard], Callable[[], object]], int, int]] = {
    "ASGI": (through_asgi, 10, 36),
    "WSGI": (through_wsgi, 10, 36),
    "Starlette": (through_starlette, 17, 43),
    "Flask": (through_flask, 11, 37),
}


@pytest.mark.parametrize("surface", COSTS)
def test_calls(surface: str) -> None:
    """A request calls no more of our functions than it did."""
    make, hot, cold = COSTS[surface]
    assert calls(make(guard())) <= hot
    assert calls(make(guard(cache_size=0))) <= cold


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
