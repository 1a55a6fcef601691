"""The current set: refresh ahead, staleness, events, fork; by an injected clock."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jwt_guard import Key, KeySet
from jwt_guard.errors import InvalidToken, KeysUnavailable
from jwt_guard.keys import fresh as keys_module
from jwt_guard.keys.fetching import FetchError
from jwt_guard.keys.flight import Flight
from jwt_guard.keys.fresh import Fetched, FreshKeys

SECRET = "x" * 32


def key_set(*kids: str) -> KeySet:
    return KeySet(*(Key.secret(SECRET, alg="HS256", kid=kid) for kid in kids))


class Source:
    """A fetch whose outcome the test sets; counts its calls."""

    def __init__(self) -> None:
        self.outcome: Fetched | Exception = Fetched(key_set("1"), 300)
        self.calls = 0

    def __call__(self) -> Fetched:
        self.calls += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class Events:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def refreshed(self, issuer: str) -> None:
        self.seen.append(("refreshed", issuer))

    def rotated(
        self, issuer: str, added: frozenset[str | None], removed: frozenset[str | None]
    ) -> None:
        self.seen.append(("rotated", issuer, set(added), set(removed)))

    def failed(self, issuer: str, error: str) -> None:
        self.seen.append(("failed", issuer, error))

    def stale(self, issuer: str, seconds: float) -> None:
        self.seen.append(("stale", issuer, seconds))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Setup:
    """A fresh key set, with everything around it in the test's hand."""

    def __init__(self, observer: Events | None = None, **options: Any) -> None:
        self.source, self.clock, self.events = Source(), Clock(), observer or Events()
        self.fresh = FreshKeys(
            "issuer",
            self.source,
            max_stale=3600,
            wait=2,
            min_lifetime=60,
            observer=self.events,
            clock=self.clock,
            jitter=lambda: 0.0,
            **options,
        )

    def find(self, kid: str, alg: str = "HS256") -> str | None:
        """Return the kid of the key, waiting for a flight."""
        found = self.fresh.find(alg, kid)
        if isinstance(found, Flight):
            found.wait()
            found = found.settle(alg, kid)
        return found.kid

    def refresh(self) -> None:
        """Ask for a known key, and wait for the refresh that this sets off."""
        before = self.source.calls
        self.fresh.find("HS256", "1")
        eventually(lambda: self.source.calls > before and self.fresh.idle)


def eventually(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.002)
    raise AssertionError("it did not happen")


def test_refresh_ahead() -> None:
    """At 80 % of the lifetime a known key's request refreshes, and does not wait."""
    setup = Setup()
    assert setup.find("1") == "1"
    setup.clock.now += 239
    assert setup.find("1") == "1"
    assert setup.source.calls == 1
    setup.clock.now += 2
    setup.refresh()
    assert setup.source.calls == 2


def test_withdrawn() -> None:
    """Sets are replaced: a withdrawn key is refused after the next refresh."""
    setup = Setup()
    setup.find("1")
    setup.source.outcome = Fetched(key_set("2"), 300)
    setup.clock.now += 250
    setup.refresh()
    with pytest.raises(InvalidToken):
        setup.find("1")
    assert ("rotated", "issuer", {"2"}, {"1"}) in setup.events.seen


def test_stale() -> None:
    """Keys outlive an outage by an hour past their lifetime, and then are 503."""
    setup = Setup()
    setup.find("1")
    setup.source.outcome = FetchError("down")
    setup.clock.now += 301
    setup.refresh()
    assert ("failed", "issuer", "down") in setup.events.seen
    assert ("stale", "issuer", 1.0) in setup.events.seen
    setup.clock.now += 3598
    assert setup.find("1") == "1"
    eventually(lambda: setup.fresh.idle)
    setup.clock.now += 2
    with pytest.raises(KeysUnavailable) as refused:
        setup.find("1")
    assert refused.value.retry_after >= 1
    setup.clock.now += 60
    setup.source.outcome = Fetched(key_set("1"), 300)
    assert setup.find("1") == "1"


def test_failure_before_the_end_is_not_stale() -> None:
    """A refresh that fails within the lifetime is a failure, and nothing is stale."""
    setup = Setup()
    setup.find("1")
    setup.source.outcome = FetchError("down")
    setup.clock.now += 250
    setup.refresh()
    assert [event[0] for event in setup.events.seen] == ["refreshed", "failed"]


def test_back_off() -> None:
    """During an outage the source is asked after 1, 2, 4 … seconds, not per request."""
    setup = Setup()
    setup.find("1")
    setup.source.outcome = FetchError("down")
    setup.clock.now += 250
    setup.refresh()
    for _ in range(100):
        setup.find("1")
    assert setup.source.calls == 2
    setup.clock.now += 1
    setup.refresh()
    setup.clock.now += 1.5
    setup.find("1")
    assert setup.source.calls == 3


def test_not_modified() -> None:
    """A confirmed set lives on from the confirmation."""
    setup = Setup()
    setup.find("1")
    setup.source.outcome = Fetched(None, 300)
    setup.clock.now += 250
    setup.refresh()
    setup.clock.now += 239
    setup.find("1")
    assert setup.source.calls == 2


