"""Random apps of Starlette and FastAPI: mounts, hosts, prefixes, class views, guards anywhere.

An app is made twice from one seed: with all its guards, and without any of them. The
second one says, by Starlette's own dispatch alone, which endpoint a request reaches.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Host, Mount, Route, Router

from jwt_guard import Rule, asgi
from jwt_guard import fastapi as fastapi_
from jwt_guard import starlette as starlette_
from tests.tokens import guard

SEGMENTS = ("a", "b", "open")
METHODS = ("GET", "POST", "DELETE")
SCOPES = ("one", "two")


class PassingOn:
    """Middleware of an app's own; nobody knows that it changes nothing."""

    def __init__(self, app: asgi.ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await self.app(scope, receive, send)


async def passing_on(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    return await call_next(request)


def answer(name: str) -> Response:
    """Return the answer of an endpoint, by which it is known."""
    return PlainTextResponse(name, headers={"X-Name": name})


class Answering:
    """An ASGI app that answers whatever it is asked."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await answer(self.name)(scope, receive, send)


class Tree:
    """Makes an app of a seed."""

    def __init__(self, seed: int, *, armed: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311  apps, not secrets
        self.armed = armed
        self.count = self.variables = 0

    def chance(self, one_in: int) -> bool:
        """Whether it happens this time."""
        return self.random.randrange(one_in) == 0

    def name(self) -> str:
        """Return a new name of an endpoint."""
        self.count += 1
        return f"e{self.count}"

    def path(self, variables: int = 3) -> str:
        """Return a path of one or two segments."""
        segments = [self.random.choice(SEGMENTS) for _ in range(self.random.choice((1, 1, 2)))]
        if self.chance(variables):
            self.variables += 1
            segments[-1] = f"{{x{self.variables}{self.random.choice(('', ':path'))}}}"
        return "/" + "/".join(segments)

    def pattern(self) -> str:
        """Return a pattern for `public=` and rows."""
        segments = [
            self.random.choice((*SEGMENTS, "*")) for _ in range(self.random.choice((1, 2, 3)))
        ]
        return "/" + "/".join(segments)

    def options(self) -> dict[str, Any]:
        """Return the options of a guard."""
        options: dict[str, Any] = {}
        if self.chance(2):
            options["public"] = [self.pattern()]
        if self.chance(3):
            options["optional"] = self.random.choice((True, [self.pattern()]))
        if self.chance(3):
            options["rules"] = [self.row(), self.row()]
            options["unmatched"] = self.random.choice(("token", "deny"))
        if self.chance(4):
            options["transparent"] = (PassingOn,)
        return options

    def row(self) -> Rule:
        """Return a row of a table."""
        methods = self.random.choice((None, None, ["GET"], ["POST", "DELETE"]))
        kind: dict[str, Any] = self.random.choice(
            ({}, {"public": True}, {"optional": True}, {"requires": "one"})
        )
        return Rule(self.pattern(), methods=methods, **kind)

    def guarded(self, app: Any) -> Any:
        """Return *app*, perhaps with a guard around it."""
        options = self.options()
        kind = self.random.choice((asgi.GuardMiddleware, starlette_.GuardMiddleware))
        return kind(app, guard=guard(), **options) if self.armed else app

    def middleware(self) -> list[Middleware]:
        """Return middleware of an app's own, a guard among it or not."""
        found: list[Middleware] = []
        if self.chance(6):
            found.append(Middleware(self.random.choice((PassingOn, CORSMiddleware))))
        options = self.options()
        if self.chance(3) and self.armed:
            found.append(Middleware(starlette_.GuardMiddleware, guard=guard(), **options))
        if self.chance(6):
            found.append(Middleware(PassingOn))
        if self.chance(8):
            found.append(Middleware(BaseHTTPMiddleware, dispatch=passing_on))
        scope = self.random.choice(SCOPES)
        if self.chance(6) and self.armed:
            found.append(Middleware(asgi.RequirementMiddleware, requires=scope))
        return found

    def marked(self, endpoint: Any) -> Any:
        """Return *endpoint*, perhaps with a mark or a requirement on it."""
        kind, scope = self.random.choice(("", "", "public", "optional", "requires")), "one"
        if self.chance(2):
            scope = "two"
        if kind == "requires":
            return starlette_.requires(scope)(endpoint) if self.armed else endpoint
        mark: Any = {"public": starlette_.public, "optional": starlette_.optional}.get(kind)
        return endpoint if mark is None else mark(endpoint)

    def function(self) -> Any:
        """Return an endpoint that is a function."""
        name = self.name()

        async def endpoint(request: Request) -> Response:
            return answer(name)

        endpoint.__name__ = name
        return self.marked(endpoint)

    def view(self) -> Any:
        """Return an endpoint that is a class, perhaps one that overrides what dispatches."""
        name = self.name()

        class Base(HTTPEndpoint):
            async def get(self, _request: Request) -> Response:
                return answer(name)

        async def dispatch(self: HTTPEndpoint) -> None:
            await answer(name)(self.scope, self.receive, self.send)

        def awaited(self: HTTPEndpoint) -> Any:
            return dispatch(self).__await__()

        base = self.marked(Base)
        override = self.random.choice(
            ({}, {"dispatch": dispatch}, {"__await__": awaited}, {"post": Base.get})
        )
        if self.chance(2):
            mixin = type("Mixin", (HTTPEndpoint,), override)
            return type(name, (mixin, base), {})
        return type(name, (base,), override)

    def routes(self, depth: int) -> list[Any]:
        """Return routes."""
        return [self.route(depth) for _ in range(self.random.choice((1, 2, 3)))]

    def route(self, depth: int) -> Any:
        """Return one route, or what has several."""
        kind = self.random.randrange(8 if depth else 4)
        if kind <= 1:
            methods = self.random.choice((["GET"], ["GET", "POST"], ["DELETE"]))
            return Route(self.path(), self.function(), methods=methods)
        if kind == 2:
            return Route(self.path(), self.view())
        if kind == 3:
            answering = Answering(self.name())
            return Mount(
                self.path(9), starlette_.public(answering) if self.chance(2) else answering
            )
        if kind == 4:
            return Host(self.random.choice(("one.example", "two.example")), self.app(depth - 1))
        return Mount(self.path(9), self.app(depth - 1))

    def app(self, depth: int) -> Any:
        """Return an app, perhaps with a guard around or in it."""
        make = self.random.choice((self.starlette, self.starlette, self.fastapi, self.router))
        app: Any = make(depth)
        if self.chance(8):
            app = PassingOn(app)
        if self.chance(6):
            app = self.guarded(app)
        return app

    def starlette(self, depth: int) -> Starlette:
        """Return a Starlette app."""
        return Starlette(routes=self.routes(depth), middleware=self.middleware())

    def router(self, depth: int) -> Router:
        """Return a bare router."""
        return Router(self.routes(depth), middleware=self.middleware())

    def fastapi(self, depth: int) -> FastAPI:
        """Return a FastAPI app with routers in routers, and a prefix of its own or none."""
        root_path = self.random.choice(("", "", "/api", "/a/api", "/a"))
        app = FastAPI(root_path=root_path, middleware=self.middleware(), openapi_url=None)
        for _ in range(self.random.choice((1, 2))):
            router = APIRouter()
            inner = APIRouter()
            self.add(router)
            self.add(inner)
            router.include_router(inner, prefix=self.path(9), dependencies=self.dependencies())
            app.include_router(
                router, prefix=self.random.choice(("", "/b")), dependencies=self.dependencies()
            )
        app.router.routes += self.routes(depth)
        return app

    def add(self, router: APIRouter) -> None:
        """Add a route of FastAPI's kind."""
        path = self.path()
        method = self.random.choice(METHODS)
        dependencies = self.dependencies()
        router.add_api_route(
            path,
            self.function(),
            methods=[method],
            dependencies=dependencies,
            response_class=PlainTextResponse,
        )

    def dependencies(self) -> list[Any]:
        """Return what FastAPI asks before an endpoint."""
        scope = self.random.choice(SCOPES)
        return [fastapi_.Requires(scope)] if self.chance(4) and self.armed else []


def make(seed: int, *, armed: bool) -> Any:
    """Return the app of a seed, mostly with a guard around it."""
    tree = Tree(seed, armed=armed)
    app = tree.app(2)
    return app if tree.chance(3) else tree.guarded(app)
