"""Rotation, withdrawal, single flight: against a real provider."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import trio

from jwt_guard import Guard, Issuer, Key, KeySet
from jwt_guard.errors import InvalidToken, KeysUnavailable, Reason
from jwt_guard.keys import Discovery
from tests.keys import provider as faults
from tests.keys.provider import AUDIENCE, Provider, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.fixture
def guard(provider: Provider) -> Guard:
    return Guard(Issuer(provider.issuer, audience=AUDIENCE))


def test_discovery(provider: Provider, guard: Guard) -> None:
    """Keys are found by discovery, once, and only when a token needs them."""
    assert provider.fetches == []
    assert guard.authenticate([provider.token("1")]).issuer == provider.issuer
    assert guard.authenticate([provider.token("1")]).key_id == "1"
    assert provider.fetches == ["/.well-known/openid-configuration", "/jwks"]


def test_unknown_issuer(provider: Provider, guard: Guard) -> None:
    """Nothing is fetched for an issuer that is not configured."""
    with pytest.raises(InvalidToken):
        guard.authenticate([provider.token("1", iss="https://elsewhere.example")])
    assert provider.fetches == []


def test_rotation(provider: Provider, guard: Guard) -> None:
    """A token of a key published a moment ago works at once, at the cost of one fetch."""
    guard.authenticate([provider.token("1")])
    provider.add_key("2")
    assert guard.authenticate([provider.token("2")]).key_id == "2"
    assert guard.authenticate([provider.token("1")]).key_id == "1"
    assert provider.asked() == 2


def without_kid(key: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in key.items() if name != "kid"}


def test_rotation_without_kids(provider: Provider, guard: Guard) -> None:
    """The same where keys have no kid; forged tokens cost few fetches, and are 401."""
    provider.keys = [without_kid(provider.keys[0])]
    guard.authenticate([provider.token("1")])
    provider.add_key("2")
    provider.keys = [without_kid(provider.keys[1])]
    assert guard.authenticate([provider.token("2")]).subject == "joe"
    assert provider.asked() == 2
    for number in range(100):
        with pytest.raises(InvalidToken) as refused:
            guard.authenticate([provider.token("1", header_kid=f"forged {number}")])
        assert refused.value.reason is Reason.BAD_SIGNATURE
        assert guard.authenticate([provider.token("2")]).subject == "joe"
    assert provider.asked() == 3


def test_forged_beside_a_named_key(provider: Provider) -> None:
    """A signature that a named key has not made sets off no fetch, wherever the key is from."""
    secret = Key.secret("x" * 32, alg="HS256", kid="s")
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=[Discovery(), secret]))
    guard.authenticate([provider.token("1")])
    provider.add_key("2")
    for forged in (
        provider.token("2", header_kid="1"),
        b"Bearer " + jwt.encode({"iss": provider.issuer}, "y" * 32, "HS256", {"kid": "s"}).encode(),
    ):
        with pytest.raises(InvalidToken) as refused:
            guard.authenticate([forged])
        assert refused.value.reason is Reason.BAD_SIGNATURE
    assert provider.asked() == 1


def test_withdrawn(provider: Provider, guard: Guard) -> None:
    """A key that is withdrawn stops working with the next set, for the same token too."""
    old = provider.token("1")
    guard.authenticate([old])
    provider.add_key("2")
    provider.remove_key("1")
    guard.authenticate([provider.token("2")])
    with pytest.raises(InvalidToken):
        guard.authenticate([old])


def test_fifty_threads(provider: Provider, guard: Guard) -> None:
    """Fifty threads at a cold start make one fetch."""
    barrier, results = threading.Barrier(50), list[str | None]()
    token = provider.token("1")

    def ask() -> None:
        barrier.wait()
        results.append(guard.authenticate([token]).subject)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["joe"] * 50
    assert provider.asked() == 1


def test_two_hundred_tasks(provider: Provider, guard: Guard) -> None:
    """Two hundred tasks on an asyncio loop make one fetch, and do not block the loop."""
    token = provider.token("1")
    provider.fault = delayed(provider)

    async def main() -> list[str | None]:
        ticks = asyncio.create_task(tick())
        identities = await asyncio.gather(*(guard.authenticate_async([token]) for _ in range(200)))
        ticks.cancel()
        # The two documents take 0.4 s; a loop that is blocked would show it.
        assert max(gaps) < 0.3
        return [identity.subject for identity in identities]

    gaps: list[float] = []

    async def tick() -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - start - 0.005)

    assert asyncio.run(main()) == ["joe"] * 200
    assert provider.asked() == 1


def delayed(provider: Provider) -> faults.Fault:
    def fault(handler: faults.Handler) -> None:
        time.sleep(0.2)
        body = provider.metadata if handler.path != "/jwks" else {"keys": provider.keys}
        handler.answer(json.dumps(body).encode())

    return fault


def test_trio(provider: Provider, guard: Guard) -> None:
    """On trio, too, many tasks make one fetch."""
    token = provider.token("1")

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(guard.authenticate_async, [token])

    trio.run(main)
    assert provider.asked() == 1


@pytest.mark.parametrize("runner", ["asyncio", "trio"])
def test_wait_is_bounded(provider: Provider, runner: str) -> None:
    """A request waits for a fetch no longer than configured, then answers 503."""
    provider.fault = faults.hang
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=Discovery(wait=0.2)))
    token = provider.token("1")

    async def main() -> float:
        start = time.perf_counter()
        with pytest.raises(KeysUnavailable):
            await guard.authenticate_async([token])
        return time.perf_counter() - start

    took = asyncio.run(main()) if runner == "asyncio" else trio.run(main)
    assert 0.19 < took < 1


def test_key_file(tmp_path: Path, provider: Provider) -> None:
    """A key file is read again when it has changed, and a broken one changes nothing yet."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": provider.keys}))
    issuer = Issuer(provider.issuer, audience=AUDIENCE, keys=KeySet.load(path))
    guard = Guard(issuer)
    assert guard.authenticate([provider.token("1")]).key_id == "1"
    (state,) = json.loads(json.dumps(guard.health(), allow_nan=False))
    assert (state["ready"], state["next_try_in"]) == (True, None)
    assert 0 < state["fresh_for"] <= 5
    assert 3600 < state["usable_for"] <= 3605
    provider.add_key("2")
    path.write_text(json.dumps({"keys": provider.keys}))
    assert guard.authenticate([provider.token("2")]).key_id == "2"
    path.write_text("{")
    with pytest.raises(KeysUnavailable) as refused:
        guard.authenticate([provider.token("1", header_kid="3")])
    assert "jwks.json" in str(refused.value.hint)
    assert guard.authenticate([provider.token("1")]).key_id == "1"
    assert provider.fetches == []
