"""Key sets and tokens of odd shapes, beside jwcrypto; each difference has its reason."""

import json
import random
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from jwt_guard._core.token import jws, published
from jwt_guard.errors import InvalidToken
from tests.tokens import BY_ALG, EC256, ED25519, RSA, STRANGER, Pair, b64, key_pair, raw_token

# It has no annotations.
_jwk: Any = import_module("jwcrypto.jwk")
_jws: Any = import_module("jwcrypto.jws")

CASES = 1_000
PAIRS = [
    EC256,
    STRANGER,
    RSA,
    BY_ALG["PS256"],
    BY_ALG["ES512"],
    key_pair("ES512", ec.generate_private_key(ec.SECP521R1())),
    BY_ALG["ES256K"],
    ED25519,
    BY_ALG["ML-DSA-44"],
    BY_ALG["ML-DSA-65"],
]
ALGS = sorted({pair.alg for pair in PAIRS})

# Why jwcrypto accepts what is refused here.
ALG = "the key names another algorithm, or this one needs another curve"
DOUBLED = "two different keys have the kid and the algorithm"
# Why it is accepted here what jwcrypto refuses.
ANY_KID = "the kid is nobody's, and may be that of a key to which nobody gave one"
NULL = "null counts as absent, and is no text to jwcrypto"
SHADOWED = "jwcrypto keeps the first of two members with one key and kid, whatever they say"
THUMBPRINT = "the kid is the thumbprint of a key without kid"


@dataclass(slots=True)
class Member:
    """A member of a set: the key, and what is said of it."""

    pair: Pair
    jwk: dict[str, Any]

    @property
    def kid(self) -> Any:
        return self.jwk.get("kid")


