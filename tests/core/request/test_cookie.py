"""RFC 6265 §5.4: jwt_guard._core.cookie. What it decides is in the contract's table."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard import ConfigurationError, Cookie
from jwt_guard._core.request.cookie import Fields
from jwt_guard.errors import CrossSite

COOKIE = Cookie("token", origins=["https://app.example"])


def fields(**values: list[bytes]) -> Fields:
    return lambda name: values.get(name.replace("-", "_"), [])


def brought(*cookies: bytes) -> list[bytes]:
    values: list[bytes] = []
    COOKIE.add(values, "GET", fields(cookie=[*cookies]))
    return values


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


def test_of() -> None:
    """A name stands for a cookie with the defaults; nothing stands for none."""
    assert Cookie.of(None) is None
    assert Cookie.of(COOKIE) is COOKIE
    assert Cookie.of("token") == Cookie("token")
    with pytest.raises(ConfigurationError):
        Cookie.of(cast("Any", True))


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
        (b"token=a=b", [b"a=b"]),
        (b"token=", [b""]),
        (b"token", [b""]),
        (b"tokens=abc; xtoken=abc; Token=abc", []),
        (b"x=token=abc", []),
        (b"x=1,token=abc", []),
        (b"token=abc,token=def", [b"abc,token=def"]),
        (b"token=abc;token=def", [b"abc", b"def"]),
        (b"\xa0token=abc", []),
        (b"", []),
    ],
)
def test_values(value: bytes, found: list[bytes]) -> None:
    """A cookie is split by semicolons, and nothing of it is repaired."""
    assert brought(value) == [b"Bearer " + one for one in found]


def test_several_fields() -> None:
    """HTTP/2 may send each cookie in a field of its own."""
    assert brought(b"x=y", b"token=abc") == [b"Bearer abc"]


@given(st.binary(), st.binary())
def test_anything(cookie: bytes, other: bytes) -> None:
    """No cookie raises anything but a refusal, and only its own value is brought."""
    assert all(value.startswith(b"Bearer ") for value in brought(cookie))
    values = [b"Basic eA=="]
    asked = fields(cookie=[cookie, b"token=x"], origin=[other], x_csrf_token=[other])
    assert not COOKIE.add(values, "POST", asked)
    assert len(values) >= 2
    with pytest.raises(CrossSite):
        COOKIE.add([], "POST", asked)


def test_handshake() -> None:
    """A WebSocket's handshake shows its origin; no page can set a field there."""
    kept: list[bytes] = [b"token=abc"]
    assert COOKIE.add([], None, fields(cookie=kept, origin=[b"https://app.example"]))
    assert COOKIE.add([], None, fields(cookie=kept, sec_fetch_site=[b"same-origin"]))
    for asked in (
        fields(cookie=kept),
        fields(cookie=kept, origin=[b"https://evil.example"]),
        fields(cookie=kept, origin=[b"https://app.example", b"https://evil.example"]),
        fields(cookie=kept, sec_fetch_site=[b"same-origin", b"cross-site"]),
    ):
        with pytest.raises(CrossSite):
            COOKIE.add([], None, asked)
