"""The one registry of trusted issuers: those that are configured, and tenants.

A name comes out of a token that nobody has verified yet. So what a stranger can order
by names is bounded, and pushes out nothing that a verified token has brought in.
"""

import logging
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from math import inf
from typing import TypeAlias, TypeVar, cast

from ._call import Call
from ._core.token.claims import ClaimRules
from ._core.token.keys import Key, KeySet
from ._issuer import Issuer, claim_rules, origins, static_keys
from ._wait import Together, Wait
from .errors import ConfigurationError, KeysUnavailable
from .keys import KeptKeys, KeySource, several
from .observing import Observer

_log = logging.getLogger("jwt_guard")

_V = TypeVar("_V")

Answer: TypeAlias = Issuer | Sequence[Issuer] | None
Find: TypeAlias = Callable[[str], Answer | Awaitable[Answer]]

# A tenant that is taken off the list stops working within this time.
_SECONDS = 300.0
# Tenants in use, and names that the app does not know; a few hundred bytes each.
_MAX_TENANTS = 1024
_MAX_UNKNOWN = 1024
# Names that the app is being asked for at this moment.
_MAX_CALLS = 1024
# Tenants of which no token has been verified yet. New ones come a few at a time, and
# each has keys to fetch, which a stranger must not order by the thousand.
_MAX_NEW = 32


class Tenant:
    """What was found at run time under one name.

    Attributes:
        name: The issuers' name.
        members: The issuers of that name, the first choice first.
        until: When the app is asked again; before all times once they are not trusted.
    """

    __slots__ = ("_clock", "members", "name", "until")

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        """Make it without members."""
        self._clock = clock
        self.name = name
        self.members: tuple[Trusted, ...] = ()
        self.until: float = clock() + _SECONDS

    def current(self, source: KeySource) -> KeySet | None:
        """Return the keys that *source* has in use, while the tenant is trusted."""
        return source.current() if self._clock() < self.until else None


class Trusted:
    """An issuer that tokens may name: its rules compiled, its keys at hand.

    Attributes:
        issuer: What was declared.
        rules: What its tokens must say.
        source: Where its keys come from.
        kept: What of that has to be asked, and may fail.
        keys: The set of its keys if that never changes, or None.
        current: Returns the keys in use, or None where there are none at present or it
            is not trusted any more. None in its place: they are always *keys*.
        tenant: What it was found by at run time, or None where it is configured.
    """

    __slots__ = ("current", "issuer", "kept", "keys", "rules", "source", "tenant")

    def __init__(
        self,
        issuer: Issuer,
        source: KeySource,
        kept: tuple[KeptKeys, ...],
        tenant: Tenant | None,
    ) -> None:
        """Compile the rules of *issuer*."""
        self.issuer = issuer
        self.rules: ClaimRules = claim_rules(issuer)
        self.source = source
        self.kept = kept
        self.keys: KeySet | None = None if kept else source.current()
        self.tenant = tenant
        self.current: Callable[[], KeySet | None] | None = source.current
        if tenant is not None:
            self.current = partial(tenant.current, source)
        elif self.keys is not None:
            self.current = None

    def missed(self, alg: str, kid: str | None, *, waited: bool) -> Wait | None:
        """Return what may bring a key that signed a token though none called *kid* did."""
        keys = self.source.current() if self.kept else None
        if keys is None or keys.names(alg, kid):
            return None
        waits = [kept.missed(alg, kid, waited=waited) for kept in self.kept]
        under_way = [wait for wait in waits if wait is not None]
        return Together(under_way) if under_way else None


