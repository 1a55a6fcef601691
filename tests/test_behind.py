"""What apps and frameworks behind a guard make of its refusals, on every surface."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask, Response, jsonify, render_template_string, request
from flask.views import MethodView, View
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.responses import Response as StarletteResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from webtest import TestApp
from werkzeug.exceptions import HTTPException

from jwt_guard import AuthError, Bearer, ConfigurationError, Guard, Query, hosts, scope
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard._verified import Verified
from jwt_guard._wait import Wait
from jwt_guard.asgi import GuardMiddleware, Message, Receive, Scope, Send, identity_of, requires
from jwt_guard.errors import InsufficientScope, InvalidToken, MissingToken, Reason
from jwt_guard.flask import FlaskGuard
from jwt_guard.wsgi import GuardMiddleware as WsgiGuard
from jwt_guard.wsgi import identity_of as wsgi_identity_of
from tests.test_asgi import http, sent, status, websocket
from tests.tokens import bearer, claims, guard, token

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

GOOD = bearer(token())
CHALLENGE = 'Bearer realm="api"'


def held(text: str = "") -> dict[str, str]:
    return {"Authorization": bearer(token(claims(scope=text))).decode()}


# ASGI


async def catching(scope: Scope, _receive: Receive, send: Send) -> None:
    """Make a failure of its own of whatever is raised, as some frameworks do."""
    try:
        identity_of(scope)
    except Exception:  # noqa: BLE001  that is the point
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b"oops"})


async def catching_and_raising(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 500, and let the server log it, as Starlette does."""
    await catching(scope, receive, send)
    identity_of(scope)


async def handling(scope: Scope, _receive: Receive, send: Send) -> None:
    """Show a page to whoever has no token."""
    try:
        identity_of(scope)
    except AuthError:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"welcome"})


async def started(scope: Scope, _receive: Receive, send: Send) -> None:
    """Begin, and only then ask who it is."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    identity_of(scope)


def test_failure_made_of_a_refusal() -> None:
    """A framework's 500 that was a refusal is the refusal, whole and once."""
    for app in (catching, catching_and_raising):
        messages = sent(GuardMiddleware(app, guard=guard(), optional=True), http())
        assert [message["type"] for message in messages] == [
            "http.response.start",
            "http.response.body",
        ]
        assert status(messages) == 401
        assert (b"www-authenticate", CHALLENGE.encode()) in messages[0]["headers"]


def test_refusal_that_the_app_handles() -> None:
    """An app that has an answer of its own to a refusal gives it."""
    messages = sent(GuardMiddleware(handling, guard=guard(), optional=True), http())
    assert messages[-1]["body"] == b"welcome"


def test_refusal_after_the_start() -> None:
    """Once a response has begun, the error goes on as itself, and no other one begins."""
    messages: list[Message] = []

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        raise AssertionError

    wrapped = GuardMiddleware(started, guard=guard(), optional=True)
    with pytest.raises(MissingToken):
        asyncio.run(wrapped(http(), receive, send))
    assert [message["type"] for message in messages] == ["http.response.start"]


def test_base_http_middleware_of_a_mounted_app() -> None:
    """A mounted app's own middleware may ask who it is."""

    async def asking(
        asked: Request, call_next: Callable[[Request], Awaitable[StarletteResponse]]
    ) -> StarletteResponse:
        starlette_adapter.identity_of(asked)
        return await call_next(asked)

    async def page(_request: Request) -> StarletteResponse:
        return PlainTextResponse("page")

    inner = Starlette(
        routes=[Route("/x", page)],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=asking)],
    )
    outer = Starlette(routes=[Mount("/in", inner)])
    wrapped = starlette_adapter.GuardMiddleware(outer, guard=guard(), optional=["/in/*"])
    client = TestClient(wrapped, raise_server_exceptions=False)
    answer = client.get("/in/x")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert client.get("/in/x", headers=held()).text == "page"


