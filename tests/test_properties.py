"""What holds for any input: no crash, no forgery, no leak, the algebra's laws."""

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jwt_guard import AuthError, Guard, Identity, KeySet, Requirement
from jwt_guard import role as a_role
from jwt_guard import scope as a_scope
from jwt_guard._core.token.strictjson import FrozenDict
from jwt_guard.errors import InsufficientScope, InvalidToken, MissingToken
from tests.tokens import (
    BY_ALG,
    EC256,
    ED25519,
    NOW,
    RSA,
    SECRET,
    bearer,
    claims,
    guard,
    issuer,
    raw_token,
    token,
)

GUARD = guard(issuer(leeway=0))
KID = json.dumps(EC256.key.kid)
HEADER = f'{{"alg":"ES256","kid":{KID}}}'.encode()
TOKEN = token()


def refused_or_identity(values: list[bytes]) -> Identity | None:
    """Return the identity or None; anything but an AuthError is the test's failure."""
    try:
        identity = GUARD.authenticate(values)
    except AuthError as error:
        GUARD.refuse(error, method="GET", path="/")
        return None
    json.dumps(identity.claims).encode()
    json.dumps(identity.claims, ensure_ascii=False).encode()
    assert identity.expires_at > NOW
    return identity


pieces = st.sampled_from(
    [b"Bearer", b"bearer ", b" ", b"\t", b",", b".", b"=", b"\xa0", b"\0", TOKEN.encode()]
)


@given(st.lists(st.binary(max_size=60) | st.lists(pieces).map(b"".join), max_size=3))
@example([b"Bearer " + b"." * 8000])
@example([b'Digest a="' + b"\\" * 8000])
@example([b"Basic " + b"a=b," * 2000])
def test_any_header(values: list[bytes]) -> None:
    """No octets in the Authorization fields give anything but an AuthError or a caller."""
    identity = refused_or_identity(values)
    assert identity is None or values[0].endswith(TOKEN.encode())


huge = st.sampled_from([10**400, -(10**400), 10**19, 1.5e300, -0.0, 5e-324])
texts = st.text(st.characters(exclude_categories=[]), max_size=8)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | huge | texts


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)


values = st.recursive(scalars, containers, max_leaves=12)
names = st.sampled_from([*claims(), "nbf", "client_id", "azp", "scp", "roles"]) | texts


@given(st.dictionaries(names, values, max_size=6), st.booleans())
def test_any_claims(changes: dict[str, Any], ascii_only: bool) -> None:  # noqa: FBT001  drawn
    """No claims in a correctly signed token give anything else either."""
    payload = json.dumps(claims() | changes, ensure_ascii=ascii_only)
    refused_or_identity([bearer(raw_token(HEADER, payload.encode("utf-8", "surrogatepass")))])


PAYLOAD = json.dumps(claims()).encode()


@pytest.mark.parametrize(
    "octets",
    [
        PAYLOAD[:-1] + b', "x": ' + b"[" * 2900 + b"]" * 2900 + b"}",
        PAYLOAD[:-1] + b', "x": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
        b"[" * 5000,
        b'{"a":' * 1000,
        PAYLOAD[:-1] + b', "x": ' + b"9" * 5000 + b"}",
        PAYLOAD[:-1] + b', "x": 1e999}',
        PAYLOAD[:-1] + b', "x": -1E+999}',
        PAYLOAD[:-1] + b', "x": NaN}',
        PAYLOAD[:-1] + b', "x": "\\ud800"}',
        PAYLOAD[:-1] + b', "\\udfff": 1}',
        PAYLOAD[:-1] + b', "x": ["\\ud800\\u0041"]}',
        PAYLOAD[:-1] + b', "x": "\xed\xa0\x80"}',
        PAYLOAD[:-1] + b', "sub": "joe"}',
        b"\xef\xbb\xbf" + PAYLOAD,
        PAYLOAD.decode().encode("utf-16"),
        PAYLOAD.decode().encode("utf-32-be"),
        b"\x00" + PAYLOAD,
        PAYLOAD + b"\x00",
    ],
)
def test_strange_payloads(octets: bytes) -> None:
    """Signed payloads that break parsers or apps are refused as malformed."""
    with pytest.raises(InvalidToken):
        GUARD.authenticate([bearer(raw_token(HEADER, octets))])


