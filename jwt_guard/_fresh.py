"""A snapshot of what others know: swapped whole, read without a lock, kept fresh.

    value() -> what is known: at once
            -> None: nothing that may be used now; `begin` says what to wait for

Refreshed ahead by one fetch, on a thread that lives as long as it. Past its
lifetime a value serves only while refreshes fail, and only so long; if none has
failed, the value is refreshed first.
"""

import logging
import math
import os
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ._schedule import Lifetime, Schedule, Timing, lifetime
from ._wait import Fetch

_T = TypeVar("_T")

_log = logging.getLogger("jwt_guard")

# The system's: the app's own sequence of random numbers stays as the app seeded it,
# and the workers of a fork do not draw alike.
_RANDOM = random.SystemRandom()

# Fetches of one process at once. A source found at run time may be a name that a
# stranger made up; until one has answered they share few, and never keep the others
# from being refreshed.
_MOST, _MOST_STRANGERS = 32, 8

# So long a stranger's fetch that failed keeps its place. A provider that says at once
# that it has never heard of a name would be asked as fast as names are made up otherwise.
_FAILED_STRANGER_SECONDS = 1.0

# So long nobody waits for strangers' fetches once one was waited for in vain. They go on,
# and who asks again finds what they brought; but names that are made up while a provider
# hangs would hold up every thread of a server.
_IMPATIENT_SECONDS = 30.0

# Fetches of one source that passed their limit and have not ended. A read that never
# ends holds its thread for good.
_MOST_LOST = 3


class FetchError(Exception):
    """Nothing came; the text says why, for the log and `health()`, without secrets.

    Attributes:
        patience: How long the source asked not to be asked again, in seconds.
    """

    def __init__(self, text: str, *, patience: float = 0) -> None:
        """Remember why, and how long to wait."""
        super().__init__(text)
        self.patience: float = patience


@dataclass(frozen=True, slots=True)
class Fetched(Generic[_T]):
    """What one fetch brought.

    Attributes:
        value: What is known now, or None where the last one was confirmed.
        max_age: Its lifetime in seconds, or None where the source says nothing.
    """

    value: _T | None
    max_age: float | None = None


class Source(Protocol[_T]):
    """Where values come from, and who is told of them; on the thread of the fetch."""

    def fetch(self, before: _T | None, *, anew: bool) -> Fetched[_T]:
        """Return what is known now.

        Args:
            before: The value that is known, which may be confirmed.
            anew: Whether somebody missed something in it.

        Raises:
            FetchError: It could not be had.
        """
        ...

    def refreshed(self, before: _T | None, now: _T) -> None:
        """Tell that a fetch succeeded; those who waited for it have gone on."""

    def failed(self, error: str, stale: float) -> None:
        """Tell that a fetch failed, *stale* seconds past the value's lifetime."""


@dataclass(frozen=True, slots=True)
class _Snapshot(Generic[_T]):
    value: _T
    refresh_at: float
    lifetime: Lifetime


class _Places:
    """Fetches under way in this process, counted."""

    def __init__(self) -> None:
        self.empty()

    def empty(self) -> None:
        """Count from nothing, with a lock that nobody holds."""
        self._lock = threading.Lock()
        self.taken = 0
        self._kept: deque[float] = deque()
        self.impatient_until = -math.inf

    def take(self, now: float, *, stranger: bool) -> bool:
        """Take a place at *now*, if one is left."""
        kept = self._kept
        with self._lock:
            while kept and kept[0] <= now:
                kept.popleft()
            free = self.taken + len(kept) < _MOST_STRANGERS if stranger else self.taken < _MOST
            self.taken += free
            return free

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self.taken -= 1

    def keep(self, now: float) -> None:
        """Give a place back at *now*, but not yet for strangers."""
        with self._lock:
            self.taken -= 1
            self._kept.append(now + _FAILED_STRANGER_SECONDS)


