"""The straight line's seams and its one exit: jwt_guard._line."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
import trio
import trio.lowlevel

from jwt_guard import Guard, Identity, Issuer, KeySet
from jwt_guard._core.request.credentials import Bearer, Credential
from jwt_guard._core.request.request import Request
from jwt_guard._verified import Basis, Verified
from jwt_guard._wait import Pause, Wait
from jwt_guard.errors import (
    AuthError,
    InvalidRequest,
    InvalidToken,
    KeysUnavailable,
    Reason,
    StoreUnavailable,
)
from tests.tokens import (
    AUDIENCE,
    EC256,
    ED25519,
    ISSUER,
    NOW,
    RSA,
    STRANGER,
    bearer,
    claims,
    guard,
    issuer,
    token,
)


def by_hand(one: Guard, compact: str) -> Identity:
    return one.authenticate([bearer(compact)])


def on_asyncio(one: Guard, compact: str) -> Identity:
    return asyncio.run(one.authenticate_async([bearer(compact)]))


def on_trio(one: Guard, compact: str) -> Identity:
    return trio.run(one.authenticate_async, [bearer(compact)])


Drive = Callable[[Guard, str], Identity]
DRIVES = (by_hand, on_asyncio, on_trio)


def refusal(drive: Drive, one: Guard, compact: str) -> AuthError:
    with pytest.raises(AuthError) as info:
        drive(one, compact)
    return info.value


def verified(one: Guard, credential: Credential) -> Verified:
    found = one.verify(credential)
    assert isinstance(found, Verified)
    return found


class Cookie:
    """A place of another kind."""

    def find(self, request: Request, max_token_bytes: int, /) -> Sequence[Credential]:
        raise AssertionError


# What it ends in


def test_verified() -> None:
    """The end of the line says who, for how long, and by what."""
    one = guard(issuer(max_age=60, leeway=5))
    found = verified(one, Credential(token(claims(nbf=NOW - 2)).encode(), one.credentials[0]))
    assert found.identity.subject == "joe"
    # The greatest age ends it before exp does.
    assert found.window == (NOW - 5, NOW + 65)
    basis = found.basis
    assert (basis.issuer, basis.key, basis.kid) == (ISSUER, EC256.key, EC256.key.kid)
    assert basis.source is not None
    assert basis.source.find("ES256", basis.kid) == (EC256.key,)
    assert one.now() == NOW


def test_recall() -> None:
    """Recalled is the value that verify has seen as a bearer token, and no other."""
    one, compact = guard(), token()
    assert one.recall([bearer(compact)]) is None
    found = verified(one, Credential(compact.encode(), one.credentials[0]))
    assert one.recall([bearer(compact)]) is found
    octets = compact.encode()
    for values in (
        [],
        [b"Bearer " + octets, b"Bearer " + octets],
        [b"bearer " + octets],
        [b"Bearer  " + octets],
        [b"Bearer " + octets + b" "],
        [b"DPoP " + octets],
        [octets],
        [b"Bearer " + octets[:-1]],
    ):
        assert one.recall(values) is None
    assert guard(cache_size=0).recall([bearer(compact)]) is None


def test_spellings_make_one_entry() -> None:
    """However the scheme is spelt, the token is remembered once."""
    one, compact = guard(), token().encode()
    for value in (b"Bearer ", b"bearer ", b"BEARER   "):
        one.authenticate([value + compact])
    assert (one.cache_counters.hits, one.cache_counters.misses) == (2, 1)
    assert one._remembered is not None
    assert len(one._remembered) == 1


def test_places_are_apart() -> None:
    """A token counts where it was: the same one in another place is another entry."""
    cookie = Cookie()
    one = guard(credentials=[Bearer(), cookie])
    compact = token().encode()
    first = verified(one, Credential(compact, cookie))
    assert one.recall([b"Bearer " + compact]) is None
    assert one.recall([compact]) is None
    assert verified(one, Credential(compact, cookie)) is first
    assert verified(one, Credential(compact, cookie, scheme="dpop")) is not first
    assert verified(one, Credential(compact, one.credentials[0], scheme="dpop")) is not first
    assert one.recall([b"Bearer " + compact]) is None
    assert verified(one, Credential(compact, one.credentials[0])) is one.recall(
        [b"Bearer " + compact]
    )


def test_unknown_place() -> None:
    """What comes from a place that the guard was not told of is verified each time."""
    one = guard(credentials=[Cookie()])
    assert one.credentials != (Bearer(),)
    for _ in range(2):
        assert one.authenticate([bearer(token())]).subject == "joe"
    assert (one.cache_counters.hits, one.cache_counters.misses) == (0, 2)


def test_bearer_finds() -> None:
    """By default a request brings its token in Authorization."""

    class Brought:
        method, paths, raw_path, query, handshake = "GET", ("/",), b"/", b"", False
        authorization = (b"Bearer abc",)

        def fields(self, _name: str, /) -> Sequence[bytes]:
            raise AssertionError

    (source,) = guard().credentials
    found = source.find(cast("Any", Brought()), 10)
    assert found == (Credential(b"abc", source),)
    assert "abc" not in repr(found)


def test_too_long() -> None:
    """Whatever place let it through, a token over the limit is not looked at."""
    one = guard(max_token_bytes=100)
    with pytest.raises(InvalidRequest, match="token_too_long"):
        one.verify(Credential(b"a" * 101, one.credentials[0]))


# Tokens that are bound to a key


@pytest.mark.parametrize(
    ("confirmation", "reason"),
    [
        ({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, Reason.UNPROVEN),
        ({"x5t#S256": "x"}, Reason.UNPROVEN),
        ({"anything": None}, Reason.UNPROVEN),
        ({}, Reason.MALFORMED_CLAIM),
        ("jkt", Reason.MALFORMED_CLAIM),
        ([], Reason.MALFORMED_CLAIM),
        (False, Reason.MALFORMED_CLAIM),
    ],
)
def test_bound(confirmation: Any, reason: Reason) -> None:
    """A bound token is no bearer token, at first and later on."""
    one = guard()
    for _ in range(2):
        assert refusal(by_hand, one, token(claims(cnf=confirmation))).reason is reason
    assert one.cache_counters.hits == 0


def test_not_bound() -> None:
    """A null counts as absent."""
    assert by_hand(guard(), token({**claims(), "cnf": None})).subject == "joe"


# Several issuers of one name


def test_several_of_a_name() -> None:
    """The first whose rules hold is it: an issuer's ID and access tokens, two clients."""
    access = issuer(claim_values={"token_use": ["access"]})
    other = issuer(audience="app-2", keys=[EC256.key], claim_values={"token_use": ["id"]})
    one = guard(access, other)
    (first, second) = one._issuers.known[ISSUER]
    assert first.source is second.source
    assert by_hand(one, token(claims(token_use="access")))
    assert by_hand(one, token(claims(token_use="id", aud="app-2")))
    for changes, reason in (
        ({"token_use": "access", "aud": "app-2"}, Reason.WRONG_VALUE),
        ({"token_use": "id"}, Reason.WRONG_VALUE),
        ({"token_use": "id", "aud": "app-3"}, Reason.WRONG_AUDIENCE),
        ({"token_use": "id", "aud": "app-2", "exp": NOW - 20}, Reason.EXPIRED),
    ):
        assert refusal(by_hand, one, token(claims(**changes))).reason is reason


