"""One document: TLS, limits, headers, proxies; against real sockets."""

import gzip
import io
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from pathlib import Path

import pytest
import urllib3

from jwt_guard import ConfigurationError, Guard, Issuer
from jwt_guard._fresh import FetchError
from jwt_guard.errors import KeysUnavailable
from jwt_guard.keys import Discovery, HttpFetcher, Jwks, _exchange
from jwt_guard.keys._urls import check_url, origin, shown
from tests.keys import provider as faults
from tests.keys.certificates import tls_for
from tests.keys.provider import AUDIENCE, Fault, Handler, Provider, answering, running


@pytest.fixture
def provider() -> Iterator[Provider]:
    with running() as one:
        yield one


@pytest.mark.parametrize(
    "url", ["https://login.example/", "http://127.0.0.1:1/x", "http://[::1]/x", "http://localhost/"]
)
def test_good_urls(url: str) -> None:
    """Keys come by https, and by http from this machine alone."""
    assert check_url(url).geturl() == url


def test_http_hosts() -> None:
    """A host that is named may be asked by http, and no other."""
    url = "http://keycloak:8080/realms/r"
    assert check_url(url, allow_http=["keycloak"]).port == 8080
    for other in ("http://keycloak.example/", "ftp://keycloak/"):
        with pytest.raises(ConfigurationError):
            check_url(other, allow_http=["keycloak"])
    with pytest.raises(ConfigurationError):
        check_url("http://localhost/", loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://login.example/",
        "http://localhost.example/",
        "ftp://localhost/",
        "https://user:secret@login.example/",
        "https://",
        "https://login.example/#x",
        "https://login.example:99999/",
        "https://login.example:0/",
        "https://[::1/",
        "https://login.example/\r\nX: y",
        "https://login.example/a b",
        "http://login.example/?key=secret",
        "billing",
        "",
        None,
    ],
)
def test_bad_urls(url: object) -> None:
    """Any other URL is the operator's mistake, and said, without what may be secret."""
    with pytest.raises(ConfigurationError, match="https://") as wrong:
        check_url(url)
    assert "secret" not in str(wrong.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://a.example:8/k", "https://a.example:8/k"),
        ("https://a.example/k?api_key=TOPSECRET", "https://a.example/k?…"),
        ("https://joe:TOPSECRET@a.example/k", "https://a.example/k"),
        ("https://joe@TOPSECRET@a.example", "https://a.example"),
        ("acme", "acme"),
    ],
)
def test_shown(url: str, text: str) -> None:
    """User, password and query are not shown."""
    assert shown(url) == text


def test_origin() -> None:
    """Scheme, host and port make an origin; the port may be left out."""
    assert origin("https://a.example/x") == origin("https://A.example:443/y")
    assert origin("https://a.example") != origin("http://a.example")
    assert origin("https://a.example") != origin("https://a.example:8443")


def test_tls(tmp_path: Path) -> None:
    """A private authority is trusted where it is named, and nowhere else."""
    context, ca_file = tls_for("localhost", tmp_path)
    with running(context) as provider:
        trusting = Discovery(fetcher=HttpFetcher(ca_file=ca_file))
        guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=trusting))
        assert guard.authenticate([provider.token("1")]).subject == "joe"
        with pytest.raises(FetchError, match=r"SSLCertVerificationError: .*certificate"):
            HttpFetcher().fetch(f"{provider.issuer}/jwks", None)


