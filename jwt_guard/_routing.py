"""Starlette's and FastAPI's routers: which endpoint a request will reach, asked of the routes."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, TypeGuard

from starlette.endpoints import HTTPEndpoint
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Host, Match, Mount, Router

from . import asgi, hosts
from ._core.guarding import check_registered
from ._core.policy.requirement import Requirement, both
from ._layers import Foreign, chosen, flat, is_known, is_plain, is_router, layers, root_of
from ._readings import readings
from .hosts import UNKNOWN, Access, Endpoint, Store


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
        """Return the path as each router on the way will match it."""
        found = readings(self._app, dict(scope), self._transparent)
        if self._prefix:
            found = self._below_prefix(scope, list(found))
        return tuple(dict.fromkeys(found))

    def _below_prefix(self, scope: Store, found: list[str]) -> Iterator[str]:
        """Yield what is read once the prefix is taken off, where nobody can see."""
        path = hosts.below(hosts.below(scope["path"], scope.get("root_path", "")), self._prefix)
        yield from readings(self._app, {**scope, "path": path, "root_path": ""}, self._transparent)
        whole, *others = found
        yield hosts.below(whole, self._prefix)
        yield from (one for one in others if one != whole)

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
        scope["root_path"] = root_of(last) or scope.get("root_path", "")
    front = before._replace(needed=needed, answers_options=options)
    if not is_router(last):
        return front._replace(access=max(map(hosts.accessible, layers(app, transparent))))
    return _routed(last, scope, transparent, front)


def _answers_preflights(layer: object) -> bool:
    kind: type = layer if isinstance(layer, type) else type(layer)
    return issubclass(kind, CORSMiddleware) and is_known(kind, "__call__")


def _routed(
    router: Router, scope: dict[str, Any], transparent: tuple[type, ...], front: Endpoint
) -> Endpoint:
    match, route, inner, context = chosen(router, scope)
    if match is not Match.FULL or not is_plain(route):
        return front._replace(access=Access.GUARDED, needed=None)
    if isinstance(route, Mount | Host):
        return _reached(route.app, inner, transparent, front)
    described = route if context is None or context.endpoint is None else context
    return _of_route(route, described, inner, front)


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


def _endpoints(routes: Iterable[Foreign]) -> Iterator[object]:
    """Yield the endpoints of routes, those behind mounts included."""
    for route in flat(routes):
        if isinstance(route, Mount | Host):
            *_, last = layers(route.app)
            if is_router(last):
                yield from _endpoints(last.routes)
        else:
            yield getattr(route, "endpoint", None)
