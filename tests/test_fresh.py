"""A snapshot of what others know: refreshed ahead, stale after failures alone, bounded."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jwt_guard import _fresh as fresh_module
from jwt_guard._fresh import Fetched, FetchError, Fresh
from jwt_guard._schedule import Timing
from jwt_guard._wait import Fetch

ROOT = Path(__file__).parent.parent
TIMING = Timing(max_stale=3600, wait=2)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Letters:
    """A source whose outcome the test sets, and that can be held; counts its calls."""

    def __init__(self) -> None:
        self.outcome: Fetched[str] | Exception = Fetched("a", 300)
        self.asked: list[tuple[str | None, bool]] = []
        self.told: list[tuple[object, ...]] = []
        self.go = threading.Event()
        self.go.set()

    def fetch(self, before: str | None, *, anew: bool) -> Fetched[str]:
        self.asked.append((before, anew))
        outcome = self.outcome
        assert self.go.wait(10)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def refreshed(self, before: str | None, now: str) -> None:
        self.told.append(("refreshed", before, now))

    def failed(self, error: str, stale: float) -> None:
        self.told.append(("failed", error, stale))


class Setup:
    """A fresh letter, with everything around it in the test's hand."""

    def __init__(
        self, timing: Timing = TIMING, value: str | None = None, *, found: bool = False
    ) -> None:
        self.source, self.clock = Letters(), Clock()
        self.fresh = Fresh(
            "letters",
            self.source,
            timing,
            value=value,
            found=found,
            clock=self.clock,
            jitter=lambda: 0.0,
        )

    def calls(self) -> int:
        return len(self.source.asked)

    def waited(self) -> str | None:
        """Return the value, waiting for a fetch where there is none."""
        value = self.fresh.value()
        if value is None and (fetch := self.fresh.begin()) is not None:
            fetch.wait()
            assert fetch.finished
            value = self.fresh.value()
        return value

    def refresh(self) -> None:
        """Ask for the value, and wait for the refresh that this sets off."""
        told = len(self.source.told)
        self.fresh.value()
        eventually(lambda: len(self.source.told) > told and not self.fresh.busy)


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it did not happen")


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[fresh_module._Places]:
    """Each test has places of its own, and gives all of them back."""
    own = fresh_module._Places()
    monkeypatch.setattr(fresh_module, "_places", own)
    yield own
    eventually(lambda: own.taken == 0)


def test_refresh_ahead() -> None:
    """At 80 % of the lifetime a request refreshes, and does not wait."""
    setup = Setup()
    assert setup.waited() == "a"
    setup.clock.now += 239
    assert setup.fresh.value() == "a"
    assert setup.calls() == 1
    setup.clock.now += 2
    setup.source.go.clear()
    setup.source.outcome = Fetched("b", 300)
    for _ in range(10):
        assert setup.fresh.value() == "a"
    setup.source.go.set()
    eventually(lambda: setup.fresh.value() == "b")
    assert setup.source.asked == [(None, False), ("a", False)]


def test_jitter() -> None:
    """A process that draws differently refreshes at another instant."""
    early, late = Setup(), Setup()
    early.fresh._jitter = lambda: 1.0
    for setup in (early, late):
        assert setup.waited() == "a"
        setup.clock.now += 220
        setup.fresh.value()
    eventually(lambda: early.calls() == 2)
    assert late.calls() == 1
    draws = {fresh_module._RANDOM.random() for _ in range(10)}
    assert len(draws) == 10


def test_refreshed_first() -> None:
    """Past its lifetime with no failure a value is not used until it was refreshed."""
    setup = Setup()
    assert setup.waited() == "a"
    setup.source.outcome = Fetched("b", 300)
    setup.clock.now += 3599
    setup.source.go.clear()
    assert setup.fresh.value() is None
    setup.source.go.set()
    assert setup.waited() == "b"
    assert setup.calls() == 2


