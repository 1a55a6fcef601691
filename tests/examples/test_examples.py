"""Each small example answers as its title says."""

import asyncio
import time
from typing import Any, cast

import jwt
import pytest
from starlette.testclient import TestClient, WebSocketDenialResponse
from webtest import TestApp

from examples import asgi_app, fastapi_app, flask_app, starlette_app, wsgi_app

SECRET = "a secret of the examples' tests, long enough for HS256"


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SECRET", SECRET)


def bearer(scope: str = "", **claims: Any) -> dict[str, str]:
    claims = {"iss": "my-app", "aud": "my-app", "sub": "joe", "scope": scope} | claims
    token = jwt.encode(claims | {"exp": int(time.time()) + 60}, SECRET, "HS256")
    return {"Authorization": f"Bearer {token}"}


def test_wsgi() -> None:
    """The plain WSGI app: public health, greeting with a token, a part for admins."""
    app = TestApp(wsgi_app.create_app())
    assert app.get("/health").text == "fine\n"
    assert app.get("/", status=401).headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert app.get("/", headers=bearer()).text == "Hello joe\n"
    app.get("/admin", headers=bearer(), status=403)
    assert app.get("/admin", headers=bearer("admin")).text == "Hello joe\n"


def test_asgi() -> None:
    """The plain ASGI app: public health, greeting with a token, a part for admins."""
    client = TestClient(asgi_app.create_app())
    assert client.get("/health").text == "fine\n"
    assert client.get("/").headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert client.get("/", headers=bearer()).text == "Hello joe\n"
    assert client.get("/admin", headers=bearer()).status_code == 403
    assert client.get("/admin", headers=bearer("admin")).text == "Hello joe\n"
    # What the app does not know it leaves alone.
    asyncio.run(cast("Any", asgi_app.routes)({"type": "lifespan"}, None, None))


def test_flask() -> None:
    """The Flask app: public health, a route for readers, one for writing editors."""
    client = flask_app.create_app().test_client()
    assert client.get("/health").text == "fine\n"
    assert client.get("/messages").status_code == 401
    assert client.get("/messages", headers=bearer()).status_code == 403
    assert client.get("/messages", headers=bearer("messages:read")).json == {"hello": "joe"}
    writer = bearer("messages:write")
    assert client.post("/messages", headers=writer).status_code == 403
    editor = bearer("messages:write", roles=["editor"])
    assert client.post("/messages", headers=editor).status_code == 204


def test_starlette() -> None:
    """The Starlette app: public health, a route and a WebSocket for readers."""
    client = TestClient(starlette_app.create_app())
    reader = bearer("messages:read")
    assert client.get("/health").text == "fine\n"
    assert client.get("/messages").status_code == 401
    assert client.get("/messages", headers=reader).json() == {"hello": "joe"}
    with client.websocket_connect("/feed", headers=reader) as websocket:
        assert websocket.receive_text() == "hello joe"
    with pytest.raises(WebSocketDenialResponse) as refused:
        client.websocket_connect("/feed").__enter__()
    assert refused.value.status_code == 401


def test_fastapi() -> None:
    """The FastAPI app: public documentation, a route for all, one for some."""
    client = TestClient(fastapi_app.create_app())
    assert client.get("/docs").status_code == 200
    assert client.get("/openapi.json").json()["paths"]["/messages"]["get"]["security"] == [
        {"BearerToken": []}
    ]
    assert client.get("/me").status_code == 401
    assert client.get("/me", headers=bearer()).json() == {"hello": "joe"}
    assert client.get("/messages", headers=bearer()).status_code == 403
    assert client.get("/messages", headers=bearer("messages:write")).json() == ["messages:write"]
