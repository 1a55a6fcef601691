"""RFC 8414 §3, RFC 7517 §5: from an issuer's name to its keys' address, and from bytes to keys."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, cast

from .._core.token import loading, strictjson
from .._core.token.algorithms import ALGORITHMS
from .._core.token.keys import Key, KeySet
from .._fresh import FetchError
from ..errors import ConfigurationError
from ._fetching import Fetcher, check_url, shown

_BOM = b"\xef\xbb\xbf"

# Where those who publish certificates by kid publish JWKs.
_GOOGLE = "https://www.googleapis.com/service_accounts/v1/jwk/…"


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


class Usable(NamedTuple):
    """What a document holds.

    Attributes:
        keys: Those that are used; perhaps none, which is an answer, too.
        amiss: Why others are not, where somebody should mend that.
    """

    keys: KeySet
    amiss: tuple[str, ...]


def usable_keys(body: bytes, algorithms: Collection[str] | None) -> Usable:
    """Return the keys of a document.

    A JWK Set, a lone JWK, PEM, or an object of certificates by kid. Private keys and
    secrets in a public document are never used; keys for other purposes, and of types
    that are not known here, are passed over as RFC 7517 §5 says.

    Raises:
        FetchError: It is nothing of the kind.
    """
    body = body.removeprefix(_BOM)
    if loading.is_pem(body):
        return _gathered(_of_pem(body, algorithms))
    try:
        document = strictjson.loads_object(body)
    except ValueError:
        raise FetchError("the key set is no JSON object") from None
    members = document.get("keys", (document,) if "kty" in document else None)
    if isinstance(members, tuple):
        return _gathered(_of_members(cast("tuple[object, ...]", members), algorithms))
    if document and all(_is_certificate(value) for value in document.values()):
        return _gathered(_of_certificates(document, algorithms))
    raise FetchError('the key set has no list "keys"')


# Makes the keys of one member of a document; its name is for messages.
_Member = tuple[str, Callable[[], Iterable[Key]]]


def _gathered(members: Iterable[_Member]) -> Usable:
    keys = dict[tuple[str | None, str], Key]()
    amiss, twice = list[str](), set[tuple[str | None, str]]()
    for name, make in members:
        try:
            for key in make():
                if keys.setdefault((key.kid, key.alg), key) != key:
                    twice.add((key.kid, key.alg))
        except ConfigurationError as error:
            amiss.append(f"{name}: {error}")
    # Of two different keys under one name neither can be told to be the right one.
    amiss += [f"kid {kid!r}: several keys for {alg}" for kid, alg in twice]
    return Usable(
        KeySet.found(key for name, key in keys.items() if name not in twice), tuple(amiss)
    )


def _of_members(
    members: tuple[object, ...], algorithms: Collection[str] | None
) -> Iterator[_Member]:
    for position, member in enumerate(members):
        jwk = cast("Mapping[str, Any]", member) if isinstance(member, Mapping) else None
        if jwk is None or not _for_others(jwk):
            yield f"key {position}", partial(_of_jwk, jwk or {}, algorithms)


def _for_others(jwk: Mapping[str, Any]) -> bool:
    """Whether a key is for another purpose, or of a kind that is not known here."""
    kinds = [(row.kty, curve) for row in ALGORITHMS.values() for curve in (None, *row.curves)]
    return (
        jwk.get("use") not in (None, "sig")
        or jwk.get("alg") not in (None, *ALGORITHMS)
        or ("kty" in jwk and (jwk["kty"], jwk.get("crv")) not in kinds)
    )


def _of_jwk(jwk: Mapping[str, Any], algorithms: Collection[str] | None) -> list[Key]:
    kty, own = jwk.get("kty"), jwk.get("alg")
    fitting = [alg for alg in algorithms or () if ALGORITHMS[alg].kty == kty]
    if own is None and fitting:
        return _fitting(lambda alg: KeySet.from_jwks({"keys": [jwk]}, alg=alg), fitting)
    (key,) = KeySet.from_jwks({"keys": [jwk]})
    if algorithms is not None and key.alg not in algorithms:
        raise ConfigurationError(f"its algorithm {key.alg} is not among the issuer's algorithms")
    return [key]


def _fitting(make: Callable[[str], Iterable[Key]], algorithms: Collection[str]) -> list[Key]:
    """Return a key for each algorithm that fits; the first refusal if none does.

    What names no algorithm itself is good for each that is configured.
    """
    keys, refusal = list[Key](), None
    for alg in algorithms:
        try:
            keys += make(alg)
        except ConfigurationError as error:
            refusal = refusal or error
    if refusal is not None and not keys:
        raise refusal
    return keys


def _is_certificate(value: object) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("-----BEGIN CERTIFICATE-----")


def _of_certificates(
    document: Mapping[str, str], algorithms: Collection[str] | None
) -> Iterator[_Member]:
    if algorithms is None:
        raise FetchError(
            "holds certificates by kid, which name no algorithm: say algorithms=[…], or give "
            f"the address of a JWK Set (of Google and Firebase: {_GOOGLE})"
        )
    for kid, pem in document.items():
        yield f"certificate {kid!r}", partial(_of_block, pem, algorithms, kid)


def _of_pem(body: bytes, algorithms: Collection[str] | None) -> Iterator[_Member]:
    if algorithms is None:
        raise FetchError(
            "holds PEM, which names no algorithm: say algorithms=[…], or give the address of a "
            "JWK Set"
        )
    try:
        blocks = loading.pem_blocks(body)
    except ConfigurationError as error:
        raise FetchError(str(error)) from None
    for position, block in enumerate(blocks):
        if block.private:
            raise FetchError("publishes a private key, which is to be replaced now")
        yield f"block {position}", partial(_of_block, block.pem, algorithms, None)


def _of_block(pem: str | bytes, algorithms: Collection[str], kid: str | None) -> list[Key]:
    return _fitting(lambda alg: [Key.from_pem(pem, alg=alg, kid=kid)], algorithms)
