"""What happened, for logs, metrics and traces: one Observer on the Guard is told.

```python
def count(event: Event) -> None:
    if isinstance(event, Refused):
        REFUSALS.labels(event.error.reason, event.error.issuer).inc()

guard = Guard(…, observer=count)
```
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from .errors import AuthError

__all__ = [
    "Event",
    "KeysFailed",
    "KeysRefreshed",
    "KeysRotated",
    "KeysStale",
    "Observer",
    "Refused",
    "tell",
]

_log = logging.getLogger("jwt_guard")


@dataclass(frozen=True, slots=True)
class Refused:
    """A request was refused.

    Attributes:
        error: Why: its `reason` and `status` are good labels of a metric, for there
            are few of them. Its `hint` is our own words, and its `issuer` and `kid`
            are names of configured issuers and of keys that these published.
        method: The request's method, shortened, in printable ASCII.
        path: The decoded path, shortened, in printable ASCII. The client chooses it.
    """

    error: AuthError
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class KeysRefreshed:
    """A fetch of an issuer's keys succeeded, whether or not it brought other keys.

    Attributes:
        issuer: The issuer's configured name.
    """

    issuer: str


@dataclass(frozen=True, slots=True)
class KeysRotated:
    """A fetch brought other keys than before.

    Attributes:
        issuer: The issuer's configured name.
        added: Ids of the keys that are new; None stands for those without one.
        removed: Ids of the keys that are gone, whose tokens are refused from now on.
    """

    issuer: str
    added: frozenset[str | None]
    removed: frozenset[str | None]


@dataclass(frozen=True, slots=True)
class KeysFailed:
    """A fetch failed; the keys that were there remain in use for a while.

    Attributes:
        issuer: The issuer's configured name.
        error: Why, in one line that holds no secrets.
    """

    issuer: str
    error: str


@dataclass(frozen=True, slots=True)
class KeysStale:
    """A fetch failed, and the keys in use are past their lifetime.

    Attributes:
        issuer: The issuer's configured name.
        seconds: How long they have been so.
    """

    issuer: str
    seconds: float


Event: TypeAlias = Refused | KeysRefreshed | KeysRotated | KeysFailed | KeysStale

Observer: TypeAlias = Callable[[Event], None]
"""Called with each event, on the thread or event loop where it happens.

So it must not block. What it raises is logged, and changes no answer.
"""


def tell(observer: Observer | None, event: Event) -> None:
    """Call *observer* with *event*, if there is one, and log what it raises."""
    if observer is None:
        return
    try:
        observer(event)
    except Exception:  # noqa: BLE001  the operator's function; its failure must change no answer
        _log.exception("an observer failed when told of %s", type(event).__name__)
