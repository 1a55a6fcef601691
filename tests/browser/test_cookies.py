"""Tokens in cookies: what pages of this and of other sites can do with them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwt_guard import Bearer, Cookie
from jwt_guard.asgi import Receive, Scope, Send
from jwt_guard.starlette import GuardMiddleware, identity_of
from tests.browser.chromium import Chromium
from tests.browser.scripts import fetch, form, websocket
from tests.browser.sites import Site, asgi_site
from tests.tokens import bearer, guard, token

pytestmark = pytest.mark.browser

TOKEN, CSRF = token(), "random-where-it-counts"
BOTH = f"__Host-token={TOKEN}; __Host-csrf={CSRF}"
# What a script sees of a WebSocket: protocol, messages, close code.
OPENED: list[Any] = ["", ["joe"], 1000]
REFUSED: list[Any] = ["", [], 1006]


class Api:
    """An app behind a guard; `handled` is what got through to it."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.allow()

    def allow(self, origins: Sequence[str] = (), readers: Sequence[str] = ()) -> None:
        """Let pages of *origins* write, and scripts of *readers* read, by CORS."""
        one = guard(credentials=[Bearer(), Cookie("__Host-token", origins=origins)])
        cors: dict[str, Any] = {"allow_methods": ["POST"], "allow_headers": ["X-CSRF-Token"]}
        self.app = Starlette(
            routes=[
                Route("/login", self.login),
                Route("/messages", self.messages, methods=["GET", "POST"]),
                WebSocketRoute("/feed", self.feed),
            ],
            middleware=[
                Middleware(CORSMiddleware, allow_origins=readers, allow_credentials=True, **cors),
                Middleware(GuardMiddleware, guard=one, public=["/login"]),
            ],
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    async def login(self, request: Request) -> HTMLResponse:
        """Set the cookies so that they go wherever a browser may send them."""
        response = HTMLResponse("<!doctype html>")
        for name, value, is_hidden in (("token", TOKEN, True), ("csrf", CSRF, False)):
            response.set_cookie(
                f"__Host-{name}", value, secure=True, httponly=is_hidden, samesite="none"
            )
        return response

    async def messages(self, request: Request) -> PlainTextResponse:
        self.handled.append(request.method)
        return PlainTextResponse(str(identity_of(request).subject))

    async def feed(self, socket: WebSocket) -> None:
        self.handled.append("feed")
        await socket.accept()
        await socket.send_text(str(identity_of(socket).subject))
        await socket.close()


@contextmanager
def logged_in(browser: Chromium, api: Api) -> Generator[Site]:
    """Serve *api* to a browser that has its cookies and shows its page."""
    with asgi_site(api) as site:
        browser.open(f"{site.origin}/login")
        yield site


def test_own_page(browser: Chromium) -> None:
    """A page of the API's own origin reads with the cookies, and writes with the value."""
    api = Api()
    with logged_in(browser, api) as site:
        url = f"{site.origin}/messages"
        assert browser.run(fetch(url)) == [200, None, "joe"]
        # The script finds the value for itself, and the token nowhere.
        name, _, value = browser.run("document.cookie").partition("=")
        assert (name, value) == ("__Host-csrf", CSRF)
        sent = fetch(url, method="POST", headers={"X-CSRF-Token": value})
        assert browser.run(sent) == [200, None, "joe"]
        asked = site.last("/messages")
        assert asked.headers["cookie"] == BOTH
        assert asked.headers["sec-fetch-site"] == "same-origin"
        assert api.handled == ["GET", "POST"]


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": ""}])
def test_own_page_without_value(browser: Chromium, headers: dict[str, str]) -> None:
    """Without the value of the cookie even a page of ours writes nothing."""
    api = Api()
    with logged_in(browser, api) as site:
        sent = fetch(f"{site.origin}/messages", method="POST", headers=headers)
        assert browser.run(sent)[:2] == [403, None]
        assert site.last("/messages").headers["cookie"] == BOTH
        assert api.handled == []


def test_two_credentials(browser: Chromium) -> None:
    """A page that sends its token in the header too is told so: 400."""
    api = Api()
    with logged_in(browser, api) as site:
        headers = {"Authorization": bearer(TOKEN).decode()}
        assert browser.run(fetch(f"{site.origin}/messages", headers=headers))[0] == 400
        assert api.handled == []


def test_bad_cookie(browser: Chromium) -> None:
    """A bad token in the cookie closes the API, but not the way to the login page."""
    api = Api()
    with asgi_site(api) as site:
        browser.open(f"{site.origin}/messages")
        browser.run("document.cookie = '__Host-token=bad; Secure; Path=/'")
        assert browser.run(fetch(f"{site.origin}/messages"))[0] == 401
        assert browser.run(fetch(f"{site.origin}/login"))[0] == 200
        assert site.last("/login").headers["cookie"] == "__Host-token=bad"
        assert browser.run(fetch(f"{site.origin}/messages"))[0] == 200


def test_foreign_fetch(browser: Chromium, elsewhere: Site) -> None:
    """A script of another site has the cookies sent, and writes nothing."""
    api = Api()
    with logged_in(browser, api) as site:
        browser.open(f"{elsewhere.foreign_origin}/")
        options = {"method": "POST", "credentials": "include", "mode": "no-cors"}
        # What comes back is opaque: neither status nor text.
        assert browser.run(fetch(f"{site.origin}/messages", **options)) == [0, None, ""]
        asked = site.last("/messages")
        assert (asked.method, asked.status) == ("POST", 403)
        assert asked.headers["cookie"] == BOTH
        assert asked.headers["sec-fetch-site"] == "cross-site"
        assert api.handled == []


def test_foreign_form(browser: Chromium, elsewhere: Site) -> None:
    """A form that another site submits by itself has the cookies sent, and writes nothing."""
    api = Api()
    with logged_in(browser, api) as site:
        browser.open(f"{elsewhere.foreign_origin}/")
        browser.follow(form(f"{site.origin}/messages"))
        asked = site.last("/messages")
        assert (asked.method, asked.status) == ("POST", 403)
        assert asked.headers["cookie"] == BOTH
        assert asked.headers["sec-fetch-site"] == "cross-site"
        assert api.handled == []


def test_foreign_form_of_listed_origin(browser: Chromium, elsewhere: Site) -> None:
    """A form cannot send a header field, and so writes nothing even from a listed origin."""
    api = Api()
    api.allow([elsewhere.foreign_origin])
    with logged_in(browser, api) as site:
        browser.open(f"{elsewhere.foreign_origin}/")
        browser.follow(form(f"{site.origin}/messages"))
        assert site.last("/messages").status == 403
        assert api.handled == []


def test_value_needs_preflight(browser: Chromium, elsewhere: Site) -> None:
    """A script of another site that knew the value could not send it without CORS."""
    api = Api()
    with logged_in(browser, api) as site:
        browser.open(f"{elsewhere.foreign_origin}/")
        headers = {"X-CSRF-Token": CSRF}
        options = {"method": "POST", "credentials": "include", "headers": headers}
        assert browser.run(fetch(f"{site.origin}/messages", **options)) == "TypeError"
        assert site.methods("/messages") == ["OPTIONS"]


@pytest.mark.parametrize("is_listed", [False, True], ids=["not listed", "listed"])
def test_other_port(browser: Chromium, elsewhere: Site, *, is_listed: bool) -> None:
    """A page of another port reads the value, and writes only from a listed origin.

    Cookies do not tell ports apart: the value alone would not hold that page off.
    """
    readers = [elsewhere.origin]
    api = Api()
    api.allow(readers if is_listed else [], readers)
    with logged_in(browser, api) as site:
        browser.open(f"{elsewhere.origin}/")
        headers = {"X-CSRF-Token": browser.run("document.cookie").partition("=")[2]}
        options = {"method": "POST", "credentials": "include", "headers": headers}
        status = browser.run(fetch(f"{site.origin}/messages", **options))[0]
        asked = site.last("/messages")
        assert asked.headers["cookie"] == BOTH
        assert asked.headers["x-csrf-token"] == CSRF
        assert asked.headers["sec-fetch-site"] == "same-site"
        assert status == (200 if is_listed else 403)
        assert api.handled == (["POST"] if is_listed else [])


def test_websocket(browser: Chromium) -> None:
    """A WebSocket of a page of ours opens once the origin is listed.

    Chromium sends no `Sec-Fetch-Site` in handshakes that would speak for the page.
    """
    api = Api()
    with logged_in(browser, api) as site:
        assert browser.run(websocket(site.websocket("/feed"))) == REFUSED
        asked = site.last("/feed")
        assert (asked.method, asked.status) == ("WebSocket", 403)
        assert (asked.headers["cookie"], asked.headers["origin"]) == (BOTH, site.origin)
        assert "sec-fetch-site" not in asked.headers
        assert api.handled == []
        api.allow([site.origin])
        assert browser.run(websocket(site.websocket("/feed"))) == OPENED
        assert api.handled == ["feed"]


@pytest.mark.parametrize("is_foreign", [False, True], ids=["same site", "another site"])
@pytest.mark.parametrize("is_listed", [False, True], ids=["not listed", "listed"])
def test_websocket_of_others(
    browser: Chromium, elsewhere: Site, *, is_foreign: bool, is_listed: bool
) -> None:
    """A WebSocket of a page of others has the cookies sent; it opens for listed origins."""
    origin = elsewhere.foreign_origin if is_foreign else elsewhere.origin
    api = Api()
    api.allow([origin] if is_listed else [])
    with logged_in(browser, api) as site:
        browser.open(f"{origin}/")
        seen = browser.run(websocket(site.websocket("/feed")))
        asked = site.last("/feed")
        assert (asked.headers["cookie"], asked.headers["origin"]) == (BOTH, origin)
        assert seen == (OPENED if is_listed else REFUSED)
        assert api.handled == (["feed"] if is_listed else [])
