"""Each example of who may do what answers as its title says, to attackers too."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient
from webtest import TestApp

from examples import blueprints, multi_tenant
from jwt_guard.audit import assert_guarded
from jwt_guard.wrap import wsgi

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret of the examples' tests, long enough for HS256"
GLOBEX = "another secret of the examples' tests, for a tenant"
OPERATOR = "a third secret of the examples' tests, for the operator"
LEGACY = "examples.legacy.app:app"


def bearer(secret: str = SECRET, **claims: Any) -> dict[str, str]:
    claims = {"iss": "my-app", "aud": "my-app", "sub": "joe", "exp": time.time() + 60} | claims
    return {"Authorization": f"Bearer {jwt.encode(claims, secret, 'HS256')}"}


def of_tenant(name: str, secret: str, scope: str = "", **claims: Any) -> dict[str, str]:
    issuer = f"https://login.example/{name}"
    claims = {"iss": issuer, "aud": "notes", "tenant": name, "scope": scope} | claims
    return bearer(secret, **claims)


@pytest.fixture
def tenants(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the secrets of two tenants, beside that of the operator."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "acme").write_text(f"{SECRET}\n")
    (folder / "globex").write_text(f"{GLOBEX}\n")
    (tmp_path / "outside").write_text(SECRET)
    monkeypatch.setenv("TENANT_SECRETS", str(folder))
    monkeypatch.setenv("OPERATOR_SECRET", OPERATOR)
    return folder


@pytest.mark.usefixtures("tenants")
def test_multi_tenant() -> None:
    """Each tenant has its own notes, a scope lets it write, and the operator counts."""
    client = TestClient(multi_tenant.create_app())
    acme, writer = of_tenant("acme", SECRET), of_tenant("acme", SECRET, "notes:write")
    text = {"text": "hello"}
    assert client.get("/tenants/acme/notes").status_code == 401
    assert client.get("/tenants/acme/notes", headers=acme).json() == []
    refusal = client.post("/tenants/acme/notes", json=text, headers=acme)
    assert refusal.status_code == 403
    assert 'scope="notes:write"' in refusal.headers["WWW-Authenticate"]
    assert client.post("/tenants/acme/notes", json=text, headers=writer).status_code == 201
    assert client.get("/tenants/acme/notes", headers=acme).json() == ["hello"]
    operator = bearer(OPERATOR, iss=multi_tenant.OPERATOR, aud="notes")
    assert client.get("/admin/tenants", headers=operator).json() == {"acme": 1}


@pytest.mark.usefixtures("tenants")
def test_tenants_are_apart() -> None:
    """A tenant's token opens no other tenant's path, nor the operator's; forged ones nothing."""
    client = TestClient(multi_tenant.create_app())
    acme = of_tenant("acme", SECRET, "notes:write")
    for path in ("globex", "ACME", "acme%20", "acme%00"):
        assert client.get(f"/tenants/{path}/notes", headers=acme).status_code == 403, path
        answer = client.post(f"/tenants/{path}/notes", json={"text": ""}, headers=acme)
        assert answer.status_code == 403, path
    assert client.get("/admin/tenants", headers=acme).status_code == 403
    # The operator has no notes.
    operator = bearer(OPERATOR, iss=multi_tenant.OPERATOR, aud="notes")
    assert client.get("/tenants/acme/notes", headers=operator).status_code == 403
    for forged in (
        of_tenant("acme", SECRET, tenant=["acme", "globex"]),
        of_tenant("acme", SECRET, tenant="globex"),
        of_tenant("globex", SECRET),
        of_tenant("../outside", SECRET, tenant="globex"),
        of_tenant("initech", SECRET, tenant="globex"),
        bearer(SECRET, iss=multi_tenant.OPERATOR, aud="notes", tenant="globex"),
    ):
        assert client.get("/tenants/globex/notes", headers=forged).status_code == 401, forged


@pytest.mark.usefixtures("tenants", "_secret")
def test_nothing_forgotten() -> None:
    """The audit finds no route that somebody forgot."""
    assert_guarded(multi_tenant.create_app())
    assert_guarded(blueprints.create_app())


def test_new_tenant(tenants: Path) -> None:
    """A tenant that comes while the app runs needs no restart."""
    client = TestClient(multi_tenant.create_app())
    (tenants / "hooli").write_text(GLOBEX)
    hooli = of_tenant("hooli", GLOBEX)
    assert client.get("/tenants/hooli/notes", headers=hooli).json() == []


@pytest.fixture
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_SECRET", SECRET)


