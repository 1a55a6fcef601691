"""The workflow: page, login, guarded routes, transcript and command line."""

import asyncio
import hmac
import json
import os
import re
import runpy
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from logging import DEBUG, getLogger
from pathlib import Path
from typing import Any, Literal

import jwt
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from examples.workflow import serving, transcript
from examples.workflow.app import create_app
from examples.workflow.cli import main
from examples.workflow.login import Credentials
from examples.workflow.tokens import ALGORITHMS, SigningKey, TokenMaker
from examples.workflow.users import DEMO_ACCOUNTS, DemoAccount, User, UserStore

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "examples/workflow/static"
ALICE, BOB = DEMO_ACCOUNTS

BARE = 'Bearer realm="workflow"'


class Clock:
    """A clock that passes over what would be waited for."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.5

    def __call__(self) -> float:
        return self.now

    def wait_until(self, instant: float) -> None:
        self.now = max(self.now, instant) + 0.05


class CountingHasher(PasswordHasher):
    """Argon2 at the least cost, with a note of every verification."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  argon2's name
        self.verified.append(password)
        return super().verify(hash, password)


@pytest.fixture(scope="module")
def users() -> Iterator[UserStore]:
    with closing(UserStore.with_demo_accounts(CountingHasher())) as store:
        yield store


@pytest.fixture
def client(users: UserStore) -> TestClient:
    return client_of(users)


def client_of(users: UserStore, alg: str = "HS256") -> TestClient:
    return TestClient(create_app(users, TokenMaker(SigningKey.generate(alg), 60)))


def log_in(client: TestClient, account: DemoAccount) -> str:
    answer = client.post("/login", json=credentials(account))
    assert answer.status_code == 200
    token: str = answer.json()["access_token"]
    return token


def credentials(account: DemoAccount) -> dict[str, str]:
    return {"username": account.username, "password": account.password}


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# The page


def test_page_is_public_and_strict(client: TestClient) -> None:
    """The page needs no token, and may load nothing but this server's own files."""
    answer = client.get("/")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|<script[^>]*>[^<]|\son\w+=|\sstyle=|//", answer.text)


def test_assets_are_public(client: TestClient) -> None:
    """Every file that page and scripts ask for is served as what it is."""
    types = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    page = client.get("/").text
    scripts = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    asked = {*re.findall(r'"/static/([^"]+)"', page), *re.findall(r'from "\./([^"]+)"', scripts)}
    assert asked == {path.name for path in STATIC.iterdir()} - {"index.html"}
    for name in asked:
        answer = client.get(f"/static/{name}")
        assert answer.text == (STATIC / name).read_text("utf-8")
        assert answer.headers["Content-Type"].startswith(types[Path(name).suffix])
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_other_file_is_served(client: TestClient) -> None:
    """Only listed files are served; a path that leaves the folder is no public one."""
    assert client.get("/static/app.py").status_code == 404
    assert client.get("/static/..%2fapp.py").status_code == 401


def test_page_offers_the_demo_accounts(client: TestClient) -> None:
    """The page's two accounts are those of the store."""
    page = client.get("/").text
    offered = re.findall(r'data-username="(\w+)" data-password="([\w-]+)"', page)
    assert offered == [(account.username, account.password) for account in DEMO_ACCOUNTS]


def test_scripts_find_what_they_look_for() -> None:
    """Each id that the scripts look up is on the page, and text is never set as markup."""
    page = (STATIC / "index.html").read_text("utf-8")
    scripts = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    wanted = set(re.findall(r'byId\("([\w-]+)"\)', scripts))
    assert wanted <= set(re.findall(r'\sid="([\w-]+)"', page))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", scripts)


# Logging in


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_login_answers_with_a_token(users: UserStore, alg: str) -> None:
    """The right password is worth a signed token that says whose it is and until when."""
    tokens = TokenMaker(SigningKey.generate(alg), 60)
    client = TestClient(create_app(users, tokens))
    answer = client.post("/login", json=credentials(BOB))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json().keys() == {"access_token", "token_type", "expires_in"}
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 60)
    token = answer.json()["access_token"]
    assert jwt.get_unverified_header(token) == {
        "alg": alg,
        "kid": tokens.key.public.kid,
        "typ": "JWT",
    }
    claims = claims_of(token)
    assert claims.keys() == {"iss", "sub", "aud", "iat", "exp", "jti", "scope"}
    assert (claims["sub"], claims["scope"]) == ("bob", "admin")
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 5
    assert client.get("/api/me", headers=bearer(token)).status_code == 200


