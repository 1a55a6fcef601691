"""Who may do what: at the matched endpoint, by a path table, by the route's parameters."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from flask import Blueprint, Flask
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from jwt_guard import (
    ConfigurationError,
    Guard,
    Identity,
    Requirement,
    Rule,
    acr,
    asgi,
    claim,
    path_param,
    wsgi,
)
from jwt_guard import fastapi as fastapi_adapter
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from tests.contract.surfaces import Answer, Asked, Send, bare_asgi, bare_wsgi, through_asgi
from tests.contract.surfaces import through_wsgi as _through_wsgi
from tests.tokens import NOW, bearer, claims, guard, token

GOOD = bearer(token())


def through_wsgi(app: Any) -> Send:
    return _through_wsgi(app)


async def answering(_request: Request) -> Response:
    return PlainTextResponse("reached")


@starlette_adapter.public
async def opened(_request: Request) -> Response:
    return PlainTextResponse("reached")


@starlette_adapter.public
class Opened(HTTPEndpoint):
    async def get(self, _request: Request) -> Response:
        return PlainTextResponse("reached")


class NotOpened(Opened):
    pass


@starlette_adapter.public
async def talking(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def starlette_app(tmp_path: Any) -> Starlette:
    (tmp_path / "a.txt").write_text("reached")
    required = [Middleware(asgi.RequirementMiddleware, requires="mount")]
    sub = Starlette(routes=[Route("/open", opened), Route("/closed", answering)])
    return Starlette(
        routes=[
            Route("/open", opened),
            Route("/open-but-for-post", opened, methods=["POST"]),
            Route("/class", Opened),
            Route("/subclass", NotOpened),
            Route("/closed", answering),
            Route("/scope", starlette_adapter.requires("scope")(answering)),
            Route("/{shadowed}/x", answering),
            Route("/number/{number:int}", opened),
            Route("/open/x", opened),
            Mount("/sub", sub),
            Mount("/required", routes=[Route("/open", opened)], middleware=required),
            Mount("/files", starlette_adapter.public(StaticFiles(directory=tmp_path))),
            Mount("/closed-files", StaticFiles(directory=tmp_path)),
            Host("open.example", Router([Route("/host", opened)])),
            WebSocketRoute("/ws", talking),
            WebSocketRoute("/closed-ws", answering),
        ],
        middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=guard())],
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/open", 200),
        ("HEAD", "/open", 200),
        ("POST", "/open", 401),
        ("OPTIONS", "/open", 401),
        ("GET", "/open/", 401),
        ("GET", "/open-but-for-post", 401),
        ("POST", "/open-but-for-post", 200),
        ("GET", "/class", 200),
        ("GET", "/subclass", 401),
        ("GET", "/closed", 401),
        ("GET", "/scope", 401),
        ("GET", "/open/x", 401),
        ("GET", "/number/1", 200),
        ("GET", f"/number/{'1' * 5000}", 401),
        ("GET", "/sub/open", 200),
        ("GET", "/sub/closed", 401),
        ("GET", "/sub/nothing", 401),
        ("GET", "/required/open", 401),
        ("GET", "/files/a.txt", 200),
        ("GET", "/files/nothing", 404),
        ("GET", "/closed-files/a.txt", 401),
        ("GET", "/host", 401),
        ("GET", "/nothing", 401),
        ("GET", "/ws", 401),
    ],
)
def test_starlette_endpoints(method: str, path: str, status: int, tmp_path: Any) -> None:
    """What is public is decided by the endpoint that the router matches."""
    client = TestClient(starlette_app(tmp_path), follow_redirects=False)
    answer = client.request(method, path)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'


def test_starlette_host(tmp_path: Any) -> None:
    """A public endpoint of a host is public at that host."""
    client = TestClient(starlette_app(tmp_path), base_url="http://open.example")
    assert client.get("/host").status_code == 200


def test_starlette_websocket(tmp_path: Any) -> None:
    """A public WebSocket endpoint is reached, another is not."""
    client = TestClient(starlette_app(tmp_path))
    with client.websocket_connect("/ws"):
        pass
    with pytest.raises(WebSocketDenialResponse) as info:
        client.websocket_connect("/closed-ws").__enter__()
    assert info.value.status_code == 401


def test_hidden_routes() -> None:
    """A middleware that does not say what is behind it hides public endpoints: closed."""

    def hiding(app: asgi.ASGIApp) -> asgi.ASGIApp:
        async def hidden(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            raise AssertionError(app)

        return hidden

    app = starlette_adapter.GuardMiddleware(hiding(Router([Route("/open", opened)])), guard=guard())
    assert through_asgi(app)(Asked(path="/open")).status == 401


def fastapi_app() -> FastAPI:
    app, outer, inner = FastAPI(), APIRouter(prefix="/v1"), APIRouter()

    @inner.get("/open")
    @fastapi_adapter.public
    async def get_open() -> str:
        return "reached"

    @inner.get("/closed")
    async def get_closed() -> str:
        raise AssertionError

    @inner.get("/{tenant}/items")
    async def items(
        tenant: str,
        identity: Annotated[
            Identity, fastapi_adapter.Requires(claim("tenant") == path_param("tenant"))
        ],
    ) -> str:
        return "reached"

    @inner.websocket("/ws")
    @fastapi_adapter.public
    async def ws(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    outer.include_router(inner, prefix="/required", dependencies=[fastapi_adapter.Requires("r")])
    outer.include_router(inner)
    app.include_router(outer)
    app.mount("/mounted", Starlette(routes=[Route("/open", opened)]))
    app.add_middleware(fastapi_adapter.GuardMiddleware, guard=guard())
    return app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/open", 200),
        ("POST", "/v1/open", 401),
        ("GET", "/v1/closed", 401),
        ("GET", "/v1/required/open", 401),
        ("GET", "/v1/nothing", 401),
        ("GET", "/v1/a/items", 401),
        ("GET", "/mounted/open", 200),
        ("GET", "/docs", 401),
    ],
)
def test_fastapi_endpoints(method: str, path: str, status: int) -> None:
    """The same of FastAPI, included routers and their dependencies too."""
    client = TestClient(fastapi_app(), follow_redirects=False)
    assert client.request(method, path).status_code == status


def test_fastapi_websocket() -> None:
    """A public WebSocket of an included router is reached."""
    with TestClient(fastapi_app()).websocket_connect("/v1/ws"):
        pass


def flask_app() -> Flask:
    app = Flask(__name__)
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    inner = Blueprint("inner", __name__, url_prefix="/inner")
    inner.add_url_rule("/open", "open", flask_adapter.public(lambda: "reached"))
    inner.add_url_rule("/x", "x", flask_adapter.requires("messages:read")(lambda: "reached"))
    outer.register_blueprint(inner)
    flask_adapter.requires("messages:write")(outer)
    tenant = claim("tenant") == path_param("tenant")

    @app.get("/<tenant>/items")
    @flask_adapter.requires(tenant)
    def items(tenant: str) -> str:
        return "reached"

    app.register_blueprint(outer)
    flask_adapter.FlaskGuard(app, guard=guard())
    return app


def test_blueprint() -> None:
    """A requirement on a blueprint holds for all its routes; public opens none of them."""
    client = flask_app().test_client()

    def status(path: str, scope: str | None) -> int:
        fields = {} if scope is None else {"Authorization": f"Bearer {token(claims(scope=scope))}"}
        return client.get(path, headers=fields).status_code

    assert [status("/outer/inner/open", one) for one in (None, "", "messages:write")] == [
        *(401, 403, 200)
    ]
    assert [status("/outer/inner/x", one) for one in (None, "messages:write")] == [401, 403]
    assert status("/outer/inner/x", "messages:write messages:read") == 200
    assert status("/outer/inner/nothing", "messages:write") == 404


def through_starlette(needed: Requirement) -> Send:
    endpoint = starlette_adapter.requires(needed)(answering)
    middleware = [Middleware(starlette_adapter.GuardMiddleware, guard=guard())]
    return through_asgi(
        Starlette(routes=[Route("/{tenant}/items", endpoint)], middleware=middleware)
    )


@pytest.mark.parametrize(
    ("tenant", "status"), [("acme", 200), ("other", 403), (None, 403), (["x", "acme"], 200)]
)
def test_path_params(tenant: Any, status: int) -> None:
    """A claim is compared with the parameter of the matched route."""
    asked = Asked((bearer(token(claims(tenant=tenant))),), "/acme/items")
    senders = (
        through_wsgi(flask_app().wsgi_app),
        through_starlette(claim("tenant") == path_param("tenant")),
        through_asgi(fastapi_app()),
    )
    paths = ("/acme/items", "/acme/items", "/v1/acme/items")
    for send, path in zip(senders, paths, strict=True):
        assert send(Asked(asked.authorization, path)).status == status


def test_step_up() -> None:
    """A caller who authenticated too long ago is told what to do (RFC 9470)."""
    send = through_starlette(acr("gold", max_age=300))
    fresh = token(claims(acr="gold", auth_time=NOW - 300))
    stale = token(claims(acr="gold", auth_time=NOW - 301))
    assert send(Asked((bearer(fresh),), "/acme/items")).status == 200
    refused = send(Asked((bearer(stale),), "/acme/items"))
    assert refused.status == 401
    challenge = dict(refused.headers)["www-authenticate"]
    assert 'error="insufficient_user_authentication"' in challenge
    assert challenge.endswith('acr_values="gold", max_age="300"')


RULES = [
    Rule("/health", methods=["GET"], public=True),
    Rule("/reports/*", methods=["GET"], requires="reports"),
    Rule("/reports/*", requires=claim("admin", True)),
    Rule("/files", requires="files"),
]


def by_rules_wsgi(one: Guard, **options: Any) -> Send:
    return through_wsgi(wsgi.GuardMiddleware(bare_wsgi, guard=one, rules=RULES, **options))


def by_rules_asgi(one: Guard, **options: Any) -> Send:
    return through_asgi(asgi.GuardMiddleware(bare_asgi, guard=one, rules=RULES, **options))


BY_RULES = {"WSGI": by_rules_wsgi, "ASGI": by_rules_asgi}


@pytest.mark.parametrize("surface", BY_RULES)
@pytest.mark.parametrize(
    ("method", "path", "changes", "status"),
    [
        ("GET", "/health", None, 200),
        ("HEAD", "/health", None, 200),
        ("POST", "/health", None, 401),
        ("GET", "/health/", None, 401),
        ("GET", "/healthy", None, 401),
        ("GET", "//health", None, 401),
        ("GET", "/reports/a", None, 401),
        ("GET", "/reports/a", {}, 403),
        ("GET", "/reports/a", {"scope": "reports"}, 200),
        ("HEAD", "/reports/a/b", {"scope": "reports"}, 200),
        ("POST", "/reports/a", {"scope": "reports"}, 403),
        ("POST", "/reports/a", {"admin": True}, 200),
        ("DELETE", "/reports/a", {"admin": 1}, 403),
        ("GET", "/reportsx", {}, 200),
        ("GET", "/files", {}, 403),
        ("GET", "/files/", {}, 403),
        ("GET", "/files", {"scope": "files"}, 200),
        ("GET", "/else", {}, 200),
        *(
            ("GET", path, {}, 400)
            for path in ("//files", "/files/.", "/x/../files", "/files;x", "/fi%6ces", "/files\\")
        ),
    ],
)
def test_rules(
    surface: str, method: str, path: str, changes: dict[str, Any] | None, status: int
) -> None:
    """The first rule decides; an ambiguous path is refused; the rest wants a token."""
    authorization = () if changes is None else (bearer(token(claims(**changes))),)
    assert BY_RULES[surface](guard())(Asked(authorization, path, method)).status == status


@pytest.mark.parametrize("surface", BY_RULES)
def test_unmatched(surface: str) -> None:
    """With unmatched="deny" a valid token is not enough where no rule is."""
    send = BY_RULES[surface](guard(), unmatched="deny")
    assert send(Asked((GOOD,), "/else")).status == 403
    assert send(Asked((), "/else")).status == 401
    assert send(Asked((), "/health")).status == 200


@pytest.mark.parametrize("surface", BY_RULES)
def test_method_override(surface: str) -> None:
    """The method is the request's; headers that name another one change nothing."""
    fields = tuple(
        (name, "GET") for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
    )
    asked = Asked((bearer(token(claims(scope="reports"))),), "/reports/a", "POST", fields)
    assert BY_RULES[surface](guard())(asked).status == 403


