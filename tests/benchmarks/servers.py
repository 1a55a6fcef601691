"""Real servers under load, by wrk: uvicorn and gunicorn, bare and guarded in turn."""

import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from jwt_guard import Guard, Issuer, Key, asgi, wsgi
from tests.benchmarks.apps import bare_asgi, bare_wsgi
from tests.benchmarks.tokens import AUDIENCE, ISSUER, KID, Signer

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_KIND, _KEY = "JWT_GUARD_BENCHMARK", "JWT_GUARD_BENCHMARK_KEY"
_COMMANDS = {
    "uvicorn": ["uvicorn", "--log-level", "warning", "--no-access-log", "--factory", "--port"],
    "gunicorn": ["gunicorn", "--log-level", "error", "--threads", "2", "-b"],
}
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def _passing(app: asgi.ASGIApp) -> asgi.ASGIApp:
    """Return a middleware that does nothing."""

    async def passing(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        await app(scope, receive, send)

    return passing


def _hashing(app: asgi.ASGIApp) -> asgi.ASGIApp:
    """Return one that does what any cache of tokens has to: it copies, finds and hashes."""
    empty = sha256()

    async def hashing(scope: asgi.Scope, receive: asgi.Receive, send: asgi.Send) -> None:
        scope = dict(scope)
        (value,) = [value for name, value in scope["headers"] if name == b"authorization"]
        hashed = empty.copy()
        hashed.update(value)
        hashed.digest()
        await app(scope, receive, send)

    return hashing


# What stands between uvicorn and the app; the profile of what a real server adds.
_MIDDLEWARE: dict[str, Callable[[asgi.ASGIApp], asgi.ASGIApp]] = {
    "bare": lambda app: app,
    "passing": _passing,
    "hashing": _hashing,
    "hot": lambda app: asgi.GuardMiddleware(app, guard=_guard()),
}
_KINDS = {"uvicorn": (*_MIDDLEWARE,), "gunicorn": ("bare", "hot")}


def make_asgi() -> asgi.ASGIApp:
    """Return the app that uvicorn serves, as the environment says."""
    return _MIDDLEWARE[os.environ[_KIND]](bare_asgi)


def make_wsgi() -> "WSGIApplication":
    """Return the app that gunicorn serves."""
    hot = os.environ[_KIND] == "hot"
    return wsgi.GuardMiddleware(bare_wsgi, guard=_guard()) if hot else bare_wsgi


def _guard() -> Guard:
    key = Key.from_pem(os.environ[_KEY], alg="RS256", kid=KID)
    return Guard(Issuer(ISSUER, audience=AUDIENCE, keys=key))


@contextmanager
def _serving(server: str, kind: str, signer: Signer) -> Generator[str]:
    """Start *server* on a free port, and stop it in the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program, *options = _COMMANDS[server]
    module = "tests.benchmarks.servers:make_" + ("asgi" if server == "uvicorn" else "wsgi")
    where = [str(port), module] if server == "uvicorn" else [f"127.0.0.1:{port}", module + "()"]
    process = subprocess.Popen(
        [sys.executable, "-m", program, *options, *where],
        env=os.environ | {_KIND: kind, _KEY: signer.pem.decode()},
    )
    try:
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/messages"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def under_load(signer: Signer, rounds: int, seconds: int) -> dict[str, dict[str, float]]:
    """Return requests per second, p50 and p99 in µs; empty without wrk.

    Where a process happens to lie in memory makes it a few percent faster or slower
    for all its life. So each round starts bare and guarded anew, side by side, and
    loads them in turn, after a second each that is not counted.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return {}
    token = signer.token()
    found: dict[str, dict[str, list[float]]] = {}
    for server in [*_COMMANDS] * rounds:
        with ExitStack() as stack:
            urls = {
                kind: stack.enter_context(_serving(server, kind, signer)) for kind in _KINDS[server]
            }
            for kind, url in urls.items():
                _load(wrk, url, token, 1)
                figures = found.setdefault(f"{server}: {kind}", {})
                for name, value in _load(wrk, url, token, seconds).items():
                    figures.setdefault(name, []).append(value)
    return {
        name: {key: statistics.median(values) for key, values in figures.items()}
        for name, figures in found.items()
    }


def _load(wrk: str, url: str, token: str, seconds: int) -> dict[str, float]:
    command = [
        wrk,
        "-t1",
        "-c8",
        f"-d{seconds}s",
        "--latency",
        "-H",
        f"Authorization: Bearer {token}",
    ]
    output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in output or (rate := re.search(r"Requests/sec:\s+([\d.]+)", output)) is None:
        raise AssertionError(output)
    times = re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)
    latencies = {f"p{share}": float(value) * _UNITS[unit] for share, value, unit in times}
    return {"requests_per_s": float(rate[1]), **latencies}
