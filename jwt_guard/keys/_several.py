"""Keys of several places for one issuer, as in a migration; static ones are asked first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._core.token.keys import MAX_TRIED, Key, KeySet
from .._wait import Together, Wait
from ..errors import AuthError, InvalidToken, KeysUnavailable, Reason
from ._sources import Found, KeySource


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """Keys that never change, as a `KeySource`."""

    keys: KeySet

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> tuple[Key, ...]:  # noqa: ARG002  never waits
        """Return the keys that a token's header selects; see `KeySource`."""
        return self.keys.candidates(alg, kid)

    def current(self) -> KeySet:
        """Return the set."""
        return self.keys


class SeveralKeys:
    """The union of several sources."""

    def __init__(self, sources: Sequence[KeySource]) -> None:
        """Remember the sources, in the order of asking."""
        self._sources = sources
        self._union: tuple[list[KeySet | None], KeySet | None] = ([], None)

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Found:
        """Return the keys that are called *kid*, else what to wait for, else any that fit."""
        waits, refusals, fitting = list[Wait](), list[AuthError](), list[Key]()
        for source in self._sources:
            try:
                found = source.find(alg, kid, waited=waited)
            except (InvalidToken, KeysUnavailable) as refusal:
                refusals.append(refusal)
                continue
            if not isinstance(found, tuple):
                waits.append(found)
            elif kid is not None and any(kid in (key.kid, key.key_id) for key in found):
                return found
            else:
                fitting += found
        if waits:
            return waits[0] if len(waits) == 1 else Together(waits)
        if fitting:
            return tuple(dict.fromkeys(fitting))[:MAX_TRIED]
        raise max(refusals, key=_progress)

    def current(self) -> KeySet | None:
        """Return all keys in use; the same object while each source's is the same."""
        sets = [source.current() for source in self._sources]
        seen, union = self._union
        # Sets are compared by identity: they never change.
        if sets != seen:
            union = _union([keys for keys in sets if keys is not None])
            self._union = (sets, union)
        return union


def _progress(refusal: AuthError) -> int:
    """Order refusals: who cannot tell outweighs a no, and several keys none at all."""
    if isinstance(refusal, KeysUnavailable):
        return 2
    return 0 if refusal.reason is Reason.UNKNOWN_KEY else 1


def _union(sets: Sequence[KeySet]) -> KeySet | None:
    """Return one set; of keys of one name the first place's, as `find` has it."""
    named = dict[tuple[str | None, str], Key]()
    unnamed = list[Key]()
    for key in (key for keys in sets for key in keys):
        if key.kid is None:
            unnamed.append(key)
        else:
            named.setdefault((key.kid, key.alg), key)
    return KeySet.published([*named.values(), *unnamed]) if sets else None


def several(sources: Iterable[KeySet | KeySource]) -> KeySource:
    """Return one source of several, static ones first.

    Args:
        sources: At least one; sets that never change, and opened sources.
    """
    fixed = list[KeySource]()
    opened = list[KeySource]()
    for source in sources:
        if isinstance(source, KeySet):
            fixed.append(FixedKeys(source))
        else:
            opened.append(source)
    members = fixed + opened
    return members[0] if len(members) == 1 else SeveralKeys(members)
