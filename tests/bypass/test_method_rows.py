"""A row of a table that names methods is not passed by other ways to write them."""

import itertools
from collections.abc import Iterator

import pytest

from tests.bypass.test_bypass import ASGI, WSGI, ask, bearer, started

pytestmark = pytest.mark.servers

SURFACES = [
    *itertools.product(WSGI, ("rows_wsgi", "rows_flask")),
    *itertools.product(ASGI, ("rows_asgi",)),
]
CLOSED = ("POST", "PUT", "PATCH", "DELETE")
WRITTEN = (
    *(method.lower() for method in CLOSED),
    *(method.title() for method in CLOSED),
    *("pOST", "DELETe", "dELETE", "get", "Get", "head", "options", "BREW", "brew", "PROPFIND"),
    *("X-DELETE", "DELETE!", "DELETE\u00df", "\xc4\xb1", "GET\tDELETE", "TRACE", "CONNECT", "PRI"),
)


@pytest.fixture(scope="module", params=SURFACES, ids=" ".join)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Start a real server with one of the apps; stop it in the end."""
    with started(*request.param) as number:
        yield number


@pytest.mark.parametrize("path", ["/rows", "/notes"])
def test_methods(port: int, path: str) -> None:
    """What changes things takes the scope, however its method is written."""
    for method in CLOSED:
        assert ask(port, method, path, bearer("secret")) == (200, b"SECRET")
    for method, headers in itertools.product((*CLOSED, *WRITTEN), ({}, bearer())):
        status, body = ask(port, method, path, headers)
        assert b"SECRET" not in body, (method, headers)
        assert status < 500 or status == 501, (method, status)
    assert ask(port, "GET", path, {}) == (200, b"OPEN")
