"""RFC 6750 §2, RFC 6455 §1.9: jwt_guard._core.request.credentials: one credential counts."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard._core.request.cookie import Cookie
from jwt_guard._core.request.credentials import (
    PROTOCOLS,
    Bearer,
    Credential,
    CredentialSource,
    Query,
    Subprotocol,
    from_protocols,
    from_query,
    the_one,
)
from jwt_guard.errors import (
    AuthError,
    ConfigurationError,
    CrossSite,
    InvalidRequest,
    MissingToken,
    Reason,
)

from .asked import Asked

BEARER, COOKIE, PROTOCOL = Bearer(), Cookie("token"), Subprotocol()
QUERY = Query("access_token", paths=["/events/*"])
EVERY: tuple[CredentialSource, ...] = (BEARER, COOKIE, QUERY, PROTOCOL)
LIMIT = 100


def asked(
    authorization: list[bytes] | None = None,
    *,
    cookie: bytes | None = None,
    query: bytes = b"",
    protocol: bytes | None = None,
    **more: Any,
) -> Asked:
    """Return a request for the events, which may bring its token anywhere."""
    headers = {
        "authorization": authorization or [],
        "cookie": [] if cookie is None else [cookie],
        PROTOCOLS: [] if protocol is None else [protocol],
        "sec-fetch-site": [b"same-origin"],
    }
    more.setdefault("paths", ("/events/1",))
    return Asked(headers=headers, query=query, handshake=protocol is not None, **more)


def brought(where: dict[str, Any]) -> Asked:
    return asked(**where)


def found(request: Asked, *sources: CredentialSource) -> Credential:
    return the_one(sources or EVERY, request, LIMIT)


def refusal(request: Asked, *sources: CredentialSource) -> Reason:
    with pytest.raises(AuthError) as info:
        found(request, *sources)
    return info.value.reason


# One of all sources


@pytest.mark.parametrize(
    ("request_", "source"),
    [
        (asked([b"Bearer abc"]), BEARER),
        (asked(cookie=b"token=abc"), COOKIE),
        (asked(query=b"access_token=abc"), QUERY),
        (asked(protocol=b"bearer, abc"), PROTOCOL),
    ],
)
def test_one(request_: Asked, source: CredentialSource) -> None:
    """The one credential counts, wherever it is; its token is bare."""
    credential = found(request_)
    assert (credential.token, credential.source) == (b"abc", source)
    assert (credential.unasked is None) is (source is not COOKIE)


def test_none() -> None:
    """Without any there is no token, whatever else came; nothing is looked for elsewhere."""
    assert refusal(asked()) is Reason.NO_CREDENTIALS
    assert refusal(asked([b"Bearer abc"]), COOKIE) is Reason.NO_CREDENTIALS
    with pytest.raises(MissingToken):
        the_one((), asked([b"Bearer abc"]), LIMIT)


BRINGING: dict[str, Any] = {
    "authorization": [b"Bearer abc"],
    "cookie": b"token=abc",
    "query": b"access_token=abc",
    "protocol": b"bearer, abc",
}


@pytest.mark.parametrize("one", BRINGING)
@pytest.mark.parametrize("other", BRINGING)
def test_several(one: str, other: str) -> None:
    """Two credentials are none, even two that are the same (RFC 6750 §2)."""
    request = asked(**{name: BRINGING[name] for name in {one, other}})
    if one == other:
        assert found(request).token == b"abc"
    else:
        assert refusal(request) is Reason.REPEATED_HEADER


@pytest.mark.parametrize(
    "bringing",
    [
        {"authorization": [b"Bearer abc", b"Bearer abc"]},
        {"cookie": b"token=abc; token=abc"},
        {"query": b"access_token=abc&access_token=abc"},
        {"protocol": b"bearer, abc, bearer, abc"},
    ],
)
def test_twice_in_one_place(bringing: dict[str, Any]) -> None:
    """The same of two in one place."""
    assert refusal(asked(**bringing)) is Reason.REPEATED_HEADER


@pytest.mark.parametrize("other", [b"Basic eA==", b"Negotiate", b'Digest username="x", nc=1'])
def test_another_scheme(other: bytes) -> None:
    """Another scheme's Authorization is no token, and hides none that came elsewhere."""
    assert refusal(asked([other])) is Reason.OTHER_SCHEME
    for name in ("cookie", "query", "protocol"):
        assert found(asked([other], **{name: BRINGING[name]})).token == b"abc"


