"""RFC 9728: the resource's metadata, on every surface, and in every challenge."""

import asyncio
import json
import logging
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware

from jwt_guard import ConfigurationError, Guard, asgi, scope, wsgi
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard.audit.report import audit
from tests.contract.surfaces import Asked, Send, bare_asgi, bare_wsgi, through_asgi, through_wsgi
from tests.tokens import ISSUER, bearer, guard, issuer, token

RESOURCE = "https://api.example/mcp/"
PATH = "/.well-known/oauth-protected-resource/mcp/"


def plain_wsgi(one: Guard) -> Send:
    return through_wsgi(wsgi.GuardMiddleware(bare_wsgi, guard=one))


def plain_asgi(one: Guard) -> Send:
    return through_asgi(asgi.GuardMiddleware(bare_asgi, guard=one))


def flask(one: Guard) -> Send:
    app = Flask(__name__)
    flask_adapter.FlaskGuard(app, guard=one)
    return through_wsgi(app.wsgi_app)


def starlette(one: Guard) -> Send:
    return through_asgi(
        Starlette(middleware=[Middleware(starlette_adapter.GuardMiddleware, guard=one)])
    )


SURFACES = {"WSGI": plain_wsgi, "ASGI": plain_asgi, "Flask": flask, "Starlette": starlette}


@pytest.mark.parametrize("surface", SURFACES)
def test_document(surface: str) -> None:
    """It is there without a token and with one, and HEAD gets no body."""
    send = SURFACES[surface](guard(resource=RESOURCE, scopes_supported=["b", "a"]))
    found = send(Asked(path=PATH))
    assert found.status == 200
    assert json.loads(found.body) == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["a", "b"],
    }
    assert send(Asked((bearer(token()),), PATH)) == found
    # A browser's client asks before, for it sends a field of its own.
    fields = (("Origin", "https://x"), ("Access-Control-Request-Method", "GET"))
    assert send(Asked(path=PATH, method="OPTIONS", headers=fields)) == found
    head = send(Asked(path=PATH, method="HEAD"))
    assert (head.status, head.headers, head.body) == (200, found.headers, b"")


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize(
    ("path", "method"),
    [
        (PATH, "POST"),
        (PATH + "/", "GET"),
        (PATH.rstrip("/"), "GET"),
        (PATH + "x", "GET"),
        ("/.well-known/oauth-protected-resource", "GET"),
        ("/mcp" + PATH, "GET"),
    ],
)
def test_nothing_else_is_open(surface: str, path: str, method: str) -> None:
    """Only the very path is public, and only to be read."""
    assert (
        SURFACES[surface](guard(resource=RESOURCE))(Asked(path=path, method=method)).status == 401
    )


@pytest.mark.parametrize("surface", SURFACES)
def test_without_resource(surface: str) -> None:
    """Without resource= there is no document, and no challenge names one."""
    found = SURFACES[surface](guard())(Asked(path=PATH))
    assert found.status == 401
    assert "resource_metadata" not in str(found.headers)


@pytest.mark.parametrize("surface", SURFACES)
def test_challenge(surface: str) -> None:
    """Every challenge names the document, by the configured host and not by Host."""
    send = SURFACES[surface](guard(resource=RESOURCE))
    for authorization in ((), (b"Bearer x",), (b"Bearer a b",)):
        found = send(Asked(authorization, headers=(("Host", "evil.example"),)))
        challenge = dict(found.headers)["www-authenticate"]
        assert challenge.endswith(f'resource_metadata="https://api.example{PATH}"')


def test_mounted() -> None:
    """The whole path counts, mounts included."""
    app = wsgi.GuardMiddleware(bare_wsgi, guard=guard(resource="https://api.example"))
    answers: list[str] = []

    def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Any:
        answers.append(status)

    for script_name, path_info in (
        ("/.well-known", "/oauth-protected-resource"),
        ("/app", "/.well-known/oauth-protected-resource"),
    ):
        environ = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": script_name, "PATH_INFO": path_info}
        list(app(environ, start_response))
    assert answers == ["200 OK", "401 Unauthorized"]


def test_scopes_from_the_audit() -> None:
    """The scopes may come from the routes, once they are known."""
    app = Flask(__name__)
    one = guard(resource=RESOURCE, scopes_supported=lambda: audit(app).scopes)
    flask_adapter.FlaskGuard(app, guard=one)
    needed = scope("reports") & scope("read")
    app.add_url_rule("/r", "r", flask_adapter.requires(needed)(lambda: ""))
    body = through_wsgi(app.wsgi_app)(Asked(path=PATH)).body
    assert json.loads(body)["scopes_supported"] == ["read", "reports"]


def test_scopes_that_fail(caplog: pytest.LogCaptureFixture) -> None:
    """A function that fails is logged, and the document lists no scopes."""

    def fail() -> list[str]:
        raise KeyError("x")

    with caplog.at_level(logging.ERROR, "jwt_guard"):
        found = plain_wsgi(guard(resource=RESOURCE, scopes_supported=fail))(Asked(path=PATH))
    assert "scopes_supported" not in json.loads(found.body)
    assert caplog.messages == ["scopes_supported failed; the metadata lists none"]


def test_issuers_without_url() -> None:
    """Issuers that are named by no URL are no authorization servers."""
    one = guard(issuer(), issuer(name="billing"), resource="http://localhost:8000")
    document = one.metadata("GET")
    assert document is not None
    assert json.loads(document.body)["authorization_servers"] == [ISSUER]
    assert one.metadata_path == "/.well-known/oauth-protected-resource"
    nameless = guard(issuer(name="billing"), resource="http://localhost:8000").metadata("GET")
    assert nameless is not None
    # A list without members is left out.
    assert "authorization_servers" not in json.loads(nameless.body)


@pytest.mark.parametrize(
    "resource",
    ["http://api.example", "api.example", "https://", "https://a/?q", "https://a/#f", "ftp://a", 5],
)
def test_no_resource(resource: Any) -> None:
    """A resource is an https URL without query and fragment."""
    with pytest.raises(ConfigurationError, match="resource is the https URL of this API"):
        guard(resource=resource)


def test_one_scope_is_no_list() -> None:
    """A single scope, whose characters would be scopes, is the operator's mistake."""
    with pytest.raises(ConfigurationError, match=r"scopes_supported is a list: \['reports'\]"):
        guard(resource=RESOURCE, scopes_supported="reports")


def test_websocket() -> None:
    """A WebSocket is never answered with the document."""
    sent: list[Any] = []

    async def ask() -> None:
        async def receive() -> asgi.Message:
            raise AssertionError

        async def send(message: asgi.Message) -> None:
            sent.append(message)

        app = asgi.GuardMiddleware(bare_asgi, guard=guard(resource=RESOURCE))
        await app({"type": "websocket", "path": PATH, "headers": []}, receive, send)

    asyncio.run(ask())
    assert [message["type"] for message in sent] == ["websocket.close"]
