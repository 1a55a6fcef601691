"""RFC 7517 §5, RFC 8414: where keys come from, and how they are kept fresh.

    find -> a key that is known: at once, without a lock
         -> a Wait: for the one fetch that may bring the key
         -> a refusal: nobody has such a key, or nobody can tell

`_sources` says where keys are, `_opened` asks there, `_fetching` and `_exchange` get
bytes, `_documents` reads them, `_fresh_keys` selects, `_several` puts sources together.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from ._several import several
from ._sources import Discovery, Fetcher, Jwks, KeptKeys, KeyLocation, KeySource

if TYPE_CHECKING:
    from .._fresh import FetchError
    from ._fetching import Document, HttpFetcher
    from ._opened import open_file

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

# What a guard whose keys are given has no use for.
_LATE = {
    "Document": "._fetching",
    "FetchError": ".._fresh",
    "HttpFetcher": "._fetching",
    "open_file": "._opened",
}


def __getattr__(name: str) -> object:
    """Load what is public here and needed late (PEP 562)."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_LATE[name], __name__), name)
    globals()[name] = found
    return found
