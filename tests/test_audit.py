"""The audit sees every route, and what stands in front of it."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from fastapi import APIRouter, Depends, FastAPI
from flask import Blueprint, Flask
from flask.views import MethodView, View
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule as MapRule

from jwt_guard import ConfigurationError, Identity, Rule, asgi, cli, role, scope, wsgi
from jwt_guard import fastapi as fastapi_adapter
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard.audit import assert_guarded, audit
from jwt_guard.audit._verdict import _Asked
from jwt_guard.hosts import Endpoint
from tests.tokens import bearer, guard, token

ROOT = Path(__file__).parent.parent


def access(app: object) -> dict[str, str]:
    """Return what the audit says, by methods and path."""
    return {
        f"{','.join(one.methods)} {one.host}{one.path}": one.access for one in audit(app).routes
    }


async def answering(_request: Request) -> Response:
    raise AssertionError("an audit asks nobody")


async def talking(_websocket: WebSocket) -> None: ...


def flask_app() -> Flask:
    app = Flask(__name__)
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    flask_adapter.requires("outer")(outer)

    class View(MethodView):
        def get(self) -> str:
            raise AssertionError

        @flask_adapter.requires("write")
        def post(self) -> str:
            raise AssertionError

    @flask_adapter.public
    class Open(MethodView):
        def get(self) -> str:
            raise AssertionError

    inner.add_url_rule("/view", view_func=View.as_view("view"))
    outer.add_url_rule("/a", "a", flask_adapter.requires(role("r"))(lambda: ""))
    outer.add_url_rule("/p", "p", flask_adapter.public(lambda: ""))
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.add_url_rule("/open", view_func=Open.as_view("open"))
    app.add_url_rule("/plain", "plain", lambda: "")
    app.add_url_rule("/options", "options", lambda: "", methods=["OPTIONS"])
    return app


def test_flask() -> None:
    """Blueprints, nested ones too, class-based views by method, and what is public."""
    app = flask_app()
    flask_adapter.FlaskGuard(app, guard=guard(), public=["static"])
    assert access(app) == {
        "GET /outer/a": "role('r') & scope('outer')",
        "GET /outer/p": "scope('outer')",
        "GET /outer/inner/view": "scope('outer')",
        "POST /outer/inner/view": "scope('outer') & scope('write')",
        "GET /open": "public",
        "GET /plain": "token",
        "GET /static/<path:filename>": "public",
        "OPTIONS /options": "token, public in part",
    }
    assert audit(app).scopes == ("outer", "write")
    assert_guarded(app)


@pytest.mark.parametrize("inside", [True, False])
def test_flask_behind_middleware(inside: bool) -> None:  # noqa: FBT001  a parameter of the test
    """The WSGI middleware counts, around the app or as its `wsgi_app`."""
    app = flask_app()
    guarded = wsgi.GuardMiddleware(app.wsgi_app, guard=guard(), public=["/plain"])
    if inside:
        app.wsgi_app = guarded  # type: ignore[method-assign]  # as Flask says to wrap
    found = access(app if inside else guarded)
    assert found["GET /plain"] == "public"
    assert found["GET /open"] == "token"
    assert found["GET /outer/a"] == "role('r') & scope('outer')"


def starlette_routes() -> list[Any]:
    class Endpoint(HTTPEndpoint):
        async def get(self, _request: Request) -> Response:
            raise AssertionError

    behind = [Middleware(asgi.RequirementMiddleware, requires="mount")]
    return [
        Route("/", starlette_adapter.public(answering_too)),
        Route("/class", starlette_adapter.requires("class")(Endpoint)),
        Route("/in-front", answering, middleware=behind),
        Mount("/mount", routes=[Route("/{name}", answering)], middleware=behind),
        Mount("/sub", Starlette(routes=[Route("/x", starlette_adapter.requires("x")(answering))])),
        Mount("/static", starlette_adapter.public(StaticFiles(directory=ROOT))),
        Mount("/opaque", asgi.requires("opaque")(StaticFiles(directory=ROOT))),
        WebSocketRoute("/ws", talking),
        Host("admin.example", Router([Route("/host", answering)])),
    ]


async def answering_too(_request: Request) -> Response:
    raise AssertionError("an audit asks nobody")


def test_starlette() -> None:
    """Mounts, sub-apps, hosts, WebSockets, middleware of routes, classes, static files."""
    rules = [Rule("/sub/*", requires="sub"), Rule("/ruled", public=True)]
    app = Starlette(
        routes=[*starlette_routes(), Route("/ruled", answering)],
        middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=guard(), rules=rules)],
    )
    expected = {
        "GET,HEAD /": "public",
        "GET /class": "scope('class')",
        "GET,HEAD /in-front": "scope('mount')",
        "GET,HEAD /mount/{name}": "scope('mount')",
        "GET,HEAD /sub/x": "scope('sub') & scope('x')",
        "* /static/*": "public",
        "* /opaque/*": "scope('opaque')",
        "WEBSOCKET /ws": "token",
        "GET,HEAD admin.example/host": "token",
        "GET,HEAD /ruled": "public",
    }
    assert access(app) == expected
    assert_guarded(app)
    bare = Starlette(routes=app.routes)
    around = starlette_adapter.GuardMiddleware(bare, guard=guard(), rules=rules)
    assert access(around) == expected
    knows_paths_alone = asgi.GuardMiddleware(bare, guard=guard(), rules=rules)
    assert access(knows_paths_alone)["GET,HEAD /"] == "token"


def test_guard_of_a_mount() -> None:
    """A sub-app with a guard of its own is guarded, by paths below the mount."""
    middleware = [Middleware(asgi.GuardMiddleware, guard=guard(), public=["/open"])]
    routes = [Route("/open", answering), Route("/x", answering), Route("/", answering)]
    app = Starlette(
        routes=[
            Mount("/sub", Starlette(routes=routes, middleware=middleware)),
            Route("/bare", answering),
        ]
    )
    assert access(app) == {
        "GET,HEAD /sub/open": "public",
        "GET,HEAD /sub/x": "token",
        "GET,HEAD /sub/": "token",
        "GET,HEAD /bare": "UNGUARDED",
    }


def test_fastapi() -> None:
    """Dependencies of routes, routers and included routers, with their prefixes."""
    app, outer, inner = FastAPI(), APIRouter(prefix="/v1"), APIRouter()
    needed = fastapi_adapter.Requires("route")

    def nothing() -> None:
        raise AssertionError

    @inner.get("/a", dependencies=[Depends(nothing)])
    async def a(identity: Annotated[Identity, needed]) -> None: ...

    @inner.get("/open")
    @fastapi_adapter.public
    async def opened() -> None: ...

    @inner.websocket("/ws")
    async def ws(websocket: WebSocket) -> None: ...

    outer.include_router(inner, prefix="/n", dependencies=[fastapi_adapter.Requires("router")])
    app.include_router(outer)
    app.include_router(inner, prefix="/z")
    app.add_middleware(
        fastapi_adapter.GuardMiddleware, guard=guard(), public=["/docs", "/openapi.json"]
    )
    assert access(app) == {
        "GET /v1/n/a": "scope('route') & scope('router')",
        "GET /v1/n/open": "scope('router')",
        "WEBSOCKET /v1/n/ws": "scope('router')",
        "GET /z/a": "scope('route')",
        "GET /z/open": "public",
        "WEBSOCKET /z/ws": "token",
        "GET,HEAD /docs": "public",
        "GET,HEAD /docs/oauth2-redirect": "token",
        "GET,HEAD /openapi.json": "public",
        "GET,HEAD /redoc": "token",
    }


def test_unguarded() -> None:
    """Without a guard in front nothing is guarded, whatever decorators say."""
    app = flask_app()
    assert {one.access for one in audit(app).routes} == {"UNGUARDED"}
    with pytest.raises(AssertionError, match="9 routes are neither guarded nor public:\n  GET"):
        assert_guarded(Starlette(routes=starlette_routes()))


def test_other_middleware() -> None:
    """Middleware of others is not made for the audit: who knows what it does."""

    def explosive(_app: asgi.ASGIApp) -> asgi.ASGIApp:
        raise AssertionError("made")

    ours = Middleware(starlette_adapter.GuardMiddleware, guard=guard())
    app = Starlette(routes=[Route("/", answering)], middleware=[Middleware(explosive), ours])
    assert access(app) == {"* /*": "UNGUARDED", "GET,HEAD /": "token"}


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("/t/{x}", {"public": ["/t/open"]}, "token, public in part"),
        ("/t/{x}", {"public": ["/t/*"]}, "public"),
        ("/t/{x}", {"public": ["/u/open", "/t", "/t/open/deeper/still"]}, "token, public in part"),
        ("/t/{x}/y", {"public": ["/t/open", "/t/open/z", "/t/open/y/z"]}, "token"),
        ("/t/{x}/y", {"public": ["/t/*"]}, "public"),
        ("/t/{x}/y", {"public": ["/*/open/*"]}, "token, public in part"),
        ("/t/x", {"public": ["/t/open", "/t/x/y", "/t"]}, "token"),
        (
            "/p/{x:path}",
            {"rules": [Rule("/p/*/*", public=True), Rule("/p/*", requires="x")]},
            "scope('x'), public in part",
        ),
        (
            "/p/{x:path}",
            {"rules": [Rule("/p/*/*", methods=["POST"], public=True), Rule("/p/*", requires="x")]},
            "scope('x')",
        ),
        ("/p/{x}", {"rules": [Rule("/p/*")], "public": ["/p/open"]}, "token"),
        ("/p/{x}", {"unmatched": "deny", "public": ["/p/open"]}, "denied"),
    ],
)
def test_open_in_part(path: str, options: dict[str, Any], expected: str) -> None:
    """A variable that can take an open path's value is not passed over in silence."""
    app = Starlette(routes=[Route(path, answering, methods=["GET"])])
    wrapped = asgi.GuardMiddleware(app, guard=guard(), **options)
    assert set(access(wrapped).values()) == {expected}


