"""Pages of another origin: preflights, and refusals that scripts can read."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from flask import Flask, Response
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from jwt_guard import Identity
from jwt_guard.fastapi import GuardMiddleware as FastAPIGuard
from jwt_guard.fastapi import Requires
from jwt_guard.flask import FlaskGuard, current_identity
from jwt_guard.flask import requires as flask_requires
from jwt_guard.starlette import GuardMiddleware, identity_of, requires
from tests.browser.chromium import Chromium
from tests.browser.scripts import fetch
from tests.browser.sites import Site, asgi_site, wsgi_site
from tests.tokens import claims, guard, token

pytestmark = pytest.mark.browser

BARE = 'Bearer realm="api"'


@requires("messages:read")
async def messages(request: Request) -> JSONResponse:
    return JSONResponse({"hello": identity_of(request).subject})


def cors(origin: str) -> dict[str, Any]:
    return {
        "allow_origins": [origin],
        "allow_headers": ["Authorization"],
        "allow_methods": ["GET", "PUT"],
        "expose_headers": ["WWW-Authenticate"],
    }


def starlette(*middleware: Middleware) -> Starlette:
    routes = [Route("/messages", messages, methods=["GET", "PUT"])]
    return Starlette(routes=routes, middleware=middleware)


@contextmanager
def in_starlette(origin: str) -> Generator[Site]:
    outer = Middleware(CORSMiddleware, **cors(origin))
    with asgi_site(starlette(outer, Middleware(GuardMiddleware, guard=guard()))) as site:
        yield site


@contextmanager
def in_fastapi(origin: str) -> Generator[Site]:
    app = FastAPI()
    app.add_middleware(FastAPIGuard, guard=guard())
    app.add_middleware(CORSMiddleware, **cors(origin))

    @app.api_route("/messages", methods=["GET", "PUT"])
    async def messages(
        identity: Annotated[Identity, Requires("messages:read")],
    ) -> dict[str, str | None]:
        return {"hello": identity.subject}

    with asgi_site(app) as site:
        yield site


@contextmanager
def in_flask(origin: str) -> Generator[Site]:
    """Flask, where CORS is a function that runs after the request, as Flask-CORS does."""
    app = Flask(__name__)
    FlaskGuard(app, guard=guard())

    @app.route("/messages", methods=["GET", "PUT"])
    @flask_requires("messages:read")
    def messages() -> dict[str, str | None]:
        return {"hello": current_identity.subject}

    @app.after_request
    def allow(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Headers"] = "Authorization"
        response.headers["Access-Control-Allow-Methods"] = "GET, PUT"
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate"
        return response

    with wsgi_site(app) as site:
        yield site


@pytest.fixture(params=[in_starlette, in_fastapi, in_flask])
def api(request: pytest.FixtureRequest, browser: Chromium, elsewhere: Site) -> Generator[Site]:
    """Serve an API that is open to the scripts of the page that is shown."""
    browser.open(f"{elsewhere.origin}/")
    serve: Callable[[str], Any] = request.param
    with serve(elsewhere.origin) as site:
        yield site


def ask(browser: Chromium, site: Site, bearer: str | None = None, method: str = "GET") -> Any:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return browser.run(fetch(f"{site.origin}/messages", method=method, headers=headers))


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_good_token(browser: Chromium, api: Site, method: str) -> None:
    """A header `Authorization` costs a preflight, which needs no token, and is let through."""
    status, challenge, body = ask(browser, api, token(), method)
    assert (status, challenge, json.loads(body)) == (200, None, {"hello": "joe"})
    assert api.methods("/messages") == ["OPTIONS", method]


def test_no_token(browser: Chromium, api: Site) -> None:
    """Scripts read a 401 and its challenge; a GET without a token has no preflight."""
    status, challenge, body = ask(browser, api)
    assert (status, challenge, json.loads(body)["status"]) == (401, BARE, 401)
    assert api.methods("/messages") == ["GET"]


def test_no_token_preflighted(browser: Chromium, api: Site) -> None:
    """A preflight opens nothing: the request that follows is refused."""
    assert ask(browser, api, method="PUT")[:2] == [401, BARE]
    assert api.methods("/messages") == ["OPTIONS", "PUT"]


def test_bad_token(browser: Chromium, api: Site) -> None:
    """Scripts read why a token is refused, in the challenge and in the body."""
    status, challenge, body = ask(browser, api, token() + "x")
    assert status == 401
    assert challenge.startswith(f'{BARE}, error="invalid_token"')
    assert json.loads(body)["error"] == "invalid_token"


def test_missing_scope(browser: Chromium, api: Site) -> None:
    """Scripts read in a 403 which scope is missing."""
    status, challenge, body = ask(browser, api, token(claims(scope="")))
    assert status == 403
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="messages:read"' in challenge
    assert json.loads(body)["error"] == "insufficient_scope"


@pytest.mark.parametrize("bearer", [None, token()], ids=["no token", "good token"])
def test_without_cors(browser: Chromium, elsewhere: Site, bearer: str | None) -> None:
    """Without CORS a script reads nothing at all, and a preflight is as far as it gets."""
    browser.open(f"{elsewhere.origin}/")
    with asgi_site(starlette(Middleware(GuardMiddleware, guard=guard()))) as site:
        assert ask(browser, site, bearer) == "TypeError"
        assert site.methods("/messages") == ["GET" if bearer is None else "OPTIONS"]


def test_cors_inside(browser: Chromium, elsewhere: Site) -> None:
    """Inside the guard CORS middleware sees preflights, but scripts read no refusal."""
    browser.open(f"{elsewhere.origin}/")
    inner = Middleware(CORSMiddleware, **cors(elsewhere.origin))
    with asgi_site(starlette(Middleware(GuardMiddleware, guard=guard()), inner)) as site:
        assert ask(browser, site, token())[0] == 200
        assert site.methods("/messages") == ["OPTIONS", "GET"]
        assert ask(browser, site) == "TypeError"
        assert site.last("/messages").status == 401


def test_closed_preflight(browser: Chromium, elsewhere: Site) -> None:
    """With preflight=False and CORS inside, no script of another origin brings a token."""
    browser.open(f"{elsewhere.origin}/")
    inner = Middleware(CORSMiddleware, **cors(elsewhere.origin))
    closed = Middleware(GuardMiddleware, guard=guard(), preflight=False)
    with asgi_site(starlette(closed, inner)) as site:
        assert ask(browser, site, token()) == "TypeError"
        assert site.methods("/messages") == ["OPTIONS"]
        assert site.last("/messages").status == 401
