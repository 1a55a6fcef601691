"""Which routes there are, and what each asks for: before it ships."""

import inspect
import json
import sys
from dataclasses import asdict, dataclass
from typing import Any

from ..errors import ConfigurationError
from ..hosts import Access
from ._verdict import Found, Verdict, verdicts

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
        host: The pattern of the host that it is for; "" for all.
    """

    path: str
    methods: tuple[str, ...]
    access: str
    where: str
    host: str = ""


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
        rows = [asdict(route) for route in self.routes]
        # A host is named where there is one.
        shown = [{name: row[name] for name in row if name != "host" or row[name]} for row in rows]
        return json.dumps(shown, indent=2)

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
    path = f"{route.host}{route.path}"
    return ",".join(route.methods), path, route.access, route.where


def audit(app: object, *, transparent: tuple[type, ...] = ()) -> Audit:
    """Return what each route of a Flask, Starlette or FastAPI app asks for.

    The app may be wrapped in middleware that names what is behind it as `app`. No
    request is made. What stands in front of the outermost guard, and may answer by
    itself, is a row of its own. Paths of `public=` count where they match a route's pattern.

    Args:
        app: What the server is given.
        transparent: Types of middleware that answer nothing by themselves.

    Raises:
        ConfigurationError: An app whose routes nobody can see, or with a requirement
            that is declared where it is never asked.
    """
    routes: list[AuditedRoute] = []
    scopes = frozenset[str]()
    for one in _found(app, transparent):
        where = _where(one.endpoint)
        for methods, found in verdicts(one):
            routes.append(AuditedRoute(one.path, methods, access_of(found), where, one.host))
            scopes |= found.needed.all_scopes() if found.needed is not None else frozenset[str]()
    routes.sort(key=lambda route: (route.host, route.path, route.methods))
    return Audit(tuple(routes), tuple(sorted(scopes)))


def assert_guarded(app: object, *, transparent: tuple[type, ...] = ()) -> None:
    """Raise AssertionError unless every route is guarded, or public on purpose.

    For tests: `assert_guarded(app)`; see `audit`.
    """
    found = audit(app, transparent=transparent)
    if found.unguarded:
        names = "\n".join(f"  {' '.join(_cells(route))}" for route in found.unguarded)
        raise AssertionError(f"{found.complaint}:\n{names}")


def _found(app: object, transparent: tuple[type, ...]) -> list[Found]:
    """Return the routes by the framework that has them; import no other one."""
    # What is not imported yet is not in the app.
    if "starlette" in sys.modules:
        from . import _starlette  # noqa: PLC0415  imports Starlette, which is there then

        if _starlette.has_routes(app):
            return _starlette.walk(app, transparent)
    if "flask" in sys.modules:
        from . import _flask  # noqa: PLC0415  the same of Flask

        if _flask.has_routes(app):
            return _flask.walk(app, transparent)
    raise ConfigurationError(
        f"{type(app).__name__} shows no routes: audit knows Flask, Starlette and FastAPI"
    )


def access_of(found: Verdict) -> str:
    """Return a verdict in words."""
    if not found.guarded:
        return "UNGUARDED"
    if found.access is not Access.GUARDED:
        access = found.access.name.lower()
    elif found.denied:
        access = "denied"
    else:
        access = "token" if found.needed is None else str(found.needed)
    return f"{access}, public in part" if found.opened_in_part else access


def _where(endpoint: object) -> str:
    target: Any = inspect.unwrap(endpoint) if callable(endpoint) else endpoint
    target = getattr(target, "view_class", getattr(target, "func", target))
    try:
        _, line = inspect.getsourcelines(target)
    except (TypeError, OSError):
        return type(target).__name__
    return f"{target.__module__}:{line}"
