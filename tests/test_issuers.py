"""Issuers known at run time: bounded, cached, by exact name."""

import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import jwt
import pytest

from jwt_guard import ConfigurationError, Guard, Issuer, Key
from jwt_guard import _issuers as issuers_module
from jwt_guard._issuers import Answer, Issuers, Trusted
from jwt_guard.errors import InvalidToken, KeysUnavailable
from tests.keys.provider import AUDIENCE

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


def ignore(_event: object) -> None:
    pass


def tenants(find: Callable[[str], Answer], clock: Callable[[], float] = time.monotonic) -> Issuers:
    return Issuers((), find, ignore, clock=clock)


def found(issuers: Issuers, name: str) -> Trusted | None:
    """Return the tenant of a name, as if a token of it had been verified."""
    members = issuers.find(name)
    assert isinstance(members, Sequence)
    if not members:
        return None
    (trusted,) = members
    assert trusted.tenant is not None
    issuers.place(trusted.tenant)
    return trusted


def test_taken_off() -> None:
    """A tenant taken off the list stops working within five minutes."""
    clock, known = Clock(), {"a"}
    issuers = tenants(lambda name: issuer(name) if name in known else None, clock)
    first = found(issuers, "a")
    assert first is not None
    assert first.current is not None
    known.clear()
    clock.now = 299
    assert found(issuers, "a") is first
    assert first.current() is not None
    clock.now = 301
    assert first.current() is None
    assert found(issuers, "a") is None
    assert first.current() is None
    known.add("a")
    assert found(issuers, "a") is None
    clock.now = 602
    assert found(issuers, "a") is not None


def test_keys_survive() -> None:
    """A tenant that is configured as before goes on with the keys it has fetched."""
    clock = Clock()
    issuers = tenants(lambda name: Issuer(name, audience=AUDIENCE), clock)
    first = found(issuers, "https://a.example")
    clock.now = 301
    again = found(issuers, "https://a.example")
    assert again is first


def test_other_rules_same_keys() -> None:
    """A tenant whose rules changed goes on with its keys, and not with its old rules."""
    clock, audiences = Clock(), ["a"]
    issuers = tenants(lambda name: Issuer(name, audience=audiences[-1]), clock)
    first = found(issuers, "https://a.example")
    clock.now = 301
    audiences.append("b")
    second = found(issuers, "https://a.example")
    assert first is not None
    assert second is not None
    assert second is not first
    assert second.source is first.source
    assert second.rules.audience == frozenset({"b"})
    assert first.tenant is not None
    issuers.place(first.tenant)
    assert issuers.find("https://a.example") == (second,)


def test_another_name(caplog: pytest.LogCaptureFixture) -> None:
    """What is no issuer of the name asked for is not used, and that is logged."""
    assert tenants(lambda _: issuer("b")).find("a") == ()
    assert tenants(lambda _: cast("Any", "a")).find("a") == ()
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
    monkeypatch.setattr(issuers_module, "_MAX_TENANTS", 2)
    monkeypatch.setattr(issuers_module, "_MAX_UNKNOWN", 2)
    monkeypatch.setattr(issuers_module, "_MAX_NEW", 2)
    issuers = tenants(lambda name: issuer(name) if name.startswith("t") else None)
    placed = {name: found(issuers, name) for name in ("t1", "t2")}
    for name in ("x1", "x2", "x3", "t3", "t4", "t5"):
        issuers.find(name)
    assert list(issuers._tenants) == ["t1", "t2"]
    assert list(issuers._new) == ["t4", "t5"]
    assert list(issuers._unknown) == ["x2", "x3"]
    found(issuers, "t5")
    assert list(issuers._tenants) == ["t2", "t5"]
    assert list(issuers._new) == ["t4"]
    gone = placed["t1"]
    assert gone is not None
    assert gone.current is not None
    assert gone.current() is None


def test_no_issuer_named() -> None:
    """A token that names no issuer is of the one that says so; of two, nobody could tell."""
    key = Key.secret(SECRET, alg="HS256")
    nameless = [Issuer(name, audience="api", keys=key, names_issuer=False) for name in "ab"]
    claims = {"aud": "api", "sub": "joe", "exp": int(time.time()) + 60}
    unnamed = [b"Bearer " + jwt.encode(claims, SECRET, "HS256").encode()]
    guard = Guard(nameless[0], issuer("c"))
    for _ in range(2):
        assert guard.authenticate(unnamed).issuer == "a"
    assert guard.authenticate(bearer("c")).issuer == "c"
    for one, authorization in ((guard, bearer("a")), (Guard(issuer("c")), unnamed)):
        with pytest.raises(InvalidToken, match="unknown_issuer"):
            one.authenticate(authorization)
    with pytest.raises(ConfigurationError, match="of one issuer alone, not of a and b"):
        Guard(*nameless)
