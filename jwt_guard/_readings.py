"""RFC 3986 §3.3: the path of a request, as each router on its way will read it.

A mounted app may read another part of the path than the table's author has in mind:
FastAPI takes off a prefix of its own, its `root_path`, and what is mounted below a
prefix that the request came without reads all of the path again. So the routers are
asked, one behind the other, and what each of them reads counts.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Host, Match, Mount, Router

from . import hosts
from ._layers import Foreign, chosen, flat, is_plain, passes_on, root_of, stack

# How deep what nobody knows may hold on to an app.
_DEPTH = 5

_Scope = dict[str, Any]


def readings(app: object, scope: _Scope, transparent: tuple[type, ...]) -> Iterator[str]:
    """Yield the path that each router behind *app* will match, as a table writes it.

    That is below the prefixes that are taken off, and with those of mounts. What may
    stand behind something unknown reads it as if the request came there as it is.

    Args:
        app: What the guard is in front of.
        scope: A copy of the request's.
        transparent: Types of middleware that pass requests on as they are.
    """
    return _Way(transparent).behind(app, scope)


@dataclass(frozen=True, slots=True)
class _Way:
    """The way to a router.

    Attributes:
        transparent: What passes requests on as they are.
        mount: The prefixes of the mounts on it.
        seen: Which apps it has come from where nobody knows what comes next.
    """

    transparent: tuple[type, ...]
    mount: str = ""
    seen: frozenset[int] = frozenset()

    def behind(self, app: object, scope: _Scope) -> Iterator[str]:
        """Yield what is read from *app* on."""
        layers = list(stack(app))
        way = replace(self, seen=self.seen.union(map(id, layers)))
        for layer in layers:
            scope["root_path"] = root_of(layer) or scope.get("root_path") or ""
            if not passes_on(layer, self.transparent):
                yield self.reading(scope)
                yield from way.held_by(layer, scope)
        yield self.reading(scope)
        if isinstance(layers[-1], Router):
            for route, inner in _handed_to(layers[-1], scope):
                yield from way.below(route, inner, scope)

    def reading(self, scope: _Scope) -> str:
        """Return what a router here reads."""
        return f"{self.mount}{hosts.below(scope['path'], scope['root_path'])}"

    def held_by(self, holder: object, scope: _Scope) -> Iterator[str]:
        """Yield what is read by any app that *holder* holds on to."""
        for app in _held(holder, set(self.seen)):
            yield from self.behind(app, dict(scope))

    def below(self, route: Foreign, inner: _Scope, scope: _Scope) -> Iterator[str]:
        """Yield what is read by what *route* hands a request on to, with the scope *inner*."""
        if isinstance(route, Mount | Host):
            matched = str(inner["root_path"]).removeprefix(scope["root_path"])
            yield from replace(self, mount=f"{self.mount}{matched}").behind(route.app, inner)
        elif route is not None and not is_plain(route):
            yield from self.held_by(route, inner)


def _handed_to(router: Router, scope: _Scope) -> Iterator[tuple[Foreign, _Scope]]:
    """Yield the route that *router* chooses with what it sees, or all that it may choose."""
    try:
        one = chosen(router, scope)
    except Exception:  # noqa: BLE001  a route looks at what only the app behind puts there
        yield from _possible(router, scope)
    else:
        yield one.route, one.scope


def _possible(router: Router, scope: _Scope) -> Iterator[tuple[Foreign, _Scope]]:
    """Yield the mounts whose paths match, and the apps of all hosts."""
    for route in flat(router.routes):
        if isinstance(route, Host):
            yield route, dict(scope)
        elif isinstance(route, Mount):
            # A convertor fails for the router too, as int does with 5000 digits.
            with suppress(Exception):
                match, child = Mount.matches(route, scope)
                if match is Match.FULL:
                    yield route, {**scope, **child}


def _held(holder: object, seen: set[int], depth: int = _DEPTH) -> Iterator[object]:
    """Yield the apps with routes that something unknown holds on to, each once."""
    for value in list(getattr(holder, "__dict__", {}).values()):
        if not callable(value) or id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Starlette | Router):
            yield value
        elif depth:
            yield from _held(value, seen, depth - 1)