@pytest.mark.parametrize("closed", [True, False])
def test_websocket_refused_late(*, closed: bool) -> None:
    """An accepted WebSocket is closed by a refusal; one that is closed is not closed again."""

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        if closed:
            await send({"type": "websocket.close", "code": 1000})
        identity_of(scope)

    wrapped = GuardMiddleware(app, guard=guard(), optional=True)
    if closed:
        with pytest.raises(MissingToken):
            sent(wrapped, websocket())
    else:
        assert sent(wrapped, websocket())[-1]["code"] == 1008


# WSGI


def client_of(app: Any, **options: Any) -> TestApp:
    return TestApp(WsgiGuard(app, guard=guard(), **options), lint=False)


def generating(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
    """Begin when the first chunk is asked for."""
    name = str(wsgi_identity_of(environ).subject).encode()
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield name
    yield b"!"


def silent(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterator[bytes]:
    """Answer with no octets at all."""
    start_response("204 No Content", [])
    yield from ()


class Lazy:
    """A body that begins when it is iterated over, and is to be closed."""

    closed = False

    def __init__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> None:
        self.environ = environ
        self.start_response = start_response

    def __iter__(self) -> Iterator[bytes]:
        try:
            wsgi_identity_of(self.environ)
        except AuthError:
            self.start_response("500 Internal Server Error", [])
            return iter([b"oops"])
        self.start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([b"lazy"])

    def close(self) -> None:
        type(self).closed = True


def failing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Make a failure of its own of whatever is raised, and write it, as old apps do."""
    try:
        wsgi_identity_of(environ)
    except AuthError:
        start_response("500 Internal Server Error", [])(b"oops")
        return [b"oops"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]


def test_wsgi_generators() -> None:
    """A generator that refuses is answered as any other app, and a good one goes through."""
    client = client_of(generating, optional=True)
    assert client.get("/", status=401).headers["WWW-Authenticate"] == CHALLENGE
    assert client.get("/", headers=held()).text == "joe!"
    assert client_of(silent).get("/", headers=held()).status_int == 204


def test_wsgi_lazy_bodies() -> None:
    """What begins late is the refusal too, and is closed."""
    client = client_of(Lazy, optional=True)
    assert client.get("/", headers=held()).text == "lazy"
    Lazy.closed = False
    assert client.get("/", status=401).headers["WWW-Authenticate"] == CHALLENGE
    assert Lazy.closed


def test_wsgi_failure_made_of_a_refusal() -> None:
    """A framework's 500 that was a refusal is the refusal."""
    client = client_of(failing, optional=True)
    assert client.get("/", status=401).headers["WWW-Authenticate"] == CHALLENGE
    assert client.get("/", headers=held()).text == "ok"


def test_wsgi_query_token_is_taken_out() -> None:
    """A token in the query is taken out of all that the app and the server's log see."""
    seen: dict[str, Any] = {}

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
        seen.update(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(wsgi_identity_of(environ).subject).encode()]

    def start(*_arguments: object) -> Callable[[bytes], object]:
        return bytes.decode

    one = guard(credentials=[Bearer(), Query("access_token", paths=["/events"])])
    wrapped = WsgiGuard(app, guard=one)
    text = token()
    for query, rest in ((f"a=1&access_token={text}", "a=1"), (f"access_token={text}", "")):
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/events",
            "QUERY_STRING": query,
            "RAW_URI": f"/events?{query}",
        }
        assert list(wrapped(environ, start)) == [b"joe"]
        assert seen["QUERY_STRING"] == rest
        assert seen["RAW_URI"] == (f"/events?{rest}" if rest else "/events")
        assert text not in str({**seen, "jwt_guard.identity": None})


# Flask


def flask_app(**options: Any) -> Flask:
    app = Flask("behind")
    FlaskGuard(app, guard=guard(), warm_up=False, **options)
    app.add_url_rule("/x", "x", lambda: "x")
    return app


def test_who_asks_on_a_refused_request() -> None:
    """Whoever asks for the caller of a refused request learns that there is none."""
    app = flask_app()
    seen: list[str | None] = []

    @app.after_request
    def note(response: Response) -> Response:
        identity = flask_adapter.identity_or_none()
        seen.append(None if identity is None else identity.subject)
        return response

    @app.context_processor
    def who() -> dict[str, object]:
        return {"who": flask_adapter.identity_or_none()}

    @app.errorhandler(401)
    def page(_error: HTTPException) -> tuple[str, int]:
        return render_template_string("{{ who or 'please log in' }}"), 401

    client = app.test_client()
    answer = client.get("/x")
    assert (answer.status_code, answer.text) == (401, "please log in")
    assert answer.headers["WWW-Authenticate"] == CHALLENGE
    assert client.get("/x", headers=held()).text == "x"
    assert seen == [None, "joe"]


def test_before_all_else() -> None:
    """Nobody learns which records exist, and the caller is there in a preprocessor."""
    app = flask_app()
    seen: list[Any] = []

    @app.url_value_preprocessor
    def pull(_endpoint: str | None, _values: dict[str, Any] | None) -> None:
        seen.append(flask_adapter.identity_of().subject)

    client = app.test_client()
    assert client.get("/x").status_code == 401
    assert client.get("/nowhere").status_code == 401
    assert seen == []
    assert client.get("/x", headers=held()).status_code == 200
    assert seen == ["joe"]


@pytest.mark.parametrize("caught", [HTTPException, Exception])
def test_handlers_of_everything(caught: type[Exception]) -> None:
    """A handler that makes JSON of all errors keeps the challenge, and makes no failure of it."""
    app = flask_app(optional=True)
    app.add_url_rule("/me", "me", lambda: str(flask_adapter.identity_of().subject))
    app.add_url_rule("/admin", "admin", flask_adapter.requires("admin")(lambda: "admin"))

    @app.errorhandler(caught)
    def on_error(error: Exception) -> tuple[Response, int]:
        code = error.code if caught is HTTPException and isinstance(error, HTTPException) else 500
        return jsonify(code=code), code or 500

    client = app.test_client()
    answer = client.get("/me")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    answer = client.get("/admin", headers=held("read"))
    assert answer.status_code == 403
    assert 'scope="admin"' in answer.headers["WWW-Authenticate"]


def test_refusals_that_a_view_swallows() -> None:
    """What a framework inside a view makes of a refusal, and calls its own failure, is it."""
    app = flask_app(optional=True)

    @app.get("/restful")
    def restful() -> tuple[str, int]:
        try:
            hosts.identity_of(request.environ)
        except AuthError:
            return "oops", 500
        raise AssertionError

    @app.get("/page")
    def page() -> str:
        try:
            hosts.identity_of(request.environ)
        except AuthError:
            return "welcome"
        raise AssertionError

    client = app.test_client()
    answer = client.get("/restful")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, CHALLENGE)
    assert client.get("/page").text == "welcome"


