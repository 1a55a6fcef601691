"""Where keys are: declared, checked, opened; addresses that move, files that change."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from jwt_guard import ConfigurationError, Key, KeySet
from jwt_guard.errors import InvalidToken, KeysUnavailable, Reason
from jwt_guard.keys import Discovery, Document, FetchError, HttpFetcher, Jwks, open_file
from jwt_guard.keys._fresh_keys import FreshKeys
from jwt_guard.keys._opened import _Remote
from jwt_guard.observing import Event
from tests.keys.provider import Handler, running

ISSUER = "https://login.example"
METADATA = f"{ISSUER}/.well-known/openid-configuration"
EC = ec.generate_private_key(ec.SECP256R1())


def jwks(*kids: str) -> bytes:
    public = jwt.get_algorithm_by_name("ES256").to_jwk(EC.public_key(), as_dict=True)
    return json.dumps({"keys": [public | {"kid": kid, "alg": "ES256"} for kid in kids]}).encode()


def metadata(uri: str, issuer: str = ISSUER) -> bytes:
    return json.dumps({"issuer": issuer, "jwks_uri": uri}).encode()


class Web:
    """Documents by address, with validators; what is not there is 404."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages, self.asked = pages, list[tuple[str, str | None]]()
        self.etag: str | None = None
        self.unchanged = False

    def fetch(self, url: str, etag: str | None) -> Document:
        self.asked.append((url, etag))
        if self.unchanged:
            return Document(None, self.etag, 300)
        if url not in self.pages:
            raise FetchError("answered with status 404", patience=7)
        return Document(self.pages[url], self.etag, 300)


def nobody(_event: Event) -> None:
    """Observe nothing."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(location: Discovery | Jwks, issuer: str = ISSUER) -> tuple[FreshKeys, Clock]:
    """Return the opened source, with its clocks in the test's hand."""
    keys, clock = location.open(issuer, nobody), Clock()
    hold(keys, clock)
    assert isinstance(keys._ask, _Remote)
    keys._ask._clock = clock
    return keys, clock


def hold(keys: FreshKeys, clock: Clock) -> None:
    offset = clock.now - time.monotonic()
    keys._clock = keys._fresh._clock = clock
    if (snapshot := keys._fresh._snapshot) is not None:
        value, life = snapshot.value, snapshot.lifetime
        keys._fresh._snapshot = keys._fresh._made(value, 0, life.fetched_at + offset)


def find(keys: FreshKeys, kid: str, alg: str = "ES256") -> str | None:
    found = keys.find(alg, kid)
    if not isinstance(found, tuple):
        found.wait()
        found = keys.find(alg, kid, waited=True)
    assert isinstance(found, tuple)
    (key,) = found
    return key.kid


def refused(keys: FreshKeys, kid: str, alg: str = "ES256") -> Reason:
    with pytest.raises(InvalidToken) as refusal:
        find(keys, kid, alg)
    return refusal.value.reason


def unavailable(keys: FreshKeys, kid: str, alg: str = "ES256") -> str:
    with pytest.raises(KeysUnavailable) as refusal:
        find(keys, kid, alg)
    return str(refusal.value.hint)


def settled(keys: FreshKeys, condition: Callable[[], bool] = lambda: True) -> None:
    for _ in range(2000):
        if not keys._fresh.busy and condition():
            return
        time.sleep(0.001)
    raise AssertionError("it did not happen")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"algorithms": ["HS256"]}, "HS256 needs a shared secret, which is never fetched"),
        ({"algorithms": ["XX"]}, "unknown algorithm"),
        ({"algorithms": []}, "algorithms is empty"),
        ({"algorithms": "ES256"}, "algorithms is a list"),
        ({"algorithms": 7}, "algorithms is a list"),
        ({"wait": -1}, "seconds, 0 or more"),
        ({"wait": True}, "seconds, 0 or more"),
        ({"wait": float("nan")}, "seconds, 0 or more"),
        ({"wait": float("inf")}, "seconds, 0 or more"),
        ({"max_stale": "5"}, "seconds, 0 or more"),
        ({"max_stale": 1e11}, "seconds, 0 or more"),
        ({"url": "http://login.example/x"}, "no URL to fetch keys from"),
        ({"url": "http://keycloak/x", "fetcher": HttpFetcher(allow_http=["other"])}, "no URL"),
        ({"url": 7}, "no URL"),
    ],
)
@pytest.mark.parametrize("location", [Discovery, Jwks])
def test_options(location: Any, options: dict[str, Any], words: str) -> None:
    """An option that is no such thing is said at construction."""
    with pytest.raises(ConfigurationError, match=words):
        location(**{"url": f"{ISSUER}/x"} | options)


