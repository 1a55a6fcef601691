"""Issuers known at run time: bounded, cached, by exact name."""

import asyncio
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, cast

import jwt
import pytest

from jwt_guard import ConfigurationError, Guard, Issuer, Key
from jwt_guard import _issuers as issuers_module
from jwt_guard._issuers import Answer, Issuers, Trusted
from jwt_guard.errors import InvalidToken, KeysUnavailable
from jwt_guard.keys._fresh_keys import FreshKeys
from jwt_guard.observing import Event
from tests.keys.provider import AUDIENCE

SECRET = "x" * 32
KEY = Key.secret(SECRET, alg="HS256")


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


def test_tenants_share_few_fetches() -> None:
    """Keys of a tenant are those of a name that may be made up; of a configured issuer not."""
    name = "https://a.example"
    one, other = Issuer(name, audience=AUDIENCE), Issuer("https://b.example", audience=AUDIENCE)
    issuers = Issuers([other], lambda _: one, list[Event]().append)
    members = issuers.find(name)
    assert isinstance(members, Sequence)
    marks = [trusted.kept[0] for trusted in (*members, *issuers.known[other.name])]
    assert [cast("FreshKeys", keys)._fresh._found for keys in marks] == [True, False]


def test_only_tenants() -> None:
    """A guard may have nothing but tenants; one without either is a mistake."""
    assert Guard(issuers=issuer).authenticate(bearer("x")).issuer == "x"
    with pytest.raises(ConfigurationError):
        Guard()


def tenants(find: Callable[[str], Answer], clock: Callable[[], float] = time.monotonic) -> Issuers:
    return Issuers((), find, list[Event]().append, clock=clock)


def found(issuers: Issuers, name: str) -> Trusted | None:
    """Return the tenant of a name, as if a token of it had been verified, or None."""
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


def test_one_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many threads want to know a name at once, the app is asked once."""
    asked: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def find(name: str) -> Issuer | None:
        asked.append(name)
        begun.set()
        assert go_on.wait(5)
        return issuer(name)

    guard = Guard(issuers=find)
    answers: list[str] = []
    values = bearer("a")

    def request() -> None:
        answers.append(guard.authenticate(values).issuer)

    threads = [threading.Thread(target=request) for _ in range(50)]
    for thread in threads:
        thread.start()
    assert begun.wait(5)
    monkeypatch.setattr(issuers_module, "_MAX_CALLS", 1)
    with pytest.raises(KeysUnavailable) as crowded:
        guard.authenticate(bearer("b"))
    assert crowded.value.hint == "too many tenants are asked for at once"
    go_on.set()
    for thread in threads:
        thread.join()
    assert (asked, answers) == (["a"], ["a"] * 50)
    assert guard._issuers._calls == {}


def test_failure_is_shared() -> None:
    """Whoever waits for a question that fails is told so, and asks no second one."""
    asked: list[str] = []

    async def find(name: str) -> Issuer | None:
        asked.append(name)
        await asyncio.sleep(0.01)
        raise ConnectionError("password")

    guard = Guard(issuers=find)

    async def main() -> list[Any]:
        requests = (guard.authenticate_async(bearer("a")) for _ in range(20))
        return await asyncio.gather(*requests, return_exceptions=True)

    found = asyncio.run(main())
    assert [type(error) for error in found] == [KeysUnavailable] * 20
    assert asked == ["a"]


def test_nothing_of_the_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged by its type and place: its text may be the token's."""
    known: dict[str, Issuer] = {}
    guard = Guard(issuers=lambda name: known[name])
    with pytest.raises(KeysUnavailable):
        guard.authenticate(bearer("attacker\nINFO text"))
    (record,) = caplog.records
    assert record.getMessage().startswith("issuers= raised KeyError, test_issuers.py:")
    assert record.exc_info is None
    assert "attacker" not in caplog.text