FRAGMENTS = [
    *(b"1", b"-0", b"-0.0", b"1e999", b"-1e999", b"5e-324", b"NaN", b"-Infinity", b"9" * 400),
    *(b"9" * 4400, b"1." + b"9" * 400, b"true", b"null", b"01", b"+1", b"'x'", b""),
    *(b'"x"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\ud83d\\ude00"', b'"\xed\xa0\x80"', b'"\xff"'),
    *(b'"\\u0000"', b'"\x00"', b'"\\x"', b'"', b"[" * 40 + b"]" * 40, b"[" * 900 + b"]" * 900),
    *(b'{"a":' * 300 + b"1" + b"}" * 300, b"[" * 2000, b'{"a":1,"a":1}', b'["x",{"y":[]}]'),
]
NAMES = [
    b"iss",
    b"aud",
    b"exp",
    b"nbf",
    b"iat",
    b"sub",
    b"jti",
    b"scope",
    b"roles",
    b"x",
    b"alg",
    b"kid",
    b"typ",
    b"crit",
    b"\\u0061lg",
    b"\\u0073ub",
    b"\xed\xa0\x80",
    b"\\ud800",
]
members = st.tuples(st.sampled_from(NAMES), st.sampled_from(FRAGMENTS))
WRAPPERS: list[tuple[bytes, bytes]] = [
    (b"", b""),
    (b" \n", b"\t"),
    (b"\xef\xbb\xbf", b""),
    (b"[", b"]"),
    (b"\x0b", b""),
    (b"", b"\x00"),
    (b"", b"}"),
    (b"", b"{}"),
]


@given(
    st.sampled_from([HEADER, PAYLOAD]),
    st.lists(members, max_size=4),
    st.sampled_from(WRAPPERS),
    st.sampled_from(["utf-8", "utf-16", "utf-32-be"]),
)
def test_any_fragments(
    base: bytes, added: list[tuple[bytes, bytes]], wrapper: tuple[bytes, bytes], encoding: str
) -> None:
    """Signed headers and payloads that are nearly JSON give nothing else either."""
    joined = b"".join(b',"' + name + b'":' + value for name, value in added)
    octets = wrapper[0] + base[:-1] + joined + b"}" + wrapper[1]
    if encoding != "utf-8":
        octets = octets.decode("latin-1").encode(encoding)
    header, payload = (octets, PAYLOAD) if base is HEADER else (HEADER, octets)
    identity = refused_or_identity([bearer(raw_token(header, payload))])
    assert identity is None or (encoding == "utf-8" and wrapper in WRAPPERS[:2])


@pytest.mark.parametrize("text", ["\\ud83d\\ude00", "\\\\ud800", "\\u00e9"])
def test_innocent_escapes(text: str) -> None:
    """A surrogate pair, and text that only looks like an escape, are fine."""
    payload = PAYLOAD[:-1] + f', "x": "{text}"}}'.encode()
    identity = refused_or_identity([bearer(raw_token(HEADER, payload))])
    assert identity is not None
    assert identity.claims["x"] == json.loads(f'"{text}"')


@given(
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk"]) | texts, values)
)
def test_any_header_parameters(parameters: dict[str, Any]) -> None:
    """No header of a correctly signed token gives anything else either."""
    header = {"alg": "ES256", "kid": EC256.key.kid} | parameters
    octets = json.dumps(header).encode("utf-8", "surrogatepass")
    refused_or_identity([bearer(raw_token(octets, PAYLOAD))])


FAMILIES = {"HMAC": SECRET, "RSA": RSA, "PSS": BY_ALG["PS256"], "ECDSA": EC256, "EdDSA": ED25519}
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ ,"


