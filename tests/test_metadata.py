"""RFC 9728: the resource's metadata, on every surface, and in every challenge."""

import asyncio
import json
import logging
from typing import Any

import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.middleware import Middleware

from jwt_guard import ConfigurationError, Guard, Resource, Rule, asgi, scope, wsgi
from jwt_guard import flask as flask_adapter
from jwt_guard import starlette as starlette_adapter
from jwt_guard._metadata import describe
from jwt_guard.audit import audit
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
    send = SURFACES[surface](guard(resource=Resource(RESOURCE, scopes=["b", "a"])))
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
    one = guard(resource=Resource(RESOURCE, scopes=lambda: audit(app).scopes))
    flask_adapter.FlaskGuard(app, guard=one)
    needed = scope("reports") & scope("read")
    app.add_url_rule("/r", "r", flask_adapter.requires(needed)(lambda: ""))
    body = through_wsgi(app.wsgi_app)(Asked(path=PATH)).body
    assert json.loads(body)["scopes_supported"] == ["read", "reports"]


def fail() -> list[str]:
    raise KeyError("x")


def of_wrong_kind() -> Any:
    return {"a": 1, 5: 2}


@pytest.mark.parametrize(
    ("scopes", "text"),
    [
        (fail, "the function scopes= failed; the metadata lists none"),
        (of_wrong_kind, "the function scopes= returned no list of scope values; none are listed"),
        (lambda: "reports", "the function scopes= returned no list of scope values"),
        (lambda: None, "the function scopes= returned no list of scope values"),
    ],
)
def test_scopes_that_fail(scopes: Any, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """A function that fails is logged, and the document lists no scopes."""
    with caplog.at_level(logging.ERROR, "jwt_guard"):
        found = plain_wsgi(guard(resource=Resource(RESOURCE, scopes=scopes)))(Asked(path=PATH))
    assert found.status == 200
    assert "scopes_supported" not in json.loads(found.body)
    (message,) = caplog.messages
    assert message.startswith(text)


def test_complete() -> None:
    """The document says all that is said of the resource, and nothing else (RFC 9728 §2)."""
    full = Resource(
        "https://api.example/v1",
        name="Bücherei \u2603",
        documentation="https://api.example/docs?lang=en#top",
        policy="https://api.example/policy",
        terms="https://api.example/terms",
        scopes={"b", "a"},
    )
    metadata = describe(full, [ISSUER, "billing"], ["header", "query"])
    assert json.loads(metadata.answer().body) == {
        "resource": "https://api.example/v1",
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header", "query"],
        "scopes_supported": ["a", "b"],
        "resource_name": "Bücherei \u2603",
        "resource_documentation": "https://api.example/docs?lang=en#top",
        "resource_policy_uri": "https://api.example/policy",
        "resource_tos_uri": "https://api.example/terms",
    }
    bare = describe("https://api.example/v1", [], [])
    assert json.loads(bare.answer().body) == {"resource": "https://api.example/v1"}


@pytest.mark.parametrize(
    ("resource", "url", "path"),
    [
        ("https://a", "https://a/.well-known/oauth-protected-resource", ""),
        ("https://a/", "https://a/.well-known/oauth-protected-resource", ""),
        ("https://a:8443/x", "https://a:8443/.well-known/oauth-protected-resource/x", "/x"),
        ("http://[::1]:8/x/", "http://[::1]:8/.well-known/oauth-protected-resource/x/", "/x/"),
        ("https://a/b%C3%BC", "https://a/.well-known/oauth-protected-resource/b%C3%BC", "/bü"),
    ],
)
def test_addresses(resource: str, url: str, path: str) -> None:
    """The document stands before the resource's path; routers see it decoded."""
    metadata = describe(resource, [])
    assert (metadata.url, metadata.path) == (url, "/.well-known/oauth-protected-resource" + path)


def test_matches() -> None:
    """One of the readings of a request's path is enough, and it is compared as a whole."""
    metadata = describe(RESOURCE, [])
    assert metadata.matches([PATH])
    assert metadata.matches(["/root" + PATH, PATH])
    assert not metadata.matches(["/root" + PATH])
    assert not metadata.matches([PATH + "x", PATH.rstrip("/")])
    assert not metadata.matches([])


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


NO_URLS = [
    "http://api.example",
    "api.example",
    "https://",
    "https://:443/",
    "https://a:x/",
    "https://a:99999/",
    "https://[::1/",
    "https://joe@a/",
    "https://a/ b",
    "https://a/\t",
    "https://a/\n",
    "https://a/\x7f",
    'https://a/"',
    "https://a/\\",
    "https://a/%2",
    "https://api.bücher.example/",
    "https://api.example/meßages",
    "ftp://a",
    "",
    5,
    b"https://a",
]


@pytest.mark.parametrize("url", [*NO_URLS, "https://a/?q", "https://a/#f", "https://a/?"])
def test_no_resource(url: Any) -> None:
    """A resource is an https URL without query and fragment, that can stand in a header."""
    with pytest.raises(ConfigurationError, match="resource is the https URL of this API"):
        Resource(url)
    with pytest.raises(ConfigurationError, match="resource is the https URL of this API"):
        guard(resource=url)


@pytest.mark.parametrize("url", NO_URLS)
@pytest.mark.parametrize("option", ["documentation", "policy", "terms"])
def test_no_page(option: str, url: Any) -> None:
    """Pages have https URLs."""
    options: Any = {option: url}
    with pytest.raises(ConfigurationError, match=f"{option} is the https URL of a page"):
        Resource(RESOURCE, **options)


@pytest.mark.parametrize("name", ["", "a\nb", 5])
def test_no_name(name: Any) -> None:
    """A name is what can be shown to people."""
    with pytest.raises(ConfigurationError, match="name is what people call this API"):
        Resource(RESOURCE, name=name)


@pytest.mark.parametrize(
    "scopes", ["reports", b"reports", ["a b"], [""], ['"'], ["\\"], ["é"], [5], 5, iter(["a"])]
)
def test_no_scopes(scopes: Any) -> None:
    """A single scope, whose characters would be scopes, is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="scopes is a list of scope values"):
        Resource(RESOURCE, scopes=scopes)


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


@pytest.mark.parametrize("asked", ["/tool", "/other"])
def test_first_challenge_names_scopes(asked: str) -> None:
    """A client that finds out where to log in is told what to ask for, where that is known."""
    needed = scope("notes:read") & scope("offline_access")
    rules = [Rule("/tool", requires=needed | scope("admin") & scope("all") & scope("more"))]
    one = guard(resource="https://api.example")
    answer = through_asgi(asgi.GuardMiddleware(bare_asgi, guard=one, rules=rules))(
        Asked(path=asked)
    )
    challenge = dict(answer.headers)["www-authenticate"]
    assert answer.status == 401
    assert ('scope="notes:read"' in challenge) is (asked == "/tool")
    assert "offline_access" not in challenge


def test_no_scopes_without_metadata() -> None:
    """Elsewhere, whoever has no token learns nothing of the routes."""
    rules = [Rule("/tool", requires="notes:read")]
    answer = through_asgi(asgi.GuardMiddleware(bare_asgi, guard=guard(), rules=rules))(
        Asked(path="/tool")
    )
    assert dict(answer.headers)["www-authenticate"] == 'Bearer realm="api"'