def test_not_stale_while_it_hangs() -> None:
    """A refresh that is not there yet is no failure: nothing is known meanwhile."""
    setup = Setup()
    assert setup.waited() == "a"
    setup.clock.now += 301
    setup.source.go.clear()
    fetch = setup.fresh.begin("a")
    assert fetch is not None
    assert setup.fresh.value() is None
    setup.source.outcome = FetchError("down")
    setup.source.go.set()
    fetch.wait()


def test_stale() -> None:
    """A value outlives an outage by an hour past its lifetime, and no longer."""
    setup = Setup()
    assert setup.waited() == "a"
    setup.source.outcome = FetchError("down")
    setup.clock.now += 301
    assert setup.waited() == "a"
    eventually(lambda: ("failed", "down", 1.0) in setup.source.told)
    setup.clock.now += 3598
    # The failure is old by now: asked again first, and then stale for a second more.
    setup.source.go.clear()
    assert setup.fresh.value() is None
    setup.source.go.set()
    assert setup.waited() == "a"
    setup.clock.now += 1.1
    assert setup.waited() is None
    assert setup.fresh.health()["ready"] is False
    setup.clock.now += 60
    setup.source.outcome = Fetched("b", 300)
    assert setup.waited() == "b"


def test_failure_before_the_end_is_not_stale() -> None:
    """A refresh that fails within the lifetime is a failure, and nothing is stale."""
    setup = Setup()
    setup.waited()
    setup.source.outcome = FetchError("down")
    setup.clock.now += 250
    setup.refresh()
    assert setup.source.told == [("refreshed", None, "a"), ("failed", "down", 0.0)]


def test_back_off() -> None:
    """During an outage the source is asked after 1, 2, 4 … seconds, not per request."""
    setup = Setup()
    setup.waited()
    setup.source.outcome = FetchError("down")
    setup.clock.now += 250
    setup.refresh()
    for _ in range(100):
        assert setup.fresh.value() == "a"
    assert setup.calls() == 2
    setup.clock.now += 1
    setup.refresh()
    setup.clock.now += 1.5
    setup.fresh.value()
    assert setup.calls() == 3
    assert setup.fresh.retry_in() == 1


def test_patience() -> None:
    """A source that asks for a minute and a half is left alone for that."""
    setup = Setup()
    setup.source.outcome = FetchError("busy", patience=90)
    assert setup.waited() is None
    setup.clock.now += 89
    assert setup.fresh.begin() is None
    assert setup.fresh.retry_in() == 1
    setup.clock.now -= 79
    assert setup.fresh.retry_in() == 60
    setup.clock.now += 80
    assert setup.fresh.begin() is not None


def test_confirmed() -> None:
    """A confirmed value lives on from the confirmation."""
    setup = Setup()
    setup.waited()
    setup.source.outcome = Fetched(None, 300)
    setup.clock.now += 250
    setup.refresh()
    setup.clock.now += 239
    assert setup.fresh.value() == "a"
    assert setup.calls() == 2


def test_nothing_to_confirm() -> None:
    """A confirmation of nothing is a failure."""
    setup = Setup()
    setup.source.outcome = Fetched(None)
    assert setup.waited() is None
    assert "nothing is known" in str(setup.fresh.last_error)


def test_lifetime_counts_from_the_start() -> None:
    """What was fetched slowly is as old as its question."""
    setup = Setup()
    setup.source.go.clear()
    fetch = setup.fresh.begin()
    setup.clock.now += 50
    setup.source.go.set()
    assert fetch is not None
    fetch._clock = lambda: 1000.0
    fetch.wait()
    assert setup.fresh.age() == 50
    assert setup.fresh.health()["fresh_for"] == 250


def test_known_at_first() -> None:
    """A value that is there at first serves at once, for the time that is said."""
    setup = Setup(value="z")
    assert (setup.fresh.value(), setup.fresh.known()) == ("z", "z")
    assert setup.fresh.begin("z") is not None
    assert setup.calls() == 0