def test_several_with_keys_of_their_own() -> None:
    """The refusal is that of the one that got furthest, whichever comes first."""
    for issuers in (
        (issuer(), issuer(audience="app-2", keys=RSA.key)),
        (issuer(audience="app-2", keys=RSA.key), issuer()),
    ):
        one = guard(*issuers)
        assert by_hand(one, token())
        assert by_hand(one, token(claims(aud="app-2"), RSA))
        late = refusal(by_hand, one, token(claims(exp=NOW - 20)))
        assert (late.reason, late.kid) == (Reason.EXPIRED, EC256.key.kid)
        assert refusal(by_hand, one, token(claims(aud="app-2"))).reason is Reason.WRONG_AUDIENCE
        assert refusal(by_hand, one, token(key=ED25519)).reason is Reason.UNKNOWN_KEY
        forged = token(key=STRANGER, headers={"kid": EC256.key.kid})
        assert refusal(by_hand, one, forged).reason is Reason.BAD_SIGNATURE


class Fetching:
    """Keys that have to be waited for, as often as the test says."""

    def __init__(self, then: AuthError | None = None) -> None:
        self.waits = 0
        self._then = then

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> Any:
        if not waited:
            return self
        if self._then is not None:
            raise self._then
        return (EC256.key,)

    def current(self) -> KeySet | None:
        raise AssertionError

    def wait(self) -> None:
        self.waits += 1

    async def wait_async(self) -> None:
        self.waits += 1


