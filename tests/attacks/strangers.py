"""What strangers send: requests without a valid token, each kind as often as one likes."""

import base64
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jwt

from tests.keys import provider as faults
from tests.keys.provider import AUDIENCE, Fault, Provider

# Enough that none comes twice while it could be remembered.
_MANY = 2000

_random = random.Random(7)  # noqa: S311  a seed makes the run repeatable


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack.

    Attributes:
        requests: Makes what is sent, in turns.
        answers: The statuses that are right.
        rate: Requests per second, or 0 for as many as are fair beside the good ones.
        fault: What the provider does meanwhile.
    """

    requests: Callable[[Provider], Sequence[bytes]]
    answers: tuple[int, ...]
    rate: float = 0
    fault: Fault | None = None


def request(*fields: str) -> bytes:
    """Return a request for the endpoint."""
    return "\r\n".join(["GET /messages HTTP/1.1", "Host: x", *fields, "", ""]).encode("latin-1")


def bearing(token: str | bytes) -> bytes:
    """Return a request with a bearer token."""
    text = token.decode("latin-1") if isinstance(token, bytes) else token
    return request(f"Authorization: Bearer {text.removeprefix('Bearer ')}")


def good(provider: Provider, number: int) -> list[bytes]:
    """Return requests with so many good tokens: ten for each new one are seen before."""
    hot = [bearing(provider.token("1", jti=f"hot {one}")) for one in range(10)]
    new = (bearing(provider.token("1", jti=f"new {one}")) for one in range(number))
    return [each for one in new for each in (one, *hot)]


def _unsigned(header: Mapping[str, object], claims: Mapping[str, object]) -> str:
    parts = [json.dumps(header).encode(), json.dumps(claims).encode(), _random.randbytes(64)]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts)


def _forged(provider: Provider, *, name: str = "", **header: object) -> bytes:
    claims = {"iss": name or provider.issuer, "aud": AUDIENCE, "sub": "joe", "exp": 2**32}
    return bearing(_unsigned({"alg": "ES256", "kid": "1"} | header, claims))


def _kids(provider: Provider) -> list[bytes]:
    return [_forged(provider, kid=f"made up {one}") for one in range(_MANY)]


def _signatures(provider: Provider) -> list[bytes]:
    return [_forged(provider) for _ in range(_MANY)]


def _tenants(provider: Provider) -> list[bytes]:
    return [_forged(provider, name=f"{provider.issuer}/tenants/{one}") for one in range(_MANY)]


def _junk(_provider: Provider) -> list[bytes]:
    # As much as servers let through: one long token, or a hundred short fields.
    fields = [f"X-{one}: {'x' * 50}" for one in range(90)]
    return [
        bearing("x" * 8100),
        bearing("." * 8100),
        bearing("e" * 4000 + "." + "e" * 4000 + ".e"),
        request(*(["Authorization: Bearer a.b.c"] * 90)),
        request(*fields, "Authorization: Bearer a.b.c"),
        bearing(_unsigned({"alg": "ES256", "x": "[" * 2500}, {})),
        bearing(base64.urlsafe_b64encode(b'{"alg":' + b"[" * 2500).rstrip(b"=") + b".e30.e30"),
        bearing(base64.urlsafe_b64encode(b'{"alg":' + b"9" * 4300).rstrip(b"=") + b".e30.e30"),
    ]


def _confused(provider: Provider) -> list[bytes]:
    algorithms = ["none", "None", "HS256", "HS512", "RS256", "PS256", "EdDSA", "ES384", "dir"]
    named = [_forged(provider, alg=alg) for alg in algorithms]
    return named + [
        _forged(provider, alg=alg, kid=f"{alg} {n}") for n, alg in enumerate(algorithms * 100)
    ]


def _malformed(provider: Provider) -> list[bytes]:
    whole = provider.token("1").decode().removeprefix("Bearer ")
    cut = [bearing(whole[:-one]) for one in range(1, 200)]
    changed = [bearing(whole[:one] + "~" + whole[one + 1 :]) for one in range(len(whole))]
    return [*cut, *changed, bearing("a.b.c"), bearing(".."), bearing("\xff\xfe")]


def _cookies(_provider: Provider) -> list[bytes]:
    def drawn(length: int) -> str:
        return base64.urlsafe_b64encode(_random.randbytes(length)).decode()

    names = ["token", "Token", "__Host-token", "session"]
    return [
        request("Cookie: " + "; ".join(f"{_random.choice(names)}={drawn(60)}" for _ in range(20)))
        for _ in range(_MANY)
    ]


def _expired(provider: Provider) -> list[bytes]:
    past = int(time.time()) - 3600
    return [bearing(provider.token("1", exp=past, jti=str(one))) for one in range(_MANY)]


def _secret(provider: Provider) -> list[bytes]:
    # The public key as a secret: what made alg confusion famous.
    # Written as PyJWT itself would not take it for one.
    text = base64.b64encode(json.dumps(provider.keys[0]).encode())
    claims = {"iss": provider.issuer, "aud": AUDIENCE, "exp": 2**32}
    return [
        bearing(jwt.encode(claims | {"jti": str(one)}, text, "HS256", {"kid": "1"}))
        for one in range(_MANY // 10)
    ]


ATTACKS: dict[str, Attack] = {
    # What any server owes for requests alone: the measure of the others.
    "no token at all": Attack(lambda _: [request()], (401,)),
    "forged signatures": Attack(_signatures, (401,)),
    "forged kids": Attack(_kids, (401, 503)),
    "forged kids, hanging provider": Attack(_kids, (401, 503), 3, faults.hang),
    "forged kids, failing provider": Attack(_kids, (401, 503), 0, faults.answering(b"", 500)),
    "made-up tenants": Attack(_tenants, (401, 503)),
    "made-up tenants, hanging provider": Attack(_tenants, (401, 503), 0, faults.hang),
    "huge junk headers": Attack(_junk, (400, 401)),
    "alg confusion": Attack(_confused, (401,)),
    "public key as a secret": Attack(_secret, (401,)),
    "malformed tokens": Attack(_malformed, (400, 401)),
    "expired tokens": Attack(_expired, (401,)),
    "random cookies": Attack(_cookies, (400, 401, 403)),
}
