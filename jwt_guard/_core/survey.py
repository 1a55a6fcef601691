"""What an audit learns about a route, whatever its framework."""

from dataclasses import dataclass
from typing import Protocol

from .openings import Openings
from .requirement import Requirement
from .rules import Rules


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


@dataclass(frozen=True, slots=True)
class Found:
    """A route.

    Attributes:
        path: The path's pattern, with the prefixes of mounts.
        methods: The methods, sorted; "WEBSOCKET" for one, "*" for any.
        endpoint: What answers.
        needed: What it and everything in front of it requires, or None.
        public: Whether it is marked as public.
        guards: The guards in front, each with the prefix it stands at.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: object
    needed: Requirement | None
    public: bool
    guards: tuple[tuple[str, InFront], ...]


def both(one: Requirement | None, other: Requirement | None) -> Requirement | None:
    """Return what is left to ask for when both do."""
    if one is None or other is None:
        return one if other is None else other
    return one & other