def test_redirect_to_the_login_page() -> None:
    """A handler for 401 may answer with something else altogether."""
    app = flask_app()

    @app.errorhandler(401)
    def to_login(_error: HTTPException) -> Response:
        return Response(status=302, headers={"Location": "/login"})

    answer = app.test_client().get("/x")
    assert answer.status_code == 302
    assert "WWW-Authenticate" not in answer.headers


def test_own_handler_of_refusals() -> None:
    """The app's own handler of AuthError is left in its place."""
    app = Flask("own")

    @app.errorhandler(AuthError)
    def on_refusal(error: AuthError) -> tuple[str, int]:
        return f"own {error.reason}", error.status

    FlaskGuard(app, guard=guard(), warm_up=False, optional=True)

    @app.get("/x")
    def view() -> str:
        raise InvalidToken(Reason.EXPIRED)

    answer = app.test_client().get("/x")
    assert (answer.status_code, answer.text) == (401, "own expired")


@flask_adapter.requires("admin")
class AdminView(View):
    """An abstract view whose children answer."""

    def dispatch_request(self) -> str:
        raise AssertionError


class Stats(AdminView):
    """A child that answers."""

    def dispatch_request(self) -> str:
        return "stats"


@flask_adapter.requires("admin")
class AdminMethods(MethodView):
    """A view of methods."""


