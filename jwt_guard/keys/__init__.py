"""RFC 7517 §5, RFC 8414: keys that come from elsewhere and are kept fresh.

    find -> a key that is known: at once, without a lock
         -> a Flight to wait for: the one fetch that may bring the key
         -> a refusal: nobody knows such a key, or nobody can tell

`documents` says where keys are, `fetching` gets bytes, `schedule` decides when,
`keys` holds the current set and sends a `flight`.
"""

from .fetching import Document, Fetcher, FetchError, HttpFetcher
from .fresh import Observer
from .standin import Discovery, Jwks, KeptKeys, KeySource, open_file, several

__all__ = [
    "Discovery",
    "Document",
    "FetchError",
    "Fetcher",
    "HttpFetcher",
    "Jwks",
    "KeptKeys",
    "KeySource",
    "Observer",
    "open_file",
    "several",
]