def test_source_bug() -> None:
    """A source that raises anything has failed like another; its text is not shown."""
    setup = Setup()
    setup.source.outcome = RuntimeError("secret")
    assert setup.waited() is None
    assert setup.fresh.last_error == "the fetch raised RuntimeError"
    assert (setup.fresh.busy, setup.fresh.failing) == (False, True)


def test_told_bug(caplog: pytest.LogCaptureFixture) -> None:
    """What is told may raise: that is logged, and refreshing goes on."""
    setup = Setup()
    setattr(setup.source, "refreshed", refuse)  # noqa: B010  as a method it cannot be assigned
    assert setup.waited() == "a"
    eventually(lambda: "what is told of letters failed" in caplog.text)


def refuse(before: str | None, now: str) -> None:
    raise RuntimeError(before, now)


def test_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started nothing is known, and the next try works."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    setup = Setup()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert setup.waited() is None
    assert "no thread" in str(setup.fresh.last_error)
    setup.clock.now += 1
    assert setup.waited() == "a"


def test_no_thread_under_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread is started when no lock is held; under gevent others run meanwhile."""
    setup = Setup()
    free = list[bool]()
    start = threading.Thread.start

    def watched(thread: threading.Thread) -> None:
        free.append(setup.fresh._lock.acquire(blocking=False))
        setup.fresh._lock.release()
        free.append(fresh_module._places._lock.acquire(blocking=False))
        fresh_module._places._lock.release()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", watched)
    assert setup.waited() == "a"
    assert free == [True, True]


def test_primitives_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are those that threading has when they are made, as after gevent's patch."""
    made = list[str]()
    lock = threading.Lock

    def counted() -> "threading.Lock":
        made.append("lock")
        return lock()

    monkeypatch.setattr(threading, "Lock", counted)
    setup = Setup()
    before = len(made)
    assert before > 0
    setup.fresh._reset()
    assert len(made) > before


def test_thread_is_a_daemon() -> None:
    """A fetch that hangs does not hold the process's exit, and is named."""
    setup = Setup()
    setup.source.go.clear()
    fetch = setup.fresh.begin()
    (thread,) = [one for one in threading.enumerate() if one.name == "jwt_guard letters"]
    assert thread.daemon
    setup.source.go.set()
    assert fetch is not None
    fetch.wait()
    thread.join(10)
    assert not thread.is_alive()


def test_one_fetch() -> None:
    """Fifty threads that need the value make one fetch."""
    setup = Setup()
    barrier, seen = threading.Barrier(50), list[str | None]()

    def ask() -> None:
        barrier.wait()
        seen.append(setup.waited())

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (seen, setup.calls()) == (["a"] * 50, 1)


def test_ended_meanwhile() -> None:
    """Who saw nothing, and then finds that a fetch has ended, makes no other."""
    setup = Setup()
    setup.waited()
    for seen in (None, "a", "an older one"):
        fetch = setup.fresh.begin(seen)
        assert fetch is not None
        assert fetch.finished
    assert setup.calls() == 1


def test_missing() -> None:
    """What is missing is asked for anew, twice in 30 seconds."""
    setup = Setup()
    setup.waited()
    for _ in range(2):
        fetch = setup.fresh.begin("a", anew=True)
        assert fetch is not None
        fetch.wait()
        setup.clock.now += 3
    assert setup.source.asked[1:] == [("a", True)] * 2
    assert setup.fresh.begin("a", anew=True) is None
    assert (setup.fresh.retry_in(anew=True), setup.fresh.retry_in()) == (24, 1)
    setup.clock.now += 24
    fetch = setup.fresh.begin("a", anew=True)
    assert fetch is not None
    fetch.wait()