def test_tokens_are_told_apart(users: UserStore) -> None:
    """Two tokens of one user have different ids."""
    alice = User("alice", "")
    assert users.authenticate(ALICE.username, ALICE.password) == alice
    tokens = TokenMaker(SigningKey.generate("HS256"), 60)
    ids = {claims_of(tokens.make(alice))["jti"] for _ in range(2)}
    assert len(ids) == 2


def test_wrong_password_and_unknown_user_look_the_same(client: TestClient) -> None:
    """Status, header fields and body do not tell which usernames there are."""
    wrong = client.post("/login", json=credentials(ALICE) | {"password": "guess"})
    unknown = client.post("/login", json=credentials(ALICE) | {"username": "nobody"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.content == unknown.content
    assert wrong.headers == unknown.headers
    assert wrong.headers["WWW-Authenticate"] == BARE


@pytest.mark.parametrize("username", ["alice", "nobody"])
def test_every_login_costs_one_verification(username: str) -> None:
    """Argon2 runs once whether there is such a user or not."""
    hasher = CountingHasher()
    with closing(UserStore(hasher=hasher)) as store:
        store.add("alice", "secret")
        answer = client_of(store).post("/login", json={"username": username, "password": "guess"})
    assert answer.status_code == 401
    assert hasher.verified == ["guess"]


def test_nobodys_hash_opens_nothing() -> None:
    """Even a password that fits the stand-in hash logs no unknown user in."""
    hasher = CountingHasher()
    with closing(UserStore(hasher=hasher)) as store:
        store._nobodys_hash = hasher.hash("guess")
        assert store.authenticate("nobody", "guess") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"username=alice&password=wonderland",
        b"null",
        b"[]",
        b'"alice"',
        b"{}",
        b'{"username": "alice"}',
        b'{"username": "alice", "password": null}',
        b'{"username": ["alice"], "password": "wonderland"}',
        b'{"username": "alice", "password": "\\ud800"}',
        b'{"username": "\\udfff", "password": "wonderland"}',
        b'{"username": "alice", "password": "\xff"}',
        '{"username": "alice", "password": "wonderland"}'.encode("utf-16"),
        b"[" * 4000,
        b'{"username": ' + b"9" * 4000 + b"}",
    ],
)
def test_malformed_body(client: TestClient, body: bytes) -> None:
    """A body that is no login is 400, whatever it is, and is not repeated."""
    answer = client.post("/login", content=body)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "title": "Bad Request",
        "status": 400,
        "detail": 'Send JSON: {"username": "…", "password": "…"}',
    }


def test_odd_text_is_a_wrong_password(client: TestClient) -> None:
    """Text that UTF-8 can express is looked up as it is, even with NUL or quotes in it."""
    for text in ("", "\x00", "' OR 1=1 --", "ålice", "\N{SMILE}" * 200):
        body = json.dumps({"username": text, "password": text})
        assert client.post("/login", content=body).status_code == 401


@pytest.mark.parametrize("chunked", [False, True])
def test_long_body(client: TestClient, chunked: bool) -> None:  # noqa: FBT001  a case of the table
    """A body is read up to 4096 bytes, whether its length was announced or not."""

    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b" " * 1000

    answer = client.post("/login", content=chunks() if chunked else b" " * 5000)
    assert answer.status_code == 413
    assert client.post("/login", content=b" " * 4096).status_code == 400


