"""When to fetch: pure decisions, by properties; the numbers are written out."""

from hypothesis import given
from hypothesis import strategies as st

from jwt_guard._schedule import Schedule, Timing, lifetime

instants = st.floats(0, 1e9)
jitters = st.floats(0, 1)
TIMING = Timing(max_stale=3600, wait=2)
FILE = Timing(max_stale=3600, wait=2, shortest=5, limit=1, longest_back_off=5, window=2)


@given(instants, st.none() | st.floats(0, 1e12), jitters, st.floats(0, 1e6))
def test_lifetime(now: float, max_age: float | None, jitter: float, max_stale: float) -> None:
    """A lifetime is 1 minute to 24 hours, refreshed at 70 to 80 % of it, then stale."""
    life = lifetime(now, max_age, Timing(max_stale=max_stale, wait=2), jitter=jitter)
    seconds = life.fresh_until - now
    assert 60 - 1e-6 <= seconds <= 86_400 + 1e-6
    assert now <= life.refresh_at <= life.fresh_until <= life.stale_until
    assert 0.7 - 1e-3 <= (life.refresh_at - now) / seconds <= 0.8 + 1e-3
    assert abs(life.stale_until - life.fresh_until - max_stale) < 1e-3


def test_lifetimes() -> None:
    """Five minutes where nothing is said, a day where more is, a minute where less."""
    for max_age, seconds in ((None, 300), (864_000, 86_400), (0, 60), (120, 120)):
        life = lifetime(0, max_age, TIMING, jitter=0)
        assert (life.fetched_at, life.refresh_at) == (0, seconds * 0.8)
        assert (life.fresh_until, life.stale_until) == (seconds, seconds + 3600)
    assert abs(lifetime(0, None, TIMING, jitter=1).refresh_at - 210) < 1e-6
    assert lifetime(0, 0, FILE, jitter=0).fresh_until == 5


@given(st.lists(st.floats(0, 20), max_size=60))
def test_bucket(pauses: list[float]) -> None:
    """No 30 seconds see more than two fetches for what is missing; then there are more."""
    schedule, now, taken = Schedule(TIMING), 1000.0, list[float]()
    for pause in pauses:
        now += pause
        if schedule.may_ask(now):
            taken.append(now)
        else:
            assert now <= schedule.next_ask(now) <= now + 30
    for first in taken:
        assert sum(first <= instant < first + 30 for instant in taken) <= 2
    assert schedule.may_ask(now + 30.001)


def test_next_ask() -> None:
    """The next fetch may begin when the first of two is 30 s old, or the back-off over."""
    schedule = Schedule(TIMING)
    assert schedule.next_ask(100) == 100
    assert [schedule.may_ask(100), schedule.may_ask(110), schedule.may_ask(129.9)] == [
        True,
        True,
        False,
    ]
    assert schedule.next_ask(111) == 130
    schedule.failed(125, jitter=0, patience=60)
    assert schedule.next_ask(126) == 185


@given(st.lists(jitters, min_size=1, max_size=40))
def test_back_off(draws: list[float]) -> None:
    """Failures are followed by 1, 2, 4 … 60 s, each less up to a quarter."""
    schedule = Schedule(TIMING)
    for failures, jitter in enumerate(draws):
        schedule.failed(0, jitter=jitter)
        full = min(2**failures, 60)
        assert 0.75 * full <= schedule.next_try <= full
        assert not schedule.may_fetch(schedule.next_try - 0.001)
        assert not schedule.may_ask(schedule.next_try - 0.001)
        assert schedule.may_fetch(schedule.next_try)
    schedule.succeeded()
    assert schedule.may_fetch(0)
    assert schedule.failures == 0


def test_jitter_counts() -> None:
    """Two processes that draw differently do not ask at the same instant."""
    early, late = Schedule(TIMING), Schedule(TIMING)
    early.failed(0, jitter=1)
    late.failed(0, jitter=0)
    assert (early.next_try, late.next_try) == (0.75, 1)


def test_file_back_off() -> None:
    """A file is asked for every 5 s at most, however often it is missing."""
    schedule = Schedule(FILE)
    for seconds in (1, 2, 4, 5, 5):
        schedule.failed(0, jitter=0)
        assert schedule.next_try == seconds


def test_patience() -> None:
    """A source is given the time it asks for, at least the back-off and at most 5 minutes."""
    for patience, seconds in ((0, 1), (0.5, 1), (90, 90), (86_400, 300)):
        schedule = Schedule(TIMING)
        schedule.failed(0, jitter=0, patience=patience)
        assert schedule.next_try == seconds


def test_failing() -> None:
    """A failure tells about the present for a minute after its back-off."""
    schedule = Schedule(TIMING)
    assert not schedule.failing(0)
    schedule.failed(0, jitter=0)
    assert schedule.failing(60.9)
    assert not schedule.failing(61)


def test_longest_wait() -> None:
    """What is missing in a value is waited for half a second; a value itself, as configured."""
    for wait, missing in ((2, 0.5), (0.2, 0.2), (0, 0)):
        timing = Timing(max_stale=0, wait=wait)
        assert timing.longest_wait(anew=False) == wait
        assert timing.longest_wait(anew=True) == missing
