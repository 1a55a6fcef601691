"""Plans as Starlette and FastAPI apps, with their guards or without."""

from collections.abc import Callable
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Host, Match, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

from jwt_guard import asgi, fastapi, starlette
from tests.generated.guards import GUARD, guard_options
from tests.generated.plan import Branch, Endpoint, Tree


class Reached(NamedTuple):
    """An endpoint that a request reached, as the app has read it."""

    endpoint: Endpoint
    params: dict[str, Any]
    rest: str
    method: str
    subject: str | None


Note = Callable[[Endpoint, asgi.Scope], None]


class App:
    """A plan that is built; `reached` grows as requests come in."""

    def __init__(self, tree: Tree, *, guarded: bool) -> None:
        self.reached: list[Reached] = []
        self._guarded = guarded
        self.answer: asgi.ASGIApp = self._tree(tree)

    def _note(self, endpoint: Endpoint, scope: asgi.Scope) -> None:
        from starlette._utils import get_route_path  # noqa: PLC0415  the framework's own reading

        identity = scope.get("jwt_guard.identity")
        subject = None if identity is None else identity.subject
        rest = get_route_path(scope)
        params = dict(scope.get("path_params", {}))
        self.reached.append(Reached(endpoint, params, rest, scope.get("method", "GET"), subject))

    def _tree(self, tree: Tree) -> Any:
        app: Any
        if tree.framework == "fastapi":
            app = FastAPI(openapi_url=None)
            # The argument of the same name warns that it will go.
            app.root_path = tree.root_path
            for branch in tree.branches:
                self._add(app, branch)
            for endpoint in tree.endpoints:
                self._add_endpoint(app, endpoint)
        else:
            app = Starlette(routes=self._routes(tree))
        if self._guarded and tree.fence is not None:
            return self._fenced(app, tree)
        return app

    def _fenced(self, app: Any, tree: Tree) -> Any:
        assert tree.fence is not None
        plain = asgi.GuardMiddleware
        framework = fastapi if tree.framework == "fastapi" else starlette
        middleware: Any = framework.GuardMiddleware if tree.fence.reads_marks else plain
        options = guard_options(tree.fence)
        if tree.fence.place == "outside":
            return middleware(app, guard=GUARD, **options)
        app.add_middleware(middleware, guard=GUARD, **options)
        return app

    # Starlette

    def _routes(self, tree: Tree) -> list[BaseRoute]:
        return [
            *(self._branch(branch) for branch in tree.branches),
            *(self._route(endpoint) for endpoint in tree.endpoints),
        ]

    def _branch(self, branch: Branch) -> BaseRoute:
        if branch.how == "host":
            return Host(branch.at, self._tree(branch.below))
        if branch.below.fence is None and branch.below.framework == "starlette":
            return Mount(branch.at, routes=self._routes(branch.below))
        return Mount(branch.at, self._tree(branch.below))

    def _route(self, endpoint: Endpoint) -> BaseRoute:
        if endpoint.kind == "app":
            return Mount(endpoint.path, self._marked(endpoint, self._bare(endpoint)))
        if endpoint.kind == "socket":
            return WebSocketRoute(endpoint.path, self._marked(endpoint, self._socket(endpoint)))
        methods = list(endpoint.methods) if endpoint.methods is not None else None
        return Route(endpoint.path, self._marked(endpoint, self._view(endpoint)), methods=methods)

    def _marked(self, endpoint: Endpoint, view: Any) -> Any:
        view = self._with_mark(endpoint, view)
        if endpoint.needed and self._guarded:
            view = starlette.requires(endpoint.needed)(view)
        return view

    def _view(self, endpoint: Endpoint) -> Any:
        def answer(request: Request) -> Response:
            self._note(endpoint, request.scope)
            return PlainTextResponse("reached")

        async def answer_async(request: Request) -> Response:
            return answer(request)

        if endpoint.kind == "sync":
            return answer
        if endpoint.kind == "function":
            return answer_async

        async def method(_view: HTTPEndpoint, request: Request) -> Response:
            return answer(request)

        names = endpoint.methods or ("GET", "DELETE")
        return type("View", (HTTPEndpoint,), {name.lower(): method for name in names})

    def _socket(self, endpoint: Endpoint) -> Any:
        async def converse(websocket: WebSocket) -> None:
            self._note(endpoint, websocket.scope)
            await websocket.accept()
            await websocket.close()

        return converse

    def _bare(self, endpoint: Endpoint) -> asgi.ASGIApp:
        async def answer(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
            if scope["type"] == "websocket":
                await self._socket(endpoint)(WebSocket(scope, receive, send))
                return
            self._note(endpoint, scope)
            await PlainTextResponse("reached")(scope, receive, send)

        return answer

    # FastAPI

    def _add(self, app: Any, branch: Branch) -> None:
        if branch.how == "include":
            router = APIRouter(route_class=route_class(branch.below))
            for below in branch.below.branches:
                self._add(router, below)
            for endpoint in branch.below.endpoints:
                self._add_endpoint(router, endpoint)
            app.include_router(router, prefix=branch.at)
        else:
            app.router.routes.append(self._branch(branch))

    def _add_endpoint(self, app: Any, endpoint: Endpoint) -> None:
        if endpoint.kind == "app":
            app.router.routes.append(self._route(endpoint))
        elif endpoint.kind == "class":
            view = self._marked(endpoint, self._view(endpoint))
            methods = list(endpoint.methods) if endpoint.methods is not None else None
            app.add_route(endpoint.path, view, methods=methods)
        elif endpoint.kind == "socket":
            view = self._with_mark(endpoint, self._socket(endpoint))
            app.add_api_websocket_route(endpoint.path, view, dependencies=self._needs(endpoint))
        else:
            view = self._with_mark(endpoint, self._view(endpoint))
            view.version = endpoint.version
            needs = self._needs(endpoint)
            app.add_api_route(
                endpoint.path,
                view,
                methods=list(endpoint.methods or ()),
                dependencies=needs,
                operation_id=f"endpoint_{endpoint.number}",
                response_model=None,
            )

    @staticmethod
    def _with_mark(endpoint: Endpoint, view: Any) -> Any:
        return MARKS[endpoint.mark](view) if endpoint.mark else view

    def _needs(self, endpoint: Endpoint) -> list[Any]:
        return [fastapi.Requires(endpoint.needed)] if endpoint.needed and self._guarded else []


MARKS: dict[str, Callable[[Any], Any]] = {
    "public": starlette.public,
    "optional": starlette.optional,
}


class Versioned(APIRoute):
    """A route that a header field chooses."""

    def matches(self, scope: Any) -> tuple[Match, Any]:
        asked = dict(scope["headers"]).get(b"x-version", b"1").decode()
        if asked != getattr(self.endpoint, "version", ""):
            return Match.NONE, {}
        return super().matches(scope)


def route_class(tree: Tree) -> type[APIRoute]:
    return Versioned if tree.framework == "versions" else APIRoute
