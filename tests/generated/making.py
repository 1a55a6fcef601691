"""Random plans, from a seed."""

import re
from dataclasses import replace
from random import Random

from tests.generated.plan import (
    SCOPES,
    VERSIONS,
    Branch,
    Endpoint,
    Fence,
    Framework,
    Kind,
    Mark,
    Row,
    Tree,
    places,
)

NAMES = ("a", "b", "admin", "open", "files")
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
HOSTS = ("x.example", "y.example")
ROOT_PATHS = ("/api", "/a", "/api/v1")
_MAX_DEPTH = 3
# Each as likely as none.
MARKS: tuple[Mark, Mark] = ("public", "optional")
_INCLUDED: tuple[Framework, ...] = ("router", "router", "versions")
_MOUNTED: tuple[Framework, ...] = ("starlette", "starlette", "fastapi")


class Maker:
    """Makes plans; numbers are never used twice in one of them."""

    def __init__(self, seed: int, *, frameworks: tuple[Framework, ...]) -> None:
        self.random = Random(seed)  # noqa: S311  a seed makes a run repeatable
        self._frameworks = frameworks
        self._numbers = 0

    def plan(self) -> Tree:
        """Return a tree with a guard in or around its root, and perhaps further ones."""
        tree = self._tree(self.random.choice(self._frameworks), 0)
        return replace(tree, fence=self._fence(tree))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _likely(self, chance: float) -> bool:
        return self.random.random() < chance

    def _tree(self, framework: Framework, depth: int) -> Tree:
        random = self.random
        root = random.choice(ROOT_PATHS) if framework == "fastapi" and self._likely(0.25) else ""
        if framework == "versions":
            return Tree(framework, endpoints=self._versions())
        own = tuple(self._endpoint(framework) for _ in range(random.randint(1, 4)))
        count = 0 if depth == _MAX_DEPTH else random.randint(0 if depth else 1, 2)
        branches = tuple(self._branch(framework, depth) for _ in range(count))
        tree = Tree(framework, root, own, branches)
        if depth and framework in ("starlette", "fastapi", "flask") and self._likely(0.15):
            return replace(tree, fence=self._fence(tree))
        return tree

    def _branch(self, framework: Framework, depth: int) -> Branch:
        random = self.random
        at = f"/{random.choice(NAMES)}"
        if framework in ("fastapi", "router") and (framework == "router" or self._likely(0.5)):
            return Branch("include", at, self._tree(random.choice(_INCLUDED), depth + 1))
        if framework in ("flask", "blueprint"):
            if framework == "blueprint" or self._likely(0.7):
                return Branch("include", at, self._tree("blueprint", depth + 1))
            return Branch("mount", at, self._tree("flask", depth + 1))
        below = self._tree(random.choice(_MOUNTED), depth + 1)
        if self._likely(0.15):
            return Branch("host", random.choice(HOSTS), below)
        if self._likely(0.15):
            at = f"/{{p{self._number()}}}"
        return Branch("mount", at, below)

    def _endpoint(self, framework: Framework) -> Endpoint:
        random, number = self.random, self._number()
        kinds: tuple[Kind, ...] = ("function", "function", "sync", "class")
        if framework in ("starlette", "fastapi"):
            kinds = (*kinds, "app", "socket")
        kind = random.choice(kinds)
        methods = None
        if self._likely(0.6):
            methods = tuple(sorted(random.sample(METHODS, random.randint(1, 3))))
        if framework in ("fastapi", "router") and kind in ("function", "sync"):
            methods = () if self._likely(0.1) else methods or ("GET",)
        if kind in ("app", "socket"):
            methods = None
        path = "".join(f"/{self._segment(number, i)}" for i in range(random.randint(1, 2)))
        if self._likely(0.15) and kind != "app":
            path += f"/{{r{number}:path}}"
        elif self._likely(0.15) and kind != "app":
            path += "/"
        needed = random.choice(("", "", *SCOPES)) if kind != "app" else ""
        mark: Mark = random.choice(("", "", *MARKS)) if not needed else ""
        return Endpoint(number, path, methods, kind, mark, needed)

    def _segment(self, number: int, index: int) -> str:
        if self._likely(0.15):
            return f"{{s{number}_{index}{self.random.choice(('', ':int'))}}}"
        return self.random.choice(NAMES)

    def _versions(self) -> tuple[Endpoint, ...]:
        """Two endpoints at one path, of which a header field chooses one."""
        path = f"/{self.random.choice(NAMES)}"
        marks = self.random.sample(("", "public"), 2)
        return tuple(
            Endpoint(self._number(), path, ("GET",), "function", "public" if mark else "", "", one)
            for mark, one in zip(marks, VERSIONS, strict=True)
        )

    def _fence(self, tree: Tree) -> Fence:
        random = self.random
        known = sorted({re.sub(r"\{[^}]+\}", "*", place.path) for place in places(tree)})
        flask = tree.framework == "flask"
        inside = self._likely(0.5)
        reads_marks = inside or (not flask and self._likely(0.5))
        listing = not (flask and inside)
        public = tuple(self._pattern(known) for _ in range(random.choice((0, 0, 1, 2)) * listing))
        rows = tuple(self._row(known) for _ in range(random.choice((0, 0, 1, 4)) * listing))
        deny = bool(rows) and self._likely(0.3)
        return Fence(
            "inside" if inside else "outside",
            reads_marks,
            public,
            self._likely(0.1),
            rows,
            "deny" if deny else "token",
        )

    def _pattern(self, known: list[str]) -> str:
        path = self.random.choice(known)
        if self._likely(0.3):
            path = path.rpartition("/")[0] or "/a"
            path = f"{path}/*"
        if self._likely(0.1):
            path = path.rstrip("/") + ("" if path.endswith("/") else "/")
        return path if path.startswith("/") and "//" not in path and path != "" else "/a"

    def _row(self, known: list[str]) -> Row:
        random = self.random
        public = self._likely(0.35)
        methods = None
        if self._likely(0.5):
            methods = tuple(sorted(random.sample(METHODS, random.randint(1, 2))))
        needed = "" if public else random.choice(("", *SCOPES))
        return Row(self._pattern(known), methods, needed, public)