class Forge:
    """Makes key sets and tokens; the seed makes a run repeatable."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  repeatable, not secret

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def member(self) -> Member:
        pair: Pair = self.random.choice(PAIRS)
        jwk = {k: v for k, v in pair.public_jwk.items() if k != "alg"}
        said: dict[str, Any] = {
            "kid": self.pick("a", "a", "b", None, ...),
            "alg": self.pick(pair.alg, pair.alg, ..., ..., None, self.random.choice(ALGS)),
            "use": self.pick("sig", "sig", ..., ..., ..., None, "enc"),
            "key_ops": self.pick(["verify"], ..., ..., ..., None),
            "x5t": self.pick(..., ..., None, "AAAA"),
        }
        jwk |= {name: value for name, value in said.items() if value is not ...}
        if jwk["kty"] == "EC" and self.random.random() < 0.5:
            jwk |= {name: stripped(jwk[name]) for name in ("x", "y")}
        return Member(pair, jwk)

    def members(self) -> list[Member]:
        members = [self.member() for _ in range(self.random.randrange(1, 5))]
        if self.random.random() < 0.2:
            first = members[0]
            members.append(Member(first.pair, first.jwk | {"use": self.pick("sig", "enc")}))
        return members

    def token(self, members: list[Member]) -> str:
        member = self.random.choice(members)
        signer: Pair = self.pick(member.pair, member.pair, self.random.choice(PAIRS))
        header: dict[str, Any] = {
            "alg": signer.alg if self.random.random() < 0.9 else self.random.choice(ALGS),
            "kid": self.pick("a", "unknown", signer.key.key_id, member.kid, member.kid, ...),
        }
        sent = {name: value for name, value in header.items() if value not in {None, ...}}
        token = raw_token(json.dumps(sent).encode(), b"{}", signer)
        return token[:-8] + "AAAAAAAA" if self.random.random() < 0.1 else token


def stripped(text: str) -> str:
    return b64(urlsafe_b64decode(text + "=" * (-len(text) % 4)).lstrip(b"\0"))


def accepted_here(members: list[Member], token: str) -> bool:
    document = json.dumps({"keys": [member.jwk for member in members]}).encode()
    unverified = jws.peek(token.encode())
    alg, kid, _ = unverified.unverified_header
    try:
        jws.verify(unverified, published.read(document, None).keys.candidates(alg, kid))
    except InvalidToken:
        return False
    return True


def theirs(members: list[Member], token: str) -> list[Member]:
    """Return the members, as jwcrypto reads them, by which it verifies *token*."""
    return [member for member in members if verifies(member, token)]


def verifies(member: Member, token: str) -> bool:
    known = {name: value for name, value in member.jwk.items() if value is not None}
    try:
        signature = _jws.JWS()
        signature.deserialize(token)
        signature.allowed_algs = ALGS
        signature.verify(_jwk.JWK(**known))
    except (_jws.InvalidJWSSignature, _jwk.InvalidJWKValue):
        return False
    return True


def accepted_there(members: list[Member], token: str) -> bool:
    """Whether jwcrypto accepts *token* by the set, read as it reads sets."""
    keys = _jwk.JWKSet()
    for member in filter(readable, members):
        keys.add(_jwk.JWK(**member.jwk))
    signature = _jws.JWS()
    signature.deserialize(token)
    signature.allowed_algs = ALGS
    try:
        signature.verify(keys)
    except (_jws.JWKeyNotFound, _jws.InvalidJWSSignature):
        return False
    return True


def readable(member: Member) -> bool:
    """Whether jwcrypto reads a member as it is written."""
    try:
        _jwk.JWK(**member.jwk)
    except (_jwk.InvalidJWKValue, _jwk.InvalidJWKUsage, TypeError):
        return False
    return True


def fits(member: Member, alg: str) -> bool:
    """Whether a member says nothing against *alg*."""
    return member.jwk.get("alg") in {None, alg}


def meant(member: Member) -> bool:
    return member.jwk.get("use") != "enc"


def why_refused(members: list[Member], token: str, alg: str, kid: str | None) -> str:
    """Return why it is right to refuse what jwcrypto verifies; fail if nothing is."""
    able = [member for member in theirs(members, token) if kid is None or member.kid in {kid, None}]
    if not any(fits(member, alg) for member in able):
        return ALG
    able = [member for member in able if fits(member, alg)]
    assert all(member.kid is not None and doubled(members, member, alg) for member in able)
    return DOUBLED


def doubled(members: list[Member], one: Member, alg: str) -> bool:
    return any(
        other.kid == one.kid
        and other.pair.key.material != one.pair.key.material
        and meant(other)
        and fits(other, alg)
        and other.pair.alg == alg
        for other in members
    )


def why_accepted(members: list[Member], token: str, kid: str | None) -> str:
    """Return why it is right to accept what jwcrypto refuses; fail if nothing is."""
    able = theirs(members, token)
    if kid is not None and any(
        member.kid is None and member.pair.key.key_id == kid for member in able
    ):
        return THUMBPRINT
    if kid is not None and any(member.kid is None for member in able):
        return ANY_KID
    if any(not readable(member) for member in able):
        return NULL
    assert any(shadowed(members, member) for member in able)
    return SHADOWED


def shadowed(members: list[Member], one: Member) -> bool:
    return any(
        other.kid == one.kid
        and other.pair.key.material == one.pair.key.material
        and other.jwk != one.jwk
        for other in members
    )


def test_differential() -> None:
    """Nothing is accepted that jwcrypto refuses for its signature; differences have reasons."""
    forge, seen = Forge(20_261_125), Counter[str]()
    for _ in range(CASES):
        members = forge.members()
        token = forge.token(members)
        alg, kid, _typ = jws.peek(token.encode()).unverified_header
        here, there = accepted_here(members, token), accepted_there(members, token)
        if here:
            able = theirs(members, token)
            assert any(
                fits(member, alg) and meant(member) and (kid is None or member.kid in {kid, None})
                for member in able
            )
        if here == there:
            seen["accepted" if here else "refused"] += 1
            continue
        why = why_accepted(members, token, kid) if here else why_refused(members, token, alg, kid)
        seen[why] += 1
    assert seen["accepted"] > CASES * 0.1
    assert seen["refused"] > CASES * 0.1
    assert seen.keys() - {"accepted", "refused"} == {
        ALG,
        DOUBLED,
        ANY_KID,
        THUMBPRINT,
        NULL,
        SHADOWED,
    }
