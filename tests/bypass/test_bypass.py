"""Nothing that is guarded is reached without what it requires, whatever is sent."""

import http.client
import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.bypass.apps import token

ROOT = Path(__file__).parent.parent.parent

GUNICORN = ["gunicorn", "--log-level", "error", "-b", "127.0.0.1:{port}"]
GRANIAN = ["granian", "--port", "{port}", "--no-log"]
HYPERCORN = ["--log-level", "critical", "-b", "127.0.0.1:{port}"]
# What a server is started with: the program, then how it is told app and port.
WSGI: dict[str, list[str]] = {
    "gunicorn": [*GUNICORN, "{app}"],
    "gunicorn, gthread": [*GUNICORN, "-k", "gthread", "--threads", "4", "{app}"],
    "gunicorn, gevent": [*GUNICORN, "-k", "gevent", "{app}"],
    "gunicorn, gevent, preload": [*GUNICORN, "-k", "gevent", "--preload", "{app}"],
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", "{app}"],
    "granian, WSGI": [*GRANIAN, "--interface", "wsgi", "{app}"],
    "wsgiref": ["tests.bypass.reference", "{port}", "{app}"],
}
UVICORN = ["uvicorn", "--log-level", "critical", "--port", "{port}"]
ASGI: dict[str, list[str]] = {
    "uvicorn": [*UVICORN, "--http", "h11", "{app}"],
    "uvicorn, httptools": [*UVICORN, "--http", "httptools", "{app}"],
    "granian, ASGI": [*GRANIAN, "--interface", "asgi", "{app}"],
    "hypercorn": ["hypercorn", *HYPERCORN, "{app}"],
}
# Those that are told of a prefix: that they add, or that requests come with.
PREFIXED: dict[str, list[str]] = {
    "uvicorn, prefix": [*UVICORN, "--http", "h11", "--root-path", "/api", "{app}"],
    "granian, prefix": [*GRANIAN, "--interface", "asgi", "--url-path-prefix", "/api", "{app}"],
    "hypercorn, prefix": ["hypercorn", *HYPERCORN, "--root-path", "/api", "{app}"],
}
SERVERS = WSGI | ASGI | PREFIXED
# The others have a step of the gate to themselves.
ALWAYS = (("gunicorn", "flask_app"), ("uvicorn", "plain_asgi"))
SURFACES = [
    pytest.param(pair, id=" ".join(pair), marks=() if pair in ALWAYS else pytest.mark.servers)
    for pair in (
        *itertools.product(WSGI, ("plain_wsgi", "flask_app")),
        *itertools.product(ASGI, ("plain_asgi", "starlette_app", "fastapi_app")),
    )
]

