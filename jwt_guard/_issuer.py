"""RFC 8414 §2, RFC 9068 §4: whom we trust, for which audience, with which keys."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from functools import partial
from math import inf
from typing import Final, Literal, cast

from ._core.token.algorithms import algorithm
from ._core.token.claims import ClaimRules
from ._core.token.jws import media_type
from ._core.token.keys import Key, KeySet
from .errors import ConfigurationError
from .keys.fetching import Fetcher, HttpFetcher, check_url
from .keys.flight import Flight
from .keys.fresh import Fetched, FreshKeys, Observer
from .keys.schedule import MIN_LIFETIME
from .keys.sources import JwksSource, read_again


class AnyAudience(Enum):
    """The type of `ANY_AUDIENCE`."""

    ANY_AUDIENCE = "any audience"


ANY_AUDIENCE: Final = AnyAudience.ANY_AUDIENCE
"""Skips the audience check. A token that its user gave to any other service of
the issuer is then accepted here: say it only where the issuer serves one API."""

# RFC 9068 §2.1 allows clocks "usually no more than a few minutes" apart; machines
# that run NTP are within a second, and every second of leeway is a second in
# which an expired token still works.
_MAX_LEEWAY = 60

# A hundred years and more: beyond it a number of seconds is a mistake, and far
# beyond it no float.
_LONGEST = 10**10

# RFC 7519 §5.1 says "JWT" or nothing; RFC 9068 §2.1 says "at+jwt".
_DEFAULT_TYPES: tuple[str | None, ...] = (None, "jwt", "at+jwt")

# How long a key file counts as current while requests come.
_FILE_SECONDS = 5

# RFC 9068 §2.2: what an access token must carry.
_RFC9068_CLAIMS = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted token issuer: name, audience, keys and claim rules.

    Attributes:
        name: The exact value of `iss`.
        audience: What `aud` must contain: a string or several, of which one
            suffices. `ANY_AUDIENCE` skips the check.
        keys: A `Key`, several, or a `KeySet`; by default the keys are fetched and
            kept fresh: found by discovery (OpenID Connect, then RFC 8414) from
            *name*, which must be its https URL.
        jwks_url: Where the keys are fetched from, instead of by discovery.
        algorithms: Only keys of these algorithms are used, of those fetched; by
            default all that are known here.
        leeway: Tolerated difference of clocks, 0 to 60 seconds.
        required_claims: Names of further claims that must be present.
        claim_values: Claims that must have one of the given values, for example
            `{"token_use": ["access"]}`, and of a list nothing beyond them: an issuer
            that may speak for one tenant, `{"tenant": ["acme"]}`, names no second.
        max_age: Greatest age of a token by its `iat`, in seconds, or None.
        token_types: Acceptable values of the header's `typ`, compared without
            case and `application/`; None stands for a header without `typ`. By
            default no `typ`, `JWT` and `at+jwt`.
        profile: `"rfc9068"` accepts `at+jwt` only, with its seven claims.
        refuse_id_tokens: Whether tokens with `nonce`, `at_hash` or `c_hash`
            are refused. ID tokens need not have any of them: where the issuer
            marks access tokens, `profile` or `token_types` is the sure way.
        scope_paths: Claims that hold scope values: a string of words, or a list.
            Dots lead into nested objects; a claim with that literal name wins.
        role_paths: Claims that hold role names: a string, or a list.
        max_stale: How long fetched keys outlive their lifetime while they cannot
            be fetched again, in seconds.
        wait: How long a request waits for a fetch if it has no other way, in
            seconds. Requests whose key is known never wait.
        fetcher: Gets the documents; for private authorities or extra header
            fields an `HttpFetcher` of your own.
        observer: Is told when keys are refreshed, rotated, failed or stale.

    Raises:
        ConfigurationError: At construction, with what to do.
    """

    name: str
    _: KW_ONLY
    audience: str | Collection[str] | AnyAudience
    keys: Key | KeySet | Iterable[Key] | None = None
    jwks_url: str | None = None
    algorithms: Collection[str] | None = None
    leeway: float = 10
    required_claims: Collection[str] = ()
    claim_values: Mapping[str, Collection[str]] = field(
        default_factory=dict[str, Collection[str]], hash=False
    )
    max_age: float | None = None
    token_types: Collection[str | None] | None = None
    profile: Literal["rfc9068"] | None = None
    refuse_id_tokens: bool = False
    scope_paths: Collection[str] = ("scope", "scp", "scopes")
    role_paths: Collection[str] = ("roles",)
    max_stale: float = 3600
    wait: float = 2
    fetcher: Fetcher | None = field(default=None, repr=False)
    observer: Observer | None = field(default=None, repr=False)
    find: Callable[[str, str | None], tuple[Key, ...] | Flight] = field(
        init=False, repr=False, compare=False
    )
    current: Callable[[], KeySet | None] = field(init=False, repr=False, compare=False)
    fresh: FreshKeys | None = field(init=False, repr=False, compare=False)
    rules: ClaimRules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the configuration and compile it."""
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError("an issuer's name is the exact text of iss, not empty")
        if not _is_number(self.leeway) or not 0 <= self.leeway <= _MAX_LEEWAY:
            raise self._wrong(f"leeway is 0 to {_MAX_LEEWAY} seconds, not {self.leeway!r}")
        if self.max_age is not None and not (
            _is_number(self.max_age) and 0 < self.max_age <= _LONGEST
        ):
            raise self._wrong(f"max_age is a positive number of seconds, not {self.max_age!r}")
        rules = ClaimRules(
            issuer=self.name,
            audience=self._audience(),
            leeway=self.leeway,
            required=self._required(),
            values=self._values(),
            max_age=self.max_age,
            token_types=self._token_types(),
            refuse_id_tokens=self.refuse_id_tokens,
            scope_paths=self._names("scope_paths", self.scope_paths),
            role_paths=self._names("role_paths", self.role_paths),
        )
        object.__setattr__(self, "rules", rules)
        keys = self._static_keys()
        fresh = self._fetched_keys() if keys is None else self._reloaded_keys(keys)
        finder = cast("FreshKeys | KeySet", fresh or keys)
        object.__setattr__(self, "fresh", fresh)
        object.__setattr__(self, "find", finder.find)
        object.__setattr__(self, "current", finder.current)

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"issuer {self.name!r}: {what}")

    def _audience(self) -> frozenset[str] | None:
        if self.audience is ANY_AUDIENCE:
            return None
        values = (self.audience,) if isinstance(self.audience, str) else self.audience
        if not values or not _all_names(values):
            raise self._wrong(
                "audience is the name of this API as the issuer writes it into aud, or several; "
                "to accept tokens made for anybody, say audience=ANY_AUDIENCE"
            )
        return frozenset(values)

    def _required(self) -> tuple[str, ...]:
        names = self._names("required_claims", self.required_claims)
        return (*names, *_RFC9068_CLAIMS) if self.profile == "rfc9068" else names

    def _values(self) -> tuple[tuple[str, frozenset[str]], ...]:
        if not isinstance(self.claim_values, Mapping):
            raise self._wrong('claim_values is a mapping, for example {"token_use": ["access"]}')
        for name, values in self.claim_values.items():
            if not self._names(f"claim_values of {name!r}", values):
                raise self._wrong(f"claim_values of {name!r} is empty, and nothing would pass")
        return tuple((name, frozenset(values)) for name, values in self.claim_values.items())

    def _token_types(self) -> frozenset[str | None]:
        if self.profile not in (None, "rfc9068"):
            raise self._wrong(f"unknown profile {self.profile!r}; the one known is 'rfc9068'")
        if self.profile is not None and self.token_types is not None:
            raise self._wrong("profile='rfc9068' already says the token type; drop token_types=")
        types = ("at+jwt",) if self.profile is not None else self.token_types
        if types is None:
            types = _DEFAULT_TYPES
        if isinstance(types, str) or not types or not _all_names(types, or_none=True):
            raise self._wrong(f"token_types is a list, for example ['at+jwt'], not {types!r}")
        return frozenset(value if value is None else media_type(value) for value in types)

    def _names(self, option: str, names: Collection[str]) -> tuple[str, ...]:
        if isinstance(names, str) or not _all_names(names):
            raise self._wrong(f"{option} is a list of claims, for example [{names!r}]")
        return tuple(names)

    def _static_keys(self) -> KeySet | None:
        if self.keys is None or isinstance(self.keys, KeySet):
            return self.keys
        keys = (self.keys,) if isinstance(self.keys, Key) else self.keys
        if not isinstance(keys, Iterable) or isinstance(keys, str | bytes):
            keys = (keys,)
        members = tuple(cast("Iterable[object]", keys))
        if not all(isinstance(key, Key) for key in members):
            raise self._wrong(
                "keys is a Key, several, or a KeySet; make one with Key.secret, Key.from_pem, "
                "Key.from_jwk or KeySet.load"
            )
        return KeySet(*cast("tuple[Key, ...]", members))

    def _fetched_keys(self) -> FreshKeys:
        algorithms = self.algorithms
        if algorithms is not None:
            algorithms = self._names("algorithms", algorithms)
            if not algorithms:
                raise self._wrong("algorithms is empty, and no key would be used")
            for alg in algorithms:
                if algorithm(alg).kty == "oct":
                    raise self._wrong(f"{alg} needs a shared secret, which is never fetched")
        try:
            check_url(self.name if self.jwks_url is None else self.jwks_url)
        except ConfigurationError as error:
            raise self._wrong(f"{error}; or give the keys themselves with keys=") from None
        source = JwksSource(self.name, self.jwks_url, self.fetcher or HttpFetcher(), algorithms)
        return self._kept_fresh(source.fetch, max_stale=self.max_stale, min_lifetime=MIN_LIFETIME)

    def _reloaded_keys(self, keys: KeySet) -> FreshKeys | None:
        if self.jwks_url is not None or self.algorithms is not None:
            raise self._wrong("jwks_url and algorithms are for fetched keys; drop them, or keys=")
        if keys.reload is None:
            return None
        read = partial(read_again, keys.reload)
        return self._kept_fresh(read, max_stale=inf, min_lifetime=_FILE_SECONDS, keys=keys)

    def _kept_fresh(
        self,
        fetch: Callable[[], Fetched],
        *,
        max_stale: float,
        min_lifetime: float,
        keys: KeySet | None = None,
    ) -> FreshKeys:
        if not all(
            _is_number(value) and 0 <= value <= _LONGEST for value in (self.wait, self.max_stale)
        ):
            raise self._wrong("wait and max_stale are seconds, 0 or more")
        return FreshKeys(
            self.name,
            fetch,
            max_stale=max_stale,
            wait=self.wait,
            min_lifetime=min_lifetime,
            observer=self.observer,
            keys=keys,
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all_names(values: object, *, or_none: bool = False) -> bool:
    """Tell a collection of names; an iterator, which is read but once, is none."""
    return isinstance(values, Collection) and all(
        (isinstance(value, str) and value != "") or (or_none and value is None)
        for value in cast("Collection[object]", values)
    )