def test_class_by_method() -> None:
    """Of an endpoint that is a class each method counts with what it asks for itself."""

    class Topics(HTTPEndpoint):
        async def get(self, _request: Request) -> Response:
            raise AssertionError

        @starlette_adapter.requires("write")
        async def post(self, _request: Request) -> Response:
            raise AssertionError

    ours = Middleware(starlette_adapter.GuardMiddleware, guard=guard())
    app = Starlette(routes=[Route("/topics", Topics)], middleware=[ours])
    assert access(app) == {"GET /topics": "token", "POST /topics": "scope('write')"}


def test_mounted_guard() -> None:
    """A guard around what is mounted is seen, with the routes behind it."""
    inner = Starlette(routes=[Route("/a", answering, methods=["GET"])])
    wrapped = asgi.GuardMiddleware(asgi.RequirementMiddleware(inner, requires="in"), guard=guard())
    app = Starlette(routes=[Mount("/x/{y:int}", wrapped), Mount("/z", inner)])
    assert access(app) == {"GET,HEAD /x/{y}/a": "scope('in')", "GET,HEAD /z/a": "UNGUARDED"}


def test_dispatcher() -> None:
    """Apps that werkzeug's dispatcher puts beside or behind another one are seen too."""

    def opaque(_environ: object, _start_response: object) -> list[bytes]:
        raise AssertionError

    one, other = Flask("one", static_folder=None), Flask("other", static_folder=None)
    for app in (one, other):
        app.add_url_rule("/a", "a", lambda: "")
    flask_adapter.FlaskGuard(one, guard=guard())
    guarded_opaque = wsgi.GuardMiddleware(cast("Any", opaque), guard=guard())
    mounts: Any = {"/other": other, "/opaque": opaque, "/guarded": guarded_opaque}
    expected = {
        "GET /a": "token",
        "GET /other/a": "UNGUARDED",
        "* /opaque/*": "UNGUARDED",
        "* /guarded/*": "token",
    }
    assert access(DispatcherMiddleware(one, mounts)) == expected
    outside = wsgi.GuardMiddleware(DispatcherMiddleware(one, mounts), guard=guard())
    assert set(access(outside).values()) == {"token"}
    flask_adapter.FlaskGuard(other, guard=guard(), public=["a"])
    assert access(DispatcherMiddleware(one, mounts))["GET /other/a"] == "public"
    one.wsgi_app = DispatcherMiddleware(one.wsgi_app, mounts)  # type: ignore[method-assign]  # as Flask says to wrap
    assert access(one)["* /opaque/*"] == "UNGUARDED"


