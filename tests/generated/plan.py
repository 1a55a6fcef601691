"""What is generated: plans of apps, and of the guards in and around them.

A plan is data: the same one is built twice, with its guards and without.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

SCOPES = ("one", "two")
VERSIONS = ("1", "2")
_PARAMETER = re.compile(r"\{(\w+)(?::\w+)?\}")

Kind = Literal["function", "sync", "class", "app", "socket"]
Framework = Literal["starlette", "fastapi", "router", "versions", "flask", "blueprint"]
Mark = Literal["", "public", "optional"]
How = Literal["mount", "host", "include"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers. `methods` None means the framework's default, () any of them."""

    number: int
    path: str
    methods: tuple[str, ...] | None
    kind: Kind
    mark: Mark
    needed: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table of paths."""

    path: str
    methods: tuple[str, ...] | None
    needed: str
    public: bool

    def satisfied(self, scopes: set[str] | None) -> bool:
        if self.public:
            return True
        return scopes is not None and (self.needed == "" or self.needed in scopes)

    def covers(self, method: str, path: str) -> bool:
        names = self.methods
        if names is not None and method not in names + (("HEAD",) if "GET" in names else ()):
            return False
        if self.public:
            return fits(self.path, path)
        # What is closed is never narrower than what is open: no slash matters, and
        # what is below a path is below its slash.
        bare, stem = path.rstrip("/"), self.path.rstrip("/")
        below = stem.endswith("/*") and fits(stem.removesuffix("/*"), bare)
        return below or fits(self.path, path) or fits(stem, bare)


@dataclass(frozen=True, slots=True)
class Fence:
    """A guard, and whether it knows the marks of endpoints."""

    place: Literal["outside", "inside"]
    reads_marks: bool
    public: tuple[str, ...]
    optional: bool
    rows: tuple[Row, ...]
    unmatched: Literal["token", "deny"]

    def row(self, method: str, path: str) -> Row | None:
        return next((row for row in self.rows if row.covers(method, path)), None)

    def passes_preflight(self, endpoint: Endpoint) -> bool:
        """Return whether a CORS preflight needs no token: its endpoint is for it, and no table."""
        return not self.rows and "OPTIONS" in (endpoint.methods or ())

    def lets_in(self, endpoint: Endpoint, method: str, path: str, scopes: set[str] | None) -> bool:
        """Return whether a caller may use an endpoint that the app reads at *path*.

        Args:
            endpoint: Where the request leads.
            method: As the app takes it.
            path: As the app takes it: its own patterns, with their parameters.
            scopes: The caller's, or None without a token.
        """
        row = self.row(method, path)
        if row is None and self.unmatched == "deny":
            return False
        if row is not None and not row.satisfied(scopes):
            return False
        return scopes is not None or self._is_open(endpoint, row, path)

    def _is_open(self, endpoint: Endpoint, row: Row | None, path: str) -> bool:
        marked = self.reads_marks and endpoint.mark != ""
        listed = any(fits(pattern, path) for pattern in self.public)
        return marked or listed or self.optional or (row is not None and row.public)

    def is_public(self, endpoint: Endpoint, method: str, path: str) -> bool:
        """Return whether nobody asks for a token, so that a bad one does not matter."""
        row = self.row(method, path)
        marked = self.reads_marks and endpoint.mark == "public"
        return marked or any(fits(one, path) for one in self.public) or bool(row and row.public)


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a tree has another one: below a path, at a host, or by inclusion."""

    how: How
    at: str
    below: "Tree"


@dataclass(frozen=True, slots=True)
class Tree:
    """An app or a router."""

    framework: Framework
    root_path: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    branches: tuple[Branch, ...] = ()
    fence: Fence | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an endpoint stands: every guard on the way, with the pattern below it."""

    endpoint: Endpoint
    path: str
    fences: tuple[tuple[Fence, str], ...]
    root_paths: tuple[str, ...]
    hosts: tuple[str, ...]

    @property
    def audited_path(self) -> str:
        """How the audit writes its path."""
        return (
            "".join(self.hosts)
            + audited_path(self.path)
            + ("/*" if self.endpoint.kind == "app" else "")
        )


def audited_path(pattern: str) -> str:
    """Return a pattern, a framework's or a plan's, with `{}` for each parameter."""
    return re.sub(r"\{[^}]+\}|<[^>]+>", "{}", pattern)


def fits(pattern: str, path: str) -> bool:
    """Return whether *path* is what *pattern* says: `*` one segment, at the end more."""
    end = r"/[^/]+(/.*)?" if pattern.endswith("/*") else ""
    stem = pattern.removesuffix("/*") if end else pattern
    body = "".join("[^/]+" if part == "*" else re.escape(part) for part in re.split(r"(\*)", stem))
    return re.fullmatch(body + end, path, re.DOTALL) is not None


def filled(pattern: str, params: Mapping[str, object]) -> str:
    """Return a pattern with its parameters put in."""
    return _PARAMETER.sub(lambda found: str(params[found[1]]), pattern)


def parameters(pattern: str) -> list[str]:
    return [found[1] for found in _PARAMETER.finditer(pattern)]


def places(tree: Tree) -> Iterator[Place]:
    """Yield every endpoint of a tree with its place."""
    yield from _places(tree, "", (), (), ())


def _places(
    tree: Tree,
    path: str,
    fences: tuple[tuple[Fence, str], ...],
    roots: tuple[str, ...],
    hosts: tuple[str, ...],
) -> Iterator[Place]:
    if tree.fence is not None:
        fences = (*fences, (tree.fence, path))
    if tree.root_path:
        roots = (*roots, tree.root_path)
    for one in tree.endpoints:
        whole = path + one.path
        below = tuple((fence, whole.removeprefix(above)) for fence, above in fences)
        yield Place(one, whole, below, roots, hosts)
    for branch in tree.branches:
        at_host = branch.how == "host"
        deeper = path if at_host else path + branch.at
        covered = fences
        # What a dispatcher has beside a Flask app does not run that app's functions.
        if tree.framework == "flask" and branch.how == "mount" and _is_inside(tree.fence):
            covered = fences[:-1]
        yield from _places(
            branch.below, deeper, covered, roots, (*hosts, branch.at) if at_host else hosts
        )


def _is_inside(fence: Fence | None) -> bool:
    return fence is not None and fence.place == "inside"
