"""Which path and which endpoint a guard decides on: those of the routers behind it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router
from starlette.testclient import TestClient
from starlette.types import Scope as StarletteScope

from jwt_guard import ConfigurationError, Rule, asgi
from jwt_guard.fastapi import GuardMiddleware, Requires, optional, public
from jwt_guard.starlette import requires
from tests.tokens import bearer, claims, guard, token

pytestmark = pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")

PREFLIGHT = {"Origin": "https://web.example", "Access-Control-Request-Method": "GET"}


def held(scope: str = "") -> dict[str, str]:
    return {"Authorization": bearer(token(claims(scope=scope))).decode()}


def api(root_path: str = "/api") -> FastAPI:
    app = FastAPI(root_path=root_path)

    @app.get("/admin/users")
    async def users() -> str:
        return "secret"

    @app.get("/health")
    async def health() -> str:
        return "up"

    return app


RULES = [Rule("/health", public=True), Rule("/admin/*", requires="admin")]


@pytest.mark.parametrize("path", ["/admin/users", "/api/admin/users"])
@pytest.mark.parametrize("outside", [True, False])
def test_root_path_of_the_app(path: str, outside: bool) -> None:  # noqa: FBT001  both ways
    """A table reads the path that the app's router reads, whatever prefix it takes off."""
    app = api()
    if outside:
        guarded: Any = asgi.GuardMiddleware(app, guard=guard(), rules=RULES, unmatched="deny")
    else:
        app.add_middleware(GuardMiddleware, guard=guard(), rules=RULES, unmatched="deny")
        guarded = app
    client = TestClient(guarded)
    assert client.get(path).status_code == 401
    assert client.get(path, headers=held()).status_code == 403
    assert client.get(path, headers=held("admin")).text == '"secret"'
    assert client.get(path.replace("admin/users", "health")).status_code == 200


def test_root_path_and_public_paths() -> None:
    """What is public is so by the path that the router reads."""
    client = TestClient(asgi.GuardMiddleware(api(), guard=guard(), public=["/api/*"]))
    assert client.get("/api/admin/users").status_code == 401
    rows = [Rule("/admin/*", requires="admin"), Rule("/*", public=True)]
    client = TestClient(asgi.GuardMiddleware(api(), guard=guard(), rules=rows))
    assert client.get("/api/admin/users").status_code == 401
    assert client.get("/api/health").status_code == 200


def test_root_path_and_marks() -> None:
    """A public page for everything else opens nothing that another route answers."""
    for outside in (True, False):
        app = api()
        app.mount("/", public(PlainTextResponse("page")))
        if outside:
            client = TestClient(GuardMiddleware(app, guard=guard()))
        else:
            app.add_middleware(GuardMiddleware, guard=guard())
            client = TestClient(app)
        for path in ("/admin/users", "/api/admin/users"):
            assert client.get(path).status_code == 401
        for path in ("/else", "/api/else"):
            assert client.get(path).text == "page"


def test_root_path_of_a_mounted_app() -> None:
    """A mounted app's own prefix hides nothing, from a guard inside or outside."""
    sub = FastAPI(root_path="/sub/v1")

    @sub.get("/admin")
    async def admin() -> str:
        return "secret"

    @sub.get("/{path:path}")
    @public
    async def page(path: str) -> str:
        return path

    parent = FastAPI()
    parent.mount("/sub", sub)
    outside = TestClient(GuardMiddleware(parent, guard=guard()))
    assert outside.get("/sub/v1/admin").status_code == 401
    assert outside.get("/sub/v1/admin", headers=held()).text == '"secret"'
    assert outside.get("/sub/v1/other").status_code == 200
    rows = [Rule("/sub/admin", requires="admin"), Rule("/*", public=True)]
    table = TestClient(asgi.GuardMiddleware(parent, guard=guard(), rules=rows))
    assert table.get("/sub/v1/admin").status_code == 401
    assert table.get("/sub/v1/admin", headers=held()).status_code == 403
    inside = FastAPI()
    inside.mount("/sub", sub)
    inside.add_middleware(GuardMiddleware, guard=guard())
    assert TestClient(inside).get("/sub/v1/admin").status_code == 401


