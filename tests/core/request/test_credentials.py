"""RFC 6455 §1.9, RFC 6750 §2.3: jwt_guard._core.handshake."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard import ConfigurationError
from jwt_guard._core.request.handshake import from_protocols, from_query
from jwt_guard.asgi import WebSockets


@pytest.mark.parametrize("query", ["", 7, b"access_token", True])
def test_bad_query(query: Any) -> None:
    """A parameter has a name."""
    with pytest.raises(ConfigurationError, match="name of a parameter"):
        WebSockets(query=query)


@pytest.mark.parametrize("code", [0, 1000, 1001, 2999, 5000, True, "4401"])
def test_bad_code(code: Any) -> None:
    """A close code is one that applications may send."""
    with pytest.raises(ConfigurationError, match="3000 to 4999"):
        WebSockets(expiry_code=code)


def test_good_code() -> None:
    """Private codes will do, and so will "policy violation"."""
    for code in (1008, 3000, 4401, 4999, None):
        assert WebSockets(expiry_code=code).expiry_code == code


@pytest.mark.parametrize(
    ("fields", "tokens", "rest"),
    [
        ([b"bearer, abc"], [b"abc"], b""),
        ([b"bearer,abc"], [b"abc"], b""),
        ([b"bearer", b"abc"], [b"abc"], b""),
        ([b"chat, bearer, abc, v2"], [b"abc"], b"chat, v2"),
        ([b"bearer, abc", b"bearer, def"], [b"abc", b"def"], b""),
        ([b"bearer, bearer"], [b"bearer"], b""),
        ([b"bearer"], [b""], b""),
        ([b"chat"], [], b"chat"),
        ([b"Bearer, abc"], [], b"Bearer, abc"),
        ([b"xbearer, abc"], [], b"xbearer, abc"),
        ([b" , ,"], [], b""),
        ([], [], b""),
    ],
)
def test_protocols(fields: list[bytes], tokens: list[bytes], rest: bytes) -> None:
    """The protocol after "bearer" is the token; both are taken out."""
    assert from_protocols(fields) == ([b"Bearer " + one for one in tokens], rest)


@pytest.mark.parametrize(
    ("query", "tokens", "rest"),
    [
        (b"access_token=abc", [b"abc"], b""),
        (b"a=1&access_token=abc&b=%2f", [b"abc"], b"a=1&b=%2f"),
        (b"access%5ftoken=a%2Eb", [b"a.b"], b""),
        (b"access_token=abc&access_token=def", [b"abc", b"def"], b""),
        (b"access_token", [b""], b""),
        (b"access_token=a+b", [b"a+b"], b""),
        (b"Access_Token=abc", [], b"Access_Token=abc"),
        (b"a;access_token=abc", [], b"a;access_token=abc"),
        (b"", [], b""),
        (b"&&", [], b"&&"),
    ],
)
def test_query(query: bytes, tokens: list[bytes], rest: bytes) -> None:
    """The parameter is the token, and is taken out; the rest stays as it came."""
    assert from_query(query, "access_token") == ([b"Bearer " + one for one in tokens], rest)


@given(st.lists(st.tuples(st.text(), st.text())), st.text(min_size=1))
def test_query_as_the_app_reads_it(pairs: list[tuple[str, str]], name: str) -> None:
    """No parameter of that name is left, however it was written, and no other is lost."""
    query = urlencode(pairs, errors="surrogatepass").encode()
    _, rest = from_query(query, name)
    left = parse_qsl(rest.decode(), keep_blank_values=True, errors="surrogatepass")
    assert left == [pair for pair in pairs if pair[0] != name]


@given(st.binary(), st.binary())
def test_anything(first: bytes, second: bytes) -> None:
    """No handshake raises anything."""
    from_protocols([first, second])
    from_query(first, "access_token")
