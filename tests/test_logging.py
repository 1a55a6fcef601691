"""RFC 5424 §6.2.1: jwt_guard._logging."""

import logging
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any, cast

import pytest

from jwt_guard import _logging
from jwt_guard._logging import LEVEL, LOG, RefusalLog, printable, show, show_as_asked
from jwt_guard.configuration import from_environ
from jwt_guard.errors import (
    AuthError,
    ConfigurationError,
    KeysUnavailable,
    MissingToken,
    StoreUnavailable,
)
from jwt_guard.observing import KeysRefreshed, Refused
from tests.tokens import guard

ADVICE = "a request was refused, and why is not shown; set JWT_GUARD_LOG=INFO, or logging"


def refused(error: AuthError, issuer: str | None = None) -> Refused:
    error.issuer = issuer
    return Refused(error, "GET", "/")


def members(record: logging.LogRecord) -> Any:
    return cast("Any", record)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def log(now: list[float]) -> RefusalLog:
    return RefusalLog(lambda: now[0])


@contextmanager
def unconfigured() -> Generator[None]:
    """An app that configures no logging; pytest has handlers on the root while a test runs."""
    before = logging.root.handlers, LOG.handlers[:], LOG.level, _logging._advised
    logging.root.handlers, _logging._advised = [], {}
    try:
        yield
    finally:
        logging.root.handlers, LOG.handlers[:], level, _logging._advised = before
        LOG.setLevel(level)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/inbox", "/inbox"),
        ("/it's", "/it's"),
        ("", ""),
        ("/\n", r"/\n"),
        (r"/\n", r"/\\n"),
        ("/é\U0001f600", r"/\xe9\U0001f600"),
        ("\x1b[31m\x7f\x9b", r"\x1b[31m\x7f\x9b"),
        ("\ud800", r"\ud800"),
        ("x" * 201, "x" * 200),
    ],
)
def test_printable(text: str, expected: str) -> None:
    """Whatever the client sends is cut, and becomes printable ASCII without ambiguity."""
    assert printable(text) == expected