def test_ceiling(places: fresh_module._Places) -> None:
    """Names that may be made up get 8 fetches at once, all others 32; none queues."""
    setups = [Setup(found=True) for _ in range(400)]
    known = Setup(value="z")
    configured = [Setup() for _ in range(30)]
    before = threading.active_count()
    for setup in (*setups, known, *configured):
        setup.source.go.clear()
    started = [setup.fresh.begin() for setup in setups]
    assert sum(fetch is not None for fetch in started) == 8
    assert setups[9].fresh.last_error == "too many fetches are under way"
    assert setups[9].fresh.retry_in() == 1
    assert known.fresh.begin("z", anew=True) is not None
    assert sum(setup.fresh.begin() is not None for setup in configured) == 23
    assert threading.active_count() - before == 32
    for setup in (*setups, known, *configured):
        setup.source.go.set()
    eventually(lambda: places.taken == 0)
    # Who has answered is no stranger any more.
    assert setups[9].waited() == "a"
    assert setups[9].fresh._found is False


def test_names_that_nobody_knows() -> None:
    """Of names that fail at once 8 are asked about in a second, and nobody else waits for it."""
    setups = [Setup(found=True) for _ in range(20)]
    begun = 0
    for setup in setups:
        setup.source.outcome = FetchError("unknown")
        fetch = setup.fresh.begin()
        if fetch is not None:
            fetch.wait()
            begun += 1
    assert begun == 8
    # A configured source takes its place, and gives it back at once, as often as it likes.
    for _ in range(10):
        configured = Setup()
        configured.source.outcome = FetchError("down")
        assert configured.waited() is None
        assert configured.calls() == 1
    late = Setup(found=True)
    late.clock.now += 0.999
    assert late.fresh.begin() is None
    late.clock.now += 0.001
    assert late.waited() == "a"


def test_patience_with_strangers(places: fresh_module._Places) -> None:
    """Strangers are waited for half a second; after a wait in vain not at all, for 30 s."""
    hanging, late, other, configured = (Setup(found=found) for found in (True, True, True, False))
    for setup in (hanging, late, other, configured):
        setup.source.go.clear()
    configured.fresh.waited_in_vain()
    for setup, after, seconds in (
        (hanging, 0, 0.5),
        (late, 29.999, 0),
        (configured, 0, 2),
        (other, 30, 0.5),
    ):
        setup.clock.now += after
        fetch = setup.fresh.begin()
        assert fetch is not None
        assert fetch.seconds_left() == seconds
        hanging.fresh.waited_in_vain()
    # One who is known after all shows that it is worth waiting.
    late.source.go.set()
    eventually(lambda: late.fresh.known() == "a" and not late.fresh.busy)
    assert places.impatient_until < 0
    for setup in (hanging, other, configured):
        setup.source.go.set()


def test_fetch_that_never_ends() -> None:
    """After its limit a fetch has failed, and is no longer waited for; three are lost at most."""
    setup = Setup(Timing(max_stale=3600, wait=0, limit=5), value="z")
    setup.source.go.clear()
    setup.clock.now += 301
    for lost in (1, 2, 3):
        fetch = setup.fresh.begin("z")
        assert fetch is not None
        setup.clock.now += 4.9
        assert setup.fresh.begin("z") is fetch
        setup.clock.now += 0.2
        assert setup.fresh.value() == "z"
        assert fetch.finished
        assert setup.fresh._lost == lost
        assert "not ended after 5 s" in str(setup.fresh.last_error)
        setup.clock.now += 60
    assert setup.source.told[0][:2] == ("failed", "the fetch has not ended after 5 s")
    assert setup.source.told[0][2] == pytest.approx(6.1)
    assert setup.fresh.begin("z") is None
    setup.source.outcome = FetchError("late")
    setup.source.go.set()
    eventually(lambda: setup.fresh._lost == 0)
    # What came late came all the same, from whichever was first.
    assert setup.fresh.known() == "a"


