"""RFC 8414 §3, OpenID Connect Discovery 1.0 §4: from an issuer's name to its keys."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from .._core.token import strictjson
from .._core.token.algorithms import ALGORITHMS
from .._core.token.keys import Key, KeySet
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
    """Return the keys of a JWK Set document, and why others were passed over.

    Private keys and secrets in a public document are never used.

    Raises:
        FetchError: Not a JWK Set, or no key of it is usable.
    """
    try:
        members = strictjson.loads_object(body).get("keys")
    except ValueError:
        raise FetchError("the key set is no JSON object") from None
    if not isinstance(members, tuple):
        raise FetchError('the key set has no list "keys"')
    keys: list[Key] = []
    skipped: list[str] = []
    for position, member in enumerate(cast("tuple[object, ...]", members)):
        try:
            keys.append(_key(member, algorithms))
        except ConfigurationError as error:
            skipped.append(f"key {position}: {error}")
    keys = list(dict.fromkeys(keys))
    # Of two different keys under one name neither can be told to be the right one.
    names = Counter((key.kid, key.alg) for key in keys)
    skipped += [f"kid {kid!r}: several keys for {alg}" for (kid, alg), n in names.items() if n > 1]
    keys = [key for key in keys if names[key.kid, key.alg] == 1]
    if not keys:
        why = "; ".join(skipped[:3]) or "it is empty"
        raise FetchError(f"no key of the set is usable: {why}")
    return KeySet(*keys), skipped


def _key(member: object, algorithms: Collection[str] | None) -> Key:
    jwks = {"keys": [member]}
    alg = _alg(cast("Mapping[str, Any]", member), algorithms) if isinstance(member, dict) else None
    (key,) = KeySet.from_jwks(jwks, alg=alg)
    if algorithms is not None and key.alg not in algorithms:
        raise ConfigurationError(f"its algorithm {key.alg} is not among the issuer's algorithms")
    return key


def _alg(jwk: Mapping[str, Any], algorithms: Collection[str] | None) -> str | None:
    """Return the configured algorithm for a JWK that names none, if just one fits."""
    if algorithms is None or "alg" in jwk:
        return None
    fitting = [alg for alg in algorithms if ALGORITHMS[alg].kty == jwk.get("kty")]
    return fitting[0] if len(fitting) == 1 else None
