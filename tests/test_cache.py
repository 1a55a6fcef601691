"""Verified tokens that are remembered: never longer, never for another, never late."""

import gc
import itertools
import json
import threading
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from jwt_guard import AuthError, Guard, Identity, Issuer, KeySet
from jwt_guard._cache import Entry, VerifiedTokens, _after_fork, octets
from jwt_guard._core.request.credentials import Credential
from jwt_guard._verified import Basis, Verified
from jwt_guard.errors import ConfigurationError, InvalidToken, KeysUnavailable, Reason
from tests.tokens import (
    AUDIENCE,
    EC256,
    EC384,
    ED25519,
    ISSUER,
    NOW,
    RSA,
    STRANGER,
    bearer,
    claims,
    guard,
    issuer,
    key_pair,
    token,
)


class Clock:
    """A clock in the test's hand."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


def counts(guarded: Guard) -> tuple[int, int, int, int]:
    seen = guarded.cache_counters
    return seen.hits, seen.misses, seen.evictions, seen.dropped_by_rotation


def reason(guarded: Guard, text: str) -> Reason | None:
    """Return why *text* is refused, or None if it is not."""
    try:
        guarded.authenticate([bearer(text)])
    except AuthError as error:
        return error.reason
    return None


def test_hit() -> None:
    """A token seen before gives the same identity, and verifies nothing."""
    one, text = guard(), token()
    first = one.authenticate([bearer(text)])
    assert one.authenticate([bearer(text)]) is first
    assert counts(one) == (1, 1, 0, 0)


def test_off() -> None:
    """With cache_size=0 every token is verified, and nothing is counted."""
    one, text = guard(cache_size=0), token()
    assert one.authenticate([bearer(text)]) is not one.authenticate([bearer(text)])
    assert counts(one) == (0, 0, 0, 0)


@pytest.mark.parametrize("size", [-1, "10", 1.5, None])
def test_size(size: Any) -> None:
    """The size is a number of tokens."""
    with pytest.raises(ConfigurationError, match="cache_size is a number of tokens"):
        guard(cache_size=size)


def test_counters_are_a_copy() -> None:
    """Whoever changes what was reported changes no count."""
    one = guard()
    one.cache_counters.hits = 1000
    assert one.cache_counters.hits == 0


def test_refusals_are_not_remembered() -> None:
    """A token that was refused is looked at anew, and accepted once it may be."""
    clock = Clock()
    one, text = guard(clock=clock), token(claims(nbf=NOW + 60))
    assert reason(one, text) is Reason.NOT_YET_VALID
    assert reason(one, token(key=STRANGER)) is Reason.UNKNOWN_KEY
    clock.now += 60
    assert reason(one, text) is None
    assert counts(one) == (0, 3, 0, 0)


@pytest.mark.parametrize("changes", [{}, {"iat": None}, {"iat": None, "nbf": NOW}])
def test_expiry(changes: dict[str, Any]) -> None:
    """A remembered token expires to the second, with or without iat."""
    clock = Clock()
    one, text = guard(issuer(leeway=5), clock=clock), token(claims(exp=NOW + 60, **changes))
    for now, expected in (
        (NOW, None),
        (NOW + 64.9, None),
        (NOW + 65, Reason.EXPIRED),
        (NOW + 1e9, Reason.EXPIRED),
        (NOW, None),
    ):
        clock.now = now
        assert reason(one, text) is expected
    assert counts(one) == (2, 3, 0, 0)


def test_clock_set_back() -> None:
    """A remembered token is as early as any other once the clock has been set back."""
    clock = Clock()
    one = guard(clock=clock)
    early, issued = token(claims(nbf=NOW, iat=None)), token()
    assert (reason(one, early), reason(one, issued)) == (None, None)
    clock.now = NOW - 10.5
    assert reason(one, early) is Reason.NOT_YET_VALID
    assert reason(one, issued) is Reason.ISSUED_IN_FUTURE


def test_age() -> None:
    """A remembered token grows too old like any other."""
    clock = Clock()
    one, text = guard(issuer(max_age=60, leeway=0), clock=clock), token()
    assert reason(one, text) is None
    clock.now += 60
    assert reason(one, text) is Reason.TOO_OLD


def test_whole_token() -> None:
    """What is like a remembered token, but for a character, is verified by itself."""
    one = guard()
    text = token()
    assert reason(one, text) is None
    head, _, signature = text.rpartition(".")
    other = ("A" if signature[0] != "A" else "B") + signature[1:]
    assert reason(one, f"{head}.{other}") is Reason.BAD_SIGNATURE
    assert reason(one, f"{head}.") is Reason.BAD_SIGNATURE
    assert one.cache_counters.hits == 0


def test_same_claims_other_key() -> None:
    """Remembered claims lend a forgery nothing."""
    one = guard()
    assert reason(one, token()) is None
    assert reason(one, token(key=STRANGER, headers={"kid": EC256.key.kid})) is Reason.BAD_SIGNATURE


def test_long_tokens() -> None:
    """Tokens up to 8 KiB, as those with ML-DSA signatures are, are remembered."""
    one = guard()
    text = token(claims(note="x" * 5800))
    assert 8000 < len(text) <= 8192
    assert reason(one, text) is reason(one, text) is None
    assert counts(one) == (1, 1, 0, 0)


def test_longer_tokens() -> None:
    """Where longer ones are let through, they are verified each time by hosts."""
    one = guard(max_token_bytes=20000)
    text = token(claims(note="x" * 6200))
    assert len(text) > 8192
    assert reason(one, text) is None
    assert one.recall([bearer(text)]) is None


def tenant_guard(keys: dict[str, KeySet], clock: Clock) -> Guard:
    """Return a guard whose one issuer has the keys that are in *keys* by now."""

    class Current:
        """Keys that the test replaces, where fetched ones stand."""

        def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Any:
            assert not waited
            if "now" not in keys:
                raise KeysUnavailable
            return keys["now"].candidates(alg, kid)

        def current(self) -> KeySet | None:
            return keys.get("now")

    one = guard(clock=clock)
    (trusted,) = one._issuers.known[ISSUER]
    trusted.source = Current()
    trusted.keys, trusted.current = None, Current().current
    return one


def test_rotation() -> None:
    """A withdrawn key takes its tokens along; others stay."""
    keys = {"now": KeySet(EC256.key, RSA.key)}
    one = tenant_guard(keys, Clock())
    by_ec, by_rsa = token(key=EC256), token(key=RSA)
    assert (reason(one, by_ec), reason(one, by_rsa)) == (None, None)
    keys["now"] = KeySet(RSA.key, ED25519.key)
    assert (reason(one, by_ec), reason(one, by_rsa)) == (Reason.UNKNOWN_KEY, None)
    assert counts(one) == (1, 3, 0, 1)
    keys["now"] = KeySet(EC256.key)
    assert (reason(one, by_ec), reason(one, by_rsa)) == (None, Reason.UNKNOWN_KEY)


def test_another_key_by_the_same_name() -> None:
    """A key replaced under its kid takes its tokens along."""
    kid = EC256.key.kid
    keys = {"now": KeySet(EC256.key)}
    one, text = tenant_guard(keys, Clock()), token()
    assert reason(one, text) is None
    keys["now"] = KeySet(key_pair("ES256", STRANGER.private, kid).key)
    assert reason(one, text) is Reason.BAD_SIGNATURE
    assert counts(one) == (0, 2, 0, 1)


def test_second_key() -> None:
    """A remembered token without kid stays while its key is one of a handful."""
    keys = {"now": KeySet(EC256.key)}
    one, text = tenant_guard(keys, Clock()), token(headers={"kid": None})
    assert reason(one, text) is None
    others = [key_pair("ES256", STRANGER.private, str(number)).key for number in range(8)]
    keys["now"] = KeySet(*others[:7], EC256.key)
    assert reason(one, text) is None
    assert counts(one) == (1, 1, 0, 0)
    keys["now"] = KeySet(*others, EC256.key)
    assert reason(one, text) is Reason.AMBIGUOUS_KEY


def test_no_keys() -> None:
    """While nobody can tell, a remembered token is no better off, and is kept."""
    keys = {"now": KeySet(EC256.key)}
    one, text = tenant_guard(keys, Clock()), token()
    assert reason(one, text) is None
    usable = keys.pop("now")
    assert reason(one, text) is Reason.NO_KEYS
    keys["now"] = usable
    assert reason(one, text) is None
    assert counts(one) == (1, 2, 0, 0)


def entries() -> Iterator[tuple[bytes, Entry]]:
    keys = KeySet(EC256.key)
    numbers = itertools.count()
    while True:
        number = next(numbers)
        identity = Identity(ISSUER, frozenset(), frozenset(), {"sub": number}, None)
        caller = Verified(identity, (0, NOW + 1), Basis(ISSUER, EC256.key, EC256.key.kid))
        yield b"%032d" % number, Entry(caller, None, keys, 1000)


def look_up(verified: VerifiedTokens, digest: bytes) -> Entry | None:
    return verified.young.get(digest) or verified.promoted(digest)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 64])
def test_bounded(size: int) -> None:
    """There are never more entries than room, and the latest is always there."""
    verified = VerifiedTokens(size)
    for number, (digest, entry) in zip(range(5 * size), entries(), strict=False):
        verified.remember(digest, entry)
        assert len(verified) == min(number + 1, size)
        assert look_up(verified, digest) is entry
        verified.remember(digest, entry)
        assert len(verified) == min(number + 1, size)
    assert verified.counters.evictions == 4 * size


def test_what_is_used_stays() -> None:
    """Of ten callers who come all the time none is lost to a thousand strangers."""
    verified = VerifiedTokens(40)
    source = entries()
    regulars = [next(source) for _ in range(10)]
    for digest, entry in regulars:
        verified.remember(digest, entry)
    for _, (digest, entry) in zip(range(1000), source, strict=False):
        verified.remember(digest, entry)
        for known, expected in regulars:
            assert look_up(verified, known) is expected


class TakenMeanwhile(dict[bytes, Entry]):
    """A dict as a slower thread sees it: what was there a moment ago is gone."""

    def __contains__(self, _digest: object) -> bool:
        return True


def test_slower_thread() -> None:
    """An entry that another thread took away is not put back, or the cache would grow."""
    verified = VerifiedTokens(4)
    verified._old = TakenMeanwhile()
    assert look_up(verified, b"x" * 32) is None
    assert len(verified) == 0


def test_threads() -> None:
    """Threads that share a small cache each get their own callers, and only those."""
    texts = {f"user-{number}": token(claims(sub=f"user-{number}"), ED25519) for number in range(9)}
    shared = Guard(
        Issuer(ISSUER, audience=AUDIENCE, keys=ED25519.key), clock=lambda: NOW, cache_size=4
    )
    answers: list[tuple[str, str | None]] = []

    def work(offset: int) -> None:
        for step in range(300):
            name = f"user-{(step * (offset + 1)) % 9}"
            answers.append((name, shared.authenticate([bearer(texts[name])]).subject))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 * 300
    assert all(expected == found for expected, found in answers)
    assert shared._remembered is not None
    assert len(shared._remembered) <= 4


def test_header_memo_is_bounded() -> None:
    """Headers are remembered only if they selected a key, and not without end."""
    one = guard()
    for number in range(200):
        assert reason(one, token(headers={"jku": str(number)})) is None
        assert len(one._line._headers) <= 64
    before = len(one._line._headers)
    with pytest.raises(InvalidToken):
        one.authenticate([bearer(token(key=EC384))])
    assert len(one._line._headers) == before


def test_octets() -> None:
    """The cache is bounded in octets, too: what is large makes room, or stays outside."""
    verified = VerifiedTokens(64)
    source = entries()
    for _, (digest, entry) in zip(range(64), source, strict=False):
        entry.octets = 8192
        verified.remember(digest, entry)
    assert len(verified) == 64
    digest, entry = next(source)
    entry.octets = 262144
    verified.remember(digest, entry)
    assert look_up(verified, digest) is entry
    assert (len(verified), verified._octets) == (33, 524288)
    digest, entry = next(source)
    entry.octets = 262145
    verified.remember(digest, entry)
    assert look_up(verified, digest) is None
    for _, (digest, entry) in zip(range(100), source, strict=False):
        entry.octets = 200000
        verified.remember(digest, entry)
        assert look_up(verified, digest) is entry
    assert len(verified) == 2
    verified.drop(digest)
    verified.drop(digest)
    assert (len(verified), verified.counters.dropped_by_rotation) == (1, 1)
    assert verified._octets == 200000


NESTED: dict[str, Any] = {
    "objects": [{}] * 2600,
    "objects with a member": [{"": 1}] * 900,
    "lists": [[]] * 2600,
    "numbers": list(range(1000, 2200)),
    "words": [f"{number:03x}" for number in range(1000)],
    "nothing": [],
    "text": "a" * 5000,
    "wide text": "a" * 4990 + "\U0001f600",
}


@pytest.mark.parametrize("shape", NESTED)
def test_estimate(shape: str) -> None:
    """What a token takes is at most what it is estimated at, and no small part of it."""
    one = guard(max_token_bytes=20000)
    name = "roles" if shape == "words" else "x"
    payload = json.dumps(claims(**{name: NESTED[shape]}), ensure_ascii=False).encode()
    octets_of = octets(payload)
    text = token(payload)
    by = one.credentials[0]
    one.authenticate([bearer(token())])
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        found = one.verify(Credential(text.encode(), by))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(found, Verified)
    # Its text is the test's.
    assert after - before <= octets_of
    # A list without members is nothing to CPython.
    assert octets_of < (40 if shape == "lists" else 8) * (after - before)


def test_memory_of_a_full_cache() -> None:
    """Tokens of many small objects take no more than the cache may take."""
    one = guard(cache_size=64)
    for number in range(40):
        one.authenticate([bearer(token(claims(jti=str(number), x=[{}] * 500)))])
    assert one._remembered is not None
    assert one._remembered._octets <= 64 * 8192
    assert 1 <= len(one._remembered) < 5


def test_after_fork() -> None:
    """A child begins anew if another thread may have been at work, and else goes on."""
    verified = VerifiedTokens(4)
    digest, entry = next(entries())
    verified.remember(digest, entry)
    _after_fork()
    assert look_up(verified, digest) is entry
    with verified._lock:
        verified.after_fork()
        assert not verified._lock.locked()
    assert look_up(verified, digest) is None
    assert (len(verified), verified._octets) == (0, 0)