def test_client_that_goes_away(users: UserStore) -> None:
    """A request that ends before its body does is no error of the server."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/login",
        "query_string": b"",
        "headers": [],
    }
    app = create_app(users, TokenMaker(SigningKey.generate("HS256"), 60))
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 400


def test_only_post_logs_in(client: TestClient) -> None:
    """Credentials in a URL are no login."""
    assert client.get("/login?username=alice&password=wonderland").status_code == 405


def test_many_at_once(users: UserStore) -> None:
    """Logins at the same moment all succeed, each in its turn."""

    def status(account: DemoAccount) -> int:
        connection = HTTPConnection(address, timeout=30)
        with closing(connection):
            connection.request("POST", "/login", json.dumps(credentials(account)))
            return connection.getresponse().status

    app = create_app(users, TokenMaker(SigningKey.generate("ES256"), 60))
    with serving.running(app) as url, ThreadPoolExecutor(12) as pool:
        address = url.removeprefix("http://")
        assert set(pool.map(status, DEMO_ACCOUNTS * 6)) == {200}


# The store


def test_store_keeps_no_password(tmp_path: Path) -> None:
    """What is on disk is an Argon2id hash, and a username is taken once only."""
    file = tmp_path / "users.sqlite3"
    with closing(UserStore(str(file), hasher=CountingHasher())) as store:
        store.add("carol", "a long password", "admin")
        with pytest.raises(sqlite3.IntegrityError):
            store.add("carol", "another one")
        assert store.authenticate("carol", "a long password") == User("carol", "admin")
        assert store.authenticate("carol", "another one") is None
    assert b"$argon2id$" in file.read_bytes()
    assert b"a long password" not in file.read_bytes()


def test_hashes_are_slow() -> None:
    """Unless told otherwise, a hash costs what RFC 9106 advises where memory is short."""
    with closing(UserStore()) as store:
        assert store._nobodys_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


# The routes


def test_api_needs_a_token(client: TestClient) -> None:
    """Without a token every path but the public ones is a 401 with a bare challenge."""
    for path in ("/api/me", "/api/admin", "/api/nowhere", "/nowhere", "/static", "/login/"):
        answer = client.get(path)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == BARE


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_scope_decides(users: UserStore, alg: str) -> None:
    """Alice is known but no admin, bob is both."""
    client = client_of(users, alg)
    alice, bob = bearer(log_in(client, ALICE)), bearer(log_in(client, BOB))
    me = client.get("/api/me", headers=alice)
    assert me.json().keys() == {"hello", "scopes", "expires_at"}
    assert (me.json()["hello"], me.json()["scopes"]) == ("alice", [])
    refused = client.get("/api/admin", headers=alice)
    assert refused.status_code == 403
    assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]
    assert 'scope="admin"' in refused.headers["WWW-Authenticate"]
    assert client.get("/api/admin", headers=bob).json()["hello"] == "bob"
    assert client.get("/api/me", headers=bob).json()["scopes"] == ["admin"]


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_tampered_tokens(users: UserStore, alg: str) -> None:
    """Another claim under the same signature, or another signature, is a 401."""
    client = client_of(users, alg)
    token = log_in(client, ALICE)
    for forged in (transcript.tamper_payload(token), transcript.tamper_signature(token)):
        answer = client.get("/api/admin", headers=bearer(forged))
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_tampering_changes_one_thing() -> None:
    """The forged payload differs in its scope, the forged signature in its first character."""
    token = jwt.encode({"sub": "alice", "scope": ""}, "k" * 32)
    assert claims_of(transcript.tamper_payload(token)) == {"sub": "alice", "scope": "admin"}
    for signature, forged in (("Axyz", "Bxyz"), ("Qxyz", "Axyz")):
        assert transcript.tamper_signature(f"a.b.{signature}") == f"a.b.{forged}"


def test_tokens_of_another_run(users: UserStore) -> None:
    """Keys are made at the start: a token of another run is refused."""
    token = log_in(client_of(users), BOB)
    assert client_of(users).get("/api/me", headers=bearer(token)).status_code == 401


def test_public_key_is_no_secret(users: UserStore) -> None:
    """A token signed by HMAC with the text of the public key is refused, and so is one without."""
    key = SigningKey.generate("RS256")
    assert isinstance(key.private, RSAPrivateKey)
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    client = TestClient(create_app(users, TokenMaker(key, 60)))
    payload = log_in(client, ALICE).split(".")[1]
    for alg in ("HS256", "none"):
        header = base64url(json.dumps({"alg": alg, "kid": key.public.kid}).encode())
        mac = hmac.digest(pem, f"{header}.{payload}".encode(), "sha256")
        forged = f"{header}.{payload}.{'' if alg == 'none' else base64url(mac)}"
        assert client.get("/api/me", headers=bearer(forged)).status_code == 401


def test_expired_token(users: UserStore) -> None:
    """An expired token is refused with a text of its own; leeway is what is configured."""
    tokens = TokenMaker(SigningKey.generate("ES256"), -5)
    headers = bearer(tokens.make(User("alice", "")))
    answer = TestClient(create_app(users, tokens)).get("/api/me", headers=headers)
    assert answer.status_code == 401
    assert "The access token expired" in answer.headers["WWW-Authenticate"]
    tolerant = TestClient(create_app(users, tokens, leeway=30))
    assert tolerant.get("/api/me", headers=headers).status_code == 200


def test_nothing_secret_gets_out(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """No answer and no log line of the API has a password, a hash or key in it, no log a token."""
    caplog.set_level(DEBUG)
    token = log_in(client, ALICE)
    answers = [
        client.post("/login", json=credentials(ALICE)),
        client.post("/login", json=credentials(BOB)),
        client.post("/login", json=credentials(BOB) | {"username": "nobody"}),
        client.post("/login", json={"username": BOB.password, "password": "guess"}),
        client.post("/login", content=ALICE.password + BOB.password),
        client.get("/api/me", headers=bearer(token)),
        client.get("/api/admin", headers=bearer(token)),
        client.get("/api/me", headers=bearer(transcript.tamper_signature(token))),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 401, 401, 400, 200, 403, 401]
    said = caplog.text + "".join(f"{answer.text}{answer.headers}" for answer in answers)
    assert "refused GET /api/admin: 403" in caplog.text
    for secret in (ALICE.password, BOB.password, "guess", "argon2", "$"):
        assert secret not in said
    assert token.rpartition(".")[2] not in said


def test_repr_is_discreet() -> None:
    """Neither credentials nor signing keys show themselves in a traceback."""
    assert repr(Credentials("alice", "wonderland")) == "Credentials(…)"
    key = SigningKey.generate("HS256")
    assert str(key.private) not in repr(key)
    assert "private" not in repr(key)


# The transcript


def once(*options: str) -> int:
    clock = Clock()
    arguments = ["--once", *options]
    return main(arguments, hasher=CountingHasher(), clock=clock, wait_until=clock.wait_until)


def test_waits_for_what_is_to_come() -> None:
    """Until an instant, and no longer; one that is past takes no time to speak of."""
    before = time.time()
    transcript.sleep_until(before + 0.1)
    assert before + 0.1 <= time.time() < before + 5
    transcript.sleep_until(0)
    assert time.time() < before + 5


@pytest.mark.parametrize("alg", ALGORITHMS)
def test_once(alg: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--once` tells the whole story with every algorithm, ends well and shows no token."""
    assert once("--alg", alg) == 0
    out, err = capsys.readouterr()
    statuses = re.findall(r"^   < (\d{3}) ", out, re.MULTILINE)
    assert " ".join(statuses) == "200 401 401 401 200 200 403 401 401 200 200 401"
    assert out.endswith("Every answer is as it should be.\n")
    assert err == ""
    challenges = re.findall(r"WWW-Authenticate: (.*)", out)
    assert challenges[:3] == [BARE, BARE, BARE]
    assert challenges[-1].endswith('error_description="The access token expired"')
    assert re.search(r"Bearer eyJh….{4}\.eyJp….{4}\..{4}….{4}\n", out)
    assert not re.search(r"[\w-]{30}", out)
    for account in DEMO_ACCOUNTS:
        assert account.password not in out