def test_table_in_front() -> None:
    """Rows of a table count by method; one that asks for a token closes a public path."""
    rules = [
        Rule("/a", methods=["GET"], public=True),
        Rule("/a", requires="write"),
        Rule("/b"),
        Rule("/ws", methods=["GET"], requires="talk"),
    ]
    routes = [
        Route("/a", answering, methods=["GET", "POST"]),
        Route("/b", answering, methods=["GET"]),
        Route("/c", answering, methods=["GET"]),
        WebSocketRoute("/ws", talking),
    ]
    shown = {
        "GET,HEAD /a": "public",
        "POST /a": "scope('write')",
        "GET,HEAD /b": "token",
        "WEBSOCKET /ws": "scope('talk')",
    }
    app = Starlette(routes=routes)
    wrapped = asgi.GuardMiddleware(app, guard=guard(), rules=rules, public=["/b", "/c"])
    assert access(wrapped) == shown | {"GET,HEAD /c": "public"}
    closed = asgi.GuardMiddleware(
        app, guard=guard(), rules=rules, public=["/b", "/c"], unmatched="deny"
    )
    assert access(closed) == shown | {"GET,HEAD /c": "denied"}


class Opaque:
    """An app of which nothing is known, for ASGI or WSGI."""

    def __init__(self, app: object = None) -> None:
        self.app = app

    def __call__(self, *_arguments: object) -> Any:
        raise AssertionError("an audit asks nobody")