def test_authority_replaced(tmp_path: Path) -> None:
    """An authority that is put in the place of another one counts from the next fetch on."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    _, old = tls_for("localhost", first)
    context, new = tls_for("localhost", second)
    fetcher = HttpFetcher(ca_file=old)
    with running(context) as provider:
        with pytest.raises(FetchError, match="SSLCertVerificationError"):
            fetcher.fetch(f"{provider.issuer}/jwks", None)
        Path(new).replace(old)
        assert fetcher.fetch(f"{provider.issuer}/jwks", None).body
        Path(old).unlink()
        with pytest.raises(FetchError, match="cannot be used: FileNotFoundError"):
            fetcher.fetch(f"{provider.issuer}/jwks", None)


def test_wrong_host(tmp_path: Path) -> None:
    """A certificate of another host is a failure."""
    context, ca_file = tls_for("elsewhere.example", tmp_path)
    with running(context) as provider, pytest.raises(FetchError, match="Hostname mismatch"):
        HttpFetcher(ca_file=ca_file).fetch(f"{provider.issuer}/jwks", None)


def test_no_tls(provider: Provider) -> None:
    """A port that speaks no TLS is said to be one."""
    with pytest.raises(FetchError, match="SSLError: "):
        HttpFetcher().fetch(f"https://localhost:{provider.port}/jwks", None)


def test_unreadable_authority(tmp_path: Path) -> None:
    """A file of authorities that is not there, or none, is said at construction."""
    with pytest.raises(ConfigurationError, match=r"nowhere\.pem"):
        HttpFetcher(ca_file="nowhere.pem")
    path = tmp_path / "ca.pem"
    path.write_text("hello")
    with pytest.raises(ConfigurationError, match="no certificate"):
        HttpFetcher(ca_file=str(path))
    path.write_text("-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(FetchError, match="cannot be used"):
        HttpFetcher(ca_file=str(path)).fetch("https://localhost:1/", None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"allow_http": "keycloak"}, "list of hosts"),
        ({"allow_http": ["http://keycloak"]}, "list of hosts"),
        ({"allow_http": ["Keycloak"]}, "list of hosts"),
        ({"headers": "X: y"}, "mapping"),
    ],
)
def test_options(options: dict[str, object], words: str) -> None:
    """An option that is no such thing is said at construction."""
    with pytest.raises(ConfigurationError, match=words):
        HttpFetcher(**options)  # type: ignore[arg-type]  # wrong on purpose


def test_lazy() -> None:
    """A fetcher costs nothing before it fetches: neither TLS nor what speaks it is loaded."""
    program = (
        "import sys, jwt_guard.keys; jwt_guard.keys.HttpFetcher(); "
        "sys.exit(', '.join({'urllib3', 'jwt_guard.keys._exchange'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_one_tls_context() -> None:
    """A process has one TLS context of the system's authorities, and a fork its own."""
    tls = _exchange._tls(None, os.getpid())
    assert _exchange._tls(None, os.getpid()) is tls
    assert _exchange._tls(None, os.getpid() + 1) is not tls
    assert tls.verify_mode is ssl.CERT_REQUIRED


def test_headers(provider: Provider) -> None:
    """The fetcher names itself, and sends the configured fields."""
    seen: list[str | None] = []

    def fault(handler: Handler) -> None:
        seen.extend([handler.headers["User-Agent"], handler.headers["X-Api-Key"]])
        handler.answer(b"{}")

    provider.fault = fault
    HttpFetcher(headers={"X-Api-Key": "k"}).fetch(f"{provider.issuer}/x", None)
    assert seen == ["jwt-guard", "k"]


class Fields:
    """A fault that remembers the fields that came."""

    def __init__(self) -> None:
        self.seen: list[Mapping[str, str]] = []

    def __call__(self, handler: Handler) -> None:
        self.seen.append(dict(handler.headers.items()))
        handler.answer(b"{}")


def test_fields_of_each_fetch(provider: Provider, tmp_path: Path) -> None:
    """A function is asked for the fields, and a token file read, for each fetch."""
    fields = provider.fault = Fields()
    numbers = iter("123")
    path = tmp_path / "token"
    fetcher = HttpFetcher(headers=lambda: {"X-Number": next(numbers)}, token_file=str(path))
    for text in ("first\n", "second"):
        path.write_text(text)
        fetcher.fetch(f"{provider.issuer}/x", None)
    assert [(one["X-Number"], one["Authorization"]) for one in fields.seen] == [
        ("1", "Bearer first"),
        ("2", "Bearer second"),
    ]
    assert all(one["Accept-Encoding"] == "identity" for one in fields.seen)
    path.unlink()
    with pytest.raises(FetchError, match="cannot read the token file"):
        fetcher.fetch(f"{provider.issuer}/x", None)


def test_fields_that_fail(provider: Provider) -> None:
    """A function that raises, or returns what is no field, is a failure without its text."""

    def broken() -> Mapping[str, str]:
        raise LookupError("TOPSECRET")

    for headers in (broken, lambda: {"X": "TOP\nSECRET"}):
        with pytest.raises(FetchError) as failed:
            HttpFetcher(headers=headers).fetch(f"{provider.issuer}/x", None)
        assert "SECRET" not in str(failed.value)
    assert provider.fetches == []


def test_secrets_stay(provider: Provider) -> None:
    """Configured fields go to the origin they are meant for, and to no other."""
    fields = provider.fault = Fields()
    fetcher = HttpFetcher(headers={"X-Api-Key": "k"})
    for place in (provider.issuer, f"http://127.0.0.1:{provider.port}"):
        fetcher.confined(f"{place}/metadata").fetch(f"{provider.issuer}/x", None)
    assert ["X-Api-Key" in one for one in fields.seen] == [True, False]