def test_record(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    """All that a record says is safe to print, whoever wrote it."""
    caplog.set_level(logging.INFO)
    error = MissingToken(hint="a\nhint")
    error.kid = "k\r1"
    log(refused(error, "https://é"))
    (record,) = caplog.records
    assert record.getMessage() == r"refused GET /: 401 no_credentials (a\nhint)"
    found = members(record)
    assert (found.reason, found.status, found.count) == ("no_credentials", 401, 0)
    assert (found.issuer, found.kid, found.hint) == (r"https://\xe9", r"k\r1", r"a\nhint")
    assert (found.method, found.path) == ("GET", "/")


def test_other_events(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    """Refusals alone are logged here."""
    caplog.set_level(logging.DEBUG)
    log(KeysRefreshed("a"))
    assert caplog.records == []


def test_the_client_is_never_counted(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    """Each refusal that is the client's is a record."""
    caplog.set_level(logging.INFO)
    for _ in range(3):
        log(refused(MissingToken()))
    assert len(caplog.records) == 3


def test_an_outage_is_said_once(
    log: RefusalLog, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Of one issuer's outage one record in ten seconds is written, with a count of the rest."""
    for second in (0.0, 0.1, 5.0, 9.9, 10.0, 15.0, 19.9, 100.0):
        now[0] = second
        log(refused(KeysUnavailable(hint="h"), "a"))
    assert caplog.messages == [
        "refused GET /: 503 no_keys (h)",
        "refused GET /: 503 no_keys (h), and 3 more since the last such record",
        "refused GET /: 503 no_keys (h), and 2 more since the last such record",
    ]
    assert [members(record).count for record in caplog.records] == [0, 3, 2]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_outages_are_counted_apart(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    """Another issuer's outage, or another kind of outage, is a record of its own."""
    for _ in range(2):
        log(refused(KeysUnavailable(), "a"))
        log(refused(KeysUnavailable(), "b"))
        log(refused(KeysUnavailable()))
        log(refused(StoreUnavailable(), "a"))
    found = [(members(record).issuer, members(record).reason) for record in caplog.records]
    assert found == [
        ("a", "no_keys"),
        ("b", "no_keys"),
        (None, "no_keys"),
        ("a", "store_unavailable"),
    ]


def test_tenants_take_no_room_for_ever(log: RefusalLog, caplog: pytest.LogCaptureFixture) -> None:
    """After 1024 states the counting begins anew."""
    for name in range(1024):
        log(refused(KeysUnavailable(), str(name)))
    log(refused(KeysUnavailable(), "0"))
    assert len(caplog.records) == 1024
    log(refused(KeysUnavailable(), "another"))
    log(refused(KeysUnavailable(), "0"))
    assert len(caplog.records) == 1026


def test_threads(log: RefusalLog, now: list[float], caplog: pytest.LogCaptureFixture) -> None:
    """Of many threads one writes, at the first refusal and at the end of an interval."""
    threads = 8
    barrier = Barrier(threads)

    def ask(_: int) -> None:
        barrier.wait()
        for _ in range(250):
            log(refused(KeysUnavailable(), "a"))

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, range(threads)))
        now[0] = 10.0
        list(pool.map(ask, range(threads)))
    assert len(caplog.records) == 2
    # Some of the second round may be late, and be counted with the first.
    assert members(caplog.records[1]).count >= 1999


class Late(dict[Any, Any]):
    """Intervals of which another thread has begun or ended one in the meantime."""

    def __init__(self, found: Mapping[Any, Any], seen: Any) -> None:
        super().__init__(found)
        self.seen = [seen]

    def get(self, key: Any, default: Any = None, /) -> Any:
        return self.seen.pop() if self.seen else super().get(key, default)


def test_another_thread_was_first(
    log: RefusalLog, now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """Who comes too late to begin or to end an interval writes nothing, and is counted."""
    log(refused(KeysUnavailable(), "a"))
    begun = log._intervals
    log._intervals = Late(begun, None)
    log(refused(KeysUnavailable(), "a"))
    assert len(caplog.records) == 1
    (old,) = begun.values()
    now[0] = 10.0
    log(refused(KeysUnavailable(), "a"))
    assert members(caplog.records[1]).count == 1
    log._intervals = Late(log._intervals, old)
    log(refused(KeysUnavailable(), "a"))
    assert len(caplog.records) == 2


def test_a_forked_process_begins_anew(
    log: RefusalLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What the parent wrote is not in the child's log."""
    log(refused(KeysUnavailable(), "a"))
    monkeypatch.setattr(os, "getpid", lambda: -1)
    log(refused(KeysUnavailable(), "a"))
    assert len(caplog.records) == 2


def test_advice(
    log: RefusalLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first refusal that is not shown says how to see it, once in a process."""
    monkeypatch.setattr(_logging, "_advised", {})
    for _ in range(2):
        log(refused(MissingToken()))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages[0].startswith(ADVICE)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    log(refused(MissingToken()))
    assert len(caplog.records) == 2


def test_no_advice_is_needed(
    log: RefusalLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where refusals are shown already nothing is said."""
    monkeypatch.setattr(_logging, "_advised", {})
    caplog.set_level(logging.INFO)
    log(refused(MissingToken()))
    log(refused(KeysUnavailable()))
    assert not any(message.startswith(ADVICE) for message in caplog.messages)


def test_a_level_alone_shows_nothing(log: RefusalLog, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a handler Python drops what is below WARNING: the advice is still needed."""
    with unconfigured():
        LOG.setLevel(logging.INFO)
        log(refused(MissingToken()))
    assert capsys.readouterr().err.startswith(ADVICE)


@pytest.mark.parametrize("level", ["INFO", "info"])
def test_show(
    level: str,
    log: RefusalLog,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """JWT_GUARD_LOG shows refusals on stderr, each once, where the app configures no logging."""
    monkeypatch.setenv(LEVEL, level)
    with unconfigured():
        guard()
        guard()
        log(refused(MissingToken()))
    assert capsys.readouterr().err == "INFO:jwt_guard:refused GET /: 401 no_credentials\n"


def test_show_beside_the_app(log: RefusalLog, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the app configures logging, before or after, records go its way alone."""
    with unconfigured():
        show("INFO")
        logging.root.handlers = [logging.NullHandler()]
        log(refused(MissingToken()))
        logging.root.handlers = []
        LOG.addHandler(logging.NullHandler())
        log(refused(MissingToken()))
    assert capsys.readouterr().err == ""


def test_no_level() -> None:
    """What is no level is said at construction, with the variable's name."""
    with pytest.raises(ConfigurationError, match=r"^JWT_GUARD_LOG: a level of the log is one of"):
        show_as_asked({LEVEL: "LOUD"})
    show_as_asked({LEVEL: ""})
    show_as_asked({})


def test_the_variable_is_none_of_the_guards() -> None:
    """JWT_GUARD_LOG may stand beside the variables that describe the guard."""
    variables = {
        "JWT_GUARD_ISSUER": "https://login.example",
        "JWT_GUARD_AUDIENCE": "api",
        "JWT_GUARD_SECRET": "s" * 32,
        "JWT_GUARD_ALG": "HS256",
        LEVEL: "INFO",
    }
    assert len(from_environ(variables).issuers) == 1


PROGRAM = """
from jwt_guard import Guard, Issuer, Key
from jwt_guard.errors import MissingToken
guard = Guard(Issuer("a", audience="b", keys=[Key.secret("s" * 32, alg="HS256")]))
for _ in range(2):
    guard.refuse(MissingToken(), method="GET", path="/")
"""


@pytest.mark.parametrize(
    ("level", "lines"), [("", [ADVICE]), ("INFO", ["INFO:jwt_guard:refused GET /"] * 2)]
)
def test_a_fresh_process(level: str, lines: list[str]) -> None:
    """An app that configures nothing sees how to see more, and then more."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, LEVEL: level},
        capture_output=True,
        text=True,
        check=True,
    ).stderr.splitlines()
    assert len(found) == len(lines)
    assert all(line.startswith(start) for line, start in zip(found, lines, strict=True))
