"""What the audit says of generated apps is what becomes of real requests."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from starlette.testclient import TestClient

from jwt_guard.audit._report import _access
from jwt_guard.audit._starlette import walk
from jwt_guard.audit._verdict import Found, verdicts
from tests.audited.trees import make
from tests.tokens import bearer, claims, token

pytestmark = pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")


def held(value: str) -> dict[str, str]:
    return {"Authorization": bearer(value).decode()}


# Nobody; with a bad token; with a good one that grants nothing; with all there is.
CALLERS: tuple[dict[str, str], ...] = (
    {},
    held("a.b.c"),
    held(token(claims(scope="none"))),
    held(token(claims(scope="one two"))),
)


INTERNAL_ERROR = 500


class Asked(NamedTuple):
    """A request for a route."""

    method: str
    path: str
    host: str

    def of(self, client: TestClient, caller: dict[str, str]) -> Any:
        return client.request(
            self.method, self.path, headers={"Host": self.host, **caller}, follow_redirects=False
        )


def requests_for(found: Found) -> Iterator[tuple[Asked, str]]:
    """Yield a request for each method, and what is said of it."""
    path = re.sub(r"\{[^}]+\}|\*", "1", found.path)
    for methods, verdict in verdicts(found):
        for method in methods:
            yield (
                Asked(method.replace("*", "PATCH"), path, found.host or "other.example"),
                _access(verdict),
            )


def name_of(found: Found) -> str:
    return getattr(found.endpoint, "name", "") or getattr(found.endpoint, "__name__", "")


def promised(access: str) -> tuple[bool, ...]:
    """Return who is let in."""
    return {
        "public": (True, True, True, True),
        "optional": (True, False, True, True),
        "token": (False, False, True, True),
        "denied": (False, False, False, False),
    }.get(access, (False, False, False, True))


class Counts:
    """How much was compared."""

    requests = 0
    reached = 0


@pytest.mark.parametrize("seed", range(0, 3000, 50))
def test_agreement(seed: int) -> None:
    """Each row is what is enforced, and what nobody is asked for is a row that says so."""
    bad = []
    for one in range(seed, seed + 50):
        try:
            agree(one)
        except AssertionError as e:
            bad.append(str(e).splitlines()[0])
    print(Counts.requests, Counts.reached)
    assert not bad, "\n".join(bad)


def agree(seed: int) -> None:
    app, bare = make(seed, armed=True), make(seed, armed=False)
    client = TestClient(app, raise_server_exceptions=False)
    plain = TestClient(bare)
    rows = walk(app)
    opened = set[str]()
    asked_for: list[Asked] = []
    for found in rows:
        for asked, access in requests_for(found):
            asked_for.append(asked)
            if access == "UNGUARDED" or "part" in access or access in ("public", "optional"):
                opened.add(name_of(found))
            compare(seed, found, asked, access, client, plain)
    for asked in asked_for:
        for path in (asked.path, f"/api{asked.path}", asked.path.removeprefix("/api") or "/"):
            answer = asked._replace(path=path).of(client, {})
            assert answer.headers.get("X-Name") in (None, *opened), (seed, asked)


def compare(
    seed: int, found: Found, asked: Asked, access: str, client: TestClient, plain: TestClient
) -> None:
    reached = asked.of(plain, {})
    # Another route stands before it, or nothing leads there.
    if access == "UNGUARDED" or "part" in access or reached.headers.get("X-Name") != name_of(found):
        return
    answers = [asked.of(client, caller) for caller in CALLERS]
    if all(one.status_code == INTERNAL_ERROR for one in answers):
        # A requirement in front of every guard: nobody gets in, and that is loud.
        return
    Counts.requests += len(answers)
    let_in = tuple(one.headers.get("X-Name") == name_of(found) for one in answers)
    Counts.reached += sum(let_in)
    assert let_in == promised(access), (seed, asked, access, [one.status_code for one in answers])
