"""What is decided about generated apps is what the apps themselves would do."""

from typing import Any

import pytest

from tests.generated.asking import Asked
from tests.generated.comparing import Ask, Comparison, Outcome, compare, run
from tests.generated.making import Maker
from tests.generated.plan import Framework, fits

ASGI: tuple[Framework, ...] = ("starlette", "fastapi")
WSGI: tuple[Framework, ...] = ("flask",)
# Requests of one app, beside those about each of its routes.
_REQUESTS = 40


def ask_all(frameworks: tuple[Framework, ...], seeds: range) -> Outcome:
    outcome = Outcome()
    for seed in seeds:
        compare(seed, frameworks, _REQUESTS, outcome)
    return outcome


def faults(outcome: Outcome) -> list[str]:
    return [f"{fault.kind}: {fault.text}" for fault in outcome.faults]


@pytest.mark.parametrize(
    ("frameworks", "seeds"),
    # Few, among which is all that may be compared.
    [(ASGI, range(12)), (WSGI, range(26, 30))],
    ids=["ASGI", "WSGI"],
)
def test_sample(frameworks: tuple[Framework, ...], seeds: range) -> None:
    """A few apps of each kind: nobody gets where only others may, and everybody else does."""
    outcome = ask_all(frameworks, seeds)
    assert faults(outcome) == []
    assert outcome.requests == len(seeds) * _REQUESTS
    assert outcome.reached > outcome.requests / 4


def broken(comparison: Comparison, how: str) -> Ask:
    """Return what asks a guard that is wrong in some way."""
    plain, guarded, paths = comparison.plain, comparison.guarded, comparison.places

    async def open_to_all(asked: Asked, _authorization: bytes | None) -> Any:
        return await plain(asked, None)

    async def closed(_asked: Asked, _authorization: bytes | None) -> Any:
        return 401, None

    async def failing(_asked: Asked, _authorization: bytes | None) -> Any:
        return 500, None

    async def elsewhere(asked: Asked, authorization: bytes | None) -> Any:
        status, reached = await guarded(asked, authorization)
        other = next(place.endpoint for place in paths.values())
        if reached is None or reached.endpoint == other:
            return status, reached
        return status, reached._replace(endpoint=other)

    async def anybody(asked: Asked, authorization: bytes | None) -> Any:
        status, reached = await plain(asked, authorization)
        return status, reached and reached._replace(subject="joe")

    return {
        "open": open_to_all,
        "closed": closed,
        "failing": failing,
        "elsewhere": elsewhere,
        "anybody": anybody,
    }[how]


@pytest.mark.parametrize(
    ("how", "kinds"),
    [
        ("open", {"reached by nobody", "reached by a stranger", "wrong identity"}),
        ("open", {"reached by too little", "the audit is wrong"}),
        ("closed", {"refused", "the audit is wrong"}),
        ("failing", {"a failure"}),
        ("elsewhere", {"reached another endpoint"}),
        ("anybody", {"a stranger's identity"}),
    ],
)
def test_comparison_notices(how: str, kinds: set[str]) -> None:
    """A guard that opens, closes, fails or leads elsewhere is found out."""
    outcome = Outcome()
    for seed in range(2):
        comparison = Comparison(seed, Maker(seed, frameworks=ASGI), outcome)
        comparison.guarded = broken(comparison, how)
        run(comparison, _REQUESTS)
    assert {fault.kind for fault in outcome.faults} >= kinds


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/a", "/a", True),
        ("/a", "/a/", False),
        ("/a/", "/a/", True),
        ("/*", "/a", True),
        ("/*", "/a/b", True),
        ("/*", "/", False),
        ("/a/*", "/a", False),
        ("/a/*", "/a/b/", True),
        ("/*/b", "/a/b", True),
        ("/*/b", "/a/x/b", False),
        ("/*/b", "//b", False),
        ("/a.", "/ab", False),
    ],
)
def test_fits(pattern: str, path: str, *, expected: bool) -> None:
    """Patterns mean whole segments, in this reading too."""
    assert fits(pattern, path) is expected
