"""Whatever the provider does, known keys answer, and fetches are counted."""

import gzip
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from jwt_guard import AuthError, Guard, Issuer
from jwt_guard import _fresh as fresh_module
from jwt_guard.errors import InvalidToken, KeysUnavailable, Reason
from jwt_guard.keys import Discovery, HttpFetcher, Jwks
from tests.keys import provider as faults
from tests.keys.certificates import tls_for
from tests.keys.provider import AUDIENCE, Fault, Provider, answering, running

FAULTS: dict[str, Fault] = {
    "hang": faults.hang,
    "reset": faults.reset,
    "status 500": answering(b"oops", 500),
    "slow header": faults.drip_header,
    "slow body": faults.drip_body,
    "huge body": faults.huge,
    "cut off": faults.cut,
    "HTML": answering(b"<!doctype html><p>Sign in</p>"),
    "truncated JSON": answering(b'{"keys": [{"kty":'),
    "a list": answering(b"[]"),
    "redirect": answering(b"", 302, Location="/elsewhere"),
    "no keys member": answering(b'{"issuer": "x"}'),
    "compressed": answering(gzip.compress(b"\0" * 5_000_000), Content_Encoding="gzip"),
    "compressed twice": answering(b"x", Content_Encoding="gzip, gzip"),
    "redirect elsewhere": answering(b"", 302, Location="https://elsewhere.example/jwks"),
    "PEM": answering(b"-----BEGIN PUBLIC KEY-----"),
}

# A well-formed answer without a usable key says that there is none.
EMPTY: dict[str, Fault] = {
    "empty set": answering(b'{"keys": []}'),
    "unknown types": answering(b'{"keys": [{"kty": "FUTURE", "kid": "1"}]}'),
    "for encryption": answering(b'{"keys": [{"kty": "RSA", "use": "enc", "kid": "1"}]}'),
    "only a bad key": answering(b'{"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}'),
    "only a bad certificate": answering(b'{"1": "-----BEGIN CERTIFICATE-----"}'),
    "only a secret": answering(b'{"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]}'),
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


def make_guard(provider: Provider, *, wait: float = 0.5, total: float = 0.4) -> Guard:
    fetcher = HttpFetcher(total_seconds=total, connect_seconds=total)
    keys = Jwks(f"{provider.issuer}/jwks", wait=wait, fetcher=fetcher)
    return Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=keys))


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@pytest.mark.parametrize("name", FAULTS)
def test_known_keys_go_on(provider: Provider, name: str) -> None:
    """A fault neither stops nor slows tokens of known keys, and is tried once."""
    guard = make_guard(provider)
    known = provider.token("1")
    guard.authenticate([known])
    usual = statistics.median(seconds(lambda: guard.authenticate([known])) for _ in range(50))
    provider.fault = FAULTS[name]
    stranger = provider.token("1", header_kid="stranger")
    with pytest.raises(KeysUnavailable) as refused:
        guard.authenticate([stranger])
    assert 1 <= refused.value.retry_after <= 60
    during = statistics.median(seconds(lambda: guard.authenticate([known])) for _ in range(50))
    assert during - usual < 0.001
    with pytest.raises(KeysUnavailable):
        guard.authenticate([stranger])
    assert provider.asked() == 2
    (state,) = guard.health()
    assert (state["ready"], state["failures"]) == (True, 1)


@pytest.mark.parametrize("name", FAULTS)
def test_cold_start(provider: Provider, name: str) -> None:
    """Without keys the answer is 503 in bounded time, and the next one at once."""
    provider.fault = FAULTS[name]
    guard = make_guard(provider)

    def refuse() -> None:
        with pytest.raises(KeysUnavailable):
            guard.authenticate([provider.token("1")])

    assert seconds(refuse) < 1.5
    assert seconds(refuse) < 0.1
    assert provider.asked() == 1
    assert guard.readiness().status == 503


