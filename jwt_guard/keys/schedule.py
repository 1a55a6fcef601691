"""When to fetch: lifetimes, back-off and the bucket for unknown kids; pure.

Nothing here reads a clock or draws a random number: instants are passed in, in
seconds of one monotonic clock, and jitter as a number from 0 to 1.
"""

from dataclasses import dataclass, field

# Cache-Control is honoured within these bounds: a provider that says "0" must not
# be asked for every request, and a key withdrawn must not live on for a week.
MIN_LIFETIME = 60.0
MAX_LIFETIME = 86_400.0
DEFAULT_LIFETIME = 300.0

# Refresh ahead, so that no request ever waits for a set that merely grew old; the
# jitter keeps a fleet that was deployed at once from asking at once.
_AHEAD, _AHEAD_JITTER = 0.8, 0.1

# Failures: 1, 2, 4 … 60 s, each less up to a quarter of itself.
_FIRST_BACK_OFF, _MAX_BACK_OFF, _BACK_OFF_JITTER = 1.0, 60.0, 0.25

# Fetches for unknown kids: enough for a rotation, and a second one that follows
# it; an attacker's random kids get no more.
BUCKET_SIZE = 2
BUCKET_WINDOW = 30.0


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a fetched set serves.

    Attributes:
        fetched_at: When it was fetched or confirmed.
        refresh_at: From when on a request sets off a refresh.
        fresh_until: When its lifetime ends.
        stale_until: Until when it goes on serving if no refresh succeeds.
    """

    fetched_at: float
    refresh_at: float
    fresh_until: float
    stale_until: float


def lifetime(
    now: float, max_age: float | None, *, max_stale: float, jitter: float, minimum: float
) -> Lifetime:
    """Return the lifetime of a set fetched at *now*.

    Args:
        now: The instant.
        max_age: What Cache-Control said, in seconds, or None.
        max_stale: How long the set may outlive its lifetime, in seconds.
        jitter: From 0 to 1.
        minimum: Least lifetime, in seconds.
    """
    seconds = DEFAULT_LIFETIME if max_age is None else max_age
    seconds = min(max(seconds, minimum), MAX_LIFETIME)
    ahead = seconds * (_AHEAD - _AHEAD_JITTER * jitter)
    return Lifetime(now, now + ahead, now + seconds, now + seconds + max_stale)


@dataclass(slots=True)
class Schedule:
    """What has been tried; the caller holds the lock.

    Attributes:
        failures: Failed fetches since the last good one.
        next_try: When the back-off ends.
        asked: When fetches for unknown kids were begun, the latest ones.
    """

    failures: int = 0
    next_try: float = float("-inf")
    asked: list[float] = field(default_factory=list[float])

    def may_fetch(self, now: float) -> bool:
        """Tell whether no back-off forbids a fetch."""
        return now >= self.next_try

    def may_ask(self, now: float) -> bool:
        """Take one of the fetches for unknown kids, if one is left."""
        if not self.may_fetch(now):
            return False
        self.asked = [instant for instant in self.asked if now - instant < BUCKET_WINDOW]
        if len(self.asked) >= BUCKET_SIZE:
            return False
        self.asked.append(now)
        return True

    def succeeded(self) -> None:
        """Forget failures."""
        self.failures = 0
        self.next_try = float("-inf")

    def failed(self, now: float, jitter: float) -> None:
        """Back off."""
        seconds = min(_FIRST_BACK_OFF * 2.0 ** min(self.failures, 10), _MAX_BACK_OFF)
        self.failures += 1
        self.next_try = now + seconds * (1 - _BACK_OFF_JITTER * jitter)
