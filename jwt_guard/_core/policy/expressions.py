"""RFC 6749 §3.3, RFC 8176, RFC 9470: the words in which a requirement is written."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast, overload

from ...errors import ConfigurationError
from ..token.identity import Identity
from .conditions import (
    Authenticated,
    Checked,
    ClaimIs,
    ClaimIsParam,
    ClaimMatches,
    Condition,
    Grant,
    IssuedBy,
    Scalar,
    refuse_unfit,
    typed_values,
)
from .requirement import Requirement, minimal

_T = TypeVar("_T")

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )                  (RFC 6749 §3.3)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

_CENTURY = 100 * 366 * 86_400


def _one(condition: Condition) -> Requirement:
    return Requirement(frozenset({frozenset({condition})}))


def scope(name: str) -> Requirement:
    """Require the scope value *name* (RFC 6749 §3.3)."""
    return all_scopes(name)


def all_scopes(*names: str) -> Requirement:
    """Require every one of these scope values."""
    grants: set[Condition] = {_grant("scope", name) for name in _some(names)}
    return Requirement(frozenset({frozenset(grants)}))


def any_scope(*names: str) -> Requirement:
    """Require at least one of these scope values."""
    return minimal({frozenset[Condition]({_grant("scope", name)}) for name in _some(names)})


def role(name: str) -> Requirement:
    """Require the role *name*."""
    return _one(_grant("role", name))


@dataclass(frozen=True, slots=True)
class PathParam:
    """A parameter of the matched route; made by `path_param`."""

    name: str


def path_param(name: str) -> PathParam:
    """Name a parameter of the route, to compare a claim with.

    Of Flask's `/<tenant>/…`, Starlette's and FastAPI's `/{tenant}/…`.
    """
    return PathParam(_text("path_param", name))


class ClaimPath:
    """A claim to be compared with ==; made by `claim`."""

    __slots__ = ("_path",)
    # No key of a dict: == makes a requirement.
    __hash__: None  # type: ignore[assignment]

    def __init__(self, path: str) -> None:
        """Name the claim; see `claim`."""
        self._path = path

    # A requirement, not a verdict; a Requirement has no truth value.
    def __eq__(self, other: object) -> Requirement:  # type: ignore[override]
        """Require that the claim equals a value, or a parameter of the route."""
        if isinstance(other, PathParam):
            return _one(ClaimIsParam(self._path, other.name))
        return claim(self._path, cast("Scalar", other))

    def __bool__(self) -> bool:
        """Refuse `and`, `or` and `not`, which would drop it silently."""
        raise TypeError("compare a claim with ==, and combine with & and |")

    def __ne__(self, other: object) -> bool:
        """Refuse what a token without the claim would satisfy."""
        raise ConfigurationError("write what the claim must be; != would hold for any other token")


_UNSAID: Any = object()
_SEVERAL = (list, tuple, set, frozenset)


@overload
def claim(path: str) -> ClaimPath: ...
@overload
def claim(
    path: str, accepted: Scalar | Collection[Scalar] | Callable[[Any], object]
) -> Requirement: ...
def claim(
    path: str, accepted: Scalar | Collection[Scalar] | Callable[[Any], object] = _UNSAID
) -> ClaimPath | Requirement:
    """Require something of a claim.

    `claim("plan", "pro")`, `claim("plan", {"pro", "team"})`, `claim("level", lambda n:
    n > 3)`, `claim("tenant") == path_param("tenant")`. Of a claim that is a list, one
    member suffices, except that a function is given the whole.

    Args:
        path: Name of the claim, or names joined by dots into nested objects.
        accepted: A value, several of which one must be there, or a function (value)
            -> whether it will do; one that raises says no.

    Returns:
        A requirement; without *accepted* something to compare with ==.

    Raises:
        ConfigurationError: Not such a path or value.
    """
    _text("claim", path)
    if accepted is _UNSAID:
        return ClaimPath(path)
    if callable(accepted):
        refuse_unfit("claim", accepted)
        return _one(ClaimMatches(path, accepted))
    values = accepted if isinstance(accepted, _SEVERAL) else (cast("Scalar", accepted),)
    return _one(ClaimIs(path, typed_values(values)))


def issued_by(issuer: object) -> Requirement:
    """Require a token of one of the guard's issuers: an `Issuer`, or its name."""
    name = issuer if isinstance(issuer, str) else getattr(issuer, "name", issuer)
    return _one(IssuedBy(_text("name of an issuer", name)))


def acr(
    values: str | list[str] | tuple[str, ...] = (), *, max_age: int | None = None
) -> Requirement:
    """Require a class of authentication, or a recent one (RFC 9470).

    Args:
        values: Acceptable values of `acr`, best first.
        max_age: Greatest age of the authentication by `auth_time`, in seconds.

    Raises:
        ConfigurationError: Neither, or not such values.
    """
    if not isinstance(values, str | list | tuple):
        raise ConfigurationError(f"values of acr are a list, best first, not {values!r}")
    names = (values,) if isinstance(values, str) else tuple(values)
    for name in names:
        if not _SCOPE_TOKEN.fullmatch(_text("value of acr", name)):
            raise ConfigurationError(f"{name!r} cannot stand in acr_values: no spaces or quotes")
    if max_age is not None and (type(max_age) is not int or max_age < 0):
        raise ConfigurationError(f"max_age is a whole number of seconds, not {max_age!r}")
    if max_age is not None and max_age > _CENTURY:
        raise ConfigurationError("max_age is at most a hundred years, in seconds")
    if not names and max_age is None:
        raise ConfigurationError("acr asks for nothing; name values, or a max_age")
    return _one(Authenticated(names, max_age))


def amr(*methods: str) -> Requirement:
    """Require that all of these methods authenticated the user (RFC 8176)."""
    return _one(
        Authenticated(methods=tuple(sorted({_text("method", one) for one in _some(methods)})))
    )


def check(function: Callable[[Identity], object]) -> Requirement:
    """Require that a function, (identity) -> whether the caller may, says yes.

    It must not block; one that raises says no.
    """
    if not callable(function):
        raise ConfigurationError(f"check takes a function of the identity, not {function!r}")
    refuse_unfit("check", function)
    return _one(Checked(function))


def requirement(*parts: str | Requirement) -> Requirement:
    """Return the conjunction of *parts*; a string is a scope value.

    Raises:
        ConfigurationError: No parts, or something that is neither.
    """
    whole, *others = [_part(part) for part in _some(parts)]
    for other in others:
        whole &= other
    return whole


def _part(part: object) -> Requirement:
    if isinstance(part, str):
        return scope(part)
    if isinstance(part, Requirement):
        return part
    if isinstance(part, ClaimPath):
        raise ConfigurationError("a claim is compared with something: claim('a') == 'value'")
    raise ConfigurationError(
        f"{part!r} is no requirement; write requires('a scope', role('a role')), with brackets"
    )


def _some(parts: tuple[_T, ...]) -> tuple[_T, ...]:
    if not parts:
        raise ConfigurationError("an empty requirement protects nothing; name a scope or a role")
    return parts


def _text(what: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"a {what} is a string that is not empty, not {name!r}")
    return name


def _grant(kind: Literal["scope", "role"], name: object) -> Grant:
    text = _text(kind, name)
    if kind == "scope" and not _SCOPE_TOKEN.fullmatch(text):
        raise ConfigurationError(
            f"{name!r} is no scope value (RFC 6749 §3.3): no spaces, quotes, backslashes; "
            f'write several as requires("a", "b")'
        )
    return Grant(kind, text)
