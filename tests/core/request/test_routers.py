"""What routers read: whatever they take for a route, a closed row covers or refuses."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Match, Route
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, RequestRedirect, Rule

from jwt_guard._core.request import table
from jwt_guard.errors import InvalidRequest

from .asked import at

ROUTES = ["/admin", "/admin/", "/admin/<x>", "/admin/<x>/", "/admin/<path:x>", "/<x>/admin", "/"]


def _nothing(_request: object) -> None: ...


def starlette(route: str) -> Callable[[str], bool]:
    """Return whether Starlette takes a path for *route*, or for it but for a slash."""
    braces = re.sub("<(path:)?x>", lambda found: "{x:path}" if found[1] else "{x}", route)
    one = Route(braces, _nothing)

    def takes(path: str) -> bool:
        slashed = path.rstrip("/") if path.endswith("/") else path + "/"
        return any(
            one.matches({"type": "http", "method": "GET", "path": each, "root_path": ""})[0]
            is not Match.NONE
            for each in (path, slashed)
        )

    return takes


def werkzeug(route: str) -> Callable[[str], bool]:
    """Return whether Werkzeug takes a path for *route*, or sends it there."""
    one = Map([Rule(route, endpoint="x")]).bind("host")

    def takes(path: str) -> bool:
        try:
            one.match(path, "GET")
        except NotFound:
            return False
        except RequestRedirect:
            return True
        return True

    return takes


def django(route: str) -> Callable[[str], bool]:
    """Return whether Django's re_path(r"^…$") takes a path for *route*, a slash appended or not."""
    expression = re.sub("<(path:)?x>", lambda found: ".+" if found[1] else "[^/]+", route[1:])

    def takes(path: str) -> bool:
        bare = path.removeprefix("/")
        return any(re.search(rf"^{expression}$", one) for one in (bare, bare + "/"))

    return takes


hostile = st.lists(
    st.sampled_from(
        [*"/;?#% \n\t\x85\xa0\ufeff\ufffd.*", "admin", "admin", "/", "/", "x", "..", "%2f"]
    ),
    max_size=6,
).map("".join)


@pytest.mark.parametrize("router", [starlette, werkzeug, django])
@pytest.mark.parametrize("route", ROUTES)
def test_a_closed_row_covers_the_route(
    router: Callable[[str], Callable[[str], bool]], route: str
) -> None:
    """No path gets to a route past a closed row for it, however the router reads paths."""
    takes = router(route)
    pattern = re.sub("<(path:)?x>", "*", route)
    one = table.Table.compile([table.Rule(pattern, requires="s")], "token")

    @given(hostile)
    def check(path: str) -> None:
        if takes(path):
            try:
                assert one.rows_for(at(path)) == [*one.rows]
            except InvalidRequest:
                # Refused is closed, too.
                return

    check()
