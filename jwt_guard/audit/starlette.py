"""Starlette's and FastAPI's routes: which one a request leads to, and which there are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.routing import Host, Mount, WebSocketRoute

from .. import asgi
from .._core.marks import accessible, identifies, required_of
from .._core.policy.requirement import Requirement, both
from .._routing import dependencies, flat
from .verdict import Found, InFront

# Starlette's routes, and what FastAPI has in their place, have no type in common.
_Foreign: TypeAlias = Any

# What an HTTPEndpoint may have methods for.
_HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def _routes_behind(app: object) -> Iterable[_Foreign]:
    """Return the routes of the first router in a chain of middleware.

    Looked up each time: routes may be added while the app is being set up.
    """
    while app is not None:
        routes: Iterable[_Foreign] | None = getattr(app, "routes", None)
        if routes is not None:
            return routes
        app = getattr(app, "app", None)
    return ()


@dataclass(frozen=True, slots=True)
class _Front:
    """What stands in front of routes."""

    prefix: str = ""
    needed: Requirement | None = None
    guards: tuple[tuple[str, InFront], ...] = ()

    def behind(self, app: object, prefix: str) -> "_Front":
        """Return the same with what stands between here and the routes of *app*."""
        needed, guards = self.needed, [*self.guards]
        for middleware in _stack(app):
            if isinstance(middleware, asgi.RequirementMiddleware):
                needed = both(needed, middleware.needed)
            elif isinstance(middleware, asgi.GuardMiddleware):
                guards.append((prefix, middleware))
        return _Front(prefix, needed, tuple(guards))


def _stack(app: object) -> Iterator[object]:
    """Yield an app and the middleware in front of its routes, outside in."""
    while app is not None:
        yield app
        for middleware in getattr(app, "user_middleware", ()):
            # Ours do nothing when they are made; nobody knows about others.
            if getattr(middleware.cls, "__module__", "").startswith("jwt_guard."):
                yield middleware.cls(app, *middleware.args, **middleware.kwargs)
        if hasattr(app, "routes"):
            return
        app = getattr(app, "app", None)


def walk(app: object) -> Iterator[Found]:
    """Yield the routes of a Starlette or FastAPI app, nested ones included."""
    yield from _walk(_routes_behind(app), _Front().behind(app, ""))


def _walk(routes: Iterable[_Foreign], front: _Front) -> Iterator[Found]:
    for route in flat(routes):
        if isinstance(route, Mount | Host):
            yield from _behind_mount(route, front)
        else:
            yield from _of_route(route, front)


def _behind_mount(route: Mount | Host, front: _Front) -> Iterator[Found]:
    path = front.prefix
    if isinstance(route, Mount):
        path += route.path_format.removesuffix("/{path}")
    inner = front.behind(route.app, path)
    behind = list(_routes_behind(route.app))
    if behind:
        yield from _walk(behind, inner)
    else:
        yield Found(
            f"{path}/*", ("*",), route.app, inner.needed, accessible(route.app), inner.guards
        )


def _of_route(route: _Foreign, front: _Front) -> Iterator[Found]:
    path = f"{front.prefix}{getattr(route, 'path_format', '') or route.path}"
    needed, endpoint = front.behind(getattr(route, "app", None), path).needed, route.endpoint
    calls = list(dependencies(getattr(route, "dependant", None)))
    for one in (required_of(endpoint), *(required_of(call) for call in calls)):
        needed = both(needed, one)
    identified, marked = any(map(identifies, calls)), accessible(endpoint)
    for methods, asked in _by_method(route, needed):
        yield Found(path, methods, endpoint, asked, marked, front.guards, identified)


def _by_method(
    route: _Foreign, needed: Requirement | None
) -> Iterator[tuple[tuple[str, ...], Requirement | None]]:
    """Yield methods with what they require; those of a class may differ."""
    if isinstance(route, WebSocketRoute):
        yield ("WEBSOCKET",), needed
    elif isinstance(route.endpoint, type) and not route.methods:
        for method in _HTTP_METHODS:
            handler = getattr(route.endpoint, method.lower(), None)
            if handler is not None:
                yield (method,), both(needed, required_of(handler))
    else:
        yield tuple(sorted(getattr(route, "methods", None) or ("*",))), needed