@pytest.mark.parametrize("surface", BY_RULES)
def test_rules_and_openings(surface: str) -> None:
    """What another opening lets through still meets the rule; so does a preflight, unless asked."""
    send = BY_RULES[surface](guard(), public=["/files", "/else"], optional=True)
    assert send(Asked((), "/files")).status == 401
    assert send(Asked((), "/else")).status == 200
    wanted = (("Origin", "https://web.example"), ("Access-Control-Request-Method", "GET"))
    assert send(Asked((), "/files", "OPTIONS", wanted)).status == 401
    for preflight, status in ((True, 200), (False, 401)):
        one = BY_RULES[surface](guard(), preflight=preflight)
        assert one(Asked((), "/files", "OPTIONS", wanted)).status == status


def test_raw_path_of_wsgi() -> None:
    """Where the server tells the path as it was sent, an encoded delimiter is ambiguous."""
    app = wsgi.GuardMiddleware(bare_wsgi, guard=guard(), rules=RULES, public=["/a/b"])
    statuses: list[str] = []

    def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Any:
        statuses.append(status[:3])

    for raw, authorization in (
        ("/a/b?x=%2F", None),
        ("/a%2Fb", None),
        ("/a%2fb", GOOD.decode()),
        ("/a/b", GOOD.decode()),
    ):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/a/b", "RAW_URI": raw}
        if authorization is not None:
            environ["HTTP_AUTHORIZATION"] = authorization
        list(app(environ, start_response))
    assert statuses == ["200", "401", "400", "200"]