def test_declarations() -> None:
    """Declarations compare by what they say; who fetches makes no difference, nor shows."""
    one = Jwks(f"{ISSUER}/k?key=TOPSECRET", algorithms=["ES256"], fetcher=HttpFetcher())
    assert one == Jwks(f"{ISSUER}/k?key=TOPSECRET", algorithms=("ES256",))
    assert hash(one) == hash(Jwks(f"{ISSUER}/k?key=TOPSECRET", algorithms=("ES256",)))
    assert one != Jwks(f"{ISSUER}/k", algorithms=["ES256"])
    assert "TOPSECRET" not in repr(one)
    assert Discovery() == Discovery(fetcher=HttpFetcher())
    assert Discovery() != Discovery(wait=1)
    assert (one.max_stale, one.wait) == (Discovery().max_stale, Discovery().wait) == (3600, 2)


def test_named_hosts() -> None:
    """A host that the fetcher names may be asked by http."""
    fetcher = HttpFetcher(allow_http=["keycloak"])
    Jwks("http://keycloak:8080/certs", fetcher=fetcher)
    Discovery("http://keycloak:8080/metadata", fetcher=fetcher)
    Discovery(fetcher=fetcher).check("http://keycloak:8080/realms/r")


def test_issuer_without_url() -> None:
    """An issuer whose name is no https URL is not discovered, unless it is said where."""
    with pytest.raises(ConfigurationError, match="no URL"):
        Discovery().check("billing")
    with pytest.raises(ConfigurationError, match="no URL"):
        Discovery().open("billing", nobody)
    Discovery(METADATA).check("billing")
    Jwks(f"{ISSUER}/k").check("billing")


def test_discovery() -> None:
    """The metadata lead to the keys; a second key costs no second look before it is needed."""
    web = Web({METADATA: metadata(f"{ISSUER}/k"), f"{ISSUER}/k": jwks("1", "2")})
    keys, _ = opened(Discovery(fetcher=web))
    assert web.asked == []
    assert (find(keys, "1"), find(keys, "2")) == ("1", "2")
    assert [url for url, _ in web.asked] == [METADATA, f"{ISSUER}/k"]


def test_discovery_elsewhere() -> None:
    """The metadata may be elsewhere than the name says, and must name the issuer all the same."""
    place = "https://inside.example/metadata?key=TOPSECRET"
    web = Web({place: metadata(f"{ISSUER}/k"), f"{ISSUER}/k": jwks("1")})
    keys, clock = opened(Discovery(place, fetcher=web))
    assert find(keys, "1") == "1"
    web.pages[place] = metadata(f"{ISSUER}/k", "https://other.example")
    clock.now += 601
    assert find(keys, "1") == "1"
    assert "another issuer's" in str(keys.health()["last_error"])
    assert "TOPSECRET" not in str(keys.health())


def test_moved() -> None:
    """Keys that moved are found by their new kid at once, and within ten minutes anyway."""
    web = Web({METADATA: metadata(f"{ISSUER}/old"), f"{ISSUER}/old": jwks("1")})
    keys, clock = opened(Discovery(fetcher=web))
    find(keys, "1")
    web.pages |= {METADATA: metadata(f"{ISSUER}/new"), f"{ISSUER}/new": jwks("2")}
    assert find(keys, "2") == "2"
    assert refused(keys, "1") is Reason.UNKNOWN_KEY
    web.pages |= {METADATA: metadata(f"{ISSUER}/newest"), f"{ISSUER}/newest": jwks("3")}
    for _ in range(2):
        clock.now += 250
        keys.current()
        settled(keys)
    assert find(keys, "2") == "2"
    clock.now += 250
    keys.current()
    settled(keys)
    assert find(keys, "3") == "3"
    assert refused(keys, "2") is Reason.UNKNOWN_KEY


