"""One document: TLS, limits, headers, proxies; against real sockets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from jwt_guard.keys.fetching import FetchError, HttpFetcher, check_url

from jwt_guard import ConfigurationError, Guard, Issuer
from jwt_guard.errors import KeysUnavailable
from jwt_guard.keys import Discovery, Jwks
from tests.keys.certificates import tls_for
from tests.keys.provider import AUDIENCE, Handler, Provider, answering, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.mark.parametrize(
    "url", ["https://login.example/", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost/"]
)
def test_good_urls(url: str) -> None:
    """Keys come by https, and by http from this machine alone."""
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/",
        "http://localhost.example/",
        "ftp://localhost/",
        "https://user:secret@login.example/",
        "https://",
        "https://login.example/#x",
        "billing",
        "",
        None,
    ],
)
def test_bad_urls(url: object) -> None:
    """Any other URL is the operator's mistake, and said."""
    with pytest.raises(ConfigurationError, match="https://"):
        check_url(url)


def test_tls(tmp_path: Path) -> None:
    """A private authority is trusted where it is named, and nowhere else."""
    context, ca_file = tls_for("localhost", tmp_path)
    with running(context) as provider:
        trusting = HttpFetcher(ca_file=ca_file)
        guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=Discovery(fetcher=trusting)))
        assert guard.authenticate([provider.token("1")]).subject == "joe"
        with pytest.raises(FetchError, match="SSL"):
            HttpFetcher().fetch(f"{provider.issuer}/jwks", None)


def test_wrong_host(tmp_path: Path) -> None:
    """A certificate of another host is a failure."""
    context, ca_file = tls_for("elsewhere.example", tmp_path)
    with running(context) as provider, pytest.raises(FetchError, match="SSL"):
        HttpFetcher(ca_file=ca_file).fetch(f"{provider.issuer}/jwks", None)


def test_unreadable_authority() -> None:
    """A file of authorities that is not there is said at construction."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        HttpFetcher(ca_file="nowhere.pem")


def test_headers(provider: Provider) -> None:
    """The fetcher names itself, and sends the configured fields."""
    seen: list[str | None] = []

    def fault(handler: Handler) -> None:
        seen.extend([handler.headers["User-Agent"], handler.headers["X-Api-Key"]])
        handler.answer(b"{}")

    provider.fault = fault
    HttpFetcher(headers={"X-Api-Key": "k"}).fetch(f"{provider.issuer}/x", None)
    assert seen == ["jwt-guard", "k"]


def test_proxy(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment is used, unless NO_PROXY names the host."""
    monkeypatch.setenv("http_proxy", provider.issuer)
    with running() as other:
        fetcher = HttpFetcher()
        with pytest.raises(FetchError, match="404"):
            fetcher.fetch(f"http://127.0.0.1:{other.port}/jwks", None)
        assert provider.fetches == [f"http://127.0.0.1:{other.port}/jwks"]
        assert other.fetches == []
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        fetcher.fetch(f"http://127.0.0.1:{other.port}/jwks", None)
        assert other.fetches == ["/jwks"]


def test_etag(provider: Provider) -> None:
    """A set that has not changed is confirmed, not sent again."""
    url = f"{provider.issuer}/jwks"
    first = HttpFetcher().fetch(url, None)
    assert first.body is not None
    assert HttpFetcher().fetch(url, first.etag).body is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("max-age=120", 120),
        ("public, MAX-AGE=7", 7),
        ('max-age="9"', 9),
        ("no-store", 0),
        ("no-cache, max-age=60", 0),
        ("max-age=" + "9" * 100, 9_999_999_999),
        ("max-age=-1", None),
        ("max-age=٣", None),
        ("public", None),
        ("", None),
    ],
)
def test_cache_control(provider: Provider, value: str, seconds: float | None) -> None:
    """max-age gives the lifetime; what is malformed gives none."""
    value = value.encode().decode("latin-1")
    provider.fault = answering(b"{}", Cache_Control=value)
    assert HttpFetcher().fetch(f"{provider.issuer}/x", None).max_age == seconds


def test_size(provider: Provider) -> None:
    """A body of exactly the limit is read, one octet more is not."""
    url = f"{provider.issuer}/x"
    provider.fault = answering(b"x" * 100)
    assert HttpFetcher(max_bytes=100).fetch(url, None).body == b"x" * 100
    with pytest.raises(FetchError, match="99 bytes"):
        HttpFetcher(max_bytes=99).fetch(url, None)


def test_first_answer_not_modified(provider: Provider) -> None:
    """A 304 to a question without validator brings no keys."""
    provider.fault = answering(b"", 304)
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=Jwks(f"{provider.issuer}/jwks")))
    with pytest.raises(KeysUnavailable, match="no_keys") as refused:
        guard.authenticate([provider.token("1")])
    assert "304" in str(refused.value.hint)