def test_late_failure() -> None:
    """A fetch that was given up and fails later fails once."""
    setup = Setup(Timing(max_stale=3600, wait=0, limit=5))
    setup.source.go.clear()
    setup.source.outcome = FetchError("late")
    setup.fresh.begin()
    setup.clock.now += 5
    assert setup.fresh.begin() is None
    setup.source.go.set()
    eventually(lambda: setup.fresh._lost == 0)
    assert setup.fresh.health()["failures"] == 1
    assert len(setup.source.told) == 1


def test_given_up_once() -> None:
    """Of two threads that find a fetch over its limit one gives it up."""
    setup = Setup(Timing(max_stale=3600, wait=0, limit=5))
    setup.source.go.clear()
    fetch = setup.fresh.begin()
    setup.clock.now += 5
    setup.fresh._lock.acquire()
    other = threading.Thread(target=setup.fresh._give_up, args=(setup.clock.now,))
    other.start()
    time.sleep(0.02)
    setup.fresh._fetch = None
    setup.fresh._lock.release()
    other.join()
    assert setup.fresh._lost == 0
    setup.fresh._fetch = fetch
    setup.source.go.set()
    eventually(lambda: not setup.fresh.busy)


def test_waits_for_what_is_missing() -> None:
    """Who misses something waits half a second; who has nothing, as long as configured."""
    setup = Setup()
    for value, anew, seconds in ((None, False, 2), ("a", True, 0.5)):
        setup.source.go.clear()
        fetch = setup.fresh.begin(value, anew=anew)
        assert fetch is not None
        assert fetch.seconds_left() == seconds
        setup.source.go.set()
        fetch.wait()


def test_health() -> None:
    """Health is ages, limits, the last error and the next try."""
    setup = Setup()
    assert setup.fresh.health() == {
        "ready": False,
        "age": None,
        "fresh_for": None,
        "usable_for": None,
        "failures": 0,
        "last_error": None,
        "next_try_in": None,
    }
    assert setup.fresh.age() == float("inf")
    setup.waited()
    setup.clock.now += 250
    setup.source.outcome = FetchError("down")
    setup.refresh()
    assert setup.fresh.health() == {
        "ready": True,
        "age": 250,
        "fresh_for": 50,
        "usable_for": 3650,
        "failures": 1,
        "last_error": "down",
        "next_try_in": 1,
    }
    assert fresh_module._finite(float("inf")) is None


FORKING = """
import os, sys, threading
from jwt_guard import _fresh
from jwt_guard._wait import Fetch
from tests.test_fresh import Setup
from jwt_guard._fresh import Fetched

setup = Setup()
assert setup.waited() == "a"
setup.clock.now += 299
setup.fresh._fetch = Fetch(2)
_fresh._places.taken = 32
with setup.fresh._lock, _fresh._places._lock:
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(10)
        setup.source.outcome = Fetched("b", 300)
        known = setup.fresh.value()
        setup.clock.now += 300
        os._exit(0 if (known, setup.waited()) == ("a", "b") else 1)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_fork() -> None:
    """A child forked in the middle of a fetch makes its own, and keeps the value."""
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING], cwd=ROOT, check=True)


def test_after_fork(places: fresh_module._Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, in this process: nothing is under way, whatever was."""
    setup = Setup()
    setup.waited()
    setup.fresh._fetch = Fetch(2)
    places.taken = 32
    # Of this one alone: other tests have fetches under way.
    monkeypatch.setattr(fresh_module, "_instances", [setup.fresh])
    fresh_module._after_fork()
    assert places.taken == 0
    assert not setup.fresh.busy
    assert setup.fresh.value() == "a"


EXITING = """
import time
from tests.test_fresh import Setup
setup = Setup()
setup.source.go.clear()
setup.fresh.begin()
"""


def test_exit() -> None:
    """A process ends though a fetch hangs."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", EXITING], cwd=ROOT, check=True, timeout=30)
    assert time.perf_counter() - start < 8