class Methods(AdminMethods):
    """A child with a method."""

    def get(self) -> str:
        return "got"


def test_class_views() -> None:
    """What a class requires holds for whatever a subclass overrides."""
    app = flask_app(optional=True)
    app.add_url_rule("/stats", view_func=Stats.as_view("stats"))
    app.add_url_rule("/methods", view_func=Methods.as_view("methods"))
    client = app.test_client()
    for path, text in (("/stats", "stats"), ("/methods", "got")):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=held("read")).status_code == 403
        assert client.get(path, headers=held("admin")).text == text


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"public": "static"}, "public is a list of endpoints"),
        ({"public": ["/health"]}, "public names endpoints, .* not paths such as '/health'"),
        ({"optional": ["/feed"]}, "optional names endpoints"),
        ({"public": [5]}, "public is a list of endpoints"),
        ({"public": 5}, "public is a list of endpoints"),
        ({"optional": "false"}, "optional is a list of endpoints"),
        ({"preflight": "0"}, "preflight is True or False"),
        ({"warm_up": "no"}, "warm_up is True or False"),
    ],
)
def test_options_of_flask(options: dict[str, Any], text: str) -> None:
    """What opens something is strictly typed, and endpoints are no paths."""
    with pytest.raises(ConfigurationError, match=text):
        FlaskGuard(Flask("x"), guard=guard(), **options)


def test_unknown_endpoint() -> None:
    """An endpoint that the app has not is named at the first request."""
    app = flask_app(public=["helth"])
    app.testing = True
    with pytest.raises(ConfigurationError, match="has none that is called 'helth', but static, x"):
        app.test_client().get("/x")


def test_endpoints_by_name() -> None:
    """Endpoints that cannot be decorated are opened by name."""
    app = flask_app(public=["static"], optional=["x"])
    client = app.test_client()
    assert client.get("/x").text == "x"
    assert client.get("/x", headers={"Authorization": "Bearer a.b.c"}).status_code == 401
    assert client.get("/static/nothing").status_code == 404


def test_one_guard() -> None:
    """An app has one guard."""
    app = flask_app()
    with pytest.raises(ConfigurationError, match="behind has a guard already"):
        FlaskGuard(app, guard=guard())


def test_flask_in_an_asgi_app() -> None:
    """Adapters hand the scope on: a Flask app mounted in an ASGI one knows the caller."""
    app = Flask("mounted")
    app.testing = True
    app.add_url_rule("/x", "x", flask_adapter.requires("a")(lambda: "x"))
    client = app.test_client()
    for text, code in (("a", 200), ("b", 403)):
        identity = guard().authenticate([bearer(token(claims(scope=text)))])
        outer = {hosts.IDENTITY: identity, hosts.GUARD: guard()}
        assert client.get("/x", environ_overrides={"asgi.scope": outer}).status_code == code
    outer = {hosts.IDENTITY: None, hosts.GUARD: guard()}
    assert client.get("/x", environ_overrides={"asgi.scope": outer}).status_code == 401
    with pytest.raises(ConfigurationError, match="no guard is in front"):
        client.get("/x", environ_overrides={"asgi.scope": {}})


# Waiting


