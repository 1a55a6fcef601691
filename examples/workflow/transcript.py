"""The whole story over a real socket, one request after the other, checked."""

import json
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from .login import REALM
from .users import DEMO_ACCOUNTS, DemoAccount

Say = Callable[[str], None]

# The compact form of a header that is a JSON object, a payload and a signature.
_TOKEN = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")

# Far more than any answer takes here.
_PATIENCE = 10

_BARE = f'Bearer realm="{REALM}"'
_INVALID = f'{_BARE}, error="invalid_token", error_description="[^"]*"'
_EXPIRED = f'{_BARE}, error="invalid_token", error_description="[^"]*expired"'
_FORBIDDEN = f'{_BARE}, error="insufficient_scope", error_description="[^"]*", scope="admin"'


class Difference(Exception):  # noqa: N818  what it is called in the transcript
    """An answer is not what it should be; the text says which and how."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the story, and the answer that belongs to it.

    Attributes:
        title: What the request is about.
        path: Where it goes.
        status: Status code of the right answer.
        challenge: Pattern of its whole WWW-Authenticate field; "" for none.
        token: Sent as `Authorization: Bearer`.
        login: Sent as the body, by POST.
        body: The right answer's body, where it matters.
    """

    title: str
    path: str
    status: int
    challenge: str = ""
    token: str | None = None
    login: DemoAccount | None = None
    body: bytes | None = None


def sleep_until(instant: float) -> None:
    """Return a moment after *instant*, in seconds since the epoch."""
    # Neither clocks nor sleep are exact to the millisecond.
    time.sleep(max(0, instant - time.time()) + 0.05)


def write(url: str, say: Say, wait_until: Callable[[float], None] = sleep_until) -> None:
    """Write the story of the app at *url*; say every request and answer.

    Args:
        url: Where the app is served.
        say: Takes the lines of the story.
        wait_until: Returns once the app's clock shows an instant.

    Raises:
        Difference: At the first answer that is not as it should be.
    """
    story = _Story(url, say)
    alice, bob = DEMO_ACCOUNTS
    story.tell(Call("The page is public", "/", 200))
    story.tell(Call("The API is not", "/api/me", 401, _BARE))
    wrong = DemoAccount(alice.username, "a wrong password", "")
    refusal = story.tell(Call("A wrong password", "/login", 401, _BARE, login=wrong))
    nobody = DemoAccount("nobody", alice.password, "")
    title = "An unknown user: the same answer"
    story.tell(Call(title, "/login", 401, _BARE, login=nobody, body=refusal))

    token = story.log_in(alice)
    story.tell(Call("With the token", "/api/me", 200, token=token))
    story.tell(Call("Alice is no admin", "/api/admin", 403, _FORBIDDEN, token=token))
    forged = tamper_payload(token)
    story.tell(Call("Alice writes scope=admin into it", "/api/admin", 401, _INVALID, token=forged))
    forged = tamper_signature(token)
    story.tell(Call("Alice changes the signature", "/api/me", 401, _INVALID, token=forged))
    story.tell(Call("Bob is an admin", "/api/admin", 200, token=story.log_in(bob)))

    say("\nWaiting until Alice's token expires …")
    wait_until(expiry_of(token))
    story.tell(Call("The token expired", "/api/me", 401, _EXPIRED, token=token))


class _Story:
    """The calls made so far, numbered."""

    def __init__(self, url: str, say: Say) -> None:
        self._address = urlsplit(url).netloc
        self._say = say
        self._count = 0

    def log_in(self, account: DemoAccount) -> str:
        """Return a token for *account*."""
        body = self.tell(Call(f"Log in as {account.username}", "/login", 200, login=account))
        token: str = json.loads(body)["access_token"]
        return token

    def tell(self, call: Call) -> bytes:
        """Make *call*, say what happens, and return the body of the answer."""
        self._count += 1
        self._say(f"\n{self._count}. {call.title}")
        connection = HTTPConnection(self._address, timeout=_PATIENCE)
        try:
            self._send(connection, call)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise Difference(f"{call.title}: no answer ({type(error).__name__})") from None
        finally:
            connection.close()
        challenge = answer.getheader("WWW-Authenticate", "")
        self._say(f"   < {answer.status} {answer.reason}")
        if challenge:
            self._say(f"   < WWW-Authenticate: {challenge}")
        if answer.getheader("Content-Type", "").endswith("json"):
            self._say(f"   < {_shorten(body.decode(errors='replace'))}")
        _compare(call, answer.status, challenge, body)
        return body

    def _send(self, connection: HTTPConnection, call: Call) -> None:
        method, body = "GET", None
        headers: dict[str, str] = {}
        if call.token is not None:
            headers["Authorization"] = f"Bearer {call.token}"
        if call.login is not None:
            method, headers["Content-Type"] = "POST", "application/json"
            given = {"username": call.login.username, "password": call.login.password}
            body = json.dumps(given)
        self._say(f"   > {method} {call.path} HTTP/1.1")
        for name, value in headers.items():
            self._say(f"   > {name}: {_shorten(value)}")
        if call.login is not None:
            self._say(f'   > {{"username": "{call.login.username}", "password": "…"}}')
        connection.request(method, call.path, body, headers)


def _compare(call: Call, status: int, challenge: str, body: bytes) -> None:
    """Raise unless the answer is the one that belongs to *call*."""
    where = f"{call.title}: {call.path} should answer"
    if status != call.status:
        raise Difference(f"{where} {call.status}, not {status}")
    if not re.fullmatch(call.challenge, challenge):
        raise Difference(f"{where} with another WWW-Authenticate: {call.challenge or 'none'}")
    if call.body is not None and body != call.body:
        raise Difference(f"{where} with the same body as before")


def _shorten(text: str) -> str:
    """Return *text* with the middle of each part of a token left out."""

    def ends(token: re.Match[str]) -> str:
        return ".".join(f"{part[:4]}…{part[-4:]}" for part in token[0].split("."))

    return _TOKEN.sub(ends, text)


def expiry_of(token: str) -> float:
    """Return the `exp` that anybody can read in *token*."""
    expires: float = _claims(token)["exp"]
    return expires


def tamper_payload(token: str) -> str:
    """Return *token* with another scope under the same signature."""
    header, _, signature = token.split(".")
    forged = json.dumps(_claims(token) | {"scope": "admin"}).encode()
    return f"{header}.{urlsafe_b64encode(forged).rstrip(b'=').decode()}.{signature}"


def tamper_signature(token: str) -> str:
    """Return *token* with another first character of the signature."""
    head, dot, signature = token.rpartition(".")
    return f"{head}{dot}{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def _claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