class Handling(Route):
    """A route that answers by itself, whatever its endpoint is."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError


class Bare(BaseRoute):
    """A route without an endpoint."""


def test_routes_of_others() -> None:
    """What answers by itself is a row, and what is declared behind it is nothing to it."""

    class Dispatching(HTTPEndpoint):
        async def get(self, _request: Request) -> Response:
            raise AssertionError

        async def dispatch(self) -> None:
            raise AssertionError

    class Refusing(HTTPEndpoint):
        async def get(self, _request: Request) -> Response:
            raise AssertionError

        async def method_not_allowed(self, request: Request) -> Response:
            raise AssertionError(request)

    class Empty(HTTPEndpoint): ...

    marked = starlette_adapter.public(local_endpoint())
    routes = [
        Route("/dispatching", Dispatching),
        Route("/refusing", Refusing),
        Route("/empty", Empty),
        Route("/awaited", cast("Any", Opaque)),
        Route("/called", cast("Any", Opaque())),
        Handling("/handling", marked),
        Bare(),
        Mount("/routed", Router(default=cast("Any", Opaque()))),
        Mount("/unseen", cast("Any", Opaque(Router([Route("/x", marked)])))),
        Mount("/own", Choosing([Route("/x", marked)])),
        WebSocketRoute("/ws", cast("Any", Opaque)),
    ]
    app = Starlette(routes=routes)
    wrapped = starlette_adapter.GuardMiddleware(app, guard=guard(), optional=["/called"])
    assert access(wrapped) == {
        "* /dispatching": "token",
        "* /refusing": "token",
        "* /empty": "token",
        "* /awaited": "token",
        "* /called": "optional",
        "* /handling": "token",
        "* /*": "token, public in part",
        "* /routed/*": "token",
        "GET,HEAD /unseen/x": "token",
        "* /own/*": "token",
        "WEBSOCKET /ws": "token",
    }
    assert len(audit(app).unguarded) == 12


def local_endpoint() -> Any:
    async def endpoint(_request: Request) -> Response:
        raise AssertionError

    return endpoint


class Choosing(Router):
    """A router that chooses in a way of its own."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError


