"""RFC 6750 §3.1: jwt_guard.errors."""

import pytest

from jwt_guard import errors
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

ALL = [
    MissingToken(),
    InvalidRequest(Reason.MALFORMED_HEADER),
    InvalidToken(Reason.BAD_SIGNATURE),
    InsufficientScope(),
    CrossSite(),
    StepUpRequired(),
    StoreUnavailable(),
    KeysUnavailable(),
]


@pytest.mark.parametrize(
    ("error", "status", "code", "reason"),
    [
        (MissingToken(), 401, None, Reason.NO_CREDENTIALS),
        (MissingToken(Reason.OTHER_SCHEME), 401, None, Reason.OTHER_SCHEME),
        (
            InvalidRequest(Reason.REPEATED_HEADER),
            400,
            "invalid_request",
            Reason.REPEATED_HEADER,
        ),
        (InvalidToken(Reason.EXPIRED), 401, "invalid_token", Reason.EXPIRED),
        (InsufficientScope(["a"]), 403, "insufficient_scope", Reason.NOT_PERMITTED),
        (CrossSite(), 403, None, Reason.CROSS_SITE),
        (StepUpRequired(), 401, "insufficient_user_authentication", Reason.STEP_UP),
        (KeysUnavailable(), 503, None, Reason.NO_KEYS),
    ],
)
def test_classes(error: AuthError, status: int, code: str | None, reason: Reason) -> None:
    """One class is one HTTP answer, with the reason for the log."""
    assert (error.status, error.error, error.reason) == (status, code, reason)
    assert str(error) == reason.value


def test_ladder() -> None:
    """Every refusal is an AuthError; the operator's mistake is a ValueError and none."""
    assert {type(error) for error in ALL} == {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, AuthError) and value is not AuthError
    }
    assert issubclass(ConfigurationError, ValueError)
    assert not issubclass(ConfigurationError, AuthError)


@pytest.mark.parametrize("error", ALL, ids=lambda error: type(error).__name__)
def test_unknown_at_first(error: AuthError) -> None:
    """Issuer, key and hint are unknown until somebody knows them."""
    assert (error.issuer, error.kid, error.hint) == (None, None, None)


def test_hints() -> None:
    """Each class takes a hint for the log."""
    hinted = [
        MissingToken(hint="h"),
        InvalidRequest(Reason.MALFORMED_HEADER, "h"),
        InvalidToken(Reason.EXPIRED, "h"),
        InsufficientScope(hint="h"),
        CrossSite("h"),
        StepUpRequired(hint="h"),
        KeysUnavailable(hint="h"),
    ]
    assert [error.hint for error in hinted] == ["h"] * 7


def test_expiry_alone_is_told() -> None:
    """Of all reasons the client learns expiry, which it can remedy, and no other."""
    told = {reason: InvalidToken(reason).description for reason in Reason}
    assert told.pop(Reason.EXPIRED) == "The access token expired"
    assert set(told.values()) == {"The access token is not valid here"}
    assert InvalidToken.description == "The access token is not valid here"


def test_remedies() -> None:
    """What would help is carried along: scopes sorted, authentication classes as given."""
    assert InsufficientScope({"b", "a"}).scopes == ("a", "b")
    assert StepUpRequired(["b", "a"], 60).acr_values == ("b", "a")
    assert StepUpRequired(["b", "a"], 60).max_age == 60
    assert KeysUnavailable(9).retry_after == 9


def test_reasons_are_text() -> None:
    """Reasons are plain text for logs and metrics, each its own name."""
    assert all(reason.value == reason.name.lower() == f"{reason}" for reason in Reason)
