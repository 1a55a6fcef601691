"""Starlette's and FastAPI's routes: which there are, and what stands in front of each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.convertors import PathConvertor
from starlette.routing import Host, Mount, Router, WebSocketRoute

from .. import asgi
from .._core.guarding import check_registered
from .._core.marks import accessible, identifies, required_of
from .._core.policy.requirement import Requirement, both
from .._layers import Added, Foreign, flat, is_plain, is_router, passes_on, stack
from .._routing import asked_by, by_method, required_in_front
from ..hosts import Access, below
from ._verdict import ANY, Found, Standing, Way

_OURS = "jwt_guard."
# What an HTTPEndpoint may have methods for.
_HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")


class _Track(NamedTuple):
    """One way to some routes.

    Attributes:
        base: What clients write before the path that the router reads.
        root: What the router takes off: the scope's `root_path`.
        guards: The guards on the way.
    """

    base: str = ""
    root: str = ""
    guards: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class _Front:
    """What stands in front of routes.

    Attributes:
        tracks: The ways to them.
        needed: What is required on each of them.
        access: Who needs a token, by the marks of what is known to be passed.
        host: The host that they are for.
        owner: The app that has them.
        transparent: What is said to pass requests on as they are.
    """

    transparent: tuple[type, ...]
    tracks: tuple[_Track, ...] = (_Track(),)
    needed: Requirement | None = None
    access: Access = Access.GUARDED
    host: str = ""
    owner: object = None

    @property
    def is_guarded(self) -> bool:
        """Whether a guard has been passed."""
        return bool(self.tracks[0].guards)

    def passing(self, layer: object) -> "_Front":
        """Return the same behind a layer."""
        one = _as_made(layer)
        if isinstance(one, asgi.RequirementMiddleware):
            return replace(self, needed=both(self.needed, one.needed))
        if isinstance(one, asgi.GuardMiddleware):
            return self._behind_guard(one)
        if isinstance(one, Starlette):
            tracks = _below_root(self.tracks, getattr(one, "root_path", ""))
            return replace(self, tracks=tracks, owner=one)
        return self

    def _behind_guard(self, guard: asgi.GuardMiddleware) -> "_Front":
        tracks = [
            track._replace(guards=(*track.guards, Standing(guard, track.root)))
            for track in self.tracks
        ]
        return replace(self, tracks=tuple(tracks), access=Access.GUARDED)

    def hidden_by(self, layer: object) -> "_Front":
        """Return the same where guards do not see past a layer, unless told to."""
        tracks = [
            track._replace(guards=tuple(_past(standing, layer) for standing in track.guards))
            for track in self.tracks
        ]
        return replace(self, tracks=tuple(tracks))

    def mounted(self, path: str) -> "_Front":
        """Return the same for what is mounted below *path*."""
        # Starlette knows what to take off by what it has taken off before.
        tracks = [track for track in self.tracks if track.base == track.root] or self.tracks
        inside = [
            track._replace(base=f"{track.base}{path}", root=f"{track.root}{path}")
            for track in tracks
        ]
        return replace(self, tracks=tuple(inside), access=Access.GUARDED)

    def found(
        self,
        path: str,
        methods: tuple[str, ...],
        endpoint: object,
        needed: Requirement | None = None,
        access: Access = Access.GUARDED,
        *,
        identified: bool = False,
        deep: frozenset[str] = frozenset(),
    ) -> Found:
        """Return a route at *path*."""
        # What begins with a prefix that is taken off, is not reached without that.
        plain = [track for track in self.tracks if track.base or below(path, track.root) == path]
        return Found(
            tuple(Way(f"{one.base}{path}" or "/", one.guards) for one in plain or self.tracks),
            methods,
            endpoint,
            both(self.needed, needed),
            access,
            identified,
            self.host,
            deep,
            (self.owner, path),
        )


def _as_made(layer: object) -> object:
    """Return one of ours as the app will make it; nobody knows what others do."""
    if isinstance(layer, Added) and str(getattr(layer.kind, "__module__", "")).startswith(_OURS):
        return layer.made()
    return layer


def _past(standing: Standing, layer: object) -> Standing:
    guard = standing.guard
    told = guard.transparent if isinstance(guard, asgi.GuardMiddleware) else ()
    return standing if passes_on(layer, told) else replace(standing, sees=False)


def _below_root(tracks: tuple[_Track, ...], root: object) -> tuple[_Track, ...]:
    """Return the ways to an app that takes off a prefix of its own, FastAPI's `root_path`."""
    if not (isinstance(root, str) and root):
        return tracks
    ways: list[_Track] = []
    for track in tracks:
        if track.base == "":
            # Its routes are there with the prefix and without.
            ways += [track._replace(root=root), track._replace(base=root, root=root)]
        elif f"{root}/".startswith(f"{track.base}/"):
            ways.append(track._replace(base=root, root=root))
    return tuple(ways) or tuple(track._replace(root=root) for track in tracks)