def test_transparent() -> None:
    """What is said to pass requests on is no row, and marks behind it count for the guard."""
    app = Starlette(routes=[Route("/", starlette_adapter.public(local_endpoint()))])
    behind = starlette_adapter.GuardMiddleware(cast("Any", Opaque(app)), guard=guard())
    assert access(behind) == {"GET,HEAD /": "token"}
    told = starlette_adapter.GuardMiddleware(
        cast("Any", Opaque(app)), guard=guard(), transparent=(Opaque,)
    )
    assert access(told) == {"GET,HEAD /": "public"}
    in_front = Opaque(told)
    assert access(in_front) == {"* /*": "UNGUARDED", "GET,HEAD /": "public"}
    with pytest.raises(AssertionError, match="1 route is"):
        assert_guarded(in_front)
    assert_guarded(in_front, transparent=(Opaque,))


def test_middleware_of_a_router() -> None:
    """What a router has in front of its own routes counts, whoever it is of."""
    ours = Middleware(starlette_adapter.GuardMiddleware, guard=guard())
    theirs = Middleware(cast("Any", Opaque))
    marked = Route("/x", starlette_adapter.public(local_endpoint()))
    assert access(Router([marked], middleware=[ours])) == {"GET,HEAD /x": "public"}
    assert access(Router([marked], middleware=[ours, theirs])) == {"GET,HEAD /x": "token"}
    found = access(Router([marked], middleware=[theirs, ours]))
    assert found == {"* /*": "UNGUARDED", "GET,HEAD /x": "public"}


def test_class_views_that_override() -> None:
    """What a class requires holds for subclasses and mixins, whatever they override."""

    @starlette_adapter.requires("admin")
    class Base(HTTPEndpoint): ...

    class Mixin(HTTPEndpoint):
        async def dispatch(self) -> None:
            raise AssertionError

    class Awaited(Base):
        def __await__(self) -> Any:
            raise AssertionError

    class Mixed(Mixin, Base): ...

    @starlette_adapter.requires("talk")
    class Talking(WebSocketEndpoint): ...

    class Chat(Talking):
        async def dispatch(self) -> None:
            raise AssertionError

    routes = [Route("/a", Awaited), Route("/m", Mixed), WebSocketRoute("/c", Chat)]
    app = Starlette(
        routes=routes, middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=guard())]
    )
    assert access(app) == {
        "* /a": "scope('admin')",
        "* /m": "scope('admin')",
        "WEBSOCKET /c": "scope('talk')",
    }
    client = TestClient(app)
    headers = {"Authorization": bearer(token()).decode()}
    for path in ("/a", "/m"):
        assert client.get(path, headers=headers).status_code == 403
        assert client.get(path).status_code == 401
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        client.websocket_connect("/c", headers=headers),
    ):
        raise AssertionError
    assert refused.value.status_code == 403


def test_flask_views_that_override() -> None:
    """The same of Flask's; a method's own requirement is shown where it is asked alone."""
    app = Flask(__name__, static_folder=None)
    flask_adapter.FlaskGuard(app, guard=guard())

    @flask_adapter.requires("admin")
    class Base(View):
        def dispatch_request(self) -> str:
            raise AssertionError

    class Child(Base):
        def dispatch_request(self) -> str:
            raise AssertionError

    class Mixin(View):
        def dispatch_request(self) -> str:
            raise AssertionError

    class Mixed(Mixin, Base): ...

    class Methods(MethodView):
        @flask_adapter.requires("write")
        def get(self) -> str:
            raise AssertionError("nobody asks what it requires")

        def dispatch_request(self, **_values: Any) -> str:
            return "answer"

    for view in (Base, Child, Mixed, Methods):
        app.add_url_rule(f"/{view.__name__}", view_func=view.as_view(view.__name__))
    assert access(app) == {
        "GET /Base": "scope('admin')",
        "GET /Child": "scope('admin')",
        "GET /Mixed": "scope('admin')",
        "GET /Methods": "token",
    }
    headers = {"Authorization": bearer(token()).decode()}
    client = app.test_client()
    for path in ("/Base", "/Child", "/Mixed"):
        assert client.get(path, headers=headers).status_code == 403
    assert client.get("/Methods", headers=headers).text == "answer"


