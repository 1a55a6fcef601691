"""RFC 8414, RFC 7517: an issuer's keys opened, to be asked for as they are declared."""

import logging
import time
from collections.abc import Callable, Collection
from functools import lru_cache

from .._core.token.algorithms import ALGORITHMS
from .._core.token.keys import KeySet
from .._fresh import FetchError
from .._schedule import Timing
from ..errors import ConfigurationError
from ..observing import Observer
from ._documents import discover, metadata_urls, usable_keys
from ._fetching import HttpFetcher
from ._fresh_keys import FreshKeys, Published
from ._sources import Discovery, Fetcher, Jwks, allowed
from ._urls import shown

_log = logging.getLogger("jwt_guard")

# Providers move their keys seldom, and leave the old address answering.
_DISCOVER_AGAIN = 600.0

# A set that is fetched is public, and a secret is not.
_PUBLIC = tuple(alg for alg, row in ALGORITHMS.items() if row.kty != "oct")

# A file is near and costs nothing to ask: looked at every few seconds, also when it is
# missing. A read that takes a second comes from no disk.
_FILE = Timing(max_stale=3600, wait=2, shortest=5, limit=1, longest_back_off=5, window=2)


@lru_cache(maxsize=1)
def _default_fetcher() -> HttpFetcher:
    return HttpFetcher()


def open_discovery(location: Discovery, issuer: str, tell: Observer, *, found: bool) -> FreshKeys:
    """Return the keys of *issuer*; see `KeyLocation.open`."""
    place = location.url or metadata_urls(issuer)[0]
    fetcher = _confined(location.fetcher, place)
    allow_http = allowed(location.fetcher)

    def locate() -> str:
        return discover(issuer, location.url, fetcher, allow_http=allow_http)

    remote = _Remote(locate, fetcher, location.algorithms)
    return _opened(location, issuer, tell, remote, found=found)


def open_jwks(location: Jwks, issuer: str, tell: Observer, *, found: bool) -> FreshKeys:
    """Return the keys of *issuer*; see `KeyLocation.open`."""
    fetcher = _confined(location.fetcher, location.url)
    remote = _Remote(lambda: location.url, fetcher, location.algorithms)
    return _opened(location, issuer, tell, remote, found=found)


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


def _confined(fetcher: Fetcher | None, url: str) -> Fetcher:
    fetcher = fetcher or _default_fetcher()
    return fetcher.confined(url) if isinstance(fetcher, HttpFetcher) else fetcher
