"""RFC 6750 §3.1: the refusals; one class is one HTTP answer.

Everything a caller may raise or catch is here. The text that reaches a client is
a constant of its class; what exactly happened travels in `AuthError.reason`, for
logs and metrics only.
"""

from collections.abc import Collection
from enum import StrEnum
from typing import ClassVar

__all__ = [
    "AuthError",
    "ConfigurationError",
    "CrossSite",
    "InsufficientScope",
    "InvalidRequest",
    "InvalidToken",
    "KeysUnavailable",
    "MissingToken",
    "Reason",
    "StepUpRequired",
    "StoreUnavailable",
]


class Reason(StrEnum):
    """What exactly happened; for logs and metrics, never for the client."""

    NO_CREDENTIALS = "no_credentials"
    OTHER_SCHEME = "other_scheme"
    REPEATED_HEADER = "repeated_header"
    MALFORMED_HEADER = "malformed_header"
    CROSS_SITE = "cross_site"
    AMBIGUOUS_PATH = "ambiguous_path"
    TOKEN_TOO_LONG = "token_too_long"  # noqa: S105  a reason's name, no credential
    MALFORMED_TOKEN = "malformed_token"  # noqa: S105  a reason's name, no credential
    UNSUPPORTED_HEADER = "unsupported_header"
    TOKEN_TYPE = "token_type"  # noqa: S105  a reason's name, no credential
    UNKNOWN_ISSUER = "unknown_issuer"
    UNKNOWN_KEY = "unknown_key"
    AMBIGUOUS_KEY = "ambiguous_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_AUDIENCE = "wrong_audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUED_IN_FUTURE = "issued_in_future"
    TOO_OLD = "too_old"
    MISSING_CLAIM = "missing_claim"
    WRONG_VALUE = "wrong_value"
    MALFORMED_CLAIM = "malformed_claim"
    ID_TOKEN = "id_token"  # noqa: S105  a reason's name, no credential
    UNPROVEN = "unproven"
    REVOKED = "revoked"
    NOT_PERMITTED = "not_permitted"
    STEP_UP = "step_up"
    NO_KEYS = "no_keys"
    STORE_UNAVAILABLE = "store_unavailable"


class AuthError(Exception):
    """Refuse a request; the subclass is the HTTP answer.

    Attributes:
        status: HTTP status code of the answer.
        error: Value of the `error` parameter (RFC 6750 §3.1), or None.
        description: Constant text for the client, or None.
        reason: What exactly happened, for the log.
        hint: What an operator might want to try, for the log, or None. Made of
            configured names and of our own words, never of the token's text.
        issuer: Name of the configured issuer that was chosen, or None.
        kid: The id of the configured key that was chosen, or None.
    """

    status: ClassVar[int]
    error: ClassVar[str | None] = None
    description: str | None = None

    def __init__(self, reason: Reason, hint: str | None = None) -> None:
        """Remember *reason* and *hint* for the log."""
        super().__init__(reason.value)
        self.reason: Reason = reason
        self.hint: str | None = hint
        self.issuer: str | None = None
        self.kid: str | None = None


class MissingToken(AuthError):
    """401 without an error code: no credentials, or another scheme."""

    status: ClassVar[int] = 401

    def __init__(self, reason: Reason = Reason.NO_CREDENTIALS, hint: str | None = None) -> None:
        """Remember which of the two it was."""
        super().__init__(reason, hint)


class InvalidRequest(AuthError):
    """400 `invalid_request`: credentials repeated or malformed, or the path ambiguous."""

    status: ClassVar[int] = 400
    error: ClassVar[str | None] = "invalid_request"
    description: str | None = "The credentials are malformed, repeated or too long"

    def __init__(self, reason: Reason, hint: str | None = None) -> None:
        """Remember the reason and choose the client's text."""
        super().__init__(reason, hint)
        if reason is Reason.AMBIGUOUS_PATH:
            self.description = "The path can be read in more than one way"


class InvalidToken(AuthError):
    """401 `invalid_token`: everything about the token itself.

    Expiry alone has a text of its own: only the holder of a token that this
    guard once accepted can see it, and the remedy (refresh) is the client's.
    """

    status: ClassVar[int] = 401
    error: ClassVar[str | None] = "invalid_token"
    description: str | None = "The access token is not valid here"

    def __init__(self, reason: Reason, hint: str | None = None) -> None:
        """Remember the reason and choose the client's text."""
        super().__init__(reason, hint)
        if reason is Reason.EXPIRED:
            self.description = "The access token expired"


class InsufficientScope(AuthError):
    """403 `insufficient_scope`: the route asks for more than the token grants."""

    status: ClassVar[int] = 403
    error: ClassVar[str | None] = "insufficient_scope"
    description: str | None = "The request requires higher privileges than the access token grants"

    def __init__(self, scopes: Collection[str] = (), hint: str | None = None) -> None:
        """Refuse for want of rights.

        Args:
            scopes: Scope values that would satisfy the route (RFC 6750 §3), or
                none where no scope would help.
            hint: For the log.
        """
        super().__init__(Reason.NOT_PERMITTED, hint)
        self.scopes: tuple[str, ...] = tuple(sorted(scopes))


class CrossSite(AuthError):
    """403 without a challenge: a cookie came, and not surely from our own page.

    No other credentials would help, so none are asked for (RFC 9110 §15.5.4).
    """

    status: ClassVar[int] = 403
    description: str | None = "The request was not shown to come from this site's own pages"

    def __init__(self, hint: str | None = None) -> None:
        """Remember what was missing, for the log."""
        super().__init__(Reason.CROSS_SITE, hint)


class StepUpRequired(AuthError):
    """401 `insufficient_user_authentication`: authenticate better (RFC 9470)."""

    status: ClassVar[int] = 401
    error: ClassVar[str | None] = "insufficient_user_authentication"
    description: str | None = "A different authentication level is required"

    def __init__(
        self,
        acr_values: Collection[str] = (),
        max_age: int | None = None,
        hint: str | None = None,
        *,
        scopes: Collection[str] = (),
    ) -> None:
        """Ask for another authentication of the user (RFC 9470 §3).

        Args:
            acr_values: Acceptable authentication context classes, best first.
            max_age: Greatest age of the authentication, in seconds.
            hint: For the log.
            scopes: Scope values to ask for in the same breath.
        """
        super().__init__(Reason.STEP_UP, hint)
        self.scopes: tuple[str, ...] = tuple(sorted(scopes))
        self.acr_values: tuple[str, ...] = tuple(acr_values)
        self.max_age: int | None = max_age


class KeysUnavailable(AuthError):
    """503: without keys nobody can tell; the token is never blamed."""

    status: ClassVar[int] = 503
    description: str | None = "The keys to verify the access token are unavailable"

    def __init__(self, retry_after: int = 5, hint: str | None = None) -> None:
        """Ask the client to come back in *retry_after* seconds."""
        super().__init__(Reason.NO_KEYS, hint)
        self.retry_after: int = retry_after


class StoreUnavailable(AuthError):
    """503: what has to be looked up cannot be; the token is never blamed."""

    status: ClassVar[int] = 503
    description: str | None = "The access token cannot be checked at present"

    def __init__(self, retry_after: int = 5, hint: str | None = None) -> None:
        """Ask the client to come back in *retry_after* seconds."""
        super().__init__(Reason.STORE_UNAVAILABLE, hint)
        self.retry_after: int = retry_after


class ConfigurationError(ValueError):
    """The operator's mistake, said at construction, with what to do about it."""
