"""The current key set of one issuer, and the one fetch that may replace it."""

import logging
import math
import os
import random
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Protocol

from .._core.token.algorithms import ALGORITHMS
from .._core.token.keys import Key, KeySet
from ..errors import InvalidToken, KeysUnavailable, Reason
from .fetching import FetchError
from .flight import Flight
from .schedule import BUCKET_WINDOW, Lifetime, Schedule, lifetime

_log = logging.getLogger("jwt_guard")

# The system's: the app's own sequence of random numbers stays as the app seeded it,
# and the workers of a fork do not draw alike.
_RANDOM = random.SystemRandom()

# Unknown kids that were asked for in vain, so that one bad client does not use up
# the fetches that a rotation needs.
_MAX_REFUSED = 1024


@dataclass(frozen=True, slots=True)
class Fetched:
    """What one fetch of keys brought.

    Attributes:
        keys: The set, or None where the current one was confirmed.
        max_age: Its lifetime in seconds, or None.
        skipped: Why single keys were passed over.
    """

    keys: KeySet | None
    max_age: float | None = None
    skipped: tuple[str, ...] = ()


class Observer(Protocol):
    """Is told what happens to an issuer's keys; called on the worker thread."""

    def refreshed(self, issuer: str) -> None:
        """A fetch succeeded."""

    def rotated(
        self, issuer: str, added: frozenset[str | None], removed: frozenset[str | None]
    ) -> None:
        """A fetch brought other key ids than before."""

    def failed(self, issuer: str, error: str) -> None:
        """A fetch failed."""

    def stale(self, issuer: str, seconds: float) -> None:
        """A fetch failed, and the keys in use are *seconds* past their lifetime."""


@dataclass(frozen=True, slots=True)
class _Snapshot:
    keys: KeySet
    lifetime: Lifetime


