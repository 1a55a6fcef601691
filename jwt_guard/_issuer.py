"""RFC 8414 §2, RFC 9068 §4: whom we trust, for which audience, with which keys."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from functools import wraps
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, TypedDict, TypeVar, cast

from ._core.token.claims import ClaimRules
from ._core.token.jws import media_type
from ._core.token.keys import Key, KeySet
from .errors import ConfigurationError
from .keys import Discovery, Jwks

_T = TypeVar("_T")

Origin: TypeAlias = Key | KeySet | Discovery | Jwks
"""Where an issuer's keys come from."""


_BY_DISCOVERY = Discovery()


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

# RFC 9068 §2.2: what an access token must carry.
_RFC9068_CLAIMS = ("iss", "exp", "aud", "sub", "client_id", "iat", "jti")


# What people write who come from elsewhere, and what it is called here.
_ELSEWHERE = {
    "issuer": "name",
    "iss": "name",
    "url": "name",
    "aud": "audience",
    "audiences": "audience",
    "client_id": "audience",
    "key": "keys",
    "secret": "keys=Key.secret(…)",
    "jwks_url": "keys=Jwks(url)",
    "jwks_uri": "keys=Jwks(url)",
    "discovery_url": "keys=Discovery(url)",
    **{
        option: f"keys=Discovery({option}=…), or Jwks(url, {option}=…)"
        for option in ("algorithms", "max_stale", "wait", "fetcher")
    },
}


class IssuerOptions(TypedDict, total=False):
    """The options of `Issuer` but name and audience; for what declares one."""

    keys: Origin | Iterable[Origin]
    leeway: float
    required_claims: Collection[str]
    claim_values: Mapping[str, Collection[str]]
    claim_values_if_present: Mapping[str, Collection[str]]
    max_age: float | None
    token_types: Collection[str | None] | None
    profile: Literal["rfc9068"] | None
    refuse_id_tokens: bool
    scope_paths: Collection[str]
    role_paths: Collection[str]
    role_separator: str | None
    numeric_subject: bool
    names_issuer: bool


def _suggesting(cls: type[_T]) -> type[_T]:
    """Let *cls* name the option that was meant by one that there is not."""
    init: Callable[..., None] = cls.__init__
    known = ("name", "audience", *IssuerOptions.__annotations__)

    @wraps(init)
    def suggesting(self: _T, *given: object, **options: object) -> None:
        for option in options:
            if option not in known:
                raise _no_such_option(option, known)
        init(self, *given, **options)

    setattr(cls, "__init__", suggesting)  # noqa: B010  an assignment is none to type checkers
    return cls


