"""A guard that remembers and one that does not answer alike, whatever happens."""

import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from jwt_guard import AuthError, Guard, Identity, Issuer
from jwt_guard._schedule import Schedule
from jwt_guard.keys import Document, FetchError, Jwks
from jwt_guard.keys._fresh_keys import FreshKeys
from tests.tokens import AUDIENCE, ISSUER, NOW, Pair, bearer, claims, key_pair, token

KIDS = ("1", "2", "3")
RING = {kid: key_pair("EdDSA", ed25519.Ed25519PrivateKey.generate(), kid) for kid in KIDS}
# Another key that is published under a name that was used before.
IMPOSTOR = key_pair("EdDSA", ed25519.Ed25519PrivateKey.generate(), "1")


class Published:
    """What the issuer publishes; a fetcher, as the seam of `Issuer` wants it."""

    def __init__(self) -> None:
        self.keys: list[Pair] = [RING["1"]]

    def fetch(self, url: str, etag: str | None) -> Document:
        if not self.keys:
            raise FetchError("an outage")
        jwks = [{**pair.public_jwk, "kid": pair.key.kid} for pair in self.keys]
        return Document(json.dumps({"keys": jwks}).encode(), None, 300)


class CachedLikeUncached(RuleBasedStateMachine):
    """Tokens come and expire, keys rotate and vanish, time moves both ways."""

    tokens: Bundle[str] = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.now: float = NOW
        self.published = Published()
        issuer = Issuer(
            ISSUER,
            audience=AUDIENCE,
            keys=Jwks("https://login.example/jwks", fetcher=self.published),
            max_age=600,
        )
        self.cached = Guard(issuer, clock=self.clock, cache_size=2)
        self.uncached = Guard(issuer, clock=self.clock, cache_size=0)
        # Both ask the same keys, by the same clock.
        (one,), (other,) = (guard._issuers.known[ISSUER] for guard in (self.cached, self.uncached))
        other.source, other.current = one.source, one.current
        assert isinstance(one.source, FreshKeys)
        self.fresh = one.source._fresh
        self.fresh._clock = one.source._clock = self.clock

    def clock(self) -> float:
        return self.now

    def settle(self) -> None:
        """Let what a request sets off come to its end, so that both guards see it."""
        self.fresh.value()
        while self.fresh.busy:
            time.sleep(0.0005)

    @rule(
        target=tokens,
        kid=st.sampled_from(KIDS),
        named=st.booleans(),
        exp=st.integers(-20, 900),
        nbf=st.none() | st.integers(-60, 60),
        iat=st.none() | st.integers(-600, 20),
    )
    def issue(self, kid: str, *, named: bool, exp: int, nbf: int | None, iat: int | None) -> str:
        now = int(self.now)
        times = {
            "exp": now + exp,
            "nbf": None if nbf is None else now + nbf,
            "iat": None if iat is None else now + iat,
        }
        return token(claims(**times), RING[kid], {} if named else {"kid": None})

    @rule(target=tokens, kid=st.sampled_from(KIDS))
    def issue_good(self, kid: str) -> str:
        return token(claims(exp=int(self.now) + 300, iat=int(self.now)), RING[kid])

    @rule(text=tokens, kids=st.sets(st.sampled_from(KIDS), min_size=1), impostor=st.booleans())
    def present_across_a_rotation(self, text: str, kids: set[str], *, impostor: bool) -> None:
        self.present(text)
        self.publish(kids, impostor=impostor)
        self.refresh()
        self.present(text)

    @rule(text=tokens)
    def present(self, text: str) -> None:
        self.settle()
        assert answer(self.cached, text) == answer(self.uncached, text)

    @rule(text=tokens)
    def present_forged(self, text: str) -> None:
        self.settle()
        head, _, signature = text.rpartition(".")
        forged = f"{head}.{'B' if signature[0] != 'B' else 'C'}{signature[1:]}"
        assert not isinstance(answer(self.cached, forged), Identity)

    @rule(kids=st.sets(st.sampled_from(KIDS)), impostor=st.booleans())
    def publish(self, kids: set[str], *, impostor: bool) -> None:
        """Publish some keys; none of them stands for an outage."""
        self.published.keys = [
            IMPOSTOR if impostor and kid == "1" else RING[kid] for kid in sorted(kids)
        ]

    @rule()
    def refresh(self) -> None:
        self.fresh._schedule = Schedule(self.fresh._timing)
        fetch = self.fresh.begin(self.fresh.known(), anew=True)
        assert fetch is not None
        fetch.wait()

    @rule(seconds=st.sampled_from([-700, -15, 1, 15, 299, 700, 4000]))
    def move(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def is_bounded(self) -> None:
        assert self.cached._remembered is not None
        assert len(self.cached._remembered) <= 2


def answer(guard: Guard, text: str) -> Any:
    """Return the identity, or what exactly the refusal is."""
    try:
        return guard.authenticate([bearer(text)])
    except AuthError as error:
        return type(error), error.reason, error.kid


CachedLikeUncached.TestCase.settings = settings(max_examples=150, stateful_step_count=30)
TestCachedLikeUncached = CachedLikeUncached.TestCase
