"""RFC 6750 §3.1: the refusals; one class is one HTTP answer, and says all of it.

Everything a caller may raise or catch is here. The text that reaches a client is
a constant of its class; what exactly happened travels in `AuthError.reason`, for
logs and metrics only. Whoever answers, logs or counts a refusal asks the refusal,
and never which class it is.
"""

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar

from ._reason import Reason

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
    "Unavailable",
]


class AuthError(Exception):
    """Refuse a request; the subclass is the HTTP answer.

    Attributes:
        status: HTTP status code of the answer.
        scheme: Authentication scheme of the challenge (RFC 9110 §11.6.1), or None
            where no credentials would help, so that none are asked for.
        error: Value of the `error` parameter (RFC 6750 §3.1), or None.
        description: Constant text for the client, or None.
        absent: Whether nothing came that could be a caller's credentials: where
            nobody needs a token, the request passes all the same.
        log_level: Level of the log record. A refusal above INFO is no fault of the
            client's but a state of ours, which many requests meet.
        reason: What exactly happened, for the log.
        hint: What an operator might want to try, for the log, or None. Made of
            configured names and of our own words, never of the token's text.
        issuer: Name of the configured issuer that was chosen, or None.
        kid: The id of the configured key that was chosen, or None.
    """

    status: ClassVar[int]
    scheme: ClassVar[str | None] = "Bearer"
    error: ClassVar[str | None] = None
    description: str | None = None
    absent: ClassVar[bool] = False
    log_level: ClassVar[int] = logging.INFO

    def __init__(self, reason: Reason, hint: str | None = None) -> None:
        """Remember *reason* and *hint* for the log."""
        super().__init__(reason.value)
        self.reason: Reason = reason
        self.hint: str | None = hint
        self.issuer: str | None = None
        self.kid: str | None = None

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Return the challenge's parameters but `realm`, in order, not quoted yet."""
        if self.error is not None:
            yield "error", self.error
        if self.description is not None:
            yield "error_description", self.description

    def fields(self) -> Iterator[tuple[str, str]]:
        """Return the header fields that the answer has besides its challenge."""
        yield from ()

    def ask_for(self, scopes: Collection[str]) -> None:
        """Name the scope values of the route, in a refusal that asks for a first token."""


def _scope(scopes: Collection[str]) -> Iterator[tuple[str, str]]:
    """Return the parameter that names *scopes* (RFC 6750 §3), where there are any.

    `offline_access` lets a client go on without its user. No route needs it, and a
    challenge must not talk clients into asking for it.
    """
    asked = sorted({*scopes} - {"offline_access"})
    if asked:
        yield "scope", " ".join(asked)


class MissingToken(AuthError):
    """401 without an error code: no credentials, or another scheme."""

    status: ClassVar[int] = 401
    absent: ClassVar[bool] = True

    def __init__(
        self,
        reason: Reason = Reason.NO_CREDENTIALS,
        hint: str | None = None,
        *,
        scopes: Collection[str] = (),
    ) -> None:
        """Ask for a token.

        Args:
            reason: Which of the two it was.
            hint: For the log.
            scopes: Scope values that the route asks for, where that is known, so that
                the client asks for them at once.
        """
        super().__init__(reason, hint)
        self.scopes: tuple[str, ...] = tuple(sorted(scopes))

    def ask_for(self, scopes: Collection[str]) -> None:
        """Name the scope values of the route."""
        self.scopes = tuple(sorted(scopes))

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Return the scope values; no error, for nobody did anything wrong."""
        yield from super().parameters()
        yield from _scope(self.scopes)


class InvalidRequest(AuthError):
    """400 `invalid_request`: credentials repeated or malformed, path or method ambiguous."""

    status: ClassVar[int] = 400
    error: ClassVar[str | None] = "invalid_request"
    description: str | None = "The credentials are malformed, repeated or too long"
    _descriptions: ClassVar[Mapping[Reason, str]] = {
        Reason.AMBIGUOUS_PATH: "The path can be read in more than one way",
        Reason.AMBIGUOUS_METHOD: "The method can be read in more than one way",
    }

    def __init__(self, reason: Reason, hint: str | None = None) -> None:
        """Remember the reason and choose the client's text."""
        super().__init__(reason, hint)
        self.description = self._descriptions.get(reason, self.description)


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

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Return the error and the scope values that would do."""
        yield from super().parameters()
        yield from _scope(self.scopes)


class CrossSite(AuthError):
    """403 without a challenge: a cookie came, and not surely from our own page.

    No other credentials would help, so none are asked for (RFC 9110 §15.5.4). What
    any page can send is nobody's: it counts as no credentials.
    """

    status: ClassVar[int] = 403
    scheme: ClassVar[str | None] = None
    description: str | None = "The request was not shown to come from this site's own pages"
    absent: ClassVar[bool] = True

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

    def parameters(self) -> Iterator[tuple[str, str]]:
        """Return the error and the authentication that would do (RFC 9470 §3)."""
        yield from super().parameters()
        yield from _scope(self.scopes)
        if self.acr_values:
            yield "acr_values", " ".join(self.acr_values)
        if self.max_age is not None:
            yield "max_age", str(self.max_age)


class Unavailable(AuthError):
    """503: nobody can tell at present; the token is never blamed.

    Attributes:
        retry_after: When to come back, in seconds.
    """

    status: ClassVar[int] = 503
    scheme: ClassVar[str | None] = None
    log_level: ClassVar[int] = logging.WARNING

    def __init__(self, reason: Reason, retry_after: int = 5, hint: str | None = None) -> None:
        """Ask the client to come back in *retry_after* seconds."""
        super().__init__(reason, hint)
        self.retry_after: int = retry_after

    def fields(self) -> Iterator[tuple[str, str]]:
        """Return when to come back (RFC 9110 §10.2.3)."""
        yield "Retry-After", str(self.retry_after)


class KeysUnavailable(Unavailable):
    """503: without keys nobody can tell."""

    description: str | None = "The keys to verify the access token are unavailable"

    def __init__(self, retry_after: int = 5, hint: str | None = None) -> None:
        """Ask the client to come back in *retry_after* seconds."""
        super().__init__(Reason.NO_KEYS, retry_after, hint)


class StoreUnavailable(Unavailable):
    """503: a store that has to be asked about the token gives no answer."""

    description: str | None = "The access token cannot be checked at present"

    def __init__(self, retry_after: int = 5, hint: str | None = None) -> None:
        """Ask the client to come back in *retry_after* seconds."""
        super().__init__(Reason.STORE_UNAVAILABLE, retry_after, hint)


class ConfigurationError(ValueError):
    """The operator's mistake, said at construction, with what to do about it."""
