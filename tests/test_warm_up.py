"""Keys before the first request, and probes that tell."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient
from webtest import TestApp

from jwt_guard import Bearer, Cookie, Guard, Issuer, Key
from jwt_guard import asgi as asgi_module
from jwt_guard import wsgi as wsgi_module
from jwt_guard._core.request.credentials import CredentialSource
from jwt_guard.errors import KeysUnavailable
from jwt_guard.flask import FlaskGuard
from jwt_guard.keys import Discovery, Document, FetchError
from jwt_guard.starlette import GuardMiddleware
from tests.contract.surfaces import Asked, Send, bare_asgi, bare_wsgi, through_asgi, through_wsgi
from tests.keys.provider import AUDIENCE, Provider, answering, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.fixture
def guard(provider: Provider) -> Guard:
    static = Issuer("static", audience="api", keys=Key.secret("x" * 32, alg="HS256"))
    credentials: list[CredentialSource] = [Bearer(), Cookie("t")]
    return Guard(static, Issuer(provider.issuer, audience=AUDIENCE), credentials=credentials)


def test_warm_up(provider: Provider, guard: Guard) -> None:
    """After warm_up the keys are there, and a second one fetches nothing."""
    guard.warm_up()
    guard.warm_up()
    assert provider.asked() == 1
    (state,) = guard.health()
    assert (state["issuer"], state["ready"]) == (provider.issuer, True)


def test_warm_up_async(provider: Provider, guard: Guard) -> None:
    """The same on an event loop."""
    asyncio.run(guard.warm_up_async())
    assert provider.asked() == 1


def test_warm_up_without_provider(provider: Provider, guard: Guard) -> None:
    """Without a provider warm_up says which issuer has no keys, and why."""
    provider.fault = answering(b"", 500)
    with pytest.raises(KeysUnavailable) as failed:
        guard.warm_up()
    assert provider.issuer in str(failed.value.hint)
    assert "500" in str(failed.value.hint)


def test_ten_that_hang() -> None:
    """Ten issuers that do not answer have one deadline together, on threads and loops."""
    go_on = threading.Event()

    class Hanging:
        def fetch(self, url: str, etag: str | None) -> Document:
            go_on.wait(5)
            raise FetchError(f"hung: {url} {etag}")

    def make() -> Guard:
        keys = Discovery(fetcher=Hanging(), wait=0.3)
        return Guard(
            *(
                Issuer(f"https://{number}.example", audience="api", keys=keys)
                for number in range(10)
            )
        )

    try:
        for loop in (False, True):
            start = time.monotonic()
            with pytest.raises(KeysUnavailable) as failed:
                asyncio.run(make().warm_up_async()) if loop else make().warm_up()
            assert 0.2 < time.monotonic() - start < 1
            assert str(failed.value.hint).count(".example") == 10
    finally:
        go_on.set()


def test_a_broken_tenant(provider: Provider) -> None:
    """A tenant whose keys cannot be had is shown, and makes nothing unready."""
    good = Issuer(provider.issuer, audience=AUDIENCE)
    tenants = {provider.issuer: good}
    guard = Guard(issuers=tenants.get)
    guard.authenticate([provider.token("1")])
    provider.fault = answering(b"", 500)
    (state,) = guard.health()
    assert (state["issuer"], state["tenant"], state["ready"]) == (provider.issuer, True, True)
    guard._issuers._tenants[provider.issuer].members[0].kept[0]._fresh._snapshot = None  # type: ignore[attr-defined]  # as after its lifetime
    (state,) = guard.health()
    assert state["ready"] is False
    assert guard.readiness().status == 200
    guard.warm_up()


def test_static_keys_need_no_warming(guard: Guard) -> None:
    """What never changes is neither fetched nor shown."""
    fixed = Guard(Issuer("static", audience="api", keys=Key.secret("x" * 32, alg="HS256")))
    fixed.warm_up()
    assert (fixed.health(), fixed.readiness().status) == ([], 200)
    assert [state["tenant"] for state in guard.health()] == [False]


def through_asgi_guard(guard: Guard) -> Send:
    return through_asgi(asgi_module.GuardMiddleware(bare_asgi, guard=guard, public=["/open"]))


def through_wsgi_guard(guard: Guard) -> Send:
    return through_wsgi(wsgi_module.GuardMiddleware(bare_wsgi, guard=guard, public=["/open"]))


@pytest.mark.parametrize(("down", "status"), [(False, 200), (True, 503)])
def test_lifespan(provider: Provider, guard: Guard, *, down: bool, status: int) -> None:
    """An ASGI app starts with keys; without a provider it starts all the same."""
    provider.fault = answering(b"", 500) if down else None
    app = Starlette(
        routes=[Route("/ready", asgi_module.Readiness(guard))],
        middleware=[Middleware(GuardMiddleware, guard=guard, public=["/ready"])],
    )
    with TestClient(app) as client:
        fetches = len(provider.fetches)
        assert fetches > 0
        answer = client.get("/ready")
        assert (answer.status_code, answer.json()) == (status, {"ready": not down})
        assert len(provider.fetches) == fetches


def test_lifespan_turned_off(provider: Provider, guard: Guard) -> None:
    """warm_up=False leaves the fetch to the first request."""
    app = Starlette(middleware=[Middleware(GuardMiddleware, guard=guard, warm_up=False)])
    with TestClient(app):
        assert provider.fetches == []


@pytest.mark.parametrize("through", [through_asgi_guard, through_wsgi_guard])
@pytest.mark.parametrize(("down", "status"), [(False, 200), (True, 503)])
def test_first_request(
    provider: Provider, guard: Guard, through: Callable[[Guard], Send], *, down: bool, status: int
) -> None:
    """Without warm-up the first request waits for the keys; they are not to be had: 503.

    A token in a cookie, which nobody can check then, closes no public path.
    """
    provider.fault = answering(b"", 500) if down else None
    send, value = through(guard), provider.token("1")
    assert send(Asked((value,))).status == status
    cookie = ("Cookie", f"t={value.removeprefix(b'Bearer ').decode()}")
    assert send(Asked(headers=(cookie,))).status == status
    opened = send(Asked(path="/open", headers=(cookie,)))
    assert (opened.status, opened.body) == (200, b"-" if down else b"joe")


@pytest.mark.parametrize(("down", "status"), [(False, 200), (True, 503)])
def test_flask(provider: Provider, guard: Guard, *, down: bool, status: int) -> None:
    """A Flask app is set up with keys; without a provider all the same."""
    provider.fault = answering(b"", 500) if down else None
    app = Flask(__name__)
    FlaskGuard(app, guard=guard, readiness="/ready")
    assert provider.fetches
    answer = app.test_client().get("/ready")
    assert (answer.status_code, answer.json) == (status, {"ready": not down})
    cold = Flask(__name__)
    FlaskGuard(cold, guard=guard, warm_up=False)
    assert cold.test_client().get("/ready").status_code == 401


def test_wsgi_readiness(guard: Guard) -> None:
    """The WSGI probe answers as the ASGI one."""
    app = TestApp(wsgi_module.Readiness(guard))
    assert app.get("/", status=503).json == {"ready": False}
    guard.warm_up()
    assert app.get("/").json == {"ready": True}


PRELOADED = """
import os
from jwt_guard import Guard, Issuer
from jwt_guard.wsgi import GuardMiddleware
guard = Guard(Issuer(os.environ["ISSUER"], audience="https://api.example"))
guard.warm_up()
def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["jwt_guard.identity"].key_id.encode()]
app = GuardMiddleware(hello, guard=guard)
"""


def test_gunicorn_preload(provider: Provider, tmp_path: Path) -> None:
    """Under gunicorn --preload the workers have the keys, and each can rotate."""
    (tmp_path / "preloaded.py").write_text(PRELOADED)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    root = Path(__file__).parent.parent
    environ = os.environ | {"ISSUER": provider.issuer, "PYTHONPATH": f"{root}:{tmp_path}"}
    options = ["--preload", "--workers", "2", "--bind", address]
    command = [sys.executable, "-m", "gunicorn", *options, "preloaded:app"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as server:
        try:
            assert eventually_get(address, provider.token("1")) == "1"
            assert provider.asked() == 1
            provider.add_key("2")
            answers = {eventually_get(address, provider.token("2")) for _ in range(20)}
            assert answers == {"2"}
            assert 2 <= provider.asked() <= 3
        finally:
            server.send_signal(signal.SIGTERM)


def eventually_get(address: str, authorization: bytes) -> str:
    request = urllib.request.Request(
        f"http://{address}/", headers={"Authorization": authorization.decode()}
    )
    for _ in range(100):
        try:
            with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310  loopback
                body: bytes = response.read()
                return body.decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server did not start")
