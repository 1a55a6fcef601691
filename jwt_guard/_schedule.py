"""When to fetch: lifetimes, back-off and the bucket for what is missing; pure.

Nothing here reads a clock or draws a random number: instants are passed in, in
seconds of one monotonic clock, and jitter as a number from 0 to 1.
"""

from dataclasses import dataclass, field

# What a provider says is honoured within these bounds: one that says "0" must not
# be asked for every request, and a key withdrawn must not live on for a week.
_SHORTEST, _LONGEST = 60.0, 86_400.0
_DEFAULT = 300.0

# Refresh ahead, so that no request ever waits for a value that merely grew old; the
# jitter keeps a fleet that was deployed at once from asking at once.
_AHEAD, _AHEAD_JITTER = 0.8, 0.1

# Failures: 1, 2, 4 … 60 s, each less up to a quarter of itself.
_FIRST_BACK_OFF, _LONGEST_BACK_OFF, _BACK_OFF_JITTER = 1.0, 60.0, 0.25

# A source may ask for more patience (RFC 9110 §10.2.3), but not for that of a day:
# what it says while it is broken may be wrong as well.
_LONGEST_PATIENCE = 300.0

# An older failure says nothing about now. Within this time after the back-off the
# next request has set off another fetch, if any request came.
_FAILURE_COUNTS = 60.0

# Fetches for what is missing: enough for a rotation, and a second one that follows
# it; an attacker's random kids get no more.
_BUCKET_SIZE, _BUCKET_WINDOW = 2, 30.0

# Anybody can make up what is missing, and while a source hangs a wait holds up a worker of
# the server. A source that is well has answered by then; who asked gets 503 otherwise, and
# finds it there the next time.
_MISSING_WAIT = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How one kind of source is asked; all in seconds.

    Attributes:
        max_stale: How long a value may outlive its lifetime while refreshes fail.
        wait: How long anybody waits for a fetch, from its start; for what is missing in a
            value that is there, half a second at most.
        shortest: Least lifetime of a value.
        limit: A fetch that takes longer has failed.
        longest_back_off: Longest pause after a failure.
        window: In which there are no more than two fetches for what is missing.
    """

    max_stale: float
    wait: float
    shortest: float = _SHORTEST
    limit: float = 60.0
    longest_back_off: float = _LONGEST_BACK_OFF
    window: float = _BUCKET_WINDOW

    def longest_wait(self, *, anew: bool) -> float:
        """Return how long anybody waits for a fetch, or for one of what is missing."""
        return min(self.wait, _MISSING_WAIT) if anew else self.wait


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a fetched value serves.

    Attributes:
        fetched_at: When its fetch was begun.
        refresh_at: From when on a request sets off a refresh.
        fresh_until: When its lifetime ends.
        stale_until: Until when it goes on serving while refreshes fail.
    """

    fetched_at: float
    refresh_at: float
    fresh_until: float
    stale_until: float


def lifetime(now: float, max_age: float | None, timing: Timing, *, jitter: float) -> Lifetime:
    """Return the lifetime of a value whose fetch was begun at *now*.

    Args:
        now: The instant.
        max_age: What its source said, in seconds, or None.
        timing: Least lifetime, and how long the value may outlive it.
        jitter: From 0 to 1.
    """
    seconds = _DEFAULT if max_age is None else max_age
    seconds = min(max(seconds, timing.shortest), _LONGEST)
    ahead = seconds * (_AHEAD - _AHEAD_JITTER * jitter)
    return Lifetime(now, now + ahead, now + seconds, now + seconds + timing.max_stale)


@dataclass(slots=True)
class Schedule:
    """What has been tried; the caller holds the lock.

    Attributes:
        timing: How the source is asked.
        failures: Failed fetches since the last good one.
        next_try: When the back-off ends.
        asked: When fetches for what is missing were begun, the latest ones.
    """

    timing: Timing
    failures: int = 0
    next_try: float = float("-inf")
    asked: list[float] = field(default_factory=list[float])

    def may_fetch(self, now: float) -> bool:
        """Whether no back-off forbids a fetch."""
        return now >= self.next_try

    def may_ask(self, now: float) -> bool:
        """Take one of the fetches for what is missing, if one is left."""
        if not self.may_fetch(now):
            return False
        self.asked = [instant for instant in self.asked if now - instant < self.timing.window]
        if len(self.asked) >= _BUCKET_SIZE:
            return False
        self.asked.append(now)
        return True

    def next_ask(self, now: float) -> float:
        """Return from when on a fetch for what is missing may be begun."""
        if len(self.asked) < _BUCKET_SIZE:
            return max(now, self.next_try)
        return max(now, self.next_try, self.asked[0] + self.timing.window)

    def failing(self, now: float) -> bool:
        """Whether the source has failed, and a moment ago."""
        return self.failures > 0 and now < self.next_try + _FAILURE_COUNTS

    def succeeded(self) -> None:
        """Forget failures."""
        self.failures = 0
        self.next_try = float("-inf")

    def failed(self, now: float, *, jitter: float, patience: float = 0) -> None:
        """Back off.

        Args:
            now: The instant.
            jitter: From 0 to 1.
            patience: How long the source asked not to be asked, in seconds.
        """
        seconds = _FIRST_BACK_OFF * 2.0 ** min(self.failures, 10)
        seconds = min(seconds, self.timing.longest_back_off) * (1 - _BACK_OFF_JITTER * jitter)
        self.failures += 1
        self.next_try = now + max(seconds, min(patience, _LONGEST_PATIENCE))
