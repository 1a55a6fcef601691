"""The straight line of one request, from its credential to a verified caller.

    recall, or else: jws.peek -> Issuers -> KeySource.find -> jws.verify ->
    claims.check(now) -> identify; and then, for both: lookups -> Verified

Raise, never return a verdict: a forgotten `except` is a 500, a forgotten `if` is
an open door.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import TypeAlias, cast

from ._cache import Entry, VerifiedTokens, octets
from ._core.request.credentials import Bearer, Credential, CredentialSource
from ._core.token import claims, jws
from ._core.token.claims import Claims, UnverifiedClaims
from ._core.token.identity import identify
from ._core.token.jws import UnverifiedHeader, UnverifiedToken
from ._core.token.keys import Key
from ._issuers import Issuers, Trusted
from ._verified import Basis, Lookup, Verified, Verifier
from ._wait import Pause, Wait
from .errors import (
    AuthError,
    InvalidRequest,
    InvalidToken,
    Reason,
    StoreUnavailable,
)

_log = logging.getLogger("jwt_guard")

# Copied for each request: to set one up anew takes OpenSSL's search for the algorithm,
# which costs little in a loop, and in a server, where it is out of the processor's cache
# each time, twice as much as the hash.
_SHA256 = sha256()

# "Bearer " and a token as long as servers let through: an ML-DSA signature alone has
# 4.4 KB.
_MAX_REMEMBERED = 7 + 8192

# Thirty thousand years: what is beyond counts no seconds since the epoch.
_LATEST = 10**12
_EARLIEST = -_LATEST

# An issuer has a header per key, and now and then one for another kind of token.
_MAX_HEADERS = 64

# header.payload.signature (RFC 7515 §7.1); an opaque token has other dots, or none.
_DOTS = 2

# How far a token got. Where several issuers have one name, the refusal is that of the
# one that would have accepted it but for the least; and where one of them cannot tell,
# nobody can.
_PROGRESS: Mapping[Reason, int] = {
    Reason.UNKNOWN_KEY: 0,
    Reason.AMBIGUOUS_KEY: 0,
    Reason.BAD_SIGNATURE: 1,
    Reason.TOKEN_TYPE: 2,
    Reason.WRONG_AUDIENCE: 3,
    Reason.NO_KEYS: 5,
}
_LAST_CLAIMS = 4


# A token under way: the unverified name of its issuer, itself, its claims, and what it
# will be remembered by. A plain tuple, because one is made for every request.
_Question: TypeAlias = tuple[str, UnverifiedToken, UnverifiedClaims, bytes | None]


# What a named tuple's own constructor does, without its call in Python.
_made = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  generic


class Line:
    """Goes from credentials to verified callers; the `Verifier` of JWTs."""

    def __init__(
        self,
        issuers: Issuers,
        *,
        clock: Callable[[], float] | None,
        max_token_bytes: int,
        remembered: VerifiedTokens | None,
        credentials: Sequence[CredentialSource],
        lookups: Sequence[Lookup],
        opaque: Verifier | None,
    ) -> None:
        """Remember whom to trust; see `Guard`."""
        self._issuers = issuers
        self._known = issuers.known
        self._clock = clock
        self._max_token_bytes = max_token_bytes
        self._remembered = remembered
        # What digests of tokens from there end with. None: as `recall` sees them.
        self._places: Mapping[int, bytes | None] = {
            id(source): None if isinstance(source, Bearer) else b"%d" % number
            for number, source in enumerate(credentials)
        }
        self._lookups = tuple(lookups)
        self._opaque = opaque
        self._headers: dict[bytes, UnverifiedHeader] = {}
        self._misreadings: set[str] = set()

    def recall(  # noqa: PLR0911  a return for each thing that may not hold
        self, authorization: Sequence[bytes], digest: bytes | None = None
    ) -> Verified | Pause[Verified] | None:
        """Return the caller if the one value is that of a remembered token.

        Nothing is parsed: a digest that is known is that of "Bearer ", one space and a
        token that was verified, all of it. A prefix or the claims would let a forgery
        with the same beginning in.

        Args:
            authorization: The value of every Authorization field, in order.
            digest: Of a credential, in place of the values.

        Raises:
            AuthError: A lookup refuses the caller.
        """
        remembered = self._remembered
        if remembered is None:
            return None
        if digest is None:
            if len(authorization) != 1 or len(authorization[0]) > _MAX_REMEMBERED:
                return None
            hashed = _SHA256.copy()
            hashed.update(authorization[0])
            digest = hashed.digest()
        entry = remembered.young.get(digest) or remembered.promoted(digest)
        if entry is None:
            return None
        current = entry.current
        keys = entry.keys if current is None else current()
        begins, ends = entry.verified.window
        now = time.time() if self._clock is None else self._clock()
        try:
            # Written so that a clock that returns NaN lets nobody in.
            if keys is None or not begins <= now < ends:
                return None
        except TypeError:
            # The clock returned no number; `now` says so.
            return None
        if keys is not entry.keys and not entry.stands_in(keys):
            remembered.drop(digest)
            return None
        remembered.counters.hits += 1
        return self._leave(entry.verified) if self._lookups else entry.verified

    def verify(self, credential: Credential) -> Verified | Pause[Verified]:
        """Return the caller, or what to wait for first.

        Raises:
            AuthError: The refusal.
        """
        token = credential.token
        if len(token) > self._max_token_bytes:
            raise InvalidRequest(Reason.TOKEN_TOO_LONG)
        if self._opaque is not None and token.count(b".") != _DOTS:
            return self._ask_other(partial(self._opaque.verify, credential))
        digest = None
        if self._remembered is not None:
            digest = self._digest(credential)
            recalled = self.recall((), digest) if digest is not None else None
            if recalled is not None:
                return recalled
            self._remembered.counters.misses += 1
        unverified = jws.peek(token, self._headers)
        unverified_claims = claims.peek(unverified.unverified_payload)
        name = unverified_claims.get("iss")
        if name is None:
            name = self._issuers.nameless
        if not isinstance(name, str):
            raise InvalidToken(Reason.UNKNOWN_ISSUER, "the token has no iss that is a string")
        question = (name, unverified, unverified_claims, digest)
        known = self._known.get(name)
        return self._choose(question) if known is None else self._weigh(question, known)

    def now(self) -> float:
        """Return the seconds since the epoch.

        Raises:
            StoreUnavailable: The operator's clock does not tell.
        """
        # Looked up at each call, for those who freeze the time.
        now = time.time() if self._clock is None else self._clock()
        try:
            counts = _EARLIEST < now < _LATEST
        except TypeError:
            counts = False
        if not counts:
            raise StoreUnavailable(hint="clock= returned no number of seconds")
        return now

    def _digest(self, credential: Credential) -> bytes | None:
        """Return what the token from that place is remembered by, if it may be.

        A token counts where it was: the same one in a cookie is another entry, and the
        length alone keeps it from those that `recall` finds.
        """
        try:
            place = self._places[id(credential.source)]
        except KeyError:
            return None
        hashed = _SHA256.copy()
        if place is None and credential.scheme == "bearer":
            hashed.update(b"Bearer ")
            hashed.update(credential.token)
            return hashed.digest()
        hashed.update(credential.token)
        return hashed.digest() + b"%b %b" % (place or b"", credential.scheme.encode())

    def _choose(
        self, question: _Question, waited: Wait | None = None
    ) -> Verified | Pause[Verified]:
        """Choose the issuers; `iss` is compared again once it is verified."""
        name = question[0]
        found = self._issuers.find(name, waited=waited)
        if not isinstance(found, Sequence):
            return Pause(found, partial(self._choose, question, found))
        if not found:
            raise InvalidToken(Reason.UNKNOWN_ISSUER, self._hint(name))
        return self._weigh(question, found)

    def _weigh(
        self,
        question: _Question,
        candidates: Sequence[Trusted],
        refusal: AuthError | None = None,
        *,
        waited: bool = False,
    ) -> Verified | Pause[Verified]:
        """Return the caller by the first of *candidates* whose rules hold."""
        for trusted in candidates:
            try:
                found = self._judge(question, trusted, waited=waited)
            except AuthError as error:
                if refusal is None or _progress(error) > _progress(refusal):
                    refusal = error
                waited = False
                continue
            if isinstance(found, Verified):
                return self._leave(found) if self._lookups else found
            rest = candidates[candidates.index(trusted) :]
            return Pause(found, partial(self._weigh, question, rest, refusal, waited=True))
        raise cast("AuthError", refusal)

    def _judge(self, question: _Question, trusted: Trusted, *, waited: bool) -> Verified | Wait:
        """Return the caller by the rules and keys of one issuer."""
        _, token, unverified_claims, digest = question
        header, payload, segment, _, _ = token
        alg, kid, typ = header
        rules = trusted.rules
        keys: tuple[Key, ...] = ()
        try:
            if trusted.keys is not None:
                keys = trusted.keys.candidates(alg, kid)
            else:
                found = trusted.source.find(alg, kid, waited=waited)
                if not isinstance(found, tuple):
                    return found
                keys = found
            if segment not in self._headers:
                self._note(segment, header)
            key = jws.verify(token, keys)
            keys = (key,)
            verified = Claims(unverified_claims)
            window = claims.check(verified, typ, rules, now=self.now())
            if verified.get("cnf") is not None:
                raise _bound(verified)
            identity = identify(verified, rules, key.key_id, self._misread)
        except AuthError as error:
            if error.reason is Reason.BAD_SIGNATURE:
                wait = trusted.missed(alg, kid, waited=waited)
                if wait is not None:
                    return wait
            error.issuer = rules.issuer
            error.kid = keys[0].key_id if len(keys) == 1 else None
            raise
        basis = _made(Basis, (rules.issuer, key, kid, trusted.source))
        caller = _made(Verified, (identity, window, basis))
        if trusted.tenant is not None:
            self._issuers.place(trusted.tenant)
        if digest is not None:
            size = octets(payload)
            entry = Entry(caller, trusted.current, trusted.keys, size)
            cast("VerifiedTokens", self._remembered).remember(digest, entry)
        return caller

    def _misread(self, what: str) -> None:
        """Log once that a claim has a shape that is not understood."""
        if what not in self._misreadings and len(self._misreadings) < _MAX_HEADERS:
            self._misreadings.add(what)
            _log.warning("%s", what)

    def _note(self, segment: bytes, header: UnverifiedHeader) -> None:
        """Read the header no more; only those that select a key get this far."""
        if len(self._headers) >= _MAX_HEADERS:
            self._headers = {}
        self._headers[segment] = header

    def _ask_other(
        self, ask: Callable[[], Verified | Pause[Verified]]
    ) -> Verified | Pause[Verified]:
        """Return the caller by another verifier; it leaves by the same exit."""
        try:
            found = ask()
            if isinstance(found, Pause):
                return Pause(found.wait, partial(self._ask_other, found.go_on))
            begins, ends = found.window
            confirmed = found.identity.claims
        except AuthError:
            raise
        except Exception as error:  # noqa: BLE001  the app's code; its failure must not be a 500
            raise _unavailable("the verifier of opaque=", error) from None
        if not begins <= self.now() < ends:
            raise InvalidToken(Reason.EXPIRED)
        if confirmed.get("cnf") is not None:
            raise _bound(Claims(confirmed))
        return self._leave(found)

    def _leave(
        self, verified: Verified, number: int = 0, waited: Wait | None = None
    ) -> Verified | Pause[Verified]:
        """The one exit: return the caller once every lookup lets it pass."""
        for place in range(number, len(self._lookups)):
            try:
                wait = self._lookups[place].check(verified, waited=waited)
            except AuthError as error:
                error.issuer = verified.basis.issuer
                error.kid = verified.identity.key_id
                raise
            except Exception as error:  # noqa: BLE001  the app's code, as above
                raise _unavailable("a lookup", error) from None
            if wait is not None and waited is not None:
                raise StoreUnavailable(hint="a lookup has to wait twice")
            if wait is not None:
                return Pause(wait, partial(self._leave, verified, place, wait))
            waited = None
        return verified

    def _hint(self, name: str) -> str:
        for known in self._issuers.known:
            if known.rstrip("/") == name.rstrip("/"):
                return f"the token's iss differs from {known!r} only by a trailing slash"
        return f"configured issuers: {', '.join(self._issuers.known)}"


def _progress(error: AuthError) -> int:
    return _PROGRESS.get(error.reason, _LAST_CLAIMS)


def _bound(verified: Claims) -> InvalidToken:
    """Return the refusal of a token that is bound to a key (RFC 7800 §3.1)."""
    confirmation = verified["cnf"]
    if not isinstance(confirmation, Mapping) or not confirmation:
        return claims.malformed("cnf")
    return InvalidToken(Reason.UNPROVEN, "the token is bound to a key; no proof is configured")


def _unavailable(what: str, error: Exception) -> StoreUnavailable:
    """Say what failed; its text may be a token's."""
    hint = f"{what} raised {type(error).__name__}"
    _log.error(hint)
    return StoreUnavailable(hint=hint)
