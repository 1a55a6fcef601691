"""Keys of one issuer: unknown kids, impossible algorithms, events, log; by an injected clock."""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from jwt_guard import Key, KeySet
from jwt_guard._core.token.algorithms import ALGORITHMS
from jwt_guard._fresh import FetchError
from jwt_guard._schedule import Timing
from jwt_guard._wait import Fetch
from jwt_guard.errors import InvalidToken, KeysUnavailable, Reason
from jwt_guard.keys import _fresh_keys as module
from jwt_guard.keys._fresh_keys import FreshKeys, Published
from jwt_guard.observing import Event, KeysFailed, KeysRefreshed, KeysRotated, KeysStale

SECRET = "x" * 32


def key_set(*kids: str, alg: str = "HS256") -> KeySet:
    return KeySet.published(Key.secret(SECRET * 2, alg=alg, kid=kid) for kid in kids)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Setup:
    """The keys of an issuer, with everything around them in the test's hand."""

    def __init__(self, tell: Callable[[Event], None] | None = None, **options: Any) -> None:
        self.outcome: Published | Exception = Published(key_set("1"), 300)
        self.asked: list[bool] = []
        self.go = threading.Event()
        self.go.set()
        self.clock, self.seen = Clock(), list[Event]()
        options = {"algorithms": ALGORITHMS} | options
        self.keys = FreshKeys(
            "issuer",
            self.ask,
            Timing(max_stale=3600, wait=2),
            tell or self.seen.append,
            clock=self.clock,
            jitter=lambda: 0.0,
            **options,
        )

    def ask(self, before: KeySet | None, *, anew: bool) -> Published:
        del before
        self.asked.append(anew)
        outcome = self.outcome
        assert self.go.wait(10)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def find(self, kid: str | None, alg: str = "HS256") -> str | None:
        """Return the kid of the one key, waiting for a fetch."""
        (key,) = self.find_all(kid, alg)
        return key.kid

    def find_all(self, kid: str | None, alg: str = "HS256") -> tuple[Key, ...]:
        """Return the keys, waiting for a fetch."""
        found = self.keys.find(alg, kid)
        if not isinstance(found, tuple):
            found.wait()
            assert isinstance(found, Fetch)
            assert found.finished
            found = self.keys.find(alg, kid, waited=True)
        assert isinstance(found, tuple)
        return found

    def refused(self, kid: str | None, alg: str = "HS256") -> Reason:
        with pytest.raises(InvalidToken) as refused:
            self.find(kid, alg)
        return refused.value.reason

    def refresh(self) -> None:
        """Have the keys fetched, ahead of their end, and wait for it."""
        self.keys.current()
        eventually(lambda: not self.keys._fresh.busy)


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it did not happen")


def test_found() -> None:
    """A known key is there at once, and costs one fetch."""
    setup = Setup()
    assert [setup.find("1") for _ in range(3)] == ["1"] * 3
    assert setup.asked == [False]


def test_withdrawn() -> None:
    """Sets are replaced: a withdrawn key is refused after the next refresh."""
    setup = Setup()
    setup.find("1")
    setup.outcome = Published(key_set("2"), 300)
    setup.clock.now += 250
    setup.refresh()
    assert setup.refused("1") is Reason.UNKNOWN_KEY
    rotated = KeysRotated("issuer", frozenset({"2"}), frozenset({"1"}))
    eventually(lambda: rotated in setup.seen)


def test_withdrawn_while_idle() -> None:
    """An idle process asks first, and does not accept what was withdrawn meanwhile."""
    setup = Setup()
    setup.find("1")
    setup.outcome = Published(key_set("2"), 300)
    setup.clock.now += 3600
    assert setup.refused("1") is Reason.UNKNOWN_KEY


def test_empty_set_is_an_answer() -> None:
    """Of a set without keys no key is known: 401, and no outage; keys that come are used."""
    setup = Setup()
    setup.outcome = Published(key_set(), 300)
    assert setup.refused("1") is Reason.UNKNOWN_KEY
    assert setup.keys.health()["ready"] is True
    assert setup.keys.warm_up() is None
    setup.outcome = Published(key_set("1"), 300)
    setup.clock.now += 1
    assert setup.find("1") == "1"


