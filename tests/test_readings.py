"""What each router on the way reads of a path, and so what a table decides on."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from jwt_guard import Rule, asgi
from jwt_guard._routing import StarletteBehind
from jwt_guard.fastapi import GuardMiddleware
from tests.tokens import bearer, claims, guard, token

SECRET = PlainTextResponse("secret")


def held(scope: str = "") -> dict[str, str]:
    return {"Authorization": bearer(token(claims(scope=scope))).decode()}


def prefixed(root_path: str, *routes: BaseRoute) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    # The argument of the same name warns that it will go.
    app.root_path = root_path
    app.router.routes.extend(routes)
    return app


def read(
    app: object, path: str, root_path: str | None = "", host: str = "", **how: Any
) -> list[str]:
    """Return what a guard in front of *app* decides on, in the order of the alphabet."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": root_path,
        "headers": [(b"host", host.encode())],
    }
    return sorted(StarletteBehind(app, marks=True, **how).paths(scope))


def twice() -> FastAPI:
    """Return an app whose mount reads "/a/b" again, if it comes without "/api"."""
    return prefixed("/api", Mount("/a", routes=[Route("/b", SECRET), Route("/a/b", SECRET)]))


@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize(
    "rules",
    [
        [Rule("/a/b", public=True), Rule("/a/a/b", requires="admin")],
        [Rule("/a/b"), Rule("/a/a/*", requires="admin")],
        [Rule("/a/a/b", public=True), Rule("/a/b", requires="admin")],
    ],
)
def test_path_that_is_read_twice(rules: list[Rule], outside: bool) -> None:  # noqa: FBT001  both
    """A row closes what a mount reads, and one for what the app around it reads opens nothing."""
    app: Any = twice()
    if outside:
        app = asgi.GuardMiddleware(app, guard=guard(), rules=rules)
    else:
        app.add_middleware(GuardMiddleware, guard=guard(), rules=rules)
    client = TestClient(app)
    assert client.get("/a/b").status_code == 401
    assert client.get("/a/b", headers=held()).status_code == 403
    assert client.get("/a/b", headers=held("admin")).text == "secret"


def test_path_that_is_read_twice_by_strangers() -> None:
    """A public path opens nothing else that is reached by it."""
    client = TestClient(asgi.GuardMiddleware(twice(), guard=guard(), public=["/a/b"]))
    assert client.get("/a/b").status_code == 401
    assert client.get("/a/b", headers={"Authorization": "Bearer a.b.c"}).status_code == 401
    # With the prefix nothing is read twice.
    assert client.get("/api/a/b").text == "secret"


def test_path_that_no_row_covers_when_read_again() -> None:
    """Where rows have to cover, they have to cover all that is read."""
    rules = [Rule("/a/b", public=True)]
    behind = asgi.GuardMiddleware(twice(), guard=guard(), rules=rules, unmatched="deny")
    client = TestClient(behind)
    assert client.get("/a/b", headers=held("admin")).status_code == 403
    assert client.get("/api/a/b").text == "secret"


def test_prefix_of_a_host_that_is_not_asked() -> None:
    """What an app takes off whose host is not asked for, is no reading."""
    other = prefixed("/a", Route("/open", SECRET))
    app = Starlette(routes=[Host("x.example", other), Mount("/a", routes=[Route("/open", SECRET)])])
    assert read(app, "/a/open", host="api.example") == ["/a/open"]
    assert read(app, "/a/open", host="x.example") == ["/a/open", "/open"]
    rules = [Rule("/a/open", requires="two")]
    behind = asgi.GuardMiddleware(app, guard=guard(), rules=rules, unmatched="deny")
    assert TestClient(behind).get("/a/open", headers=held("two")).text == "secret"


def test_ordinary_apps() -> None:
    """Mounts, included routers and one prefix in front of all: there is one reading."""
    router = APIRouter()
    router.mount("/c", Starlette(routes=[Route("/d", SECRET)]))
    app = prefixed("/api", Mount("/a", routes=[Mount("/b", SECRET)]))
    app.include_router(router, prefix="/r")
    for path in ("/a/b/x", "/r/c/d", "/r/c", "/a", "/", "/else"):
        assert read(app, f"/api{path}") == [path]
    without = prefixed("", *app.routes)
    for path in ("/a/b/x", "/r/c/d", "/else"):
        assert read(without, path) == [path]
        assert read(without, f"/v1{path}", "/v1") == [path]