@pytest.mark.parametrize("name", EMPTY)
def test_no_keys_any_more(provider: Provider, name: str) -> None:
    """Who withdraws all keys is understood: their tokens are 401, and there is no outage."""
    guard = make_guard(provider)
    known = provider.token("1")
    guard.authenticate([known])
    provider.fault = EMPTY[name]
    for token in (provider.token("1", header_kid="stranger"), known):
        with pytest.raises(InvalidToken) as refused:
            guard.authenticate([token])
        assert refused.value.reason is Reason.UNKNOWN_KEY
    (state,) = guard.health()
    assert (state["ready"], state["failures"], state["keys"]) == (True, 0, [])
    assert guard.readiness().status == 200


@pytest.mark.parametrize("name", EMPTY)
def test_no_keys_at_first(provider: Provider, name: str) -> None:
    """The same for an issuer that has none yet."""
    provider.fault = EMPTY[name]
    guard = make_guard(provider)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            guard.authenticate([provider.token("1")])
    assert provider.asked() == 1


def test_hanging_warm_up(provider: Provider) -> None:
    """Ten issuers that hang are waited for together, not one after another."""
    provider.fault = faults.hang
    keys = Discovery(wait=0.2, fetcher=HttpFetcher(total_seconds=0.5))
    names = [f"{provider.issuer}/{number}" for number in range(10)]
    guard = Guard(*(Issuer(name, audience=AUDIENCE, keys=keys) for name in names))

    def warm_up() -> None:
        with pytest.raises(KeysUnavailable):
            guard.warm_up()

    assert seconds(warm_up) < 1


def test_forged_kids_while_hanging(provider: Provider) -> None:
    """While a provider hangs, strangers wait once, and hold nobody up afterwards."""
    guard = make_guard(provider, wait=0.2, total=5)
    known, took = provider.token("1"), list[float]()
    guard.authenticate([known])
    provider.fault = faults.hang

    def forged(number: int) -> None:
        with pytest.raises(KeysUnavailable):
            guard.authenticate([provider.token("1", header_kid=f"forged {number}")])

    for number in range(30):
        took.append(seconds(partial(forged, number)))
        assert seconds(lambda: guard.authenticate([known])) < 0.1
    assert 0.15 < took[0] < 0.5
    assert sum(took[1:]) < 0.5
    assert provider.asked() == 2


def test_names_made_up(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 names that strangers made up begin 8 fetches, cost nobody a wait, and are 503."""
    monkeypatch.setattr(fresh_module, "_places", fresh_module._Places())
    provider.fault = faults.hang
    location = Discovery(wait=0, fetcher=HttpFetcher(total_seconds=0.3))
    names = [f"{provider.issuer}/{number}" for number in range(400)]
    opened = [location.open(name, lambda _: None, found=True) for name in names]
    before = threading.active_count()

    fetches = list[object]()
    for keys in opened:
        with suppress(KeysUnavailable):
            fetches.append(keys.find("ES256", "1"))
    assert len(fetches) == 8
    # Two threads a fetch, and one of the provider's for each connection.
    assert threading.active_count() - before <= 24
    # A configured issuer is not kept out meanwhile, though it has no keys yet.
    with running() as other:
        guard = make_guard(other)
        assert guard.authenticate([other.token("1")]).key_id == "1"
    assert len(provider.fetches) <= 16


def test_wrong_issuer(provider: Provider) -> None:
    """Metadata of another issuer bring no keys; a slash-only difference gets a hint."""
    provider.metadata["issuer"] = f"{provider.issuer}/"
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE))
    with pytest.raises(KeysUnavailable) as refused:
        guard.authenticate([provider.token("1")])
    assert "only by a trailing slash" in str(refused.value.hint)
    assert provider.fetches == ["/.well-known/openid-configuration"]


def assert_outage(guard: Guard, known: bytes, stranger: bytes) -> None:
    """A stranger's kid is 503; a known key answers in its usual time."""
    usual = statistics.median(seconds(lambda: guard.authenticate([known])) for _ in range(50))
    with pytest.raises(KeysUnavailable):
        guard.authenticate([stranger])
    during = statistics.median(seconds(lambda: guard.authenticate([known])) for _ in range(50))
    assert during - usual < 0.001


def test_issuer_turns_wrong(provider: Provider) -> None:
    """Metadata that become another issuer's bring nothing; known keys go on."""
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE))
    known, stranger = provider.token("1"), provider.token("1", header_kid="stranger")
    guard.authenticate([known])
    provider.fault = answering(b"", 500)
    assert_outage(guard, known, stranger)
    provider.fault = None
    provider.metadata["issuer"] = "https://elsewhere.example"
    time.sleep(1)
    assert_outage(guard, known, stranger)
    assert provider.fetches == [
        "/.well-known/openid-configuration",
        "/jwks",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
    ]
    (state,) = guard.health()
    assert "another issuer's" in str(state["last_error"])


