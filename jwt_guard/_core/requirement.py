"""RFC 6750 §3.1, RFC 9470 §3: what a route asks of a caller, combined with & and |.

A requirement is kept as its alternatives (disjunctive normal form): each is a set
of conditions, all of which must hold. The laws of & and | hold because sets obey
them, and equal requirements compare equal.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeVar, cast, overload

from ..errors import AuthError, ConfigurationError, InsufficientScope, StepUpRequired
from .conditions import (
    Asked,
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
from .identity import Identity

_T = TypeVar("_T")

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )                  (RFC 6749 §3.3)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

# 12 conditions combined by hand never come near it; a product of large "any" lists
# does, and would make every refusal slow.
_MAX_ALTERNATIVES = 256

_NOTHING_ASKED = Asked()

_CENTURY = 100 * 366 * 86_400


class _Need(NamedTuple):
    """One alternative, prepared: names compare with a token's at once."""

    scopes: frozenset[str]
    roles: frozenset[str]
    others: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a route asks for; made by `scope`, `role`, `claim` …, `&` and `|`.

    Attributes:
        alternatives: Sets of conditions, of which one set must hold entirely. None
            of them contains another.
        conditional: Whether more than the token's scopes and roles matters.
    """

    alternatives: frozenset[frozenset[Condition]]
    conditional: bool = field(init=False, repr=False, compare=False)
    _needs: tuple[_Need, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Prepare the check."""
        needs = tuple(map(_need, self._ordered()))
        object.__setattr__(self, "_needs", needs)
        object.__setattr__(self, "conditional", any(need.others for need in needs))

    def __and__(self, other: "Requirement") -> "Requirement":
        """Require both."""
        if not isinstance(other, Requirement):
            return NotImplemented
        return _minimal({a | b for a in self.alternatives for b in other.alternatives})

    def __or__(self, other: "Requirement") -> "Requirement":
        """Require either."""
        if not isinstance(other, Requirement):
            return NotImplemented
        return _minimal({*self.alternatives, *other.alternatives})

    def __bool__(self) -> bool:
        """Refuse `and`, `or` and `not`, which would drop a side silently."""
        raise TypeError("combine requirements with & and |, not with and, or, not")

    def __str__(self) -> str:
        """Show the alternatives as an expression."""
        return " | ".join(" & ".join(map(str, _sorted(a))) for a in self._ordered())

    @property
    def params(self) -> frozenset[str]:
        """The parameters of routes that it compares claims with."""
        every = frozenset[Condition]().union(*self.alternatives)
        return frozenset(one.param for one in every if isinstance(one, ClaimIsParam))

    def scopes(self) -> list[str]:
        """Return the scope values that no alternative can do without."""
        always, *others = (need.scopes for need in self._needs)
        return sorted(always.intersection(*others))

    def scopes_of_alternatives(self) -> list[list[str]]:
        """Return the scope values of each alternative, each list once."""
        return [
            list(names) for names in dict.fromkeys(tuple(sorted(n.scopes)) for n in self._needs)
        ]

    def all_scopes(self) -> frozenset[str]:
        """Return every scope value that is named in it."""
        return frozenset[str]().union(*(need.scopes for need in self._needs))

    def _ordered(self) -> list[frozenset[Condition]]:
        return sorted(self.alternatives, key=lambda a: (len(a), list(map(str, _sorted(a)))))

    def check(self, identity: Identity, asked: Asked = _NOTHING_ASKED) -> None:
        """Raise unless *identity* meets all conditions of one alternative.

        Args:
            identity: The verified caller.
            asked: What else of the request may matter.

        Raises:
            InsufficientScope: With the scope values of the alternative that is
                nearest, if scopes would satisfy it.
            StepUpRequired: A better authentication is needed, and perhaps scopes.
        """
        for scopes, roles, others in self._needs:
            if (
                scopes <= identity.scopes
                and roles <= identity.roles
                and (not others or all(one.holds(identity, asked) for one in others))
            ):
                return
        refusal = self._refusal(identity, asked)
        refusal.issuer, refusal.kid = identity.issuer, identity.key_id
        raise refusal

    def _refusal(self, identity: Identity, asked: Asked) -> AuthError:
        """Return what helps most: the alternative that lacks least and can be had.

        All scopes of the alternative, not the missing ones alone: RFC 6750 §3
        means "necessary to access the protected resource", and a client that
        asks for just what is listed must not lose what it had.
        """
        hint = f"the route requires {self}"

        def missing(alternative: frozenset[Condition]) -> list[Condition]:
            return [one for one in _sorted(alternative) if not one.holds(identity, asked)]

        for alternative in sorted(self._ordered(), key=lambda a: len(missing(a))):
            lacking = missing(alternative)
            if not all(map(_can_be_had, lacking)):
                continue
            scopes = _need(alternative).scopes
            if not any(isinstance(one, Authenticated) for one in lacking):
                return InsufficientScope(scopes, hint)
            # All that it asks of the authentication, for the next one replaces this one.
            levels = [one for one in _sorted(alternative) if isinstance(one, Authenticated)]
            more = () if scopes <= identity.scopes else scopes
            return StepUpRequired(_common(levels), _youngest(levels), hint, scopes=more)
        return InsufficientScope((), hint)


def _common(levels: list[Authenticated]) -> tuple[str, ...]:
    """Return the values of acr that satisfy all *levels*, best first."""
    asked = [one.acr_values for one in levels if one.acr_values]
    first = asked[0] if asked else ()
    return tuple(value for value in first if all(value in one for one in asked)) or first


def _youngest(levels: list[Authenticated]) -> int | None:
    return min((one.max_age for one in levels if one.max_age is not None), default=None)


def _can_be_had(condition: Condition) -> bool:
    """Tell what a client can ask its issuer for."""
    return isinstance(condition, Authenticated) or (
        isinstance(condition, Grant) and condition.kind == "scope"
    )


def _sorted(alternative: Collection[Condition]) -> list[Condition]:
    return sorted(alternative, key=str)


def _need(alternative: frozenset[Condition]) -> _Need:
    def names(kind: str) -> frozenset[str]:
        return frozenset(
            one.name for one in alternative if isinstance(one, Grant) and one.kind == kind
        )

    others = tuple(one for one in _sorted(alternative) if not isinstance(one, Grant))
    return _Need(names("scope"), names("role"), others)


def _contradicts_itself(alternative: frozenset[Condition]) -> bool:
    """Tell an alternative that wants a token of two issuers."""
    return sum(isinstance(one, IssuedBy) for one in alternative) > 1


def _minimal(alternatives: set[frozenset[Condition]]) -> Requirement:
    """Drop what cannot hold, and what another alternative implies (absorption)."""
    minimal: list[frozenset[Condition]] = []
    # Only a smaller one can imply another; and a huge product is refused early.
    for alternative in sorted(alternatives, key=len):
        if _contradicts_itself(alternative):
            continue
        if not any(kept <= alternative for kept in minimal):
            minimal.append(alternative)
        if len(minimal) > _MAX_ALTERNATIVES:
            raise ConfigurationError(
                f"this requirement has more than {_MAX_ALTERNATIVES} alternatives; "
                f"give the token a role or a scope that stands for them"
            )
    if not minimal:
        raise ConfigurationError("no token can be issued by two issuers; combine them with |")
    return Requirement(frozenset(minimal))


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
    return _minimal({frozenset[Condition]({_grant("scope", name)}) for name in _some(names)})


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
