"""Starlette's and FastAPI's apps: what passes a request on to what, and by which route.

What passes a request on is known by its type. A middleware of anybody else's may send
it elsewhere, or write another path: what is behind it leads nowhere, unless it is
said to be transparent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any, NamedTuple, TypeAlias, TypeGuard, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import BaseRoute, Match, Router

from . import asgi

# Starlette's routes, and what FastAPI has in their place, have no type in common.
Foreign: TypeAlias = Any

# Whose code is known to pass a request on as it is.
_KNOWN = ("starlette.", "fastapi.", "jwt_guard.")


@dataclass(frozen=True)
class Added:
    """Middleware that a Starlette app will make at its first request.

    Attributes:
        middleware: What was added.
        app: What it will be in front of.
    """

    middleware: Middleware
    app: object

    @property
    def kind(self) -> Foreign:
        """The class, or what stands for one."""
        return self.middleware.cls

    def made(self) -> object:
        """Return an instance; for ours, which do nothing by being made."""
        return self.kind(self.app, *self.middleware.args, **self.middleware.kwargs)


def stack(app: object) -> Iterator[Foreign]:
    """Yield *app* and what is behind it, as far as that shows, outside in.

    A Starlette app's own middleware is yielded as it was `Added`. The last one has
    routes, or answers by itself, or is not known.
    """
    while app is not None:
        if isinstance(app, MethodType) and isinstance(app.__self__, Router):
            # What a router has its own middleware in front of.
            yield app.__self__
            return
        if is_router(app):
            yield from _router_stack(app)
            return
        yield app
        if isinstance(app, Starlette):
            behind: object = app.router
            for middleware in reversed(app.user_middleware):
                behind = Added(middleware, behind)
            app = behind
        else:
            app = getattr(app, "app", None)


def _router_stack(router: Router) -> Iterator[Foreign]:
    """Yield the middleware that a router has in front of its routes, and the router."""
    if router.middleware_stack == router.app:
        yield router
    else:
        yield from stack(router.middleware_stack)


def is_router(app: object) -> TypeGuard[Router]:
    """Whether *app* has routes, and chooses among them as Starlette and FastAPI do."""
    return isinstance(app, Router) and all(
        is_known(type(app), method) for method in ("__call__", "app")
    )


def layers(app: object, transparent: tuple[type, ...] = ()) -> Iterator[Foreign]:
    """Yield *app* and what it passes its requests on to, as far as that is known.

    The last one has routes, or answers by itself, or is not known.
    """
    for layer in stack(app):
        yield _as_made(layer)
        if not passes_on(layer, transparent):
            return


def _as_made(layer: Foreign) -> Foreign:
    """Return what a layer is, or will be, an instance of; of ours, what it requires."""
    if not isinstance(layer, Added):
        return layer
    return layer.made() if layer.kind is asgi.RequirementMiddleware else layer.kind


def passes_on(layer: object, transparent: tuple[type, ...]) -> bool:
    """Whether requests leave a layer as they came in."""
    kind: Foreign = layer.kind if isinstance(layer, Added) else cast("Foreign", type(layer))
    if not isinstance(kind, type):
        # A function that returns one of ours stands where a class is wanted.
        return str(getattr(kind, "__module__", "")).startswith("jwt_guard.")
    return _class_passes_on(cast("type[object]", kind), transparent)


def _class_passes_on(kind: type[object], transparent: tuple[type, ...]) -> bool:
    if issubclass(kind, transparent):
        return True
    # What the app does when it is called decides, not what it is a subclass of. And
    # nobody knows what the function does that a BaseHTTPMiddleware dispatches to.
    names = ("__call__", "build_middleware_stack") if issubclass(kind, Starlette) else ("__call__",)
    return all(map(partial(is_known, kind), names)) and not issubclass(kind, BaseHTTPMiddleware)


def is_known(kind: type, method: str) -> bool:
    """Whether a class has a method from whom it is known what it does."""
    return str(getattr(getattr(kind, method, None), "__module__", "")).startswith(_KNOWN)


def root_of(layer: object) -> str:
    """Return the prefix that a layer takes off, if it is a FastAPI app, or ""."""
    root: object = getattr(layer, "root_path", "") if isinstance(layer, Starlette) else ""
    return root if isinstance(root, str) else ""


class Chosen(NamedTuple):
    """What a router hands a request to.

    Attributes:
        match: Whether the route is for it, or for others of its path.
        route: The route, or None.
        scope: What the route will see.
        context: What FastAPI knows of it besides where it was included, or None.
    """

    match: Match
    route: Foreign
    scope: dict[str, Any]
    context: Foreign = None


def chosen(router: Router, scope: dict[str, Any]) -> Chosen:
    """Return what *router* would choose."""
    match, route, child = _first_match(router.routes, scope)
    context: Foreign = None
    # FastAPI resolves prefixes and dependencies of included routers lazily; which of its
    # routes counts, the included router itself says.
    while route is not None and _is_included(route):
        match, child, route, context = route._match(scope)  # noqa: SLF001  there is no public way
    return Chosen(match, route, {**scope, **child}, context)


def _first_match(
    routes: Iterable[BaseRoute], scope: dict[str, Any]
) -> tuple[Match, Foreign, dict[str, Any]]:
    """Return the first route that matches, or else the first that does in part."""
    partly: tuple[Match, Foreign, dict[str, Any]] = (Match.NONE, None, {})
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            return match, route, dict(child)
        if match is Match.PARTIAL and partly[1] is None:
            partly = match, route, dict(child)
    return partly


def _is_included(route: Foreign) -> bool:
    return hasattr(route, "effective_route_contexts") and hasattr(route, "_match")


def is_plain(route: object) -> bool:
    """Whether a route that matches hands over to its own endpoint."""
    return (
        type(route).handle.__module__.startswith(_KNOWN) if isinstance(route, BaseRoute) else False
    )


def flat(routes: Iterable[Foreign]) -> Iterator[Foreign]:
    """Yield routes in the order of matching, those of included routers in place."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for context in contexts():
                yield context.starlette_route or context