@pytest.mark.parametrize("drive", DRIVES)
def test_waiting_for_the_second(drive: Drive) -> None:
    """Each of several is waited for in its turn, and told whether it was."""
    one = guard(issuer(audience="app-1"), issuer(audience="app-2"), issuer(audience="app-3"))
    sources = [Fetching(), Fetching(), Fetching()]
    for trusted, source in zip(one._issuers.known[ISSUER], sources, strict=True):
        trusted.source, trusted.keys = source, None
    assert drive(one, token(claims(aud="app-2"))).subject == "joe"
    assert [source.waits for source in sources] == [1, 1, 0]


def test_who_cannot_tell() -> None:
    """While one of several cannot tell, the token is not blamed."""
    one = guard(issuer(), issuer(audience="app-2"))
    trusted = one._issuers.known[ISSUER][0]
    trusted.source, trusted.keys = Fetching(KeysUnavailable()), None
    assert refusal(by_hand, one, token(claims(aud="x"))).reason is Reason.NO_KEYS
    assert by_hand(one, token(claims(aud="app-2")))


# Lookups


class Asking:
    """A lookup that has to wait for its answer, and refuses one subject."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.waits = 0

    def check(self, verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        if waited is None:
            return self
        assert waited is self
        self.asked.append(verified.identity.subject)
        if verified.identity.subject == "eve":
            raise InvalidToken(Reason.REVOKED)
        return None

    def wait(self) -> None:
        self.waits += 1

    async def wait_async(self) -> None:
        await asyncio.sleep(0) if asyncio_runs() else await trio.lowlevel.checkpoint()
        self.waits += 1


def asyncio_runs() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("drive", DRIVES)
def test_lookup(drive: Drive) -> None:
    """A lookup is asked about each caller, remembered or not, after it was waited for."""
    first, second = Asking(), Asking()
    one = guard(lookups=[first, second])
    for _ in range(2):
        assert drive(one, token()).subject == "joe"
        error = refusal(drive, one, token(claims(sub="eve")))
        assert error.reason is Reason.REVOKED
        assert (error.issuer, error.kid) == (ISSUER, EC256.key.kid)
    assert first.asked == ["joe", "eve", "joe", "eve"]
    assert second.asked == ["joe", "joe"]
    assert (first.waits, second.waits) == (4, 2)


def test_lookup_on_a_hit() -> None:
    """A remembered caller pauses for a lookup, too."""
    compact = token()
    one = guard(lookups=[Asking()])
    by_hand(one, compact)
    found = one.recall([bearer(compact)])
    assert isinstance(found, Pause)
    assert found.finish().identity.subject == "joe"
    assert one.cache_counters.hits == 1


class Endless:
    """A lookup that never has enough."""

    def check(self, _verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        return Asking()


class Failing:
    """A lookup with a mistake in it."""

    def check(self, verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        raise KeyError(verified.identity.subject)


@pytest.mark.parametrize("drive", DRIVES)
def test_lookup_that_fails(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be looked up is 503, never a pass, a 500 or a hang."""
    error = refusal(drive, guard(lookups=[Failing()]), token())
    assert type(error) is StoreUnavailable
    assert error.hint == "a lookup raised KeyError"
    assert "joe" not in caplog.text
    error = refusal(drive, guard(lookups=[Endless()]), token())
    assert type(error) is StoreUnavailable


# Another verifier


class Introspection:
    """Opaque tokens, looked up in a dict after a wait."""

    def __init__(self, **known: Any) -> None:
        self._known = known

    def verify(self, credential: Credential, /) -> Verified | Pause[Verified]:
        return Pause(Asking(), lambda: self._answer(credential.token.decode()))

    def _answer(self, opaque: str) -> Verified:
        if opaque not in self._known:
            raise InvalidToken(Reason.BAD_SIGNATURE)
        identity = Identity("idp", frozenset(), frozenset(), self._known[opaque], None)
        return Verified(identity, (NOW - 10, NOW + 10), Basis("idp"))