def test_emptied_set() -> None:
    """Who withdraws all keys is understood."""
    setup = Setup()
    setup.find("1")
    setup.outcome = Published(key_set(), 300)
    setup.clock.now += 250
    setup.refresh()
    assert setup.keys.current() is not None
    assert setup.refused("1") is Reason.UNKNOWN_KEY


def test_refused_kids() -> None:
    """A kid asked for in vain is asked for again after 1, 2, 4 s; 503 where nobody may ask."""
    setup = Setup()
    setup.find("1")
    for _ in range(5):
        assert setup.refused("x") is Reason.UNKNOWN_KEY
    assert setup.asked == [False, True]
    setup.clock.now += 1
    for _ in range(5):
        assert setup.refused("x") is Reason.UNKNOWN_KEY
    setup.clock.now += 1.9
    assert setup.refused("x") is Reason.UNKNOWN_KEY
    assert setup.asked == [False, True, True]
    setup.clock.now += 0.1
    with pytest.raises(KeysUnavailable) as refused:
        setup.find("x")
    assert refused.value.retry_after == 27
    setup.clock.now += 27
    setup.outcome = Published(key_set("1", "x"), 300)
    assert setup.find("x") == "x"


@pytest.mark.parametrize(("seconds", "pauses"), [(0, [1, 2, 4, 8, 16, 30, 30]), (31, [1, 1, 1])])
def test_refusals_grow(seconds: float, pauses: list[float]) -> None:
    """Each refusal lasts twice as long, up to 30 s; one that is long over counts no more."""
    setup = Setup()
    for pause in pauses:
        setup.keys._refuse("HS256", "x")
        setup.clock.now += pause - 0.001
        assert setup.keys._is_refused("HS256", "x")
        setup.clock.now += 0.001 + seconds
        assert not setup.keys._is_refused("HS256", "x")


def test_missed() -> None:
    """A token that no key without kid has signed is asked about once, and in few fetches."""
    setup = Setup(algorithms=["HS256"])
    assert setup.keys.missed("HS256", None, waited=False) is None
    setup.outcome = Published(KeySet.published([Key.secret(SECRET, alg="HS256")]), 300)
    assert setup.find("any") is None
    for kid in ("any", None):
        fetch = setup.keys.missed("HS256", kid, waited=False)
        assert fetch is not None
        fetch.wait()
        assert setup.find(kid) is None
        assert setup.keys.missed("HS256", kid, waited=True) is None
        assert setup.keys.missed("HS256", kid, waited=False) is None
    # Nobody may ask any more for a while; the token is what it was.
    assert setup.keys.missed("HS256", "another", waited=False) is None
    assert setup.keys.missed("XX", "any", waited=False) is None
    assert setup.asked == [False, True, True]


def test_refused_kids_are_bounded() -> None:
    """The memory of refused kids does not grow without bound."""
    setup = Setup()
    for number in range(1025):
        setup.keys._refuse("HS256", str(number))
    assert len(setup.keys._refused) == 1
    assert setup.keys._is_refused("HS256", "1024")


def test_glitch() -> None:
    """After a failure of a moment a new kid is found within seconds, and was never 401."""
    setup = Setup()
    setup.find("1")
    setup.outcome = FetchError("down")
    with pytest.raises(KeysUnavailable):
        setup.find("2")
    with pytest.raises(KeysUnavailable):
        setup.find("2")
    setup.outcome = Published(key_set("1", "2"), 300)
    setup.clock.now += 1
    assert setup.find("2") == "2"


def test_not_there_yet() -> None:
    """A wait that is over before its fetch says nothing about the kid: 503."""
    setup = Setup()
    setup.find("1")
    setup.go.clear()
    setup.outcome = Published(key_set("1", "2"), 300)
    fetch = setup.keys.find("HS256", "2")
    with pytest.raises(KeysUnavailable) as refused:
        setup.keys.find("HS256", "2", waited=True)
    assert refused.value.retry_after >= 1
    setup.go.set()
    assert isinstance(fetch, Fetch)
    fetch.wait()
    assert setup.find("2") == "2"