def test_prefix_of_the_server_that_is_not_there() -> None:
    """The server's prefix is taken off where it is, and mounts rely on that."""
    app = Starlette(routes=[Mount("/a", routes=[Route("/a/b", SECRET)])])
    assert read(app, "/v1/a/b", "/v1") == ["/a/b"]
    assert read(app, "/a/a/b", None) == ["/a/a/b"]
    assert read(app, "/a/b", "/v1") == ["/a/a/b", "/a/b"]
    assert read(app, "/a/b", "/") == ["/a/a/b", "/a/b"]


def test_prefix_that_is_said() -> None:
    """What is taken off where nobody can see is taken off what all routers read."""
    app = Starlette(routes=[Mount("/a", prefixed("/a/v1", Route("/b", SECRET)))])
    assert read(app, "/api/a/v1/b", prefix="/api") == ["/a/b", "/a/v1/b"]
    assert read(app, "/a/v1/b", prefix="/api") == ["/a/b", "/a/v1/b"]
    whole = prefixed("/api/a", Mount("/a", SECRET))
    assert read(whole, "/api/a/b", prefix="/api") == ["/a/a/b", "/a/b", "/b"]


class Unknown:
    """A middleware of which nobody knows what it does."""

    def __init__(self, *apps: Any) -> None:
        # Whatever it calls them.
        for number, one in enumerate(apps):
            setattr(self, f"app{number}" if number else "app", one)
        self.number = 5

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError


def nested(app: Any, depth: int) -> Any:
    return nested(Unknown(None, app), depth - 1) if depth else app


def test_behind_what_is_unknown() -> None:
    """Whatever something unknown holds on to may read the path."""
    other = prefixed("/a", Route("/b", SECRET))
    for app in (
        Unknown(twice(), other),
        Unknown(None, twice(), Unknown(None, other)),
        Unknown(other, nested(twice(), 3)),
        Starlette(routes=[Mount("", Unknown(twice(), other))]),
    ):
        assert read(app, "/a/b") == ["/a/a/b", "/a/b", "/b"]
    assert read(Unknown(twice(), other), "/a/b", transparent=(Unknown,)) == ["/a/a/b", "/a/b"]


def test_far_behind_what_is_unknown() -> None:
    """There is an end to looking."""
    assert read(nested(twice(), 7), "/a/b") == ["/a/b"]


def test_apps_that_hold_each_other() -> None:
    """Nobody is asked again who has been asked on the way."""
    unknown = Unknown()
    app = prefixed("/api", Mount("/a", unknown))
    vars(unknown)["parent"] = app
    assert read(app, "/a/b") == ["/a/a/b", "/a/b"]


class Handling(Route):
    """A route that hands over to something else."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError


class Choosing(Mount):
    """A mount that is for some requests alone, by what only the app will put there."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        _, child = super().matches(scope)
        return scope["session"], child


@pytest.mark.parametrize("kind", [Match.FULL, Match.PARTIAL])
def test_routes_with_a_mind_of_their_own(kind: Match) -> None:
    """A route that decides by itself may lead to whatever it holds on to."""
    route = Handling("/a/b", twice())
    assert read(Starlette(routes=[route]), "/a/b") == ["/a/a/b", "/a/b"]

    class Preferred(Choosing):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            return super().matches({**scope, "session": kind})

    app = prefixed("/api", Preferred("/a", Router()), Preferred("/a", SECRET))
    assert read(app, "/a/b") == ["/a/a/b", "/a/b"]


def test_routes_that_look_at_what_is_not_there_yet() -> None:
    """Where nobody can say which route it is, it may be any whose path matches."""
    digits = "1" * 5000  # too many for the convertor
    app = prefixed(
        "/api",
        Choosing("/{a}", Router()),
        Mount("/c", Router()),
        Mount("/{b:int}", Router()),
        Host("x.example", prefixed(f"/{digits}")),
        Route("/{c}/b", SECRET),
    )
    expected = ["/b", f"/{digits}/b", f"/{digits}/{digits}/b"]
    assert read(app, f"/{digits}/b") == sorted(expected)