def test_proxy(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment is used, unless NO_PROXY names the host."""
    monkeypatch.setenv("http_proxy", provider.issuer)
    fetcher = HttpFetcher(allow_http=["keycloak.invalid"])
    url = "http://keycloak.invalid:8080/jwks"
    with pytest.raises(FetchError, match="404"):
        fetcher.fetch(url, None)
    assert provider.fetches == [url]
    monkeypatch.setenv("no_proxy", "keycloak.invalid")
    with pytest.raises(FetchError, match=r"NameResolutionError|gaierror"):
        fetcher.fetch(url, None)
    assert provider.fetches == [url]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_to_this_machine(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """This machine is never asked through a proxy."""
    with running() as proxy:
        monkeypatch.setenv("http_proxy", proxy.issuer)
        monkeypatch.delenv("no_proxy", raising=False)
        HttpFetcher().fetch(f"http://{host}:{provider.port}/jwks", None)
        assert (provider.fetches, proxy.fetches) == (["/jwks"], [])


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
        ("max-age=60, no-cache", 0),
        ("max-age=86400, no-store", 0),
        ("max-age=600,no-store", 0),
        ('private="no-store, x", max-age=600', 600),
        ("public, max-age=19302, must-revalidate, no-transform", 19302),
        ("max-age=" + "9" * 100, 9_999_999_999),
        ("max-age=-1", None),
        ("max-age=٣", None),
        ("max-age", None),
        ("public", None),
        ("", None),
    ],
)
def test_cache_control(provider: Provider, value: str, seconds: float | None) -> None:
    """max-age gives the lifetime, unless caching is forbidden; the malformed gives none."""
    value = value.encode().decode("latin-1")
    provider.fault = answering(b"{}", Cache_Control=value)
    assert HttpFetcher().fetch(f"{provider.issuer}/x", None).max_age == seconds


DATE = "Wed, 25 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Cache-Control": "max-age=600", "Age": "200"}, 400),
        ({"Cache-Control": "max-age=600", "Age": "700"}, 0),
        ({"Cache-Control": "max-age=600", "Age": "soon"}, 600),
        ({"Cache-Control": "max-age=600", "Expires": "0"}, 600),
        ({"Date": DATE, "Expires": "Wed, 25 Nov 2026 12:10:00 GMT"}, 600),
        ({"Date": DATE, "Expires": "Wed, 25 Nov 2026 12:10:00 GMT", "Age": "60"}, 540),
        ({"Date": DATE, "Expires": "Wed, 25 Nov 2026 11:00:00 GMT"}, 0),
        ({"Date": DATE, "Expires": "0"}, 0),
        ({"Date": DATE, "Expires": "Wed, 99 Nov 99999 12:10:00 GMT"}, 0),
        ({"Expires": "Thu, 01 Jan 1970 00:20:00 GMT"}, 200),
        ({"Age": "100"}, None),
    ],
)
def test_freshness(headers: dict[str, str], seconds: float | None) -> None:
    """Age counts, and Expires where max-age says nothing (RFC 9111 §4.2)."""
    assert _exchange.max_age(headers, 1000) == seconds


@pytest.mark.parametrize(
    ("value", "patience"), [("120", 120), ("0", 0), ("soon", 0), ("-5", 0), (None, 0)]
)
def test_retry_after(provider: Provider, value: str | None, patience: float) -> None:
    """What a failing provider asks for is passed on (RFC 9110 §10.2.3)."""
    headers = {} if value is None else {"Retry_After": value}
    provider.fault = answering(b"", 503, **headers)
    with pytest.raises(FetchError, match="503") as failed:
        HttpFetcher().fetch(f"{provider.issuer}/x", None)
    assert failed.value.patience == patience


def test_retry_after_date(provider: Provider) -> None:
    """It may be a date, too."""
    provider.fault = answering(b"", 429, Retry_After=formatdate(time.time() + 100, usegmt=True))
    with pytest.raises(FetchError, match="429") as failed:
        HttpFetcher().fetch(f"{provider.issuer}/x", None)
    assert 90 < failed.value.patience <= 100
    provider.fault = answering(b"", 429, Retry_After=formatdate(0, usegmt=True))
    with pytest.raises(FetchError) as failed:
        HttpFetcher().fetch(f"{provider.issuer}/x", None)
    assert failed.value.patience == 0


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
    keys = Jwks(f"{provider.issuer}/jwks")
    guard = Guard(Issuer(provider.issuer, audience=AUDIENCE, keys=keys))
    with pytest.raises(KeysUnavailable, match="no_keys") as refused:
        guard.authenticate([provider.token("1")])
    assert "304" in str(refused.value.hint)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "deflate"])
def test_unasked_coding(provider: Provider, coding: str) -> None:
    """A body that is compressed though nobody asked is read."""
    body = zlib.compress(b"{}") if coding == "deflate" else gzip.compress(b"{}", mtime=0)
    provider.fault = answering(body, Content_Encoding=coding)
    assert HttpFetcher().fetch(f"{provider.issuer}/x", None).body == b"{}"


@pytest.mark.parametrize(
    ("body", "coding", "words"),
    [
        (gzip.compress(b"\0" * 1001, mtime=0), "gzip", "longer than 1000 bytes"),
        (gzip.compress(b"\0" * 50_000_000, mtime=0), "gzip", "longer than"),
        (gzip.compress(gzip.compress(b"\0" * 50_000_000, mtime=0)), "gzip, gzip", "not asked for"),
        (b"{}", "br", "not asked for"),
        (b"{}", "gzip", "cannot be decoded"),
    ],
)
def test_compressed(provider: Provider, body: bytes, coding: str, words: str) -> None:
    """What would grow is not unpacked beyond the limit, nor in ways not asked for."""
    provider.fault = answering(body, Content_Encoding=coding)
    with pytest.raises(FetchError, match=words):
        HttpFetcher(max_bytes=1000).fetch(f"{provider.issuer}/x", None)


def redirect(handler: Handler) -> None:
    """Lead from /moved to where the handler's provider has keys; and round in circles."""
    port = handler.port
    places = {
        "/moved": (301, "/jwks"),
        "/circle": (302, "/circle"),
        "/away": (307, f"http://127.0.0.1:{port}/jwks"),
    }
    if handler.path in places:
        status, place = places[handler.path]
        handler.answer(b"", status, {"Location": place})
    else:
        handler.answer(b"{}")


def test_redirects(provider: Provider) -> None:
    """A path that moved on its host is followed; to another host, or for ever, nothing is."""
    provider.fault = redirect
    assert HttpFetcher().fetch(f"{provider.issuer}/moved", None).body == b"{}"
    with pytest.raises(FetchError, match="another host"):
        HttpFetcher().fetch(f"{provider.issuer}/away", None)
    with pytest.raises(FetchError, match="without end"):
        HttpFetcher().fetch(f"{provider.issuer}/circle", None)
    assert provider.fetches.count("/circle") == 3


@pytest.mark.parametrize(
    "fault", [faults.hang, faults.drip_header, faults.drip_body], ids=["hang", "header", "body"]
)
def test_total_time(provider: Provider, fault: Fault) -> None:
    """However slowly it drips, a fetch ends within its time, and says so."""
    provider.fault = fault
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"no answer within 0\.15 s"):
        HttpFetcher(total_seconds=0.15).fetch(f"{provider.issuer}/x", None)
    assert time.monotonic() - start < 1


