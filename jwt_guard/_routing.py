"""Starlette's and FastAPI's routers: which endpoint a request will reach, asked of the routes.

What passes a request on is known by its type. A middleware of anybody else's may send
it elsewhere, or write another path: what is behind it leads nowhere, unless it is
said to be transparent.
"""

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import Any, TypeAlias, TypeGuard, cast

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Host, Match, Mount, Router

from . import asgi, hosts
from ._core.guarding import check_registered
from ._core.policy.requirement import Requirement, both
from .hosts import UNKNOWN, Access, Endpoint, Store

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
        _is_known(type(app), method) for method in ("__call__", "app")
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
    kind: Foreign = layer.kind if isinstance(layer, Added) else type(layer)
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
    return all(map(partial(_is_known, kind), names)) and not issubclass(kind, BaseHTTPMiddleware)


def _is_known(kind: type, method: str) -> bool:
    """Whether a class has a method from whom it is known what it does."""
    return str(getattr(getattr(kind, method, None), "__module__", "")).startswith(_KNOWN)


class StarletteBehind:
    """What is known of a Starlette or FastAPI app behind a guard."""

    def __init__(
        self, app: object, prefix: str = "", transparent: tuple[type, ...] = (), *, marks: bool
    ) -> None:
        """Look at *app*.

        Args:
            app: What the guard is in front of.
            prefix: What is taken off the path behind the guard, where nobody can see.
            transparent: Types of middleware that pass requests on as they are.
            marks: Whether marks of endpoints count.
        """
        self._app = app
        self._prefix = prefix
        self._transparent = transparent
        self._marks = marks
        self._checked = False
        self.early: bool = marks and "fastapi" in _frameworks(app)

    def paths(self, scope: Store, /) -> tuple[str, ...]:
        """Return the path as the routers behind will match it, of every one that may."""
        path: str = scope["path"]
        roots = [root for root in _roots(layers(self._app, self._transparent)) if root]
        root = roots[-1] if roots else scope.get("root_path", "")
        first = hosts.below(hosts.below(path, root), self._prefix)
        others = (hosts.below(path, nested) for nested in self._nested_roots())
        mounted = (f"{mount}{rest}" for mount, rest in self._mounted(path))
        return tuple(dict.fromkeys((first, *others, *mounted)))

    def _nested_roots(self) -> list[str]:
        """Return prefixes that apps take off which nobody is sure to reach."""
        *_, last = layers(self._app, self._transparent)
        return [] if is_router(last) else list(dict.fromkeys(_hidden_roots(last)))

    def _mounted(self, path: str) -> Iterator[tuple[str, str]]:
        """Yield where a mounted app with a prefix of its own reads *path* differently."""
        *_, last = stack(self._app)
        if is_router(last):
            for mount, root in _mounted_roots(last.routes, ""):
                rest = hosts.below(path, root)
                if rest != path:
                    yield mount, rest

    def endpoint(self, scope: Store, /) -> Endpoint:
        """Return what the router behind will match."""
        if not self._checked:
            self._checked = True
            self.check()
        try:
            found = _reached(self._app, dict(scope), self._transparent, Endpoint())
        except Exception:  # noqa: BLE001  a convertor that fails, as int does with 5000 digits
            return UNKNOWN
        return found if self._marks else found._replace(access=Access.GUARDED)

    def check(self) -> None:
        """Raise if a requirement is declared where it is never asked.

        Raises:
            ConfigurationError: It names the function.
        """
        *_, last = layers(self._app, self._transparent)
        if is_router(last):
            check_registered(_endpoints(last.routes))


def _frameworks(app: object) -> set[str]:
    """Return the names of the packages that the layers of *app* are of."""
    return {type(layer).__module__.partition(".")[0] for layer in layers(app)} | {
        cls.__module__.partition(".")[0] for layer in layers(app) for cls in type(layer).__mro__
    }


def _roots(found: Iterable[Foreign]) -> Iterator[str]:
    """Yield the prefixes that FastAPI apps take off, outermost first."""
    for layer in found:
        if isinstance(layer, Starlette):
            root: object = getattr(layer, "root_path", "")
            yield root if isinstance(root, str) else ""


def _hidden_roots(app: object, depth: int = 5) -> Iterator[str]:
    """Yield the prefixes of apps that something unknown holds on to."""
    if isinstance(app, Starlette):
        yield from (root for root in _roots([app]) if root)
    elif depth:
        for value in list(getattr(app, "__dict__", {}).values()):
            if callable(value):
                yield from _hidden_roots(value, depth - 1)


def _mounted_roots(routes: Iterable[Foreign], mount: str) -> Iterator[tuple[str, str]]:
    """Yield mounts whose apps take off a prefix of their own, with that prefix."""
    for route in flat(routes):
        if isinstance(route, Mount | Host):
            path = f"{mount}{route.path}" if isinstance(route, Mount) else mount
            inner = list(stack(route.app))
            for root in _roots(inner):
                if root:
                    yield path, root
            if is_router(inner[-1]):
                yield from _mounted_roots(inner[-1].routes, path)
            else:
                yield from ((path, root) for root in _hidden_roots(inner[-1]))


