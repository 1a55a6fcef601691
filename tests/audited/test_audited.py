"""The audit of whole apps: quick, complete, and true, as real requests show."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
from flask import Flask
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketDenialResponse

from jwt_guard.audit import AuditedRoute, assert_guarded, audit
from tests.audited import fastapi_conduit, flask_shop, starlette_forum
from tests.audited.flask_shop import SECRET

ROOT = Path(__file__).parent.parent.parent
APPS: dict[str, Flask | Starlette] = {
    "flask_shop": flask_shop.app,
    "starlette_forum": starlette_forum.app,
    "fastapi_conduit": fastapi_conduit.app,
}
# Some rows of each app: how, where to, what for, and in which function.
ROWS = {
    "flask_shop": [
        ("GET,POST", "/contact", "public", "information"),
        ("GET", "/basket/", "token", "content"),
        ("POST", "/basket/checkout", "acr('gold', 'silver', max_age=300)", "checkout"),
        ("GET", "/shop/wholesale/prices", "claim('plan', {'pro', 'team'})", "prices"),
        (
            "GET",
            "/account/<customer>/wishlist",
            "claim('sub') == path_param('customer') & scope('account')",
            "wishlist",
        ),
        ("GET", "/account/orders/<int:order>", "scope('account')", "order"),
        ("POST", "/account/orders/<int:order>/wine", "check(is_adult) & scope('account')", "wine"),
        ("GET", "/blog/posts/", "role('editor') | scope('admin') | scope('blog')", "Group"),
        (
            "DELETE",
            "/admin/stock/deliveries/<int:number>",
            "amr('otp') & issued_by('staff') & role('clerk') & scope('stock') & scope('write')",
            "Item",
        ),
    ],
    "starlette_forum": [
        ("GET", "/categories/{slug}/topics", "token", "Topics"),
        ("GET,HEAD", "/health", "public", "page"),
        ("GET,HEAD", "/messages/export", "scope('export') & scope('messages')", "page"),
        ("DELETE,PUT", "/moderation/bans/{name}", "scope('moderation') & scope('write')", "write"),
        ("GET,HEAD", "/admin/settings", "role('admin')", "page"),
        ("PUT", "/admin/settings", "issued_by('staff') & role('admin')", "page"),
        ("GET,HEAD", "/admin/health", "token", "page"),
        ("POST", "/admin/shutdown", "denied", "page"),
        ("WEBSOCKET", "/live/topics/{topic}", "public", "watch"),
        ("WEBSOCKET", "/live/notifications", "token", "listen"),
        ("WEBSOCKET", "/live/messages", "scope('messages')", "listen"),
        ("WEBSOCKET", "/live/chat/{room}", "scope('chat')", "Chat"),
        (
            "PUT",
            "/users/{name}/password",
            "acr(max_age=60) & claim('sub') == path_param('name')",
            "own",
        ),
    ],
    "fastapi_conduit": [
        ("POST", "/api/users/login", "public", "enter"),
        ("GET", "/api/articles/{slug}/comments", "public", "read"),
        ("PUT", "/api/articles/{slug}", "scope('articles')", "write"),
        ("WEBSOCKET", "/api/articles/{slug}/comments/live", "token", "live"),
        (
            "DELETE",
            "/api/v2/articles/{slug}/comments/{comment}",
            "role('moderator') & scope('beta') | scope('beta') & scope('comments')",
            "comment",
        ),
        ("WEBSOCKET", "/api/notifications/live", "scope('notifications')", "notices"),
        (
            "GET",
            "/api/admin/of/{year}/metrics/monthly",
            "claim('plan', {'pro', 'team'}) & issued_by('staff') & role('admin')",
            "office",
        ),
        (
            "DELETE",
            "/api/admin/accounts/{username}",
            "acr(max_age=300) & issued_by('staff') & role('admin') & scope('accounts')",
            "office",
        ),
    ],
}


def command(target: str) -> "subprocess.CompletedProcess[str]":
    arguments = [sys.executable, "-m", "jwt_guard", "routes", f"tests.audited.{target}"]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)


def place(app: str, name: str) -> str:
    """Return module and line of a function or class, with its decorators."""
    lines = (ROOT / f"tests/audited/{app}.py").read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if re.match(rf"\S.*\b{name}\b[(:]", line))
    while lines[number - 1].startswith("@"):
        number -= 1
    return f"tests.audited.{app}:{number + 1}"


@pytest.mark.parametrize("app", APPS)
def test_command(app: str) -> None:
    """The command shows every route of an app that is guarded, and is content."""
    result = command(f"{app}:app")
    assert (result.returncode, result.stderr) == (0, "")
    _, *lines = result.stdout.splitlines()
    assert len(lines) >= 50
    shown = {tuple(re.split(r" {2,}", line)) for line in lines}
    assert shown >= {(*row[:3], place(app, row[3])) for row in ROWS[app]}


@pytest.mark.parametrize(
    ("app", "name", "row"),
    [
        ("starlette_forum", "page", "GET,HEAD /metrics UNGUARDED"),
        ("fastapi_conduit", "tagged", "GET /metrics UNGUARDED"),
    ],
)
def test_forgotten(app: str, name: str, row: str) -> None:
    """A route beside a guarded mount is found, and it alone."""
    result = command(f"{app}:forgotten()")
    assert result.returncode == 1
    [line] = [line for line in result.stdout.splitlines() if "UNGUARDED" in line]
    assert line.split() == [*row.split(), place(app, name)]
    outer = {"starlette_forum": starlette_forum, "fastapi_conduit": fastapi_conduit}[app]
    with pytest.raises(AssertionError, match=r"^1 [^\n]+\n  \S+ /metrics UNGUARDED \S+$"):
        assert_guarded(outer.forgotten())


@pytest.mark.parametrize("app", APPS)
def test_quick(app: str) -> None:
    """The audit itself takes well under a second."""

    def seconds() -> float:
        start = time.perf_counter()
        audit(APPS[app])
        return time.perf_counter() - start

    assert min(seconds() for _ in range(3)) < 1


def bearer(issuer: str, **claims: Any) -> dict[str, str]:
    claims = {"iss": issuer, "aud": "app", "exp": time.time() + 60} | claims
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


# What can be asked of a caller who has nothing but a token, and of one who has all.
def bare() -> dict[str, str]:
    return bearer("customers", sub="joe")


def full(app: Flask | Starlette) -> dict[str, str]:
    return bearer(
        "staff",
        sub="1",
        scope=" ".join(audit(app).scopes),
        roles=["admin", "clerk", "editor", "moderator"],
        plan="pro",
        level=3,
        age=18,
        email_verified=True,
        acr="gold",
        amr=["otp", "pwd"],
        auth_time=int(time.time()),
    )


class Answer(NamedTuple):
    """What became of a request; a WebSocket that was accepted is 101."""

    status: int
    challenge: str


Ask = Callable[[str, str, dict[str, str]], Answer]


def client_of(app: Flask | Starlette) -> Ask:
    """Return what asks an app, in this process, and by its framework's own client."""
    if isinstance(app, Flask):
        flask_client = app.test_client()

        def ask_flask(method: str, path: str, headers: dict[str, str]) -> Answer:
            with flask_client.open(path, method=method, headers=headers) as answer:
                return Answer(answer.status_code, answer.headers.get("WWW-Authenticate", ""))

        return ask_flask
    client = TestClient(app)

    def ask(method: str, path: str, headers: dict[str, str]) -> Answer:
        if method == "WEBSOCKET":
            try:
                with client.websocket_connect(path, headers=headers):
                    return Answer(101, "")
            except WebSocketDenialResponse as refusal:
                return Answer(refusal.status_code, refusal.headers.get("WWW-Authenticate", ""))
        answer = client.request(method, path, headers=headers, json={})
        return Answer(answer.status_code, answer.headers.get("WWW-Authenticate", ""))

    return ask


