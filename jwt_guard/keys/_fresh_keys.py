"""RFC 7517 §4.5: a token selects a key of the set in use; what becomes of unknown kids.

A kid that the set lacks may be new: it is asked for, but by few requests at once and
in few fetches. Who cannot be told yes or no gets 503; the token is never blamed.
"""

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from .._core.token.keys import KeySet
from .._fresh import Fetched, Fresh
from .._schedule import Timing
from .._wait import Fetch, Wait
from ..errors import InvalidToken, KeysUnavailable, Reason
from ..observing import Event, KeysFailed, KeysRefreshed, KeysRotated, KeysStale, Observer
from ._sources import Found

_log = logging.getLogger("jwt_guard")

# Requests that may wait for one fetch of an unknown kid. Anybody can make up a kid; a
# rotation is published before it is used, and then nobody waits.
_MOST_WAITING = 8

# Kids that were asked for in vain, so that one bad client does not use up the fetches
# that a rotation needs. Asked for again after 1, 2, 4 … 30 s: a glitch of the provider
# ends, and then the kid is there.
_MOST_REFUSED = 1024
_LONGEST_REFUSAL = 30.0

# An issuer seldom changes its algorithms. A token of another one is refused at once,
# and has the set looked at again if it is older than this.
_ALGORITHM_SECONDS = 60.0

_NO_SUCH_ALGORITHM = (
    "no key of the issuer can have the token's alg; HS256, HS384 and HS512 need the secret: "
    "keys=Key.secret(…)"
)


@dataclass(frozen=True, slots=True)
class Published:
    """What a source of keys said.

    Attributes:
        keys: Its keys, perhaps none; or None where those known were confirmed.
        max_age: For how long they are fresh, in seconds, or None.
        amiss: Why single keys are not used, where somebody should mend that.
    """

    keys: KeySet | None
    max_age: float | None = None
    amiss: tuple[str, ...] = ()


class Publisher(Protocol):
    """Asks where an issuer publishes its keys; on a worker thread."""

    def __call__(self, before: KeySet | None, *, anew: bool) -> Published:
        """Return its keys.

        Args:
            before: Those known.
            anew: Whether a key was missing, and the place itself may have changed.

        Raises:
            FetchError: They could not be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A kid that was not there, and until when nobody asks again."""

    until: float
    seconds: float


