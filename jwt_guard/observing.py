"""What happened, for logs, metrics and traces: one Observer on the Guard is told."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .errors import AuthError

__all__ = [
    "Event",
    "KeysFailed",
    "KeysRefreshed",
    "KeysRotated",
    "KeysStale",
    "Observer",
    "Refused",
]


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was refused.

    Attributes:
        error: Why; its `reason`, `hint`, `issuer` and `kid` are safe to print.
        method: The request's method, safe to print.
        path: The decoded path, shortened, safe to print.
    """

    error: AuthError
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class KeysRefreshed:
    """A fetch of an issuer's keys succeeded."""

    issuer: str


@dataclass(frozen=True, slots=True)
class KeysRotated:
    """A fetch brought other keys than before; those without kid show as None."""

    issuer: str
    added: frozenset[str | None]
    removed: frozenset[str | None]


@dataclass(frozen=True, slots=True)
class KeysFailed:
    """A fetch failed; *error* says why, and holds no secrets."""

    issuer: str
    error: str


@dataclass(frozen=True, slots=True)
class KeysStale:
    """A fetch failed, and the keys in use are *seconds* past their lifetime."""

    issuer: str
    seconds: float


Event: TypeAlias = Refused | KeysRefreshed | KeysRotated | KeysFailed | KeysStale

Observer: TypeAlias = Callable[[Event], None]
"""Called with each event on the thread where it happens; what it raises is logged."""
