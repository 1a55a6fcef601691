"""Prefixes that a server or an app takes off lead nobody around the guard."""

import itertools
from collections.abc import Iterator

import pytest

from tests.bypass.test_bypass import ASGI, PREFIXED, REWRITTEN, ask, bearer, started

pytestmark = pytest.mark.servers

SURFACES = [
    *itertools.product(ASGI, ("prefixed_app",)),
    *itertools.product(PREFIXED, ("starlette_app", "fastapi_app", "prefixed_app")),
]
TARGETS = sorted(
    {
        prefix + target
        for target in REWRITTEN
        for prefix in ("", "/api", "/api/", "/api/api", "/api/..", "/API", "/open/../api")
        if target.startswith("/") or not prefix
    }
)


@pytest.fixture(scope="module", params=SURFACES, ids=" ".join)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Start a real server with one of the apps; stop it in the end."""
    with started(*request.param) as number:
        yield number


def test_reachable(port: int) -> None:
    """With the scope the secret is reached, with the prefix or without."""
    answers = [ask(port, "GET", target, bearer("secret")) for target in ("/secret", "/api/secret")]
    assert (200, b"SECRET") in answers


def test_paths(port: int) -> None:
    """No way to write a path reaches a secret without a token, or fails."""
    for target in TARGETS:
        status, body = ask(port, "GET", target, {})
        assert b"SECRET" not in body, target
        assert status < 500, target