class FreshKeys:
    """The keys of one issuer, kept fresh: a `KeySource` with a state to show.

    Attributes:
        current: Returns the set in use, or None if there is none at present; never waits.
    """

    def __init__(
        self,
        issuer: str,
        ask: Publisher,
        timing: Timing,
        tell: Observer,
        *,
        algorithms: Collection[str],
        keys: KeySet | None = None,
        found: bool = False,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] | None = None,
    ) -> None:
        """Remember whom to ask; nothing is fetched yet.

        Args:
            issuer: Its name.
            ask: Asks for its keys.
            timing: How.
            tell: Is told what happens.
            algorithms: Those that its keys may have.
            keys: What is known already.
            found: Whether the issuer was found at run time, by an unverified name.
            clock: Returns seconds that only grow.
            jitter: Returns numbers from 0 to 1; the system's by default.
        """
        self._issuer = issuer
        self._ask = ask
        self._told = tell
        self._algorithms = frozenset(algorithms)
        self._clock = clock
        self._amiss: tuple[str, ...] = ()
        self._refused: dict[tuple[str, str | None], _Refusal] = {}
        self._waiting: tuple[Fetch | None, list[tuple[str, str | None]]] = (None, [])
        options = {} if jitter is None else {"jitter": jitter}
        self._fresh: Fresh[KeySet] = Fresh(
            f"keys of {issuer}",
            self,
            timing,
            value=keys,
            max_age=0,
            found=found,
            clock=clock,
            **options,
        )
        self.current: Callable[[], KeySet | None] = self._fresh.value

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Found:
        """Return the keys that a token's header selects, or what to wait for.

        Args:
            alg: The header's, unverified.
            kid: The header's, unverified, or None.
            waited: Whether the caller has waited already; then nothing is waited for.

        Raises:
            InvalidToken: No key fits, as far as a current set tells.
            KeysUnavailable: Nobody can tell at present.
        """
        keys = self.current()
        if keys is None:
            if alg not in self._algorithms:
                raise InvalidToken(Reason.UNKNOWN_KEY, _NO_SUCH_ALGORITHM)
            if waited:
                self._fresh.waited_in_vain()
            fetch = None if waited else self._fresh.begin()
            if fetch is None:
                raise self._cannot_tell("the fetch takes long")
            return fetch
        try:
            return keys.candidates(alg, kid)
        except InvalidToken as unknown:
            if unknown.reason is not Reason.UNKNOWN_KEY or not self._may_exist(keys, alg):
                raise
            if self._is_refused(alg, kid):
                raise
            if waited and not (self._fresh.busy or self._fresh.failing):
                self._refuse(alg, kid)
                raise
        return self._missing(keys, alg, kid, waited=waited)

    def _may_exist(self, keys: KeySet, alg: str) -> bool:
        """Whether the issuer may have a key of *alg* that is not known yet."""
        if alg not in self._algorithms:
            return False
        if not keys or any(key.alg == alg for key in keys):
            return True
        if self._fresh.age() > _ALGORITHM_SECONDS:
            self._fresh.begin(keys, anew=True)
        return False

    def _missing(self, keys: KeySet, alg: str, kid: str | None, *, waited: bool) -> Fetch:
        """Return the fetch that may bring an unknown kid, or raise KeysUnavailable."""
        fetch = None if waited else self._fresh.begin(keys, anew=True)
        if fetch is None:
            raise self._cannot_tell(
                "the token's kid is unknown, and others were asked for", anew=True
            )
        if self._waiting[0] is not fetch:
            self._waiting = (fetch, [])
        waiting = self._waiting[1]
        if len(waiting) >= _MOST_WAITING:
            raise self._cannot_tell("enough requests wait for unknown kids", anew=True)
        waiting.append((alg, kid))
        return fetch

    def missed(self, alg: str, kid: str | None, *, waited: bool) -> Wait | None:
        """Return the fetch that may bring another key to try, or None; see `KeptKeys`.

        Keys that nobody gave a kid are tried for any; so a new one is no unknown kid.
        """
        keys = self.current()
        if keys is None or not self._may_exist(keys, alg) or self._is_refused(alg, kid):
            return None
        if waited:
            self._refuse(alg, kid)
            return None
        try:
            return self._missing(keys, alg, kid, waited=False)
        except KeysUnavailable:
            return None

    def _is_refused(self, alg: str, kid: str | None) -> bool:
        refusal = self._refused.get((alg, kid))
        return refusal is not None and self._clock() < refusal.until

    def _refuse(self, alg: str, kid: str | None) -> None:
        """Note that a kid was asked for in vain."""
        now, refused = self._clock(), self._refused
        before = refused.get((alg, kid))
        again = before is not None and now < before.until + _LONGEST_REFUSAL
        seconds = min(before.seconds * 2, _LONGEST_REFUSAL) if before and again else 1.0
        if len(refused) >= _MOST_REFUSED:
            self._refused = refused = {}
        refused[alg, kid] = _Refusal(now + seconds, seconds)

    def _cannot_tell(self, why: str, *, anew: bool = False) -> KeysUnavailable:
        hint = f"keys of {self._issuer}: {self._fresh.last_error or why}"
        return KeysUnavailable(self._fresh.retry_in(anew=anew), hint)

    def warm_up(self) -> Wait | None:
        """Return the fetch to wait for until there are keys, or None."""
        return None if self.current() is not None else self._fresh.begin()

    def health(self) -> dict[str, object]:
        """Return the state for an operator; JSON-ready, durations in seconds."""
        keys = self._fresh.known()
        kids = [key.key_id for key in keys] if keys is not None else []
        return {"issuer": self._issuer, "keys": kids, **self._fresh.health()}

    def fetch(self, before: KeySet | None, *, anew: bool) -> Fetched[KeySet]:
        """Return what is published; see `Source`."""
        published = self._ask(before, anew=anew)
        keys = published.keys if published.keys is not None else before
        # Before anybody who waits goes on, so that each of them learns it.
        for alg, kid in self._waiting[1]:
            if keys is not None and not keys.names(alg, kid):
                self._refuse(alg, kid)
        if published.amiss != self._amiss:
            for reason in published.amiss:
                _log.warning("keys of %s: passed over %s", self._issuer, reason)
        self._amiss = published.amiss
        return Fetched(published.keys, published.max_age)

    def refreshed(self, before: KeySet | None, now: KeySet) -> None:
        """Tell of a fetch that succeeded; see `Source`."""
        self._tell(KeysRefreshed(self._issuer))
        if before is None or before is now:
            return
        old, new = frozenset(before), frozenset(now)
        if old != new:
            added = frozenset(key.key_id for key in new - old)
            self._tell(KeysRotated(self._issuer, added, frozenset(key.key_id for key in old - new)))

    def failed(self, error: str, stale: float) -> None:
        """Tell of a fetch that failed; see `Source`."""
        _log.warning("keys of %s: %s", self._issuer, error)
        self._tell(KeysFailed(self._issuer, error))
        if stale > 0:
            self._tell(KeysStale(self._issuer, stale))

    def _tell(self, event: Event) -> None:
        try:
            self._told(event)
        except Exception:  # noqa: BLE001  the operator's code; refreshing goes on
            _log.exception("the observer of the keys of %s failed", self._issuer)
