"""What stands in front of a route, whatever its framework, and what that amounts to."""

from dataclasses import dataclass
from typing import Protocol

from .._core.policy.requirement import Requirement
from .._core.request.cookie import Cookie
from .._core.request.paths import Openings, split
from .._core.request.table import Rules


class InFront(Protocol):
    """A guard in front of routes, as far as an audit asks it."""

    @property
    def openings(self) -> Openings:
        """What may pass without a token."""
        ...

    @property
    def by_endpoint(self) -> bool:
        """Whether it knows endpoints that are marked as public."""
        ...

    @property
    def rules(self) -> Rules:
        """The table of paths."""
        ...

    @property
    def cookie(self) -> Cookie | None:
        """Where browsers keep the token, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A route.

    Attributes:
        path: The path's pattern, with the prefixes of mounts.
        methods: The methods, sorted; "WEBSOCKET" for one, "*" for any.
        endpoint: What answers.
        needed: What it and everything in front of it requires, or None.
        public: Whether it is marked as public.
        identified: Whether it asks for the caller, and so for a token, all the same.
        guards: The guards in front, each with the prefix it stands at.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: object
    needed: Requirement | None
    public: bool
    guards: tuple[tuple[str, InFront], ...]
    identified: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of requests for a route with one method.

    Attributes:
        guarded: Whether anything stands in front of it.
        opened: Whether a request without a token gets through.
        opened_in_part: Whether it does with some values of the path's variables.
        denied: Whether nobody gets through, for no rule covers it.
        needed: What a caller must satisfy, or None.
    """

    guarded: bool
    opened: bool
    opened_in_part: bool
    denied: bool
    needed: Requirement | None


def verdict(found: Found, method: str) -> Verdict:
    """Tell what the guards in front of a route, together, do to *method*."""
    needed = found.needed
    opened = opened_in_part = needed is None and not found.identified
    denied = False
    for prefix, guard in found.guards:
        path = found.path.removeprefix(prefix) or "/"
        # The handshake of a WebSocket is a GET.
        asked = "GET" if method == "WEBSOCKET" else method
        rule = guard.rules.first(asked, path)
        patterns = guard.rules.public(asked)
        if rule is None:
            unruled = guard.rules.unmatched == "deny"
            denied = denied or unruled
            here = not unruled and (
                (found.public and guard.by_endpoint) or guard.openings.admit(path)
            )
            patterns += () if unruled else guard.openings.public
        else:
            needed = both(needed, rule.needed)
            here = rule.public
        opened = opened and here
        opened_in_part = opened_in_part and (here or _fits_some(patterns, path))
    return Verdict(bool(found.guards), opened, opened_in_part and not opened, denied, needed)


def _fits_some(patterns: list[tuple[str, ...]], path: str) -> bool:
    """Tell whether some path that fits the route's pattern fits one of *patterns*."""
    shape = [None if "{" in one or "<" in one else one for one in split(path)]
    return any(_overlap(pattern, shape) for pattern in patterns)


def _overlap(pattern: tuple[str, ...], shape: list[str | None]) -> bool:
    """Tell whether some path fits both; a variable at the end may stand for more."""
    for asked, given in zip(pattern, shape, strict=False):
        if asked != "*" and given is not None and asked != given:
            return False
    if len(pattern) > len(shape):
        return shape[-1] is None
    return len(pattern) == len(shape) or pattern[-1] == "*"


def both(one: Requirement | None, other: Requirement | None) -> Requirement | None:
    """Return what is left to ask for when both do."""
    if one is None or other is None:
        return one if other is None else other
    return one & other