def test_confirmed() -> None:
    """A set is confirmed by its validator, which goes with that set and that address."""
    web = Web({METADATA: metadata(f"{ISSUER}/k"), f"{ISSUER}/k": jwks("1")})
    web.etag = '"1"'
    keys, clock = opened(Jwks(f"{ISSUER}/k", fetcher=web))
    find(keys, "1")
    web.unchanged = True
    clock.now += 250
    keys.current()
    settled(keys, lambda: keys._fresh.age() == 0)
    assert web.asked == [(f"{ISSUER}/k", None), (f"{ISSUER}/k", '"1"')]
    assert find(keys, "1") == "1"


def test_first_question_confirmed() -> None:
    """A 304 to a question without validator is a failure, and the next one has none either."""
    web = Web({f"{ISSUER}/k": jwks("1")})
    web.etag, web.unchanged = '"1"', True
    keys, clock = opened(Jwks(f"{ISSUER}/k", fetcher=web))
    assert "304" in unavailable(keys, "1")
    web.unchanged = False
    clock.now += 1
    assert find(keys, "1") == "1"
    assert web.asked == [(f"{ISSUER}/k", None)] * 2


def test_forked_between() -> None:
    """A child that has a validator and no set asks without; so does one that failed."""
    web = Web({f"{ISSUER}/k": jwks("1")})
    web.etag = '"1"'
    keys, clock = opened(Jwks(f"{ISSUER}/k", fetcher=web))
    find(keys, "1")
    keys._fresh._snapshot = None
    assert find(keys, "1") == "1"
    page = web.pages.pop(f"{ISSUER}/k")
    clock.now += 250
    keys.current()
    settled(keys, lambda: keys._fresh.failing)
    web.pages[f"{ISSUER}/k"] = page
    clock.now += 7
    keys.current()
    settled(keys, lambda: not keys._fresh.failing)
    assert [etag for _, etag in web.asked] == [None, None, '"1"', None]


def test_patience_of_a_failure() -> None:
    """What a failing provider asks for is heeded, of the metadata and of the keys."""
    for web in (Web({}), Web({METADATA: metadata(f"{ISSUER}/k?key=TOPSECRET")})):
        keys, clock = opened(Discovery(fetcher=web))
        assert "TOPSECRET" not in unavailable(keys, "1")
        count = len(web.asked)
        clock.now += 6.9
        unavailable(keys, "1")
        assert len(web.asked) == count
        clock.now += 0.1
        unavailable(keys, "1")
        assert len(web.asked) > count


def test_algorithms() -> None:
    """Only keys of the configured algorithms are used; other tokens set off no fetch."""
    web = Web({f"{ISSUER}/k": jwks("1")})
    keys, _ = opened(Jwks(f"{ISSUER}/k", algorithms=["RS256"], fetcher=web))
    assert refused(keys, "1") is Reason.UNKNOWN_KEY
    assert web.asked == []
    assert refused(keys, "1", "RS256") is Reason.UNKNOWN_KEY
    keys, _ = opened(Jwks(f"{ISSUER}/k", fetcher=web))
    assert refused(keys, "1", "HS256") is Reason.UNKNOWN_KEY
    assert len(web.asked) == 1


def test_secrets_go_to_the_issuer() -> None:
    """Configured fields go to where the metadata are, and with an address of keys to that."""
    seen = list[tuple[str, bool]]()

    def fault(handler: Handler) -> None:
        seen.append((handler.path, handler.headers["X-Api-Key"] == "k"))
        port = handler.port
        if handler.path == "/jwks":
            handler.answer(jwks("1"))
        else:
            handler.answer(metadata(f"http://127.0.0.1:{port}/jwks", f"http://localhost:{port}"))

    with running() as provider:
        provider.fault = fault
        fetcher = HttpFetcher(headers={"X-Api-Key": "k"})
        keys = Discovery(fetcher=fetcher).open(provider.issuer, nobody)
        assert find(keys, "1") == "1"
        assert seen == [("/.well-known/openid-configuration", True), ("/jwks", False)]
        keys = Jwks(f"http://127.0.0.1:{provider.port}/jwks", fetcher=fetcher).open("x", nobody)
        assert find(keys, "1") == "1"
        assert seen[2:] == [("/jwks", True)]


def test_default_fetcher() -> None:
    """Without a fetcher of their own all sources share one."""
    one, other = (Jwks(f"{ISSUER}/{n}").open(ISSUER, nobody)._ask for n in "12")
    assert isinstance(one, _Remote)
    assert isinstance(other, _Remote)
    assert getattr(one._fetcher, "fetcher", 1) is getattr(other._fetcher, "fetcher", 2)


