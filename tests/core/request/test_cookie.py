"""RFC 6265 §5.4: jwt_guard._core.request.cookie: the token, and whose page sent it."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard._core.request.cookie import Cookie
from jwt_guard.errors import AuthError, ConfigurationError, CrossSite, InvalidRequest, Reason

from .asked import Asked

Headers = dict[str, list[bytes]]

COOKIE = Cookie("token", origins=["https://app.example"])
OURS = b"https://app.example"
SUBMITTED: Headers = {"cookie": [b"__Host-csrf=123; token=abc"], "x-csrf-token": [b"123"]}


def asked(headers: Headers, method: str = "GET") -> Asked:
    return Asked(method=method, headers=headers)


def handshake(headers: Headers) -> Asked:
    return Asked(handshake=True, headers=headers)


def brought(*cookies: bytes) -> list[bytes]:
    return [one.token for one in COOKIE.find(asked({"cookie": [*cookies]}), 100)]


@pytest.mark.parametrize(
    "name", ["", "a b", "a;b", "a=b", "a,b", "tök", 'a"b', "a\n", None, 7, b"a", ["a"]]
)
def test_bad_names(name: Any) -> None:
    """Names of cookies and of fields are tokens."""
    for names in ([name], ["a", name], ["a", "b", name]):
        with pytest.raises(ConfigurationError, match="no name of a cookie"):
            Cookie(*names)


def test_two_cookies() -> None:
    """The value that shows whose page it is cannot be the token itself."""
    with pytest.raises(ConfigurationError, match="two cookies"):
        Cookie("__Host-csrf")


@pytest.mark.parametrize(
    "origins",
    [
        "https://app.example",
        ["app.example"],
        ["https://app.example/"],
        ["https://App.example"],
        ["null"],
        ["*"],
        [""],
        ["https://"],
        ["https://app.example:port"],
        ["https://a.example https://b.example"],
        [b"https://app.example"],
        [None],
        None,
        7,
        True,
        iter(["https://app.example"]),
        {"https://app.example": True},
    ],
)
def test_bad_origins(origins: Any) -> None:
    """Origins are written as browsers send them; null and a star are everybody's."""
    with pytest.raises(ConfigurationError, match="origins is a list"):
        Cookie("token", origins=origins)


def test_good_origins() -> None:
    """Ports and addresses are parts of origins."""
    origins = ["https://app.example:8443", "http://127.0.0.1:1", "http://[::1]:8000"]
    assert Cookie("token", origins=origins).origins == origins


def test_no_token_in_repr() -> None:
    """A cookie's configuration can be shown, compared and hashed."""
    assert repr(COOKIE).startswith("Cookie(name='token', csrf_cookie='__Host-csrf'")
    assert len({COOKIE, Cookie("token", origins=("https://app.example",))}) == 2


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"token=abc", [b"abc"]),
        (b" token = abc ;x=y", [b"abc"]),
        (b"x=y;token=abc", [b"abc"]),
        (b"token=abc=", [b"abc="]),
        (b"token=abc;token=def", [b"abc", b"def"]),
        (b"tokens=abc; xtoken=abc; Token=abc", []),
        (b"x=token=abc", []),
        (b"x=1,token=abc", []),
        (b"\xa0token=abc", []),
        (b"=token=abc", []),
        (b"", []),
    ],
)
def test_values(value: bytes, found: list[bytes]) -> None:
    """A cookie is split by semicolons, and nothing of it is repaired."""
    assert brought(value) == found


@pytest.mark.parametrize(
    "value",
    [b"token=", b"token", b"token=a b", b'token="abc"', b"token=abc,token=def", b"token=a=b"],
)
def test_malformed(value: bytes) -> None:
    """A cookie that is no token is refused, and not repaired."""
    with pytest.raises(AuthError) as info:
        brought(value)
    assert info.value.reason is Reason.MALFORMED_HEADER


