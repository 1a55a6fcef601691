"""`POST /login`: username and password in, signed token out (RFC 6750 §4)."""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from .tokens import TokenMaker
from .users import UserStore

REALM = "workflow"

# Two short strings and some punctuation; no password manager makes longer ones.
_MAX_BODY_BYTES = 4096

# One verification takes 64 MiB and all the cores it gets: more at a time would be
# no faster, and would let strangers fill the memory.
_MAX_VERIFICATIONS = 4

_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What somebody claims to be and to know; `repr` shows neither."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Show no text of the client's."""
        return "Credentials(…)"


class LoginError(Exception):
    """Refuse a login with a status and a text that tells no more than needed."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        """Remember the answer."""
        super().__init__(detail)
        self.status = status
        self.detail = detail


class Login:
    """The login endpoint: checks a password, answers with a token."""

    def __init__(self, users: UserStore, tokens: TokenMaker) -> None:
        """Let *users* in, with *tokens*."""
        self._users = users
        self._tokens = tokens
        self._free = asyncio.Semaphore(_MAX_VERIFICATIONS)

    async def answer(self, request: Request) -> Response:
        """Answer 200 with a token, 401, or 400 and 413 for what is no login."""
        try:
            token = await self._token(parse(await _body(request)))
        except LoginError as error:
            return _problem(error)
        content = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self._tokens.lifetime,
        }
        return JSONResponse(content, headers=_NO_STORE)

    async def _token(self, given: Credentials) -> str:
        async with self._free:
            # Argon2 is slow on purpose; the event loop answers others meanwhile.
            user = await run_in_threadpool(self._users.authenticate, given.username, given.password)
        if user is None:
            raise LoginError(HTTPStatus.UNAUTHORIZED, "Wrong username or password")
        return self._tokens.make(user)


async def _body(request: Request) -> bytes:
    """Return the request's body, or stop reading where it gets too long."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                detail = f"A login has at most {_MAX_BODY_BYTES} bytes"
                raise LoginError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    except ClientDisconnect:
        raise LoginError(HTTPStatus.BAD_REQUEST, "The request ended early") from None
    return bytes(body)


def parse(body: bytes) -> Credentials:
    """Return the credentials in *body*: a JSON object of two strings.

    Raises:
        LoginError: 400; the text repeats nothing of the body.
    """
    try:
        given: Any = json.loads(body.decode())
        return Credentials(_text(given["username"]), _text(given["password"]))
    # RecursionError: a few hundred brackets are deep enough for that.
    except (ValueError, TypeError, KeyError, RecursionError):
        detail = 'Send JSON: {"username": "…", "password": "…"}'
        raise LoginError(HTTPStatus.BAD_REQUEST, detail) from None


def _text(value: object) -> str:
    """Return *value* if it is text that UTF-8 can express: no lone surrogates."""
    if not isinstance(value, str):
        raise TypeError
    return value.encode().decode()


def _problem(error: LoginError) -> Response:
    """Return the refusal as RFC 9457, as the guard does."""
    headers = dict(_NO_STORE)
    if error.status is HTTPStatus.UNAUTHORIZED:
        # RFC 9110 §15.5.2: no 401 without a challenge.
        headers["WWW-Authenticate"] = f'Bearer realm="{REALM}"'
    content = {
        "title": error.status.phrase,
        "status": error.status.value,
        "detail": error.detail,
    }
    media_type = "application/problem+json"
    return JSONResponse(content, error.status.value, headers, media_type)
