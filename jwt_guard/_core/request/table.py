"""A table of paths for apps that one cannot edit: first match wins, segments only.

A guard and a router that read a path differently are how tables like this get
bypassed. So a path that could be read in two ways matches no public rule, and is
refused where any rule could depend on it.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Literal

from ...errors import ConfigurationError, InsufficientScope, InvalidRequest, MissingToken, Reason
from ..policy.expressions import requirement
from ..policy.requirement import Requirement
from ..token.identity import Identity
from .paths import is_ambiguous, matches, segments, split

# token (RFC 9110 §5.6.2), of the characters that methods have.
_METHOD = re.compile(r"[A-Z][A-Z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: who may use a path.

    Attributes:
        path: The pattern, by whole segments of the path that the router matches:
            "/reports"; "*" is one segment, at the end one or more. A rule that
            requires something holds for the same path with a slash at its end too.
        methods: The methods it is for; GET stands for HEAD too. By default all.
        requires: A scope value, or an expression; None asks for a token alone.
        public: Whether no token is needed.
        segments: The compiled pattern.
    """

    path: str
    methods: Collection[str] | None = field(default=None, hash=False)
    requires: str | Requirement | None = None
    public: bool = False
    needed: Requirement | None = field(init=False, repr=False, compare=False)
    segments: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _methods: frozenset[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile it.

        Raises:
            ConfigurationError: No such pattern or method, or public and required.
        """
        if self.public and self.requires is not None:
            raise ConfigurationError(f"rule {self.path!r}: public, and yet it requires something")
        needed = None if self.requires is None else requirement(self.requires)
        if needed is not None and needed.params:
            raise ConfigurationError(
                f"rule {self.path!r}: a table of paths knows no parameters of routes, as "
                f"path_param asks for"
            )
        object.__setattr__(self, "needed", needed)
        object.__setattr__(self, "segments", segments(self.path))
        object.__setattr__(self, "_methods", self._known_methods())

    def _known_methods(self) -> frozenset[str] | None:
        if self.methods is None:
            return None
        names = self.methods if isinstance(self.methods, list | tuple | set | frozenset) else ()
        if not names or not all(isinstance(one, str) and _METHOD.fullmatch(one) for one in names):
            raise ConfigurationError(
                f"rule {self.path!r}: methods is a list of capitals, for example ['GET'], "
                f"not {self.methods!r}"
            )
        return frozenset(names) | ({"HEAD"} if "GET" in names else set[str]())

    def is_for(self, method: str) -> bool:
        """Tell whether it is for *method*."""
        return self._methods is None or method in self._methods

    def covers(self, method: str, path: list[str]) -> bool:
        """Tell whether it is for *method* and the segments of *path*."""
        if not self.is_for(method):
            return False
        if not self.public and len(path) > 1 and path[-1] == "":
            return matches(self.segments, path) or matches(self.segments, path[:-1])
        return matches(self.segments, path)


Unmatched = Literal["token", "deny"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The table: what the first rule that covers a request asks for.

    Attributes:
        rows: The rules, in order.
        unmatched: What becomes of a request that no rule covers: "token" asks for a
            valid token alone, "deny" refuses it.
    """

    rows: tuple[Rule, ...]
    unmatched: Unmatched

    @classmethod
    def of(cls, rules: Iterable[Rule], unmatched: Unmatched) -> "Rules":
        """Check the configuration.

        Raises:
            ConfigurationError: Not rules, or no such word.
        """
        rows = tuple(rules) if isinstance(rules, Iterable) else None
        if rows is None or not all(isinstance(row, Rule) for row in rows):
            raise ConfigurationError(
                'rules are rows: rules=[Rule("/reports/*", requires="reports")]'
            )
        if unmatched not in ("token", "deny"):
            raise ConfigurationError(f"unmatched is 'token' or 'deny', not {unmatched!r}")
        return cls(rows, unmatched)

    def __bool__(self) -> bool:
        """Whether there is anything to check beyond the token."""
        return bool(self.rows) or self.unmatched == "deny"

    def admit(self, method: str, path: str, raw_path: bytes | None) -> bool:
        """Tell whether a request may pass without a token."""
        if not self.rows or is_ambiguous(path, raw_path):
            return False
        rule = self.first(method, path)
        return rule is not None and rule.public

    def check(
        self,
        identity: Identity | None,
        method: str,
        path: str,
        raw_path: bytes | None,
        authorise: Callable[[Identity, Requirement], None],
    ) -> None:
        """Raise unless the rule for the request is satisfied.

        Args:
            identity: The caller, or None where another opening let it through.
            method: The request's method, and no other that a header names.
            path: The decoded path that the router will match.
            raw_path: The path as it was sent, where the server tells.
            authorise: Raises unless a caller meets a requirement.

        Raises:
            InvalidRequest: The path is ambiguous, and nobody knows the rule.
            InsufficientScope: The rule's requirement, or no rule where one is needed.
            MissingToken: There is no caller, and the rule asks for one.
        """
        if is_ambiguous(path, raw_path):
            raise InvalidRequest(Reason.AMBIGUOUS_PATH)
        rule = self.first(method, path)
        if rule is None:
            if self.unmatched == "deny":
                if identity is None:
                    raise MissingToken
                raise InsufficientScope((), "no rule covers the request, and unmatched='deny'")
        elif not rule.public:
            if identity is None:
                raise MissingToken
            if rule.needed is not None:
                authorise(identity, rule.needed)

    def public(self, method: str) -> list[tuple[str, ...]]:
        """Return the segments of the patterns for which *method* needs no token."""
        return [row.segments for row in self.rows if row.public and row.is_for(method)]

    def first(self, method: str, path: str) -> Rule | None:
        """Return the first rule that covers a request."""
        asked = split(path)
        return next((row for row in self.rows if row.covers(method, asked)), None)
