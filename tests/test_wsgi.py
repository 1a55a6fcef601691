"""PEP 3333: jwt_guard.wsgi, by WebTest, wsgiref's validator and a real socket."""

import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest
from webtest import TestApp

from jwt_guard import AuthError, ConfigurationError, Guard, scope
from jwt_guard.errors import InsufficientScope, StepUpRequired
from jwt_guard.wsgi import GuardMiddleware, identity_of, identity_or_none, requires
from tests.tokens import RSA, SECRET, bearer, claims, guard, issuer, token

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    identity = identity_or_none(environ)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"-" if identity is None else str(identity.subject).encode()]


def client(wrapped: "WSGIApplication" = app, using: Guard | None = None, **options: Any) -> TestApp:
    return TestApp(GuardMiddleware(validator(wrapped), guard=using or guard(), **options))


def started(wrapped: "WSGIApplication", environ: dict[str, Any]) -> int:
    """Call the app as it is, and return the status it starts with."""
    seen: list[str] = []

    def start_response(status: str, *_: Any) -> Any:
        seen.append(status)

    wrapped(environ, start_response)
    return int(seen[0][:3])


def headers(value: str | None = None) -> dict[str, str]:
    return {"Authorization": f"Bearer {value or token()}"}


def test_environ() -> None:
    """The app finds the identity, the scheme and the subject in its environ."""
    seen: dict[str, Any] = {}

    def look(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        seen.update(environ)
        return app(environ, start_response)

    assert client(look).get("/", headers=headers()).text == "joe"
    assert seen["jwt_guard.identity"].subject == "joe"
    assert (seen["AUTH_TYPE"], seen["REMOTE_USER"]) == ("Bearer", "joe")


@pytest.mark.parametrize(
    ("subject", "user"),
    [
        ("joe@example.com", "joe@example.com"),
        ("auth0|1", "auth0|1"),
        ('joe" 200 "x', "joe%22%20200%20%22x"),
        ("joe\nroot", "joe%0Aroot"),
        ("50%", "50%25"),
        ("zoë", "zo%C3%AB"),
        ("١", "%D9%A1"),
        (None, ""),
    ],
)
def test_remote_user(subject: str | None, user: str) -> None:
    """REMOTE_USER cannot break a log line, and never is another layer's name."""
    seen: list[str] = []

    def look(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        seen.append(environ["REMOTE_USER"])
        return app(environ, start_response)

    value = headers(token(claims(sub=subject)))
    client(look).get("/", headers=value, extra_environ={"REMOTE_USER": "root"})
    assert seen == [user]


PUBLIC = ["/health", "/docs/*", "/a/*/c", "/slash/"]


@pytest.mark.parametrize(
    "path", ["/health", "/docs/a", "/docs/a/b/c", "/docs/a/", "/a/b/c", "/slash/", "/docs/%C3%BC"]
)
def test_public(path: str) -> None:
    """A public path is open by its whole segments."""
    assert client(public=PUBLIC).get(path).text == "-"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/health/",
        "/health/x",
        "/healthy",
        "/HEALTH",
        "/docs",
        "/docs/",
        "/docs//a",
        "/docs/../admin",
        "/docs/..",
        "/docs/./a",
        "/docs/.",
        "/docs/a;x",
        "/docs/a%252Fb",
        "/docs/a%5Cb",
        "/docs/a%00",
        "/docs/a%0Ab",
        "/docs/a%7F",
        "/docs/%2E%2E/admin",
        "/docs/a%2F%2Fb",
        "/a//c",
        "/a/b/d/c",
        "/slash",
        "//health",
    ],
)
def test_not_public(path: str) -> None:
    """Whatever else the path could mean to somebody is closed."""
    assert client(public=PUBLIC).get(path, status=401)


@pytest.mark.parametrize("path", ["", "health", "*", "http://x/health"])
def test_path_info_that_is_no_path(path: str) -> None:
    """A PATH_INFO that is no absolute path is closed, even under a wildcard."""
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/x"}
    assert started(GuardMiddleware(app, guard=guard(), public=["/*"]), environ) == 401


