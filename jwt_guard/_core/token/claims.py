"""RFC 7519 §4.1, RFC 9068 §2.2: what a claims set must say.

Configured means required: issuer, audience and expiry are always checked, and a
required claim that is malformed is refused, never ignored. `null` counts as absent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any, NewType, TypeAlias, cast

from ...errors import InvalidToken, Reason
from . import strictjson

UnverifiedClaims = NewType("UnverifiedClaims", Mapping[str, Any])
Claims = NewType("Claims", Mapping[str, Any])

# The last second of the year 9999, which some write for "never". A later instant is no
# date to a program, and most often milliseconds taken for seconds.
_LATEST = 253_402_300_799

# RFC 8259 §6: no program that writes numeric ids has longer ones than 64 bits.
_MAX_SUBJECT = 2**64

# OpenID Connect Core §2, §3.1.3.6, §3.3.2.11: members of ID tokens alone.
_ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash")

ABSENT = object()
_MEMBERS = ".*"
_KINDS: dict[type, str] = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
_NOTHING = frozenset[str]()
_EMPTY = frozenset({""})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """What one issuer's tokens must say.

    Attributes:
        issuer: Exact value of `iss`.
        audience: Acceptable values of `aud`, or None for any.
        leeway: Tolerated difference of clocks, in seconds.
        required: Claims that must be present.
        values: Claims that must be a string of a set, or a list with nothing else.
        max_age: Greatest age by `iat`, in seconds, or None.
        token_types: Acceptable `typ` values, normalised; None stands for no `typ`.
        refuse_id_tokens: Whether claims of ID tokens are refused.
        scope_paths: Where scope values are found; all of them count. A path that
            ends with `.*` stands for the names of an object's members.
        role_paths: Where role names are found; all of them count.
        values_if_present: As `values`, of claims that need not be there.
        role_separator: What separates role names in one string, or None.
        numeric_subject: Whether `sub` may be a whole number.
        names_issuer: Whether the tokens have an `iss`; those that do not are of
            the one issuer that says so.
    """

    issuer: str
    audience: frozenset[str] | None
    leeway: float
    required: tuple[str, ...]
    values: tuple[tuple[str, frozenset[str]], ...]
    max_age: float | None
    token_types: frozenset[str | None]
    refuse_id_tokens: bool
    scope_paths: tuple[str, ...]
    role_paths: tuple[str, ...]
    values_if_present: tuple[tuple[str, frozenset[str]], ...] = ()
    role_separator: str | None = None
    numeric_subject: bool = False
    names_issuer: bool = True


# When a token is valid: from the first on, and before the second, leeway included; in
# seconds since the epoch, out of `exp`, `nbf`, `iat` and the rules' age.
Window: TypeAlias = tuple[float, float]


# Said of the function, once: what `UnverifiedClaims()` says of a value is a call.
_read = cast("Callable[[bytes], UnverifiedClaims]", strictjson.loads_object)


def peek(payload: bytes) -> UnverifiedClaims:
    """Return the claims of *payload*, unverified.

    Raises:
        InvalidToken: Not a JSON object.
    """
    try:
        return _read(payload)
    except ValueError:
        raise InvalidToken(Reason.MALFORMED_TOKEN, "the payload is no JSON object") from None


def check(claims: Claims, typ: str | None, rules: ClaimRules, *, now: float) -> Window:
    """Raise unless *claims* satisfy *rules* at the instant *now*.

    Only the time can make a difference to a later check of the same claims.

    Args:
        claims: The claims set; its signature has been verified.
        typ: The verified header's `typ` as media types compare, or None.
        rules: What the issuer's tokens must say (RFC 7519 §4.1).
        now: Seconds since the epoch; the core never reads a clock.

    Returns:
        When the claims satisfy the rules.

    Raises:
        InvalidToken: With the first claim that fails and the reason.
    """
    if typ not in rules.token_types:
        raise InvalidToken(Reason.TOKEN_TYPE, "add the type to token_types= if it is meant")
    if claims.get("iss") != (rules.issuer if rules.names_issuer else None):
        raise InvalidToken(Reason.UNKNOWN_ISSUER)
    _check_audience(claims, rules)
    window = _check_times(claims, rules, now)
    for name in rules.required:
        if claims.get(name) is None:
            raise InvalidToken(Reason.MISSING_CLAIM, f"the claim {name} is required")
    for name, accepted in rules.values:
        if not _is_among(claims.get(name), accepted):
            raise InvalidToken(Reason.WRONG_VALUE, f"the claim {name} has no accepted value")
    for name, accepted in rules.values_if_present:
        value = claims.get(name)
        if value is not None and not _is_among(value, accepted):
            raise InvalidToken(Reason.WRONG_VALUE, f"the claim {name} has another value")
    if rules.refuse_id_tokens and any(claims.get(name) is not None for name in _ID_TOKEN_CLAIMS):
        raise InvalidToken(Reason.ID_TOKEN, "the client sent an ID token for an access token")
    return window


def _is_among(value: object, accepted: frozenset[str]) -> bool:
    """Whether *value* is text, or a list of it, with nothing beyond *accepted*."""
    members = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
    return members != () and all(isinstance(one, str) and one in accepted for one in members)


def _check_audience(claims: Claims, rules: ClaimRules) -> None:
    audience, expected = claims.get("aud"), rules.audience
    if type(audience) is str and expected is not None and audience in expected:
        # What nearly all are.
        return
    if audience is None:
        if expected is None:
            return
        raise InvalidToken(Reason.MISSING_CLAIM, "the claim aud is required")
    values = (audience,) if isinstance(audience, str) else _strings(audience)
    if values is None:
        raise malformed("aud")
    if expected is not None and expected.isdisjoint(values):
        names = ", ".join(sorted(expected))
        raise InvalidToken(
            Reason.WRONG_AUDIENCE, f"the token was issued for another audience than {names}"
        )


def _check_times(claims: Claims, rules: ClaimRules, now: float) -> Window:
    expires = numeric_date(claims, "exp")
    if expires is None:
        raise InvalidToken(Reason.MISSING_CLAIM, "the claim exp is required")
    # Most issuers write none, and each call counts.
    starts = numeric_date(claims, "nbf") if "nbf" in claims else None
    issued = numeric_date(claims, "iat")
    leeway = rules.leeway
    begins, ends = -inf, expires + leeway
    if now >= ends:
        raise InvalidToken(Reason.EXPIRED, f"expired {now - expires:.0f} s ago")
    if starts is not None:
        begins = starts - leeway
        if now < begins:
            raise _early(Reason.NOT_YET_VALID, starts - now)
    if issued is not None:
        from_issue = issued - leeway
        if now < from_issue:
            raise _early(Reason.ISSUED_IN_FUTURE, issued - now)
        begins = from_issue if starts is None else max(begins, from_issue)
    if rules.max_age is not None:
        if issued is None:
            raise InvalidToken(Reason.MISSING_CLAIM, "the claim iat is required by max_age=")
        ends = min(ends, issued + rules.max_age + leeway)
        if now >= ends:
            raise InvalidToken(Reason.TOO_OLD, f"issued {now - issued:.0f} s ago")
    return begins, ends


def _early(reason: Reason, seconds: float) -> InvalidToken:
    return InvalidToken(reason, f"the issuer's clock is ahead of ours by {seconds:.0f} s")


def malformed(name: str, hint: str | None = None) -> InvalidToken:
    """Return the refusal of a claim that is present and not what it must be."""
    return InvalidToken(Reason.MALFORMED_CLAIM, hint or f"the claim {name} is malformed")


def _strings(value: object) -> tuple[str, ...] | None:
    """Return *value* if it is a JSON array of strings, else None."""
    if isinstance(value, tuple):
        members = cast("tuple[object, ...]", value)
        if all(isinstance(member, str) for member in members):
            return cast("tuple[str, ...]", members)
    return None


def numeric_date(claims: Claims, name: str) -> float | None:
    """Return a NumericDate (RFC 7519 §2) in seconds, or None if absent."""
    value = claims.get(name)
    if type(value) is int and 0 <= value <= _LATEST:
        return value
    if value is None:
        return None
    # A bool is an int to Python; anything else is compared, never computed with,
    # until it is known to be small: 10**400 has no float.
    if type(value) is not int and type(value) is not float:
        raise malformed(name)
    if not 0 <= value <= _LATEST:
        raise malformed(name, f"the claim {name} is out of range; it counts seconds, not ms")
    return value


def is_number_of_subject(value: object) -> bool:
    """Whether *value* is a whole number that a program may have for an id."""
    return type(value) is int and 0 <= value < _MAX_SUBJECT


def check_actor(claims: Claims, rules: ClaimRules, misread: Callable[[str], None]) -> None:
    """Refuse, or tell of, an `act` that is no object (RFC 8693 §4.1)."""
    value = claims.get("act")
    if value is not None and not isinstance(value, strictjson.FrozenDict):
        _misread("act", value, rules.required, misread)


def words(
    claims: Claims,
    paths: tuple[str, ...],
    separator: str | None,
    required: tuple[str, ...],
    misread: Callable[[str], None],
) -> frozenset[str]:
    """Return the strings at *paths* together: those of lists, or of strings.

    Args:
        claims: The verified claims.
        paths: Names of claims, or names joined by dots into nested objects; with
            `.*` at the end the names of an object's members that say something:
            neither false nor null, nor 0 nor empty.
        separator: What separates words in a string; None: nothing does.
        required: Claims that must not be malformed.
        misread: Is told, in words fit for the log, of a path that leads to something
            else; it gives no words then, and nobody is refused for it.

    Raises:
        InvalidToken: What is malformed is required.
    """
    found = _NOTHING
    for path in paths:
        # A plain name, which most are, needs no look at what is nested.
        if path in claims:
            value = claims[path]
        elif "." in path:
            value = lookup(claims, path)
        else:
            continue
        if isinstance(value, str):
            here = _split(value, separator)
        elif value is None:
            continue
        elif value is ABSENT:
            if not path.endswith(_MEMBERS):
                continue
            here = _members(claims, path, required, misread)
        else:
            listed = _strings(value)
            if listed is None:
                _misread(path, value, required, misread)
                continue
            here = frozenset(listed) - _EMPTY
        found = found | here if found else here
    return found


def _members(
    claims: Claims, path: str, required: tuple[str, ...], misread: Callable[[str], None]
) -> frozenset[str]:
    """Return the names of the members at *path*, which ends with `.*`."""
    value = lookup(claims, path.removesuffix(_MEMBERS))
    if isinstance(value, strictjson.FrozenDict):
        return frozenset(name for name, said in value.items() if said) - _EMPTY
    if value is not ABSENT and value is not None:
        _misread(path, value, required, misread)
    return _NOTHING


def _misread(
    path: str, value: object, required: tuple[str, ...], misread: Callable[[str], None]
) -> None:
    """Refuse a required claim that is malformed; tell of another one."""
    if path.removesuffix(_MEMBERS) in required:
        raise malformed(path)
    misread(f"the claim {path} says nothing here: it is {kind_of(value)}")


def kind_of(value: object) -> str:
    """Return what JSON calls *value*, never what it says."""
    if isinstance(value, tuple):
        return "a list" if _strings(cast("object", value)) else "a list, not of text alone"
    return _KINDS.get(type(value), "an object")


# An API's tokens carry a few combinations of scopes; each is split once, and kept once.
@lru_cache(maxsize=256)
def _split(text: str, separator: str | None) -> frozenset[str]:
    return frozenset(text.split(separator) if separator else [text]) - _EMPTY


def lookup(claims: Mapping[str, Any], path: str) -> object:
    """Return the value at *path*; a literal name with dots wins over nesting."""
    if path in claims or "." not in path:
        return claims.get(path, ABSENT)
    head, dot, _ = path.rpartition(".")
    while dot:
        nested = claims.get(head)
        if isinstance(nested, strictjson.FrozenDict):
            found = lookup(nested, path[len(head) + 1 :])
            if found is not ABSENT:
                return found
        head, dot, _ = head.rpartition(".")
    return ABSENT