def test_certificate_turns_bad(tmp_path: Path) -> None:
    """A provider whose certificate is no longer trusted is one that is down."""
    context, ca_file = tls_for("localhost", tmp_path)
    with running(context) as provider:
        keys = Discovery(fetcher=HttpFetcher(ca_file=ca_file))
        guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=keys))
        known, stranger = provider.token("1"), provider.token("1", header_kid="stranger")
        guard.authenticate([known])
        port = provider.port
    # Elsewhere, for an authority that is put in the place of the first one would count.
    (tmp_path / "other").mkdir()
    other, _ = tls_for("localhost", tmp_path / "other")
    with running(other, port) as impostor:
        assert_outage(guard, known, stranger)
        assert impostor.fetches == []
    (state,) = guard.health()
    assert "SSLCertVerificationError: " in str(state["last_error"])


def test_one_bad_key(provider: Provider) -> None:
    """A bad key among good ones is passed over; the good ones work."""
    provider.keys.insert(0, {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "weak"})
    guard = make_guard(provider)
    assert guard.authenticate([provider.token("1")]).key_id == "1"


def test_unreachable() -> None:
    """A provider that is not there is a 503, too."""
    with running() as provider:
        token = provider.token("1")
    guard = make_guard(provider)
    with pytest.raises(KeysUnavailable):
        guard.authenticate([token])


def test_random_kids_while_failing(provider: Provider) -> None:
    """10,000 random kids cost one fetch per back-off step, and known keys nothing."""
    guard, calm = make_guard(provider), make_guard(provider)
    known = provider.token("1")
    guard.authenticate([known])
    calm.authenticate([known])
    provider.fault = answering(b"", 500)
    fetches, start = provider.asked(), time.monotonic()
    # Taken in turns, so that a slow moment of the machine is in both.
    usual, during = list[float](), list[float]()
    for number in range(10_000):
        with pytest.raises(AuthError):
            guard.authenticate([provider.token("1", header_kid=f"random {number}")])
        if number % 10 == 0:
            usual.append(seconds(lambda: calm.authenticate([known])))
            during.append(seconds(lambda: guard.authenticate([known])))
    steps, elapsed = 0, time.monotonic() - start
    while sum(0.75 * 2**step for step in range(steps)) <= elapsed:
        steps += 1
    assert provider.asked() - fetches <= steps
    usual.sort()
    during.sort()
    assert during[int(len(during) * 0.99)] - usual[int(len(usual) * 0.99)] < 0.001


def test_random_kids_while_healthy(provider: Provider) -> None:
    """A flood of unknown kids costs two fetches in 30 s; whom nobody asked about is 503."""
    guard = make_guard(provider)
    guard.authenticate([provider.token("1")])
    for number in range(200):
        with pytest.raises(InvalidToken if number < 2 else KeysUnavailable):
            guard.authenticate([provider.token("1", header_kid=f"random {number}")])
    assert provider.asked() == 3