def test_refused_kids() -> None:
    """An unknown kid asked for in vain is refused for 30 s without another fetch."""
    setup = Setup()
    setup.find("1")
    for _ in range(5):
        with pytest.raises(InvalidToken):
            setup.find("x")
    assert setup.source.calls == 2
    setup.clock.now += 31
    with pytest.raises(InvalidToken):
        setup.find("x")
    assert setup.source.calls == 3


def test_refused_kids_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of refused kids does not grow without bound."""
    monkeypatch.setattr(keys_module, "_MAX_REFUSED", 2)
    setup = Setup()
    setup.find("1")
    flight = setup.fresh.find("HS256", "a")
    assert isinstance(flight, Flight)
    flight.wait()
    for kid in "abc":
        with pytest.raises(InvalidToken):
            flight.settle("HS256", kid)
    assert len(setup.fresh._refused) == 1


def test_unknown_algorithm() -> None:
    """An algorithm that no key can have sets off no fetch."""
    setup = Setup()
    setup.find("1")
    with pytest.raises(InvalidToken):
        setup.find("x", "none")
    assert setup.source.calls == 1


def test_fetcher_bug() -> None:
    """A fetcher that raises anything is a failure like another, without its text."""
    setup = Setup()
    setup.source.outcome = RuntimeError("secret")
    with pytest.raises(KeysUnavailable) as refused:
        setup.find("1")
    assert "RuntimeError" in str(refused.value.hint)
    assert "secret" not in str(refused.value.hint)


def test_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the answer is 503, and the next try works."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    setup = Setup()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(KeysUnavailable) as refused:
            setup.find("1")
    assert "no thread" in str(refused.value.hint)
    setup.clock.now += 1
    assert setup.find("1") == "1"


def test_observer_bug(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that raises is logged, and keys are refreshed all the same."""

    class Broken(Events):
        def refreshed(self, issuer: str) -> None:
            raise RuntimeError(issuer)

    setup = Setup(Broken())
    assert setup.find("1") == "1"
    eventually(lambda: "observer" in caplog.text)


def test_no_observer() -> None:
    """Nobody need observe."""
    fresh = FreshKeys("issuer", Source(), max_stale=0, wait=2, min_lifetime=60)
    flight = fresh.warm_up()
    assert flight is not None
    flight.wait()
    assert fresh.warm_up() is None


def test_skipped_keys_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Each key that was passed over is one log line."""
    setup = Setup()
    setup.source.outcome = Fetched(key_set("1"), None, ("key 0: too short",))
    setup.find("1")
    assert [r.getMessage() for r in caplog.records] == [
        "keys of issuer: passed over key 0: too short"
    ]


def test_health() -> None:
    """Health is JSON-ready: ages, limits, the last error and the next try."""
    setup = Setup()
    assert setup.fresh.health()["ready"] is False
    setup.find("1")
    setup.clock.now += 250
    setup.source.outcome = FetchError("down")
    setup.refresh()
    assert json.loads(json.dumps(setup.fresh.health())) == {
        "issuer": "issuer",
        "ready": True,
        "keys": ["1"],
        "age": 250,
        "fresh_for": 50,
        "usable_for": 3650,
        "failures": 1,
        "last_error": "down",
        "next_try_in": 1,
    }


FORKING = """
import os, sys
from tests.keys.test_fresh import Setup, key_set
from jwt_guard.keys.flight import Flight
from jwt_guard.keys.fresh import Fetched

setup = Setup()
setup.find("1")
with setup.fresh._lock:
    setup.fresh._flight = Flight(setup.fresh.settle, 2)
    child = os.fork()
    if child == 0:
        setup.source.outcome = Fetched(key_set("1", "2"), 300)
        os._exit(0 if setup.find("2") == "2" else 1)
sys.exit(os.waitpid(child, 0)[1])
"""


def test_fork() -> None:
    """A child forked in the middle of a fetch makes its own, and keeps the keys."""
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKING], cwd=root, check=True)
    setup = Setup()
    setup.find("1")
    setup.fresh._flight = Flight(setup.fresh.settle, 2)
    keys_module._after_fork()
    assert setup.fresh.idle
    assert setup.find("1") == "1"


def test_refresh_never_waits() -> None:
    """A refresh is not begun while one flies, nor while another thread is at it."""
    setup = Setup()
    setup.find("1")
    setup.clock.now += 250
    with setup.fresh._lock:
        assert setup.find("1") == "1"
    setup.fresh._flight = Flight(setup.fresh.settle, 2)
    assert setup.find("1") == "1"
    assert setup.source.calls == 1


def test_landed_meanwhile() -> None:
    """Who saw no keys, and then finds that a fetch has landed, makes no other."""
    setup = Setup()
    setup.find("1")
    flight = setup.fresh._launch(setup.clock.now, None)
    assert flight is not None
    assert flight.settle("HS256", "1").kid == "1"
    assert setup.source.calls == 1


def test_idle_process() -> None:
    """Between fetches there is no thread."""

    def threads() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name == "jwt_guard keys of issuer"]

    setup, seen = Setup(), list[str]()
    source = setup.source

    def fetch() -> Fetched:
        seen.extend(threads())
        return source()

    setup.fresh._fetch = fetch
    setup.find("1")
    assert seen == ["jwt_guard keys of issuer"]
    eventually(lambda: threads() == [])