def test_several_fields() -> None:
    """HTTP/2 may send each cookie in a field of its own."""
    assert brought(b"x=y", b"token=abc") == [b"abc"]


def test_unasked() -> None:
    """A browser sends it by itself, so the request has to show whose page asked."""
    (credential,) = COOKIE.find(asked({"cookie": [b"token=abc"]}), 100)
    assert (credential.source, credential.unasked) == (COOKIE, COOKIE.check)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_safe(method: str) -> None:
    """What changes nothing may come from any page."""
    COOKIE.check(asked({"origin": [b"https://evil.example"]}, method))


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "get", "Head", "", "X"]
)
def test_unsafe(method: str) -> None:
    """What may change something comes from a page of ours, and repeats the CSRF value."""
    shown: Headers
    for shown in ({"origin": [OURS]}, {"sec-fetch-site": [b"same-origin"]}):
        with pytest.raises(CrossSite) as info:
            COOKIE.check(asked(shown, method))
        assert info.value.hint == "X-CSRF-Token does not repeat the cookie __Host-csrf"
        COOKIE.check(asked({**shown, **SUBMITTED}, method))
    with pytest.raises(CrossSite) as info:
        COOKIE.check(asked(SUBMITTED, method))
    assert info.value.hint == "neither Origin nor Sec-Fetch-Site names an origin of origins="


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": [b"https://evil.example"]},
        {"origin": [b"null"]},
        {"origin": [OURS + b"/"]},
        {"origin": [b""]},
        {"origin": [OURS, OURS]},
        {"origin": [OURS + b", https://evil.example"]},
        {"sec-fetch-site": [b"same-site"]},
        {"sec-fetch-site": [b"none"]},
        {"sec-fetch-site": [b"same-origin", b"same-origin"]},
        {"sec-fetch-site": [b"same-origin, cross-site"]},
    ],
)
def test_not_from_here(headers: Headers) -> None:
    """Another origin, a wider one, and several are not ours."""
    with pytest.raises(CrossSite, match="cross"):
        COOKIE.check(asked({**SUBMITTED, **headers}, "POST"))


@pytest.mark.parametrize(
    ("cookie", "sent"),
    [
        (b"__Host-csrf=123", []),
        (b"__Host-csrf=123", [b"124"]),
        (b"__Host-csrf=123", [b"123", b"123"]),
        (b"__Host-csrf=123; __Host-csrf=123", [b"123"]),
        (b"__Host-csrf=", [b""]),
        (b"__Host-csrf", [b""]),
        (b"csrf=123", [b"123"]),
        (b"", [b"123"]),
        (b"", []),
    ],
)
def test_not_submitted_twice(cookie: bytes, sent: list[bytes]) -> None:
    """The value is there once in each place, is not empty, and is the same."""
    headers = {"cookie": [cookie], "x-csrf-token": sent, "origin": [OURS]}
    with pytest.raises(CrossSite):
        COOKIE.check(asked(headers, "POST"))


@given(st.binary() | st.binary().map(b"token=".__add__), st.binary())
def test_anything(cookie: bytes, other: bytes) -> None:
    """No cookie raises anything but a refusal, and no other value shows our page."""
    headers = {"cookie": [cookie], "origin": [other], "x-csrf-token": [other]}
    request = asked(headers, "POST")
    with suppress(InvalidRequest):
        COOKIE.find(request, 100)
    with pytest.raises(CrossSite):
        COOKIE.check(request)


def test_handshake() -> None:
    """A WebSocket's handshake shows its origin; no page can set a field there."""
    COOKIE.check(handshake({"origin": [OURS]}))
    COOKIE.check(handshake({"sec-fetch-site": [b"same-origin"]}))
    headers: Headers
    for headers in (
        {},
        {"origin": [b"https://evil.example"]},
        {"origin": [OURS, b"https://evil.example"]},
        {"sec-fetch-site": [b"same-origin", b"cross-site"]},
    ):
        with pytest.raises(CrossSite):
            COOKIE.check(handshake(headers))