@_suggesting
@dataclass(frozen=True, slots=True)
class Issuer:
    """A trusted token issuer: name, audience, keys and claim rules.

    Attributes:
        name: The exact value of `iss`.
        audience: What `aud` must contain: a string or several, of which one
            suffices. `ANY_AUDIENCE` skips the check.
        keys: Where its keys come from: a `Key`, a `KeySet`, `Discovery` or `Jwks`, or
            several of them. By default they are found by discovery (OpenID Connect,
            then RFC 8414) from *name*, which must then be its https URL.
        leeway: Tolerated difference of clocks, 0 to 60 seconds.
        required_claims: Names of further claims that must be present.
        claim_values: Claims that must have one of the given values, for example
            `{"token_use": ["access"]}`, and of a list nothing beyond them: an issuer
            that may speak for one tenant, `{"tenant": ["acme"]}`, names no second.
        claim_values_if_present: The same of claims that need not be there:
            `{"azp": ["https://app.example"]}`.
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
            One that ends with `.*` stands for the names of an object's members.
        role_paths: Claims that hold role names: a string, or a list; as *scope_paths*.
        role_separator: What separates the names in one string, for example ","; by
            default a string is one name.
        numeric_subject: Whether `sub` may be a whole number, and stands for its digits.
        names_issuer: Whether its tokens have an `iss`. Those that have none are of the
            one issuer that says False; its keys are given, not fetched, and *name* is
            then for logs.

    Raises:
        ConfigurationError: At construction, with what to do.
    """

    name: str
    _: KW_ONLY
    audience: str | Collection[str] | AnyAudience
    keys: Origin | Iterable[Origin] = _BY_DISCOVERY
    leeway: float = 10
    required_claims: Collection[str] = ()
    claim_values: Mapping[str, Collection[str]] = field(
        default_factory=dict[str, Collection[str]], hash=False
    )
    claim_values_if_present: Mapping[str, Collection[str]] = field(
        default_factory=dict[str, Collection[str]], hash=False
    )
    max_age: float | None = None
    token_types: Collection[str | None] | None = None
    profile: Literal["rfc9068"] | None = None
    refuse_id_tokens: bool = False
    scope_paths: Collection[str] = ("scope", "scp", "scopes")
    role_paths: Collection[str] = ("roles",)
    role_separator: str | None = None
    numeric_subject: bool = False
    names_issuer: bool = True

    def __post_init__(self) -> None:
        """Check the configuration, and keep nothing of it that can change."""
        if not isinstance(self.name, str) or not self.name:
            raise ConfigurationError("an issuer's name is the exact text of iss, not empty")
        if not _is_number(self.leeway) or not 0 <= self.leeway <= _MAX_LEEWAY:
            raise self._wrong(f"leeway is 0 to {_MAX_LEEWAY} seconds, not {self.leeway!r}")
        if self.max_age is not None and not (
            _is_number(self.max_age) and 0 < self.max_age <= _LONGEST
        ):
            raise self._wrong(f"max_age is a positive number of seconds, not {self.max_age!r}")
        for name in ("refuse_id_tokens", "numeric_subject", "names_issuer"):
            if type(getattr(self, name)) is not bool:
                raise self._wrong(f"{name} is True or False, not {getattr(self, name)!r}")
        if self.role_separator is not None and (
            not isinstance(self.role_separator, str) or not self.role_separator
        ):
            raise self._wrong("role_separator is text between two names, for example ','")
        checked = {
            "audience": self._audience(),
            "keys": self._origins(),
            **{
                name: self._values(name, getattr(self, name))
                for name in ("claim_values", "claim_values_if_present")
            },
            "token_types": self._token_types(),
            **{
                name: self._names(name, getattr(self, name))
                for name in ("required_claims", "scope_paths", "role_paths")
            },
        }
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"issuer {self.name!r}: {what}")

    def _audience(self) -> str | AnyAudience | frozenset[str]:
        if isinstance(self.audience, AnyAudience):
            return self.audience
        values = (self.audience,) if isinstance(self.audience, str) else self.audience
        if not values or not _all_names(values):
            raise self._wrong(
                "audience is the name of this API as the issuer writes it into aud, or several; "
                "to accept tokens made for anybody, say audience=ANY_AUDIENCE"
            )
        return self.audience if isinstance(self.audience, str) else frozenset(values)

    def _values(self, option: str, given: object) -> Mapping[str, tuple[str, ...]]:
        if not isinstance(given, Mapping):
            raise self._wrong(f'{option} is a mapping, for example {{"token_use": ["access"]}}')
        values = {
            name: self._names(f"{option} of {name!r}", values)
            for name, values in cast("Mapping[str, Collection[str]]", given).items()
        }
        for name, accepted in values.items():
            if not accepted:
                raise self._wrong(f"{option} of {name!r} is empty, and nothing would pass")
        return MappingProxyType(values)

    def _token_types(self) -> frozenset[str | None] | None:
        if self.profile not in (None, "rfc9068"):
            raise self._wrong(f"unknown profile {self.profile!r}; the one known is 'rfc9068'")
        types = self.token_types
        if types is None:
            return None
        if self.profile is not None:
            raise self._wrong("profile='rfc9068' already says the token type; drop token_types=")
        if isinstance(types, str) or not types or not _all_names(types, or_none=True):
            raise self._wrong(f"token_types is a list, for example ['at+jwt'], not {types!r}")
        return frozenset(types)

    def _names(self, option: str, names: Collection[str]) -> tuple[str, ...]:
        if isinstance(names, str) or not _all_names(names):
            raise self._wrong(f"{option} is a list of claims, for example [{names!r}]")
        return tuple(names)

    def _origins(self) -> tuple[Origin, ...]:
        keys: object = self.keys
        alone = not isinstance(keys, Iterable) or isinstance(keys, KeySet | str | bytes)
        members = (keys,) if alone else tuple(cast("Iterable[object]", keys))
        if not all(isinstance(one, Key | KeySet | Discovery | Jwks) for one in members):
            raise self._wrong(
                "keys is a Key, a KeySet, Discovery() or Jwks(url), or several; make keys with "
                "Key.secret, Key.from_pem, Key.from_jwk or KeySet.load"
            )
        for one in members:
            if isinstance(one, Discovery | Jwks):
                if not self.names_issuer:
                    raise self._wrong("tokens that name no issuer need keys that are given, keys=…")
                self._check_location(one)
        static_keys(cast("tuple[Origin, ...]", members))
        if not members:
            raise self._wrong("keys is empty, and no token would be accepted")
        return cast("tuple[Origin, ...]", members)

    def _check_location(self, location: Discovery | Jwks) -> None:
        try:
            location.check(self.name)
        except ConfigurationError as error:
            raise self._wrong(
                f"{error}; say where its keys are, keys=Jwks(url), or give them, keys=…"
            ) from None


