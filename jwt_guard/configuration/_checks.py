"""What is wrong in a table, and where; values are never shown, they may be secrets."""

from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, TypeAlias, TypeVar

from ..errors import ConfigurationError
from ._names import Names

_T = TypeVar("_T")

Table: TypeAlias = Mapping[str, Any]
"""A table as it was parsed."""


@contextmanager
def at(place: str) -> Generator[None]:
    """Name the *place* in each ConfigurationError from within."""
    try:
        yield
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}: {error}") from None


def each(place: str, values: Iterable[Any], make: Callable[[Any], _T]) -> tuple[_T, ...]:
    """Make something of each value, and count them from 1 in errors."""
    made: list[_T] = []
    for number, value in enumerate(values, 1):
        with at(f"{place} {number}"):
            made.append(make(value))
    return tuple(made)


def check(values: Mapping[str, object], names: Names) -> None:
    """Raise unless *values* are what *names* say.

    Raises:
        ConfigurationError: A value of another kind, an unknown name, or one missing.
    """
    for name in values:
        if name in names and not names[name].kind.fits(values[name]):
            raise ConfigurationError(f"{name}: expected {names[name].kind.expected}")
    for name in values:
        if name not in names:
            raise unknown(name, names)
    require([name for name, row in names.items() if row.required], values, names)


def require(needed: Collection[str], values: Mapping[str, object], names: Names) -> None:
    """Raise unless *values* have all names that are *needed*."""
    for name in needed:
        if name not in values:
            raise ConfigurationError(f"{name!r} is missing: {names[name].description}")


def unknown(name: str, known: Collection[str], prefix: str = "") -> ConfigurationError:
    """Return the error of a name that is not *known*, with the nearest that is.

    Args:
        name: The name.
        known: Those there are.
        prefix: What all of them begin with, and so says nothing about nearness.
    """
    rests = [one.removeprefix(prefix) for one in known]
    near = get_close_matches(name.removeprefix(prefix), rests, 1)
    hint = f", did you mean {prefix + near[0]!r}?" if near else f"; known are {', '.join(known)}"
    return ConfigurationError(f"unknown name {name!r}{hint}")