@pytest.mark.parametrize(
    "malformed", [b"Bearer", b"Bearer ", b"Bearer a b", b"Basic eA==,Bearer x"]
)
def test_malformed_beside_another(malformed: bytes) -> None:
    """Something malformed is not passed over for a better one."""
    for name in ("cookie", "query", "protocol"):
        request = asked([malformed], **{name: BRINGING[name]})
        assert refusal(request) is refusal(asked([malformed])) is Reason.MALFORMED_HEADER


def test_first_of_several_faults() -> None:
    """Of several faults the first is told."""
    request = asked([b"Bearer a b"], cookie=b"token=" + b"a" * 101)
    assert refusal(request) is Reason.MALFORMED_HEADER
    assert refusal(request, COOKIE, BEARER) is Reason.TOKEN_TOO_LONG


@pytest.mark.parametrize("name", BRINGING)
def test_too_long(name: str) -> None:
    """A token of as many octets as are allowed is read, and a longer one is not."""
    values: dict[str, Callable[[bytes], object]] = {
        "authorization": lambda token: [b"Bearer " + token],
        "cookie": lambda token: b"token=" + token,
        "query": lambda token: b"access_token=" + token,
        "protocol": lambda token: b"bearer, " + token,
    }
    right, wrong = ({name: values[name](b"a" * count)} for count in (LIMIT, LIMIT + 1))
    assert found(brought(right)).token == b"a" * LIMIT
    assert refusal(brought(wrong)) is Reason.TOKEN_TOO_LONG


def test_unasked() -> None:
    """What a browser sends by itself counts only where our own page asked for it."""
    assert found(asked(cookie=b"token=abc", method="GET")).unasked is not None
    with pytest.raises(CrossSite):
        found(asked(cookie=b"token=abc", method="POST"))
    assert found(asked([b"Bearer abc"], method="POST")).token == b"abc"
    # Of two the request is refused before anybody asks whose page it was.
    both = asked([b"Bearer abc"], cookie=b"token=abc", method="POST")
    assert refusal(both) is Reason.REPEATED_HEADER


def test_shows_no_token() -> None:
    """A credential can be shown: it says where it was, and nothing of the token."""
    credential = Credential(b"secret", BEARER)
    for shown in (repr(credential), str(credential), f"{credential}", f"{[credential]}"):
        assert "secret" not in shown
        assert "Bearer()" in shown


def test_a_source_of_ones_own() -> None:
    """Whatever finds credentials is a source."""

    class Everywhere:
        def find(self, _request: object, _max_token_bytes: int, /) -> list[Credential]:
            return [Credential(b"mine", self)]

    assert found(asked(), Everywhere()).token == b"mine"
    assert refusal(asked([b"Bearer abc"]), BEARER, Everywhere()) is Reason.REPEATED_HEADER


# A query parameter


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_query(method: str) -> None:
    """The parameter is the token on its paths, and the app does not see it."""
    request = asked(query=b"a=1&access_token=a%2Eb&b=%2f", method=method)
    assert found(request).token == b"a.b"
    assert request.query == b"a=1&b=%2f"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "Head", ""])
def test_query_of_other_methods(method: str) -> None:
    """No other method brings it there, and its query stays as it is."""
    request = asked(query=b"access_token=abc", method=method)
    assert refusal(request) is Reason.NO_CREDENTIALS
    assert request.query == b"access_token=abc"


