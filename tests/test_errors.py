"""RFC 6750 §3.1: jwt_guard.errors."""

import logging

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
    Unavailable,
)

ALL = [
    MissingToken(),
    InvalidRequest(Reason.MALFORMED_HEADER),
    InvalidToken(Reason.BAD_SIGNATURE),
    InsufficientScope(),
    CrossSite(),
    StepUpRequired(),
    KeysUnavailable(),
    StoreUnavailable(),
]
# What others build on; nobody raises them.
RUNGS = {AuthError, Unavailable}


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
        (StoreUnavailable(), 503, None, Reason.STORE_UNAVAILABLE),
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
        if isinstance(value, type) and issubclass(value, AuthError) and value not in RUNGS
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
        StoreUnavailable(hint="h"),
    ]
    assert {type(error) for error in hinted} == {type(error) for error in ALL}
    assert {error.hint for error in hinted} == {"h"}


def test_absent() -> None:
    """Nothing usable came: no credentials, another scheme, or a cookie that any page can send."""
    assert {type(error) for error in ALL if error.absent} == {MissingToken, CrossSite}


def test_challenges() -> None:
    """Where no credentials would help, none are asked for."""
    without = {type(error) for error in ALL if error.scheme is None}
    assert without == {CrossSite, KeysUnavailable, StoreUnavailable}
    assert {error.scheme for error in ALL} == {"Bearer", None}


def test_levels() -> None:
    """What the client can mend is INFO; what many requests meet is a WARNING."""
    warned = {type(error) for error in ALL if error.log_level == logging.WARNING}
    assert warned == {KeysUnavailable, StoreUnavailable}
    assert {error.log_level for error in ALL} == {logging.INFO, logging.WARNING}


@pytest.mark.parametrize(
    ("error", "parameters"),
    [
        (MissingToken(), {}),
        (MissingToken(scopes=["b", "offline_access", "a"]), {"scope": "a b"}),
        (MissingToken(Reason.OTHER_SCHEME, scopes=["offline_access"]), {}),
        (
            InvalidRequest(Reason.AMBIGUOUS_METHOD),
            {
                "error": "invalid_request",
                "error_description": "The method can be read in more than one way",
            },
        ),
        (
            StepUpRequired(["gold", "silver"], 0, scopes=["x"]),
            {
                "error": "insufficient_user_authentication",
                "error_description": "A different authentication level is required",
                "scope": "x",
                "acr_values": "gold silver",
                "max_age": "0",
            },
        ),
    ],
)
def test_parameters(error: AuthError, parameters: dict[str, str]) -> None:
    """A refusal knows its challenge's parameters and their order; `offline_access` is none."""
    assert list(error.parameters()) == list(parameters.items())


def test_fields() -> None:
    """Only what cannot be known now says when to come back."""
    assert [list(error.fields()) for error in ALL[:-2]] == [[]] * 6
    assert list(KeysUnavailable(7).fields()) == [("Retry-After", "7")]
    assert list(StoreUnavailable(9).fields()) == [("Retry-After", "9")]


def test_ambiguities() -> None:
    """What is ambiguous is told: the path, the method, or else the credentials."""
    told = {reason: InvalidRequest(reason).description for reason in Reason}
    assert told.pop(Reason.AMBIGUOUS_PATH) == "The path can be read in more than one way"
    assert told.pop(Reason.AMBIGUOUS_METHOD) == "The method can be read in more than one way"
    assert set(told.values()) == {"The credentials are malformed, repeated or too long"}


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


def test_reasons_explain_themselves() -> None:
    """Each reason has a meaning and a remedy of its own, each one printable sentence."""
    sentences = [text for reason in Reason for text in (reason.meaning, reason.remedy)]
    assert len(set(sentences)) == 2 * len(Reason)
    for sentence in sentences:
        assert sentence.isascii()
        assert sentence.isprintable()
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert ". " not in sentence