def _reached(
    app: object, scope: dict[str, Any], transparent: tuple[type, ...], before: Endpoint
) -> Endpoint:
    """Return what a request reaches behind *app*, as its routers would match it."""
    needed, options = before.needed, before.answers_options
    last: Foreign = None
    for last in layers(app, transparent):
        if isinstance(last, asgi.RequirementMiddleware):
            needed = both(needed, last.needed)
        options = options or _answers_preflights(last)
        (root,) = _roots([last]) if isinstance(last, Starlette) else ("",)
        if root:
            scope["root_path"] = root
    front = before._replace(needed=needed, answers_options=options)
    if not is_router(last):
        return front._replace(access=max(map(hosts.accessible, layers(app, transparent))))
    return _routed(last, scope, transparent, front)


def _answers_preflights(layer: object) -> bool:
    kind: type = layer if isinstance(layer, type) else type(layer)
    return issubclass(kind, CORSMiddleware) and _is_known(kind, "__call__")


def _routed(
    router: Router, scope: dict[str, Any], transparent: tuple[type, ...], front: Endpoint
) -> Endpoint:
    nowhere = front._replace(access=Access.GUARDED, needed=None)
    route, child = _first_match(router.routes, scope)
    context: Foreign = None
    # FastAPI resolves prefixes and dependencies of included routers lazily; which of its
    # routes counts, the included router itself says.
    while route is not None and _is_included(route):
        match, child, route, context = route._match(scope)  # noqa: SLF001  there is no public way
        route = route if match is Match.FULL else None
    if route is None or not is_plain(route):
        return nowhere
    inner = {**scope, **child}
    if isinstance(route, Mount | Host):
        return _reached(route.app, inner, transparent, front)
    described = route if context is None or context.endpoint is None else context
    return _of_route(route, described, inner, front)


def _first_match(
    routes: Iterable[BaseRoute], scope: dict[str, Any]
) -> tuple[Foreign, dict[str, Any]]:
    """Return the route that the router chooses, or None, and what it adds to the scope."""
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            return route, dict(child)
    return None, {}


def _is_included(route: Foreign) -> bool:
    return hasattr(route, "effective_route_contexts") and hasattr(route, "_match")


def is_plain(route: object) -> bool:
    """Whether a route that matches hands over to its own endpoint."""
    return (
        type(route).handle.__module__.startswith(_KNOWN) if isinstance(route, BaseRoute) else False
    )


def _of_route(
    route: Foreign, described: Foreign, scope: dict[str, Any], front: Endpoint
) -> Endpoint:
    """Return what is known of an endpoint that its router has matched."""
    endpoint: object = described.endpoint
    needed = both(front.needed, required_in_front(route, described, endpoint))
    methods: set[str] = getattr(described, "methods", None) or set()
    options = "OPTIONS" in methods or (hasattr(endpoint, "options") and by_method(endpoint))
    return Endpoint(
        hosts.accessible(endpoint),
        needed,
        scope.get("path_params", {}),
        front.answers_options or options,
    )


def by_method(endpoint: object) -> TypeGuard[type[HTTPEndpoint]]:
    """Whether it is a class that answers by its methods named as those of HTTP, and no other."""
    return (
        isinstance(endpoint, type)
        and issubclass(endpoint, HTTPEndpoint)
        and all(
            inspect.unwrap(getattr(endpoint, name)) is getattr(HTTPEndpoint, name)
            for name in ("__await__", "dispatch", "method_not_allowed")
        )
    )


def required_in_front(route: Foreign, described: Foreign, endpoint: object) -> Requirement | None:
    """Return what stands before an endpoint: its middleware, marks and dependencies."""
    needed = hosts.required_of(endpoint)
    for layer in layers(getattr(route, "app", None)):
        if isinstance(layer, asgi.RequirementMiddleware):
            needed = both(needed, layer.needed)
    for call in asked_by(described):
        needed = both(needed, hosts.required_of(call))
    return needed


def asked_by(described: Foreign) -> list[object]:
    """Return the dependencies that FastAPI calls before an endpoint."""
    overridden: object = getattr(
        getattr(described, "dependency_overrides_provider", None), "dependency_overrides", {}
    )
    # Tests replace dependencies; what has been replaced is not asked.
    return [
        call
        for call in dependencies(getattr(described, "dependant", None))
        if not (isinstance(overridden, dict) and overridden and call in overridden)
    ]


def dependencies(dependant: Foreign) -> Iterator[object]:
    """Yield what FastAPI calls before the endpoint, nested ones included."""
    for dependency in getattr(dependant, "dependencies", ()):
        yield dependency.call
        yield from dependencies(dependency)


def flat(routes: Iterable[Foreign]) -> Iterator[Foreign]:
    """Yield routes in the order of matching, those of included routers in place."""
    for route in routes:
        contexts = getattr(route, "effective_route_contexts", None)
        if contexts is None:
            yield route
        else:
            for context in contexts():
                yield context.starlette_route or context


def _endpoints(routes: Iterable[Foreign]) -> Iterator[object]:
    """Yield the endpoints of routes, those behind mounts included."""
    for route in flat(routes):
        if isinstance(route, Mount | Host):
            *_, last = layers(route.app)
            if is_router(last):
                yield from _endpoints(last.routes)
        else:
            yield getattr(route, "endpoint", None)