@pytest.mark.parametrize("drive", DRIVES)
def test_opaque(drive: Drive) -> None:
    """Tokens that are no JWTs go to another verifier, and leave by the same exit."""
    other = Introspection(abc={"sub": "ann"}, eve={"sub": "eve"}, bound={"cnf": {"jkt": "x"}})
    one = guard(opaque=other, lookups=[Asking()])
    assert drive(one, "abc").subject == "ann"
    assert drive(one, token()).subject == "joe"
    assert refusal(drive, one, "abd").reason is Reason.BAD_SIGNATURE
    assert refusal(drive, one, "eve").reason is Reason.REVOKED
    assert refusal(drive, one, "bound").reason is Reason.UNPROVEN
    # What looks like a JWT never goes there, whatever is wrong with it.
    assert refusal(drive, one, "a.b.c").reason is Reason.MALFORMED_TOKEN
    assert one.cache_counters.hits == 0


@pytest.mark.parametrize("now", [NOW - 11, NOW + 10])
def test_opaque_out_of_time(now: float) -> None:
    """What another verifier says holds for as long as it says."""
    one = guard(opaque=Introspection(abc={}), clock=lambda: now)
    assert refusal(by_hand, one, "abc").reason is Reason.EXPIRED


class Broken:
    """A verifier with a mistake in it."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def verify(self, _credential: Credential, /) -> Any:
        return self._result()


def raising() -> Verified:
    raise RuntimeError("a token's text")


@pytest.mark.parametrize(
    "result", [raising, lambda: None, lambda: True, lambda: Pause(Asking(), raising)]
)
def test_opaque_that_fails(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A mistake in another verifier is 503, and lets nobody in."""
    error = refusal(by_hand, Guard(opaque=Broken(result)), "abc")
    assert type(error) is StoreUnavailable
    assert "a token's text" not in caplog.text


# The clock


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -float("inf"), None, "1", [], 10**400])
def test_clock_without_a_number(now: Any) -> None:
    """A clock that does not tell lets nobody in, remembered or not."""
    told: list[Any] = [NOW]
    one = guard(clock=lambda: told[-1])
    compact = token()
    assert by_hand(one, compact)
    told.append(now)
    assert refusal(by_hand, one, token(claims(jti="2"))).reason is Reason.STORE_UNAVAILABLE
    assert refusal(by_hand, one, compact).reason is Reason.STORE_UNAVAILABLE
    with pytest.raises(StoreUnavailable):
        one.now()


def test_patched_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever patches time.time, as freezegun does, moves the guard's clock."""
    one = Guard(issuer())
    monkeypatch.setattr(time, "time", lambda: NOW)
    assert one.now() == NOW
    assert by_hand(one, token())
    assert by_hand(one, token())
    monkeypatch.setattr(time, "time", lambda: NOW + 311)
    assert refusal(by_hand, one, token()).reason is Reason.EXPIRED
    assert one.now() == NOW + 311


# Tenants


@pytest.mark.parametrize("drive", DRIVES)
def test_async_tenants(drive: Drive) -> None:
    """issuers= may be async; on a thread, where nothing awaits, it has to answer at once."""

    async def find(name: str) -> Issuer | None:
        return issuer() if name == ISSUER else None

    one = Guard(issuers=find, clock=lambda: NOW)
    for _ in range(2):
        assert drive(one, token()).subject == "joe"
    assert refusal(drive, one, token(claims(iss="x"))).reason is Reason.UNKNOWN_ISSUER


def test_audience_of_tenants() -> None:
    """Several issuers of one name may be found at run time."""
    several = [issuer(), issuer(audience="app-2")]
    one = Guard(issuers=lambda _: several, clock=lambda: NOW)
    assert by_hand(one, token())
    assert by_hand(one, token(claims(aud="app-2")))
    assert refusal(by_hand, one, token(claims(aud=[AUDIENCE[:-1]]))).reason is Reason.WRONG_AUDIENCE
