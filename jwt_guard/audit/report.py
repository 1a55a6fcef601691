"""Which routes there are, and what each asks for: before it ships."""

import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ConfigurationError
from ..hosts import Access
from .verdict import Found, Verdict, verdict

__all__ = ["Audit", "AuditedRoute", "assert_guarded", "audit"]


@dataclass(frozen=True, slots=True)
class AuditedRoute:
    """One route of an app.

    Attributes:
        path: The pattern of its path.
        methods: Its methods, sorted; "*" for any, "WEBSOCKET" for one.
        access: "public", "optional", "token", the requirement as it is written, "denied" where no
            rule covers it and nobody gets in, or "UNGUARDED" where nothing stands in
            front of it; with ", public in part" where some of its paths are open.
        where: Module and line of what answers.
    """

    path: str
    methods: tuple[str, ...]
    access: str
    where: str


@dataclass(frozen=True, slots=True)
class Audit:
    """The routes of an app.

    Attributes:
        routes: All of them, by path and methods.
        scopes: Every scope value that some route names, sorted; for
            `Resource(scopes=…)`.
    """

    routes: tuple[AuditedRoute, ...]
    scopes: tuple[str, ...]

    @property
    def unguarded(self) -> tuple[AuditedRoute, ...]:
        """The routes that anybody reaches although nobody said so."""
        return tuple(route for route in self.routes if route.access == "UNGUARDED")

    @property
    def complaint(self) -> str:
        """How many they are, in words."""
        count = len(self.unguarded)
        routes = "1 route is" if count == 1 else f"{count} routes are"
        return f"{routes} neither guarded nor public"

    def as_json(self) -> str:
        """Return the routes as JSON, a list of objects."""
        return json.dumps([asdict(route) for route in self.routes], indent=2)

    def as_table(self) -> str:
        """Return the routes as columns of text."""
        rows = [("METHODS", "PATH", "ACCESS", "WHERE"), *map(_cells, self.routes)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )

    def as_markdown(self) -> str:
        """Return the routes as a table of Markdown."""
        lines = ["| methods | path | access | where |", "|---|---|---|---|"]
        for route in self.routes:
            # A bar would end the cell, in code too.
            cells = (f"`{cell}`".replace("|", "\\|") for cell in _cells(route))
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)


def _cells(route: AuditedRoute) -> tuple[str, str, str, str]:
    return ",".join(route.methods), route.path, route.access, route.where


def audit(app: object) -> Audit:
    """Return what each route of a Flask, Starlette or FastAPI app asks for.

    The app may be wrapped in middleware that names what is behind it as `app`. No
    request is made. Paths of `public=` count where they match a route's pattern.

    Raises:
        ConfigurationError: An app whose routes nobody can see.
    """
    routes: list[AuditedRoute] = []
    scopes = frozenset[str]()
    for one in _found(app):
        for methods, found in _by_verdict(one):
            routes.append(AuditedRoute(one.path, methods, _access(found), _where(one.endpoint)))
            scopes |= found.needed.all_scopes() if found.needed is not None else frozenset[str]()
    routes.sort(key=lambda route: (route.path, route.methods))
    return Audit(tuple(routes), tuple(sorted(scopes)))


def assert_guarded(app: object) -> None:
    """Raise AssertionError unless every route is guarded, or public on purpose.

    For tests: `assert_guarded(app)`.
    """
    found = audit(app)
    if found.unguarded:
        names = "\n".join(f"  {' '.join(_cells(route))}" for route in found.unguarded)
        raise AssertionError(f"{found.complaint}:\n{names}")


def _found(app: object) -> Iterator[Found]:
    """Return the routes by the framework that has them; import no other one."""
    outer: list[object] = []
    inner: Any = app
    while not (hasattr(inner, "routes") or hasattr(inner, "url_map")):
        outer.append(inner)
        inner = getattr(inner, "app", None) or getattr(inner, "__self__", None)
        if inner is None:
            raise ConfigurationError(
                f"{type(app).__name__} shows no routes: audit knows Flask, Starlette and FastAPI"
            )
    if hasattr(inner, "routes"):
        from .starlette import walk  # noqa: PLC0415  imports Starlette, which is there then

        return walk(app)
    from .flask import walk as walk_flask  # noqa: PLC0415  the same of Flask

    return walk_flask(inner, outer)


def _by_verdict(one: Found) -> Iterator[tuple[tuple[str, ...], Verdict]]:
    """Yield the methods of a route that have one verdict, with it."""
    verdicts: dict[Verdict, list[str]] = {}
    for method in one.methods:
        verdicts.setdefault(verdict(one, method), []).append(method)
    for found, methods in verdicts.items():
        yield tuple(methods), found


def _access(found: Verdict) -> str:
    if not found.guarded:
        return "UNGUARDED"
    if found.access is not Access.GUARDED:
        return found.access.name.lower()
    access = "token" if found.needed is None else str(found.needed)
    if found.denied:
        access = "denied"
    return f"{access}, public in part" if found.opened_in_part else access


def _where(endpoint: object) -> str:
    target: Any = inspect.unwrap(endpoint) if callable(endpoint) else endpoint
    target = getattr(target, "view_class", getattr(target, "func", target))
    try:
        _, line = inspect.getsourcelines(target)
    except (TypeError, OSError):
        return type(target).__name__
    return f"{target.__module__}:{line}"
