"""Starlette's and FastAPI's routes: which one a request leads to, and which there are."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette._utils import get_route_path
from starlette.routing import Host, Match, Mount, Route, WebSocketRoute

from .. import asgi
from .._core.marks import identifies, is_public, required_of
from .._core.policy.requirement import Requirement
from .verdict import Found, InFront, both

# Starlette's routes, and what FastAPI has in their place, have no type in common.
_Foreign: TypeAlias = Any

# What an HTTPEndpoint may have methods for.
_HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


def leads_to_public(app: asgi.ASGIApp, scope: asgi.Scope) -> bool:
    """Tell whether the router behind *app* will match an endpoint that is public.

    It asks the very routes, in the router's order. What is no full match, such as
    another method, a missing slash or an unknown path, leads nowhere.
    """
    try:
        return _leads_to_public(_routes_behind(app), scope)
    except Exception:  # noqa: BLE001  a convertor that fails, as int does with 5000 digits
        return False


def _routes_behind(app: object) -> Iterable[_Foreign]:
    """Return the routes of the first router in a chain of middleware.

    Looked up each time: routes may be added while the app is being set up. A
    middleware that does not name what is behind it hides them, and they are closed.
    """
    while app is not None:
        routes: Iterable[_Foreign] | None = getattr(app, "routes", None)
        if routes is not None:
            return routes
        app = getattr(app, "app", None)
    return ()


def _leads_to_public(routes: Iterable[_Foreign], scope: asgi.Scope) -> bool:
    for route in _flat(routes):
        inner = _fully_matched(route, scope)
        if inner is None:
            continue
        behind = getattr(route, "routes", None) if isinstance(route, Mount | Host) else None
        if behind:
            return _leads_to_public(behind, inner)
        return is_public(getattr(route, "endpoint", None) or getattr(route, "app", None))
    return False


def _flat(routes: Iterable[_Foreign]) -> Iterator[_Foreign]:
    """Yield routes in the order of matching, those of included routers in place."""
    for route in routes:
        # FastAPI resolves prefixes and dependencies of included routers lazily.
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for context in contexts():
                yield context.starlette_route or context


def _fully_matched(route: _Foreign, scope: asgi.Scope) -> asgi.Scope | None:
    """Return the scope behind *route* if it fully matches, else None."""
    if isinstance(route, Route | WebSocketRoute | Mount | Host):
        match, child = route.matches(scope)
        return {**scope, **child} if match is Match.FULL else None
    # A route of an included router, as FastAPI describes it.
    matched = (
        scope["type"] == "http"
        and scope["method"] in (route.methods or ())
        and route.path_regex is not None
        and route.path_regex.match(get_route_path(scope))
    )
    return scope if matched else None


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
    for route in _flat(routes):
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
            f"{path}/*", ("*",), route.app, inner.needed, is_public(route.app), inner.guards
        )


def _of_route(route: _Foreign, front: _Front) -> Iterator[Found]:
    path = f"{front.prefix}{getattr(route, 'path_format', '') or route.path}"
    needed, endpoint = front.behind(getattr(route, "app", None), path).needed, route.endpoint
    calls = list(_dependencies(getattr(route, "dependant", None)))
    for one in (required_of(endpoint), *(getattr(call, "needed", None) for call in calls)):
        needed = both(needed, one)
    identified, marked = any(map(identifies, calls)), is_public(endpoint)
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


def _dependencies(dependant: _Foreign) -> Iterator[object]:
    """Yield what FastAPI calls before the endpoint, nested ones included."""
    for dependency in getattr(dependant, "dependencies", ()):
        yield dependency.call
        yield from _dependencies(dependency)
