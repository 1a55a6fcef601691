"""What stands in front of a route, whatever its framework, and what that amounts to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .._core.policy.requirement import Requirement, both
from .._core.request.paths import Segments, split
from ..hosts import Access, Admission, Endpoint


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


@dataclass(frozen=True, slots=True)
class Found:
    """A route.

    Attributes:
        path: The path's pattern, with the prefixes of mounts.
        methods: The methods, sorted; "WEBSOCKET" for one, "*" for any.
        endpoint: What answers.
        needed: What it and everything in front of it requires, or None.
        access: Who needs a token, as its marks say.
        identified: Whether it asks for the caller, and so for a token, all the same.
        guards: The guards in front, each with the prefix it stands at.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: object
    needed: Requirement | None
    access: Access
    guards: tuple[tuple[str, InFront], ...]
    identified: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of requests for a route with one method.

    Attributes:
        guarded: Whether anything stands in front of it.
        access: Who needs a token.
        opened_in_part: Whether nobody does with some values of the path's variables.
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

    def fields(self, _name: str, /) -> Sequence[bytes]:
        """Return nothing: a pattern has no fields."""
        return ()

    def endpoint(self) -> Endpoint:
        """Return what is known of the route."""
        return self.known

    def hide_query(self, _rest: bytes, /) -> None:
        """Do nothing: a pattern has no query."""

    def hide_protocols(self, _rest: bytes, /) -> None:
        """Do nothing: a pattern has no fields."""


def verdict(found: Found, method: str) -> Verdict:
    """Return what the guards in front of a route, together, do to *method*."""
    needed = found.needed
    closed = needed is not None or found.identified
    access = Access.GUARDED if closed else Access.PUBLIC
    opened_in_part, denied = not closed, False
    for prefix, guard in found.guards:
        path = found.path.removeprefix(prefix) or "/"
        known = Endpoint(found.access) if guard.by_endpoint else Endpoint()
        # The handshake of a WebSocket is a GET; what is for any method is one of ours.
        asked = _Asked({"WEBSOCKET": "GET", "*": "ANY"}.get(method, method), (plain(path),), known)
        openings = guard.admission.openings
        outcome = openings.outcome(asked)
        needed, denied = both(needed, outcome.needed), denied or outcome.denied
        access = min(access, outcome.access)
        patterns = openings.open_patterns(asked.method)
        opened_in_part = opened_in_part and (
            outcome.access is not Access.GUARDED or _fits_some(patterns, path)
        )
    if not found.guards:
        access = Access.GUARDED
    in_part = opened_in_part and access is Access.GUARDED and bool(found.guards)
    return Verdict(bool(found.guards), access, in_part, denied, needed)


def plain(path: str) -> str:
    """Return a route's pattern so that it can be read as a path in one way alone."""
    return "/".join("{}" if _is_variable(one) else one for one in path.split("/"))


def _is_variable(segment: str) -> bool:
    return "{" in segment or "<" in segment


def _fits_some(patterns: Sequence[Segments], path: str) -> bool:
    """Whether some path that fits the route's pattern fits one of *patterns*."""
    shape = [None if _is_variable(one) else one for one in split(path)]
    return any(_overlap(pattern, shape) for pattern in patterns)


def _overlap(pattern: Segments, shape: list[str | None]) -> bool:
    """Whether some path fits both; a variable at the end may stand for more."""
    for asked, given in zip(pattern, shape, strict=False):
        if asked != "*" and given is not None and asked != given:
            return False
    if len(pattern) > len(shape):
        return shape[-1] is None
    return len(pattern) == len(shape) or pattern[-1] == "*"