@pytest.mark.parametrize("pattern", ["health", "", "/a/../b", "/a;b", "/a*", "//", "/a%2f", None])
def test_bad_pattern(pattern: Any) -> None:
    """A pattern that is no plain absolute path is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="path pattern"):
        GuardMiddleware(app, guard=guard(), public=[pattern])


def test_public_as_text() -> None:
    """A lone string is no list of paths."""
    text: Any = "/health"
    with pytest.raises(ConfigurationError, match=r'public=\["/health"\]'):
        GuardMiddleware(app, guard=guard(), public=text)


def test_mounted() -> None:
    """Public paths are those below SCRIPT_NAME, as routers match them."""
    wrapped = client(public=["/health"])
    environ = {"SCRIPT_NAME": "/api"}
    assert wrapped.get("/health", extra_environ=environ).text == "-"


def test_anonymous() -> None:
    """anonymous lets through who has no token, and nobody with a bad one."""
    wrapped = client(optional=True)
    assert wrapped.get("/x;y//").text == "-"
    assert wrapped.get("/", headers=headers()).text == "joe"
    assert wrapped.get("/", headers={"Authorization": "Basic am9l"}).text == "-"
    wrapped.get("/", headers=headers(token(key=RSA)), status=401)
    wrapped.get("/", headers={"Authorization": "Bearer"}, status=400)


def test_preflight() -> None:
    """A true preflight passes where that is asked for."""
    fields = {"Origin": "https://w.example", "Access-Control-Request-Method": "GET"}
    assert client(preflight=True).options("/", headers=fields).text == "-"
    client().options("/", headers=fields, status=401)
    client(preflight=False).options("/", headers=fields, status=401)
    client(preflight=True).options("/", headers={"Origin": "https://w.example"}, status=401)


def test_requires() -> None:
    """A part of the app asks for a scope; who lacks it gets 403 with its name."""
    wrapped = client(requires("admin")(app), optional=True)
    answer = wrapped.get("/", headers=headers(), status=403)
    assert answer.headers["WWW-Authenticate"].endswith('scope="admin"')
    wrapped.get("/", status=401)
    assert wrapped.get("/", headers=headers(token(claims(scope="admin")))).text == "joe"


def test_no_guard() -> None:
    """Without a guard in front, nothing is answered."""
    with pytest.raises(ConfigurationError, match="no guard"):
        TestApp(requires("admin")(app)).get("/")
    with pytest.raises(ConfigurationError, match="no guard"):
        identity_of({"HTTP_JWT_GUARD_IDENTITY": "joe", "HTTP_jwt_guard.identity": "joe"})


@pytest.mark.parametrize("started", [False, True])
def test_refusal_by_the_app(*, started: bool) -> None:
    """An AuthError that the app raises is answered, before and after start_response."""

    def refusing(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if started:
            start_response("200 OK", [("Content-Type", "text/plain")])
        raise StepUpRequired(["gold"], max_age=60)

    answer = client(refusing).get("/", headers=headers(), status=401)
    assert answer.headers["WWW-Authenticate"] == (
        'Bearer realm="api", error="insufficient_user_authentication", '
        'error_description="A different authentication level is required", '
        'acr_values="gold", max_age="60"'
    )


def test_requirement_in_the_app() -> None:
    """An app may ask by itself, and the refusal is answered."""

    def asking(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        scope("admin").require(identity_of(environ))
        return app(environ, start_response)

    client(asking).get("/", headers=headers(), status=403)
    admin = headers(token(claims(scope="admin")))
    assert client(asking).get("/", headers=admin).text == "joe"


def test_nested() -> None:
    """Of two guards both must be satisfied, whatever the inner one opens."""
    ours = guard()
    others = guard(issuer(name="other", keys=SECRET.key))
    inner = GuardMiddleware(app, guard=others, optional=True)
    client(inner, ours).get("/x", headers=headers(), status=401)
    client(inner, ours).get("/x", status=401)
    client(inner, ours).get("/x", headers=headers(token(claims(iss="other"), SECRET)), status=401)
    same = GuardMiddleware(app, guard=ours)
    assert client(same, ours).get("/", headers=headers()).text == "joe"


def test_body_hook() -> None:
    """Another body keeps status and challenge."""

    def render(error: AuthError) -> tuple[str, bytes]:
        return "text/plain", f"no: {error.status}".encode()

    mine = guard(render_body=render)
    answer = client(using=mine).get("/", status=401)
    assert answer.text == "no: 401"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert answer.headers["Content-Type"] == "text/plain"


def test_not_latin_1() -> None:
    """A header that no server would hand over like this is malformed, not a crash."""
    environ = {"HTTP_AUTHORIZATION": "Bearer \u0661", "PATH_INFO": "/", "REQUEST_METHOD": "GET"}
    assert started(GuardMiddleware(app, guard=guard()), environ) == 400


def test_scope_text() -> None:
    """The scopes of an InsufficientScope are sorted, and none means no parameter."""
    assert InsufficientScope(["b", "a"]).scopes == ("a", "b")
    assert "scope=" not in dict(guard().challenge(InsufficientScope()).headers)["WWW-Authenticate"]


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


def test_two_fields_over_a_socket() -> None:
    """Two Authorization fields sent to a real server are refused in either order."""
    wrapped = validator(GuardMiddleware(app, guard=guard()))
    with make_server("127.0.0.1", 0, wrapped, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            good, other = bearer(token()), b"Basic am9l"
            for first, second in ((good, other), (other, good), (good, good)):
                request = b"GET / HTTP/1.0\r\nAuthorization: %s\r\nauthorization: %s\r\n\r\n"
                with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
                    connection.sendall(request % (first, second))
                    assert connection.recv(100).split(b" ")[1] == b"400"
            with socket.create_connection(("127.0.0.1", server.server_port)) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\nAuthorization: %s\r\n\r\n" % good)
                assert connection.recv(100).split(b" ")[1] == b"200"
        finally:
            server.shutdown()
            thread.join()