class FreshKeys:
    """A key set that is fetched, refreshed ahead, and outlives its source.

    The request path reads one attribute and takes no lock. A worker thread exists
    only while it fetches.
    """

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[], Fetched],
        *,
        max_stale: float,
        wait: float,
        min_lifetime: float,
        observer: Observer | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _RANDOM.random,
        keys: KeySet | None = None,
    ) -> None:
        """Make a set for *issuer* that *fetch* fills; nothing is fetched yet."""
        self._issuer = issuer
        self._fetch = fetch
        self._max_stale = max_stale
        self._wait = wait
        self._min_lifetime = min_lifetime
        self._observer = observer
        self._clock = clock
        self._jitter = jitter
        self._snapshot: _Snapshot | None = None
        self._refused: dict[tuple[str | None, str], float] = {}
        self._last_error: str | None = None
        self._reset()
        _instances.add(self)
        if keys is not None:
            self._snapshot = _Snapshot(keys, self._lifetime(None))

    def _reset(self) -> None:
        """Forget the fetch under way; also after a fork, whose child has no worker."""
        self._lock = Lock()
        self._flight: Flight | None = None
        self._schedule = Schedule()

    def find(self, alg: str, kid: str | None) -> tuple[Key, ...] | Flight:
        """Return the keys that a token's header selects, or what to wait for.

        Raises:
            InvalidToken: No key fits, as far as a current set tells.
            KeysUnavailable: Nobody can tell at present.
        """
        now, snapshot, keys = self._clock(), self._snapshot, self.current()
        if keys is None:
            flight = self._launch(now, snapshot)
            if flight is None:
                raise self._cannot_tell(now)
            return flight
        try:
            return keys.candidates(alg, kid)
        except InvalidToken as unknown:
            if unknown.reason is not Reason.UNKNOWN_KEY or alg not in ALGORITHMS:
                raise
            if self._refused.get((kid, alg), now) > now:
                raise
            flight = self._launch(now, snapshot, for_unknown=True)
            if flight is None and self._schedule.failures:
                raise self._cannot_tell(now) from None
            if flight is None:
                raise
            return flight

    def current(self) -> KeySet | None:
        """Return the set in use, or None if there is none at present; never wait."""
        now = self._clock()
        snapshot = self._usable(now)
        if snapshot is None:
            return None
        if now >= snapshot.lifetime.refresh_at:
            self._refresh(now)
        return snapshot.keys

    def _usable(self, now: float) -> _Snapshot | None:
        snapshot = self._snapshot
        return snapshot if snapshot is not None and now < snapshot.lifetime.stale_until else None

    def _cannot_tell(self, now: float) -> KeysUnavailable:
        seconds = math.ceil(min(max(self._schedule.next_try - now, 1.0), 60.0))
        hint = f"keys of {self._issuer}: {self._last_error or 'the fetch takes long'}"
        return KeysUnavailable(seconds, hint)

    def _refresh(self, now: float) -> None:
        """Begin a refresh unless one flies or the back-off forbids it; never wait."""
        if self._schedule.may_fetch(now) and self._lock.acquire(blocking=False):
            try:
                if self._flight is None and self._schedule.may_fetch(now):
                    self._take_off()
            finally:
                self._lock.release()

    def _launch(
        self, now: float, seen: _Snapshot | None, *, for_unknown: bool = False
    ) -> Flight | None:
        """Join the fetch that flies, or begin one, or return None if none may begin.

        Args:
            now: The instant.
            seen: The snapshot that did not suffice. If another one has come since,
                the flight to wait for has landed already.
            for_unknown: Whether it counts as a fetch for an unknown kid.
        """
        with self._lock:
            if self._flight is not None:
                return self._flight
            if self._snapshot is not seen:
                landed = Flight(self.settle, self._wait)
                landed.done.set_result(None)
                return landed
            may = self._schedule.may_ask if for_unknown else self._schedule.may_fetch
            return self._take_off() if may(now) else None

    def _take_off(self) -> Flight:
        flight = self._flight = Flight(self.settle, self._wait)
        name = f"jwt_guard keys of {self._issuer}"
        try:
            Thread(target=self._fly, args=(flight,), name=name, daemon=True).start()
        except RuntimeError:
            # No thread to be had, as at the interpreter's end: a failed fetch.
            self._flight = None
            self._last_error = "no thread could be started"
            self._schedule.failed(self._clock(), self._jitter())
            flight.done.set_result(None)
        return flight

    def _fly(self, flight: Flight) -> None:
        """Fetch once; the worker thread."""
        before = self._snapshot
        events: list[Callable[[Observer], None]] = []
        try:
            fetched = self._fetch()
        except FetchError as error:
            events = self._failed(str(error), before)
        except Exception as error:  # noqa: BLE001  a fetcher's bug must not end refreshing
            events = self._failed(f"the fetcher raised {type(error).__name__}", before)
        else:
            events = self._arrived(fetched, before)
        finally:
            with self._lock:
                self._flight = None
            flight.done.set_result(None)
        self._tell(events)

    def _arrived(
        self, fetched: Fetched, before: _Snapshot | None
    ) -> list[Callable[[Observer], None]]:
        keys = fetched.keys if fetched.keys is not None or before is None else before.keys
        if keys is None:
            return self._failed("the answer was 304 to a first question", before)
        for reason in fetched.skipped:
            _log.warning("keys of %s: passed over %s", self._issuer, reason)
        self._snapshot = _Snapshot(keys, self._lifetime(fetched.max_age))
        self._refused = {}
        self._last_error = None
        with self._lock:
            self._schedule.succeeded()
        events: list[Callable[[Observer], None]] = [lambda o: o.refreshed(self._issuer)]
        old = (
            frozenset(key.key_id for key in before.keys) if before is not None else frozenset[str]()
        )
        new = frozenset(key.key_id for key in keys)
        if before is not None and old != new:
            events.append(lambda o: o.rotated(self._issuer, new - old, old - new))
        return events

    def _failed(self, error: str, before: _Snapshot | None) -> list[Callable[[Observer], None]]:
        now = self._clock()
        self._last_error = error
        with self._lock:
            self._schedule.failed(now, self._jitter())
        _log.warning("keys of %s: %s", self._issuer, error)
        events: list[Callable[[Observer], None]] = [lambda o: o.failed(self._issuer, error)]
        if before is not None and (age := now - before.lifetime.fresh_until) > 0:
            events.append(lambda o: o.stale(self._issuer, age))
        return events

    def _lifetime(self, max_age: float | None) -> Lifetime:
        return lifetime(
            self._clock(),
            max_age,
            max_stale=self._max_stale,
            jitter=self._jitter(),
            minimum=self._min_lifetime,
        )

    def _tell(self, events: list[Callable[[Observer], None]]) -> None:
        if self._observer is None:
            return
        for event in events:
            try:
                event(self._observer)
            except Exception:  # noqa: BLE001  the operator's code; refreshing goes on
                _log.exception("an observer of the keys of %s failed", self._issuer)

    def warm_up(self) -> Flight | None:
        """Return the fetch to wait for until there are keys, or None."""
        now = self._clock()
        return None if self._usable(now) is not None else self._launch(now, self._snapshot)

    @property
    def idle(self) -> bool:
        """Whether no fetch is under way."""
        return self._flight is None

    def health(self) -> dict[str, object]:
        """Return the state for an operator; JSON-ready, durations in seconds."""
        now = self._clock()
        snapshot, schedule = self._snapshot, self._schedule
        life = snapshot.lifetime if snapshot is not None else None
        failing = schedule.failures > 0
        return {
            "issuer": self._issuer,
            "ready": self._usable(now) is not None,
            "keys": [key.key_id for key in snapshot.keys] if snapshot is not None else [],
            "age": None if life is None else _finite(now - life.fetched_at),
            "fresh_for": None if life is None else _finite(life.fresh_until - now),
            "usable_for": None if life is None else _finite(life.stale_until - now),
            "failures": schedule.failures,
            "last_error": self._last_error,
            "next_try_in": _finite(max(0.0, schedule.next_try - now)) if failing else None,
        }

    def settle(self, alg: str, kid: str | None, *, landed: bool) -> tuple[Key, ...]:
        """Return the keys after a flight was waited for.

        Raises:
            InvalidToken: It brought no such key.
            KeysUnavailable: It failed, or has not landed yet.
        """
        now = self._clock()
        snapshot = self._usable(now)
        if snapshot is None:
            raise self._cannot_tell(now)
        try:
            return snapshot.keys.candidates(alg, kid)
        except InvalidToken:
            if not landed or self._schedule.failures:
                raise self._cannot_tell(now) from None
            if len(self._refused) >= _MAX_REFUSED:
                self._refused = {}
            self._refused[kid, alg] = now + BUCKET_WINDOW
            raise


def _finite(seconds: float) -> float | None:
    """Return *seconds* to the millisecond; JSON has no word for an endless time."""
    return round(seconds, 3) if math.isfinite(seconds) else None


_instances: "weakref.WeakSet[FreshKeys]" = weakref.WeakSet()


def _after_fork() -> None:
    # The child has no worker thread, and a lock may have been held by one.
    for keys in list(_instances):
        keys._reset()  # noqa: SLF001  its own module


os.register_at_fork(after_in_child=_after_fork)