def test_websocket_rules() -> None:
    """A WebSocket is a GET to the table."""
    app = Starlette(
        routes=[WebSocketRoute("/files", talking)],
        middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=guard(), rules=RULES)],
    )
    client = TestClient(app)
    allowed = {"Authorization": f"Bearer {token(claims(scope='files'))}"}
    with client.websocket_connect("/files", headers=allowed):
        pass
    refused = {"Authorization": f"Bearer {token()}"}
    with pytest.raises(WebSocketDenialResponse) as info:
        client.websocket_connect("/files", headers=refused).__enter__()
    assert info.value.status_code == 403


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rules": ["/a"]}, "rules are rows"),
        ({"unmatched": "allow"}, "unmatched is 'token' or 'deny'"),
    ],
)
def test_bad_rules(options: dict[str, Any], text: str) -> None:
    """What is no table of rules is said at construction."""
    with pytest.raises(ConfigurationError, match=text):
        wsgi.GuardMiddleware(bare_wsgi, guard=guard(), **options)
    with pytest.raises(ConfigurationError, match=text):
        asgi.GuardMiddleware(bare_asgi, guard=guard(), **options)


def test_requirement_middleware_needs_a_guard() -> None:
    """Without a guard in front a requirement fails closed, and says why."""
    app = asgi.RequirementMiddleware(bare_asgi, requires="a")
    with pytest.raises(ConfigurationError, match="no guard is in front of this app"):
        through_asgi(app)(Asked())


def test_description() -> None:
    """The answer to an ambiguous path says what is wrong with the request."""
    answer: Answer = by_rules_asgi(guard())(Asked((GOOD,), "//files"))
    assert b'"detail": "The path can be read in more than one way"' in answer.body
