"""When to fetch: pure decisions, by properties."""

from hypothesis import given
from hypothesis import strategies as st
from jwt_guard.keys.schedule import (
    BUCKET_SIZE,
    BUCKET_WINDOW,
    DEFAULT_LIFETIME,
    MAX_LIFETIME,
    MIN_LIFETIME,
    Schedule,
    lifetime,
)

instants = st.floats(0, 1e9)
jitters = st.floats(0, 1)


@given(instants, st.none() | st.floats(0, 1e12), jitters, st.floats(0, 1e6))
def test_lifetime(now: float, max_age: float | None, jitter: float, max_stale: float) -> None:
    """A lifetime is 1 minute to 24 hours, refreshed at 70 to 80 % of it, then stale."""
    life = lifetime(now, max_age, max_stale=max_stale, jitter=jitter, minimum=MIN_LIFETIME)
    seconds = life.fresh_until - now
    assert MIN_LIFETIME - 1e-6 <= seconds <= MAX_LIFETIME + 1e-6
    assert now <= life.refresh_at <= life.fresh_until <= life.stale_until
    assert 0.7 - 1e-3 <= (life.refresh_at - now) / seconds <= 0.8 + 1e-3


def test_default_lifetime() -> None:
    """Without Cache-Control a set lives for five minutes."""
    life = lifetime(0, None, max_stale=0, jitter=0, minimum=MIN_LIFETIME)
    assert (life.fresh_until, life.refresh_at) == (DEFAULT_LIFETIME, 240)


@given(st.lists(st.floats(0, 20), max_size=60))
def test_bucket(pauses: list[float]) -> None:
    """No 30 seconds see more than two fetches for unknown kids."""
    schedule, now, taken = Schedule(), 1000.0, list[float]()
    for pause in pauses:
        now += pause
        if schedule.may_ask(now):
            taken.append(now)
    for first in taken:
        assert sum(first <= instant < first + BUCKET_WINDOW for instant in taken) <= BUCKET_SIZE


@given(st.lists(jitters, min_size=1, max_size=40))
def test_back_off(draws: list[float]) -> None:
    """Failures are followed by 1, 2, 4 … 60 s, each less up to a quarter."""
    schedule = Schedule()
    for failures, jitter in enumerate(draws):
        schedule.failed(0, jitter)
        full = min(2**failures, 60)
        assert 0.75 * full <= schedule.next_try <= full
        assert not schedule.may_fetch(schedule.next_try - 0.001)
        assert not schedule.may_ask(schedule.next_try - 0.001)
        assert schedule.may_fetch(schedule.next_try)
    schedule.succeeded()
    assert schedule.may_fetch(0)
    assert schedule.failures == 0
