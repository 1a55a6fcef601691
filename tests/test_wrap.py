"""An unmodified app is guarded by what the environment says, behind real servers."""

import http.client
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest

from jwt_guard import ConfigurationError
from jwt_guard import wrap as serve
from tests.contract.surfaces import Asked, through_asgi, through_wsgi
from tests.tokens import b64

ROOT = Path(__file__).parent.parent
SECRET = "a secret of the serve tests, of no use elsewhere"
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
        send = through_asgi(serve.asgi())
    else:
        send = through_wsgi(serve.wsgi(WSGI_APP))
    assert send(Asked(path="/health")).body == b"-"
    assert send(Asked(path="/reports/a")).status == 401
    assert send(Asked((token(),), "/reports/a")).status == 403
    assert send(Asked((token("reports"),), "/reports/a")).body == b"joe"
    assert send(Asked((token("reports"),), "/else")).status == 403


def test_no_app() -> None:
    """Without a name of the app there is nothing to guard, and that is said."""
    with pytest.raises(ConfigurationError, match="name the app that is to be guarded in JWT_GUARD"):
        serve.asgi()


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
        through_wsgi(serve.wsgi(WSGI_APP, config=path)),
        through_asgi(serve.asgi(ASGI_APP, config=path)),
    ):
        assert send(Asked((), "/health")).status == 200
        assert send(Asked((token(),), "/reports/1")).status == 403
        assert send(Asked((token("reports"),), "/reports/1")).status == 200


def test_websockets_are_asgi(tmp_path: Path) -> None:
    """WSGI has no WebSockets to configure."""
    path = tmp_path / "sockets.toml"
    path.write_text(CONFIGURATION + "[middleware.websockets]\nprotocol = true\n")
    with pytest.raises(ConfigurationError, match="WSGI knows no websockets"):
        serve.wsgi(WSGI_APP, config=str(path))