def test_slow_resolver(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that blocks does not hold the fetch; what it finds later is not asked."""
    go = threading.Event()
    resolve = socket.getaddrinfo

    def slow(*args: object, **options: object) -> object:
        assert go.wait(10)
        return resolve(*args, **options)  # type: ignore[arg-type]  # handed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    others = set(threading.enumerate())
    start = time.monotonic()
    with pytest.raises(FetchError, match=r"no answer within 0\.2 s"):
        HttpFetcher(total_seconds=0.2).fetch(f"{provider.issuer}/x", None)
    assert time.monotonic() - start < 1
    (thread,) = (
        one for one in set(threading.enumerate()) - others if one.name == "jwt_guard exchange"
    )
    assert thread.daemon
    go.set()
    thread.join(10)
    assert provider.fetches == []


def test_no_thread(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started the fetch has failed."""

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(FetchError, match="no thread"):
            HttpFetcher().fetch(f"{provider.issuer}/x", None)


def test_unforeseen(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is raised within a fetch is a failure, named by its class."""

    def broken(*_args: object) -> float:
        raise ArithmeticError("TOPSECRET")

    monkeypatch.setattr(_exchange, "max_age", broken)
    with pytest.raises(FetchError, match=r"^no answer: ArithmeticError$"):
        HttpFetcher().fetch(f"{provider.issuer}/jwks", None)


def test_refused(unused_port: int) -> None:
    """Why nobody answers is said."""
    with pytest.raises(FetchError, match="Connection refused"):
        HttpFetcher().fetch(f"http://127.0.0.1:{unused_port}/", None)


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_cut_off_in_peace() -> None:
    """A connection that was shut down at the deadline ends as one that is done: it is not."""
    exchange = _exchange._Exchange({}, HttpFetcher())
    response = urllib3.HTTPResponse(body=io.BytesIO(b"{}"), preload_content=False)
    assert exchange._body(response) == b"{}"
    exchange._over = True
    response = urllib3.HTTPResponse(body=io.BytesIO(b"{}"), preload_content=False)
    with pytest.raises(TimeoutError, match="the time is over"):
        exchange._body(response)
