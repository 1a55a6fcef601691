"""RFC 6750 §2.1, RFC 9110 §11: jwt_guard._core.bearer."""

import time

import pytest

from jwt_guard._core.token.bearer import parse
from jwt_guard.errors import InvalidRequest, MissingToken, Reason

LIMIT = 100


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer mF_9.B5f-4.1JqM", b"mF_9.B5f-4.1JqM"),
        (b"bearer abc", b"abc"),
        (b"BEARER abc", b"abc"),
        (b"bEaReR abc", b"abc"),
        (b"Bearer  abc", b"abc"),
        (b"Bearer a~b+c/d==", b"a~b+c/d=="),
        (b"Bearer " + b"a" * LIMIT, b"a" * LIMIT),
    ],
)
def test_token(value: bytes, token: bytes) -> None:
    """The scheme is compared without case; one or more spaces stand before the token."""
    assert parse([value], LIMIT) == token


def test_missing() -> None:
    """No field is no credentials, and no error."""
    with pytest.raises(MissingToken) as info:
        parse([], LIMIT)
    assert info.value.reason is Reason.NO_CREDENTIALS


@pytest.mark.parametrize(
    "value",
    [
        b"Basic eA==",
        b"Basic",
        b"basic  QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        b"Negotiate YII=",
        b"DPoP abc",
        b"Bearer-x abc",
        b"Bearers abc",
        b"xBearer abc",
        b'Digest username="a, Bearer b", realm="\\"x\\\\", qop=auth, nc=1',
        b'Digest a="b" , ,c = d',
        b"Digest a=b,",
        b"Foo a",
        b'Foo a="\xff\t"',
    ],
)
def test_other_schemes(value: bytes) -> None:
    """Another scheme's well-formed credentials (RFC 9110 §11.4) are no token for us."""
    with pytest.raises(MissingToken) as info:
        parse([value], LIMIT)
    assert info.value.reason is Reason.OTHER_SCHEME


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b" ",
        b"Bearer",
        b"bearer",
        b"Bearer ",
        b"Bearer  ",
        b"Bearer\tabc",
        b"Bearer \tabc",
        b"Bearer abc ",
        b"Bearer abc\n",
        b"Bearer abc\r\nX: y",
        b" Bearer abc",
        b"Bearer=abc",
        b"Bearer: abc",
        b"Bearer, a=b",
        b"Bearer a b",
        b"Bearer a,b",
        b"Bearer a, Bearer b",
        b"Bearer =",
        b"Bearer a=b",
        b'Bearer "abc"',
        b"Bearer abc\x00",
        b"Bearer\xa0abc",
        b"Bearer abc\xa0",
        b"Bearer\x0babc",
        b"Bearer\x1fabc",
        "Bearer abc\u0661".encode(),
        "\u212aBearer abc".encode(),
        b"Basic eA==,Bearer abc",
        b"Basic eA==, Bearer abc",
        b"Basic,Bearer abc",
        b"Digest a=b,Bearer abc",
        b'Digest a="b", Bearer abc',
        b"Basic a b",
        b"Digest a=b c=d",
        b"Digest ,a=b",
        b'Digest a="b',
        b'Digest a="b\\"',
        b'Digest a="\x00"',
        b"Foo ",
        b"Foo\x00",
        b"Foo a=b=c",
    ],
)
def test_malformed(value: bytes) -> None:
    """Neither one token nor one other scheme's credentials: 400; nothing is repaired."""
    with pytest.raises(InvalidRequest) as info:
        parse([value], LIMIT)
    assert info.value.reason is Reason.MALFORMED_HEADER


@pytest.mark.parametrize(
    "values",
    [
        [b"Bearer abc", b"Bearer abc"],
        [b"Bearer abc", b"Basic eA=="],
        [b"Basic eA==", b"Bearer abc"],
        [b"", b"Bearer abc"],
        [b"", b""],
    ],
)
def test_repeated(values: list[bytes]) -> None:
    """The field may occur once, whatever its values are."""
    with pytest.raises(InvalidRequest) as info:
        parse(values, LIMIT)
    assert info.value.reason is Reason.REPEATED_HEADER


@pytest.mark.parametrize(
    "value",
    [
        b"Bearer " + b"a" * (LIMIT + 1),
        b"Bearer  " + b"a" * LIMIT,
        b"Basic " + b"a" * 2 * LIMIT,
        b"\x00" * 2 * LIMIT,
    ],
)
def test_too_long(value: bytes) -> None:
    """What is longer than the limit is not read, whatever it is."""
    with pytest.raises(InvalidRequest) as info:
        parse([value], LIMIT)
    assert info.value.reason is Reason.TOKEN_TOO_LONG


@pytest.mark.parametrize("authorization", ["Bearer abc", b"Bearer abc", "", b"", "x", b"x"])
def test_one_value_is_no_list(authorization: object) -> None:
    """A single str or bytes, which is a sequence too, is the caller's mistake."""
    with pytest.raises(TypeError):
        parse(authorization, LIMIT)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose


def test_text_is_no_value() -> None:
    """Values are octets; decoded ones are the caller's mistake."""
    with pytest.raises(TypeError):
        parse(["Bearer abc"], LIMIT)  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # wrong on purpose


@pytest.mark.parametrize(
    "value",
    [
        b"Foo " + b"a" * 50_000 + b"\x00",
        b"Foo " + b" " * 50_000 + b"\x00",
        b"Foo " + b"a=b," * 12_000 + b"\x00",
        b"Foo " + b"a=b, \t" * 8_000 + b"\x00",
        b'Foo a="' + b"\\a" * 25_000,
        b'Foo a="' + b"a" * 50_000,
        b"Bearer" + b" " * 50_000,
        b"Bearer a" + b"=" * 50_000 + b"x",
        b"a" * 50_000 + b"\x00",
    ],
)
def test_linear(value: bytes) -> None:
    """Matching takes time in proportion to the length, also where it fails at the end."""
    start = time.perf_counter()
    with pytest.raises(InvalidRequest):
        parse([value], len(value))
    assert time.perf_counter() - start < 0.5