def has_routes(app: object) -> bool:
    """Whether *app* leads to the routes of Starlette or FastAPI."""
    return any(isinstance(layer, Router) for layer in stack(app))


def walk(app: object, transparent: tuple[type, ...] = ()) -> list[Found]:
    """Return the routes of a Starlette or FastAPI app, nested ones included.

    Raises:
        ConfigurationError: A requirement is declared where it is never asked.
    """
    found = list(_behind(app, _Front(transparent)))
    check_registered(one.endpoint for one in found)
    return found


def _behind(app: object, front: _Front) -> Iterator[Found]:
    """Yield what answers behind *app*."""
    *passed, last = stack(app)
    known = True
    for layer in passed:
        if known:
            front = replace(front, access=max(front.access, accessible(layer)))
        front = front.passing(layer)
        if not passes_on(layer, ()):
            front, known = front.hidden_by(layer), False
            if not (front.is_guarded or passes_on(layer, front.transparent)):
                # Whatever it answers by itself, nobody has been asked.
                yield front.found("/*", (ANY,), _named(layer))
    if is_router(last):
        yield from _of_router(last, front)
    else:
        access = max(front.access, accessible(last)) if known else front.access
        yield front.found("/*", (ANY,), last, access=access)


def _named(layer: object) -> object:
    """Return what a layer of middleware is written as."""
    return layer.kind if isinstance(layer, Added) else layer


def _of_router(router: Router, front: _Front) -> Iterator[Found]:
    # FastAPI's `frontend` has its routes beside the others.
    beside: Iterable[Foreign] = getattr(router, "_iter_low_priority_routes", tuple)()
    for route in flat(router.routes):
        yield from _of_route(route, front)
    for route in beside:
        yield from _of_frontend(route, front)
    if not getattr(router.default, "__module__", "").startswith("starlette."):
        yield front.found("/*", (ANY,), router.default)


def _of_route(route: Foreign, front: _Front) -> Iterator[Found]:
    if not is_plain(getattr(route, "original_route", route)) or not (
        isinstance(route, Mount | Host) or hasattr(route, "endpoint")
    ):
        # It may answer anything; what is declared on its endpoint is nothing to it.
        path = getattr(route, "path", "/*")
        yield front.found(str(path), (ANY,), route)
    elif isinstance(route, Mount):
        path = route.path_format.removesuffix("/{path}")
        yield from _behind(route.app, front.mounted(path))
    elif isinstance(route, Host):
        yield from _behind(route.app, replace(front, host=route.host, access=Access.GUARDED))
    else:
        yield from _of_endpoint(route, front)


def _of_endpoint(route: Foreign, front: _Front) -> Iterator[Found]:
    endpoint: object = route.endpoint
    needed = required_in_front(route, route, endpoint)
    identified = any(map(identifies, asked_by(route)))
    deep = frozenset(
        f"{{{name}}}"
        for name, one in route.param_convertors.items()
        if isinstance(one, PathConvertor)
    )
    path, access = route.path_format, accessible(endpoint)
    for methods, asked in _by_method(route, needed):
        yield front.found(path, methods, endpoint, asked, access, identified=identified, deep=deep)


def _by_method(
    route: Foreign, needed: Requirement | None
) -> Iterator[tuple[tuple[str, ...], Requirement | None]]:
    """Yield methods with what they require; those of a class may differ."""
    endpoint = route.endpoint
    if isinstance(route, WebSocketRoute):
        yield ("WEBSOCKET",), needed
    elif route.methods:
        yield tuple(sorted(route.methods)), needed
    elif by_method(endpoint) and (handlers := _handlers(endpoint)):
        for method, handler in handlers:
            yield (method,), both(needed, required_of(handler))
    else:
        yield (ANY,), needed


def _handlers(endpoint: type) -> list[tuple[str, object]]:
    """Return what a class answers methods by."""
    every = ((method, getattr(endpoint, method.lower(), None)) for method in _HTTP_METHODS)
    return [(method, handler) for method, handler in every if handler is not None]


def _of_frontend(route: Foreign, front: _Front) -> Iterator[Found]:
    """Yield the files of a frontend; *route* says what is asked for before."""
    group: Foreign = getattr(route, "original_route", route)
    prefix: str = getattr(route, "frontend_prefix", "")
    needed = required_in_front(group, route, None)
    identified = any(map(identifies, asked_by(route)))
    for one in group.routes:
        path = f"{prefix}{one.path}".rstrip("/")
        methods = tuple(sorted(one.methods))
        yield front.found(f"{path}/*", methods, one.app, needed, identified=identified)