@pytest.mark.parametrize(
    ("paths", "raw_path"),
    [
        (("/events",), None),
        (("/other",), None),
        (("/events/1", "/other"), None),
        (("/other", "/events/1"), None),
        (("/events//1",), None),
        (("/events/1;x",), None),
        (("/events/1",), b"/events%2F1"),
    ],
)
def test_query_on_other_paths(paths: tuple[str, ...], raw_path: bytes | None) -> None:
    """On other paths, or where one reading is another path, it is no credential."""
    request = asked(query=b"access_token=abc", paths=paths, raw_path=raw_path)
    assert refusal(request) is Reason.NO_CREDENTIALS
    assert request.query == b"access_token=abc"


def test_query_without_the_parameter() -> None:
    """A query of others stays, whatever it looks like."""
    for query in (b"", b"a=1", b"&&", b"access_token2=abc"):
        request = asked(query=query)
        assert refusal(request) is Reason.NO_CREDENTIALS
        assert request.query == query


@pytest.mark.parametrize("value", [b"", b"a b", b"a%20b", b"a,b", b"%ff", b"=", b"a%00"])
def test_malformed_in_a_query(value: bytes) -> None:
    """A parameter that is no token is refused, and taken out all the same."""
    request = asked(query=b"access_token=" + value)
    assert refusal(request) is Reason.MALFORMED_HEADER
    assert request.query == b""


def test_taken_out_in_any_case() -> None:
    """What is refused for something else leaves nothing in the query, or for the app."""
    request = asked([b"Bearer a b"], query=b"x&access_token=abc", protocol=b"chat, bearer, abc")
    assert refusal(request) is Reason.MALFORMED_HEADER
    assert (request.query, request.protocols) == (b"x", b"chat")


@pytest.mark.parametrize("name", ["", 7, b"access_token", None, True, "a\n", "\ud800", ["a"]])
def test_bad_name(name: Any) -> None:
    """A parameter has a name that can be sent."""
    with pytest.raises(ConfigurationError, match="is no name of a query parameter"):
        Query(name, paths=["/a"])


def test_paths_of_a_query() -> None:
    """The paths are named, for no other one may have a token in its address."""
    paths: Any
    for paths in (list[str](), ()):
        with pytest.raises(ConfigurationError, match="Query needs paths"):
            Query("access_token", paths=paths)
    for paths in ("/events", True, None, {"/a": 1}):
        with pytest.raises(ConfigurationError, match="paths is a list of paths"):
            Query("access_token", paths=paths)
    with pytest.raises(ConfigurationError, match="is no path pattern"):
        Query("access_token", paths=["events"])


def test_sources_are_values() -> None:
    """Sources are compared, hashed and shown by what was written."""
    assert {Bearer(), Bearer(), Subprotocol(), Subprotocol(), QUERY} == {BEARER, PROTOCOL, QUERY}
    assert repr(QUERY) == "Query(name='access_token', paths=['/events/*'])"
    assert Query("a", paths=["/a"]) != Query("a", paths=["/b"])


@pytest.mark.parametrize(
    ("query", "tokens", "rest"),
    [
        (b"access_token=abc", [b"abc"], b""),
        (b"a=1&access_token=abc&b=%2f", [b"abc"], b"a=1&b=%2f"),
        (b"access%5ftoken=a%2Eb", [b"a.b"], b""),
        (b"access_token=abc&access_token=def", [b"abc", b"def"], b""),
        (b"access_token", [b""], b""),
        (b"access_token=a+b", [b"a+b"], b""),
        (b"access_token=a=b", [b"a=b"], b""),
        (b"Access_Token=abc", [], b"Access_Token=abc"),
        (b"a;access_token=abc", [], b"a;access_token=abc"),
        (b"access%255ftoken=abc", [], b"access%255ftoken=abc"),
        (b"", [], b""),
        (b"&&", [], b"&&"),
    ],
)
def test_from_query(query: bytes, tokens: list[bytes], rest: bytes) -> None:
    """The parameter is the token, and is taken out; the rest stays as it came."""
    assert from_query(query, "access_token") == (tokens, rest)