def origins(issuer: Issuer) -> tuple[Origin, ...]:
    """Return where the keys of *issuer* come from, one by one."""
    return cast("tuple[Origin, ...]", issuer.keys)


def static_keys(members: tuple[Origin, ...]) -> KeySet | None:
    """Return the set of the single keys among *members*, or None if there are none.

    Raises:
        ConfigurationError: Two of them have the same kid and alg.
    """
    keys = [one for one in members if isinstance(one, Key)]
    return KeySet(*keys) if keys else None


def claim_rules(issuer: Issuer) -> ClaimRules:
    """Return what the tokens of *issuer* must say."""
    audience, types = issuer.audience, issuer.token_types
    strict = issuer.profile == "rfc9068"
    if types is None:
        types = ("at+jwt",) if strict else _DEFAULT_TYPES
    if isinstance(audience, AnyAudience):
        expected = None
    else:
        expected = frozenset((audience,) if isinstance(audience, str) else audience)
    return ClaimRules(
        issuer=issuer.name,
        audience=expected,
        leeway=issuer.leeway,
        required=(*issuer.required_claims, *(_RFC9068_CLAIMS if strict else ())),
        values=_compiled(issuer.claim_values),
        max_age=issuer.max_age,
        token_types=frozenset(one if one is None else media_type(one) for one in types),
        refuse_id_tokens=issuer.refuse_id_tokens,
        scope_paths=tuple(issuer.scope_paths),
        role_paths=tuple(issuer.role_paths),
        values_if_present=_compiled(issuer.claim_values_if_present),
        role_separator=issuer.role_separator,
        numeric_subject=issuer.numeric_subject,
        names_issuer=issuer.names_issuer,
    )


def _compiled(values: Mapping[str, Collection[str]]) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, frozenset(accepted)) for name, accepted in values.items())


def _no_such_option(option: str, known: Iterable[str]) -> ConfigurationError:
    from difflib import get_close_matches  # noqa: PLC0415  for mistakes alone

    near = [_ELSEWHERE[option]] if option in _ELSEWHERE else get_close_matches(option, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    return ConfigurationError(f"Issuer has no option {option}; {hint}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all_names(values: object, *, or_none: bool = False) -> bool:
    """Whether *values* is a collection of names; an iterator, read but once, is none."""
    return isinstance(values, Collection) and all(
        (isinstance(value, str) and value != "") or (or_none and value is None)
        for value in cast("Collection[object]", values)
    )