def test_requires_above_the_route() -> None:
    """A requirement that is never asked is no row; the audit says whose it is, as the host does."""
    flask, starlette = Flask(__name__), FastAPI()

    @flask_adapter.requires("admin")
    @flask.get("/x")
    def view() -> str:
        raise AssertionError

    @starlette_adapter.requires("admin")
    @starlette.get("/x")
    async def endpoint(request: Request) -> str:
        raise AssertionError(request)

    for app in (flask, starlette):
        with pytest.raises(ConfigurationError, match=r"(view|endpoint).* above the decorator"):
            audit(app)


def test_frontend() -> None:
    """What FastAPI serves beside its routes is seen, with what is asked for before."""
    app, router = FastAPI(openapi_url=None), APIRouter(prefix="/in")
    app.frontend("/", directory=ROOT)
    router.frontend("/ui", directory=ROOT)
    needed = fastapi_adapter.Requires("ui")
    app.include_router(router, dependencies=[needed])
    ours = fastapi_adapter.GuardMiddleware(app, guard=guard(), public=["/*"])
    assert access(ours) == {"GET,HEAD /*": "public", "GET,HEAD /in/ui/*": "scope('ui')"}
    client = TestClient(ours)
    assert client.get("/README.md").status_code == 200
    assert client.get("/in/ui/README.md").status_code == 401
    assert len(audit(app).unguarded) == 2


def test_root_path() -> None:
    """The path that the router reads decides, by each way to a route."""
    with pytest.warns(Warning, match="root_path"):
        app, sub = (
            FastAPI(root_path="/api", openapi_url=None),
            FastAPI(root_path="/api/sub/v1", openapi_url=None),
        )
    app.get("/admin")(local_endpoint())
    sub.get("/admin")(local_endpoint())
    app.mount("/sub", sub)
    rules = [Rule("/admin", requires="admin"), Rule("/sub/admin", requires="sub")]
    wrapped = asgi.GuardMiddleware(app, guard=guard(), rules=rules, optional=True)
    assert access(wrapped) == {
        "GET /admin": "scope('admin')",
        "GET /api/sub/v1/admin": "scope('sub')",
    }
    client = TestClient(wrapped)
    headers = {"Authorization": bearer(token()).decode()}
    for path in ("/admin", "/api/admin", "/api/sub/v1/admin"):
        assert client.get(path, headers=headers).status_code == 403
    open_one = asgi.GuardMiddleware(app, guard=guard(), public=["/sub/v1/admin", "/sub/admin"])
    assert access(open_one)["GET /api/sub/v1/admin"] == "public"


def test_methods_of_rows() -> None:
    """What is for any method is shown by the methods that rows tell apart."""
    rows = [Rule("/m/*", methods=["GET"], public=True), Rule("/m/*", methods=["PUT"])]
    app = Starlette(routes=[Mount("/m", cast("Any", Opaque()))])
    wrapped = asgi.GuardMiddleware(app, guard=guard(), rules=rows)
    assert access(wrapped) == {"* /m/*": "token", "GET,HEAD /m/*": "public"}


def test_socketio() -> None:
    """What replaced Flask's `wsgi_app` answers by itself, unless a guard is around it."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/a", "a", lambda: "")
    flask_adapter.FlaskGuard(app, guard=guard())
    assert_guarded(app)
    app.wsgi_app = cast("Any", Opaque(app.wsgi_app))  # type: ignore[method-assign]  # as Flask says to wrap
    assert access(app) == {"* /*": "UNGUARDED", "GET /a": "token"}
    with pytest.raises(AssertionError, match=r"\* /\* UNGUARDED"):
        assert_guarded(app)
    assert_guarded(app, transparent=(Opaque,))
    app.wsgi_app = wsgi.GuardMiddleware(app.wsgi_app, guard=guard())  # type: ignore[method-assign]  # as Flask says to wrap
    assert access(app) == {"GET /a": "token"}
    # Nothing shows that it leads to the app; the guard stands there all the same.
    app.wsgi_app = wsgi.GuardMiddleware(cast("Any", lambda *_: []), guard=guard())  # type: ignore[method-assign]  # as Flask says to wrap
    assert_guarded(app)


def test_known_wsgi_middleware() -> None:
    """Werkzeug's own passes requests on; a requirement in front of the app counts."""
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/a", "a", lambda: "")
    flask_adapter.FlaskGuard(app, guard=guard())
    assert access(ProxyFix(app)) == {"GET /a": "token"}
    required = wsgi.requires("all")(app.wsgi_app)
    assert access(wsgi.GuardMiddleware(required, guard=guard())) == {"GET /a": "scope('all')"}