@given(st.lists(st.tuples(st.text(), st.text())), st.text(min_size=1))
def test_query_as_the_app_reads_it(pairs: list[tuple[str, str]], name: str) -> None:
    """No parameter of that name is left, however it was written, and no other is lost."""
    query = urlencode(pairs, errors="surrogatepass").encode()
    _, rest = from_query(query, name)
    left = parse_qsl(rest.decode(), keep_blank_values=True, errors="surrogatepass")
    assert left == [pair for pair in pairs if pair[0] != name]


# A subprotocol


def test_subprotocol() -> None:
    """The token is offered as a protocol, and the app sees the others alone."""
    request = asked(protocol=b"chat, bearer, abc, v2")
    assert found(request).token == b"abc"
    assert request.protocols == b"chat, v2"


def test_subprotocol_of_no_handshake() -> None:
    """The field means nothing on other requests, and stays as it is without a token."""
    request = asked(protocol=b"bearer, abc")
    request.handshake = False
    assert refusal(request) is Reason.NO_CREDENTIALS
    assert request.protocols is None
    request = asked(protocol=b"chat")
    assert refusal(request) is Reason.NO_CREDENTIALS
    assert request.protocols is None
    assert refusal(Asked(handshake=True), PROTOCOL) is Reason.NO_CREDENTIALS


@pytest.mark.parametrize("value", [b"bearer", b"bearer,", b"chat, bearer", b"bearer, a b"])
def test_malformed_subprotocol(value: bytes) -> None:
    """What follows "bearer" is a token."""
    assert refusal(asked(protocol=value)) is Reason.MALFORMED_HEADER


@pytest.mark.parametrize(
    ("fields", "tokens", "rest"),
    [
        ([b"bearer, abc"], [b"abc"], b""),
        ([b"bearer,abc"], [b"abc"], b""),
        ([b"bearer", b"abc"], [b"abc"], b""),
        ([b"chat, bearer, abc, v2"], [b"abc"], b"chat, v2"),
        ([b"bearer, abc", b"bearer, def"], [b"abc", b"def"], b""),
        ([b"bearer, bearer"], [b"bearer"], b""),
        ([b"bearer,, abc"], [b"abc"], b""),
        ([b"bearer, ", b"", b"abc"], [b"abc"], b""),
        ([b"bearer"], [b""], b""),
        ([b"chat"], [], b"chat"),
        ([b"Bearer, abc"], [], b"Bearer, abc"),
        ([b"xbearer, abc"], [], b"xbearer, abc"),
        ([b" , ,"], [], b""),
        ([], [], b""),
    ],
)
def test_from_protocols(fields: list[bytes], tokens: list[bytes], rest: bytes) -> None:
    """The protocol after "bearer" is the token; both are taken out, and empty ones ignored."""
    assert from_protocols(fields) == (tokens, rest)


# Anything


@given(
    st.lists(st.binary() | st.just(b"Bearer abc"), max_size=2),
    st.binary() | st.just(b"token=abc"),
    st.binary() | st.just(b"access_token=abc"),
    st.binary() | st.just(b"bearer, abc"),
)
def test_anything(authorization: list[bytes], cookie: bytes, query: bytes, protocol: bytes) -> None:
    """Nothing that comes raises anything but a refusal, or leaves a token behind."""
    request = asked(authorization, cookie=cookie, query=query, protocol=protocol)
    with suppress(MissingToken, InvalidRequest):
        assert found(request).token
    assert from_query(request.query, "access_token").tokens == []
    assert request.protocols is None or from_protocols([request.protocols]).tokens == []
