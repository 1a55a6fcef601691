"""RFC 8414, RFC 7517: where an issuer's keys are, declared."""

from collections.abc import Collection
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from .._core.token.algorithms import algorithm
from .._core.token.keys import Key, KeySet
from .._wait import Wait
from ..errors import ConfigurationError
from ..observing import Observer
from ._urls import check_url

if TYPE_CHECKING:
    from ._fetching import Document
    from ._fresh_keys import FreshKeys

# A hundred years and more: beyond it a number of seconds is a mistake, and far
# beyond it no float.
_MOST_SECONDS = 10**10

Found = tuple[Key, ...] | Wait
"""The keys, 1 to 8 of them, of which one may have signed; or what to wait for."""


class Fetcher(Protocol):
    """Gets documents; called on a worker thread, never on an event loop."""

    def fetch(self, url: str, etag: str | None) -> "Document":
        """Return the document at *url*, or that *etag* is still current.

        Raises:
            FetchError: It could not be had.
        """
        ...


class KeySource(Protocol):
    """Where keys come from, for one issuer."""

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Found:
        """Return the keys that a token's header selects, or what to wait for.

        Args:
            alg: The header's, unverified.
            kid: The header's, unverified, or None.
            waited: Whether the caller has waited already; then keys or a refusal.

        Raises:
            InvalidToken: No key fits.
            KeysUnavailable: Nobody can tell at present.
        """
        ...

    def current(self) -> KeySet | None:
        """Return the keys in use, or None if there are none at present; never wait."""
        ...


class KeptKeys(KeySource, Protocol):
    """A source that has to be asked, and may fail."""

    def warm_up(self) -> Wait | None:
        """Return the fetch to wait for until there are keys, or None."""
        ...

    def missed(self, alg: str, kid: str | None, *, waited: bool) -> Wait | None:
        """Return the fetch that may bring another key to try, or None.

        Args:
            alg: The header's, unverified.
            kid: The header's, unverified, or None; no key in use is called so, and
                none of those that were tried signed the token.
            waited: Whether the caller has waited already; then None.
        """
        ...

    def health(self) -> dict[str, object]:
        """Return the state for an operator: `issuer`, `ready`, `keys`, `last_error`."""
        ...


class KeyLocation(Protocol):
    """Says where an issuer's keys are; declared, and does nothing until it is opened."""

    def check(self, issuer: str) -> None:
        """Raise ConfigurationError if the keys of *issuer* cannot be found there."""
        ...

    def open(self, issuer: str, tell: Observer, *, found: bool = False) -> KeptKeys:
        """Return the keys of *issuer*, to be fetched with the first question.

        Args:
            issuer: Its name.
            tell: Is told what happens.
            found: Whether the issuer was not configured, but found at run time by
                a name that a stranger may have made up; those share few fetches.
        """
        ...


@dataclass(frozen=True, slots=True)
class Discovery:
    """The issuer's metadata name the address of its keys (OpenID Connect, RFC 8414).

    Attributes:
        url: Where the metadata are, if that is not told by the issuer's name. They
            must name that issuer all the same.
        algorithms: Only keys of these are used; by default all that are known here.
        max_stale: How long keys outlive their lifetime while they cannot be fetched
            again, in seconds.
        wait: How long a request waits for a fetch if it has no other way, in seconds
            since the fetch was begun. Requests whose key is known never wait, and those
            of a kid that a known set lacks half a second at most: anybody can make one up.
        fetcher: Gets the documents; for private authorities or extra header fields an
            `HttpFetcher` of your own.

    Raises:
        ConfigurationError: An option is no such thing.
    """

    url: str | None = field(default=None, repr=False)
    _: KW_ONLY
    algorithms: Collection[str] | None = None
    max_stale: float = 3600
    wait: float = 2
    fetcher: Fetcher | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the options."""
        object.__setattr__(self, "algorithms", _algorithms(self.algorithms))
        _check_seconds(self.max_stale, self.wait)
        if self.url is not None:
            check_url(self.url, allow_http=allowed(self.fetcher))

    def check(self, issuer: str) -> None:
        """Raise unless the metadata can be found; see `KeyLocation`."""
        if self.url is None:
            check_url(issuer, allow_http=allowed(self.fetcher))

    def open(self, issuer: str, tell: Observer, *, found: bool = False) -> "FreshKeys":
        """Return the keys of *issuer*; see `KeyLocation`."""
        # What fetches is loaded by those who fetch.
        from ._opened import open_discovery  # noqa: PLC0415

        self.check(issuer)
        return open_discovery(self, issuer, tell, found=found)


@dataclass(frozen=True, slots=True)
class Jwks:
    """The address of the issuer's keys is known.

    Attributes:
        url: Address of a JWK Set, or of certificates or PEM if *algorithms* says
            what they are for.
        algorithms: As for `Discovery`.
        max_stale: As for `Discovery`.
        wait: As for `Discovery`.
        fetcher: As for `Discovery`.

    Raises:
        ConfigurationError: An option is no such thing.
    """

    url: str = field(repr=False)
    _: KW_ONLY
    algorithms: Collection[str] | None = None
    max_stale: float = 3600
    wait: float = 2
    fetcher: Fetcher | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the options."""
        object.__setattr__(self, "algorithms", _algorithms(self.algorithms))
        _check_seconds(self.max_stale, self.wait)
        check_url(self.url, allow_http=allowed(self.fetcher))

    def check(self, issuer: str) -> None:
        """Raise never: the address does not depend on the issuer; see `KeyLocation`."""

    def open(self, issuer: str, tell: Observer, *, found: bool = False) -> "FreshKeys":
        """Return the keys of *issuer*; see `KeyLocation`."""
        # What fetches is loaded by those who fetch.
        from ._opened import open_jwks  # noqa: PLC0415

        return open_jwks(self, issuer, tell, found=found)


def allowed(fetcher: Fetcher | None) -> Collection[str]:
    """Return the hosts that *fetcher* asks by http."""
    if fetcher is None:
        return ()
    from ._fetching import HttpFetcher  # noqa: PLC0415  it is loaded, if this is one

    return fetcher.allow_http if isinstance(fetcher, HttpFetcher) else ()


def _algorithms(algorithms: Collection[str] | None) -> tuple[str, ...] | None:
    if algorithms is None:
        return None
    if isinstance(algorithms, str) or not isinstance(algorithms, Collection):
        raise ConfigurationError('algorithms is a list, for example ["RS256"]')
    for alg in algorithms:
        if algorithm(alg).kty == "oct":
            raise ConfigurationError(f"{alg} needs a shared secret, which is never fetched")
    if not algorithms:
        raise ConfigurationError("algorithms is empty, and no key would be used")
    return tuple(algorithms)


def _check_seconds(*values: object) -> None:
    for value in values:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        # Not a number is not between any two.
        if not number or not 0 <= cast("float", value) <= _MOST_SECONDS:
            raise ConfigurationError("wait and max_stale are seconds, 0 or more")
