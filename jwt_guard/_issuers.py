"""Issuers known only at run time: asked for by name, bounded and cached."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from ._issuer import Issuer
from .errors import KeysUnavailable

_log = logging.getLogger("jwt_guard")

# A tenant that is taken off the list stops working within this time.
_SECONDS = 300.0
# Names come out of unverified tokens: strangers' names must not push the tenants
# out, so both are kept apart, and neither grows.
_MAX_KNOWN = 1024
_MAX_UNKNOWN = 1024


class Tenants:
    """The issuers that a function of the app's knows, cached."""

    def __init__(
        self,
        find: Callable[[str], Issuer | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Remember *find*; see `Guard`."""
        self._find = find
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[str, tuple[float, Issuer]] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()

    def get(self, name: str) -> Issuer | None:
        """Return the tenant's issuer, or None.

        Raises:
            KeysUnavailable: The app's function failed, so nobody can tell.
        """
        now = self._clock()
        entry = self._known.get(name)
        if entry is not None and now < entry[0]:
            return entry[1]
        if entry is None and now < self._unknown.get(name, now):
            return None
        return self._ask(name, now, entry[1] if entry is not None else None)

    def _ask(self, name: str, now: float, before: Issuer | None) -> Issuer | None:
        try:
            issuer = self._find(name)
        except Exception as error:  # noqa: BLE001  the app's code, perhaps its database
            _log.exception("issuers= failed")
            raise KeysUnavailable(hint=f"issuers= raised {type(error).__name__}") from None
        if issuer is not None and (not isinstance(issuer, Issuer) or issuer.name != name):
            _log.error("issuers= returned no issuer of the name it was asked for; it is not used")
            issuer = None
        # An equal issuer goes on with the keys it has.
        issuer = before if before is not None and issuer == before else issuer
        with self._lock:
            self._known.pop(name, None)
            self._unknown.pop(name, None)
            if issuer is None:
                self._unknown[name] = now + _SECONDS
                while len(self._unknown) > _MAX_UNKNOWN:
                    self._unknown.popitem(last=False)
            else:
                self._known[name] = (now + _SECONDS, issuer)
                while len(self._known) > _MAX_KNOWN:
                    self._known.popitem(last=False)
        return issuer

    def current(self) -> list[Issuer]:
        """Return the tenants in use."""
        return [issuer for _, issuer in list(self._known.values())]