def family_guard(family: str) -> tuple[Guard, str]:
    """Return a guard that knows the family's key alone, and a token that it accepts."""
    one, good = guard(issuer(keys=FAMILIES[family].key)), token(key=FAMILIES[family])
    one.authenticate([bearer(good)])
    return one, good


@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=60)
@given(data=st.data())
def test_any_change(family: str, data: st.DataObject) -> None:
    """A token of which one character is replaced, inserted or deleted is refused."""
    one, good = family_guard(family)
    at = data.draw(st.integers(0, len(good)))
    new, gone = data.draw(st.sampled_from([*ALPHABET, ""])), data.draw(st.integers(0, 1))
    changed = good[:at] + new + good[at + gone :]
    # A space in front is the header's own (1*SP), and none of the token's.
    if changed.removeprefix(" ") != good:
        with pytest.raises(AuthError):
            one.authenticate([bearer(changed)])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_position(family: str) -> None:
    """There is no position at which a character can be replaced, inserted or deleted."""
    one, good = family_guard(family)
    for at in range(len(good) + 1):
        other = "B" if good[at : at + 1] == "A" else "A"
        changes = {good[:at] + other + good[at + 1 :], good[:at] + other + good[at:]}
        for changed in (changes | {good[:at] + good[at + 1 :]}) - {good}:
            with pytest.raises(AuthError):
                one.authenticate([bearer(changed)])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_last_character(family: str) -> None:
    """No other character can end a segment: its spare bits are no hiding place."""
    one, good = family_guard(family)
    header, payload, signature = good.split(".")
    for other in ALPHABET:
        for changed in (
            f"{header[:-1]}{other}.{payload}.{signature}",
            f"{header}.{payload[:-1]}{other}.{signature}",
            f"{header}.{payload}.{signature[:-1]}{other}",
        ):
            if changed != good:
                with pytest.raises(AuthError):
                    one.authenticate([bearer(changed)])


# challenge     = auth-scheme 1*SP #auth-param                      (RFC 9110 §11.3)
# auth-param    = token BWS "=" BWS ( token / quoted-string )       (RFC 9110 §11.2)
# quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE           (RFC 9110 §5.6.4)
SCHEME = re.compile(r"Bearer ")
PARAMETER = re.compile(
    r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)="
    r'"((?:[\t \x21\x23-\x5b\x5d-\x7e]|\\[\t \x21-\x7e])*)"(, (?=.)|\Z)'
)


def parse(challenge: str) -> dict[str, str]:
    """Parse one challenge, strictly; what is not grammar fails the test."""
    position = SCHEME.match(challenge).end()  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]  # None fails the test
    parameters: dict[str, str] = {}
    while position < len(challenge):
        match = PARAMETER.match(challenge, position)
        assert match is not None
        assert match[1] not in parameters
        parameters[match[1]] = re.sub(r"\\(.)", r"\1", match[2])
        position = match.end()
    return parameters


scope_tokens = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters='"\\'), min_size=1
)


@given(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
    st.sets(scope_tokens, max_size=4),
)
def test_challenge_round_trip(realm: str, scopes: set[str]) -> None:
    """A rendered challenge parses back to what went in, whatever the realm."""
    challenge = guard(realm=realm).challenge(InsufficientScope(scopes))
    parameters = parse(dict(challenge.headers)["WWW-Authenticate"])
    assert parameters["realm"] == realm
    assert set(parameters.get("scope", "").split()) == scopes
    bare = guard(realm=realm).challenge(MissingToken())
    assert parse(dict(bare.headers)["WWW-Authenticate"]) == {"realm": realm}


grants = st.builds(a_scope, st.sampled_from("abc")) | st.builds(a_role, st.sampled_from("abc"))


def both_or_either(drawn: tuple[Requirement, Requirement, bool]) -> Requirement:
    one, other, both = drawn
    return one & other if both else one | other


