"""RFC 7517 §5, RFC 8414: where keys come from, and how they are kept fresh.

    find -> a key that is known: at once, without a lock
         -> a Wait: for the one fetch that may bring the key
         -> a refusal: nobody has such a key, or nobody can tell

`_sources` says where keys are, `_fetching` and `_exchange` get bytes, `_documents`
reads them, `_fresh_keys` selects, `_several` puts sources together.
"""

from .._fresh import FetchError
from ._fetching import Document, Fetcher, HttpFetcher
from ._several import several
from ._sources import Discovery, Jwks, KeptKeys, KeyLocation, KeySource, open_file

__all__ = [
    "Discovery",
    "Document",
    "FetchError",
    "Fetcher",
    "HttpFetcher",
    "Jwks",
    "KeptKeys",
    "KeyLocation",
    "KeySource",
    "open_file",
    "several",
]
