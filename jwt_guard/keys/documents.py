"""RFC 8414 §3, OpenID Connect Discovery 1.0 §4: from an issuer's name to its keys."""

from collections.abc import Collection
from urllib.parse import urlsplit

from .._core.token import published, strictjson
from .._core.token.keys import KeySet
from ..errors import ConfigurationError
from .fetching import Fetcher, FetchError, check_url


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Return where *issuer*'s metadata may be: OpenID's place, then RFC 8414's."""
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    origin = f"{parts.scheme}://{parts.netloc}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def discover(issuer: str, fetcher: Fetcher) -> str:
    """Return the `jwks_uri` that *issuer*'s metadata name.

    Raises:
        FetchError: Neither document could be had, or it is not *issuer*'s.
    """
    openid, oauth = metadata_urls(issuer)
    try:
        body = fetcher.fetch(openid, None).body
    except FetchError as first:
        try:
            body = fetcher.fetch(oauth, None).body
        except FetchError as second:
            raise FetchError(f"{openid} {first}; {oauth} {second}") from None
    return _jwks_uri(body, issuer)


def _jwks_uri(body: bytes | None, issuer: str) -> str:
    try:
        metadata = strictjson.loads_object(body or b"")
    except ValueError:
        raise FetchError("the metadata is no JSON object") from None
    named = metadata.get("issuer")
    if named != issuer:
        if isinstance(named, str) and named.rstrip("/") == issuer.rstrip("/"):
            raise FetchError(
                "the metadata's issuer differs from the configured name only by a trailing "
                "slash; write the name as the provider does"
            )
        raise FetchError("the metadata is another issuer's: its issuer is not the configured name")
    try:
        return check_url(metadata.get("jwks_uri"))
    except ConfigurationError:
        raise FetchError("the metadata's jwks_uri is no https URL") from None


def usable_keys(body: bytes, algorithms: Collection[str] | None) -> tuple[KeySet, list[str]]:
    """Return the keys of a document, and why others were passed over.

    Raises:
        FetchError: Not a document of keys, or no key of it is usable.
    """
    try:
        found = published.read(body, algorithms)
    except ConfigurationError as error:
        raise FetchError(str(error)) from None
    skipped = [*found.refused, *found.passed_over]
    if not found.keys:
        raise FetchError(f"no key of the set is usable: {'; '.join(skipped[:3]) or 'it is empty'}")
    return found.keys, skipped
