"""What one fetch of keys is: discovery and JWKS by HTTPS, or a file."""

from collections.abc import Callable, Collection

from .._core.token.keys import KeySet
from ..errors import ConfigurationError
from .documents import discover, usable_keys
from .fetching import Fetcher, FetchError
from .fresh import Fetched


class JwksSource:
    """Fetches an issuer's key set, found by discovery unless its URL is given."""

    def __init__(
        self,
        issuer: str,
        jwks_url: str | None,
        fetcher: Fetcher,
        algorithms: Collection[str] | None,
    ) -> None:
        """Remember where to ask; nothing is fetched yet."""
        self._issuer = issuer
        self._configured_url = jwks_url
        self._fetcher = fetcher
        self._algorithms = algorithms
        self._forget()

    def _forget(self) -> None:
        self._url = self._configured_url
        self._etag: str | None = None

    def fetch(self) -> Fetched:
        """Return the keys; on the worker thread.

        Raises:
            FetchError: They could not be had. Next time, discovery starts anew.
        """
        try:
            self._url = self._url or discover(self._issuer, self._fetcher)
            document = self._fetcher.fetch(self._url, self._etag)
            if document.body is None:
                return Fetched(None, document.max_age)
            keys, skipped = usable_keys(document.body, self._algorithms)
        except FetchError as error:
            url = self._url or "discovery"
            self._forget()
            raise FetchError(f"{url} {error}") from None
        self._etag = document.etag
        return Fetched(keys, document.max_age, tuple(skipped))


def read_again(read: Callable[[], KeySet]) -> Fetched:
    """Return the keys of a file as it is now; on the worker thread.

    The file is small and local: reading it costs less than to tell reliably,
    over every file system, whether it has changed.

    Raises:
        FetchError: It cannot be read, or holds no usable key.
    """
    try:
        return Fetched(read(), 0)
    except ConfigurationError as error:
        raise FetchError(str(error)) from None
