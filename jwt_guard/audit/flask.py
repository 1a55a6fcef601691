"""Flask's views: which there are, and what stands in front of each."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from flask import Flask

from .. import wsgi
from .._core.marks import accessible, required_of
from .._core.policy.requirement import Requirement, both
from ..flask import FlaskGuard, required_by_blueprints
from ..hosts import Access
from .verdict import Found, InFront

# Flask answers them by itself, for every route.
_AUTOMATIC = {"HEAD", "OPTIONS"}


def walk(app: Flask, outer: Iterable[object]) -> Iterator[Found]:
    """Yield the views of *app*, behind the middleware of *outer* and its own."""
    guards: list[tuple[str, InFront]] = []
    for one in (*outer, *_wrapped(app)):
        if isinstance(one, wsgi.GuardMiddleware):
            guards.append(("", one))
        # Werkzeug's dispatcher puts other apps beside this one.
        for prefix, mounted in getattr(one, "mounts", {}).items():
            for found in _mounted(mounted):
                inner = ((f"{prefix}{below}", guard) for below, guard in found.guards)
                path, every = f"{prefix}{found.path}", (*guards, *inner)
                yield replace(found, path=path, guards=every)
    own: FlaskGuard | None = app.extensions.get("jwt_guard")
    if own is not None:
        guards.append(("", own))
    for rule in app.url_map.iter_rules():
        view = app.view_functions.get(rule.endpoint)
        view_class = getattr(view, "view_class", None)
        access = (
            own.endpoint(app, rule.endpoint).access
            if own is not None
            else max(accessible(view), accessible(view_class))
        )
        shared = required_by_blueprints(app, rule.endpoint)
        for one in (required_of(view), required_of(view_class)):
            shared = both(shared, one)
        for methods, needed in _by_method(view_class, rule.methods or set(), shared):
            yield Found(rule.rule, methods, view_class or view, needed, access, tuple(guards))


def _mounted(app: object) -> Iterator[Found]:
    """Yield the views of an app of which nothing is known."""
    outer: list[object] = []
    inner = app
    while inner is not None and not isinstance(inner, Flask):
        outer.append(inner)
        inner = getattr(inner, "app", None) or getattr(inner, "__self__", None)
    if inner is not None:
        yield from walk(inner, outer)
    else:
        guards = tuple(("", one) for one in outer if isinstance(one, wsgi.GuardMiddleware))
        yield Found("/*", ("*",), app, None, Access.GUARDED, guards)


def _wrapped(app: Flask) -> Iterator[object]:
    """Yield what `app.wsgi_app` was replaced by."""
    one: object = app.wsgi_app
    while one is not None:
        yield one
        one = getattr(one, "app", None)


def _by_method(
    view_class: object, methods: set[str], shared: Requirement | None
) -> Iterator[tuple[tuple[str, ...], Requirement | None]]:
    """Yield methods with what they require; those of a class may differ."""
    shown = sorted(methods - _AUTOMATIC) or sorted(methods)
    if view_class is None:
        yield tuple(shown), shared
        return
    for method in shown:
        yield (method,), both(shared, required_of(getattr(view_class, method.lower(), None)))
