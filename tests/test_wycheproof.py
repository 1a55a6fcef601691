"""Project Wycheproof's JWS vectors and the RFC 7520 cookbook, where they lie.

JWT_GUARD_VECTORS names their folder; they are not part of this repository.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from jwt_guard import ConfigurationError, KeySet
from jwt_guard._core.token import jws
from jwt_guard.errors import InvalidToken

pytestmark = pytest.mark.vectors

# Vectors whose label is not ours, with the reason; each must really differ.
_WRONG_ALG = "the key says another alg (PS256, ES521) than the token: a key has one algorithm"
_SAME_AS_VALID = "byte-identical to the valid vector 357; the label is a slip"
_QUESTION_MARK = "a character outside base64url, labelled valid; RFC 7515 §2 has no such one"
SIGNATURE_EXCEPTIONS = {
    346: _WRONG_ALG,
    347: _WRONG_ALG,
    350: _WRONG_ALG,
    351: _WRONG_ALG,
    367: _SAME_AS_VALID,
    370: _SAME_AS_VALID,
    372: _QUESTION_MARK,
    373: _QUESTION_MARK,
}


def folder() -> Path:
    return Path(os.environ.get("JWT_GUARD_VECTORS", "JWT_GUARD_VECTORS is not set"))


def vectors(name: str) -> list[Any]:
    path = folder() / "wycheproof" / name
    # Without the folder this one case is left, and fails.
    if not path.exists():
        return [pytest.param({}, {}, id=f"no {path}")]
    groups = json.loads(path.read_text())["testGroups"]
    return [
        pytest.param(group, test, id=f"{test['tcId']} {test['comment']}")
        for group in groups
        for test in group["tests"]
    ]


def accepts(jwks: dict[str, Any], token: Any) -> bool:
    """Whether the guard's way from token to signature accepts *token*."""
    secret = all(jwk.get("kty") == "oct" for jwk in jwks.get("keys", [jwks]))
    try:
        keys = KeySet.from_jwks(jwks, allow_symmetric=secret)
        unverified = jws.peek(str(token).encode())
        found = keys.candidates(unverified.unverified_header.alg, unverified.unverified_header.kid)
        jws.verify(unverified, found)
    except (ConfigurationError, InvalidToken):
        return False
    return True


def key_of(group: dict[str, Any]) -> dict[str, Any]:
    key: dict[str, Any] = group["public"] if "public" in group else group["private"]
    return key


@pytest.mark.parametrize(("group", "test"), vectors("json_web_signature_test.json"))
def test_signature(group: dict[str, Any], test: dict[str, Any]) -> None:
    """The vector gets its stated verdict, or is an exception that says why."""
    stated = test["result"] == "valid"
    verdict = accepts(key_of(group), test["jws"])
    assert (verdict != stated) == (test["tcId"] in SIGNATURE_EXCEPTIONS)


@pytest.mark.parametrize(("group", "test"), vectors("json_web_key_test.json"))
def test_key(group: dict[str, Any], test: dict[str, Any]) -> None:
    """The vector gets its stated verdict: weak, mixed and doubled keys are refused."""
    assert accepts(key_of(group), test["jws"]) == (test["result"] == "valid")


@pytest.mark.parametrize("name", ["4_1", "4_2", "4_3", "4_4", "curve25519"])
def test_cookbook(name: str) -> None:
    """The compact examples of the cookbook verify."""
    (path,) = [
        path for path in (folder() / "cookbook").rglob("*jws*/*.json") if path.name.startswith(name)
    ] or [folder() / "cookbook/curve25519/jws.json"]
    example = json.loads(path.read_text())
    jwk = {k: v for k, v in example["input"]["key"].items() if k not in _PRIVATE}
    assert accepts({"alg": example["input"]["alg"], **jwk}, example["output"]["compact"])


def test_detached() -> None:
    """The cookbook's detached payload (RFC 7520 §4.5) is not fetched from elsewhere."""
    path = folder() / "cookbook/jws/4_5.signature_with_detached_content.json"
    example = json.loads(path.read_text())
    assert not accepts({"alg": "HS256", **example["input"]["key"]}, example["output"]["compact"])


_PRIVATE = {"d", "p", "q", "dp", "dq", "qi"}