class Slow:
    """A lookup that has to wait, and refuses by subject."""

    def __init__(self) -> None:
        self.waits = 0
        self.revoked: set[str] = set()

    def check(self, verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        if waited is None:
            return self
        if verified.identity.subject in self.revoked:
            raise InvalidToken(Reason.REVOKED)
        return None

    def wait(self) -> None:
        self.waits += 1

    async def wait_async(self) -> None:
        self.waits += 1


def slow_guard(lookup: Slow, *more: Slow) -> Guard:
    return guard(lookups=[lookup, *more])


def test_lookups_on_every_request() -> None:
    """A lookup is asked for remembered callers and for new ones, and its refusal is the answer."""
    lookup = Slow()
    wrapped = GuardMiddleware(requires("messages:read")(answering), guard=slow_guard(lookup))
    for _ in range(3):
        assert status(sent(wrapped, http(GOOD))) == 200
    assert lookup.waits == 3
    assert sent(wrapped, websocket(GOOD))[0]["type"] == "websocket.accept"
    lookup.revoked.add("joe")
    assert status(sent(wrapped, http(GOOD))) == 401
    other = slow_guard(lookup)
    assert TestApp(WsgiGuard(failing, guard=other)).get("/", headers=held(), status=401)
    lookup.revoked.clear()
    assert TestApp(WsgiGuard(failing, guard=other)).get("/", headers=held()).text == "ok"


def test_let_in_waits() -> None:
    """A host on a thread waits where it has to."""
    lookup = Slow()
    store = http(GOOD)
    request = hosts.AsgiRequest(store, store)
    identity = hosts.let_in(store, hosts.Admission(slow_guard(lookup)), request)
    assert identity is not None
    assert (identity.subject, lookup.waits) == ("joe", 1)


def test_other_messages() -> None:
    """What is no response yet passes: an early hint says nothing of what comes."""

    async def hinting(scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.early_hint", "links": []})
        identity_of(scope)

    messages = sent(GuardMiddleware(hinting, guard=guard(), optional=True), http())
    assert next(message["type"] for message in messages) == "http.response.early_hint"
    assert messages[1]["status"] == 401


def test_two_lookups() -> None:
    """Each of several lookups may have to wait, one after another."""
    first, second = Slow(), Slow()
    wrapped = GuardMiddleware(answering, guard=slow_guard(first, second))
    assert status(sent(wrapped, http(GOOD))) == 200
    assert (first.waits, second.waits) == (1, 1)


def test_nobody_waits_where_nobody_is_asked() -> None:
    """A public path is not kept waiting for a token that nobody asks for."""
    lookup = Slow()
    wrapped = GuardMiddleware(
        answering, guard=slow_guard(lookup), public=["/open"], rules=[], unmatched="token"
    )
    assert status(sent(wrapped, http(GOOD, path="/open"))) == 200
    assert lookup.waits == 0


def test_waiting_under_a_table() -> None:
    """An ambiguous path is never public, so it waits for the token, and is refused then."""
    from jwt_guard import Rule  # noqa: PLC0415  of this test alone

    lookup = Slow()
    rules = [Rule("/open", public=True), Rule("/closed", requires=scope("messages:read"))]
    wrapped = GuardMiddleware(answering, guard=slow_guard(lookup), rules=rules, unmatched="deny")
    assert status(sent(wrapped, http(GOOD, path="/closed"))) == 200
    assert status(sent(wrapped, http(GOOD, path="/closed/../x"))) == 400
    assert status(sent(wrapped, http(GOOD, path="/else"))) == 403
    assert lookup.waits == 3


async def answering(scope: Scope, _receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_let_in_async() -> None:
    """A host on an event loop lets in as one on a thread does."""
    admission = hosts.Admission(slow_guard(Slow()))

    async def main() -> None:
        for value, subject in ((GOOD, "joe"),):
            store = http(value)
            identity = await hosts.let_in_async(store, admission, hosts.AsgiRequest(store, store))
            assert identity is not None
            assert identity.subject == subject
            assert store[hosts.IDENTITY] is identity
        store = http()
        with pytest.raises(MissingToken):
            await hosts.let_in_async(store, admission, hosts.AsgiRequest(store, store))
        assert store[hosts.IDENTITY] is None
        opened = hosts.Admission(guard(), optional=True)
        assert await hosts.let_in_async(store, opened, hosts.AsgiRequest(store, store)) is None

    asyncio.run(main())


def test_authorise() -> None:
    """A requirement that the caller lacks is refused, and noted for frameworks that swallow it."""
    store = http(GOOD)
    hosts.let_in(store, hosts.Admission(guard()), hosts.AsgiRequest(store, store))
    assert hosts.authorise(store, scope("messages:read")).subject == "joe"
    with pytest.raises(InsufficientScope):
        hosts.authorise(store, scope("admin"))
    (noted,) = store[hosts.REFUSALS]
    assert isinstance(noted, InsufficientScope)
