"""What is measured is what is meant; the figures are for people to read."""

import pytest

from tests.benchmarks import importing, libraries
from tests.benchmarks.__main__ import over_bare, table
from tests.benchmarks.measuring import medians
from tests.benchmarks.tokens import BYTES, SCOPE, signers

pytestmark = pytest.mark.bench


def test_tokens() -> None:
    """Tokens have the length they are named by, and a guard accepts them."""
    for signer in signers().values():
        guard = signer.guard()
        for size in (600, BYTES, 1700):
            text = signer.token(size)
            assert size - 10 <= len(text) <= size + 10
            assert guard.authenticate([b"Bearer " + text.encode()]).scopes >= {SCOPE}


def test_refusals() -> None:
    """What is to be refused is; the batches raise otherwise."""
    found = medians(libraries.refusals(signers()["ES256"]), 1)
    assert all(value > 0 for value in found.values())


def test_parts() -> None:
    """The steps are those of a request that is accepted; each can be taken alone."""
    found = medians(libraries.parts(signers()["HS256"]), 1)
    assert all(value > 0 for value in found.values())


def test_import() -> None:
    """The package takes at most one and a half times what PyJWT alone does."""
    # The first ones write what the others read.
    importing.medians(1)
    found = importing.medians(20)
    assert found[importing.OURS] <= 1.5 * found[importing.LEAST]


def test_over_bare() -> None:
    """A contestant's cost is what is beyond the bare app of its own framework."""
    figures = {"Flask: bare": 50.0, "Flask: x": 53.0, "ASGI: bare": 1.0, "ASGI: x": 2.0}
    assert over_bare(figures) == {"Flask: x": 3.0, "ASGI: x": 1.0}


def test_table() -> None:
    """What could not be measured is said."""
    one = {"10": 1.0, "1": 1.0, "accepted": 1.0, "jwt_guard, cache off": 2.0}
    results = {
        "machine": "a machine",
        "imports_ms": {importing.OURS: 60.0, importing.LEAST: 40.0},
        "frameworks": {"ASGI: bare": 1.0, "ASGI: jwt_guard, hot": 3.0},
        "libraries": {"RS256, 860 bytes": one},
        "parts": {"HS256": {"all of it": 2.0}},
        "node": {},
        "refusals": one,
        "header_fields": one,
        "threads_per_s": {"hot": one},
        "full_cache_mib": 9.0,
        "growing_cache": {"one caller": one},
        "servers": {},
    }
    lines = list(table(results))
    assert "servers: left out, for there is no wrk here" in lines
    assert "Node: left out, for there is no npm here" in lines
