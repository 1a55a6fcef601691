"""RFC 9110 §3.3: jwt_guard._core.request.request: what is asked, and who needs a token."""

import pytest

from jwt_guard._core.request.request import UNKNOWN, Access, Request, is_preflight

from .asked import Asked, at, preflight


def test_three_words() -> None:
    """There are three words for who needs a token; of several, the strictest is the smallest."""
    assert [one.name for one in sorted(Access)] == ["GUARDED", "OPTIONAL", "PUBLIC"]
    assert min(Access.PUBLIC, Access.GUARDED) is Access.GUARDED


def test_unknown_is_guarded() -> None:
    """Of an endpoint that nobody knows a valid token is asked, and nothing is open in it."""
    assert UNKNOWN == (Access.GUARDED, None, {}, False)


def test_protocol() -> None:
    """Anything with these members is a request; it needs no base class."""
    request: Request = Asked()
    assert request.endpoint() is UNKNOWN


@pytest.mark.parametrize("missing", ["origin", "access-control-request-method"])
def test_preflight(missing: str) -> None:
    """A preflight is OPTIONS with an origin and the method that is to come."""
    assert is_preflight(preflight())
    names = {"origin", "access-control-request-method"} - {missing}
    assert not is_preflight(preflight(headers=[*names]))


@pytest.mark.parametrize("method", ["GET", "POST", "options", "Options", "OPTIONS ", ""])
def test_no_preflight(method: str) -> None:
    """No other method is one, however it is written."""
    request = preflight()
    request.method = method
    assert not is_preflight(request)
    assert not is_preflight(at("/", "OPTIONS"))