def requests_for(route: AuditedRoute) -> Iterator[tuple[str, str]]:
    """Yield a request for each method of a route, with 1, or a file, for what is variable."""
    path = re.sub(r"<path:[^>]+>|\*", "__init__.py", route.path)
    path = re.sub(r"<[^>]+>|\{[^}]+\}", "1", path)
    for method in route.methods:
        yield method.replace("*", "GET"), path


def kind(answer: Answer) -> str:
    """Tell who stopped a request: no token, too little in it, or neither did."""
    if answer.status == 401 and "error=" not in answer.challenge:
        return "no token"
    stepped_up = 'error="insufficient_user_authentication"' in answer.challenge
    if answer.status == 403 or (answer.status == 401 and stepped_up):
        return "too little"
    assert answer.status in {101, 200, 201, 204}, answer
    return "let in"


def promised(access: str) -> tuple[str, str, str]:
    """Return what becomes of a request without token, with a bare one, with a full one."""
    if access == "public":
        return "let in", "let in", "let in"
    if access == "token":
        return "no token", "let in", "let in"
    return "no token", "too little", "too little" if access == "denied" else "let in"


@pytest.mark.parametrize("name", APPS)
def test_true(name: str) -> None:
    """Whatever the audit says of a route, requests for it find."""
    app = APPS[name]
    ask, everything = client_of(app), full(app)
    lies = [
        (method, path, route.access, found)
        for route in audit(app).routes
        for method, path in requests_for(route)
        for found in [tuple(kind(ask(method, path, one)) for one in ({}, bare(), everything))]
        if found != promised(route.access)
    ]
    assert lies == []
