"""OpenAPI 3.1: the document of a FastAPI app says what is enforced, and no less."""

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import APIKeyHeader
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from jwt_guard import Bearer, Cookie, Identity, Rule, acr, any_scope, asgi, claim, role, scope
from jwt_guard.audit import audit
from jwt_guard.fastapi import GuardMiddleware, Requires, describe_security, identity_of, public
from tests.tokens import bearer, claims, guard, token

API_KEY = APIKeyHeader(name="X-Key")


def answer() -> str:
    return "reached"


def make_app(**options: Any) -> FastAPI:
    app = FastAPI()
    options.setdefault("guard", guard())
    app.add_middleware(GuardMiddleware, **options)
    reports = APIRouter(prefix="/reports", dependencies=[Requires("reports")])
    reports.get("/")(answer)
    editors = Requires(any_scope("a", "b") & role("editor"))
    reports.get("/{number}", dependencies=[editors])(answer)
    reports.delete("/{number}", dependencies=[editors])(answer)
    app.include_router(reports, prefix="/v1")
    app.get("/me", dependencies=[Depends(identity_of)])(answer)
    app.get("/key", dependencies=[Depends(API_KEY), Requires("reports")])(answer)
    app.get("/open")(public(lambda: answer()))  # noqa: PLW0108  a function of its own, to be marked
    app.get("/legacy/{name}")(answer)
    return app


def operations(app: FastAPI, **options: Any) -> dict[str, dict[str, Any]]:
    """Return the operations of the document by method and path."""
    describe_security(app, **options)
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_requirements() -> None:
    """Each alternative of all that is required is one of the operation's, with its scopes."""
    found = operations(make_app())
    assert found["GET /v1/reports/"]["security"] == [{"BearerToken": ["reports"]}]
    assert found["DELETE /v1/reports/{number}"]["security"] == [
        {"BearerToken": ["a", "reports"]},
        {"BearerToken": ["b", "reports"]},
    ]
    assert found["GET /v1/reports/{number}"]["x-requires"] == str(
        any_scope("a", "b") & role("editor") & scope("reports")
    )
    assert found["GET /me"]["security"] == [{"BearerToken": []}]
    assert "x-requires" not in found["GET /me"]
    assert sorted(found["GET /me"]["responses"]) == ["200", "401"]
    assert sorted(found["GET /v1/reports/"]["responses"]) == ["200", "401", "403"]


def test_public() -> None:
    """What is open says so, and that a token is accepted all the same."""
    found = operations(make_app(public=["/me", "/legacy/*", "/v1/reports/*"]))
    assert found["GET /open"]["security"] == [{}, {"BearerToken": []}]
    assert found["GET /legacy/{name}"]["security"] == [{}, {"BearerToken": []}]
    # Who asks for the caller, or for rights, needs a token all the same.
    assert found["GET /me"]["security"] == [{"BearerToken": []}]
    assert {} not in found["GET /v1/reports/{number}"]["security"]


def test_rules() -> None:
    """The table of paths counts, by method, together with what the routes ask for."""
    rules = [
        Rule("/v1/reports/*", methods=["DELETE"], requires="admin"),
        Rule("/v1/*"),
        Rule("/open", public=True),
        Rule("/legacy/*", requires=claim("plan", "pro") | acr("gold")),
    ]
    found = operations(make_app(rules=rules, unmatched="deny"))
    assert found["GET /v1/reports/{number}"]["security"][0] == {"BearerToken": ["a", "reports"]}
    assert found["DELETE /v1/reports/{number}"]["security"][0] == {
        "BearerToken": ["a", "admin", "reports"]
    }
    assert found["GET /legacy/{name}"]["security"] == [{"BearerToken": []}]
    assert found["GET /legacy/{name}"]["x-requires"] == "acr('gold') | claim('plan', 'pro')"
    assert found["GET /open"]["security"] == [{}, {"BearerToken": []}]
    assert found["GET /me"]["responses"]["403"]["description"] == "Nobody may"


def test_other_schemes() -> None:
    """What else an operation asks for is asked for as well, not instead."""
    found = operations(make_app())
    assert found["GET /key"]["security"] == [{"APIKeyHeader": [], "BearerToken": ["reports"]}]


def test_cookie() -> None:
    """A cookie is another way to bring the token, if every guard reads it."""
    app = make_app(guard=guard(credentials=[Bearer(), Cookie("__Host-token")]))
    found = operations(app)
    assert found["GET /v1/reports/"]["security"] == [
        {"BearerToken": ["reports"]},
        {"CookieToken": ["reports"]},
    ]
    schemes = app.openapi()["components"]["securitySchemes"]
    assert schemes["CookieToken"] == {"type": "apiKey", "in": "cookie", "name": "__Host-token"}
    assert schemes["BearerToken"]["scheme"] == "bearer"
    app.add_middleware(GuardMiddleware, guard=guard())
    assert operations(app)["GET /me"]["security"] == [{"BearerToken": []}]


def test_own_responses() -> None:
    """What the app says of its refusals stays as it says it."""
    app = make_app()
    app.get("/own", responses={401: {"description": "Log in"}})(answer)
    found = operations(app)
    assert found["GET /own"]["responses"]["401"] == {"description": "Log in"}


