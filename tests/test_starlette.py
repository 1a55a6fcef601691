"""Starlette: jwt_guard.starlette, by Starlette's own client."""

import functools
import inspect
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.authentication import requires as starlette_requires
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from jwt_guard import ConfigurationError, scope
from jwt_guard import asgi as asgi_adapter
from jwt_guard.errors import InsufficientScope
from jwt_guard.starlette import (
    GuardCredentials,
    GuardMiddleware,
    identity_of,
    identity_or_none,
    requires,
)
from tests.tokens import RSA, bearer, claims, guard, token


def client(*routes: Any, middleware: tuple[Middleware, ...] = (), **options: Any) -> TestClient:
    handlers = options.pop("exception_handlers", None)
    guarding = Middleware(GuardMiddleware, guard=guard(), **options)
    app = Starlette(routes=routes, middleware=[guarding, *middleware], exception_handlers=handlers)
    return TestClient(app)


def headers(scopes: str = "", **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(claims(scope=scopes, **changes))}"}


async def hello(request: Request) -> Response:
    identity = identity_or_none(request)
    return PlainTextResponse("-" if identity is None else str(identity.subject))


def test_default_deny() -> None:
    """Routes and what is not there: closed to strangers."""
    wrapped = client(Route("/", hello))
    assert wrapped.get("/", headers=headers()).text == "joe"
    for method, path in (("GET", "/"), ("HEAD", "/"), ("POST", "/"), ("GET", "/nowhere")):
        assert wrapped.request(method, path).status_code == 401
    assert wrapped.get("/nowhere", headers=headers()).status_code == 404


async def who(request: Request) -> Response:
    user, auth = request.user, request.auth
    words = [user.is_authenticated, user.display_name, *auth.scopes]
    if user.is_authenticated:
        words.append(user.identity)
    return PlainTextResponse(" ".join(map(str, words)))


def test_user_and_auth() -> None:
    """request.user and request.auth are what Starlette expects."""
    wrapped = client(Route("/", who), public=["/"])
    assert wrapped.get("/", headers=headers("b a")).text == "True joe a b authenticated joe"
    assert wrapped.get("/").text == "False "
    nameless = wrapped.get("/", headers=headers("", sub=None)).text
    assert nameless == "True  authenticated "


def test_auth_has_nothing_else() -> None:
    """`request.auth` has scopes, made when they are asked for, and nothing else."""
    identity = guard().authenticate([bearer(token())])
    auth = GuardCredentials(identity)
    assert auth.scopes is auth.scopes
    assert auth.scopes == ["messages:read", "messages:write", "authenticated"]
    with pytest.raises(AttributeError, match="missing"):
        getattr(auth, "missing")  # noqa: B009  no attribute that a type checker knows


def test_starlettes_own_requires() -> None:
    """Starlette's requires works on top."""
    one = Route("/a", starlette_requires(["authenticated", "a"])(hello))
    wrapped = client(one, optional=True)
    assert wrapped.get("/a", headers=headers("a")).text == "joe"
    assert wrapped.get("/a", headers=headers("b")).status_code == 403
    assert wrapped.get("/a").status_code == 403


@requires("a")
async def asynchronous(request: Request) -> Response:
    return PlainTextResponse(str(identity_of(request).subject))


@requires("a")
def synchronous(request: Request) -> Response:
    return PlainTextResponse(str(identity_of(request).subject))


@requires("a")
async def other_name(anything: Request) -> Response:
    return await hello(anything)


async def two(request: Request, *, extra: str) -> Response:
    return PlainTextResponse(extra)


class Instance:
    async def __call__(self, request: Request) -> Response:
        return await hello(request)


@requires("a")
class Whole(HTTPEndpoint):
    async def get(self, request: Request) -> Response:
        return await hello(request)


class Inherited(Whole):
    pass


class One(HTTPEndpoint):
    @requires("a")
    async def get(self, request: Request) -> Response:
        return await hello(request)

    @requires("b")
    def post(self, request: Request) -> Response:
        return PlainTextResponse(f"{request.method} of {identity_of(request).subject}")


class Views:
    @requires("a")
    async def get(self, request: Request) -> Response:
        return await hello(request)


ENDPOINTS: dict[str, Any] = {
    "bound method": Views().get,
    "async": asynchronous,
    "sync": synchronous,
    "other name": other_name,
    "partial": functools.partial(requires("a")(two), extra="joe"),
    "callable": requires("a")(Instance()),
    "class": Whole,
    "subclass": Inherited,
    "method": One,
    "stacked": requires("a")(requires(scope("b") | scope("a"))(hello)),
}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_requires(name: str) -> None:
    """Every kind of endpoint can be guarded."""
    wrapped = client(Route("/", ENDPOINTS[name], methods=["GET", "POST"]), optional=True)
    assert wrapped.get("/", headers=headers("a")).text == "joe"
    refused = wrapped.get("/", headers=headers("b"))
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"].endswith('scope="a"')
    assert wrapped.get("/").status_code == 401


def test_methods_of_a_class() -> None:
    """Each method of a class has a requirement of its own."""
    wrapped = client(Route("/", One))
    assert wrapped.post("/", headers=headers("b")).text == "POST of joe"
    assert wrapped.post("/", headers=headers("a")).status_code == 403