def test_cold_and_not_there_yet() -> None:
    """The same without any keys."""
    setup = Setup()
    setup.go.clear()
    fetch = setup.keys.find("HS256", "1")
    assert isinstance(fetch, Fetch)
    with pytest.raises(KeysUnavailable) as refused:
        setup.keys.find("HS256", "1", waited=True)
    assert "takes long" in str(refused.value.hint)
    setup.go.set()
    fetch.wait()
    assert setup.keys.find("HS256", "1", waited=True) is setup.keys.find("HS256", "1")


def test_joined_a_refresh() -> None:
    """A kid that joined a fetch whose answer was already known is refused, and not for long."""
    setup = Setup()
    setup.find("1")
    setup.keys._waiting = (None, [])
    assert setup.keys.find("HS256", "1", waited=True)
    with pytest.raises(InvalidToken):
        setup.keys.find("HS256", "x", waited=True)
    assert setup.keys._is_refused("HS256", "x")


def test_answered_while_another_is_asked() -> None:
    """Who waited for a fetch that ended is told its answer, though the next one is under way."""
    setup = Setup()
    setup.find("1")
    setup.go.clear()
    fetch = setup.keys.find("HS256", "x")
    assert isinstance(fetch, Fetch)
    setup.go.set()
    fetch.wait()
    setup.go.clear()
    other = setup.keys.find("HS256", "y")
    assert isinstance(other, Fetch)
    assert other is not fetch
    with pytest.raises(InvalidToken):
        setup.keys.find("HS256", "x", waited=True)
    with pytest.raises(KeysUnavailable):
        setup.keys.find("HS256", "y", waited=True)
    setup.go.set()
    other.wait()


def test_few_wait() -> None:
    """Eight requests may wait for unknown kids; the others get 503 at once."""
    setup = Setup()
    setup.find("1")
    setup.go.clear()
    waits = [setup.keys.find("HS256", f"random {number}") for number in range(8)]
    assert len(set(map(id, waits))) == 1
    for kid in ("random 0", "another"):
        with pytest.raises(KeysUnavailable) as refused:
            setup.keys.find("HS256", kid)
        assert refused.value.retry_after >= 1
    assert setup.find("1") == "1"
    setup.go.set()
    assert isinstance(waits[0], Fetch)
    waits[0].wait()
    # The next fetch has places of its own.
    assert setup.refused("another") is Reason.UNKNOWN_KEY
    assert setup.asked == [False, True, True]


@pytest.mark.parametrize("alg", ["none", "RS256", "XX"])
def test_impossible_algorithm(alg: str) -> None:
    """An algorithm that no key of the issuer can have is 401 at once, also without keys."""
    setup = Setup(algorithms=["HS256", "HS384"])
    assert setup.refused("1", alg) is Reason.UNKNOWN_KEY
    assert setup.asked == []
    setup.find("1")
    setup.clock.now += 100
    assert setup.refused("1", alg) is Reason.UNKNOWN_KEY
    assert setup.asked == [False]


def test_algorithm_that_no_key_has() -> None:
    """One that the keys in use do not have is 401 at once; the set is looked at each minute."""
    setup = Setup()
    setup.find("1")
    setup.clock.now += 60
    assert setup.refused("2", "HS384") is Reason.UNKNOWN_KEY
    assert setup.refused(None, "HS384") is Reason.UNKNOWN_KEY
    assert setup.asked == [False]
    setup.outcome = Published(key_set("2", alg="HS384"), 300)
    setup.clock.now += 1
    assert setup.refused("2", "HS384") is Reason.UNKNOWN_KEY
    eventually(lambda: not setup.keys._fresh.busy)
    assert setup.find("2", "HS384") == "2"
    assert setup.asked == [False, True]


