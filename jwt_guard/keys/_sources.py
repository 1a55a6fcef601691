"""RFC 8414, RFC 7517: where an issuer's keys are, declared; and opened, to be asked."""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import KW_ONLY, dataclass, field
from functools import lru_cache
from typing import Protocol, cast

from .._core.token.algorithms import ALGORITHMS, algorithm
from .._core.token.keys import KeySet
from .._fresh import FetchError
from .._schedule import Timing
from .._wait import Wait
from ..errors import ConfigurationError
from ..observing import Observer
from ._documents import discover, metadata_urls, usable_keys
from ._fetching import Fetcher, HttpFetcher, check_url, shown
from ._fresh_keys import Found, FreshKeys, Published

_log = logging.getLogger("jwt_guard")

# Providers move their keys seldom, and leave the old address answering.
_DISCOVER_AGAIN = 600.0

# A set that is fetched is public, and a secret is not.
_PUBLIC = tuple(alg for alg, row in ALGORITHMS.items() if row.kty != "oct")

# A hundred years and more: beyond it a number of seconds is a mistake, and far
# beyond it no float.
_MOST_SECONDS = 10**10

# A file is near and costs nothing to ask: looked at every few seconds, also when it is
# missing. A read that takes a second comes from no disk.
_FILE = Timing(max_stale=3600, wait=2, shortest=5, limit=1, longest_back_off=5, window=2)


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

    def missed(self, alg: str, kid: str | None) -> Wait | None:
        """Return the fetch that may bring another key to try, or None.

        Args:
            alg: The header's, unverified.
            kid: The header's, unverified, or None; no key in use is called so, and
                none of those that were tried signed the token.
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


@lru_cache(maxsize=1)
def _default_fetcher() -> HttpFetcher:
    return HttpFetcher()


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
            since the fetch was begun. Requests whose key is known never wait.
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
            check_url(self.url, allow_http=_allowed(self.fetcher))

    def check(self, issuer: str) -> None:
        """Raise unless the metadata can be found; see `KeyLocation`."""
        if self.url is None:
            check_url(issuer, allow_http=_allowed(self.fetcher))

    def open(self, issuer: str, tell: Observer, *, found: bool = False) -> FreshKeys:
        """Return the keys of *issuer*; see `KeyLocation`."""
        self.check(issuer)
        place = self.url or metadata_urls(issuer)[0]
        fetcher = _confined(self.fetcher, place)
        allow_http = _allowed(self.fetcher)

        def locate() -> str:
            return discover(issuer, self.url, fetcher, allow_http=allow_http)

        remote = _Remote(locate, fetcher, self.algorithms)
        return _opened(self, issuer, tell, remote, found=found)


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
        check_url(self.url, allow_http=_allowed(self.fetcher))

    def check(self, issuer: str) -> None:
        """Raise never: the address does not depend on the issuer; see `KeyLocation`."""

    def open(self, issuer: str, tell: Observer, *, found: bool = False) -> FreshKeys:
        """Return the keys of *issuer*; see `KeyLocation`."""
        fetcher = _confined(self.fetcher, self.url)
        remote = _Remote(lambda: self.url, fetcher, self.algorithms)
        return _opened(self, issuer, tell, remote, found=found)


def open_file(keys: KeySet, issuer: str, tell: Observer) -> FreshKeys:
    """Return the keys of a file, read again when it has changed.

    Args:
        keys: Made by `KeySet.load`, which has a `reload`.
        issuer: Whose keys they are.
        tell: Is told what happens.
    """
    read = keys.reload
    if read is None:
        raise ConfigurationError("only keys that KeySet.load has read can be read again")

    def ask(before: KeySet | None, *, anew: bool) -> Published:  # noqa: ARG001  a file has one place
        try:
            return Published(read(), 0)
        except ConfigurationError as error:
            raise FetchError(str(error)) from None

    return FreshKeys(issuer, ask, _FILE, tell, algorithms=ALGORITHMS, keys=keys)


def _opened(
    location: Discovery | Jwks, issuer: str, tell: Observer, remote: "_Remote", *, found: bool
) -> FreshKeys:
    timing = Timing(max_stale=location.max_stale, wait=location.wait)
    algorithms = location.algorithms or _PUBLIC
    return FreshKeys(issuer, remote, timing, tell, algorithms=algorithms, found=found)


class _Remote:
    """Asks one issuer's address, which is discovered again now and then."""

    def __init__(
        self,
        locate: Callable[[], str],
        fetcher: Fetcher,
        algorithms: Collection[str] | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._locate = locate
        self._fetcher = fetcher
        self._algorithms = algorithms
        self._clock = clock
        self._url: str | None = None
        self._located_at = 0.0
        # With the set that it validates: a child forked in between has only one of them.
        self._etag: tuple[KeySet | None, str | None] = (None, None)
        self._amiss: tuple[str, ...] = ()
        self._passed_over: tuple[str, ...] = ()

    def __call__(self, before: KeySet | None, *, anew: bool) -> Published:
        """Ask; see `Publisher`. After a failure discovery starts anew."""
        now = self._clock()
        try:
            if self._url is None or anew or now >= self._located_at + _DISCOVER_AGAIN:
                self._move(self._locate(), now)
            return self._asked(str(self._url), before)
        except FetchError:
            self._move(None, now)
            raise

    def _move(self, url: str | None, now: float) -> None:
        if url != self._url:
            self._etag = (None, None)
        self._url, self._located_at = url, now

    def _asked(self, url: str, before: KeySet | None) -> Published:
        known, etag = self._etag
        etag = etag if before is not None and known is before else None
        try:
            document = self._fetcher.fetch(url, etag)
            if document.body is None:
                _check_asked(etag)
                return Published(None, document.max_age, self._amiss)
            found = usable_keys(document.body, self._algorithms)
        except FetchError as error:
            raise FetchError(f"{shown(url)} {error}", patience=error.patience) from None
        if found.passed_over != self._passed_over:
            for reason in found.passed_over:
                _log.debug("%s: passed over %s", shown(url), reason)
        self._amiss, self._passed_over = found.refused, found.passed_over
        self._etag = (found.keys, document.etag)
        return Published(found.keys, document.max_age, self._amiss)


def _check_asked(etag: str | None) -> None:
    if etag is None:
        raise FetchError("answered 'not modified' (304) to a first question")


def _allowed(fetcher: Fetcher | None) -> Collection[str]:
    return fetcher.allow_http if isinstance(fetcher, HttpFetcher) else ()


def _confined(fetcher: Fetcher | None, url: str) -> Fetcher:
    fetcher = fetcher or _default_fetcher()
    return fetcher.confined(url) if isinstance(fetcher, HttpFetcher) else fetcher


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
