"""RFC 8414 §3, RFC 7517 §5: from an issuer's name to its keys' address, and from bytes to keys."""

from collections.abc import Collection

from .._core.token import strictjson
from .._core.token.published import Published, read
from .._fresh import FetchError
from ..errors import ConfigurationError
from ._sources import Fetcher
from ._urls import check_url, shown

_BOM = b"\xef\xbb\xbf"


def metadata_urls(issuer: str) -> tuple[str, str]:
    """Return where *issuer*'s metadata may be: OpenID's place, then RFC 8414's."""
    scheme, _, rest = issuer.partition("://")
    host, _, path = rest.partition("?")[0].partition("/")
    path = f"/{path}".rstrip("/")
    origin = f"{scheme}://{host}"
    return (
        f"{origin}{path}/.well-known/openid-configuration",
        f"{origin}/.well-known/oauth-authorization-server{path}",
    )


def discover(
    issuer: str, url: str | None, fetcher: Fetcher, *, allow_http: Collection[str] = ()
) -> str:
    """Return the `jwks_uri` that *issuer*'s metadata name.

    Args:
        issuer: Its name, which the metadata must repeat.
        url: Where the metadata are, or None to look in the two usual places.
        fetcher: Gets them.
        allow_http: Hosts that may be asked by http.

    Raises:
        FetchError: They could not be had, or are not *issuer*'s.
    """
    openid, oauth = (url, None) if url is not None else metadata_urls(issuer)
    try:
        found, body = openid, fetcher.fetch(openid, None).body
    except FetchError as first:
        if oauth is None:
            raise FetchError(f"{shown(openid)} {first}", patience=first.patience) from None
        try:
            found, body = oauth, fetcher.fetch(oauth, None).body
        except FetchError as second:
            raise FetchError(
                f"{shown(openid)} {first}; {shown(oauth)} {second}",
                patience=max(first.patience, second.patience),
            ) from None
    # Who speaks for an https name must not lead to what listens on this machine.
    loopback = not (found.startswith("https:") or issuer.startswith("https:"))
    try:
        return _jwks_uri(body, issuer, allow_http, loopback=loopback)
    except FetchError as error:
        raise FetchError(f"{shown(found)}: {error}") from None


def _jwks_uri(
    body: bytes | None, issuer: str, allow_http: Collection[str], *, loopback: bool
) -> str:
    try:
        metadata = strictjson.loads_object((body or b"").removeprefix(_BOM))
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
        uri = metadata.get("jwks_uri")
        check_url(uri, allow_http=allow_http, loopback=loopback)
    except ConfigurationError:
        raise FetchError("the metadata's jwks_uri is no https URL") from None
    return str(uri)


def usable_keys(body: bytes, algorithms: Collection[str] | None) -> Published:
    """Return the keys of a document; perhaps none, which is an answer, too.

    A JWK Set, a lone JWK, PEM, or an object of certificates by kid.

    Raises:
        FetchError: It is nothing of the kind.
    """
    try:
        return read(body.removeprefix(_BOM), algorithms)
    except ConfigurationError as error:
        raise FetchError(str(error)) from None