def test_without_kid() -> None:
    """For a token without kid up to eight keys are tried; more are refused, without a fetch."""
    setup = Setup()
    setup.outcome = Published(key_set(*"12345678"), 300)
    assert [key.kid for key in setup.find_all(None)] == [*"12345678"]
    setup.outcome = Published(key_set(*"123456789"), 300)
    setup.clock.now += 250
    setup.refresh()
    assert setup.refused(None) is Reason.AMBIGUOUS_KEY
    assert setup.asked == [False, False]


def test_stale() -> None:
    """Keys outlive an outage by an hour past their lifetime, and then are 503."""
    setup = Setup()
    setup.find("1")
    setup.outcome = FetchError("down")
    setup.clock.now += 301
    assert setup.find("1") == "1"
    eventually(lambda: KeysStale("issuer", 1.0) in setup.seen)
    assert KeysFailed("issuer", "down") in setup.seen
    setup.clock.now += 3599
    with pytest.raises(KeysUnavailable) as refused:
        setup.find("1")
    assert 1 <= refused.value.retry_after <= 60
    assert refused.value.hint == "keys of issuer: down"


def test_events() -> None:
    """A refresh is told each time, a rotation when keys differ, also under one kid."""
    setup = Setup()
    setup.find("1")
    refreshed = KeysRefreshed("issuer")
    for outcome in (
        Published(key_set("1"), 300),
        Published(None, 300),
        Published(key_set("1", alg="HS384"), 300),
    ):
        setup.outcome = outcome
        setup.clock.now += 250
        setup.refresh()
    rotated = KeysRotated("issuer", frozenset({"1"}), frozenset({"1"}))
    eventually(lambda: setup.seen == [refreshed] * 4 + [rotated])


def test_failure_within_the_lifetime() -> None:
    """A refresh that fails before the keys' end makes nothing stale."""
    setup = Setup()
    setup.find("1")
    setup.outcome = FetchError("down")
    setup.clock.now += 250
    setup.refresh()
    eventually(lambda: setup.seen == [KeysRefreshed("issuer"), KeysFailed("issuer", "down")])


def test_observer_bug(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises is logged, and keys are refreshed all the same."""

    def broken(event: Event) -> None:
        raise RuntimeError(event)

    setup = Setup(broken)
    assert setup.find("1") == "1"
    eventually(lambda: "the observer of the keys of issuer failed" in caplog.text)


def test_amiss_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """Each key that somebody should mend is one log line, and not one per refresh."""
    setup = Setup()
    for amiss in (("key 0: too short",), ("key 0: too short",), ("key 1: weak",)):
        setup.outcome = Published(key_set("1"), None, amiss)
        setup.find("1")
        setup.clock.now += 250
        setup.refresh()
    assert [record.getMessage() for record in caplog.records] == [
        "keys of issuer: passed over key 0: too short",
        "keys of issuer: passed over key 1: weak",
    ]


def test_failures_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A fetch that failed is a warning."""
    setup = Setup()
    setup.outcome = FetchError("down")
    fetch = setup.keys.warm_up()
    assert fetch is not None
    fetch.wait()
    eventually(lambda: bool(caplog.records))
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "keys of issuer: down")


def test_warm_up() -> None:
    """Warming up waits for the keys, once."""
    setup = Setup()
    fetch = setup.keys.warm_up()
    assert fetch is not None
    fetch.wait()
    assert setup.keys.warm_up() is None


def test_health() -> None:
    """Health is JSON-ready, and names issuer and kids, the last ones known."""
    setup = Setup()
    assert setup.keys.health()["keys"] == []
    setup.find("1")
    setup.clock.now += 4000
    health = json.loads(json.dumps(setup.keys.health(), allow_nan=False))
    assert health == {
        "issuer": "issuer",
        "keys": ["1"],
        "ready": False,
        "age": 4000,
        "fresh_for": -3700,
        "usable_for": -100,
        "failures": 0,
        "last_error": None,
        "next_try_in": None,
    }


def test_bounds() -> None:
    """The bounds are those that the tests above reckon with."""
    assert (module._MOST_WAITING, module._MOST_REFUSED) == (8, 1024)
