"""What stands in front of a route, whatever its framework, and what that amounts to.

Nothing is decided here: each guard is asked, as it is for a request.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .._core.policy.requirement import Requirement, both
from .._core.request.paths import Segments, split
from ..hosts import Access, Admission, Endpoint, Outcome

ANY = "*"
"""Stands for every method that is not named."""
# The handshake of a WebSocket is a GET; what is for any method is asked by one of ours.
_AS_SENT = {"WEBSOCKET": "GET", ANY: "ANY"}
_PARAMETER = re.compile(r"\{[^}]*\}")


class InFront(Protocol):
    """A guard in front of routes, as far as an audit asks it."""

    @property
    def admission(self) -> Admission:
        """The guard, and who needs no token."""
        ...

    @property
    def by_endpoint(self) -> bool:
        """Whether it knows the marks of endpoints."""
        ...

    def readings(self, path: str, root: str, method: str, host: str, /) -> Sequence[str]:
        """Return what it reads of a path, where *root* has been taken off."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """A guard in front of a route.

    Attributes:
        guard: The guard.
        root: The prefix that has been taken off where it stands.
        sees: Whether it knows which endpoint a request will reach: nothing is between
            that might send it elsewhere.
    """

    guard: InFront
    root: str = ""
    sees: bool = True


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a route.

    Attributes:
        path: The path's pattern as a client sends it.
        guards: The guards on the way, outermost first.
    """

    path: str
    guards: tuple[Standing, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A route.

    Attributes:
        ways: The ways to it, at least one; the first one is shown.
        methods: The methods, sorted; "WEBSOCKET" for one, "*" for any.
        endpoint: What answers.
        needed: What it and everything in front of it requires, or None.
        access: Who needs a token, as its marks say.
        identified: Whether it asks for the caller, and so for a token, all the same.
        host: The pattern of the host that it is for; "" for all.
        deep: The segments of its pattern that stand for several ones.
        place: The app that has it, and its path there.
    """

    ways: tuple[Way, ...]
    methods: tuple[str, ...]
    endpoint: object
    needed: Requirement | None = None
    access: Access = Access.GUARDED
    identified: bool = False
    host: str = ""
    deep: frozenset[str] = frozenset()
    place: tuple[object, str] = (None, "")

    @property
    def path(self) -> str:
        """The path's pattern, with the prefixes of mounts."""
        return self.ways[0].path

    @property
    def guards(self) -> list[InFront]:
        """The guards in front of it."""
        return [standing.guard for standing in self.ways[0].guards]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of requests for a route with one method.

    Attributes:
        guarded: Whether anything stands in front of it.
        access: Who needs a token.
        opened_in_part: Whether nobody does with some values of the path's variables, on
            some of the ways to it, or for a CORS preflight.
        denied: Whether nobody gets through, for no row covers it.
        needed: What a caller must satisfy, or None.
    """

    guarded: bool
    access: Access
    opened_in_part: bool
    denied: bool
    needed: Requirement | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A route's pattern as if it were a request: what any guard is asked."""

    method: str
    paths: tuple[str, ...]
    known: Endpoint
    raw_path: bytes | None = None
    query: bytes = b""
    handshake: bool = False
    authorization: Sequence[bytes] = ()
    preflight: bool = False

    def fields(self, _name: str, /) -> Sequence[bytes]:
        """Return what makes a preflight of it, or nothing: a pattern has no fields."""
        return (b"*",) if self.preflight else ()

    def endpoint(self) -> Endpoint:
        """Return what is known of the route."""
        return self.known

    def hide_query(self, _rest: bytes, /) -> None:
        """Do nothing: a pattern has no query."""

    def hide_protocols(self, _rest: bytes, /) -> None:
        """Do nothing: a pattern has no fields."""


def verdicts(found: Found) -> Iterator[tuple[tuple[str, ...], Verdict]]:
    """Yield the methods of a route that have one verdict, with it."""
    by_verdict: dict[Verdict, list[str]] = {}
    for method in found.methods:
        by_verdict.setdefault(verdict(found, method), []).append(method)
    if found.methods == (ANY,):
        # A row of a table may be for some methods alone.
        for method in sorted(_named_methods(found)):
            one = verdict(found, method)
            if ANY not in by_verdict.setdefault(one, []):
                by_verdict[one].append(method)
    for one, methods in by_verdict.items():
        yield tuple(methods), one


def _named_methods(found: Found) -> set[str]:
    """Return the methods that rows in front of a route name; GET stands for HEAD too."""
    names = {
        method
        for guard in found.guards
        for row in guard.admission.openings.table.rows
        for method in row.methods or ()
    }
    return names | ({"HEAD"} if "GET" in names else set())


def verdict(found: Found, method: str) -> Verdict:
    """Return what the guards in front of a route, together, do to *method*."""
    every = [_of_way(found, way, method) for way in found.ways]
    needed = None
    for one in every:
        needed = both(needed, one.needed)
    access = min(one.access for one in every)
    opened = any(one.opened_in_part or one.access is not access for one in every)
    return Verdict(
        all(one.guarded for one in every),
        access,
        opened,
        all(one.denied for one in every),
        needed,
    )


def _of_way(found: Found, way: Way, method: str) -> Verdict:
    needed, denied = found.needed, False
    closed = not way.guards or needed is not None or found.identified
    access = Access.GUARDED if closed else Access.PUBLIC
    for standing in way.guards:
        outcome = _outcome(found, standing, method, _readings(found, standing, method, way))
        needed, denied = both(needed, outcome.needed), denied or outcome.denied
        access = min(access, outcome.access)
    opened = (
        not closed
        and access is Access.GUARDED
        and all(_opens_some(found, standing, method, way) for standing in way.guards)
    )
    return Verdict(bool(way.guards), access, opened, denied, needed)


def _readings(found: Found, standing: Standing, method: str, way: Way) -> tuple[str, ...]:
    host = _PARAMETER.sub("x", found.host)
    asked = plain(way.path), plain(standing.root), _AS_SENT.get(method, method), host
    return tuple(standing.guard.readings(*asked))


def _outcome(found: Found, standing: Standing, method: str, paths: tuple[str, ...]) -> Outcome:
    """Return what a guard says of requests for the route."""
    known = standing.sees and standing.guard.by_endpoint
    asked = _AS_SENT.get(method, method)
    endpoint = Endpoint(found.access) if known else Endpoint()
    return standing.guard.admission.openings.outcome(_Asked(asked, paths, endpoint))


def _opens_some(found: Found, standing: Standing, method: str, way: Way) -> bool:
    """Whether a guard leaves some path open that fits the route's pattern, or preflights."""
    if method in ("OPTIONS", ANY) and _passes_preflight(found, standing, method, way):
        return True
    patterns = standing.guard.admission.openings.open_patterns(
        {"WEBSOCKET": "GET"}.get(method, method)
    )
    return all(
        any(
            _outcome(found, standing, method, (path,)).access is not Access.GUARDED
            for path in (plain(reading), *_meeting(patterns, reading, found.deep))
        )
        for reading in standing.guard.readings(
            way.path, standing.root, _AS_SENT.get(method, method), _PARAMETER.sub("x", found.host)
        )
    )


def _passes_preflight(found: Found, standing: Standing, method: str, way: Way) -> bool:
    # A route that is for OPTIONS answers it by itself.
    known = Endpoint(answers_options=method == "OPTIONS" and standing.sees)
    asked = _Asked("OPTIONS", _readings(found, standing, "OPTIONS", way), known, preflight=True)
    return standing.guard.admission.openings.passes_preflight(asked)


def plain(path: str) -> str:
    """Return a route's pattern so that it can be read as a path in one way alone."""
    return "/".join("{}" if _is_variable(one) else one for one in path.split("/"))


def _is_variable(segment: str) -> bool:
    return segment == "*" or "{" in segment or "<" in segment


def _meeting(patterns: Sequence[Segments], path: str, deep: frozenset[str]) -> Iterator[str]:
    """Yield paths that fit the route's pattern and one of *patterns*."""
    shape = split(path)
    several = {number for number, one in enumerate(shape) if one in deep or "<path:" in one}
    # What is variable at the end may stand for more.
    several |= {len(shape) - 1} if _is_variable(shape[-1]) else set()
    for pattern in patterns:
        for segments in _meet(pattern, shape, 0, several):
            yield "/" + "/".join(segments)


def _meet(pattern: Segments, shape: list[str], at: int, several: set[int]) -> Iterator[list[str]]:
    """Yield what fits both *pattern* and the segments of *shape* from *at* on."""
    if not pattern or at == len(shape):
        if not pattern and at == len(shape):
            yield []
        return
    wanted, *_ = pattern
    if pattern == ("*",):
        yield ["{}" if _is_variable(one) else one for one in shape[at:]]
    elif not _is_variable(shape[at]):
        if wanted in ("*", shape[at]):
            for rest in _meet(pattern[1:], shape, at + 1, several):
                yield [shape[at], *rest]
    else:
        for after in (at + 1, *([at] if at in several else [])):
            for rest in _meet(pattern[1:], shape, after, several):
                yield ["{}" if wanted == "*" else wanted, *rest]
