"""What the guard costs beside PyJWT: python -m tests.benchmarks.

One run, interleaved: in every round each contestant handles the same number of
requests, so that a slow moment of the machine hits all of them. Figures are
medians over the rounds, in microseconds, and ratios of medians.
"""

import asyncio
import json
import platform
import statistics
import sys
import time
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import Guard, Issuer, Key
from jwt_guard.asgi import GuardMiddleware, Message, Receive, Scope, Send

ROUNDS = 200
REQUESTS_PER_ROUND = 100
TOKEN_BYTES = 860

Contestant = Callable[[], Awaitable[object]]


async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer with an empty 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def receive() -> Message:
    """Deliver nothing: the app reads no body."""
    raise AssertionError


async def send(_message: Message) -> None:
    """Drop what the app sends."""


def make_token(private: rsa.RSAPrivateKey) -> str:
    """Return an RS256 token of about TOKEN_BYTES."""
    now = int(time.time())
    claims: dict[str, object] = {
        "iss": "https://login.example/",
        "aud": "https://api.example",
        "sub": "auth0|5ba552d67",
        "client_id": "s6BhdRkqt3",
        "iat": now,
        "exp": now + 3600,
        "jti": "dbe39bf3a3ba4238a513f51d6e1691c4",
        "scope": "openid profile messages:read",
        "note": "",
    }
    headers = {"typ": "at+jwt", "kid": "RjEwOwOA"}
    while True:
        token = jwt.encode(claims, private, "RS256", headers)
        if len(token) >= TOKEN_BYTES:
            return token
        claims["note"] = f"{claims['note']}x"


def contestants() -> tuple[dict[str, Contestant], int]:
    """Return what is measured, and the token's length in bytes."""
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = make_token(private)
    signing_input, _, encoded = token.encode().rpartition(b".")
    signature = urlsafe_b64decode(encoded + b"==")
    algorithm = jwt.get_algorithm_by_name("RS256")
    key = Key.from_pem(pem, alg="RS256", kid="RjEwOwOA")
    guard = Guard(Issuer("https://login.example/", audience="https://api.example", keys=key))
    guarded = GuardMiddleware(app, guard=guard)
    scope: Scope = {
        "type": "http",
        "method": "GET",
        "path": "/messages",
        "headers": [(b"host", b"api"), (b"authorization", b"Bearer " + token.encode())],
    }

    async def decode() -> object:
        return jwt.decode(
            token,
            public,
            ["RS256"],
            audience="https://api.example",
            issuer="https://login.example/",
        )

    async def verify() -> object:
        return algorithm.verify(signing_input, public, signature)

    return {
        "bare app": lambda: app(scope, receive, send),
        "guarded app": lambda: guarded(scope, receive, send),
        "jwt.decode": decode,
        "signature alone": verify,
    }, len(token)


async def measure(entries: dict[str, Contestant]) -> dict[str, float]:
    """Return the median time of one call of each contestant, in microseconds."""
    times: dict[str, list[float]] = {name: [] for name in entries}
    for _ in range(ROUNDS):
        for name, call in entries.items():
            start = time.perf_counter()
            for _ in range(REQUESTS_PER_ROUND):
                await call()
            times[name].append((time.perf_counter() - start) / REQUESTS_PER_ROUND * 1e6)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Measure, and print a table and a line of JSON."""
    entries, length = contestants()
    medians = asyncio.run(measure(entries))
    overhead = medians["guarded app"] - medians["bare app"]
    ratio = overhead / medians["jwt.decode"]
    lines = [
        f"{platform.machine()}, Python {platform.python_version()}, PyJWT {jwt.__version__}",
        f"RS256 2048, {length}-byte token; medians of {ROUNDS} rounds",
        *(f"{name:<28}{value:8.1f} µs" for name, value in medians.items()),
        f"{'overhead of the guard':<28}{overhead:8.1f} µs",
        f"{'overhead / jwt.decode':<28}{ratio:8.2f}",
        json.dumps({"medians_us": medians, "overhead_us": overhead, "ratio": ratio}),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
