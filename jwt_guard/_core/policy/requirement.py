"""RFC 6750 §3.1, RFC 9470 §3: what a route asks of a caller, combined with & and |.

A requirement is kept as its alternatives (disjunctive normal form): each is a set
of conditions, all of which must hold. The laws of & and | hold because sets obey
them, and equal requirements compare equal.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from ...errors import AuthError, ConfigurationError, InsufficientScope, StepUpRequired
from ..token.identity import Identity
from .asked import Asked
from .conditions import Authenticated, ClaimIsParam, Condition, Grant, IssuedBy

# 12 conditions combined by hand never come near it; a product of large "any" lists
# does, and would make every refusal slow.
_MAX_ALTERNATIVES = 256

_NOTHING_ASKED = Asked()


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
        return minimal({a | b for a in self.alternatives for b in other.alternatives})

    def __or__(self, other: "Requirement") -> "Requirement":
        """Require either."""
        if not isinstance(other, Requirement):
            return NotImplemented
        return minimal({*self.alternatives, *other.alternatives})

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

    def scopes_to_ask(self) -> tuple[str, ...]:
        """Return the scope values of the smallest alternative, for a first challenge.

        Never `offline_access`, which is the client's own affair (SEP-835).
        """
        first, *_ = self._needs
        return tuple(sorted(first.scopes - {"offline_access"}))

    def all_scopes(self) -> frozenset[str]:
        """Return every scope value that is named in it."""
        return frozenset[str]().union(*(need.scopes for need in self._needs))

    def _ordered(self) -> list[frozenset[Condition]]:
        return sorted(self.alternatives, key=lambda a: (len(a), list(map(str, _sorted(a)))))

    def require(self, identity: Identity, asked: Asked = _NOTHING_ASKED) -> None:
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


def both(one: Requirement | None, other: Requirement | None) -> Requirement | None:
    """Return what is left to ask for when both are required."""
    if one is None or other is None:
        return one if other is None else other
    return one & other


def _common(levels: list[Authenticated]) -> tuple[str, ...]:
    """Return the values of acr that satisfy all *levels*, best first."""
    asked = [one.acr_values for one in levels if one.acr_values]
    first = asked[0] if asked else ()
    return tuple(value for value in first if all(value in one for one in asked)) or first


def _youngest(levels: list[Authenticated]) -> int | None:
    return min((one.max_age for one in levels if one.max_age is not None), default=None)


def _can_be_had(condition: Condition) -> bool:
    """Whether a client can ask its issuer for it."""
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
    """Whether no token meets it, for it wants one of two issuers."""
    return sum(isinstance(one, IssuedBy) for one in alternative) > 1


def minimal(alternatives: set[frozenset[Condition]]) -> Requirement:
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
