"""The verification alone, beside other libraries, in Python and in Node."""

import itertools
import json
import shutil
import subprocess
import tempfile
import time
import warnings
from base64 import b64encode, urlsafe_b64decode
from binascii import a2b_base64
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import jwt

from jwt_guard import AuthError, Key
from jwt_guard._core.token import bearer, claims, jws
from jwt_guard._core.token.claims import Claims
from jwt_guard._core.token.identity import identify
from tests.benchmarks.apps import COLD_CACHE, COLD_TOKENS
from tests.benchmarks.measuring import Batch, repeated
from tests.benchmarks.tokens import AUDIENCE, ISSUER, Signer

_NODE = Path(__file__).with_name("node.mjs")
_PACKAGES = ("fast-jwt@6", "jose@6")


def batches(signer: Signer, size: int) -> dict[str, Batch]:
    """Return what verifies tokens of *size* bytes, signature and claims."""
    texts = [signer.token(size) for _ in range(COLD_TOKENS)]
    cold, new, hot = signer.guard(cache_size=0), signer.guard(cache_size=COLD_CACHE), signer.guard()

    def decode(text: str) -> object:
        return jwt.decode(text, signer.verifying, [signer.alg], audience=AUDIENCE, issuer=ISSUER)

    calls: dict[str, Callable[[Any], object]] = {
        "jwt_guard, cache off": lambda text: cold.authenticate([b"Bearer " + text.encode()]),
        "jwt_guard, new tokens": lambda text: new.authenticate([b"Bearer " + text.encode()]),
        "jwt_guard, hot": lambda text: hot.authenticate([b"Bearer " + text.encode()]),
        "PyJWT": decode,
    }
    for add in (_joserfc, _authlib):
        with suppress(ImportError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calls |= add(signer)
    found = {name: _over(call, texts) for name, call in calls.items()}
    return {"signature alone": _signatures(signer, texts), **found}


def _over(call: Callable[[Any], object], texts: list[str]) -> Batch:
    turn = itertools.cycle(texts)
    return repeated(lambda: call(next(turn)))


def _signatures(signer: Signer, texts: list[str]) -> Batch:
    """Verify with the very function that the guard and PyJWT call."""
    algorithm = jwt.get_algorithm_by_name(signer.alg)
    key = algorithm.prepare_key(signer.pem)
    parts = itertools.cycle(
        (signing_input, urlsafe_b64decode(signature + b"=="))
        for signing_input, _, signature in (text.encode().rpartition(b".") for text in texts)
    )

    def verify() -> None:
        signing_input, signature = next(parts)
        if not algorithm.verify(signing_input, key, signature):
            raise AssertionError

    return repeated(verify)


def parts(signer: Signer) -> dict[str, Batch]:
    """Return the steps of the cold path, each alone, and what of them is C."""
    guard = signer.guard(cache_size=0)
    values = [b"Bearer " + signer.token().encode()]
    guard.authenticate(values)
    line = guard._line
    ((issuer,),) = guard._issuers.known.values()
    compact = bearer.parse(values, 8192)
    token = jws.peek(compact, line._headers)
    payload = token.unverified_payload
    found = Claims(claims.peek(payload))
    header = token.unverified_header
    keys = cast("tuple[Key, ...]", issuer.source.find(header.alg, header.kid))
    (key,) = keys
    padded = [b64encode(part) for part in (payload, token.signature)]
    text, scan = payload.decode(), cast("Any", json.JSONDecoder(object_pairs_hook=dict)).scan_once
    return {
        "bearer.parse": repeated(lambda: bearer.parse(values, 8192)),
        "jws.peek": repeated(lambda: jws.peek(compact, line._headers)),
        "  of which base64 in C": repeated(lambda: [a2b_base64(part) for part in padded]),
        "claims.peek": repeated(lambda: claims.peek(payload)),
        "  of which JSON in C": repeated(lambda: scan(text, 0)),
        "jws.verify": repeated(lambda: jws.verify(token, keys)),
        "  of which PyJWT": repeated(lambda: key.verify(token.signing_input, token.signature)),
        "claims.check": repeated(
            lambda: claims.check(found, header.typ, issuer.rules, now=time.time())
        ),
        "identify": repeated(lambda: identify(found, issuer.rules, key.key_id, list[str]().append)),
        "all of it": repeated(lambda: guard.authenticate(values)),
    }


def _joserfc(signer: Signer) -> dict[str, Callable[[Any], object]]:
    joserfc_jwt, jwk = import_module("joserfc.jwt"), import_module("joserfc.jwk")

    kinds: dict[str, Any] = {"HS": jwk.OctKey, "RS": jwk.RSAKey, "ES": jwk.ECKey, "Ed": jwk.OKPKey}
    key = kinds[signer.alg[:2]].import_key(signer.pem)
    rules = joserfc_jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": ISSUER},
        aud={"essential": True, "value": AUDIENCE},
        exp={"essential": True},
    )

    def decode(text: str) -> object:
        token = joserfc_jwt.decode(text, key, algorithms=[signer.alg])
        rules.validate(token.claims)
        return token

    return {"joserfc": decode}