def combined(inner: st.SearchStrategy[Requirement]) -> st.SearchStrategy[Requirement]:
    return st.tuples(inner, inner, st.booleans()).map(both_or_either)


requirements = st.recursive(grants, combined, max_leaves=6)
held = st.frozensets(st.sampled_from("abc"))


def holder(scopes: frozenset[str], roles: frozenset[str]) -> Identity:
    return Identity("issuer", scopes, roles, FrozenDict(), None)


def allows(requirement: Requirement, identity: Identity) -> bool:
    try:
        requirement.require(identity)
    except InsufficientScope:
        return False
    return True


@given(requirements, requirements, requirements)
def test_laws(a: Requirement, b: Requirement, c: Requirement) -> None:
    """The algebra is commutative, associative, idempotent, absorbing, distributive."""
    assert a & b == b & a
    assert a | b == b | a
    assert (a & b) & c == a & (b & c)
    assert (a | b) | c == a | (b | c)
    assert a & a == a == a | a
    assert a & (a | b) == a == a | (a & b)
    assert a & (b | c) == (a & b) | (a & c)
    assert a | (b & c) == (a | b) & (a | c)


@given(requirements, requirements, held, held)
def test_meaning(
    a: Requirement, b: Requirement, scopes: frozenset[str], roles: frozenset[str]
) -> None:
    """`&` allows what both allow, `|` what either allows."""
    identity = holder(scopes, roles)
    assert allows(a & b, identity) == (allows(a, identity) and allows(b, identity))
    assert allows(a | b, identity) == (allows(a, identity) or allows(b, identity))


@given(requirements, held, held, held)
def test_monotone(
    a: Requirement, scopes: frozenset[str], more: frozenset[str], roles: frozenset[str]
) -> None:
    """More scopes never take a right away."""
    if allows(a, holder(scopes, roles)):
        assert allows(a, holder(scopes | more, roles))


@given(requirements, held, held)
def test_remedy(a: Requirement, scopes: frozenset[str], roles: frozenset[str]) -> None:
    """Who gets the scopes that the refusal names is let in."""
    try:
        a.require(holder(scopes, roles))
    except InsufficientScope as refused:
        if refused.scopes:
            a.require(holder(frozenset(refused.scopes), roles))
        else:
            assert not allows(a, holder(frozenset("abc"), roles))


MUTATORS: dict[str, Callable[[Any], object]] = {
    "set": lambda d: d.__setitem__("x", 1),
    "delete": lambda d: d.__delitem__("sub"),
    "update": lambda d: d.update(x=1),
    "merge": lambda d: d.__ior__({"x": 1}),
    "pop": lambda d: d.pop("sub"),
    "popitem": lambda d: d.popitem(),
    "setdefault": lambda d: d.setdefault("x", 1),
    "clear": lambda d: d.clear(),
    "nested": lambda d: d["nested"].update(x=1),
    "list": lambda d: d["list"].append(1),
    "inside": lambda d: d["list"][1].update(x=1),
}


@pytest.mark.parametrize("name", MUTATORS)
def test_immutable(name: str) -> None:
    """An identity's claims cannot be changed, at no depth; a copy is the same."""
    nested = claims(nested={"a": 1}, list=[1, {"b": [2]}])
    identity = GUARD.authenticate([bearer(token(nested))])
    with pytest.raises((TypeError, AttributeError)):
        MUTATORS[name](identity.claims)
    with pytest.raises(AttributeError):
        identity.issuer = "x"  # type: ignore[misc]  # it is frozen
    assert identity.claims["list"] == (1, {"b": (2,)})
    assert copy.deepcopy(identity) == identity


def test_two_keys_of_a_set() -> None:
    """Each key of a set verifies its own tokens, and none of another's."""
    keys = KeySet(EC256.key, RSA.key, ED25519.key)
    one = guard(issuer(keys=keys))
    for pair in (EC256, RSA, ED25519):
        assert one.authenticate([bearer(token(key=pair))]).key_id == pair.key.kid