def test_forged_names_push_nobody_out() -> None:
    """A thousand forged tokens that name real tenants cost a verified one nothing."""
    asked: list[str] = []

    def find(name: str) -> Issuer:
        asked.append(name)
        return issuer(name)

    guard = Guard(issuers=find)
    assert guard.authenticate(bearer("mine"))
    forged = jwt.encode({"iss": "x", "aud": "api", "exp": 1}, "y" * 32, "HS256")
    for number in range(1100):
        claims = {"iss": f"t{number}", "aud": "api", "exp": int(time.time()) + 60}
        forged = jwt.encode(claims, "y" * 32, "HS256")
        with pytest.raises(InvalidToken):
            guard.authenticate([b"Bearer " + forged.encode()])
    assert len(guard._issuers._new) == 32
    assert list(guard._issuers._tenants) == ["mine"]
    del asked[:]
    assert guard.authenticate(bearer("mine"))
    assert asked == []


def test_leaving() -> None:
    """A tenant that is taken off takes its remembered tokens along."""
    clock, audience = Clock(), ["api"]
    known: dict[str, Issuer] = {"a": issuer("a")}
    guard = Guard(issuers=known.get)
    guard._issuers._clock = clock
    value = bearer("a")
    for _ in range(2):
        assert guard.authenticate(value)
    assert guard.cache_counters.hits == 1
    clock.now = 301
    assert guard.authenticate(value)
    assert guard.authenticate(value)
    assert (guard.cache_counters.hits, audience) == (2, ["api"])
    known.clear()
    assert guard.authenticate(value)
    clock.now = 602
    with pytest.raises(InvalidToken, match="unknown_issuer"):
        guard.authenticate(value)
    known["a"] = Issuer("a", audience="other", keys=Key.secret(SECRET, alg="HS256"))
    clock.now = 903
    with pytest.raises(InvalidToken, match="wrong_audience"):
        guard.authenticate(value)


def test_replaced_before_it_was_placed() -> None:
    """What the app has replaced meanwhile takes no place, whenever its token is verified."""
    clock, audiences = Clock(), ["a"]
    issuers = tenants(lambda name: Issuer(name, audience=audiences[-1], keys=KEY), clock)
    (old,) = cast("Sequence[Trusted]", issuers.find("x"))
    audiences.append("b")
    clock.now = 301
    (new,) = cast("Sequence[Trusted]", issuers.find("x"))
    assert old.tenant is not None
    assert new.tenant is not None
    issuers.place(old.tenant)
    assert not issuers._tenants
    issuers.place(new.tenant)
    assert issuers._tenants == {"x": new.tenant}
    audiences.append("c")
    clock.now = 602
    (newest,) = cast("Sequence[Trusted]", issuers.find("x"))
    assert issuers._tenants == {"x": newest.tenant}


def in_child(run: Callable[[], bool]) -> int:
    """Return the exit code of a forked child that does *run*, or hangs for five seconds."""
    with warnings.catch_warnings():
        # From Python 3.12 on a fork of a process with threads is warned of.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:  # pragma: no cover  the child's coverage is nobody's
        signal.alarm(5)
        os._exit(0 if run() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_fork_while_locked() -> None:
    """A child that is forked while another thread holds a lock does not hang."""
    guard = Guard(issuer("known"), issuers=issuer)
    known, tenant, new = bearer("known"), bearer("a"), bearer("b")
    for value in (known, tenant):
        guard.authenticate(value)
    remembered = guard._remembered
    assert remembered is not None

    def serves() -> bool:  # pragma: no cover  in the child
        names = [guard.authenticate(value).issuer for value in (known, tenant, new)]
        return names == ["known", "a", "b"]

    def keeps() -> bool:  # pragma: no cover  in the child
        before = guard.cache_counters.hits
        return serves() and guard.cache_counters.hits == before + 2

    assert in_child(keeps) == 0
    with guard._issuers._lock, remembered._lock:
        assert in_child(serves) == 0
    assert guard.authenticate(tenant)


def test_after_fork() -> None:
    """A child begins anew if another thread may have been at work, and else goes on."""
    issuers = tenants(issuer)
    first = found(issuers, "a")
    issuers_module._after_fork()
    assert issuers.find("a") == (first,)
    with issuers._lock:
        issuers.after_fork()
        assert not issuers._lock.locked()
    assert not issuers._tenants
    assert found(issuers, "a") is not first


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