def test_wrapped_by_hand() -> None:
    """A guard around the app is seen where the app says what it is wrapped in."""
    app = FastAPI()
    app.get("/me")(answer)
    # Nobody knows what it will be mounted in.
    assert operations(app)["GET /me"]["security"] == [{"BearerToken": []}]
    wrapped = asgi.GuardMiddleware(app, guard=guard(), optional=["/me"])
    app.openapi_schema = None
    assert operations(app, outermost=wrapped)["GET /me"]["security"] == [{}, {"BearerToken": []}]


@pytest.mark.parametrize("outermost", [True, False])
def test_mounted(outermost: bool) -> None:  # noqa: FBT001  a parameter of the test
    """The document of a mounted app never says open what a guard of the outer one closes."""
    sub, parent = FastAPI(), FastAPI()
    sub.get("/plain")(answer)
    sub.get("/open")(public(lambda: answer()))  # noqa: PLW0108  a function of its own, to be marked
    sub.get("/scoped", dependencies=[Requires("a")])(answer)
    # The same path in the outer app is another route.
    parent.get("/plain")(public(lambda: answer()))  # noqa: PLW0108  the same
    parent.mount("/sub", sub)
    parent.add_middleware(GuardMiddleware, guard=guard())
    found = operations(sub, **({"outermost": parent} if outermost else {}))
    assert found["GET /plain"]["security"] == [{"BearerToken": []}]
    assert found["GET /scoped"]["security"] == [{"BearerToken": ["a"]}]
    opened: list[dict[str, list[str]]] = [{"BearerToken": []}]
    opened = [{}, *opened] if outermost else opened
    assert found["GET /open"]["security"] == opened
    assert operations(parent)["GET /plain"]["security"] == [{}, {"BearerToken": []}]


def test_not_in_outermost() -> None:
    """An app that is not behind what it is said to be behind is described as closed."""
    app, other = FastAPI(), FastAPI(middleware=[Middleware(GuardMiddleware, guard=guard())])
    app.get("/me")(public(lambda: answer()))  # noqa: PLW0108  a function of its own, to be marked
    assert operations(app, outermost=other)["GET /me"]["security"] == [{"BearerToken": []}]


class Pagination:
    """A dependency with attributes that are named like anything."""

    needed = 5
    admission = "none"
    app = 7
    routes = None

    def __call__(self) -> None: ...


@pytest.mark.parametrize("dependency", [Pagination, Pagination()])
def test_dependencies_of_others(dependency: Any) -> None:
    """What a dependency has for attributes of its own is nothing to the document."""
    app = FastAPI(middleware=[Middleware(GuardMiddleware, guard=guard(), public=["/openapi.json"])])
    app.get("/me", dependencies=[Depends(dependency)])(answer)
    describe_security(app)
    document = TestClient(app).get("/openapi.json").json()
    assert document["paths"]["/me"]["get"]["security"] == [{"BearerToken": []}]
    assert [one.access for one in audit(app).routes if one.path == "/me"] == ["token"]


def test_later_routes() -> None:
    """A route that comes after the document was made is in the next one."""
    app = make_app()
    operations(app)
    assert app.openapi() is app.openapi()
    app.get("/later", dependencies=[Requires("later")])(answer)
    assert app.openapi()["paths"]["/later"]["get"]["security"] == [{"BearerToken": ["later"]}]


def test_not_in_the_document() -> None:
    """Routes that are left out of the document stay out of it, and guarded."""
    app = FastAPI(middleware=[Middleware(GuardMiddleware, guard=guard())])
    app.get("/hidden", include_in_schema=False)(answer)
    assert operations(app) == {}
    assert TestClient(app).get("/hidden").status_code == 401


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "public": {"public": ["/me", "/v1/reports/*"]},
    "ruled": {"rules": [Rule("/me", requires="a"), Rule("/open", public=True)]},
    "denied": {"rules": [Rule("/v1/*", public=True)], "unmatched": "deny"},
    "optional": {"optional": True},
    "optional paths": {"optional": ["/legacy/*", "/me"]},
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("scopes", ["", "reports", "reports a", "reports b"])
def test_told_and_done(name: str, scopes: str) -> None:
    """Whoever the document says gets in does, and nobody else."""
    app = make_app(**OPTIONS[name])
    client = TestClient(app)
    value = bearer(token(claims(scope=scopes, roles=["editor"]))).decode()
    with_token = {"Authorization": value, "X-Key": "x"}
    for operation, told in operations(app).items():
        method, _, path = operation.partition(" ")
        url = path.replace("{number}", "7").replace("{name}", "x")
        opened = {} in told["security"]
        assert (client.request(method, url).status_code == 200) is opened, operation
        enough = "403" not in told["responses"] or (
            told["responses"]["403"]["description"] != "Nobody may"
            and any(
                set(way.get("BearerToken", ["nothing"])) <= set(scopes.split())
                for way in told["security"]
            )
        )
        reached = client.request(method, url, headers=with_token).status_code == 200
        assert reached is enough, operation


def test_injected() -> None:
    """A dependency that injects the caller is told as one that only guards is."""
    app = FastAPI(middleware=[Middleware(GuardMiddleware, guard=guard())])

    @app.get("/me")
    async def me(identity: Annotated[Identity, Requires("a")]) -> str | None:
        return identity.subject

    assert operations(app)["GET /me"]["security"] == [{"BearerToken": ["a"]}]
    value = bearer(token(claims(scope="a"))).decode()
    assert TestClient(app).get("/me", headers={"Authorization": value}).json() == "joe"
