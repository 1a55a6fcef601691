"""The guard and a certified provider: discovery, rotation, restart, outage."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from jwt_guard import Guard, Issuer
from jwt_guard.errors import InvalidToken, KeysUnavailable
from tests.interop.provider import AUDIENCE, install, running

# npm may be slow.
pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("npm"))


def make_guard(issuer: str) -> Guard:
    return Guard(Issuer(issuer, audience=AUDIENCE, profile="rfc9068"))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA", "Ed25519"])
def test_access_tokens(folder: Path, alg: str) -> None:
    """Its RFC 9068 access tokens are accepted, keys found by discovery."""
    with running(folder, alg) as provider:
        guard = make_guard(provider.issuer)
        guard.warm_up()
        identity = guard.authenticate([provider.token("messages:read messages:write")])
        assert identity.scopes == {"messages:read", "messages:write"}
        assert identity.client_id == "machine"
        assert guard.readiness().status == 200
        with pytest.raises(InvalidToken):
            Guard(Issuer(provider.issuer, audience="https://other.example")).authenticate(
                [provider.token()]
            )


def test_rotation_under_load(folder: Path) -> None:
    """Two rotations while requests flow: not one of them fails."""
    with running(folder, "ES256") as provider:
        guard = make_guard(provider.issuer)
        tokens, stop = [provider.token()], threading.Event()

        def load() -> int:
            served = 0
            while not stop.is_set():
                for token in tuple(tokens):
                    guard.authenticate([token])
                    served += 1
            return served

        with ThreadPoolExecutor(4) as threads:
            loads = [threads.submit(load) for _ in range(4)]
            for _ in range(2):
                time.sleep(0.5)
                provider.command("rotate")
                tokens.append(provider.token())
            time.sleep(0.5)
            stop.set()
        # A request that failed would raise here.
        assert sum(load.result() for load in loads) > 100


def test_withdrawn_key(folder: Path) -> None:
    """A key that the provider withdraws stops working at the next refresh."""
    with running(folder, "ES256") as provider:
        guard = make_guard(provider.issuer)
        old = provider.token()
        guard.authenticate([old])
        provider.command("rotate")
        provider.command("retire")
        guard.authenticate([provider.token()])
        with pytest.raises(InvalidToken):
            guard.authenticate([old])


def test_restart_and_outage(folder: Path) -> None:
    """Known keys outlive the provider; after its restart the new ones work."""
    with running(folder, "ES256") as provider:
        guard = make_guard(provider.issuer)
        old = provider.token()
        guard.authenticate([old])
        port, issuer = provider.port, provider.issuer
    assert guard.authenticate([old]).subject == "machine"
    with pytest.raises(KeysUnavailable):
        make_guard(issuer).authenticate([old])
    with running(folder, "ES256", port) as provider:
        token = provider.token()
        assert guard.authenticate([token]).subject == "machine"
        with pytest.raises(InvalidToken):
            guard.authenticate([old])
