"""Who needs a token: guarded by default, optional or public where that is said.

The one place that knows; guards ask it for a request, and the audit for a route.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypedDict

from ...errors import ConfigurationError
from ..policy.requirement import Requirement, both
from .paths import Segments, compiled, is_ambiguous, matches, split
from .request import Access, Request, is_preflight
from .table import METHOD, Rule, Table, Unmatched, flag


class Outcome(NamedTuple):
    """What becomes of a request.

    Attributes:
        access: Who needs a token.
        needed: What the table and, as far as it is known, the endpoint require.
        denied: Whether no row covers it where one has to, so that nobody gets through.
    """

    access: Access
    needed: Requirement | None = None
    denied: bool = False


class Ruled(NamedTuple):
    """What the table says of all readings of a request together.

    Attributes:
        row: Whether some row covers one of them.
        gap: Whether no row covers some other one.
        access: Who needs a token, as the rows say.
        needed: What the rows require.
        denied: Whether a row is missing where one has to cover.
    """

    row: bool
    gap: bool
    access: Access
    needed: Requirement | None
    denied: bool


_UNRULED: Final = Ruled(False, True, Access.GUARDED, None, False)  # noqa: FBT003  a row of its table


class Opened(TypedDict, total=False):
    """The options of every guard that say who needs no token.

    Attributes:
        public: Paths for which nobody is asked for a token, by whole segments of the
            path that the router matches: "/health"; "*" is one segment, at the end
            one or more ("/docs/*"). A bad token counts as none there.
        optional: Paths, likewise, for which a request without a token passes, with the
            identity None, and one with a bad token does not; True for all paths.
        preflight: Whether CORS preflights (OPTIONS with Origin and
            Access-Control-Request-Method) pass without a token. By default only where
            something behind answers OPTIONS by itself, as far as the guard can see:
            CORS middleware, a route with that method; and none under a table.
        rules: A table of paths and what they require; the first row that covers a
            request decides. For apps whose routes cannot be decorated.
        unmatched: What becomes of a request that no row covers: "token" asks for a
            valid token alone, "deny" refuses it.
    """

    public: "list[str] | tuple[str, ...] | set[str] | frozenset[str]"
    optional: "list[str] | tuple[str, ...] | set[str] | frozenset[str] | bool"
    preflight: bool | None
    rules: "list[Rule] | tuple[Rule, ...]"
    unmatched: Unmatched


@dataclass(frozen=True, slots=True)
class Openings:
    """Who needs no token.

    Attributes:
        public: Segments of the public paths.
        optional: Segments of the optional ones.
        all_optional: Whether every path is optional.
        preflight: Whether preflights pass; None asks what is behind.
        table: The rows; where one covers a request, it alone decides.
    """

    public: tuple[Segments, ...]
    optional: tuple[Segments, ...]
    all_optional: bool
    preflight: bool | None
    table: Table

    @classmethod
    def compile(
        cls,
        public: object = (),
        optional: object = (),
        preflight: bool | None = None,  # noqa: FBT001  one of `Opened`
        rules: "list[Rule] | tuple[Rule, ...]" = (),
        unmatched: Unmatched = "token",
    ) -> "Openings":
        """Check and compile the options; see `Opened`.

        Raises:
            ConfigurationError: A pattern is not an absolute, unambiguous path; a rule is
                none; an option is not of its type.
        """
        every = isinstance(optional, bool) and flag("optional", optional)
        return cls(
            compiled("public", public),
            () if isinstance(optional, bool) else compiled("optional", optional),
            every,
            preflight if preflight is None else flag("preflight", preflight),
            Table.compile(rules, unmatched),
        )

    def outcome(self, request: Request) -> Outcome:
        """Return what becomes of *request*, of all its readings together.

        Raises:
            InvalidRequest: There is a table, and the request can be read in two ways.
        """
        ruled = self.ruled(request)
        if ruled.denied or (ruled.row and not ruled.gap):
            access = Access.GUARDED if ruled.denied else ruled.access
            return Outcome(access, ruled.needed, denied=ruled.denied)
        endpoint = request.endpoint()
        marked = endpoint.access if METHOD.fullmatch(request.method) else Access.GUARDED
        access = max(marked, self._access_of(request))
        if ruled.row:
            access = min(access, ruled.access)
        return Outcome(access, _as_far_as_known(ruled.needed, endpoint.needed))

    def ruled(self, request: Request) -> Ruled:
        """Return what the table alone says of *request*.

        Raises:
            InvalidRequest: There is a table, and the request can be read in two ways.
        """
        if not self.table:
            return _UNRULED
        rows = self.table.rows_for(request)
        found = [row for row in rows if row is not None]
        gap = not found or len(found) < len(rows)
        access = min((row.access for row in found), default=Access.GUARDED)
        denied = gap and self.table.unmatched == "deny"
        try:
            needed = _together(row.needed for row in found)
        except ConfigurationError:
            # No caller is everything that the readings ask for.
            return Ruled(bool(found), gap, Access.GUARDED, None, denied=True)
        return Ruled(bool(found), gap, access, needed, denied)

    def _access_of(self, request: Request) -> Access:
        """Return what the paths say; nobody knows what an ambiguous one means."""
        if any(is_ambiguous(path, request.raw_path) for path in request.paths):
            return Access.OPTIONAL if self.all_optional else Access.GUARDED
        readings = (self._access_of_path(split(path)) for path in request.paths)
        return min(readings, default=Access.GUARDED)

    def _access_of_path(self, path: list[str]) -> Access:
        if any(matches(pattern, path) for pattern in self.public):
            return Access.PUBLIC
        optional = self.all_optional or any(matches(pattern, path) for pattern in self.optional)
        return Access.OPTIONAL if optional else Access.GUARDED

    def open_patterns(self, method: str) -> list[Segments]:
        """Return the patterns for which a request with *method* needs no token."""
        rows = [
            row.segments
            for row in self.table.rows
            if row.access is not Access.GUARDED and row.is_for(method)
        ]
        if self.table.unmatched == "deny":
            return rows
        every: list[Segments] = [("",), ("*",)] if self.all_optional else []
        return [*rows, *self.public, *self.optional, *every]

    def passes_preflight(self, request: Request) -> bool:
        """Whether *request* is a preflight that needs no token."""
        if self.preflight is False or not is_preflight(request):
            return False
        return self.preflight is True or (not self.table and request.endpoint().answers_options)


def _together(needed: Iterable[Requirement | None]) -> Requirement | None:
    """Return what is left to ask for when all of *needed* are required.

    Raises:
        ConfigurationError: No token can meet them all, or they are too many.
    """
    together = None
    for one in dict.fromkeys(needed):
        together = both(together, one)
    return together


def _as_far_as_known(ruled: Requirement | None, endpoint: Requirement | None) -> Requirement | None:
    """Return both, or what the table requires where nobody can meet both."""
    try:
        return both(ruled, endpoint)
    except ConfigurationError:
        return ruled