class Issuers:
    """The trusted issuers by their names."""

    def __init__(
        self,
        known: Iterable[Issuer],
        find: Find | None,
        tell: Observer,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open the *known* issuers; *find* knows further ones, see `Guard`.

        Raises:
            ConfigurationError: Two of them have the same name and rules.
        """
        self._function = find
        self._tell = tell
        self._clock = clock
        by_name: dict[str, list[Issuer]] = {}
        for issuer in known:
            by_name.setdefault(issuer.name, []).append(issuer)
        self.known: Mapping[str, tuple[Trusted, ...]] = {
            name: _opened(issuers, tell) for name, issuers in by_name.items()
        }
        self.nameless: str | None = _nameless(by_name.values())
        self._forget()
        self._reset()
        _instances.add(self)

    def _forget(self) -> None:
        self._new: OrderedDict[str, Tenant] = OrderedDict()
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()
        self._unknown: OrderedDict[str, float] = OrderedDict()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[str, Call[Answer, Sequence[Trusted]]] = {}

    def after_fork(self) -> None:
        """Go on in a child, which has none of the threads that asked or stored."""
        if self._lock.locked():
            self._forget()
        self._reset()

    def find(self, name: str, *, waited: Wait | None = None) -> Sequence[Trusted] | Wait:
        """Return the issuers of *name*, none, or what to wait for first.

        Args:
            name: What an unverified token says.
            waited: What this returned before, and was waited for since.

        Raises:
            KeysUnavailable: The app's function failed, so nobody can tell.
        """
        if waited is not None:
            return cast("Call[Answer, Sequence[Trusted]]", waited).answer()
        known = self.known.get(name)
        if known is not None or self._function is None:
            return known or ()
        now = self._clock()
        tenant = self._tenants.get(name) or self._new.get(name)
        if tenant is not None and now < tenant.until:
            return tenant.members
        if tenant is None and now < self._unknown.get(name, now):
            return ()
        return self._ask(self._function, name)

    def _ask(self, function: Find, name: str) -> Sequence[Trusted] | Wait:
        """Ask the app once, however many requests want to know."""
        mine = Call(
            "issuers=",
            _unavailable,
            then=partial(self._settle, name),
            over=lambda: self._calls.pop(name, None),
        )
        with self._lock:
            call = self._calls.setdefault(name, mine)
            crowded = len(self._calls) > _MAX_CALLS
            if crowded:
                self._calls.pop(name)
        if crowded:
            raise _unavailable("too many tenants are asked for at once")
        if call is mine:
            call.begin(function, name)
        return call.answer() if call.over else call

    def _settle(self, name: str, answer: Answer) -> Sequence[Trusted]:
        """Store what the app answered, and return it."""
        issuers = _checked(name, answer)
        with self._lock:
            before = self._tenants.get(name) or self._new.get(name)
            if not issuers:
                return self._take_off(name, before)
            self._unknown.pop(name, None)
            if before is not None and issuers == tuple(one.issuer for one in before.members):
                # Equal issuers go on with the keys they have.
                before.until = self._clock() + _SECONDS
                return before.members
            tenant = Tenant(name, self._clock)
            tenant.members = _opened(issuers, self._tell, tenant, before.members if before else ())
            if before is not None:
                before.until = -inf
            if name in self._tenants:
                self._tenants[name] = tenant
            else:
                self._new[name] = tenant
                # Whoever waits for its keys goes on with it all the same.
                _shorten(self._new, _MAX_NEW)
            return tenant.members

    def _take_off(self, name: str, before: Tenant | None) -> Sequence[Trusted]:
        """Remember that the app knows no such name."""
        if before is not None:
            before.until = -inf
        self._tenants.pop(name, None)
        self._new.pop(name, None)
        self._unknown[name] = self._clock() + _SECONDS
        _shorten(self._unknown, _MAX_UNKNOWN)
        return ()

    def place(self, tenant: Tenant) -> None:
        """Keep *tenant*, of which a token was verified."""
        name = tenant.name
        with self._lock:
            if self._clock() < tenant.until and self._tenants.get(name, tenant) is tenant:
                self._new.pop(name, None)
                self._tenants[name] = tenant
                self._tenants.move_to_end(name)
                for gone in _shorten(self._tenants, _MAX_TENANTS):
                    gone.until = -inf

    def configured(self) -> list[KeptKeys]:
        """Return where the keys of the configured issuers come from, each once."""
        return _sources(self.known.values())

    def found(self) -> list[KeptKeys]:
        """Return where the keys of the tenants in use come from, each once."""
        with self._lock:
            tenants = list(self._tenants.values())
        return _sources(tenant.members for tenant in tenants)


def _nameless(known: Iterable[Sequence[Issuer]]) -> str | None:
    """Return the name of the one issuer whose tokens name none.

    Raises:
        ConfigurationError: There are two, and nothing would tell their tokens apart.
    """
    names = [one.name for issuers in known for one in issuers if not one.names_issuer]
    if len(names) > 1:
        raise ConfigurationError(
            f"tokens that name no issuer can be of one issuer alone, not of {' and '.join(names)}"
        )
    return names[0] if names else None


def _unavailable(hint: str) -> KeysUnavailable:
    return KeysUnavailable(hint=hint)


def _shorten(store: "OrderedDict[str, _V]", most: int) -> "list[_V]":
    """Take out the oldest beyond *most*, and return them."""
    return [store.popitem(last=False)[1] for _ in range(len(store) - most)]


def _sources(members: Iterable[Iterable[Trusted]]) -> list[KeptKeys]:
    return list({id(kept): kept for some in members for one in some for kept in one.kept}.values())


def _checked(name: str, answer: Answer) -> tuple[Issuer, ...]:
    """Return the issuers of an app's answer, none if one of them is not of *name*."""
    issuers = (answer,) if isinstance(answer, Issuer) else tuple(answer or ())
    if all(isinstance(one, Issuer) and one.name == name for one in issuers):
        return issuers
    _log.error("issuers= returned no issuer of the name it was asked for; it is not used")
    return ()


def _opened(
    issuers: Sequence[Issuer],
    tell: Observer,
    tenant: Tenant | None = None,
    before: Sequence[Trusted] = (),
) -> tuple[Trusted, ...]:
    """Open issuers of one name; those with equal keys share where these come from.

    Raises:
        ConfigurationError: Two of them have the same rules.
    """
    opened: list[Trusted] = []
    for issuer in issuers:
        alike = (one for one in (*opened, *before) if one.issuer.keys == issuer.keys)
        same = next(alike, None)
        found = tenant is not None
        source, kept = (
            _keys_of(issuer, tell, found=found) if same is None else (same.source, same.kept)
        )
        trusted = Trusted(issuer, source, kept, tenant)
        if any(one.rules == trusted.rules for one in opened):
            raise ConfigurationError(
                f"two issuers {issuer.name!r} differ in nothing that a token says; an issuer "
                f"takes several keys"
            )
        opened.append(trusted)
    return tuple(opened)


def _keys_of(
    issuer: Issuer, tell: Observer, *, found: bool
) -> tuple[KeySource, tuple[KeptKeys, ...]]:
    """Return where the keys come from, and what of it has to be asked."""
    members = origins(issuer)
    single = static_keys(members)
    fixed = [] if single is None else [single]
    kept: list[KeptKeys] = []
    for one in members:
        if isinstance(one, KeySet):
            if one.reload is None:
                fixed.append(one)
            else:
                from .keys import open_file  # noqa: PLC0415  what reads again is loaded late

                kept.append(open_file(one, issuer.name, tell))
        elif not isinstance(one, Key):
            kept.append(one.open(issuer.name, tell, found=found))
    return several([*fixed, *kept]), tuple(kept)


_instances: "weakref.WeakSet[Issuers]" = weakref.WeakSet()


def _after_fork() -> None:
    for issuers in list(_instances):
        issuers.after_fork()


os.register_at_fork(after_in_child=_after_fork)
