"""FastAPI: Requires as a dependency, and its OpenAPI document."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from jwt_guard import ConfigurationError, Identity, role, scope
from jwt_guard.fastapi import GuardMiddleware, Requires, identity_of, identity_or_none
from tests.tokens import claims, guard, token


def headers(scopes: str = "", **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(claims(scope=scopes, **changes))}"}


def make_app() -> FastAPI:
    app = FastAPI()

    @app.get("/a")
    async def a(identity: Annotated[Identity, Requires("a")]) -> str | None:
        return identity.subject

    @app.get("/both")
    async def both(
        one: Annotated[Identity, Requires("a")], other: Annotated[Identity, Requires("b")]
    ) -> bool:
        return one is other

    @app.get("/either")
    async def either(
        identity: Annotated[Identity, Requires(scope("a") & (scope("b") | role("c")))],
    ) -> Any:
        return identity.claims

    @app.get("/me")
    def me(identity: Annotated[Identity, Depends(identity_of)]) -> str | None:
        return identity.subject

    @app.get("/maybe")
    def maybe(identity: Annotated[Identity | None, Depends(identity_or_none)]) -> bool:
        return identity is not None

    @app.get("/listed", dependencies=[Requires("a", "b")])
    def listed() -> str:
        return "x"

    @app.websocket("/feed")
    async def feed(websocket: WebSocket, identity: Annotated[Identity, Requires("a")]) -> None:
        await websocket.accept()
        await websocket.send_text(str(identity.subject))
        await websocket.close()

    router = APIRouter(prefix="/router", dependencies=[Requires("a")])
    router.get("/x")(lambda: "x")
    app.include_router(router)
    return app


def client(app: FastAPI | None = None, **options: Any) -> TestClient:
    app = app or make_app()
    app.add_middleware(GuardMiddleware, guard=guard(), **options)
    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "enough", "lacking", "parameter"),
    [
        ("/a", "a", "b", "a"),
        ("/both", "a b", "a", "b"),
        ("/either", "a b", "a", "a b"),
        ("/listed", "a b", "b", "a b"),
        ("/router/x", "a", "b", "a"),
    ],
)
def test_requires(path: str, enough: str, lacking: str, parameter: str) -> None:
    """A dependency of a route or of a router guards it."""
    wrapped = client(optional=True)
    assert wrapped.get(path, headers=headers(enough)).status_code == 200
    refused = wrapped.get(path, headers=headers(lacking))
    assert refused.status_code == 403
    assert refused.headers["WWW-Authenticate"].endswith(f'scope="{parameter}"')
    assert wrapped.get(path).status_code == 401


def test_identity() -> None:
    """The identity is injected; without a token it is None or 401."""
    wrapped = client(public=["/me", "/maybe"])
    assert wrapped.get("/a", headers=headers("a")).json() == "joe"
    assert wrapped.get("/me", headers=headers()).json() == "joe"
    assert wrapped.get("/me").status_code == 401
    assert wrapped.get("/maybe").json() is False
    assert wrapped.get("/maybe", headers=headers()).json() is True
    assert wrapped.get("/either", headers=headers("a b")).json()["sub"] == "joe"


def test_default_deny() -> None:
    """What has no requirement needs a token all the same, documentation included."""
    wrapped = client()
    for path in ("/me", "/docs", "/openapi.json", "/redoc", "/nowhere"):
        assert wrapped.get(path).status_code == 401
    assert wrapped.get("/openapi.json", headers=headers()).status_code == 200


def test_websocket() -> None:
    """A WebSocket route is refused before it is accepted."""
    wrapped = client()
    with wrapped.websocket_connect("/feed", headers=headers("a")) as websocket:
        assert websocket.receive_text() == "joe"
    with pytest.raises(WebSocketDenialResponse) as refused:
        wrapped.websocket_connect("/feed", headers=headers("b")).__enter__()
    assert refused.value.status_code == 403


def test_sub_application() -> None:
    """A mounted application answers as the whole, and never 500."""
    app = FastAPI()
    app.mount("/sub", make_app())
    wrapped = client(app)
    refused = wrapped.get("/sub/a", headers=headers())
    assert refused.status_code == 403
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert wrapped.get("/sub/a", headers=headers("a")).json() == "joe"
    with pytest.raises(WebSocketDenialResponse):
        wrapped.websocket_connect("/sub/feed", headers=headers()).__enter__()


def test_openapi() -> None:
    """The document shows the scheme, and the scopes that are needed in any case."""
    document = client(public=["/openapi.json"]).get("/openapi.json").json()
    assert document["components"]["securitySchemes"] == {
        "BearerToken": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "RFC 6750 bearer token",
        }
    }
    needed = {
        path: operations["get"].get("security") for path, operations in document["paths"].items()
    }
    assert needed == {
        "/a": [{"BearerToken": ["a"]}],
        "/both": [{"BearerToken": ["a", "b"]}],
        "/either": [{"BearerToken": ["a"]}],
        "/me": None,
        "/maybe": None,
        "/listed": [{"BearerToken": ["a", "b"]}],
        "/router/x": [{"BearerToken": ["a"]}],
    }


def test_empty() -> None:
    """A requirement that asks for nothing is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="empty"):
        Requires()


def test_no_guard() -> None:
    """Without a guard in front, a route that requires answers nobody."""
    with pytest.raises(ConfigurationError, match="no guard"):
        TestClient(make_app()).get("/a", headers=headers("a"))