def test_flask_that_answers_before() -> None:
    """A subclass of Flask that answers by itself is not guarded by what is in it."""

    class Answering(Flask):
        def full_dispatch_request(self) -> Any:
            raise AssertionError

    app = Answering(__name__, static_folder=None)
    flask_adapter.FlaskGuard(app, guard=guard())
    assert access(app) == {"* /*": "UNGUARDED"}


def test_hosts_of_flask() -> None:
    """Subdomains and hosts are shown; a route for any method, too."""
    app = Flask(__name__, static_folder=None)
    flask_adapter.FlaskGuard(app, guard=guard())
    app.add_url_rule("/a", "a", lambda: "", subdomain="admin")
    app.url_map.add(MapRule("/any", endpoint="any"))
    assert access(app) == {"GET admin.*/a": "token", "* /any": "token"}
    app.config["SERVER_NAME"] = "app.example"
    assert "GET admin.app.example/a" in access(app)
    matching = Flask(__name__, static_folder=None, host_matching=True)
    matching.add_url_rule("/a", "a", lambda: "", host="one.example")
    flask_adapter.FlaskGuard(matching, guard=guard())
    assert access(matching) == {"GET one.example/a": "token"}
    assert audit(matching).as_table().splitlines()[1].split()[1] == "one.example/a"
    assert json.loads(audit(matching).as_json())[0]["host"] == "one.example"


@pytest.mark.parametrize("preflight", [True, False, None])
def test_preflights(preflight: bool | None) -> None:  # noqa: FBT001  the option's values
    """A route that answers OPTIONS by itself is open to preflights, where they pass."""
    app = Flask(__name__, static_folder=None)

    class Answering(MethodView):
        def get(self) -> str:
            raise AssertionError

        def options(self) -> str:
            return "answered"

    class Http(HTTPEndpoint):
        async def options(self, _request: Request) -> Response:
            return Response("answered")

    app.add_url_rule("/x", view_func=Answering.as_view("x"))
    flask_adapter.FlaskGuard(app, guard=guard(), preflight=preflight)
    starlette = starlette_adapter.GuardMiddleware(
        Starlette(routes=[Route("/x", Http), Mount("/m", cast("Any", Opaque()))]),
        guard=guard(),
        preflight=preflight,
    )
    opened = "token" if preflight is False else "token, public in part"
    assert access(app) == {"GET /x": "token", "OPTIONS /x": opened}
    mounted = "token, public in part" if preflight else "token"
    assert access(starlette) == {"OPTIONS /x": opened, "* /m/*": mounted}
    asked = {"Origin": "https://web.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        app.test_client().options("/x", headers=asked),
        TestClient(starlette).options("/x", headers=asked),
    ):
        assert answer.status_code == (401 if preflight is False else 200)


def test_no_routes() -> None:
    """An app that shows no routes cannot be audited, and that is said."""
    with pytest.raises(ConfigurationError, match="function shows no routes: audit knows Flask"):
        audit(lambda: None)


