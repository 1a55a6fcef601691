"""Verified tokens, remembered by a hash of all of it; only a container.

Only what was verified gets in, and an entry says when and by which key: whoever
looks one up checks the time and the key again. Failures are never remembered.
"""

import os
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from ._core.token.keys import KeySet
from ._verified import Verified

# What a cache may take for each token that it has room for: four times what one of
# 1 KB takes.
_OCTETS = 8192
# A single token may not take the place of too many: 8 KiB of roles take a third of it.
_MAX_OCTETS = 2**18

# What CPython takes for an entry with all that belongs to it, for an object in the
# claims, and for any other value or name, with its place in a set of scopes or roles.
_ENTRY = 1280
_OBJECT = 256
_VALUE = 128


def octets(payload: bytes) -> int:
    """Return about how much memory the claims in *payload* take, rather too much."""
    wide = not payload.isascii() or b"\\" in payload
    values = payload.count(b",") + payload.count(b"[")
    return (
        _ENTRY + len(payload) * (4 if wide else 1) + values * _VALUE + payload.count(b"{") * _OBJECT
    )


class Entry:
    """A caller that was verified, and what has to hold still.

    Attributes:
        verified: The caller.
        current: Returns the keys that its issuer has in use, or None where it has none
            at present or is not trusted any more. None in its place: they never change.
        keys: The issuer's set that was last seen to select the key, or None.
        octets: About how much memory it takes.
    """

    __slots__ = ("current", "keys", "octets", "verified")

    def __init__(
        self,
        verified: Verified,
        current: Callable[[], KeySet | None] | None,
        keys: KeySet | None,
        octets: int,
    ) -> None:
        """Remember *verified*."""
        self.verified = verified
        self.current = current
        self.keys = keys
        self.octets = octets

    def stands_in(self, keys: KeySet) -> bool:
        """Whether *keys* would select the very key that verified the token."""
        key, kid = self.verified.basis.key, self.verified.basis.kid
        if key is None or not keys.selects(key, kid):
            return False
        self.keys = keys
        return True


@dataclass(slots=True)
class Counters:
    """What became of lookups; approximate while several threads count.

    Attributes:
        hits: Callers that were recalled.
        misses: Tokens that had to be verified, whatever came of it.
        evictions: Entries that made room for others.
        dropped_by_rotation: Entries whose key is no longer in use.
    """

    hits: int = 0
    misses: int = 0
    evictions: int = 0
    dropped_by_rotation: int = 0


class VerifiedTokens:
    """A bounded map from digests to entries, for any number of threads.

    Two plain dicts: an entry of the old one that is asked for moves to the young
    one; once there is no more room and the old one is empty, the young one becomes
    the old one, from which each further entry takes as many away as it needs room.
    A hit in the young one writes nothing and takes no lock.

    Attributes:
        young: Where to look first.
        counters: What became of lookups.
    """

    def __init__(self, size: int) -> None:
        """Make room for *size* entries, and for as many times 8 KiB."""
        self._size = size
        self._room = max(size * _OCTETS, _MAX_OCTETS)
        self._lock = threading.Lock()
        self.counters: Counters = Counters()
        self._clear()
        _instances.add(self)

    def _clear(self) -> None:
        self.young: dict[bytes, Entry] = {}
        self._old: dict[bytes, Entry] = {}
        self._octets = 0

    def after_fork(self) -> None:
        """Go on in a child, which has none of the threads that may hold the lock."""
        if self._lock.locked():
            self._clear()
        self._lock = threading.Lock()

    def promoted(self, digest: bytes) -> Entry | None:
        """Return the entry if it is an old one, which is young from then on."""
        if digest not in self._old:
            return None
        with self._lock:
            # None if another thread was faster: put back, it would be one too many.
            entry = self._old.pop(digest, None)
            if entry is not None:
                self.young[digest] = entry
        return entry

    def drop(self, digest: bytes) -> None:
        """Forget the entry, whose key is no longer in use."""
        with self._lock:
            self.counters.dropped_by_rotation += self._take(digest)

    def _take(self, digest: bytes) -> int:
        entry = self.young.pop(digest, None) or self._old.pop(digest, None)
        if entry is None:
            return 0
        self._octets -= entry.octets
        return 1

    def remember(self, digest: bytes, entry: Entry) -> None:
        """Keep *entry*, in place of others if there is no room."""
        if entry.octets > _MAX_OCTETS:
            return
        with self._lock:
            self._take(digest)
            while len(self) >= self._size or self._octets + entry.octets > self._room:
                self._evict()
            self.young[digest] = entry
            self._octets += entry.octets

    def _evict(self) -> None:
        if not self._old:
            self.young, self._old = {}, self.young
        _, gone = self._old.popitem()
        self._octets -= gone.octets
        self.counters.evictions += 1

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.young) + len(self._old)


_instances: "weakref.WeakSet[VerifiedTokens]" = weakref.WeakSet()


def _after_fork() -> None:
    for verified in list(_instances):
        verified.after_fork()


os.register_at_fork(after_in_child=_after_fork)
