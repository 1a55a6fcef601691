"""RFC 6750 §3, RFC 9110 §11.6.1, RFC 9457: jwt_guard._core.answer."""

import json
from typing import Any, ClassVar

import pytest

from jwt_guard import Answer
from jwt_guard._core.answer import MEDIA_TYPE, problem, quoted, render
from jwt_guard.errors import (
    AuthError,
    ConfigurationError,
    CrossSite,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    KeysUnavailable,
    MissingToken,
    Reason,
    StepUpRequired,
    StoreUnavailable,
)

INVALID = 'Bearer realm="api", error="invalid_token", error_description='
GOLD = 'acr_values="gold silver", max_age="0"'
AMBIGUOUS = '"invalid_request", error_description="The path can be read in more than one way"'
DESCRIPTIONS = {
    "request": '"invalid_request", '
    'error_description="The credentials are malformed, repeated or too long"',
    "step up": '"insufficient_user_authentication", '
    'error_description="A different authentication level is required"',
    "scope": '"insufficient_scope", '
    'error_description="The request requires higher privileges than the access token grants"',
}

ANSWERS: list[tuple[AuthError, int, str | None]] = [
    (MissingToken(), 401, 'Bearer realm="api"'),
    (MissingToken(Reason.OTHER_SCHEME), 401, 'Bearer realm="api"'),
    (
        InvalidRequest(Reason.REPEATED_HEADER),
        400,
        f'Bearer realm="api", error={DESCRIPTIONS["request"]}',
    ),
    (InvalidToken(Reason.BAD_SIGNATURE), 401, INVALID + '"The access token is not valid here"'),
    (InvalidToken(Reason.EXPIRED), 401, INVALID + '"The access token expired"'),
    (
        InsufficientScope(["b", "a"]),
        403,
        f'Bearer realm="api", error={DESCRIPTIONS["scope"]}, scope="a b"',
    ),
    (InsufficientScope(), 403, f'Bearer realm="api", error={DESCRIPTIONS["scope"]}'),
    (
        StepUpRequired(["gold", "silver"], max_age=0),
        401,
        f'Bearer realm="api", error={DESCRIPTIONS["step up"]}, {GOLD}',
    ),
    (StepUpRequired(), 401, f'Bearer realm="api", error={DESCRIPTIONS["step up"]}'),
    (KeysUnavailable(7), 503, None),
    (StoreUnavailable(7), 503, None),
    (CrossSite(), 403, None),
    (MissingToken(scopes=["b", "a"]), 401, 'Bearer realm="api", scope="a b"'),
    (
        InvalidRequest(Reason.AMBIGUOUS_PATH),
        400,
        f'Bearer realm="api", error={AMBIGUOUS}',
    ),
]


@pytest.mark.parametrize(("error", "status", "value"), ANSWERS)
def test_answers(error: AuthError, status: int, value: str | None) -> None:
    """Each error is one answer: status, challenge, body."""
    challenge = render(error, realm="api", body=problem(error))
    headers = dict(challenge.headers)
    assert challenge.status == status
    assert headers.pop("WWW-Authenticate", None) == value
    assert headers.pop("Retry-After", None) == ("7" if status == 503 else None)
    assert headers == {
        "Content-Type": "application/problem+json",
        "Content-Length": str(len(challenge.body)),
        "Cache-Control": "no-store",
    }
    assert [name for name, _ in challenge.headers[:3]] == [
        "Content-Type",
        "Content-Length",
        "Cache-Control",
    ]


@pytest.mark.parametrize(
    ("error", "members"),
    [
        (MissingToken(), {"title": "Unauthorized", "status": 401}),
        (
            InvalidToken(Reason.EXPIRED),
            {
                "title": "Unauthorized",
                "status": 401,
                "error": "invalid_token",
                "detail": "The access token expired",
            },
        ),
        (
            KeysUnavailable(),
            {
                "title": "Service Unavailable",
                "status": 503,
                "detail": "The keys to verify the access token are unavailable",
            },
        ),
    ],
)
def test_problem(error: AuthError, members: dict[str, Any]) -> None:
    """The body has `error` beside title and status (RFC 9457), and constants of ours alone."""
    media_type, body = problem(error)
    assert media_type == MEDIA_TYPE
    assert json.loads(body) == members


def test_reasons_are_for_the_log() -> None:
    """The answer is the same for every reason but expiry, and never has the hint."""
    answers = {
        render(error, realm="api", body=problem(error))
        for reason in Reason
        for error in (InvalidToken(reason), InvalidToken(reason, "a hint"))
    }
    assert len(answers) == 2


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", '""'),
        ("api", '"api"'),
        ('a "b" \\c', r'"a \"b\" \\c"'),
        ("\t ~!", '"\t ~!"'),
    ],
)
def test_quoted(value: str, expected: str) -> None:
    """A quoted-string escapes quotes and backslashes (RFC 9110 §5.6.4)."""
    assert quoted(value) == expected


@pytest.mark.parametrize("value", ["\r\nX: y", "\n", "\0", "\x7f", "é", "\u0100", None, 5, b"api"])
def test_unquotable(value: Any) -> None:
    """What could split or garble a header is refused."""
    with pytest.raises(ConfigurationError, match="cannot stand in a header"):
        quoted(value)


@pytest.mark.parametrize(
    "body",
    [
        ("text/plain", "text"),
        ("text/plain", None),
        ("text/plain", bytearray(b"x")),
        ("", b""),
        (" text/plain", b""),
        ("text/plain\r\nX: y", b""),
        ("text/plain\n", b""),
        ("té/plain", b""),
    ],
)
def test_bad_body(body: tuple[str, bytes]) -> None:
    """A body is a media type that can stand in a header, and octets."""
    with pytest.raises(ValueError, match="the body hook returns"):
        render(MissingToken(), realm="api", body=body)


def test_other_body() -> None:
    """Another body changes media type and length, and nothing else."""
    challenge = render(MissingToken(), realm="x", body=("text/html; charset=utf-8", b"<p>"))
    assert challenge == Answer(
        401,
        (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", "3"),
            ("Cache-Control", "no-store"),
            ("WWW-Authenticate", 'Bearer realm="x"'),
        ),
        b"<p>",
    )


def test_metadata() -> None:
    """A challenge ends with the address of the metadata; where there is none, nothing does."""
    for error in (MissingToken(scopes=["a"]), CrossSite()):
        answer = render(error, realm="x", body=problem(error), metadata="https://x/")
        challenge = dict(answer.headers).get("WWW-Authenticate")
        expected = 'Bearer realm="x", scope="a", resource_metadata="https://x/"'
        assert challenge == (expected if error.scheme else None)


def test_scheme() -> None:
    """The scheme is the refusal's own."""

    class Proven(MissingToken):
        scheme: ClassVar[str | None] = "DPoP"

    answer = render(Proven(), realm="x", body=("text/plain", b""))
    assert dict(answer.headers)["WWW-Authenticate"] == 'DPoP realm="x"'


def test_status_line() -> None:
    """The status line is what WSGI wants."""
    assert Answer(401, (), b"").status_line == "401 Unauthorized"
    assert Answer(503, (), b"").status_line == "503 Service Unavailable"
