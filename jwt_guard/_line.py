"""The straight line of one request, from the header values to the caller.

    values - cache? -> bearer -> token - jws.peek -> issuer -> key - jws.verify ->
    claims.check(now) -> Identity

Raise, never return a verdict: a forgotten `except` is a 500, a forgotten `if` is
an open door.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256

from ._cache import MAX_REMEMBERED, Entry, VerifiedTokens
from ._core.token import bearer, claims, jws
from ._core.token.claims import Claims, UnverifiedClaims
from ._core.token.identity import Identity, identify
from ._core.token.jws import UnverifiedHeader, UnverifiedToken
from ._core.token.keys import Key, KeySet
from ._issuer import Issuer
from ._issuers import Tenants
from ._wait import Pause, Wait
from .errors import AuthError, InvalidToken, Reason

# Copied for each request: to set one up anew takes OpenSSL's search for the algorithm,
# which costs little in a loop, and in a server, where it is out of the processor's cache
# each time, twice as much as the hash.
_SHA256 = sha256()

# An issuer has a header per key, and now and then one for another kind of token.
_MAX_HEADERS = 64


class Line:
    """Walks requests from their header values to a verified caller."""

    def __init__(
        self,
        known: Iterable[Issuer],
        tenants: Tenants | None,
        *,
        clock: Callable[[], float],
        max_token_bytes: int,
        verified: VerifiedTokens | None,
    ) -> None:
        """Remember whom to trust; see `Guard`."""
        self._issuers = {issuer.name: issuer for issuer in known}
        self._tenants = tenants
        self._named = self._issuers.get if tenants is None else self._named_or_tenant
        self._clock = clock
        self._max_token_bytes = max_token_bytes
        self._verified = verified
        self._headers: dict[bytes, UnverifiedHeader] = {}

    def begin(self, authorization: Sequence[bytes]) -> Identity | Pause[Identity]:
        """Return the caller, or what to wait for first.

        Raises:
            AuthError: The refusal.
        """
        verified = self._verified
        if verified is None or len(authorization) != 1 or len(authorization[0]) > MAX_REMEMBERED:
            return self._walk(authorization, None)
        # Of the whole value, scheme and signature included: a prefix or the claims would
        # let a forgery with the same beginning in. What was parsed once is parsed.
        hashed = _SHA256.copy()
        hashed.update(authorization[0])
        digest = hashed.digest()
        recalled = verified.recall(digest, self._clock())
        return self._walk(authorization, digest) if recalled is None else recalled

    def named(self, name: str) -> Issuer | None:
        """Return the trusted issuer of that name."""
        return self._named(name)

    def _keys_of(self, tenant: Issuer) -> KeySet | None:
        """Return the keys that a tenant has in use, if it is trusted still."""
        return tenant.source.current() if self._named(tenant.name) is tenant else None

    def _walk(
        self, authorization: Sequence[bytes], digest: bytes | None
    ) -> Identity | Pause[Identity]:
        """Verify the token, and remember it by *digest*."""
        token = bearer.parse(authorization, self._max_token_bytes)
        unverified = jws.peek(token, self._headers)
        unverified_claims = claims.peek(unverified.unverified_payload)
        issuer = self._issuer_of(unverified_claims)
        return self._arrive(digest, unverified, unverified_claims, issuer, issuer.source.find)

    def _arrive(
        self,
        digest: bytes | None,
        token: UnverifiedToken,
        unverified_claims: UnverifiedClaims,
        issuer: Issuer,
        find: Callable[[str, str | None], Key | Wait],
    ) -> Identity | Pause[Identity]:
        """Go on from the issuer; once again, by another *find*, after a pause."""
        alg, kid, typ = token.unverified_header
        key = None
        try:
            key = find(alg, kid)
            if not isinstance(key, Key):
                find = partial(issuer.source.find, waited=True)
                return Pause(
                    key, partial(self._arrive, digest, token, unverified_claims, issuer, find)
                )
            if token.segment not in self._headers:
                self._note(token)
            jws.verify(token, key)
            verified = Claims(unverified_claims)
            window = claims.check(verified, typ, issuer.rules, now=self._clock())
            identity = identify(verified, issuer.rules, key.kid)
        except AuthError as error:
            error.issuer = issuer.name
            error.kid = key.kid if isinstance(key, Key) else None
            raise
        if digest is not None and self._verified is not None:
            known = self._issuers.get(issuer.name) is issuer
            current = issuer.source.current if known else partial(self._keys_of, issuer)
            self._verified.remember(digest, Entry(identity, window, current, kid, key))
        return identity

    def _note(self, token: UnverifiedToken) -> None:
        """Read the header no more; only those that select a key get this far."""
        if len(self._headers) >= _MAX_HEADERS:
            self._headers = {}
        self._headers[token.segment] = token.unverified_header

    def _issuer_of(self, unverified_claims: UnverifiedClaims) -> Issuer:
        """Choose the issuer; `iss` is compared again once it is verified."""
        name = unverified_claims.get("iss")
        issuer = self._named(name) if isinstance(name, str) else None
        if issuer is None:
            raise InvalidToken(Reason.UNKNOWN_ISSUER, self._issuer_hint(name))
        return issuer

    def _named_or_tenant(self, name: str) -> Issuer | None:
        issuer = self._issuers.get(name)
        if issuer is None and self._tenants is not None:
            issuer = self._tenants.get(name)
        return issuer

    def _issuer_hint(self, name: object) -> str:
        if not isinstance(name, str):
            return "the token has no iss that is a string"
        for known in self._issuers:
            if known.rstrip("/") == name.rstrip("/"):
                return f"the token's iss differs from {known!r} only by a trailing slash"
        return f"configured issuers: {', '.join(self._issuers)}"