def test_once_finds_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    """A guard that accepts expired tokens ends the transcript with a line and status 1."""
    assert once("--lifetime", "2", "--leeway", "60") == 1
    out, err = capsys.readouterr()
    assert err == "\nDIFFERENT: The token expired: /api/me should answer 401, not 200\n"
    assert "as it should be" not in out


async def answer_page(_request: Request) -> Response:
    return PlainTextResponse("")


async def answer_me(_request: Request) -> Response:
    return Response(status_code=401, headers={"WWW-Authenticate": BARE})


async def answer_login(request: Request) -> Response:
    text = f"no {(await request.json())['username']}"
    return JSONResponse(text, 401, {"WWW-Authenticate": BARE})


async def answer_bluntly(_request: Request) -> Response:
    return Response(status_code=401)


@pytest.mark.parametrize(
    ("routes", "difference"),
    [
        ([], "The page is public: / should answer 200, not 404"),
        (
            [Route("/", answer_page), Route("/api/me", answer_bluntly)],
            f"The API is not: /api/me should answer with another WWW-Authenticate: {BARE}",
        ),
        (
            [
                Route("/", answer_page),
                Route("/api/me", answer_me),
                Route("/login", answer_login, methods=["POST"]),
            ],
            "An unknown user: the same answer: /login should answer with the same body as before",
        ),
    ],
)
def test_transcript_of_another_app(routes: list[Route], difference: str) -> None:
    """Status, challenge and body are compared; the first that differs ends the story."""
    said: list[str] = []
    with (
        serving.running(Starlette(routes=routes)) as url,
        pytest.raises(transcript.Difference) as found,
    ):
        transcript.write(url, said.append)
    assert str(found.value) == difference
    assert said


