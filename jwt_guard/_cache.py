"""Verified tokens, remembered by the SHA-256 of the whole field value that brings one.

Only what was verified gets in, and an entry says when and by which key: whoever
recalls it checks the time and the key again. Failures are never remembered.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from ._core.token.claims import Window
from ._core.token.identity import Identity
from ._core.token.keys import Key, KeySet

# "Bearer " and a token of 4 KiB. A longer one is rare, and would make the memory of a
# full cache a guess.
MAX_REMEMBERED = 7 + 4096


@dataclass(slots=True)
class Entry:
    """A caller that was verified, and what has to hold still.

    Attributes:
        identity: The caller.
        window: When its token is valid.
        current: Returns the keys that its issuer has in use, or None where it has none
            at present or is not trusted any more.
        kid: What the token's header selected the key by, or None.
        key: The key that verified it.
        keys: The issuer's set that was last seen to select that key, or None.
    """

    identity: Identity
    window: Window
    current: Callable[[], KeySet | None]
    kid: str | None
    key: Key
    keys: KeySet | None = None

    def stands_in(self, keys: KeySet) -> bool:
        """Whether *keys* would select the very key that verified the token."""
        if not keys.selects(self.key, self.kid):
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
    one; once the young one is full it becomes the old one, from which each further
    entry takes one away. A hit in the young one writes nothing and takes no lock,
    and no step takes longer than another as the cache grows.
    """

    def __init__(self, size: int) -> None:
        """Make room for *size* entries."""
        self._size = size
        self._lock = Lock()
        self._young: dict[bytes, Entry] = {}
        self._old: dict[bytes, Entry] = {}
        self.counters: Counters = Counters()

    def recall(self, digest: bytes, now: float) -> Identity | None:
        """Return the caller whose token has *digest*, if all of it holds *now*.

        Args:
            digest: Of the field value.
            now: Seconds since the epoch.
        """
        entry = self._young.get(digest) or self._promoted(digest)
        if entry is not None:
            begins, ends = entry.window
            keys = entry.current()
            if keys is not None and begins <= now < ends:
                if keys is entry.keys or entry.stands_in(keys):
                    self.counters.hits += 1
                    return entry.identity
                self.counters.dropped_by_rotation += self._drop(digest)
        self.counters.misses += 1
        return None

    def _promoted(self, digest: bytes) -> Entry | None:
        if digest not in self._old:
            return None
        with self._lock:
            # None if another thread was faster: put back, it would be one too many.
            entry = self._old.pop(digest, None)
            if entry is not None:
                self._young[digest] = entry
        return entry

    def _drop(self, digest: bytes) -> int:
        with self._lock:
            return sum(side.pop(digest, None) is not None for side in (self._young, self._old))

    def remember(self, digest: bytes, entry: Entry) -> None:
        """Keep *entry*, in place of another one if there is no room."""
        with self._lock:
            self._old.pop(digest, None)
            if digest not in self._young and len(self) >= self._size:
                if not self._old:
                    self._young, self._old = {}, self._young
                self._old.popitem()
                self.counters.evictions += 1
            self._young[digest] = entry

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._young) + len(self._old)
