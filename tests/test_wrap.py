"""An unmodified app is guarded by what the environment says, behind real servers."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from jwt_guard import ConfigurationError, wrap
from tests.contract.surfaces import Asked, through_asgi, through_wsgi
from tests.tokens import b64

ROOT = Path(__file__).parent.parent
SECRET = "a secret of the wrap tests, of no use elsewhere"
WSGI_APP, ASGI_APP = "tests.contract.surfaces:bare_wsgi", "tests.contract.surfaces:bare_asgi"
CONFIGURATION = """
[[issuer]]
name = "me"
audience = "me"
secret_env = "APP_SECRET"
alg = "HS256"

[middleware]
unmatched = "deny"

[[rule]]
path = "/health"
public = true

[[rule]]
path = "/reports/*"
requires = "reports"
"""


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("JWT_GUARD_APP", "JWT_GUARD_VECTORS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "guard.toml").write_text(CONFIGURATION)
    monkeypatch.setenv("JWT_GUARD_CONFIG", str(tmp_path / "guard.toml"))
    monkeypatch.setenv("APP_SECRET", SECRET)


def token(scope: str = "") -> bytes:
    claims = {"iss": "me", "aud": "me", "sub": "joe", "exp": time.time() + 60, "scope": scope}
    return f"Bearer {jwt.encode(claims, SECRET, 'HS256')}".encode()


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_guarded(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's rules stand in front of the app that a string names."""
    if kind == "asgi":
        monkeypatch.setenv("JWT_GUARD_APP", ASGI_APP)
        send = through_asgi(wrap.asgi())
    else:
        send = through_wsgi(wrap.wsgi(WSGI_APP))
    assert send(Asked(path="/health")).body == b"-"
    assert send(Asked(path="/reports/a")).status == 401
    assert send(Asked((token(),), "/reports/a")).status == 403
    assert send(Asked((token("reports"),), "/reports/a")).body == b"joe"
    assert send(Asked((token("reports"),), "/else")).status == 403


def test_no_app() -> None:
    """Without a name of the app there is nothing to guard, and that is said."""
    with pytest.raises(ConfigurationError, match="name the app that is to be guarded in JWT_GUARD"):
        wrap.asgi()


@pytest.mark.parametrize(
    ("server", "target"),
    [
        ("gunicorn", f'jwt_guard.wrap:wsgi("{WSGI_APP}")'),
        ("uvicorn", "jwt_guard.wrap:asgi"),
    ],
)
def test_as_a_target(server: str, target: str) -> None:
    """gunicorn takes the call as its target, uvicorn the factory."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = {
        "gunicorn": ["--log-level", "error", "-b", f"127.0.0.1:{port}"],
        "uvicorn": ["--log-level", "critical", "--factory", "--port", str(port)],
    }[server]
    app = {"JWT_GUARD_APP": ASGI_APP} if server == "uvicorn" else {}
    process = subprocess.Popen(
        [sys.executable, "-m", server, *options, target], cwd=ROOT, env=os.environ | app
    )
    try:
        deadline = time.monotonic() + 20
        while not _listens(port):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert _status(port, {}) == 401
        assert _status(port, {"Authorization": token("reports").decode()}) == 200
        assert _status(port, {"Authorization": f"Bearer {b64(b'{}')}.."}) == 401
    finally:
        process.terminate()
        process.wait(20)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _status(port: int, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/reports/a", headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_file_by_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file can be named beside the app, whatever the environment says."""
    path = os.environ["JWT_GUARD_CONFIG"]
    monkeypatch.delenv("JWT_GUARD_CONFIG")
    for send in (
        through_wsgi(wrap.wsgi(WSGI_APP, config=path)),
        through_asgi(wrap.asgi(ASGI_APP, config=path)),
    ):
        assert send(Asked((), "/health")).status == 200
        assert send(Asked((token(),), "/reports/1")).status == 403
        assert send(Asked((token("reports"),), "/reports/1")).status == 200


def test_asgi_alone(tmp_path: Path) -> None:
    """WSGI has no WebSockets to configure."""
    path = tmp_path / "sockets.toml"
    path.write_text(CONFIGURATION.replace("[middleware]", "[middleware]\nexpiry_code = 4401"))
    assert callable(wrap.asgi(ASGI_APP, config=str(path)))
    with pytest.raises(ConfigurationError, match="expiry_code is for ASGI alone"):
        wrap.wsgi(WSGI_APP, config=str(path))


class WsgiClass:
    """A framework's app, as Flask's and Django's are."""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        raise AssertionError


class AsgiClass:
    """The same for ASGI, as Starlette's and Django's are."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError


def plain_asgi(scope: Any, receive: Any, send: Any) -> Any:
    """ASGI by a function that returns what is awaited."""
    raise AssertionError


def create_app() -> WsgiClass:
    return WsgiClass()


def anything(*args: Any) -> Any:
    """Hide what it takes, as decorators do."""
    raise AssertionError


wsgi_app, asgi_app = WsgiClass(), AsgiClass()
# Nobody can see what it takes: it is written in C.
opaque = max


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("wsgi_app", {"wsgi"}),
        ("asgi_app", {"asgi"}),
        ("plain_asgi", {"asgi"}),
        ("create_app()", {"wsgi"}),
        # Nobody can see what they take.
        ("anything", {"asgi", "wsgi"}),
        ("WsgiClass", {"asgi", "wsgi"}),
        ("opaque", {"asgi", "wsgi"}),
    ],
)
def test_kind(name: str, kinds: set[str]) -> None:
    """An app of the other kind is refused at the start, with the target that it is for."""
    for kind, make in (("asgi", wrap.asgi), ("wsgi", wrap.wsgi)):
        target = f"{__name__}:{name}"
        if kind in kinds:
            assert callable(make(target))
        else:
            other = "wsgi" if kind == "asgi" else "asgi"
            expected = f"is an app for {other.upper()}; give it to jwt_guard.wrap:{other}"
            with pytest.raises(ConfigurationError, match=expected):
                make(target)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("create_app", r"create_app takes no arguments: to call it for the app, add \(\)"),
        ("ROOT", "ROOT is no WSGI app: it cannot be called"),
        ("wrap", "wrap is no WSGI app: it cannot be called"),
    ],
)
def test_no_app_at_all(name: str, expected: str) -> None:
    """What is no app is refused at the start."""
    with pytest.raises(ConfigurationError, match=expected):
        wrap.wsgi(f"{__name__}:{name}")


def test_target() -> None:
    """An app is named as servers name it."""
    for target in ("json", ":app", "json:"):
        with pytest.raises(ConfigurationError, match="write the app as module:attribute, not"):
            wrap.load_app(target)
    with pytest.raises(ConfigurationError, match="json has no attribute 'nothing'"):
        wrap.load_app("json:nothing")
    with pytest.raises(ModuleNotFoundError):
        wrap.load_app("nothing_of_that_name:app")
    assert wrap.load_app(f"{__name__}:AsgiClass.__call__") is AsgiClass.__call__