def test_imports_no_framework(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not imported is not in the app, and not imported for the audit."""
    app = Flask(__name__, static_folder=None)
    monkeypatch.delitem(sys.modules, "starlette")
    assert audit(app).routes == ()
    monkeypatch.delitem(sys.modules, "flask")
    with pytest.raises(ConfigurationError, match="shows no routes"):
        audit(app)


def test_pattern_as_a_request() -> None:
    """What a guard is asked about a pattern has no fields, and nothing to hide."""
    asked = _Asked("GET", ("/",), Endpoint())
    assert asked.fields("origin") == ()
    asked.hide_query(b"")
    asked.hide_protocols(b"")


def test_formats() -> None:
    """A table, JSON and Markdown, in which a bar is escaped."""
    app = Flask(__name__, static_folder=None)
    flask_adapter.FlaskGuard(app, guard=guard())
    view = flask_adapter.requires(scope("a") | role("b"))(flask_app)
    app.add_url_rule("/x", "x", view)
    found = audit(app)
    where = found.routes[0].where
    assert where.startswith("tests.test_audit:")
    assert found.as_table().splitlines() == [
        "METHODS  PATH  ACCESS                  WHERE",
        f"GET      /x    role('b') | scope('a')  {where}",
    ]
    assert found.as_markdown().splitlines()[2] == (
        rf"| `GET` | `/x` | `role('b') \| scope('a')` | `{where}` |"
    )
    assert json.loads(found.as_json()) == [
        {"path": "/x", "methods": ["GET"], "access": "role('b') | scope('a')", "where": where}
    ]


APPS = """
from flask import Flask
from tests.tokens import bearer, guard, token
from jwt_guard.flask import FlaskGuard

bare = Flask("bare")
guarded = Flask("guarded")
FlaskGuard(guarded, guard=guard(), public=["static"])


def make():
    return guarded


class PassingOn:
    def __init__(self, app):
        self.app = app


wrapped = PassingOn(guarded)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module with apps, where the command line will find it."""
    (tmp_path / "some_apps.py").write_text(APPS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return "some_apps"


@pytest.mark.parametrize(
    ("target", "code", "out", "err"),
    [
        ("guarded", 0, "public", ""),
        ("make()", 0, "public", ""),
        ("bare", 1, "UNGUARDED", "1 route is neither guarded nor public\n"),
        ("missing", 2, "", "some_apps has no attribute 'missing'\n"),
        ("guarded.name", 2, "", "str shows no routes: audit knows Flask, Starlette and FastAPI\n"),
        ("", 2, "", "write the app as module:attribute, not 'some_apps:'\n"),
    ],
)
def test_command(
    module: str, target: str, code: int, out: str, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """0: all guarded; 1: some are not; 2: the command is wrong."""
    assert cli.main(["routes", f"{module}:{target}"]) == code
    printed = capsys.readouterr()
    assert out in printed.out
    assert printed.err == err


def test_no_module(capsys: pytest.CaptureFixture[str]) -> None:
    """A module that is not there is said, without a traceback."""
    assert cli.main(["routes", "no_such_module:app"]) == 2
    assert capsys.readouterr().err == "No module named 'no_such_module'\n"


def test_command_json(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The format can be chosen."""
    assert cli.main(["routes", f"{module}:guarded", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["access"] == "public"


def test_command_transparent(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is in front of the guard and answers nothing can be named."""
    command = ["routes", f"{module}:wrapped"]
    assert cli.main(command) == 1
    assert cli.main([*command, "--transparent", f"{module}:PassingOn"]) == 0
    capsys.readouterr()
    assert cli.main([*command, "--transparent", f"{module}:make"]) == 2
    assert capsys.readouterr().err == "some_apps:make is no class\n"


def test_module() -> None:
    """`python -m jwt_guard` is the command line."""
    assert importlib.import_module("jwt_guard.__main__").main is cli.main


def test_as_a_program() -> None:
    """`python -m jwt_guard routes` shows an example's routes."""
    result = subprocess.run(
        [sys.executable, "-m", "jwt_guard", "routes", "examples.flask_app:create_app()"],
        cwd=ROOT,
        env={"APP_SECRET": "x" * 32, "PATH": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "scope('messages:read')" in result.stdout
    assert "/health" in result.stdout


@pytest.mark.parametrize("framework", ["Flask", "Starlette", "FastAPI"])
def test_many_routes(framework: str) -> None:
    """Hundreds of routes take less than a second."""
    start = time.process_time()
    if framework == "Flask":
        flask = Flask(__name__)
        for number in range(300):
            flask.add_url_rule(f"/{number}", str(number), lambda: "")
        found = audit(flask)
    elif framework == "Starlette":
        found = audit(Starlette(routes=[Route(f"/{number}", answering) for number in range(300)]))
    else:
        fastapi = FastAPI()
        for number in range(300):
            fastapi.get(f"/{number}")(lambda: None)
        found = audit(fastapi)
    assert len(found.routes) >= 300
    assert time.process_time() - start < 1
