"""What observers are told: jwt_guard.observing."""

import logging

import pytest

from jwt_guard import Answer
from jwt_guard.errors import AuthError, KeysUnavailable, MissingToken
from jwt_guard.observing import Event, KeysFailed, KeysRefreshed, Refused, tell
from tests.tokens import guard


def fail(event: Event) -> None:
    raise RuntimeError(type(event).__name__)


def test_refusals() -> None:
    """The observer of a guard is told of every refusal, those that the log counts included."""
    told: list[Event] = []
    mine = guard(observer=told.append)
    errors: list[AuthError] = [MissingToken(), KeysUnavailable(), KeysUnavailable()]
    for error in errors:
        mine.refuse(error, method="GET", path="/")
    assert told == [Refused(error, "GET", "/") for error in errors]


def test_what_is_told_is_printable() -> None:
    """An observer may print what it is told: method and path are cut and escaped."""
    told: list[Event] = []
    guard(observer=told.append).refuse(MissingToken(), method="G\n", path="/\u2028" + "x" * 999)
    (event,) = told
    assert isinstance(event, Refused)
    assert event.method == r"G\n"
    assert event.path == r"/\u2028" + "x" * 198


def test_a_failing_observer(caplog: pytest.LogCaptureFixture) -> None:
    """An observer that fails is logged, and changes no answer."""
    found = guard(observer=fail).refuse(MissingToken(), method="GET", path="/")
    assert isinstance(found, Answer)
    assert found == guard().refuse(MissingToken(), method="GET", path="/")
    assert caplog.messages == ["an observer failed when told of Refused"]
    assert "RuntimeError: Refused" in caplog.text


def test_tell(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever has an event tells it; without an observer nothing happens."""
    told: list[Event] = []
    tell(told.append, KeysRefreshed("a"))
    tell(None, KeysRefreshed("b"))
    assert told == [KeysRefreshed("a")]
    assert caplog.records == []
    tell(fail, KeysFailed("a", "b"))
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.messages == ["an observer failed when told of KeysFailed"]


def test_only_failures_are_caught() -> None:
    """What ends the process is no failure of an observer's."""

    def stop(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tell(stop, KeysRefreshed("a"))