def test_transcript_without_a_server() -> None:
    """Where nobody answers, that is the difference."""
    with pytest.raises(transcript.Difference, match=r"no answer \(ConnectionRefusedError\)"):
        transcript.write(f"http://127.0.0.1:{free_port()}", lambda _: None)


# The command line


def free_port() -> int:
    with serving.listen("127.0.0.1", 0) as listening:
        port: int = listening.getsockname()[1]
        return port


def test_port_in_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A port in use is said in a sentence, with status 1."""
    with serving.listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert main(["--port", str(port)], hasher=CountingHasher()) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"port {port} of 127.0.0.1 is in use; choose another one with --port\n"


def test_foreign_host(capsys: pytest.CaptureFixture[str]) -> None:
    """An address of another machine is said in a sentence, with status 1."""
    arguments = ["--host", "192.0.2.1", "--port", "0"]
    assert main(arguments, hasher=CountingHasher()) == 1
    assert capsys.readouterr().err.startswith("cannot listen on 192.0.2.1, port 0: ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "65536"], "'65536' is no number from 0 to 65535"),
        (["--port", "http"], "'http' is no number from 0 to 65535"),
        (["--lifetime", "1"], "'1' is no number from 2 to 3600"),
        (["--lifetime", "-60"], "'-60' is no number from 2 to 3600"),
        (["--leeway", "61"], "'61' is no number from 0 to 60"),
        (["--alg", "none"], "invalid choice: 'none'"),
    ],
)
def test_wrong_options(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options out of range are said in a sentence, with status 2."""
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_url(host: str, url: str) -> None:
    """The URL is one that a browser on this machine can open."""
    assert serving.url_of(host, 80) == url


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own reaction to SIGINT, and untouched loggers afterwards."""
    names = ("jwt_guard", "uvicorn.access", "uvicorn.error", "uvicorn.asgi")
    levels = {name: getLogger(name).level for name in names}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
    for name, level in levels.items():
        getLogger(name).setLevel(level)


def interrupt_when_up(port: int) -> None:
    while True:
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                connection.request("GET", "/api/me")
                connection.getresponse().read()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            os.kill(os.getpid(), signal.SIGINT)
            return


@pytest.mark.usefixtures("interruptible")
def test_serve(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`python -m examples.workflow` serves and logs until Ctrl-C, and ends with status 0."""
    port = free_port()
    monkeypatch.setattr(sys, "argv", ["examples.workflow", "--port", str(port)])
    thread = threading.Thread(target=interrupt_when_up, args=(port,), daemon=True)
    thread.start()
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("examples.workflow", run_name="__main__", alter_sys=True)
    thread.join(10)
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith(f"Open http://127.0.0.1:{port}/ (HS256, 60 s per token)")
    assert out.endswith("stopped\n")
    assert "refused GET /api/me: 401 no_credentials" in caplog.text
    assert '"GET /api/me HTTP/1.1" 401' in caplog.text


def test_import_serves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The entry point starts under the name `__main__` only."""
    runpy.run_module("examples.workflow", run_name="imported")
    assert capsys.readouterr().out == ""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "examples.workflow", "--port", "0", "--alg", "RS256"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as started:
        yield started
        started.kill()


@pytest.mark.needs("curl", "sed", "sh")
def test_curl_lines(process: subprocess.Popen[str]) -> None:
    """The printed commands work as they are: log in, 200 for me, 403 for admin."""
    assert process.stdout is not None
    lines: list[str] = []
    while len([line for line in lines if "curl " in line]) < 3:
        lines.append(process.stdout.readline())
        assert lines[-1], "the server ended"
    assert re.match(r"Open http://127\.0\.0\.1:\d+/ \(RS256, 60 s per token\)", lines[0])
    shell = shutil.which("sh")
    assert shell is not None
    commands = "".join(line for line in lines if "curl " in line)
    run = subprocess.run([shell, "-c", commands], capture_output=True, text=True, check=True)
    assert re.findall(r"^HTTP/1.1 (\d+)", run.stdout, re.MULTILINE) == ["200", "403"]
    assert '{"hello":"alice"' in run.stdout

    process.send_signal(signal.SIGINT)
    out, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "refused GET /api/admin: 403 not_permitted" in log
    assert '"POST /login HTTP/1.1" 200' in log
    assert not re.search(r"wonderland|looking-glass|argon2|eyJ|Traceback", out + log)