@pytest.mark.usefixtures("_secret")
def test_blueprints() -> None:
    """What a blueprint asks for holds for all of it, what is nested included."""
    client = blueprints.create_app().test_client()
    reader, auditor = bearer(scope="reports"), bearer(scope="reports", roles=["auditor"])
    assert client.get("/").text == "<h1>Reports</h1>"
    assert client.get("/reports/").status_code == 401
    for path in ("/reports/", "/reports/sales", "/reports/archive/1999"):
        assert client.get(path, headers=bearer()).status_code == 403, path
    assert client.get("/reports/", headers=reader).json == {"reader": "joe"}
    assert client.get("/reports/sales", headers=reader).json == {"report": "sales"}
    assert client.delete("/reports/sales", headers=reader).status_code == 403
    writer = bearer(scope="reports reports:write")
    assert client.delete("/reports/sales", headers=writer).json == {"deleted": "sales"}
    # The method's scope does not replace the blueprint's.
    alone = bearer(scope="reports:write")
    assert client.delete("/reports/sales", headers=alone).status_code == 403
    assert client.get("/reports/archive/1999", headers=reader).status_code == 403
    assert client.get("/reports/archive/1999", headers=auditor).json == {"year": 1999}
    without = bearer(roles=["auditor"])
    assert client.get("/reports/archive/1999", headers=without).status_code == 403
    assert client.get("/static/app.css").status_code == 401
    with client.get("/static/app.css", headers=bearer()) as style:
        assert style.mimetype == "text/css"


@pytest.mark.usefixtures("_secret")
def test_own_refusals() -> None:
    """People read HTML and programs JSON; the challenge is the same for both."""
    client = blueprints.create_app().test_client()
    page = client.get("/reports/", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 401
    assert "<h1>Unauthorized</h1>" in page.text
    for accept in ("application/json", "*/*"):
        answer = client.get("/reports/", headers={"Accept": accept})
        assert answer.json == {"error": "Unauthorized"}
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
        assert answer.headers["Cache-Control"] == page.headers["Cache-Control"] == "no-store"
    refusal = client.get("/reports/", headers=bearer())
    assert (refusal.status_code, refusal.json) == (403, {"error": "Forbidden"})
    assert 'scope="reports"' in refusal.headers["WWW-Authenticate"]


Ask = Callable[[str, str, dict[str, str]], tuple[int, str]]


@pytest.fixture
def _configured(monkeypatch: pytest.MonkeyPatch, _secret: None) -> None:
    monkeypatch.setenv("JWT_GUARD_CONFIG", str(ROOT / "examples/legacy/guard.toml"))


@pytest.fixture
def in_process(_configured: None) -> Ask:
    """Ask the app that servers are given."""
    app = TestApp(wsgi(LEGACY))

    def ask(method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        # Not by WebTest's URL, which it would tidy up.
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path}
        answer = app.request("/", environ=environ, headers=headers, status="*")
        return answer.status_int, answer.text

    return ask


@pytest.fixture
def by_gunicorn(_configured: None) -> Generator[Ask]:
    """Ask a server that runs as the example says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        descriptor = listening.fileno()
        command = ["-m", "gunicorn", "--log-level", "error", "-b", f"fd://{descriptor}"]
        process = subprocess.Popen(
            [sys.executable, *command, f'jwt_guard.wrap:wsgi("{LEGACY}")'],
            cwd=ROOT,
            env=os.environ,
            pass_fds=[descriptor],
        )

    def ask(method: str, path: str, headers: dict[str, str]) -> tuple[int, str]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as one:
            one.request(method, path, headers=headers)
            answer = one.getresponse()
            return answer.status, answer.read().decode()

    try:
        yield ask
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("surface", ["in_process", "by_gunicorn"])
def test_legacy(surface: str, request: pytest.FixtureRequest) -> None:
    """An app that knows nothing of tokens is guarded by the file alone."""
    ask: Ask = request.getfixturevalue(surface)
    reader, writer = bearer(scope="reports"), bearer(scope="reports reports:write")
    editor = bearer(scope="reports reports:write", roles=["editor"])
    assert ask("GET", "/health", {}) == (200, "fine anybody\n")
    assert ask("GET", "/reports", {})[0] == 401
    assert ask("GET", "/reports", bearer())[0] == 403
    assert ask("GET", "/reports", reader) == (200, "reports for joe\n")
    assert ask("GET", "/reports/2026/10", reader) == (200, "reports for joe\n")
    for method, answer in (("PUT", "written by joe\n"), ("DELETE", "deleted by joe\n")):
        assert ask(method, "/reports/10", reader)[0] == 403
        assert ask(method, "/reports/10", writer)[0] == 403
        assert ask(method, "/reports/10", editor) == (200, answer)
    # What no rule covers is closed, to whomever.
    for method, path in (("GET", "/else"), ("POST", "/reports/10"), ("PUT", "/health")):
        assert ask(method, path, {})[0] == 401
        assert ask(method, path, editor)[0] == 403
    # What the app takes for the reports, and a table by segments might not.
    for path in (
        "/reports/../health",
        "/health/../reports",
        "/./reports",
        "//reports",
        "/reports;v=1",
        "/health;/reports",
    ):
        assert ask("GET", path, {})[0] == 401, path
        assert ask("GET", path, bearer())[0] == 400, path
        assert ask("GET", path, editor)[0] == 400, path