class Fresh(Generic[_T]):
    """One value of a `Source`, kept fresh for any number of threads and loops.

    Attributes:
        last_error: Why the latest fetch failed, or None.
    """

    def __init__(
        self,
        name: str,
        source: Source[_T],
        timing: Timing,
        *,
        value: _T | None = None,
        max_age: float | None = None,
        found: bool = False,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _RANDOM.random,
    ) -> None:
        """Remember *source*; nothing is fetched yet.

        Args:
            name: Names the thread and the log lines.
            source: Where values come from.
            timing: How it is asked.
            value: What is known already, as of now.
            max_age: The lifetime of that, in seconds.
            found: Whether it was not configured, but found at run time by a name that
                a stranger may have made up.
            clock: Returns seconds that only grow.
            jitter: Returns numbers from 0 to 1.
        """
        self._name = name
        self._source = source
        self._timing = timing
        self._clock = clock
        self._jitter = jitter
        self._found = found
        self._places = _places
        self._snapshot: _Snapshot[_T] | None = None
        self.last_error: str | None = None
        self._reset()
        _instances.add(self)
        if value is not None:
            self._snapshot = self._made(value, max_age, clock())

    def _reset(self) -> None:
        """Forget the fetch under way; also after a fork, whose child has no such thread."""
        self._lock = threading.Lock()
        self._fetch: Fetch | None = None
        self._lost = 0
        self._schedule = Schedule(self._timing)

    def value(self) -> _T | None:
        """Return the value that may be used now, or None; set off a refresh when due."""
        snapshot = self._snapshot
        if snapshot is None:
            return None
        now = self._clock()
        if now < snapshot.refresh_at:
            return snapshot.value
        fetch = self._fetch
        if self._schedule.may_fetch(now) if fetch is None else self._overdue(fetch, now):
            self.begin(snapshot.value)
        return self._usable(now)

    def _usable(self, now: float) -> _T | None:
        snapshot = self._snapshot
        if snapshot is None:
            return None
        life = snapshot.lifetime
        usable = now < life.fresh_until or (now < life.stale_until and self._schedule.failing(now))
        return snapshot.value if usable else None

    def begin(self, seen: _T | None = None, *, anew: bool = False) -> Fetch | None:
        """Join the fetch that is under way, or begin one, or return None if none may begin.

        The thread is started when the lock is free again: under gevent that lets
        others run, and they would block the whole process at the lock.

        Args:
            seen: The value that did not suffice. If another one has come since, what
                there is to wait for has happened already.
            anew: Whether something is missing in it; such fetches are few.
        """
        now = self._clock()
        self._give_up(now)
        with self._lock:
            snapshot = self._snapshot
            if self._fetch is not None:
                return self._fetch
            if self._suffices(snapshot, seen, now, anew=anew):
                return _over(self._clock)
            if not self._may_begin(now, anew=anew):
                return None
            seconds = self._seconds(now, anew=anew)
            fetch = self._fetch = Fetch(seconds, clock=self._clock)
        self._start(fetch, snapshot, anew=anew)
        return fetch

    def _seconds(self, now: float, *, anew: bool) -> float:
        """Return how long a fetch that begins now is waited for."""
        if not self._found:
            return self._timing.longest_wait(anew=anew)
        patient = now >= self._places.impatient_until
        return self._timing.longest_wait(anew=True) if patient else 0

    def waited_in_vain(self) -> None:
        """Note that somebody has waited, and there is no value yet."""
        if self._found:
            self._places.impatient_until = self._clock() + _IMPATIENT_SECONDS

    def _suffices(
        self, snapshot: _Snapshot[_T] | None, seen: _T | None, now: float, *, anew: bool
    ) -> bool:
        """Whether a fetch has ended since its caller saw *seen*."""
        if snapshot is None:
            return False
        if snapshot.value is seen:
            return not anew and now < snapshot.refresh_at
        return self._usable(now) is not None

    def _may_begin(self, now: float, *, anew: bool) -> bool:
        """Whether a fetch may begin now, which then has its place; the lock is held."""
        schedule = self._schedule
        if not schedule.may_fetch(now) or self._lost >= _MOST_LOST:
            return False
        if not self._places.take(now, stranger=self._found):
            self.last_error = "too many fetches are under way"
            return False
        if anew and not schedule.may_ask(now):
            self._places.leave()
            return False
        return True

    def _start(self, fetch: Fetch, seen: _Snapshot[_T] | None, *, anew: bool) -> None:
        name = f"jwt_guard {self._name}"
        run = threading.Thread(target=self._run, args=(fetch, seen, anew), name=name, daemon=True)
        try:
            run.start()
        except RuntimeError:
            # No thread to be had, as at the interpreter's end: a failed fetch.
            self._end(fetch, FetchError("no thread could be started"))

    def _run(self, fetch: Fetch, seen: _Snapshot[_T] | None, anew: bool) -> None:  # noqa: FBT001  a thread's argument
        """Fetch once; the thread's."""
        before = seen.value if seen is not None else None
        try:
            fetched = self._source.fetch(before, anew=anew)
        except FetchError as error:
            self._end(fetch, error)
        except Exception as error:  # noqa: BLE001  a source's bug must not end refreshing
            self._end(fetch, FetchError(f"the fetch raised {type(error).__name__}"))
        else:
            self._arrived(fetch, fetched, seen)

    def _made(self, value: _T, max_age: float | None, now: float) -> _Snapshot[_T]:
        life = lifetime(now, max_age, self._timing, jitter=self._jitter())
        return _Snapshot(value, life.refresh_at, life)

    def _arrived(self, fetch: Fetch, fetched: Fetched[_T], seen: _Snapshot[_T] | None) -> None:
        before = seen.value if seen is not None else None
        value = fetched.value if fetched.value is not None else before
        if value is None:
            self._end(fetch, FetchError("nothing is known that could be confirmed"))
            return
        swap = self._snapshot is seen
        if swap:
            # Of a fetch that took long, what came may be as old as its beginning.
            self._snapshot = self._made(value, fetched.max_age, fetch.started_at)
            if self._found:
                self._places.impatient_until = -math.inf
            self._found = False
        self._end(fetch, None)
        if swap:
            self._tell(lambda: self._source.refreshed(before, value))

    def _end(self, fetch: Fetch, error: FetchError | None) -> None:
        """Note how *fetch* ended, unless it was given up before, and wake who waits."""
        now, jitter = self._clock(), self._jitter()
        with self._lock:
            current = self._fetch is fetch
            if current:
                self._fetch = None
            else:
                self._lost -= 1
            if current or error is None:
                self._note(error, now, jitter)
        if current and self._found and error is not None:
            self._places.keep(now)
        elif current:
            self._places.leave()
        fetch.finish()
        if current and error is not None:
            self._tell_failure(str(error), now)

    def _note(self, error: FetchError | None, now: float, jitter: float) -> None:
        if error is None:
            self.last_error = None
            self._schedule.succeeded()
        else:
            self.last_error = str(error)
            self._schedule.failed(now, jitter=jitter, patience=error.patience)

    def _give_up(self, now: float) -> None:
        """Count a fetch that has passed its limit as failed; its thread is left alone."""
        fetch = self._fetch
        if fetch is None or not self._overdue(fetch, now):
            return
        with self._lock:
            if self._fetch is not fetch:
                return
            self._fetch = None
            self._lost += 1
            error = f"the fetch has not ended after {self._timing.limit:g} s"
            self._note(FetchError(error), now, self._jitter())
        self._places.leave()
        fetch.finish()
        self._tell_failure(error, now)

    def _overdue(self, fetch: Fetch, now: float) -> bool:
        return now >= fetch.started_at + self._timing.limit

    def _tell_failure(self, error: str, now: float) -> None:
        snapshot = self._snapshot
        stale = 0.0 if snapshot is None else max(0.0, now - snapshot.lifetime.fresh_until)
        self._tell(lambda: self._source.failed(error, stale))

    def _tell(self, what: Callable[[], None]) -> None:
        try:
            what()
        except Exception:  # noqa: BLE001  refreshing goes on
            _log.exception("what is told of %s failed", self._name)

    @property
    def busy(self) -> bool:
        """Whether a fetch is under way."""
        return self._fetch is not None

    @property
    def failing(self) -> bool:
        """Whether the latest fetch failed, a moment ago."""
        return self._schedule.failing(self._clock())

    def known(self) -> _T | None:
        """Return the latest value, also one that may not be used any more."""
        return None if self._snapshot is None else self._snapshot.value

    def age(self) -> float:
        """Return for how long the value has been known, in seconds; inf if there is none."""
        snapshot = self._snapshot
        return math.inf if snapshot is None else self._clock() - snapshot.lifetime.fetched_at

    def retry_in(self, *, anew: bool = False) -> int:
        """Return when to ask again, in whole seconds, at least 1 and at most 60.

        Args:
            anew: Whether something is missing in the value.
        """
        now = self._clock()
        then = self._schedule.next_ask(now) if anew else self._schedule.next_try
        return math.ceil(min(max(then - now, 1.0), 60.0))

    def health(self) -> dict[str, object]:
        """Return the state for an operator; JSON-ready, durations in seconds."""
        now = self._clock()
        snapshot, schedule = self._snapshot, self._schedule
        life = snapshot.lifetime if snapshot is not None else None
        failing = schedule.failures > 0
        return {
            "ready": self._usable(now) is not None,
            "age": None if life is None else _finite(now - life.fetched_at),
            "fresh_for": None if life is None else _finite(life.fresh_until - now),
            "usable_for": None if life is None else _finite(life.stale_until - now),
            "failures": schedule.failures,
            "last_error": self.last_error,
            "next_try_in": _finite(max(0.0, schedule.next_try - now)) if failing else None,
        }


def _over(clock: Callable[[], float]) -> Fetch:
    """Return a fetch that nobody has to wait for any more."""
    fetch = Fetch(0, clock=clock)
    fetch.finish()
    return fetch


def _finite(seconds: float) -> float | None:
    """Return *seconds* to the millisecond; JSON has no word for an endless time."""
    return round(seconds, 3) if math.isfinite(seconds) else None


_instances: "weakref.WeakSet[Fresh[Any]]" = weakref.WeakSet()
_places = _Places()


def _after_fork() -> None:
    # The child has none of the threads, and a lock may have been held by one.
    _places.empty()
    for fresh in list(_instances):
        fresh._reset()  # noqa: SLF001  its own module


os.register_at_fork(after_in_child=_after_fork)