def test_signature() -> None:
    """The wrapped endpoint looks like the one that was written."""
    assert list(inspect.signature(other_name).parameters) == ["anything"]
    assert other_name.__name__ == "other_name"
    assert inspect.iscoroutinefunction(asynchronous)
    assert not inspect.iscoroutinefunction(synchronous)


@requires("a")
async def feed(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(str(identity_of(websocket).subject))
    await websocket.close()


@requires("a")
class Feed(WebSocketEndpoint):
    encoding = "text"

    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text(websocket.user.identity)


@pytest.mark.parametrize("endpoint", [feed, Feed])
def test_websocket(endpoint: Any) -> None:
    """WebSocket endpoints are refused before they are accepted."""
    wrapped = client(WebSocketRoute("/", endpoint), Mount("/sub", routes=[]))
    with wrapped.websocket_connect("/", headers=headers("a")) as websocket:
        assert websocket.receive_text() == "joe"
    for fields, status in ((headers("b"), 403), ({}, 401)):
        with pytest.raises(WebSocketDenialResponse) as refused:
            wrapped.websocket_connect("/", headers=fields).__enter__()
        assert refused.value.status_code == status
        assert "WWW-Authenticate" in refused.value.headers


class Between(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        return await call_next(request)


def plain_part() -> asgi_adapter.ASGIApp:
    async def part(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("x")(scope, receive, send)

    return asgi_adapter.requires("a")(part)


def fastapi_part() -> FastAPI:
    app = FastAPI()
    app.add_route("/", asynchronous)
    return app


MOUNTS: dict[str, Any] = {
    "routes": Mount("/part", routes=[Route("/", asynchronous)]),
    "Starlette": Mount("/part", Starlette(routes=[Route("/", asynchronous)])),
    "Starlette in Starlette": Mount(
        "/part", Starlette(routes=[Mount("/", Starlette(routes=[Route("/", asynchronous)]))])
    ),
    "FastAPI": Mount("/part", fastapi_part()),
    "ASGI": Mount("/part", plain_part()),
    "debug": Mount("/part", Starlette(debug=True, routes=[Route("/", asynchronous)])),
}


@pytest.mark.parametrize("name", MOUNTS)
@pytest.mark.parametrize("middleware", [(), (Middleware(Between),)])
def test_mounted(name: str, middleware: tuple[Middleware, ...]) -> None:
    """A part of the app answers as the whole, whatever is in between; never 500."""
    wrapped = client(MOUNTS[name], Route("/", asynchronous), middleware=middleware)
    whole, part = wrapped.get("/", headers=headers()), wrapped.get("/part/", headers=headers())
    assert (part.status_code, part.content) == (403, whole.content)
    assert part.headers["WWW-Authenticate"] == whole.headers["WWW-Authenticate"]
    assert wrapped.get("/part/").status_code == 401
    assert wrapped.get("/part/", headers=headers("a")).status_code == 200


def test_catch_all_handler() -> None:
    """A handler for every exception does not get refusals, and opens nothing."""

    async def swallow(_request: Request, _error: Exception) -> Response:
        raise AssertionError("a refusal is no error of the app's")

    wrapped = client(Route("/", asynchronous), exception_handlers={Exception: swallow})
    assert wrapped.get("/", headers=headers()).status_code == 403
    assert wrapped.get("/").status_code == 401


def test_refusal_by_the_app() -> None:
    """An AuthError that an endpoint raises by itself is answered."""

    async def refusing(_request: Request) -> Response:
        raise InsufficientScope(["x"])

    assert client(Route("/", refusing)).get("/", headers=headers()).status_code == 403


def test_no_request() -> None:
    """An endpoint without a request cannot be guarded, and answers nobody."""

    @requires("a")
    def nothing() -> None: ...

    with pytest.raises(ConfigurationError, match="neither request nor WebSocket"):
        nothing()


def test_no_guard() -> None:
    """Without a guard in front, an endpoint that requires answers nobody."""
    with pytest.raises(ConfigurationError, match="no guard"):
        TestClient(Starlette(routes=[Route("/", asynchronous)])).get("/", headers=headers("a"))


def test_without_starlette() -> None:
    """identity_of works in a plain ASGI app behind the guard, too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse(str(identity_of(Request(scope)).subject))(scope, receive, send)

    wrapped = TestClient(GuardMiddleware(app, guard=guard(), optional=True))
    assert wrapped.get("/", headers=headers()).text == "joe"
    assert wrapped.get("/").status_code == 401


def test_lifespan() -> None:
    """The app's own lifespan runs."""
    ran: list[str] = []

    async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
        for word in ("startup", "shutdown"):
            await receive()
            ran.append(word)
            await send({"type": f"lifespan.{word}.complete"})

    with TestClient(GuardMiddleware(lifespan, guard=guard())):
        assert ran == ["startup"]
    assert ran == ["startup", "shutdown"]


def test_bad_token_on_open_paths() -> None:
    """A bad token counts as none where nobody is asked, and is refused where one may come."""
    bad = {"Authorization": f"Bearer {token(key=RSA)}"}
    assert client(Route("/", hello), public=["/"]).get("/", headers=bad).status_code == 200
    assert client(Route("/", hello), optional=["/"]).get("/", headers=bad).status_code == 401