def test_prefix() -> None:
    """What cannot be seen can be said: the app behind takes a prefix off."""

    async def forced(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await PlainTextResponse(scope["path"].removeprefix("/api"))(scope, receive, send)

    client = TestClient(asgi.GuardMiddleware(forced, guard=guard(), prefix="/api", rules=RULES))
    assert client.get("/api/admin/users", headers=held()).status_code == 403
    assert client.get("/admin/users", headers=held()).status_code == 403
    assert client.get("/api/health").text == "/health"
    assert client.get("/api", headers=held()).text == ""
    assert client.get("/apiadmin", headers=held()).text == "admin"


@pytest.mark.parametrize("prefix", ["api", "/api/", "/a//b", "/a/../b", 5, None, "/"])
def test_bad_prefix(prefix: Any) -> None:
    """A prefix is a plain path."""
    with pytest.raises(ConfigurationError, match="prefix is a path"):
        asgi.GuardMiddleware(api(), guard=guard(), prefix=prefix)


class Dispatcher:
    """Two apps, of which one is called app: nobody knows which one answers."""

    def __init__(self, app: asgi.ASGIApp, other: asgi.ASGIApp) -> None:
        self.app = app
        self.other = other

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        chosen = self.other if scope["path"].startswith("/open") else self.app
        await chosen(scope, receive, send)


class Rewriting:
    """A middleware that writes another path."""

    def __init__(self, app: asgi.ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await self.app({**scope, "path": "/closed"}, receive, send)


class PassingOn(Rewriting):
    """A middleware that changes nothing."""

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await self.app(scope, receive, send)


async def rewriting(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    request.scope["path"] = "/closed"
    return await call_next(request)


def marked() -> Starlette:
    async def opened(_request: Request) -> Response:
        return PlainTextResponse("open")

    async def closed(_request: Request) -> Response:
        return PlainTextResponse("secret")

    return Starlette(routes=[Route("/open", public(opened)), Route("/closed", closed)])


WRAPS: list[Callable[[asgi.ASGIApp], asgi.ASGIApp]] = [
    Rewriting,
    lambda app: BaseHTTPMiddleware(app, rewriting),
    lambda app: Dispatcher(app, PlainTextResponse("secret")),
    lambda app: Starlette(middleware=[Middleware(Rewriting)], routes=[Mount("/", app)]),
    lambda app: Starlette(routes=[Mount("/", Rewriting(app))]),
]


@pytest.mark.parametrize("wrap", WRAPS)
def test_unknown_middleware_hides_marks(wrap: Callable[[asgi.ASGIApp], asgi.ASGIApp]) -> None:
    """What may send a request elsewhere leads nowhere."""
    client = TestClient(GuardMiddleware(wrap(marked()), guard=guard()))
    assert client.get("/open").status_code == 401
    assert client.get("/open", headers=held()).text in ("open", "secret")


def test_transparent_middleware() -> None:
    """A middleware that changes nothing can be said to; marks behind it count."""
    behind = PassingOn(marked())
    client = TestClient(GuardMiddleware(behind, guard=guard(), transparent=(PassingOn,)))
    assert client.get("/open").text == "open"
    assert client.get("/closed").status_code == 401


def test_known_middleware() -> None:
    """Starlette's own passes requests on as they are."""
    app = CORSMiddleware(marked(), allow_origins=["*"])
    assert TestClient(GuardMiddleware(app, guard=guard())).get("/open").text == "open"
    app_itself = marked()
    app_itself.add_middleware(CORSMiddleware)
    assert TestClient(GuardMiddleware(app_itself, guard=guard())).get("/open").text == "open"


class ByHeader(APIRoute):
    """A route that is there for one version of the API alone."""

    def matches(self, scope: StarletteScope) -> tuple[Match, StarletteScope]:
        match, child = super().matches(scope)
        wanted = (b"version", b"2") in scope["headers"]
        return (match, child) if wanted else (Match.NONE, {})


def test_routes_that_match_by_header() -> None:
    """A route that decides by itself whether it matches is asked."""
    router = APIRouter(route_class=ByHeader)

    @router.get("/items")
    @public
    async def second() -> str:
        return "second"

    app = FastAPI()
    app.include_router(router, prefix="/v")

    @app.get("/v/items")
    async def first() -> str:
        return "first"

    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.get("/v/items", headers={"version": "2"}).text == '"second"'
    assert client.get("/v/items").status_code == 401
    assert client.get("/v/items", headers=held()).text == '"first"'


class Elsewhere(Route):
    """A route that answers with something else than its endpoint."""

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("secret")(scope, receive, send)


@pytest.mark.parametrize("method", ["get", "Get", "delete", "GET\t"])
def test_methods_in_small_letters(method: str) -> None:
    """A method that is not in capitals is never public by a mark."""

    class AnyMethod(Route):
        def matches(self, scope: StarletteScope) -> tuple[Match, StarletteScope]:
            _, child = super().matches({**scope, "method": "GET"})
            return Match.FULL, child

    async def endpoint(_request: Request) -> Response:
        raise AssertionError

    app = Starlette(routes=[AnyMethod("/", public(endpoint))])
    messages: list[Any] = []
    run(GuardMiddleware(app, guard=guard()), method, messages)
    assert messages[0]["status"] == 401


def run(app: asgi.ASGIApp, method: str, messages: list[Any]) -> None:
    scope: asgi.Scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "headers": [],
        "query_string": b"",
    }

    async def send(message: asgi.Message) -> None:
        messages.append(message)

    async def receive() -> asgi.Message:
        raise AssertionError

    try:
        app(scope, receive, send).__await__().__next__()
    except StopIteration:
        return


def test_route_with_a_mind_of_its_own() -> None:
    """A route that hands over to something else leads nowhere."""

    async def endpoint(_request: Request) -> Response:
        raise AssertionError

    app = Starlette(routes=[Elsewhere("/", public(endpoint))])
    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.get("/").status_code == 401
    assert client.get("/", headers=held()).text == "secret"


def test_optional_marks() -> None:
    """An optional endpoint is for nobody, and for callers; not for bad tokens."""
    app = FastAPI()

    @app.get("/feed")
    @optional
    async def feed(request: Request) -> str:
        return request.user.display_name or "nobody"

    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.get("/feed").text == '"nobody"'
    assert client.get("/feed", headers=held()).text == '"joe"'
    assert client.get("/feed", headers={"Authorization": "Bearer a.b.c"}).status_code == 401


class Anything:
    """An app that does not look at the method."""

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await PlainTextResponse("secret")(scope, receive, send)


async def answers_options(_request: Request) -> Response:
    return PlainTextResponse("options")


class Dispatching(HTTPEndpoint):
    """A class that has a method for OPTIONS, and does not look at it."""

    async def options(self, _request: Request) -> Response:
        raise AssertionError

    async def dispatch(self) -> None:
        await PlainTextResponse("secret")(self.scope, self.receive, self.send)


class Options(HTTPEndpoint):
    """A class that answers OPTIONS."""

    async def options(self, _request: Request) -> Response:
        return PlainTextResponse("options")


class OtherCORS(CORSMiddleware):
    """Middleware that is called what it is not."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("secret")(scope, receive, send)


@pytest.mark.parametrize(
    ("app", "code"),
    [
        (Anything(), 401),
        (Starlette(routes=[Route("/", Dispatching)]), 401),
        (Starlette(routes=[Route("/", Options)]), 200),
        (OtherCORS(Starlette(routes=[]), allow_origins=["*"]), 401),
        (Starlette(routes=[Route("/", Anything())]), 401),
        (Starlette(routes=[Mount("/", Anything())]), 401),
        (Starlette(routes=[Route("/", answers_options, methods=["GET"])]), 401),
        (Starlette(routes=[Route("/", answers_options, methods=["OPTIONS"])]), 200),
        (
            Router(
                [Host("testserver", Router([Route("/", answers_options, methods=["OPTIONS"])]))]
            ),
            200,
        ),
        (CORSMiddleware(Starlette(routes=[]), allow_origins=["*"]), 200),
        (Starlette(routes=[], middleware=[Middleware(CORSMiddleware, allow_origins=["*"])]), 200),
    ],
)
def test_preflights(app: Any, code: int) -> None:
    """A preflight passes where something answers OPTIONS by itself."""
    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.options("/", headers=PREFLIGHT).status_code == code
    closed = GuardMiddleware(app, guard=guard(), preflight=False)
    assert TestClient(closed).options("/", headers=PREFLIGHT).status_code == 401
    under_a_table = GuardMiddleware(app, guard=guard(), rules=[Rule("/*")])
    assert TestClient(under_a_table).options("/", headers=PREFLIGHT).status_code == 401
    asked_for = GuardMiddleware(app, guard=guard(), preflight=True, rules=[Rule("/*")])
    assert TestClient(asked_for).options("/", headers=PREFLIGHT).status_code != 401


def test_requirement_before_the_body() -> None:
    """Who may not upload does not upload, and malformed JSON says nothing about rights."""
    app = FastAPI()

    @app.post("/items/{name}", dependencies=[Requires("write")])
    async def write(name: str, data: dict[str, str]) -> str:
        return name + str(data)

    wrapped = GuardMiddleware(app, guard=guard())
    client = TestClient(wrapped)
    read: list[int] = []
    endless: Any = (b"x" * 1000 for _ in iter(lambda: read.__iadd__([1]), None))
    assert client.post("/items/a", headers=held("read"), content=b"{").status_code == 403
    assert client.post("/items/a", headers=held("write"), content=b"{").status_code == 422
    assert client.post("/items/a", headers=held("write"), json={"b": "c"}).status_code == 200
    assert client.post("/items/a", content=b"{").status_code == 401
    answer = client.post("/items/a", headers=held("read"), content=endless)
    assert (answer.status_code, read) == (403, [])
    assert "scope" in answer.headers["WWW-Authenticate"]


def test_overridden_dependency_is_not_asked() -> None:
    """Tests that replace a dependency replace what is asked ahead of the body too."""
    needed = Requires("write")
    app = FastAPI()

    @app.post("/items", dependencies=[needed])
    async def write() -> str:
        return "written"

    app.dependency_overrides[needed.dependency] = lambda: None
    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.post("/items", headers=held()).status_code == 200


def test_requires_above_the_route() -> None:
    """A requirement that is never asked is refused at start, and at the first request."""
    app = FastAPI()

    @requires("admin")
    @app.get("/x")
    async def endpoint(request: Request) -> str:
        raise AssertionError(request)

    wrapped = GuardMiddleware(app, guard=guard())
    with (
        pytest.raises(ConfigurationError, match=r"endpoint.*above the decorator"),
        TestClient(wrapped),
    ):
        raise AssertionError
    with pytest.raises(ConfigurationError, match=r"endpoint.*above the decorator"):
        TestClient(wrapped).get("/x")


def test_requires_above_the_route_with_a_token() -> None:
    """Without a lifespan the first request tells, whatever token it comes with."""
    app = FastAPI()

    @requires("admin")
    @app.get("/x")
    async def endpoint(request: Request) -> str:
        raise AssertionError(request)

    client = TestClient(GuardMiddleware(app, guard=guard()))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"endpoint.*above the decorator"):
            client.get("/x", headers=held())


def test_prefix_behind_unknown_middleware() -> None:
    """A mounted app's own prefix is seen behind middleware of which nothing is known."""
    sub = api("/a/v1")
    rows = [Rule("/a/admin/*", requires="admin"), Rule("/a/*", optional=True)]
    parent = Starlette(routes=[Mount("/a", PassingOn(sub))])
    apps: list[Any] = [PassingOn(parent), Starlette(routes=[Mount("/", PassingOn(parent))])]
    for app in apps:
        client = TestClient(asgi.GuardMiddleware(app, guard=guard(), rules=rows))
        assert client.get("/a/v1/admin/users").status_code == 401
        assert client.get("/a/v1/admin/users", headers=held()).status_code == 403
        assert client.get("/a/v1/health").status_code == 200


class OtherStack(Starlette):
    """An app that puts something of its own in front of its router."""

    def build_middleware_stack(self) -> Any:
        return Rewriting(super().build_middleware_stack())


class OtherRouter(Router):
    """A router that chooses in a way of its own."""

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await super().app({**scope, "path": "/closed"}, receive, send)


@pytest.mark.parametrize(
    "app",
    [
        OtherStack(routes=marked().routes),
        OtherRouter(marked().routes),
        Router(marked().routes, middleware=[Middleware(Rewriting)]),
        Mount("/", Router(marked().routes, middleware=[Middleware(Rewriting)])),
    ],
)
def test_apps_with_a_mind_of_their_own(app: Any) -> None:
    """A subclass that may send a request elsewhere leads nowhere, whatever it is one of."""
    client = TestClient(GuardMiddleware(app, guard=guard()))
    assert client.get("/open").status_code == 401
    assert client.get("/open", headers=held()).text == "secret"


def test_middleware_of_a_router() -> None:
    """What a router has in front of its own routes passes on what is known to."""
    app = Router(marked().routes, middleware=[Middleware(CORSMiddleware)])
    assert TestClient(GuardMiddleware(app, guard=guard())).get("/open").text == "open"
    inside = Router(marked().routes, middleware=[Middleware(GuardMiddleware, guard=guard())])
    assert TestClient(inside).get("/open").text == "open"
    assert TestClient(inside).get("/closed").status_code == 401


def test_convertor_that_fails() -> None:
    """A path that no convertor can read leads nowhere."""

    @public
    async def number(_request: Request) -> Response:
        raise AssertionError

    app = Starlette(routes=[Route("/{number:int}", number)])
    client = TestClient(GuardMiddleware(app, guard=guard()), raise_server_exceptions=False)
    assert client.get("/" + "1" * 5000).status_code == 401


def test_other_routes() -> None:
    """A route of a kind that nobody knows leads nowhere."""

    class Unknown(BaseRoute):
        endpoint = public(PlainTextResponse("secret"))

        def matches(self, scope: StarletteScope) -> tuple[Match, StarletteScope]:
            return Match.FULL, {}

        async def handle(self, scope: Any, receive: Any, send: Any) -> None:
            await PlainTextResponse("secret")(scope, receive, send)

    client = TestClient(GuardMiddleware(Starlette(routes=[Unknown()]), guard=guard()))
    assert client.get("/").status_code == 401
    assert client.get("/", headers=held()).text == "secret"
