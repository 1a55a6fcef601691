"""What is attacked: one endpoint behind a guard, on either side; served by other processes."""

import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

# A clock that the attacks move: hours of a process that nobody asks pass in no time.
# It stands before the guard's import, which may look at the clock only once.
CLOCK = os.environ["JWT_GUARD_ATTACKED_CLOCK"]
_monotonic = time.monotonic


def _moved() -> float:
    return _monotonic() + os.stat(CLOCK).st_size  # noqa: PTH116  nothing that is slow here


if os.environ["JWT_GUARD_ATTACKED_MOVES"] == "1":
    time.monotonic = _moved

# A resolver that takes its time, and fetches that have less of it.
_RESOLVES = float(os.environ["JWT_GUARD_ATTACKED_RESOLVES"])
_getaddrinfo = socket.getaddrinfo


def _slow(*arguments: Any, **options: Any) -> Any:
    time.sleep(_RESOLVES)
    return _getaddrinfo(*arguments, **options)


if _RESOLVES:
    socket.getaddrinfo = _slow

from jwt_guard import Bearer, Cookie, Guard, Issuer, Jwks, KeySet, asgi, wsgi  # noqa: E402
from jwt_guard.keys import Discovery, HttpFetcher  # noqa: E402

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

AUDIENCE = "https://api.example"
_PROVIDER = os.environ["JWT_GUARD_ATTACKED_BY"]
_FILE = os.environ["JWT_GUARD_ATTACKED_FILE"]
_FETCHER = HttpFetcher(
    ca_file=os.environ["JWT_GUARD_ATTACKED_CA"] or None, total_seconds=1 if _RESOLVES else 10
)


def _tenant(name: str) -> Issuer | None:
    if not name.startswith(f"{_PROVIDER}/tenants/"):
        return None
    return Issuer(name, audience=AUDIENCE, keys=Discovery(fetcher=_FETCHER))


def _guard() -> Guard:
    keys = Jwks(f"{_PROVIDER}/jwks", fetcher=_FETCHER)
    known = [Issuer(_PROVIDER, audience=AUDIENCE, keys=keys)]
    if Path(_FILE).exists():
        known.append(Issuer("file", audience=AUDIENCE, keys=KeySet.load(_FILE)))
    cookie = Cookie("token", origins=["https://app.example"])
    return Guard(*known, issuers=_tenant, credentials=[Bearer(), cookie])


def _hello(_environ: "WSGIEnvironment", start_response: "StartResponse") -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
    return [b"hello"]


async def _hello_async(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


def make_wsgi() -> "WSGIApplication":
    """Return the app that gunicorn serves."""
    guard = _guard()
    if os.environ["JWT_GUARD_ATTACKED_WARM"] == "1":
        guard.warm_up()
    return wsgi.GuardMiddleware(_hello, guard=guard)


def make_asgi() -> asgi.ASGIApp:
    """Return the app that uvicorn serves."""
    return asgi.GuardMiddleware(_hello_async, guard=_guard())
