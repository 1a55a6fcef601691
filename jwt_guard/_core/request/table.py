"""RFC 3986 §3.3, RFC 9110 §9.1: a table of paths, for apps that one cannot edit.

The first row that covers a request decides. Where a path or a method can be read
in two ways, nobody knows the row, and the request is refused.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from ...errors import ConfigurationError, InvalidRequest, Reason
from ..policy.expressions import requirement
from ..policy.requirement import Requirement
from .paths import Segments, closes, is_ambiguous, matches, overlap, segments, split, stays_below
from .request import Access, Request

# token (RFC 9110 §5.6.2), of the characters that registered methods have. Frameworks
# write methods in capitals before they look at them: "delete" would run as DELETE.
METHOD: Final = re.compile(r"[A-Z][A-Z0-9_-]*")

Unmatched = Literal["token", "deny"]


def flag(option: str, value: object) -> bool:
    """Return *value*, what opens something, if it is True or False and nothing like it.

    Raises:
        ConfigurationError: It is anything else: "false" would be true.
    """
    if type(value) is not bool:
        raise ConfigurationError(f"{option} is True or False, not {value!r}")
    return value


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: who may use a path.

    Attributes:
        path: The pattern, by whole segments of the path that the router matches:
            "/reports"; "*" is one segment, at the end one or more. A row that is
            closed does not mind a slash at the end, and "/admin/*" closes "/admin".
        methods: The methods it is for; GET stands for HEAD too. By default all.
        requires: A scope value, or an expression; None asks for a token alone.
        public: Whether nobody is asked for a token.
        optional: Whether a request without a token passes, and one with a bad token
            does not.
        encoded: Whether ids with unusual characters, such as an encoded slash, may stand
            in place of the "*" at the end of *path*: "refuse" or "allow". No other row
            may mean such a path, but a later one for all that *path* stands for.
    """

    path: str
    methods: Collection[str] | None = field(default=None, hash=False)
    requires: str | Requirement | None = None
    public: bool = False
    optional: bool = False
    encoded: Literal["refuse", "allow"] = "refuse"
    needed: Requirement | None = field(init=False, repr=False, compare=False)
    access: Access = field(init=False, repr=False, compare=False)
    segments: Segments = field(init=False, repr=False, compare=False)
    _methods: frozenset[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile it.

        Raises:
            ConfigurationError: No such pattern, method or word; or open, and yet it
                requires something.
        """
        opened = [
            name for name in ("public", "optional") if flag(self._named(name), getattr(self, name))
        ]
        if len(opened) > 1 or (opened and self.requires is not None):
            raise ConfigurationError(
                f"rule {self.path!r}: public, optional and requires exclude each other"
            )
        if self.encoded not in ("refuse", "allow"):
            raise ConfigurationError(f"{self._named('encoded')} is 'refuse' or 'allow'")
        needed = None if self.requires is None else requirement(self.requires)
        if needed is not None and needed.params:
            raise ConfigurationError(
                f"rule {self.path!r}: a table of paths knows no parameters of routes, as "
                f"path_param asks for"
            )
        object.__setattr__(self, "needed", needed)
        access = Access.PUBLIC if self.public else Access.OPTIONAL if self.optional else None
        object.__setattr__(self, "access", access or Access.GUARDED)
        object.__setattr__(self, "segments", segments(self.path))
        object.__setattr__(self, "_methods", self._known_methods())
        if self.encoded == "allow" and self.segments[-1] != "*":
            raise ConfigurationError(f"rule {self.path!r}: encoded='allow' is for a '*' at the end")

    def _named(self, option: str) -> str:
        return f"rule {self.path!r}: {option}"

    def _known_methods(self) -> frozenset[str] | None:
        if self.methods is None:
            return None
        names = self.methods if isinstance(self.methods, list | tuple | set | frozenset) else ()
        if not names or not all(isinstance(one, str) and METHOD.fullmatch(one) for one in names):
            raise ConfigurationError(
                f"rule {self.path!r}: methods is a list of capitals, for example ['GET'], "
                f"not {self.methods!r}"
            )
        return frozenset(names) | ({"HEAD"} if "GET" in names else set[str]())

    def is_for(self, method: str) -> bool:
        """Whether it is for *method*."""
        return self._methods is None or method in self._methods

    def shares_methods(self, other: "Rule") -> bool:
        """Whether some method is one of both."""
        return self._methods is None or any(map(other.is_for, self._methods))

    def covers(self, method: str, path: list[str]) -> bool:
        """Whether it is for *method* and the segments of *path*."""
        fits = closes if self.access is Access.GUARDED else matches
        return self.is_for(method) and fits(self.segments, path)


@dataclass(frozen=True, slots=True)
class Table:
    """The rows, and what becomes of a request that none of them covers.

    Attributes:
        rows: The rows, in order.
        unmatched: "token" asks for a valid token alone, "deny" refuses.
    """

    rows: tuple[Rule, ...]
    unmatched: Unmatched

    @classmethod
    def compile(cls, rules: Iterable[Rule], unmatched: Unmatched) -> "Table":
        """Check the configuration.

        Raises:
            ConfigurationError: Not rows, no such word, or a row for unusual characters
                where another one may mean the same path.
        """
        rows = tuple(rules) if isinstance(rules, Iterable) else None
        if rows is None or not all(isinstance(row, Rule) for row in rows):
            raise ConfigurationError(
                'rules are rows: rules=[Rule("/reports/*", requires="reports")]'
            )
        if unmatched not in ("token", "deny"):
            raise ConfigurationError(f"unmatched is 'token' or 'deny', not {unmatched!r}")
        for index, row in enumerate(rows):
            if row.encoded == "allow" and (
                any(_may_mean(one, row) for one in rows[:index])
                or any(_may_mean(one, row) and not _falls_back(one, row) for one in rows[index:])
            ):
                raise ConfigurationError(
                    f"rule {row.path!r}: encoded='allow', and another row may mean such a path"
                )
        return cls(rows, unmatched)

    def __bool__(self) -> bool:
        """Whether there is anything to check beyond the token."""
        return bool(self.rows) or self.unmatched == "deny"

    def rows_for(self, request: Request) -> list[Rule | None]:
        """Return the first row that covers each reading of *request*, or None.

        Raises:
            InvalidRequest: The method or the path can be read in more than one way.
        """
        if not METHOD.fullmatch(request.method):
            raise InvalidRequest(Reason.AMBIGUOUS_METHOD)
        return [self._row(request.method, path, request.raw_path) for path in request.paths]

    def _row(self, method: str, path: str, raw_path: bytes | None) -> Rule | None:
        if not is_ambiguous(path, raw_path):
            return self.first(method, path)
        for row in self.rows:
            if (
                row.encoded == "allow"
                and row.is_for(method)
                and stays_below(row.segments, path, raw_path)
            ):
                return row
        raise InvalidRequest(Reason.AMBIGUOUS_PATH)

    def first(self, method: str, path: str) -> Rule | None:
        """Return the first row that covers a method and a plain path."""
        asked = split(path)
        return next((row for row in self.rows if row.covers(method, asked)), None)


def _may_mean(one: Rule, allowing: Rule) -> bool:
    """Whether *one* may decide about what *allowing* lets stand in place of its "*"."""
    alike = one.encoded == "allow" and one.segments == allowing.segments
    return not alike and one.shares_methods(allowing) and overlap(one.segments, allowing.segments)


def _falls_back(one: Rule, allowing: Rule) -> bool:
    """Whether *one* is for all that *allowing* is for, and so decides nothing after it."""
    return matches(one.segments, list(allowing.segments))
