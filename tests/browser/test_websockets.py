"""Tokens of scripts that open WebSockets, where they can set no header."""

import time

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from jwt_guard import Bearer, Query, Subprotocol
from jwt_guard.starlette import GuardMiddleware, identity_of
from tests.browser.chromium import Chromium
from tests.browser.scripts import websocket
from tests.browser.sites import Site, asgi_site
from tests.tokens import claims, guard, token

pytestmark = pytest.mark.browser


async def feed(socket: WebSocket) -> None:
    """Say who it is, and stay until the other side goes."""
    await socket.accept()
    await socket.send_text(str(identity_of(socket).subject))
    await socket.receive()


def make_app(query: str | None = None) -> Starlette:
    """Return an app whose connections end with their tokens, of the real clock."""
    queries = [] if query is None else [Query(query, paths=["/feed"])]
    credentials = [Bearer(), Subprotocol(), *queries]
    one = guard(clock=time.time, credentials=credentials)
    trusted = Middleware(GuardMiddleware, guard=one, expiry_code=4401)
    return Starlette(routes=[WebSocketRoute("/feed", feed)], middleware=[trusted])


def short_token() -> str:
    """Return a token that, with ten seconds of leeway, is valid for five or six more."""
    now = int(time.time())
    return token(claims(iat=now - 60, exp=now - 4))


def test_protocol(browser: Chromium, elsewhere: Site) -> None:
    """A token among the protocols opens; the script sees "bearer" selected, and 4401 at the end."""
    browser.open(f"{elsewhere.origin}/")
    with asgi_site(make_app()) as site:
        seen = browser.run(websocket(site.websocket("/feed"), "bearer", short_token()))
        assert seen == ["bearer", ["joe"], 4401]


def test_query(browser: Chromium, elsewhere: Site) -> None:
    """A token in the query opens as well, where it is opened for that."""
    browser.open(f"{elsewhere.origin}/")
    with asgi_site(make_app(query="access_token")) as site:
        url = site.websocket(f"/feed?access_token={short_token()}")
        assert browser.run(websocket(url)) == ["", ["joe"], 4401]


def test_refused(browser: Chromium, elsewhere: Site) -> None:
    """A script learns of a refused handshake only that it failed, whatever the server says."""
    browser.open(f"{elsewhere.origin}/")
    with asgi_site(make_app()) as site:
        for protocols, status in (((), 401), (("bearer", "x"), 401), (("bearer",), 400)):
            assert browser.run(websocket(site.websocket("/feed"), *protocols)) == ["", [], 1006]
            assert site.last("/feed").status == status
