"""Issuers known at run time: bounded, cached, by exact name."""

import time
from typing import Any, cast

import jwt
import pytest

from jwt_guard import ConfigurationError, Guard, Issuer, Key
from jwt_guard import _issuers as tenants_module
from jwt_guard._issuers import Tenants
from jwt_guard.errors import InvalidToken, KeysUnavailable
from tests.keys.provider import AUDIENCE, running

SECRET = "x" * 32


def issuer(name: str) -> Issuer:
    return Issuer(name, audience="api", keys=Key.secret(SECRET, alg="HS256"))


def bearer(name: str) -> list[bytes]:
    claims = {"iss": name, "aud": "api", "exp": int(time.time()) + 60}
    return [b"Bearer " + jwt.encode(claims, SECRET, "HS256").encode()]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_guard() -> None:
    """A tenant that the function knows is served; it is asked for once."""
    asked: list[str] = []

    def find(name: str) -> Issuer | None:
        asked.append(name)
        return issuer(name) if name == "a" else None

    guard = Guard(issuer("static"), issuers=find)
    assert guard.authenticate(bearer("static")).issuer == "static"
    for _ in range(3):
        assert guard.authenticate(bearer("a")).issuer == "a"
        with pytest.raises(InvalidToken):
            guard.authenticate(bearer("b"))
    assert asked == ["a", "b"]
    assert guard.health() == []


def test_only_tenants() -> None:
    """A guard may have nothing but tenants; one without either is a mistake."""
    assert Guard(issuers=issuer).authenticate(bearer("x")).issuer == "x"
    with pytest.raises(ConfigurationError):
        Guard()


def test_taken_off() -> None:
    """A tenant taken off the list stops working within five minutes."""
    clock, known = Clock(), {"a"}
    tenants = Tenants(lambda name: issuer(name) if name in known else None, clock=clock)
    assert tenants.get("a") is not None
    known.clear()
    clock.now = 299
    assert tenants.get("a") is not None
    clock.now = 301
    assert tenants.get("a") is None
    known.add("a")
    assert tenants.get("a") is None
    clock.now = 602
    assert tenants.get("a") is not None


def test_keys_survive() -> None:
    """An issuer that is configured as before goes on with the keys it has fetched."""
    clock = Clock()
    with running() as provider:
        tenants = Tenants(lambda name: Issuer(name, audience=AUDIENCE), clock=clock)
        first = tenants.get(provider.issuer)
        clock.now = 301
        assert tenants.get(provider.issuer) is first


def test_another_name(caplog: pytest.LogCaptureFixture) -> None:
    """What is no issuer of the name asked for is not used, and that is logged."""
    assert Tenants(lambda _: issuer("b")).get("a") is None
    assert Tenants(lambda _: cast("Any", "a")).get("a") is None
    assert caplog.text.count("returned no issuer of the name") == 2


def test_failing() -> None:
    """A function that fails is a 503, with nothing of its text, and is asked again."""

    def find(name: str) -> Issuer | None:
        if not calls:
            calls.append(name)
            raise RuntimeError("password")
        return issuer(name)

    calls: list[str] = []
    guard = Guard(issuers=find)
    with pytest.raises(KeysUnavailable) as refused:
        guard.authenticate(bearer("a"))
    assert refused.value.hint == "issuers= raised RuntimeError"
    assert guard.authenticate(bearer("a")).issuer == "a"


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strangers' names push out neither tenants nor memory."""
    monkeypatch.setattr(tenants_module, "_MAX_KNOWN", 2)
    monkeypatch.setattr(tenants_module, "_MAX_UNKNOWN", 2)
    tenants = Tenants(lambda name: issuer(name) if name.startswith("t") else None)
    for name in ("t1", "x1", "x2", "x3", "t2", "t3"):
        tenants.get(name)
    assert [one.name for one in tenants.current()] == ["t2", "t3"]
    assert list(tenants._unknown) == ["x2", "x3"]
