"""RFC 6750 §3.1, RFC 9470 §3: the single things a route can ask of a caller.

A condition that is not met says what would help: a scope to ask for, a better
authentication, or nothing.
"""

from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Collection,
    Coroutine,
    Generator,
)
from dataclasses import dataclass
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import Any, Literal, Protocol, cast

from ...errors import ConfigurationError
from ..token.claims import ABSENT, Claims, lookup
from ..token.identity import Identity
from .asked import Asked

Scalar = str | int | float | bool

# The most that Issuer's leeway can be.
_AHEAD = 60


class Condition(Protocol):
    """One thing that is asked of a caller; comparable, and shown as it is written."""

    def holds(self, identity: Identity, asked: Asked, /) -> bool:
        """Whether *identity* meets it; raises nothing."""
        ...

    def __str__(self) -> str:
        """Show it as it is written."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A scope value or a role that the token grants."""

    kind: Literal["scope", "role"]
    name: str

    def holds(self, identity: Identity, _asked: Asked, /) -> bool:
        """Whether the token grants it."""
        return self.name in (identity.scopes if self.kind == "scope" else identity.roles)

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"{self.kind}({self.name!r})"


@dataclass(frozen=True, slots=True)
class ClaimIs:
    """A claim that has one of some values; of a list, one member suffices."""

    path: str
    # With its type, for True is 1 to Python and not in JSON.
    values: frozenset[tuple[bool, Scalar]]

    def holds(self, identity: Identity, _asked: Asked, /) -> bool:
        """Whether the claim has one of the values."""
        return any(_typed(member) in self.values for member in _members(identity, self.path))

    def __str__(self) -> str:
        """Show it as it is written."""
        values = sorted((value for _, value in self.values), key=repr)
        shown = repr(values[0]) if len(values) == 1 else "{" + ", ".join(map(repr, values)) + "}"
        return f"claim({self.path!r}, {shown})"


@dataclass(frozen=True, slots=True)
class ClaimMatches:
    """A claim that is there, and that a function says yes to."""

    path: str
    predicate: Callable[[Any], object]

    def holds(self, identity: Identity, _asked: Asked, /) -> bool:
        """Whether the function says yes; one that fails says no."""
        value = _value(identity, self.path)
        try:
            return value is not None and _says_yes(self.predicate(value))
        except Exception:  # noqa: BLE001  whatever the app's function raises, it did not say yes
            return False

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"claim({self.path!r}, {_name(self.predicate)})"


@dataclass(frozen=True, slots=True)
class ClaimIsParam:
    """A claim that equals a parameter of the route; of a list, one member suffices."""

    path: str
    param: str

    def holds(self, identity: Identity, asked: Asked, /) -> bool:
        """Whether they are equal, as text; without such a parameter they are not."""
        value = asked.params.get(self.param)
        return value is not None and any(
            type(member) in (str, int) and str(member) == str(value)
            for member in _members(identity, self.path)
        )

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"claim({self.path!r}) == path_param({self.param!r})"


@dataclass(frozen=True, slots=True)
class IssuedBy:
    """A token of one of the trusted issuers."""

    issuer: str

    def holds(self, identity: Identity, _asked: Asked, /) -> bool:
        """Whether it issued the token."""
        return identity.issuer == self.issuer

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"issued_by({self.issuer!r})"


@dataclass(frozen=True, slots=True)
class Authenticated:
    """How, and how long ago, the user was authenticated (RFC 9470).

    Attributes:
        acr_values: Acceptable classes (`acr`), best first; none accepts any.
        max_age: Greatest age by `auth_time`, in seconds, or None.
        methods: Methods (`amr`, RFC 8176) all of which were used.
    """

    acr_values: tuple[str, ...] = ()
    max_age: int | None = None
    methods: tuple[str, ...] = ()

    def holds(self, identity: Identity, asked: Asked, /) -> bool:
        """Whether the authentication is good enough, and recent."""
        claims = identity.claims
        if self.acr_values and claims.get("acr") not in self.acr_values:
            return False
        if not set(self.methods).issubset(_members(identity, "amr")):
            return False
        if self.max_age is None:
            return True
        since: object = claims.get("auth_time")
        if isinstance(since, bool) or not isinstance(since, int | float):
            return False
        # Compared, not computed with: a huge integer has no float. What lies ahead is
        # a clock, up to a minute; beyond it milliseconds, or a lie.
        return asked.now - self.max_age <= since <= asked.now + _AHEAD

    def __str__(self) -> str:
        """Show it as it is written."""
        if self.methods:
            return f"amr({', '.join(map(repr, self.methods))})"
        age = [] if self.max_age is None else [f"max_age={self.max_age}"]
        return f"acr({', '.join([*map(repr, self.acr_values), *age])})"


@dataclass(frozen=True, slots=True)
class Checked:
    """A function of the app's, (identity) -> whether the caller may."""

    function: Callable[[Identity], object]

    def holds(self, identity: Identity, _asked: Asked, /) -> bool:
        """Whether the function says yes; one that fails says no."""
        try:
            return _says_yes(self.function(identity))
        except Exception:  # noqa: BLE001  whatever the app's function raises, it did not say yes
            return False

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"check({_name(self.function)})"


def refuse_unfit(what: str, function: Callable[..., object]) -> None:
    """Raise ConfigurationError if *function* cannot say yes or no at once."""
    called = getattr(function, "__call__", None)  # noqa: B004  to look at it, not to test it
    for one in (function, called):
        if iscoroutinefunction(one) or isgeneratorfunction(one) or isasyncgenfunction(one):
            raise ConfigurationError(
                f"{what} takes a function that answers at once, not an async one"
            )
    try:
        hash(function)
    except TypeError:
        raise ConfigurationError(
            f"{what} takes a function that has a hash, to compare it"
        ) from None


def _says_yes(answer: object) -> bool:
    """Whether *answer* is a yes; what would have to be awaited is none."""
    if isinstance(answer, Coroutine | Generator):
        cast("Coroutine[object, object, object]", answer).close()
    return not isinstance(answer, Awaitable | Generator | AsyncGenerator) and bool(answer)


def typed_values(values: Collection[Scalar]) -> frozenset[tuple[bool, Scalar]]:
    """Return *values* so that True and 1 differ, as they do in JSON.

    Raises:
        ConfigurationError: None, or some that a claim cannot be compared with.
    """
    if not values or not all(isinstance(value, Scalar) for value in values):
        raise ConfigurationError(
            f"a claim is compared with text, numbers and booleans, one or several; not {values!r}"
        )
    return frozenset(map(_typed, values))


def _typed(value: Scalar) -> tuple[bool, Scalar]:
    return isinstance(value, bool), value


def _value(identity: Identity, path: str) -> object:
    """Return the claim, or None where it is absent or null."""
    value = lookup(Claims(identity.claims), path)
    return None if value is ABSENT else value


def _members(identity: Identity, path: str) -> tuple[Scalar, ...]:
    value = _value(identity, path)
    members = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return tuple(member for member in members if isinstance(member, Scalar))


def _name(function: Callable[..., object]) -> str:
    return getattr(function, "__qualname__", None) or type(function).__name__
