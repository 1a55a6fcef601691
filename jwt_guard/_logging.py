"""RFC 5424 §6.2.1: what the operator reads of refusals, and when.

Method and path are the client's, and key ids the issuer's: nothing gets into a record
but printable ASCII. Nothing here takes a lock, so no fork can leave one held.
"""

import logging
import os
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import NamedTuple

from .errors import AuthError, ConfigurationError, Reason
from .observing import Event, Refused

LOG = logging.getLogger("jwt_guard")

# The variable that shows records where the app configures no logging.
LEVEL = "JWT_GUARD_LOG"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

# Enough to find the route; a path is the client's to make long.
_MAX_LENGTH = 200

# Seconds. An outage has to be seen at once, and its 20,001st refusal says nothing new.
_INTERVAL = 10.0

# Tenants come and go; what is counted of them must not grow for ever.
_MAX_STATES = 1024

# Which processes have said how to see more, by their ids: a forked one begins anew.
_advised: dict[int, object] = {}


class _State(NamedTuple):
    """The process that counts, the issuer, and what is wrong with it."""

    process: int
    issuer: str | None
    reason: Reason


class _Interval:
    """The time after a record in which others like it are counted.

    `next()` of a `count` is one step for all threads.
    """

    __slots__ = ("end", "ends", "passed")

    def __init__(self, end: float) -> None:
        self.end = end
        self.passed = count()
        self.ends = count()


class RefusalLog:
    """An observer that logs each refusal as one record.

    States of ours, which many requests meet, are logged once per issuer and interval,
    with the number of those that were not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Make a log that measures intervals by *clock*, in seconds."""
        self._clock = clock
        self._intervals: dict[_State, _Interval] = {}

    def __call__(self, event: Event, /) -> None:
        """Log *event* if it is a refusal."""
        if isinstance(event, Refused):
            self._log(event)

    def _log(self, event: Refused) -> None:
        level = event.error.log_level
        if level <= logging.INFO:
            if _shows(level):
                _write(event)
            else:
                _advise()
            return
        passed = self._passed(event.error)
        if passed is not None:
            _write(event, passed)

    def _passed(self, error: AuthError) -> int | None:
        """Return how many were passed over since the last record; None passes one over."""
        state = _State(os.getpid(), error.issuer, error.reason)
        now = self._clock()
        last = self._intervals.get(state)
        if last is not None and (now < last.end or next(last.ends) > 0):
            next(last.passed)
            return None
        if last is None and len(self._intervals) >= _MAX_STATES:
            self._intervals = {}
        interval = _Interval(now + _INTERVAL)
        if last is not None:
            self._intervals[state] = interval
            return next(last.passed)
        if self._intervals.setdefault(state, interval) is interval:
            return 0
        return self._passed(error)


def printable(text: str) -> str:
    """Return at most 200 characters of *text* as printable ASCII."""
    return _escaped(text[:_MAX_LENGTH])


def show(level: str) -> None:
    """Show records of *level* and above, on stderr where the app configures no logging.

    Raises:
        ConfigurationError: No such level.
    """
    if level.upper() not in _LEVELS:
        raise ConfigurationError(f"a level of the log is one of {', '.join(_LEVELS)}")
    LOG.setLevel(level.upper())
    if not any(handler.get_name() == LEVEL for handler in LOG.handlers):
        handler = logging.StreamHandler()
        handler.set_name(LEVEL)
        handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
        handler.addFilter(lambda _: not _is_configured(handler))
        LOG.addHandler(handler)


def show_as_asked(environ: Mapping[str, str] = os.environ) -> None:
    """Show what the variable `JWT_GUARD_LOG` asks for, if it is set.

    Raises:
        ConfigurationError: It is no level.
    """
    if environ.get(LEVEL):
        try:
            show(environ[LEVEL])
        except ConfigurationError as error:
            raise ConfigurationError(f"{LEVEL}: {error}") from None


def _is_configured(handler: logging.Handler) -> bool:
    """Whether records reach another handler than this one."""
    return bool(logging.root.handlers) or LOG.handlers != [handler]


def _shows(level: int) -> bool:
    # Without any handler, records below WARNING are dropped, whatever the level.
    return LOG.isEnabledFor(level) and LOG.hasHandlers()


def _advise() -> None:
    """Say once in a process how to see why requests are refused."""
    mine = object()
    if _advised.setdefault(os.getpid(), mine) is mine:
        LOG.warning(
            "a request was refused, and why is not shown; set %s=INFO, "
            'or logging.getLogger("jwt_guard").setLevel("INFO")',
            LEVEL,
        )


def _escaped(text: str) -> str:
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain else ascii(text)[1:-1]


def _or_none(text: str | None) -> str | None:
    return None if text is None else _escaped(text)


def _write(event: Refused, passed: int = 0) -> None:
    error = event.error
    hint = _or_none(error.hint)
    LOG.log(
        error.log_level,
        "refused %s %s: %d %s%s%s",
        event.method,
        event.path,
        error.status,
        error.reason.value,
        f" ({hint})" if hint else "",
        f", and {passed} more since the last such record" if passed else "",
        extra={
            "reason": error.reason.value,
            "issuer": _or_none(error.issuer),
            "kid": _or_none(error.kid),
            "method": event.method,
            "path": event.path,
            "status": error.status,
            "hint": hint,
            "count": passed,
        },
    )
