# ruff: noqa
"""Where keys come from, until the sources proper are here."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import Any, Protocol

from .._core.token.keys import Key, KeySet
from .._wait import Wait
from ..errors import InvalidToken
from ..observing import Event, KeysFailed, KeysRefreshed, KeysRotated, KeysStale
from .fetching import Fetcher, HttpFetcher, check_url
from .fresh import FreshKeys
from .schedule import MIN_LIFETIME
from .sources import JwksSource, read_again


class KeySource(Protocol):
    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Key | Wait: ...
    def current(self) -> KeySet | None: ...


class KeptKeys(KeySource, Protocol):
    def warm_up(self) -> Wait | None: ...
    def health(self) -> dict[str, object]: ...


class Fixed:
    def __init__(self, keys: KeySet) -> None:
        self._keys = keys

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Key | Wait:
        return self._keys.select(alg, kid)

    def current(self) -> KeySet | None:
        return self._keys


class _Telling:
    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell

    def refreshed(self, issuer: str) -> None:
        self._tell(KeysRefreshed(issuer))

    def rotated(self, issuer: str, added: Any, removed: Any) -> None:
        self._tell(KeysRotated(issuer, added, removed))

    def failed(self, issuer: str, error: str) -> None:
        self._tell(KeysFailed(issuer, error))

    def stale(self, issuer: str, seconds: float) -> None:
        self._tell(KeysStale(issuer, seconds))


class Fetching:
    def __init__(self, fresh: FreshKeys) -> None:
        self.fresh = fresh

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Key | Wait:
        if waited:
            return self.fresh.settle(alg, kid, landed=self.fresh.idle)
        return self.fresh.find(alg, kid)

    def current(self) -> KeySet | None:
        return self.fresh.current()

    def warm_up(self) -> Wait | None:
        return self.fresh.warm_up()

    def health(self) -> dict[str, object]:
        return self.fresh.health()


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    algorithms: Collection[str] | None = None
    max_stale: float = 3600
    wait: float = 2
    fetcher: Fetcher | None = field(default=None, repr=False, compare=False)

    def check(self, issuer: str) -> None:
        check_url(issuer)

    def open(self, issuer: str, tell: Callable[[Event], None]) -> KeptKeys:
        return _fetching(issuer, None, self, tell)


@dataclass(frozen=True, slots=True)
class Jwks:
    url: str
    algorithms: Collection[str] | None = None
    max_stale: float = 3600
    wait: float = 2
    fetcher: Fetcher | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_url(self.url)

    def check(self, issuer: str) -> None:
        pass

    def open(self, issuer: str, tell: Callable[[Event], None]) -> KeptKeys:
        return _fetching(issuer, self.url, self, tell)


def _fetching(
    issuer: str, url: str | None, one: Discovery | Jwks, tell: Callable[[Event], None]
) -> KeptKeys:
    source = JwksSource(issuer, url, one.fetcher or HttpFetcher(), one.algorithms)
    return Fetching(
        FreshKeys(
            issuer,
            source.fetch,
            max_stale=one.max_stale,
            wait=one.wait,
            min_lifetime=MIN_LIFETIME,
            observer=_Telling(tell),
        )
    )


def open_file(keys: KeySet, issuer: str, tell: Callable[[Event], None]) -> KeptKeys:
    assert keys.reload is not None
    return Fetching(
        FreshKeys(
            issuer,
            partial(read_again, keys.reload),
            max_stale=inf,
            wait=2,
            min_lifetime=5,
            observer=_Telling(tell),
            keys=keys,
        )
    )


class Several:
    def __init__(self, sources: Sequence[KeySource]) -> None:
        self._sources = sources
        self._merged: tuple[tuple[KeySet, ...], KeySet] | None = None

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Key | Wait:
        *first, last = self._sources
        for source in first:
            try:
                return source.find(alg, kid, waited=waited)
            except InvalidToken:
                continue
        return last.find(alg, kid, waited=waited)

    def current(self) -> KeySet | None:
        sets = tuple(one for one in (source.current() for source in self._sources) if one)
        if not sets:
            return None
        merged = self._merged
        if merged is None or merged[0] != sets:
            merged = self._merged = (sets, KeySet(*(key for one in sets for key in one)))
        return merged[1]


def several(sources: Sequence[KeySet | KeySource]) -> KeySource:
    opened = [Fixed(one) if isinstance(one, KeySet) else one for one in sources]
    return opened[0] if len(opened) == 1 else Several(opened)
