"""Whatever the guard accepts, PyJWT accepts with the same claims."""

import json
import random
import time
from typing import Any

import jwt

from jwt_guard import AuthError, Guard, Issuer, KeySet
from tests.tokens import AUDIENCE, BY_ALG, ISSUER, Pair, b64, raw_token

TOKENS = 10_000
LEEWAY = 10
SIGNERS = ["HS256"] * 8 + ["ES256", "EdDSA", "RS256"]


class Forge:
    """Makes tokens, most of them a little odd; the seed makes a run repeatable."""

    def __init__(self) -> None:
        self.random = random.Random(20_261_124)  # noqa: S311  repeatable, not secret
        self.now = int(time.time())

    def pick(self, usual: Any, *odd: Any) -> Any:
        """Return *usual* nine times out of ten."""
        return usual if self.random.random() < 0.9 else self.random.choice(odd)

    def claims(self) -> bytes:
        now = self.now
        claims = {
            "iss": self.pick(ISSUER, ISSUER[:-1], [ISSUER], 1, None),
            "aud": self.pick(AUDIENCE, [AUDIENCE, "x"], [], "x", [1], None, {AUDIENCE: 1}),
            "exp": self.pick(
                now + 600, now + 600.5, now - 60, str(now + 600), True, 1e300, -1, None
            ),
            "iat": self.pick(now, now - 0.5, now + 600, "0", False, None, 10**30),
            "nbf": self.pick(now, now + 600, 0, "x", True, 1e400, None),
            "sub": self.pick("joe", 1, None, "", "\ud800", "zoë", "\u0000"),
            "jti": self.pick("1", 1, None, ["1"]),
            "scope": self.pick("a b", ["a"], 1, None, "a\u00a0b"),
            "more": self.pick(None, {"a": [1, {"b": 2.5}]}, [[[]]], 10**400, -0.0, float("nan")),
        }
        # A claim that is null is there in one token of two, and left out of the other.
        keep = self.random.random() < 0.1
        kept = {k: v for k, v in claims.items() if v is not None or keep}
        text = json.dumps(kept, ensure_ascii=self.random.random() < 0.8)
        if self.random.random() < 0.03:
            text = text[:-1] + ', "sub": "ann"}'
        if self.random.random() < 0.03:
            text = f" {text}\n"
        encoding = self.pick("utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1")
        return text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")

    def header(self, pair: Pair) -> bytes:
        parameters = {
            "alg": self.pick(pair.alg, "none", "HS512", 1, pair.alg.lower()),
            "kid": self.pick(pair.alg, "x", None, 1),
            "typ": self.pick("JWT", "at+jwt", None, "JOSE", 1),
        }
        extra = self.pick({}, {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"jku": "x"})
        kept = {k: v for k, v in (parameters | extra).items() if v is not None}
        return json.dumps(kept).encode()

    def token(self) -> str:
        pair = BY_ALG[self.random.choice(SIGNERS)]
        signer = self.pick(pair, BY_ALG["HS512"], BY_ALG["ES256"])
        return self.mutate(raw_token(self.header(pair), self.claims(), signer))

    def mutate(self, token: str) -> str:
        position = self.random.randrange(len(token))
        edits = {
            "replace": token[:position] + self.random.choice("A_.=/ ") + token[position + 1 :],
            "insert": token[:position] + self.random.choice("A-.=+\n") + token[position:],
            "cut": token[:position],
            "pad": token + "=" * self.random.randrange(1, 3),
            "append": token + "." + b64(b"x"),
        }
        return str(self.pick(token, *edits.values()))


def accepted_by_pyjwt(token: str, alg: str, nulls: set[str]) -> dict[str, Any]:
    """Return the claims, by the same key and rules; raise if PyJWT refuses.

    The one difference: *nulls*, which count as absent here, are malformed to PyJWT.
    """
    pair = BY_ALG[alg]
    key: Any = pair.signing if isinstance(pair.signing, bytes) else pair.private.public_key()
    decoded = jwt.decode_complete(
        token,
        key,
        [alg],
        options={
            "require": ["exp", "iss", "aud"],
            "verify_sub": "sub" not in nulls,
            "verify_jti": "jti" not in nulls,
            "verify_iat": "iat" not in nulls,
            "verify_nbf": "nbf" not in nulls,
        },
        audience=AUDIENCE,
        issuer=ISSUER,
        leeway=LEEWAY,
    )
    claims: dict[str, Any] = decoded["payload"]
    return claims


def test_differential() -> None:
    """Of 10,000 tokens, each one that the guard accepts PyJWT accepts with equal claims."""
    keys = KeySet(*(key_named(alg) for alg in sorted(set(SIGNERS))))
    guard = Guard(Issuer(ISSUER, audience=AUDIENCE, keys=keys, leeway=LEEWAY))
    forge, accepted = Forge(), 0
    for _ in range(TOKENS):
        token = forge.token()
        try:
            identity = guard.authenticate([b"Bearer " + token.encode()])
        except AuthError:
            continue
        accepted += 1
        nulls = {name for name, value in identity.claims.items() if value is None}
        theirs = accepted_by_pyjwt(token, str(identity.key_id), nulls)
        assert json.dumps(identity.claims) == json.dumps(theirs)
    assert TOKENS * 0.2 < accepted < TOKENS * 0.8


def key_named(alg: str) -> Any:
    """Return the key of *alg* with its algorithm's name for a kid."""
    key = BY_ALG[alg].key
    return type(key)(alg, alg, key.material)
