"""RFC 6750 §3.1: what a route asks of a caller, combined with & and |.

A requirement is kept as its alternatives (disjunctive normal form): each is a set
of grants, and one whole set must be held. The laws of & and | hold because sets
obey them, and equal requirements compare equal.
"""

import re
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ..errors import ConfigurationError, InsufficientScope
from .identity import Identity

_T = TypeVar("_T")

# scope-token = 1*( %x21 / %x23-5B / %x5D-7E )                  (RFC 6749 §3.3)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")

# 12 grants combined by hand never come near it; a product of large "any" lists
# does, and would make every refusal slow.
_MAX_ALTERNATIVES = 256


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One thing a token can grant: a scope value or a role."""

    kind: Literal["scope", "role"]
    name: str

    def held_by(self, identity: Identity) -> bool:
        """Tell whether *identity*'s token grants it."""
        return self.name in (identity.scopes if self.kind == "scope" else identity.roles)

    def __str__(self) -> str:
        """Show it as it is written."""
        return f"{self.kind}({self.name!r})"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a route asks for; made by `scope`, `any_scope`, `role`, `&` and `|`.

    Attributes:
        alternatives: Sets of grants, one of which the caller must hold entirely.
            None of them contains another.
    """

    alternatives: frozenset[frozenset[Grant]]
    # The same as sets of names, which compare with a token's at once.
    _needs: tuple[tuple[frozenset[str], frozenset[str]], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Prepare the check."""
        needs = tuple((_names(a, "scope"), _names(a, "role")) for a in self._ordered())
        object.__setattr__(self, "_needs", needs)

    def __and__(self, other: "Requirement") -> "Requirement":
        """Require both."""
        return _minimal({a | b for a in self.alternatives for b in other.alternatives})

    def __or__(self, other: "Requirement") -> "Requirement":
        """Require either."""
        return _minimal({*self.alternatives, *other.alternatives})

    def __bool__(self) -> bool:
        """Refuse `and`, `or` and `not`, which would drop a side silently."""
        raise TypeError("combine requirements with & and |, not with and, or, not")

    def __str__(self) -> str:
        """Show the alternatives as an expression."""
        return " | ".join(" & ".join(map(str, sorted(a))) for a in self._ordered())

    def scopes(self) -> list[str]:
        """Return the scope values that no alternative can do without."""
        always, *others = self.alternatives
        return sorted(grant.name for grant in always.intersection(*others) if grant.kind == "scope")

    def _ordered(self) -> list[frozenset[Grant]]:
        return sorted(self.alternatives, key=lambda a: (len(a), sorted(a)))

    def check(self, identity: Identity) -> None:
        """Raise unless *identity* holds all grants of one alternative.

        Raises:
            InsufficientScope: With the scope values of the alternative that is
                nearest, if more scopes would satisfy it.
        """
        for scopes, roles in self._needs:
            if scopes <= identity.scopes and roles <= identity.roles:
                return
        refusal = InsufficientScope(self._remedy(identity), f"the route requires {self}")
        refusal.issuer, refusal.kid = identity.issuer, identity.key_id
        raise refusal

    def _remedy(self, identity: Identity) -> set[str]:
        """Return the scopes to ask for, or none where no scope would help.

        All scopes of the alternative, not the missing ones alone: RFC 6750 §3
        means "necessary to access the protected resource", and a client that
        asks for just what is listed must not lose what it had.
        """

        def missing(alternative: frozenset[Grant]) -> list[Grant]:
            return [grant for grant in alternative if not grant.held_by(identity)]

        for alternative in sorted(self._ordered(), key=lambda a: len(missing(a))):
            if all(grant.kind == "scope" for grant in missing(alternative)):
                return {grant.name for grant in alternative if grant.kind == "scope"}
        return set()


def _names(alternative: frozenset[Grant], kind: str) -> frozenset[str]:
    return frozenset(grant.name for grant in alternative if grant.kind == kind)


def _minimal(alternatives: set[frozenset[Grant]]) -> Requirement:
    """Drop what another alternative already implies (absorption)."""
    minimal: list[frozenset[Grant]] = []
    # Only a smaller one can imply another; and a huge product is refused early.
    for alternative in sorted(alternatives, key=len):
        if not any(kept <= alternative for kept in minimal):
            minimal.append(alternative)
        if len(minimal) > _MAX_ALTERNATIVES:
            raise ConfigurationError(
                f"this requirement has more than {_MAX_ALTERNATIVES} alternatives; "
                f"give the token a role or a scope that stands for them"
            )
    return Requirement(frozenset(minimal))


def scope(name: str) -> Requirement:
    """Require the scope value *name* (RFC 6749 §3.3)."""
    return all_scopes(name)


def all_scopes(*names: str) -> Requirement:
    """Require every one of these scope values."""
    return Requirement(frozenset({frozenset(_grant("scope", name) for name in _some(names))}))


def any_scope(*names: str) -> Requirement:
    """Require at least one of these scope values."""
    return Requirement(frozenset(frozenset({_grant("scope", name)}) for name in _some(names)))


def role(name: str) -> Requirement:
    """Require the role *name*."""
    return Requirement(frozenset({frozenset({_grant("role", name)})}))


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
    raise ConfigurationError(
        f"{part!r} is no requirement; write requires('a scope', role('a role')), with brackets"
    )


def _some(parts: tuple[_T, ...]) -> tuple[_T, ...]:
    if not parts:
        raise ConfigurationError("an empty requirement protects nothing; name a scope or a role")
    return parts


def _grant(kind: Literal["scope", "role"], name: object) -> Grant:
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"a {kind} is a string that is not empty, not {name!r}")
    if kind == "scope" and not _SCOPE_TOKEN.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no scope value (RFC 6749 §3.3): no spaces, quotes, backslashes; "
            f'write several as requires("a", "b")'
        )
    return Grant(kind, name)