# Ways to write a path so that guard and router might not read the same.
TARGETS = ("/secret", "/secret/a", "/secret/a/b")
REWRITTEN = sorted(
    {
        form.format(path=path, rest=path[1:])
        for path in TARGETS
        for form in (
            *("{path}", "{path}/", "/{path}", "//{rest}", "///{rest}", "/./{rest}", "/x/../{rest}"),
            *("/open/../{rest}", "/open/..{path}", "/open//..//{rest}", "/open/%2e%2e/{rest}"),
            *(
                "/open/%2E%2E%2F{rest}",
                "/open/..%2f{rest}",
                "/open/..%5c{rest}",
                "/open/..\\{rest}",
            ),
            *("/open;/../{rest}", "/open;x={path}", "/open%3b/../{rest}", "/open/..;/{rest}"),
            *(
                "{path};open",
                "{path};/open",
                "{path}%3b",
                "{path}%2f",
                "{path}%00",
                "{path}%00/open",
            ),
            *(
                "{path}?/open",
                "{path}?x=/open",
                "{path}%3f/open",
                "{path}%23/open",
                "{path}/../open",
            ),
            *(
                "{path}/..",
                "{path}/.",
                "{path}/./",
                "{path}%20",
                "{path}%09",
                "{path}%0a",
                "{path}%0d",
            ),
            *("/%73ecret", "/s%65cret/a", "/%2573ecret", "/SECRET", "/Secret/a", "/secre%74"),
            *("/open%2f..%2f{rest}", "/open%252f..%252f{rest}", "/%2e{path}", "/%2e/{rest}"),
            *("http://127.0.0.1{path}", "http://127.0.0.1/open/..{path}", "http://x{path}"),
            *("/\\{rest}", "\\{rest}", "/%5c{rest}", "/open\\..\\{rest}", "{path}\\", "{path}%5c"),
            *("/%c0%afsecret", "/%e0%80%afsecret", "/\xef\xbc\x8fsecret", "/secret%ef%bc%8fa"),
            *("{path}.json", "{path}.", "{path}..", "{path}~", "{path}*", "{path}/*", "/*/{rest}"),
            *(
                "/open/",
                "/open/x",
                "/openx",
                "/open%20",
                "/open%00",
                "/open;x",
                "/open%2e",
                "/OPEN",
            ),
        )
    }
)
METHODS = ("GET", "HEAD", "POST", "OPTIONS", "TRACE", "get", "Delete", "oPTIONS", "PROPFIND", "_")
TRICKS: tuple[dict[str, str], ...] = (
    {"X-Original-URL": "/open"},
    {"X-Rewrite-URL": "/open"},
    {"X-HTTP-Method-Override": "OPTIONS"},
    {"X-Forwarded-Prefix": "/open", "X-Script-Name": "/open", "Script-Name": "/open"},
    {"X-Forwarded-For": "127.0.0.1", "X-Real-IP": "127.0.0.1"},
    {"X-User": "root", "Remote-User": "root", "jwt_guard.identity": "root"},
    {"Origin": "https://x"},
    {"Access-Control-Request-Method": "GET"},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer  "},
    {"Authorization": "Basic cm9vdDpyb290"},
    {"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    {"Connection": "Authorization, close"},
    {"Cookie": "access_token=x"},
    {"Upgrade": "h2c"},
)


@pytest.fixture(scope="module", params=SURFACES)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Start a real server with one of the apps; stop it in the end."""
    with started(*request.param) as number:
        yield number


@contextmanager
def started(server: str, app: str) -> Generator[int]:
    """Run a server with one of the apps, on the port that this yields."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    program, *rest = SERVERS[server]
    arguments = [one.format(port=number, app=f"tests.bypass.apps:{app}") for one in rest]
    process = subprocess.Popen([sys.executable, "-m", program, *arguments], cwd=ROOT)
    try:
        deadline = time.monotonic() + 20
        while not _listens(number):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield number
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, method: str, target: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Send a request as it is, and return status and body."""
    fields = {"Host": "127.0.0.1", "Connection": "close"} | headers
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("\r\n".join([*lines, "Content-Length: 0", "", ""]).encode("latin-1"))
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return response.status, response.read()


def bearer(scope: str = "") -> dict[str, str]:
    return {"Authorization": f"Bearer {token(scope)}"}


def test_reachable(port: int) -> None:
    """With the scope the secret is reached, so that the rest of these tests can fail."""
    for target in TARGETS:
        assert ask(port, "GET", target, bearer("secret")) == (200, b"SECRET")
        assert ask(port, "GET", target, bearer())[0] == 403
        assert ask(port, "GET", target, {})[0] == 401
    assert ask(port, "GET", "/open", {}) == (200, b"OPEN")


def test_size() -> None:
    """There are at least 150 ways to write a path, each of them once."""
    assert len(REWRITTEN) >= 150


@pytest.mark.parametrize("scope", [None, ""], ids=["without token", "without scope"])
def test_paths(port: int, scope: str | None) -> None:
    """No way to write a path reaches a secret without a token, or without the scope."""
    headers = {} if scope is None else bearer(scope)
    reached = [target for target in REWRITTEN if b"SECRET" in ask(port, "GET", target, headers)[1]]
    assert reached == []


def test_methods_and_headers(port: int) -> None:
    """No method and no header reaches a secret without a token."""
    for method, target, trick in itertools.product(METHODS, TARGETS, ({}, *TRICKS)):
        status, body = ask(port, method, target, trick)
        assert b"SECRET" not in body, (method, target, trick)
        assert status not in range(200, 400), (method, target, trick, status)


def test_no_500(port: int) -> None:
    """No way to write a path makes the server fail."""
    for target in REWRITTEN:
        for headers in ({}, bearer("secret")):
            assert ask(port, "GET", target, headers)[0] < 500, target
