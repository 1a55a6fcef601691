"""What the straight line ends in, and the seams at which others join it."""

from typing import NamedTuple, Protocol

from ._core.request.credentials import Credential
from ._core.token.claims import Window
from ._core.token.identity import Identity
from ._core.token.keys import Key
from ._wait import Pause, Wait
from .keys import KeySource


class Basis(NamedTuple):
    """By what a caller was verified.

    Attributes:
        issuer: Name of the configured issuer.
        key: The key that verified the token, or None where none did.
        kid: What the token's header selected the key by, or None.
        source: Where the issuer's keys come from, or None.
    """

    issuer: str
    key: Key | None = None
    kid: str | None = None
    source: KeySource | None = None


class Verified(NamedTuple):
    """A caller that was verified, for as long as that holds.

    Attributes:
        identity: The caller.
        window: When the token is accepted: from the first instant on, and before the
            second, leeway and greatest age included; seconds since the epoch.
        basis: By what it holds.
    """

    identity: Identity
    window: Window
    basis: Basis


class Verifier(Protocol):
    """What tells who a credential speaks for; the line of JWTs is one."""

    def verify(self, credential: Credential, /) -> Verified | Pause[Verified]:
        """Return the caller, or what to wait for first.

        Raises:
            AuthError: The refusal.
        """
        ...


class Lookup(Protocol):
    """What is asked about each caller last, remembered or not."""

    def check(self, verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        """Raise to refuse, or return what to wait for, or None.

        Args:
            verified: The caller.
            waited: What this very check returned before, and was waited for since; a
                second Wait is not waited for.

        Raises:
            AuthError: The refusal.
        """
        ...