class KeyFile:
    """A file of keys, opened, with its clock in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jwks.json"
        self.path.write_bytes(jwks("1", "2"))
        self.keys = open_file(KeySet.load(self.path), ISSUER, nobody)
        self.clock = Clock()
        hold(self.keys, self.clock)

    def later(self, seconds: float) -> None:
        """Let time pass, and a refresh that is due by then."""
        self.clock.now += seconds
        self.keys.current()
        settled(self.keys)


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path)


def test_file(file: KeyFile) -> None:
    """A file is looked at again within 5 s of its load, and from then on."""
    assert (find(file.keys, "1"), find(file.keys, "2")) == ("1", "2")
    file.path.write_bytes(jwks("2"))
    file.later(3.4)
    assert find(file.keys, "1") == "1"
    file.later(1.5)
    assert refused(file.keys, "1") is Reason.UNKNOWN_KEY
    file.path.write_bytes(jwks("1", "2"))
    file.later(4.9)
    assert find(file.keys, "1") == "1"


def test_idle_file(file: KeyFile) -> None:
    """After a month without requests the file is read first."""
    file.path.write_bytes(jwks("2"))
    file.clock.now += 30 * 86_400
    assert refused(file.keys, "1") is Reason.UNKNOWN_KEY
    assert find(file.keys, "2") == "2"


def test_new_key_in_a_file(file: KeyFile) -> None:
    """A new key is there with its first token."""
    file.path.write_bytes(jwks("1", "3"))
    assert find(file.keys, "3") == "3"


@pytest.mark.parametrize("body", [b'{"keys": []}', b'{"keys": [{"kty": "FUTURE"}]}'])
def test_emptied_file(file: KeyFile, body: bytes) -> None:
    """A file without usable keys withdraws all, within 5 s."""
    file.path.write_bytes(body)
    file.later(5)
    assert refused(file.keys, "1") is Reason.UNKNOWN_KEY
    assert file.keys.health()["ready"] is True
    file.path.write_bytes(jwks("1"))
    file.later(5)
    assert find(file.keys, "1") == "1"


@pytest.mark.parametrize("broken", [None, b"{", b""])
def test_file_that_is_gone(file: KeyFile, broken: bytes | None) -> None:
    """Keys of a file that is gone or broken serve for an hour; asked for every few seconds."""
    if broken is None:
        file.path.unlink()
    else:
        file.path.write_bytes(broken)
    for _ in range(10):
        file.later(6)
        assert find(file.keys, "1") == "1"
    assert file.keys.health()["failures"] == 10
    file.clock.now += 3600
    assert "jwks.json" in unavailable(file.keys, "1")
    file.path.write_bytes(jwks("1"))
    file.clock.now += 5
    assert find(file.keys, "1") == "1"


def test_read_that_never_ends(file: KeyFile) -> None:
    """A pipe in the file's place has failed after a second; the keys serve on."""
    file.path.unlink()
    os.mkfifo(file.path)
    file.clock.now += 3.5
    file.keys.current()
    file.clock.now += 0.6
    assert find(file.keys, "1") == "1"
    file.clock.now += 0.5
    assert find(file.keys, "1") == "1"
    file.clock.now += 1
    assert find(file.keys, "1") == "1"
    assert "not ended after 1 s" in str(file.keys.health()["last_error"])
    # Whoever reads it goes on with what is written.
    with file.path.open("wb", buffering=0) as pipe:
        pipe.write(jwks("1"))


def test_not_from_a_file() -> None:
    """Keys that were not read from a file cannot be read again."""
    keys = KeySet(Key.secret("x" * 32, alg="HS256"))
    with pytest.raises(ConfigurationError, match=r"KeySet\.load"):
        open_file(keys, ISSUER, nobody)


def test_secrets_in_a_file(tmp_path: Path) -> None:
    """A file may hold secrets, and their algorithms count."""
    path = tmp_path / "secret.json"
    path.write_text(json.dumps({"kty": "oct", "k": "A" * 43, "alg": "HS256", "kid": "1"}))
    keys = open_file(KeySet.load(path, allow_symmetric=True), ISSUER, nobody)
    assert find(keys, "1", "HS256") == "1"
