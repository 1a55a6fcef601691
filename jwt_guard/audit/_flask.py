"""Flask's views: which there are, and what stands in front of each."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import MethodType
from typing import cast

from flask import Flask
from flask.views import MethodView
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.lint import LintMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule as Route

from .. import wsgi
from .._blueprints import required_by_blueprints
from .._core.guarding import check_registered
from .._core.marks import accessible, required_of
from .._core.policy.requirement import Requirement, both
from ..flask import FlaskGuard
from ._verdict import ANY, Found, Standing, Way

# Who passes every request on, with the path it came with.
_KNOWN = (wsgi.GuardMiddleware, wsgi.RequirementMiddleware, ProxyFix, LintMiddleware)
# What a request goes through before the guard is asked.
_BEFORE = ("__call__", "wsgi_app", "full_dispatch_request", "preprocess_request")


@dataclass(frozen=True, slots=True)
class _Front:
    """What stands in front of an app.

    Attributes:
        transparent: What is said to pass requests on as they are.
        prefix: What has been taken off the path.
        guards: The guards on the way.
        needed: What is required on the way.
    """

    transparent: tuple[type, ...]
    prefix: str = ""
    guards: tuple[Standing, ...] = ()
    needed: Requirement | None = None

    def passing(self, layer: object) -> "_Front":
        """Return the same behind a layer."""
        if isinstance(layer, wsgi.RequirementMiddleware):
            return replace(self, needed=both(self.needed, layer.needed))
        if isinstance(layer, wsgi.GuardMiddleware):
            return replace(self, guards=(*self.guards, Standing(layer, self.prefix)))
        return self

    def way(self, path: str, *own: Standing) -> tuple[Way]:
        """Return the way to *path*."""
        return (Way(f"{self.prefix}{path}", (*self.guards, *own)),)

    def unknown(self, answers: object) -> Found:
        """Return what may answer anything."""
        return Found(self.way("/*"), (ANY,), answers, self.needed)


def has_routes(app: object) -> bool:
    """Whether *app* leads to a Flask app."""
    return any(isinstance(layer, Flask) for layer in _stack(app))


def walk(app: object, transparent: tuple[type, ...] = ()) -> list[Found]:
    """Return the views of a Flask app, and of those beside it.

    Raises:
        ConfigurationError: A requirement is declared where it is never asked.
    """
    return list(_behind(app, _Front(transparent)))


def _stack(app: object) -> Iterator[object]:
    """Yield *app* and what is behind it, as far as that shows, outside in."""
    while app is not None:
        if isinstance(app, MethodType) and isinstance(app.__self__, Flask):
            yield app.__self__
            return
        yield app
        if isinstance(app, Flask):
            # What its `wsgi_app` was replaced by, and itself at the end, if that shows.
            yield from () if _is_its_own(app.wsgi_app, app) else _stack(app.wsgi_app)
            return
        app = getattr(app, "app", None)


def _is_its_own(wsgi_app: object, app: Flask) -> bool:
    return isinstance(wsgi_app, MethodType) and wsgi_app.__self__ is app


def _behind(app: object, front: _Front) -> Iterator[Found]:
    """Yield what answers behind *app*."""
    reached: Flask | None = None
    last: object = app
    for last in _stack(app):
        front = front.passing(last)
        if isinstance(last, DispatcherMiddleware):
            # It puts other apps beside this one.
            for prefix, mounted in last.mounts.items():
                inside = replace(front, prefix=f"{front.prefix}{prefix}")
                yield from _behind(mounted, inside)
        elif isinstance(last, Flask):
            reached = last
        elif not (front.guards or isinstance(last, (*_KNOWN, *front.transparent))):
            # Socket.IO, for one: what it answers by itself, nobody has been asked for.
            yield front.unknown(last)
    if reached is None:
        if front.guards:
            yield front.unknown(last)
        return
    yield from _of_app(reached, front)


def _of_app(app: Flask, front: _Front) -> Iterator[Found]:
    check_registered(app.view_functions.values())
    own: FlaskGuard | None = app.extensions.get("jwt_guard")
    if not front.guards and any(_is_overridden(app, name) for name in _BEFORE):
        yield front.unknown(type(app))
    for route in app.url_map.iter_rules():
        yield from _of_route(app, route, own, front)


def _is_overridden(app: Flask, name: str) -> bool:
    return not getattr(type(app), name).__module__.startswith("flask.")


def _of_route(app: Flask, route: Route, own: FlaskGuard | None, front: _Front) -> Iterator[Found]:
    view = app.view_functions.get(route.endpoint)
    view_class: object = getattr(view, "view_class", None)
    if own is not None:
        access = own.endpoint(app, route.endpoint).access
    else:
        access = max(accessible(view), accessible(view_class))
    shared = both(front.needed, required_by_blueprints(app, route.endpoint))
    for one in (required_of(view), required_of(view_class)):
        shared = both(shared, one)
    way = front.way(route.rule, *(() if own is None else (Standing(own, front.prefix),)))
    for methods, needed in _by_method(view_class, _shown_methods(route), shared):
        yield Found(way, methods, view_class or view, needed, access, host=_host(app, route))


def _host(app: Flask, route: Route) -> str:
    """Return the host that a route is for, or ""."""
    if app.url_map.host_matching:
        return route.host or ""
    server = cast("str | None", app.config["SERVER_NAME"]) or "*"
    return f"{route.subdomain}.{server}" if route.subdomain else ""


def _shown_methods(route: Route) -> tuple[str, ...]:
    """Return the methods of a route, without those that Flask answers by itself."""
    methods = route.methods or {ANY}
    automatic = {"HEAD"} if "GET" in methods else set[str]()
    if getattr(route, "provide_automatic_options", False) and methods != {"OPTIONS"}:
        automatic.add("OPTIONS")
    return tuple(sorted(methods - automatic))


def _by_method(
    view_class: object, methods: tuple[str, ...], shared: Requirement | None
) -> Iterator[tuple[tuple[str, ...], Requirement | None]]:
    """Yield methods with what they require; those of a class may differ."""
    if not _dispatches(view_class):
        yield methods, shared
        return
    for method in methods:
        yield (method,), both(shared, required_of(getattr(view_class, method.lower(), None)))


def _dispatches(view_class: object) -> bool:
    """Whether a class answers by its methods that are named as those of HTTP, and no other."""
    return (
        isinstance(view_class, type)
        and issubclass(view_class, MethodView)
        and inspect.unwrap(view_class.dispatch_request) is MethodView.dispatch_request
    )