def _authlib(signer: Signer) -> dict[str, Callable[[Any], object]]:
    jose = import_module("authlib.jose")
    key = jose.JsonWebKey.import_key(
        signer.pem, {"kty": "oct"} if signer.alg.startswith("HS") else None
    )
    verifier = jose.JsonWebToken([signer.alg])
    rules = {
        "iss": {"essential": True, "value": ISSUER},
        "aud": {"essential": True, "value": AUDIENCE},
        "exp": {"essential": True},
    }

    def decode(text: str) -> object:
        claims = verifier.decode(text, key, claims_options=rules)
        claims.validate()
        return claims

    return {"Authlib": decode}


def refusals(signer: Signer) -> dict[str, Batch]:
    """Return what the guard refuses, beside what it accepts."""
    guard = signer.guard(cache_size=0)
    good = signer.token()
    head, _, signature = good.rpartition(".")
    forged = f"{head}.{'B' if signature[9] == 'A' else 'A'}{signature[1:]}"
    values = {
        "1 KB of a's": b"Bearer " + b"a" * 1024,
        "1 KB of dots": b"Bearer " + b"." * 1024,
        "1 KB of 0xff": b"Bearer " + b"\xff" * 1024,
        "1 KB of {": b"Bearer " + b"eyJ7" * 256 + b"..",
        "64 KB of a's": b"Bearer " + b"a" * 65536,
        "64 KB of dots": b"." * 65536,
        "64 KB of 0xff": b"\xff" * 65536,
        "64 KB of spaces": b"Bearer " + b" " * 65536,
        "wrong signature": b"Bearer " + forged.encode(),
        "expired": b"Bearer " + signer.token(exp=1_000_000_000).encode(),
    }

    def refuse(value: bytes) -> Callable[[], object]:
        def once() -> None:
            try:
                guard.authenticate([value])
            except AuthError:
                return
            raise AssertionError

        return once

    accepted = _over(
        lambda text: guard.authenticate([b"Bearer " + text.encode()]), [good, signer.token()]
    )
    return {"accepted": accepted} | {
        name: repeated(refuse(value)) for name, value in values.items()
    }


def node(signers: dict[str, Signer], rounds: int) -> dict[str, dict[str, float]]:
    """Return Node's medians in microseconds by algorithm and library; empty without it."""
    npm, runtime = shutil.which("npm"), shutil.which("node")
    if npm is None or runtime is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [npm, "install", "--silent", "--no-audit", "--no-fund", *_PACKAGES],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        shutil.copy(_NODE, folder)
        given = {
            alg: {
                "key": signer.pem.decode(),
                "tokens": [signer.token() for _ in range(COLD_TOKENS)],
            }
            for alg, signer in signers.items()
        }
        result = subprocess.run(
            [runtime, _NODE.name],
            cwd=folder,
            check=True,
            capture_output=True,
            text=True,
            input=json.dumps(
                {"issuer": ISSUER, "audience": AUDIENCE, "rounds": rounds, "algs": given}
            ),
        )
    found: dict[str, dict[str, float]] = json.loads(result.stdout)
    return found
